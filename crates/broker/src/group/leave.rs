//! LeaveGroup: members that go by themselves, one or several in a request.

use std::time::Instant;

use milena_wire::{ByteString, ErrorCode};

use super::coordinator::{GroupCoordinator, GroupReply};
use super::join::JoinReply;
use super::member::Member;
use super::sync::SyncReply;

/// Who leaves: by member id, or by instance id alone (KIP-345).
#[derive(Debug, Clone)]
pub(crate) struct LeavingMember {
    pub member_id: ByteString,
    pub group_instance_id: Option<ByteString>,
}

impl GroupCoordinator {
    /// Removes members; one error code for each, in order.
    pub(crate) fn handle_leave(
        &mut self,
        group_id: &str,
        leaving: &[LeavingMember],
        now: Instant,
    ) -> Vec<ErrorCode> {
        let mut removed = false;
        let mut codes = Vec::with_capacity(leaving.len());
        for member in leaving {
            let code = self.leave_one(group_id, member);
            removed |= code == ErrorCode::NONE;
            codes.push(code);
        }
        if removed {
            self.member_removed(group_id, now);
        }
        codes
    }

    fn leave_one(&mut self, group_id: &str, leaving: &LeavingMember) -> ErrorCode {
        let Some(group) = self.groups.get_mut(group_id) else {
            return ErrorCode::UNKNOWN_MEMBER_ID;
        };
        let member_id = match &leaving.group_instance_id {
            Some(instance) => match group.static_members.get(instance) {
                None => return ErrorCode::UNKNOWN_MEMBER_ID,
                Some(known) if !leaving.member_id.is_empty() && *known != leaving.member_id => {
                    return ErrorCode::FENCED_INSTANCE_ID;
                }
                Some(known) => known.clone(),
            },
            None => leaving.member_id.clone(),
        };
        if group.pending_members.remove(&member_id).is_some() {
            return ErrorCode::NONE;
        }
        let Some(member) = group.remove(&member_id) else { return ErrorCode::UNKNOWN_MEMBER_ID };
        self.dismiss(member);
        ErrorCode::NONE
    }

    /// Answers what a removed member still waits for.
    pub(super) fn dismiss(&mut self, member: Member) {
        if let Some(reply) = member.awaiting_join {
            let error = JoinReply::error(ErrorCode::UNKNOWN_MEMBER_ID, member.member_id);
            self.replies.push_back((reply, GroupReply::Join(error)));
        }
        if let Some(reply) = member.awaiting_sync {
            let error = SyncReply::error(ErrorCode::UNKNOWN_MEMBER_ID);
            self.replies.push_back((reply, GroupReply::Sync(error)));
        }
    }
}
