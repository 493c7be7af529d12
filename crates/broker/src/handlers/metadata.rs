//! Metadata: nodes, topics and leaders, and topics that come into being by being asked for.

use std::sync::Arc;

use milena_wire::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use milena_wire::messages::{MetadataRequest, MetadataResponse};
use milena_wire::{ByteString, ErrorCode, Uuid};

use super::cluster::{CLUSTER_OPERATIONS, TOPIC_OPERATIONS};
use super::{Api, Reply};
use crate::cluster::{Partition, Topic};
use crate::connection::Call;

/// The first version in which an empty list of topics means none instead of all.
const EMPTY_MEANS_NONE_VERSION: i16 = 1;

impl Api for MetadataRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<MetadataResponse> {
        let cluster = call.cluster();
        let operations =
            if self.include_topic_authorized_operations { TOPIC_OPERATIONS } else { i32::MIN };
        let is_all = match &self.topics {
            None => true,
            Some(topics) => topics.is_empty() && call.version < EMPTY_MEANS_NONE_VERSION,
        };
        let mut topics = Vec::new();
        if is_all {
            let known: Vec<_> = cluster.topics.read().iter().cloned().collect();
            topics.extend(known.iter().map(|topic| describe(call, topic, operations)));
        }
        for asked in self.topics.into_iter().flatten() {
            let found = match &asked.name {
                Some(name) => by_name(call, name, self.allow_auto_topic_creation),
                None => cluster.topic_by_id(asked.topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID),
            };
            topics.push(match found {
                Ok(topic) => describe(call, &topic, operations),
                Err(code) => unknown(call, asked.name, asked.topic_id, code),
            });
        }
        let with_cluster =
            self.include_cluster_authorized_operations && (8..=10).contains(&call.version);
        Reply::Response(MetadataResponse {
            topics,
            cluster_authorized_operations: if with_cluster { CLUSTER_OPERATIONS } else { i32::MIN },
            ..nodes(call)
        })
    }

    fn refused(&self, call: &Call<'_>, code: ErrorCode) -> MetadataResponse {
        let asked = self.topics.iter().flatten();
        let topics =
            asked.map(|topic| unknown(call, topic.name.clone(), topic.topic_id, code)).collect();
        MetadataResponse { topics, error_code: code.0, ..nodes(call) }
    }

    fn throttle(response: &mut MetadataResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn nodes(call: &Call<'_>) -> MetadataResponse {
    let cluster = call.cluster();
    let broker = |(node_id, endpoint): (i32, crate::cluster::Endpoint)| MetadataResponseBroker {
        node_id,
        host: endpoint.host,
        port: i32::from(endpoint.port),
        ..Default::default()
    };
    MetadataResponse {
        brokers: cluster.endpoints(call.peer.listener).into_iter().map(broker).collect(),
        cluster_id: Some(cluster.cluster_id.clone()),
        controller_id: cluster.controller_id(),
        ..Default::default()
    }
}

fn by_name(call: &Call<'_>, name: &ByteString, may_create: bool) -> Result<Arc<Topic>, ErrorCode> {
    let cluster = call.cluster();
    match cluster.topic(name) {
        Some(topic) => Ok(topic),
        None if may_create && cluster.settings.auto_create_topics => cluster.auto_create(name),
        None => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    }
}

fn unknown(
    call: &Call<'_>,
    name: Option<ByteString>,
    topic_id: Uuid,
    code: ErrorCode,
) -> MetadataResponseTopic {
    // The name can be null from version 12 on.
    let name = if call.version < 12 { Some(name.unwrap_or_default()) } else { name };
    MetadataResponseTopic { error_code: code.0, name, topic_id, ..Default::default() }
}

fn describe(
    call: &Call<'_>,
    topic: &Topic,
    topic_authorized_operations: i32,
) -> MetadataResponseTopic {
    MetadataResponseTopic {
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: topic.is_internal(),
        partitions: topic
            .partitions
            .read()
            .iter()
            .map(|partition| describe_partition(call, partition))
            .collect(),
        topic_authorized_operations,
        ..Default::default()
    }
}

fn describe_partition(call: &Call<'_>, partition: &Partition) -> MetadataResponsePartition {
    let leadership = partition.leadership();
    let fault = call.partition_error(&partition.topic, partition.index);
    MetadataResponsePartition {
        error_code: fault.unwrap_or_else(|| leadership.error()).0,
        partition_index: partition.index,
        leader_id: leadership.leader,
        leader_epoch: leadership.leader_epoch,
        replica_nodes: leadership.replicas.iter().copied().collect(),
        isr_nodes: leadership.isr.iter().copied().collect(),
        offline_replicas: call.offline_replicas(&leadership),
        ..Default::default()
    }
}
