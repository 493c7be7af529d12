//! One side's part of the nonce of a SCRAM exchange.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::error::{Field, SaslError};

/// One side's part of the nonce: text that never repeats. Random, from 16 to 256 characters of
/// printable ASCII without comma (RFC 5802, 5.1 and 7).
///
/// A nonce that an attacker can guess breaks the mechanism: take the bytes from the operating
/// system's source of randomness and make a new one for every exchange.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Fewest characters: 96 bits in base64.
    pub const LENGTH_MIN: usize = 16;
    /// Most characters.
    pub const LENGTH_MAX: usize = 256;

    /// Writes random bytes as base64; 24 of them are a good number.
    ///
    /// # Errors
    /// [`SaslError::NonceLength`] for fewer than 12 or more than 192 bytes.
    pub fn from_random(bytes: &[u8]) -> Result<Self, SaslError> {
        Self::from_text(&STANDARD_NO_PAD.encode(bytes))
    }

    /// Takes a text as it is.
    ///
    /// # Errors
    /// [`SaslError::NonceLength`] or [`SaslError::ForbiddenCharacter`].
    pub fn from_text(text: &str) -> Result<Self, SaslError> {
        if let Some(position) = text.bytes().position(|byte| !is_nonce_byte(byte)) {
            return Err(SaslError::ForbiddenCharacter {
                field: Field::Nonce,
                position,
                rule: "a nonce has printable ASCII characters only, and no comma",
            });
        }
        if !(Self::LENGTH_MIN..=Self::LENGTH_MAX).contains(&text.len()) {
            return Err(SaslError::NonceLength {
                length: text.len(),
                minimum: Self::LENGTH_MIN,
                maximum: Self::LENGTH_MAX,
            });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Nonce").field(&self.0).finish()
    }
}

/// `printable` of RFC 5802, 7: `%x21-2B / %x2D-7E`.
pub(super) const fn is_nonce_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b','
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_become_base64() {
        assert_eq!(Nonce::from_random(&[0xff; 24]).unwrap().as_str(), "/".repeat(32));
    }

    #[test]
    fn refuses_short_long_and_forbidden_nonces() {
        assert!(matches!(
            Nonce::from_random(&[0; 11]),
            Err(SaslError::NonceLength { length: 15, minimum: 16, maximum: 256 })
        ));
        assert!(matches!(Nonce::from_random(&[0; 193]), Err(SaslError::NonceLength { .. })));
        for text in ["0123456789,abcdef", "0123456789 abcdef", "0123456789éabcdef"] {
            assert!(matches!(
                Nonce::from_text(text),
                Err(SaslError::ForbiddenCharacter { field: Field::Nonce, position: 10, .. })
            ));
        }
    }
}
