//! A fetch session with one broker: after a full request only changes are sent.
//!
//! Invariants:
//! 1. After an answered request the broker and this session agree on the partitions and their
//!    offsets; after any doubt the next request is a full one.
//! 2. An answer names partitions of the session only; others are not passed on.
//! 3. What is kept of a partition is what the last request asked: requests are made of the changes
//!    since the one before, and only a full one walks over all partitions.
//!
//! Spec: KIP-227#sessions, KIP-516#fetch: topic ids from version 13 on.

use std::collections::BTreeMap;

use milena_wire::{ByteString, ErrorCode, Uuid};

use super::answer::Asked;
use crate::TopicPartition;

/// The epoch of a request that begins a session.
const INITIAL_EPOCH: i32 = 0;
/// The epoch of a request without a session, and of the one that ends it.
const FINAL_EPOCH: i32 = -1;

/// What is asked of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) topic_id: Uuid,
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
    pub(super) bytes_max: i32,
}

/// What is asked of one partition, and what its answer is compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) target: Target,
    pub(super) asked: Asked,
}

/// The parts of the next request.
#[derive(Debug, PartialEq, Eq)]
pub struct SessionRequest {
    /// Session id, 0 for none.
    pub session_id: i32,
    /// Session epoch.
    pub session_epoch: i32,
    /// Partitions that are new or changed; all of them in a full request.
    pub(super) changed: Vec<(TopicPartition, Target)>,
    /// Partitions that are not wanted any more, with the topic id they were asked under.
    pub(super) forgotten: Vec<(TopicPartition, Uuid)>,
}

/// The client's side of a session.
#[derive(Debug, Default)]
pub struct FetchSession {
    id: i32,
    epoch: i32,
    partitions: BTreeMap<TopicPartition, Wanted>,
    /// The topics of the partitions by their ids.
    names: BTreeMap<[u8; 16], ByteString>,
    /// How many partitions are of topics without an id.
    without_id: usize,
    has_topic_ids: bool,
}

impl FetchSession {
    /// The next request, after these partitions changed: what is wanted of them, or `None` for no
    /// more. It names topics by id if `can_name_ids` and all of them have one.
    pub(super) fn request(
        &mut self,
        changes: impl IntoIterator<Item = (TopicPartition, Option<Wanted>)>,
        can_name_ids: bool,
    ) -> SessionRequest {
        let mut changed = Vec::new();
        let mut forgotten = Vec::new();
        for (partition, wanted) in changes {
            let target = wanted.map(|wanted| wanted.target);
            let known = self.put(&partition, wanted).map(|known| known.target);
            // Wanted no more, or the topic was made anew under the same name.
            let is_gone = |known: &Target| {
                target.is_none_or(|new| self.has_topic_ids && new.topic_id != known.topic_id)
            };
            if let Some(known) = known.filter(is_gone) {
                forgotten.push((partition.clone(), known.topic_id));
            }
            if let Some(target) = target.filter(|target| known != Some(*target)) {
                changed.push((partition, target));
            }
        }
        let has_topic_ids = can_name_ids && self.without_id == 0;
        if self.has_topic_ids != has_topic_ids {
            // A session speaks of topics in one way only: begin another one.
            self.epoch = INITIAL_EPOCH;
        }
        self.has_topic_ids = has_topic_ids;
        if self.epoch == INITIAL_EPOCH {
            let all = self.partitions.iter();
            changed = all.map(|(partition, wanted)| (partition.clone(), wanted.target)).collect();
            forgotten.clear();
        }
        SessionRequest { session_id: self.id, session_epoch: self.epoch, changed, forgotten }
    }

    /// Whether the last request named topics by id.
    pub(super) fn has_topic_ids(&self) -> bool {
        self.has_topic_ids
    }

    /// Replaces what is wanted of a partition; returns what was.
    fn put(&mut self, partition: &TopicPartition, wanted: Option<Wanted>) -> Option<Wanted> {
        let known = match (wanted, self.partitions.get_mut(partition)) {
            (Some(wanted), Some(known)) => Some(std::mem::replace(known, wanted)),
            (Some(wanted), None) => self.partitions.insert(partition.clone(), wanted),
            (None, _) => self.partitions.remove(partition),
        };
        let id = |wanted: Wanted| wanted.target.topic_id;
        let (old, new) = (known.map(id), wanted.map(id));
        if old == new {
            return known;
        }
        if let Some(old) = old {
            self.without_id -= usize::from(old == Uuid::ZERO);
            if new.is_some() || !self.has_topic(&partition.topic) {
                self.names.remove(&old.0);
            }
        }
        if let Some(new) = new {
            self.without_id += usize::from(new == Uuid::ZERO);
            self.names.insert(new.0, partition.topic.clone());
        }
        known
    }

    /// What the last request asked of a partition.
    pub(super) fn asked(&self, partition: &TopicPartition) -> Option<&Asked> {
        self.partitions.get(partition).map(|wanted| &wanted.asked)
    }

    fn has_topic(&self, name: &ByteString) -> bool {
        let first = TopicPartition { topic: name.clone(), partition: i32::MIN };
        self.partitions.range(first..).next().is_some_and(|(known, _)| known.topic == *name)
    }

    /// The topic that an answer means, by name or by id.
    pub(super) fn topic<'a>(&'a self, name: &'a ByteString, id: Uuid) -> Option<&'a ByteString> {
        let found = if self.has_topic_ids { self.names.get(&id.0) } else { Some(name) }?;
        self.has_topic(found).then_some(found)
    }

    /// Applies the head of an answer; `false` when its partitions are not to be used.
    pub(super) fn handle_response(&mut self, code: ErrorCode, session_id: i32) -> bool {
        match code {
            ErrorCode::NONE => {
                if session_id == 0 {
                    // The broker keeps no session, or has evicted it.
                    self.id = 0;
                    self.epoch = INITIAL_EPOCH;
                } else if self.epoch == INITIAL_EPOCH || session_id == self.id {
                    self.id = session_id;
                    self.epoch = if self.epoch == i32::MAX { 1 } else { self.epoch + 1 };
                } else {
                    self.handle_failure();
                    return false;
                }
                true
            }
            ErrorCode::FETCH_SESSION_ID_NOT_FOUND => {
                self.id = 0;
                self.epoch = INITIAL_EPOCH;
                false
            }
            _ => {
                self.handle_failure();
                false
            }
        }
    }

    /// No answer came, or one that the session cannot go on after: the next request is a full one,
    /// which also replaces the broker's session.
    pub(super) fn handle_failure(&mut self) {
        self.epoch = INITIAL_EPOCH;
    }

    /// Forgets the session, for a broker that knows none.
    pub(super) fn forget(&mut self) {
        self.id = 0;
        self.epoch = INITIAL_EPOCH;
    }

    /// The request that ends the session at the broker, if there is one.
    pub(super) fn close(&mut self) -> Option<SessionRequest> {
        let id = std::mem::take(&mut self.id);
        self.epoch = INITIAL_EPOCH;
        (id != 0).then(|| SessionRequest {
            session_id: id,
            session_epoch: FINAL_EPOCH,
            changed: Vec::new(),
            forgotten: Vec::new(),
        })
    }
}
