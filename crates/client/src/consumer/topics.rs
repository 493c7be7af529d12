//! Which topics there are, and their partitions.

use std::collections::BTreeMap;

use super::{Consumer, shared::now};
use crate::{Error, PartitionInfo};

impl Consumer {
    /// The partitions of a topic, by number. What the consumer knows of the topics it is subscribed
    /// to is given at once; other topics are asked for, for up to `default.api.timeout.ms`. A
    /// topic that does not exist is created if `allow.auto.create.topics` and the broker allow it.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Broker`](crate::ErrorKind::Broker) when the topic does not exist or may not be
    /// seen (where Java gives an empty list for the former), and what connections bring.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use milena::{Consumer, config::ConsumerConfig};
    ///
    /// # let broker = milena_broker::Broker::start().await?;
    /// # broker.create_topic("orders", 3)?;
    /// let consumer = Consumer::new(ConsumerConfig::builder(broker.bootstrap_servers()).build()?)?;
    /// let partitions = consumer.partitions_for("orders").await?;
    /// consumer.assign(partitions.iter().map(|info| info.topic_partition()))?;
    /// # assert_eq!(consumer.assignment().len(), 3);
    /// # Ok(()) }
    /// ```
    pub async fn partitions_for(&self, topic: &str) -> Result<Vec<PartitionInfo>, Error> {
        self.shared.check_open()?;
        let cluster = &self.shared.cluster;
        let metadata = cluster.metadata();
        if let Some(known) = metadata.topic(topic).filter(|known| known.is_settled()) {
            return Ok(PartitionInfo::of_topic(known));
        }
        let client = &self.shared.config.client;
        let deadline = now() + client.default_api_timeout;
        let may_create = client.allow_auto_create_topics;
        let topics = cluster.ask_for_topics(Some(topic), may_create, deadline).await?;
        Ok(topics.first().map(PartitionInfo::of_response).unwrap_or_default())
    }

    /// All topics that this client may describe, Kafka's own among them, with their partitions by
    /// number. Asks a broker, for up to `default.api.timeout.ms`. Cancel safe.
    ///
    /// # Errors
    ///
    /// What brokers and connections bring.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use milena::{Consumer, config::ConsumerConfig};
    ///
    /// # let broker = milena_broker::Broker::start().await?;
    /// # broker.create_topic("orders", 3)?;
    /// let consumer = Consumer::new(ConsumerConfig::builder(broker.bootstrap_servers()).build()?)?;
    /// for (topic, partitions) in consumer.list_topics().await? {
    ///     println!("{topic} has {} partitions", partitions.len());
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn list_topics(&self) -> Result<BTreeMap<String, Vec<PartitionInfo>>, Error> {
        self.shared.check_open()?;
        let deadline = now() + self.shared.config.client.default_api_timeout;
        let topics = self.shared.cluster.ask_for_topics(None, false, deadline).await?;
        let entry = |topic: &_| {
            let partitions = PartitionInfo::of_response(topic);
            Some((partitions.first()?.topic.clone(), partitions))
        };
        Ok(topics.iter().filter_map(entry).collect())
    }
}
