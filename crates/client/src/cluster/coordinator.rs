//! Finding the coordinator of a group, or of transactions.

use std::time::Instant;

use milena_core::BrokerId;
use milena_core::backoff::Backoff;
use milena_pool::{Connection, HostPort};
use milena_wire::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use milena_wire::{ByteString, ErrorCode};
use tokio::time::timeout_at;

use super::handle::Cluster;
use super::refresh::now;
use crate::{Error, ErrorKind};

/// What a coordinator coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CoordinatorKind {
    /// A consumer group; the key is `group.id`.
    Group,
    /// The transactions of a producer; the key is `transactional.id`.
    Transaction,
}

impl CoordinatorKind {
    const fn key_type(self) -> i8 {
        match self {
            Self::Group => 0,
            Self::Transaction => 1,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Transaction => "transactional id",
        }
    }
}

/// Finds the coordinator of `key`, as often as it takes until the deadline.
pub(super) async fn find(
    cluster: &Cluster,
    key: &str,
    kind: CoordinatorKind,
    deadline: Instant,
) -> Result<BrokerId, Error> {
    let known = cluster.inner.coordinators.lock().get(&(kind, key.to_owned())).copied();
    if let Some(known) = known {
        return Ok(known);
    }
    let mut failures = 0;
    let mut last: Option<Error> = None;
    loop {
        let asked = async { ask(cluster, &cluster.any_connection().await?, key, kind).await };
        match timeout_at(deadline.into(), asked).await {
            Ok(Ok(broker)) => return Ok(broker),
            Ok(Err(error)) if !error.is_retriable() => return Err(error),
            Ok(Err(error)) => last = Some(error),
            Err(_) => return Err(timed_out(cluster, key, kind, last)),
        }
        failures += 1;
        let pause = pause(cluster.inner.retry_backoff, failures, cluster);
        if now() + pause >= deadline {
            return Err(timed_out(cluster, key, kind, last));
        }
        tokio::time::sleep(pause).await;
    }
}

fn pause(backoff: Backoff, failures: u32, cluster: &Cluster) -> std::time::Duration {
    backoff.delay(failures, cluster.inner.jitter.lock().next_u64())
}

fn timed_out(cluster: &Cluster, key: &str, kind: CoordinatorKind, last: Option<Error>) -> Error {
    let message = format!("the coordinator of {} {key} was not found in time", kind.name());
    cluster.timed_out_after(&message, last)
}

/// Asks a broker once, and remembers what it says.
pub(super) async fn ask(
    cluster: &Cluster,
    connection: &Connection,
    key: &str,
    kind: CoordinatorKind,
) -> Result<BrokerId, Error> {
    let version = connection
        .api_versions()
        .highest::<FindCoordinatorRequest>()
        .map_err(milena_pool::RequestError::UnsupportedVersion)?;
    let key_in_list = version >= 4;
    let request = FindCoordinatorRequest {
        key: if key_in_list { ByteString::new() } else { ByteString::from(key) },
        coordinator_keys: if key_in_list { vec![ByteString::from(key)] } else { Vec::new() },
        key_type: kind.key_type(),
        ..FindCoordinatorRequest::default()
    };
    let timeout = cluster.inner.request_timeout;
    let response = connection.start(&request, version, timeout)?.await?;
    let found = Found::of(response, key_in_list)?;
    let code = ErrorCode(found.error_code);
    if code != ErrorCode::NONE {
        let message = found
            .error_message
            .filter(|message| !message.is_empty())
            .map_or_else(|| code.to_string(), |message| message.to_string());
        let message = format!("the coordinator of {} {key}: {message}", kind.name());
        return Err(Error::broker_answered(code, message));
    }
    let address = u16::try_from(found.port).ok().filter(|port| *port != 0);
    match (BrokerId::from_wire(found.node_id), address) {
        (Some(id), Some(port)) => {
            cluster.inner.pool.add_broker(id, HostPort::new(&*found.host, port));
            cluster.inner.coordinators.lock().insert((kind, key.to_owned()), id);
            Ok(id)
        }
        _ => Err(Error::new(
            ErrorKind::Protocol,
            format!("FindCoordinator names broker {} at port {}", found.node_id, found.port),
        )),
    }
}

/// The answer for one key, wherever its version puts it.
struct Found {
    node_id: i32,
    host: ByteString,
    port: i32,
    error_code: i16,
    error_message: Option<ByteString>,
}

impl Found {
    fn of(response: FindCoordinatorResponse, in_list: bool) -> Result<Self, Error> {
        if !in_list {
            return Ok(Self {
                node_id: response.node_id,
                host: response.host,
                port: response.port,
                error_code: response.error_code,
                error_message: response.error_message,
            });
        }
        let Some(coordinator) = response.coordinators.into_iter().next() else {
            let message = "FindCoordinator was answered without the key that was asked for";
            return Err(Error::new(ErrorKind::Protocol, message));
        };
        Ok(Self {
            node_id: coordinator.node_id,
            host: coordinator.host,
            port: coordinator.port,
            error_code: coordinator.error_code,
            error_message: coordinator.error_message,
        })
    }
}
