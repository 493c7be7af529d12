//! How long a response tells this side to send nothing.
//!
//! Brokers since 2.0 answer at once and expect the client to wait; older ones wait themselves
//! before they answer. Versions tell which: each API got a new one for that.
//!
//! Spec: KIP-219#proposed-changes.

use std::any::Any;
use std::time::Duration;

use bytes::Bytes;
use milena_wire::ApiKey;
use milena_wire::frame::response_header_version;
use milena_wire::messages::ProduceResponse;

/// The time that a response frame tells, if its API has it at a fixed place.
///
/// Read from the bytes, so that it counts even when nobody waits for the response any more.
/// Produce has it at the end: see [`of_produce`]. CreateDelegationToken and
/// DescribeDelegationToken, which no quota slows down, are left out.
pub(super) fn of_frame(api: ApiKey, version: i16, frame: &Bytes) -> Option<Duration> {
    let (first_version, offset) = throttled_by_client(api)?;
    if version < first_version {
        return None;
    }
    let body = match response_header_version(api, version) {
        0 => frame.get(4..)?,
        // Headers with tagged fields do not exist in practice; such a response tells no time.
        _ => frame.get(4..)?.strip_prefix(&[0])?,
    };
    let bytes = body.get(offset..)?.first_chunk::<4>()?;
    duration(i32::from_be_bytes(*bytes))
}

/// The time that a decoded response tells, if it is one of Produce.
pub(super) fn of_produce(response: &dyn Any, version: i16) -> Option<Duration> {
    let response = response.downcast_ref::<ProduceResponse>().filter(|_| version >= 6)?;
    duration(response.throttle_time_ms)
}

fn duration(throttle_time_ms: i32) -> Option<Duration> {
    let millis = u64::try_from(throttle_time_ms).ok().filter(|millis| *millis > 0)?;
    Some(Duration::from_millis(millis))
}

/// The first version in which the client has to wait, and where in the body the time stands.
fn throttled_by_client(api: ApiKey) -> Option<(i16, usize)> {
    Some(match api {
        ApiKey::FETCH => (8, 0),
        ApiKey::METADATA => (6, 0),
        ApiKey::OFFSET_COMMIT | ApiKey::OFFSET_FETCH => (4, 0),
        ApiKey::LIST_OFFSETS | ApiKey::JOIN_GROUP | ApiKey::CREATE_TOPICS => (3, 0),
        ApiKey::FIND_COORDINATOR
        | ApiKey::HEARTBEAT
        | ApiKey::LEAVE_GROUP
        | ApiKey::SYNC_GROUP
        | ApiKey::DESCRIBE_GROUPS
        | ApiKey::LIST_GROUPS
        | ApiKey::DELETE_TOPICS
        | ApiKey::DESCRIBE_CONFIGS => (2, 0),
        ApiKey::DELETE_RECORDS
        | ApiKey::INIT_PRODUCER_ID
        | ApiKey::ADD_PARTITIONS_TO_TXN
        | ApiKey::ADD_OFFSETS_TO_TXN
        | ApiKey::END_TXN
        | ApiKey::TXN_OFFSET_COMMIT
        | ApiKey::DESCRIBE_ACLS
        | ApiKey::CREATE_ACLS
        | ApiKey::DELETE_ACLS
        | ApiKey::ALTER_CONFIGS
        | ApiKey::ALTER_REPLICA_LOG_DIRS
        | ApiKey::DESCRIBE_LOG_DIRS
        | ApiKey::CREATE_PARTITIONS
        | ApiKey::DELETE_GROUPS => (1, 0),
        ApiKey::OFFSET_DELETE => (0, 2),
        ApiKey::ELECT_LEADERS
        | ApiKey::INCREMENTAL_ALTER_CONFIGS
        | ApiKey::ALTER_PARTITION_REASSIGNMENTS
        | ApiKey::LIST_PARTITION_REASSIGNMENTS
        | ApiKey::DESCRIBE_CLIENT_QUOTAS
        | ApiKey::ALTER_CLIENT_QUOTAS
        | ApiKey::DESCRIBE_USER_SCRAM_CREDENTIALS
        | ApiKey::ALTER_USER_SCRAM_CREDENTIALS
        | ApiKey::UPDATE_FEATURES
        | ApiKey::DESCRIBE_CLUSTER
        | ApiKey::DESCRIBE_PRODUCERS
        | ApiKey::DESCRIBE_TRANSACTIONS
        | ApiKey::LIST_TRANSACTIONS
        | ApiKey::CONSUMER_GROUP_HEARTBEAT
        | ApiKey::CONSUMER_GROUP_DESCRIBE
        | ApiKey::DESCRIBE_TOPIC_PARTITIONS
        | ApiKey::SHARE_GROUP_HEARTBEAT
        | ApiKey::SHARE_GROUP_DESCRIBE
        | ApiKey::SHARE_FETCH
        | ApiKey::SHARE_ACKNOWLEDGE
        | ApiKey::STREAMS_GROUP_HEARTBEAT
        | ApiKey::STREAMS_GROUP_DESCRIBE => (0, 0),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use milena_wire::frame;
    use milena_wire::messages::{FetchResponse, MetadataResponse, OffsetDeleteResponse};

    fn bytes(frame: &frame::Frame) -> Bytes {
        frame.to_bytes().slice(frame::LENGTH_BYTES..)
    }

    #[test]
    fn reads_the_time_from_flexible_and_older_versions() {
        for version in [6, 8, 9, 12] {
            let response = MetadataResponse { throttle_time_ms: 70, ..Default::default() };
            let frame = bytes(&frame::encode_response(version, 1, &response).unwrap());
            let time = of_frame(ApiKey::METADATA, version, &frame);
            assert_eq!(time, Some(Duration::from_millis(70)), "v{version}");
        }
        let response = OffsetDeleteResponse { throttle_time_ms: 9, ..Default::default() };
        let frame = bytes(&frame::encode_response(0, 1, &response).unwrap());
        let time = of_frame(ApiKey::OFFSET_DELETE, 0, &frame);
        assert_eq!(time, Some(Duration::from_millis(9)));
    }

    #[test]
    fn brokers_before_2_0_have_waited_themselves() {
        let response = FetchResponse { throttle_time_ms: 70, ..Default::default() };
        let frame = bytes(&frame::encode_response(7, 1, &response).unwrap());
        assert_eq!(of_frame(ApiKey::FETCH, 7, &frame), None);
        let frame = bytes(&frame::encode_response(8, 1, &response).unwrap());
        assert_eq!(of_frame(ApiKey::FETCH, 8, &frame), Some(Duration::from_millis(70)));
    }

    #[test]
    fn no_time_and_short_frames_mean_no_pause() {
        assert_eq!(of_frame(ApiKey::FETCH, 8, &Bytes::from_static(&[0; 8])), None);
        assert_eq!(of_frame(ApiKey::FETCH, 8, &Bytes::from_static(&[0; 3])), None);
    }

    #[test]
    fn produce_tells_the_time_at_its_end() {
        let response = ProduceResponse { throttle_time_ms: 5, ..Default::default() };
        assert_eq!(of_produce(&response, 6), Some(Duration::from_millis(5)));
        assert_eq!(of_produce(&response, 5), None);
        assert_eq!(of_produce(&MetadataResponse::default(), 6), None);
    }
}
