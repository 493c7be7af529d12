//! Transactions of a producer.

use milena::producer;

use super::{Error, Producer, ProducerRecord, RecordMetadata};

/// A transaction that is open, as the module's `transaction` block is: its records count together, or not
/// at all. Dropping it aborts it.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena_connect::ballerina::{Producer, ProducerConfiguration, ProducerRecord};
/// use serde_json::json;
///
/// # let broker = milena_broker::Broker::start().await?;
/// let configuration = ProducerConfiguration::from_json(&json!({
///     "acks": "all", "retryCount": 3, "enableIdempotence": true,
///     "transactionalId": "test-transactional-id",
/// }))?;
/// let producer = Producer::new(broker.bootstrap_servers(), &configuration)?;
/// let transaction = producer.begin_transaction().await?;
/// transaction.send(&ProducerRecord::new("orders", "one")).await?;
/// transaction.send(&ProducerRecord::new("orders", "two")).await?;
/// transaction.commit().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<'a> {
    producer: &'a Producer,
    client: producer::Transaction,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(producer: &'a Producer, client: producer::Transaction) -> Self {
        Self { producer, client }
    }

    /// As [`Producer::send`], as a part of the transaction.
    ///
    /// # Errors
    ///
    /// As for [`Producer::send`]; and the transaction has failed or ended.
    pub async fn send(&self, record: &ProducerRecord) -> Result<(), Error> {
        self.producer.send(record).await
    }

    /// As [`Producer::send_with_metadata`], as a part of the transaction.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub async fn send_with_metadata(
        &self,
        record: &ProducerRecord,
    ) -> Result<RecordMetadata, Error> {
        self.producer.send_with_metadata(record).await
    }

    /// Commits the transaction, as the end of the block does.
    ///
    /// # Errors
    ///
    /// A record was not written or the coordinator refused, so that nothing counts; or it is not known in
    /// time what came of it.
    pub async fn commit(self) -> Result<(), Error> {
        let committed = self.client.commit().await;
        committed.map_err(|error| Error::client("Failed to commit the transaction: ", error))
    }

    /// Aborts the transaction, as `rollback` and `fail` do.
    ///
    /// # Errors
    ///
    /// The coordinator refused, or did not answer in time.
    pub async fn abort(self) -> Result<(), Error> {
        let aborted = self.client.abort().await;
        aborted.map_err(|error| Error::client("Failed to abort the transaction: ", error))
    }
}
