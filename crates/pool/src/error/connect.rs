//! Why a connection could not be made.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use milena_core::BrokerId;
use milena_core::negotiation::{NegotiationError, UnsupportedVersion};
use milena_sasl::SaslError;
use milena_wire::{ByteString, ErrorCode};

use super::{DisconnectReason, RequestError};
use crate::sasl::TokenError;
use crate::tls::TlsError;

/// Why a connection to a broker could not be made. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ConnectError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    target: String,
    kind: ConnectErrorKind,
}

/// The cause of a [`ConnectError`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectErrorKind {
    /// The name could not be looked up.
    Resolve(io::Error),
    /// The name has no address.
    NoAddress,
    /// No address of the name accepts connections; what each one said.
    Refused(Vec<(SocketAddr, io::Error)>),
    /// TCP and TLS took longer than `socket.connection.setup.timeout.ms`.
    SetupTimedOut(Duration),
    /// Setting up TLS failed.
    Tls(TlsError),
    /// The other side does not tell which versions it speaks.
    Negotiation(NegotiationError),
    /// A request of the setup failed.
    Request(RequestError),
    /// The connection was made, but ended before the broker had answered anything but ApiVersions.
    Ended(DisconnectReason),
    /// The broker does not accept the credentials, or cannot.
    Authentication(AuthenticationError),
    /// No broker with this id is known.
    UnknownBroker(BrokerId),
    /// There is no bootstrap server to connect to.
    NoBootstrapServer,
    /// The pool is closed.
    Closed,
}

impl ConnectError {
    /// An error of connecting to `target` (`host:port`, or a description).
    pub(crate) fn new(target: impl fmt::Display, kind: ConnectErrorKind) -> Self {
        Self(Arc::new(Inner { target: target.to_string(), kind }))
    }

    /// The cause.
    #[must_use]
    pub fn kind(&self) -> &ConnectErrorKind {
        &self.0.kind
    }

    /// Where to the connection was to go, `host:port` as a rule.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.0.target
    }

    /// Whether trying again later may help without anybody changing anything.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match &self.0.kind {
            ConnectErrorKind::Resolve(_)
            | ConnectErrorKind::NoAddress
            | ConnectErrorKind::Refused(_)
            | ConnectErrorKind::SetupTimedOut(_)
            | ConnectErrorKind::UnknownBroker(_) => true,
            ConnectErrorKind::Tls(error) => error.is_retriable(),
            ConnectErrorKind::Ended(reason) => !matches!(reason, DisconnectReason::NotKafka(_)),
            ConnectErrorKind::Request(error) => match error {
                RequestError::Disconnected { reason, .. } => {
                    !matches!(reason, DisconnectReason::NotKafka(_))
                }
                error => error.is_retriable(),
            },
            ConnectErrorKind::Authentication(error) => error.is_retriable(),
            ConnectErrorKind::Negotiation(_)
            | ConnectErrorKind::NoBootstrapServer
            | ConnectErrorKind::Closed => false,
        }
    }

    /// Whether TLS or SASL refused the other side: certificates or credentials are wrong.
    #[must_use]
    pub fn is_authentication(&self) -> bool {
        match &self.0.kind {
            ConnectErrorKind::Authentication(error) => !error.is_retriable(),
            ConnectErrorKind::Tls(error) => error.is_authentication(),
            _ => false,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = &self.0.target;
        match &self.0.kind {
            ConnectErrorKind::Resolve(_) => write!(f, "the name of {target} cannot be looked up"),
            ConnectErrorKind::NoAddress => write!(f, "the name of {target} has no address"),
            ConnectErrorKind::Refused(attempts) => {
                write!(f, "cannot connect to {target}")?;
                for (index, (address, error)) in attempts.iter().enumerate() {
                    f.write_str(if index == 0 { ": " } else { "; " })?;
                    let address = address.to_string();
                    if address != *target {
                        write!(f, "{address}: ")?;
                    }
                    write!(f, "{error}")?;
                }
                Ok(())
            }
            ConnectErrorKind::SetupTimedOut(timeout) => {
                write!(f, "connecting to {target} took longer than {timeout:?}")
            }
            ConnectErrorKind::Tls(error) => write!(f, "TLS with {target} failed: {error}"),
            ConnectErrorKind::Negotiation(error) => write!(f, "{target}: {error}"),
            ConnectErrorKind::Request(error) => write!(f, "{target}: {}", innermost(error)),
            ConnectErrorKind::Ended(reason) => write!(f, "{target}: {reason}"),
            ConnectErrorKind::Authentication(error) => write!(f, "{target}: {error}"),
            ConnectErrorKind::UnknownBroker(id) => write!(f, "no broker with id {id} is known"),
            ConnectErrorKind::NoBootstrapServer => f.write_str("there is no bootstrap server"),
            ConnectErrorKind::Closed => f.write_str("the client is closed"),
        }
    }
}

/// During setup the reason of a disconnect says more than the request that it hit.
fn innermost(error: &RequestError) -> &dyn fmt::Display {
    match error {
        RequestError::Disconnected { reason, .. } => reason,
        error => error,
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ConnectErrorKind::Resolve(error) => Some(error),
            ConnectErrorKind::Tls(error) => error.source(),
            ConnectErrorKind::Negotiation(error) => error.source(),
            ConnectErrorKind::Request(error) => match error {
                RequestError::Disconnected { reason, .. } => reason.source(),
                error => error.source(),
            },
            ConnectErrorKind::Ended(reason) => reason.source(),
            ConnectErrorKind::Authentication(error) => error.source(),
            _ => None,
        }
    }
}

/// Why the broker did not take this client for who it says it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// The broker's listener does not offer the mechanism.
    UnsupportedMechanism {
        /// The mechanism that was asked for.
        mechanism: &'static str,
        /// The mechanisms that the listener offers.
        enabled: Vec<ByteString>,
    },
    /// The broker refused the credentials.
    Refused {
        /// The mechanism.
        mechanism: &'static str,
        /// What the broker said.
        message: Option<ByteString>,
    },
    /// The broker answered with another error.
    Broker {
        /// The error.
        code: ErrorCode,
        /// What the broker said.
        message: Option<ByteString>,
    },
    /// The listener does no SASL at all.
    NoSasl,
    /// The broker is too old for SASL over Kafka's own requests (before Kafka 1.0).
    UnsupportedVersion(UnsupportedVersion),
    /// The exchange of the mechanism failed: the broker could not prove that it knows the
    /// password, broke the mechanism's rules, or the credentials cannot be used.
    Exchange {
        /// The mechanism.
        mechanism: &'static str,
        /// Which rule was broken.
        error: SaslError,
    },
    /// The broker wants more messages than the mechanism has.
    Unfinished {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// The token provider failed.
    Token(TokenError),
    /// A request of the exchange failed.
    Request(Box<RequestError>),
}

impl AuthenticationError {
    /// Whether trying again later may help without anybody changing anything.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Token(error) => error.is_retriable(),
            Self::Request(error) => error.is_retriable(),
            Self::Broker { code, .. } => code.is_retriable(),
            _ => false,
        }
    }
}

impl fmt::Display for AuthenticationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedMechanism { mechanism, enabled } => {
                let enabled: Vec<&str> = enabled.iter().map(|name| &**name).collect();
                let offered = if enabled.is_empty() { "none".into() } else { enabled.join(", ") };
                write!(f, "the broker does not offer {mechanism} here; it offers {offered}")
            }
            Self::Refused { mechanism, message } => {
                write!(f, "the broker refused the {mechanism} credentials")?;
                said(f, message.as_deref())
            }
            Self::Broker { code, message } => {
                write!(f, "the broker answered with {code}")?;
                said(f, message.as_deref())
            }
            Self::NoSasl => f.write_str(
                "the listener does not use SASL; set security.protocol to PLAINTEXT or SSL",
            ),
            Self::UnsupportedVersion(error) => error.fmt(f),
            Self::Exchange { mechanism, error } => write!(f, "{mechanism}: {error}"),
            Self::Unfinished { mechanism } => {
                write!(f, "the broker does not end the {mechanism} exchange")
            }
            Self::Token(_) => f.write_str("the token provider gave no token"),
            Self::Request(error) => write!(f, "{}", innermost(error)),
        }
    }
}

fn said(f: &mut fmt::Formatter<'_>, message: Option<&str>) -> fmt::Result {
    match message {
        Some(message) if !message.is_empty() => write!(f, ": {message}"),
        _ => Ok(()),
    }
}

impl std::error::Error for AuthenticationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Exchange { error, .. } => error.source(),
            Self::Token(error) => Some(error.cause()),
            Self::Request(error) => error.source(),
            _ => None,
        }
    }
}
