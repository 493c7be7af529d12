//! The consumer as one machine: assignment, positions, commits, fetching and the group.
//!
//! The client's driver sends what [`ConsumerMachine::poll_request`] gives and hands answers back
//! (`answers`); the application's calls go through `application`. There is no I/O and no clock here.
//!
//! Invariants:
//! 1. Records are handed out of assigned partitions only, in order, without a gap or repetition
//!    between two seeks.
//! 2. An automatic commit never exceeds what the application had when it last came back.
//! 3. Between the revocation of a partition and its removal nothing of it is handed out.

mod answers;
mod application;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use milena_wire::{
    ByteString, ErrorCode,
    messages::{FetchRequest, OffsetCommitRequest},
};

use super::{
    Commits, ConsumerError, IsolationLevel, Lookup, LookupPartition, Lookups, OffsetSpec, Offsets,
    SubscriptionState, partition::Phase,
};
use crate::{
    BrokerId, TopicPartition,
    backoff::Backoff,
    fetch::{FetchConfig, Fetcher},
    group::membership::{Attempt, GroupConfig, GroupRequest, Membership},
    metadata::{ClusterMetadata, LeaderHint},
};

/// The most errors that wait for the application; later ones repeat what these say.
const ERRORS_MAX: usize = 16;

/// Settings of the machine.
#[derive(Clone, Debug)]
pub struct ConsumerMachineConfig {
    /// `auto.offset.reset`; `None` for none.
    pub reset: Option<OffsetSpec>,
    /// `isolation.level`.
    pub isolation_level: IsolationLevel,
    /// The group, if `group.id` is set.
    pub group: Option<GroupConfig>,
    /// Fetching.
    pub fetch: FetchConfig,
    /// `auto.commit.interval.ms`, if offsets are committed by themselves.
    pub auto_commit_interval: Option<Duration>,
    /// `default.api.timeout.ms`: how long automatic commits are repeated.
    pub api_timeout: Duration,
    /// `retry.backoff.ms` to `retry.backoff.max.ms`.
    pub retry_backoff: Backoff,
    /// Where the jitter of pauses starts.
    pub seed: u64,
}

/// Something to send. The answer goes to the method of the same name.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Look the coordinator up: [`ConsumerMachine::handle_group`].
    FindCoordinator(Attempt),
    /// To the coordinator: [`ConsumerMachine::handle_group`].
    Group(BrokerId, Attempt, GroupRequest),
    /// To the coordinator: [`ConsumerMachine::handle_committed`].
    Committed(BrokerId, Vec<LookupPartition>),
    /// To a leader: [`ConsumerMachine::handle_offsets`].
    Offsets(BrokerId, Vec<LookupPartition>),
    /// To a leader: [`ConsumerMachine::handle_epochs`].
    Epochs(BrokerId, Vec<LookupPartition>),
    /// To the coordinator: [`ConsumerMachine::handle_commit`].
    Commit(BrokerId, OffsetCommitRequest),
    /// Ask [`ConsumerMachine::fetch_request`] once connected: [`ConsumerMachine::handle_fetch`].
    Fetch(BrokerId),
}

/// The machine.
#[derive(Debug)]
pub struct ConsumerMachine {
    subscription: SubscriptionState,
    membership: Option<Membership>,
    lookups: Lookups,
    commits: Commits,
    fetcher: Fetcher,
    metadata: Arc<ClusterMetadata>,
    errors: VecDeque<ConsumerError>,
    topics: BTreeSet<ByteString>,
    /// The topics may not be those of the last [`ConsumerMachine::take_topics`].
    topics_changed: bool,
    step_begun: bool,
    commit_generation: i32,
    needs_metadata: bool,
    hints: Vec<LeaderHint>,
    api_timeout: Duration,
}

impl ConsumerMachine {
    /// A consumer without a subscription.
    pub fn new(config: ConsumerMachineConfig, now: Instant) -> Self {
        let has_group = config.group.is_some();
        let auto_commit = config.auto_commit_interval.filter(|_| has_group);
        let (backoff, seed) = (config.retry_backoff, config.seed);
        Self {
            subscription: SubscriptionState::new(config.reset, has_group),
            membership: config.group.map(|group| Membership::new(group, now)),
            lookups: Lookups::new(backoff, seed ^ 1, config.isolation_level),
            commits: Commits::new(backoff, seed ^ 2, auto_commit),
            fetcher: Fetcher::new(config.fetch),
            metadata: Arc::default(),
            errors: VecDeque::new(),
            topics: BTreeSet::new(),
            topics_changed: false,
            step_begun: false,
            commit_generation: -1,
            needs_metadata: false,
            hints: Vec::new(),
            api_timeout: config.api_timeout,
        }
    }

    /// Subscribes through the group. The caller makes sure that there is a group and no manual
    /// assignment.
    pub fn subscribe(&mut self, topics: BTreeSet<ByteString>) {
        self.topics.clone_from(&topics);
        self.topics_changed = true;
        if let Some(membership) = &mut self.membership {
            membership.subscribe(topics);
        }
    }

    /// Assigns partitions by hand.
    pub fn assign(&mut self, partitions: impl IntoIterator<Item = TopicPartition>, now: Instant) {
        self.auto_commit(now);
        self.subscription.assign(partitions);
        self.topics = self.subscription.assigned().map(|tp| tp.topic.clone()).collect();
        self.topics_changed = true;
        self.subscription.handle_metadata(&self.metadata);
        self.fetcher.drop_stale(&self.subscription);
    }

    /// Ends the subscription or assignment; the steps of a member that leaves are still to be taken.
    pub fn unsubscribe(&mut self, reason: &'static str, now: Instant) {
        self.topics.clear();
        self.topics_changed = true;
        self.errors.clear();
        self.step_begun = false;
        match &mut self.membership {
            Some(membership) if !membership.held().is_empty() => membership.leave(reason),
            membership => {
                if let Some(membership) = membership {
                    membership.leave(reason);
                }
                self.assign([], now);
            }
        }
    }

    /// The application closes the consumer. From here on a coordinator that cannot be reached is
    /// waited for no longer: commits fail, and the group is left without telling it.
    pub fn begin_close(&mut self) {
        if let Some(membership) = &mut self.membership {
            membership.begin_close();
        }
    }

    /// Whether a member that leaves has not done so yet.
    pub fn is_leaving(&self) -> bool {
        self.membership.as_ref().is_some_and(Membership::is_leaving)
    }

    /// The topics whose metadata the consumer needs, if they may have changed since the last call.
    pub fn take_topics(&mut self) -> Option<BTreeSet<ByteString>> {
        if !std::mem::take(&mut self.topics_changed) {
            return None;
        }
        let group = self.membership.as_ref().map(Membership::group_topics);
        Some(self.topics.iter().chain(group.into_iter().flatten()).cloned().collect())
    }

    /// Newer metadata.
    pub fn handle_metadata(&mut self, metadata: Arc<ClusterMetadata>) {
        self.subscription.handle_metadata(&metadata);
        for topic in &self.topics {
            let code = metadata.topic(topic).and_then(|topic| topic.error);
            let is_final = matches!(
                code,
                Some(ErrorCode::TOPIC_AUTHORIZATION_FAILED | ErrorCode::INVALID_TOPIC_EXCEPTION)
            );
            if let Some(code) = code.filter(|_| is_final) {
                let partition = Some(TopicPartition { topic: topic.clone(), partition: -1 });
                note(&mut self.errors, ConsumerError::Broker { api: "Metadata", code, partition });
            }
        }
        if let Some(membership) = &mut self.membership {
            membership.handle_metadata(Arc::clone(&metadata));
        }
        self.metadata = metadata;
    }

    /// Whether somebody saw that the metadata is wrong, since the last call.
    pub fn take_needs_metadata(&mut self) -> bool {
        std::mem::take(&mut self.needs_metadata)
    }

    /// Leaders that brokers named since the last call.
    pub fn take_hints(&mut self) -> Vec<LeaderHint> {
        std::mem::take(&mut self.hints)
    }

    /// What to send next, if anything.
    pub fn poll_request(&mut self, now: Instant) -> Option<Request> {
        self.subscription.advance(now);
        if let Some(request) = self.poll_membership(now) {
            return Some(request);
        }
        let coordinator = self.membership.as_ref().and_then(Membership::coordinator);
        if self.commits.take_auto_commit(now) {
            self.auto_commit(now);
        }
        if let Some(offsets) = self.commits.poll(now, coordinator.is_some())
            && let Some(broker) = coordinator
        {
            return Some(Request::Commit(broker, self.commit_request(&offsets)?));
        }
        let lookup = self.lookups.poll(&mut self.subscription, now, coordinator.is_some());
        match (lookup, coordinator) {
            (Some(Lookup::Committed(partitions)), Some(broker)) => {
                return Some(Request::Committed(broker, partitions));
            }
            (Some(Lookup::Offsets(broker, partitions)), _) => {
                return Some(Request::Offsets(broker, partitions));
            }
            (Some(Lookup::Epochs(broker, partitions)), _) => {
                return Some(Request::Epochs(broker, partitions));
            }
            (Some(Lookup::Committed(_)) | None, _) => {}
        }
        self.fetcher.poll(&mut self.subscription, now).map(Request::Fetch)
    }

    fn poll_membership(&mut self, now: Instant) -> Option<Request> {
        let membership = self.membership.as_mut()?;
        let waits = |phase: Phase| phase == Phase::Committed;
        if self.commits.is_pending() || self.subscription.unsettled().any(|(_, s)| waits(s.phase)) {
            membership.want_coordinator();
        }
        match membership.poll_request(now)? {
            (attempt, GroupRequest::FindCoordinator) => Some(Request::FindCoordinator(attempt)),
            (attempt, request) => Some(Request::Group(membership.coordinator()?, attempt, request)),
        }
    }

    fn commit_request(&mut self, offsets: &Offsets) -> Option<OffsetCommitRequest> {
        let membership = self.membership.as_ref()?;
        let identity = membership.identity();
        self.commit_generation = identity.0;
        let config = membership.config();
        // Outside of a generation nobody owns the instance id.
        let instance = config.group_instance_id.as_ref().filter(|_| identity.0 >= 0);
        Some(Commits::request(offsets, &config.group_id, instance, identity))
    }

    /// The fetch to send to a broker that [`Request::Fetch`] named, now that its highest version
    /// is known. `None` when there is nothing to fetch any more.
    pub fn fetch_request(
        &mut self,
        broker: BrokerId,
        version_max: i16,
        now: Instant,
    ) -> Option<(FetchRequest, i16)> {
        self.fetcher.request(broker, version_max, &mut self.subscription, now)
    }

    /// When to call [`ConsumerMachine::poll_request`] next, unless something happens before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        [
            self.membership.as_ref().and_then(Membership::poll_timeout),
            self.commits.poll_timeout(),
            self.subscription.poll_timeout(),
            self.fetcher.poll_timeout(now),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Fetches that end the sessions with brokers.
    pub fn close_sessions(&mut self) -> Vec<(BrokerId, FetchRequest)> {
        self.fetcher.close()
    }
}

fn note(errors: &mut VecDeque<ConsumerError>, error: ConsumerError) {
    if errors.len() < ERRORS_MAX && !errors.contains(&error) {
        errors.push_back(error);
    }
}
