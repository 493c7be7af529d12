//! The consumer: subscribe or assign, poll batches of records, commit.
//!
//! [`Consumer`] is the handle; one task per consumer, the driver, talks to brokers. What both know is
//! `milena_core`'s consumer machine behind one lock: the handle's calls change it, the driver sends
//! what it wants sent. Records are checked and decompressed in the task that polls.
//!
//! Invariants:
//! 1. The lock is never held across an `await`, nor while records are read.
//! 2. Dropping any future of this module loses no record and no commit.
//! 3. Dropping a consumer never blocks; it leaves its group in the background.

mod commit;
mod driver;
mod error;
mod offsets;
mod pattern;
mod poll;
mod rebalance;
mod records;
mod requests;
mod settings;
mod shared;
mod stream;
mod topics;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

pub use milena_core::{
    TopicPartition,
    consumer::{OffsetAndMetadata, OffsetSpec, Position},
    group::assignor::{Assignor, GroupMember, Owned, PartitionCounts, RebalanceProtocol},
};
pub use milena_wire::records::{Header, Headers, TimestampType};

pub use self::{
    commit::PendingCommit,
    offsets::OffsetAndTimestamp,
    rebalance::RebalanceListener,
    records::{
        ConsumerRecord, ConsumerRecords, OwnedHeader, OwnedRecord, PartitionIter, PartitionRecords,
        Records,
    },
    stream::RecordStream,
};
use milena_core::group::membership::{MemberState, Membership};

use self::{
    pattern::TopicPattern,
    shared::{Mode, Shared, now},
};
use crate::{Error, ErrorKind, config::ConsumerConfig, metrics::Snapshot};

/// Who a consumer is in its group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerGroupMetadata {
    /// `group.id`.
    pub group_id: String,
    /// The generation, -1 outside of one.
    pub generation_id: i32,
    /// The member id, empty outside of a generation.
    pub member_id: String,
    /// `group.instance.id`.
    pub group_instance_id: Option<String>,
}

impl ConsumerGroupMetadata {
    /// A group without one of its members: for offsets that no member of the group reads, and for
    /// brokers before Kafka 2.5, which cannot check who sends offsets with a transaction (KIP-447).
    pub fn new(group_id: impl Into<String>) -> Self {
        Self {
            group_id: group_id.into(),
            generation_id: -1,
            member_id: String::new(),
            group_instance_id: None,
        }
    }
}

/// A consumer of Kafka's topics.
///
/// All methods take `&self`, so a consumer can be shared; polls run one at a time. Heartbeats and
/// fetches go on in the background while the application works, for up to `max.poll.interval.ms`
/// between two polls. Responses are fetched ahead into one budget of 16 MiB, 32 MiB with a thousand
/// partitions and more.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use milena::{Consumer, config::{AutoOffsetReset, ConsumerConfig}};
///
/// # let broker = milena_broker::Broker::start().await?;
/// # broker.create_topic("orders", 3)?;
/// let config = ConsumerConfig::builder(broker.bootstrap_servers())
///     .group_id("shop")
///     .auto_offset_reset(AutoOffsetReset::Earliest)
///     .build()?;
/// let consumer = Consumer::new(config)?;
/// consumer.subscribe(["orders"])?;
///
/// let records = consumer.poll(Duration::from_millis(100)).await?;
/// for batch in records.partitions() {
///     for record in batch.records() {
///         println!("{}-{} {}: {:?}", record.topic, record.partition, record.offset, record.value);
///     }
/// }
/// consumer.commit_sync().await?;
/// consumer.close(Duration::from_secs(5)).await?;
/// # Ok(()) }
/// ```
pub struct Consumer {
    shared: Arc<Shared>,
    /// Whether dropping this handle ends the consumer; callbacks get one that does not.
    is_owner: bool,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("group_id", &self.shared.config.group_id)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    /// A consumer that is not connected yet.
    ///
    /// # Errors
    ///
    /// What is wrong with certificates and keys of the configuration.
    pub fn new(config: ConsumerConfig) -> Result<Self, Error> {
        Self::with_assignors(config, Vec::new())
    }

    /// A consumer whose group spreads partitions by these assignors, the preferred one first,
    /// in place of `partition.assignment.strategy`.
    ///
    /// # Errors
    ///
    /// As [`Consumer::new`].
    pub fn with_assignors(
        config: ConsumerConfig,
        assignors: Vec<Arc<dyn Assignor>>,
    ) -> Result<Self, Error> {
        Ok(Self { shared: Arc::new(Shared::new(config, assignors)?), is_owner: true })
    }

    fn borrowed(shared: Arc<Shared>) -> Self {
        Self { shared, is_owner: false }
    }

    /// Has the application's callbacks run in the rebalances to come.
    pub fn set_rebalance_listener(&self, listener: impl RebalanceListener) {
        *self.shared.listener.lock() = Some(Arc::new(listener));
    }

    /// Subscribes to topics in place of what was subscribed before. The group spreads their
    /// partitions among its members; [`Consumer::poll`] joins it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] without topics or `group.id`, or when partitions are assigned
    /// by hand.
    pub fn subscribe<T: Into<String>>(
        &self,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<(), Error> {
        let topics: BTreeSet<_> = topics.into_iter().map(|topic| topic.into().into()).collect();
        if topics.is_empty() {
            let message = "there are no topics to subscribe to; unsubscribe ends a subscription";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        self.begin_subscription()?;
        self.shared.update(|state| {
            state.pattern = None;
            state.mode = Mode::Subscribed;
            state.machine.subscribe(topics);
        });
        self.begin();
        Ok(())
    }

    /// Subscribes to all topics whose whole name matches a regular expression, also to ones that
    /// are made later. The pattern is matched here, in the syntax of the `regex-lite` crate.
    ///
    /// # Errors
    ///
    /// As [`Consumer::subscribe`], and for a pattern that cannot be read.
    pub fn subscribe_pattern(&self, pattern: &str) -> Result<(), Error> {
        let pattern = TopicPattern::new(pattern)?;
        self.begin_subscription()?;
        self.shared.update(|state| {
            state.mode = Mode::Subscribed;
            state.pattern = Some(pattern);
        });
        self.shared.handle_metadata(&self.shared.cluster.metadata());
        self.begin();
        Ok(())
    }

    fn begin_subscription(&self) -> Result<(), Error> {
        self.shared.check_open()?;
        self.group_id()?;
        if self.shared.lock().mode == Mode::Assigned {
            let message = "partitions are assigned by hand; unsubscribe first";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Ok(())
    }

    fn begin(&self) {
        self.shared.start();
        self.shared.pin_topics();
    }

    /// Takes exactly these partitions, without a group spreading them. Partitions that were assigned
    /// before keep their positions.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] when the consumer is subscribed.
    pub fn assign(
        &self,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<(), Error> {
        self.shared.check_open()?;
        if self.shared.lock().mode == Mode::Subscribed {
            let message = "the consumer is subscribed; unsubscribe first";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let metadata = self.shared.cluster.metadata();
        self.shared.update(|state| {
            state.mode = Mode::Assigned;
            state.machine.assign(partitions, now());
            state.machine.handle_metadata(metadata);
        });
        self.begin();
        Ok(())
    }

    /// Ends the subscription or the assignment: callbacks run, offsets are committed if that happens by
    /// itself, and the group is left.
    ///
    /// Cancel safe: leaving goes on in later polls or when the consumer is closed.
    pub async fn unsubscribe(&self) {
        let mut polling = self.shared.polling.lock().await;
        let deadline = now() + self.shared.config.client.request_timeout;
        self.leave(&mut polling, "the consumer unsubscribed", deadline).await;
        self.shared.pin_topics();
    }

    /// Gives everything up and waits until the coordinator knows. `false` when time is up.
    async fn leave(
        &self,
        polling: &mut poll::Polling,
        reason: &'static str,
        deadline: std::time::Instant,
    ) -> bool {
        let listener = self.shared.listener.lock().clone();
        let mut progress = self.shared.progress.subscribe();
        // Between JoinGroup and SyncGroup the coordinator takes no commits: let that pass.
        while self.is_completing() {
            let changed = progress.changed();
            if tokio::time::timeout_at(deadline.into(), changed).await.is_err() {
                return false;
            }
        }
        polling.abandon_step();
        self.shared.update(|state| {
            state.mode = Mode::None;
            state.pattern = None;
            state.machine.handle_processed();
            state.machine.unsubscribe(reason, now());
        });
        while polling.take_steps(&self.shared, listener.as_ref(), deadline).await {
            progress.borrow_and_update();
            let (has_step, is_leaving) = {
                let state = self.shared.lock();
                (state.machine.has_step(), state.machine.is_leaving())
            };
            if !is_leaving {
                return true;
            }
            let changed = progress.changed();
            if !has_step && tokio::time::timeout_at(deadline.into(), changed).await.is_err() {
                return false;
            }
        }
        false
    }

    fn is_completing(&self) -> bool {
        let state = self.shared.lock();
        state.machine.membership().is_some_and(|membership| {
            membership.state() == MemberState::CompletingRebalance
                && membership.coordinator().is_some()
        })
    }

    /// Waits for records, for as long as `timeout`; returns none when there are none until then.
    ///
    /// Rebalance callbacks run in here. With `enable.auto.commit` everything that earlier polls handed
    /// out counts as processed.
    ///
    /// Cancel safe: dropping the future loses no records.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NoOffset`] and [`ErrorKind::LogTruncation`] when a partition needs a seek,
    /// [`ErrorKind::Protocol`] when its records cannot be read; both come again until the
    /// application seeks. [`ErrorKind::Broker`] when a broker or the group refuses,
    /// [`ErrorKind::Authentication`], [`ErrorKind::Closed`]. [`ErrorKind::InvalidArgument`] when there
    /// is neither a subscription nor an assignment. [`ErrorKind::Timeout`] or
    /// [`ErrorKind::Transport`] when the cluster was never reached for `default.api.timeout.ms`.
    pub async fn poll(&self, timeout: Duration) -> Result<ConsumerRecords, Error> {
        self.shared.check_open()?;
        let mut polling = self.shared.polling.lock().await;
        let listener = self.shared.listener.lock().clone();
        polling.poll(&self.shared, listener.as_ref(), timeout).await
    }

    /// The records one by one, as values of their own.
    ///
    /// Dropping the stream loses nothing: records that it had polled and not yielded are polled again.
    pub fn stream(&self) -> RecordStream<'_> {
        RecordStream::new(self)
    }

    /// The partitions that the consumer has.
    #[must_use]
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.shared.lock().assignment()
    }

    /// Continues at an offset; the next poll hands out that record, or the next one that is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] when the partition is not assigned or the offset is negative.
    pub fn seek(&self, partition: &TopicPartition, offset: i64) -> Result<(), Error> {
        self.seek_to_position(partition, Position::new(offset))
    }

    /// Continues at a position whose leader epoch is known, so that truncation is noticed.
    ///
    /// # Errors
    ///
    /// As [`Consumer::seek`].
    pub fn seek_to_position(
        &self,
        partition: &TopicPartition,
        position: Position,
    ) -> Result<(), Error> {
        if position.offset < 0 {
            let message = format!("{} is no offset to seek to", position.offset);
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_partition(&*partition.topic, partition.partition));
        }
        Ok(self.shared.update(|state| state.machine.seek(partition, position))?)
    }

    /// Continues at the first record of each partition, which is looked up in the background.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] when a partition is not assigned.
    pub fn seek_to_beginning(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        self.seek_all(partitions, OffsetSpec::Earliest)
    }

    /// Continues at the end of each partition, which is looked up in the background.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] when a partition is not assigned.
    pub fn seek_to_end(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        self.seek_all(partitions, OffsetSpec::Latest)
    }

    fn seek_all(&self, partitions: &[TopicPartition], spec: OffsetSpec) -> Result<(), Error> {
        self.shared.update(|state| {
            partitions.iter().try_for_each(|partition| state.machine.seek_to(partition, spec))
        })?;
        Ok(())
    }

    /// Stops handing out records of partitions until [`Consumer::resume`]; what is fetched of them
    /// is kept.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] when a partition is not assigned.
    pub fn pause(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        self.set_paused(partitions, true)
    }

    /// Hands out records of partitions again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] when a partition is not assigned.
    pub fn resume(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        self.set_paused(partitions, false)
    }

    fn set_paused(&self, partitions: &[TopicPartition], is_paused: bool) -> Result<(), Error> {
        self.shared.update(|state| {
            partitions.iter().try_for_each(|tp| state.machine.set_paused(tp, is_paused))
        })?;
        Ok(())
    }

    /// The paused partitions.
    #[must_use]
    pub fn paused(&self) -> Vec<TopicPartition> {
        self.shared.lock().machine.subscription().paused().cloned().collect()
    }

    /// How many records a partition has that are not handed out yet, as of the last fetch; `None`
    /// before the first one, or when the partition is not assigned.
    #[must_use]
    pub fn lag(&self, partition: &TopicPartition) -> Option<i64> {
        let is_committed = settings::isolation_level(&self.shared.config)
            == milena_core::consumer::IsolationLevel::ReadCommitted;
        self.shared.lock().machine.subscription().lag(partition, is_committed)
    }

    /// Has the group rebalance with the next poll.
    pub fn enforce_rebalance(&self) {
        self.shared.update(|state| state.machine.request_rejoin("the application asked for it"));
    }

    /// Who this consumer is in its group; `None` without a group.
    #[must_use]
    pub fn group_metadata(&self) -> Option<ConsumerGroupMetadata> {
        let state = self.shared.lock();
        let membership = state.machine.membership()?;
        let (generation_id, member_id) = membership.identity();
        Some(ConsumerGroupMetadata {
            group_id: membership.config().group_id.to_string(),
            generation_id,
            member_id: member_id.to_string(),
            group_instance_id: self.shared.config.group_instance_id.clone(),
        })
    }

    /// The values of this consumer's counters.
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        let mut snapshot = self.shared.counters.snapshot(&self.shared.cluster.counts());
        snapshot.fetch_buffered_bytes = self.shared.lock().machine.buffered_bytes() as u64;
        snapshot
    }

    /// Closes the consumer: waits for a callback that runs and for commits that are under way, commits if
    /// that happens by itself, runs the callback for revoked partitions and leaves the group
    /// (static members stay). A second call does nothing.
    ///
    /// A coordinator that cannot be reached is not waited for: when none of the cluster's brokers
    /// accepts a connection, commits that wait fail, and the group is left without telling it. While
    /// some broker answers, the coordinator is looked for until time is up.
    ///
    /// When the future is dropped, or time is up, the rest happens in the background or not at all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Timeout`] when not all of that was done in time, [`ErrorKind::Transport`] when the
    /// group could not be told. The consumer is closed all the same.
    pub async fn close(&self, timeout: Duration) -> Result<(), Error> {
        if self.shared.check_open().is_err() {
            return Ok(());
        }
        let deadline = now() + timeout;
        let done = tokio::time::timeout_at(deadline.into(), async {
            let mut polling = self.shared.polling.lock().await;
            self.shared.update(|state| state.machine.begin_close());
            // Commits that were begun are the member's: they go before it does.
            self.flush_commits().await;
            let has_left = self.leave(&mut polling, "the consumer was closed", deadline).await;
            self.flush_commits().await;
            requests::close_sessions(&self.shared).await;
            has_left
        })
        .await;
        self.shared.stop.send_replace(true);
        self.shared.notify();
        self.shared.cluster.close();
        match done {
            Ok(true) if self.has_left_untold() => {
                let message = "the consumer was closed without leaving its group, because the \
                               coordinator cannot be reached; it will miss the consumer when \
                               its session times out";
                Err(Error::new(ErrorKind::Transport, message))
            }
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => {
                let message = "the consumer was closed before it had left its group; the \
                               coordinator will miss it when its session times out";
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    }

    fn has_left_untold(&self) -> bool {
        self.shared.lock().machine.membership().is_some_and(Membership::left_untold)
    }

    async fn flush_commits(&self) {
        let mut progress = self.shared.progress.subscribe();
        while !self.shared.lock().machine.has_committed() {
            if progress.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if self.is_owner && self.shared.check_open().is_ok() {
            driver::abandon(&self.shared);
        }
    }
}
