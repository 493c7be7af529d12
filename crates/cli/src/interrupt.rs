//! Ctrl-C and SIGTERM: the first ends a command in good order, the second at once.

use std::{io, process, time::Duration};

use tokio::sync::watch;

use crate::{failure::Failure, notice::say};

/// How long a good end may take before the user is told how to have a quick one.
const PATIENCE: Duration = Duration::from_secs(2);

/// What told the program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGINT, as Ctrl-C sends it.
    Interrupt,
    /// SIGTERM, as service managers and containers send it.
    Terminate,
}

impl Signal {
    /// What the program ends with: 128 and the signal's number, as shells have it.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Whether the program was told to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(watch::Receiver<Option<Signal>>);

impl Interrupt {
    /// Listens for the signals from here on: none that comes later is missed.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let mut signals =
            Signals::new().map_err(|error| Failure::new("signals cannot be received", error))?;
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let first = signals.next().await;
            // There is no receiver when the command has ended already.
            let _ = sender.send(Some(first));
            let second = tokio::select! {
                second = signals.next() => second,
                () = tokio::time::sleep(PATIENCE) => {
                    say("milena: still sending, committing and leaving; \
                         a second Ctrl-C ends the program at once");
                    signals.next().await
                }
            };
            process::exit(second.exit_code().into());
        });
        Ok(Self(receiver))
    }

    /// Waits until the program is told to end.
    pub(crate) async fn wait(&mut self) {
        if self.0.wait_for(Option::is_some).await.is_err() {
            // Nobody can interrupt any more.
            std::future::pending::<()>().await;
        }
    }

    /// Does something, unless the program is told to end before it is done.
    ///
    /// What is done at once counts in any case: a producer has accepted a record when `send` returns, and
    /// whoever turned to the signal then would not know of it.
    pub(crate) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.wait() => None,
        }
    }

    /// Whether the program was told to end.
    pub(crate) fn is_told(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// What a command ends with that has done what it could: well, unless it was told to end.
    pub(crate) fn outcome(&self) -> Result<(), Failure> {
        let signal = *self.0.borrow();
        signal.map_or(Ok(()), |signal| Err(Failure::Ended(signal)))
    }
}

/// The signals that end a program, as a queue.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

/// The signals that end a program, as a queue.
#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> Signal {
        let _ = self.0.recv().await;
        Signal::Interrupt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_done_at_once_counts_after_a_signal_too() {
        let (sender, receiver) = watch::channel(None);
        let mut interrupt = Interrupt(receiver);
        assert!(!interrupt.is_told());
        sender.send(Some(Signal::Interrupt)).unwrap();
        assert!(interrupt.is_told());
        // Without an order the signal would come first in one of two cases.
        for number in 0..50 {
            assert_eq!(interrupt.unless(async { number }).await, Some(number));
        }
        assert_eq!(interrupt.unless(std::future::pending::<()>()).await, None);
    }
}
