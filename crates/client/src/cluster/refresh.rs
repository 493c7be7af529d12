//! The background task: carries out the refreshes that the metadata machine asks for.

use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use milena_core::metadata::{MetadataFailure, Refresh, RefreshSource};
use milena_pool::{Connection, HostPort};
use milena_wire::messages::MetadataRequest;

use super::errors::Failure;
use super::handle::Inner;

/// Runs until it is aborted.
pub(super) async fn run(inner: Arc<Inner>) {
    loop {
        let (refresh, timeout) = {
            let mut metadata = inner.metadata.lock();
            let now = now();
            (metadata.poll_refresh(now), metadata.poll_timeout(now))
        };
        match refresh {
            Some(refresh) => {
                carry_out(&inner, &refresh).await;
                while inner.is_stuck() {
                    // Wrong credentials do not become right, and trying them again and again can
                    // lock the user out: the next call that needs the cluster tries once more.
                    inner.wake.notified().await;
                }
            }
            None => tokio::select! {
                () = inner.wake.notified() => {}
                () = sleep_until(timeout) => {}
            },
        }
    }
}

/// The clock of the runtime, so that tests can stop it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

async fn carry_out(inner: &Inner, refresh: &Refresh) {
    let connected = match refresh.source {
        RefreshSource::KnownBrokers => inner.pool.any().await,
        RefreshSource::BootstrapServers => inner.pool.bootstrap().await,
    };
    let failure = match connected {
        Ok(connection) => ask(inner, refresh, &connection).await.err(),
        Err(error) => {
            inner.metadata.lock().handle_failure(MetadataFailure::NoBrokerReachable, now());
            Some(Failure::Connect(error))
        }
    };
    if let Some(failure) = &failure {
        // The pool tells, at its own pace, why connections cannot be made.
        match failure {
            Failure::Connect(error) => tracing::debug!(%error, "refreshing the metadata failed"),
            failure => tracing::warn!(error = %failure.error(), "refreshing the metadata failed"),
        }
    }
    *inner.failure.lock() = failure;
    inner.progress.send_modify(|count| *count += 1);
}

async fn ask(inner: &Inner, refresh: &Refresh, connection: &Connection) -> Result<(), Failure> {
    let response = async {
        let version = connection
            .api_versions()
            .highest::<MetadataRequest>()
            .map_err(milena_pool::RequestError::UnsupportedVersion)?;
        let request = refresh.request(version);
        connection.start(&request, version, inner.request_timeout)?.await
    };
    let response = match response.await {
        Ok(response) => response,
        Err(error) => {
            inner.metadata.lock().handle_failure(MetadataFailure::Request, now());
            return Err(Failure::Request(error));
        }
    };
    let mut metadata = inner.metadata.lock();
    metadata.handle_response(response, now()).map_err(Failure::Broker)?;
    let snapshot = Arc::clone(metadata.snapshot());
    let brokers =
        snapshot.brokers().map(|broker| (broker.id, HostPort::new(&*broker.host, broker.port)));
    inner.pool.set_brokers(brokers);
    tracing::debug!(
        brokers = snapshot.brokers().len(),
        topics = snapshot.topics().len(),
        generation = snapshot.generation(),
        "metadata refreshed"
    );
    // Under the lock of the machine, so that snapshots are published in their order.
    inner.snapshot.send_replace(snapshot);
    Ok(())
}
