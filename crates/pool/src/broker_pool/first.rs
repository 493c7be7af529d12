//! The first of several brokers that can be connected to.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::connection::Connection;
use crate::error::{ConnectError, ConnectErrorKind};

/// How long a broker may take before the next one is tried too. A broker that hangs accepts
/// connections and says nothing; waiting for the request timeout each time would take minutes.
const STAGGER: Duration = Duration::from_secs(2);

/// Starts the attempts one after the other, each when the one before has failed or takes long,
/// and returns the first connection, or the error that says most; `None` without attempts.
///
/// An error of authentication ends it at once, because the other brokers would say the same.
pub(super) async fn first_to_connect<F>(
    attempts: impl ExactSizeIterator<Item = F>,
) -> Option<Result<Connection, ConnectError>>
where
    F: Future<Output = Result<Connection, ConnectError>> + Send + 'static,
{
    let mut waiting = attempts;
    let mut started = JoinSet::new();
    let mut telling: Option<ConnectError> = None;
    let mut next_at = Instant::now();
    loop {
        if Instant::now() >= next_at
            && let Some(attempt) = waiting.next()
        {
            started.spawn(attempt);
            next_at = Instant::now() + STAGGER;
        }
        tokio::select! {
            finished = started.join_next() => {
                next_at = Instant::now();
                match finished {
                    Some(Ok(Ok(connection))) => return Some(Ok(connection)),
                    Some(Ok(Err(error))) if is_final(&error) => return Some(Err(error)),
                    Some(Ok(Err(error))) => telling = Some(more_telling(telling, error)),
                    Some(Err(_)) => {}
                    None if waiting.len() == 0 => return telling.map(Err),
                    None => {}
                }
            }
            () = sleep_until(next_at), if waiting.len() > 0 => {}
        }
    }
}

fn is_final(error: &ConnectError) -> bool {
    error.is_authentication() || matches!(error.kind(), ConnectErrorKind::Closed)
}

/// Of two errors the one that somebody has to do something about; of equals the newer.
fn more_telling(before: Option<ConnectError>, error: ConnectError) -> ConnectError {
    match before {
        Some(before) if !before.is_retriable() && error.is_retriable() => before,
        _ => error,
    }
}
