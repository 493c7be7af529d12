//! Records that were refused for good, on their way to another topic.
//!
//! The record goes there as it is: it is read again from its place, because what a trigger gives is what
//! its connector makes of it. The error is in headers.

use std::time::Duration;

use milena::{
    Consumer, Error, Producer, ProducerRecord, TopicPartition,
    config::{ClientKind, ConsumerConfig, ProducerConfig, find},
    consumer::Header,
};
use tokio::time::Instant;

use super::sink::Record;
use crate::{connection::Connection, connector::TriggerConfiguration};

/// How long reading the record again may take.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// Properties that make a consumer a member of its group; reading one record needs none.
const OF_GROUPS: [&str; 5] = [
    "group.id",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "partition.assignment.strategy",
];

/// Sends refused records to a topic.
pub(super) struct DeadLetters {
    step: String,
    topic: String,
    target: String,
    producer: Producer,
    consumer: Vec<(String, String)>,
}

impl DeadLetters {
    /// For the records of this trigger.
    ///
    /// # Errors
    ///
    /// Client properties that cannot work, all in one error.
    pub(super) fn new(
        step: &str,
        target: &str,
        trigger: &dyn TriggerConfiguration,
        connection: &Connection,
    ) -> Result<Self, Error> {
        let properties = trigger.client_properties(connection);
        let pairs: Vec<(String, String)> =
            properties.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        // Where the brokers are, and how to get in: what both kinds of client know.
        let shared = pairs.iter().filter(|(name, _)| find(name, ClientKind::Producer).is_some());
        let config = ProducerConfig::from_properties(shared.cloned())?;
        let producer = Producer::new(config)?;
        let mut consumer = pairs;
        consumer.retain(|(name, _)| !OF_GROUPS.contains(&name.as_str()));
        Ok(Self {
            step: step.to_owned(),
            topic: trigger.topic().to_owned(),
            target: target.to_owned(),
            producer,
            consumer,
        })
    }

    /// Sends a record with the reason why, and waits until it is written.
    ///
    /// # Errors
    ///
    /// When the record cannot be read or written.
    pub(super) async fn send(&self, record: &Record, why: &str) -> Result<(), Error> {
        let consumer = Consumer::new(ConsumerConfig::from_properties(self.consumer.clone())?)?;
        let sent = self.copy(&consumer, record, why).await;
        // It has nothing to commit and no group to leave.
        let _ = consumer.close(Duration::from_secs(5)).await;
        sent
    }

    async fn copy(&self, consumer: &Consumer, record: &Record, why: &str) -> Result<(), Error> {
        let ticket = record.ticket;
        let partition = TopicPartition::new(self.topic.clone(), ticket.partition);
        consumer.assign([partition.clone()])?;
        consumer.seek(&partition, ticket.offset)?;
        let (number, offset) = (ticket.partition.to_string(), ticket.offset.to_string());
        let of_error = [
            ("milena.error.step", self.step.as_str()),
            ("milena.error.topic", self.topic.as_str()),
            ("milena.error.partition", number.as_str()),
            ("milena.error.offset", offset.as_str()),
            ("milena.error.message", why),
        ]
        .map(|(name, value)| Header::new(name, Some(value.as_bytes())));
        let deadline = Instant::now() + READ_WITHIN;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let records = consumer.poll(left).await?;
            if let Some(first) = records.iter().next() {
                let is_there = first.offset == ticket.offset;
                let headers = first.headers.filter(|_| is_there);
                let headers: Vec<Header<'_>> = headers.chain(of_error).collect();
                let letter = ProducerRecord::to(&self.target).headers(&headers);
                let letter = if is_there {
                    letter.key_value(first.key, first.value)
                } else {
                    // The topic has let go of it: what is left is what the trigger made of it.
                    letter.value(&record.body)
                };
                let delivery = self.producer.send(letter).await?;
                return delivery.await.map(drop);
            }
            if left.is_zero() {
                let letter =
                    ProducerRecord::to(&self.target).headers(&of_error).value(&record.body);
                return self.producer.send(letter).await?.await.map(drop);
            }
        }
    }

    /// Closes the producer.
    pub(super) async fn close(&self, within: Duration) -> Result<(), Error> {
        self.producer.close(within).await
    }
}
