//! How a connection is secured: `security.protocol`, and what it makes of TLS and SASL.

use super::options::Settled;
use super::{Sasl, Tls, sasl, tls};

/// `security.protocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "TLS or not, SASL or not: there are four")]
pub enum SecurityProtocol {
    /// Neither TLS nor SASL.
    #[default]
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL without TLS.
    SaslPlaintext,
    /// SASL over TLS.
    SaslSsl,
}

impl SecurityProtocol {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];

    /// Kafka's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// Whether there is TLS.
    #[must_use]
    pub const fn uses_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Whether there is SASL.
    #[must_use]
    pub const fn uses_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// How a connection is secured.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Security {
    /// `security.protocol`.
    pub protocol: SecurityProtocol,
    /// What TLS needs, when the protocol has it.
    pub tls: Option<Tls>,
    /// Who the client is, when the protocol asks for it.
    pub sasl: Option<Sasl>,
}

const NAME: &str = "security.protocol";

/// Reads `security.protocol`, `ssl.*` and `sasl.*`.
pub(super) fn settle(settled: &mut Settled) -> Security {
    if !settled.are_sound(&[NAME]) {
        return Security::default();
    }
    let text = settled.text(NAME).unwrap_or_default();
    let protocol = SecurityProtocol::ALL
        .into_iter()
        .find(|protocol| protocol.as_str() == text)
        .unwrap_or_default();
    if !protocol.uses_tls() {
        warn_of_unused(settled, "ssl.", protocol, "SSL or SASL_SSL");
    }
    if !protocol.uses_sasl() {
        warn_of_unused(settled, "sasl.", protocol, "SASL_PLAINTEXT or SASL_SSL");
        if settled.has_sasl() {
            settled.problem(
                NAME,
                format!("{text:?}: credentials are given; expected SASL_PLAINTEXT or SASL_SSL"),
            );
        }
    }
    Security {
        protocol,
        tls: protocol.uses_tls().then(|| tls::settle(settled)),
        sasl: if protocol.uses_sasl() { sasl::settle(settled, protocol) } else { None },
    }
}

/// Settings of a layer that is off are a likely slip.
fn warn_of_unused(settled: &mut Settled, prefix: &str, protocol: SecurityProtocol, on: &str) {
    for name in settled.set_names(prefix) {
        settled.warn(
            name,
            format!("it has no effect with {NAME}={}, but with {on}", protocol.as_str()),
        );
    }
}
