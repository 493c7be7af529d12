//! Groups of several members with a coordinator of the tests' own, under a virtual clock.
//!
//! Members join, leave, die, stop polling and change their subscriptions at random. Checked after
//! every step: no partition is held by two members of one generation that the coordinator still
//! knows. When all is quiet: every partition has one owner.

use std::collections::HashMap;

use bytes::Bytes;
use milena_wire::messages::join_group_response::JoinGroupResponseMember;
use proptest::prelude::*;

use super::*;
use crate::group::assignor::{RoundRobinAssignor, StickyAssignor};

#[derive(Clone, Debug)]
enum Op {
    Start,
    Leave(usize),
    Die(usize),
    StopPolling(usize),
    Subscribe(usize, bool),
    Pass(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(
        prop_oneof![
            2 => Just(Op::Start),
            1 => (0..8usize).prop_map(Op::Leave),
            1 => (0..8usize).prop_map(Op::Die),
            1 => (0..8usize).prop_map(Op::StopPolling),
            1 => (0..8usize, any::<bool>()).prop_map(|(m, both)| Op::Subscribe(m, both)),
            4 => (0..20u64).prop_map(Op::Pass),
        ],
        1..30,
    )
}

struct Joined {
    metadata: Bytes,
    /// Who waits for the answer to its JoinGroup.
    waiting: Option<(usize, Attempt)>,
    heard_at: Instant,
    assignment: Option<Bytes>,
    sync: Option<(usize, Attempt)>,
}

/// A coordinator as simple as can be.
#[derive(Default)]
struct Coordinator {
    members: BTreeMap<ByteString, Joined>,
    generation_id: i32,
    leader: ByteString,
    is_preparing: bool,
    deadline: Option<Instant>,
    next_id: usize,
}

struct World {
    now: Instant,
    members: Vec<Option<(Membership, bool)>>,
    coordinator: Coordinator,
    answers: Vec<(usize, Attempt, GroupResponse)>,
    assignor: Arc<dyn Assignor>,
}

impl World {
    fn new(assignor: Arc<dyn Assignor>) -> Self {
        Self {
            now: Instant::now(),
            members: Vec::new(),
            coordinator: Coordinator::default(),
            answers: Vec::new(),
            assignor,
        }
    }

    fn apply(&mut self, op: &Op) {
        let count = self.members.len().max(1);
        let pick = |index: &usize| index % count;
        match op {
            Op::Start => {
                let mut config = config(RangeAssignor);
                config.assignors = vec![Arc::clone(&self.assignor)];
                config.seed = self.members.len() as u64;
                let mut member = Membership::new(config, self.now);
                member.handle_metadata(fixtures::topics(&[("t", 7), ("u", 3)]));
                member.subscribe(BTreeSet::from(["t".into()]));
                member.handle_poll_start(self.now);
                self.members.push(Some((member, true)));
            }
            Op::Leave(index) => {
                if let Some(Some((member, polls))) = self.members.get_mut(pick(index)) {
                    member.leave("test");
                    *polls = true;
                }
            }
            Op::Die(index) => {
                if let Some(member) = self.members.get_mut(pick(index)) {
                    *member = None;
                }
            }
            Op::StopPolling(index) => {
                if let Some(Some((member, polls))) = self.members.get_mut(pick(index))
                    && std::mem::take(polls)
                {
                    member.handle_poll_end(self.now);
                }
            }
            Op::Subscribe(index, both) => {
                if let Some(Some((member, _))) = self.members.get_mut(pick(index))
                    && member.subscription.is_some()
                {
                    let mut topics = BTreeSet::from(["t".into()]);
                    topics.extend(both.then(|| "u".into()));
                    member.subscribe(topics);
                }
            }
            Op::Pass(seconds) => {
                for _ in 0..*seconds {
                    self.tick();
                }
            }
        }
    }

    /// One second.
    fn tick(&mut self) {
        for _ in 0..50 {
            let mut requests = Vec::new();
            let mut is_quiet = true;
            for (index, member) in self.members.iter_mut().enumerate() {
                let Some((member, polls)) = member else { continue };
                while let Some((attempt, request)) = member.poll_request(self.now) {
                    requests.push((index, attempt, request));
                }
                if *polls && member.step().is_some() {
                    member.handle_step_done();
                    is_quiet = false;
                }
            }
            is_quiet &= requests.is_empty();
            for (index, attempt, request) in requests {
                self.serve(index, attempt, request);
            }
            self.complete();
            let answers = std::mem::take(&mut self.answers);
            is_quiet &= answers.is_empty();
            for (index, attempt, answer) in answers {
                if let Some(Some((member, _))) = self.members.get_mut(index) {
                    member.handle_response(attempt, answer, self.now);
                }
            }
            self.check();
            if is_quiet {
                break;
            }
        }
        self.now += SECOND;
        let (now, before) = (self.now, self.coordinator.members.len());
        self.coordinator
            .members
            .retain(|_, member| member.waiting.is_some() || now < member.heard_at + 45 * SECOND);
        if self.coordinator.members.len() < before {
            self.rebalance();
        }
    }

    fn rebalance(&mut self) {
        let coordinator = &mut self.coordinator;
        if !std::mem::replace(&mut coordinator.is_preparing, true) {
            coordinator.deadline = Some(self.now + 300 * SECOND);
            for member in coordinator.members.values_mut() {
                if let Some((index, attempt)) = member.sync.take() {
                    self.answers.push((
                        index,
                        attempt,
                        sync_error(ErrorCode::REBALANCE_IN_PROGRESS),
                    ));
                }
            }
        }
    }

    fn serve(&mut self, index: usize, attempt: Attempt, request: GroupRequest) {
        let now = self.now;
        let answer = match request {
            GroupRequest::FindCoordinator => GroupResponse::Coordinator(BrokerId(1)),
            GroupRequest::Join(join) => return self.serve_join(index, attempt, &join),
            GroupRequest::Sync(sync) => return self.serve_sync(index, attempt, &sync),
            GroupRequest::Heartbeat(heartbeat) => {
                let coordinator = &mut self.coordinator;
                let code = match coordinator.members.get_mut(&heartbeat.member_id) {
                    None => ErrorCode::UNKNOWN_MEMBER_ID,
                    Some(_) if heartbeat.generation_id != coordinator.generation_id => {
                        ErrorCode::ILLEGAL_GENERATION
                    }
                    Some(member) => {
                        member.heard_at = now;
                        match coordinator.is_preparing {
                            true => ErrorCode::REBALANCE_IN_PROGRESS,
                            false => ErrorCode::NONE,
                        }
                    }
                };
                let error_code = code.0;
                GroupResponse::Heartbeat(HeartbeatResponse { error_code, ..Default::default() })
            }
            GroupRequest::Leave(leave) => {
                if self.coordinator.members.remove(&leave.members[0].member_id).is_some() {
                    self.rebalance();
                }
                GroupResponse::Left
            }
        };
        self.answers.push((index, attempt, answer));
    }

    fn serve_join(&mut self, index: usize, attempt: Attempt, join: &JoinGroupRequest) {
        if join.member_id.is_empty() {
            self.coordinator.next_id += 1;
            let member_id = format!("m{}", self.coordinator.next_id).into();
            let error_code = ErrorCode::MEMBER_ID_REQUIRED.0;
            let answer = JoinGroupResponse { error_code, member_id, ..Default::default() };
            return self.answers.push((index, attempt, GroupResponse::Join(answer)));
        }
        let joined = Joined {
            metadata: join.protocols[0].metadata.clone(),
            waiting: Some((index, attempt)),
            heard_at: self.now,
            assignment: None,
            sync: None,
        };
        self.coordinator.members.insert(join.member_id.clone(), joined);
        self.rebalance();
    }

    fn serve_sync(&mut self, index: usize, attempt: Attempt, sync: &SyncGroupRequest) {
        let coordinator = &mut self.coordinator;
        let known = coordinator.members.contains_key(&sync.member_id);
        if !known || coordinator.is_preparing || sync.generation_id != coordinator.generation_id {
            let code = match known {
                false => ErrorCode::UNKNOWN_MEMBER_ID,
                true if sync.generation_id == coordinator.generation_id => {
                    ErrorCode::REBALANCE_IN_PROGRESS
                }
                true => ErrorCode::ILLEGAL_GENERATION,
            };
            return self.answers.push((index, attempt, sync_error(code)));
        }
        if sync.member_id == coordinator.leader {
            for assigned in &sync.assignments {
                if let Some(member) = coordinator.members.get_mut(&assigned.member_id) {
                    member.assignment = Some(assigned.assignment.clone());
                }
            }
            for member in coordinator.members.values_mut() {
                member.assignment.get_or_insert_default();
            }
        }
        if let Some(member) = coordinator.members.get_mut(&sync.member_id) {
            member.sync = Some((index, attempt));
        }
    }

    /// Answers JoinGroup when everybody is there, and SyncGroup when the leader has assigned.
    fn complete(&mut self) {
        let coordinator = &mut self.coordinator;
        if coordinator.is_preparing {
            let is_late = coordinator.deadline.is_some_and(|deadline| deadline <= self.now);
            if is_late {
                coordinator.members.retain(|_, member| member.waiting.is_some());
            }
            let all_here = coordinator.members.values().all(|member| member.waiting.is_some());
            if all_here && let Some((leader, _)) = coordinator.members.first_key_value() {
                coordinator.leader = leader.clone();
                coordinator.is_preparing = false;
                coordinator.generation_id += 1;
                let members: Vec<JoinGroupResponseMember> = coordinator
                    .members
                    .iter()
                    .map(|(id, member)| JoinGroupResponseMember {
                        member_id: id.clone(),
                        metadata: member.metadata.clone(),
                        ..Default::default()
                    })
                    .collect();
                for (id, member) in &mut coordinator.members {
                    let Some((index, attempt)) = member.waiting.take() else { continue };
                    member.heard_at = self.now;
                    let answer = JoinGroupResponse {
                        generation_id: coordinator.generation_id,
                        protocol_name: Some(self.assignor.name().into()),
                        leader: coordinator.leader.clone(),
                        member_id: id.clone(),
                        members: if *id == coordinator.leader { members.clone() } else { vec![] },
                        ..Default::default()
                    };
                    self.answers.push((index, attempt, GroupResponse::Join(answer)));
                }
            }
        }
        for member in self.coordinator.members.values_mut() {
            if let (Some(assignment), Some((index, attempt))) = (&member.assignment, member.sync) {
                let answer =
                    SyncGroupResponse { assignment: assignment.clone(), ..Default::default() };
                self.answers.push((index, attempt, GroupResponse::Sync(answer)));
                member.sync = None;
            }
        }
    }

    /// Members that the coordinator knows in its generation hold no partition twice.
    fn check(&self) {
        let mut owners: HashMap<&TopicPartition, usize> = HashMap::new();
        for (index, member) in self.members.iter().enumerate() {
            let Some((member, _)) = member else { continue };
            let (generation_id, id) = member.identity();
            let is_current = generation_id == self.coordinator.generation_id
                && self.coordinator.members.contains_key(&id);
            for partition in member.held().iter().filter(|_| is_current) {
                assert_eq!(owners.insert(partition, index), None, "{partition} has two owners");
            }
        }
    }

    /// After a quiet time everything that somebody subscribes to has exactly one owner.
    fn check_settled(&mut self) {
        for (member, polls) in self.members.iter_mut().flatten() {
            if !std::mem::replace(polls, true) {
                member.handle_poll_start(self.now);
            }
        }
        for _ in 0..400 {
            self.tick();
        }
        let mut expected: BTreeSet<TopicPartition> = BTreeSet::new();
        let mut held: Vec<TopicPartition> = Vec::new();
        for (member, _) in self.members.iter().flatten() {
            held.extend_from_slice(member.held());
            for topic in member.subscription.iter().flatten() {
                let count = if *topic == "t" { 7 } else { 3 };
                expected.extend((0..count).map(|p| TopicPartition::new(topic.clone(), p)));
            }
            let is_idle = member.subscription.is_none();
            let state = if is_idle { MemberState::Unjoined } else { MemberState::Stable };
            assert_eq!(member.state(), state);
        }
        held.sort();
        assert_eq!(held, expected.into_iter().collect::<Vec<_>>());
    }
}

fn sync_error(code: ErrorCode) -> GroupResponse {
    GroupResponse::Sync(SyncGroupResponse { error_code: code.0, ..Default::default() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..Default::default() })]
    #[test]
    fn groups_settle_and_no_partition_has_two_owners(ops in ops(), assignor in 0..4usize) {
        let assignor: Arc<dyn Assignor> = match assignor {
            0 => Arc::new(RangeAssignor),
            1 => Arc::new(RoundRobinAssignor),
            2 => Arc::new(StickyAssignor),
            _ => Arc::new(CooperativeStickyAssignor),
        };
        let mut world = World::new(assignor);
        world.apply(&Op::Start);
        ops.iter().for_each(|op| world.apply(op));
        world.check_settled();
    }
}
