//! Reading records as the types that programs ask for.

use milena::OwnedRecord;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ConsumerRecord, Error, ErrorKind, Headers, PartitionOffset};

/// A type that a key or a value can be read as.
///
/// Texts, bytes and [`Json`] are there. A type of your own says what is valid:
///
/// ```
/// use milena_connect::ballerina::{FromBytes, Json};
///
/// #[derive(serde::Deserialize)]
/// struct Person { name: String }
///
/// impl FromBytes for Person {
///     fn from_bytes(bytes: Option<&[u8]>) -> Result<Self, String> {
///         Ok(Json::from_bytes(bytes)?.0)
///     }
///
///     fn validate(&self) -> Result<(), String> {
///         if self.name.len() <= 10 { Ok(()) } else { Err("name has over 10 bytes".to_owned()) }
///     }
/// }
///
/// let person = Person::from_bytes(Some(br#"{"name":"Anne"}"#))?;
/// assert!(person.validate().is_ok());
/// # Ok::<(), String>(())
/// ```
pub trait FromBytes: Sized + Send + 'static {
    /// The value of these bytes; `None` is a null, as a tombstone has.
    ///
    /// # Errors
    ///
    /// Why the bytes are not such a value.
    fn from_bytes(bytes: Option<&[u8]>) -> Result<Self, String>;

    /// Whether the value is valid; asked unless the configuration has `validation` off.
    ///
    /// # Errors
    ///
    /// Why it is not.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

/// UTF-8; what is none becomes U+FFFD, and null the empty text.
impl FromBytes for String {
    fn from_bytes(bytes: Option<&[u8]>) -> Result<Self, String> {
        Ok(Self::from_utf8_lossy(bytes.unwrap_or_default()).into_owned())
    }
}

/// The bytes themselves; null is no bytes.
impl FromBytes for Vec<u8> {
    fn from_bytes(bytes: Option<&[u8]>) -> Result<Self, String> {
        Ok(bytes.unwrap_or_default().to_vec())
    }
}

/// JSON of any kind; null is JSON's null.
impl FromBytes for Value {
    fn from_bytes(bytes: Option<&[u8]>) -> Result<Self, String> {
        Ok(Json::from_bytes(bytes)?.0)
    }
}

/// Null is `None`, so that tombstones can be told from other records.
impl<T: FromBytes> FromBytes for Option<T> {
    fn from_bytes(bytes: Option<&[u8]>) -> Result<Self, String> {
        bytes.map(|bytes| T::from_bytes(Some(bytes))).transpose()
    }

    fn validate(&self) -> Result<(), String> {
        self.as_ref().map_or(Ok(()), FromBytes::validate)
    }
}

/// JSON, read as any type that `serde` knows; null is JSON's null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a mark around the value")]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + Send + 'static> FromBytes for Json<T> {
    fn from_bytes(bytes: Option<&[u8]>) -> Result<Self, String> {
        serde_json::from_slice(bytes.unwrap_or(b"null"))
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

/// What a poll gives for each record: a [`ConsumerRecord`], or its value alone as [`Payload`].
pub trait FromRecord: Sized + Send + 'static {
    /// Reads a record.
    ///
    /// # Errors
    ///
    /// Why it is not what was asked for.
    fn from_record(record: &OwnedRecord, validates: bool) -> Result<Self, RecordFault>;
}

/// Why a record is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordFault {
    /// Its key or value cannot be read.
    Binding(String),
    /// Its key or value is not valid.
    Validation(String),
}

/// The value of a record alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a mark around the value")]
pub struct Payload<V>(pub V);

impl<V: FromBytes> FromRecord for Payload<V> {
    fn from_record(record: &OwnedRecord, validates: bool) -> Result<Self, RecordFault> {
        read(record.value.as_deref(), validates).map(Self)
    }
}

impl<V: FromBytes, K: FromBytes> FromRecord for ConsumerRecord<V, K> {
    fn from_record(record: &OwnedRecord, validates: bool) -> Result<Self, RecordFault> {
        let key = record.key.as_deref().map(|key| read(Some(key), validates)).transpose()?;
        Ok(Self {
            key,
            value: read(record.value.as_deref(), validates)?,
            timestamp: record.timestamp,
            offset: place(record),
            headers: Headers::of(record),
        })
    }
}

fn read<T: FromBytes>(bytes: Option<&[u8]>, validates: bool) -> Result<T, RecordFault> {
    let value = T::from_bytes(bytes).map_err(RecordFault::Binding)?;
    if validates {
        value.validate().map_err(RecordFault::Validation)?;
    }
    Ok(value)
}

pub(super) fn place(record: &OwnedRecord) -> PartitionOffset {
    PartitionOffset { partition: record.topic_partition.clone(), offset: record.offset }
}

impl RecordFault {
    /// The module's error; it tells what to do where nothing is skipped.
    pub(super) fn error(self, record: &OwnedRecord, is_skipped: bool) -> Error {
        let (kind, sentence, why) = match self {
            Self::Binding(why) => (ErrorKind::PayloadBinding, "Data binding failed.", why),
            Self::Validation(why) => {
                (ErrorKind::PayloadValidation, "Failed to validate payload.", why)
            }
        };
        let offset = place(record);
        tracing::debug!(
            topic = &*offset.partition.topic,
            partition = offset.partition.partition,
            offset = offset.offset,
            why,
            sentence,
        );
        let advice = if is_skipped {
            ""
        } else {
            " If needed, please seek past the record to continue consumption."
        };
        Error::payload(kind, format!("{sentence}{advice}"), offset)
    }
}
