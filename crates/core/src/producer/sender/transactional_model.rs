//! Transactions against a model of a broker and a coordinator: whatever is refused, lost or late,
//! committed records are there once and in order, and aborted ones are not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use milena_wire::ErrorCode;
use milena_wire::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use milena_wire::messages::{
    AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse, InitProducerIdRequest,
    InitProducerIdResponse,
};
use milena_wire::records::RecordBatches;
use proptest::prelude::*;

use super::stage::{Stage, settings};
use super::{Answer, Outgoing, ProduceCall, SenderSettings};
use crate::BrokerId;
use crate::producer::{
    CoordinatorFeatures, Outcome, TransactionAnswer, TransactionEnd, TransactionNumber,
    TransactionRequest, TransactionSettings, TransactionState,
};

const PARTITIONS: usize = 2;

/// A partition at its leader.
#[derive(Default)]
struct Log {
    epoch: i16,
    /// First and last sequence of the last batches.
    batches: VecDeque<(i32, i32)>,
    /// Records of the transaction that is open.
    open: Vec<u32>,
    committed: Vec<u32>,
}

impl Log {
    fn append(&mut self, epoch: i16, first: i32, ids: &[u32]) -> ErrorCode {
        if epoch > self.epoch {
            if first != 0 {
                return ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
            }
            (self.epoch, self.batches) = (epoch, VecDeque::new());
        }
        let last = first + i32::try_from(ids.len()).unwrap() - 1;
        if self.batches.contains(&(first, last)) {
            return ErrorCode::NONE;
        }
        if self.batches.back().is_some_and(|seen| seen.1 + 1 != first) {
            return ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
        }
        self.batches.push_back((first, last));
        self.open.extend(ids);
        ErrorCode::NONE
    }

    fn end(&mut self, commits: bool, epoch: i16) {
        let open = std::mem::take(&mut self.open);
        if commits {
            self.committed.extend(open);
        }
        if epoch > self.epoch {
            (self.epoch, self.batches) = (epoch, VecDeque::new());
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Empty,
    Ongoing,
    Complete { commits: bool },
}

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
enum Deal {
    Apply,
    Refuse(ErrorCode),
    ApplyAndRefuse(ErrorCode),
    Lose,
    ApplyAndLose,
}

#[derive(Clone, Debug)]
enum Op {
    Append {
        partition: usize,
        seal: bool,
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
    features: CoordinatorFeatures,
    logs: Vec<Log>,
    epoch: i16,
    ended: Ended,
    partitions: BTreeSet<i32>,
    wire: VecDeque<ProduceCall>,
    zombies: VecDeque<ProduceCall>,
    /// The request to the coordinator that is out.
    asked: Option<TransactionRequest>,
    number: TransactionNumber,
    /// By transaction: partition, completion, index and id of its records.
    records: BTreeMap<TransactionNumber, Vec<(usize, usize, u32, u32)>>,
    next_record: u32,
    outcomes: BTreeMap<TransactionNumber, TransactionEnd>,
}

impl World {
    fn new(features: CoordinatorFeatures) -> Self {
        let transactions =
            TransactionSettings { transactional_id: "t".into(), timeout: Duration::from_secs(60) };
        let settings = SenderSettings { transactions: Some(transactions), ..settings() };
        let mut world = Self {
            stage: Stage::without_producer_id(settings, PARTITIONS),
            features,
            logs: (0..PARTITIONS).map(|_| Log::default()).collect(),
            epoch: 0,
            ended: Ended::Empty,
            partitions: BTreeSet::new(),
            wire: VecDeque::new(),
            zombies: VecDeque::new(),
            asked: None,
            number: TransactionNumber(0),
            records: BTreeMap::new(),
            next_record: 0,
            outcomes: BTreeMap::new(),
        };
        world.stage.sender.initialize_transactions().unwrap();
        world.drive();
        world
    }

    const fn is_second(&self) -> bool {
        self.features.transaction_version == 2
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

    /// What the leader does with the request, by partition.
    fn produce(&mut self, call: &ProduceCall) -> Vec<(i32, ErrorCode)> {
        let data = call.request.topic_data.iter().flat_map(|topic| &topic.partition_data);
        data.map(|data| {
            let batch = RecordBatches::new(data.records.clone().unwrap()).next().unwrap().unwrap();
            assert!(batch.is_transactional());
            let id = |value: &[u8]| u32::from_be_bytes(value.try_into().unwrap());
            let ids: Vec<u32> = batch
                .records(1 << 20)
                .unwrap()
                .iter()
                .map(|record| id(record.unwrap().value.unwrap()))
                .collect();
            let code = if batch.producer_epoch() != self.epoch {
                ErrorCode::INVALID_PRODUCER_EPOCH
            } else if self.is_second() {
                self.ended = Ended::Ongoing;
                self.partitions.insert(data.index);
                ErrorCode::NONE
            } else if self.partitions.contains(&data.index) {
                ErrorCode::NONE
            } else {
                ErrorCode::INVALID_TXN_STATE
            };
            let log = &mut self.logs[usize::try_from(data.index).unwrap()];
            let code = match code {
                ErrorCode::NONE => log.append(batch.producer_epoch(), batch.base_sequence(), &ids),
                code => code,
            };
            (data.index, code)
        })
        .collect()
    }

    fn serve(&mut self, deal: Deal) {
        let Some(call) = self.wire.pop_front() else { return };
        let is_applied = !matches!(deal, Deal::Refuse(_) | Deal::Lose);
        let results = if is_applied { self.produce(&call) } else { Vec::new() };
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
        }
        self.drive();
    }

    fn initialize(&mut self, request: &InitProducerIdRequest) -> InitProducerIdResponse {
        if request.producer_id >= 0 {
            assert!(request.producer_epoch == self.epoch || self.ended == Ended::Empty);
            if request.producer_epoch == self.epoch {
                self.epoch += 1;
            }
        }
        self.ended = Ended::Empty;
        InitProducerIdResponse {
            producer_id: 7,
            producer_epoch: self.epoch,
            ..InitProducerIdResponse::default()
        }
    }

    fn end(&mut self, request: &EndTxnRequest) -> EndTxnResponse {
        let mut response =
            EndTxnResponse { producer_id: -1, producer_epoch: -1, ..EndTxnResponse::default() };
        let commits = request.committed;
        let is_retry = self.is_second() && request.producer_epoch + 1 == self.epoch;
        if is_retry || (!self.is_second() && self.ended == Ended::Complete { commits }) {
            assert_eq!(self.ended, Ended::Complete { commits }, "the end is asked for again");
        } else {
            assert_eq!(request.producer_epoch, self.epoch);
            let is_empty_abort = self.is_second() && !commits;
            assert!(self.ended == Ended::Ongoing || is_empty_abort, "there is nothing to end");
            self.epoch += i16::from(self.is_second());
            for index in std::mem::take(&mut self.partitions) {
                self.logs[usize::try_from(index).unwrap()].end(commits, self.epoch);
            }
            self.ended = Ended::Complete { commits };
        }
        if self.is_second() {
            (response.producer_id, response.producer_epoch) = (7, self.epoch);
        }
        response
    }

    fn coordinate(&mut self, deal: Deal) {
        let Some(request) = self.asked.take() else { return };
        let is_applied = !matches!(deal, Deal::Refuse(_) | Deal::Lose);
        let refused = match deal {
            Deal::Refuse(code) | Deal::ApplyAndRefuse(code) => Some(code.0),
            Deal::Apply | Deal::Lose | Deal::ApplyAndLose => None,
        };
        let code = refused.unwrap_or_default();
        let answer = match &request {
            TransactionRequest::InitProducerId(request) => {
                let mut response = InitProducerIdResponse::default();
                if is_applied {
                    response = self.initialize(request);
                }
                response.error_code = code;
                TransactionAnswer::InitProducerId(response, self.features)
            }
            TransactionRequest::AddPartitions(request) => {
                let topic = &request.v3_and_below_topics[0];
                if is_applied {
                    assert_eq!(request.v3_and_below_producer_epoch, self.epoch);
                    self.ended = Ended::Ongoing;
                    self.partitions.extend(topic.partitions.iter().copied());
                }
                let result = |partition_index: &i32| AddPartitionsToTxnPartitionResult {
                    partition_index: *partition_index,
                    partition_error_code: code,
                    ..AddPartitionsToTxnPartitionResult::default()
                };
                let results = AddPartitionsToTxnTopicResult {
                    name: topic.name.clone(),
                    results_by_partition: topic.partitions.iter().map(result).collect(),
                    ..AddPartitionsToTxnTopicResult::default()
                };
                TransactionAnswer::AddPartitions(AddPartitionsToTxnResponse {
                    results_by_topic_v3_and_below: vec![results],
                    ..AddPartitionsToTxnResponse::default()
                })
            }
            TransactionRequest::End(request) => {
                let mut response = EndTxnResponse::default();
                if is_applied {
                    response = self.end(request);
                }
                response.error_code = code;
                TransactionAnswer::End(response, self.features)
            }
            other => unreachable!("{other:?}"),
        };
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
            Op::Wait { millis } => self.stage.wait(Duration::from_millis(millis)),
            Op::Serve(deal) => self.serve(deal),
            Op::Coordinate(deal) => self.coordinate(deal),
            Op::Break { applied } => {
                self.stage.sender.handle_disconnected(BrokerId(1));
                for (at, call) in std::mem::take(&mut self.wire).into_iter().enumerate() {
                    if at < applied {
                        self.produce(&call);
                    }
                    self.stage.finish(&call, Answer::Lost);
                    if at >= applied {
                        self.zombies.push_back(call);
                    }
                }
            }
            Op::Zombie => {
                if let Some(call) = self.zombies.pop_front() {
                    self.produce(&call);
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

    fn check(&self) {
        let mut expected: Vec<Vec<u32>> = vec![Vec::new(); PARTITIONS];
        for (number, records) in &self.records {
            let commits = self.outcomes.get(number) == Some(&TransactionEnd::Commit);
            for (partition, completion, index, id) in records.iter().filter(|_| commits) {
                let answers = &self.stage.completions[*completion];
                let (_, outcome) =
                    answers.iter().find(|(records, _)| records.contains(index)).unwrap();
                assert!(matches!(outcome, Outcome::Written { .. }), "{id}: {outcome:?}");
                expected[*partition].push(*id);
            }
        }
        for (log, expected) in self.logs.iter().zip(&expected) {
            assert_eq!(log.committed, *expected);
        }
    }
}

fn any_deal() -> impl Strategy<Value = Deal> {
    prop_oneof![
        8 => Just(Deal::Apply),
        1 => Just(Deal::Lose),
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
    ]
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..PARTITIONS, any::<bool>())
            .prop_map(|(partition, seal)| Op::Append { partition, seal }),
        4 => prop_oneof![4 => 1..10_u64, 3 => 50..300_u64, 1 => 1000..130_000_u64]
            .prop_map(|millis| Op::Wait { millis }),
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
