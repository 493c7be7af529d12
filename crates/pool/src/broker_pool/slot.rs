//! The place of one connection in the pool: connected, or on the way.

use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::connection::Connection;
use crate::error::ConnectError;

/// What an attempt came to; `None` while it goes on.
pub(super) type Outcome = Option<Result<Connection, ConnectError>>;

/// A connection, or an attempt to make one that all callers share.
#[derive(Debug)]
pub(super) enum Slot {
    Connected(Connection),
    Connecting(Attempt),
}

/// An attempt. Dropping it gives the attempt up; those who wait for it notice.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) outcome: watch::Receiver<Outcome>,
    pub(super) task: AbortHandle,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Slot {
    /// The connection, if there is one that is alive.
    pub(super) fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Connected(connection) if !connection.is_closed() => Some(connection),
            Self::Connected(_) | Self::Connecting(_) => None,
        }
    }
}
