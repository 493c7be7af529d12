//! Rule-engine messages: what the node takes and gives.

use std::fmt;

use serde_json::{Map, Value};

const DATA: &str = "data";
const METADATA: &str = "metadata";
const RELATION: &str = "relation";
const TYPE: &str = "type";

const EXPECTED: &str = r#"expected {"type":"...","metadata":{"name":"text"},"data":"text"}"#;

/// The way on which a message leaves the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Relation {
    /// The record was written.
    Success,
    /// It was not, or nobody knows.
    Failure,
}

impl Relation {
    /// The name of the relation in a rule chain.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Failure => "Failure",
        }
    }
}

/// A rule-engine message: `{id?, type, originator?, metadata, data, dataType?}`.
///
/// Every field stays as it came, those that are not known here too; the node adds to `metadata` and sets
/// `relation`. `data` is a text, or an object or a list, which stands for its compact JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    fields: Map<String, Value>,
    data: String,
}

/// Why an input is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageError(Vec<String>);

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {EXPECTED}", self.0.join("; "))
    }
}

impl std::error::Error for MessageError {}

impl Message {
    /// Reads a message.
    ///
    /// Values of the metadata are texts; numbers and truth values become texts.
    ///
    /// ```
    /// use milena_connect::thingsboard::Message;
    /// # use serde_json::json;
    ///
    /// let message = json!({ "type": "ALARM", "metadata": {}, "data": { "temperature": 22.5 } });
    /// assert_eq!(Message::from_json(message)?.data(), r#"{"temperature":22.5}"#);
    ///
    /// let error = Message::from_json(json!({ "type": "ALARM", "metadata": 7 })).unwrap_err();
    /// assert!(error.to_string().starts_with("metadata is the number 7; data is missing: expected "));
    /// # Ok::<(), milena_connect::thingsboard::MessageError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Every field that is missing or ill-typed.
    pub fn from_json(value: Value) -> Result<Self, MessageError> {
        let Value::Object(mut fields) = value else {
            return Err(MessageError(vec![format!("the message is {}", describe(&value))]));
        };
        let mut problems = Vec::new();
        for name in ["id", TYPE, "dataType"] {
            match fields.get(name) {
                None | Some(Value::Null) if name == TYPE => {
                    problems.push("type is missing".to_owned());
                }
                None | Some(Value::Null | Value::String(_)) => {}
                Some(other) => problems.push(format!("{name} is {}", describe(other))),
            }
        }
        match fields.get_mut(METADATA) {
            Some(Value::Object(metadata)) => read_metadata(metadata, &mut problems),
            None | Some(Value::Null) => problems.push("metadata is missing".to_owned()),
            Some(other) => problems.push(format!("metadata is {}", describe(other))),
        }
        let data = match fields.get(DATA) {
            Some(Value::String(text)) => text.clone(),
            Some(json @ (Value::Object(_) | Value::Array(_))) => json.to_string(),
            None | Some(Value::Null) => {
                problems.push("data is missing".to_owned());
                String::new()
            }
            Some(other) => {
                problems.push(format!("data is {}", describe(other)));
                String::new()
            }
        };
        if problems.is_empty() { Ok(Self { fields, data }) } else { Err(MessageError(problems)) }
    }

    /// `type`.
    #[must_use]
    pub fn message_type(&self) -> &str {
        self.fields.get(TYPE).and_then(Value::as_str).unwrap_or_default()
    }

    /// `data` as it is sent.
    #[must_use]
    pub fn data(&self) -> &str {
        &self.data
    }

    /// `metadata`: names and texts.
    #[must_use]
    pub fn metadata(&self) -> &Map<String, Value> {
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        self.fields.get(METADATA).and_then(Value::as_object).unwrap_or(&NONE)
    }

    /// The names and texts of the metadata.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata().iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// The same message on its way out, with these added to its metadata.
    #[must_use]
    pub fn leave(
        mut self,
        relation: Relation,
        added: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Value {
        if let Some(Value::Object(metadata)) = self.fields.get_mut(METADATA) {
            for (name, value) in added {
                metadata.insert(name.to_owned(), value.into());
            }
        }
        self.fields.insert(RELATION.to_owned(), relation.name().into());
        Value::Object(self.fields)
    }
}

fn read_metadata(metadata: &mut Map<String, Value>, problems: &mut Vec<String>) {
    for (name, value) in metadata {
        match value {
            Value::String(_) => {}
            Value::Bool(_) | Value::Number(_) => *value = value.to_string().into(),
            other => problems.push(format!("metadata.{name} is {}", describe(other))),
        }
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "a text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_leaves_as_it_came_but_for_metadata_and_relation() {
        let given = json!({
            "id": "5f", "type": "POST_TELEMETRY_REQUEST",
            "originator": { "entityType": "DEVICE", "id": "7a" },
            "metadata": { "deviceType": "thermostat", "offset": "old", "ts": 17 },
            "data": "{ \"t\": 1 }", "dataType": "JSON", "customerId": null,
        });
        let message = Message::from_json(given).unwrap();
        let left = message
            .leave(Relation::Success, [("offset", "3".to_owned()), ("partition", "0".to_owned())]);
        assert_eq!(
            left.to_string(),
            json!({
                "id": "5f", "type": "POST_TELEMETRY_REQUEST",
                "originator": { "entityType": "DEVICE", "id": "7a" },
                "metadata": {
                    "deviceType": "thermostat", "offset": "3", "ts": "17", "partition": "0",
                },
                "data": "{ \"t\": 1 }", "dataType": "JSON", "customerId": null,
                "relation": "Success",
            })
            .to_string()
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let error = Message::from_json(json!({
            "id": 7, "metadata": { "a": null, "b": {} }, "data": true, "dataType": [],
        }))
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "id is the number 7; type is missing; dataType is a list; metadata.a is null; \
                 metadata.b is a table; data is true: {EXPECTED}"
            )
        );
        assert_eq!(
            Message::from_json(json!("x")).unwrap_err().to_string(),
            format!("the message is a text: {EXPECTED}")
        );
    }
}
