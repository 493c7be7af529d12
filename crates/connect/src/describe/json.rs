//! A connector's fields as JSON, for programs that make forms of them.

use serde_json::{Map, Value, json};

use super::Part;
use crate::{
    connector::Connector,
    settings::{Field, FieldKind},
};

impl Connector {
    /// The connector and its fields.
    #[must_use]
    pub fn json(&self) -> Value {
        let parts: Vec<Value> = self.parts().map(Part::json).collect();
        json!({ "name": self.name, "title": self.title, "doc": self.doc, "parts": parts })
    }
}

impl Part {
    fn json(&self) -> Value {
        let example = as_json(self.example);
        let fields: Vec<Value> = self.fields.iter().map(field).collect();
        json!({ "name": self.name, "doc": self.doc, "fields": fields, "example": example })
    }
}

fn field(field: &Field) -> Value {
    let mut map = Map::new();
    map.insert("name".to_owned(), field.name.into());
    map.insert("label".to_owned(), field.label.into());
    map.insert("type".to_owned(), kind_name(field.kind).into());
    match field.kind {
        FieldKind::Choice(choices) => {
            map.insert("choices".to_owned(), choices.into());
        }
        FieldKind::Integer(least, most)
        | FieldKind::Integers(least, most)
        | FieldKind::Decimal(least, most) => {
            if least != i64::MIN {
                map.insert("minimum".to_owned(), least.into());
            }
            if most != i64::MAX {
                map.insert("maximum".to_owned(), most.into());
            }
        }
        _ => {}
    }
    let inner: Vec<Value> = field.kind.fields().iter().map(self::field).collect();
    if !inner.is_empty() {
        map.insert("fields".to_owned(), inner.into());
    }
    map.insert("required".to_owned(), field.required.into());
    if let Some(default) = field.default {
        map.insert("default".to_owned(), default.into());
    }
    map.insert("secret".to_owned(), field.secret.into());
    map.insert("doc".to_owned(), field.doc.into());
    if let Some(example) = field.example {
        map.insert("example".to_owned(), as_json(example));
    }
    Value::Object(map)
}

/// An example as a value. What is no JSON is shown as it is; a test sees to it that examples are.
fn as_json(example: &str) -> Value {
    serde_json::from_str(example).unwrap_or_else(|_| Value::from(example))
}

const fn kind_name(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text | FieldKind::AnyText => "text",
        FieldKind::Choice(_) => "choice",
        FieldKind::Boolean => "boolean",
        FieldKind::Integer(..) => "integer",
        FieldKind::Integers(..) => "integers",
        FieldKind::Decimal(..) => "decimal",
        FieldKind::TextOrList => "textOrList",
        FieldKind::Texts => "texts",
        FieldKind::Properties => "properties",
        FieldKind::Json => "json",
        FieldKind::JsonTable => "jsonTable",
        FieldKind::Table | FieldKind::Record(_) => "table",
        FieldKind::Tables | FieldKind::Records(_) => "tables",
    }
}
