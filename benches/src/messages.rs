//! Messages as clients and brokers exchange them, for whatever is measured.

#![expect(clippy::unwrap_used, reason = "the values are constants")]

use bytes::Bytes;
use milena_wire::{
    Int32Array, Uuid,
    messages::{
        ApiVersionsResponse, FetchRequest, FetchResponse, JoinGroupRequest, JoinGroupResponse,
        MetadataResponse, ProduceRequest, ProduceResponse, api_versions_response::ApiVersion,
        fetch_request::*, fetch_response, fetch_response::FetchableTopicResponse,
        join_group_request::JoinGroupRequestProtocol, join_group_response::JoinGroupResponseMember,
        metadata_response::*, produce_request::*, produce_response,
        produce_response::TopicProduceResponse,
    },
};

fn topic_name(number: u32) -> String {
    format!("orders.region-{number:04}.v1")
}

/// A topic's id: any bytes but zeros.
fn topic_id(number: u32) -> Uuid {
    Uuid((1..=16).map(|n| n ^ number.to_be_bytes()[3]).collect::<Vec<u8>>().try_into().unwrap())
}

fn numbers(count: u32) -> impl Iterator<Item = i32> {
    (0..count).map(|number| i32::try_from(number).unwrap())
}

/// Six partitions of a topic with 16 KiB of records each.
#[must_use]
pub fn produce_request() -> ProduceRequest {
    let records = Some(Bytes::from(vec![7; 16_384]));
    let partition = |index| PartitionProduceData {
        index,
        records: records.clone(),
        ..PartitionProduceData::default()
    };
    ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            topic_id: topic_id(1),
            partition_data: numbers(6).map(partition).collect(),
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    }
}

/// The answer of six partitions.
#[must_use]
pub fn produce_response() -> ProduceResponse {
    let partition = |index| produce_response::PartitionProduceResponse {
        index,
        base_offset: 1_000_000,
        log_append_time_ms: -1,
        log_start_offset: 0,
        ..produce_response::PartitionProduceResponse::default()
    };
    ProduceResponse {
        responses: vec![TopicProduceResponse {
            topic_id: topic_id(1),
            partition_responses: numbers(6).map(partition).collect(),
            ..TopicProduceResponse::default()
        }],
        ..ProduceResponse::default()
    }
}

/// A first request of a session.
#[must_use]
pub fn fetch_request() -> FetchRequest {
    let partition = |partition| FetchPartition {
        partition,
        current_leader_epoch: 4,
        fetch_offset: 1_000_000,
        last_fetched_epoch: -1,
        log_start_offset: -1,
        partition_max_bytes: 1 << 20,
        ..FetchPartition::default()
    };
    FetchRequest {
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 50 << 20,
        session_epoch: 0,
        topics: (0..10)
            .map(|number| FetchTopic {
                topic_id: topic_id(number),
                partitions: numbers(10).map(partition).collect(),
                ..FetchTopic::default()
            })
            .collect(),
        ..FetchRequest::default()
    }
}

/// So many topics of so many partitions, each with so many bytes of records.
#[must_use]
pub fn fetch_response(topics: u32, partitions: u32, records: usize) -> FetchResponse {
    let records = Some(Bytes::from(vec![7; records]));
    let partition = |partition_index| fetch_response::PartitionData {
        partition_index,
        high_watermark: 1_000_100,
        last_stable_offset: 1_000_100,
        log_start_offset: 0,
        aborted_transactions: Some(Vec::new()),
        records: records.clone(),
        ..fetch_response::PartitionData::default()
    };
    FetchResponse {
        session_id: 99,
        responses: (0..topics)
            .map(|number| FetchableTopicResponse {
                topic_id: topic_id(number),
                partitions: numbers(partitions).map(partition).collect(),
                ..FetchableTopicResponse::default()
            })
            .collect(),
        ..FetchResponse::default()
    }
}

/// Six brokers, and so many topics of so many partitions with three replicas each.
#[must_use]
pub fn metadata_response(topics: u32, partitions: u32) -> MetadataResponse {
    let partition = |partition_index: i32| {
        let replicas: Int32Array = (0..3).map(|replica| (partition_index + replica) % 6).collect();
        MetadataResponsePartition {
            partition_index,
            leader_id: partition_index % 6,
            leader_epoch: 4,
            isr_nodes: replicas.clone(),
            replica_nodes: replicas,
            ..MetadataResponsePartition::default()
        }
    };
    MetadataResponse {
        brokers: numbers(6)
            .map(|node_id| MetadataResponseBroker {
                node_id,
                host: format!("broker-{node_id}.kafka.internal").into(),
                port: 9092,
                rack: Some("eu-1a".into()),
                ..MetadataResponseBroker::default()
            })
            .collect(),
        cluster_id: Some("5L6g3nShT-eMCtK--X86sw".into()),
        controller_id: 1,
        topics: (0..topics)
            .map(|number| MetadataResponseTopic {
                name: Some(topic_name(number).into()),
                topic_id: topic_id(number),
                partitions: numbers(partitions).map(partition).collect(),
                ..MetadataResponseTopic::default()
            })
            .collect(),
        ..MetadataResponse::default()
    }
}

/// As many APIs as a broker of 4.3 names.
#[must_use]
pub fn api_versions_response() -> ApiVersionsResponse {
    let api = |api_key| ApiVersion { api_key, max_version: 9, ..ApiVersion::default() };
    ApiVersionsResponse {
        api_keys: (0..62).map(api).collect(),
        finalized_features_epoch: 12,
        ..ApiVersionsResponse::default()
    }
}

fn subscription() -> Bytes {
    Bytes::from(vec![3; 120])
}

/// A member with two protocols.
#[must_use]
pub fn join_group_request() -> JoinGroupRequest {
    let protocol = |name: &str| JoinGroupRequestProtocol {
        name: name.into(),
        metadata: subscription(),
        ..JoinGroupRequestProtocol::default()
    };
    JoinGroupRequest {
        group_id: "payments".into(),
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 300_000,
        member_id: "crm-8f14e45f-ceea-467a-9575-6b1e9d1c7a4a".into(),
        protocol_type: "consumer".into(),
        protocols: vec![protocol("range"), protocol("cooperative-sticky")],
        reason: Some("the subscription has changed".into()),
        ..JoinGroupRequest::default()
    }
}

/// The leader's, which has every member's subscription.
#[must_use]
pub fn join_group_response() -> JoinGroupResponse {
    let member = |number| JoinGroupResponseMember {
        member_id: format!("crm-{number:04}-8f14e45f-ceea-467a-9575-6b1e9d1c7a4a").into(),
        metadata: subscription(),
        ..JoinGroupResponseMember::default()
    };
    JoinGroupResponse {
        generation_id: 17,
        protocol_type: Some("consumer".into()),
        protocol_name: Some("cooperative-sticky".into()),
        leader: "crm-0000-8f14e45f-ceea-467a-9575-6b1e9d1c7a4a".into(),
        member_id: "crm-0000-8f14e45f-ceea-467a-9575-6b1e9d1c7a4a".into(),
        members: (0..100).map(member).collect(),
        ..JoinGroupResponse::default()
    }
}
