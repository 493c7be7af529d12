//! What the transactions of the model meet: the leader of every partition, the coordinator of the
//! transactions, and that of a group. They do what they are asked and no more, and fail the test when
//! they are asked for what no honest producer asks for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use milena_wire::ErrorCode;
use milena_wire::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use milena_wire::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use milena_wire::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse, InitProducerIdRequest,
    InitProducerIdResponse, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use milena_wire::records::RecordBatches;

use super::super::ProduceCall;
use crate::producer::{CoordinatorFeatures, TransactionAnswer, TransactionRequest};

/// A partition at its leader.
#[derive(Default)]
pub(super) struct Log {
    epoch: i16,
    /// First and last sequence of the last batches.
    batches: VecDeque<(i32, i32)>,
    /// Records of the transaction that is open.
    open: Vec<u32>,
    pub(super) committed: Vec<u32>,
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

/// Offsets by partition.
pub(super) type Offsets = BTreeMap<i32, i64>;

/// The group whose offsets are sent.
#[derive(Default)]
struct Group {
    /// The coordinator of the transactions knows that it is part of the one that is open.
    is_added: bool,
    open: Offsets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Empty,
    Ongoing,
    Complete { commits: bool },
}

/// What a coordinator answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    Code(ErrorCode),
    /// Something that asking again does not mend, where there is such a thing.
    Never,
}

impl Said {
    fn code(self, never: ErrorCode) -> i16 {
        match self {
            Self::Code(code) => code.0,
            Self::Never => never.0,
        }
    }
}

pub(super) struct Cluster {
    features: CoordinatorFeatures,
    pub(super) logs: Vec<Log>,
    epoch: i16,
    ended: Ended,
    /// The partitions of the transaction that is open.
    partitions: BTreeSet<i32>,
    group: Group,
    /// What each commit that had offsets committed.
    pub(super) committed_offsets: Vec<Offsets>,
}

impl Cluster {
    pub(super) fn new(features: CoordinatorFeatures, partitions: usize) -> Self {
        Self {
            features,
            logs: (0..partitions).map(|_| Log::default()).collect(),
            epoch: 0,
            ended: Ended::Empty,
            partitions: BTreeSet::new(),
            group: Group::default(),
            committed_offsets: Vec::new(),
        }
    }

    const fn is_second(&self) -> bool {
        self.features.transaction_version == 2
    }

    /// What the leader does with the request, by partition. One that comes late may be of a
    /// transaction that is over; of any other the leader is asked for what it can do.
    pub(super) fn produce(&mut self, call: &ProduceCall, is_late: bool) -> Vec<(i32, ErrorCode)> {
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
            let code = self.admit(data.index, batch.producer_epoch());
            assert!(is_late || code == ErrorCode::NONE, "partition {}: {code}", data.index);
            let log = &mut self.logs[usize::try_from(data.index).unwrap()];
            let code = match code {
                ErrorCode::NONE => log.append(batch.producer_epoch(), batch.base_sequence(), &ids),
                code => code,
            };
            (data.index, code)
        })
        .collect()
    }

    /// Whether records of that epoch may go to the partition.
    fn admit(&mut self, partition: i32, epoch: i16) -> ErrorCode {
        if epoch != self.epoch {
            return ErrorCode::INVALID_PRODUCER_EPOCH;
        }
        if self.is_second() {
            self.ended = Ended::Ongoing;
            self.partitions.insert(partition);
        } else if !self.partitions.contains(&partition) {
            return ErrorCode::INVALID_TXN_STATE;
        }
        ErrorCode::NONE
    }

    /// What a coordinator does, if the request reaches it, and answers.
    pub(super) fn coordinate(
        &mut self,
        request: &TransactionRequest,
        is_applied: bool,
        said: Said,
    ) -> TransactionAnswer {
        let unavailable = said.code(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        match request {
            TransactionRequest::InitProducerId(request) => {
                let mut response = InitProducerIdResponse::default();
                if is_applied {
                    response = self.initialize(request);
                }
                response.error_code = unavailable;
                TransactionAnswer::InitProducerId(response, self.features)
            }
            TransactionRequest::AddPartitions(request) => {
                if is_applied {
                    self.add_partitions(request);
                }
                TransactionAnswer::AddPartitions(partitions_added(request, said))
            }
            TransactionRequest::AddOffsets(request) => {
                if is_applied {
                    self.add_group(request);
                }
                TransactionAnswer::AddOffsets(AddOffsetsToTxnResponse {
                    error_code: said.code(ErrorCode::GROUP_AUTHORIZATION_FAILED),
                    ..AddOffsetsToTxnResponse::default()
                })
            }
            TransactionRequest::CommitOffsets(request) => {
                if is_applied {
                    self.commit_offsets(request);
                }
                TransactionAnswer::CommitOffsets(offsets_committed(request, said))
            }
            TransactionRequest::End(request) => {
                let mut response = EndTxnResponse::default();
                if is_applied {
                    response = self.end(request);
                }
                response.error_code = unavailable;
                TransactionAnswer::End(response, self.features)
            }
        }
    }

    fn initialize(&mut self, request: &InitProducerIdRequest) -> InitProducerIdResponse {
        if request.producer_id >= 0 {
            assert!(request.producer_epoch == self.epoch || self.ended == Ended::Empty);
            if request.producer_epoch == self.epoch {
                self.epoch += 1;
            }
        }
        // What the coordinator still holds open it aborts.
        self.end_contents(false);
        self.ended = Ended::Empty;
        InitProducerIdResponse {
            producer_id: 7,
            producer_epoch: self.epoch,
            ..InitProducerIdResponse::default()
        }
    }

    fn add_partitions(&mut self, request: &AddPartitionsToTxnRequest) {
        assert!(!self.is_second(), "records add their partitions");
        assert_eq!(request.v3_and_below_producer_epoch, self.epoch);
        self.ended = Ended::Ongoing;
        let topics = request.v3_and_below_topics.iter();
        self.partitions.extend(topics.flat_map(|topic| topic.partitions.iter()));
    }

    fn add_group(&mut self, request: &AddOffsetsToTxnRequest) {
        assert!(!self.is_second(), "offsets add their group");
        assert_eq!(request.producer_epoch, self.epoch);
        self.ended = Ended::Ongoing;
        self.group.is_added = true;
    }

    fn commit_offsets(&mut self, request: &TxnOffsetCommitRequest) {
        assert_eq!(request.producer_epoch, self.epoch);
        if self.is_second() {
            self.ended = Ended::Ongoing;
            self.group.is_added = true;
        }
        assert!(self.group.is_added, "nobody would end the offsets");
        let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
        self.group.open.extend(partitions.map(|one| (one.partition_index, one.committed_offset)));
    }

    fn end_contents(&mut self, commits: bool) {
        for index in std::mem::take(&mut self.partitions) {
            self.logs[usize::try_from(index).unwrap()].end(commits, self.epoch);
        }
        let group = std::mem::take(&mut self.group);
        if commits && !group.open.is_empty() {
            self.committed_offsets.push(group.open);
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
            self.end_contents(commits);
            self.ended = Ended::Complete { commits };
        }
        if self.is_second() {
            (response.producer_id, response.producer_epoch) = (7, self.epoch);
        }
        response
    }
}

/// The same for every partition; or the first is refused, and the others were not tried.
fn partitions_added(request: &AddPartitionsToTxnRequest, said: Said) -> AddPartitionsToTxnResponse {
    let topic = &request.v3_and_below_topics[0];
    let never = |at| match at {
        0 => ErrorCode::TOPIC_AUTHORIZATION_FAILED,
        _ => ErrorCode::OPERATION_NOT_ATTEMPTED,
    };
    let result = |(at, partition_index): (usize, &i32)| AddPartitionsToTxnPartitionResult {
        partition_index: *partition_index,
        partition_error_code: said.code(never(at)),
        ..AddPartitionsToTxnPartitionResult::default()
    };
    let results = AddPartitionsToTxnTopicResult {
        name: topic.name.clone(),
        results_by_partition: topic.partitions.iter().enumerate().map(result).collect(),
        ..AddPartitionsToTxnTopicResult::default()
    };
    AddPartitionsToTxnResponse {
        results_by_topic_v3_and_below: vec![results],
        ..AddPartitionsToTxnResponse::default()
    }
}

fn offsets_committed(request: &TxnOffsetCommitRequest, said: Said) -> TxnOffsetCommitResponse {
    let topics = request.topics.iter().map(|topic| TxnOffsetCommitResponseTopic {
        name: topic.name.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| TxnOffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: said.code(ErrorCode::ILLEGAL_GENERATION),
                ..TxnOffsetCommitResponsePartition::default()
            })
            .collect(),
        ..TxnOffsetCommitResponseTopic::default()
    });
    TxnOffsetCommitResponse { topics: topics.collect(), ..TxnOffsetCommitResponse::default() }
}
