//! The producer's handles.

use std::sync::Arc;
use std::time::{Duration, Instant};

use milena_core::backoff::Backoff;
use milena_core::producer::{
    Partitioner, RoundRobinPartitioner, Sender, SenderSettings, TransactionSettings,
};
use milena_wire::compression::Compression;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::delivery::RecordMetadata;
use super::driver::{Driver, DriverSettings, Partitions};
use super::encoder::Encoder;
use super::failure;
use super::inbox::{Command, Mail};
use super::links::Links;
use super::record::ProducerRecord;
use super::sending::Sending;
use super::shared::{SendSettings, Shared, now};
use super::topic::Topic;
use super::transacting::Waiters;
use crate::cluster::Cluster;
use crate::config::{CompressionType, PartitionerClass, ProducerConfig};
use crate::metrics::Snapshot;
use crate::{Error, ErrorKind, PartitionInfo};

/// Sends records to a cluster. A cheap clone: all clones are one producer, with one background task
/// and one budget of memory.
///
/// ```
/// use milena::config::ProducerConfig;
/// use milena::producer::{Producer, ProducerRecord};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = milena_broker::Broker::start().await?;
/// let config = ProducerConfig::builder(broker.bootstrap_servers()).build()?;
/// let producer = Producer::new(config)?;
///
/// // Wait for one record...
/// let metadata = producer.send_and_wait(ProducerRecord::to("orders").value("first")).await?;
/// assert_eq!(metadata.offset(), Some(0));
///
/// // ...or send many, and look at what became of them later, if at all.
/// let delivery = producer.send(ProducerRecord::to("orders").key("7").value("second")).await?;
/// producer.flush().await?;
/// assert_eq!(delivery.await?.topic(), "orders");
/// producer.close(std::time::Duration::from_secs(5)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Transactions
///
/// With a `transactional.id` all records are part of [transactions](super::Transaction): after
/// [`init_transactions`](Self::init_transactions) each begins with
/// [`begin_transaction`](Self::begin_transaction).
///
/// # Dropping
///
/// Dropping the last clone does not block. What was accepted is still sent in the background for at
/// most `request.timeout.ms`, as long as the runtime lives; then its deliveries fail. Call
/// [`flush`](Self::flush) or [`close`](Self::close) to know.
#[derive(Clone)]
pub struct Producer {
    inner: Arc<Inner>,
}

/// Tells the background task when the last clone is gone.
struct Inner {
    shared: Arc<Shared>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A task that has ended needs no telling.
        let _ended = self.shared.inbox.command(Command::Detach);
    }
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let topics = self.inner.shared.topics.read().len();
        f.debug_struct("Producer").field("topics", &topics).finish_non_exhaustive()
    }
}

/// Makes a [`Producer`] with more than its configuration.
pub struct ProducerBuilder {
    config: ProducerConfig,
    partitioner: Option<Box<dyn Partitioner>>,
}

impl std::fmt::Debug for ProducerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has_partitioner = self.partitioner.is_some();
        f.debug_struct("ProducerBuilder").field("has_partitioner", &has_partitioner).finish()
    }
}

impl ProducerBuilder {
    /// Chooses the partitions of records that name none, in place of `partitioner.class`.
    #[must_use]
    pub fn partitioner(mut self, partitioner: impl Partitioner) -> Self {
        self.partitioner = Some(Box::new(partitioner));
        self
    }

    /// Makes the producer. Does not connect yet.
    ///
    /// # Errors
    ///
    /// There is no tokio runtime, or a file that the configuration names cannot be used.
    pub fn build(self) -> Result<Producer, Error> {
        Producer::with(&self.config, self.partitioner)
    }
}

impl Producer {
    /// A producer with this configuration. Does not connect yet.
    ///
    /// # Errors
    ///
    /// There is no tokio runtime, or a file that the configuration names cannot be used.
    pub fn new(config: ProducerConfig) -> Result<Self, Error> {
        Self::builder(config).build()
    }

    /// A builder, for a partitioner of your own.
    #[must_use]
    pub fn builder(config: ProducerConfig) -> ProducerBuilder {
        ProducerBuilder { config, partitioner: None }
    }

    fn with(
        config: &ProducerConfig,
        partitioner: Option<Box<dyn Partitioner>>,
    ) -> Result<Self, Error> {
        let runtime = Handle::try_current().map_err(|error| {
            let message = "a producer needs a tokio runtime: make it inside of one";
            Error::new(ErrorKind::InvalidArgument, message).with_source(error)
        })?;
        let cluster = Cluster::new(&config.client)?;
        let random = |error| {
            Error::new(ErrorKind::Config, "the system gives no random numbers").with_source(error)
        };
        let (seed, sender_seed) =
            (getrandom::u64().map_err(random)?, getrandom::u64().map_err(random)?);
        let partitioner = partitioner.or_else(|| match config.partitioner_class {
            PartitionerClass::RoundRobin => {
                Some(Box::new(RoundRobinPartitioner::default()) as Box<dyn Partitioner>)
            }
            _ => None,
        });
        let settings = send_settings(config);
        let is_transactional = config.transactional_id.is_some();
        let memory = config.buffer_memory;
        let shared = Shared::new(settings, memory, cluster, partitioner, seed, is_transactional);
        let shared = Arc::new(shared);
        let driver = driver(config, &shared, sender_seed);
        runtime.spawn(driver.run());
        Ok(Self { inner: Arc::new(Inner { shared }) })
    }

    /// Accepts a record, and gives the future of its [`Delivery`](super::Delivery).
    ///
    /// As a rule there is room: the record is accepted and its bytes are copied before this returns, and
    /// the future is ready. Otherwise the future waits, for the metadata of the topic and for memory,
    /// together at most `max.block.ms`; a producer that is far ahead of its brokers also pauses until they
    /// have taken some of what waits.
    ///
    /// Cancel safe: a future that was polled and dropped before it was ready has not accepted the record. In
    /// `tokio::select!` it stands first, behind `biased;`: branches are polled in any order otherwise, and
    /// a record that is accepted would be sent although another branch was taken.
    ///
    /// # Errors
    ///
    /// The record was not accepted, and will not be written: it is larger than `max.request.size`,
    /// the partition or topic does not exist or may not be seen, no memory came free in time, the
    /// producer is closed, or it has a `transactional.id` and no
    /// [transaction](Self::begin_transaction) is open ([`ErrorKind::TransactionState`]).
    #[inline]
    pub fn send<'a>(&'a self, record: ProducerRecord<'a>) -> Sending<'a> {
        Sending::to_any(&self.inner.shared, record)
    }

    /// As [`send`](Self::send), and waits for the delivery.
    ///
    /// Not cancel safe: a future that is dropped may have accepted the record.
    ///
    /// # Errors
    ///
    /// The record was not accepted, or its delivery failed;
    /// [`Error::may_have_been_written`] tells whether it may be in the log all the same.
    pub async fn send_and_wait(&self, record: ProducerRecord<'_>) -> Result<RecordMetadata, Error> {
        self.send(record).await?.await
    }

    /// A handle on one topic, which saves looking the topic up for every record. Waits for the
    /// metadata of the topic for at most `max.block.ms`. Cancel safe.
    ///
    /// # Errors
    ///
    /// The topic does not exist or may not be seen, nothing was learned of it in time, or the
    /// producer is closed.
    pub async fn topic(&self, name: &str) -> Result<TopicProducer, Error> {
        let deadline = now() + self.inner.shared.settings.max_block;
        let topic = self.inner.shared.topic(name, deadline).await?;
        Ok(TopicProducer { producer: self.clone(), topic })
    }

    /// How many partitions a topic has. Waits as [`topic`](Self::topic) does. Cancel safe.
    ///
    /// # Errors
    ///
    /// As for [`topic`](Self::topic).
    pub async fn partitions_count(&self, topic: &str) -> Result<usize, Error> {
        Ok(self.topic(topic).await?.partitions_count())
    }

    /// The partitions of a topic, by number, with their leaders and replicas. Waits as
    /// [`topic`](Self::topic) does. Cancel safe.
    ///
    /// # Errors
    ///
    /// As for [`topic`](Self::topic).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use milena::{Producer, config::ProducerConfig};
    ///
    /// # let broker = milena_broker::Broker::start().await?;
    /// # broker.create_topic("orders", 3)?;
    /// let config = ProducerConfig::builder(broker.bootstrap_servers()).build()?;
    /// let producer = Producer::new(config)?;
    /// for partition in producer.partitions_for("orders").await? {
    ///     println!("{} is led by {:?}", partition.partition, partition.leader);
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn partitions_for(&self, topic: &str) -> Result<Vec<PartitionInfo>, Error> {
        let shared = &self.inner.shared;
        if shared.is_closing() {
            return Err(failure::closed());
        }
        let known = shared.cluster.topic(topic, now() + shared.settings.max_block).await?;
        Ok(PartitionInfo::of_topic(&known))
    }

    /// Sends everything that was accepted before the call without lingering, and waits until the
    /// delivery of all of it has ended, well or not. Records can be sent meanwhile. Cancel safe.
    ///
    /// # Errors
    ///
    /// The producer is closed.
    pub async fn flush(&self) -> Result<(), Error> {
        let (done, is_done) = oneshot::channel();
        let sent = self.inner.shared.inbox.command(Command::Flush(done));
        sent.map_err(|_| failure::closed())?;
        is_done.await.map_err(|_| failure::closed())
    }

    /// Refuses further records, sends what was accepted, and ends the producer. What is not
    /// delivered when `timeout` is over fails; its errors tell whether it may have been written.
    ///
    /// A transaction that is open is aborted. Every clone is closed with it, and closing again does
    /// nothing. Cancel safe: the producer stays closed for records, and closing again goes on.
    ///
    /// # Errors
    ///
    /// The time was over before everything was delivered.
    pub async fn close(&self, timeout: Duration) -> Result<(), Error> {
        let shared = &self.inner.shared;
        shared.set_closing();
        let flushed = tokio::time::timeout(timeout, async {
            self.flush().await?;
            let (done, is_done) = oneshot::channel();
            self.command(Command::AbortTransaction(done))?;
            is_done.await.map_err(|_| failure::closed())?
        })
        .await;
        let (done, is_done) = oneshot::channel();
        if shared.inbox.command(Command::Abort(done)).is_ok() {
            // The task tells when it ends, and drops the channel if it is ended by others.
            let _ended = is_done.await;
        }
        match flushed {
            Ok(_) => Ok(()),
            Err(_) => {
                let message = format!("not everything was delivered within {timeout:?}");
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    }

    /// The values of this producer's counters.
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        self.inner.shared.counters.snapshot(&self.inner.shared.cluster.counts())
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// Asks the background task to do something.
    pub(super) fn command(&self, command: Command) -> Result<(), Error> {
        self.inner.shared.inbox.command(command).map_err(|_| failure::closed())
    }
}

/// Sends records to one topic of a [`Producer`] without looking the topic up for each.
///
/// When partitions are added to the topic the handle goes on to work, but looks the topic up like
/// [`Producer::send`] does; get a new one then.
#[derive(Clone)]
pub struct TopicProducer {
    producer: Producer,
    topic: Arc<Topic>,
}

impl std::fmt::Debug for TopicProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TopicProducer").field("topic", &self.topic.name).finish_non_exhaustive()
    }
}

impl TopicProducer {
    /// The name of the topic.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.topic.name
    }

    /// How many partitions the topic had when the handle was made.
    #[must_use]
    pub fn partitions_count(&self) -> usize {
        self.topic.partitions.len()
    }

    /// A record for this topic.
    #[inline]
    pub fn record(&self) -> ProducerRecord<'_> {
        ProducerRecord::to(&self.topic.name)
    }

    /// Accepts a record, as [`Producer::send`] does; made with [`record`](Self::record).
    ///
    /// # Errors
    ///
    /// As for [`Producer::send`]; and the record is for another topic.
    #[inline]
    pub fn send<'a>(&'a self, record: ProducerRecord<'a>) -> Sending<'a> {
        Sending::to_one(&self.producer.inner.shared, &self.topic, record)
    }
}

fn send_settings(config: &ProducerConfig) -> SendSettings {
    SendSettings {
        // A batch of no bytes holds one record all the same.
        batch_size: config.batch_size.max(1),
        max_request_size: config.max_request_size,
        max_block: config.max_block,
        ignore_keys: config.partitioner_ignore_keys,
    }
}

fn compression(config: &ProducerConfig) -> Compression {
    match config.compression_type {
        CompressionType::None => Compression::None,
        CompressionType::Gzip => Compression::Gzip { level: config.compression_gzip_level },
        CompressionType::Snappy => Compression::Snappy,
        CompressionType::Lz4 => Compression::Lz4 { level: config.compression_lz4_level },
        CompressionType::Zstd => Compression::Zstd { level: config.compression_zstd_level },
    }
}

/// The linger as the runtime's clock is told it.
///
/// That clock has steps of a millisecond, and both it and the poll of the sockets round up: what sleeps
/// wakes a millisecond late on average. Begun so much earlier, a linger ends on time.
fn timed_linger(linger: Duration) -> Duration {
    const LATE: Duration = Duration::from_millis(1);
    if linger > LATE { linger - LATE } else { linger }
}

fn driver(config: &ProducerConfig, shared: &Arc<Shared>, seed: u64) -> Driver {
    let client = &config.client;
    let compression = compression(config);
    let settings = SenderSettings {
        acks: config.acks.number(),
        idempotent: config.enable_idempotence,
        max_in_flight: config.max_in_flight_requests_per_connection,
        max_request_bytes: config.max_request_size,
        linger: timed_linger(config.linger),
        delivery_timeout: config.delivery_timeout,
        request_timeout: client.request_timeout,
        retries: config.retries,
        retry_backoff: Backoff::new(client.retry_backoff, client.retry_backoff_max),
        compression,
        transactions: config.transactional_id.as_deref().map(|id| TransactionSettings {
            transactional_id: id.into(),
            timeout: config.transaction_timeout,
        }),
    };
    let needs_zstd = config.compression_type == CompressionType::Zstd;
    let availability = config.partitioner_availability_timeout;
    let started: Instant = now();
    Driver {
        settings: DriverSettings {
            is_adaptive: config.partitioner_adaptive_partitioning_enable,
            availability_timeout: (!availability.is_zero()).then_some(availability),
            linger_on: client.request_timeout,
            keep_every: client.metadata_max_idle / 4,
        },
        sender: Sender::new(settings, seed),
        links: Links::new(shared.cluster.clone(), client.request_timeout, needs_zstd),
        encoder: Encoder::new(compression),
        metadata: shared.cluster.subscribe(),
        partitions: Partitions { all: Vec::new(), counters: Arc::clone(&shared.counters) },
        mail: Mail::default(),
        flushes: std::collections::BTreeMap::new(),
        transactional_id: config.transactional_id.clone().unwrap_or_default(),
        waiters: Waiters::default(),
        started,
        loads_at: started,
        detached_until: None,
        is_finished: false,
        shared: Arc::clone(shared),
    }
}
