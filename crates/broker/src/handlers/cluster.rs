//! DescribeCluster and FindCoordinator.

use milena_wire::messages::describe_cluster_response::DescribeClusterBroker;
use milena_wire::messages::find_coordinator_response::Coordinator;
use milena_wire::messages::{
    DescribeClusterRequest, DescribeClusterResponse, FindCoordinatorRequest,
    FindCoordinatorResponse,
};
use milena_wire::{ByteString, ErrorCode};

use super::{Api, Reply};
use crate::cluster::{CoordinatorKind, Endpoint};
use crate::connection::Call;

/// Bits of the operations that a principal may do; without an authorizer it may do them all.
/// Create, alter, describe, cluster action, describe and alter configs, idempotent write.
pub(super) const CLUSTER_OPERATIONS: i32 =
    1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;
/// Read, write, create, delete, alter, describe, describe and alter configs.
pub(super) const TOPIC_OPERATIONS: i32 =
    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
/// Read, delete, describe.
pub(super) const GROUP_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8;

/// FindCoordinator names several keys from this version on.
const BATCHED_VERSION: i16 = 4;
const BROKER_ENDPOINTS: i8 = 1;

impl Api for DescribeClusterRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<DescribeClusterResponse> {
        if self.endpoint_type != BROKER_ENDPOINTS {
            let mut response = self.refused(call, ErrorCode::UNSUPPORTED_ENDPOINT_TYPE);
            response.error_message =
                Some(ByteString::from_static("only brokers can be described here"));
            return Reply::Response(response);
        }
        let cluster = call.cluster();
        let broker = |(broker_id, endpoint): (i32, Endpoint)| DescribeClusterBroker {
            broker_id,
            host: endpoint.host,
            port: i32::from(endpoint.port),
            ..Default::default()
        };
        let operations =
            if self.include_cluster_authorized_operations { CLUSTER_OPERATIONS } else { i32::MIN };
        Reply::Response(DescribeClusterResponse {
            cluster_id: cluster.cluster_id.clone(),
            controller_id: cluster.controller_id(),
            brokers: cluster.endpoints(call.peer.listener).into_iter().map(broker).collect(),
            cluster_authorized_operations: operations,
            ..Default::default()
        })
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> DescribeClusterResponse {
        DescribeClusterResponse { error_code: code.0, ..Default::default() }
    }

    fn throttle(response: &mut DescribeClusterResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

impl Api for FindCoordinatorRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<FindCoordinatorResponse> {
        let found = self.keys(call).into_iter().map(|key| find(call, self.key_type, key)).collect();
        Reply::Response(respond(call, found))
    }

    fn refused(&self, call: &Call<'_>, code: ErrorCode) -> FindCoordinatorResponse {
        respond(call, self.keys(call).into_iter().map(|key| missing(key, code)).collect())
    }

    fn throttle(response: &mut FindCoordinatorResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

trait Keys {
    fn keys(&self, call: &Call<'_>) -> Vec<ByteString>;
}

impl Keys for FindCoordinatorRequest {
    fn keys(&self, call: &Call<'_>) -> Vec<ByteString> {
        if call.version >= BATCHED_VERSION {
            self.coordinator_keys.clone()
        } else {
            vec![self.key.clone()]
        }
    }
}

fn find(call: &Call<'_>, key_type: i8, key: ByteString) -> Coordinator {
    let kind = match key_type {
        0 => CoordinatorKind::Group,
        1 => CoordinatorKind::Transaction,
        _ => return missing(key, ErrorCode::INVALID_REQUEST),
    };
    let cluster = call.cluster();
    let found = cluster.coordinator(kind, &key);
    let found =
        found.and_then(|node_id| Some((node_id, cluster.endpoint(node_id, call.peer.listener)?)));
    match found {
        None => missing(key, ErrorCode::COORDINATOR_NOT_AVAILABLE),
        Some((node_id, endpoint)) => Coordinator {
            key,
            node_id,
            host: endpoint.host,
            port: i32::from(endpoint.port),
            ..Default::default()
        },
    }
}

fn missing(key: ByteString, code: ErrorCode) -> Coordinator {
    let error_message = Some(ByteString::from(code.to_string()));
    Coordinator {
        key,
        node_id: -1,
        port: -1,
        error_code: code.0,
        error_message,
        ..Default::default()
    }
}

fn respond(call: &Call<'_>, mut coordinators: Vec<Coordinator>) -> FindCoordinatorResponse {
    if call.version >= BATCHED_VERSION {
        return FindCoordinatorResponse { coordinators, ..Default::default() };
    }
    let only = coordinators.pop().unwrap_or_default();
    FindCoordinatorResponse {
        error_code: only.error_code,
        error_message: only.error_message,
        node_id: only.node_id,
        host: only.host,
        port: only.port,
        ..Default::default()
    }
}
