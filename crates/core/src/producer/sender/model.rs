//! Random histories of a sender and naive brokers.
//!
//! Whatever happens: every batch is answered once, what is acknowledged is in the log at its offset,
//! what is said to be unwritten is not, nothing is there twice, and the log keeps the order of
//! appending.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use milena_wire::ErrorCode;
use milena_wire::records::RecordBatches;
use proptest::prelude::*;

use super::stage::{Stage, settings};
use super::{Answer, Outgoing, ProduceCall};
use crate::BrokerId;
use crate::producer::{Outcome, SenderSettings, Written};

const PARTITIONS: usize = 2;

/// What a broker remembers of a partition, the same on every broker.
#[derive(Default)]
struct Log {
    records: Vec<u32>,
    /// The epoch and the last batches.
    producer: Option<(i16, VecDeque<Remembered>)>,
}

/// First sequence, last sequence and base offset of a batch.
type Remembered = (i32, i32, i64);

/// How a broker deals with one batch.
#[derive(Clone, Copy, Debug)]
enum Deal {
    Append,
    /// Refuses before looking at it.
    Refuse(ErrorCode),
    /// Appends it and reports an error all the same.
    AppendAndFail(ErrorCode),
}

impl Log {
    /// Spec: java/ProducerAppendInfo@4.x: a broker that does not know the producer takes any
    /// sequence, otherwise the next one, or 0 in a new epoch; five batches are remembered.
    fn append(&mut self, epoch: i16, first: i32, records: &[u32]) -> Result<i64, ErrorCode> {
        let last = first + i32::try_from(records.len()).unwrap() - 1;
        let offset = i64::try_from(self.records.len()).unwrap();
        if epoch >= 0 {
            let (known, batches) = self.producer.get_or_insert((epoch, VecDeque::new()));
            if epoch < *known {
                return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
            }
            if epoch > *known {
                if first != 0 {
                    return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
                }
                (*known, *batches) = (epoch, VecDeque::new());
            }
            if let Some(seen) = batches.iter().find(|seen| (seen.0, seen.1) == (first, last)) {
                return Ok(seen.2);
            }
            if batches.back().is_some_and(|seen| seen.1 + 1 != first) {
                return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
            }
            batches.push_back((first, last, offset));
            if batches.len() > 5 {
                batches.pop_front();
            }
        }
        self.records.extend(records);
        Ok(offset)
    }
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
    /// The oldest request of a broker is dealt with and answered.
    Serve {
        broker: i32,
        deal: Deal,
    },
    /// A broker's connection breaks after so many of its requests were applied; the others are
    /// applied later or never.
    Break {
        broker: i32,
        applied: usize,
        zombies: bool,
    },
    /// A request of a broken connection reaches its broker after all.
    Zombie,
    MoveLeader {
        partition: usize,
        broker: i32,
    },
    /// The leader changes, but the sender is not told.
    MoveSilently {
        partition: usize,
        broker: i32,
    },
    TellLeaders,
}

struct World {
    stage: Stage,
    logs: Vec<Log>,
    leaders: Vec<(i32, i32)>,
    wire: BTreeMap<i32, VecDeque<ProduceCall>>,
    zombies: VecDeque<(i32, ProduceCall)>,
    /// The completion of every record, and its index there.
    appended: Vec<(usize, u32)>,
}

impl World {
    fn new(settings: SenderSettings) -> Self {
        Self {
            stage: Stage::new(settings, PARTITIONS),
            logs: (0..PARTITIONS).map(|_| Log::default()).collect(),
            leaders: vec![(1, 1); PARTITIONS],
            wire: BTreeMap::new(),
            zombies: VecDeque::new(),
            appended: Vec::new(),
        }
    }

    /// What a driver does after every input.
    fn drive(&mut self) {
        while let Some(outgoing) = self.stage.poll_any() {
            match outgoing {
                Outgoing::InitProducerId => self.stage.grant(8, 0),
                Outgoing::Transaction(call) => unreachable!("no transactions: {call:?}"),
                Outgoing::Produce(call) => {
                    self.wire.entry(call.broker.0).or_default().push_back(call);
                }
            }
        }
        let events = std::mem::take(&mut self.stage.events);
        for broker in [1, 2] {
            if events.contains(&format!("Connect({broker})")) {
                self.stage.sender.handle_connected(BrokerId(broker));
                self.drive();
            }
        }
    }

    /// What the broker does with the request: code and offset of every partition.
    fn apply(&mut self, broker: i32, call: &ProduceCall, deal: Deal) -> Vec<(i32, ErrorCode, i64)> {
        let mut results = Vec::new();
        for data in call.request.topic_data.iter().flat_map(|topic| &topic.partition_data) {
            let at = usize::try_from(data.index).unwrap();
            let result = if self.leaders[at].0 != broker {
                Err(ErrorCode::NOT_LEADER_OR_FOLLOWER)
            } else if let Deal::Refuse(code) = deal {
                Err(code)
            } else {
                let batch =
                    RecordBatches::new(data.records.clone().unwrap()).next().unwrap().unwrap();
                batch.verify_crc().unwrap();
                let records = batch.records(1 << 20).unwrap();
                let ids: Vec<u32> = records
                    .iter()
                    .map(|record| {
                        u32::from_be_bytes(record.unwrap().value.unwrap().try_into().unwrap())
                    })
                    .collect();
                let log = &mut self.logs[at];
                let result = log.append(batch.producer_epoch(), batch.base_sequence(), &ids);
                match (deal, result) {
                    (Deal::AppendAndFail(code), Ok(_)) => Err(code),
                    (_, result) => result,
                }
            };
            match result {
                Ok(offset) => results.push((data.index, ErrorCode::NONE, offset)),
                Err(code) => results.push((data.index, code, -1)),
            }
        }
        results
    }

    fn serve(&mut self, broker: i32, deal: Deal) {
        let Some(call) = self.wire.get_mut(&broker).and_then(VecDeque::pop_front) else { return };
        let results = self.apply(broker, &call, deal);
        self.stage.answer_with(&call, |answer, batch| {
            let (_, code, offset) = results.iter().find(|(at, ..)| *at == batch.partition).unwrap();
            (answer.error_code, answer.base_offset) = (code.0, *offset);
        });
        self.drive();
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::Append { partition, seal } => {
                let id = u32::try_from(self.appended.len()).unwrap();
                let place = self.stage.append(partition, &id.to_be_bytes());
                self.appended.push(place);
                if seal {
                    self.stage.seal(partition);
                }
            }
            Op::Wait { millis } => self.stage.wait(Duration::from_millis(millis)),
            Op::Serve { broker, deal } => self.serve(broker, deal),
            Op::Break { broker, applied, zombies } => {
                let calls = self.wire.remove(&broker).unwrap_or_default();
                self.stage.sender.handle_disconnected(BrokerId(broker));
                for (at, call) in calls.into_iter().enumerate() {
                    if at < applied {
                        self.apply(broker, &call, Deal::Append);
                    }
                    self.stage.finish(&call, Answer::Lost);
                    if at >= applied && zombies {
                        self.zombies.push_back((broker, call));
                    }
                }
            }
            Op::Zombie => {
                if let Some((broker, call)) = self.zombies.pop_front() {
                    self.apply(broker, &call, Deal::Append);
                }
            }
            Op::MoveLeader { partition, broker } => {
                self.leaders[partition] = (broker, self.leaders[partition].1 + 1);
                self.tell(partition);
            }
            Op::MoveSilently { partition, broker } => {
                self.leaders[partition] = (broker, self.leaders[partition].1 + 1);
            }
            Op::TellLeaders => (0..PARTITIONS).for_each(|partition| self.tell(partition)),
        }
        self.drive();
    }

    fn tell(&mut self, partition: usize) {
        let (leader, epoch) = self.leaders[partition];
        self.stage.lead(partition, leader, epoch);
    }

    /// The faults stop: everything is delivered or over in bounded time.
    fn calm_down(&mut self) {
        self.step(&Op::TellLeaders);
        for _ in 0..2000 {
            self.step(&Op::Wait { millis: 50 });
            self.serve(1, Deal::Append);
            self.serve(2, Deal::Append);
            if self.stage.sender.unanswered() == 0 && self.wire.values().all(VecDeque::is_empty) {
                return;
            }
        }
        panic!("no progress: {} batches unanswered", self.stage.sender.unanswered());
    }

    fn check(&self, idempotent: bool) {
        let mut positions: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for log in &self.logs {
            for (at, id) in log.records.iter().enumerate() {
                positions.entry(*id).or_default().push(at);
            }
            if idempotent {
                assert!(log.records.is_sorted(), "out of order: {:?}", log.records);
            }
        }
        for (id, (completion, index)) in (0..).zip(&self.appended) {
            let answers: Vec<_> = self.stage.completions[*completion]
                .iter()
                .filter(|(records, _)| records.contains(index))
                .collect();
            assert_eq!(answers.len(), 1, "answers to record {id}");
            let found = positions.get(&id).map_or(&[][..], Vec::as_slice);
            if idempotent {
                assert!(found.len() <= 1, "record {id} is there {} times", found.len());
            }
            let (records, outcome) = answers[0];
            match outcome {
                Outcome::Written { base_offset, .. } => {
                    assert!(!found.is_empty(), "acknowledged record {id} is lost");
                    if let Some(base) = base_offset {
                        let at = usize::try_from(*base).unwrap() + (index - records.start) as usize;
                        assert!(found.contains(&at), "record {id} is not at {at}");
                    }
                }
                Outcome::Failed(failure) if failure.written == Written::No => {
                    assert!(found.is_empty(), "record {id}, said to be unwritten, is in the log");
                }
                Outcome::Failed(_) => {}
            }
        }
        assert_eq!(self.stage.reserved, 0, "memory is given back");
        assert_eq!(self.stage.sender.waiting_bytes(), 0, "nothing waits");
    }
}

fn any_deal() -> impl Strategy<Value = Deal> {
    prop_oneof![
        6 => Just(Deal::Append),
        1 => Just(Deal::Refuse(ErrorCode::NOT_ENOUGH_REPLICAS)),
        1 => Just(Deal::Refuse(ErrorCode::INVALID_RECORD)),
        1 => Just(Deal::Refuse(ErrorCode::MESSAGE_TOO_LARGE)),
        1 => Just(Deal::AppendAndFail(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND)),
        1 => Just(Deal::AppendAndFail(ErrorCode::NOT_LEADER_OR_FOLLOWER)),
    ]
}

fn any_op() -> impl Strategy<Value = Op> {
    let partition = 0..PARTITIONS;
    let broker = 1..=2_i32;
    prop_oneof![
        8 => (partition.clone(), any::<bool>())
            .prop_map(|(partition, seal)| Op::Append { partition, seal }),
        4 => prop_oneof![4 => 1..10_u64, 2 => 50..300_u64, 1 => 1000..130_000_u64]
            .prop_map(|millis| Op::Wait { millis }),
        8 => (broker.clone(), any_deal()).prop_map(|(broker, deal)| Op::Serve { broker, deal }),
        2 => (broker.clone(), 0..6_usize, any::<bool>())
            .prop_map(|(broker, applied, zombies)| Op::Break { broker, applied, zombies }),
        1 => Just(Op::Zombie),
        1 => (partition.clone(), broker.clone())
            .prop_map(|(partition, broker)| Op::MoveLeader { partition, broker }),
        1 => (partition, broker)
            .prop_map(|(partition, broker)| Op::MoveSilently { partition, broker }),
        1 => Just(Op::TellLeaders),
    ]
}

fn run(settings: SenderSettings, ops: &[Op]) {
    let idempotent = settings.idempotent;
    let mut world = World::new(settings);
    for op in ops {
        world.step(op);
    }
    world.calm_down();
    world.check(idempotent);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn idempotent_delivery_is_exactly_once_and_in_order(
        ops in prop::collection::vec(any_op(), 1..120),
        max_in_flight in 1..=5_usize,
    ) {
        run(SenderSettings { max_in_flight, ..settings() }, &ops);
    }

    #[test]
    fn delivery_without_idempotence_loses_nothing_acknowledged(
        ops in prop::collection::vec(any_op(), 1..120),
        max_in_flight in 1..=5_usize,
    ) {
        run(SenderSettings { max_in_flight, idempotent: false, ..settings() }, &ops);
    }

    #[test]
    fn few_retries_leave_the_order_and_no_duplicates(
        ops in prop::collection::vec(any_op(), 1..120),
        retries in 0..3_u32,
    ) {
        run(SenderSettings { retries, ..settings() }, &ops);
    }
}
