//! Committed offsets of a group, also those of transactions that are not decided yet.

use std::collections::BTreeMap;
use std::time::Instant;

use milena_wire::{ByteString, ErrorCode};

use super::coordinator::GroupCoordinator;
use super::state::{Group, GroupState};

/// One committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    pub offset: i64,
    /// -1 when the client did not say.
    pub leader_epoch: i32,
    pub metadata: ByteString,
}

pub(super) type TopicPartition = (ByteString, i32);

/// A change of committed offsets, for the store on disk. `None` removes the offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OffsetChange {
    pub topic: ByteString,
    pub partition: i32,
    pub committed: Option<CommittedOffset>,
}

#[derive(Debug, Default)]
pub(super) struct Offsets {
    committed: BTreeMap<TopicPartition, CommittedOffset>,
    /// By producer id: what its open transaction will commit.
    in_transaction: BTreeMap<i64, BTreeMap<TopicPartition, CommittedOffset>>,
}

impl GroupCoordinator {
    /// Whether this member may commit now. A generation below zero comes from a client that manages
    /// its partitions itself. A commit also keeps the member alive.
    pub(crate) fn check_commit(
        &mut self,
        group_id: &str,
        member_id: &str,
        instance: Option<&str>,
        generation_id: i32,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        let Some(group) = self.groups.get_mut(group_id) else {
            return if generation_id < 0 { Ok(()) } else { Err(ErrorCode::ILLEGAL_GENERATION) };
        };
        if generation_id < 0 && member_id.is_empty() && instance.is_none() {
            return if group.members.is_empty() {
                Ok(())
            } else {
                Err(ErrorCode::UNKNOWN_MEMBER_ID)
            };
        }
        group.check_member(member_id, instance, generation_id)?;
        if group.state == GroupState::CompletingRebalance {
            return Err(ErrorCode::REBALANCE_IN_PROGRESS);
        }
        if let Some(member) = group.members.get_mut(member_id) {
            member.heard(now);
        }
        Ok(())
    }

    /// Whether this member may commit in a transaction (KIP-447). Old clients send no member at all.
    pub(crate) fn check_transactional_commit(
        &self,
        group_id: &str,
        member_id: &str,
        instance: Option<&str>,
        generation_id: i32,
    ) -> Result<(), ErrorCode> {
        if generation_id < 0 && member_id.is_empty() {
            return Ok(());
        }
        let group = self.groups.get(group_id).ok_or(ErrorCode::ILLEGAL_GENERATION)?;
        group.check_member(member_id, instance, generation_id)
    }

    pub(crate) fn commit(
        &mut self,
        group_id: &str,
        topic: ByteString,
        partition: i32,
        committed: CommittedOffset,
    ) {
        self.offsets_mut(group_id).committed.insert((topic, partition), committed);
    }

    /// Keeps an offset until the transaction of `producer_id` ends.
    pub(crate) fn commit_in_transaction(
        &mut self,
        group_id: &str,
        producer_id: i64,
        (topic, partition): (ByteString, i32),
        committed: CommittedOffset,
    ) {
        let pending = self.offsets_mut(group_id).in_transaction.entry(producer_id).or_default();
        pending.insert((topic, partition), committed);
    }

    /// Ends a transaction for a group's offsets and reports what is committed by that.
    pub(crate) fn end_transaction(
        &mut self,
        group_id: &str,
        producer_id: i64,
        commits: bool,
    ) -> Vec<OffsetChange> {
        let Some(group) = self.groups.get_mut(group_id) else { return Vec::new() };
        let Some(pending) = group.offsets.in_transaction.remove(&producer_id) else {
            return Vec::new();
        };
        if !commits {
            return Vec::new();
        }
        let mut changes = Vec::with_capacity(pending.len());
        for (key, committed) in pending {
            let (topic, partition) = key.clone();
            changes.push(OffsetChange { topic, partition, committed: Some(committed.clone()) });
            group.offsets.committed.insert(key, committed);
        }
        changes
    }

    /// Every committed offset of a group, in the order of topics and partitions.
    pub(crate) fn committed(&self, group_id: &str) -> Vec<(TopicPartition, CommittedOffset)> {
        let Some(group) = self.groups.get(group_id) else { return Vec::new() };
        group.offsets.committed.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    pub(crate) fn committed_offset(
        &self,
        group_id: &str,
        topic: &ByteString,
        partition: i32,
    ) -> Option<CommittedOffset> {
        self.groups.get(group_id)?.offsets.committed.get(&(topic.clone(), partition)).cloned()
    }

    /// Whether an open transaction will change this offset.
    pub(crate) fn is_unstable(&self, group_id: &str, topic: &ByteString, partition: i32) -> bool {
        let key = (topic.clone(), partition);
        self.groups.get(group_id).is_some_and(|group| {
            group.offsets.in_transaction.values().any(|pending| pending.contains_key(&key))
        })
    }

    /// OffsetDelete: only for topics that no member of a running group can be reading.
    pub(crate) fn delete_offset(
        &mut self,
        group_id: &str,
        topic: &ByteString,
        partition: i32,
        subscribed: &dyn Fn(&[u8], &str) -> bool,
    ) -> Result<(), ErrorCode> {
        let group = self.groups.get_mut(group_id).ok_or(ErrorCode::GROUP_ID_NOT_FOUND)?;
        let protocol = group.protocol.clone().unwrap_or_default();
        if group.members.values().any(|member| subscribed(&member.metadata(&protocol), topic)) {
            return Err(ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC);
        }
        group.offsets.committed.remove(&(topic.clone(), partition));
        Ok(())
    }

    /// A topic was deleted: its offsets go too.
    pub(crate) fn forget_topic(&mut self, topic: &str) -> Vec<(ByteString, OffsetChange)> {
        let mut changes = Vec::new();
        for (group_id, group) in &mut self.groups {
            let keys: Vec<_> =
                group.offsets.committed.keys().filter(|(name, _)| name == topic).cloned().collect();
            for key in keys {
                group.offsets.committed.remove(&key);
                let (topic, partition) = key;
                changes
                    .push((group_id.clone(), OffsetChange { topic, partition, committed: None }));
            }
        }
        changes
    }

    fn offsets_mut(&mut self, group_id: &str) -> &mut Offsets {
        &mut self.groups.entry(ByteString::from(group_id)).or_insert_with(Group::new).offsets
    }
}
