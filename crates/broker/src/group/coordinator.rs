//! All groups, the replies that wait to be sent, and questions about groups.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use milena_wire::{ByteString, ErrorCode};

use super::join::JoinReply;
use super::settings::GroupSettings;
use super::state::{Group, GroupState, MemberView};
use super::sync::SyncReply;

/// Names one request that waits for its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReplyId(pub u64);

/// The answer to a join or a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GroupReply {
    Join(JoinReply),
    Sync(SyncReply),
}

/// A group as ListGroups and DescribeGroups show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupSummary {
    pub group_id: ByteString,
    pub state: GroupState,
    pub protocol_type: ByteString,
    pub protocol: ByteString,
    pub members: Vec<MemberView>,
}

/// The machine. See the module's head.
#[derive(Debug)]
pub(crate) struct GroupCoordinator {
    pub(super) settings: GroupSettings,
    pub(super) groups: BTreeMap<ByteString, Group>,
    pub(super) replies: VecDeque<(ReplyId, GroupReply)>,
}

impl GroupCoordinator {
    pub(crate) fn new(settings: GroupSettings) -> Self {
        Self { settings, groups: BTreeMap::new(), replies: VecDeque::new() }
    }

    /// The next finished join or sync.
    pub(crate) fn poll_reply(&mut self) -> Option<(ReplyId, GroupReply)> {
        self.replies.pop_front()
    }

    /// When `handle_timeout` has to be called next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.groups.values().filter_map(Group::next_deadline).min()
    }

    pub(crate) fn list(&self) -> Vec<GroupSummary> {
        self.groups.iter().map(|(group_id, group)| summary(group_id, group, Vec::new())).collect()
    }

    pub(crate) fn describe(&self, group_id: &str) -> Option<GroupSummary> {
        let (id, group) = self.groups.get_key_value(group_id)?;
        Some(summary(id, group, group.views()))
    }

    /// Removes an empty group with its offsets.
    pub(crate) fn delete(&mut self, group_id: &str) -> ErrorCode {
        let Some(group) = self.groups.get(group_id) else { return ErrorCode::GROUP_ID_NOT_FOUND };
        if group.state != GroupState::Empty || !group.pending_members.is_empty() {
            return ErrorCode::NON_EMPTY_GROUP;
        }
        self.groups.remove(group_id);
        ErrorCode::NONE
    }

    /// Answers everything that waits in a group with an error, because its coordinator moved away.
    pub(crate) fn unload(&mut self, group_id: &str, error: ErrorCode) {
        let Some(group) = self.groups.get_mut(group_id) else { return };
        for member in group.members.values_mut() {
            if let Some(reply) = member.awaiting_join.take() {
                let joined = JoinReply::error(error, member.member_id.clone());
                self.replies.push_back((reply, GroupReply::Join(joined)));
            }
            if let Some(reply) = member.awaiting_sync.take() {
                self.replies.push_back((reply, GroupReply::Sync(SyncReply::error(error))));
            }
        }
    }

    pub(crate) fn group_ids(&self) -> Vec<ByteString> {
        self.groups.keys().cloned().collect()
    }

    pub(super) fn reply_join(&mut self, reply: ReplyId, joined: JoinReply) {
        self.replies.push_back((reply, GroupReply::Join(joined)));
    }

    pub(super) fn reply_sync(&mut self, reply: ReplyId, synced: SyncReply) {
        self.replies.push_back((reply, GroupReply::Sync(synced)));
    }
}

fn summary(group_id: &ByteString, group: &Group, members: Vec<MemberView>) -> GroupSummary {
    let protocol = if group.state == GroupState::Stable { group.protocol.clone() } else { None };
    GroupSummary {
        group_id: group_id.clone(),
        state: group.state,
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        protocol: protocol.unwrap_or_default(),
        members,
    }
}
