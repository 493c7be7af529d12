//! Applying a response, or a leader hint, to a snapshot.
//!
//! Brokers learn of changes at different moments, so a response can be older than what is known.
//! Leader epochs tell; topic ids tell a topic from one of the same name that replaced it.

use std::collections::BTreeMap;
use std::sync::Arc;

use milena_wire::messages::MetadataResponse;
use milena_wire::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use milena_wire::{ByteString, ErrorCode, Uuid};

use super::snapshot::{Broker, ClusterMetadata, PartitionMetadata, TopicMetadata};
use crate::BrokerId;

/// A new leader that a broker named in its answer to a produce or fetch request.
///
/// Spec: KIP-951#proposed-changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderHint {
    /// The topic's name.
    pub topic: ByteString,
    /// The partition's number.
    pub partition: i32,
    /// The leader.
    pub leader: BrokerId,
    /// The leader's epoch.
    pub leader_epoch: i32,
    /// Where the leader listens, if the response tells.
    pub endpoint: Option<Broker>,
}

impl ClusterMetadata {
    /// The snapshot after a response. Topics that the response does not name stay if `keep` says so.
    pub(super) fn merged(&self, response: MetadataResponse, keep: impl Fn(&str) -> bool) -> Self {
        let mut topics: BTreeMap<ByteString, Arc<TopicMetadata>> = self
            .topics
            .iter()
            .filter(|(name, _)| keep(name))
            .map(|(name, topic)| (name.clone(), Arc::clone(topic)))
            .collect();
        for answer in response.topics {
            let Some(name) = answer.name.clone() else { continue };
            let known = self.topics.get(&name);
            topics.insert(name.clone(), merged_topic(known, name, answer));
        }
        let brokers: BTreeMap<BrokerId, Broker> =
            response.brokers.into_iter().filter_map(broker).map(|b| (b.id, b)).collect();
        let merged = Self {
            cluster_id: response.cluster_id.or_else(|| self.cluster_id.clone()),
            controller: BrokerId::from_wire(response.controller_id),
            brokers,
            names: names(&topics),
            topics,
            generation: self.generation,
        };
        merged.numbered_after(self)
    }

    /// The snapshot after a leader hint; `None` if the hint tells nothing new.
    pub(super) fn hinted(&self, hint: &LeaderHint) -> Option<Self> {
        let topic = self.topics.get(&hint.topic)?;
        let index = usize::try_from(hint.partition).ok()?;
        let known = topic.partitions.get(index)?;
        let is_newer = known.leader_epoch.is_none_or(|epoch| hint.leader_epoch > epoch);
        let is_reachable = hint.endpoint.is_some() || self.brokers.contains_key(&hint.leader);
        if !is_newer || !is_reachable {
            return None;
        }
        let mut topic = TopicMetadata::clone(topic);
        let partition = topic.partitions.get_mut(index)?;
        partition.leader = Some(hint.leader);
        partition.leader_epoch = Some(hint.leader_epoch);
        partition.error = ErrorCode::NONE;
        let mut hinted = self.clone();
        hinted.topics.insert(hint.topic.clone(), Arc::new(topic));
        if let Some(endpoint) = &hint.endpoint {
            let rack = self.brokers.get(&endpoint.id).and_then(|known| known.rack.clone());
            let endpoint = Broker { rack: endpoint.rack.clone().or(rack), ..endpoint.clone() };
            hinted.brokers.insert(endpoint.id, endpoint);
        }
        Some(hinted.numbered_after(self))
    }

    /// Gives the snapshot the next number if it differs from `before`.
    fn numbered_after(mut self, before: &Self) -> Self {
        if self != *before {
            self.generation = before.generation + 1;
        }
        self
    }
}

fn names(topics: &BTreeMap<ByteString, Arc<TopicMetadata>>) -> BTreeMap<[u8; 16], ByteString> {
    topics
        .iter()
        .filter(|(_, topic)| topic.topic_id != Uuid::ZERO)
        .map(|(name, topic)| (topic.topic_id.0, name.clone()))
        .collect()
}

/// A broker of a response; `None` if its id or port cannot be one.
fn broker(broker: MetadataResponseBroker) -> Option<Broker> {
    Some(Broker {
        id: BrokerId::from_wire(broker.node_id)?,
        host: broker.host,
        port: u16::try_from(broker.port).ok().filter(|port| *port != 0)?,
        rack: broker.rack,
    })
}

fn merged_topic(
    known: Option<&Arc<TopicMetadata>>,
    name: ByteString,
    answer: MetadataResponseTopic,
) -> Arc<TopicMetadata> {
    let error = (answer.error_code != ErrorCode::NONE.0).then_some(ErrorCode(answer.error_code));
    let topic = if error.is_some() && answer.partitions.is_empty() {
        match known {
            Some(known) => TopicMetadata { error, ..TopicMetadata::clone(known) },
            None => TopicMetadata {
                name,
                topic_id: answer.topic_id,
                is_internal: answer.is_internal,
                partitions: Vec::new(),
                error,
            },
        }
    } else {
        let mut partitions = dense(answer.partitions);
        if let Some(known) = known.filter(|known| is_same_topic(known, answer.topic_id)) {
            keep_newer_epochs(&mut partitions, &known.partitions);
        }
        let is_internal = answer.is_internal;
        TopicMetadata { name, topic_id: answer.topic_id, is_internal, partitions, error }
    };
    match known {
        Some(known) if **known == topic => Arc::clone(known),
        _ => Arc::new(topic),
    }
}

/// Whether a response speaks of the topic that is known, and not of one that replaced it.
///
/// Brokers older than Kafka 2.8 give no ids. There a topic that was unknown to a broker in
/// between counts as another one; if not, the epochs of the new topic, which start over,
/// would be taken for old news for ever.
fn is_same_topic(known: &TopicMetadata, topic_id: Uuid) -> bool {
    if known.topic_id != Uuid::ZERO && topic_id != Uuid::ZERO {
        return known.topic_id == topic_id;
    }
    known.error != Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
}

/// Keeps what is known of partitions whose leader epoch in `partitions` is older.
fn keep_newer_epochs(partitions: &mut [PartitionMetadata], known: &[PartitionMetadata]) {
    for (partition, known) in partitions.iter_mut().zip(known) {
        if let (Some(epoch), Some(known_epoch)) = (partition.leader_epoch, known.leader_epoch)
            && epoch < known_epoch
        {
            *partition = known.clone();
        }
    }
}

/// Orders partitions by number and fills gaps, so that index and number agree.
///
/// Numbers are the peer's: those that would make the list more than twice as long are left out.
fn dense(partitions: Vec<MetadataResponsePartition>) -> Vec<PartitionMetadata> {
    let limit = partitions.len() * 2 + 1;
    let mut sorted: Vec<PartitionMetadata> = partitions.into_iter().map(partition).collect();
    sorted.sort_by_key(|partition| partition.partition);
    let mut dense: Vec<PartitionMetadata> = Vec::with_capacity(sorted.len());
    for partition in sorted {
        let Ok(index) = usize::try_from(partition.partition) else { continue };
        if index < dense.len() || index >= limit {
            continue;
        }
        for gap in dense.len()..index {
            let number = i32::try_from(gap).expect("the index is below that of a partition");
            dense.push(PartitionMetadata::missing(number));
        }
        dense.push(partition);
    }
    dense
}

fn partition(partition: MetadataResponsePartition) -> PartitionMetadata {
    PartitionMetadata {
        partition: partition.partition_index,
        leader: BrokerId::from_wire(partition.leader_id),
        leader_epoch: (partition.leader_epoch >= 0).then_some(partition.leader_epoch),
        replicas: partition.replica_nodes,
        isr: partition.isr_nodes,
        offline_replicas: partition.offline_replicas,
        error: ErrorCode(partition.error_code),
    }
}
