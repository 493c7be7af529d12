//! Why a transaction, or the producer's part in all of them, failed.

use std::fmt;

use milena_wire::ErrorCode;

use crate::TopicPartition;
use crate::producer::outcome::FailureReason;

/// What a failure leaves possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The call was refused, and nothing has changed.
    Refused,
    /// The transaction can only be aborted; then the producer goes on.
    Abortable,
    /// The producer is of no use any more.
    Fatal,
}

/// A failure: what is left, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionFailure {
    /// What it leaves possible.
    pub severity: Severity,
    /// Why.
    pub reason: TransactionFailureReason,
}

/// Why a transaction failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionFailureReason {
    /// Another producer with the same transactional id has taken over, or the coordinator has aborted
    /// a transaction that took longer than `transaction.timeout.ms`.
    Fenced,
    /// The coordinator refused.
    Broker {
        /// The request that it answered.
        api: &'static str,
        /// Its answer.
        code: ErrorCode,
    },
    /// The coordinator refused a partition.
    Partition {
        /// The request that it answered.
        api: &'static str,
        /// The partition.
        partition: TopicPartition,
        /// Its answer.
        code: ErrorCode,
    },
    /// Records of the transaction could not be delivered.
    Delivery {
        /// Where they were to go.
        partition: TopicPartition,
        /// Why not.
        reason: Box<FailureReason>,
    },
    /// Records may be written or not, and the coordinator is too old to give the producer a new
    /// epoch (before Kafka 2.5), so that no record can follow them safely.
    Unresolved,
    /// The coordinator is too old, or too new; the text says for what.
    Unsupported(String),
    /// An answer breaks the protocol; the text says how.
    Protocol(&'static str),
    /// The call does not fit the state.
    State {
        /// What was asked for.
        call: &'static str,
        /// The state, by Java's name.
        state: &'static str,
    },
}

impl TransactionFailure {
    pub(in crate::producer) const fn new(
        severity: Severity,
        reason: TransactionFailureReason,
    ) -> Self {
        Self { severity, reason }
    }

    pub(in crate::producer) const fn fatal(reason: TransactionFailureReason) -> Self {
        Self::new(Severity::Fatal, reason)
    }

    pub(in crate::producer) const fn abortable(reason: TransactionFailureReason) -> Self {
        Self::new(Severity::Abortable, reason)
    }

    pub(in crate::producer) const fn state(call: &'static str, state: &'static str) -> Self {
        Self::new(Severity::Refused, TransactionFailureReason::State { call, state })
    }
}

impl fmt::Display for TransactionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl fmt::Display for TransactionFailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fenced => f.write_str(
                "another producer with the same transactional.id has taken over, or the transaction took \
                 longer than transaction.timeout.ms",
            ),
            Self::Broker { api, code } => write!(f, "{api} was answered with {code}"),
            Self::Partition { api, partition, code } => {
                write!(f, "{api} was answered with {code} for {partition}")
            }
            Self::Delivery { partition, reason } => {
                write!(f, "records for {partition} could not be delivered: {reason}")
            }
            Self::Unresolved => f.write_str(
                "records may be written or not, and the coordinator, which is older than Kafka 2.5, \
                 cannot give the producer a new epoch",
            ),
            Self::Unsupported(problem) => f.write_str(problem),
            Self::Protocol(rule) => write!(f, "an answer breaks the protocol: {rule}"),
            Self::State { call, state } => {
                write!(f, "{call} is not possible in the state {state}")
            }
        }
    }
}
