//! Offsets of partitions: requests for their leaders.

use std::time::{Duration, Instant};

use milena_core::TopicPartition;
use milena_pool::Connection;
use milena_wire::messages::ListOffsetsRequest;
use milena_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};

use super::client::{Admin, Inner, check, highest_from};
use super::leaders::{self, LeaderOperation, by_topic};
use super::offset_spec::OffsetSpec;
use super::operation::{Asked, Operation, Outcomes};
use super::results::Results;
use crate::config::IsolationLevel;
use crate::{Error, ErrorKind};

/// The version from which a leader is told how long to wait (Kafka 3.9).
const TIMEOUT_VERSION: i16 = 10;

/// An offset that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedOffset {
    /// The offset.
    pub offset: i64,
    /// The timestamp of the record there, in milliseconds since 1970, for specs that look at timestamps.
    pub timestamp: Option<i64>,
    /// The epoch of the leader that wrote it (Kafka 2.1).
    pub leader_epoch: Option<i32>,
}

/// How offsets are listed.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ListOffsetsOptions {
    /// With read-committed the latest offset is before open transactions.
    pub isolation_level: IsolationLevel,
    /// How long the call may take; `None`: `default.api.timeout.ms`.
    pub timeout: Option<Duration>,
}

impl ListOffsetsOptions {
    /// With read-committed the latest offset is before open transactions.
    #[must_use]
    pub const fn isolation_level(mut self, isolation_level: IsolationLevel) -> Self {
        self.isolation_level = isolation_level;
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
    /// An offset of each partition; `None` where there is no such record.
    ///
    /// # Errors
    ///
    /// Each partition has its own. A topic or partition that stays unknown for three seconds is not there;
    /// [`ErrorKind::UnsupportedVersion`] when the leader is too old for the [`OffsetSpec`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = milena_broker::Broker::start().await?;
    /// # use milena::{TopicPartition, admin::{Admin, NewTopic, OffsetSpec}, config::AdminConfig};
    /// # let admin = Admin::new(AdminConfig::builder(broker.bootstrap_servers()).build()?)?;
    /// admin.create_topics([NewTopic::new("orders", 1, 1)]).await.all()?;
    /// let partition = TopicPartition::new("orders", 0);
    /// let end = admin.list_offsets([(partition.clone(), OffsetSpec::Latest)]).await.one()?;
    /// assert_eq!(end.map(|end| end.offset), Some(0));
    /// let first = admin.list_offsets([(partition, OffsetSpec::Timestamp(0))]).await.one()?;
    /// assert_eq!(first, None);
    /// # Ok(()) }
    /// ```
    pub async fn list_offsets(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
    ) -> Results<TopicPartition, Option<ListedOffset>> {
        self.list_offsets_with(partitions, ListOffsetsOptions::default()).await
    }

    /// An offset of each partition, with options.
    ///
    /// # Errors
    ///
    /// As [`list_offsets`](Self::list_offsets).
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn list_offsets_with(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
        options: ListOffsetsOptions,
    ) -> Results<TopicPartition, Option<ListedOffset>> {
        let operation = ListOffsets { partitions: partitions.into_iter().collect(), options };
        let results = self.inner.run(&operation, self.inner.deadline(options.timeout)).await;
        Results::new(operation.partitions.into_iter().map(|(partition, _)| partition), results)
    }
}

struct ListOffsets {
    partitions: Vec<(TopicPartition, OffsetSpec)>,
    options: ListOffsetsOptions,
}

impl ListOffsets {
    fn request(
        &self,
        asked: &Asked<'_, (TopicPartition, OffsetSpec)>,
        timeout_ms: i32,
    ) -> ListOffsetsRequest {
        let topics = by_topic(asked.iter().map(|(partition, spec)| {
            let wire = ListOffsetsPartition {
                partition_index: partition.partition,
                timestamp: spec.number(),
                ..Default::default()
            };
            (partition, wire)
        }));
        let topic = |(first, partitions): (&TopicPartition, _)| ListOffsetsTopic {
            name: first.topic.clone(),
            partitions,
            ..Default::default()
        };
        ListOffsetsRequest {
            replica_id: -1,
            isolation_level: self.options.isolation_level.number(),
            topics: topics.into_iter().map(topic).collect(),
            timeout_ms,
            ..Default::default()
        }
    }
}

impl Operation for ListOffsets {
    type Output = Option<ListedOffset>;

    fn len(&self) -> usize {
        self.partitions.len()
    }

    async fn attempt(
        &self,
        admin: &Inner,
        pending: &[usize],
        deadline: Instant,
    ) -> Result<Outcomes<Self::Output>, Error> {
        // No leader gives a record a timestamp below zero, and these numbers mean something else.
        let (wrong, right): (Vec<usize>, Vec<usize>) = pending.iter().partition(|index| {
            matches!(self.partitions.get(**index), Some((_, OffsetSpec::Timestamp(..0))))
        });
        let mut outcomes: Outcomes<Self::Output> = Vec::new();
        for index in wrong {
            let error = Error::new(ErrorKind::InvalidArgument, "expected a timestamp of 0 or more");
            outcomes.push((index, Err(error)));
        }
        if !right.is_empty() {
            outcomes.extend(leaders::attempt(self, admin, &right, deadline).await?);
        }
        Ok(outcomes)
    }
}

impl LeaderOperation for ListOffsets {
    type Question = OffsetSpec;
    type Output = Option<ListedOffset>;

    fn partitions(&self) -> &[(TopicPartition, OffsetSpec)] {
        &self.partitions
    }

    async fn ask(
        &self,
        admin: &Inner,
        connection: &Connection,
        asked: Asked<'_, (TopicPartition, OffsetSpec)>,
        deadline: Instant,
    ) -> Result<Outcomes<Self::Output>, Error> {
        let least = asked.iter().map(|(_, spec)| spec.least_version()).max().unwrap_or_default();
        let what = "this kind of offset";
        let version = highest_from::<ListOffsetsRequest>(connection, least, what)?;
        let timeout_ms = if version >= TIMEOUT_VERSION { admin.timeout_ms(deadline) } else { 0 };
        let request = self.request(&asked, timeout_ms);
        let response = admin.send(connection, &request, version, deadline).await?;
        let mut outcomes = Vec::new();
        for topic in response.topics {
            for found in topic.partitions {
                let key = TopicPartition::new(topic.name.clone(), found.partition_index);
                let Some(index) = asked.find(|(partition, _)| *partition == key) else { continue };
                let listed = (found.offset >= 0).then_some(ListedOffset {
                    offset: found.offset,
                    timestamp: Some(found.timestamp).filter(|timestamp| *timestamp >= 0),
                    leader_epoch: Some(found.leader_epoch).filter(|epoch| *epoch >= 0),
                });
                let outcome = check::<ListOffsetsRequest>(found.error_code, None, version)
                    .map_err(|error| error.with_partition(&*key.topic, key.partition))
                    .map(|()| listed);
                outcomes.push((index, outcome));
            }
        }
        Ok(outcomes)
    }
}
