//! What the coordinators are asked, and when.

use std::collections::BTreeMap;
use std::time::Instant;

use milena_wire::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use milena_wire::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use milena_wire::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse, InitProducerIdRequest,
    InitProducerIdResponse, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use milena_wire::{ByteString, ErrorCode};

use super::{
    Contents, Membership, ProducerIdentity, TransactionEnd, TransactionEvent, TransactionMachine,
    TransactionOffsets, TransactionState,
};
use crate::TopicPartition;

/// The last version of AddPartitionsToTxn for clients; later ones are for brokers (KIP-890).
const ADD_PARTITIONS_MAX: i16 = 3;
/// The last versions before the second protocol of transactions (KIP-890).
const END_MAX_BEFORE_SECOND: i16 = 4;
const COMMIT_MAX_BEFORE_SECOND: i16 = 4;
/// The last version of TxnOffsetCommit that names topics by name.
const COMMIT_MAX_WITH_NAMES: i16 = 5;

/// What a coordinator said of itself when the connection to it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoordinatorFeatures {
    /// The level of `transaction.version`; 0 if the cluster has none.
    pub transaction_version: i16,
    /// Whether InitProducerId can name the present epoch and get the next one (version 3, KIP-360).
    pub bumps_epoch: bool,
}

/// A request to a coordinator.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionRequest {
    /// To the transaction's coordinator.
    InitProducerId(InitProducerIdRequest),
    /// To the transaction's coordinator.
    AddPartitions(AddPartitionsToTxnRequest),
    /// To the transaction's coordinator.
    AddOffsets(AddOffsetsToTxnRequest),
    /// To the coordinator of the group that it names.
    CommitOffsets(TxnOffsetCommitRequest),
    /// To the transaction's coordinator.
    End(EndTxnRequest),
}

/// A request, and how it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionCall {
    /// The request.
    pub request: TransactionRequest,
    /// The highest version that it may have.
    pub version_max: i16,
    /// Whether the coordinator has to be looked up anew, because the one that was known is of no use.
    pub is_stale: bool,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionAnswer {
    /// InitProducerId was answered, by a coordinator with these features.
    InitProducerId(InitProducerIdResponse, CoordinatorFeatures),
    /// AddPartitionsToTxn was answered.
    AddPartitions(AddPartitionsToTxnResponse),
    /// AddOffsetsToTxn was answered.
    AddOffsets(AddOffsetsToTxnResponse),
    /// TxnOffsetCommit was answered.
    CommitOffsets(TxnOffsetCommitResponse),
    /// EndTxn was answered, by a coordinator with these features.
    End(EndTxnResponse, CoordinatorFeatures),
    /// No coordinator could be found, for this reason.
    NoCoordinator(ErrorCode),
    /// No answer came; the coordinator may have acted.
    Lost,
    /// The answer cannot be read; the text says why.
    Malformed(&'static str),
    /// The request cannot be written for this coordinator; the text says why.
    Unsupported(String),
}

/// The request in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Initialize,
    AddPartitions,
    AddOffsets,
    CommitOffsets,
    End(TransactionEnd),
}

impl TransactionMachine {
    /// The next request, if one can be sent. `is_drained` tells whether every record is answered.
    pub(in crate::producer) fn poll_call(
        &mut self,
        is_drained: bool,
        now: Instant,
    ) -> Option<TransactionCall> {
        if self.in_flight.is_some() || self.retry_at.is_some_and(|at| at > now) {
            return None;
        }
        // The first look may end a transaction that needs no request, and the second begins what follows.
        let step = self.next_step(is_drained).or_else(|| self.next_step(is_drained))?;
        let (request, version_max) = match step {
            Step::Initialize => {
                (TransactionRequest::InitProducerId(self.initialization()), i16::MAX)
            }
            Step::AddPartitions => {
                (TransactionRequest::AddPartitions(self.partitions()), ADD_PARTITIONS_MAX)
            }
            Step::AddOffsets => (TransactionRequest::AddOffsets(self.group()?), i16::MAX),
            Step::CommitOffsets => {
                let limit = if self.is_second_protocol {
                    COMMIT_MAX_WITH_NAMES
                } else {
                    COMMIT_MAX_BEFORE_SECOND
                };
                (TransactionRequest::CommitOffsets(self.offsets()?), limit)
            }
            Step::End(end) => {
                let limit = if self.is_second_protocol { i16::MAX } else { END_MAX_BEFORE_SECOND };
                (TransactionRequest::End(self.ending(end)), limit)
            }
        };
        self.in_flight = Some(step);
        self.retry_at = None;
        let is_stale = std::mem::take(&mut self.is_stale);
        Some(TransactionCall { request, version_max, is_stale })
    }

    fn next_step(&mut self, is_drained: bool) -> Option<Step> {
        let end = match self.state {
            TransactionState::Initializing { .. } => return Some(Step::Initialize),
            TransactionState::InTransaction => None,
            TransactionState::CommittingTransaction => Some(TransactionEnd::Commit),
            TransactionState::AbortingTransaction => Some(TransactionEnd::Abort),
            TransactionState::Uninitialized
            | TransactionState::Ready
            | TransactionState::AbortableError(_)
            | TransactionState::FatalError(_) => return None,
        };
        // When aborting, what the coordinator may know of is confirmed before it is ended: an
        // EndTxn that overtakes it would leave it open.
        if !self.contents.joining.is_empty() {
            return Some(Step::AddPartitions);
        }
        if self.contents.groups.values().any(|membership| *membership != Membership::Added) {
            return Some(Step::AddOffsets);
        }
        if !self.contents.offsets.is_empty() {
            return Some(Step::CommitOffsets);
        }
        let end = end.filter(|_| is_drained)?;
        if self.contents.has_started {
            return Some(Step::End(end));
        }
        // The coordinator knows nothing that would have to be ended.
        self.complete(end);
        None
    }

    /// The transaction is over for the coordinator.
    pub(super) fn complete(&mut self, end: TransactionEnd) {
        self.contents = Contents::default();
        self.effects.has_ended = true;
        let was_second =
            std::mem::replace(&mut self.is_second_protocol, self.features.transaction_version >= 2);
        // Spec: KIP-890#upgrade: the first transaction of the second protocol has an epoch of its own,
        // so that nothing that belongs to one of the first can be taken for a part of it.
        let is_upgrade = self.is_second_protocol && !was_second;
        if (self.needs_bump && self.features.bumps_epoch) || is_upgrade {
            self.state = TransactionState::Initializing { ended: Some(end) };
        } else {
            self.finish(end);
        }
    }

    /// The next transaction can begin.
    pub(super) fn finish(&mut self, end: TransactionEnd) {
        self.needs_bump = false;
        self.state = TransactionState::Ready;
        self.last_end = Some(end);
        self.events.push_back(TransactionEvent::Ended(self.number, end));
    }

    /// Every sequence starts again.
    pub(super) fn adopt(&mut self, identity: ProducerIdentity) {
        self.identity = Some(identity);
        self.needs_bump = false;
        self.effects.identity = Some(identity);
    }

    fn producer(&self) -> (i64, i16) {
        self.identity.map_or((-1, -1), |known| (known.id.0, known.epoch.0))
    }

    fn initialization(&self) -> InitProducerIdRequest {
        // Coordinators that know no such fields give the next epoch to whoever asks first.
        let (producer_id, producer_epoch) = self.producer();
        let timeout_ms = i32::try_from(self.settings.timeout.as_millis());
        InitProducerIdRequest {
            transactional_id: Some(self.settings.transactional_id.clone()),
            transaction_timeout_ms: timeout_ms.unwrap_or(i32::MAX),
            producer_id,
            producer_epoch,
            ..InitProducerIdRequest::default()
        }
    }

    fn partitions(&mut self) -> AddPartitionsToTxnRequest {
        let mut topics: Vec<AddPartitionsToTxnTopic> = Vec::new();
        for (partition, joining) in &mut self.contents.joining {
            joining.was_sent = true;
            if topics.last().is_none_or(|topic| topic.name != partition.topic) {
                let name = partition.topic.clone();
                topics.push(AddPartitionsToTxnTopic { name, ..Default::default() });
            }
            if let Some(topic) = topics.last_mut() {
                topic.partitions.push(partition.partition);
            }
        }
        let (producer_id, producer_epoch) = self.producer();
        AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.settings.transactional_id.clone(),
            v3_and_below_producer_id: producer_id,
            v3_and_below_producer_epoch: producer_epoch,
            v3_and_below_topics: topics,
            ..AddPartitionsToTxnRequest::default()
        }
    }

    fn group(&mut self) -> Option<AddOffsetsToTxnRequest> {
        let (producer_id, producer_epoch) = self.producer();
        let transactional_id = self.settings.transactional_id.clone();
        let mut groups = self.contents.groups.iter_mut();
        let (group_id, membership) = groups.find(|(_, state)| **state != Membership::Added)?;
        *membership = Membership::Sent;
        Some(AddOffsetsToTxnRequest {
            transactional_id,
            producer_id,
            producer_epoch,
            group_id: group_id.clone(),
            ..AddOffsetsToTxnRequest::default()
        })
    }

    fn offsets(&mut self) -> Option<TxnOffsetCommitRequest> {
        let (_, commit) = self.contents.offsets.front()?;
        let TransactionOffsets { group_id, member_id, generation_id, group_instance_id, offsets } =
            commit;
        let mut topics: BTreeMap<&ByteString, Vec<TxnOffsetCommitRequestPartition>> =
            BTreeMap::new();
        for (TopicPartition { topic, partition }, offset) in offsets {
            topics.entry(topic).or_default().push(TxnOffsetCommitRequestPartition {
                partition_index: *partition,
                committed_offset: offset.offset,
                committed_leader_epoch: offset.leader_epoch.unwrap_or(-1),
                committed_metadata: Some(ByteString::from(offset.metadata.as_str())),
                ..TxnOffsetCommitRequestPartition::default()
            });
        }
        let topic = |(name, partitions): (&ByteString, _)| TxnOffsetCommitRequestTopic {
            name: name.clone(),
            partitions,
            ..TxnOffsetCommitRequestTopic::default()
        };
        let (producer_id, producer_epoch) = self.producer();
        let request = TxnOffsetCommitRequest {
            transactional_id: self.settings.transactional_id.clone(),
            group_id: group_id.clone(),
            producer_id,
            producer_epoch,
            generation_id_or_member_epoch: *generation_id,
            member_id: member_id.clone(),
            group_instance_id: group_instance_id.clone(),
            topics: topics.into_iter().map(topic).collect(),
            ..TxnOffsetCommitRequest::default()
        };
        // With the second protocol this is what adds the group.
        self.contents.has_started |= self.is_second_protocol;
        Some(request)
    }

    fn ending(&self, end: TransactionEnd) -> EndTxnRequest {
        let (producer_id, producer_epoch) = self.producer();
        EndTxnRequest {
            transactional_id: self.settings.transactional_id.clone(),
            producer_id,
            producer_epoch,
            committed: end == TransactionEnd::Commit,
            ..EndTxnRequest::default()
        }
    }
}
