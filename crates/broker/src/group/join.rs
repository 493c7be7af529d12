//! JoinGroup: who may enter, who enters again, and who has to start a rebalance.

use std::time::{Duration, Instant};

use bytes::Bytes;
use milena_wire::{ByteString, ErrorCode};

use super::coordinator::{GroupCoordinator, ReplyId};
use super::member::{Member, Protocols};
use super::state::{Group, GroupState};
use super::sync::SyncReply;

/// A join request.
#[derive(Debug, Clone)]
pub(crate) struct JoinInput {
    pub group_id: ByteString,
    pub member_id: ByteString,
    pub group_instance_id: Option<ByteString>,
    pub client_id: ByteString,
    pub client_host: ByteString,
    pub session_timeout: Duration,
    pub rebalance_timeout: Duration,
    pub protocol_type: ByteString,
    pub protocols: Protocols,
    /// JoinGroup 4 and higher: a new dynamic member is sent back once to learn its id (KIP-394).
    pub requires_known_member_id: bool,
    /// JoinGroup 9 and higher: a restarted static leader is told to skip its assignment (KIP-814).
    pub supports_skipping_assignment: bool,
    /// Makes a new member id unique.
    pub unique: u128,
}

/// A member as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinedMember {
    pub member_id: ByteString,
    pub group_instance_id: Option<ByteString>,
    pub metadata: Bytes,
}

/// The answer to a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinReply {
    pub error: ErrorCode,
    pub generation_id: i32,
    pub protocol_type: Option<ByteString>,
    pub protocol: Option<ByteString>,
    pub leader: ByteString,
    pub skip_assignment: bool,
    pub member_id: ByteString,
    /// Filled for the leader alone.
    pub members: Vec<JoinedMember>,
}

impl JoinReply {
    pub(crate) fn error(error: ErrorCode, member_id: ByteString) -> Self {
        Self {
            error,
            generation_id: -1,
            protocol_type: None,
            protocol: None,
            leader: ByteString::new(),
            skip_assignment: false,
            member_id,
            members: Vec::new(),
        }
    }
}

impl GroupCoordinator {
    /// Takes a join; the reply comes out of `poll_reply`, at once or when the rebalance is through.
    pub(crate) fn handle_join(&mut self, input: JoinInput, reply: ReplyId, now: Instant) {
        if let Err(error) = self.try_join(&input, reply, now) {
            let member_id = error.member_id.unwrap_or(input.member_id);
            self.reply_join(reply, JoinReply::error(error.code, member_id));
        }
    }

    fn try_join(&mut self, input: &JoinInput, reply: ReplyId, now: Instant) -> Result<(), Refused> {
        if input.group_id.is_empty() {
            return Err(ErrorCode::INVALID_GROUP_ID.into());
        }
        let sessions = self.settings.min_session_timeout..=self.settings.max_session_timeout;
        if !sessions.contains(&input.session_timeout) {
            return Err(ErrorCode::INVALID_SESSION_TIMEOUT.into());
        }
        if input.protocols.is_empty() || input.protocol_type.is_empty() {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL.into());
        }
        if !self.groups.contains_key(&input.group_id) {
            if !input.member_id.is_empty() {
                return Err(ErrorCode::UNKNOWN_MEMBER_ID.into());
            }
            self.groups.insert(input.group_id.clone(), Group::new());
        }
        let size_max = self.settings.max_size;
        let Some(group) = self.groups.get_mut(&input.group_id) else {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE.into());
        };
        let except = (!input.member_id.is_empty()).then_some(&*input.member_id);
        if !group.supports(&input.protocol_type, &input.protocols, except) {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL.into());
        }
        if group.members.len() >= size_max && !group.members.contains_key(&input.member_id) {
            return Err(ErrorCode::GROUP_MAX_SIZE_REACHED.into());
        }
        if input.member_id.is_empty() {
            self.join_new(input, reply, now)
        } else {
            self.join_known(input, reply, now)
        }
    }

    fn join_new(&mut self, input: &JoinInput, reply: ReplyId, now: Instant) -> Result<(), Refused> {
        let Some(group) = self.groups.get_mut(&input.group_id) else { return Ok(()) };
        let prefix = input.group_instance_id.as_ref().unwrap_or(&input.client_id);
        let member_id = ByteString::from(format!("{prefix}-{:032x}", input.unique));
        let known =
            input.group_instance_id.as_ref().and_then(|id| group.static_members.get(id)).cloned();
        if let Some(old_id) = known {
            self.replace_static(input, &old_id, member_id, reply, now);
            return Ok(());
        }
        if input.group_instance_id.is_none() && input.requires_known_member_id {
            group.pending_members.insert(member_id.clone(), now + input.session_timeout);
            return Err(Refused {
                code: ErrorCode::MEMBER_ID_REQUIRED,
                member_id: Some(member_id),
            });
        }
        self.add_and_rebalance(input, member_id, reply, now);
        Ok(())
    }

    fn join_known(
        &mut self,
        input: &JoinInput,
        reply: ReplyId,
        now: Instant,
    ) -> Result<(), Refused> {
        let Some(group) = self.groups.get_mut(&input.group_id) else { return Ok(()) };
        if group.pending_members.remove(&input.member_id).is_some() {
            self.add_and_rebalance(input, input.member_id.clone(), reply, now);
            return Ok(());
        }
        group.check_identity(&input.member_id, input.group_instance_id.as_deref())?;
        let is_leader = group.is_leader(&input.member_id);
        let Some(member) = group.members.get_mut(&input.member_id) else {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID.into());
        };
        // The client gave up on an earlier request; its connection is gone or will drop the reply.
        let is_same = member.protocols == input.protocols;
        let repeats = match group.state {
            GroupState::CompletingRebalance => is_same,
            GroupState::Stable => is_same && !is_leader,
            GroupState::PreparingRebalance => false,
            GroupState::Empty | GroupState::Dead => return Err(ErrorCode::UNKNOWN_MEMBER_ID.into()),
        };
        if repeats {
            member.heard(now);
            let joined = group.joined(&input.member_id, false);
            self.reply_join(reply, joined);
            return Ok(());
        }
        let superseded = member.awaiting_join.replace(reply);
        member.protocols.clone_from(&input.protocols);
        member.rebalance_timeout = input.rebalance_timeout;
        member.session_timeout = input.session_timeout;
        if let Some(old) = superseded {
            let error = JoinReply::error(ErrorCode::REBALANCE_IN_PROGRESS, input.member_id.clone());
            self.reply_join(old, error);
        }
        self.prepare_rebalance(&input.group_id, now);
        Ok(())
    }

    fn add_and_rebalance(
        &mut self,
        input: &JoinInput,
        member_id: ByteString,
        reply: ReplyId,
        now: Instant,
    ) {
        let Some(group) = self.groups.get_mut(&input.group_id) else { return };
        if group.members.is_empty() {
            group.protocol_type = Some(input.protocol_type.clone());
        }
        group.add(Member {
            member_id,
            group_instance_id: input.group_instance_id.clone(),
            client_id: input.client_id.clone(),
            client_host: input.client_host.clone(),
            session_timeout: input.session_timeout,
            rebalance_timeout: input.rebalance_timeout,
            protocols: input.protocols.clone(),
            assignment: Bytes::new(),
            awaiting_join: Some(reply),
            awaiting_sync: None,
            has_synced: false,
            session_deadline: now + input.session_timeout,
        });
        group.note_member_added();
        self.prepare_rebalance(&input.group_id, now);
    }

    /// A static member came back under its instance id (KIP-345): it takes over the place of its old self.
    fn replace_static(
        &mut self,
        input: &JoinInput,
        old_id: &str,
        member_id: ByteString,
        reply: ReplyId,
        now: Instant,
    ) {
        let Some(group) = self.groups.get_mut(&input.group_id) else { return };
        let was_leader = group.is_leader(old_id);
        let Some(mut member) = group.remove(old_id) else { return };
        let (old_join, old_sync) = (member.awaiting_join.take(), member.awaiting_sync.take());
        let is_same = member.protocols == input.protocols;
        let selected_before = group.protocol.clone();
        member.member_id = member_id.clone();
        member.protocols.clone_from(&input.protocols);
        member.rebalance_timeout = input.rebalance_timeout;
        member.session_timeout = input.session_timeout;
        member.client_id = input.client_id.clone();
        member.client_host = input.client_host.clone();
        member.heard(now);
        group.add(member);
        if was_leader {
            group.leader = Some(member_id.clone());
        }
        let keeps_protocol = group.select_protocol() == selected_before;
        let stays = group.state == GroupState::Stable && is_same && keeps_protocol;
        if let Some(old) = old_join {
            self.reply_join(
                old,
                JoinReply::error(ErrorCode::FENCED_INSTANCE_ID, ByteString::from(old_id)),
            );
        }
        if let Some(old) = old_sync {
            self.reply_sync(old, SyncReply::error(ErrorCode::FENCED_INSTANCE_ID));
        }
        let Some(group) = self.groups.get_mut(&input.group_id) else { return };
        if stays {
            // The group goes on; a leader of an old client must not assign again, so it is not told.
            let skips = was_leader && input.supports_skipping_assignment;
            let mut joined = group.joined(&member_id, skips);
            if was_leader && !input.supports_skipping_assignment {
                joined.leader = ByteString::from(old_id);
                joined.members.clear();
            }
            self.reply_join(reply, joined);
            return;
        }
        if let Some(member) = group.members.get_mut(&member_id) {
            member.awaiting_join = Some(reply);
        }
        self.prepare_rebalance(&input.group_id, now);
    }
}

/// An error for the joiner, with the member id to tell it.
pub(super) struct Refused {
    code: ErrorCode,
    member_id: Option<ByteString>,
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        Self { code, member_id: None }
    }
}

impl Group {
    /// Whether a member is who it says it is.
    pub(super) fn check_identity(
        &self,
        member_id: &str,
        instance: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            return match self.static_members.get(instance) {
                None => Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(known) if known != member_id => Err(ErrorCode::FENCED_INSTANCE_ID),
                Some(_) => Ok(()),
            };
        }
        if self.members.contains_key(member_id) {
            Ok(())
        } else {
            Err(ErrorCode::UNKNOWN_MEMBER_ID)
        }
    }

    /// The join reply of the current generation.
    pub(super) fn joined(&self, member_id: &str, skip_assignment: bool) -> JoinReply {
        let protocol = self.protocol.clone().unwrap_or_default();
        let as_leader = |member: &Member| JoinedMember {
            member_id: member.member_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            metadata: member.metadata(&protocol),
        };
        let members = if self.is_leader(member_id) {
            self.members_in_order().map(as_leader).collect()
        } else {
            Vec::new()
        };
        JoinReply {
            error: ErrorCode::NONE,
            generation_id: self.generation_id,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment,
            member_id: ByteString::from(member_id),
            members,
        }
    }
}
