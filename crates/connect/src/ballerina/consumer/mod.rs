//! The consumer.

mod offsets;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use milena::{OwnedRecord, TopicPartition, config::ConsumerConfig, consumer::OffsetAndMetadata};
use parking_lot::Mutex;

use super::{
    ConsumerConfiguration, Error, FromBytes, FromRecord, PartitionOffset, Payload, RecordFault,
    Servers,
    avro::{Deserializers, failed},
    binding::place,
};
use crate::connection::Connection;

const CONNECT: &str = "Cannot connect to the kafka server: ";
const POLL: &str = "Failed to poll from the Kafka server: ";
const SUBSCRIBE: &str = "Failed to subscribe to the provided topics: ";
const COMMIT: &str = "Failed to commit offsets: ";
const SEEK: &str = "Failed to seek the consumer: ";

/// How long closing takes at most, if nobody says.
const CLOSE_WITHIN: Duration = Duration::from_secs(30);

/// Reads records, of topics that a group shares or of partitions that it is told. A cheap clone: all
/// clones are one consumer.
///
/// With `autoCommit`, which is the default, records count as processed as soon as a poll has read them:
/// at most once. Without it nothing is committed but by [`commit`](Self::commit) and
/// [`commit_offset`](Self::commit_offset).
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use milena_connect::ballerina::{Producer, ProducerConfiguration, ProducerRecord};
/// use std::time::Duration;
///
/// use milena_connect::ballerina::{Consumer, ConsumerConfiguration, ConsumerRecord};
/// use serde_json::json;
///
/// # let broker = milena_broker::Broker::start().await?;
/// # let producer = Producer::new(broker.bootstrap_servers(), &ProducerConfiguration::default())?;
/// # producer.send(&ProducerRecord::new("kafka-topic", "hello")).await?;
/// let configuration = ConsumerConfiguration::from_json(&json!({
///     "groupId": "group-id", "offsetReset": "earliest", "topics": ["kafka-topic"],
/// }))?;
/// let consumer = Consumer::new(broker.bootstrap_servers(), &configuration)?;
/// let mut records: Vec<ConsumerRecord<String>> = Vec::new();
/// while records.is_empty() {
///     records = consumer.poll(Duration::from_secs(1)).await?;
/// }
/// assert_eq!(records[0].value, "hello");
/// consumer.close(None).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Consumer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: milena::Consumer,
    avro: Option<Deserializers>,
    servers: String,
    has_group: bool,
    commits_itself: bool,
    validates: bool,
    skips: bool,
    is_closed: AtomicBool,
    subscription: Mutex<BTreeSet<String>>,
    /// One poll at a time, each with the error that the one before it has left.
    polling: tokio::sync::Mutex<Option<Error>>,
}

impl Consumer {
    /// A consumer of these brokers. Needs a tokio runtime; it subscribes to the `topics` of its
    /// configuration.
    ///
    /// # Errors
    ///
    /// Brokers, properties and files that cannot work, and topics without `groupId`.
    pub fn new(
        servers: impl Into<Servers>,
        configuration: &ConsumerConfiguration,
    ) -> Result<Self, Error> {
        let consumer = Self::on(&servers.into(), configuration, &Connection::default())?;
        if !configuration.topics.is_empty() {
            consumer.subscribe(&configuration.topics)?;
        }
        Ok(consumer)
    }

    /// A consumer that has not subscribed, with what a flow sets around the configuration.
    pub(super) fn on(
        servers: &Servers,
        configuration: &ConsumerConfiguration,
        connection: &Connection,
    ) -> Result<Self, Error> {
        if let Some(Err(why)) = configuration.secure_socket.as_ref().map(super::SecureSocket::check)
        {
            return Err(Error::new(format!("{CONNECT}{why}")));
        }
        let avro = Deserializers::new(configuration);
        let avro = avro.map_err(|why| Error::new(format!("{CONNECT}{why}")))?;
        let properties = configuration.client_properties(&servers.0, connection);
        let config = ConsumerConfig::from_properties(properties.pairs());
        let client = config.and_then(milena::Consumer::new);
        Ok(Self(Arc::new(Inner {
            client: client.map_err(|error| Error::client(CONNECT, error))?,
            avro,
            servers: properties.value("bootstrap.servers").unwrap_or_default().to_owned(),
            has_group: properties.value("group.id").is_some(),
            commits_itself: configuration.commits_itself(),
            validates: configuration.validation,
            skips: configuration.auto_seek_on_validation_failure,
            is_closed: AtomicBool::new(false),
            subscription: Mutex::default(),
            polling: tokio::sync::Mutex::default(),
        })))
    }

    /// Subscribes to topics in place of what was subscribed to before.
    ///
    /// # Errors
    ///
    /// No topics, one without a name, no `groupId`, or partitions that were assigned.
    pub fn subscribe<T: AsRef<str>>(&self, topics: &[T]) -> Result<(), Error> {
        self.check_open(SUBSCRIBE)?;
        let topics: BTreeSet<String> =
            topics.iter().map(|topic| topic.as_ref().to_owned()).collect();
        self.check_group()?;
        if topics.iter().any(|topic| topic.trim().is_empty()) {
            let why = "Topic collection to subscribe to cannot contain null or empty topic";
            return Err(Error::new(format!("{SUBSCRIBE}{why}")));
        }
        let subscribed = self.0.client.subscribe(topics.iter().cloned());
        subscribed.map_err(|error| Error::client(SUBSCRIBE, error))?;
        *self.0.subscription.lock() = topics;
        Ok(())
    }

    /// Subscribes to every topic whose whole name matches, also to those that are made later.
    ///
    /// # Errors
    ///
    /// A pattern that cannot be read, no `groupId`, or partitions that were assigned.
    pub fn subscribe_with_pattern(&self, regex: &str) -> Result<(), Error> {
        const PREFIX: &str = "Failed to subscribe to the topics: ";
        self.check_open(PREFIX)?;
        self.check_group()?;
        let subscribed = self.0.client.subscribe_pattern(regex);
        subscribed.map_err(|error| Error::client(PREFIX, error))?;
        self.0.subscription.lock().clear();
        Ok(())
    }

    /// Ends the subscription or the assignment.
    ///
    /// # Errors
    ///
    /// The consumer is closed.
    pub async fn unsubscribe(&self) -> Result<(), Error> {
        self.check_open("Failed to unsubscribe the consumer: ")?;
        self.0.client.unsubscribe().await;
        self.0.subscription.lock().clear();
        Ok(())
    }

    /// The topics that are subscribed to; with a pattern, those that partitions are assigned of.
    #[must_use]
    pub fn get_subscription(&self) -> Vec<String> {
        let topics = self.0.subscription.lock().clone();
        if !topics.is_empty() {
            return topics.into_iter().collect();
        }
        let assigned = self.0.client.assignment();
        let topics: BTreeSet<String> = assigned.iter().map(|tp| tp.topic.to_string()).collect();
        topics.into_iter().collect()
    }

    /// Takes exactly these partitions.
    ///
    /// # Errors
    ///
    /// A topic without a name, or topics that are subscribed to.
    pub fn assign(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        const PREFIX: &str = "Failed to assign topics for the consumer: ";
        self.check_open(PREFIX)?;
        if partitions.iter().any(|partition| partition.topic.trim().is_empty()) {
            let why = "Topic partitions to assign to cannot have null or empty topic";
            return Err(Error::new(format!("{PREFIX}{why}")));
        }
        let assigned = self.0.client.assign(partitions.iter().cloned());
        assigned.map_err(|error| Error::client(PREFIX, error))
    }

    /// The partitions that are assigned.
    #[must_use]
    pub fn get_assignment(&self) -> Vec<TopicPartition> {
        self.0.client.assignment()
    }

    /// Waits for records for this long, and reads them as the type that is asked for: records
    /// ([`ConsumerRecord`](super::ConsumerRecord)) or their values alone ([`Payload`]).
    ///
    /// A record that cannot be read, or is not valid, is skipped; with `autoSeekOnValidationFailure` off it
    /// is an error, which comes after the records before it and goes away with a seek past it.
    ///
    /// Not cancel safe with `autoCommit` or `DES_AVRO`: records of a poll that is dropped may count as
    /// processed, or are not given again before the next assignment.
    ///
    /// # Errors
    ///
    /// No broker can be reached, records cannot be fetched or committed, or a record is not what was
    /// asked for.
    pub async fn poll<R: FromRecord>(&self, timeout: Duration) -> Result<Vec<R>, Error> {
        self.check_open(POLL)?;
        let mut left = self.0.polling.lock().await;
        if let Some(error) = left.take() {
            return Err(error);
        }
        let polled = self.0.client.poll(timeout).await;
        let polled = polled.map_err(|error| self.polled(error))?;
        if polled.is_empty() {
            return if self.is_unreachable() {
                Err(Error::unavailable(&self.0.servers, None))
            } else {
                Ok(Vec::new())
            };
        }
        let records: Vec<OwnedRecord> = polled.iter().map(|record| record.to_owned()).collect();
        drop(polled);
        if let Some(avro) = &self.0.avro {
            let framed = records
                .iter()
                .flat_map(|record| avro.framed(record.key.as_deref(), record.value.as_deref()));
            if let Err(error) = avro.registry.fetch(framed).await {
                self.seek_back(&records)?;
                return Err(failed(POLL, &error));
            }
        }
        let (values, fault) = self.read(&records);
        let read = fault.as_ref().map_or(records.len(), |(at, _)| *at);
        let (taken, broken_off) = records.split_at(read);
        self.seek_back(broken_off)?;
        if self.0.commits_itself && self.0.has_group {
            let committed = self.commit_read(taken).await;
            if committed.is_err() {
                // Nobody has seen these records: they are given again, if they are still ours.
                let _ = self.seek_back(taken);
            }
            committed?;
        }
        match fault {
            Some((_, error)) if values.is_empty() => Err(error),
            Some((_, error)) => {
                *left = Some(error);
                Ok(values)
            }
            None => Ok(values),
        }
    }

    /// As [`poll`](Self::poll), with the values alone.
    ///
    /// # Errors
    ///
    /// As for [`poll`](Self::poll).
    pub async fn poll_payload<V: FromBytes>(&self, timeout: Duration) -> Result<Vec<V>, Error> {
        let payloads: Vec<Payload<V>> = self.poll(timeout).await?;
        Ok(payloads.into_iter().map(|payload| payload.0).collect())
    }

    /// Reads records up to the first that ends the poll, whose index is given with its error.
    fn read<R: FromRecord>(&self, records: &[OwnedRecord]) -> (Vec<R>, Option<(usize, Error)>) {
        let mut values = Vec::with_capacity(records.len());
        for (index, record) in records.iter().enumerate() {
            let decoded = match &self.0.avro {
                Some(avro) => avro.decoded(record).map_err(RecordFault::Binding),
                None => Ok(Cow::Borrowed(record)),
            };
            let value = decoded.and_then(|record| R::from_record(&record, self.0.validates));
            match value {
                Ok(value) => values.push(value),
                Err(fault) => {
                    let error = fault.error(record, self.0.skips);
                    if !self.0.skips {
                        return (values, Some((index, error)));
                    }
                    let topic = &*record.topic_partition.topic;
                    let partition = record.topic_partition.partition;
                    tracing::warn!(topic, partition, offset = record.offset, %error, "skipped");
                }
            }
        }
        (values, None)
    }

    /// Gives records again: of each partition from its first record on.
    fn seek_back(&self, records: &[OwnedRecord]) -> Result<(), Error> {
        let mut first: BTreeMap<&TopicPartition, i64> = BTreeMap::new();
        for record in records {
            first.entry(&record.topic_partition).or_insert(record.offset);
        }
        for (partition, offset) in first {
            let sought = self.0.client.seek(partition, offset);
            sought.map_err(|error| Error::client(POLL, error))?;
        }
        Ok(())
    }

    /// Commits what was read, before anybody has seen it.
    async fn commit_read(&self, records: &[OwnedRecord]) -> Result<(), Error> {
        let mut next: BTreeMap<TopicPartition, i64> = BTreeMap::new();
        for record in records {
            let at = place(record);
            next.insert(at.partition, at.offset + 1);
        }
        if next.is_empty() {
            return Ok(());
        }
        let offsets = next.into_iter().map(|(tp, offset)| (tp, OffsetAndMetadata::from(offset)));
        let committed = self.0.client.commit_offsets(offsets).await;
        committed.map_err(|error| Error::client(COMMIT, error))
    }

    /// Commits the positions of all partitions.
    ///
    /// # Errors
    ///
    /// No group, or the coordinator refuses or cannot be reached.
    pub async fn commit(&self) -> Result<(), Error> {
        self.check_open(COMMIT)?;
        self.0.client.commit_sync().await.map_err(|error| Error::client(COMMIT, error))
    }

    /// Commits exactly these offsets: of each partition that of the next record to read. `duration` is the
    /// longest time that it takes, in place of `defaultApiTimeout`.
    ///
    /// # Errors
    ///
    /// As for [`commit`](Self::commit).
    pub async fn commit_offset(
        &self,
        offsets: &[PartitionOffset],
        duration: Option<Duration>,
    ) -> Result<(), Error> {
        const PREFIX: &str = "Failed to commit the offset: ";
        self.check_open(PREFIX)?;
        let offsets =
            offsets.iter().map(|at| (at.partition.clone(), OffsetAndMetadata::from(at.offset)));
        within(duration, PREFIX, self.0.client.commit_offsets(offsets)).await
    }

    /// Goes on at an offset.
    ///
    /// # Errors
    ///
    /// The partition is not assigned, or the offset is negative.
    pub fn seek(&self, offset: &PartitionOffset) -> Result<(), Error> {
        self.check_open(SEEK)?;
        if offset.offset < 0 {
            return Err(Error::new(format!("{SEEK}seek offset must not be a negative number")));
        }
        self.check_assigned(SEEK, std::slice::from_ref(&offset.partition))?;
        let sought = self.0.client.seek(&offset.partition, offset.offset);
        sought.map_err(|error| Error::client(SEEK, error))
    }

    /// Goes on at the first record of each partition.
    ///
    /// # Errors
    ///
    /// A partition is not assigned.
    pub fn seek_to_beginning(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        const PREFIX: &str = "Failed to seek the consumer to the beginning: ";
        self.check_open(PREFIX)?;
        self.check_assigned(PREFIX, partitions)?;
        let sought = self.0.client.seek_to_beginning(partitions);
        sought.map_err(|error| Error::client(PREFIX, error))
    }

    /// Goes on at the end of each partition.
    ///
    /// # Errors
    ///
    /// A partition is not assigned.
    pub fn seek_to_end(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        const PREFIX: &str = "Failed to seek the consumer to the end: ";
        self.check_open(PREFIX)?;
        self.check_assigned(PREFIX, partitions)?;
        self.0.client.seek_to_end(partitions).map_err(|error| Error::client(PREFIX, error))
    }

    /// Gives no records of these partitions until [`resume`](Self::resume).
    ///
    /// # Errors
    ///
    /// A partition is not assigned.
    pub fn pause(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        const PREFIX: &str = "Failed to pause topic partitions for the consumer: ";
        self.check_open(PREFIX)?;
        self.check_assigned(PREFIX, partitions)?;
        self.0.client.pause(partitions).map_err(|error| Error::client(PREFIX, error))
    }

    /// Gives records of these partitions again.
    ///
    /// # Errors
    ///
    /// A partition is not assigned.
    pub fn resume(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        const PREFIX: &str = "Failed to resume topic partitions for the consumer: ";
        self.check_open(PREFIX)?;
        self.check_assigned(PREFIX, partitions)?;
        self.0.client.resume(partitions).map_err(|error| Error::client(PREFIX, error))
    }

    /// The partitions that are paused.
    #[must_use]
    pub fn get_paused_partitions(&self) -> Vec<TopicPartition> {
        self.0.client.paused()
    }

    /// Leaves the group and ends the consumer. Closing again does nothing. `duration` is the longest time
    /// that it takes, in place of 30 seconds.
    ///
    /// # Errors
    ///
    /// The group could not be told in time; the consumer is closed all the same.
    pub async fn close(&self, duration: Option<Duration>) -> Result<(), Error> {
        self.0.is_closed.store(true, Ordering::Relaxed);
        let closed = self.0.client.close(duration.unwrap_or(CLOSE_WITHIN)).await;
        closed.map_err(|error| {
            Error::client("Failed to close the connection from Kafka server: ", error)
        })
    }

    fn check_open(&self, prefix: &str) -> Result<(), Error> {
        if self.0.is_closed.load(Ordering::Relaxed) {
            return Err(Error::new(format!("{prefix}This consumer has already been closed.")));
        }
        Ok(())
    }

    fn check_group(&self) -> Result<(), Error> {
        if self.0.has_group {
            return Ok(());
        }
        let why = "The groupId of the consumer must be set to subscribe to the topics";
        Err(Error::new(why))
    }

    fn check_assigned(&self, prefix: &str, partitions: &[TopicPartition]) -> Result<(), Error> {
        let assigned = self.0.client.assignment();
        match partitions.iter().find(|partition| !assigned.contains(partition)) {
            None => Ok(()),
            Some(missing) => {
                Err(Error::new(format!("{prefix}No current assignment for partition {missing}")))
            }
        }
    }

    /// Whether there is no connection, and attempts to make one fail.
    fn is_unreachable(&self) -> bool {
        let metrics = self.0.client.metrics();
        metrics.connections_open == 0 && metrics.connections_failed > 0
    }

    fn polled(&self, error: milena::Error) -> Error {
        let is_about_reaching =
            matches!(error.kind(), milena::ErrorKind::Timeout | milena::ErrorKind::Transport);
        if is_about_reaching && self.is_unreachable() {
            Error::unavailable(&self.0.servers, Some(error))
        } else {
            Error::client(POLL, error)
        }
    }
}

/// Waits for a call, for as long as the caller says, and otherwise as the configuration does.
async fn within<T>(
    duration: Option<Duration>,
    prefix: &str,
    call: impl Future<Output = Result<T, milena::Error>>,
) -> Result<T, Error> {
    let done = match duration {
        None => call.await,
        Some(duration) => match tokio::time::timeout(duration, call).await {
            Ok(done) => done,
            Err(_) => {
                let why = format!("timed out after {} s", duration.as_secs_f64());
                return Err(Error::new(format!("{prefix}{why}")));
            }
        },
    };
    done.map_err(|error| Error::client(prefix, error))
}
