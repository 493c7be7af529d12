//! Why a registry did not help.

use std::{error::Error, fmt, sync::Arc};

use milena_http::HttpError;

use crate::avro::AvroError;

/// How much of what a registry says is kept.
const MESSAGE_CHARACTERS_MAX: usize = 500;

/// Why a registry did not help. Cheap to clone; has no credentials in it.
#[derive(Clone, Debug)]
pub struct RegistryError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: RegistryErrorKind,
    message: String,
    cause: Option<Cause>,
}

#[derive(Debug)]
enum Cause {
    Http(HttpError),
    Avro(AvroError),
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryErrorKind {
    /// The settings cannot be used.
    Settings,
    /// No registry answered.
    Unreachable,
    /// The registry refused: it does not know the subject, the version or the id.
    NotFound,
    /// The registry refused the credentials, or the right to do this.
    Unauthorized,
    /// The registry refused the schema: it is not compatible with the ones before it, or invalid.
    Refused,
    /// The registry failed, or answered what cannot be read.
    Registry,
    /// A value is not framed.
    Frame,
    /// A schema cannot be used.
    Schema,
    /// A value does not go with its schema.
    Value,
}

impl RegistryError {
    pub(super) fn settings(message: impl Into<String>) -> Self {
        Self::new(RegistryErrorKind::Settings, message)
    }

    pub(super) fn frame(message: impl Into<String>) -> Self {
        Self::new(RegistryErrorKind::Frame, message)
    }

    pub(super) fn new(kind: RegistryErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), cause: None }))
    }

    pub(super) fn unreachable(what: &str, error: HttpError) -> Self {
        let message = format!("no schema registry answered to {what}");
        let (kind, cause) = (RegistryErrorKind::Unreachable, Some(Cause::Http(error)));
        Self(Arc::new(Inner { kind, message, cause }))
    }

    pub(super) fn avro(kind: RegistryErrorKind, message: String, error: AvroError) -> Self {
        Self(Arc::new(Inner { kind, message, cause: Some(Cause::Avro(error)) }))
    }

    /// What a registry's status, its `error_code` and its message come to.
    pub(super) fn answered(what: &str, status: u16, code: Option<i64>, message: &str) -> Self {
        let kind = match status {
            404 => RegistryErrorKind::NotFound,
            401 | 403 => RegistryErrorKind::Unauthorized,
            409 | 422 => RegistryErrorKind::Refused,
            _ => RegistryErrorKind::Registry,
        };
        let code = code.map(|code| format!(", error {code}")).unwrap_or_default();
        let hint = match kind {
            RegistryErrorKind::Unauthorized => "; check the registry's user and password",
            _ => "",
        };
        let message: String = message
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MESSAGE_CHARACTERS_MAX)
            .collect();
        let said = if message.is_empty() { String::new() } else { format!(": {message}") };
        let text =
            format!("the schema registry refused to {what} (HTTP {status}{code}){said}{hint}");
        Self::new(kind, text)
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> RegistryErrorKind {
        self.0.kind
    }

    /// Whether trying again later may help without anybody changing anything.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match &self.0.cause {
            Some(Cause::Http(error)) => error.is_retriable(),
            _ => self.0.kind == RegistryErrorKind::Registry,
        }
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.cause {
            Some(Cause::Http(error)) => Some(error),
            Some(Cause::Avro(error)) => Some(error),
            None => None,
        }
    }
}
