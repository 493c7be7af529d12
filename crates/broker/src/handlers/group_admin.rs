//! ListGroups, DescribeGroups and DeleteGroups.

use milena_wire::messages::delete_groups_response::DeletableGroupResult;
use milena_wire::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use milena_wire::messages::list_groups_response::ListedGroup;
use milena_wire::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    ListGroupsRequest, ListGroupsResponse,
};
use milena_wire::{ByteString, ErrorCode};

use super::cluster::GROUP_OPERATIONS;
use super::{Api, Reply};
use crate::connection::Call;
use crate::group::{GroupState, GroupSummary, MemberView};

const CLASSIC: &str = "classic";
/// A group that does not exist is an error from this version on (KIP-1043).
const NOT_FOUND_VERSION: i16 = 6;
/// Authorized operations are told from this version on.
const OPERATIONS_VERSION: i16 = 3;

impl Api for ListGroupsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<ListGroupsResponse> {
        let is_wanted = |group: &GroupSummary| {
            let named = |filter: &[ByteString], value: &str| {
                filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
            };
            named(&self.states_filter, group.state.name())
                && named(&self.types_filter, CLASSIC)
                && call.check_group(&group.group_id).is_ok()
        };
        let listed = |group: GroupSummary| ListedGroup {
            group_id: group.group_id,
            protocol_type: group.protocol_type,
            group_state: ByteString::from_static(group.state.name()),
            group_type: ByteString::from_static(CLASSIC),
            ..Default::default()
        };
        let groups = call.cluster().groups.with(|groups| groups.list());
        let groups = groups.into_iter().filter(is_wanted).map(listed).collect();
        Reply::Response(ListGroupsResponse { groups, ..Default::default() })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> ListGroupsResponse {
        ListGroupsResponse { error_code: code.0, ..Default::default() }
    }

    fn throttle(response: &mut ListGroupsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

impl Api for DescribeGroupsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<DescribeGroupsResponse> {
        let with_operations =
            self.include_authorized_operations && call.version >= OPERATIONS_VERSION;
        let describe = |group_id: &ByteString| {
            if let Err(code) = call.check_group(group_id) {
                return missing(group_id, code);
            }
            let mut group = match call.cluster().groups.with(|groups| groups.describe(group_id)) {
                Some(summary) => described(summary),
                None => not_found(call, group_id),
            };
            if with_operations {
                group.authorized_operations = GROUP_OPERATIONS;
            }
            group
        };
        let groups = self.groups.iter().map(describe).collect();
        Reply::Response(DescribeGroupsResponse { groups, ..Default::default() })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> DescribeGroupsResponse {
        let groups = self.groups.iter().map(|group_id| missing(group_id, code)).collect();
        DescribeGroupsResponse { groups, ..Default::default() }
    }

    fn throttle(response: &mut DescribeGroupsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn missing(group_id: &ByteString, code: ErrorCode) -> DescribedGroup {
    DescribedGroup { group_id: group_id.clone(), error_code: code.0, ..Default::default() }
}

fn not_found(call: &Call<'_>, group_id: &ByteString) -> DescribedGroup {
    let mut group = missing(group_id, ErrorCode::NONE);
    group.group_state = ByteString::from_static(GroupState::Dead.name());
    if call.version >= NOT_FOUND_VERSION {
        group.error_code = ErrorCode::GROUP_ID_NOT_FOUND.0;
        group.error_message = Some(ByteString::from(format!("Group {group_id} not found.")));
    }
    group
}

fn described(summary: GroupSummary) -> DescribedGroup {
    let member = |member: MemberView| DescribedGroupMember {
        member_id: member.member_id,
        group_instance_id: member.group_instance_id,
        client_id: member.client_id,
        client_host: member.client_host,
        member_metadata: member.metadata,
        member_assignment: member.assignment,
        ..Default::default()
    };
    DescribedGroup {
        group_id: summary.group_id,
        group_state: ByteString::from_static(summary.state.name()),
        protocol_type: summary.protocol_type,
        protocol_data: summary.protocol,
        members: summary.members.into_iter().map(member).collect(),
        ..Default::default()
    }
}

impl Api for DeleteGroupsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<DeleteGroupsResponse> {
        let delete = |group_id: &ByteString| {
            let code = match call.check_group(group_id) {
                Ok(()) => call.cluster().groups.with(|groups| groups.delete(group_id)),
                Err(code) => code,
            };
            if !code.is_error() {
                call.cluster().journal(|journal| journal.group_deleted(group_id));
            }
            deleted(group_id, code)
        };
        Reply::Response(DeleteGroupsResponse {
            results: self.groups_names.iter().map(delete).collect(),
            ..Default::default()
        })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> DeleteGroupsResponse {
        let results = self.groups_names.iter().map(|group_id| deleted(group_id, code)).collect();
        DeleteGroupsResponse { results, ..Default::default() }
    }

    fn throttle(response: &mut DeleteGroupsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn deleted(group_id: &ByteString, code: ErrorCode) -> DeletableGroupResult {
    DeletableGroupResult { group_id: group_id.clone(), error_code: code.0, ..Default::default() }
}
