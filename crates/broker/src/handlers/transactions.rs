//! AddPartitionsToTxn, AddOffsetsToTxn, TxnOffsetCommit and EndTxn.

use std::collections::BTreeMap;

use milena_wire::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use milena_wire::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
};
use milena_wire::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use milena_wire::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use milena_wire::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, EndTxnRequest, EndTxnResponse, TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
};
use milena_wire::{ByteString, ErrorCode};

use super::group_offsets::{checked_offset, topic_name};
use super::{Api, Reply};
use crate::cluster::{CoordinatorKind, now_ms};
use crate::connection::Call;
use crate::storage::StoredTransaction;
use crate::transaction::ProducerIdentity;

/// AddPartitionsToTxn carries several transactions from this version on (KIP-890).
const BATCHED_VERSION: i16 = 4;
/// EndTxn gives the producer a new epoch from this version on (KIP-890).
const END_BUMPS_VERSION: i16 = 5;
/// TxnOffsetCommit adds the group to the transaction from this version on (KIP-890).
const IMPLICIT_ADD_VERSION: i16 = 5;
/// Before this version a fenced producer is told by the older name of the error (KIP-588).
const FENCED_VERSION: i16 = 2;

/// The code as a client of this version knows it.
fn for_version(call: &Call<'_>, code: ErrorCode) -> ErrorCode {
    if code == ErrorCode::PRODUCER_FENCED && call.version < FENCED_VERSION {
        return ErrorCode::INVALID_PRODUCER_EPOCH;
    }
    code
}

fn check_coordinator(call: &Call<'_>, transactional_id: &str) -> Result<(), ErrorCode> {
    let is_coordinator = call.cluster().is_coordinator(
        CoordinatorKind::Transaction,
        transactional_id,
        call.peer.node_id,
    );
    if is_coordinator { Ok(()) } else { Err(ErrorCode::NOT_COORDINATOR) }
}

impl Api for AddPartitionsToTxnRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<AddPartitionsToTxnResponse> {
        let results =
            self.by_transaction(call).iter().map(|asked| add_partitions(call, asked)).collect();
        Reply::Response(respond(call, results))
    }

    fn refused(&self, call: &Call<'_>, code: ErrorCode) -> AddPartitionsToTxnResponse {
        let asked = self.by_transaction(call);
        let mut response =
            respond(call, asked.iter().map(|asked| added(asked, |_, _| code)).collect());
        if call.version >= BATCHED_VERSION {
            response.error_code = code.0;
        }
        response
    }

    fn throttle(response: &mut AddPartitionsToTxnResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

trait ByTransaction {
    fn by_transaction(&self, call: &Call<'_>) -> Vec<AddPartitionsToTxnTransaction>;
}

impl ByTransaction for AddPartitionsToTxnRequest {
    fn by_transaction(&self, call: &Call<'_>) -> Vec<AddPartitionsToTxnTransaction> {
        if call.version >= BATCHED_VERSION {
            return self.transactions.clone();
        }
        vec![AddPartitionsToTxnTransaction {
            transactional_id: self.v3_and_below_transactional_id.clone(),
            producer_id: self.v3_and_below_producer_id,
            producer_epoch: self.v3_and_below_producer_epoch,
            topics: self.v3_and_below_topics.clone(),
            ..Default::default()
        }]
    }
}

/// Codes of partitions by topic and number.
type Codes = BTreeMap<(ByteString, i32), ErrorCode>;

fn add_partitions(
    call: &Call<'_>,
    asked: &AddPartitionsToTxnTransaction,
) -> AddPartitionsToTxnResult {
    if let Err(code) = check_coordinator(call, &asked.transactional_id) {
        return added(asked, |_, _| code);
    }
    let all: Vec<(ByteString, i32)> = asked
        .topics
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|&index| (topic.name.clone(), index)))
        .collect();
    let (refused, hidden) = obstacles(call, &all);
    let code_in =
        |codes: &Codes, topic: &ByteString, index: i32| codes.get(&(topic.clone(), index)).copied();
    if !refused.is_empty() {
        // All or nothing: the good ones are told that they were not tried.
        return added(asked, |topic, index| {
            code_in(&refused, topic, index).unwrap_or(ErrorCode::OPERATION_NOT_ATTEMPTED)
        });
    }
    let producer =
        ProducerIdentity { producer_id: asked.producer_id, producer_epoch: asked.producer_epoch };
    let mut transactions = call.cluster().transactions.lock();
    if asked.verify_only {
        return added(asked, |topic, index| {
            let covers = transactions.covers(&asked.transactional_id, producer, topic, index);
            if covers { ErrorCode::NONE } else { ErrorCode::TRANSACTION_ABORTABLE }
        });
    }
    let now = (call.seen.at, now_ms());
    match transactions.add(&asked.transactional_id, producer, all, [], now) {
        Ok(()) => {
            added(asked, |topic, index| code_in(&hidden, topic, index).unwrap_or(ErrorCode::NONE))
        }
        Err(code) => added(asked, |_, _| for_version(call, code)),
    }
}

/// Partitions that are not added, and partitions whose adding a fault hides, with what is said of them.
fn obstacles(call: &Call<'_>, partitions: &[(ByteString, i32)]) -> (Codes, Codes) {
    let (mut refused, mut hidden) = (Codes::new(), Codes::new());
    for (topic, index) in partitions {
        let effects = call.partition_effects(topic, *index);
        let unknown = || call.known_partition(topic, *index).err();
        if let Some(code) = effects.error.or_else(unknown) {
            refused.insert((topic.clone(), *index), code);
        } else if let Some(code) = effects.error_after {
            hidden.insert((topic.clone(), *index), code);
        }
    }
    (refused, hidden)
}

fn added(
    asked: &AddPartitionsToTxnTransaction,
    code: impl Fn(&ByteString, i32) -> ErrorCode,
) -> AddPartitionsToTxnResult {
    let topic = |topic: &AddPartitionsToTxnTopic| AddPartitionsToTxnTopicResult {
        name: topic.name.clone(),
        results_by_partition: topic
            .partitions
            .iter()
            .map(|&partition_index| AddPartitionsToTxnPartitionResult {
                partition_index,
                partition_error_code: code(&topic.name, partition_index).0,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    AddPartitionsToTxnResult {
        transactional_id: asked.transactional_id.clone(),
        topic_results: asked.topics.iter().map(topic).collect(),
        ..Default::default()
    }
}

fn respond(
    call: &Call<'_>,
    mut results: Vec<AddPartitionsToTxnResult>,
) -> AddPartitionsToTxnResponse {
    if call.version >= BATCHED_VERSION {
        return AddPartitionsToTxnResponse {
            results_by_transaction: results,
            ..Default::default()
        };
    }
    let results_by_topic_v3_and_below = results.pop().unwrap_or_default().topic_results;
    AddPartitionsToTxnResponse { results_by_topic_v3_and_below, ..Default::default() }
}

impl Api for AddOffsetsToTxnRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<AddOffsetsToTxnResponse> {
        let producer =
            ProducerIdentity { producer_id: self.producer_id, producer_epoch: self.producer_epoch };
        let added = check_coordinator(call, &self.transactional_id).and_then(|()| {
            let mut transactions = call.cluster().transactions.lock();
            let now = (call.seen.at, now_ms());
            transactions.add(&self.transactional_id, producer, [], [self.group_id.clone()], now)
        });
        let code = added.err().map_or(ErrorCode::NONE, |code| for_version(call, code));
        Reply::Response(self.refused(call, code))
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> AddOffsetsToTxnResponse {
        AddOffsetsToTxnResponse { error_code: code.0, ..Default::default() }
    }

    fn throttle(response: &mut AddOffsetsToTxnResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

impl Api for EndTxnRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<EndTxnResponse> {
        Reply::Response(match end(&self, call) {
            Ok(producer) if call.version >= END_BUMPS_VERSION => EndTxnResponse {
                producer_id: producer.producer_id,
                producer_epoch: producer.producer_epoch,
                ..Default::default()
            },
            Ok(_) => EndTxnResponse::default(),
            Err(code) => self.refused(call, for_version(call, code)),
        })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> EndTxnResponse {
        EndTxnResponse { error_code: code.0, ..Default::default() }
    }

    fn throttle(response: &mut EndTxnResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn end(request: &EndTxnRequest, call: &Call<'_>) -> Result<ProducerIdentity, ErrorCode> {
    check_coordinator(call, &request.transactional_id)?;
    let cluster = call.cluster();
    let producer = ProducerIdentity {
        producer_id: request.producer_id,
        producer_epoch: request.producer_epoch,
    };
    let bumps = call.version >= END_BUMPS_VERSION;
    let (ending, next) = {
        let mut transactions = cluster.transactions.lock();
        let next_id = || cluster.next_producer_id();
        transactions.end(&request.transactional_id, producer, request.committed, bumps, next_id)?
    };
    if let Some(ending) = ending {
        cluster.write_ending(&ending);
    }
    if next != producer {
        let timeout =
            cluster.transactions.lock().get(&request.transactional_id).map(|known| known.timeout);
        let stored = StoredTransaction {
            producer_id: next.producer_id,
            producer_epoch: next.producer_epoch,
            timeout_ms: i32::try_from(timeout.unwrap_or_default().as_millis()).unwrap_or(i32::MAX),
        };
        cluster.journal(|journal| journal.transaction(&request.transactional_id, &stored));
    }
    Ok(next)
}

impl Api for TxnOffsetCommitRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<TxnOffsetCommitResponse> {
        if let Err(code) = allowed(&self, call) {
            return Reply::Response(self.refused(call, for_version(call, code)));
        }
        Reply::Response(committed(&self, |topic, partition| {
            let name = topic_name(call, &topic.name, topic.topic_id)?;
            call.with_faults(&name, partition.partition_index, || {
                commit(&self, call, &name, partition)
            })
        }))
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> TxnOffsetCommitResponse {
        committed(self, |_, _| Err(code))
    }

    fn throttle(response: &mut TxnOffsetCommitResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn allowed(request: &TxnOffsetCommitRequest, call: &Call<'_>) -> Result<(), ErrorCode> {
    call.check_group(&request.group_id)?;
    let producer = ProducerIdentity {
        producer_id: request.producer_id,
        producer_epoch: request.producer_epoch,
    };
    {
        let mut transactions = call.cluster().transactions.lock();
        transactions.check(&request.transactional_id, producer)?;
        if call.version >= IMPLICIT_ADD_VERSION {
            let group = [request.group_id.clone()];
            transactions.add(
                &request.transactional_id,
                producer,
                [],
                group,
                (call.seen.at, now_ms()),
            )?;
        }
    }
    let (instance, generation) =
        (request.group_instance_id.as_deref(), request.generation_id_or_member_epoch);
    call.cluster().groups.with(|groups| {
        groups.check_transactional_commit(
            &request.group_id,
            &request.member_id,
            instance,
            generation,
        )
    })
}

/// The answer to a request, with what `commit` makes of each partition.
fn committed(
    request: &TxnOffsetCommitRequest,
    commit: impl Fn(
        &TxnOffsetCommitRequestTopic,
        &TxnOffsetCommitRequestPartition,
    ) -> Result<(), ErrorCode>,
) -> TxnOffsetCommitResponse {
    let topic = |topic: &TxnOffsetCommitRequestTopic| TxnOffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic
            .partitions
            .iter()
            .map(|partition| TxnOffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: commit(topic, partition).err().unwrap_or(ErrorCode::NONE).0,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    let topics = request.topics.iter().map(topic).collect();
    TxnOffsetCommitResponse { topics, ..Default::default() }
}

fn commit(
    request: &TxnOffsetCommitRequest,
    call: &Call<'_>,
    topic: &ByteString,
    asked: &TxnOffsetCommitRequestPartition,
) -> Result<(), ErrorCode> {
    let index = asked.partition_index;
    let (offset, leader_epoch) = (asked.committed_offset, asked.committed_leader_epoch);
    let metadata = asked.committed_metadata.clone();
    let offset = checked_offset(call, topic, index, (offset, leader_epoch), metadata)?;
    call.cluster().groups.with(|groups| {
        let key = (topic.clone(), index);
        groups.commit_in_transaction(&request.group_id, request.producer_id, key, offset);
    });
    Ok(())
}
