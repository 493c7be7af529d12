//! A partition as the metadata of producers and consumers has it.

use milena_core::{TopicPartition, metadata::TopicMetadata};
use milena_wire::messages::metadata_response::MetadataResponseTopic;

/// A partition of a topic and the brokers that hold it, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionInfo {
    /// The topic.
    pub topic: String,
    /// The partition's number, from 0.
    pub partition: i32,
    /// The broker that leads it; `None` while there is none.
    pub leader: Option<i32>,
    /// The epoch of that leader (Kafka 2.1).
    pub leader_epoch: Option<i32>,
    /// The brokers that have a replica, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync with the leader.
    pub in_sync_replicas: Vec<i32>,
    /// Those of them whose broker or log directory is down (Kafka 1.0).
    pub offline_replicas: Vec<i32>,
}

impl PartitionInfo {
    /// The topic and the partition's number.
    #[must_use]
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition::new(self.topic.as_str(), self.partition)
    }

    /// The partitions of a topic, by number.
    pub(crate) fn of_topic(topic: &TopicMetadata) -> Vec<Self> {
        let partitions = topic.partitions.iter().map(|partition| Self {
            topic: topic.name.to_string(),
            partition: partition.partition,
            leader: partition.leader.map(|leader| leader.0),
            leader_epoch: partition.leader_epoch,
            replicas: partition.replicas.to_vec(),
            in_sync_replicas: partition.isr.to_vec(),
            offline_replicas: partition.offline_replicas.to_vec(),
        });
        partitions.collect()
    }

    /// The partitions of a topic as a response lists them, by number.
    pub(crate) fn of_response(topic: &MetadataResponseTopic) -> Vec<Self> {
        let known = |id: i32| Some(id).filter(|id| *id >= 0);
        let partitions = topic.partitions.iter().map(|partition| Self {
            topic: topic.name.as_deref().unwrap_or_default().to_owned(),
            partition: partition.partition_index,
            leader: known(partition.leader_id),
            leader_epoch: known(partition.leader_epoch),
            replicas: partition.replica_nodes.to_vec(),
            in_sync_replicas: partition.isr_nodes.to_vec(),
            offline_replicas: partition.offline_replicas.to_vec(),
        });
        let mut partitions: Vec<Self> = partitions.collect();
        partitions.sort_by_key(|partition| partition.partition);
        partitions
    }
}
