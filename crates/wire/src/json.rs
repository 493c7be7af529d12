//! Messages as Kafka's own JSON: the names and forms of its `*JsonConverter` classes.
//!
//! Bytes are base64, ids Kafka's text, tagged fields with their default are left out.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{
    codec::{Decoder, Encoder, Message, MessageKind, Writer},
    error::{DecodeError, EncodeError},
    for_each_message,
    primitives::{TaggedFields, Uuid},
};

/// The message as JSON.
///
/// # Errors
///
/// [`EncodeError`] where this version cannot carry the message.
pub fn to_json<M: Message>(message: &M, version: i16) -> Result<Value, EncodeError> {
    let mut writer = JsonWriter::default();
    message.write_json(&mut writer, version).map_err(|error| error.within(M::NAME, version))?;
    Ok(writer.finish())
}

/// A message that was read by its name, and what it is written as.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcoded {
    /// The message as JSON.
    pub body: Value,
    /// The message encoded again.
    pub bytes: Bytes,
}

/// Why a message could not be read and written by its name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TranscodeError {
    /// No message has that kind and name.
    UnknownMessage,
    /// The bytes are not that message.
    Decode(DecodeError),
    /// What was read cannot be written.
    Encode(EncodeError),
}

impl std::fmt::Display for TranscodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownMessage => f.write_str("no message has that type and name"),
            Self::Decode(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TranscodeError {}

/// Reads a message by its kind and name, and writes it as JSON and as bytes.
///
/// # Errors
///
/// [`TranscodeError`] where there is no such message, or the bytes are not one.
pub fn transcode(
    kind: MessageKind,
    name: &str,
    version: i16,
    bytes: Bytes,
) -> Result<Transcoded, TranscodeError> {
    macro_rules! by_name {
        ($($message:ident,)*) => {
            $(if kind == crate::messages::$message::KIND && name == crate::messages::$message::NAME {
                return transcode_as::<crate::messages::$message>(version, bytes);
            })*
        };
    }
    for_each_message!(by_name);
    Err(TranscodeError::UnknownMessage)
}

fn transcode_as<M: Message>(version: i16, bytes: Bytes) -> Result<Transcoded, TranscodeError> {
    let message: M = Decoder::new(bytes).message(version).map_err(TranscodeError::Decode)?;
    let mut encoder = Encoder::new();
    message.encode(&mut encoder, version).map_err(TranscodeError::Encode)?;
    let body = to_json(&message, version).map_err(TranscodeError::Encode)?;
    Ok(Transcoded { body, bytes: encoder.into_bytes() })
}

/// Takes a message's fields and makes JSON of them.
#[derive(Debug, Default)]
pub struct JsonWriter {
    object: Map<String, Value>,
    /// The items of the innermost array, while one of primitives is written.
    items: Option<Vec<Value>>,
}

impl JsonWriter {
    fn put(&mut self, field: &'static str, value: Value) -> Result<(), EncodeError> {
        match &mut self.items {
            Some(items) => items.push(value),
            None => {
                let name = field.rsplit_once('.').map_or(field, |(_, name)| name);
                self.object.insert(name.to_owned(), value);
            }
        }
        Ok(())
    }

    fn finish(self) -> Value {
        Value::Object(self.object)
    }
}

macro_rules! number {
    ($($name:ident: $type:ty;)*) => {
        $(fn $name(&mut self, field: &'static str, value: $type) -> Result<(), EncodeError> {
            self.put(field, value.into())
        })*
    };
}

impl Writer for JsonWriter {
    number! { bool: bool; i8: i8; i16: i16; u16: u16; i32: i32; u32: u32; i64: i64; f64: f64; }

    fn uuid(&mut self, field: &'static str, value: Uuid) -> Result<(), EncodeError> {
        self.put(field, value.to_string().into())
    }

    fn nullable_string(
        &mut self,
        field: &'static str,
        _: bool,
        _: bool,
        value: Option<&str>,
    ) -> Result<(), EncodeError> {
        self.put(field, value.into())
    }

    fn nullable_bytes(
        &mut self,
        field: &'static str,
        _: bool,
        _: bool,
        value: Option<&Bytes>,
    ) -> Result<(), EncodeError> {
        self.put(field, value.map(|value| STANDARD.encode(value)).into())
    }

    fn nullable_array<T>(
        &mut self,
        field: &'static str,
        _: bool,
        _: bool,
        items: Option<&[T]>,
        mut write: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let Some(items) = items else { return self.put(field, Value::Null) };
        let mut inner = Self { items: Some(Vec::new()), ..Self::default() };
        items.iter().try_for_each(|item| write(&mut inner, item))?;
        self.put(field, inner.items.unwrap_or_default().into())
    }

    fn structure(
        &mut self,
        field: &'static str,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mut inner = Self::default();
        write(&mut inner)?;
        self.put(field, inner.finish())
    }

    fn nullable_struct<T>(
        &mut self,
        field: &'static str,
        _: bool,
        value: Option<&T>,
        write: impl FnOnce(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.structure(field, |writer| write(writer, value)),
            None => self.put(field, Value::Null),
        }
    }

    fn tagged_fields(&mut self, _: usize, _: &TaggedFields) -> Result<(), EncodeError> {
        Ok(())
    }

    fn tagged_field(
        &mut self,
        _: u32,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        write(self)
    }

    fn unknown_tagged_fields(&mut self, _: &TaggedFields) -> Result<(), EncodeError> {
        Ok(())
    }
}
