//! What an error code in a produce response means for its batch.

use milena_wire::ErrorCode;

/// What becomes of a batch that a broker answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is in the log.
    Written,
    /// Send it again.
    Retry,
    /// Its sequence does not follow the broker's last one.
    OutOfOrder,
    /// The broker has forgotten the producer.
    UnknownProducer,
    /// It is larger than the broker takes; halves of it may not be.
    TooLarge,
    /// It cannot be delivered.
    Fail,
}

/// The verdict on a batch; `idempotent` tells whether it carries a sequence.
pub(super) fn verdict(code: ErrorCode, idempotent: bool) -> Verdict {
    match code {
        ErrorCode::NONE => Verdict::Written,
        // Spec: KIP-98#idempotent-producer-guarantees: the same sequence again is in the log already.
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER if idempotent => Verdict::Written,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER if idempotent => Verdict::OutOfOrder,
        ErrorCode::UNKNOWN_PRODUCER_ID if idempotent => Verdict::UnknownProducer,
        ErrorCode::MESSAGE_TOO_LARGE => Verdict::TooLarge,
        _ if code.is_retriable() => Verdict::Retry,
        _ => Verdict::Fail,
    }
}

/// Whether a broker that answers so has certainly not written the batch.
///
/// A leader that steps down while it waits for its replicas answers `NOT_LEADER_OR_FOLLOWER`, or
/// `UNKNOWN_TOPIC_OR_PARTITION` when the partition is taken from it, after it wrote to its log; a
/// time-out or too few replicas after the append say so themselves. Codes that are not known leave
/// everything possible.
pub(super) fn excludes_write(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
            | ErrorCode::UNKNOWN_PRODUCER_ID
            | ErrorCode::INVALID_PRODUCER_EPOCH
            | ErrorCode::INVALID_PRODUCER_ID_MAPPING
            | ErrorCode::INVALID_TXN_STATE
            | ErrorCode::CONCURRENT_TRANSACTIONS
            | ErrorCode::TRANSACTION_ABORTABLE
            | ErrorCode::PRODUCER_FENCED
            | ErrorCode::CORRUPT_MESSAGE
            | ErrorCode::INVALID_RECORD
            | ErrorCode::INVALID_TIMESTAMP
            | ErrorCode::MESSAGE_TOO_LARGE
            | ErrorCode::RECORD_LIST_TOO_LARGE
            | ErrorCode::INVALID_REQUIRED_ACKS
            | ErrorCode::INVALID_REQUEST
            | ErrorCode::INVALID_TOPIC_EXCEPTION
            | ErrorCode::NOT_ENOUGH_REPLICAS
            | ErrorCode::POLICY_VIOLATION
            | ErrorCode::THROTTLING_QUOTA_EXCEEDED
            | ErrorCode::TOPIC_AUTHORIZATION_FAILED
            | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
            | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            | ErrorCode::UNSUPPORTED_COMPRESSION_TYPE
            | ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT
            | ErrorCode::UNSUPPORTED_VERSION
    )
}

/// Whether the answer means that the metadata is out of date.
pub(super) fn is_stale_metadata(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NOT_LEADER_OR_FOLLOWER
            | ErrorCode::LEADER_NOT_AVAILABLE
            | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            | ErrorCode::UNKNOWN_TOPIC_ID
            | ErrorCode::INCONSISTENT_TOPIC_ID
            | ErrorCode::FENCED_LEADER_EPOCH
            | ErrorCode::UNKNOWN_LEADER_EPOCH
            | ErrorCode::KAFKA_STORAGE_ERROR
            | ErrorCode::REPLICA_NOT_AVAILABLE
            | ErrorCode::NETWORK_EXCEPTION
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_errors_mean_nothing_special_without_idempotence() {
        for code in [
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            ErrorCode::UNKNOWN_PRODUCER_ID,
            ErrorCode::DUPLICATE_SEQUENCE_NUMBER,
        ] {
            assert_eq!(verdict(code, false), Verdict::Fail, "{code}");
            assert_ne!(verdict(code, true), Verdict::Fail, "{code}");
        }
    }

    #[test]
    fn leader_that_steps_down_may_have_written() {
        assert!(!excludes_write(ErrorCode::NOT_LEADER_OR_FOLLOWER));
        assert!(!excludes_write(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND));
        assert!(!excludes_write(ErrorCode(9999)));
        assert!(excludes_write(ErrorCode::NOT_ENOUGH_REPLICAS));
    }

    #[test]
    fn unknown_codes_fail() {
        assert_eq!(verdict(ErrorCode(9999), true), Verdict::Fail);
    }
}
