//! Facts of the consumer machine as errors of this crate.

use milena_core::{
    TopicPartition,
    consumer::{CommitError, ConsumerError, NotAssigned, Stuck},
};
use milena_wire::ErrorCode;

use crate::{Error, ErrorKind};

impl From<ConsumerError> for Error {
    fn from(error: ConsumerError) -> Self {
        match error {
            ConsumerError::Broker { api, code, partition } => {
                let mapped = Self::broker_answered(code, format!("{api} was answered with {code}"));
                match partition {
                    Some(tp) if tp.partition < 0 => mapped.with_topic(&*tp.topic),
                    Some(tp) => mapped.with_partition(&*tp.topic, tp.partition),
                    None => mapped,
                }
            }
            ConsumerError::Fenced => Self::broker_answered(
                ErrorCode::FENCED_INSTANCE_ID,
                "another consumer has joined the group with the same group.instance.id; close \
                 this one, or give them different ids",
            )
            .with_fatal(),
            ConsumerError::Stuck(partition, stuck) => stuck_error(&partition, stuck),
            ConsumerError::Corrupt { partition, offset, error } => {
                let message = format!(
                    "the records of {partition} from offset {offset} on cannot be read; seek \
                     behind them to go on"
                );
                Self::new(ErrorKind::Protocol, message)
                    .with_partition(&*partition.topic, partition.partition)
                    .with_source(error)
            }
            ConsumerError::BatchTooLarge { partition, offset, size_bytes } => {
                let message = format!(
                    "the batch of {partition} at offset {offset} has {size_bytes} bytes, which is \
                     more than the broker sends; raise max.partition.fetch.bytes or seek behind it"
                );
                Self::new(ErrorKind::InvalidArgument, message)
                    .with_partition(&*partition.topic, partition.partition)
            }
            other => Self::new(ErrorKind::Protocol, format!("{other:?}")),
        }
    }
}

fn stuck_error(partition: &TopicPartition, stuck: Stuck) -> Error {
    let (kind, message) = match stuck {
        Stuck::NoOffset => (
            ErrorKind::NoOffset,
            format!("{partition} has no committed offset, and auto.offset.reset is none: seek"),
        ),
        Stuck::OutOfRange(offset) => (
            ErrorKind::NoOffset,
            format!(
                "the broker does not have offset {offset} of {partition} (any more), and \
                 auto.offset.reset is none: seek"
            ),
        ),
        Stuck::Truncated { position, divergence } => {
            let known = match divergence {
                Some(end) => format!("the logs agree up to offset {}", end.offset),
                None => "it is not known up to where the logs agree".to_owned(),
            };
            let message = format!(
                "the log of {partition} was truncated behind the position {}: {known}: seek",
                position.offset
            );
            (ErrorKind::LogTruncation, message)
        }
    };
    Error::new(kind, message).with_partition(&*partition.topic, partition.partition)
}

impl From<NotAssigned> for Error {
    fn from(error: NotAssigned) -> Self {
        let NotAssigned(partition) = &error;
        let (topic, number) = (partition.topic.to_string(), partition.partition);
        Self::new(ErrorKind::InvalidArgument, error.to_string()).with_partition(topic, number)
    }
}

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Broker(code, partition) => {
                let message = match code {
                    ErrorCode::ILLEGAL_GENERATION
                    | ErrorCode::UNKNOWN_MEMBER_ID
                    | ErrorCode::FENCED_INSTANCE_ID => format!(
                        "offsets were not committed: the group has gone on without this member \
                         ({code}); poll more often, or raise max.poll.interval.ms"
                    ),
                    ErrorCode::REBALANCE_IN_PROGRESS => format!(
                        "offsets were not committed: the group is rebalancing ({code}); poll, and \
                         commit again what is still assigned"
                    ),
                    code => format!("offsets were not committed: {code}"),
                };
                Self::broker_answered(code, message)
                    .with_partition(&*partition.topic, partition.partition)
            }
            CommitError::Timeout(code) => {
                let last = code.map_or_else(String::new, |code| format!("; last answer: {code}"));
                Self::new(
                    ErrorKind::Timeout,
                    format!("the commit was not acknowledged in time, and may have happened{last}"),
                )
            }
            CommitError::Unreachable => Self::new(
                ErrorKind::Transport,
                "the consumer is being closed and its coordinator cannot be reached: the commit was \
                 not acknowledged, and may have happened",
            ),
        }
    }
}
