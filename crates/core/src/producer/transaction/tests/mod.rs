//! The machine under a virtual clock: every way through the states, and every class of error.

mod errors;
mod states;

use std::collections::BTreeMap;

use milena_wire::ErrorCode;
use milena_wire::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use milena_wire::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use milena_wire::messages::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, EndTxnResponse, InitProducerIdResponse,
    TxnOffsetCommitResponse,
};

use super::*;
use crate::producer::sequence::{ProducerEpoch, ProducerId};

const PAUSE: Duration = Duration::from_millis(100);
const FIRST: CoordinatorFeatures =
    CoordinatorFeatures { transaction_version: 0, bumps_epoch: true };
const OLD: CoordinatorFeatures = CoordinatorFeatures { transaction_version: 0, bumps_epoch: false };
const SECOND: CoordinatorFeatures =
    CoordinatorFeatures { transaction_version: 2, bumps_epoch: true };

struct Play {
    machine: TransactionMachine,
    features: CoordinatorFeatures,
    now: Instant,
    is_drained: bool,
}

impl Play {
    fn new(features: CoordinatorFeatures) -> Self {
        let settings = TransactionSettings {
            transactional_id: "payments".into(),
            timeout: Duration::from_secs(60),
        };
        let machine = TransactionMachine::new(settings, Backoff::new(PAUSE, PAUSE), 1);
        Self { machine, features, now: Instant::now(), is_drained: true }
    }

    /// A producer that is ready, with id 7 in epoch 0.
    fn ready(features: CoordinatorFeatures) -> Self {
        let mut play = Self::new(features);
        assert_eq!(play.machine.initialize(), Ok(Ending::Waiting));
        assert_eq!(play.request(), "InitProducerId(-1, -1)");
        play.initialized(0);
        assert_eq!(play.state(), "READY");
        assert_eq!(play.machine.poll_event(), Some(TransactionEvent::Initialized));
        play
    }

    /// A producer whose transaction has partition 0.
    fn open(features: CoordinatorFeatures) -> Self {
        let mut play = Self::ready(features);
        play.machine.begin().unwrap();
        play.add(0);
        if features.transaction_version < 2 {
            assert_eq!(play.request(), "AddPartitionsToTxn(t-0)");
            play.added(ErrorCode::NONE);
        }
        assert_eq!(play.machine.take_effects().admitted, [PartitionKey(0)]);
        play
    }

    fn state(&self) -> &'static str {
        self.machine.state().name()
    }

    fn add(&mut self, partition: i32) {
        let key = PartitionKey(usize::try_from(partition).unwrap());
        self.machine.add_partition(TopicPartition::new("t", partition), key);
    }

    fn call(&mut self) -> Option<TransactionCall> {
        self.machine.poll_call(self.is_drained, self.now)
    }

    /// The next request, in short; empty if there is none.
    fn request(&mut self) -> String {
        let Some(call) = self.call() else { return String::new() };
        match call.request {
            TransactionRequest::InitProducerId(request) => {
                format!("InitProducerId({}, {})", request.producer_id, request.producer_epoch)
            }
            TransactionRequest::AddPartitions(request) => {
                let topics = request.v3_and_below_topics.iter();
                let names: Vec<String> = topics
                    .flat_map(|topic| {
                        topic.partitions.iter().map(|index| format!("{}-{index}", topic.name))
                    })
                    .collect();
                format!("AddPartitionsToTxn({})", names.join(", "))
            }
            TransactionRequest::AddOffsets(request) => {
                format!("AddOffsetsToTxn({})", request.group_id)
            }
            TransactionRequest::CommitOffsets(request) => {
                let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
                let offsets: Vec<i64> = partitions.map(|one| one.committed_offset).collect();
                format!(
                    "TxnOffsetCommit({}, {}, {}, {offsets:?})",
                    request.group_id, request.member_id, request.generation_id_or_member_epoch
                )
            }
            TransactionRequest::End(request) => format!(
                "EndTxn({}, {}, {})",
                request.producer_id, request.producer_epoch, request.committed
            ),
        }
    }

    fn answer(&mut self, answer: TransactionAnswer) {
        self.machine.handle_answer(answer, self.now);
    }

    fn initialized_with(&mut self, code: ErrorCode, producer_epoch: i16) {
        let response = InitProducerIdResponse {
            error_code: code.0,
            producer_id: 7,
            producer_epoch,
            ..InitProducerIdResponse::default()
        };
        self.answer(TransactionAnswer::InitProducerId(response, self.features));
    }

    fn initialized(&mut self, producer_epoch: i16) {
        self.initialized_with(ErrorCode::NONE, producer_epoch);
    }

    /// Answers for every partition that was asked for.
    fn added(&mut self, code: ErrorCode) {
        let asked = self.machine.contents.joining.keys().map(|partition| (partition, code));
        let answer = TransactionAnswer::AddPartitions(partitions(asked));
        self.answer(answer);
    }

    fn group_added(&mut self, code: ErrorCode) {
        let response =
            AddOffsetsToTxnResponse { error_code: code.0, ..AddOffsetsToTxnResponse::default() };
        self.answer(TransactionAnswer::AddOffsets(response));
    }

    fn committed(&mut self, codes: &[(i32, ErrorCode)]) {
        let partitions = codes
            .iter()
            .map(|(partition_index, code)| TxnOffsetCommitResponsePartition {
                partition_index: *partition_index,
                error_code: code.0,
                ..TxnOffsetCommitResponsePartition::default()
            })
            .collect();
        let topic = TxnOffsetCommitResponseTopic {
            name: "in".into(),
            partitions,
            ..TxnOffsetCommitResponseTopic::default()
        };
        let response =
            TxnOffsetCommitResponse { topics: vec![topic], ..TxnOffsetCommitResponse::default() };
        self.answer(TransactionAnswer::CommitOffsets(response));
    }

    fn ended(&mut self, code: ErrorCode) {
        let epoch = self.machine.identity.unwrap().epoch.0;
        let is_second = self.machine.adds_implicitly() && code == ErrorCode::NONE;
        let (producer_id, producer_epoch) = if is_second { (7, epoch + 1) } else { (-1, -1) };
        let response = EndTxnResponse {
            error_code: code.0,
            producer_id,
            producer_epoch,
            ..EndTxnResponse::default()
        };
        self.answer(TransactionAnswer::End(response, self.features));
    }

    fn end(&mut self, end: TransactionEnd) -> Result<Ending, TransactionFailure> {
        self.machine.end(self.machine.number, end)
    }

    fn offsets(&mut self) -> Result<OffsetsId, TransactionFailure> {
        let offset = |offset| OffsetAndMetadata { offset, ..OffsetAndMetadata::default() };
        let offsets = TransactionOffsets {
            group_id: "g".into(),
            generation_id: 3,
            member_id: "m".into(),
            group_instance_id: None,
            offsets: BTreeMap::from([
                (TopicPartition::new("in", 0), offset(5)),
                (TopicPartition::new("in", 1), offset(6)),
            ]),
        };
        self.machine.send_offsets(self.machine.number, offsets)
    }

    fn failure(&mut self) -> Option<(Severity, String)> {
        match self.machine.poll_event()? {
            TransactionEvent::Failed(failure) => Some((failure.severity, failure.to_string())),
            other => panic!("{other:?}"),
        }
    }

    fn wait(&mut self) {
        let at = self.machine.deadline(self.now).expect("there is something to wait for");
        self.now = at;
    }
}

fn partitions<'a>(
    codes: impl Iterator<Item = (&'a TopicPartition, ErrorCode)>,
) -> AddPartitionsToTxnResponse {
    let topics = codes
        .map(|(partition, code)| AddPartitionsToTxnTopicResult {
            name: partition.topic.clone(),
            results_by_partition: vec![AddPartitionsToTxnPartitionResult {
                partition_index: partition.partition,
                partition_error_code: code.0,
                ..AddPartitionsToTxnPartitionResult::default()
            }],
            ..AddPartitionsToTxnTopicResult::default()
        })
        .collect();
    AddPartitionsToTxnResponse {
        results_by_topic_v3_and_below: topics,
        ..AddPartitionsToTxnResponse::default()
    }
}

fn identity(epoch: i16) -> ProducerIdentity {
    ProducerIdentity { id: ProducerId(7), epoch: ProducerEpoch(epoch) }
}
