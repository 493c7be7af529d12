//! Getting the assignment: as the leader by making it, as any member by asking for it.

use std::time::Instant;

use milena_wire::{
    ByteString, ErrorCode,
    messages::{
        SyncGroupRequest, SyncGroupResponse, sync_group_request::SyncGroupRequestAssignment,
    },
};

use super::{Attempt, Completing, GroupRequest, Membership, State};
use crate::group::{assignor::GroupMember, protocol};

impl Membership {
    pub(super) fn sync_request(&mut self, now: Instant) -> Option<(Attempt, GroupRequest)> {
        self.assign(now);
        let State::CompletingRebalance(completing) = &mut self.state else { return None };
        let Completing::Ready(assignments) = completing else { return None };
        let assignments = std::mem::take(assignments);
        *completing = Completing::Sent;
        let attempt = self.next_attempt();
        self.in_flight = Some(attempt);
        let (generation_id, member_id) = self.identity();
        let assignor = self.generation.as_ref().map_or(0, |generation| generation.assignor);
        let request = SyncGroupRequest {
            group_id: self.config.group_id.clone(),
            generation_id,
            member_id,
            group_instance_id: self.config.group_instance_id.clone(),
            protocol_type: Some(ByteString::from_static(protocol::PROTOCOL_TYPE)),
            protocol_name: self.config.assignors.get(assignor).map(|a| a.name().into()),
            assignments: assignments
                .into_iter()
                .filter_map(|(member_id, partitions)| {
                    let assignment = protocol::encode_assignment(&partitions).ok()?;
                    Some(SyncGroupRequestAssignment { member_id, assignment, ..Default::default() })
                })
                .collect(),
            ..Default::default()
        };
        Some((attempt, GroupRequest::Sync(request)))
    }

    /// As the leader: assigns as soon as the metadata of all the group's topics is there.
    fn assign(&mut self, now: Instant) {
        let State::CompletingRebalance(Completing::Metadata { members, give_up_at }) = &self.state
        else {
            return;
        };
        let is_known = |topic: &ByteString| self.metadata.topic(topic).is_some();
        if !self.group_topics.iter().all(is_known) && now < *give_up_at {
            return;
        }
        let counts = self.partition_counts();
        let assignor = self.generation.as_ref().map_or(0, |generation| generation.assignor);
        let Some(assignor) = self.config.assignors.get(assignor) else { return };
        let assignments = assignor.assign(&counts, members);
        let ids = members.iter().map(|member: &GroupMember| member.member_id.clone());
        let assignments = ids.zip(assignments).collect();
        self.assigned_counts = Some(counts);
        self.state = State::CompletingRebalance(Completing::Ready(assignments));
    }

    pub(super) fn handle_sync(&mut self, response: &SyncGroupResponse, now: Instant) {
        match ErrorCode(response.error_code) {
            ErrorCode::NONE => self.handle_assignment(response, now),
            ErrorCode::REBALANCE_IN_PROGRESS => {
                self.state = State::PreparingRebalance;
                self.request_rejoin("another rebalance began before the assignment came");
            }
            ErrorCode::UNKNOWN_MEMBER_ID => {
                self.handle_unknown_member();
                self.restart(now);
            }
            ErrorCode::ILLEGAL_GENERATION => {
                self.reset_generation();
                self.restart(now);
            }
            ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR => {
                self.coordinator.forget();
                self.restart(now);
            }
            ErrorCode::FENCED_INSTANCE_ID => {
                self.refuse(ErrorCode::FENCED_INSTANCE_ID, "SyncGroup", true);
            }
            code if code.is_retriable() => self.restart(now),
            code => {
                self.refuse(code, "SyncGroup", false);
                self.restart(now);
            }
        }
    }

    fn handle_assignment(&mut self, response: &SyncGroupResponse, now: Instant) {
        let name = response.protocol_name.as_deref();
        let chosen = self.generation.as_ref().and_then(|g| self.config.assignors.get(g.assignor));
        let is_other = |name: &str| chosen.is_none_or(|assignor| assignor.name() != name);
        if name.is_some_and(is_other) {
            self.refuse(ErrorCode::INCONSISTENT_GROUP_PROTOCOL, "SyncGroup", false);
            return self.restart(now);
        }
        let Ok(mut assigned) = protocol::decode_assignment(&response.assignment) else {
            self.refuse(ErrorCode::INCONSISTENT_GROUP_PROTOCOL, "SyncGroup", false);
            return self.restart(now);
        };
        self.state = State::Stable;
        self.failures = 0;
        let topics = self.subscription.as_ref();
        let count = assigned.len();
        assigned.retain(|tp| topics.is_some_and(|topics| topics.contains(&tp.topic)));
        if assigned.len() < count {
            // Assigned for a subscription that has changed since: what is foreign is not taken.
            self.request_rejoin("the assignment does not match the subscription");
        }
        self.take_over(assigned);
    }
}
