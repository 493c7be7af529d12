//! The producer.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use milena::{
    config::ProducerConfig,
    metrics::Snapshot,
    producer::{Delivery, Header},
};
use tokio::sync::OnceCell;

use super::{
    Data, Error, ProducerConfiguration, ProducerRecord, RecordMetadata, Servers, TopicPartition,
    Transaction,
    avro::{Serializers, failed},
};
use crate::{connection::Connection, registry::RegistryWriter, settings::ClientProperties};

const INIT: &str = "Failed to initialize the producer: ";
const SEND: &str = "Failed to send data to Kafka server: ";

/// How long closing waits for what was sent.
const CLOSE_WITHIN: Duration = Duration::from_secs(30);

/// Sends records. Can be shared; calls from several tasks go on at once.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena_connect::ballerina::{Producer, ProducerConfiguration, ProducerRecord};
/// use serde_json::json;
///
/// let broker = milena_broker::Broker::start().await?;
/// let configuration = ProducerConfiguration::from_json(&json!({
///     "clientId": "basic-producer", "acks": "all", "retryCount": 3,
/// }))?;
/// let producer = Producer::new(broker.bootstrap_servers(), &configuration)?;
/// let record = ProducerRecord::new("test-kafka-topic", "Hello World, Ballerina").key("my-key");
/// producer.send(&record).await?;
/// producer.flush().await?;
/// assert_eq!(producer.send_with_metadata(&record).await?.offset, Some(1));
/// producer.close().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Producer {
    client: milena::Producer,
    serializers: Serializers,
    servers: String,
    has_connected: AtomicBool,
    is_closed: AtomicBool,
    transactions: OnceCell<()>,
}

impl Producer {
    /// A producer for these brokers. Needs a tokio runtime; connects with the first call.
    ///
    /// # Errors
    ///
    /// Brokers, properties and files that cannot work; and `transactionalId` without
    /// `enableIdempotence`.
    pub fn new(
        servers: impl Into<Servers>,
        configuration: &ProducerConfiguration,
    ) -> Result<Self, Error> {
        Self::on(&servers.into(), configuration, &Connection::default())
    }

    /// As [`new`](Self::new), with what a flow sets around the configuration.
    pub(super) fn on(
        servers: &Servers,
        configuration: &ProducerConfiguration,
        connection: &Connection,
    ) -> Result<Self, Error> {
        check(configuration)?;
        let properties = configuration.client_properties(&servers.0, connection);
        let serializers =
            Serializers::new(configuration).map_err(|why| Error::new(format!("{INIT}{why}")))?;
        Self::with(&properties, serializers).map_err(|error| Error::client(INIT, error))
    }

    /// A producer with these properties and serializers, which say everything.
    pub(super) fn with(
        properties: &ClientProperties,
        serializers: Serializers,
    ) -> Result<Self, milena::Error> {
        let config = ProducerConfig::from_properties(properties.pairs())?;
        Ok(Self {
            serializers,
            client: milena::Producer::new(config)?,
            servers: properties.value("bootstrap.servers").unwrap_or_default().to_owned(),
            has_connected: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            transactions: OnceCell::new(),
        })
    }

    /// Sends a record and waits until it is acknowledged.
    ///
    /// Not cancel safe: a future that is dropped may have sent the record.
    ///
    /// # Errors
    ///
    /// The record was not acknowledged.
    pub async fn send(&self, record: &ProducerRecord) -> Result<(), Error> {
        self.send_with_metadata(record).await.map(drop)
    }

    /// As [`send`](Self::send), and tells where the record is.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn send_with_metadata(
        &self,
        record: &ProducerRecord,
    ) -> Result<RecordMetadata, Error> {
        let written = match self.begin(record).await {
            Ok(delivery) => delivery.await.map_err(|error| self.sent(error)),
            Err(error) => Err(error),
        };
        let metadata = written?;
        self.has_connected.store(true, Ordering::Relaxed);
        Ok(RecordMetadata::of(&metadata))
    }

    /// Begins a transaction; a producer with `transactionalId` has one at a time, and sends nothing outside of
    /// one. The first call fences earlier producers of the same id, and aborts what they left open.
    ///
    /// # Errors
    ///
    /// There is no `transactionalId`, another transaction is open, another producer has taken over, or the
    /// coordinator does not answer in time.
    pub async fn begin_transaction(&self) -> Result<Transaction<'_>, Error> {
        const BEGIN: &str = "Failed to begin a transaction: ";
        self.check_open(BEGIN)?;
        let initialized = self.transactions.get_or_try_init(|| self.client.init_transactions());
        initialized.await.map_err(|error| Error::client(INIT, error))?;
        let begun = self.client.begin_transaction().await;
        Ok(Transaction::new(self, begun.map_err(|error| Error::client(BEGIN, error))?))
    }

    /// Accepts a record; the delivery tells what becomes of it.
    pub(super) async fn begin(&self, record: &ProducerRecord) -> Result<Delivery, Error> {
        self.check_open(SEND)?;
        let parts = record.headers.iter().flat_map(|(name, value)| {
            value.parts().into_iter().map(move |part| Header::new(name, Some(part)))
        });
        let headers: Vec<Header<'_>> = parts.collect();
        let Serializers { key: keys, value: values } = &self.serializers;
        let key = match &record.key {
            Some(key) => Some(bytes(&record.topic, key, keys.as_ref()).await?),
            None => None,
        };
        let value = bytes(&record.topic, &record.value, values.as_ref()).await?;
        let mut sent = milena::ProducerRecord::to(&record.topic)
            .key_value(key.as_deref(), Some(&value))
            .headers(&headers);
        if let Some(partition) = record.partition {
            sent = sent.partition(partition);
        }
        if let Some(timestamp) = record.timestamp {
            sent = sent.timestamp_ms(timestamp);
        }
        self.client.send(sent).await.map_err(|error| self.sent(error))
    }

    /// Sends what waits, and waits until all of it is acknowledged or has failed.
    ///
    /// # Errors
    ///
    /// The producer is closed.
    pub async fn flush(&self) -> Result<(), Error> {
        const FLUSH: &str = "Failed to flush Kafka records: ";
        self.check_open(FLUSH)?;
        self.client.flush().await.map_err(|error| Error::client(FLUSH, error))
    }

    /// The partitions of a topic.
    ///
    /// # Errors
    ///
    /// The topic is not there, or no broker tells of it in time.
    pub async fn get_topic_partitions(&self, topic: &str) -> Result<Vec<TopicPartition>, Error> {
        const PARTITIONS: &str = "Failed to fetch partitions from the producer ";
        self.check_open(PARTITIONS)?;
        let partitions = self.client.partitions_for(topic).await;
        let partitions = partitions.map_err(|error| Error::client(PARTITIONS, error))?;
        Ok(partitions.iter().map(milena::PartitionInfo::topic_partition).collect())
    }

    /// Sends what waits, and ends the producer. Closing again does nothing.
    ///
    /// # Errors
    ///
    /// Not everything was acknowledged within 30 seconds.
    pub async fn close(&self) -> Result<(), Error> {
        self.is_closed.store(true, Ordering::Relaxed);
        let closed = self.client.close(CLOSE_WITHIN).await;
        closed.map_err(|error| Error::client("Failed to close the Kafka producer: ", error))
    }

    pub(super) async fn close_within(&self, within: Duration) -> Result<(), milena::Error> {
        self.is_closed.store(true, Ordering::Relaxed);
        self.client.close(within).await
    }

    pub(super) fn metrics(&self) -> Snapshot {
        self.client.metrics()
    }

    fn check_open(&self, prefix: &str) -> Result<(), Error> {
        if self.is_closed.load(Ordering::Relaxed) {
            let why = "Cannot perform operation after producer has been closed";
            return Err(Error::new(format!("{prefix}{why}")));
        }
        Ok(())
    }

    /// The error of a send. Where no connection was ever made, that is what is told.
    pub(super) fn sent(&self, error: milena::Error) -> Error {
        let is_about_reaching =
            matches!(error.kind(), milena::ErrorKind::Timeout | milena::ErrorKind::Transport);
        let has_connected = self.has_connected.load(Ordering::Relaxed)
            || self.client.metrics().connections_made > 0;
        if is_about_reaching && !has_connected {
            Error::unavailable(&self.servers, Some(error))
        } else {
            Error::client(SEND, error)
        }
    }
}

/// The bytes of a key or a value, as Avro where there is a writer.
async fn bytes<'d>(
    topic: &str,
    data: &'d Data,
    writer: Option<&RegistryWriter>,
) -> Result<Cow<'d, [u8]>, Error> {
    let Some(writer) = writer else { return Ok(Cow::Borrowed(data.as_bytes())) };
    let written = writer.write(topic, &data.to_json()).await;
    written.map(Cow::Owned).map_err(|error| failed(SEND, &error))
}

/// What is wrong with a configuration before a client is made of it.
fn check(configuration: &ProducerConfiguration) -> Result<(), Error> {
    let is_transactional =
        configuration.transactional_id.as_deref().is_some_and(|id| !id.is_empty());
    let why = if is_transactional && !configuration.enable_idempotence {
        "configuration enableIdempotence must be set to true to enable transactional producer"
            .to_owned()
    } else {
        match configuration.secure_socket.as_ref().map(super::SecureSocket::check) {
            Some(Err(why)) => why,
            Some(Ok(())) | None => return Ok(()),
        }
    };
    Err(Error::new(format!("{INIT}{why}")))
}
