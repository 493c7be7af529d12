//! What the steps of one run share.

use std::{io, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::{host::Host, progress::Progress, run::RunError};
use crate::connector::Ends;

/// How far the actions of a run are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Actions produce.
    Producing,
    /// All that the actions had was delivered, or failed.
    Produced,
    /// Everything is to end, whatever is left.
    Stopping,
}

/// What the steps of one run share.
pub(super) struct Shared {
    pub(super) host: Arc<dyn Host>,
    pub(super) progress: Arc<Progress>,
    phase: watch::Sender<Phase>,
    ends: Mutex<Ends>,
    failure: Mutex<Option<RunError>>,
}

impl Shared {
    pub(super) fn new(host: Arc<dyn Host>, progress: Arc<Progress>) -> Self {
        Self {
            host,
            progress,
            phase: watch::Sender::new(Phase::Producing),
            ends: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    /// Writes lines; a failure ends the run.
    pub(super) async fn write(&self, lines: String) -> Result<(), Ended> {
        match self.host.write(lines).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.fail(RunError::Output(error));
                self.stop();
                Err(Ended)
            }
        }
    }

    /// Remembers why the run fails. The first reason is told: later ones mostly follow from it.
    pub(super) fn fail(&self, error: RunError) {
        let mut failure = self.failure.lock();
        match &*failure {
            None => *failure = Some(error),
            Some(first) => tracing::debug!(%first, %error, "the run fails again"),
        }
    }

    /// Why the run has failed.
    pub(super) fn take_failure(&self) -> Option<RunError> {
        self.failure.lock().take()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.lock().is_some()
    }

    /// The actions are through.
    pub(super) fn set_produced(&self) {
        self.advance(Phase::Produced);
    }

    /// Everything is to end.
    pub(super) fn stop(&self) {
        self.advance(Phase::Stopping);
    }

    fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let is_later = (*phase as u8) < (to as u8);
            if is_later {
                *phase = to;
            }
            is_later
        });
    }

    /// The phase, and its changes.
    pub(super) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Waits until everything is to end. Cancel safe.
    pub(super) async fn stopping(&self) {
        // The sender is in `self`, so it cannot be gone.
        let _ = self.phase().wait_for(|phase| *phase == Phase::Stopping).await;
    }

    /// Records were written up to here.
    pub(super) fn handle_ends(&self, ends: &Ends) {
        let mut known = self.ends.lock();
        for (partition, end) in ends {
            let known = known.entry(partition.clone()).or_insert(*end);
            *known = (*known).max(*end);
        }
    }

    /// Up to where records were written.
    pub(super) fn ends(&self) -> Ends {
        self.ends.lock().clone()
    }
}

/// The run has failed and ends: why is known to [`Shared`].
#[derive(Debug)]
pub(super) struct Ended;

/// Whether nobody reads the output any more.
pub(super) fn is_closed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
