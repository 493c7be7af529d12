//! Failed deliveries as errors.

use milena_core::producer::{
    DeliveryFailure, FailureReason, ProducerIdFailure, Severity, TransactionFailure,
    TransactionFailureReason, Written as Fate,
};

use crate::{Error, ErrorKind, Written};

/// The error of the record with this index within the batch that failed.
pub(super) fn error(failure: &DeliveryFailure, topic: &str, partition: i32, index: u32) -> Error {
    let written = match failure.written {
        Fate::No => Written::No,
        Fate::Maybe => Written::Maybe,
    };
    let error = reason(&failure.reason, index).with_partition(topic, partition);
    let error = error.with_written(written);
    let error = match failure.severity {
        Some(severity) => with_severity(error, severity),
        None => error,
    };
    match failure.broker {
        Some(broker) => error.with_broker(broker.0),
        None => error,
    }
}

fn reason(reason: &FailureReason, index: u32) -> Error {
    let text = reason.to_string();
    match reason {
        FailureReason::Broker { code, message } => {
            Error::broker_answered(*code, message.clone().unwrap_or_default())
        }
        FailureReason::InvalidRecords { code, message, records } => {
            let of_record = records.iter().find(|(at, _)| *at == index);
            let text = match of_record {
                Some((_, text)) => text.clone().or_else(|| message.clone()),
                None => Some(
                    "the record is fine, but others of its batch are invalid; send it again"
                        .to_owned(),
                ),
            };
            Error::broker_answered(*code, text.unwrap_or_default())
                .with_retriable(of_record.is_none())
        }
        FailureReason::ConnectionLost => Error::new(ErrorKind::Transport, text),
        FailureReason::Protocol(_) => Error::new(ErrorKind::Protocol, text),
        FailureReason::DeliveryTimeout { .. } => Error::new(ErrorKind::Timeout, text),
        FailureReason::ProducerId(ProducerIdFailure::Refused(code)) => {
            Error::broker_answered(*code, text)
        }
        FailureReason::Request(_) | FailureReason::ProducerId(ProducerIdFailure::Unsupported) => {
            Error::new(ErrorKind::UnsupportedVersion, text)
        }
        FailureReason::Closed => Error::new(ErrorKind::Closed, text),
        FailureReason::Encoding(_) => Error::new(ErrorKind::InvalidArgument, text),
        FailureReason::TransactionAborted => Error::new(ErrorKind::TransactionState, text),
        FailureReason::Transaction(failure) => transaction(failure),
        _ => Error::new(ErrorKind::Broker, text),
    }
}

/// A failure of the transaction as an error.
pub(super) fn transaction(failure: &TransactionFailure) -> Error {
    let text = failure.to_string();
    let error = match &failure.reason {
        TransactionFailureReason::Fenced => Error::new(ErrorKind::Fenced, text),
        TransactionFailureReason::Broker { code, .. } => Error::broker_answered(*code, text),
        TransactionFailureReason::Partition { partition, code, .. } => {
            let error = Error::broker_answered(*code, text);
            error.with_partition(&*partition.topic, partition.partition)
        }
        TransactionFailureReason::Delivery { partition, reason: cause } => {
            let error = reason(cause, 0).with_retriable(false);
            error.with_partition(&*partition.topic, partition.partition)
        }
        TransactionFailureReason::Unresolved | TransactionFailureReason::Unsupported(_) => {
            Error::new(ErrorKind::UnsupportedVersion, text)
        }
        TransactionFailureReason::Protocol(_) => Error::new(ErrorKind::Protocol, text),
        _ => Error::new(ErrorKind::TransactionState, text),
    };
    with_severity(error, failure.severity)
}

fn with_severity(error: Error, severity: Severity) -> Error {
    match severity {
        Severity::Refused => error,
        Severity::Abortable => error.with_retriable(false).with_abort_required(),
        Severity::Fatal => error.with_retriable(false).with_fatal(),
    }
}

/// The error of a record that is too large to be accepted.
pub(super) fn too_large(topic: &str, bytes: usize, property: &str, limit: usize) -> Error {
    let message =
        format!("the record may need {bytes} bytes, which is more than {property}={limit}");
    Error::new(ErrorKind::InvalidArgument, message).with_topic(topic)
}

/// The error of a call on a producer that is closed.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the producer was closed")
}

/// The error of a record that names a partition which does not exist.
pub(super) fn no_partition(topic: &str, partition: i32, count: u32) -> Error {
    let message = format!("the topic has {count} partition(s), from 0 on");
    Error::new(ErrorKind::InvalidArgument, message).with_partition(topic, partition)
}

/// The error of a send that found no memory in time.
pub(super) fn no_memory(topic: &str, bytes: usize) -> Error {
    let message = format!(
        "no {bytes} bytes of buffer.memory came free within max.block.ms: records come faster than \
         the brokers take them"
    );
    Error::new(ErrorKind::Timeout, message).with_topic(topic)
}
