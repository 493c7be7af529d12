//! Why a request has no response.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use milena_tls::TlsError;

/// Why a request has no response. Cheap to clone. Names the server, and never what was sent to it.
#[derive(Clone, Debug)]
pub struct HttpError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    target: String,
    kind: HttpErrorKind,
}

type Cause = Arc<dyn Error + Send + Sync>;

/// The cause of an [`HttpError`].
#[derive(Debug)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// The request or a setting cannot be used; what is wrong with it.
    Invalid(String),
    /// The name cannot be looked up, or nobody accepts connections there.
    Connect(Cause),
    /// The look-up, TCP and TLS took longer than the settings allow.
    ConnectTimedOut(Duration),
    /// Setting up TLS failed.
    Tls(TlsError),
    /// There was no whole response within the time that was given.
    TimedOut(Duration),
    /// The body of the response is longer than the settings allow.
    TooLarge {
        /// The longest that is accepted, in bytes.
        limit: usize,
    },
    /// The server closed the connection before its response was whole.
    Disconnected(Cause),
    /// What the server sent is no HTTP/1.1.
    Protocol(Cause),
}

impl HttpError {
    /// An error of a request to `target`.
    pub(crate) fn new(target: impl Into<String>, kind: HttpErrorKind) -> Self {
        Self(Arc::new(Inner { target: target.into(), kind }))
    }

    /// The cause.
    #[must_use]
    pub fn kind(&self) -> &HttpErrorKind {
        &self.0.kind
    }

    /// Scheme, host and port of the server; empty when an error of the settings concerns none.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.0.target
    }

    /// Whether trying again later may help without anybody changing anything. That the request is
    /// safe to repeat is for the caller to know; see [`may_have_been_sent`](Self::may_have_been_sent).
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match &self.0.kind {
            HttpErrorKind::Connect(_)
            | HttpErrorKind::ConnectTimedOut(_)
            | HttpErrorKind::TimedOut(_)
            | HttpErrorKind::Disconnected(_) => true,
            HttpErrorKind::Tls(error) => error.is_retriable(),
            HttpErrorKind::Invalid(_)
            | HttpErrorKind::TooLarge { .. }
            | HttpErrorKind::Protocol(_) => false,
        }
    }

    /// Whether it took too long: to connect, or as a whole.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, HttpErrorKind::ConnectTimedOut(_) | HttpErrorKind::TimedOut(_))
    }

    /// Whether the server may have received the request, and acted on it.
    #[must_use]
    pub fn may_have_been_sent(&self) -> bool {
        !matches!(
            self.0.kind,
            HttpErrorKind::Invalid(_)
                | HttpErrorKind::Connect(_)
                | HttpErrorKind::ConnectTimedOut(_)
                | HttpErrorKind::Tls(_)
        )
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { target, kind } = &*self.0;
        match kind {
            HttpErrorKind::Invalid(reason) if target.is_empty() => f.write_str(reason),
            HttpErrorKind::Invalid(reason) => write!(f, "request to {target}: {reason}"),
            HttpErrorKind::Connect(_) => write!(f, "cannot connect to {target}"),
            HttpErrorKind::ConnectTimedOut(within) => {
                write!(f, "no connection to {target} within {within:?}")
            }
            HttpErrorKind::Tls(_) if target.is_empty() => f.write_str("TLS cannot be used"),
            HttpErrorKind::Tls(_) => write!(f, "no TLS with {target}"),
            HttpErrorKind::TimedOut(within) => {
                write!(f, "no response of {target} within {within:?}")
            }
            HttpErrorKind::TooLarge { limit } => {
                write!(f, "the response of {target} is longer than the {limit} bytes allowed")
            }
            HttpErrorKind::Disconnected(_) => {
                write!(f, "{target} closed the connection before its response was whole")
            }
            HttpErrorKind::Protocol(_) => write!(f, "{target} does not answer in HTTP/1.1"),
        }
    }
}

impl Error for HttpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.kind {
            HttpErrorKind::Connect(error)
            | HttpErrorKind::Disconnected(error)
            | HttpErrorKind::Protocol(error) => Some(error.as_ref()),
            HttpErrorKind::Tls(error) => Some(error),
            _ => None,
        }
    }
}
