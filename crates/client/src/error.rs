//! The one error of this crate: what failed, where, and whether trying again can help.
//!
//! Three families, never mixed: a broker answered with an error code ([`ErrorKind::Broker`]), a broker
//! broke the protocol ([`ErrorKind::Protocol`]), or we or the user failed (every other kind). Topic,
//! partition, broker and API are fields, so that programs need not read the text.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use milena_wire::ErrorCode;

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
    /// A record cannot be used by the program it was given to: see [`Error::of_application`].
    Record,
    /// The coordinator of transactions has given another producer the place of this one: a second one
    /// with the same `transactional.id` was initialized, or a transaction took longer than
    /// `transaction.timeout.ms`. Always [fatal](Error::is_fatal).
    Fenced,
    /// The call does not fit the state of the producer's transactions: a record without a transaction,
    /// a second transaction at a time, one that has ended.
    TransactionState,
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
            Self::Record => "a record cannot be used",
            Self::Fenced => "the producer was fenced",
            Self::TransactionState => "not possible in this state of the transactions",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// What is known about a record whose delivery failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Written {
    /// It is in the log.
    Yes,
    /// It is not in the log, and will not be.
    No,
    /// It may be in the log: the request was sent, and no answer to it was seen.
    Maybe,
}

/// What failed, where, and whether trying again can help. Cheap to clone.
///
/// `Display` says what this crate knows; what a lower layer said is [`source`](StdError::source).
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    code: Option<ErrorCode>,
    message: String,
    topic: Option<String>,
    partition: Option<i32>,
    broker: Option<i32>,
    api: Option<(&'static str, i16)>,
    written: Written,
    retriable: Option<bool>,
    fatal: bool,
    requires_abort: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of what stands above the client, such as a connector, in the client's terms; `message`
    /// says what was wrong, what was expected and what to do.
    ///
    /// ```
    /// use milena::{Error, ErrorKind};
    ///
    /// let error = Error::of_application(ErrorKind::Record, "offset 7 has no key");
    /// assert_eq!(error.to_string(), "a record cannot be used: offset 7 has no key");
    /// assert!(!error.is_retriable());
    /// ```
    #[must_use]
    pub fn of_application(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, message)
    }
}

/// Making errors, which only this crate does.
impl Error {
    /// An error of this kind; `message` says what was wrong, what was expected and what to do.
    #[must_use]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
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
            requires_abort: false,
            source: None,
        }))
    }

    /// A broker's answer with this error code.
    #[must_use]
    pub(crate) fn broker_answered(code: impl Into<ErrorCode>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Broker, message).with(|inner| inner.code = Some(code.into()))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Adds the topic that it concerns.
    #[must_use]
    pub(crate) fn with_topic(self, topic: impl Into<String>) -> Self {
        self.with(|inner| inner.topic = Some(topic.into()))
    }

    /// Adds the topic and partition that it concerns.
    #[must_use]
    pub(crate) fn with_partition(self, topic: impl Into<String>, partition: i32) -> Self {
        self.with_topic(topic).with(|inner| inner.partition = Some(partition))
    }

    /// Adds the id of the broker that was asked.
    #[must_use]
    pub(crate) fn with_broker(self, broker: i32) -> Self {
        self.with(|inner| inner.broker = Some(broker))
    }

    /// Adds the API and its version.
    #[must_use]
    pub(crate) fn with_api(self, api: &'static str, version: i16) -> Self {
        self.with(|inner| inner.api = Some((api, version)))
    }

    /// Says whether the record may have been written (produce errors).
    #[must_use]
    pub(crate) fn with_written(self, written: Written) -> Self {
        self.with(|inner| inner.written = written)
    }

    /// Overrides what the kind and the code say about trying again.
    #[must_use]
    pub(crate) fn with_retriable(self, retriable: bool) -> Self {
        self.with(|inner| inner.retriable = Some(retriable))
    }

    /// Marks the error as the end of this client: nothing that it does later can succeed.
    #[must_use]
    pub(crate) fn with_fatal(self) -> Self {
        self.with(|inner| inner.fatal = true)
    }

    /// Marks the error as the end of the transaction: it can only be aborted.
    #[must_use]
    pub(crate) fn with_abort_required(self) -> Self {
        self.with(|inner| inner.requires_abort = true)
    }

    /// Adds the cause.
    #[must_use]
    pub(crate) fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.source = Some(Arc::new(source)))
    }
}

impl Error {
    /// What was wrong, without the words of the kind.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// The family and sort of this error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The error code that a broker answered with; unknown codes are kept as numbers.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        self.0.code
    }

    /// Whether the same call may succeed when it is made again.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.0.retriable.unwrap_or_else(|| match self.0.kind {
            ErrorKind::Timeout | ErrorKind::Transport => true,
            ErrorKind::Broker => self.0.code.is_some_and(ErrorCode::is_retriable),
            _ => false,
        })
    }

    /// Whether this client is of no use any more and has to be closed.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.0.fatal
    }

    /// Whether the transaction can only be aborted; after that the producer goes on, and what the
    /// transaction did can be done again in another one.
    #[must_use]
    pub fn requires_abort(&self) -> bool {
        self.0.requires_abort
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

    /// `Fetch v13, broker 1, topic orders, partition 0`.
    fn context(&self) -> String {
        let inner = &self.0;
        let parts = [
            inner.api.map(|(api, version)| format!("{api} v{version}")),
            inner.broker.map(|broker| format!("broker {broker}")),
            inner.topic.as_ref().map(|topic| format!("topic {topic}")),
            inner.partition.map(|partition| format!("partition {partition}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.kind)?;
        if let Some(code) = self.0.code {
            write!(f, " {code}")?;
        }
        if !self.0.message.is_empty() {
            write!(f, ": {}", self.0.message)?;
        }
        let context = self.context();
        if !context.is_empty() {
            write!(f, " ({context})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        let mut shown = f.debug_struct("Error");
        shown.field("kind", &inner.kind);
        if let Some(code) = inner.code {
            shown.field("code", &code);
        }
        shown.field("message", &inner.message);
        let context = self.context();
        if !context.is_empty() {
            shown.field("context", &context);
        }
        if inner.written != Written::No {
            shown.field("written", &inner.written);
        }
        if let Some(source) = &inner.source {
            shown.field("source", source);
        }
        shown.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_of_an_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn display_names_code_message_and_place() {
        let error = Error::broker_answered(6, "the leader moved")
            .with_partition("orders", 3)
            .with_broker(1)
            .with_api("Produce", 12);
        assert_eq!(
            error.to_string(),
            "the broker answered with an error NOT_LEADER_OR_FOLLOWER: the leader moved \
             (Produce v12, broker 1, topic orders, partition 3)"
        );
        assert_eq!(Error::new(ErrorKind::Closed, "").to_string(), "the client is closed");
    }

    #[test]
    fn context_can_be_read_as_fields() {
        let error = Error::broker_answered(12_345, "").with_partition("t", 0).with_api("Fetch", 4);
        assert_eq!(error.code(), Some(ErrorCode(12_345)));
        assert_eq!((error.topic(), error.partition()), (Some("t"), Some(0)));
        assert_eq!((error.broker(), error.api()), (None, Some(("Fetch", 4))));
    }

    #[test]
    fn what_can_be_tried_again_follows_from_kind_and_code() {
        for (error, expected) in [
            (Error::broker_answered(ErrorCode::NOT_LEADER_OR_FOLLOWER, ""), true),
            (Error::broker_answered(ErrorCode::TOPIC_AUTHORIZATION_FAILED, ""), false),
            (Error::broker_answered(12_345, ""), false),
            (Error::new(ErrorKind::Timeout, ""), true),
            (Error::new(ErrorKind::Transport, ""), true),
            (Error::new(ErrorKind::Protocol, ""), false),
            (Error::new(ErrorKind::Closed, ""), false),
            (Error::new(ErrorKind::Timeout, "").with_retriable(false), false),
        ] {
            assert_eq!(error.is_retriable(), expected, "{error}");
        }
    }

    #[test]
    fn nothing_is_written_unless_said() {
        let error = Error::new(ErrorKind::Timeout, "");
        assert!(!error.may_have_been_written() && !error.is_fatal());
        assert!(error.clone().with_written(Written::Maybe).may_have_been_written());
        assert!(error.clone().with_written(Written::Yes).may_have_been_written());
        assert!(error.clone().with_fatal().is_fatal() && !error.requires_abort());
        assert!(error.with_abort_required().requires_abort());
    }

    #[test]
    fn the_cause_is_the_source_and_not_in_the_text() {
        let cause = std::io::Error::other("cable cut");
        let error = Error::new(ErrorKind::Transport, "broker1:9092").with_source(cause);
        assert_eq!(error.to_string(), "connection failed: broker1:9092");
        assert_eq!(error.source().unwrap().to_string(), "cable cut");
    }
}
