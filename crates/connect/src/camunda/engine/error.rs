//! Why the engine did not do what it was asked for.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use milena::config::TokenEndpointProvider;
use milena_http::{HttpError, http::StatusCode};

/// How much of what the engine says is kept.
const MESSAGE_CHARACTERS_MAX: usize = 500;

/// Why the engine did not do what it was asked for. Cheap to clone; has no credentials in it.
#[derive(Clone, Debug)]
pub struct EngineError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: EngineErrorKind,
    message: String,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn Error + Send + Sync>>,
    is_retriable: bool,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineErrorKind {
    /// The settings cannot be used.
    Settings,
    /// The engine does not answer.
    Unreachable,
    /// There is no token, or the engine refuses who asks (401, 403).
    Unauthorized,
    /// The engine has too much to do (429, 503).
    Busy,
    /// The engine failed (any other 5xx), or what it answered cannot be read.
    Failed,
    /// What was asked about is not there (404): a job that is done, or was taken away.
    NotFound,
    /// What was asked about is in another state, or there already (409).
    Conflict,
    /// The engine refuses the request (any other status).
    Refused,
}

impl EngineError {
    pub(super) fn settings(message: impl Into<String>) -> Self {
        Self::new(EngineErrorKind::Settings, message)
    }

    fn new(kind: EngineErrorKind, message: impl Into<String>) -> Self {
        let is_retriable = matches!(kind, EngineErrorKind::Busy | EngineErrorKind::Failed);
        let message = message.into();
        Self(Arc::new(Inner { kind, message, retry_after: None, source: None, is_retriable }))
    }

    pub(super) fn unreachable(what: &str, error: HttpError) -> Self {
        let is_retriable = error.is_retriable();
        let message = format!("the engine did not answer to {what}");
        let (kind, retry_after) = (EngineErrorKind::Unreachable, None);
        let source = Some(Arc::new(error) as _);
        Self(Arc::new(Inner { kind, message, retry_after, source, is_retriable }))
    }

    pub(super) fn no_token(error: Box<dyn Error + Send + Sync>) -> Self {
        let is_retriable = !TokenEndpointProvider::is_refusal(error.as_ref());
        let kind = match is_retriable {
            true => EngineErrorKind::Unreachable,
            false => EngineErrorKind::Unauthorized,
        };
        let message = "there is no token for the engine".to_owned();
        let source = Some(Arc::from(error));
        Self(Arc::new(Inner { kind, message, retry_after: None, source, is_retriable }))
    }

    pub(super) fn unreadable(what: &str, lack: &str) -> Self {
        let message = format!("the engine was to {what}, and its answer has {lack}");
        Self::new(EngineErrorKind::Failed, message)
    }

    /// What a status and the problem that comes with it come to.
    pub(super) fn answered(
        what: &str,
        status: StatusCode,
        said: &str,
        retry_after: Option<Duration>,
    ) -> Self {
        let kind = match status.as_u16() {
            401 | 403 => EngineErrorKind::Unauthorized,
            404 => EngineErrorKind::NotFound,
            408 | 429 | 503 => EngineErrorKind::Busy,
            409 => EngineErrorKind::Conflict,
            500.. => EngineErrorKind::Failed,
            _ => EngineErrorKind::Refused,
        };
        let said: String = said
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MESSAGE_CHARACTERS_MAX)
            .collect();
        let said = if said.is_empty() { said } else { format!(": {said}") };
        let hint = match kind {
            EngineErrorKind::Unauthorized => "; check the credentials of the flow's table camunda",
            _ => "",
        };
        let message = format!("the engine refused to {what} ({status}){said}{hint}");
        let is_retriable = matches!(kind, EngineErrorKind::Busy | EngineErrorKind::Failed);
        let source = None;
        Self(Arc::new(Inner { kind, message, retry_after, source, is_retriable }))
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> EngineErrorKind {
        self.0.kind
    }

    /// Whether trying again later may help without anybody changing anything.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.0.is_retriable
    }

    /// How long the engine wants to be left alone, if it says so (`Retry-After`).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for EngineError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
