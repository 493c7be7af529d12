//! The sender: which batches travel in which request to which broker, and what the answers mean.
//!
//! The driver owns it, feeds it (`handle_*`) and, after every input and at [`Sender::poll_deadline`],
//! takes what it wants done: [`Sender::poll_request`] and [`Sender::poll_event`], until both are
//! empty.
//!
//! 1. A batch is answered exactly once ([`Event::Completed`]) and its memory given back exactly
//!    once ([`Event::Released`]).
//! 2. Batches of one partition are sent in the order in which they were collected, at most
//!    `max_in_flight` at a time, and with idempotence a batch keeps its sequence through retries.
//! 3. With idempotence, sequences start again only in a new epoch and only while no batch of the
//!    partition is in flight, so a sequence is never used for two different batches.
//! 4. A partition without batches costs nothing.
//!
//! Bounds: the sender holds what the driver hands it; the driver's memory limit bounds that.

mod answer;
mod broker;
mod compose;
mod expire;
mod flush;
mod partition;
mod producer_id;
mod transactional;
mod verdict;

#[cfg(test)]
mod model;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transactional_model;
#[cfg(test)]
mod transactional_tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;
use milena_wire::compression::{Compression, Compressor};
use milena_wire::messages::{ProduceRequest, ProduceResponse};
use milena_wire::{ByteString, Uuid};

use self::broker::{Broker, Link};
use self::flush::FlushCounter;
use self::partition::{Opened, Partition, Readiness, Slot};
use self::producer_id::ProducerIdState;
use super::batch::Batch;
use super::outcome::Outcome;
use super::settings::SenderSettings;
use super::transaction::{TransactionCall, TransactionEvent, TransactionMachine};
use crate::BrokerId;
use crate::backoff::Jitter;
use crate::metadata::LeaderHint;
use crate::negotiation::VersionRange;

pub use self::producer_id::ProducerIdAnswer;

pub(super) use self::flush::Generation;

/// A partition in the sender: dense numbers from 0, given by the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey(pub usize);

/// A produce request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

/// A batch that the driver compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncodingId(u64);

/// A flush that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlushId(u64);

/// Where the sender finds the batches that records are being appended to.
pub trait BatchSource<C> {
    /// Moves the sealed batches of a partition to `into`, oldest first, after sealing the open one
    /// if `seal_open`. Returns when the batch that stays open was begun.
    fn collect(
        &mut self,
        partition: PartitionKey,
        seal_open: bool,
        into: &mut Vec<Batch<C>>,
    ) -> Option<Instant>;
}

/// What metadata says of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The leader; `None` while there is none.
    pub broker: Option<BrokerId>,
    /// The leader's epoch; -1 if the brokers do not tell.
    pub epoch: i32,
    /// The topic's id; zero if the brokers do not tell.
    pub topic_id: Uuid,
}

/// A request to be sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// InitProducerId without transactional id, to any broker; the driver answers with
    /// [`Sender::handle_producer_id`].
    InitProducerId,
    /// A request of the transaction; the driver answers with [`Sender::handle_transaction_answer`].
    Transaction(TransactionCall),
    /// A produce request; the driver answers with [`Sender::handle_answer`].
    Produce(ProduceCall),
}

/// A produce request and where it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct ProduceCall {
    /// The name of the request.
    pub id: RequestId,
    /// The leader of all its partitions.
    pub broker: BrokerId,
    /// The request, with names as well as ids of topics.
    pub request: ProduceRequest,
    /// Whether the id of every topic is known, as Produce v13 and later need.
    pub has_topic_ids: bool,
    /// The versions that it may have.
    pub versions: VersionRange,
}

/// How a produce request ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The broker answered.
    Response(ProduceResponse),
    /// It was written to the connection, and no answer is expected (`acks=0`).
    Sent,
    /// It never left: no byte of it was written.
    NotSent,
    /// The connection was lost, or the time for an answer is over; the broker may have acted.
    Lost,
    /// The broker's answer breaks the protocol; the text says how.
    Malformed(&'static str),
    /// It cannot be written for this broker, now or later; the text says why.
    Rejected(String),
}

/// Something the driver has to do.
#[derive(Debug)]
pub enum Event<C> {
    /// Tell whoever waits for these records how their delivery ended.
    Completed {
        /// The completion of their batch.
        completion: C,
        /// Which of its records: all of them, unless the batch was split.
        records: Range<u32>,
        /// Bytes of the batch as it was sent, or would have been.
        bytes: usize,
        /// How it ended.
        outcome: Outcome,
    },
    /// A batch is gone: give its memory back.
    Released {
        /// The bytes that were reserved for it.
        bytes: usize,
        /// Its buffer, for another batch.
        buffer: Option<Bytes>,
    },
    /// Encode a batch ([`Batch::encode`]) and return it with [`Sender::handle_encoded`].
    Encode {
        /// Its partition.
        partition: PartitionKey,
        /// Its place.
        id: EncodingId,
        /// The batch.
        batch: Batch<C>,
    },
    /// Connect to a broker, then [`Sender::handle_connected`] or [`Sender::handle_unreachable`].
    Connect(BrokerId),
    /// The metadata is out of date.
    MetadataNeeded,
    /// A response told the leader of a partition; the sender knows it already.
    LeaderHint(LeaderHint),
    /// A flush is done.
    Flushed(FlushId),
    /// News of the transactions.
    Transaction(TransactionEvent),
}

/// A produce request without answer.
#[derive(Debug)]
struct InFlightRequest {
    broker: BrokerId,
    partitions: Vec<PartitionKey>,
}

/// The machine; see the module.
#[derive(Debug)]
pub struct Sender<C> {
    settings: SenderSettings,
    jitter: Jitter,
    producer_id: ProducerIdState,
    transactions: Option<TransactionMachine>,
    /// Partitions that are part of the transaction.
    admitted: Vec<PartitionKey>,
    partitions: Vec<Partition<C>>,
    /// Partitions with an open batch.
    opened: BTreeSet<PartitionKey>,
    brokers: BTreeMap<BrokerId, Broker>,
    requests: BTreeMap<RequestId, InFlightRequest>,
    alarms: BinaryHeap<Reverse<(Instant, PartitionKey)>>,
    events: VecDeque<Event<C>>,
    flushes: FlushCounter,
    /// Senders wait for memory.
    is_pressed: bool,
    /// Memory of the batches in all backlogs.
    waiting_bytes: usize,
    next_id: u64,
    /// How often a batch was sent that had been sent before.
    resent: u64,
    collected: Vec<Batch<C>>,
}

impl<C: Clone> Sender<C> {
    /// A sender without partitions; `seed` spreads its pauses.
    #[must_use]
    pub fn new(settings: SenderSettings, seed: u64) -> Self {
        let transactions = settings.transactions.clone().map(|transactions| {
            TransactionMachine::new(transactions, settings.retry_backoff, seed.rotate_left(32))
        });
        Self {
            producer_id: ProducerIdState::new(settings.idempotent, transactions.is_some()),
            transactions,
            admitted: Vec::new(),
            settings,
            jitter: Jitter::new(seed),
            partitions: Vec::new(),
            opened: BTreeSet::new(),
            brokers: BTreeMap::new(),
            requests: BTreeMap::new(),
            alarms: BinaryHeap::new(),
            events: VecDeque::new(),
            flushes: FlushCounter::default(),
            is_pressed: false,
            waiting_bytes: 0,
            next_id: 0,
            resent: 0,
            collected: Vec::new(),
        }
    }

    /// Adds a partition; its key is the number of partitions added before.
    pub fn add_partition(&mut self, topic: ByteString, index: i32) -> PartitionKey {
        let mut partition = Partition::new(topic, index, self.settings.idempotent);
        partition.is_held = self.transactions.is_some();
        self.partitions.push(partition);
        PartitionKey(self.partitions.len() - 1)
    }

    /// How many partitions there are.
    #[must_use]
    pub fn partitions_count(&self) -> usize {
        self.partitions.len()
    }

    /// How many batches are unanswered, open ones included.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.flushes.unanswered()
    }

    /// Memory in bytes of the full batches that were never sent: what is in front of a record that
    /// comes next, besides what is under way.
    #[must_use]
    pub const fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// How often a batch was sent again; sendings that never left the client do not count.
    #[must_use]
    pub const fn resent(&self) -> u64 {
        self.resent
    }

    /// Batches that wait to be sent to a partition; `None` while it has no leader, or its leader
    /// has not taken anything for `stalled` although something was ready.
    #[must_use]
    pub fn load(
        &self,
        partition: PartitionKey,
        stalled: Option<std::time::Duration>,
        now: Instant,
    ) -> Option<u32> {
        let partition = &self.partitions[partition.0];
        let leader = partition.leader?;
        // This is asked of every partition again and again: brokers are looked up only if need be.
        let is_stalled = stalled.is_some_and(|limit| {
            let since = self.brokers.get(&leader).and_then(|broker| broker.stalled_since);
            since.is_some_and(|since| now.saturating_duration_since(since) > limit)
        });
        (!is_stalled).then(|| u32::try_from(partition.queued()).unwrap_or(u32::MAX))
    }

    /// Something happened to a partition's batches: one was begun, or sealed.
    pub fn handle_attention(
        &mut self,
        partition: PartitionKey,
        source: &mut impl BatchSource<C>,
        now: Instant,
    ) {
        self.collect(partition, false, source);
        self.refresh(partition, now);
    }

    /// What the metadata says of a partition. An older epoch than the known one is not believed.
    pub fn handle_leader(&mut self, key: PartitionKey, leader: Leader, now: Instant) {
        let partition = &mut self.partitions[key.0];
        let is_recreated =
            partition.topic_id != leader.topic_id && partition.topic_id != Uuid::ZERO;
        if leader.epoch >= 0 && leader.epoch < partition.leader_epoch && !is_recreated {
            return;
        }
        partition.topic_id = leader.topic_id;
        let is_news = leader.epoch > partition.leader_epoch || partition.leader != leader.broker;
        partition.leader_epoch = leader.epoch;
        if is_news {
            self.move_leader(key, leader.broker, now);
        }
    }

    fn move_leader(&mut self, key: PartitionKey, leader: Option<BrokerId>, now: Instant) {
        let partition = &mut self.partitions[key.0];
        let old = std::mem::replace(&mut partition.leader, leader);
        // Whatever it waited for had to do with the old leader.
        partition.backoff_until = None;
        if std::mem::take(&mut partition.is_listed)
            && let Some(broker) = old.and_then(|old| self.brokers.get_mut(&old))
        {
            broker.ready.retain(|listed| *listed != key);
        }
        // The new leader has to show that it knows the producer before the pipeline opens again.
        if self.settings.idempotent && partition.pipeline == partition::Pipeline::Flowing {
            partition.pipeline = partition::Pipeline::Probing;
        }
        if let Some(leader) = leader {
            self.brokers.entry(leader).or_insert_with(Broker::new);
        }
        self.refresh(key, now);
    }

    /// A broker can be written to.
    pub fn handle_connected(&mut self, broker: BrokerId) {
        let broker = self.brokers.entry(broker).or_insert_with(Broker::new);
        broker.link = Link::Connected;
        broker.failures = 0;
    }

    /// The connection to a broker is gone. Its requests are answered on their own.
    pub fn handle_disconnected(&mut self, broker: BrokerId) {
        if let Some(broker) = self.brokers.get_mut(&broker) {
            broker.link = Link::Idle;
        }
        self.events.push_back(Event::MetadataNeeded);
    }

    /// No connection could be made; another attempt follows after a pause, if still needed.
    pub fn handle_unreachable(&mut self, broker: BrokerId, now: Instant) {
        if let Some(broker) = self.brokers.get_mut(&broker) {
            broker.failures = broker.failures.saturating_add(1);
            let pause = self.settings.retry_backoff.delay(broker.failures, self.jitter.next_u64());
            broker.link = Link::Failed { until: now + pause };
        }
        self.events.push_back(Event::MetadataNeeded);
    }

    /// A batch that [`Event::Encode`] handed out is encoded, or failed with that text.
    pub fn handle_encoded(
        &mut self,
        key: PartitionKey,
        id: EncodingId,
        encoded: Result<Batch<C>, Box<(Batch<C>, String)>>,
        now: Instant,
    ) {
        let partition = &mut self.partitions[key.0];
        let is_here = |slot: &Slot<C>| matches!(slot, Slot::Encoding(other) if *other == id);
        let at = partition.backlog.iter().position(is_here);
        match (encoded, at) {
            (Ok(batch), Some(at)) => partition.backlog[at] = Slot::Ready(batch),
            // Its place is gone: the sender was aborted meanwhile.
            (Ok(batch), None) => {
                self.waiting_bytes -= batch.reserved();
                let reason = self.reason_not_to_send();
                self.fail(batch, reason.unwrap_or(super::FailureReason::Closed), None);
            }
            (Err(failed), at) => {
                let (batch, problem) = *failed;
                if let Some(at) = at {
                    partition.backlog.remove(at);
                }
                self.waiting_bytes -= batch.reserved();
                let reason = super::FailureReason::Encoding(problem);
                self.note_failure(key, &reason);
                self.fail(batch, reason, None);
            }
        }
        self.refresh(key, now);
    }

    /// Whether senders wait for memory. Open batches of idle brokers are sent early then.
    pub const fn handle_pressure(&mut self, is_pressed: bool) {
        self.is_pressed = is_pressed;
    }

    /// Begins a flush: every batch that the sender has seen is sent without lingering.
    pub fn handle_flush(&mut self, now: Instant) -> FlushId {
        let id = self.flushes.begin();
        for key in Vec::from_iter(self.opened.iter().copied()) {
            if let Some(open) = &mut self.partitions[key.0].open {
                open.hurried = true;
            }
            self.refresh(key, now);
        }
        id
    }

    /// The next thing to do.
    pub fn poll_event(&mut self) -> Option<Event<C>> {
        let machine = &mut self.transactions;
        self.events
            .pop_front()
            .or_else(|| machine.as_mut()?.poll_event().map(Event::Transaction))
            .or_else(|| self.flushes.take_done().map(Event::Flushed))
    }

    /// When to poll again without any input.
    #[must_use]
    pub fn poll_deadline(&self, now: Instant) -> Option<Instant> {
        let alarm = self.alarms.peek().map(|Reverse((at, _))| *at);
        let brokers = self.brokers.values().filter_map(|broker| broker.deadline(now)).min();
        let transaction = self.transactions.as_ref().and_then(|machine| machine.deadline(now));
        let producer_id = self.producer_id.deadline();
        alarm.into_iter().chain(brokers).chain(producer_id).chain(transaction).min()
    }

    /// Fetches what was sealed, and notes what is open.
    fn collect(&mut self, key: PartitionKey, seal_open: bool, source: &mut impl BatchSource<C>) {
        let open = source.collect(key, seal_open, &mut self.collected);
        let partition = &mut self.partitions[key.0];
        let mut known = partition.open;
        for mut batch in self.collected.drain(..) {
            self.waiting_bytes += batch.reserved();
            batch.is_transactional = self.transactions.is_some();
            batch.generation =
                known.take().map_or_else(|| self.flushes.add(), |open| open.generation);
            if self.settings.compression == Compression::None {
                // Nothing is compressed: the compressor owns no memory, and nothing can fail.
                let _infallible = batch.encode(Compression::None, &mut Compressor::new());
                partition.backlog.push_back(Slot::Ready(batch));
            } else {
                let id = EncodingId(self.next_id);
                self.next_id += 1;
                partition.backlog.push_back(Slot::Encoding(id));
                self.events.push_back(Event::Encode { partition: key, id, batch });
            }
        }
        partition.open = match (open, known) {
            (Some(_), Some(known)) => Some(known),
            (Some(created), None) => {
                self.opened.insert(key);
                Some(Opened { created, generation: self.flushes.add(), hurried: false })
            }
            (None, _) => None,
        };
        if open.is_none() {
            self.opened.remove(&key);
        }
        self.note_records(key);
        self.producer_id.want();
    }

    /// Lists the partition with its leader if it is ready, and sets its alarm.
    fn refresh(&mut self, key: PartitionKey, now: Instant) {
        let partition = &mut self.partitions[key.0];
        let settings = &self.settings;
        let readiness = partition.readiness(settings.max_in_flight, settings.linger, now);
        let mut alarm = partition.oldest().map(|oldest| oldest + settings.delivery_timeout);
        match (readiness, partition.leader) {
            (Readiness::Ready, Some(leader)) if !partition.is_listed => {
                partition.is_listed = true;
                self.brokers.entry(leader).or_insert_with(Broker::new).ready.push_back(key);
            }
            (Readiness::Ready, Some(_)) | (Readiness::Waiting, _) => {}
            (Readiness::Ready, None) => self.events.push_back(Event::MetadataNeeded),
            (Readiness::At(at), _) => alarm = Some(alarm.map_or(at, |alarm| alarm.min(at))),
        }
        if let Some(at) = alarm
            && partition.alarm.is_none_or(|set| at < set)
        {
            partition.alarm = Some(at);
            self.alarms.push(Reverse((at, key)));
        }
    }
}
