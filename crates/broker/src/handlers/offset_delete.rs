//! OffsetDelete: removing committed offsets of topics that a group does not read any more (KIP-496).

use milena_wire::messages::offset_delete_request::OffsetDeleteRequestTopic;
use milena_wire::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use milena_wire::messages::{
    ConsumerProtocolSubscription, OffsetDeleteRequest, OffsetDeleteResponse,
};
use milena_wire::{ByteString, Decoder, ErrorCode, Message};

use super::{Api, Reply};
use crate::connection::Call;

impl Api for OffsetDeleteRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<OffsetDeleteResponse> {
        if let Err(code) = call.check_group(&self.group_id) {
            return Reply::Response(self.refused(call, code));
        }
        if call.cluster().groups.with(|groups| groups.describe(&self.group_id)).is_none() {
            return Reply::Response(self.refused(call, ErrorCode::GROUP_ID_NOT_FOUND));
        }
        let topic = |topic: &OffsetDeleteRequestTopic| OffsetDeleteResponseTopic {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| {
                    let partition_index = partition.partition_index;
                    let delete = || delete(call, &self.group_id, &topic.name, partition_index);
                    let deleted = call.with_faults(&topic.name, partition_index, delete);
                    OffsetDeleteResponsePartition {
                        partition_index,
                        error_code: deleted.err().unwrap_or(ErrorCode::NONE).0,
                        ..Default::default()
                    }
                })
                .collect(),
            ..Default::default()
        };
        Reply::Response(OffsetDeleteResponse {
            topics: self.topics.iter().map(topic).collect(),
            ..Default::default()
        })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> OffsetDeleteResponse {
        OffsetDeleteResponse { error_code: code.0, ..Default::default() }
    }

    fn throttle(response: &mut OffsetDeleteResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn delete(
    call: &Call<'_>,
    group_id: &str,
    topic: &ByteString,
    index: i32,
) -> Result<(), ErrorCode> {
    call.known_partition(topic, index)?;
    call.cluster()
        .groups
        .with(|groups| groups.delete_offset(group_id, topic, index, &is_subscribed))?;
    call.cluster().journal(|journal| journal.offset(group_id, topic, index, None));
    Ok(())
}

/// Whether the metadata of a member names the topic. What cannot be read counts as subscribed.
fn is_subscribed(metadata: &[u8], topic: &str) -> bool {
    let Some((version, body)) = metadata.split_first_chunk() else { return false };
    // A newer member writes what an older reader can read the beginning of.
    let version = i16::from_be_bytes(*version).clamp(0, ConsumerProtocolSubscription::MAX_VERSION);
    let mut decoder = Decoder::new(bytes::Bytes::copy_from_slice(body));
    let subscription = ConsumerProtocolSubscription::decode(&mut decoder, version);
    subscription.map_or(true, |subscription| subscription.topics.iter().any(|name| name == topic))
}
