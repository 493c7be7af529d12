//! Deleting the beginning of partitions: requests for their leaders.

use std::time::Instant;

use milena_core::TopicPartition;
use milena_pool::Connection;
use milena_wire::messages::DeleteRecordsRequest;
use milena_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};

use super::client::{Admin, Inner, check, highest};
use super::leaders::{self, LeaderOperation, by_topic};
use super::operation::{Asked, Operation, Outcomes};
use super::results::Results;
use crate::Error;

/// A partition after its beginning was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeletedRecords {
    /// The first offset that any replica still has.
    pub low_watermark: i64,
}

impl Admin {
    /// Deletes the records of partitions that are before an offset; -1 deletes all that is committed.
    ///
    /// # Errors
    ///
    /// Each partition has its own, most often
    /// [`OFFSET_OUT_OF_RANGE`](crate::ErrorCode::OFFSET_OUT_OF_RANGE) for an offset beyond the end, and
    /// [`POLICY_VIOLATION`](crate::ErrorCode::POLICY_VIOLATION) for topics that are compacted only. A topic
    /// that stays unknown for three seconds is not there.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take back what was sent.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = milena_broker::Broker::start().await?;
    /// # use milena::{TopicPartition, admin::{Admin, NewTopic}, config::AdminConfig};
    /// # let admin = Admin::new(AdminConfig::builder(broker.bootstrap_servers()).build()?)?;
    /// admin.create_topics([NewTopic::new("orders", 1, 1)]).await.all()?;
    /// let deleted = admin.delete_records([(TopicPartition::new("orders", 0), -1)]).await.one()?;
    /// assert_eq!(deleted.low_watermark, 0);
    /// # Ok(()) }
    /// ```
    pub async fn delete_records(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Results<TopicPartition, DeletedRecords> {
        let operation = DeleteRecords { offsets: offsets.into_iter().collect() };
        let results = self.inner.run(&operation, self.inner.deadline(None)).await;
        Results::new(operation.offsets.into_iter().map(|(partition, _)| partition), results)
    }
}

struct DeleteRecords {
    offsets: Vec<(TopicPartition, i64)>,
}

impl Operation for DeleteRecords {
    type Output = DeletedRecords;

    fn len(&self) -> usize {
        self.offsets.len()
    }

    async fn attempt(
        &self,
        admin: &Inner,
        pending: &[usize],
        deadline: Instant,
    ) -> Result<Outcomes<DeletedRecords>, Error> {
        leaders::attempt(self, admin, pending, deadline).await
    }
}

impl LeaderOperation for DeleteRecords {
    type Question = i64;
    type Output = DeletedRecords;

    fn partitions(&self) -> &[(TopicPartition, i64)] {
        &self.offsets
    }

    async fn ask(
        &self,
        admin: &Inner,
        connection: &Connection,
        asked: Asked<'_, (TopicPartition, i64)>,
        deadline: Instant,
    ) -> Result<Outcomes<DeletedRecords>, Error> {
        let version = highest::<DeleteRecordsRequest>(connection)?;
        let topics = by_topic(asked.iter().map(|(partition, offset)| {
            let wire = DeleteRecordsPartition {
                partition_index: partition.partition,
                offset: *offset,
                ..Default::default()
            };
            (partition, wire)
        }));
        let topic = |(first, partitions): (&TopicPartition, _)| DeleteRecordsTopic {
            name: first.topic.clone(),
            partitions,
            ..Default::default()
        };
        let request = DeleteRecordsRequest {
            topics: topics.into_iter().map(topic).collect(),
            timeout_ms: admin.timeout_ms(deadline),
            ..Default::default()
        };
        let response = admin.send(connection, &request, version, deadline).await?;
        let mut outcomes = Vec::new();
        for topic in response.topics {
            for found in topic.partitions {
                let key = TopicPartition::new(topic.name.clone(), found.partition_index);
                let Some(index) = asked.find(|(partition, _)| *partition == key) else { continue };
                let outcome = check::<DeleteRecordsRequest>(found.error_code, None, version)
                    .map_err(|error| error.with_partition(&*key.topic, key.partition))
                    .map(|()| DeletedRecords { low_watermark: found.low_watermark });
                outcomes.push((index, outcome));
            }
        }
        Ok(outcomes)
    }
}
