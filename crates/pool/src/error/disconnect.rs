//! Why a connection ended.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use milena_core::in_flight::MismatchedResponse;
use milena_wire::ApiKey;

use super::AuthenticationError;

/// What the other side seems to be, when it is no Kafka broker or speaks another protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Impostor {
    /// It answered with HTTP.
    Http,
    /// It answered with a TLS record although the connection is plaintext.
    Tls,
    /// It answered with text; the first four bytes.
    Text([u8; 4]),
}

impl Impostor {
    /// Recognises the bytes that stand where the length of a frame should.
    pub(crate) fn recognise(prefix: [u8; 4]) -> Option<Self> {
        match prefix {
            [b'H', b'T', b'T', b'P'] => Some(Self::Http),
            // An alert or a handshake record of SSL 3 to TLS 1.3.
            [0x15 | 0x16, 0x03, 0..=4, _] => Some(Self::Tls),
            text if text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') => {
                Some(Self::Text(text))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Impostor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http => f.write_str("it answers with HTTP, so it is no Kafka broker"),
            Self::Tls => f.write_str(
                "it answers with TLS; set security.protocol to SSL or SASL_SSL for this listener",
            ),
            Self::Text(text) => {
                write!(
                    f,
                    "it answers with text (\"{}\"), so it is no Kafka broker",
                    text.escape_ascii()
                )
            }
        }
    }
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "these are the steps that tell listeners apart")]
pub enum Answered {
    /// The broker has said nothing. A listener that expects TLS does not.
    #[default]
    Nothing,
    /// The broker has answered ApiVersions, as any listener does that does not expect TLS.
    Versions,
    /// The broker has answered something else, SASL included.
    Requests,
}

/// Why a connection ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// This side closed the connection.
    Closed,
    /// Nothing was sent for `connections.max.idle.ms`.
    Idle(Duration),
    /// The broker closed the connection.
    ClosedByBroker {
        /// What the broker had answered before, which tells what the listener may expect.
        answered: Answered,
    },
    /// Reading or writing failed.
    Io(Arc<io::Error>),
    /// A request was not answered in time; the broker may be hung.
    RequestTimedOut {
        /// The API that was called.
        api: ApiKey,
        /// How long the response was waited for.
        timeout: Duration,
    },
    /// A response came that belongs to no request, or to another one.
    MismatchedResponse(MismatchedResponse),
    /// The length of a frame is negative, or too small for a response.
    InvalidFrameLength(i32),
    /// A frame is longer than this side accepts.
    FrameTooLarge {
        /// The length of the frame in bytes.
        bytes: usize,
        /// The most that is accepted.
        limit: usize,
    },
    /// The other side does not speak Kafka's protocol here.
    NotKafka(Impostor),
    /// The session ended because authenticating again failed (KIP-368).
    Authentication(AuthenticationError),
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed"),
            Self::Idle(idle) => write!(f, "the connection was idle for {idle:?}"),
            Self::ClosedByBroker { answered: Answered::Requests } => {
                f.write_str("the broker closed the connection")
            }
            Self::ClosedByBroker { answered: Answered::Versions } => f.write_str(
                "the broker answered ApiVersions and closed the connection at the next request, as \
                 listeners do that expect SASL; check that security.protocol and sasl.mechanism fit \
                 the listener",
            ),
            Self::ClosedByBroker { answered: Answered::Nothing } => f.write_str(
                "the broker closed the connection without an answer, as listeners do that expect \
                 TLS; check that security.protocol and sasl.mechanism fit the listener",
            ),
            Self::Io(_) => f.write_str("reading from or writing to the broker failed"),
            Self::RequestTimedOut { api, timeout } => write!(
                f,
                "the broker did not answer {} within {timeout:?} and may be hung",
                api.name()
            ),
            Self::MismatchedResponse(error) => error.fmt(f),
            Self::InvalidFrameLength(length) => {
                write!(f, "the broker sent a frame with the impossible length {length}")
            }
            Self::FrameTooLarge { bytes, limit } => write!(
                f,
                "the broker sent a frame of {bytes} bytes, but at most {limit} are accepted"
            ),
            Self::NotKafka(impostor) => impostor.fmt(f),
            Self::Authentication(_) => f.write_str("authenticating again failed"),
        }
    }
}

impl std::error::Error for DisconnectReason {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error.as_ref()),
            Self::Authentication(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognises_other_protocols_by_their_first_bytes() {
        assert_eq!(Impostor::recognise(*b"HTTP"), Some(Impostor::Http));
        assert_eq!(Impostor::recognise([0x15, 3, 3, 0]), Some(Impostor::Tls));
        assert_eq!(Impostor::recognise(*b"SSH-"), Some(Impostor::Text(*b"SSH-")));
        assert_eq!(Impostor::recognise([0, 0, 0, 20]), None);
        assert_eq!(Impostor::recognise([0, 1, 2, 3]), None);
    }
}
