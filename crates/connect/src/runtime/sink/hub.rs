//! Records that wait for the acknowledgement of somebody outside.
//!
//! Invariants:
//! 1. A number stands for one delivery of one record; numbers are never used twice.
//! 2. A delivery that is given up takes its record out of the hub.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{Outcome, Record, Sink};
use crate::connector::{BoxFuture, Ticket};

/// Records that wait to be asked for, and those that wait for their acknowledgement.
#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<State>,
    arrived: Notify,
    ack_timeout: Duration,
    unacked_max: usize,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// Of those that wait, the ones that can be given.
    ready: BTreeSet<u64>,
}

#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    body: Bytes,
    answer: oneshot::Sender<Outcome>,
    /// When it is given again.
    deadline: Option<Instant>,
}

/// A record as it is given to whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Polled {
    pub(crate) seq: u64,
    pub(crate) ticket: Ticket,
    pub(crate) body: Bytes,
}

/// What is to become of a record that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nack {
    /// What the step's policy says.
    Forward,
    /// It is given again, whatever the policy says.
    Retry,
    /// Nobody wants it.
    Ignore,
}

impl Nack {
    /// The strategy of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "forward" => Self::Forward,
            "retry" => Self::Retry,
            "ignore" => Self::Ignore,
            _ => return None,
        })
    }

    pub(crate) const EXPECTED: &str = "expected forward, retry or ignore";
}

impl Hub {
    pub(crate) fn new(ack_timeout: Duration, unacked_max: usize) -> Self {
        Self { state: Mutex::default(), arrived: Notify::new(), ack_timeout, unacked_max }
    }

    /// Puts a record in; its number and the place of its answer.
    pub(super) fn put(self: &Arc<Self>, record: &Record, is_ready: bool) -> (u64, Pending) {
        let (answer, outcome) = oneshot::channel();
        let mut state = self.state.lock();
        state.last += 1;
        let seq = state.last;
        let (ticket, body) = (record.ticket, record.body.clone());
        state.waiting.insert(seq, Waiting { ticket, body, answer, deadline: None });
        if is_ready {
            state.ready.insert(seq);
        }
        drop(state);
        self.arrived.notify_one();
        (seq, Pending { hub: Arc::clone(self), seq, outcome })
    }

    /// Takes up to `max` records, those that were given in vain among them; waits for the first.
    pub(crate) async fn poll(&self, max: usize, within: Duration) -> Vec<Polled> {
        let end = Instant::now() + within;
        loop {
            let arrived = self.arrived.notified();
            let (polled, next) = self.take(max, Instant::now());
            if !polled.is_empty() {
                // Others may wait for what is left.
                self.arrived.notify_one();
                return polled;
            }
            let until = next.map_or(end, |next| next.min(end));
            if tokio::time::timeout_at(until, arrived).await.is_err() && Instant::now() >= end {
                return Vec::new();
            }
        }
    }

    /// What can be given, and when something given before is due again.
    fn take(&self, max: usize, now: Instant) -> (Vec<Polled>, Option<Instant>) {
        let mut state = self.state.lock();
        let State { waiting, ready, .. } = &mut *state;
        let is_due = |waiting: &Waiting| waiting.deadline.is_some_and(|deadline| deadline <= now);
        ready.extend(waiting.iter().filter(|(_, waiting)| is_due(waiting)).map(|(seq, _)| *seq));
        let mut polled = Vec::new();
        while polled.len() < max
            && let Some(seq) = ready.pop_first()
        {
            let Some(record) = waiting.get_mut(&seq) else { continue };
            record.deadline = Some(now + self.ack_timeout);
            polled.push(Polled { seq, ticket: record.ticket, body: record.body.clone() });
        }
        (polled, waiting.values().filter_map(|waiting| waiting.deadline).min())
    }

    /// Ends a delivery; false when there is none of this number.
    pub(crate) fn answer(&self, seq: u64, outcome: Outcome) -> bool {
        let mut state = self.state.lock();
        state.ready.remove(&seq);
        let Some(waiting) = state.waiting.remove(&seq) else { return false };
        // Whoever waited may have given up in this very moment.
        waiting.answer.send(outcome).is_ok()
    }

    /// Ends a delivery of a record that is not taken; false when there is none of this number.
    pub(crate) fn nack(&self, seq: u64, nack: Nack, why: Option<&str>) -> bool {
        let why = why.unwrap_or("it was not acknowledged").to_owned();
        let outcome = match nack {
            Nack::Forward => Outcome::Poison(why),
            Nack::Retry => Outcome::Again(why),
            Nack::Ignore => Outcome::Ignored(why),
        };
        self.answer(seq, outcome)
    }
}

impl Sink for Hub {
    fn deliver(self: Arc<Self>, record: Arc<Record>) -> BoxFuture<'static, Outcome> {
        let (_, pending) = self.put(&record, true);
        pending.answer().boxed()
    }

    fn in_delivery_max(&self) -> usize {
        self.unacked_max
    }

    fn is_timed(&self) -> bool {
        false
    }
}

/// A delivery that waits for its answer. Dropping it gives the delivery up.
pub(super) struct Pending {
    hub: Arc<Hub>,
    seq: u64,
    outcome: oneshot::Receiver<Outcome>,
}

impl Pending {
    pub(super) async fn answer(mut self) -> Outcome {
        // The sender is in the hub until it answers.
        (&mut self.outcome).await.unwrap_or_else(|_| Outcome::Again("nobody answered".to_owned()))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut state = self.hub.state.lock();
        state.ready.remove(&self.seq);
        state.waiting.remove(&self.seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: i64) -> Record {
        let ticket = Ticket { partition: 0, offset };
        Record { ticket, body: Bytes::from_static(b"{}"), refusal: None }
    }

    fn seqs(polled: &[Polled]) -> Vec<u64> {
        polled.iter().map(|polled| polled.seq).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_acknowledges_is_given_again() {
        let hub = Arc::new(Hub::new(Duration::from_secs(5), 10));
        let deliveries = [1, 2, 3].map(|offset| hub.put(&record(offset), true).1);
        assert_eq!(seqs(&hub.poll(2, Duration::ZERO).await), [1, 2]);
        assert_eq!(seqs(&hub.poll(9, Duration::ZERO).await), [3]);
        assert!(hub.poll(9, Duration::from_secs(4)).await.is_empty(), "all are given");
        assert!(hub.answer(2, Outcome::Accepted));
        assert!(!hub.answer(2, Outcome::Accepted), "once");
        assert_eq!(seqs(&hub.poll(9, Duration::from_secs(9)).await), [1, 3]);
        assert!(hub.nack(1, Nack::Ignore, None));
        assert!(hub.nack(3, Nack::Forward, Some("no")));
        let [one, two, three] = deliveries;
        assert!(matches!(one.answer().await, Outcome::Ignored(_)));
        assert_eq!(two.answer().await, Outcome::Accepted);
        assert_eq!(three.answer().await, Outcome::Poison("no".to_owned()));
    }

    #[tokio::test]
    async fn a_poll_waits_for_what_comes_and_a_dropped_delivery_is_gone() {
        let hub = Arc::new(Hub::new(Duration::from_secs(5), 10));
        drop(hub.put(&record(0), true));
        let coming = async { hub.put(&record(1), true) };
        let (polled, (seq, _pending)) =
            futures_util::join!(hub.poll(9, Duration::from_secs(60)), coming);
        assert_eq!((seqs(&polled), seq), (vec![2], 2));
    }
}
