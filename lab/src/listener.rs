//! The ways into a broker of the lab.

use std::fmt;

/// A listener that every node of a lab has, on a port of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Listener {
    /// No encryption, no authentication.
    Plaintext,
    /// TLS; the server certificate names `localhost` and 127.0.0.1.
    Ssl,
    /// TLS with a client certificate required.
    Mtls,
    /// SASL without encryption: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and, since 2.0, OAUTHBEARER.
    SaslPlaintext,
    /// The same mechanisms over TLS.
    SaslSsl,
    /// TLS with a server certificate whose time is over.
    ExpiredCertificate,
    /// TLS with a server certificate that names `wrong.example` only.
    WrongHost,
    /// Between the brokers.
    Internal,
    /// Between the controllers of a KRaft cluster.
    Controller,
}

impl Listener {
    /// Those that are meant for clients.
    pub const FOR_CLIENTS: [Self; 7] = [
        Self::Plaintext,
        Self::Ssl,
        Self::Mtls,
        Self::SaslPlaintext,
        Self::SaslSsl,
        Self::ExpiredCertificate,
        Self::WrongHost,
    ];

    /// Kafka's name of the listener, as `listeners` has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::Mtls => "MTLS",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
            Self::ExpiredCertificate => "EXPIRED_CERTIFICATE",
            Self::WrongHost => "WRONG_HOST",
            Self::Internal => "INTERNAL",
            Self::Controller => "CONTROLLER",
        }
    }

    /// Kafka's name of what is spoken there.
    pub(crate) const fn security_protocol(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl | Self::Mtls | Self::ExpiredCertificate | Self::WrongHost => "SSL",
            Self::SaslSsl => "SASL_SSL",
            Self::SaslPlaintext | Self::Internal | Self::Controller => "SASL_PLAINTEXT",
        }
    }

    /// The distance of its port from the node's first.
    pub(crate) const fn offset(self) -> u16 {
        match self {
            Self::Plaintext => 0,
            Self::Ssl => 1,
            Self::Mtls => 2,
            Self::SaslPlaintext => 3,
            Self::SaslSsl => 4,
            Self::ExpiredCertificate => 5,
            Self::WrongHost => 6,
            Self::Internal => 7,
            Self::Controller => 8,
        }
    }

    /// Those of a broker: all but the controller's.
    pub(crate) fn of_broker() -> impl Iterator<Item = Self> {
        Self::FOR_CLIENTS.into_iter().chain([Self::Internal])
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
