//! Avro: JSON values to binary and back, by a schema that is given as JSON.
//!
//! `apache-avro` reads schemas. Values go their own way, because its conversion from JSON takes the text
//! of a decimal for its bytes, drops fields that a record has not, and knows no tagged unions: here each
//! of these is a problem with a path, or an option ([`AvroOptions`]). It knows no registry either: what
//! stands before a value's bytes on a topic is the business of [`registry`](crate::registry).

mod binary;
mod calendar;
mod compile;
mod decode;
mod encode;
mod error;
mod options;
mod present;
mod resolve;
mod scalar;
mod types;
mod union;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use serde_json::Value;

pub use error::{AvroError, AvroErrorKind, AvroProblem};
pub use options::{AvroOptions, BytesForm, LogicalForm, UnionForm, UnknownFields};

/// A schema, ready to read and write values. Cheap to clone.
///
/// ```
/// use milena_connect::avro::{AvroOptions, AvroSchema};
/// use serde_json::json;
///
/// let schema = AvroSchema::parse(
///     r#"{"type": "record", "name": "Employee", "fields": [
///         {"name": "name", "type": "string"},
///         {"name": "age", "type": "int"},
///         {"name": "emails", "type": {"type": "array", "items": "string"}}
///     ]}"#,
/// )?;
/// let value = json!({ "name": "John Doe", "age": 29, "emails": ["johndoe@example.com"] });
/// let bytes = schema.encode(&value, AvroOptions::default())?;
/// assert_eq!(schema.decode(&bytes, AvroOptions::default())?, value);
///
/// let error = schema.encode(&json!({ "name": 7, "aeg": 29 }), AvroOptions::default()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "4 problems: \
///      (1) $.aeg is no field of Employee: did you mean `age`?; \
///      (2) $.name is the number 7: expected a text (string); \
///      (3) $.age is missing: expected a whole number of 32 bits (int); \
///      (4) $.emails is missing: expected a list (array)"
/// );
/// # Ok::<(), milena_connect::avro::AvroError>(())
/// ```
#[derive(Clone)]
pub struct AvroSchema(Arc<Inner>);

struct Inner {
    text: String,
    types: types::Types,
}

impl AvroSchema {
    /// Reads a schema.
    ///
    /// # Errors
    ///
    /// What is no schema: no JSON, names that are defined nowhere or twice, defaults that do not fit.
    pub fn parse(text: &str) -> Result<Self, AvroError> {
        Self::parse_with(text, &[])
    }

    /// Reads a schema whose names are partly defined by other schemas, in any order.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), for any of them.
    pub fn parse_with(text: &str, references: &[&str]) -> Result<Self, AvroError> {
        let types = compile::compile(text, references)?;
        Ok(Self(Arc::new(Inner { text: text.to_owned(), types })))
    }

    /// The schema as it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The full name of a schema that has one: of a record, an enum or a fixed type.
    #[must_use]
    pub fn full_name(&self) -> Option<&str> {
        let types = &self.0.types;
        types.get(types.root()).type_name().map(|name| name.full.as_str())
    }

    /// The bytes of a value.
    ///
    /// # Errors
    ///
    /// Everything that does not fit the schema, each with its path.
    pub fn encode(&self, value: &Value, options: AvroOptions) -> Result<Vec<u8>, AvroError> {
        let mut out = Vec::new();
        self.encode_to(value, options, &mut out)?;
        Ok(out)
    }

    /// Appends the bytes of a value; on an error nothing is appended.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    pub fn encode_to(
        &self,
        value: &Value,
        options: AvroOptions,
        out: &mut Vec<u8>,
    ) -> Result<(), AvroError> {
        encode::encode(&self.0.types, value, options, out)
    }

    /// The value of bytes that this schema wrote.
    ///
    /// # Errors
    ///
    /// Bytes that are not the schema's, or more of them than one value has.
    pub fn decode(&self, bytes: &[u8], options: AvroOptions) -> Result<Value, AvroError> {
        self.decode_written_by(self, bytes, options)
    }

    /// The value, as this schema sees it, of bytes that another schema wrote: fields by name, numbers
    /// promoted, defaults for what was not written, as the specification resolves schemas.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and schemas that do not go together.
    pub fn decode_written_by(
        &self,
        writer: &Self,
        bytes: &[u8],
        options: AvroOptions,
    ) -> Result<Value, AvroError> {
        decode::decode(&writer.0.types, &self.0.types, bytes, options)
    }
}

impl fmt::Debug for AvroSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AvroSchema").field(&self.text()).finish()
    }
}
