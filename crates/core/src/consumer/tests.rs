//! Commits and positions, step by step.

use std::time::{Duration, Instant};

use milena_wire::{
    ErrorCode,
    messages::{
        OffsetCommitRequest, OffsetCommitResponse,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
    },
};

use super::*;
use crate::{TopicPartition, backoff::Backoff, fixtures};

const SECOND: Duration = Duration::from_secs(1);

fn tp(partition: i32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

fn offsets(entries: &[(i32, i64)]) -> Offsets {
    entries.iter().map(|(p, offset)| (tp(*p), Position::new(*offset).into())).collect()
}

fn commits(auto_interval: Option<Duration>) -> Commits {
    Commits::new(Backoff::new(Duration::from_millis(100), SECOND), 1, auto_interval)
}

fn answer(entries: &[(i32, ErrorCode)]) -> OffsetCommitResponse {
    let partitions = entries.iter().map(|(partition_index, code)| OffsetCommitResponsePartition {
        partition_index: *partition_index,
        error_code: code.0,
        ..Default::default()
    });
    let topic = OffsetCommitResponseTopic {
        name: "t".into(),
        partitions: partitions.collect(),
        ..Default::default()
    };
    OffsetCommitResponse { topics: vec![topic], ..Default::default() }
}

#[test]
fn commits_that_are_given_up_have_failed_and_later_ones_go_on() {
    let (mut commits, now) = (commits(None), Instant::now());
    let first = commits.commit(offsets(&[(0, 1)]), now + SECOND);
    assert!(commits.poll(now, true).is_some());
    let second = commits.commit(offsets(&[(0, 2)]), now + SECOND);
    commits.give_up();
    assert_eq!(commits.take_done(), [(second, Err(CommitError::Unreachable))]);
    assert!(!commits.is_idle(), "what is in flight may be answered");
    commits.handle_response(&answer(&[(0, ErrorCode::NONE)]), now);
    assert_eq!(commits.take_done(), [(first, Ok(()))]);
    commits.commit(offsets(&[(0, 3)]), now + SECOND);
    assert!(commits.poll(now, true).is_some());
}

#[test]
fn commits_that_wait_go_out_together_and_later_offsets_win() {
    let (mut commits, now) = (commits(None), Instant::now());
    let first = commits.commit(offsets(&[(0, 1)]), now + SECOND);
    assert_eq!(commits.poll(now, false), None, "there is no coordinator");
    assert_eq!(commits.poll(now, true), Some(offsets(&[(0, 1)])));
    let second = commits.commit(offsets(&[(0, 2), (1, 7)]), now + SECOND);
    let third = commits.commit(offsets(&[(0, 3)]), now + SECOND);
    assert_eq!(commits.poll(now, true), None, "one is in flight");
    commits.handle_response(&answer(&[(0, ErrorCode::NONE)]), now);
    assert_eq!(commits.take_done(), [(first, Ok(()))]);
    assert_eq!(commits.poll(now, true), Some(offsets(&[(0, 3), (1, 7)])));
    let refused = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    commits.handle_response(&answer(&[(0, ErrorCode::NONE), (1, refused)]), now);
    let error = CommitError::Broker(refused, tp(1));
    assert_eq!(commits.take_done(), [(second, Err(error)), (third, Ok(()))]);
    assert!(commits.is_idle());
}

#[test]
fn a_commit_is_repeated_until_its_deadline_behind_nothing_older() {
    let (mut commits, mut now) = (commits(None), Instant::now());
    let first = commits.commit(offsets(&[(0, 1)]), now + SECOND);
    commits.poll(now, true).unwrap();
    assert!(commits.handle_failure(now).lost_coordinator);
    let second = commits.commit(offsets(&[(0, 2)]), now + 10 * SECOND);
    assert_eq!(commits.poll(now, true), None, "a pause comes first");
    now = commits.poll_timeout().unwrap();
    assert_eq!(commits.poll(now, true), Some(offsets(&[(0, 2)])));
    now += 2 * SECOND;
    let outcome = commits.handle_response(&answer(&[(0, ErrorCode::NOT_COORDINATOR)]), now);
    assert!(outcome.lost_coordinator);
    let timeout = CommitError::Timeout(Some(ErrorCode::NOT_COORDINATOR));
    assert_eq!(commits.take_done(), [(first, Err(timeout))]);
    now += 2 * SECOND;
    assert_eq!(commits.poll(now, true), Some(offsets(&[(0, 2)])));
    commits.handle_response(&answer(&[(0, ErrorCode::NONE)]), now);
    assert_eq!(commits.take_done(), [(second, Ok(()))]);
}

#[test]
fn an_answer_that_concerns_the_membership_is_passed_on() {
    for code in [ErrorCode::ILLEGAL_GENERATION, ErrorCode::REBALANCE_IN_PROGRESS] {
        let (mut commits, now) = (commits(None), Instant::now());
        commits.commit(offsets(&[(0, 1)]), now + SECOND);
        commits.poll(now, true).unwrap();
        let outcome = commits.handle_response(&answer(&[(0, code)]), now);
        assert_eq!(outcome.member_error, Some(code));
        assert!(matches!(&commits.take_done()[..], [(_, Err(CommitError::Broker(..)))]));
    }
}

#[test]
fn an_empty_commit_succeeds_in_its_turn_without_a_request() {
    let (mut commits, now) = (commits(None), Instant::now());
    let id = commits.commit(Offsets::new(), now + SECOND);
    assert_eq!(commits.poll(now, true), None);
    assert_eq!(commits.take_done(), [(id, Ok(()))]);
}

#[test]
fn automatic_commits_are_due_once_an_interval() {
    let (mut commits, now) = (commits(Some(5 * SECOND)), Instant::now());
    assert!(!commits.take_auto_commit(now), "the first interval begins");
    assert!(!commits.take_auto_commit(now + 4 * SECOND));
    assert!(commits.take_auto_commit(now + 5 * SECOND));
    assert!(!commits.take_auto_commit(now + 6 * SECOND));
}

#[test]
fn a_commit_names_the_member_and_its_offsets() {
    let mut wanted = offsets(&[(0, 1), (2, 3)]);
    if let Some(offset) = wanted.get_mut(&tp(2)) {
        offset.metadata = "note".to_owned();
        offset.leader_epoch = Some(4);
    }
    let group = "group".into();
    let request: OffsetCommitRequest = Commits::request(&wanted, &group, None, (5, "me".into()));
    assert_eq!((request.generation_id_or_member_epoch, &*request.member_id), (5, "me"));
    let partitions = &request.topics[0].partitions;
    assert_eq!(partitions[0].committed_leader_epoch, -1);
    assert_eq!((partitions[1].partition_index, partitions[1].committed_offset), (2, 3));
    assert_eq!(partitions[1].committed_leader_epoch, 4);
    assert_eq!(partitions[1].committed_metadata.as_deref(), Some("note"));
}

fn positioned(
    offset: i64,
    leader_epoch: Option<i32>,
    reset: Option<OffsetSpec>,
) -> SubscriptionState {
    let mut subscription = SubscriptionState::new(reset, false);
    subscription.assign([tp(0)]);
    subscription.handle_metadata(&fixtures::cluster(&[("t", &[(0, 1)])]));
    subscription.seek(&tp(0), Position { offset, leader_epoch }).unwrap();
    subscription
}

#[test]
fn only_what_the_application_came_back_for_is_processed() {
    let mut subscription = positioned(5, None, None);
    assert_eq!(subscription.processed()[&tp(0)].offset, 5);
    let epoch = subscription.get(&tp(0)).unwrap().epoch;
    subscription.hand_out(&tp(0), epoch, Position::new(9));
    assert_eq!(subscription.position(&tp(0)), Ok(Some(Position::new(9))));
    assert_eq!(subscription.processed()[&tp(0)].offset, 5);
    subscription.handle_returned();
    assert_eq!(subscription.processed()[&tp(0)].offset, 9);
    subscription.seek(&tp(0), Position::new(2)).unwrap();
    assert_eq!(subscription.processed()[&tp(0)].offset, 2);
}

#[test]
fn a_new_leader_is_asked_whether_it_has_the_position() {
    let mut subscription = positioned(5, Some(1), None);
    let epoch = |subscription: &SubscriptionState| subscription.get(&tp(0)).unwrap().epoch;
    let at = epoch(&subscription);
    subscription.handle_epoch_end(&tp(0), at, Some(Position { offset: 5, leader_epoch: Some(1) }));
    assert_eq!(subscription.get(&tp(0)).unwrap().phase, Phase::Fetching);
    subscription.handle_metadata(&fixtures::cluster(&[("t", &[(2, 2)])]));
    assert_eq!(subscription.get(&tp(0)).unwrap().phase, Phase::Validating);
    let end = Position { offset: 3, leader_epoch: Some(1) };
    let at = epoch(&subscription);
    subscription.handle_epoch_end(&tp(0), at, Some(end));
    let position = Position { offset: 5, leader_epoch: Some(1) };
    let stuck = Stuck::Truncated { position, divergence: Some(end) };
    assert_eq!(subscription.stuck(), Some((&tp(0), stuck)));
}

#[test]
fn a_policy_steps_back_to_where_the_logs_agree() {
    let mut subscription = positioned(5, Some(1), Some(OffsetSpec::Latest));
    let end = Position { offset: 3, leader_epoch: Some(1) };
    let epoch = subscription.get(&tp(0)).unwrap().epoch;
    subscription.handle_epoch_end(&tp(0), epoch, Some(end));
    assert_eq!(subscription.position(&tp(0)), Ok(Some(end)));
    assert_eq!(subscription.processed()[&tp(0)], end);
}

#[test]
fn an_older_snapshot_does_not_bring_an_old_leader_back() {
    let mut subscription = positioned(5, None, None);
    subscription.handle_metadata(&fixtures::cluster(&[("t", &[(2, 5)])]));
    subscription.handle_metadata(&fixtures::cluster(&[("t", &[(0, 4)])]));
    let leader = subscription.get(&tp(0)).unwrap().leader.unwrap();
    assert_eq!((leader.id.0, leader.epoch), (2, Some(5)));
}
