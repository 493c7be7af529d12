//! The receiving half that connectors share: a member of a group that reads one topic, hands its records
//! out as a connector reads them, and commits what was accepted.
//!
//! Invariants:
//! 1. Nothing is committed that was neither accepted nor of no use to the connector.
//! 2. What is written once the trigger has started is read, by this member or another of its group,
//!    whoever has the partitions by then: a group that begins at the end has that end committed.

mod partitions;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt as _;
use milena::{
    Consumer, ConsumerRecords, Error, ErrorKind, TopicPartition,
    config::ConsumerConfig,
    consumer::{ConsumerRecord, Position},
    metrics::Snapshot,
};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::{sync::watch, time::Instant};

use self::partitions::{Begins, Partitions, commit, commit_begins, uncommitted};
use crate::{
    accepted::{Accepted, Committable},
    backoff::Backoff,
    connector::{BoxFuture, Emission, Ends, Ticket, Trigger, with_causes},
    registry::RegistryReader,
    settings::ClientProperties,
};

/// How long a poll waits for records while the trigger starts.
const JOIN_STEP: Duration = Duration::from_secs(1);

/// How many bytes of keys and values are read at once: what a connector makes of them is in memory beside
/// them, and a poll can give many megabytes.
const PORTION_BYTES: usize = 256 << 10;

/// What a record counts for, besides its key and value.
const RECORD_BYTES: usize = 100;

/// How long a registry that does not answer is asked again.
const FETCH_WITHIN: Duration = Duration::from_secs(60);

/// The pauses between those questions.
const FETCH_BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

/// How a connector reads records.
pub(crate) trait Reading: Send + Sync + 'static {
    /// What becomes of a record. Called once for each time that it is polled, in the partition's order.
    fn read(&self, record: &ConsumerRecord<'_>) -> Reaction;

    /// What has to be there before these records can be read, if it is not; failures that may pass are
    /// errors, which are tried again.
    fn fetch(&self, records: &ConsumerRecords) -> Option<BoxFuture<'static, Result<(), Error>>> {
        let _ = records;
        None
    }
}

/// The fetching of the schemas of these values that the registry was not asked for yet.
pub(crate) fn fetching<'v>(
    registry: &RegistryReader,
    values: impl IntoIterator<Item = &'v [u8]>,
) -> Option<BoxFuture<'static, Result<(), Error>>> {
    let ids = registry.ids(values);
    if ids.is_empty() {
        return None;
    }
    let registry = registry.clone();
    let fetched = async move {
        let fetched = registry.fetch_ids(ids).await;
        fetched.map_err(|error| Error::of_application(ErrorKind::Transport, with_causes(&error)))
    };
    Some(fetched.boxed())
}

/// What becomes of a record.
pub(crate) enum Reaction {
    /// It is handed out as this.
    Emit(Value),
    /// It is of no use: it counts as accepted.
    Pass,
    /// It is handed out with this reason why there is no output: it was meant to be of use.
    Refuse(String),
}

pub(crate) use self::partitions::Starts;

/// A group's member that reads one topic.
#[derive(Debug)]
pub(crate) struct Subscription<R> {
    consumer: Consumer,
    topic: String,
    reading: R,
    accepted: Arc<Mutex<Accepted>>,
    /// Whether there was an assignment, be it of no partitions.
    joined: watch::Receiver<bool>,
    /// Whether partitions without a committed offset begin at their end.
    begins_at_end: bool,
    begins: Arc<Mutex<Begins>>,
    /// Records that were polled and not handed out yet.
    pending: VecDeque<Pending>,
    /// What they need could not be fetched.
    failing: Option<Failing>,
    /// Why no further record is handed out.
    failure: Arc<Mutex<Option<Error>>>,
}

/// The records of a poll, and how many of them were handed out.
#[derive(Debug)]
struct Pending {
    records: ConsumerRecords,
    /// Partitions that are through.
    partitions_done: usize,
    /// Records of the next partition that are through.
    records_done: usize,
    /// Whether there is what reading them needs.
    is_fetched: bool,
}

/// Since when, and how often, something could not be fetched, and when it is tried again.
#[derive(Debug)]
struct Failing {
    since: Instant,
    times: u32,
    again_at: Instant,
}

impl<R: Reading> Subscription<R> {
    /// Does not connect yet; needs a tokio runtime.
    pub(crate) fn new(
        properties: &ClientProperties,
        topic: &str,
        starts: Option<Starts>,
        reading: R,
    ) -> Result<Self, Error> {
        let consumer = Consumer::new(ConsumerConfig::from_properties(properties.pairs())?)?;
        let accepted = Arc::<Mutex<Accepted>>::default();
        let failure = Arc::<Mutex<Option<Error>>>::default();
        let begins = Arc::<Mutex<Begins>>::default();
        let begins_at_end = starts.is_none()
            && properties
                .value("auto.offset.reset")
                .is_none_or(|reset| reset.eq_ignore_ascii_case("latest"));
        let (sender, joined) = watch::channel(false);
        consumer.set_rebalance_listener(Partitions {
            topic: topic.to_owned(),
            starts,
            accepted: Arc::clone(&accepted),
            failure: Arc::clone(&failure),
            begins: Arc::clone(&begins),
            joined: sender,
        });
        Ok(Self {
            consumer,
            topic: topic.to_owned(),
            reading,
            accepted,
            joined,
            begins_at_end,
            begins,
            pending: VecDeque::new(),
            failing: None,
            failure,
        })
    }

    /// The client below.
    pub(crate) fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    fn check(&self) -> Result<(), Error> {
        self.failure.lock().clone().map_or(Ok(()), Err)
    }

    /// Waits until this is a member of the group, and what is written from here on is sure to be read.
    /// Rebalances happen inside polls, so that somebody has to poll meanwhile.
    async fn ready(&self) -> Result<(), Error> {
        let mut joined = self.joined.clone();
        // The sender lives as long as the consumer.
        let _ = joined.wait_for(|has_joined| *has_joined).await;
        if self.begins_at_end {
            // Partitions can come later, of a topic that is being made or from other members; they begin
            // here all the same.
            let begins = self.find_ends().await?;
            *self.begins.lock() = Some(begins);
        }
        loop {
            match self.find_positions().await {
                // A rebalance took the partition away.
                Err(error) if error.kind() == ErrorKind::InvalidArgument => {}
                result => return result,
            }
        }
    }

    /// Where all partitions of the topic end; waits for a topic that is being made.
    async fn find_ends(&self) -> Result<BTreeMap<i32, i64>, Error> {
        let partition = |number| TopicPartition::new(self.topic.clone(), number);
        self.consumer.end_offsets(&[partition(0)]).await?;
        let known = self.consumer.partitions_for(&self.topic).await?;
        let partitions: Vec<_> = known.iter().map(|known| partition(known.partition)).collect();
        let ends = self.consumer.end_offsets(&partitions).await?;
        Ok(ends.into_iter().map(|(partition, end)| (partition.partition, end)).collect())
    }

    async fn find_positions(&self) -> Result<(), Error> {
        let mut positions = Vec::new();
        for partition in self.consumer.assignment() {
            let position = self.consumer.position(&partition).await?;
            positions.push((partition, position));
        }
        if self.begins_at_end {
            let begins = uncommitted(&self.consumer, positions).await?;
            commit_begins(&self.consumer, begins).await;
        }
        Ok(())
    }

    /// Takes over what was polled: it is to be accepted from here on.
    fn add(accepted: &Mutex<Accepted>, pending: &mut VecDeque<Pending>, records: ConsumerRecords) {
        if records.is_empty() {
            return;
        }
        let mut accepted = accepted.lock();
        for batch in records.partitions() {
            let partition = batch.partition();
            let Position { offset: end, leader_epoch: end_epoch } = batch.next_position();
            let mut left = batch.len();
            for record in batch.records() {
                left = left.saturating_sub(1);
                // Behind the last record may lie markers of transactions, which nobody accepts.
                let next = if left == 0 {
                    Committable { offset: end, leader_epoch: end_epoch }
                } else {
                    Committable { offset: record.offset + 1, leader_epoch: record.leader_epoch }
                };
                accepted.hand_out(partition, record.offset, next);
            }
        }
        let (partitions_done, records_done, is_fetched) = (0, 0, false);
        pending.push_back(Pending { records, partitions_done, records_done, is_fetched });
    }

    /// Gets what pending records need, and asks again while it cannot be had. Cancel safe.
    async fn fetch(&mut self) -> Result<(), Error> {
        while let Some(pending) = self.pending.iter_mut().find(|pending| !pending.is_fetched) {
            if let Some(failing) = &self.failing {
                tokio::time::sleep_until(failing.again_at).await;
            }
            let fetched = match self.reading.fetch(&pending.records) {
                Some(fetch) => fetch.await,
                None => Ok(()),
            };
            let Err(error) = fetched else {
                pending.is_fetched = true;
                self.failing = None;
                continue;
            };
            let now = Instant::now();
            let (since, times) = self.failing.as_ref().map_or((now, 0), |it| (it.since, it.times));
            if now - since >= FETCH_WITHIN {
                return Err(error);
            }
            let times = times.saturating_add(1);
            let again_at = now + FETCH_BACKOFF.before(times);
            self.failing = Some(Failing { since, times, again_at });
            let (topic, error) = (&self.topic, with_causes(&error));
            tracing::warn!(topic, error, "the schemas of records cannot be fetched");
        }
        Ok(())
    }

    /// Reads what is pending, up to [`PORTION_BYTES`] of it.
    fn portion(&mut self) -> Vec<Emission> {
        let mut emissions = Vec::new();
        let mut bytes = 0;
        let mut accepted = self.accepted.lock();
        while bytes < PORTION_BYTES
            && let Some(pending) = self.pending.front_mut()
        {
            let Some(batch) = pending.records.partitions().nth(pending.partitions_done) else {
                self.pending.pop_front();
                continue;
            };
            let partition = batch.partition();
            let mut records = batch.records().skip(pending.records_done);
            while bytes < PORTION_BYTES {
                let Some(record) = records.next() else {
                    pending.partitions_done += 1;
                    pending.records_done = 0;
                    break;
                };
                pending.records_done += 1;
                let ticket = Ticket { partition, offset: record.offset };
                // Its partition may have gone to another member since it was polled.
                if !accepted.is_open(partition, record.offset) {
                    continue;
                }
                bytes += RECORD_BYTES
                    + record.key.map_or(0, <[u8]>::len)
                    + record.value.map_or(0, <[u8]>::len);
                match self.reading.read(&record) {
                    Reaction::Emit(output) => emissions.push(Emission::new(output, ticket)),
                    Reaction::Pass => {
                        accepted.accept(partition, record.offset);
                    }
                    Reaction::Refuse(why) => emissions.push(Emission::refused(why, ticket)),
                }
            }
        }
        emissions
    }
}

impl<R: Reading> Trigger for Subscription<R> {
    fn start(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            self.consumer.subscribe([self.topic.as_str()])?;
            let mut pending = VecDeque::new();
            {
                let mut ready = pin!(self.ready());
                loop {
                    self.check()?;
                    let records = tokio::select! {
                        biased;
                        ready = &mut ready => break ready?,
                        records = self.consumer.poll(JOIN_STEP) => records?,
                    };
                    Self::add(&self.accepted, &mut pending, records);
                }
            }
            self.pending.extend(pending);
            if self.pending.is_empty() { self.check() } else { Ok(()) }
        }
        .boxed()
    }

    fn next(&mut self, within: Duration) -> BoxFuture<'_, Result<Vec<Emission>, Error>> {
        async move {
            if self.pending.is_empty() {
                self.check()?;
                let records = self.consumer.poll(within).await?;
                // A rebalance inside the poll can have failed.
                self.check()?;
                Self::add(&self.accepted, &mut self.pending, records);
            }
            self.fetch().await?;
            let had_records = !self.pending.is_empty();
            let emissions = self.portion();
            if emissions.is_empty() && had_records {
                // Nobody else commits where there is nothing to accept.
                if let Err(error) = self.commit().await {
                    let error = with_causes(&error);
                    tracing::warn!(topic = self.topic, error, "not committed");
                }
            }
            Ok(emissions)
        }
        .boxed()
    }

    fn accept(&mut self, ticket: &Ticket) {
        self.accepted.lock().accept(ticket.partition, ticket.offset);
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        commit(&self.consumer, &self.topic, &self.accepted, None).boxed()
    }

    fn has_reached<'a>(&'a mut self, ends: &'a Ends) -> BoxFuture<'a, Result<bool, Error>> {
        async move {
            if !self.pending.is_empty() {
                return Ok(false);
            }
            let assignment: BTreeSet<_> = self.consumer.assignment().into_iter().collect();
            let mut others = BTreeMap::new();
            for ((topic, number), end) in ends.iter().filter(|((topic, _), _)| *topic == self.topic)
            {
                let partition = TopicPartition::new(topic.clone(), *number);
                if !assignment.contains(&partition) {
                    others.insert(partition, *end);
                } else if self.consumer.position(&partition).await?.offset < *end {
                    return Ok(false);
                }
            }
            if others.is_empty() {
                return Ok(true);
            }
            // They are another member's, or nobody's as yet.
            let partitions: Vec<_> = others.keys().cloned().collect();
            let committed = self.consumer.committed(&partitions).await?;
            let is_read = |(partition, end): (&TopicPartition, &i64)| {
                let committed = committed.get(partition).and_then(Option::as_ref);
                committed.is_some_and(|committed| committed.offset >= *end)
            };
            Ok(others.iter().all(is_read))
        }
        .boxed()
    }

    fn close(self: Box<Self>, within: Duration) -> BoxFuture<'static, Result<(), Error>> {
        async move {
            // The commit begins first, and the consumer closes when it is done, or when there is no
            // way to have it done.
            let committed = commit(&self.consumer, &self.topic, &self.accepted, None);
            let committed = tokio::time::timeout(within, committed);
            let (committed, left) = tokio::join!(committed, self.consumer.close(within));
            committed.unwrap_or(Ok(())).and(left)
        }
        .boxed()
    }

    fn set_paused(&mut self, partition: i32, is_paused: bool) -> bool {
        let partition = [TopicPartition::new(self.topic.clone(), partition)];
        // A partition that has gone gives nothing anyway.
        let _ = if is_paused {
            self.consumer.pause(&partition)
        } else {
            self.consumer.resume(&partition)
        };
        true
    }

    fn is_open(&self, ticket: &Ticket) -> bool {
        self.accepted.lock().is_open(ticket.partition, ticket.offset)
    }

    fn metrics(&self) -> Option<Snapshot> {
        Some(self.consumer.metrics())
    }

    fn lags(&self) -> Vec<(i32, u64)> {
        let partitions = self.consumer.assignment();
        let lag = |partition: &TopicPartition| {
            // What is handed out is behind the consumer's position, and not accepted for all that.
            let behind = u64::try_from(self.consumer.lag(partition)?).unwrap_or_default();
            let open = self.accepted.lock().open_count(partition.partition);
            Some((partition.partition, behind.saturating_add(open as u64)))
        };
        partitions.iter().filter_map(lag).collect()
    }

    fn details(&self) -> Map<String, Value> {
        let Some(group) = self.consumer.group_metadata() else { return Map::new() };
        let instance = group.group_instance_id.unwrap_or_else(|| "unknown".to_owned());
        Map::from_iter([
            ("group-id".to_owned(), group.group_id.into()),
            ("group-instance-id".to_owned(), instance.into()),
            ("group-generation-id".to_owned(), group.generation_id.into()),
        ])
    }
}

/// The methods of a [`Trigger`] that a connector leaves to its [`Subscription`], which is that field.
///
/// All of them, those with a default too: one that is forgotten would be answered by the default.
macro_rules! leave_to_subscription {
    ($field:tt) => {
        fn accept(&mut self, ticket: &$crate::connector::Ticket) {
            self.$field.accept(ticket);
        }

        fn commit(&mut self) -> $crate::connector::BoxFuture<'_, Result<(), milena::Error>> {
            self.$field.commit()
        }

        fn has_reached<'a>(
            &'a mut self,
            ends: &'a $crate::connector::Ends,
        ) -> $crate::connector::BoxFuture<'a, Result<bool, milena::Error>> {
            self.$field.has_reached(ends)
        }

        fn close(
            self: Box<Self>,
            within: std::time::Duration,
        ) -> $crate::connector::BoxFuture<'static, Result<(), milena::Error>> {
            Box::new(self.$field).close(within)
        }

        fn set_paused(&mut self, partition: i32, is_paused: bool) -> bool {
            self.$field.set_paused(partition, is_paused)
        }

        fn is_open(&self, ticket: &$crate::connector::Ticket) -> bool {
            self.$field.is_open(ticket)
        }

        fn metrics(&self) -> Option<milena::metrics::Snapshot> {
            self.$field.metrics()
        }

        fn lags(&self) -> Vec<(i32, u64)> {
            self.$field.lags()
        }

        fn details(&self) -> serde_json::Map<String, serde_json::Value> {
            self.$field.details()
        }
    };
}

pub(crate) use leave_to_subscription;
