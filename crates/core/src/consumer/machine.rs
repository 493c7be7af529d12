//! The consumer as one machine: assignment, positions, commits, fetching and the group.
//!
//! The client's driver sends what [`ConsumerMachine::poll_request`] gives and hands answers back;
//! the application's calls go through the other methods. There is no I/O and no clock here.
//!
//! Invariants:
//! 1. Records are handed out of assigned partitions only, in order, without a gap or repetition
//!    between two seeks.
//! 2. An automatic commit never exceeds what the application had when it last came back.
//! 3. Between the revocation of a partition and its removal nothing of it is handed out.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use milena_wire::{
    ByteString, ErrorCode,
    messages::{
        FetchRequest, FetchResponse, ListOffsetsResponse, OffsetCommitRequest,
        OffsetCommitResponse, OffsetFetchResponse, OffsetForLeaderEpochResponse,
    },
};

use super::{
    CommitError, CommitId, CommitOutcome, Commits, ConsumerError, IsolationLevel, Lookup,
    LookupOutcome, LookupPartition, Lookups, NotAssigned, OffsetSpec, Offsets, Position,
    SubscriptionState, partition::Phase,
};
use crate::{
    BrokerId, TopicPartition,
    backoff::Backoff,
    fetch::{FetchConfig, FetchOutcome, FetchedPartition, Fetcher, Taken},
    group::membership::{
        Attempt, GroupConfig, GroupRequest, GroupResponse, Membership, RebalanceStep,
    },
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
        self.fetcher.poll(&self.subscription, now).map(Request::Fetch)
    }

    fn poll_membership(&mut self, now: Instant) -> Option<Request> {
        let membership = self.membership.as_mut()?;
        let waits = |phase: Phase| phase == Phase::Committed;
        if self.commits.is_pending() || self.subscription.iter().any(|(_, s)| waits(s.phase)) {
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

    /// When to call [`ConsumerMachine::poll_request`] next, unless something happens before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        [
            self.membership.as_ref().and_then(Membership::poll_timeout),
            self.commits.poll_timeout(),
            self.subscription.poll_timeout(now),
            self.fetcher.poll_timeout(now),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Answer to a group request or a coordinator lookup.
    pub fn handle_group(&mut self, attempt: Attempt, response: GroupResponse, now: Instant) {
        if let Some(membership) = &mut self.membership {
            membership.handle_response(attempt, response, now);
            if membership.gives_up() {
                self.commits.give_up();
            }
            self.topics_changed = true;
        }
    }

    /// Answer to OffsetFetch; `None` when none came.
    pub fn handle_committed(
        &mut self,
        broker: BrokerId,
        partitions: Vec<LookupPartition>,
        response: Option<&OffsetFetchResponse>,
        now: Instant,
    ) {
        let outcome = match response {
            Some(response) => {
                self.lookups.handle_committed(&mut self.subscription, &partitions, response, now)
            }
            None => {
                let lookup = Lookup::Committed(partitions);
                self.lookups.handle_failure(&mut self.subscription, &lookup, now)
            }
        };
        self.apply_lookup(broker, outcome);
    }

    /// Answer to ListOffsets; `None` when none came.
    pub fn handle_offsets(
        &mut self,
        broker: BrokerId,
        partitions: Vec<LookupPartition>,
        response: Option<&ListOffsetsResponse>,
        now: Instant,
    ) {
        let outcome = match response {
            Some(response) => {
                self.lookups.handle_offsets(&mut self.subscription, &partitions, response, now)
            }
            None => {
                let lookup = Lookup::Offsets(broker, partitions);
                self.lookups.handle_failure(&mut self.subscription, &lookup, now)
            }
        };
        self.apply_lookup(broker, outcome);
    }

    /// Answer to OffsetForLeaderEpoch; `None` when none came.
    pub fn handle_epochs(
        &mut self,
        broker: BrokerId,
        partitions: Vec<LookupPartition>,
        response: Option<&OffsetForLeaderEpochResponse>,
        now: Instant,
    ) {
        let outcome = match response {
            Some(response) => {
                self.lookups.handle_epochs(&mut self.subscription, &partitions, response, now)
            }
            None => {
                let lookup = Lookup::Epochs(broker, partitions);
                self.lookups.handle_failure(&mut self.subscription, &lookup, now)
            }
        };
        self.apply_lookup(broker, outcome);
    }

    /// The broker is too old to be asked about epochs.
    pub fn handle_epochs_unsupported(&mut self, partitions: &[LookupPartition]) {
        Lookups::skip_epochs(&mut self.subscription, partitions);
    }

    /// The lookups, which make requests in the form a version needs.
    pub fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    fn apply_lookup(&mut self, broker: BrokerId, outcome: LookupOutcome) {
        self.needs_metadata |= outcome.needs_metadata;
        if outcome.lost_coordinator {
            self.lose_coordinator(broker);
        }
        if let Some(error) = outcome.error {
            note(&mut self.errors, error);
        }
        self.fetcher.drop_stale(&self.subscription);
    }

    fn lose_coordinator(&mut self, broker: BrokerId) {
        if let Some(membership) = &mut self.membership {
            membership.handle_coordinator_lost(broker);
        }
    }

    /// Answer to OffsetCommit; `None` when none came.
    pub fn handle_commit(
        &mut self,
        broker: BrokerId,
        response: Option<&OffsetCommitResponse>,
        now: Instant,
    ) {
        let CommitOutcome { lost_coordinator, member_error } = match response {
            Some(response) => self.commits.handle_response(response, now),
            None => self.commits.handle_failure(now),
        };
        if lost_coordinator {
            self.lose_coordinator(broker);
        }
        if let (Some(code), Some(membership)) = (member_error, &mut self.membership) {
            membership.handle_commit_refused(code, self.commit_generation);
        }
    }

    /// The fetch to send to a broker that [`Request::Fetch`] named, now that its highest version
    /// is known. `None` when there is nothing to fetch any more.
    pub fn fetch_request(
        &mut self,
        broker: BrokerId,
        version_max: i16,
        now: Instant,
    ) -> Option<(FetchRequest, i16)> {
        self.fetcher.request(broker, version_max, &self.subscription, &self.metadata, now)
    }

    /// Answer to Fetch; `None` when none came. Returns how many bytes of records came.
    pub fn handle_fetch(
        &mut self,
        broker: BrokerId,
        response: Option<FetchResponse>,
        now: Instant,
    ) -> usize {
        let subscription = &mut self.subscription;
        let FetchOutcome { needs_metadata, hints, error, bytes } = match response {
            Some(response) => self.fetcher.handle_response(broker, response, subscription, now),
            None => self.fetcher.handle_failure(broker, subscription, now),
        };
        self.needs_metadata |= needs_metadata;
        self.hints.extend(hints);
        if let Some(error) = error {
            note(&mut self.errors, error);
        }
        bytes
    }

    /// Fetches that end the sessions with brokers.
    pub fn close_sessions(&mut self) -> Vec<(BrokerId, FetchRequest)> {
        self.fetcher.close()
    }

    /// The application began to wait for records: it has processed what it got before. Returns
    /// whether there may be something to send.
    pub fn handle_poll_start(&mut self, now: Instant) -> bool {
        self.subscription.handle_returned();
        self.membership.as_mut().is_some_and(|membership| {
            membership.handle_poll_start(now);
            membership.wants_polls()
        })
    }

    /// The application stopped waiting.
    pub fn handle_poll_end(&mut self, now: Instant) {
        if let Some(membership) = &mut self.membership {
            membership.handle_poll_end(now);
        }
    }

    /// The application is done with what it got, as when it closes the consumer.
    pub fn handle_processed(&mut self) {
        self.subscription.handle_returned();
    }

    /// The rebalance step to run next. The first call for a step prepares the partitions for
    /// the application's callback.
    pub fn begin_step(&mut self) -> Option<RebalanceStep> {
        let step = self.membership.as_ref()?.step()?.clone();
        if !std::mem::replace(&mut self.step_begun, true) {
            match &step {
                RebalanceStep::Revoke(partitions) | RebalanceStep::Lose(partitions) => {
                    self.subscription.mark_revoking(partitions);
                }
                RebalanceStep::Assign(partitions) => {
                    self.subscription.add(partitions.iter().cloned());
                    self.subscription.handle_metadata(&self.metadata);
                }
            }
        }
        Some(step)
    }

    /// Whether a rebalance step waits.
    pub fn has_step(&self) -> bool {
        self.membership.as_ref().is_some_and(|membership| membership.step().is_some())
    }

    /// The application's callback for the step is done.
    pub fn finish_step(&mut self) {
        let Some(membership) = &mut self.membership else { return };
        if let Some(RebalanceStep::Revoke(partitions) | RebalanceStep::Lose(partitions)) =
            membership.step()
        {
            self.subscription.remove(partitions);
            self.fetcher.drop_stale(&self.subscription);
        }
        self.step_begun = false;
        membership.handle_step_done();
    }

    /// The error that the application has to see next. One that only a seek can help comes again.
    pub fn take_error(&mut self) -> Option<ConsumerError> {
        if let Some(error) = self.membership.as_mut().and_then(Membership::take_error) {
            return Some(if error.is_fatal {
                ConsumerError::Fenced
            } else {
                ConsumerError::Broker { api: error.api, code: error.code, partition: None }
            });
        }
        if let Some((partition, stuck)) = self.subscription.stuck() {
            return Some(ConsumerError::Stuck(partition.clone(), stuck));
        }
        self.errors.pop_front()
    }

    /// The next bytes to read, outside of whatever guards this machine.
    pub fn take_fetched(&mut self) -> Option<FetchedPartition> {
        self.fetcher.take(&self.subscription)
    }

    /// What reading brought. `false` when the partition was moved meanwhile, and the records are not
    /// to be handed out.
    pub fn finish_reading(
        &mut self,
        fetched: FetchedPartition,
        taken: Result<&Taken, &ConsumerError>,
    ) -> bool {
        // Paused or under validation since it was taken does not matter: what was read is at the
        // position. A partition that is being revoked will not come back.
        let state = self.subscription.get(&fetched.partition);
        let is_current = state.is_some_and(|s| s.epoch == fetched.epoch && !s.is_revoking);
        match taken {
            Ok(taken) if is_current => {
                let (partition, epoch) = (fetched.partition.clone(), fetched.epoch);
                self.subscription.hand_out(&partition, epoch, taken.next);
                if taken.is_exhausted {
                    self.fetcher.release(&fetched);
                } else {
                    self.fetcher.put_back(fetched);
                }
            }
            Err(_) if is_current => self.fetcher.put_back(fetched),
            _ => self.fetcher.release(&fetched),
        }
        is_current
    }

    /// Whether records can be handed out at once.
    pub fn has_records(&self) -> bool {
        self.fetcher.has_records(&self.subscription)
    }

    /// Bytes that are buffered.
    pub fn buffered_bytes(&self) -> usize {
        self.fetcher.buffered_bytes()
    }

    /// The assignment and positions.
    pub fn subscription(&self) -> &SubscriptionState {
        &self.subscription
    }

    /// Continues at a position.
    ///
    /// # Errors
    ///
    /// [`NotAssigned`].
    pub fn seek(&mut self, partition: &TopicPartition, to: Position) -> Result<(), NotAssigned> {
        self.subscription.seek(partition, to)?;
        self.fetcher.drop_stale(&self.subscription);
        Ok(())
    }

    /// Goes back to records that were handed out and not processed.
    ///
    /// # Errors
    ///
    /// [`NotAssigned`].
    pub fn rewind(&mut self, partition: &TopicPartition, to: Position) -> Result<(), NotAssigned> {
        self.seek(partition, to)
    }

    /// Whether no commit is under way.
    pub fn has_committed(&self) -> bool {
        self.commits.is_idle()
    }

    /// Looks an offset up and continues there.
    ///
    /// # Errors
    ///
    /// [`NotAssigned`].
    pub fn seek_to(
        &mut self,
        partition: &TopicPartition,
        spec: OffsetSpec,
    ) -> Result<(), NotAssigned> {
        self.subscription.seek_to(partition, spec)?;
        self.fetcher.drop_stale(&self.subscription);
        Ok(())
    }

    /// Pauses or resumes a partition.
    ///
    /// # Errors
    ///
    /// [`NotAssigned`].
    pub fn set_paused(
        &mut self,
        partition: &TopicPartition,
        is_paused: bool,
    ) -> Result<(), NotAssigned> {
        self.subscription.set_paused(partition, is_paused)?;
        if is_paused {
            self.fetcher.handle_paused(partition);
        }
        Ok(())
    }

    /// Commits offsets before `deadline`.
    pub fn commit(&mut self, offsets: Offsets, deadline: Instant) -> CommitId {
        self.commits.commit(offsets, deadline)
    }

    /// Commits what the application has processed, if offsets are committed by themselves.
    pub fn auto_commit(&mut self, now: Instant) -> Option<CommitId> {
        if !self.commits.is_automatic() {
            return None;
        }
        let offsets = self.subscription.processed();
        let offsets: Offsets = offsets.into_iter().map(|(tp, at)| (tp, at.into())).collect();
        (!offsets.is_empty()).then(|| self.commits.commit(offsets, now + self.api_timeout))
    }

    /// Commits that are done, in the order in which they were asked for.
    pub fn take_done_commits(&mut self) -> Vec<(CommitId, Result<(), CommitError>)> {
        self.commits.take_done()
    }

    /// The membership, if there is a group.
    pub fn membership(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }

    /// Joins again when the application polls.
    pub fn request_rejoin(&mut self, reason: &'static str) {
        if let Some(membership) = &mut self.membership {
            membership.request_rejoin(reason);
        }
    }
}

fn note(errors: &mut VecDeque<ConsumerError>, error: ConsumerError) {
    if errors.len() < ERRORS_MAX && !errors.contains(&error) {
        errors.push_back(error);
    }
}
