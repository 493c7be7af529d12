//! The driver: the one task that sends what the machine wants sent and wakes it when time is up.

use std::sync::Arc;

use milena_core::consumer::Request;
use tokio::{task::JoinSet, time::sleep_until};

use super::{
    requests,
    shared::{Shared, now},
};

/// How long the task sleeps at most when the machine waits for nothing.
const IDLE: std::time::Duration = std::time::Duration::from_secs(60);

/// Runs until the consumer is stopped. Requests run beside the loop; each hands its answer to the
/// machine and ends, which wakes the loop.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut requests = JoinSet::new();
    let mut stop = shared.stop.subscribe();
    let mut metadata = shared.cluster.subscribe();
    // The first answer can be there before this task runs: it has not been handled yet.
    metadata.mark_changed();
    loop {
        let wake_at = start_requests(&shared, &mut requests);
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            changed = metadata.changed() => {
                if changed.is_err() {
                    break;
                }
                let snapshot = Arc::clone(&metadata.borrow_and_update());
                shared.handle_metadata(&snapshot);
            }
            () = shared.wake.notified() => {}
            Some(_) = requests.join_next() => {}
            () = sleep_until(wake_at.into()) => {}
        }
    }
    requests.shutdown().await;
}

/// Starts everything that is due; returns when to look again.
fn start_requests(shared: &Arc<Shared>, requests: &mut JoinSet<()>) -> std::time::Instant {
    let mut state = shared.lock();
    while let Some(request) = state.machine.poll_request(now()) {
        if let Request::Fetch(broker) = request {
            requests.spawn(requests::fetch(Arc::clone(shared), broker));
        } else {
            requests.spawn(requests::send(Arc::clone(shared), request));
        }
    }
    shared.finish_commits(&mut state);
    let needs_metadata = state.machine.take_needs_metadata();
    let hints = state.machine.take_hints();
    let has_step = state.machine.has_step();
    let wake_at = state.machine.poll_timeout(now()).unwrap_or_else(|| now() + IDLE);
    drop(state);
    let known = hints.iter().filter(|hint| shared.cluster.apply_leader_hint(hint)).count();
    if needs_metadata && (hints.is_empty() || known < hints.len()) {
        shared.cluster.request_update();
    }
    shared.pin_topics();
    if has_step {
        shared.notify();
    }
    wake_at
}

/// Leaves the group in the background when a consumer is dropped without being closed.
pub(super) fn abandon(shared: &Arc<Shared>) {
    if let Ok(mut polling) = shared.polling.try_lock() {
        polling.abandon_step();
    }
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        shared.stop.send_replace(true);
        return;
    };
    let shared = Arc::clone(shared);
    runtime.spawn(async move {
        let timeout = shared.config.client.request_timeout;
        if tokio::time::timeout(timeout, requests::leave_silently(&shared)).await.is_err() {
            tracing::debug!("a dropped consumer could not leave its group in time");
        }
        shared.stop.send_replace(true);
        shared.cluster.close();
    });
}
