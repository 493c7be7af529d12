//! Kafka's primitive types that Rust has no type of its own for.

use std::{fmt, str::FromStr};

use bytes::Bytes;

mod int32_array;

pub use self::int32_array::Int32Array;

/// A 128-bit id, written as Kafka writes it: base64 of the URL alphabet without padding.
///
/// ```
/// use milena_wire::Uuid;
///
/// let id: Uuid = "AAAAAAAAAAAAAAAAAAAAAQ".parse()?;
/// assert_eq!(id, Uuid::METADATA_TOPIC);
/// assert_eq!(id.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
/// # Ok::<(), milena_wire::primitives::UuidParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

/// The text is no base64 of 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UuidParseError;

impl fmt::Display for UuidParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a UUID as Kafka writes it: 22 characters of URL-safe base64")
    }
}

impl std::error::Error for UuidParseError {}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Uuid {
    /// No id.
    pub const ZERO: Self = Self([0; 16]);
    /// The id of `__cluster_metadata`.
    pub const METADATA_TOPIC: Self = Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// Whether this is [`Uuid::ZERO`].
    #[must_use]
    pub const fn is_zero(self) -> bool {
        u128::from_be_bytes(self.0) == 0
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        // 128 bits are 21 digits of 6 bits and a last one of 2 bits, followed by 4 zero bits.
        for digit in 0..22_u32 {
            let six = if digit < 21 { bits >> (122 - 6 * digit) } else { bits << 4 } & 0x3f;
            let index = usize::try_from(six).unwrap_or_default();
            let letter = ALPHABET.get(index).copied().unwrap_or_default();
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl FromStr for Uuid {
    type Err = UuidParseError;

    fn from_str(text: &str) -> Result<Self, UuidParseError> {
        if text.len() != 22 {
            return Err(UuidParseError);
        }
        let mut bits = 0_u128;
        for (at, letter) in text.bytes().enumerate() {
            let digit =
                ALPHABET.iter().position(|&known| known == letter).ok_or(UuidParseError)? as u128;
            bits = if at < 21 { bits << 6 | digit } else { bits << 2 | digit >> 4 };
        }
        Ok(Self(bits.to_be_bytes()))
    }
}

/// A tagged field that the reader's schema does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedField {
    /// The field's tag.
    pub tag: u32,
    /// The field's bytes.
    pub data: Bytes,
}

/// Tagged fields that the reader's schema does not know, in the order in which they came (KIP-482).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::box_collection, reason = "every struct has one: 8 bytes instead of 24")]
pub struct TaggedFields(Option<Box<Vec<TaggedField>>>);

impl TaggedFields {
    /// No field.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }

    /// The fields.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[TaggedField] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// Adds a field after the others.
    pub fn push(&mut self, field: TaggedField) {
        self.0.get_or_insert_default().push(field);
    }

    /// Fields with room for as many as the bytes that follow can hold.
    pub(crate) fn with_capacity(fields: usize) -> Self {
        Self((fields > 0).then(|| Box::new(Vec::with_capacity(fields))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_ids_as_kafka_does() {
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid([0xff; 16]).to_string(), "_____________________w");
        let id = Uuid([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
        assert_eq!(id.to_string(), "AQIDBAUGBwgJCgsMDQ4PEA");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn refuses_text_that_is_no_id() {
        for text in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAA*", "AAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(text.parse::<Uuid>(), Err(UuidParseError), "{text}");
        }
    }
}
