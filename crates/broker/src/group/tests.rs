//! Scripts for the group coordinator under a virtual clock.

use std::time::{Duration, Instant};

use bytes::Bytes;
use milena_wire::{ByteString, ErrorCode};

use super::*;

const SESSION: Duration = Duration::from_secs(10);
const REBALANCE: Duration = Duration::from_secs(30);

/// A coordinator, a clock that only moves when it is told to, and what was answered.
struct Script {
    machine: GroupCoordinator,
    now: Instant,
    next: u64,
    replies: Vec<(ReplyId, GroupReply)>,
}

impl Script {
    fn new() -> Self {
        Self::with(GroupSettings::default())
    }

    fn with(settings: GroupSettings) -> Self {
        Self {
            machine: GroupCoordinator::new(settings),
            now: Instant::now(),
            next: 0,
            replies: Vec::new(),
        }
    }

    fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.machine.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.machine.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn join_as(&mut self, member: &str, change: impl FnOnce(&mut JoinInput)) -> ReplyId {
        self.next += 1;
        let mut input = JoinInput {
            group_id: "g".into(),
            member_id: member.into(),
            group_instance_id: None,
            client_id: "client".into(),
            client_host: "/127.0.0.1".into(),
            session_timeout: SESSION,
            rebalance_timeout: REBALANCE,
            protocol_type: "consumer".into(),
            protocols: vec![("range".into(), Bytes::from_static(b"meta"))],
            requires_known_member_id: false,
            supports_skipping_assignment: true,
            unique: u128::from(self.next),
        };
        change(&mut input);
        let reply = ReplyId(self.next);
        self.machine.handle_join(input, reply, self.now);
        reply
    }

    fn join(&mut self, member: &str) -> ReplyId {
        self.join_as(member, |_| {})
    }

    fn sync(
        &mut self,
        member: &str,
        generation_id: i32,
        assignments: &[(&str, &'static str)],
    ) -> ReplyId {
        self.next += 1;
        let input = SyncInput {
            group_id: "g".into(),
            generation_id,
            member_id: member.into(),
            group_instance_id: None,
            protocol_type: None,
            protocol: None,
            assignments: assignments
                .iter()
                .map(|(member, bytes)| {
                    (ByteString::from(*member), Bytes::from_static(bytes.as_bytes()))
                })
                .collect(),
        };
        let reply = ReplyId(self.next);
        self.machine.handle_sync(&input, reply, self.now);
        reply
    }

    fn heartbeat(&mut self, member: &str, generation_id: i32) -> ErrorCode {
        self.machine.handle_heartbeat("g", member, None, generation_id, self.now)
    }

    fn leave(&mut self, member: &str) -> ErrorCode {
        let leaving = [LeavingMember { member_id: member.into(), group_instance_id: None }];
        self.machine.handle_leave("g", &leaving, self.now)[0]
    }

    fn take(&mut self, reply: ReplyId) -> Option<GroupReply> {
        while let Some(answered) = self.machine.poll_reply() {
            self.replies.push(answered);
        }
        let position = self.replies.iter().position(|(id, _)| *id == reply)?;
        Some(self.replies.remove(position).1)
    }

    fn joined(&mut self, reply: ReplyId) -> JoinReply {
        match self.take(reply) {
            Some(GroupReply::Join(joined)) => joined,
            other => panic!("no join reply: {other:?}"),
        }
    }

    fn synced(&mut self, reply: ReplyId) -> SyncReply {
        match self.take(reply) {
            Some(GroupReply::Sync(synced)) => synced,
            other => panic!("no sync reply: {other:?}"),
        }
    }

    fn state(&self) -> GroupState {
        self.machine.describe("g").unwrap().state
    }

    /// One member alone in a stable group; its id.
    fn one_stable_member(&mut self) -> String {
        let join = self.join("");
        let member = self.joined(join).member_id.to_string();
        let sync = self.sync(&member, 1, &[(&member, "all")]);
        assert_eq!(self.synced(sync).assignment, "all");
        assert_eq!(self.state(), GroupState::Stable);
        member
    }

    /// Two members in a stable group of generation 2, the leader first.
    fn two_stable_members(&mut self) -> (String, String) {
        let first = self.one_stable_member();
        let second_join = self.join("");
        let first_join = self.join(&first);
        let second = self.joined(second_join).member_id.to_string();
        assert_eq!(self.joined(first_join).generation_id, 2);
        let second_sync = self.sync(&second, 2, &[]);
        let first_sync = self.sync(&first, 2, &[(&first, "a"), (&second, "b")]);
        assert_eq!(self.synced(first_sync).assignment, "a");
        assert_eq!(self.synced(second_sync).assignment, "b");
        (first, second)
    }
}

#[test]
fn a_new_member_is_sent_back_once_to_learn_its_id() {
    let mut script = Script::new();
    let first = script.join_as("", |input| input.requires_known_member_id = true);
    let refused = script.joined(first);
    assert_eq!(refused.error, ErrorCode::MEMBER_ID_REQUIRED);
    assert!(refused.member_id.starts_with("client-"), "{}", refused.member_id);
    let again = script.join_as(&refused.member_id, |input| input.requires_known_member_id = true);
    let joined = script.joined(again);
    assert_eq!((joined.error, joined.generation_id), (ErrorCode::NONE, 1));
    assert_eq!((&joined.leader, joined.members.len()), (&refused.member_id, 1));
}

#[test]
fn an_id_that_nobody_takes_does_not_hold_up_the_group_for_ever() {
    let mut script = Script::new();
    let lost = script.join_as("", |input| input.requires_known_member_id = true);
    assert_eq!(script.joined(lost).error, ErrorCode::MEMBER_ID_REQUIRED);
    let join = script.join("");
    script.advance(Duration::from_millis(1));
    let member = script.joined(join).member_id;
    let sync = script.sync(&member, 1, &[(&member, "all")]);
    assert_eq!(script.synced(sync).error, ErrorCode::NONE);
    // A later rebalance waits for the id, but not longer than its session.
    let second = script.join("");
    script.join(&member);
    assert_eq!(script.take(second), None);
    script.advance(SESSION);
    assert_eq!(script.joined(second).generation_id, 2);
}

#[test]
fn the_first_rebalance_waits_for_further_members() {
    let delay = Duration::from_secs(3);
    let mut script =
        Script::with(GroupSettings { initial_rebalance_delay: delay, ..Default::default() });
    let first = script.join("");
    script.advance(Duration::from_secs(2));
    let second = script.join("");
    script.advance(Duration::from_millis(1500));
    assert_eq!(script.take(first), None);
    script.advance(delay);
    let (first, second) = (script.joined(first), script.joined(second));
    assert_eq!((first.generation_id, second.generation_id), (1, 1));
    assert_eq!((first.members.len(), second.members.len()), (2, 0));
}

#[test]
fn a_second_member_makes_the_group_rebalance() {
    let mut script = Script::new();
    let first = script.one_stable_member();
    let second = script.join("");
    assert_eq!(script.state(), GroupState::PreparingRebalance);
    assert_eq!(script.take(second), None);
    assert_eq!(script.heartbeat(&first, 1), ErrorCode::REBALANCE_IN_PROGRESS);
    let first = script.join(&first);
    let (first, second) = (script.joined(first), script.joined(second));
    assert_eq!((first.generation_id, second.generation_id), (2, 2));
    assert_eq!(first.leader, second.leader);
    assert_eq!(script.state(), GroupState::CompletingRebalance);
}

#[test]
fn followers_wait_for_the_leaders_assignment() {
    let mut script = Script::new();
    let (first, second) = script.two_stable_members();
    assert_eq!(script.heartbeat(&first, 2), ErrorCode::NONE);
    assert_eq!(script.heartbeat(&second, 1), ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(script.heartbeat("nobody", 2), ErrorCode::UNKNOWN_MEMBER_ID);
    let again = script.sync(&second, 2, &[]);
    assert_eq!(script.synced(again).assignment, "b");
}

#[test]
fn the_protocol_that_all_support_and_most_prefer_is_chosen() {
    let named = |names: &[&str]| -> Vec<(ByteString, Bytes)> {
        names.iter().map(|name| (ByteString::from(*name), Bytes::new())).collect()
    };
    let delay = Duration::from_secs(1);
    let mut script =
        Script::with(GroupSettings { initial_rebalance_delay: delay, ..Default::default() });
    let first =
        script.join_as("", |input| input.protocols = named(&["sticky", "range", "roundrobin"]));
    script.join_as("", |input| input.protocols = named(&["roundrobin", "range"]));
    script.join_as("", |input| input.protocols = named(&["roundrobin", "sticky", "range"]));
    let stranger = script.join_as("", |input| input.protocols = named(&["sticky"]));
    assert_eq!(script.joined(stranger).error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    script.advance(delay);
    script.advance(delay);
    assert_eq!(script.joined(first).protocol.as_deref(), Some("roundrobin"));
}

#[test]
fn the_leader_gets_what_every_member_says_under_the_chosen_protocol() {
    let says = |range: &'static str, sticky: &'static str| -> Vec<(ByteString, Bytes)> {
        vec![("range".into(), range.into()), ("sticky".into(), sticky.into())]
    };
    let mut script = Script::new();
    let first = script.join_as("", |input| input.protocols = says("r1", "s1"));
    let first = script.joined(first);
    assert_eq!(first.members.len(), 1);
    // Two more come while the first is in its generation, and both wait for it.
    let only_range = |name: &'static str| vec![("range".into(), name.into())];
    let second = script.join_as("", |input| input.protocols = only_range("r2"));
    let third = script.join_as("", |input| input.protocols = says("r3", "s3"));
    assert_eq!((script.take(second), script.take(third)), (None, None));
    let again = script.join_as(&first.member_id, |input| input.protocols = says("r1", "s1"));
    let leader = script.joined(again);
    let (second, third) = (script.joined(second), script.joined(third));
    assert_eq!(leader.protocol.as_deref(), Some("range"));
    assert_eq!((&leader.leader, &leader.member_id), (&second.leader, &third.leader));
    let members: Vec<_> = leader.members.iter().map(|m| (&m.member_id, &m.metadata[..])).collect();
    let expected: [(&ByteString, &[u8]); 3] =
        [(&first.member_id, b"r1"), (&second.member_id, b"r2"), (&third.member_id, b"r3")];
    assert_eq!(members, expected);
    assert!(second.members.is_empty() && third.members.is_empty());
}

#[test]
fn a_member_that_is_not_heard_of_is_removed() {
    let mut script = Script::new();
    let (first, second) = script.two_stable_members();
    script.advance(SESSION - Duration::from_secs(1));
    assert_eq!(script.heartbeat(&first, 2), ErrorCode::NONE);
    script.advance(Duration::from_secs(2));
    assert_eq!(script.state(), GroupState::PreparingRebalance);
    assert_eq!(script.heartbeat(&second, 2), ErrorCode::UNKNOWN_MEMBER_ID);
    let rejoin = script.join(&first);
    assert_eq!(script.joined(rejoin).generation_id, 3);
}

#[test]
fn a_member_that_does_not_rejoin_within_the_rebalance_timeout_is_left_behind() {
    let mut script = Script::new();
    let (first, second) = script.two_stable_members();
    let third = script.join("");
    let rejoin = script.join(&first);
    // The second one keeps its session alive but does not rejoin.
    for _ in 0..5 {
        script.advance(REBALANCE / 6);
        assert_eq!(script.heartbeat(&second, 2), ErrorCode::REBALANCE_IN_PROGRESS);
    }
    assert_eq!(script.take(third), None);
    script.advance(REBALANCE);
    assert_eq!((script.joined(rejoin).generation_id, script.joined(third).generation_id), (3, 3));
    assert_eq!(script.heartbeat(&second, 3), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_member_that_joins_but_never_syncs_is_removed() {
    let mut script = Script::new();
    let (first, _) = script.two_stable_members();
    let silent = script.join("");
    let rejoin = script.join(&first);
    script.advance(SESSION);
    assert_eq!(script.joined(rejoin).generation_id, 3);
    let silent = script.joined(silent).member_id;
    let sync = script.sync(&first, 3, &[(&first, "all")]);
    assert_eq!(script.synced(sync).error, ErrorCode::NONE);
    for _ in 0..8 {
        script.advance(REBALANCE / 6);
        script.heartbeat(&first, 3);
        script.heartbeat(&silent, 3);
    }
    assert_eq!(script.machine.describe("g").unwrap().members.len(), 1);
}

#[test]
fn leaving_makes_the_others_rebalance_and_the_last_one_empties_the_group() {
    let mut script = Script::new();
    let (first, second) = script.two_stable_members();
    assert_eq!(script.leave(&second), ErrorCode::NONE);
    assert_eq!(script.leave(&second), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(script.heartbeat(&first, 2), ErrorCode::REBALANCE_IN_PROGRESS);
    assert_eq!(script.leave(&first), ErrorCode::NONE);
    assert_eq!(script.state(), GroupState::Empty);
    assert_eq!(script.machine.delete("g"), ErrorCode::NONE);
    assert_eq!(script.machine.delete("g"), ErrorCode::GROUP_ID_NOT_FOUND);
}

#[test]
fn a_static_member_comes_back_without_a_rebalance_and_fences_its_old_self() {
    let mut script = Script::new();
    let instance = |input: &mut JoinInput| input.group_instance_id = Some("i".into());
    let join = script.join_as("", instance);
    let old = script.joined(join).member_id;
    let sync = script.sync_static(&old, 1);
    assert_eq!(script.synced(sync).error, ErrorCode::NONE);
    let join = script.join_as("", instance);
    let back = script.joined(join);
    assert_eq!((back.error, back.generation_id, back.skip_assignment), (ErrorCode::NONE, 1, true));
    assert_eq!(script.state(), GroupState::Stable);
    let fenced = script.machine.handle_heartbeat("g", &old, Some("i"), 1, script.now);
    assert_eq!(fenced, ErrorCode::FENCED_INSTANCE_ID);
    let alive = script.machine.handle_heartbeat("g", &back.member_id, Some("i"), 1, script.now);
    assert_eq!(alive, ErrorCode::NONE);
}

impl Script {
    fn sync_static(&mut self, member: &str, generation_id: i32) -> ReplyId {
        self.sync(member, generation_id, &[(member, "all")])
    }
}

#[test]
fn an_old_static_leader_is_not_told_that_it_leads() {
    let mut script = Script::new();
    let instance = |input: &mut JoinInput| {
        input.group_instance_id = Some("i".into());
        input.supports_skipping_assignment = false;
    };
    let join = script.join_as("", instance);
    let old = script.joined(join).member_id;
    let sync = script.sync_static(&old, 1);
    script.synced(sync);
    let join = script.join_as("", instance);
    let back = script.joined(join);
    assert!(back.leader != back.member_id && back.members.is_empty() && !back.skip_assignment);
}

#[test]
fn commits_need_the_member_and_its_generation() {
    let mut script = Script::new();
    let now = script.now;
    assert_eq!(script.machine.check_commit("g", "", None, -1, now), Ok(()));
    let member = script.one_stable_member();
    let mut check =
        |member: &str, generation| script.machine.check_commit("g", member, None, generation, now);
    assert_eq!(check(&member, 1), Ok(()));
    assert_eq!(check(&member, 0), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(check("other", 1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(check("", -1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    script.join(&member);
    let check = script.machine.check_commit("g", &member, None, 2, now);
    assert_eq!(check, Err(ErrorCode::REBALANCE_IN_PROGRESS));
}

#[test]
fn offsets_of_a_transaction_count_when_it_commits() {
    let mut script = Script::new();
    let topic = ByteString::from("t");
    let committed =
        |offset| CommittedOffset { offset, leader_epoch: -1, metadata: ByteString::new() };
    script.machine.commit_in_transaction("g", 7, (topic.clone(), 0), committed(5));
    assert!(script.machine.is_unstable("g", &topic, 0));
    assert_eq!(script.machine.committed_offset("g", &topic, 0), None);
    assert_eq!(script.machine.end_transaction("g", 7, false), vec![]);
    script.machine.commit_in_transaction("g", 7, (topic.clone(), 0), committed(6));
    assert_eq!(script.machine.end_transaction("g", 7, true).len(), 1);
    assert_eq!(script.machine.committed_offset("g", &topic, 0), Some(committed(6)));
    assert!(!script.machine.is_unstable("g", &topic, 0));
}

#[test]
fn a_moved_coordinator_answers_everything_that_waits() {
    let mut script = Script::new();
    let first = script.one_stable_member();
    let waiting = script.join("");
    script.machine.unload("g", ErrorCode::NOT_COORDINATOR);
    assert_eq!(script.joined(waiting).error, ErrorCode::NOT_COORDINATOR);
    assert_eq!(script.heartbeat(&first, 1), ErrorCode::REBALANCE_IN_PROGRESS);
}

#[test]
fn refuses_what_cannot_be_a_join() {
    let mut script = Script::new();
    let mut refusal = |change: fn(&mut JoinInput)| {
        let join = script.join_as("", change);
        script.joined(join).error
    };
    assert_eq!(refusal(|input| input.group_id = "".into()), ErrorCode::INVALID_GROUP_ID);
    assert_eq!(refusal(|input| input.member_id = "ghost".into()), ErrorCode::UNKNOWN_MEMBER_ID);
    let short = |input: &mut JoinInput| input.session_timeout = Duration::from_millis(5);
    assert_eq!(refusal(short), ErrorCode::INVALID_SESSION_TIMEOUT);
    assert_eq!(refusal(|input| input.protocols.clear()), ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
}
