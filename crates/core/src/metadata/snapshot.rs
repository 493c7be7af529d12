//! The immutable snapshot: brokers, topics, partitions and their leaders.

use std::collections::BTreeMap;
use std::sync::Arc;

use milena_wire::{ByteString, ErrorCode, Int32Array, Uuid};

use crate::BrokerId;

/// A broker and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// The broker's id.
    pub id: BrokerId,
    /// The advertised host name or address.
    pub host: ByteString,
    /// The advertised port.
    pub port: u16,
    /// The broker's rack (`broker.rack`).
    pub rack: Option<ByteString>,
}

/// A partition and who leads it.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionMetadata {
    /// The partition's number.
    pub partition: i32,
    /// The leader; `None` while the partition has none.
    pub leader: Option<BrokerId>,
    /// The epoch of the leader; `None` if the broker is older than Kafka 2.1 and does not tell.
    pub leader_epoch: Option<i32>,
    /// The ids of the brokers that hold the partition, the preferred leader first.
    pub replicas: Int32Array,
    /// The ids of the replicas that are in sync with the leader.
    pub isr: Int32Array,
    /// The ids of the replicas whose broker or log directory is down.
    pub offline_replicas: Int32Array,
    /// What the broker said about the partition, [`ErrorCode::NONE`] as a rule.
    pub error: ErrorCode,
}

impl PartitionMetadata {
    /// The entry of a partition that a response leaves out.
    pub(super) fn missing(partition: i32) -> Self {
        Self {
            partition,
            leader: None,
            leader_epoch: None,
            replicas: Int32Array::default(),
            isr: Int32Array::default(),
            offline_replicas: Int32Array::default(),
            error: ErrorCode::LEADER_NOT_AVAILABLE,
        }
    }
}

/// A topic and its partitions.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicMetadata {
    /// The topic's name.
    pub name: ByteString,
    /// The topic's id; [`Uuid::ZERO`] if the broker is older than Kafka 2.8 and does not tell.
    pub topic_id: Uuid,
    /// Whether the topic belongs to Kafka itself (`__consumer_offsets`).
    pub is_internal: bool,
    /// Every partition; the one at index `n` has number `n`.
    pub partitions: Vec<PartitionMetadata>,
    /// What the broker said about the topic, if it was an error. Partitions that were known
    /// before stay, because brokers may not know a topic for a moment after a restart.
    pub error: Option<ErrorCode>,
}

impl TopicMetadata {
    /// The partition with a number.
    #[must_use]
    pub fn partition(&self, partition: i32) -> Option<&PartitionMetadata> {
        self.partitions.get(usize::try_from(partition).ok()?)
    }

    /// Whether a leader is known for every partition, and no error was reported.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.error.is_none() && self.partitions.iter().all(|partition| partition.leader.is_some())
    }
}

/// Everything a client knows of its cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterMetadata {
    pub(super) cluster_id: Option<ByteString>,
    pub(super) controller: Option<BrokerId>,
    pub(super) brokers: BTreeMap<BrokerId, Broker>,
    pub(super) topics: BTreeMap<ByteString, Arc<TopicMetadata>>,
    pub(super) names: BTreeMap<[u8; 16], ByteString>,
    pub(super) generation: u64,
}

impl ClusterMetadata {
    /// The id of the cluster, if a broker told it.
    #[must_use]
    pub const fn cluster_id(&self) -> Option<&ByteString> {
        self.cluster_id.as_ref()
    }

    /// The broker that takes requests for the controller. With KRaft this is any live broker,
    /// which passes them on.
    #[must_use]
    pub const fn controller(&self) -> Option<BrokerId> {
        self.controller
    }

    /// A number that grows with every change.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// A broker by its id.
    #[must_use]
    pub fn broker(&self, id: BrokerId) -> Option<&Broker> {
        self.brokers.get(&id)
    }

    /// Every broker, by id.
    pub fn brokers(&self) -> impl ExactSizeIterator<Item = &Broker> + '_ {
        self.brokers.values()
    }

    /// A topic by its name. It may carry an error instead of partitions.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Arc<TopicMetadata>> {
        self.topics.get(name)
    }

    /// A topic by its id.
    #[must_use]
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<TopicMetadata>> {
        self.topics.get(self.names.get(&id.0)?)
    }

    /// Every known topic, by name.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = &Arc<TopicMetadata>> + '_ {
        self.topics.values()
    }

    /// The leader of a partition and its epoch, if both the topic and a leader are known.
    #[must_use]
    pub fn leader(&self, topic: &str, partition: i32) -> Option<(BrokerId, Option<i32>)> {
        let partition = self.topic(topic)?.partition(partition)?;
        Some((partition.leader?, partition.leader_epoch))
    }
}
