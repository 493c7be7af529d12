//! A connector's fields as text for a terminal.

use std::fmt::Write as _;

use super::{Part, rows};
use crate::connector::Connector;

impl Connector {
    /// The connector and its fields, in columns.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}: {}\n{}\n", self.name, self.title, self.doc);
        for part in self.parts() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{}", part.text());
        }
        text
    }
}

impl Part {
    fn text(&self) -> String {
        let rows: Vec<[String; 4]> = rows(self.fields)
            .into_iter()
            .map(|row| {
                let field = row.field;
                let mut notes = Vec::new();
                if field.required {
                    notes.push("required".to_owned());
                }
                if let Some(default) = field.default {
                    notes.push(format!("default {default}"));
                }
                if field.secret {
                    notes.push("secret".to_owned());
                }
                let doc = match field.example {
                    Some(example) => format!("{}; such as {example}", field.doc),
                    None => field.doc.to_owned(),
                };
                [row.path, field.kind.expected(), notes.join(", "), doc]
            })
            .collect();
        let width = |column: usize| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths = [width(0), width(1), width(2)];
        let mut text = format!("{}: {}\n\n", self.name, self.doc);
        for [path, kind, notes, doc] in &rows {
            let [a, b, c] = widths;
            let _ = writeln!(text, "  {path:a$}  {kind:b$}  {notes:c$}  {doc}");
        }
        let _ = writeln!(text);
        for line in self.example.lines() {
            let _ = writeln!(text, "  {line}");
        }
        text
    }
}
