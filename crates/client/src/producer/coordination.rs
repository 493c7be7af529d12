//! Asking the coordinators: the machine's requests, carried out.

use std::time::Duration;

use milena_core::producer::{
    CoordinatorFeatures, TransactionAnswer, TransactionCall, TransactionRequest,
};
use milena_pool::{Connection, Purpose, RequestError};
use milena_wire::Request;
use milena_wire::messages::{InitProducerIdRequest, TxnOffsetCommitRequest};

use super::shared::now;
use crate::Error;
use crate::cluster::{Cluster, CoordinatorKind};

/// InitProducerId gives the next epoch to a producer that names its own from this version on (KIP-360).
const BUMP_VERSION_MIN: i16 = 3;
/// TxnOffsetCommit names the member of the group from this version on (KIP-447).
const MEMBER_VERSION_MIN: i16 = 3;

/// How a request ended, and the error if one came up.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) answer: TransactionAnswer,
    pub(super) error: Option<Error>,
}

impl From<TransactionAnswer> for Answered {
    fn from(answer: TransactionAnswer) -> Self {
        Self { answer, error: None }
    }
}

/// Finds the coordinator and asks it.
pub(super) async fn ask(
    cluster: &Cluster,
    transactional_id: &str,
    call: TransactionCall,
    timeout: Duration,
) -> Answered {
    let (kind, key) = match &call.request {
        TransactionRequest::CommitOffsets(request) => {
            (CoordinatorKind::Group, request.group_id.to_string())
        }
        _ => (CoordinatorKind::Transaction, transactional_id.to_owned()),
    };
    if call.is_stale {
        cluster.forget_coordinator(&key, kind);
    }
    let broker = match cluster.coordinator(&key, kind, now() + timeout).await {
        Ok(broker) => broker,
        Err(error) => return not_found(error),
    };
    let connection = match cluster.connection(broker, Purpose::Coordinator).await {
        Ok(connection) => connection,
        Err(error) => return Answered { answer: TransactionAnswer::Lost, error: Some(error) },
    };
    send(&connection, call, timeout).await
}

fn not_found(error: Error) -> Answered {
    tracing::debug!(%error, "no coordinator");
    let answer = match error.code() {
        Some(code) => TransactionAnswer::NoCoordinator(code),
        None => TransactionAnswer::Lost,
    };
    Answered { answer, error: Some(error) }
}

async fn send(connection: &Connection, call: TransactionCall, timeout: Duration) -> Answered {
    let limit = call.version_max;
    let features = features(connection);
    let sent = match call.request {
        TransactionRequest::InitProducerId(request) => {
            let response = exchange(connection, &request, limit, timeout).await;
            response.map(|response| TransactionAnswer::InitProducerId(response, features))
        }
        TransactionRequest::AddPartitions(request) => {
            let response = exchange(connection, &request, limit, timeout).await;
            response.map(TransactionAnswer::AddPartitions)
        }
        TransactionRequest::AddOffsets(request) => {
            let response = exchange(connection, &request, limit, timeout).await;
            response.map(TransactionAnswer::AddOffsets)
        }
        TransactionRequest::CommitOffsets(request) => {
            if let Some(problem) = missing_member_check(connection, &request) {
                return TransactionAnswer::Unsupported(problem).into();
            }
            let response = exchange(connection, &request, limit, timeout).await;
            response.map(TransactionAnswer::CommitOffsets)
        }
        TransactionRequest::End(request) => {
            let response = exchange(connection, &request, limit, timeout).await;
            response.map(|response| TransactionAnswer::End(response, features))
        }
    };
    sent.map_or_else(failed, Answered::from)
}

async fn exchange<R: Request>(
    connection: &Connection,
    request: &R,
    limit: i16,
    timeout: Duration,
) -> Result<R::Response, RequestError> {
    let version = connection.api_versions().highest_up_to::<R>(limit);
    let version = version.map_err(RequestError::UnsupportedVersion)?;
    connection.start(request, version, timeout)?.await
}

fn failed(error: RequestError) -> Answered {
    tracing::debug!(%error, "a request of the transaction failed");
    let answer = match &error {
        RequestError::UnsupportedVersion(_) | RequestError::Encode(_) => {
            TransactionAnswer::Unsupported(error.to_string())
        }
        RequestError::Decode(_) => TransactionAnswer::Malformed("the response cannot be read"),
        _ => TransactionAnswer::Lost,
    };
    Answered { answer, error: Some(error.into()) }
}

fn features(connection: &Connection) -> CoordinatorFeatures {
    let versions = connection.api_versions();
    let initialization = versions.highest::<InitProducerIdRequest>();
    CoordinatorFeatures {
        transaction_version: versions.feature_level("transaction.version"),
        bumps_epoch: initialization.is_ok_and(|version| version >= BUMP_VERSION_MIN),
    }
}

/// Why the broker cannot check that the offsets come from a member of the group, if it should.
fn missing_member_check(
    connection: &Connection,
    request: &TxnOffsetCommitRequest,
) -> Option<String> {
    let names_member = !request.member_id.is_empty()
        || request.generation_id_or_member_epoch >= 0
        || request.group_instance_id.is_some();
    let version = connection.api_versions().highest::<TxnOffsetCommitRequest>().ok()?;
    (names_member && version < MEMBER_VERSION_MIN).then(|| {
        format!(
            "TxnOffsetCommit of version {version} cannot say which member of the group sends the offsets, which \
             keeps those of members out that lost their partitions; that needs Kafka 2.5. To do \
             without, pass ConsumerGroupMetadata::new(group_id)"
        )
    })
}
