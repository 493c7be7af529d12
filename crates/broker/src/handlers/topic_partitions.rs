//! DescribeTopicPartitions: metadata of topics in pages (KIP-966).

use std::sync::Arc;

use milena_wire::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use milena_wire::messages::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
use milena_wire::{ByteString, ErrorCode, Int32Array};

use super::cluster::TOPIC_OPERATIONS;
use super::{Api, Reply};
use crate::cluster::{Partition, Topic};
use crate::connection::Call;

/// Kafka's default of `max.request.partition.size.limit`.
const PARTITIONS_MAX: usize = 2000;

impl Api for DescribeTopicPartitionsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<DescribeTopicPartitionsResponse> {
        let asked = usize::try_from(self.response_partition_limit).unwrap_or(PARTITIONS_MAX);
        let mut left = asked.clamp(1, PARTITIONS_MAX);
        let mut response = DescribeTopicPartitionsResponse::default();
        let (first_name, first_partition) = match &self.cursor {
            Some(cursor) => (cursor.topic_name.clone(), cursor.partition_index.max(0)),
            None => (ByteString::new(), 0),
        };
        for (name, topic) in self.in_order(call, &first_name) {
            let Some(topic) = topic else {
                response.topics.push(unknown(name, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
                continue;
            };
            let from = if name == first_name { first_partition } else { 0 };
            if left == 0 {
                response.next_cursor = Some(cursor(name, from));
                break;
            }
            let partitions = topic.partitions.read();
            let skipped = usize::try_from(from).unwrap_or(0);
            let page: Vec<_> =
                partitions.iter().skip(skipped).take(left).map(|one| describe(call, one)).collect();
            left -= page.len();
            let next = skipped + page.len();
            response.topics.push(DescribeTopicPartitionsResponseTopic {
                name: Some(name.clone()),
                topic_id: topic.id,
                is_internal: topic.is_internal(),
                partitions: page,
                topic_authorized_operations: TOPIC_OPERATIONS,
                ..Default::default()
            });
            if next < partitions.len() {
                response.next_cursor = Some(cursor(name, i32::try_from(next).unwrap_or(i32::MAX)));
                break;
            }
        }
        Reply::Response(response)
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> DescribeTopicPartitionsResponse {
        let topics = self.topics.iter().map(|topic| unknown(topic.name.clone(), code)).collect();
        DescribeTopicPartitionsResponse { topics, ..Default::default() }
    }

    fn throttle(response: &mut DescribeTopicPartitionsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

trait InOrder {
    fn in_order(&self, call: &Call<'_>, first: &str) -> Vec<(ByteString, Option<Arc<Topic>>)>;
}

impl InOrder for DescribeTopicPartitionsRequest {
    /// The topics by name from `first` on; all topics when none is named.
    fn in_order(&self, call: &Call<'_>, first: &str) -> Vec<(ByteString, Option<Arc<Topic>>)> {
        let cluster = call.cluster();
        if self.topics.is_empty() {
            let topics = cluster.topics.read();
            let from = topics.iter().filter(|topic| &*topic.name >= first);
            return from.map(|topic| (topic.name.clone(), Some(Arc::clone(topic)))).collect();
        }
        let mut names: Vec<_> = self.topics.iter().map(|topic| topic.name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let from = names.into_iter().filter(|name| &**name >= first);
        from.map(|name| (name.clone(), cluster.topic(&name))).collect()
    }
}

fn cursor(topic_name: ByteString, partition_index: i32) -> Box<Cursor> {
    Box::new(Cursor { topic_name, partition_index, ..Default::default() })
}

fn unknown(name: ByteString, code: ErrorCode) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: code.0,
        name: Some(name),
        ..Default::default()
    }
}

fn describe(call: &Call<'_>, partition: &Partition) -> DescribeTopicPartitionsResponsePartition {
    let leadership = partition.leadership();
    let fault = call.partition_error(&partition.topic, partition.index);
    DescribeTopicPartitionsResponsePartition {
        error_code: fault.unwrap_or_else(|| leadership.error()).0,
        partition_index: partition.index,
        leader_id: leadership.leader,
        leader_epoch: leadership.leader_epoch,
        replica_nodes: leadership.replicas.iter().copied().collect(),
        isr_nodes: leadership.isr.iter().copied().collect(),
        eligible_leader_replicas: Some(Int32Array::default()),
        last_known_elr: Some(Int32Array::default()),
        offline_replicas: call.offline_replicas(&leadership),
        ..Default::default()
    }
}
