//! Describing topics: a request that any broker answers.

use std::time::{Duration, Instant};

use milena_wire::messages::MetadataRequest;
use milena_wire::messages::metadata_request::MetadataRequestTopic;
use milena_wire::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use milena_wire::{ByteString, Uuid};

use super::acl_operation::{AclOperations, METADATA_TELLS_OPERATIONS};
use super::client::{Admin, Inner, check, metadata};
use super::operation::{Asked, Operation, Outcomes, is_unknown_topic};
use super::results::Results;
use super::topic_key::{TopicKey, with_name};
use crate::Error;

/// The version that describes by id (KIP-516, Kafka 3.1).
const BY_ID_VERSION: i16 = 12;

/// A topic and its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// Its id (Kafka 2.8).
    pub topic_id: Option<Uuid>,
    /// Whether Kafka keeps it for itself.
    pub is_internal: bool,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionDescription>,
    /// What this client may do with it, if that was asked for (Kafka 2.3).
    pub authorized_operations: Option<AclOperations>,
}

/// A partition and its replicas, by broker id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionDescription {
    /// Its number, from 0.
    pub partition: i32,
    /// The broker that leads it; `None` while there is none.
    pub leader: Option<i32>,
    /// How many leaders there were before (Kafka 2.1).
    pub leader_epoch: Option<i32>,
    /// The brokers that have a replica, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub isr: Vec<i32>,
    /// Those of them that are offline (Kafka 1.0).
    pub offline_replicas: Vec<i32>,
}

/// How topics are described.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct DescribeTopicsOptions {
    /// Tells what this client may do with the topics (Kafka 2.3).
    pub include_authorized_operations: bool,
    /// How long the call may take; `None`: `default.api.timeout.ms`.
    pub timeout: Option<Duration>,
}

impl DescribeTopicsOptions {
    /// Tells what this client may do with the topics (Kafka 2.3).
    #[must_use]
    pub const fn include_authorized_operations(mut self, include: bool) -> Self {
        self.include_authorized_operations = include;
        self
    }

    /// How long the call may take, in place of `default.api.timeout.ms`.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl TopicDescription {
    fn from_wire(topic: MetadataResponseTopic) -> Self {
        let mut partitions: Vec<PartitionDescription> =
            topic.partitions.iter().map(PartitionDescription::from_wire).collect();
        partitions.sort_by_key(|partition| partition.partition);
        Self {
            name: topic.name.as_deref().unwrap_or_default().to_owned(),
            topic_id: Some(topic.topic_id).filter(|id| *id != Uuid::ZERO),
            is_internal: topic.is_internal,
            partitions,
            authorized_operations: AclOperations::from_wire(topic.topic_authorized_operations),
        }
    }
}

impl PartitionDescription {
    fn from_wire(partition: &MetadataResponsePartition) -> Self {
        let known = |number: i32| Some(number).filter(|number| *number >= 0);
        Self {
            partition: partition.partition_index,
            leader: known(partition.leader_id),
            leader_epoch: known(partition.leader_epoch),
            replicas: partition.replica_nodes.to_vec(),
            isr: partition.isr_nodes.to_vec(),
            offline_replicas: partition.offline_replicas.to_vec(),
        }
    }
}

impl Admin {
    /// Topics with their partitions, by name or (Kafka 3.1) by id.
    ///
    /// # Errors
    ///
    /// Each topic has its own:
    /// [`UNKNOWN_TOPIC_OR_PARTITION`](crate::ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
    /// [`UNKNOWN_TOPIC_ID`](crate::ErrorCode::UNKNOWN_TOPIC_ID),
    /// [`TOPIC_AUTHORIZATION_FAILED`](crate::ErrorCode::TOPIC_AUTHORIZATION_FAILED). A broker may not know yet of a
    /// topic that was created a moment ago.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = milena_broker::Broker::start().await?;
    /// # use milena::{admin::{Admin, NewTopic}, config::AdminConfig};
    /// # let admin = Admin::new(AdminConfig::builder(broker.bootstrap_servers()).build()?)?;
    /// admin.create_topics([NewTopic::new("orders", 2, 1)]).await.all()?;
    /// let topic = admin.describe_topics(["orders"]).await.one()?;
    /// assert!(topic.partitions.iter().all(|partition| partition.leader.is_some()));
    /// # Ok(()) }
    /// ```
    pub async fn describe_topics<K: Into<TopicKey>>(
        &self,
        topics: impl IntoIterator<Item = K>,
    ) -> Results<TopicKey, TopicDescription> {
        self.describe_topics_with(topics, DescribeTopicsOptions::default()).await
    }

    /// Topics with their partitions, with options.
    ///
    /// # Errors
    ///
    /// As [`describe_topics`](Self::describe_topics).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn describe_topics_with<K: Into<TopicKey>>(
        &self,
        topics: impl IntoIterator<Item = K>,
        options: DescribeTopicsOptions,
    ) -> Results<TopicKey, TopicDescription> {
        let topics = topics.into_iter().map(Into::into).collect();
        let operation = DescribeTopics { topics, options };
        let results = self.inner.run(&operation, self.inner.deadline(options.timeout)).await;
        Results::new(operation.topics, results)
    }
}

struct DescribeTopics {
    topics: Vec<TopicKey>,
    options: DescribeTopicsOptions,
}

impl DescribeTopics {
    fn request(&self, asked: &Asked<'_, TopicKey>) -> MetadataRequest {
        let topic = |key: &TopicKey| match key {
            TopicKey::Name(name) => MetadataRequestTopic {
                name: Some(ByteString::from(name.as_str())),
                ..Default::default()
            },
            TopicKey::Id(id) => {
                MetadataRequestTopic { topic_id: *id, name: None, ..Default::default() }
            }
        };
        MetadataRequest {
            topics: Some(asked.iter().map(topic).collect()),
            allow_auto_topic_creation: false,
            include_topic_authorized_operations: self.options.include_authorized_operations,
            ..Default::default()
        }
    }
}

impl Operation for DescribeTopics {
    type Output = TopicDescription;

    fn len(&self) -> usize {
        self.topics.len()
    }

    fn may_pass(&self, error: &Error) -> bool {
        // That a topic is not there is the answer.
        error.is_retriable() && !is_unknown_topic(error)
    }

    async fn attempt(
        &self,
        admin: &Inner,
        pending: &[usize],
        deadline: Instant,
    ) -> Result<Outcomes<TopicDescription>, Error> {
        let (asked, mut outcomes) = Asked::once(&self.topics, pending, |topic| topic);
        let least = if asked.iter().any(TopicKey::is_id) {
            Some((BY_ID_VERSION, "describing a topic by its id"))
        } else if self.options.include_authorized_operations {
            Some(METADATA_TELLS_OPERATIONS)
        } else {
            None
        };
        let request = self.request(&asked);
        let (response, version) = metadata(admin, &request, least, deadline).await?;
        for topic in response.topics {
            let (name, id) = (topic.name.as_ref(), topic.topic_id);
            let Some(index) = asked.find(|key| key.is(name, id)) else { continue };
            let outcome = check::<MetadataRequest>(topic.error_code, None, version)
                .map_err(|error| with_name(error, name))
                .map(|()| TopicDescription::from_wire(topic));
            outcomes.push((index, outcome));
        }
        Ok(outcomes)
    }
}
