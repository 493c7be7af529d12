//! The pool's errors as errors of this crate.

use std::error::Error as StdError;
use std::fmt;

use milena_pool::{ConnectError, ConnectErrorKind, DisconnectReason, RequestError};
use milena_wire::ErrorCode;

use crate::error::Written;
use crate::{Error, ErrorKind};

/// Why a refresh of the metadata failed. Everybody who waits gets an error of it.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Connect(ConnectError),
    Request(RequestError),
    Broker(ErrorCode),
}

impl Failure {
    /// Whether the next refresh may succeed without anybody changing anything.
    pub(super) fn is_retriable(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_retriable(),
            Self::Request(error) => error.is_retriable(),
            // Brokers that start or stop answer so.
            Self::Broker(_) => true,
        }
    }

    /// The failure as an error of this crate.
    pub(super) fn error(&self) -> Error {
        match self {
            Self::Connect(error) => error.clone().into(),
            Self::Request(error) => error.clone().into(),
            Self::Broker(code) => {
                Error::broker_answered(*code, format!("Metadata was answered with {code}"))
            }
        }
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        let kind = match error.kind() {
            _ if error.is_authentication() => ErrorKind::Authentication,
            ConnectErrorKind::Closed => ErrorKind::Closed,
            ConnectErrorKind::SetupTimedOut(_) => ErrorKind::Timeout,
            ConnectErrorKind::Negotiation(_) => ErrorKind::Protocol,
            ConnectErrorKind::NoBootstrapServer => ErrorKind::Config,
            _ => ErrorKind::Transport,
        };
        Self::new(kind, error.to_string()).with_retriable(error.is_retriable()).with_cause(error)
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        let written = if error.may_have_been_written() { Written::Maybe } else { Written::No };
        let kind = match &error {
            RequestError::UnsupportedVersion(_) => ErrorKind::UnsupportedVersion,
            RequestError::Encode(_) => ErrorKind::InvalidArgument,
            RequestError::TimedOut { .. } => ErrorKind::Timeout,
            RequestError::Disconnected { reason: DisconnectReason::Authentication(_), .. } => {
                ErrorKind::Authentication
            }
            RequestError::Decode(_) => ErrorKind::Protocol,
            _ => ErrorKind::Transport,
        };
        let api = match &error {
            RequestError::TimedOut { api, version, .. }
            | RequestError::Disconnected { api, version, .. } => Some((api.name(), *version)),
            _ => None,
        };
        let mapped = Self::new(kind, error.to_string())
            .with_written(written)
            .with_retriable(error.is_retriable())
            .with_cause(error);
        match api {
            Some((api, version)) => mapped.with_api(api, version),
            None => mapped,
        }
    }
}

impl Error {
    /// Keeps the cause of an error whose own text is in the message already.
    fn with_cause<E: StdError + Send + Sync + 'static>(self, error: E) -> Self {
        if error.source().is_some() { self.with_source(CauseOf(error)) } else { self }
    }
}

/// Stands for the source of an error, which cannot be taken out of it.
#[derive(Debug)]
struct CauseOf<E>(E);

impl<E: StdError> fmt::Display for CauseOf<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.source().map_or(Ok(()), |source| fmt::Display::fmt(source, f))
    }
}

impl<E: StdError> StdError for CauseOf<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source().and_then(StdError::source)
    }
}
