//! DeleteRecords.

use milena_wire::ErrorCode;
use milena_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use milena_wire::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use milena_wire::messages::{DeleteRecordsRequest, DeleteRecordsResponse};

use super::{Api, Reply};
use crate::connection::Call;

/// Stands for the high watermark.
const TO_HIGH_WATERMARK: i64 = -1;

impl Api for DeleteRecordsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<DeleteRecordsResponse> {
        let topic = |topic: &DeleteRecordsTopic| {
            let partition = |partition: &DeleteRecordsPartition| {
                let partition_index = partition.partition_index;
                let delete = || delete(call, &topic.name, partition);
                match call.with_faults(&topic.name, partition_index, delete) {
                    Ok(low_watermark) => DeleteRecordsPartitionResult {
                        partition_index,
                        low_watermark,
                        ..Default::default()
                    },
                    Err(code) => failed(partition_index, code),
                }
            };
            DeleteRecordsTopicResult {
                name: topic.name.clone(),
                partitions: topic.partitions.iter().map(partition).collect(),
                ..Default::default()
            }
        };
        let topics = self.topics.iter().map(topic).collect();
        Reply::Response(DeleteRecordsResponse { topics, ..Default::default() })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> DeleteRecordsResponse {
        let topic = |topic: &DeleteRecordsTopic| DeleteRecordsTopicResult {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| failed(partition.partition_index, code))
                .collect(),
            ..Default::default()
        };
        DeleteRecordsResponse {
            topics: self.topics.iter().map(topic).collect(),
            ..Default::default()
        }
    }

    fn throttle(response: &mut DeleteRecordsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn failed(partition_index: i32, code: ErrorCode) -> DeleteRecordsPartitionResult {
    DeleteRecordsPartitionResult {
        partition_index,
        low_watermark: -1,
        error_code: code.0,
        ..Default::default()
    }
}

fn delete(call: &Call<'_>, topic: &str, asked: &DeleteRecordsPartition) -> Result<i64, ErrorCode> {
    let partition = call.known_partition(topic, asked.partition_index)?;
    if let Some(topic) = call.cluster().topic(topic)
        && !topic.config.read().deletes_old_records()
    {
        return Err(ErrorCode::POLICY_VIOLATION);
    }
    let start_offset = {
        let mut state = partition.lock();
        call.check_leadership(&state.leadership, -1)?;
        let high_watermark = state.log.high_watermark();
        let offset = if asked.offset == TO_HIGH_WATERMARK { high_watermark } else { asked.offset };
        if !(0..=high_watermark).contains(&offset) {
            return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
        }
        state.delete_before(offset);
        state.log.start_offset()
    };
    call.cluster().journal(|journal| journal.start(topic, asked.partition_index, start_offset));
    Ok(start_offset)
}
