//! The module's errors, with its prefixes and, where it has a wording of its own, Java's.

use std::{error::Error as StdError, fmt};

use super::PartitionOffset;

/// Which of the module's errors it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `Error`: any other.
    Error,
    /// `PayloadBindingError`: a record is not what was asked for.
    PayloadBinding,
    /// `PayloadValidationError`: a record is what was asked for, and not valid.
    PayloadValidation,
}

/// What failed: the module's words for it, and the cause.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    offset: Option<PartitionOffset>,
    source: Option<milena::Error>,
    is_unavailable: bool,
}

impl Error {
    /// A failure of these words.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Error,
            message: message.into(),
            offset: None,
            source: None,
            is_unavailable: false,
        }
    }

    /// A client's failure, behind the module's prefix for what was done.
    pub(super) fn client(prefix: &str, source: milena::Error) -> Self {
        let message = format!("{prefix}{}", cause(&source));
        Self { source: Some(source), ..Self::new(message) }
    }

    /// No broker can be reached.
    pub(super) fn unavailable(servers: &str, source: Option<milena::Error>) -> Self {
        let message =
            format!("Server might not be available at {servers}. No active connections found.");
        Self { source, is_unavailable: true, ..Self::new(message) }
    }

    /// A record that is not what was asked for.
    pub(super) fn payload(kind: ErrorKind, message: String, offset: PartitionOffset) -> Self {
        Self { kind, offset: Some(offset), ..Self::new(message) }
    }

    /// Which of the module's errors it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The record that is not what was asked for: whoever wants to go on seeks behind it.
    #[must_use]
    pub fn partition_offset(&self) -> Option<&PartitionOffset> {
        self.offset.as_ref()
    }

    /// The client's error, if it was one.
    pub(super) fn into_client(self) -> Option<milena::Error> {
        self.source
    }

    /// Whether no broker can be reached: the same call may succeed later.
    pub(super) fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

/// The client's error, in Java's words where programs of the module are known to look for them.
fn cause(error: &milena::Error) -> String {
    match error.kind() {
        milena::ErrorKind::Authentication => {
            format!("Authentication failed: {}", crate::connector::with_causes(error))
        }
        _ => crate::connector::with_causes(error),
    }
}
