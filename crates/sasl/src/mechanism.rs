//! The names of the mechanisms, as they stand in `sasl.mechanism` and in `SaslHandshake`.

use std::fmt;
use std::str::FromStr;

use crate::error::excerpt;

/// A SASL mechanism that Kafka knows and this crate implements.
///
/// `Display` and `FromStr` use the names of the IANA registry, upper case, as Kafka does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// `PLAIN` (RFC 4616): user and password in clear text, so only over TLS.
    Plain,
    /// `SCRAM-SHA-256` (RFC 5802, RFC 7677).
    ScramSha256,
    /// `SCRAM-SHA-512` (RFC 5802 with SHA-512).
    ScramSha512,
    /// `OAUTHBEARER` (RFC 7628, KIP-255).
    OAuthBearer,
}

impl Mechanism {
    /// Every mechanism of this crate, weakest first.
    pub const ALL: [Self; 4] =
        [Self::Plain, Self::ScramSha256, Self::ScramSha512, Self::OAuthBearer];

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Mechanism {
    type Err = UnknownMechanism;

    fn from_str(name: &str) -> Result<Self, UnknownMechanism> {
        Self::ALL
            .into_iter()
            .find(|mechanism| mechanism.name() == name)
            .ok_or_else(|| UnknownMechanism { name: excerpt(name) })
    }
}

/// The name is none of [`Mechanism::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is no SASL mechanism known here; use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or \
     OAUTHBEARER (upper case)"
)]
pub struct UnknownMechanism {
    name: String,
}

impl UnknownMechanism {
    /// The name as given, with control characters escaped and cut after 128 characters.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_mechanism() {
        for mechanism in Mechanism::ALL {
            assert_eq!(mechanism.to_string().parse(), Ok(mechanism));
        }
    }

    #[test]
    fn refuses_unknown_and_lower_case_names() {
        for name in ["", "GSSAPI", "plain", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"] {
            let error = name.parse::<Mechanism>().unwrap_err();
            assert_eq!(error.name(), name);
        }
    }
}
