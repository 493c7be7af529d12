//! A release of Apache Kafka, and what follows from its number.

use std::fmt;
use std::str::FromStr;

use crate::LabError;

/// A release number such as 4.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KafkaVersion {
    major: u16,
    minor: u16,
    patch: u16,
}

impl KafkaVersion {
    /// The release `major.minor.patch`.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// Whether this is `major.minor` or newer.
    #[must_use]
    pub const fn is_at_least(self, major: u16, minor: u16) -> bool {
        self.major > major || (self.major == major && self.minor >= minor)
    }

    /// Whether this is a patch release of `major.minor`.
    #[must_use]
    pub const fn is_release_of(self, major: u16, minor: u16) -> bool {
        self.major == major && self.minor == minor
    }

    /// Whether the lab runs it without `ZooKeeper`: KRaft is fit for use since 3.3 (KIP-833).
    #[must_use]
    pub const fn is_kraft(self) -> bool {
        self.is_at_least(3, 3)
    }
}

impl fmt::Display for KafkaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for KafkaVersion {
    type Err = LabError;

    fn from_str(text: &str) -> Result<Self, LabError> {
        let parts: Vec<u16> = text.split('.').map_while(|part| part.parse().ok()).collect();
        match (parts.as_slice(), text.split('.').count()) {
            (&[major, minor, patch], 3) => Ok(Self { major, minor, patch }),
            _ => Err(LabError::Usage(format!(
                "'{text}' is no Kafka release; three numbers are expected, such as 4.3.1"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_releases_by_number() {
        let old: KafkaVersion = "3.9.2".parse().unwrap();
        assert!(old < KafkaVersion::new(3, 10, 0));
        assert!(old.is_at_least(3, 3) && !old.is_at_least(4, 0));
        assert_eq!(old.to_string(), "3.9.2");
    }

    #[test]
    fn rejects_what_is_no_release() {
        for text in ["", "4", "4.3", "4.3.x", "4.3.1.0", "latest", "../4.3.1"] {
            assert!(text.parse::<KafkaVersion>().is_err(), "{text}");
        }
    }
}
