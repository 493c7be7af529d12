//! Adding partitions to topics: requests for the controller.

use std::time::{Duration, Instant};

use milena_wire::messages::CreatePartitionsRequest;
use milena_wire::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use milena_wire::{ByteString, Int32Array};

use super::client::{Admin, Inner, check, highest};
use super::operation::{Asked, Operation, Outcomes, controller_may_pass};
use super::results::Results;
use crate::Error;

/// How many partitions a topic is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewPartitions {
    /// The topic.
    pub topic: String,
    /// How many partitions it is to have in all; more than it has.
    pub total_count: i32,
    /// For every new partition the brokers of its replicas; `None`: the controller spreads them.
    pub assignments: Option<Vec<Vec<i32>>>,
}

impl NewPartitions {
    /// So many partitions in all; the controller spreads the new ones.
    #[must_use]
    pub fn increase_to(topic: impl Into<String>, total_count: i32) -> Self {
        Self { topic: topic.into(), total_count, assignments: None }
    }

    /// Puts the replicas of each new partition on these brokers.
    #[must_use]
    pub fn with_assignments(mut self, assignments: impl IntoIterator<Item = Vec<i32>>) -> Self {
        self.assignments = Some(assignments.into_iter().collect());
        self
    }

    fn to_wire(&self) -> CreatePartitionsTopic {
        let assignment = |brokers: &Vec<i32>| CreatePartitionsAssignment {
            broker_ids: brokers.iter().copied().collect::<Int32Array>(),
            ..Default::default()
        };
        CreatePartitionsTopic {
            name: ByteString::from(self.topic.as_str()),
            count: self.total_count,
            assignments: self
                .assignments
                .as_ref()
                .map(|assignments| assignments.iter().map(assignment).collect()),
            ..Default::default()
        }
    }
}

/// How partitions are added.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CreatePartitionsOptions {
    /// Checks everything, but adds nothing.
    pub validate_only: bool,
    /// How long the call may take; `None`: `default.api.timeout.ms`.
    pub timeout: Option<Duration>,
}

impl CreatePartitionsOptions {
    /// Checks everything, but adds nothing.
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

impl Admin {
    /// Adds partitions to topics. Keys that were sent before may belong to another partition afterwards.
    ///
    /// # Errors
    ///
    /// Each topic has its own, most often
    /// [`INVALID_PARTITIONS`](crate::ErrorCode::INVALID_PARTITIONS) when it has that many already, and
    /// [`INVALID_REPLICA_ASSIGNMENT`](crate::ErrorCode::INVALID_REPLICA_ASSIGNMENT).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take back what was sent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = milena_broker::Broker::start().await?;
    /// # use milena::{admin::{Admin, NewPartitions, NewTopic}, config::AdminConfig};
    /// # let admin = Admin::new(AdminConfig::builder(broker.bootstrap_servers()).build()?)?;
    /// admin.create_topics([NewTopic::new("orders", 1, 1)]).await.all()?;
    /// admin.create_partitions([NewPartitions::increase_to("orders", 4)]).await.all()?;
    /// let topic = admin.describe_topics(["orders"]).await.one()?;
    /// assert_eq!(topic.partitions.len(), 4);
    /// # Ok(()) }
    /// ```
    pub async fn create_partitions(
        &self,
        topics: impl IntoIterator<Item = NewPartitions>,
    ) -> Results<String, ()> {
        self.create_partitions_with(topics, CreatePartitionsOptions::default()).await
    }

    /// Adds partitions to topics with options.
    ///
    /// # Errors
    ///
    /// As [`create_partitions`](Self::create_partitions).
    ///
    /// # Cancel safety
    ///
    /// As [`create_partitions`](Self::create_partitions).
    pub async fn create_partitions_with(
        &self,
        topics: impl IntoIterator<Item = NewPartitions>,
        options: CreatePartitionsOptions,
    ) -> Results<String, ()> {
        let operation = CreatePartitions { topics: topics.into_iter().collect(), options };
        let results = self.inner.run(&operation, self.inner.deadline(options.timeout)).await;
        Results::new(operation.topics.into_iter().map(|topic| topic.topic), results)
    }
}

struct CreatePartitions {
    topics: Vec<NewPartitions>,
    options: CreatePartitionsOptions,
}

impl Operation for CreatePartitions {
    type Output = ();

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
    ) -> Result<Outcomes<()>, Error> {
        let (asked, mut outcomes) = Asked::once(&self.topics, pending, |topic| &topic.topic);
        let connection = admin.cluster.controller().await?;
        let version = highest::<CreatePartitionsRequest>(&connection)?;
        let request = CreatePartitionsRequest {
            topics: asked.iter().map(NewPartitions::to_wire).collect(),
            timeout_ms: admin.timeout_ms(deadline),
            validate_only: self.options.validate_only,
            ..Default::default()
        };
        let response = admin.send(&connection, &request, version, deadline).await?;
        for result in response.results {
            let Some(index) = asked.find(|topic| *topic.topic == *result.name) else { continue };
            let message = result.error_message.as_deref();
            let outcome = check::<CreatePartitionsRequest>(result.error_code, message, version)
                .map_err(|error| error.with_topic(&*result.name));
            outcomes.push((index, outcome));
        }
        Ok(outcomes)
    }
}
