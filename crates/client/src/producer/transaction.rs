//! Transactions: the handle of one that is open.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use milena_core::TopicPartition;
use milena_core::consumer::OffsetAndMetadata;
use milena_core::producer::{TransactionEnd, TransactionNumber, TransactionOffsets};
use tokio::sync::oneshot;

use super::delivery::{Delivery, RecordMetadata};
use super::failure;
use super::handle::Producer;
use super::inbox::{Command, Waiter};
use super::record::ProducerRecord;
use super::shared::now;
use crate::consumer::ConsumerGroupMetadata;
use crate::metrics::{Counter, Counters};
use crate::{Error, ErrorKind};

/// A transaction that is open: its records and offsets count together, or not at all.
///
/// Made by [`Producer::begin_transaction`]; a producer has one at a time. Consumers with
/// `isolation.level=read_committed` see its records when it is committed, and never if it is aborted.
///
/// ```
/// use std::time::Duration;
/// use milena::config::{AutoOffsetReset, ConsumerConfig, ProducerConfig};
/// use milena::consumer::OffsetAndMetadata;
/// use milena::{Consumer, Producer, ProducerRecord};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let broker = milena_broker::Broker::start().await?;
/// # let servers = broker.bootstrap_servers();
/// # let first = Producer::new(ProducerConfig::builder(&servers).build()?)?;
/// # first.send_and_wait(ProducerRecord::to("orders").value("7")).await?;
/// let config = ConsumerConfig::builder(&servers)
///     .group_id("billing")
///     .auto_offset_reset(AutoOffsetReset::Earliest)
///     .enable_auto_commit(false)
///     .build()?;
/// let consumer = Consumer::new(config)?;
/// consumer.subscribe(["orders"])?;
///
/// let config = ProducerConfig::builder(&servers).transactional_id("billing-1").build()?;
/// let producer = Producer::new(config)?;
/// producer.init_transactions().await?;
///
/// // Read, write and remember what was read, in one step.
/// let orders = consumer.poll(Duration::from_secs(10)).await?;
/// let transaction = producer.begin_transaction().await?;
/// let mut offsets = Vec::new();
/// for orders in orders.partitions() {
///     for order in orders.records() {
///         let bill = ProducerRecord::to("bills").value(order.value.unwrap_or_default());
///         transaction.send(bill).await?;
///     }
///     let next = consumer.position(orders.topic_partition()).await?;
///     offsets.push((orders.topic_partition().clone(), OffsetAndMetadata::from(next)));
/// }
/// let group = consumer.group_metadata().ok_or("no group")?;
/// transaction.send_offsets(offsets, &group).await?;
/// match transaction.commit().await {
///     Ok(()) => {}
///     // The records and offsets do not count: begin again where the group stands.
///     Err(error) if error.requires_abort() => transaction.abort().await?,
///     Err(error) => return Err(error.into()),
/// }
/// # consumer.close(Duration::from_secs(5)).await?;
/// # producer.close(Duration::from_secs(5)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Every method can fail with an error that [requires an abort](Error::requires_abort): then nothing
/// but [`abort`](Self::abort) is possible, and after it the next transaction. Errors that
/// [are fatal](Error::is_fatal) end the producer: among them [`ErrorKind::Fenced`], when another
/// producer with the same `transactional.id` has taken over.
///
/// # Dropping
///
/// Dropping a transaction that was neither committed nor aborted does not block: it is aborted in the
/// background, and the next [`Producer::begin_transaction`] waits for that. A commit or an abort that
/// is under way goes on.
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction {
    producer: Producer,
    number: TransactionNumber,
    /// Its end was asked for.
    is_ending: AtomicBool,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").field("number", &self.number.0).finish_non_exhaustive()
    }
}

impl Transaction {
    /// Accepts a record as a part of the transaction; otherwise as [`Producer::send`]. Cancel safe.
    ///
    /// # Errors
    ///
    /// As for [`Producer::send`]; and the transaction has failed, or has ended.
    #[inline]
    pub async fn send(&self, record: ProducerRecord<'_>) -> Result<Delivery, Error> {
        self.check_open()?;
        self.producer.send(record).await
    }

    /// As [`send`](Self::send), and waits for the delivery. That a record is delivered does not mean that
    /// it counts: that is what [`commit`](Self::commit) is for.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send), or the delivery failed.
    pub async fn send_and_wait(&self, record: ProducerRecord<'_>) -> Result<RecordMetadata, Error> {
        self.send(record).await?.await
    }

    /// Commits offsets of a consumer group with the transaction: they count if it is committed.
    /// `group` comes from [`Consumer::group_metadata`](crate::Consumer::group_metadata), which lets the
    /// group's coordinator refuse a consumer that has lost its partitions (KIP-447, Kafka 2.5). The
    /// consumer itself must not commit, so set `enable.auto.commit=false`.
    ///
    /// Waits for the coordinators for at most `max.block.ms`. Not cancel safe: a future that is dropped may
    /// have sent the offsets.
    ///
    /// # Errors
    ///
    /// The transaction has failed or ended, a coordinator refused, or did not answer in time.
    pub async fn send_offsets(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, OffsetAndMetadata)>,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), Error> {
        self.check_open()?;
        let offsets = TransactionOffsets {
            group_id: group.group_id.as_str().into(),
            generation_id: group.generation_id,
            member_id: group.member_id.as_str().into(),
            group_instance_id: group.group_instance_id.as_deref().map(Into::into),
            offsets: offsets.into_iter().collect(),
        };
        if offsets.group_id.is_empty() {
            let message = "the group has no id";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        if offsets.offsets.is_empty() {
            return Ok(());
        }
        let number = self.number;
        let command = |waiter| Command::SendOffsets(number, Box::new(offsets), waiter);
        self.producer.ask_driver(Call::SendOffsets, command).await
    }

    /// Sends everything that was accepted, waits until all of it is delivered, and commits the
    /// transaction. From the call on the producer accepts no records until the next one begins.
    ///
    /// Waits for at most `max.block.ms`; after a [timeout](ErrorKind::Timeout) the commit goes on, and
    /// another call waits for the same. So it is when the future is dropped. A call after it has been
    /// committed succeeds.
    ///
    /// # Errors
    ///
    /// A record could not be delivered or the coordinator refused: nothing is committed. Or it is not
    /// known in time what came of it.
    pub async fn commit(&self) -> Result<(), Error> {
        self.end(Call::Commit, TransactionEnd::Commit).await
    }

    /// Aborts the transaction: records that were not sent fail, and the others will never be seen by
    /// readers of committed records.
    ///
    /// Waits as [`commit`](Self::commit) does, and can be called again.
    ///
    /// # Errors
    ///
    /// The transaction is being committed, or has been; the coordinator refused; or it is not known in
    /// time what came of it.
    pub async fn abort(&self) -> Result<(), Error> {
        self.end(Call::Abort, TransactionEnd::Abort).await
    }

    async fn end(&self, call: Call, end: TransactionEnd) -> Result<(), Error> {
        self.is_ending.store(true, Ordering::Relaxed);
        let number = self.number;
        self.producer.ask_driver(call, |waiter| Command::EndTransaction(number, end, waiter)).await
    }

    fn check_open(&self) -> Result<(), Error> {
        if !self.is_ending.load(Ordering::Relaxed) {
            return Ok(());
        }
        let message = "the transaction was committed or aborted; begin another one";
        Err(Error::new(ErrorKind::TransactionState, message))
    }
}

/// What a caller waits for.
#[derive(Clone, Copy, Debug)]
enum Call {
    Init,
    Begin,
    SendOffsets,
    Commit,
    Abort,
}

impl Call {
    /// The name of the method.
    const fn name(self) -> &'static str {
        match self {
            Self::Init => "init_transactions",
            Self::Begin => "begin_transaction",
            Self::SendOffsets => "send_offsets",
            Self::Commit => "commit",
            Self::Abort => "abort",
        }
    }

    /// The counter of its time.
    fn time(self, counters: &Counters) -> Counter<'_> {
        match self {
            Self::Init => counters.txn_init_time_ns(),
            Self::Begin => counters.txn_begin_time_ns(),
            Self::SendOffsets => counters.txn_send_offsets_time_ns(),
            Self::Commit => counters.txn_commit_time_ns(),
            Self::Abort => counters.txn_abort_time_ns(),
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // A task that has ended needs no telling.
        let _ended = self.producer.command(Command::AbandonTransaction(self.number));
    }
}

impl Producer {
    /// Prepares for transactions: gets the producer id of the `transactional.id`, which fences an earlier
    /// producer with the same one and aborts what it left open. Once, before the first transaction.
    ///
    /// Waits for at most `max.block.ms`; after an error that [is not fatal](Error::is_fatal) it can be called
    /// again. Cancel safe: it goes on, and another call waits for the same.
    ///
    /// # Errors
    ///
    /// There is no `transactional.id`, the coordinator refused, or it did not answer in time.
    pub async fn init_transactions(&self) -> Result<(), Error> {
        self.ask_driver(Call::Init, Command::InitTransactions).await
    }

    /// Begins a transaction: until its end, every record of this producer and its clones is part of it.
    /// Does not talk to the broker, but waits until a transaction that was dropped is aborted.
    ///
    /// Cancel safe: a transaction that nobody gets is aborted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TransactionState`] before [`init_transactions`](Self::init_transactions) and while
    /// another transaction is open; [`ErrorKind::Fenced`] and other fatal errors when the producer is of no
    /// use any more; [`ErrorKind::Timeout`] when the abort took longer than `max.block.ms`.
    pub async fn begin_transaction(&self) -> Result<Transaction, Error> {
        let number = self.ask_driver(Call::Begin, Command::BeginTransaction).await?;
        Ok(Transaction { producer: self.clone(), number, is_ending: AtomicBool::new(false) })
    }

    /// Has the background task do something that a caller waits for, and counts the time.
    fn ask_driver<T>(
        &self,
        call: Call,
        command: impl FnOnce(Waiter<T>) -> Command,
    ) -> impl Future<Output = Result<T, Error>> {
        let (waiter, outcome) = oneshot::channel();
        let begin = now();
        let deadline = begin + self.shared().settings.max_block;
        let sent = self.command(command(waiter));
        async move {
            sent?;
            let outcome = tokio::time::timeout_at(deadline.into(), outcome).await;
            let nanos = now().saturating_duration_since(begin).as_nanos();
            call.time(&self.shared().counters).add(u64::try_from(nanos).unwrap_or(u64::MAX));
            match outcome {
                Ok(outcome) => outcome.map_err(|_| failure::closed())?,
                Err(_) => Err(self.shared().gate.timed_out(call.name())),
            }
        }
    }
}
