//! What the Produce action takes: a body with messages.

use std::fmt;

use serde_json::{Map, Number, Value};

use crate::settings::nearest;

/// One message of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Records with the same key go to the same partition; `None`: they go round the partitions.
    pub key: Option<String>,
    /// The content; `None`: a tombstone.
    pub value: Option<String>,
}

/// The body that the Produce action takes: `{"messages":[{"key":"Car status","value":"arrived"}]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProduceInput {
    /// `messages`.
    pub messages: Vec<Message>,
}

/// Why a body cannot be sent. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    topic: String,
    problems: Vec<String>,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// So many problems are told; a body can have any number.
        const TOLD_MAX: usize = 5;
        write!(f, "topic {:?}: ", self.topic)?;
        for (index, problem) in self.problems.iter().take(TOLD_MAX).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        match self.problems.len().saturating_sub(TOLD_MAX) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for InputError {}

impl ProduceInput {
    /// Reads a body that is meant for `topic`.
    ///
    /// As with the component's Kafka library, a message needs a value, which may be null; numbers and
    /// truth values become texts; fields that are not known are left alone.
    ///
    /// ```
    /// use milena_connect::elasticio::ProduceInput;
    ///
    /// let body = serde_json::json!({ "messages": [{ "key": "Car status" }] });
    /// assert_eq!(
    ///     ProduceInput::from_json(body, "cars").unwrap_err().to_string(),
    ///     "topic \"cars\": message 1 has no value: expected a text, or null to delete the key"
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// [`InputError`] names the topic and every message that cannot be sent, counted from 1.
    pub fn from_json(body: Value, topic: &str) -> Result<Self, InputError> {
        let mut problems = Vec::new();
        let messages = match take_messages(body) {
            Ok(messages) => messages
                .into_iter()
                .enumerate()
                .filter_map(|(index, message)| read_message(message, index + 1, &mut problems))
                .collect(),
            Err(problem) => {
                problems.push(problem);
                Vec::new()
            }
        };
        if problems.is_empty() {
            Ok(Self { messages })
        } else {
            Err(InputError { topic: topic.to_owned(), problems })
        }
    }
}

fn take_messages(body: Value) -> Result<Vec<Value>, String> {
    const EXPECTED: &str = r#"expected {"messages":[{"key":"...","value":"..."}]}"#;
    let Value::Object(mut body) = body else {
        return Err(format!("the body is {}: {EXPECTED}", kind(&body)));
    };
    match body.remove("messages") {
        Some(Value::Array(messages)) => Ok(messages),
        Some(other) => Err(format!("messages is {}, not an array: {EXPECTED}", kind(&other))),
        None => {
            let near = body.keys().find(|name| nearest(name, ["messages"]).is_some());
            let hint = near.map_or_else(String::new, |name| format!(" (there is {name:?})"));
            Err(format!("messages is missing{hint}: {EXPECTED}"))
        }
    }
}

fn read_message(message: Value, number: usize, problems: &mut Vec<String>) -> Option<Message> {
    let Value::Object(mut fields) = message else {
        let found = kind(&message);
        problems.push(format!(
            r#"message {number} is {found}: expected {{"key":"...","value":"..."}}"#
        ));
        return None;
    };
    let key = read_text(&mut fields, "key", number, problems);
    let value = read_text(&mut fields, "value", number, problems);
    if value.is_none() {
        problems.push(format!(
            "message {number} has no value: expected a text, or null to delete the key"
        ));
    }
    // A missing key and a null one are the same; a missing value and a null one are not.
    Some(Message { key: key.flatten(), value: value? })
}

/// The text of a field: `None` when it is not there, `Some(None)` when it is null.
fn read_text(
    fields: &mut Map<String, Value>,
    name: &str,
    number: usize,
    problems: &mut Vec<String>,
) -> Option<Option<String>> {
    Some(match fields.remove(name)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number_text(&number)),
        other @ (Value::Array(_) | Value::Object(_)) => {
            let found = kind(&other);
            problems.push(format!(
                "{name} of message {number} is {found}: expected a text, in which JSON can stand too"
            ));
            None
        }
    })
}

/// A number as JavaScript's `String()` writes it, but for whole numbers beyond 2^53: their digits are
/// kept, where JavaScript would round them.
fn number_text(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let size = float.abs();
    if float == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&size) {
        return float.to_string();
    }
    let text = format!("{float:e}");
    if size < 1.0 { text } else { text.replacen('e', "e+", 1) }
}

/// What is there, for an error.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<Vec<(Option<String>, Option<String>)>, String> {
        let input = ProduceInput::from_json(body, "cars").map_err(|error| error.to_string())?;
        Ok(input.messages.into_iter().map(|message| (message.key, message.value)).collect())
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn reads_the_documents_own_example() {
        let body = json!({ "messages": [{ "key": "Car status", "value": "arrived" }] });
        assert_eq!(read(body).unwrap(), [(text("Car status"), text("arrived"))]);
    }

    #[test]
    fn a_message_without_key_has_none_and_an_empty_key_is_one() {
        let body = json!({ "messages": [
            { "value": "a" }, { "key": null, "value": "b" }, { "key": "", "value": "" },
        ] });
        let expected = [(None, text("a")), (None, text("b")), (text(""), text(""))];
        assert_eq!(read(body).unwrap(), expected);
    }

    #[test]
    fn a_null_value_is_a_tombstone() {
        let body = json!({ "messages": [{ "key": "Car status", "value": null }] });
        assert_eq!(read(body).unwrap(), [(text("Car status"), None)]);
    }

    #[test]
    fn numbers_and_truth_values_become_texts_as_in_javascript() {
        for (value, expected) in [
            (json!(7), "7"),
            (json!(-1.5), "-1.5"),
            (json!(2.0), "2"),
            (json!(-0.0), "0"),
            (json!(1e21), "1e+21"),
            (json!(1.5e300), "1.5e+300"),
            (json!(0.000_001), "0.000001"),
            (json!(0.000_000_1), "1e-7"),
            (json!(1e20), "100000000000000000000"),
            (json!(9_007_199_254_740_993_i64), "9007199254740993"),
            (json!(true), "true"),
        ] {
            let body = json!({ "messages": [{ "key": value, "value": value }] });
            assert_eq!(read(body).unwrap(), [(text(expected), text(expected))], "{expected}");
        }
    }

    #[test]
    fn no_messages_are_nothing_to_send() {
        assert_eq!(read(json!({ "messages": [] })).unwrap(), []);
    }

    #[test]
    fn refuses_what_cannot_be_sent() {
        const BODY: &str = r#"expected {"messages":[{"key":"...","value":"..."}]}"#;
        const VALUE: &str = "has no value: expected a text, or null to delete the key";
        for (body, expected) in [
            (json!({}), format!("messages is missing: {BODY}")),
            (
                json!({ "mesages": [] }),
                format!("messages is missing (there is \"mesages\"): {BODY}"),
            ),
            (json!({ "messages": null }), format!("messages is null, not an array: {BODY}")),
            (json!({ "messages": "x" }), format!("messages is a text, not an array: {BODY}")),
            (json!({ "messages": {} }), format!("messages is an object, not an array: {BODY}")),
            (json!([]), format!("the body is an array: {BODY}")),
            (json!(7), format!("the body is a number: {BODY}")),
            (
                json!({ "messages": [{ "value": "x" }, { "key": "k" }, {}] }),
                format!("message 2 {VALUE}; message 3 {VALUE}"),
            ),
            (
                json!({ "messages": ["x"] }),
                r#"message 1 is a text: expected {"key":"...","value":"..."}"#.to_owned(),
            ),
            (
                json!({ "messages": [{ "key": [], "value": {} }] }),
                "key of message 1 is an array: expected a text, in which JSON can stand too; \
                 value of message 1 is an object: expected a text, in which JSON can stand too"
                    .to_owned(),
            ),
        ] {
            assert_eq!(read(body).unwrap_err(), format!("topic \"cars\": {expected}"));
        }
    }

    #[test]
    fn tells_five_problems_and_counts_the_rest() {
        let body = json!({ "messages": vec![json!({}); 1000] });
        let error = read(body).unwrap_err();
        assert!(error.ends_with("; and 995 more"), "{error}");
    }
}
