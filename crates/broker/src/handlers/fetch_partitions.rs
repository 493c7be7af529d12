//! One partition of a fetch: whether there is something to read, and reading it.

use std::sync::Arc;

use bytes::Bytes;
use milena_wire::ErrorCode;
use milena_wire::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, LeaderIdAndEpoch, PartitionData,
};
use tokio::sync::Notify;

use crate::cluster::{Partition, PartitionState};
use crate::connection::Call;
use crate::fetch_session::{FetchKey, FetchWish};
use crate::log::BatchHeader;

/// Topics are named by id from this version on (KIP-516).
const TOPIC_ID_VERSION: i16 = 13;
/// Diverging epochs and leader hints are told from this version on (KIP-595).
const DIVERGING_VERSION: i16 = 12;
/// The first version whose consumers know zstd (KIP-110).
const ZSTD_VERSION: i16 = 10;
const ZSTD: i16 = 4;
const READ_COMMITTED: i8 = 1;

/// A partition that the client wants to read.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) key: FetchKey,
    wish: FetchWish,
    partition: Result<Arc<Partition>, ErrorCode>,
}

/// What is left of the limits of the whole response.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) bytes_left: usize,
    pub(super) isolation_level: i8,
    /// The first batch of a response is given even when it is larger than all limits.
    pub(super) has_records: bool,
}

impl Wanted {
    pub(super) fn find(call: &Call<'_>, key: &FetchKey, wish: FetchWish) -> Self {
        let partition = if call.version >= TOPIC_ID_VERSION {
            let topic = call.cluster().topic_by_id(key.topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID);
            topic.and_then(|topic| match call.partition_error(&topic.name, key.partition) {
                Some(code) => Err(code),
                None => topic.partition(key.partition).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            })
        } else {
            call.find_partition(&key.topic, key.partition)
        };
        Self { key: key.clone(), wish, partition }
    }
}

/// How many bytes could be read; `None` when the client has to be told something at once. The
/// waiter is woken when that changes.
pub(super) fn probe(
    call: &Call<'_>,
    wanted: &Wanted,
    isolation_level: i8,
    waiter: &Arc<Notify>,
) -> Option<usize> {
    let partition = wanted.partition.as_ref().ok()?;
    let mut state = partition.lock();
    check(call, &state, &wanted.wish).ok()?;
    if diverging(call, &state, &wanted.wish).is_some() {
        return None;
    }
    let bound = bound(&state, isolation_level);
    let available =
        state.log.available_bytes(wanted.wish.fetch_offset, bound, wanted.wish.bytes_max);
    state.wait(waiter);
    Some(available)
}

/// What the response says of a partition.
pub(super) fn read(call: &Call<'_>, wanted: &Wanted, limits: &mut Limits) -> PartitionData {
    let index = wanted.key.partition;
    let partition = match &wanted.partition {
        Ok(partition) => partition,
        Err(code) => return failed(index, *code),
    };
    let mut state = partition.lock();
    if let Err(code) = check(call, &state, &wanted.wish) {
        let mut data = failed(index, code);
        if code == ErrorCode::OFFSET_OUT_OF_RANGE {
            data.high_watermark = state.log.high_watermark();
            data.log_start_offset = state.log.start_offset();
        }
        let is_moved =
            matches!(code, ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::FENCED_LEADER_EPOCH);
        if is_moved && call.version >= DIVERGING_VERSION {
            data.current_leader = LeaderIdAndEpoch {
                leader_id: state.leadership.leader,
                leader_epoch: state.leadership.leader_epoch,
                ..Default::default()
            };
        }
        return data;
    }
    let mut data = PartitionData {
        partition_index: index,
        high_watermark: state.log.high_watermark(),
        last_stable_offset: state.log.last_stable_offset(),
        log_start_offset: state.log.start_offset(),
        records: Some(Bytes::new()),
        ..Default::default()
    };
    if let Some(end) = diverging(call, &state, &wanted.wish) {
        data.diverging_epoch = end;
        return data;
    }
    let bound = bound(&state, limits.isolation_level);
    let bytes_max = wanted.wish.bytes_max.min(limits.bytes_left);
    let offset = wanted.wish.fetch_offset;
    let (records, next_offset) = match state.read(offset, bound, bytes_max, !limits.has_records) {
        Ok(read) => read,
        Err(code) => return failed(index, code),
    };
    if call.version < ZSTD_VERSION && has_zstd(&records) {
        return failed(index, ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
    }
    if limits.isolation_level == READ_COMMITTED {
        let aborted = state.log.aborted_between(offset, next_offset.max(offset));
        let told = |aborted: crate::log::AbortedTransaction| AbortedTransaction {
            producer_id: aborted.producer_id,
            first_offset: aborted.first_offset,
            ..Default::default()
        };
        data.aborted_transactions = Some(aborted.into_iter().map(told).collect());
    }
    limits.bytes_left = limits.bytes_left.saturating_sub(records.len());
    limits.has_records |= !records.is_empty();
    data.records = Some(records);
    data
}

pub(super) fn failed(partition_index: i32, code: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index,
        error_code: code.0,
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        records: Some(Bytes::new()),
        ..Default::default()
    }
}

fn check(call: &Call<'_>, state: &PartitionState, wish: &FetchWish) -> Result<(), ErrorCode> {
    call.check_leadership(&state.leadership, wish.current_leader_epoch)?;
    let is_in_range =
        (state.log.start_offset()..=state.log.end_offset()).contains(&wish.fetch_offset);
    // A consumer behind a truncation is told where its epoch ended instead (KIP-595).
    if is_in_range || diverging(call, state, wish).is_some() {
        Ok(())
    } else {
        Err(ErrorCode::OFFSET_OUT_OF_RANGE)
    }
}

/// Where the client's history parts from this log, if it does.
fn diverging(call: &Call<'_>, state: &PartitionState, wish: &FetchWish) -> Option<EpochEndOffset> {
    if wish.last_fetched_epoch < 0 || call.version < DIVERGING_VERSION {
        return None;
    }
    let end = state.log.epoch_end(wish.last_fetched_epoch);
    let diverges = end.leader_epoch >= 0
        && (end.leader_epoch < wish.last_fetched_epoch || end.end_offset < wish.fetch_offset);
    diverges.then(|| EpochEndOffset {
        epoch: end.leader_epoch,
        end_offset: end.end_offset,
        ..Default::default()
    })
}

fn bound(state: &PartitionState, isolation_level: i8) -> i64 {
    if isolation_level == READ_COMMITTED {
        state.log.last_stable_offset()
    } else {
        state.log.high_watermark()
    }
}

fn has_zstd(records: &Bytes) -> bool {
    let mut rest = &records[..];
    while let Ok(header) = BatchHeader::parse(rest) {
        if header.compression() == ZSTD {
            return true;
        }
        rest = rest.get(header.size..).unwrap_or_default();
    }
    false
}
