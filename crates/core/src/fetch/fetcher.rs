//! Which broker to fetch from next, what to ask it, and what is buffered of the answers.
//!
//! Not what an answer says of a partition (`answer`), not the reading of records
//! ([`FetchedPartition`]) and not positions (`SubscriptionState`, whose
//! `next_fetch` moves on with every answer, ahead of what the application has read).
//!
//! Invariants:
//! 1. One fetch is in flight per broker, and at most one response of it waits to be read while
//!    the next fetch is on its way.
//! 2. A fetch asks for no more than what is free in the budget.
//! 3. Bytes fetched under another epoch of a partition's state are dropped.
//! 4. Paused partitions keep what is buffered of them, without holding the rest of their response.
//!
//! Spec: json/FetchRequest v4+, KIP-227#sessions, KIP-320#fetch, KIP-392#preferred-replica,
//! KIP-951#leader-hints.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use milena_wire::{
    ByteString, ErrorCode, Int32Array,
    messages::{
        FetchRequest, FetchResponse,
        fetch_request::{FetchPartition, FetchTopic, ForgottenTopic},
    },
};

use super::{
    answer::{Answer, Arrived, Asked},
    budget::Budget,
    fetched::FetchedPartition,
    session::{FetchSession, SessionRequest, Target, Wanted},
};
use crate::{
    BrokerId, TopicPartition,
    backoff::{Backoff, Jitter},
    consumer::{ConsumerError, IsolationLevel, PartitionState, Position, SubscriptionState},
    metadata::LeaderHint,
};

/// The first version of Fetch that names topics by id.
const FIRST_TOPIC_ID_VERSION: i16 = 13;
/// The first version of Fetch with sessions.
const FIRST_SESSION_VERSION: i16 = 7;

/// Assigned partitions for which the budget is larger by [`PARTITIONS_SHARE`].
///
/// For each fetch a broker looks at every partition of the session, also at those that it has no
/// room for in its answer: with a thousand of them that takes it longer than reading the bytes. So
/// who reads many partitions asks for more at once.
const SHARING_PARTITIONS: usize = 64;
/// Bytes that as many partitions add to the budget.
const PARTITIONS_SHARE: usize = 1 << 20;

/// Settings of fetching.
#[derive(Clone, Debug)]
pub struct FetchConfig {
    /// `fetch.min.bytes`.
    pub bytes_min: i32,
    /// `fetch.max.bytes`.
    pub bytes_max: i32,
    /// `max.partition.fetch.bytes`.
    pub partition_bytes_max: i32,
    /// `fetch.max.wait.ms`.
    pub wait_max: Duration,
    /// `isolation.level`.
    pub isolation_level: IsolationLevel,
    /// `client.rack`.
    pub rack_id: ByteString,
    /// The budget for everything that is buffered or asked for, in bytes. It is a MiB more for every
    /// 64 assigned partitions, up to twice as much.
    pub buffer_bytes: usize,
    /// `retry.backoff.ms` to `retry.backoff.max.ms`.
    pub retry_backoff: Backoff,
    /// Where the jitter of pauses starts.
    pub seed: u64,
}

/// What an answer means for the rest of the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchOutcome {
    /// Leaders are not what the metadata says.
    pub needs_metadata: bool,
    /// Leaders that the broker named.
    pub hints: Vec<LeaderHint>,
    /// What the application has to see.
    pub error: Option<ConsumerError>,
    /// Bytes of records that came.
    pub bytes: usize,
}

#[derive(Debug)]
struct InFlight {
    granted: usize,
}

#[derive(Debug, Default)]
struct BrokerFetch {
    session: FetchSession,
    /// A fetch is being prepared or in flight.
    is_busy: bool,
    in_flight: Option<InFlight>,
    failures: u32,
    retry_at: Option<Instant>,
}

/// Fetches from all brokers.
#[derive(Debug)]
pub struct Fetcher {
    config: FetchConfig,
    jitter: Jitter,
    brokers: BTreeMap<BrokerId, BrokerFetch>,
    budget: Budget,
    buffer: VecDeque<FetchedPartition>,
}

impl Fetcher {
    /// Nothing fetched yet.
    pub fn new(config: FetchConfig) -> Self {
        Self {
            jitter: Jitter::new(config.seed),
            budget: Budget::new(config.buffer_bytes),
            brokers: BTreeMap::new(),
            buffer: VecDeque::new(),
            config,
        }
    }

    /// A broker to fetch from. The caller connects to it and calls [`Fetcher::request`] with the
    /// version, or [`Fetcher::handle_failure`].
    pub fn poll(&mut self, subscription: &mut SubscriptionState, now: Instant) -> Option<BrokerId> {
        subscription.advance(now);
        let ready = subscription.fetch_brokers().find(|id| {
            let broker = self.brokers.entry(*id).or_default();
            !broker.is_busy
                && broker.retry_at.is_none_or(|at| at <= now)
                && self.budget.responses(*id) <= 1
                && self.budget.has_room()
        })?;
        self.brokers.entry(ready).or_default().is_busy = true;
        Some(ready)
    }

    /// The request to send to a broker that [`Fetcher::poll`] gave, and its version: `version_max` or
    /// the highest one below it that can name the topics. `None` when nothing is to be
    /// fetched after all.
    pub fn request(
        &mut self,
        id: BrokerId,
        version_max: i16,
        subscription: &mut SubscriptionState,
        now: Instant,
    ) -> Option<(FetchRequest, i16)> {
        subscription.advance(now);
        let partition_max = usize::try_from(self.config.partition_bytes_max).unwrap_or(1);
        let bytes_max = usize::try_from(self.config.bytes_max).unwrap_or(1);
        let count = subscription.fetched_count(id);
        let most = count.saturating_mul(partition_max).min(bytes_max);
        self.budget.set_limit(budget(&self.config, subscription.assigned().len()));
        let granted = match count {
            0 => None,
            _ => self.budget.grant(most, subscription.fetch_brokers().count()),
        };
        let broker = self.brokers.entry(id).or_default();
        let Some(granted) = granted else {
            broker.is_busy = false;
            return None;
        };
        if version_max < FIRST_SESSION_VERSION {
            broker.session.forget();
        }
        let partition_bytes_max = self.config.partition_bytes_max;
        let changes = subscription.take_fetch_changes(id).into_iter().map(|partition| {
            let state = subscription.fetched_from(id, &partition);
            let wanted = state.map(|state| wanted(id, state, partition_bytes_max));
            (partition, wanted)
        });
        let parts = broker.session.request(changes, version_max >= FIRST_TOPIC_ID_VERSION);
        let version = match broker.session.has_topic_ids() {
            true => version_max,
            false => version_max.min(FIRST_TOPIC_ID_VERSION - 1),
        };
        broker.in_flight = Some(InFlight { granted });
        let mut request = self.message(parts, granted);
        if version < FIRST_SESSION_VERSION {
            request.session_epoch = -1;
        }
        Some((request, version))
    }

    fn message(&self, parts: SessionRequest, granted: usize) -> FetchRequest {
        let topics = parts
            .changed
            .chunk_by(|(a, _), (b, _)| a.topic == b.topic)
            .map(|run| FetchTopic {
                topic: run[0].0.topic.clone(),
                topic_id: run[0].1.topic_id,
                partitions: run
                    .iter()
                    .map(|(partition, target)| FetchPartition {
                        partition: partition.partition,
                        current_leader_epoch: target.leader_epoch,
                        fetch_offset: target.offset,
                        partition_max_bytes: target.bytes_max,
                        ..Default::default()
                    })
                    .collect(),
                ..Default::default()
            })
            .collect();
        let forgotten_topics_data = parts
            .forgotten
            .chunk_by(|(a, x), (b, y)| a.topic == b.topic && x == y)
            .map(|run| ForgottenTopic {
                topic: run[0].0.topic.clone(),
                topic_id: run[0].1,
                partitions: run.iter().map(|(p, _)| p.partition).collect::<Int32Array>(),
                ..Default::default()
            })
            .collect();
        FetchRequest {
            replica_id: -1,
            max_wait_ms: i32::try_from(self.config.wait_max.as_millis()).unwrap_or(i32::MAX),
            min_bytes: self.config.bytes_min,
            max_bytes: i32::try_from(granted).unwrap_or(i32::MAX),
            isolation_level: self.config.isolation_level.as_wire(),
            session_id: parts.session_id,
            session_epoch: parts.session_epoch,
            topics,
            forgotten_topics_data,
            rack_id: self.config.rack_id.clone(),
            ..Default::default()
        }
    }

    /// No answer came from a broker.
    pub fn handle_failure(
        &mut self,
        id: BrokerId,
        subscription: &mut SubscriptionState,
        now: Instant,
    ) -> FetchOutcome {
        let broker = self.brokers.entry(id).or_default();
        broker.is_busy = false;
        broker.session.handle_failure();
        broker.failures = broker.failures.saturating_add(1);
        let pause = self.config.retry_backoff.delay(broker.failures, self.jitter.next_u64());
        broker.retry_at = Some(now + pause);
        if let Some(in_flight) = broker.in_flight.take() {
            self.budget.give_back(in_flight.granted);
        }
        // A follower that cannot be reached is not read from.
        subscription.drop_preferred(id);
        FetchOutcome { needs_metadata: true, ..Default::default() }
    }

    /// A broker's answer.
    pub fn handle_response(
        &mut self,
        id: BrokerId,
        response: FetchResponse,
        subscription: &mut SubscriptionState,
        now: Instant,
    ) -> FetchOutcome {
        let mut outcome = FetchOutcome::default();
        let broker = self.brokers.entry(id).or_default();
        broker.is_busy = false;
        let Some(in_flight) = broker.in_flight.take() else { return outcome };
        self.budget.give_back(in_flight.granted);
        let code = ErrorCode(response.error_code);
        if !broker.session.handle_response(code, response.session_id) {
            // Asking anew is all that a broken session needs.
            if !is_session_error(code) {
                broker.failures = broker.failures.saturating_add(1);
                let pause =
                    self.config.retry_backoff.delay(broker.failures, self.jitter.next_u64());
                broker.retry_at = Some(now + pause);
                outcome.needs_metadata = true;
            }
            return outcome;
        }
        broker.failures = 0;
        broker.retry_at = None;
        let endpoints = &response.node_endpoints;
        let mut arrived = Vec::new();
        for topic in response.responses {
            let Some(name) = broker.session.topic(&topic.topic, topic.topic_id) else { continue };
            for data in topic.partitions {
                let partition =
                    TopicPartition { topic: name.clone(), partition: data.partition_index };
                let Some(asked) = broker.session.asked(&partition) else { continue };
                let mut answer = Answer {
                    config: &self.config,
                    jitter: &mut self.jitter,
                    subscription,
                    outcome: &mut outcome,
                    now,
                };
                if let Some(records) = answer.apply(&partition, asked, data, endpoints) {
                    arrived.push((partition, asked.epoch, asked.from, records));
                }
            }
        }
        self.buffer(id, arrived, subscription);
        outcome
    }

    fn buffer(
        &mut self,
        id: BrokerId,
        arrived: Vec<(TopicPartition, u64, Position, Arrived)>,
        subscription: &mut SubscriptionState,
    ) {
        if arrived.is_empty() {
            return;
        }
        let bytes = arrived.iter().map(|(_, _, _, arrived)| arrived.records.len()).sum();
        let account = self.budget.open(id, bytes, arrived.len());
        for (partition, epoch, from, arrived) in arrived {
            let Arrived { records, aborted } = arrived;
            let mut fetched =
                FetchedPartition::new(partition, epoch, account, from, records, aborted);
            if subscription.get(&fetched.partition).is_some_and(|state| state.is_paused) {
                self.budget_aside(&mut fetched);
            }
            self.buffer.push_back(fetched);
        }
    }

    fn budget_aside(&mut self, fetched: &mut FetchedPartition) {
        fetched.detach();
        fetched.account = self.budget.set_aside(fetched.account, fetched.size_bytes());
    }

    /// A partition was paused: what is buffered of it no longer holds up its broker.
    pub(crate) fn handle_paused(&mut self, partition: &TopicPartition) {
        let mut buffer = std::mem::take(&mut self.buffer);
        for fetched in buffer.iter_mut().filter(|fetched| fetched.partition == *partition) {
            self.budget_aside(fetched);
        }
        self.buffer = buffer;
    }

    /// The next bytes to read. They count as buffered until they are put back or
    /// [released](Fetcher::release).
    pub fn take(&mut self, subscription: &SubscriptionState) -> Option<FetchedPartition> {
        let mut index = 0;
        while let Some(fetched) = self.buffer.get(index) {
            match subscription.get(&fetched.partition) {
                Some(state) if state.epoch == fetched.epoch => {
                    if state.is_consumable() {
                        return self.buffer.remove(index);
                    }
                    index += 1;
                }
                // Reassigned or moved since: stale.
                _ => {
                    if let Some(stale) = self.buffer.remove(index) {
                        self.release(&stale);
                    }
                }
            }
        }
        None
    }

    /// Puts back what is not read to its end; it is the next to be taken.
    pub(crate) fn put_back(&mut self, fetched: FetchedPartition) {
        self.buffer.push_front(fetched);
    }

    /// The bytes of a partition are read, or stale.
    pub fn release(&mut self, fetched: &FetchedPartition) {
        self.budget.close(fetched.account);
    }

    /// Drops what is buffered of partitions that are not assigned any more, or were moved.
    pub(crate) fn drop_stale(&mut self, subscription: &SubscriptionState) {
        let buffer = std::mem::take(&mut self.buffer);
        for fetched in buffer {
            let state = subscription.get(&fetched.partition);
            if state.is_some_and(|state| state.epoch == fetched.epoch) {
                self.buffer.push_back(fetched);
            } else {
                self.budget.close(fetched.account);
            }
        }
    }

    /// Whether something that may be handed out is buffered.
    pub fn has_records(&self, subscription: &SubscriptionState) -> bool {
        self.buffer.iter().any(|fetched| {
            subscription
                .get(&fetched.partition)
                .is_some_and(|state| state.epoch == fetched.epoch && state.is_consumable())
        })
    }

    /// Bytes that are buffered.
    pub fn buffered_bytes(&self) -> usize {
        self.budget.used()
    }

    /// The requests that end all sessions, to be sent on closing.
    pub fn close(&mut self) -> Vec<(BrokerId, FetchRequest)> {
        let mut requests = Vec::new();
        let mut brokers = std::mem::take(&mut self.brokers);
        for (id, broker) in &mut brokers {
            let parts = broker.session.close();
            // A broker that keeps a fetch waiting for records reads nothing else before it has answered,
            // up to `fetch.max.wait.ms` later. It forgets the session when it needs the room.
            if let Some(parts) = parts.filter(|_| broker.in_flight.is_none()) {
                requests.push((*id, FetchRequest { max_wait_ms: 0, ..self.message(parts, 0) }));
            }
            // What was asked stays known: a later fetch begins a session with it.
            let session = std::mem::take(&mut broker.session);
            self.brokers.insert(*id, BrokerFetch { session, ..Default::default() });
        }
        requests
    }

    /// When to call [`Fetcher::poll`] next, unless something happens before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let waiting =
            |broker: &BrokerFetch| broker.retry_at.filter(|at| !broker.is_busy && now < *at);
        self.brokers.values().filter_map(waiting).min()
    }
}

/// What a fetch from this broker asks of a partition.
fn wanted(id: BrokerId, state: &PartitionState, bytes_max: i32) -> Wanted {
    Wanted {
        target: Target {
            topic_id: state.topic_id,
            offset: state.next_fetch.offset,
            leader_epoch: state.leader.and_then(|leader| leader.epoch).unwrap_or(-1),
            bytes_max,
        },
        asked: Asked {
            epoch: state.epoch,
            from: state.next_fetch,
            is_follower: state.leader.is_some_and(|leader| leader.id != id),
        },
    }
}

/// The budget in bytes of a consumer that has so many partitions.
fn budget(config: &FetchConfig, partitions: usize) -> usize {
    let added = partitions / SHARING_PARTITIONS * PARTITIONS_SHARE;
    config.buffer_bytes.saturating_add(added.min(config.buffer_bytes))
}

fn is_session_error(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NONE
            | ErrorCode::FETCH_SESSION_ID_NOT_FOUND
            | ErrorCode::INVALID_FETCH_SESSION_EPOCH
            | ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR
    )
}
