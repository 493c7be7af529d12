//! What a producer sends: a key and a value of any JSON, as bytes.

use std::{borrow::Cow, fmt};

use serde_json::{Map, Value};

use super::{Compatibility, Serialization, expression, lenient_json};
use crate::{
    avro::AvroSchema,
    settings::{Field, FieldKind, Node, Problems, TableReader},
};

const NAME: &str = "message";
const KEY: &str = "key";
const VALUE: &str = "value";
const HEADERS: &str = "headers";

const KEY_FIELD: Field =
    Field::optional(KEY, "Key", FieldKind::Json, "a text as it is, or anything else as JSON");
const VALUE_FIELD: Field =
    Field::required(VALUE, "Value", FieldKind::Json, "a text as it is, or anything else as JSON");

pub(super) const FIELD: Field = Field::optional(
    NAME,
    "Message",
    FieldKind::Record(&[KEY_FIELD, VALUE_FIELD]),
    "what is sent; each input of a flow brings its own",
);

/// An input of the action, which is the part of a job's variables that changes from job to job.
const INPUT_FIELDS: &[Field] = &[
    Field::required(NAME, "Message", FieldKind::Record(&[KEY_FIELD, VALUE_FIELD]), "what is sent"),
    Field::optional(HEADERS, "Headers", FieldKind::Texts, "headers of this record, or FEEL"),
];

/// A key and a value.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// `message.key`; `None` when it is missing or null.
    pub key: Option<Value>,
    /// `message.value`, which is never null.
    pub value: Value,
}

impl Message {
    /// Reads the field `message`.
    pub(super) fn read_field(
        reader: &mut TableReader<'_, '_>,
        compatibility: Compatibility,
    ) -> Option<Self> {
        let message = reader.record(NAME, |reader| {
            let (key, value) = (reader.json(KEY), reader.json(VALUE));
            Some(Self { key, value: value? })
        })?;
        if message.key.is_none() && compatibility.needs_key() {
            reader.problem(NAME, "has no key: expected one, a text or any other value");
            return None;
        }
        Some(message)
    }

    /// The key's bytes.
    pub(super) fn key_bytes(&self, compatibility: Compatibility) -> Option<Vec<u8>> {
        match &self.key {
            // The running connector serializes the null as JSON.
            None if compatibility == Compatibility::Current => Some(b"null".to_vec()),
            None => None,
            Some(key) => Some(text_or_json(key)),
        }
    }

    /// The value's bytes; with a registry they are the [encoder](super::encoder)'s business.
    pub(super) fn value_bytes(&self, schema: Option<&AvroSchema>) -> Result<Vec<u8>, String> {
        let Some(schema) = schema else { return Ok(text_or_json(&self.value)) };
        schema
            .encode(&self.parsed_value(), Serialization::avro_options())
            .map_err(|error| format!("the value does not fit the Avro schema: {error}"))
    }

    /// The value, a text as what JSON makes of it.
    pub(super) fn parsed_value(&self) -> Cow<'_, Value> {
        let parsed = match &self.value {
            Value::String(text) => lenient_json::parse_whole(text),
            _ => None,
        };
        parsed.map_or(Cow::Borrowed(&self.value), Cow::Owned)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("has_key", &self.key.is_some()).finish_non_exhaustive()
    }
}

fn text_or_json(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

/// An input of the action: `{"message":{"key":"employee1","value":{"age":29}},"headers":{"trace":"7"}}`.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct OutboundInput {
    /// `message`.
    pub message: Message,
    /// `headers`, beside those of the configuration and instead of those of the same names.
    pub headers: Vec<(String, String)>,
}

impl OutboundInput {
    /// Reads an input.
    ///
    /// ```
    /// use milena_connect::camunda::{Compatibility, OutboundInput};
    ///
    /// let input = serde_json::json!({ "message": { "key": "employee1", "value": null } });
    /// assert_eq!(
    ///     OutboundInput::from_json(&input, Compatibility::Document).unwrap_err().to_string(),
    ///     "message.value is null: expected a value, a text as it is, or anything else as JSON"
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// Every field that is missing, unknown or ill-typed.
    pub fn from_json(input: &Value, compatibility: Compatibility) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        if !input.is_object() {
            let message = r#"the input is no object: expected {"message":{"key":...,"value":...}}"#;
            problems.push(None, message);
            return Err(problems);
        }
        let read = Self::read(&Node::from_json(input), compatibility, &mut problems);
        problems.or(read)
    }

    fn read(node: &Node, compatibility: Compatibility, problems: &mut Problems) -> Option<Self> {
        let node = expression::with_tables(node, "", &[HEADERS], problems);
        let mut reader = TableReader::new(&node, "", INPUT_FIELDS, problems)?.coercing();
        let message = Message::read_field(&mut reader, compatibility);
        let headers = reader.text_table(HEADERS);
        if compatibility == Compatibility::Legacy82 {
            reader.refuse(HEADERS, "the older producer has none");
        }
        reader.finish();
        Some(Self { message: message?, headers: headers.unwrap_or_default() })
    }

    /// The input that a configuration's own message makes.
    pub(super) fn of(message: Message) -> Self {
        Self { message, headers: Vec::new() }
    }

    /// The input that consists of a job's variables.
    pub(super) fn to_json(&self) -> Value {
        let mut message = Map::new();
        if let Some(key) = &self.message.key {
            message.insert(KEY.to_owned(), key.clone());
        }
        message.insert(VALUE.to_owned(), self.message.value.clone());
        let mut input = Map::new();
        input.insert(NAME.to_owned(), Value::Object(message));
        if !self.headers.is_empty() {
            let pair = |(name, text): &(String, String)| (name.clone(), Value::from(text.as_str()));
            input
                .insert(HEADERS.to_owned(), Value::Object(self.headers.iter().map(pair).collect()));
        }
        Value::Object(input)
    }

    /// The headers of the record: the configuration's in their order, then those that are new.
    pub(super) fn headers_with<'a>(
        &'a self,
        configured: &'a [(String, String)],
    ) -> Vec<(&'a str, &'a str)> {
        let mut headers: Vec<(&str, &str)> = Vec::new();
        for (name, text) in configured.iter().chain(&self.headers) {
            match headers.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1 = text,
                None => headers.push((name, text)),
            }
        }
        headers
    }
}

impl fmt::Debug for OutboundInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundInput").field("message", &self.message).finish_non_exhaustive()
    }
}
