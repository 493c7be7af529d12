//! A record as the consumer's expressions and variables see it.

use milena::consumer::ConsumerRecord;
use serde_json::{Map, Value};

use super::{Compatibility, Serialization, lenient_json};
use crate::{
    connector::with_causes,
    registry::{RegistryReader, SchemaType},
};

/// A consumed message: `{"key":"employee1","rawValue":"{\"age\":29}","value":{"age":29}}`.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the document lists these fields")]
pub struct InboundMessage {
    /// `key`: a text, by the running connector what JSON makes of it; null when there is none.
    pub key: Value,
    /// `rawValue`: the value as it came; null of a tombstone and with Avro, and of a registry's JSON as it is
    /// written in its shortest form.
    pub raw_value: Option<String>,
    /// `value`: what JSON or Avro makes of it, the text itself when it is no JSON.
    pub value: Value,
    /// `headers`, which the running connector gives: null when the record has none.
    pub headers: Option<Value>,
}

impl InboundMessage {
    /// Reads key, value and headers. Bytes that are no UTF-8 become U+FFFD, as in Java. The registry is there
    /// where the serialization has one.
    ///
    /// # Errors
    ///
    /// A value that the registry cannot be used to read.
    pub(super) fn of(
        record: &ConsumerRecord<'_>,
        serialization: &Serialization,
        registry: Option<&RegistryReader>,
        compatibility: Compatibility,
    ) -> Result<Self, String> {
        let is_system = compatibility.is_system();
        let (raw_value, value) = match serialization {
            Serialization::Json => read_value(record.value, is_system),
            Serialization::Registry(_) => read_framed(record.value, registry)?,
            Serialization::Avro(schema) => {
                let options = Serialization::avro_options();
                let decoded = record.value.map(|bytes| schema.decode(bytes, options));
                if let Some(Err(error)) = &decoded {
                    let (partition, offset) = (record.partition, record.offset);
                    let error = error.kind();
                    tracing::warn!(partition, offset, ?error, "a value does not fit the schema");
                }
                (None, decoded.and_then(Result::ok).unwrap_or(Value::Null))
            }
        };
        let headers = is_system.then(|| read_headers(record));
        Ok(Self { key: read_key(record.key, is_system), raw_value, value, headers })
    }

    /// The object of the document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut message = Map::new();
        message.insert("key".to_owned(), self.key.clone());
        message.insert("rawValue".to_owned(), Value::from(self.raw_value.clone()));
        message.insert("value".to_owned(), self.value.clone());
        if let Some(headers) = &self.headers {
            message.insert("headers".to_owned(), headers.clone());
        }
        Value::Object(message)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read_key(key: Option<&[u8]>, is_system: bool) -> Value {
    let Some(key) = key.map(text) else { return Value::Null };
    let parsed = if is_system { lenient_json::parse_first(&key) } else { None };
    parsed.unwrap_or(Value::String(key))
}

/// The raw value, and what JSON makes of it. The running connector takes the first JSON value of a text.
fn read_value(value: Option<&[u8]>, is_system: bool) -> (Option<String>, Value) {
    let Some(raw) = value.map(text) else { return (None, Value::Null) };
    if raw.trim().is_empty() && is_system {
        return (Some(raw), Value::Null);
    }
    let parsed =
        if is_system { lenient_json::parse_first(&raw) } else { lenient_json::parse_whole(&raw) };
    let value = parsed.unwrap_or_else(|| Value::String(raw.clone()));
    (Some(raw), value)
}

/// The raw value, and what the registry's schema makes of it.
fn read_framed(
    value: Option<&[u8]>,
    registry: Option<&RegistryReader>,
) -> Result<(Option<String>, Value), String> {
    let Some((bytes, registry)) = value.zip(registry) else { return Ok((None, Value::Null)) };
    let read = registry.read(bytes).map_err(|error| with_causes(&error))?;
    let is_json = read.schema_type == SchemaType::Json;
    Ok((is_json.then(|| read.value.to_string()), read.value))
}

/// The last header of each name.
fn read_headers(record: &ConsumerRecord<'_>) -> Value {
    let mut headers = Map::new();
    for header in record.headers {
        headers.insert(header.key().into_owned(), Value::from(header.value().map(text)));
    }
    if headers.is_empty() { Value::Null } else { Value::Object(headers) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_parsed_and_text_stays_text() {
        for (value, raw, document, system) in [
            (r#"{"foo": "bar"}"#, r#"{"foo": "bar"}"#, json!({"foo":"bar"}), json!({"foo":"bar"})),
            (
                "{\"a\": \"x\n\ty\"}",
                "{\"a\": \"x\n\ty\"}",
                json!({"a":"x\n\ty"}),
                json!({"a":"x\n\ty"}),
            ),
            (
                r#"{"a": "{\"valid\":true}"}"#,
                r#"{"a": "{\"valid\":true}"}"#,
                json!({ "a": "{\"valid\":true}" }),
                json!({ "a": "{\"valid\":true}" }),
            ),
            ("arrived", "arrived", json!("arrived"), json!("arrived")),
            ("{'a': 1}", "{'a': 1}", json!({ "a": 1 }), json!({ "a": 1 })),
            ("1 abc", "1 abc", json!("1 abc"), json!(1)),
            ("", "", json!(""), json!(null)),
        ] {
            let read = |is_system| read_value(Some(value.as_bytes()), is_system);
            assert_eq!(read(false), (Some(raw.to_owned()), document), "{value}");
            assert_eq!(read(true), (Some(raw.to_owned()), system), "{value}");
        }
        assert_eq!(read_value(None, false), (None, Value::Null));
    }

    #[test]
    fn a_key_is_a_text_by_the_document_and_json_by_the_system() {
        for (key, system) in [
            ("my-key", json!("my-key")),
            ("123", json!(123)),
            ("true", json!(true)),
            ("{\"k\":1}", json!({ "k": 1 })),
        ] {
            assert_eq!(read_key(Some(key.as_bytes()), false), json!(key));
            assert_eq!(read_key(Some(key.as_bytes()), true), system);
        }
        assert_eq!(read_key(None, true), Value::Null);
    }

    #[test]
    fn the_object_has_the_documents_fields_in_its_order() {
        let message = InboundMessage {
            key: json!({ "k": 1 }),
            raw_value: Some("{\"a\":2}".to_owned()),
            value: json!({ "a": 2 }),
            headers: Some(json!({ "h": "v" })),
        };
        assert_eq!(
            message.to_json().to_string(),
            r#"{"key":{"k":1},"rawValue":"{\"a\":2}","value":{"a":2},"headers":{"h":"v"}}"#
        );
        let message = InboundMessage { headers: None, ..message };
        assert_eq!(
            message.to_json().to_string(),
            r#"{"key":{"k":1},"rawValue":"{\"a\":2}","value":{"a":2}}"#
        );
    }
}
