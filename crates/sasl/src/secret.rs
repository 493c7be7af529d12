//! Bytes that must not be seen: passwords, tokens, keys and the messages that carry them.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

/// Secret bytes: masked in `Debug` and `Display`, compared in constant time, wiped on drop.
///
/// What is wiped is the buffer that the value owns. Copies made by the caller, and what the
/// allocator kept when a caller's own `String` grew before it came here, are out of its reach.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of the bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves. The name makes each use easy to find in a review.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, or `None` when they are not UTF-8.
    #[must_use]
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Gives the bytes away without a copy; wiping them is from then on the caller's duty.
    #[must_use]
    pub fn into_exposed(mut self) -> Vec<u8> {
        std::mem::take(&mut *self.0)
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is not one byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares with `other` in constant time; see [`constant_time_eq`].
    #[must_use]
    pub fn matches(&self, other: &[u8]) -> bool {
        constant_time_eq(&self.0, other)
    }

    /// Joins `parts` in one buffer of the exact size, so that growing leaves no copy behind.
    pub(crate) fn concat(parts: &[&[u8]]) -> Self {
        let length = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let mut bytes = Vec::with_capacity(length);
        for part in parts {
            bytes.extend_from_slice(part);
        }
        Self::new(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret([hidden])")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[hidden]")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes.to_vec())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(other.expose())
    }
}

impl Eq for Secret {}

impl Zeroize for Secret {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// Whether two byte strings are equal, in a time that does not tell where they differ.
///
/// Both are hashed first, so a difference in length does not end the comparison early either.
#[must_use]
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    bool::from(constant_time_choice(left, right))
}

pub(crate) fn constant_time_choice(left: &[u8], right: &[u8]) -> Choice {
    // The digests stand for passwords, so they are wiped as the passwords are.
    let left: Zeroizing<[u8; 32]> = Zeroizing::new(Sha256::digest(left).into());
    let right: Zeroizing<[u8; 32]> = Zeroizing::new(Sha256::digest(right).into());
    left.as_slice().ct_eq(right.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_display_show_nothing() {
        let secret = Secret::from("hunter2");
        assert_eq!(format!("{secret:?} {secret}"), "Secret([hidden]) [hidden]");
        assert!(!format!("{secret:#?}").contains("hunter2"));
    }

    #[test]
    fn equal_only_when_all_bytes_are() {
        assert!(constant_time_eq(b"", b""));
        assert!(constant_time_eq(b"pencil", b"pencil"));
        assert!(!constant_time_eq(b"pencil", b"pencim"));
        assert!(!constant_time_eq(b"pencil", b"pencil\0"));
        assert_eq!(Secret::from("a"), Secret::from(b"a".as_slice()));
        assert_ne!(Secret::from("a"), Secret::default());
    }

    #[test]
    fn gives_its_bytes_away_whole() {
        assert_eq!(Secret::concat(&[b"a", b"", b"bc"]).into_exposed(), b"abc");
        assert_eq!(Secret::from("é").expose_str(), Some("é"));
        assert_eq!(Secret::new(vec![0xff]).expose_str(), None);
    }

    #[test]
    fn zeroize_leaves_no_bytes() {
        let mut secret = Secret::from("hunter2");
        secret.zeroize();
        assert!(secret.is_empty());
        assert_eq!(secret.len(), 0);
    }
}
