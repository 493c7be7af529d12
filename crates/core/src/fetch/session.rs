//! A fetch session with one broker: after a full request only changes are sent.
//!
//! Invariants:
//! 1. After an answered request the broker and this session agree on the partitions and their
//!    offsets; after any doubt the next request is a full one.
//! 2. An answer names partitions of the session only; others are not passed on.
//!
//! Spec: KIP-227#sessions, KIP-516#fetch: topic ids from version 13 on.

use std::collections::BTreeMap;

use milena_wire::{ByteString, ErrorCode, Uuid};

use crate::TopicPartition;

/// The epoch of a request that begins a session.
const INITIAL_EPOCH: i32 = 0;
/// The epoch of a request without a session, and of the one that ends it.
const FINAL_EPOCH: i32 = -1;

/// What is asked of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) topic_id: Uuid,
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
    pub(super) bytes_max: i32,
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
    partitions: BTreeMap<TopicPartition, Target>,
    names: BTreeMap<[u8; 16], ByteString>,
    has_topic_ids: bool,
}

impl FetchSession {
    /// The next request for exactly the `wanted` partitions. `has_topic_ids` says whether it
    /// names topics by id.
    pub(super) fn request(
        &mut self,
        wanted: BTreeMap<TopicPartition, Target>,
        has_topic_ids: bool,
    ) -> SessionRequest {
        if self.has_topic_ids != has_topic_ids {
            // A session speaks of topics in one way only: begin another one.
            self.epoch = INITIAL_EPOCH;
        }
        self.has_topic_ids = has_topic_ids;
        let is_full = self.epoch == INITIAL_EPOCH;
        let mut changed = Vec::new();
        let mut forgotten = Vec::new();
        for (partition, target) in &wanted {
            let known = self.partitions.get(partition).filter(|_| !is_full);
            if known != Some(target) {
                changed.push((partition.clone(), target.clone()));
            }
            if let Some(known) = known.filter(|k| has_topic_ids && k.topic_id != target.topic_id) {
                // The topic was made anew under the same name.
                forgotten.push((partition.clone(), known.topic_id));
            }
        }
        if !is_full {
            let gone =
                self.partitions.iter().filter(|(partition, _)| !wanted.contains_key(partition));
            forgotten.extend(gone.map(|(partition, target)| (partition.clone(), target.topic_id)));
        }
        self.names = wanted.iter().map(|(p, t)| (t.topic_id.0, p.topic.clone())).collect();
        self.partitions = wanted;
        SessionRequest { session_id: self.id, session_epoch: self.epoch, changed, forgotten }
    }

    /// The topic that an answer means, by name or by id.
    pub(super) fn topic(&self, name: &ByteString, id: Uuid) -> Option<&ByteString> {
        let found = if self.has_topic_ids { self.names.get(&id.0) } else { Some(name) }?;
        let first = TopicPartition { topic: found.clone(), partition: 0 };
        let (known, _) = self.partitions.range(first..).next()?;
        (known.topic == *found).then_some(&known.topic)
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
