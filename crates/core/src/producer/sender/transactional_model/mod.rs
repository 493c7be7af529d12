//! Transactions against a model of brokers and coordinators: whatever is refused, lost or late,
//! committed records are there once and in order, committed offsets are there, and what was aborted
//! is not.

mod cluster;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use milena_wire::ErrorCode;
use proptest::prelude::*;

use self::cluster::{Cluster, Offsets, Said};
use super::stage::{DELIVERY_TIMEOUT, Stage, TOPIC, settings};
use super::{Answer, Outgoing, ProduceCall, SenderSettings};
use crate::consumer::OffsetAndMetadata;
use crate::producer::{
    CoordinatorFeatures, Outcome, TransactionAnswer, TransactionEnd, TransactionNumber,
    TransactionOffsets, TransactionRequest, TransactionSettings, TransactionState,
};
use crate::{BrokerId, TopicPartition};

const PARTITIONS: usize = 2;

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
enum Deal {
    Apply,
    Refuse(ErrorCode),
    /// With a code that asking again does not mend; for coordinators.
    RefuseForGood,
    ApplyAndRefuse(ErrorCode),
    Lose,
    ApplyAndLose,
}

impl Deal {
    const fn is_applied(self) -> bool {
        matches!(self, Self::Apply | Self::ApplyAndRefuse(_) | Self::ApplyAndLose)
    }
}

#[derive(Clone, Debug)]
enum Op {
    Append {
        partition: usize,
        seal: bool,
    },
    /// Offsets of a partition are sent with the transaction.
    Offsets {
        partition: usize,
    },
    Wait {
        millis: u64,
    },
    Serve(Deal),
    Coordinate(Deal),
    /// The connection to the leader breaks after so many requests were applied; the others come
    /// late or never.
    Break {
        applied: usize,
    },
    Zombie,
    End(TransactionEnd),
}

struct World {
    stage: Stage,
    cluster: Cluster,
    wire: VecDeque<ProduceCall>,
    zombies: VecDeque<ProduceCall>,
    /// The request to the coordinator that is out.
    asked: Option<TransactionRequest>,
    number: TransactionNumber,
    /// By transaction: partition, completion, index and id of its records.
    records: BTreeMap<TransactionNumber, Vec<(usize, usize, u32, u32)>>,
    next_record: u32,
    /// The last offsets of each transaction.
    offsets: BTreeMap<TransactionNumber, Offsets>,
    next_offset: i64,
    outcomes: BTreeMap<TransactionNumber, TransactionEnd>,
}

impl World {
    fn new(features: CoordinatorFeatures) -> Self {
        let transactions =
            TransactionSettings { transactional_id: "t".into(), timeout: Duration::from_secs(60) };
        let settings = SenderSettings { transactions: Some(transactions), ..settings() };
        let mut world = Self {
            stage: Stage::without_producer_id(settings, PARTITIONS),
            cluster: Cluster::new(features, PARTITIONS),
            wire: VecDeque::new(),
            zombies: VecDeque::new(),
            asked: None,
            number: TransactionNumber(0),
            records: BTreeMap::new(),
            next_record: 0,
            offsets: BTreeMap::new(),
            next_offset: 0,
            outcomes: BTreeMap::new(),
        };
        world.stage.sender.initialize_transactions().unwrap();
        world.drive();
        world
    }

    fn state(&self) -> &TransactionState {
        self.stage.sender.transaction_state().unwrap()
    }

    fn is_fatal(&self) -> bool {
        matches!(self.state(), TransactionState::FatalError(_))
    }

    /// What a driver does after every input.
    fn drive(&mut self) {
        loop {
            while let Some(outgoing) = self.stage.poll_any() {
                match outgoing {
                    Outgoing::InitProducerId => unreachable!("the coordinator gives the id"),
                    Outgoing::Transaction(call) => self.asked = Some(call.request),
                    Outgoing::Produce(call) => self.wire.push_back(call),
                }
            }
            for event in std::mem::take(&mut self.stage.events) {
                if event == "Connect(1)" {
                    self.stage.sender.handle_connected(BrokerId(1));
                } else if event.starts_with("Ended(") {
                    let is_commit = event.ends_with("Commit)");
                    let end =
                        if is_commit { TransactionEnd::Commit } else { TransactionEnd::Abort };
                    self.outcomes.insert(self.number, end);
                }
            }
            if *self.state() != TransactionState::Ready {
                break;
            }
            self.number = self.stage.sender.begin_transaction().unwrap();
        }
    }

    fn serve(&mut self, deal: Deal) {
        let Some(call) = self.wire.pop_front() else { return };
        let is_applied = deal.is_applied();
        let results = if is_applied { self.cluster.produce(&call, false) } else { Vec::new() };
        match deal {
            Deal::Lose | Deal::ApplyAndLose => {
                self.stage.finish(&call, Answer::Lost);
                if !is_applied {
                    self.zombies.push_back(call);
                }
            }
            Deal::Apply => self.stage.answer_with(&call, |answer, batch| {
                let (_, code) = results.iter().find(|(at, _)| *at == batch.partition).unwrap();
                answer.error_code = code.0;
            }),
            Deal::Refuse(code) | Deal::ApplyAndRefuse(code) => self.stage.answer(&call, code),
            Deal::RefuseForGood => unreachable!("leaders have codes of their own"),
        }
        self.drive();
    }

    fn coordinate(&mut self, deal: Deal) {
        let Some(request) = self.asked.take() else { return };
        let is_applied = deal.is_applied();
        let said = match deal {
            Deal::Refuse(code) | Deal::ApplyAndRefuse(code) => Said::Code(code),
            Deal::RefuseForGood => Said::Never,
            Deal::Apply | Deal::Lose | Deal::ApplyAndLose => Said::Code(ErrorCode::NONE),
        };
        let answer = self.cluster.coordinate(&request, is_applied, said);
        let is_lost = matches!(deal, Deal::Lose | Deal::ApplyAndLose);
        let answer = if is_lost { TransactionAnswer::Lost } else { answer };
        self.stage.sender.handle_transaction_answer(answer, self.stage.now);
        self.drive();
    }

    fn step(&mut self, op: &Op) {
        if self.is_fatal() {
            return;
        }
        match *op {
            Op::Append { partition, seal } => {
                if *self.state() == TransactionState::InTransaction {
                    let id = self.next_record;
                    self.next_record += 1;
                    let (completion, index) = self.stage.append(partition, &id.to_be_bytes());
                    let record = (partition, completion, index, id);
                    self.records.entry(self.number).or_default().push(record);
                    if seal {
                        self.stage.seal(partition);
                    }
                }
            }
            Op::Offsets { partition } => self.send_offsets(partition),
            Op::Wait { millis } => self.stage.wait(Duration::from_millis(millis)),
            Op::Serve(deal) => self.serve(deal),
            Op::Coordinate(deal) => self.coordinate(deal),
            Op::Break { applied } => {
                self.stage.sender.handle_disconnected(BrokerId(1));
                for (at, call) in std::mem::take(&mut self.wire).into_iter().enumerate() {
                    if at < applied {
                        self.cluster.produce(&call, false);
                    }
                    self.stage.finish(&call, Answer::Lost);
                    if at >= applied {
                        self.zombies.push_back(call);
                    }
                }
            }
            Op::Zombie => {
                if let Some(call) = self.zombies.pop_front() {
                    self.cluster.produce(&call, true);
                }
            }
            Op::End(end) => {
                let end = match self.state() {
                    TransactionState::InTransaction => end,
                    TransactionState::AbortableError(_) => TransactionEnd::Abort,
                    _ => return,
                };
                let (number, now) = (self.number, self.stage.now);
                let queues = &mut self.stage.queues;
                self.stage.sender.end_transaction(number, end, queues, now).unwrap();
            }
        }
        self.drive();
    }

    fn send_offsets(&mut self, partition: usize) {
        if *self.state() != TransactionState::InTransaction {
            return;
        }
        let index = i32::try_from(partition).unwrap();
        let offset = self.next_offset;
        self.next_offset += 1;
        let partition = TopicPartition::new(TOPIC, index);
        let offsets = TransactionOffsets {
            group_id: "g".into(),
            generation_id: 1,
            member_id: "m".into(),
            group_instance_id: None,
            offsets: BTreeMap::from([(partition, OffsetAndMetadata::from(offset))]),
        };
        self.stage.sender.send_offsets(self.number, offsets).unwrap();
        self.offsets.entry(self.number).or_default().insert(index, offset);
    }

    /// The faults stop: the transaction that is open ends in bounded time.
    fn calm_down(&mut self) {
        let last = self.number;
        for _ in 0..3000 {
            if self.is_fatal() || self.number > last {
                return;
            }
            self.step(&Op::End(TransactionEnd::Commit));
            self.step(&Op::Wait { millis: 50 });
            self.coordinate(Deal::Apply);
            self.serve(Deal::Apply);
        }
        panic!("no progress in {:?}", self.state());
    }

    /// After the faults the producer is whole: another transaction is committed.
    fn commit_another(&mut self) {
        let number = self.number;
        for partition in 0..PARTITIONS {
            self.step(&Op::Append { partition, seal: true });
            self.step(&Op::Offsets { partition });
        }
        self.calm_down();
        assert!(self.is_fatal() || self.commits(number), "{number:?} in {:?}", self.state());
    }

    fn commits(&self, number: TransactionNumber) -> bool {
        self.outcomes.get(&number) == Some(&TransactionEnd::Commit)
    }

    fn check(&self) {
        let mut expected: Vec<Vec<u32>> = vec![Vec::new(); PARTITIONS];
        for (number, records) in &self.records {
            let commits = self.commits(*number);
            for (partition, completion, index, id) in records.iter().filter(|_| commits) {
                let answers = &self.stage.completions[*completion];
                let (_, outcome) =
                    answers.iter().find(|(records, _)| records.contains(index)).unwrap();
                assert!(matches!(outcome, Outcome::Written { .. }), "{id}: {outcome:?}");
                expected[*partition].push(*id);
            }
        }
        for (log, expected) in self.cluster.logs.iter().zip(&expected) {
            assert_eq!(log.committed, *expected);
        }
        let of_commits = self.offsets.iter().filter(|(number, _)| self.commits(**number));
        let expected: Vec<&Offsets> = of_commits.map(|(_, offsets)| offsets).collect();
        assert_eq!(self.cluster.committed_offsets.iter().collect::<Vec<_>>(), expected);
    }
}

fn any_deal() -> impl Strategy<Value = Deal> {
    prop_oneof![
        8 => Just(Deal::Apply),
        2 => Just(Deal::Lose),
        1 => Just(Deal::ApplyAndLose),
        1 => Just(Deal::Refuse(ErrorCode::NOT_ENOUGH_REPLICAS)),
        1 => Just(Deal::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS)),
        1 => Just(Deal::Refuse(ErrorCode::INVALID_RECORD)),
        1 => Just(Deal::Refuse(ErrorCode::MESSAGE_TOO_LARGE)),
        1 => Just(Deal::ApplyAndRefuse(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND)),
    ]
}

fn any_coordinator_deal() -> impl Strategy<Value = Deal> {
    prop_oneof![
        8 => Just(Deal::Apply),
        2 => Just(Deal::Lose),
        2 => Just(Deal::ApplyAndLose),
        1 => Just(Deal::Refuse(ErrorCode::CONCURRENT_TRANSACTIONS)),
        1 => Just(Deal::Refuse(ErrorCode::NOT_COORDINATOR)),
        1 => Just(Deal::Refuse(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS)),
        1 => Just(Deal::RefuseForGood),
    ]
}

/// Linger and backoff, the timeouts of requests, and what gives batches up whose fate is unknown.
fn any_wait() -> impl Strategy<Value = u64> {
    let give_up = u64::try_from(DELIVERY_TIMEOUT.as_millis()).unwrap();
    prop_oneof![
        4 => 1..10_u64,
        3 => 50..300_u64,
        1 => 1000..give_up,
        1 => give_up..give_up + 10_000,
    ]
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..PARTITIONS, any::<bool>())
            .prop_map(|(partition, seal)| Op::Append { partition, seal }),
        2 => (0..PARTITIONS).prop_map(|partition| Op::Offsets { partition }),
        4 => any_wait().prop_map(|millis| Op::Wait { millis }),
        8 => any_deal().prop_map(Op::Serve),
        8 => any_coordinator_deal().prop_map(Op::Coordinate),
        1 => (0..6_usize).prop_map(|applied| Op::Break { applied }),
        1 => Just(Op::Zombie),
        3 => any::<bool>().prop_map(|commits| {
            Op::End(if commits { TransactionEnd::Commit } else { TransactionEnd::Abort })
        }),
    ]
}

fn run(features: CoordinatorFeatures, ops: &[Op]) {
    let mut world = World::new(features);
    for op in ops {
        world.step(op);
    }
    world.calm_down();
    world.commit_another();
    world.check();
    assert!(!world.is_fatal() || !features.bumps_epoch, "{:?}", world.state());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn second_protocol_counts_once(ops in prop::collection::vec(any_op(), 1..150)) {
        run(CoordinatorFeatures { transaction_version: 2, bumps_epoch: true }, &ops);
    }

    #[test]
    fn first_protocol_counts_once(ops in prop::collection::vec(any_op(), 1..150)) {
        run(CoordinatorFeatures { transaction_version: 0, bumps_epoch: true }, &ops);
    }

    #[test]
    fn protocol_without_epochs_counts_once(ops in prop::collection::vec(any_op(), 1..150)) {
        run(CoordinatorFeatures { transaction_version: 0, bumps_epoch: false }, &ops);
    }
}
