//! How the delivery of a batch ended.

use std::fmt;

use milena_wire::ErrorCode;

use super::transaction::{Severity, TransactionFailure};
use crate::BrokerId;

/// What is known about records whose delivery failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Written {
    /// They are not in the log, and will not be.
    No,
    /// They may be in the log: a request with them was sent, and nothing that came back excludes it.
    Maybe,
}

impl Written {
    /// [`Written::Maybe`] when `possible`.
    #[must_use]
    pub const fn maybe(possible: bool) -> Self {
        if possible { Self::Maybe } else { Self::No }
    }
}

/// How the delivery of some records ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are in the log.
    Written {
        /// The offset of the first of them; `None` when the broker did not say (`acks=0`, or a
        /// duplicate that it does not remember).
        base_offset: Option<i64>,
        /// The broker's time in ms since 1970 when the topic uses `LogAppendTime`.
        log_append_time_ms: Option<i64>,
        /// The first offset of the partition at that time; `None` from brokers before Kafka 1.0.
        log_start_offset: Option<i64>,
    },
    /// They could not be delivered.
    Failed(DeliveryFailure),
}

/// Why records could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryFailure {
    /// The cause.
    pub reason: FailureReason,
    /// What is known about the log.
    pub written: Written,
    /// How often they were sent.
    pub attempts: u32,
    /// The broker that was asked last.
    pub broker: Option<BrokerId>,
    /// What it means for the transaction that the records are part of; `None` without one.
    pub severity: Option<Severity>,
}

/// Why records could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureReason {
    /// A broker refused the batch, or `retries` are used up.
    Broker {
        /// The error code.
        code: ErrorCode,
        /// The broker's own words, if it had any.
        message: Option<String>,
    },
    /// A broker refused the batch because of some of its records (KIP-467).
    InvalidRecords {
        /// The error code.
        code: ErrorCode,
        /// The broker's words about the batch.
        message: Option<String>,
        /// Index within the batch and the broker's words about that record.
        records: Vec<(u32, Option<String>)>,
    },
    /// The connection was lost before an answer came, and `retries` are used up.
    ConnectionLost,
    /// A broker's answer breaks the protocol; the text says how.
    Protocol(&'static str),
    /// The request cannot be written for this broker; the text says why.
    Request(String),
    /// An earlier attempt may have written the batch, and a batch before it is missing: with its
    /// sequence no broker takes it, with another one it could be written twice.
    Unresolved,
    /// `delivery.timeout.ms` passed.
    DeliveryTimeout {
        /// The error that the last attempt ended with.
        last_error: Option<ErrorCode>,
        /// Whether the leader of the partition was unknown at that time.
        leaderless: bool,
    },
    /// No producer id could be had, so nothing can be sent with idempotence.
    ProducerId(ProducerIdFailure),
    /// The producer was closed before the records were delivered.
    Closed,
    /// The batch could not be encoded; the text says why.
    Encoding(String),
    /// The transaction was aborted before the records were sent.
    TransactionAborted,
    /// The transaction failed before the records were sent.
    Transaction(Box<TransactionFailure>),
}

/// Why no producer id could be had.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProducerIdFailure {
    /// A broker refused: most often the right `IdempotentWrite` on the cluster is missing.
    Refused(ErrorCode),
    /// The brokers are older than 0.11 and have no producer ids.
    Unsupported,
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker { code, message } => broker_said(f, *code, message.as_deref()),
            Self::InvalidRecords { code, message, records } => {
                broker_said(f, *code, message.as_deref())?;
                write!(f, "; {} record(s) of the batch are invalid", records.len())
            }
            Self::ConnectionLost => f.write_str("the connection was lost before the answer"),
            Self::Protocol(rule) => write!(f, "the answer breaks the protocol: {rule}"),
            Self::Request(problem) => f.write_str(problem),
            Self::Unresolved => f.write_str(
                "an earlier attempt may have written it, and a batch before it is missing",
            ),
            Self::DeliveryTimeout { last_error, leaderless } => {
                f.write_str("delivery.timeout.ms passed")?;
                if *leaderless {
                    f.write_str(" while the partition had no known leader")?;
                }
                last_error.map_or(Ok(()), |code| write!(f, "; the last error was {code}"))
            }
            Self::ProducerId(ProducerIdFailure::Refused(code)) => write!(
                f,
                "no producer id: {code}; grant IdempotentWrite or set enable.idempotence=false"
            ),
            Self::ProducerId(ProducerIdFailure::Unsupported) => f.write_str(
                "no producer id: the broker has no InitProducerId; set enable.idempotence=false",
            ),
            Self::Closed => f.write_str("the producer was closed before delivery"),
            Self::Encoding(problem) => write!(f, "the batch cannot be encoded: {problem}"),
            Self::TransactionAborted => f.write_str("the transaction was aborted"),
            Self::Transaction(failure) => write!(f, "the transaction failed: {failure}"),
        }
    }
}

fn broker_said(f: &mut fmt::Formatter<'_>, code: ErrorCode, message: Option<&str>) -> fmt::Result {
    write!(f, "{code}")?;
    message.map_or(Ok(()), |message| write!(f, ": {message}"))
}
