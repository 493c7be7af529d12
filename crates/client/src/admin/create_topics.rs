//! Creating topics: requests for the controller.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use milena_wire::messages::CreateTopicsRequest;
use milena_wire::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use milena_wire::messages::create_topics_response::CreatableTopicResult;
use milena_wire::{ByteString, ErrorCode, Int32Array, Uuid};

use super::client::{Admin, Inner, check, highest, highest_from};
use super::operation::{Asked, Operation, Outcomes, controller_may_pass};
use super::results::Results;
use crate::Error;

/// The version that lets the broker choose partitions and replication (KIP-464, Kafka 2.4).
const BROKER_DEFAULTS_VERSION: i16 = 4;
/// The version that tells about the topic that was made (KIP-525, Kafka 2.4).
const CREATED_TOPIC_VERSION: i16 = 5;

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; `None`: as the broker is set up, or as assigned.
    pub partitions: Option<i32>,
    /// How many replicas each has; `None`: as the broker is set up, or as assigned.
    pub replication_factor: Option<i16>,
    /// For every partition the brokers of its replicas, the first of them preferred as leader.
    pub replica_assignments: BTreeMap<i32, Vec<i32>>,
    /// Settings that differ from the broker's defaults, such as `cleanup.policy`.
    pub configs: BTreeMap<String, String>,
}

impl NewTopic {
    /// A topic with so many partitions and replicas, which the controller spreads.
    #[must_use]
    pub fn new(name: impl Into<String>, partitions: i32, replication_factor: i16) -> Self {
        let mut topic = Self::with_broker_defaults(name);
        topic.partitions = Some(partitions);
        topic.replication_factor = Some(replication_factor);
        topic
    }

    /// A topic with as many partitions and replicas as the broker is set up for (Kafka 2.4).
    #[must_use]
    pub fn with_broker_defaults(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            partitions: None,
            replication_factor: None,
            replica_assignments: BTreeMap::new(),
            configs: BTreeMap::new(),
        }
    }

    /// A topic whose partitions lie on these brokers.
    #[must_use]
    pub fn with_assignments(
        name: impl Into<String>,
        assignments: impl IntoIterator<Item = (i32, Vec<i32>)>,
    ) -> Self {
        let mut topic = Self::with_broker_defaults(name);
        topic.replica_assignments = assignments.into_iter().collect();
        topic
    }

    /// Sets a property of the topic.
    #[must_use]
    pub fn config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.configs.insert(name.into(), value.into());
        self
    }

    fn needs_broker_defaults(&self) -> bool {
        self.replica_assignments.is_empty()
            && (self.partitions.is_none() || self.replication_factor.is_none())
    }

    fn to_wire(&self) -> CreatableTopic {
        CreatableTopic {
            name: ByteString::from(self.name.as_str()),
            num_partitions: self.partitions.unwrap_or(-1),
            replication_factor: self.replication_factor.unwrap_or(-1),
            assignments: self
                .replica_assignments
                .iter()
                .map(|(partition, brokers)| CreatableReplicaAssignment {
                    partition_index: *partition,
                    broker_ids: brokers.iter().copied().collect::<Int32Array>(),
                    ..Default::default()
                })
                .collect(),
            configs: self
                .configs
                .iter()
                .map(|(name, value)| CreatableTopicConfig {
                    name: ByteString::from(name.as_str()),
                    value: Some(ByteString::from(value.as_str())),
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        }
    }
}

/// How topics are created.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CreateTopicsOptions {
    /// Checks everything, but creates nothing.
    pub validate_only: bool,
    /// How long the call may take; `None`: `default.api.timeout.ms`.
    pub timeout: Option<Duration>,
}

impl CreateTopicsOptions {
    /// Checks everything, but creates nothing.
    #[must_use]
    pub const fn validate_only(mut self, validate_only: bool) -> Self {
        self.validate_only = validate_only;
        self
    }

    /// How long the call may take, in place of `default.api.timeout.ms`.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// A topic that was created, or would be; brokers before 2.4 tell nothing about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedTopic {
    /// Its id (Kafka 2.8).
    pub topic_id: Option<Uuid>,
    /// How many partitions it has.
    pub partitions: Option<i32>,
    /// How many replicas each has.
    pub replication_factor: Option<i16>,
    /// Its settings.
    pub configs: Option<Vec<TopicConfigEntry>>,
    /// Why the broker does not tell about it.
    pub config_error: Option<ErrorCode>,
}

/// A setting of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicConfigEntry {
    /// Its name.
    pub name: String,
    /// Its value; `None` when it is sensitive.
    pub value: Option<String>,
    /// Whether it cannot be changed.
    pub is_read_only: bool,
    /// Whether its value is kept back.
    pub is_sensitive: bool,
    /// Where the value comes from, as a number of Kafka's `ConfigSource`: 1 this topic, 2 this broker, 3 all
    /// brokers, 4 the broker's file, 5 Kafka's default.
    pub config_source: i8,
}

impl CreatedTopic {
    fn from_wire(result: CreatableTopicResult, version: i16) -> Self {
        let topic_id = Some(result.topic_id).filter(|id| *id != Uuid::ZERO);
        if version < CREATED_TOPIC_VERSION {
            return Self { topic_id, ..Self::default() };
        }
        let configs = result.configs.map(|configs| {
            configs
                .into_iter()
                .map(|config| TopicConfigEntry {
                    name: config.name.to_string(),
                    value: config.value.map(|value| value.to_string()),
                    is_read_only: config.read_only,
                    is_sensitive: config.is_sensitive,
                    config_source: config.config_source,
                })
                .collect()
        });
        Self {
            topic_id,
            partitions: Some(result.num_partitions).filter(|count| *count >= 0),
            replication_factor: Some(result.replication_factor).filter(|factor| *factor >= 0),
            configs,
            config_error: ErrorCode(result.topic_config_error_code).ok().err(),
        }
    }
}

impl Admin {
    /// Creates topics.
    ///
    /// # Errors
    ///
    /// Each topic has its own, most often
    /// [`TOPIC_ALREADY_EXISTS`](ErrorCode::TOPIC_ALREADY_EXISTS),
    /// [`INVALID_REPLICATION_FACTOR`](ErrorCode::INVALID_REPLICATION_FACTOR) and
    /// [`POLICY_VIOLATION`](ErrorCode::POLICY_VIOLATION). After a timeout, or when a connection broke, a topic
    /// may have been created all the same.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take back what was sent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = milena_broker::Broker::start().await?;
    /// # use milena::{admin::{Admin, NewTopic}, config::AdminConfig};
    /// # let admin = Admin::new(AdminConfig::builder(broker.bootstrap_servers()).build()?)?;
    /// let topic = NewTopic::new("orders", 3, 1).config("retention.ms", "86400000");
    /// let created = admin.create_topics([topic]).await.one()?;
    /// assert_eq!(created.partitions, Some(3));
    /// # Ok(()) }
    /// ```
    pub async fn create_topics(
        &self,
        topics: impl IntoIterator<Item = NewTopic>,
    ) -> Results<String, CreatedTopic> {
        self.create_topics_with(topics, CreateTopicsOptions::default()).await
    }

    /// Creates topics with options.
    ///
    /// # Errors
    ///
    /// As [`create_topics`](Self::create_topics).
    ///
    /// # Cancel safety
    ///
    /// As [`create_topics`](Self::create_topics).
    pub async fn create_topics_with(
        &self,
        topics: impl IntoIterator<Item = NewTopic>,
        options: CreateTopicsOptions,
    ) -> Results<String, CreatedTopic> {
        let operation = CreateTopics { topics: topics.into_iter().collect(), options };
        let deadline = self.inner.deadline(options.timeout);
        let results = self.inner.run(&operation, deadline).await;
        Results::new(operation.topics.into_iter().map(|topic| topic.name), results)
    }
}

struct CreateTopics {
    topics: Vec<NewTopic>,
    options: CreateTopicsOptions,
}

impl Operation for CreateTopics {
    type Output = CreatedTopic;

    fn len(&self) -> usize {
        self.topics.len()
    }

    fn may_pass(&self, error: &Error) -> bool {
        controller_may_pass(error)
    }

    async fn attempt(
        &self,
        admin: &Inner,
        pending: &[usize],
        deadline: Instant,
    ) -> Result<Outcomes<CreatedTopic>, Error> {
        let (asked, mut outcomes) = Asked::once(&self.topics, pending, |topic| &topic.name);
        let connection = admin.cluster.controller().await?;
        let version = if asked.iter().any(NewTopic::needs_broker_defaults) {
            let what = "a topic without partitions and replication factor";
            highest_from::<CreateTopicsRequest>(&connection, BROKER_DEFAULTS_VERSION, what)?
        } else {
            highest::<CreateTopicsRequest>(&connection)?
        };
        let request = CreateTopicsRequest {
            topics: asked.iter().map(NewTopic::to_wire).collect(),
            timeout_ms: admin.timeout_ms(deadline),
            validate_only: self.options.validate_only,
            ..Default::default()
        };
        let response = admin.send(&connection, &request, version, deadline).await?;
        for result in response.topics {
            let Some(index) = asked.find(|topic| *topic.name == *result.name) else { continue };
            let message = result.error_message.as_deref();
            let outcome = check::<CreateTopicsRequest>(result.error_code, message, version)
                .map_err(|error| error.with_topic(&*result.name))
                .map(|()| CreatedTopic::from_wire(result, version));
            outcomes.push((index, outcome));
        }
        Ok(outcomes)
    }
}
