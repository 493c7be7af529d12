//! Ctrl-C and SIGTERM: the first ends a command in good order, the second at once.

use std::process;

use tokio::sync::watch;

/// Whether the program was told to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens for the signals from here on.
    pub(crate) fn listen() -> Self {
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            signal().await;
            // There is no receiver when the command has ended already.
            let _ = sender.send(true);
            signal().await;
            process::exit(130);
        });
        Self(receiver)
    }

    /// Waits until the program is told to end.
    pub(crate) async fn wait(&mut self) {
        if self.0.wait_for(|interrupted| *interrupted).await.is_err() {
            // Nobody can interrupt any more.
            std::future::pending::<()>().await;
        }
    }

    /// Whether the program has been told to end.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }
}

/// Waits for Ctrl-C, or SIGTERM where there is one.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
