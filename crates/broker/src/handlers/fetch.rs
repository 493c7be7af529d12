//! Fetch: sessions, the wait for records, and the response.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use milena_wire::messages::fetch_request::FetchTopic;
use milena_wire::messages::fetch_response::{FetchableTopicResponse, NodeEndpoint, PartitionData};
use milena_wire::messages::{FetchRequest, FetchResponse};
use milena_wire::{ByteString, ErrorCode, Uuid};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::fetch_partitions::{Limits, Wanted, failed, probe, read};
use super::{Api, Reply};
use crate::cluster::random_u128;
use crate::connection::Call;
use crate::fetch_session::{FetchKey, FetchPlan, FetchSessionRequest, FetchWish, Told};

/// Sessions exist from this version on (KIP-227).
const SESSION_VERSION: i16 = 7;
/// Topics are named by id from this version on (KIP-516).
const TOPIC_ID_VERSION: i16 = 13;
/// The response tells addresses of leaders from this version on (KIP-951).
const ENDPOINTS_VERSION: i16 = 16;

impl Api for FetchRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<FetchResponse> {
        let plan = match plan(&self, call) {
            Ok(plan) => plan,
            Err(code) => {
                return Reply::Response(FetchResponse { error_code: code.0, ..Default::default() });
            }
        };
        let wanted: Vec<_> =
            plan.partitions.iter().map(|(key, wish)| Wanted::find(call, key, *wish)).collect();
        wait_for_records(&self, call, &wanted).await;
        Reply::Response(respond(&self, call, &plan, &wanted))
    }

    fn refused(&self, call: &Call<'_>, code: ErrorCode) -> FetchResponse {
        // Old versions have no error code of their own; it then stands at every partition.
        let topic = |topic: &FetchTopic| FetchableTopicResponse {
            topic: topic.topic.clone(),
            topic_id: topic.topic_id,
            partitions: topic
                .partitions
                .iter()
                .map(|partition| failed(partition.partition, code))
                .collect(),
            ..Default::default()
        };
        FetchResponse {
            error_code: if call.version >= SESSION_VERSION { code.0 } else { 0 },
            responses: self.topics.iter().map(topic).collect(),
            ..Default::default()
        }
    }

    fn throttle(response: &mut FetchResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

fn plan(request: &FetchRequest, call: &Call<'_>) -> Result<FetchPlan, ErrorCode> {
    let key = |topic: &ByteString, topic_id: Uuid, partition| FetchKey {
        topic: topic.clone(),
        topic_id,
        partition,
    };
    let mut wishes = Vec::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let wish = FetchWish {
                fetch_offset: partition.fetch_offset,
                bytes_max: usize::try_from(partition.partition_max_bytes).unwrap_or(0),
                current_leader_epoch: partition.current_leader_epoch,
                last_fetched_epoch: partition.last_fetched_epoch,
            };
            wishes.push((key(&topic.topic, topic.topic_id, partition.partition), wish));
        }
    }
    if call.version < SESSION_VERSION {
        return Ok(FetchPlan { session_id: 0, is_incremental: false, partitions: wishes });
    }
    let forgotten = request.forgotten_topics_data.iter().flat_map(|topic| {
        topic.partitions.iter().map(|&partition| key(&topic.topic, topic.topic_id, partition))
    });
    let session = FetchSessionRequest {
        session_id: request.session_id,
        session_epoch: request.session_epoch,
        uses_topic_ids: call.version >= TOPIC_ID_VERSION,
        wishes,
        forgotten: forgotten.collect(),
        random: u32::try_from(random_u128() >> 96).unwrap_or(1),
    };
    with_sessions(call, |sessions| sessions.plan(session))
}

fn with_sessions<T>(
    call: &Call<'_>,
    act: impl FnOnce(&mut crate::fetch_session::FetchSessions) -> T,
) -> T {
    let index = usize::try_from(call.peer.node_id - 1).unwrap_or(0);
    let sessions = &call.cluster().fetch_sessions;
    let node = sessions.get(index).or_else(|| sessions.first());
    act(&mut node.expect("a broker has at least one node").lock())
}

/// Waits until `min_bytes` are there, something is wrong with a partition, or `max_wait_ms` are over.
async fn wait_for_records(request: &FetchRequest, call: &Call<'_>, wanted: &[Wanted]) {
    let bytes_min = usize::try_from(request.min_bytes).unwrap_or(0);
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = Instant::now() + max_wait;
    let waiter = Arc::new(Notify::new());
    loop {
        let mut available = 0usize;
        for partition in wanted {
            match probe(call, partition, request.isolation_level, &waiter) {
                Some(bytes) => available += bytes,
                None => return,
            }
        }
        if available >= bytes_min || max_wait.is_zero() || wanted.is_empty() {
            return;
        }
        if tokio::time::timeout_at(deadline, waiter.notified()).await.is_err() {
            return;
        }
    }
}

fn respond(
    request: &FetchRequest,
    call: &Call<'_>,
    plan: &FetchPlan,
    wanted: &[Wanted],
) -> FetchResponse {
    let mut limits = Limits {
        bytes_left: usize::try_from(request.max_bytes).unwrap_or(0),
        isolation_level: request.isolation_level,
        has_records: false,
    };
    let mut response = FetchResponse { session_id: plan.session_id, ..Default::default() };
    let mut positions = HashMap::new();
    let mut served = HashSet::new();
    for partition in wanted {
        let data = read(call, partition, &mut limits);
        let has_records = data.records.as_ref().is_some_and(|records| !records.is_empty());
        if has_records {
            served.insert(partition.key.clone());
        }
        if has_news(call, plan, &partition.key, &data, has_records) {
            add(&mut response, &mut positions, &partition.key, data);
        }
    }
    if plan.session_id != 0 && !served.is_empty() {
        with_sessions(call, |sessions| sessions.served(plan.session_id, &served));
    }
    if call.version >= ENDPOINTS_VERSION {
        response.node_endpoints = leader_endpoints(call, &response);
    }
    response
}

/// An incremental response leaves out partitions that are as they were.
fn has_news(
    call: &Call<'_>,
    plan: &FetchPlan,
    key: &FetchKey,
    data: &PartitionData,
    has_records: bool,
) -> bool {
    if plan.session_id == 0 {
        return true;
    }
    let told = Told {
        high_watermark: data.high_watermark,
        last_stable_offset: data.last_stable_offset,
        log_start_offset: data.log_start_offset,
    };
    let is_new = with_sessions(call, |sessions| sessions.has_news(plan.session_id, key, told));
    let diverges = data.diverging_epoch.end_offset >= 0;
    !plan.is_incremental || is_new || has_records || data.error_code != 0 || diverges
}

fn add(
    response: &mut FetchResponse,
    positions: &mut HashMap<(ByteString, [u8; 16]), usize>,
    key: &FetchKey,
    data: PartitionData,
) {
    let position = *positions.entry((key.topic.clone(), key.topic_id.0)).or_insert_with(|| {
        response.responses.push(FetchableTopicResponse {
            topic: key.topic.clone(),
            topic_id: key.topic_id,
            ..Default::default()
        });
        response.responses.len() - 1
    });
    if let Some(topic) = response.responses.get_mut(position) {
        topic.partitions.push(data);
    }
}

/// Addresses of the leaders that the response names (KIP-951).
fn leader_endpoints(call: &Call<'_>, response: &FetchResponse) -> Vec<NodeEndpoint> {
    let partitions = response.responses.iter().flat_map(|topic| &topic.partitions);
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
