//! Which brokers cannot be used, since when and why; and when somebody should hear of it.
//!
//! A connection that could be made proves little: a listener that expects SASL answers ApiVersions and
//! hangs up at the next request. So an outage begins with an attempt that fails, or with a connection
//! that ends before the broker has answered anything but ApiVersions, and it ends with the first answer
//! to something else.
//!
//! An outage is told as an event of `tracing`, once it has lasted a while and then ever more rarely.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use milena_core::backoff::Backoff;
use tokio::time::Instant;

use crate::connection::Liveness;
use crate::error::{ConnectError, ConnectErrorKind, DisconnectReason, with_causes};
use crate::waiting;

/// The pauses before and between the events of one outage.
const TOLD: Backoff = Backoff::new(waiting::PATIENCE, Duration::from_secs(60));

/// The brokers that are not known to be well, by address (`host:port`).
#[derive(Debug, Default)]
pub(super) struct Outages(BTreeMap<String, Standing>);

/// How it stands with one broker.
#[derive(Debug)]
struct Standing {
    /// Attempts in a row that failed.
    failures: u32,
    next_attempt_at: Instant,
    outage: Option<Outage>,
    /// The newest connection, while it is not known whether it is of any use.
    trial: Option<Arc<dyn Liveness>>,
}

/// A time in which a broker cannot be used.
#[derive(Debug)]
struct Outage {
    error: ConnectError,
    since: Instant,
    told: u32,
    tell_at: Instant,
}

/// Attempts in a row that failed, and the end of the pause behind them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failures {
    pub(super) count: u32,
    pub(super) next_attempt_at: Instant,
}

impl Outages {
    /// The failures of an address, if the last attempt failed.
    pub(super) fn failures(&self, address: &str) -> Option<Failures> {
        let standing = self.0.get(address).filter(|standing| standing.failures > 0)?;
        let Standing { failures: count, next_attempt_at, .. } = *standing;
        Some(Failures { count, next_attempt_at })
    }

    /// An attempt has failed. `pause` is how long to wait after so many failures.
    pub(super) fn handle_failed(
        &mut self,
        address: &str,
        error: &ConnectError,
        now: Instant,
        pause: impl FnOnce(u32) -> Duration,
    ) {
        let standing = self.0.entry(address.to_owned()).or_insert_with(|| Standing::new(now));
        standing.trial = None;
        standing.fail(error.clone(), now, pause);
    }

    /// A connection was made.
    pub(super) fn handle_connected(
        &mut self,
        address: &str,
        connection: Arc<dyn Liveness>,
        now: Instant,
    ) {
        let standing = self.0.entry(address.to_owned()).or_insert_with(|| Standing::new(now));
        (standing.failures, standing.next_attempt_at) = (0, now);
        standing.trial = Some(connection);
    }

    /// Looks what became of connections that were made: the broker has answered, which ends an outage,
    /// or has hung up before it did, which is a failure.
    pub(super) fn settle(&mut self, now: Instant, mut pause: impl FnMut(u32) -> Duration) {
        self.0.retain(|address, standing| {
            let Some(trial) = &standing.trial else { return true };
            if trial.has_answered() {
                return false;
            }
            match trial.end() {
                None => true,
                Some(DisconnectReason::Closed | DisconnectReason::Idle(_)) => {
                    standing.trial = None;
                    standing.outage.is_some()
                }
                Some(reason) => {
                    standing.trial = None;
                    let error = ConnectError::new(address, ConnectErrorKind::Ended(reason));
                    standing.fail(error, now, &mut pause);
                    true
                }
            }
        });
    }

    /// The newest failure of each broker that cannot be used.
    pub(super) fn errors(&self) -> Vec<ConnectError> {
        let outages = self.0.values().filter_map(|standing| standing.outage.as_ref());
        outages.map(|outage| outage.error.clone()).collect()
    }

    /// Forgets the addresses that nobody will connect to any more.
    pub(super) fn retain(&mut self, is_known: impl Fn(&str) -> bool) {
        self.0.retain(|address, _| is_known(address));
    }
}

impl Standing {
    fn new(now: Instant) -> Self {
        Self { failures: 0, next_attempt_at: now, outage: None, trial: None }
    }

    fn fail(&mut self, error: ConnectError, now: Instant, pause: impl FnOnce(u32) -> Duration) {
        self.failures = self.failures.saturating_add(1);
        self.next_attempt_at = now + pause(self.failures);
        match &mut self.outage {
            None => {
                let tell_at = now + TOLD.unspread(1);
                self.outage = Some(Outage { error, since: now, told: 0, tell_at });
            }
            Some(outage) => {
                outage.error = error;
                outage.tell_when_due(now);
            }
        }
    }
}

impl Outage {
    fn tell_when_due(&mut self, now: Instant) {
        if now < self.tell_at {
            return;
        }
        self.told = self.told.saturating_add(1);
        self.tell_at = now + TOLD.unspread(self.told.saturating_add(1));
        let since = now.saturating_duration_since(self.since);
        waiting::tell!(
            broker = self.error.target(),
            ?since,
            "{}; trying again",
            with_causes(&self.error)
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use parking_lot::Mutex;

    use super::*;
    use crate::error::Answered;

    const ADDRESS: &str = "broker1:9092";

    /// A connection of which the test says what became of it.
    #[derive(Debug, Default)]
    struct Scripted {
        answered: AtomicBool,
        end: Mutex<Option<DisconnectReason>>,
    }

    impl Liveness for Scripted {
        fn has_answered(&self) -> bool {
            self.answered.load(Ordering::Relaxed)
        }

        fn end(&self) -> Option<DisconnectReason> {
            self.end.lock().clone()
        }
    }

    fn at(seconds: u64) -> Instant {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *START.get_or_init(Instant::now) + Duration::from_secs(seconds)
    }

    fn pause(failures: u32) -> Duration {
        Duration::from_secs(failures.into())
    }

    fn refused() -> ConnectError {
        ConnectError::new(ADDRESS, ConnectErrorKind::NoAddress)
    }

    fn ended(answered: bool) -> Arc<Scripted> {
        let last = if answered { Answered::Requests } else { Answered::Versions };
        let reason = DisconnectReason::ClosedByBroker { answered: last };
        Arc::new(Scripted { answered: AtomicBool::new(answered), end: Mutex::new(Some(reason)) })
    }

    fn told(outages: &Outages) -> u32 {
        outages.0.get(ADDRESS).and_then(|one| one.outage.as_ref()).map_or(0, |outage| outage.told)
    }

    #[test]
    fn failures_count_until_a_connection_is_made() {
        let mut outages = Outages::default();
        assert!(outages.failures(ADDRESS).is_none());
        for count in 1..4 {
            outages.handle_failed(ADDRESS, &refused(), at(10), pause);
            let failures = outages.failures(ADDRESS).unwrap();
            assert_eq!(failures.count, count);
            assert_eq!(failures.next_attempt_at, at(10 + u64::from(count)));
        }
        outages.handle_connected(ADDRESS, Arc::<Scripted>::default(), at(20));
        assert!(outages.failures(ADDRESS).is_none());
        // Whether that helps is not known yet.
        outages.settle(at(20), pause);
        assert_eq!(outages.errors().len(), 1);
    }

    #[test]
    fn a_broker_that_hangs_up_before_it_answers_cannot_be_used() {
        let mut outages = Outages::default();
        outages.handle_connected(ADDRESS, ended(false), at(0));
        assert!(outages.errors().is_empty());
        outages.settle(at(1), pause);
        assert_eq!(outages.failures(ADDRESS).unwrap().count, 1);
        let errors = outages.errors();
        assert!(matches!(errors[0].kind(), ConnectErrorKind::Ended(_)), "{errors:?}");
        assert!(errors[0].to_string().starts_with("broker1:9092: the broker answered ApiVersions"));
    }

    #[test]
    fn an_answer_ends_the_outage_and_so_does_nothing_less() {
        let mut outages = Outages::default();
        outages.handle_failed(ADDRESS, &refused(), at(0), pause);
        let connection = Arc::new(Scripted::default());
        outages.handle_connected(ADDRESS, Arc::clone(&connection) as _, at(1));
        outages.settle(at(2), pause);
        assert_eq!(outages.errors().len(), 1);
        connection.answered.store(true, Ordering::Relaxed);
        outages.settle(at(3), pause);
        assert!(outages.errors().is_empty());
        // A connection that was of use and is lost is no outage, nor is one that nobody needed.
        outages.handle_connected(ADDRESS, ended(true), at(4));
        outages.settle(at(5), pause);
        let unused = Arc::new(Scripted::default());
        *unused.end.lock() = Some(DisconnectReason::Closed);
        outages.handle_connected(ADDRESS, unused, at(6));
        outages.settle(at(7), pause);
        assert!(outages.errors().is_empty() && outages.failures(ADDRESS).is_none());
    }

    #[test]
    fn an_outage_is_told_when_it_lasts_and_then_ever_more_rarely() {
        let mut outages = Outages::default();
        let mut told_at = Vec::new();
        for second in 0..100 {
            let before = told(&outages);
            outages.handle_failed(ADDRESS, &refused(), at(second), pause);
            if told(&outages) > before {
                told_at.push(second);
            }
        }
        assert_eq!(told_at, [2, 6, 14, 30, 62]);
    }

    #[test]
    fn a_flapping_listener_is_one_outage() {
        let mut outages = Outages::default();
        for second in 0..3 {
            outages.handle_connected(ADDRESS, ended(false), at(second));
            outages.settle(at(second), pause);
        }
        assert_eq!(told(&outages), 1);
    }

    #[test]
    fn addresses_that_are_gone_are_forgotten() {
        let mut outages = Outages::default();
        outages.handle_failed(ADDRESS, &refused(), at(0), pause);
        outages.retain(|address| address != ADDRESS);
        assert!(outages.errors().is_empty());
    }
}
