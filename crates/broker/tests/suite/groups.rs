//! Groups and committed offsets.

use std::time::Duration;

use bytes::Bytes;
use milena_broker::Broker;
use milena_wire::messages::join_group_request::JoinGroupRequestProtocol;
use milena_wire::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use milena_wire::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use milena_wire::messages::sync_group_request::SyncGroupRequestAssignment;
use milena_wire::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, HeartbeatRequest,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest,
    OffsetFetchRequest, SyncGroupRequest,
};
use milena_wire::{ByteString, ErrorCode};

use crate::raw::{Client, code};

fn join(member_id: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        member_id: member_id.into(),
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: Bytes::from_static(&[0, 0, 0, 0, 0, 1, 0, 1, b't', 0xff, 0xff, 0xff, 0xff]),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Joins as a new member with the detour over the member id.
async fn enter(client: &mut Client) -> JoinGroupResponse {
    let sent_back = client.ask(9, &join("")).await;
    assert_eq!(code(sent_back.error_code), ErrorCode::MEMBER_ID_REQUIRED);
    client.ask(9, &join(&sent_back.member_id)).await
}

fn sync(joined: &JoinGroupResponse, assignments: &[(&str, &'static [u8])]) -> SyncGroupRequest {
    let assignment = |(member, bytes): &(&str, &'static [u8])| SyncGroupRequestAssignment {
        member_id: ByteString::from(*member),
        assignment: Bytes::from_static(bytes),
        ..Default::default()
    };
    SyncGroupRequest {
        group_id: "g".into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: assignments.iter().map(assignment).collect(),
        ..Default::default()
    }
}

fn heartbeat(joined: &JoinGroupResponse) -> HeartbeatRequest {
    HeartbeatRequest {
        group_id: "g".into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        ..Default::default()
    }
}

fn commit(member: Option<&JoinGroupResponse>, offset: i64) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: member.map_or(-1, |joined| joined.generation_id),
        member_id: member.map(|joined| joined.member_id.clone()).unwrap_or_default(),
        topics: vec![OffsetCommitRequestTopic {
            name: "t".into(),
            partitions: vec![OffsetCommitRequestPartition {
                committed_offset: offset,
                committed_metadata: Some("note".into()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[tokio::test]
async fn two_members_share_a_group_until_one_leaves() {
    let broker = Broker::builder().topic("t", 2).start().await.unwrap();
    let mut first = Client::connect(&broker).await;
    let mut second = Client::connect(&broker).await;
    let alone = enter(&mut first).await;
    assert_eq!((alone.generation_id, alone.members.len()), (1, 1));
    let synced = first.ask(5, &sync(&alone, &[(&alone.member_id, b"all")])).await;
    assert_eq!(synced.assignment, "all");

    let entering = tokio::spawn(async move {
        let joined = enter(&mut second).await;
        let synced = second.ask(5, &sync(&joined, &[])).await;
        (second, joined, synced)
    });
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while code(first.ask(4, &heartbeat(&alone)).await.error_code)
        != ErrorCode::REBALANCE_IN_PROGRESS
    {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    let leader = first.ask(9, &join(&alone.member_id)).await;
    assert_eq!((leader.generation_id, leader.members.len()), (2, 2));
    let other = leader.members.iter().find(|member| member.member_id != leader.member_id).unwrap();
    first.ask(5, &sync(&leader, &[(&leader.member_id, b"one"), (&other.member_id, b"two")])).await;
    let (mut second, follower, synced) = entering.await.unwrap();
    assert_eq!((follower.generation_id, synced.assignment), (2, Bytes::from_static(b"two")));

    let described = first
        .ask(5, &DescribeGroupsRequest { groups: vec!["g".into()], ..Default::default() })
        .await;
    assert_eq!(
        (&*described.groups[0].group_state, described.groups[0].members.len()),
        ("Stable", 2)
    );
    let leave = LeaveGroupRequest {
        group_id: "g".into(),
        member_id: follower.member_id.clone(),
        ..Default::default()
    };
    assert_eq!(code(second.ask(2, &leave).await.error_code), ErrorCode::NONE);
    let beat = first.ask(4, &heartbeat(&leader)).await;
    assert_eq!(code(beat.error_code), ErrorCode::REBALANCE_IN_PROGRESS);
}

#[tokio::test]
async fn committed_offsets_come_back_in_every_shape() {
    let broker = Broker::builder().topic("t", 2).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let committed = client.ask(8, &commit(None, 7)).await;
    assert_eq!(code(committed.topics[0].partitions[0].error_code), ErrorCode::NONE);

    let topics = vec![milena_wire::messages::offset_fetch_request::OffsetFetchRequestTopic {
        name: "t".into(),
        partition_indexes: [0, 1].into_iter().collect(),
        ..Default::default()
    }];
    for version in 1..=7 {
        let request = OffsetFetchRequest {
            group_id: "g".into(),
            topics: Some(topics.clone()),
            ..Default::default()
        };
        let fetched = client.ask(version, &request).await;
        let offsets: Vec<_> =
            fetched.topics[0].partitions.iter().map(|one| one.committed_offset).collect();
        assert_eq!(offsets, [7, -1], "version {version}");
    }
    let group =
        OffsetFetchRequestGroup { group_id: "g".into(), topics: None, ..Default::default() };
    let asked = OffsetFetchRequestTopics {
        name: "t".into(),
        partition_indexes: [1].into_iter().collect(),
        ..Default::default()
    };
    let named = OffsetFetchRequestGroup { topics: Some(vec![asked]), ..group.clone() };
    for version in 8..=9 {
        let request =
            OffsetFetchRequest { groups: vec![group.clone(), named.clone()], ..Default::default() };
        let fetched = client.ask(version, &request).await;
        let all = &fetched.groups[0].topics[0].partitions;
        assert_eq!(
            (all.len(), all[0].committed_offset, all[0].metadata.as_deref()),
            (1, 7, Some("note"))
        );
        assert_eq!(fetched.groups[1].topics[0].partitions[0].committed_offset, -1);
    }
}

#[tokio::test]
async fn commits_of_a_member_need_its_generation() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let joined = enter(&mut client).await;
    client.ask(5, &sync(&joined, &[(&joined.member_id, b"all")])).await;
    for (request, expected) in [
        (commit(Some(&joined), 3), ErrorCode::NONE),
        (
            commit(Some(&JoinGroupResponse { generation_id: 9, ..joined.clone() }), 4),
            ErrorCode::ILLEGAL_GENERATION,
        ),
        (commit(None, 4), ErrorCode::UNKNOWN_MEMBER_ID),
    ] {
        let committed = client.ask(9, &request).await;
        assert_eq!(code(committed.topics[0].partitions[0].error_code), expected);
    }
}

#[tokio::test]
async fn groups_are_found_listed_and_deleted() {
    let broker = Broker::builder().topic("t", 1).nodes(3).start().await.unwrap();
    let mut any = Client::connect(&broker).await;
    let find = FindCoordinatorRequest { coordinator_keys: vec!["g".into()], ..Default::default() };
    let found = any.ask(6, &find).await.coordinators.remove(0);
    assert_eq!(Some(found.node_id), broker.group_coordinator("g"));
    let mut coordinator = Client::connect_to(&format!("{}:{}", found.host, found.port)).await;
    coordinator.ask(8, &commit(None, 1)).await;
    let listed = coordinator.ask(4, &ListGroupsRequest::default()).await;
    assert_eq!((&*listed.groups[0].group_id, &*listed.groups[0].group_state), ("g", "Empty"));
    let other = broker.node_ids().into_iter().find(|&node| node != found.node_id).unwrap();
    let mut other = Client::connect_node(&broker, usize::try_from(other - 1).unwrap()).await;
    let refused = other.ask(8, &commit(None, 1)).await;
    assert_eq!(code(refused.topics[0].partitions[0].error_code), ErrorCode::NOT_COORDINATOR);
    let delete =
        DeleteGroupsRequest { groups_names: vec!["g".into(), "none".into()], ..Default::default() };
    let deleted = coordinator.ask(2, &delete).await;
    let codes: Vec<_> = deleted.results.iter().map(|result| code(result.error_code)).collect();
    assert_eq!(codes, [ErrorCode::NONE, ErrorCode::GROUP_ID_NOT_FOUND]);
}
