//! The membership of one consumer in a classic group.
//!
//! Not the assigning itself ([`assignor`](super::assignor)) and not offsets. The consumer machine
//! drives it: it sends what [`Membership::poll_request`] gives and runs the application's callback
//! for each [`RebalanceStep`].
//!
//! ```text
//!                    application polls              steps done, JoinGroup answered
//!   Unjoined ───────────────────► PreparingRebalance ──────────► CompletingRebalance
//!      ▲                               ▲     ▲                          │ SyncGroup answered
//!      │ leave, max.poll.interval,     │     └── coordinator says so ───┤
//!      │ fenced                        │                                ▼
//!      └───────────────────────────────┴──────────────────────────── Stable
//! ```
//!
//! Invariants:
//! 1. JoinGroup is not sent before the application has given up what it must, and it gives up
//!    nothing while it does not poll.
//! 2. At most one of JoinGroup, SyncGroup and LeaveGroup is in flight; an answer to an attempt that
//!    was given up changes nothing.
//! 3. No heartbeat goes out while a JoinGroup is in flight, or without a generation.
//! 4. A static member leaves only by its session timeout.
//!
//! Spec: guide#membership, KIP-345#static-membership, KIP-394#member-id, KIP-429#rebalance,
//! KIP-62#background-heartbeat, KIP-800#reason, KIP-814#skip-assignment.

mod config;
mod coordinator;
mod heartbeat;
mod join;
mod leave;
mod steps;
mod sync;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use milena_wire::{
    ByteString, ErrorCode,
    messages::{
        HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
        LeaveGroupRequest, SyncGroupRequest, SyncGroupResponse,
    },
};

pub use self::{config::GroupConfig, steps::RebalanceStep};
use self::{coordinator::Coordinator, heartbeat::Heartbeats};
use super::assignor::{GroupMember, RebalanceProtocol};
use crate::{BrokerId, TopicPartition, backoff::Jitter, metadata::ClusterMetadata};

/// Names a request, so that answers to attempts that were given up are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(u64);

/// What to send to the coordinator.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupRequest {
    /// Look the group's coordinator up.
    FindCoordinator,
    /// Join, or join again. The answer may take as long as the rebalance timeout.
    Join(JoinGroupRequest),
    /// Give or get the assignment.
    Sync(SyncGroupRequest),
    /// Stay a member.
    Heartbeat(HeartbeatRequest),
    /// Leave. Nobody waits for the answer longer than for a request.
    Leave(LeaveGroupRequest),
}

/// What came back; `Failed` when no answer came at all.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupResponse {
    /// The coordinator's broker.
    Coordinator(BrokerId),
    /// Answer to JoinGroup.
    Join(JoinGroupResponse),
    /// Answer to SyncGroup.
    Sync(SyncGroupResponse),
    /// Answer to Heartbeat.
    Heartbeat(HeartbeatResponse),
    /// LeaveGroup was answered, with whatever result.
    Left,
    /// Answer to FindCoordinator: no broker can be reached, or the cluster refuses to tell. Trying
    /// again soon is of no use.
    Unreachable,
    /// The connection was lost, the request timed out or could not be sent.
    Failed,
}

/// The coordinator refuses this member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupError {
    /// What it answered.
    pub code: ErrorCode,
    /// The API that it answered so to.
    pub api: &'static str,
    /// Whether joining again cannot help (a fenced instance).
    pub is_fatal: bool,
}

/// Where the member stands, by Java's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// No member, and not joining.
    Unjoined,
    /// Giving up partitions, or joining.
    PreparingRebalance,
    /// Joined, waiting for the assignment.
    CompletingRebalance,
    /// The assignment is here.
    Stable,
}

#[derive(Debug)]
enum State {
    Unjoined,
    PreparingRebalance,
    CompletingRebalance(Completing),
    Stable,
}

/// What CompletingRebalance waits for.
#[derive(Debug)]
enum Completing {
    /// The leader needs the metadata of the group's topics until `give_up_at`.
    Metadata { members: Vec<GroupMember>, give_up_at: Instant },
    /// SyncGroup is to be sent.
    Ready(Vec<(ByteString, Vec<TopicPartition>)>),
    /// SyncGroup is in flight.
    Sent,
}

/// A generation that this member is part of.
#[derive(Clone, Debug)]
struct Generation {
    id: i32,
    /// Index of the assignor the coordinator chose.
    assignor: usize,
}

/// The membership machine. What it keeps grows with the group's topics and partitions alone.
#[derive(Debug)]
pub struct Membership {
    config: GroupConfig,
    jitter: Jitter,
    state: State,
    member_id: ByteString,
    generation: Option<Generation>,
    coordinator: Coordinator,
    heartbeats: Heartbeats,
    /// The JoinGroup, SyncGroup or LeaveGroup in flight.
    in_flight: Option<Attempt>,
    last_attempt: u64,
    /// Failures in a row of joining, and when to try again.
    failures: u32,
    retry_at: Option<Instant>,
    subscription: Option<BTreeSet<ByteString>>,
    /// The topics of the last JoinGroup.
    joined_subscription: BTreeSet<ByteString>,
    /// Why to join again, once the application polls.
    rejoin_reason: Option<&'static str>,
    /// What the application has, sorted.
    held: Vec<TopicPartition>,
    /// The last assignment, which sticky assignors tell the leader, and its generation.
    remembered: Vec<TopicPartition>,
    remembered_generation: i32,
    steps: VecDeque<RebalanceStep>,
    metadata: Arc<ClusterMetadata>,
    /// As the leader: the partition counts that the assignment was made for.
    assigned_counts: Option<BTreeMap<ByteString, i32>>,
    /// As the leader: the topics of all members.
    group_topics: BTreeSet<ByteString>,
    polls: u32,
    last_poll: Instant,
    leaving: Option<leave::Leaving>,
    is_closing: bool,
    left_untold: bool,
    error: Option<GroupError>,
    is_fenced: bool,
}

impl Membership {
    /// A member that has not joined.
    pub fn new(config: GroupConfig, now: Instant) -> Self {
        Self {
            jitter: Jitter::new(config.seed),
            config,
            state: State::Unjoined,
            member_id: ByteString::new(),
            generation: None,
            coordinator: Coordinator::default(),
            heartbeats: Heartbeats::new(now),
            in_flight: None,
            last_attempt: 0,
            failures: 0,
            retry_at: None,
            subscription: None,
            joined_subscription: BTreeSet::new(),
            rejoin_reason: None,
            held: Vec::new(),
            remembered: Vec::new(),
            remembered_generation: -1,
            steps: VecDeque::new(),
            metadata: Arc::default(),
            assigned_counts: None,
            group_topics: BTreeSet::new(),
            polls: 0,
            last_poll: now,
            leaving: None,
            is_closing: false,
            left_untold: false,
            error: None,
            is_fenced: false,
        }
    }

    /// Subscribes to topics through the group; a member joins again when they change.
    pub fn subscribe(&mut self, topics: BTreeSet<ByteString>) {
        if self.subscription.as_ref() != Some(&topics) {
            if !matches!(self.state, State::Unjoined) && topics != self.joined_subscription {
                self.request_rejoin("the subscription changed");
            }
            self.subscription = Some(topics);
        }
    }

    /// Makes the member join again when the application polls (KIP-568).
    pub fn request_rejoin(&mut self, reason: &'static str) {
        self.rejoin_reason.get_or_insert(reason);
    }

    /// The application began to wait for records.
    pub fn handle_poll_start(&mut self, now: Instant) {
        self.polls += 1;
        self.last_poll = now;
    }

    /// The application got its records, or stopped waiting for them.
    pub fn handle_poll_end(&mut self, now: Instant) {
        self.polls = self.polls.saturating_sub(1);
        self.last_poll = now;
    }

    /// Whether the next step of the membership waits for the application to poll.
    pub(crate) fn wants_polls(&self) -> bool {
        self.rejoin_reason.is_some() || self.is_fenced || !matches!(self.state, State::Stable)
    }

    /// Newer metadata. A leader joins again when the group's topics have changed.
    pub fn handle_metadata(&mut self, metadata: Arc<ClusterMetadata>) {
        self.metadata = metadata;
        if let Some(counts) = &self.assigned_counts
            && matches!(self.state, State::Stable)
            && *counts != self.partition_counts()
        {
            self.request_rejoin("the metadata of the group's topics changed");
        }
    }

    /// What to send next, if anything.
    pub fn poll_request(&mut self, now: Instant) -> Option<(Attempt, GroupRequest)> {
        self.check_poll_interval(now);
        self.check_session(now);
        self.prepare();
        if let Some(attempt) = self.find_coordinator(now) {
            return Some((attempt, GroupRequest::FindCoordinator));
        }
        self.coordinator.id()?;
        if let Some(request) = self.leave_request() {
            return Some(request);
        }
        if let Some(heartbeat) = self.heartbeat_request(now) {
            return Some(heartbeat);
        }
        if self.in_flight.is_some() || self.retry_at.is_some_and(|at| now < at) {
            return None;
        }
        match &self.state {
            State::PreparingRebalance if self.steps.is_empty() => Some(self.join_request()),
            State::CompletingRebalance(_) => self.sync_request(now),
            State::PreparingRebalance | State::Unjoined | State::Stable => None,
        }
    }

    /// Applies an answer.
    pub fn handle_response(&mut self, attempt: Attempt, response: GroupResponse, now: Instant) {
        if self.coordinator.is_finding(attempt) {
            return self.handle_coordinator(&response, now);
        }
        if self.heartbeats.is_in_flight(attempt) {
            return self.handle_heartbeat(&response, now);
        }
        if self.in_flight != Some(attempt) {
            return;
        }
        self.in_flight = None;
        if self.leaving.as_ref().is_some_and(|leaving| leaving.is_sent) {
            self.leaving = None;
            self.left_untold |= response != GroupResponse::Left;
            return;
        }
        match response {
            GroupResponse::Join(response) => self.handle_join(response, now),
            GroupResponse::Sync(response) => self.handle_sync(&response, now),
            GroupResponse::Left => {}
            GroupResponse::Coordinator(_)
            | GroupResponse::Heartbeat(_)
            | GroupResponse::Unreachable
            | GroupResponse::Failed => {
                self.coordinator.forget();
                self.restart(now);
            }
        }
    }

    /// When to call [`Membership::poll_request`] next, unless something happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.in_flight.is_none()
            && match &self.state {
                State::PreparingRebalance => self.steps.is_empty(),
                State::CompletingRebalance(_) => true,
                State::Unjoined | State::Stable => false,
            };
        let metadata = match &self.state {
            State::CompletingRebalance(Completing::Metadata { give_up_at, .. }) => {
                Some(*give_up_at)
            }
            _ => None,
        };
        [
            self.coordinator.retry_at().filter(|_| self.needs_coordinator()),
            self.retry_at.filter(|_| waiting),
            metadata,
            self.next_heartbeat(),
            self.poll_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The error that the application has to see, once.
    pub fn take_error(&mut self) -> Option<GroupError> {
        let error = self.error?;
        if !error.is_fatal {
            self.error = None;
        }
        Some(error)
    }

    /// A commit of `generation_id` was refused because of the membership.
    pub(crate) fn handle_commit_refused(&mut self, code: ErrorCode, generation_id: i32) {
        if self.generation.as_ref().is_none_or(|generation| generation.id != generation_id) {
            return;
        }
        match code {
            ErrorCode::REBALANCE_IN_PROGRESS => self.request_rejoin("a commit met a rebalance"),
            ErrorCode::FENCED_INSTANCE_ID => self.refuse(code, "OffsetCommit", true),
            // While a new generation is being made the answer to JoinGroup decides.
            _ if !matches!(self.state, State::Stable) => {}
            ErrorCode::UNKNOWN_MEMBER_ID => self.handle_unknown_member(),
            _ => self.reset_generation(),
        }
    }

    /// Where the member stands.
    pub fn state(&self) -> MemberState {
        match self.state {
            State::Unjoined => MemberState::Unjoined,
            State::PreparingRebalance => MemberState::PreparingRebalance,
            State::CompletingRebalance(_) => MemberState::CompletingRebalance,
            State::Stable => MemberState::Stable,
        }
    }

    /// The topics whose metadata the member needs besides its own subscription.
    pub fn group_topics(&self) -> &BTreeSet<ByteString> {
        &self.group_topics
    }

    /// Generation and member id for commits; -1 and empty outside of a generation.
    pub fn identity(&self) -> (i32, ByteString) {
        match &self.generation {
            Some(generation) => (generation.id, self.member_id.clone()),
            None => (-1, ByteString::new()),
        }
    }

    /// The configuration.
    pub fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// The partitions that the application has, sorted.
    pub fn held(&self) -> &[TopicPartition] {
        &self.held
    }

    /// Whether members keep their partitions during a rebalance: all assignors must allow it.
    fn protocol(&self) -> RebalanceProtocol {
        let is_cooperative = |a: &Arc<dyn super::assignor::Assignor>| {
            a.rebalance_protocol() == RebalanceProtocol::Cooperative
        };
        if self.config.assignors.iter().all(is_cooperative) {
            RebalanceProtocol::Cooperative
        } else {
            RebalanceProtocol::Eager
        }
    }

    fn next_attempt(&mut self) -> Attempt {
        self.last_attempt += 1;
        Attempt(self.last_attempt)
    }

    fn refuse(&mut self, code: ErrorCode, api: &'static str, is_fatal: bool) {
        self.error = Some(GroupError { code, api, is_fatal });
        self.is_fenced |= is_fatal;
        self.reset_generation();
    }

    /// Forgets the generation: what is still owned is lost, which the application learns of when it
    /// polls.
    fn reset_generation(&mut self) {
        self.generation = None;
        self.state = State::Unjoined;
        self.in_flight = None;
        self.assigned_counts = None;
        self.heartbeats.stop();
    }

    /// Joins again after a pause.
    fn restart(&mut self, now: Instant) {
        if !matches!(self.state, State::Unjoined) {
            self.state = State::PreparingRebalance;
        }
        self.failures = self.failures.saturating_add(1);
        let pause = self.config.retry_backoff.delay(self.failures, self.jitter.next_u64());
        self.retry_at = Some(now + pause);
    }

    fn partition_counts(&self) -> BTreeMap<ByteString, i32> {
        let count = |topic: &ByteString| {
            let known = self.metadata.topic(topic)?;
            let count = i32::try_from(known.partitions.len()).ok().filter(|count| *count > 0)?;
            Some((topic.clone(), count))
        };
        self.group_topics.iter().filter_map(count).collect()
    }
}
