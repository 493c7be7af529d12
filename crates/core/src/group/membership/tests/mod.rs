//! Conversations of one member with its coordinator, and whole groups under a virtual clock.

mod simulation;

use std::time::Duration;

use bytes::Bytes;
use milena_wire::messages::join_group_response::JoinGroupResponseMember;

use super::*;
use crate::{
    backoff::Backoff,
    fixtures,
    group::{
        assignor::{Assignor, CooperativeStickyAssignor, RangeAssignor},
        protocol,
    },
};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn config(assignor: impl Assignor + 'static) -> GroupConfig {
    GroupConfig {
        group_id: "group".into(),
        group_instance_id: None,
        session_timeout: 45 * SECOND,
        max_poll_interval: 300 * SECOND,
        heartbeat_interval: 3 * SECOND,
        request_timeout: 30 * SECOND,
        retry_backoff: Backoff::new(Duration::from_millis(100), SECOND),
        assignors: vec![Arc::new(assignor)],
        client_rack: None,
        seed: 1,
    }
}

/// A member, its clock, and the part of the coordinator.
struct Dialogue {
    member: Membership,
    now: Instant,
}

impl Dialogue {
    fn new(config: GroupConfig) -> Self {
        let now = Instant::now();
        let mut member = Membership::new(config, now);
        member.handle_metadata(fixtures::topics(&[("t", 4), ("u", 2)]));
        member.subscribe(BTreeSet::from(["t".into()]));
        member.handle_poll_start(now);
        Self { member, now }
    }

    fn wait(&mut self, duration: Duration) {
        self.now += duration;
    }

    fn next(&mut self) -> Option<(Attempt, GroupRequest)> {
        self.member.poll_request(self.now)
    }

    #[track_caller]
    fn expect(&mut self) -> (Attempt, GroupRequest) {
        self.next().expect("a request")
    }

    fn answer(&mut self, attempt: Attempt, response: GroupResponse) {
        self.member.handle_response(attempt, response, self.now);
    }

    #[track_caller]
    fn find_coordinator(&mut self, broker: i32) {
        let (attempt, request) = self.expect();
        assert_eq!(request, GroupRequest::FindCoordinator);
        self.answer(attempt, GroupResponse::Coordinator(BrokerId(broker)));
    }

    #[track_caller]
    fn expect_join(&mut self) -> (Attempt, JoinGroupRequest) {
        match self.expect() {
            (attempt, GroupRequest::Join(join)) => (attempt, join),
            other => panic!("expected JoinGroup: {other:?}"),
        }
    }

    #[track_caller]
    fn expect_sync(&mut self) -> (Attempt, SyncGroupRequest) {
        match self.expect() {
            (attempt, GroupRequest::Sync(sync)) => (attempt, sync),
            other => panic!("expected SyncGroup: {other:?}"),
        }
    }

    #[track_caller]
    fn expect_heartbeat(&mut self) -> (Attempt, HeartbeatRequest) {
        match self.expect() {
            (attempt, GroupRequest::Heartbeat(heartbeat)) => (attempt, heartbeat),
            other => panic!("expected Heartbeat: {other:?}"),
        }
    }

    /// Answers a JoinGroup as the coordinator of a group that has another leader.
    fn follow(&mut self, attempt: Attempt, generation_id: i32) {
        let name = self.member.config.assignors[0].name().to_owned();
        self.answer(
            attempt,
            GroupResponse::Join(JoinGroupResponse {
                generation_id,
                protocol_name: Some(name.into()),
                leader: "other".into(),
                member_id: "me".into(),
                ..Default::default()
            }),
        );
    }

    fn assigned(&mut self, attempt: Attempt, partitions: &[i32]) {
        let partitions: Vec<_> = partitions.iter().map(|p| TopicPartition::new("t", *p)).collect();
        let assignment = protocol::encode_assignment(&partitions).unwrap();
        self.answer(
            attempt,
            GroupResponse::Sync(SyncGroupResponse { assignment, ..Default::default() }),
        );
    }

    /// Joins generation 1 and starts with partitions.
    #[track_caller]
    fn join_with(&mut self, partitions: &[i32]) {
        self.find_coordinator(1);
        let (attempt, _) = self.expect_join();
        self.follow(attempt, 1);
        let (attempt, _) = self.expect_sync();
        self.assigned(attempt, partitions);
        self.step_done(&RebalanceStep::Assign(list(partitions)));
        assert_eq!(self.member.state(), MemberState::Stable);
    }

    #[track_caller]
    fn step_done(&mut self, expected: &RebalanceStep) {
        assert_eq!(self.member.step(), Some(expected));
        self.member.handle_step_done();
    }

    #[track_caller]
    fn heartbeat_answered(&mut self, code: ErrorCode) {
        self.wait(3 * SECOND);
        let (attempt, _) = self.expect_heartbeat();
        let error_code = code.0;
        let response = HeartbeatResponse { error_code, ..Default::default() };
        self.answer(attempt, GroupResponse::Heartbeat(response));
    }
}

fn list(partitions: &[i32]) -> Vec<TopicPartition> {
    partitions.iter().map(|p| TopicPartition::new("t", *p)).collect()
}

fn refused(code: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse { error_code: code.0, member_id: "me".into(), ..Default::default() }
}

#[test]
fn a_member_joins_with_the_id_that_it_is_given() {
    let mut d = Dialogue::new(config(RangeAssignor));
    assert_eq!(d.member.state(), MemberState::Unjoined);
    d.find_coordinator(1);
    let (attempt, join) = d.expect_join();
    assert_eq!((&*join.member_id, &*join.protocol_type), ("", "consumer"));
    assert_eq!((join.session_timeout_ms, join.rebalance_timeout_ms), (45_000, 300_000));
    d.answer(attempt, GroupResponse::Join(refused(ErrorCode::MEMBER_ID_REQUIRED)));
    let (attempt, join) = d.expect_join();
    assert_eq!(&*join.member_id, "me");
    d.follow(attempt, 1);
    assert_eq!(d.member.state(), MemberState::CompletingRebalance);
    let (attempt, sync) = d.expect_sync();
    assert_eq!((sync.generation_id, &*sync.member_id), (1, "me"));
    assert_eq!(sync.assignments, []);
    d.assigned(attempt, &[0, 2]);
    d.step_done(&RebalanceStep::Assign(list(&[0, 2])));
    assert_eq!(d.member.held(), list(&[0, 2]));
    assert_eq!(d.member.identity(), (1, "me".into()));
}

#[test]
fn the_leader_assigns_for_everybody_once_it_knows_the_topics() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.member.handle_metadata(fixtures::topics(&[("t", 4)]));
    d.find_coordinator(1);
    let (attempt, _) = d.expect_join();
    let member = |id: &str, topic: &str| JoinGroupResponseMember {
        member_id: id.into(),
        metadata: protocol::encode_subscription([topic.into()], None, &[], -1, None).unwrap(),
        ..Default::default()
    };
    let unreadable = JoinGroupResponseMember {
        member_id: "x".into(),
        metadata: Bytes::new(),
        ..Default::default()
    };
    d.answer(
        attempt,
        GroupResponse::Join(JoinGroupResponse {
            generation_id: 1,
            protocol_name: Some("range".into()),
            leader: "me".into(),
            member_id: "me".into(),
            members: vec![member("me", "t"), member("you", "t"), member("she", "u"), unreadable],
            ..Default::default()
        }),
    );
    // Topic u is not known to this member, which did not subscribe to it.
    assert_eq!(d.next(), None);
    assert!(d.member.group_topics().contains("u"));
    d.member.handle_metadata(fixtures::topics(&[("t", 4), ("u", 1)]));
    let (attempt, sync) = d.expect_sync();
    let assigned: Vec<(String, usize)> = sync
        .assignments
        .iter()
        .map(|a| {
            let partitions = protocol::decode_assignment(&a.assignment).unwrap();
            (a.member_id.to_string(), partitions.len())
        })
        .collect();
    assert_eq!(assigned, [("me".into(), 2), ("you".into(), 2), ("she".into(), 1)]);
    d.assigned(attempt, &[0, 1]);
    d.step_done(&RebalanceStep::Assign(list(&[0, 1])));
    // More partitions: only the leader looks after them.
    d.member.handle_metadata(fixtures::topics(&[("t", 5), ("u", 1)]));
    assert!(d.member.step().is_none());
    d.next();
    d.step_done(&RebalanceStep::Revoke(list(&[0, 1])));
    let (_, join) = d.expect_join();
    assert!(join.reason.unwrap().contains("metadata"));
}

#[test]
fn an_eager_member_gives_everything_up_before_it_joins_again() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.join_with(&[0, 1]);
    d.heartbeat_answered(ErrorCode::REBALANCE_IN_PROGRESS);
    assert_eq!(d.next(), None);
    assert_eq!(d.member.step(), Some(&RebalanceStep::Revoke(list(&[0, 1]))));
    // Heartbeats go on while the application finishes.
    d.heartbeat_answered(ErrorCode::REBALANCE_IN_PROGRESS);
    d.step_done(&RebalanceStep::Revoke(list(&[0, 1])));
    let (attempt, _) = d.expect_join();
    d.wait(10 * SECOND);
    assert_eq!(d.next(), None, "no heartbeat while a JoinGroup is in flight");
    d.follow(attempt, 2);
    let (attempt, _) = d.expect_sync();
    d.assigned(attempt, &[1]);
    d.step_done(&RebalanceStep::Assign(list(&[1])));
}

#[test]
fn nothing_is_revoked_while_the_application_does_not_poll() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.join_with(&[0]);
    d.member.handle_poll_end(d.now);
    d.heartbeat_answered(ErrorCode::REBALANCE_IN_PROGRESS);
    assert_eq!(d.next(), None);
    assert_eq!(d.member.step(), None);
    d.member.handle_poll_start(d.now);
    assert_eq!(d.next(), None);
    assert_eq!(d.member.step(), Some(&RebalanceStep::Revoke(list(&[0]))));
}

#[test]
fn a_cooperative_member_keeps_what_it_may_and_joins_again_after_giving_up_the_rest() {
    let mut d = Dialogue::new(config(CooperativeStickyAssignor));
    d.join_with(&[0, 1, 2]);
    d.heartbeat_answered(ErrorCode::REBALANCE_IN_PROGRESS);
    let (attempt, join) = d.expect_join();
    let subscription =
        protocol::decode_subscription("me".into(), None, &join.protocols[0].metadata).unwrap();
    assert_eq!(subscription.owned_partitions, list(&[0, 1, 2]));
    assert_eq!(subscription.generation_id, Some(1));
    d.follow(attempt, 2);
    let (attempt, _) = d.expect_sync();
    d.assigned(attempt, &[0, 1]);
    d.step_done(&RebalanceStep::Revoke(list(&[2])));
    d.step_done(&RebalanceStep::Assign(vec![]));
    let (attempt, join) = d.expect_join();
    assert!(join.reason.unwrap().contains("given up"));
    d.follow(attempt, 3);
    let (attempt, _) = d.expect_sync();
    d.assigned(attempt, &[0, 1]);
    d.step_done(&RebalanceStep::Assign(vec![]));
    assert_eq!(d.next(), None);
    assert_eq!(d.member.held(), list(&[0, 1]));
}

#[test]
fn a_member_that_is_not_known_any_more_has_lost_its_partitions() {
    for code in [ErrorCode::UNKNOWN_MEMBER_ID, ErrorCode::ILLEGAL_GENERATION] {
        let mut d = Dialogue::new(config(CooperativeStickyAssignor));
        d.join_with(&[0, 1]);
        d.heartbeat_answered(code);
        assert_eq!(d.member.identity(), (-1, "".into()));
        assert_eq!(d.next(), None);
        d.step_done(&RebalanceStep::Lose(list(&[0, 1])));
        let (_, join) = d.expect_join();
        let keeps_id = code == ErrorCode::ILLEGAL_GENERATION;
        assert_eq!(&*join.member_id, if keeps_id { "me" } else { "" });
    }
}

#[test]
fn a_fenced_instance_never_joins_again() {
    let static_config =
        GroupConfig { group_instance_id: Some("instance".into()), ..config(RangeAssignor) };
    let mut d = Dialogue::new(static_config);
    d.join_with(&[0]);
    d.heartbeat_answered(ErrorCode::FENCED_INSTANCE_ID);
    assert_eq!(d.next(), None);
    d.step_done(&RebalanceStep::Lose(list(&[0])));
    d.wait(1000 * SECOND);
    assert_eq!(d.next(), None);
    for _ in 0..2 {
        let error = d.member.take_error().unwrap();
        assert!(error.is_fatal && error.code == ErrorCode::FENCED_INSTANCE_ID);
    }
}

#[test]
fn a_lost_coordinator_is_looked_up_with_growing_pauses() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.join_with(&[0]);
    d.heartbeat_answered(ErrorCode::NOT_COORDINATOR);
    for _ in 0..3 {
        let (attempt, request) = d.expect();
        assert_eq!(request, GroupRequest::FindCoordinator);
        d.answer(attempt, GroupResponse::Failed);
        assert_eq!(d.next(), None);
        let at = d.member.poll_timeout().unwrap();
        assert!(at > d.now);
        d.now = at;
    }
    d.find_coordinator(2);
    assert_eq!(d.member.coordinator(), Some(BrokerId(2)));
    d.expect_heartbeat();
    assert_eq!(d.member.held(), list(&[0]));
}

#[test]
fn a_join_that_brings_no_answer_is_sent_again_to_a_coordinator_that_is_looked_up_anew() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.find_coordinator(1);
    let (attempt, _) = d.expect_join();
    d.answer(attempt, GroupResponse::Failed);
    d.wait(2 * SECOND);
    d.find_coordinator(2);
    let (attempt, _) = d.expect_join();
    d.answer(attempt, GroupResponse::Join(refused(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS)));
    assert_eq!(d.next(), None, "a pause comes first");
    d.wait(2 * SECOND);
    d.expect_join();
}

#[test]
fn a_rebalance_during_sync_leads_back_to_joining() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.find_coordinator(1);
    let (attempt, _) = d.expect_join();
    d.follow(attempt, 1);
    let (attempt, _) = d.expect_sync();
    let error_code = ErrorCode::REBALANCE_IN_PROGRESS.0;
    let response = SyncGroupResponse { error_code, ..Default::default() };
    d.answer(attempt, GroupResponse::Sync(response));
    let (_, join) = d.expect_join();
    assert_eq!(&*join.member_id, "me");
}

#[test]
fn a_session_without_answers_ends_the_trust_in_the_coordinator() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.join_with(&[0]);
    d.wait(3 * SECOND);
    let (stale, _) = d.expect_heartbeat();
    d.wait(50 * SECOND);
    d.find_coordinator(2);
    d.expect_heartbeat();
    // The old answer is not one to the new heartbeat.
    d.answer(
        stale,
        GroupResponse::Heartbeat(HeartbeatResponse {
            error_code: ErrorCode::UNKNOWN_MEMBER_ID.0,
            ..Default::default()
        }),
    );
    assert_eq!(d.member.held(), list(&[0]));
    assert_eq!(d.member.identity().0, 1);
}

#[test]
fn a_member_that_does_not_poll_in_time_leaves_and_comes_back_with_the_next_poll() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.join_with(&[0]);
    d.member.handle_poll_end(d.now);
    assert_eq!(d.member.poll_deadline(), Some(d.now + 300 * SECOND));
    d.wait(300 * SECOND);
    let (attempt, request) = d.expect();
    let GroupRequest::Leave(leave) = request else { panic!("expected LeaveGroup: {request:?}") };
    assert_eq!(&*leave.members[0].member_id, "me");
    d.answer(attempt, GroupResponse::Left);
    assert_eq!(d.next(), None);
    d.member.handle_poll_start(d.now);
    assert_eq!(d.next(), None);
    d.step_done(&RebalanceStep::Lose(list(&[0])));
    d.expect_join();
}

#[test]
fn waiting_inside_a_poll_is_polling() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.join_with(&[0]);
    d.wait(40 * SECOND);
    for _ in 0..100 {
        d.heartbeat_answered(ErrorCode::NONE);
    }
    d.wait(3 * SECOND);
    d.expect_heartbeat();
}

#[test]
fn a_dynamic_member_leaves_and_a_static_one_falls_silent() {
    for instance in [None, Some("instance")] {
        let mut d = Dialogue::new(GroupConfig {
            group_instance_id: instance.map(Into::into),
            ..config(RangeAssignor)
        });
        d.join_with(&[0]);
        d.member.leave("the consumer was closed");
        assert!(d.member.is_leaving());
        assert_eq!(d.next(), None);
        d.step_done(&RebalanceStep::Revoke(list(&[0])));
        if instance.is_none() {
            let (attempt, request) = d.expect();
            assert!(matches!(request, GroupRequest::Leave(_)));
            d.answer(attempt, GroupResponse::Left);
        }
        assert_eq!(d.next(), None);
        assert!(!d.member.is_leaving());
        d.wait(1000 * SECOND);
        assert_eq!(d.next(), None);
    }
}

#[test]
fn a_member_that_closes_gives_up_once_no_broker_can_be_reached() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.join_with(&[0]);
    d.member.handle_coordinator_lost(BrokerId(1));
    d.wait(SECOND);
    let (attempt, request) = d.expect();
    assert_eq!(request, GroupRequest::FindCoordinator);
    // Until it closes a member waits for its cluster to come back.
    d.answer(attempt, GroupResponse::Unreachable);
    assert!(!d.member.gives_up());
    assert_eq!(d.next(), None, "the next lookup comes after a pause");
    d.member.begin_close();
    assert!(d.member.gives_up());
    // A commit in the callback may want the coordinator once more, without the pause.
    let (attempt, request) = d.expect();
    assert_eq!(request, GroupRequest::FindCoordinator);
    d.member.leave("the consumer was closed");
    d.step_done(&RebalanceStep::Revoke(list(&[0])));
    assert!(!d.member.is_leaving() && d.member.left_untold());
    d.answer(attempt, GroupResponse::Coordinator(BrokerId(1)));
    assert_eq!(d.next(), None);
}

#[test]
fn a_member_that_closes_waits_for_a_coordinator_while_brokers_answer() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.join_with(&[0]);
    d.member.begin_close();
    d.member.handle_coordinator_lost(BrokerId(1));
    d.member.leave("the consumer was closed");
    d.step_done(&RebalanceStep::Revoke(list(&[0])));
    for answer in [GroupResponse::Failed, GroupResponse::Coordinator(BrokerId(2))] {
        assert!(d.member.is_leaving());
        d.wait(2 * SECOND);
        let (attempt, request) = d.expect();
        assert_eq!(request, GroupRequest::FindCoordinator);
        d.answer(attempt, answer);
    }
    let (attempt, request) = d.expect();
    assert!(matches!(request, GroupRequest::Leave(_)));
    // The connection breaks: whether the coordinator has heard of it is not known.
    d.answer(attempt, GroupResponse::Failed);
    assert!(!d.member.is_leaving() && d.member.left_untold());
}

#[test]
fn an_answer_to_a_join_that_was_given_up_changes_nothing() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.find_coordinator(1);
    let (stale, _) = d.expect_join();
    d.member.leave("unsubscribed");
    assert_eq!(d.next(), None);
    d.member.subscribe(BTreeSet::from(["u".into()]));
    let (attempt, _) = d.expect_join();
    d.follow(stale, 1);
    assert_eq!(d.member.state(), MemberState::PreparingRebalance);
    d.follow(attempt, 2);
    assert_eq!(d.member.identity().0, 2);
}

#[test]
fn a_changed_subscription_joins_again_and_foreign_partitions_are_not_taken() {
    let mut d = Dialogue::new(config(CooperativeStickyAssignor));
    d.join_with(&[0, 1]);
    d.member.subscribe(BTreeSet::from(["u".into()]));
    assert_eq!(d.next(), None);
    d.step_done(&RebalanceStep::Revoke(list(&[0, 1])));
    let (attempt, _) = d.expect_join();
    d.follow(attempt, 2);
    let (attempt, _) = d.expect_sync();
    d.assigned(attempt, &[3]);
    d.step_done(&RebalanceStep::Assign(vec![]));
    d.expect_join();
}

#[test]
fn errors_that_stay_are_told_and_joining_goes_on_after_a_pause() {
    let mut d = Dialogue::new(config(RangeAssignor));
    d.find_coordinator(1);
    let (attempt, _) = d.expect_join();
    d.answer(attempt, GroupResponse::Join(refused(ErrorCode::GROUP_AUTHORIZATION_FAILED)));
    let error = d.member.take_error().unwrap();
    assert_eq!((error.code, error.is_fatal), (ErrorCode::GROUP_AUTHORIZATION_FAILED, false));
    assert_eq!(d.member.take_error(), None);
    assert_eq!(d.next(), None);
    d.wait(2 * SECOND);
    d.expect_join();
}
