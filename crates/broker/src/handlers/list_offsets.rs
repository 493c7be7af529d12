//! ListOffsets and OffsetForLeaderEpoch: positions in a log by time and by epoch.

use milena_wire::ErrorCode;
use milena_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use milena_wire::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use milena_wire::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use milena_wire::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use milena_wire::messages::{
    ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
};

use super::{Api, Reply};
use crate::cluster::PartitionState;
use crate::connection::Call;
use crate::log::{TimestampOffset, first_at_or_after};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;
const READ_COMMITTED: i8 = 1;
/// Leader epochs are told from this version on.
const EPOCH_VERSION: i16 = 4;

impl Api for ListOffsetsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<ListOffsetsResponse> {
        let topic = |topic: &ListOffsetsTopic| {
            let partition = |partition: &ListOffsetsPartition| {
                let found = list(call, &topic.name, partition, self.isolation_level);
                found.unwrap_or_else(|code| missing(partition.partition_index, code))
            };
            ListOffsetsTopicResponse {
                name: topic.name.clone(),
                partitions: topic.partitions.iter().map(partition).collect(),
                ..Default::default()
            }
        };
        let topics = self.topics.iter().map(topic).collect();
        Reply::Response(ListOffsetsResponse { topics, ..Default::default() })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> ListOffsetsResponse {
        let topic = |topic: &ListOffsetsTopic| ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| missing(partition.partition_index, code))
                .collect(),
            ..Default::default()
        };
        ListOffsetsResponse {
            topics: self.topics.iter().map(topic).collect(),
            ..Default::default()
        }
    }

    fn throttle(response: &mut ListOffsetsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn missing(partition_index: i32, code: ErrorCode) -> ListOffsetsPartitionResponse {
    ListOffsetsPartitionResponse { partition_index, error_code: code.0, ..Default::default() }
}

fn list(
    call: &Call<'_>,
    topic: &str,
    asked: &ListOffsetsPartition,
    isolation_level: i8,
) -> Result<ListOffsetsPartitionResponse, ErrorCode> {
    let partition = call.find_partition(topic, asked.partition_index)?;
    let mut state = partition.lock();
    call.check_leadership(&state.leadership, asked.current_leader_epoch)?;
    let bound = if isolation_level == READ_COMMITTED {
        state.log.last_stable_offset()
    } else {
        state.log.high_watermark()
    };
    let at = |offset| Some(TimestampOffset { timestamp: -1, offset });
    let found = match asked.timestamp {
        LATEST => at(bound),
        EARLIEST | EARLIEST_LOCAL => at(state.log.start_offset()),
        MAX_TIMESTAMP => match state.log.batch_of_max_timestamp() {
            Some((base_offset, timestamp)) => find_from(&mut state, base_offset, timestamp)?,
            None => None,
        },
        // There is no remote storage.
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => None,
        timestamp if timestamp >= 0 => match state.log.batch_for_timestamp(timestamp, bound) {
            Some(base_offset) => find_from(&mut state, base_offset, timestamp)?,
            None => None,
        },
        _ => return Err(ErrorCode::UNSUPPORTED_VERSION),
    };
    let found = found.filter(|found| found.timestamp == -1 || found.offset < bound);
    let epoch = match (found, asked.timestamp) {
        (None, _) => None,
        (Some(_), LATEST) => Some(state.leadership.leader_epoch),
        (Some(found), _) => state.log.epochs().epoch_at(found.offset),
    };
    Ok(ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        timestamp: found.map_or(-1, |found| found.timestamp),
        offset: found.map_or(-1, |found| found.offset),
        leader_epoch: epoch.filter(|_| call.version >= EPOCH_VERSION).unwrap_or(-1),
        ..Default::default()
    })
}

/// The first record at or after `timestamp` in the batch at `base_offset`.
fn find_from(
    state: &mut PartitionState,
    base_offset: i64,
    timestamp: i64,
) -> Result<Option<TimestampOffset>, ErrorCode> {
    let start_offset = state.log.start_offset();
    let batch = state.read_batch(base_offset)?;
    Ok(first_at_or_after(&batch, timestamp, start_offset))
}

impl Api for OffsetForLeaderEpochRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<OffsetForLeaderEpochResponse> {
        let topic = |topic: &OffsetForLeaderTopic| {
            let partition = |partition: &OffsetForLeaderPartition| {
                let found = epoch_end(call, &topic.topic, partition);
                found.unwrap_or_else(|code| no_epoch(partition.partition, code))
            };
            OffsetForLeaderTopicResult {
                topic: topic.topic.clone(),
                partitions: topic.partitions.iter().map(partition).collect(),
                ..Default::default()
            }
        };
        let topics = self.topics.iter().map(topic).collect();
        Reply::Response(OffsetForLeaderEpochResponse { topics, ..Default::default() })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> OffsetForLeaderEpochResponse {
        let topic = |topic: &OffsetForLeaderTopic| OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| no_epoch(partition.partition, code))
                .collect(),
            ..Default::default()
        };
        OffsetForLeaderEpochResponse {
            topics: self.topics.iter().map(topic).collect(),
            ..Default::default()
        }
    }

    fn throttle(response: &mut OffsetForLeaderEpochResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn no_epoch(partition: i32, code: ErrorCode) -> EpochEndOffset {
    EpochEndOffset {
        partition,
        error_code: code.0,
        leader_epoch: -1,
        end_offset: -1,
        ..Default::default()
    }
}

fn epoch_end(
    call: &Call<'_>,
    topic: &str,
    asked: &OffsetForLeaderPartition,
) -> Result<EpochEndOffset, ErrorCode> {
    let partition = call.find_partition(topic, asked.partition)?;
    let state = partition.lock();
    call.check_leadership(&state.leadership, asked.current_leader_epoch)?;
    let end = state.log.epoch_end(asked.leader_epoch);
    Ok(EpochEndOffset {
        partition: asked.partition,
        leader_epoch: end.leader_epoch,
        end_offset: end.end_offset,
        ..Default::default()
    })
}
