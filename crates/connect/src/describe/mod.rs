//! What connectors there are, and their fields: as data, as text, as Markdown and as JSON.
//!
//! The fields are the same ones that configurations are read by, so that what is printed is what is
//! accepted. `milena connectors` prints it, and `docs/connectors.md` has its tables.

mod json;
mod markdown;
mod text;

pub use markdown::fill;

use crate::settings::{Field, FieldKind};

/// One table of a connector's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The name in flow files, such as `produce`.
    pub name: &'static str,
    /// What the table is of, and where it stands in a flow file.
    pub doc: &'static str,
    /// The fields.
    pub fields: &'static [Field],
    /// The table as it could be, in JSON.
    pub example: &'static str,
}

impl Part {
    /// The description of a table.
    #[must_use]
    pub const fn new(
        name: &'static str,
        doc: &'static str,
        fields: &'static [Field],
        example: &'static str,
    ) -> Self {
        Self { name, doc, fields, example }
    }
}

/// One row of a table: a field, those of the tables inside it behind it.
struct Row {
    /// The name with the names of the tables around it, `[]` behind a list's.
    path: String,
    field: &'static Field,
}

/// The fields and those of the tables inside them, in order.
fn rows(fields: &'static [Field]) -> Vec<Row> {
    let mut rows = Vec::new();
    add_rows("", fields, &mut rows);
    rows
}

fn add_rows(prefix: &str, fields: &'static [Field], rows: &mut Vec<Row>) {
    for field in fields {
        let path = format!("{prefix}{}", field.name);
        let inner = match field.kind {
            FieldKind::Records(_) => format!("{path}[]."),
            _ => format!("{path}."),
        };
        rows.push(Row { path, field });
        add_rows(&inner, field.kind.fields(), rows);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::connector::{CONNECTORS, Connector};

    const INNER: &[Field] =
        &[Field::required("b", "B", FieldKind::Integer(0, i64::MAX), "a number | or so")];
    const SAMPLE: Connector = Connector {
        name: "sample",
        title: "The sample",
        doc: "Does nothing.",
        shared: &[Part::new(
            "produce",
            "`config` of the action",
            &[
                Field::optional("a", "A", FieldKind::Choice(&["x", "y"]), "a choice").default("x"),
                Field::required("t", "T", FieldKind::Record(INNER), "a table"),
                Field::optional("p", "P", FieldKind::Text, "a password")
                    .secret()
                    .example("\"open sesame\""),
            ],
            r#"{"t":{"b":1}}"#,
        )],
        actions: &[],
        triggers: &[],
    };

    #[test]
    fn prints_text() {
        assert_eq!(
            SAMPLE.text(),
            "sample: The sample\n\
             Does nothing.\n\
             \n\
             produce: `config` of the action\n\
             \n\
             \x20 a    one of x, y            default x  a choice\n\
             \x20 t    a table                required   a table\n\
             \x20 t.b  a whole number from 0  required   a number | or so\n\
             \x20 p    a text                 secret     a password; such as \"open sesame\"\n\
             \n\
             \x20 {\"t\":{\"b\":1}}\n"
        );
    }

    #[test]
    fn prints_markdown() {
        assert_eq!(
            SAMPLE.shared[0].markdown(),
            "| field | label | type | default | |\n\
             | --- | --- | --- | --- | --- |\n\
             | `a` | A | one of x, y | `x` | a choice |\n\
             | `t` | T | a table | required | a table |\n\
             | `t.b` | B | a whole number from 0 | required | a number \\| or so |\n\
             | `p` | P | a text, never shown | | a password; such as `\"open sesame\"` |\n"
        );
    }

    #[test]
    fn prints_json() {
        let json = SAMPLE.json();
        let fields = &json["parts"][0]["fields"];
        assert_eq!(fields[0]["choices"], serde_json::json!(["x", "y"]));
        assert_eq!(fields[1]["fields"][0]["minimum"], 0);
        assert_eq!(fields[1]["fields"][0].get("maximum"), None);
        assert_eq!(fields[2]["secret"], true);
        assert_eq!(json["parts"][0]["example"]["t"]["b"], 1);
    }

    #[test]
    fn every_connector_has_examples_and_defaults_that_are_what_they_say() {
        for connector in CONNECTORS {
            for part in connector.parts() {
                let example: Value = serde_json::from_str(part.example).unwrap();
                let table = example.as_object().unwrap();
                for name in table.keys() {
                    assert!(part.fields.iter().any(|field| field.name == name), "{name}");
                }
                for Row { path, field } in rows(part.fields) {
                    if let (FieldKind::Choice(choices), Some(default)) = (field.kind, field.default)
                    {
                        assert!(choices.contains(&default), "{path}");
                    }
                    if let Some(example) = field.example {
                        assert!(serde_json::from_str::<Value>(example).is_ok(), "{path}");
                    }
                }
            }
        }
    }
}
