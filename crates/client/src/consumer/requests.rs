//! Carrying out the machine's requests: connection, version, request, and the answer back.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::future::join_all;
use milena_core::{
    BrokerId,
    consumer::{LookupPartition, Lookups, MAX_NAMED_VERSION, MIN_EPOCH_LOOKUP_VERSION, Request},
    group::membership::{Attempt, GroupRequest, GroupResponse, RebalanceStep},
};
use milena_pool::{Connection, Purpose};
use milena_wire::{
    Request as WireRequest,
    messages::{
        FetchRequest, LeaveGroupRequest, ListOffsetsRequest, OffsetCommitRequest,
        OffsetFetchRequest, OffsetForLeaderEpochRequest,
    },
};

use super::{
    settings,
    shared::{Shared, now},
};
use crate::{Error, cluster::CoordinatorKind};

/// Milliseconds since the epoch by the wall clock.
pub(super) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Sends anything but a fetch.
pub(super) async fn send(shared: Arc<Shared>, request: Request) {
    match request {
        Request::FindCoordinator(attempt) => find_coordinator(&shared, attempt).await,
        Request::Group(broker, attempt, request) => {
            group(&shared, broker, attempt, request).await;
        }
        Request::Committed(broker, partitions) => committed(&shared, broker, partitions).await,
        Request::Offsets(broker, partitions) => offsets(&shared, broker, partitions).await,
        Request::Epochs(broker, partitions) => epochs(&shared, broker, partitions).await,
        Request::Commit(broker, request) => commit(&shared, broker, &request).await,
        Request::Fetch(broker) => fetch(shared, broker).await,
    }
}

async fn find_coordinator(shared: &Shared, attempt: Attempt) {
    let Some(group_id) = &shared.config.group_id else { return };
    // The machine asks because the one it knew is of no use.
    shared.cluster.forget_coordinator(group_id, CoordinatorKind::Group);
    let response = match shared.cluster.any_connection().await {
        Ok(connection) => {
            let kind = CoordinatorKind::Group;
            match shared.cluster.ask_for_coordinator(&connection, group_id, kind).await {
                Ok(broker) => GroupResponse::Coordinator(broker),
                Err(error) if error.is_retriable() => GroupResponse::Failed,
                Err(error) => {
                    shared.report(error);
                    GroupResponse::Unreachable
                }
            }
        }
        Err(error) => {
            shared.report(error);
            GroupResponse::Unreachable
        }
    };
    shared.update(|state| state.machine.handle_group(attempt, response, now()));
}

async fn group(shared: &Shared, broker: BrokerId, attempt: Attempt, request: GroupRequest) {
    let timeout = shared.config.client.request_timeout;
    let result = match request {
        GroupRequest::Join(request) => {
            let timeout = settings::join_timeout(&shared.config);
            ask(shared, broker, Purpose::Coordinator, &request, timeout)
                .await
                .map(GroupResponse::Join)
        }
        GroupRequest::Sync(request) => {
            let timeout = settings::join_timeout(&shared.config);
            let answer = ask(shared, broker, Purpose::Coordinator, &request, timeout).await;
            if answer.as_ref().is_ok_and(|answer| answer.error_code == 0) {
                shared.counters.rebalances().add(1);
            }
            answer.map(GroupResponse::Sync)
        }
        GroupRequest::Heartbeat(request) => {
            let timeout = timeout.min(shared.config.session_timeout);
            let answer = ask(shared, broker, Purpose::Coordinator, &request, timeout).await;
            if answer.is_ok() {
                shared.counters.heartbeats().add(1);
            }
            answer.map(GroupResponse::Heartbeat)
        }
        GroupRequest::Leave(request) => {
            leave(shared, broker, request).await.map(|()| GroupResponse::Left)
        }
        GroupRequest::FindCoordinator => return,
    };
    let response = result.unwrap_or_else(|error| {
        shared.report(error);
        GroupResponse::Failed
    });
    shared.update(|state| state.machine.handle_group(attempt, response, now()));
}

/// LeaveGroup goes over another connection: on the coordinator's own it would wait behind a
/// JoinGroup that the broker holds back.
async fn leave(shared: &Shared, broker: BrokerId, request: LeaveGroupRequest) -> Result<(), Error> {
    let connection = shared.cluster.connection(broker, Purpose::Control).await?;
    let version = connection.api_versions().highest::<LeaveGroupRequest>();
    let version = version.map_err(milena_pool::RequestError::UnsupportedVersion)?;
    // Before version 3 exactly one member leaves.
    let request = match request.members.first() {
        Some(member) if version < 3 => LeaveGroupRequest {
            member_id: member.member_id.clone(),
            members: Vec::new(),
            ..request
        },
        _ => request,
    };
    connection.start(&request, version, shared.config.client.request_timeout)?.await?;
    Ok(())
}

/// Sends a request in the highest common version.
pub(super) async fn ask<R: WireRequest>(
    shared: &Shared,
    broker: BrokerId,
    purpose: Purpose,
    request: &R,
    timeout: Duration,
) -> Result<R::Response, Error> {
    let connection = shared.cluster.connection(broker, purpose).await?;
    ask_up_to(&connection, i16::MAX, timeout, |_| request.clone()).await
}

/// Sends the request that `make` gives for the highest common version up to `limit`.
pub(super) async fn ask_up_to<R: WireRequest>(
    connection: &Connection,
    limit: i16,
    timeout: Duration,
    make: impl FnOnce(i16) -> R,
) -> Result<R::Response, Error> {
    let version = connection.api_versions().highest_up_to::<R>(limit);
    let version = version.map_err(milena_pool::RequestError::UnsupportedVersion)?;
    Ok(connection.start(&make(version), version, timeout)?.await?)
}

async fn committed(shared: &Shared, broker: BrokerId, partitions: Vec<LookupPartition>) {
    let group_id = shared.config.group_id.as_deref().unwrap_or_default().into();
    let timeout = shared.config.client.request_timeout;
    let result = async {
        let connection = shared.cluster.connection(broker, Purpose::Coordinator).await?;
        ask_up_to(&connection, MAX_NAMED_VERSION, timeout, |version| {
            let request: OffsetFetchRequest =
                Lookups::offset_fetch(&partitions, &group_id, version);
            request
        })
        .await
    }
    .await;
    let response = reported(shared, result);
    shared.update(|state| {
        state.machine.handle_committed(broker, partitions, response.as_ref(), now());
    });
}

async fn offsets(shared: &Shared, broker: BrokerId, partitions: Vec<LookupPartition>) {
    let request: ListOffsetsRequest =
        shared.lock().machine.lookups().list_offsets(&partitions, unix_ms());
    let timeout = shared.config.client.request_timeout;
    let result = ask(shared, broker, Purpose::Control, &request, timeout).await;
    let response = reported(shared, result);
    shared.update(|state| {
        state.machine.handle_offsets(broker, partitions, response.as_ref(), now());
    });
}

async fn epochs(shared: &Shared, broker: BrokerId, partitions: Vec<LookupPartition>) {
    let timeout = shared.config.client.request_timeout;
    let result = async {
        let connection = shared.cluster.connection(broker, Purpose::Control).await?;
        let version = connection.api_versions().highest::<OffsetForLeaderEpochRequest>();
        match version {
            Ok(version) if version >= MIN_EPOCH_LOOKUP_VERSION => {
                let request = Lookups::offset_for_leader_epoch(&partitions);
                Ok(Some(connection.start(&request, version, timeout)?.await?))
            }
            _ => Ok(None),
        }
    }
    .await;
    match result {
        Ok(None) => {
            shared.update(|state| state.machine.handle_epochs_unsupported(&partitions));
        }
        result => {
            let response = reported(shared, result).flatten();
            shared.update(|state| {
                state.machine.handle_epochs(broker, partitions, response.as_ref(), now());
            });
        }
    }
}

/// Commits go over another connection than JoinGroup: behind one that the broker holds back they
/// would arrive after the generation that they belong to.
async fn commit(shared: &Shared, broker: BrokerId, request: &OffsetCommitRequest) {
    let timeout = shared.config.client.request_timeout;
    let result = async {
        let connection = shared.cluster.connection(broker, Purpose::Control).await?;
        ask_up_to(&connection, MAX_NAMED_VERSION, timeout, |_| request.clone()).await
    }
    .await;
    let response = reported(shared, result);
    shared.update(|state| state.machine.handle_commit(broker, response.as_ref(), now()));
}

/// Fetches once from a broker. The request is made when the connection is there, with the
/// positions of that moment.
pub(super) async fn fetch(shared: Arc<Shared>, broker: BrokerId) {
    let connection = match shared.cluster.connection(broker, Purpose::Fetch).await {
        Ok(connection) => connection,
        Err(error) => {
            shared.report(error);
            shared.update(|state| state.machine.handle_fetch(broker, None, now()));
            return;
        }
    };
    let timeout = shared.config.client.request_timeout;
    let pending = match connection.api_versions().highest::<FetchRequest>() {
        Err(error) => Err(milena_pool::RequestError::UnsupportedVersion(error).into()),
        Ok(version) => {
            let request = shared.lock().machine.fetch_request(broker, version, now());
            let Some((request, version)) = request else { return };
            connection.start(&request, version, timeout).map_err(Error::from)
        }
    };
    let result = match pending {
        Ok(pending) => pending.await.map_err(Error::from),
        Err(error) => Err(error),
    };
    let response = reported(&shared, result);
    let bytes = shared.update(|state| state.machine.handle_fetch(broker, response, now()));
    shared.counters.bytes_fetched().add(bytes as u64);
}

fn reported<T>(shared: &Shared, result: Result<T, Error>) -> Option<T> {
    result.map_err(|error| shared.report(error)).ok()
}

/// Ends the fetch sessions at the brokers that are connected, within a second: brokers forget the
/// others by themselves.
pub(super) async fn close_sessions(shared: &Shared) {
    let requests = shared.lock().machine.close_sessions();
    let ends = requests.into_iter().filter_map(|(broker, request)| {
        let connection = shared.cluster.connected(broker, Purpose::Fetch)?;
        let version = connection.api_versions().highest::<FetchRequest>().ok()?;
        connection.start(&request, version, Duration::from_secs(1)).ok()
    });
    join_all(ends).await;
}

/// Leaves the group without the application: what it held counts as revoked.
pub(super) async fn leave_silently(shared: &Arc<Shared>) {
    let mut progress = shared.progress.subscribe();
    shared.update(|state| {
        state.machine.begin_close();
        state.machine.unsubscribe("the consumer was dropped", now());
    });
    loop {
        let is_leaving = shared.update_quietly(|state| {
            while matches!(
                state.machine.begin_step(),
                Some(RebalanceStep::Revoke(_) | RebalanceStep::Lose(_) | RebalanceStep::Assign(_))
            ) {
                state.machine.finish_step();
            }
            state.machine.is_leaving()
        });
        if !is_leaving || progress.changed().await.is_err() {
            return;
        }
    }
}
