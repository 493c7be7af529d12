//! A connector's fields as tables of a document.

use std::fmt::Write as _;

use super::{Part, rows};
use crate::{connector::find, flow};

const BEGIN: &str = "<!-- fields: ";
const END: &str = "<!-- end of fields -->";

/// The document with the tables of fields between its marks as the code has them.
///
/// `<!-- fields: elasticio produce -->` and `<!-- end of fields -->`, each a line of its own, stand around
/// the table of a connector's part; those of `flow` are the tables of a flow file.
///
/// # Errors
///
/// The line of a mark that has no end, or names no part of a connector.
pub fn fill(document: &str) -> Result<String, String> {
    let mut filled = String::with_capacity(document.len());
    let mut open: Option<usize> = None;
    for (index, line) in document.lines().enumerate() {
        let number = index + 1;
        if let Some(name) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(" -->")) {
            let part = name.split_once(' ').and_then(|(connector, part)| match connector {
                "flow" => flow::PARTS.iter().find(|candidate| candidate.name == part),
                _ => find(connector)?.parts().find(|candidate| candidate.name == part),
            });
            let part = part.ok_or_else(|| format!("line {number}: there is no {name:?}"))?;
            // Writing to a String cannot fail.
            let _ = write!(filled, "{line}\n\n{}\n", part.markdown());
            open = Some(number);
        } else if line == END {
            open = None;
        }
        if open.is_none() {
            let _ = writeln!(filled, "{line}");
        }
    }
    match open {
        Some(number) => Err(format!("line {number}: the fields have no end")),
        None => Ok(filled),
    }
}

impl Part {
    /// The fields as a table in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text =
            "| field | label | type | default | |\n| --- | --- | --- | --- | --- |\n".to_owned();
        for row in rows(self.fields) {
            let field = row.field;
            let secret = if field.secret { ", never shown" } else { "" };
            let default = match field.default {
                Some(default) => format!("`{default}` "),
                None if field.required => "required ".to_owned(),
                None => String::new(),
            };
            let example = field.example.map(|json| format!("; such as `{json}`"));
            let cells = [
                format!("`{}`", row.path),
                field.label.to_owned(),
                format!("{}{secret}", field.kind.expected()),
            ]
            .map(|cell| escaped(&cell))
            .join(" | ");
            let doc = escaped(&format!("{}{}", field.doc, example.unwrap_or_default()));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {cells} | {}| {doc} |", escaped(&default));
        }
        text
    }
}

/// A bar would end the cell.
fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_have_the_fields_that_the_code_has() {
        for (name, committed) in [
            ("connectors.md", include_str!("../../../../docs/connectors.md")),
            ("flows.md", include_str!("../../../../docs/flows.md")),
        ] {
            let generated = fill(committed).unwrap();
            let difference = committed.lines().zip(generated.lines()).find(|(old, new)| old != new);
            assert_eq!(difference, None, "docs/{name} is not what the code says: cargo xtask gen");
            assert_eq!(committed.len(), generated.len(), "docs/{name} is not what the code says");
        }
    }

    #[test]
    fn marks_without_an_end_or_a_part_are_named() {
        for (document, expected) in [
            ("a\n<!-- fields: elasticio produce -->\n", "line 2: the fields have no end"),
            ("<!-- fields: elasticio sell -->\n", "line 1: there is no \"elasticio sell\""),
            ("<!-- fields: acme -->\n", "line 1: there is no \"acme\""),
        ] {
            assert_eq!(fill(document).unwrap_err(), expected);
        }
        let stale = format!("{BEGIN}elasticio consume -->\nold\n{END}\nb\n");
        let filled = fill(&stale).unwrap();
        assert!(filled.contains("| `groupId` |") && !filled.contains("old"), "{filled}");
        assert_eq!(fill(&filled).unwrap(), filled);
    }
}
