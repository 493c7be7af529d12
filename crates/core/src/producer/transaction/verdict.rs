//! What an error code in a coordinator's answer means for the transaction.
//!
//! Spec: java/TransactionManager@4.x: which codes are repeated, which need an abort, which end the
//! producer.

use milena_wire::ErrorCode;

/// A request to a coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    FindCoordinator,
    InitProducerId,
    AddPartitionsToTxn,
    AddOffsetsToTxn,
    TxnOffsetCommit,
    EndTxn,
}

impl Api {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::FindCoordinator => "FindCoordinator",
            Self::InitProducerId => "InitProducerId",
            Self::AddPartitionsToTxn => "AddPartitionsToTxn",
            Self::AddOffsetsToTxn => "AddOffsetsToTxn",
            Self::TxnOffsetCommit => "TxnOffsetCommit",
            Self::EndTxn => "EndTxn",
        }
    }
}

/// What follows from a code. Of several, the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// It is done.
    Done,
    /// The transaction has to be aborted.
    Abort,
    /// As [`Verdict::Abort`], and only a new epoch makes the producer whole again.
    AbortAndBump,
    /// The call failed, and can be made again by the application.
    Refused,
    /// Ask again after a pause.
    Retry,
    /// The transaction before is still being completed: ask again soon.
    Concurrent,
    /// Ask again, after another look for the coordinator.
    Moved,
    /// The producer is of no use any more.
    Fatal,
    /// The producer is of no use any more: another one has taken its place.
    Fenced,
}

/// The verdict on a code in the answer to a request.
pub(super) fn verdict(api: Api, code: ErrorCode) -> Verdict {
    match code {
        ErrorCode::NONE => Verdict::Done,
        ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR => Verdict::Moved,
        ErrorCode::REQUEST_TIMED_OUT if api == Api::TxnOffsetCommit => Verdict::Moved,
        ErrorCode::CONCURRENT_TRANSACTIONS if api == Api::AddPartitionsToTxn => Verdict::Concurrent,
        _ if code.is_retriable() => Verdict::Retry,
        // Spec: KIP-588#proposed-changes: older coordinators have the older name alone.
        ErrorCode::INVALID_PRODUCER_EPOCH | ErrorCode::PRODUCER_FENCED => Verdict::Fenced,
        ErrorCode::TRANSACTION_ABORTABLE => Verdict::Abort,
        _ => of_api(api, code),
    }
}

fn of_api(api: Api, code: ErrorCode) -> Verdict {
    match (api, code) {
        (
            Api::InitProducerId,
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            | ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
        ) => Verdict::Refused,
        (
            Api::AddPartitionsToTxn | Api::AddOffsetsToTxn | Api::EndTxn,
            ErrorCode::UNKNOWN_PRODUCER_ID,
        ) => Verdict::AbortAndBump,
        (
            Api::AddPartitionsToTxn,
            ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            | ErrorCode::INVALID_TXN_STATE
            | ErrorCode::INVALID_PRODUCER_ID_MAPPING,
        ) => Verdict::Fatal,
        // What is wrong with one partition is wrong with this transaction alone.
        (Api::AddPartitionsToTxn, _) => Verdict::Abort,
        (
            Api::FindCoordinator | Api::AddOffsetsToTxn | Api::TxnOffsetCommit,
            ErrorCode::GROUP_AUTHORIZATION_FAILED,
        ) => Verdict::Abort,
        // The consumer has lost its partitions, so its work must not count (KIP-447); and offsets
        // that a broker does not take can be left out of the next transaction.
        (
            Api::TxnOffsetCommit,
            ErrorCode::FENCED_INSTANCE_ID
            | ErrorCode::UNKNOWN_MEMBER_ID
            | ErrorCode::ILLEGAL_GENERATION
            | ErrorCode::STALE_MEMBER_EPOCH
            | ErrorCode::TOPIC_AUTHORIZATION_FAILED
            | ErrorCode::OFFSET_METADATA_TOO_LARGE
            | ErrorCode::INVALID_COMMIT_OFFSET_SIZE,
        ) => Verdict::Abort,
        _ => Verdict::Fatal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Api; 6] = [
        Api::FindCoordinator,
        Api::InitProducerId,
        Api::AddPartitionsToTxn,
        Api::AddOffsetsToTxn,
        Api::TxnOffsetCommit,
        Api::EndTxn,
    ];

    /// The verdicts on a code, in the order of `ALL`.
    fn row(code: ErrorCode) -> [Verdict; 6] {
        ALL.map(|api| verdict(api, code))
    }

    #[test]
    fn codes_mean_what_they_mean_to_java() {
        use Verdict::{
            Abort, AbortAndBump, Concurrent, Done, Fatal, Fenced, Moved, Refused, Retry,
        };
        for (code, expected) in [
            (ErrorCode::NONE, [Done; 6]),
            (ErrorCode::NOT_COORDINATOR, [Moved; 6]),
            (ErrorCode::COORDINATOR_NOT_AVAILABLE, [Moved; 6]),
            (ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, [Retry; 6]),
            (ErrorCode::REQUEST_TIMED_OUT, [Retry, Retry, Retry, Retry, Moved, Retry]),
            (ErrorCode::CONCURRENT_TRANSACTIONS, [Retry, Retry, Concurrent, Retry, Retry, Retry]),
            (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, [Retry; 6]),
            (ErrorCode::PRODUCER_FENCED, [Fenced; 6]),
            (ErrorCode::INVALID_PRODUCER_EPOCH, [Fenced; 6]),
            (ErrorCode::TRANSACTION_ABORTABLE, [Abort; 6]),
            (
                ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                [Fatal, Refused, Fatal, Fatal, Fatal, Fatal],
            ),
            (ErrorCode::CLUSTER_AUTHORIZATION_FAILED, [Fatal, Refused, Abort, Fatal, Fatal, Fatal]),
            (ErrorCode::INVALID_TXN_STATE, [Fatal; 6]),
            (ErrorCode::INVALID_PRODUCER_ID_MAPPING, [Fatal; 6]),
            (ErrorCode::INVALID_TRANSACTION_TIMEOUT, [Fatal, Fatal, Abort, Fatal, Fatal, Fatal]),
            (
                ErrorCode::UNKNOWN_PRODUCER_ID,
                [Fatal, Fatal, AbortAndBump, AbortAndBump, Fatal, AbortAndBump],
            ),
            (ErrorCode::TOPIC_AUTHORIZATION_FAILED, [Fatal, Fatal, Abort, Fatal, Abort, Fatal]),
            (ErrorCode::OPERATION_NOT_ATTEMPTED, [Fatal, Fatal, Abort, Fatal, Fatal, Fatal]),
            (ErrorCode::GROUP_AUTHORIZATION_FAILED, [Abort, Fatal, Abort, Abort, Abort, Fatal]),
            (ErrorCode::UNKNOWN_MEMBER_ID, [Fatal, Fatal, Abort, Fatal, Abort, Fatal]),
            (ErrorCode::ILLEGAL_GENERATION, [Fatal, Fatal, Abort, Fatal, Abort, Fatal]),
            (ErrorCode::FENCED_INSTANCE_ID, [Fatal, Fatal, Abort, Fatal, Abort, Fatal]),
            (ErrorCode(9999), [Fatal, Fatal, Abort, Fatal, Fatal, Fatal]),
        ] {
            assert_eq!(row(code), expected, "{code}");
        }
    }
}
