//! Why a request failed.

use std::fmt;
use std::time::Duration;

use milena_core::negotiation::UnsupportedVersion;
use milena_wire::{ApiKey, DecodeError, EncodeError};

use super::DisconnectReason;

/// Why a request brought no response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RequestError {
    /// There is no version of the API that both sides speak.
    UnsupportedVersion(UnsupportedVersion),
    /// The request cannot be written in its version.
    Encode(EncodeError),
    /// The broker did not answer in time. The connection is closed.
    TimedOut {
        /// The API that was called.
        api: ApiKey,
        /// The version of the request.
        version: i16,
        /// How long the response was waited for.
        timeout: Duration,
        /// Whether the whole request had been handed to the socket.
        written: bool,
    },
    /// The connection ended before the response came.
    Disconnected {
        /// The API that was called.
        api: ApiKey,
        /// The version of the request.
        version: i16,
        /// Whether the whole request had been handed to the socket.
        written: bool,
        /// Why the connection ended.
        reason: DisconnectReason,
    },
    /// The response cannot be read.
    Decode(DecodeError),
}

impl RequestError {
    /// Whether the broker may have carried out the request.
    ///
    /// `false` is certain: the broker cannot have seen the whole request.
    #[must_use]
    pub const fn may_have_been_written(&self) -> bool {
        match self {
            Self::UnsupportedVersion(_) | Self::Encode(_) => false,
            Self::TimedOut { written, .. } | Self::Disconnected { written, .. } => *written,
            Self::Decode(_) => true,
        }
    }

    /// Whether the same request may succeed on another connection.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::TimedOut { .. } => true,
            Self::Disconnected { reason, .. } => {
                !matches!(reason, DisconnectReason::Authentication(_))
            }
            Self::UnsupportedVersion(_) | Self::Encode(_) | Self::Decode(_) => false,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedVersion(error) => error.fmt(f),
            Self::Encode(_) => f.write_str("the request cannot be written"),
            Self::TimedOut { api, version, timeout, .. } => {
                write!(f, "{} v{version} was not answered within {timeout:?}", api.name())
            }
            Self::Disconnected { api, version, written, .. } => {
                let state = if *written { "answered" } else { "written" };
                write!(f, "the connection ended before {} v{version} was {state}", api.name())
            }
            Self::Decode(_) => f.write_str("the response cannot be read"),
        }
    }
}

impl std::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::UnsupportedVersion(_) | Self::TimedOut { .. } => None,
            Self::Encode(error) => Some(error),
            Self::Disconnected { reason, .. } => Some(reason),
            Self::Decode(error) => Some(error),
        }
    }
}
