//! Joining: what JoinGroup carries, and what its answer means.

use std::time::{Duration, Instant};

use milena_wire::{
    ByteString, ErrorCode,
    messages::{JoinGroupRequest, JoinGroupResponse, join_group_request::JoinGroupRequestProtocol},
};

use super::{Attempt, Completing, Generation, GroupRequest, Membership, State};
use crate::group::{
    assignor::{GroupMember, Owned, RebalanceProtocol},
    protocol,
};

impl Membership {
    pub(super) fn join_request(&mut self) -> (Attempt, GroupRequest) {
        let attempt = self.next_attempt();
        self.in_flight = Some(attempt);
        self.heartbeats.stop();
        let topics = self.subscription.clone().unwrap_or_default();
        let generation_id = self.generation.as_ref().map_or(-1, |generation| generation.id);
        let remembered =
            Owned { partitions: &self.remembered, generation_id: self.remembered_generation };
        // An eager member has given everything up; only the user data remembers.
        let kept = match self.protocol() {
            RebalanceProtocol::Eager => &[][..],
            RebalanceProtocol::Cooperative => &self.held,
        };
        let protocols = self
            .config
            .assignors
            .iter()
            .filter_map(|assignor| {
                let metadata = protocol::encode_subscription(
                    topics.iter().cloned(),
                    assignor.user_data(remembered),
                    kept,
                    generation_id,
                    self.config.client_rack.clone(),
                );
                Some(JoinGroupRequestProtocol {
                    name: assignor.name().into(),
                    // A name that is too long for the protocol cannot be in metadata either.
                    metadata: metadata.ok()?,
                    ..Default::default()
                })
            })
            .collect();
        let request = JoinGroupRequest {
            group_id: self.config.group_id.clone(),
            session_timeout_ms: millis(self.config.session_timeout),
            rebalance_timeout_ms: millis(self.config.max_poll_interval),
            member_id: self.member_id.clone(),
            group_instance_id: self.config.group_instance_id.clone(),
            protocol_type: ByteString::from_static(protocol::PROTOCOL_TYPE),
            protocols,
            reason: self.rejoin_reason.map(ByteString::from_static),
            ..Default::default()
        };
        self.joined_subscription = topics;
        self.rejoin_reason = None;
        (attempt, GroupRequest::Join(request))
    }

    pub(super) fn handle_join(&mut self, response: JoinGroupResponse, now: Instant) {
        match ErrorCode(response.error_code) {
            ErrorCode::NONE => self.handle_joined(response, now),
            ErrorCode::MEMBER_ID_REQUIRED => self.member_id = copied(&response.member_id),
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
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS | ErrorCode::REBALANCE_IN_PROGRESS => {
                self.restart(now);
            }
            ErrorCode::FENCED_INSTANCE_ID => {
                self.refuse(ErrorCode::FENCED_INSTANCE_ID, "JoinGroup", true);
            }
            code => {
                self.refuse(code, "JoinGroup", false);
                self.restart(now);
            }
        }
    }

    fn handle_joined(&mut self, response: JoinGroupResponse, now: Instant) {
        let chosen = response.protocol_name.as_deref().unwrap_or_default();
        let Some(assignor) =
            self.config.assignors.iter().position(|assignor| assignor.name() == chosen)
        else {
            self.refuse(ErrorCode::INCONSISTENT_GROUP_PROTOCOL, "JoinGroup", false);
            return self.restart(now);
        };
        self.failures = 0;
        self.retry_at = None;
        self.member_id = copied(&response.member_id);
        self.generation = Some(Generation { id: response.generation_id, assignor });
        self.heartbeats.start(now, now + self.config.heartbeat_interval);
        self.assigned_counts = None;
        self.group_topics.clear();
        let completing = if response.leader == response.member_id {
            self.lead(response, now)
        } else {
            Completing::Ready(Vec::new())
        };
        self.state = State::CompletingRebalance(completing);
    }

    fn lead(&mut self, response: JoinGroupResponse, now: Instant) -> Completing {
        let members: Vec<GroupMember> = response
            .members
            .into_iter()
            .filter_map(|member| {
                let id = copied(&member.member_id);
                let instance = member.group_instance_id.as_deref().map(ByteString::from);
                // A member whose subscription cannot be read gets nothing: it is no consumer.
                protocol::decode_subscription(id, instance, &member.metadata).ok()
            })
            .collect();
        self.group_topics = members.iter().flat_map(|member| &member.topics).map(copied).collect();
        if response.skip_assignment {
            // Spec: KIP-814#skip-assignment: the coordinator keeps the old assignment; a leader still
            // watches the metadata.
            self.assigned_counts = Some(self.partition_counts());
            return Completing::Ready(Vec::new());
        }
        Completing::Metadata { members, give_up_at: now + self.config.request_timeout }
    }
}

/// A string of its own: the frame that it came in need not stay alive for it.
fn copied(string: &ByteString) -> ByteString {
    ByteString::from(&**string)
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
