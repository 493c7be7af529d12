//! JoinGroup, SyncGroup, Heartbeat and LeaveGroup: translation between messages and the machine.

use std::time::{Duration, Instant};

use milena_wire::messages::join_group_response::JoinGroupResponseMember;
use milena_wire::messages::leave_group_response::MemberResponse;
use milena_wire::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use milena_wire::{ByteString, ErrorCode};

use super::{Api, Reply};
use crate::cluster::{CoordinatorKind, random_u128};
use crate::connection::Call;
use crate::group::{JoinInput, JoinReply, JoinedMember, LeavingMember, SyncInput};

/// Members without an id are sent back to get one from this version on (KIP-394).
const KNOWN_MEMBER_VERSION: i16 = 4;
/// The response may carry a null protocol from this version on.
const NULL_PROTOCOL_VERSION: i16 = 7;
/// A restarted static leader is told to skip its assignment from this version on (KIP-814).
const SKIP_ASSIGNMENT_VERSION: i16 = 9;
/// The rebalance timeout is a field of its own from this version on (KIP-62).
const REBALANCE_TIMEOUT_VERSION: i16 = 1;
/// Several members leave at once from this version on (KIP-345).
const LEAVE_BATCH_VERSION: i16 = 3;

impl Call<'_> {
    /// Whether this node coordinates the group.
    pub(crate) fn check_group(&self, group_id: &str) -> Result<(), ErrorCode> {
        if self.cluster().is_coordinator(CoordinatorKind::Group, group_id, self.peer.node_id) {
            Ok(())
        } else {
            Err(ErrorCode::NOT_COORDINATOR)
        }
    }
}

fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

impl Api for JoinGroupRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<JoinGroupResponse> {
        if let Err(code) = call.check_group(&self.group_id) {
            return Reply::Response(self.refused(call, code));
        }
        let rebalance_timeout_ms = if call.version >= REBALANCE_TIMEOUT_VERSION {
            self.rebalance_timeout_ms
        } else {
            self.session_timeout_ms
        };
        let input = JoinInput {
            group_id: self.group_id,
            member_id: self.member_id,
            group_instance_id: self.group_instance_id,
            client_id: call.client_id.clone().unwrap_or_default(),
            client_host: call.peer.host.clone(),
            session_timeout: millis(self.session_timeout_ms),
            rebalance_timeout: millis(rebalance_timeout_ms),
            protocol_type: self.protocol_type,
            protocols: self
                .protocols
                .into_iter()
                .map(|protocol| (protocol.name, protocol.metadata))
                .collect(),
            requires_known_member_id: call.version >= KNOWN_MEMBER_VERSION,
            supports_skipping_assignment: call.version >= SKIP_ASSIGNMENT_VERSION,
            unique: random_u128(),
        };
        match call.cluster().groups.join(input).await {
            Some(joined) => Reply::Response(respond(call, joined)),
            None => Reply::Close,
        }
    }

    fn refused(&self, call: &Call<'_>, code: ErrorCode) -> JoinGroupResponse {
        respond(call, JoinReply::error(code, self.member_id.clone()))
    }

    fn throttle(response: &mut JoinGroupResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn respond(call: &Call<'_>, joined: JoinReply) -> JoinGroupResponse {
    let member = |member: JoinedMember| JoinGroupResponseMember {
        member_id: member.member_id,
        group_instance_id: member.group_instance_id,
        metadata: member.metadata,
        ..Default::default()
    };
    let has_null = call.version >= NULL_PROTOCOL_VERSION;
    JoinGroupResponse {
        error_code: joined.error.0,
        generation_id: joined.generation_id,
        protocol_type: joined.protocol_type,
        protocol_name: if has_null {
            joined.protocol
        } else {
            Some(joined.protocol.unwrap_or_default())
        },
        leader: joined.leader,
        skip_assignment: joined.skip_assignment,
        member_id: joined.member_id,
        members: joined.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

impl Api for SyncGroupRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<SyncGroupResponse> {
        if let Err(code) = call.check_group(&self.group_id) {
            return Reply::Response(self.refused(call, code));
        }
        let assignments =
            self.assignments.into_iter().map(|given| (given.member_id, given.assignment)).collect();
        let input = SyncInput {
            group_id: self.group_id,
            generation_id: self.generation_id,
            member_id: self.member_id,
            group_instance_id: self.group_instance_id,
            protocol_type: self.protocol_type,
            protocol: self.protocol_name,
            assignments,
        };
        match call.cluster().groups.sync(input).await {
            Some(synced) => Reply::Response(SyncGroupResponse {
                error_code: synced.error.0,
                protocol_type: synced.protocol_type,
                protocol_name: synced.protocol,
                assignment: synced.assignment,
                ..Default::default()
            }),
            None => Reply::Close,
        }
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> SyncGroupResponse {
        SyncGroupResponse { error_code: code.0, ..Default::default() }
    }

    fn throttle(response: &mut SyncGroupResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

impl Api for HeartbeatRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<HeartbeatResponse> {
        let code = match call.check_group(&self.group_id) {
            Err(code) => code,
            Ok(()) => call.cluster().groups.with(|groups| {
                let instance = self.group_instance_id.as_deref();
                groups.handle_heartbeat(
                    &self.group_id,
                    &self.member_id,
                    instance,
                    self.generation_id,
                    Instant::now(),
                )
            }),
        };
        Reply::Response(self.refused(call, code))
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> HeartbeatResponse {
        HeartbeatResponse { error_code: code.0, ..Default::default() }
    }

    fn throttle(response: &mut HeartbeatResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

impl Api for LeaveGroupRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<LeaveGroupResponse> {
        if let Err(code) = call.check_group(&self.group_id) {
            return Reply::Response(self.refused(call, code));
        }
        let is_batch = call.version >= LEAVE_BATCH_VERSION;
        let leaving: Vec<LeavingMember> = if is_batch {
            let named = self.members.iter();
            named
                .map(|member| leaving(&member.member_id, member.group_instance_id.clone()))
                .collect()
        } else {
            vec![leaving(&self.member_id, None)]
        };
        let codes = call
            .cluster()
            .groups
            .with(|groups| groups.handle_leave(&self.group_id, &leaving, Instant::now()));
        if !is_batch {
            let code = codes.first().copied().unwrap_or(ErrorCode::UNKNOWN_MEMBER_ID);
            return Reply::Response(self.refused(call, code));
        }
        let member = |(member, code): (LeavingMember, ErrorCode)| MemberResponse {
            member_id: member.member_id,
            group_instance_id: member.group_instance_id,
            error_code: code.0,
            ..Default::default()
        };
        let members = leaving.into_iter().zip(codes).map(member).collect();
        Reply::Response(LeaveGroupResponse { members, ..Default::default() })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> LeaveGroupResponse {
        LeaveGroupResponse { error_code: code.0, ..Default::default() }
    }

    fn throttle(response: &mut LeaveGroupResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn leaving(member_id: &ByteString, group_instance_id: Option<ByteString>) -> LeavingMember {
    LeavingMember { member_id: member_id.clone(), group_instance_id }
}
