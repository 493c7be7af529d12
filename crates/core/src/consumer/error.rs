//! What can go wrong while consuming, as facts; the client makes its errors of them.

use milena_wire::{ErrorCode, records::RecordError};

use super::partition::Stuck;
use crate::TopicPartition;

/// What the application has to see.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsumerError {
    /// A broker answered with an error that does not pass.
    Broker {
        /// The API that was called.
        api: &'static str,
        /// The answer.
        code: ErrorCode,
        /// The partition that it concerns.
        partition: Option<TopicPartition>,
    },
    /// The coordinator refuses this member for good: another one has its `group.instance.id`.
    Fenced,
    /// A partition has no position, and only a seek can help.
    Stuck(TopicPartition, Stuck),
    /// Bytes of a partition cannot be read. A seek behind the offset skips them.
    Corrupt {
        /// The partition.
        partition: TopicPartition,
        /// The offset of the next record.
        offset: i64,
        /// What is wrong.
        error: RecordError,
    },
    /// A batch is larger than what the broker sends, so the partition cannot go on.
    BatchTooLarge {
        /// The partition.
        partition: TopicPartition,
        /// The offset of the next record.
        offset: i64,
        /// How large the batch is.
        size_bytes: usize,
    },
}
