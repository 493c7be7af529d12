//! Polling: rebalance steps first, then errors, then records.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use milena_core::consumer::ConsumerError;
use milena_wire::compression::Decompressor;
use tokio::time::{sleep_until, timeout_at};

use super::{
    ConsumerRecords,
    rebalance::{Listener, RunningStep, run_step},
    settings,
    shared::{Mode, Shared, now},
};
use crate::{Error, ErrorKind};

/// What one poll at a time owns.
#[derive(Default)]
pub(super) struct Polling {
    step: Option<RunningStep>,
    decompressor: Decompressor,
}

/// Tells the machine how long the application waits, also when the poll is dropped.
struct Guard<'a>(&'a Shared);

impl<'a> Guard<'a> {
    fn new(shared: &'a Shared) -> Self {
        if shared.lock().machine.handle_poll_start(now()) {
            shared.wake.notify_one();
        }
        Self(shared)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.lock().machine.handle_poll_end(now());
    }
}

impl Polling {
    /// Forgets a callback that nobody will poll any more.
    pub(super) fn abandon_step(&mut self) {
        self.step = None;
    }

    /// Waits for records until `timeout` is over.
    ///
    /// Cancel safe: records are taken only when nothing is awaited any more, and a callback that
    /// runs goes on in the next poll.
    pub(super) async fn poll(
        &mut self,
        shared: &Arc<Shared>,
        listener: Option<&Arc<dyn Listener>>,
        timeout: Duration,
    ) -> Result<ConsumerRecords, Error> {
        if shared.lock().mode == Mode::None {
            let message = "the consumer is neither subscribed nor has it partitions assigned";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let deadline = now() + timeout;
        let _guard = Guard::new(shared);
        let mut progress = shared.progress.subscribe();
        loop {
            if *shared.stop.borrow() {
                return Err(Error::new(ErrorKind::Closed, ""));
            }
            if !self.take_steps(shared, listener, deadline).await {
                return Ok(ConsumerRecords::default());
            }
            progress.borrow_and_update();
            let error = {
                let mut state = shared.lock();
                if state.machine.has_step() {
                    continue;
                }
                state.take_error()
            };
            if let Some(error) = error {
                return Err(error);
            }
            let records = self.collect(shared)?;
            if !records.is_empty() {
                shared.counters.records_fetched().add(records.len() as u64);
                return Ok(records);
            }
            tokio::select! {
                _ = progress.changed() => {}
                error = shared.cluster.refusal() => return Err(error),
                () = sleep_until(deadline.into()) => return give_up(shared),
            }
        }
    }

    /// Takes the rebalance steps that wait. `false` when time is up before they are done.
    pub(super) async fn take_steps(
        &mut self,
        shared: &Arc<Shared>,
        listener: Option<&Arc<dyn Listener>>,
        deadline: Instant,
    ) -> bool {
        loop {
            if let Some(step) = &mut self.step {
                if timeout_at(deadline.into(), step).await.is_err() {
                    return false;
                }
                self.step = None;
            }
            let Some(step) = shared.lock().machine.begin_step() else { return true };
            self.step = Some(run_step(Arc::clone(shared), listener.cloned(), step));
        }
    }

    /// Reads what is buffered, up to `max.poll.records`. Batches are checked and decompressed here,
    /// in the application's task and outside of the lock.
    fn collect(&mut self, shared: &Shared) -> Result<ConsumerRecords, Error> {
        let options = settings::read_options(&shared.config);
        let max = shared.config.max_poll_records;
        let mut records = ConsumerRecords::default();
        let mut has_room = false;
        while records.len() < max {
            let Some(mut fetched) = shared.lock().machine.take_fetched() else { break };
            let partition = fetched.partition().clone();
            let taken = fetched.take(max - records.len(), &options, &mut self.decompressor);
            has_room |= taken.as_ref().is_ok_and(|taken| taken.is_exhausted);
            let is_current = shared.lock().machine.finish_reading(fetched, taken.as_ref());
            match taken {
                Ok(taken) if is_current && taken.count > 0 => {
                    records.push(partition, taken.segments, taken.count, taken.next);
                }
                Ok(_) => {}
                Err(error) if is_current => return read_error(records, error),
                Err(_) => {}
            }
        }
        if has_room || records.is_empty() {
            // The next fetch can go: something was read to its end, or dropped as stale.
            shared.wake.notify_one();
        }
        Ok(records)
    }
}

/// Records that were read before an error are handed out first; the error comes again.
fn read_error(records: ConsumerRecords, error: ConsumerError) -> Result<ConsumerRecords, Error> {
    if records.is_empty() { Err(error.into()) } else { Ok(records) }
}

/// Time is up. A cluster that never answered is an error, not a quiet topic.
fn give_up(shared: &Shared) -> Result<ConsumerRecords, Error> {
    let limit = shared.config.client.default_api_timeout;
    let is_late = now() >= shared.created_at + limit;
    match shared.cluster.silence().filter(|_| is_late) {
        Some(error) => Err(error),
        None => Ok(ConsumerRecords::default()),
    }
}
