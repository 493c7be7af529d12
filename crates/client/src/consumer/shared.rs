//! What the consumer's handle and its driver share.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use milena_core::{
    TopicPartition,
    consumer::{CommitError, CommitId, ConsumerMachine, Offsets},
    metadata::ClusterMetadata,
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, oneshot, watch};

use super::{driver, pattern::TopicPattern, poll::Polling, rebalance::Listener, settings};
use crate::{Error, ErrorKind, cluster::Cluster, config::ConsumerConfig, metrics::Counters};

/// The most errors of requests that wait for the application.
const ERRORS_MAX: usize = 16;

/// Everything behind one lock, which is never held across an `await` nor while records are read.
pub(super) struct State {
    pub(super) machine: ConsumerMachine,
    pub(super) pattern: Option<TopicPattern>,
    pub(super) mode: Mode,
    commits: BTreeMap<CommitId, oneshot::Sender<Result<(), Error>>>,
    errors: VecDeque<Error>,
}

/// How partitions come to the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    None,
    Subscribed,
    Assigned,
}

/// What the consumer's handle and its driver share.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Wakes the driver: the machine may have something to send.
    pub(super) wake: Notify,
    /// Counts everything that may matter to somebody who waits.
    pub(super) progress: watch::Sender<u64>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) cluster: Cluster,
    pub(super) config: ConsumerConfig,
    pub(super) counters: Arc<Counters>,
    pub(super) created_at: Instant,
    pub(super) polling: tokio::sync::Mutex<Polling>,
    pub(super) listener: Mutex<Option<Arc<dyn Listener>>>,
    driver: OnceLock<()>,
}

/// The time, by tokio's clock.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Shared {
    pub(super) fn new(
        config: ConsumerConfig,
        assignors: Vec<Arc<dyn milena_core::group::assignor::Assignor>>,
    ) -> Result<Self, Error> {
        let seed = getrandom::u64().map_err(|error| {
            Error::new(ErrorKind::Config, "the system gives no random numbers").with_source(error)
        })?;
        let cluster = Cluster::new(&config.client)?;
        let machine = ConsumerMachine::new(settings::machine(&config, assignors, seed), now());
        let state = State {
            machine,
            pattern: None,
            mode: Mode::None,
            commits: BTreeMap::new(),
            errors: VecDeque::new(),
        };
        Ok(Self {
            state: Mutex::new(state),
            wake: Notify::new(),
            progress: watch::Sender::new(0),
            stop: watch::Sender::new(false),
            cluster,
            config,
            counters: Arc::default(),
            created_at: now(),
            polling: tokio::sync::Mutex::default(),
            listener: Mutex::new(None),
            driver: OnceLock::new(),
        })
    }

    /// Starts the driver, if it has not started. Needs a tokio runtime.
    pub(super) fn start(self: &Arc<Self>) {
        self.driver.get_or_init(|| {
            tokio::spawn(driver::run(Arc::clone(self)));
        });
    }

    /// Fails when the consumer is closed.
    pub(super) fn check_open(&self) -> Result<(), Error> {
        if *self.stop.borrow() {
            return Err(Error::new(ErrorKind::Closed, "the consumer was closed"));
        }
        Ok(())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Does something with the machine and lets the driver and everybody who waits look again.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.wake.notify_one();
        self.notify();
        result
    }

    /// Does something with the machine on behalf of somebody who waits for progress himself.
    pub(super) fn update_quietly<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.wake.notify_one();
        result
    }

    pub(super) fn notify(&self) {
        self.progress.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Keeps an error of a request for the application, unless it may pass by itself.
    pub(super) fn report(&self, error: Error) {
        tracing::debug!(%error, "a request of the consumer failed");
        if error.is_retriable() || error.kind() == ErrorKind::Closed {
            return;
        }
        let mut state = self.lock();
        if state.errors.len() < ERRORS_MAX {
            state.errors.push_back(error);
        }
        drop(state);
        self.notify();
    }

    /// Wants the metadata of what the machine needs, if that has changed.
    pub(super) fn pin_topics(&self) {
        let mut state = self.lock();
        let Some(topics) = state.machine.take_topics() else { return };
        let wants_all = state.pattern.is_some();
        drop(state);
        self.cluster.want_all_topics(wants_all);
        self.cluster.pin_topics(topics.iter().map(|topic| &**topic));
    }

    /// Takes newer metadata over.
    pub(super) fn handle_metadata(&self, metadata: &Arc<ClusterMetadata>) {
        self.update(|state| {
            if let Some(pattern) = &state.pattern {
                let topics = pattern.matching(metadata);
                state.machine.subscribe(topics);
            }
            state.machine.handle_metadata(Arc::clone(metadata));
        });
    }

    /// Offsets as a commit of its own; the receiver learns the outcome.
    pub(super) fn commit(
        &self,
        offsets: Offsets,
        timeout: Duration,
    ) -> oneshot::Receiver<Result<(), Error>> {
        let (sender, receiver) = oneshot::channel();
        self.update(|state| {
            let id = state.machine.commit(offsets, now() + timeout);
            state.commits.insert(id, sender);
        });
        receiver
    }

    /// Commits what is processed, if the consumer commits by itself.
    pub(super) fn auto_commit(&self) -> Option<oneshot::Receiver<Result<(), Error>>> {
        let (sender, receiver) = oneshot::channel();
        self.update(|state| {
            let id = state.machine.auto_commit(now())?;
            state.commits.insert(id, sender);
            Some(receiver)
        })
    }

    /// Tells the outcomes of commits.
    pub(super) fn finish_commits(&self, state: &mut State) {
        let done = state.machine.take_done_commits();
        if !done.is_empty() {
            self.notify();
        }
        for (id, result) in done {
            let counter = match &result {
                Ok(()) => self.counters.commits(),
                Err(_) => self.counters.commits_failed(),
            };
            counter.add(1);
            let waiter = state.commits.remove(&id);
            if let (Err(error), None) = (&result, &waiter) {
                tracing::warn!(?error, "an automatic commit failed");
            }
            if let Some(waiter) = waiter {
                // Nobody waits any more: the commit is done all the same.
                let _ = waiter.send(result.map_err(|error: CommitError| error.into()));
            }
        }
    }
}

impl State {
    pub(super) fn take_error(&mut self) -> Option<Error> {
        self.errors.pop_front().or_else(|| self.machine.take_error().map(Error::from))
    }

    /// The partitions that the consumer has.
    pub(super) fn assignment(&self) -> Vec<TopicPartition> {
        self.machine.subscription().assigned().cloned().collect()
    }
}
