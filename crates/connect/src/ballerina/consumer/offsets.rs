//! What a consumer asks about offsets, partitions and topics.

use std::{collections::BTreeMap, time::Duration};

use milena::{PartitionInfo, TopicPartition, consumer::OffsetAndTimestamp};

use super::{Consumer, within};
use crate::ballerina::{Error, PartitionOffset};

const POSITION: &str = "Failed to retrieve position offset: ";

impl Consumer {
    /// The first offset of each partition.
    ///
    /// # Errors
    ///
    /// A partition is not there, or no broker tells in time.
    pub async fn get_beginning_offsets(
        &self,
        partitions: &[TopicPartition],
        duration: Option<Duration>,
    ) -> Result<Vec<PartitionOffset>, Error> {
        const PREFIX: &str = "Failed to retrieve offsets for the topic partitions: ";
        self.check_open(PREFIX)?;
        within(duration, PREFIX, self.0.client.beginning_offsets(partitions)).await.map(places)
    }

    /// The offset behind the last record of each partition.
    ///
    /// # Errors
    ///
    /// A partition is not there, or no broker tells in time.
    pub async fn get_end_offsets(
        &self,
        partitions: &[TopicPartition],
        duration: Option<Duration>,
    ) -> Result<Vec<PartitionOffset>, Error> {
        const PREFIX: &str = "Failed to retrieve end offsets for the consumer: ";
        self.check_open(PREFIX)?;
        within(duration, PREFIX, self.0.client.end_offsets(partitions)).await.map(places)
    }

    /// The committed offset of a partition, if there is one.
    ///
    /// # Errors
    ///
    /// No group, or the coordinator cannot be reached in time.
    pub async fn get_committed_offset(
        &self,
        partition: &TopicPartition,
        duration: Option<Duration>,
    ) -> Result<Option<PartitionOffset>, Error> {
        const PREFIX: &str = "Failed to retrieve committed offsets: ";
        self.check_open(PREFIX)?;
        let asked = std::slice::from_ref(partition);
        let mut found = within(duration, PREFIX, self.0.client.committed(asked)).await?;
        let committed = found.remove(partition).flatten();
        Ok(committed.map(|at| PartitionOffset { partition: partition.clone(), offset: at.offset }))
    }

    /// The offset of the next record that a poll gives.
    ///
    /// # Errors
    ///
    /// The partition is not assigned, or its position is not found in time.
    pub async fn get_position_offset(
        &self,
        partition: &TopicPartition,
        duration: Option<Duration>,
    ) -> Result<i64, Error> {
        self.check_open(POSITION)?;
        if !self.0.client.assignment().contains(partition) {
            let why = "You can only check the position for partitions assigned to this consumer.";
            return Err(Error::new(format!("{POSITION}{why}")));
        }
        let position = within(duration, POSITION, self.0.client.position(partition)).await?;
        Ok(position.offset)
    }

    /// The partitions of a topic.
    ///
    /// # Errors
    ///
    /// The topic is not there, or no broker tells of it in time.
    pub async fn get_topic_partitions(
        &self,
        topic: &str,
        duration: Option<Duration>,
    ) -> Result<Vec<TopicPartition>, Error> {
        const PREFIX: &str = "Failed to retrieve topic partitions for the consumer: ";
        self.check_open(PREFIX)?;
        let partitions = within(duration, PREFIX, self.0.client.partitions_for(topic)).await?;
        Ok(partitions.iter().map(PartitionInfo::topic_partition).collect())
    }

    /// The topics that there are.
    ///
    /// # Errors
    ///
    /// No broker tells in time.
    pub async fn get_available_topics(
        &self,
        duration: Option<Duration>,
    ) -> Result<Vec<String>, Error> {
        const PREFIX: &str = "Failed to retrieve available topics: ";
        self.check_open(PREFIX)?;
        let topics = within(duration, PREFIX, self.0.client.list_topics()).await?;
        Ok(topics.into_keys().collect())
    }

    /// The first record of each partition at its time, in ms since 1970, or later; `None` where there is
    /// none.
    ///
    /// # Errors
    ///
    /// A partition is not there, or no broker tells in time.
    pub async fn offsets_for_times(
        &self,
        times: &[(TopicPartition, i64)],
        duration: Option<Duration>,
    ) -> Result<Vec<(TopicPartition, Option<OffsetAndTimestamp>)>, Error> {
        const PREFIX: &str = "Failed to retrieve offsets for the given times: ";
        self.check_open(PREFIX)?;
        let found = self.0.client.offsets_for_times(times.iter().cloned());
        Ok(within(duration, PREFIX, found).await?.into_iter().collect())
    }
}

fn places(offsets: BTreeMap<TopicPartition, i64>) -> Vec<PartitionOffset> {
    let place = |(partition, offset)| PartitionOffset { partition, offset };
    offsets.into_iter().map(place).collect()
}
