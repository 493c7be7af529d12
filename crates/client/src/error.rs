//! The one error of this crate: what failed, where, and whether trying again can help.
//!
//! Three families, never mixed: a broker answered with an error code ([`ErrorKind::Broker`]), a broker
//! broke the protocol ([`ErrorKind::Protocol`]), or we or the user failed (every other kind). Topic,
//! partition, broker and API are fields, so that programs need not read the text.

use std::error::Error as StdError;
use std::fmt;

/// What a fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The family and sort of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A broker answered with an error code: see [`Error::code`].
    Broker,
    /// A broker broke the protocol: its answer cannot be read, or breaks a rule that the text names.
    Protocol,
    /// The configuration is impossible; the text lists every problem.
    Config,
    /// The call is impossible: an unknown partition, a record that is too large, no `group.id`.
    InvalidArgument,
    /// The client, or the part of it that was asked, is closed.
    Closed,
    /// The time that the configuration or the caller allowed is over.
    Timeout,
    /// A connection could not be made, or was lost.
    Transport,
    /// TLS or SASL refused us, or we refused the broker.
    Authentication,
    /// The broker is too old, or too new, for what was asked.
    UnsupportedVersion,
    /// There is no committed offset and `auto.offset.reset` is `none`.
    NoOffset,
    /// The log was truncated behind the consumer's position, and `auto.offset.reset` is `none`.
    LogTruncation,
}

impl ErrorKind {
    /// The kind as words.
    const fn text(self) -> &'static str {
        match self {
            Self::Broker => "the broker answered with an error",
            Self::Protocol => "the broker broke the protocol",
            Self::Config => "invalid configuration",
            Self::InvalidArgument => "invalid argument",
            Self::Closed => "the client is closed",
            Self::Timeout => "timed out",
            Self::Transport => "connection failed",
            Self::Authentication => "authentication failed",
            Self::UnsupportedVersion => "the broker does not support this",
            Self::NoOffset => "no committed offset, and no reset policy",
            Self::LogTruncation => "the log was truncated",
        }
    }
}

/// What is known about a record whose delivery failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Written {
    /// It is in the log.
    Yes,
    /// It is not in the log, and will not be.
    No,
    /// It may be in the log: the request was sent, and no answer to it was seen.
    Maybe,
}

/// What failed, where, and whether trying again can help.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    code: Option<i16>,
    message: String,
    topic: Option<String>,
    partition: Option<i32>,
    broker: Option<i32>,
    api: Option<(&'static str, i16)>,
    written: Written,
    retriable: Option<bool>,
    fatal: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind; `message` says what was wrong, what was expected and what to do.
    #[must_use]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            code: None,
            message: message.into(),
            topic: None,
            partition: None,
            broker: None,
            api: None,
            written: Written::No,
            retriable: None,
            fatal: false,
            source: None,
        }))
    }

    /// A broker's answer with this error code.
    #[must_use]
    pub(crate) fn broker_answered(code: i16, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Broker, message);
        error.0.code = Some(code);
        error
    }

    /// Adds the topic that it concerns.
    #[must_use]
    pub(crate) fn with_topic(mut self, topic: impl Into<String>) -> Self {
        self.0.topic = Some(topic.into());
        self
    }

    /// Adds the topic and partition that it concerns.
    #[must_use]
    pub(crate) fn with_partition(mut self, topic: impl Into<String>, partition: i32) -> Self {
        self.0.topic = Some(topic.into());
        self.0.partition = Some(partition);
        self
    }

    /// Adds the id of the broker that was asked.
    #[must_use]
    pub(crate) fn with_broker(mut self, broker: i32) -> Self {
        self.0.broker = Some(broker);
        self
    }

    /// Adds the API and its version.
    #[must_use]
    pub(crate) fn with_api(mut self, api: &'static str, version: i16) -> Self {
        self.0.api = Some((api, version));
        self
    }

    /// Says whether the record may have been written (produce errors).
    #[must_use]
    pub(crate) fn with_written(mut self, written: Written) -> Self {
        self.0.written = written;
        self
    }

    /// Overrides what the kind and the code say about trying again.
    #[must_use]
    pub(crate) fn with_retriable(mut self, retriable: bool) -> Self {
        self.0.retriable = Some(retriable);
        self
    }

    /// Marks the error as the end of this client: nothing that it does later can succeed.
    #[must_use]
    pub(crate) fn with_fatal(mut self) -> Self {
        self.0.fatal = true;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The family and sort of this error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed when it is made again.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.0.retriable.unwrap_or(matches!(self.0.kind, ErrorKind::Timeout | ErrorKind::Transport))
    }

    /// Whether this client is of no use any more and has to be closed.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.0.fatal
    }

    /// What is known about the record whose delivery failed.
    #[must_use]
    pub fn written(&self) -> Written {
        self.0.written
    }

    /// Whether the record may be in the log in spite of this error.
    #[must_use]
    pub fn may_have_been_written(&self) -> bool {
        self.0.written != Written::No
    }

    /// The topic that it concerns.
    #[must_use]
    pub fn topic(&self) -> Option<&str> {
        self.0.topic.as_deref()
    }

    /// The partition that it concerns.
    #[must_use]
    pub fn partition(&self) -> Option<i32> {
        self.0.partition
    }

    /// The id of the broker that was asked.
    #[must_use]
    pub fn broker(&self) -> Option<i32> {
        self.0.broker
    }

    /// The API that was called and its version.
    #[must_use]
    pub fn api(&self) -> Option<(&'static str, i16)> {
        self.0.api
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind.text())?;
        if !self.0.message.is_empty() {
            write!(f, ": {}", self.0.message)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
