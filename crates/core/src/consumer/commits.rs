//! Committing offsets, in order.
//!
//! One OffsetCommit is in flight at a time, so an older commit never overtakes a newer one. What
//! waits meanwhile goes out together, the later offset of a partition winning, and every caller
//! learns the outcome of its own partitions. Failures that may pass are repeated until the
//! commit's deadline.
//!
//! Spec: json/OffsetCommitRequest v2+.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use milena_wire::{
    ByteString, ErrorCode,
    messages::{
        OffsetCommitRequest, OffsetCommitResponse,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    },
};

use super::OffsetAndMetadata;
use crate::{
    TopicPartition,
    backoff::{Backoff, Jitter},
};

/// The highest version of OffsetCommit that names topics by name.
pub const MAX_NAMED_VERSION: i16 = 9;

/// Names a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(u64);

/// Offsets by partition.
pub type Offsets = BTreeMap<TopicPartition, OffsetAndMetadata>;

/// Why a commit failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// The broker's answer for a partition.
    Broker(ErrorCode, TopicPartition),
    /// No good answer came before the deadline; the offsets may have been committed. The code is
    /// that of the last answer, if there was one.
    Timeout(Option<ErrorCode>),
    /// The consumer is being closed and no broker can be reached; the offsets may have been committed.
    Unreachable,
}

/// What the membership has to know of a commit's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitOutcome {
    /// The broker does not coordinate the group.
    pub lost_coordinator: bool,
    /// The coordinator does not know the member in this generation.
    pub member_error: Option<ErrorCode>,
}

#[derive(Debug)]
struct Waiting {
    id: CommitId,
    offsets: Offsets,
    deadline: Instant,
}

/// The queue of commits. Its length is bounded by the callers that wait.
#[derive(Debug)]
pub struct Commits {
    backoff: Backoff,
    jitter: Jitter,
    last_id: u64,
    waiting: Vec<Waiting>,
    in_flight: Option<Vec<Waiting>>,
    failures: u32,
    retry_at: Option<Instant>,
    last_code: Option<ErrorCode>,
    done: Vec<(CommitId, Result<(), CommitError>)>,
    /// `auto.commit.interval.ms`, if offsets are committed by themselves.
    auto_interval: Option<Duration>,
    auto_at: Option<Instant>,
}

impl Commits {
    /// Nothing to commit yet.
    pub fn new(backoff: Backoff, seed: u64, auto_interval: Option<Duration>) -> Self {
        Self {
            backoff,
            jitter: Jitter::new(seed),
            last_id: 0,
            waiting: Vec::new(),
            in_flight: None,
            failures: 0,
            retry_at: None,
            last_code: None,
            done: Vec::new(),
            auto_interval,
            auto_at: None,
        }
    }

    /// Commits offsets before `deadline`. An empty map succeeds without a request, in its order.
    pub fn commit(&mut self, offsets: Offsets, deadline: Instant) -> CommitId {
        self.last_id += 1;
        let id = CommitId(self.last_id);
        self.waiting.push(Waiting { id, offsets, deadline });
        id
    }

    /// Whether offsets are committed by themselves.
    pub(crate) fn is_automatic(&self) -> bool {
        self.auto_interval.is_some()
    }

    /// Whether the next automatic commit is due; starts the interval anew if so.
    pub(crate) fn take_auto_commit(&mut self, now: Instant) -> bool {
        let Some(interval) = self.auto_interval else { return false };
        let is_due = self.auto_at.is_some_and(|at| at <= now);
        if is_due || self.auto_at.is_none() {
            self.auto_at = Some(now + interval);
        }
        is_due
    }

    /// Whether there is a commit that needs the coordinator.
    pub fn is_pending(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether neither a commit waits nor one is in flight.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.in_flight.is_none()
    }

    /// The offsets to send to the coordinator next.
    pub fn poll(&mut self, now: Instant, has_coordinator: bool) -> Option<Offsets> {
        self.expire(now);
        let may_send = has_coordinator
            && self.in_flight.is_none()
            && !self.waiting.is_empty()
            && self.retry_at.is_none_or(|at| at <= now);
        if !may_send {
            return None;
        }
        let commits = std::mem::take(&mut self.waiting);
        let mut offsets = Offsets::new();
        for commit in &commits {
            offsets.extend(commit.offsets.iter().map(|(p, offset)| (p.clone(), offset.clone())));
        }
        if offsets.is_empty() {
            self.done.extend(commits.into_iter().map(|commit| (commit.id, Ok(()))));
            return None;
        }
        self.in_flight = Some(commits);
        Some(offsets)
    }

    fn expire(&mut self, now: Instant) {
        let code = self.last_code;
        let expired = self.waiting.extract_if(.., |commit| commit.deadline <= now);
        self.done.extend(expired.map(|commit| (commit.id, Err(CommitError::Timeout(code)))));
    }

    /// The consumer is being closed and the coordinator cannot be reached: what waits has failed.
    pub fn give_up(&mut self) {
        let waiting = self.waiting.drain(..);
        self.done.extend(waiting.map(|commit| (commit.id, Err(CommitError::Unreachable))));
    }

    /// OffsetCommit for offsets, on behalf of a member (-1 and empty outside of a group).
    pub fn request(
        offsets: &Offsets,
        group_id: &ByteString,
        group_instance_id: Option<&ByteString>,
        (generation_id, member_id): (i32, ByteString),
    ) -> OffsetCommitRequest {
        let offsets: Vec<(&TopicPartition, &OffsetAndMetadata)> = offsets.iter().collect();
        let topics = offsets
            .chunk_by(|(a, _), (b, _)| a.topic == b.topic)
            .map(|run| OffsetCommitRequestTopic {
                name: run[0].0.topic.clone(),
                partitions: run
                    .iter()
                    .map(|(partition, offset)| OffsetCommitRequestPartition {
                        partition_index: partition.partition,
                        committed_offset: offset.offset,
                        committed_leader_epoch: offset.leader_epoch.unwrap_or(-1),
                        committed_metadata: Some(offset.metadata.as_str().into()),
                        ..Default::default()
                    })
                    .collect(),
                ..Default::default()
            })
            .collect();
        OffsetCommitRequest {
            group_id: group_id.clone(),
            generation_id_or_member_epoch: generation_id,
            member_id,
            group_instance_id: group_instance_id.cloned(),
            topics,
            ..Default::default()
        }
    }

    /// No answer came: the commits are repeated with those that came since.
    pub fn handle_failure(&mut self, now: Instant) -> CommitOutcome {
        self.repeat(None, now);
        CommitOutcome { lost_coordinator: true, member_error: None }
    }

    fn repeat(&mut self, code: Option<ErrorCode>, now: Instant) {
        let Some(in_flight) = self.in_flight.take() else { return };
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(now + self.backoff.delay(self.failures, self.jitter.next_u64()));
        self.last_code = code;
        self.waiting.splice(0..0, in_flight);
        self.expire(now);
    }

    /// Answer to the commit in flight.
    pub fn handle_response(
        &mut self,
        response: &OffsetCommitResponse,
        now: Instant,
    ) -> CommitOutcome {
        let mut errors: BTreeMap<TopicPartition, ErrorCode> = BTreeMap::new();
        let mut outcome = CommitOutcome::default();
        let mut passing = None;
        for topic in &response.topics {
            for partition in &topic.partitions {
                let code = ErrorCode(partition.error_code);
                match code {
                    ErrorCode::NONE => continue,
                    ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE => {
                        outcome.lost_coordinator = true;
                        passing = Some(code);
                    }
                    ErrorCode::COORDINATOR_LOAD_IN_PROGRESS
                    | ErrorCode::REQUEST_TIMED_OUT
                    | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => passing = Some(code),
                    ErrorCode::UNKNOWN_MEMBER_ID
                    | ErrorCode::ILLEGAL_GENERATION
                    | ErrorCode::FENCED_INSTANCE_ID
                    | ErrorCode::REBALANCE_IN_PROGRESS => outcome.member_error = Some(code),
                    _ => {}
                }
                let key = TopicPartition::new(topic.name.clone(), partition.partition_index);
                errors.insert(key, code);
            }
        }
        let is_final = |code: &ErrorCode| Some(*code) != passing;
        if passing.is_some() && !errors.values().any(is_final) {
            self.repeat(passing, now);
            return outcome;
        }
        self.finish(&errors);
        outcome
    }

    fn finish(&mut self, errors: &BTreeMap<TopicPartition, ErrorCode>) {
        let Some(in_flight) = self.in_flight.take() else { return };
        self.failures = 0;
        self.retry_at = None;
        self.last_code = None;
        for commit in in_flight {
            let failed = commit.offsets.keys().find_map(|p| errors.get(p).map(|code| (*code, p)));
            let result = match failed {
                None => Ok(()),
                Some((code, partition)) => Err(CommitError::Broker(code, partition.clone())),
            };
            self.done.push((commit.id, result));
        }
    }

    /// The commits that are done, in the order in which they were asked for.
    pub fn take_done(&mut self) -> Vec<(CommitId, Result<(), CommitError>)> {
        std::mem::take(&mut self.done)
    }

    /// When to call [`Commits::poll`] next, unless something happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadline = self.waiting.iter().map(|commit| commit.deadline).min();
        let retry = self.retry_at.filter(|_| self.in_flight.is_none() && deadline.is_some());
        [deadline, retry, self.auto_at].into_iter().flatten().min()
    }
}
