//! SyncGroup and Heartbeat: handing out the leader's assignment and keeping members alive.

use std::time::Instant;

use bytes::Bytes;
use milena_wire::{ByteString, ErrorCode};

use super::coordinator::{GroupCoordinator, GroupReply, ReplyId};
use super::state::{Group, GroupState};

/// A sync request.
#[derive(Debug, Clone)]
pub(crate) struct SyncInput {
    pub group_id: ByteString,
    pub generation_id: i32,
    pub member_id: ByteString,
    pub group_instance_id: Option<ByteString>,
    pub protocol_type: Option<ByteString>,
    pub protocol: Option<ByteString>,
    /// By member id; sent by the leader alone.
    pub assignments: Vec<(ByteString, Bytes)>,
}

/// The answer to a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyncReply {
    pub error: ErrorCode,
    pub protocol_type: Option<ByteString>,
    pub protocol: Option<ByteString>,
    pub assignment: Bytes,
}

impl SyncReply {
    pub(crate) fn error(error: ErrorCode) -> Self {
        Self { error, protocol_type: None, protocol: None, assignment: Bytes::new() }
    }
}

impl GroupCoordinator {
    /// Takes a sync; the reply comes out of `poll_reply`, at once or when the leader has synced.
    pub(crate) fn handle_sync(&mut self, input: &SyncInput, reply: ReplyId, now: Instant) {
        if let Err(error) = self.try_sync(input, reply, now) {
            self.reply_sync(reply, SyncReply::error(error));
        }
    }

    fn try_sync(
        &mut self,
        input: &SyncInput,
        reply: ReplyId,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        if input.group_id.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID);
        }
        let group = self.groups.get_mut(&input.group_id).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        group.check_member(
            &input.member_id,
            input.group_instance_id.as_deref(),
            input.generation_id,
        )?;
        let differs = |given: &Option<ByteString>, known: &Option<ByteString>| {
            given.is_some() && given != known
        };
        if differs(&input.protocol_type, &group.protocol_type)
            || differs(&input.protocol, &group.protocol)
        {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        match group.state {
            GroupState::Empty | GroupState::Dead => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            GroupState::PreparingRebalance => Err(ErrorCode::REBALANCE_IN_PROGRESS),
            GroupState::Stable => {
                let synced = group.synced(&input.member_id, now);
                self.reply_sync(reply, synced);
                Ok(())
            }
            GroupState::CompletingRebalance => {
                self.sync_in_rebalance(input, reply, now);
                Ok(())
            }
        }
    }

    fn sync_in_rebalance(&mut self, input: &SyncInput, reply: ReplyId, now: Instant) {
        let Some(group) = self.groups.get_mut(&input.group_id) else { return };
        let is_leader = group.is_leader(&input.member_id);
        if let Some(member) = group.members.get_mut(&input.member_id) {
            member.has_synced = true;
            if let Some(old) = member.awaiting_sync.replace(reply) {
                let error = SyncReply::error(ErrorCode::REBALANCE_IN_PROGRESS);
                self.replies.push_back((old, GroupReply::Sync(error)));
            }
        }
        if !is_leader {
            return;
        }
        for member in group.members.values_mut() {
            let given = input.assignments.iter().find(|(id, _)| *id == member.member_id);
            member.assignment = given.map(|(_, assignment)| assignment.clone()).unwrap_or_default();
        }
        group.state = GroupState::Stable;
        let waiting: Vec<_> = group
            .members
            .values_mut()
            .filter_map(|member| Some((member.awaiting_sync.take()?, member.member_id.clone())))
            .collect();
        for (reply, member_id) in waiting {
            let synced = group.synced(&member_id, now);
            self.replies.push_back((reply, GroupReply::Sync(synced)));
        }
    }

    /// Takes a heartbeat and answers it.
    pub(crate) fn handle_heartbeat(
        &mut self,
        group_id: &str,
        member_id: &str,
        instance: Option<&str>,
        generation_id: i32,
        now: Instant,
    ) -> ErrorCode {
        if group_id.is_empty() {
            return ErrorCode::INVALID_GROUP_ID;
        }
        let Some(group) = self.groups.get_mut(group_id) else {
            return ErrorCode::UNKNOWN_MEMBER_ID;
        };
        if let Err(error) = group.check_member(member_id, instance, generation_id) {
            return error;
        }
        let state = group.state;
        match state {
            GroupState::Empty | GroupState::Dead => ErrorCode::UNKNOWN_MEMBER_ID,
            GroupState::PreparingRebalance
            | GroupState::CompletingRebalance
            | GroupState::Stable => {
                if let Some(member) = group.members.get_mut(member_id) {
                    member.heard(now);
                }
                if state == GroupState::PreparingRebalance {
                    ErrorCode::REBALANCE_IN_PROGRESS
                } else {
                    ErrorCode::NONE
                }
            }
        }
    }
}

impl Group {
    pub(super) fn check_member(
        &self,
        member_id: &str,
        instance: Option<&str>,
        generation_id: i32,
    ) -> Result<(), ErrorCode> {
        self.check_identity(member_id, instance)?;
        if generation_id == self.generation_id {
            Ok(())
        } else {
            Err(ErrorCode::ILLEGAL_GENERATION)
        }
    }

    fn synced(&mut self, member_id: &str, now: Instant) -> SyncReply {
        let (protocol_type, protocol) = (self.protocol_type.clone(), self.protocol.clone());
        let Some(member) = self.members.get_mut(member_id) else {
            return SyncReply::error(ErrorCode::UNKNOWN_MEMBER_ID);
        };
        member.has_synced = true;
        member.heard(now);
        SyncReply {
            error: ErrorCode::NONE,
            protocol_type,
            protocol,
            assignment: member.assignment.clone(),
        }
    }
}
