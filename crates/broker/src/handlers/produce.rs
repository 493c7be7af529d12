//! Produce: batches into the logs.

use std::sync::Arc;

use bytes::Bytes;
use milena_wire::messages::produce_request::PartitionProduceData;
use milena_wire::messages::produce_response::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse,
    TopicProduceResponse,
};
use milena_wire::messages::{ProduceRequest, ProduceResponse};
use milena_wire::{ByteString, ErrorCode, Uuid};

use super::{Api, Reply};
use crate::cluster::{Topic, now_ms};
use crate::connection::Call;
use crate::log::{BatchRules, InvalidBatches, ValidBatch, validate};
use crate::transaction::ProducerIdentity;

/// Topics are named by id from this version on.
const TOPIC_ID_VERSION: i16 = 13;
/// The response tells the leader from this version on (KIP-951).
const LEADER_HINT_VERSION: i16 = 10;
/// From this version on a transactional batch adds its partition to the transaction (KIP-890).
const IMPLICIT_ADD_VERSION: i16 = 12;
/// Error messages for records from this version on (KIP-467).
const RECORD_ERRORS_VERSION: i16 = 8;
const ACKS_ALL: i16 = -1;

impl Api for ProduceRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<ProduceResponse> {
        if !matches!(self.acks, -1..=1) {
            return Reply::Response(self.refused(call, ErrorCode::INVALID_REQUIRED_ACKS));
        }
        let mut response = ProduceResponse::default();
        for data in &self.topic_data {
            let topic = find_topic(call, &data.name, data.topic_id);
            let partition = |partition: &PartitionProduceData| {
                let produced = topic.as_ref().map_err(|&code| Refusal::from(code));
                let produced = produced.and_then(|topic| {
                    let produce = || produce(call, &self, topic, partition);
                    call.with_faults(&topic.name, partition.index, produce)
                });
                produced.unwrap_or_else(|refusal| {
                    refusal.respond(call, topic.as_deref().ok(), partition.index)
                })
            };
            response.responses.push(TopicProduceResponse {
                name: data.name.clone(),
                topic_id: data.topic_id,
                partition_responses: data.partition_data.iter().map(partition).collect(),
                ..Default::default()
            });
        }
        response.node_endpoints = leader_endpoints(call, &response);
        self.reply(response)
    }

    fn reply(&self, response: ProduceResponse) -> Reply<ProduceResponse> {
        if self.acks != 0 {
            return Reply::Response(response);
        }
        // There is no other way to tell a client that does not wait for an answer.
        let mut partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        if partitions.any(|partition| partition.error_code != 0) {
            Reply::Close
        } else {
            Reply::Nothing
        }
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> ProduceResponse {
        let partition = |partition: &PartitionProduceData| failed_partition(partition.index, code);
        let topic = |topic: &milena_wire::messages::produce_request::TopicProduceData| {
            TopicProduceResponse {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partition_responses: topic.partition_data.iter().map(partition).collect(),
                ..Default::default()
            }
        };
        ProduceResponse {
            responses: self.topic_data.iter().map(topic).collect(),
            ..Default::default()
        }
    }

    fn throttle(response: &mut ProduceResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

/// Why one partition is not written.
struct Refusal {
    code: ErrorCode,
    invalid: Option<InvalidBatches>,
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, invalid: None }
    }
}

impl From<InvalidBatches> for Refusal {
    fn from(invalid: InvalidBatches) -> Self {
        Self { code: invalid.error, invalid: Some(invalid) }
    }
}

impl Refusal {
    fn respond(
        self,
        call: &Call<'_>,
        topic: Option<&Topic>,
        index: i32,
    ) -> PartitionProduceResponse {
        let mut response = failed_partition(index, self.code);
        if let Some(invalid) = self.invalid.filter(|_| call.version >= RECORD_ERRORS_VERSION) {
            response.error_message = Some(ByteString::from_static(invalid.message));
            let record = |problem: &crate::log::RecordProblem| BatchIndexAndErrorMessage {
                batch_index: problem.batch_index,
                batch_index_error_message: Some(ByteString::from_static(problem.message)),
                ..Default::default()
            };
            response.record_errors = invalid.records.iter().map(record).collect();
        }
        let is_moved =
            self.code == ErrorCode::NOT_LEADER_OR_FOLLOWER && call.version >= LEADER_HINT_VERSION;
        if let Some(partition) = topic.filter(|_| is_moved).and_then(|topic| topic.partition(index))
        {
            let leadership = partition.leadership();
            response.current_leader = LeaderIdAndEpoch {
                leader_id: leadership.leader,
                leader_epoch: leadership.leader_epoch,
                ..Default::default()
            };
        }
        response
    }
}

fn failed_partition(index: i32, code: ErrorCode) -> PartitionProduceResponse {
    PartitionProduceResponse {
        index,
        error_code: code.0,
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
        ..Default::default()
    }
}

fn find_topic(call: &Call<'_>, name: &ByteString, topic_id: Uuid) -> Result<Arc<Topic>, ErrorCode> {
    let topic = if call.version >= TOPIC_ID_VERSION {
        call.cluster().topic_by_id(topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?
    } else {
        call.cluster().topic(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?
    };
    if topic.is_internal() { Err(ErrorCode::INVALID_TOPIC_EXCEPTION) } else { Ok(topic) }
}

fn produce(
    call: &Call<'_>,
    request: &ProduceRequest,
    topic: &Topic,
    data: &PartitionProduceData,
) -> Result<PartitionProduceResponse, Refusal> {
    let partition = topic.partition(data.index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    let leadership = partition.leadership();
    if leadership.leader != call.peer.node_id {
        return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER.into());
    }
    let now_ms = now_ms();
    let records = data.records.as_ref().filter(|records| !records.is_empty());
    let (batch, append_time_ms) = {
        let config = topic.config.read();
        let in_sync = i64::try_from(leadership.isr.len()).unwrap_or(i64::MAX);
        if request.acks == ACKS_ALL && in_sync < config.number("min.insync.replicas") {
            return Err(ErrorCode::NOT_ENOUGH_REPLICAS.into());
        }
        let append_time = config.uses_log_append_time();
        let rules = BatchRules {
            message_bytes_max: usize::try_from(config.number("max.message.bytes"))
                .unwrap_or(usize::MAX),
            keys_required: config.is_compacted(),
            timestamps: if append_time {
                (0, i64::MAX)
            } else {
                let before =
                    now_ms.saturating_sub(config.number("message.timestamp.before.max.ms"));
                (before, now_ms.saturating_add(config.number("message.timestamp.after.max.ms")))
            },
            produce_version: call.version,
        };
        drop(config);
        (validate(records.unwrap_or(&Bytes::new()), &rules)?, append_time.then_some(now_ms))
    };
    check_transaction(call, request, topic, data.index, &batch)?;
    let (appended, log_start_offset) =
        partition.append(call.peer.node_id, &batch, append_time_ms)?;
    Ok(PartitionProduceResponse {
        index: data.index,
        base_offset: appended.base_offset,
        log_append_time_ms: appended.log_append_time_ms,
        log_start_offset,
        ..Default::default()
    })
}

/// A transactional batch needs a transaction that its partition is part of.
fn check_transaction(
    call: &Call<'_>,
    request: &ProduceRequest,
    topic: &Topic,
    index: i32,
    batch: &ValidBatch,
) -> Result<(), ErrorCode> {
    if !batch.header.is_transactional() {
        return Ok(());
    }
    let id = request.transactional_id.as_ref().ok_or(ErrorCode::INVALID_REQUEST)?;
    let producer = ProducerIdentity {
        producer_id: batch.header.producer_id,
        producer_epoch: batch.header.producer_epoch,
    };
    let mut transactions = call.cluster().transactions.lock();
    // In a produce request a fenced producer is told so by the older name of the error.
    let fenced = |code: ErrorCode| match code {
        ErrorCode::PRODUCER_FENCED => ErrorCode::INVALID_PRODUCER_EPOCH,
        other => other,
    };
    transactions.check(id, producer).map_err(fenced)?;
    if call.version >= IMPLICIT_ADD_VERSION {
        let now = (call.seen.at, now_ms());
        return transactions
            .add(id, producer, [(topic.name.clone(), index)], [], now)
            .map_err(fenced);
    }
    if transactions.covers(id, producer, &topic.name, index) {
        Ok(())
    } else {
        Err(ErrorCode::INVALID_TXN_STATE)
    }
}

/// Addresses of the leaders that the response names (KIP-951).
fn leader_endpoints(call: &Call<'_>, response: &ProduceResponse) -> Vec<NodeEndpoint> {
    let partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    let leaders = partitions.map(|partition| partition.current_leader.leader_id);
    call.endpoints_of(leaders)
        .map(|(node_id, endpoint)| NodeEndpoint {
            node_id,
            host: endpoint.host,
            port: i32::from(endpoint.port),
            ..Default::default()
        })
        .collect()
}
