//! What the sender knows of one broker.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::PartitionKey;

/// Requests with nothing but batches that are not full, as many as keep a broker busy.
const SMALL_IN_FLIGHT: usize = 2;
/// How long such batches wait for an answer.
const HOLD_MAX: Duration = Duration::from_millis(5);

/// Whether requests can be written to a broker.
///
/// ```text
/// Idle --connection wanted--> Connecting --connected--> Connected
///   ^                            |                          |
///   +------ pause is over ---- Failed <--- failed           |
///   +------------------------- lost ------------------------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// No connection, and nobody wants one.
    Idle,
    /// The driver was asked for a connection.
    Connecting,
    /// Requests can be written.
    Connected,
    /// Connecting failed so often in a row; not again before `until`.
    Failed { until: Instant },
}

/// One broker: its connection, its requests and the partitions that have something to send to it.
#[derive(Debug)]
pub(super) struct Broker {
    pub(super) link: Link,
    /// Failed attempts to connect in a row.
    pub(super) failures: u32,
    /// Requests without answer.
    pub(super) in_flight: usize,
    /// The broker asked for silence until then (KIP-219).
    pub(super) throttled_until: Option<Instant>,
    /// Partitions that have something to send, in the order of their turns.
    pub(super) ready: VecDeque<PartitionKey>,
    /// Since when something is ready that could not be sent.
    pub(super) stalled_since: Option<Instant>,
    /// When the last request was sent.
    pub(super) sent_at: Option<Instant>,
    /// Small batches are held back until then, unless an answer comes.
    pub(super) held_until: Option<Instant>,
}

impl Broker {
    pub(super) const fn new() -> Self {
        Self {
            link: Link::Idle,
            failures: 0,
            in_flight: 0,
            throttled_until: None,
            ready: VecDeque::new(),
            stalled_since: None,
            sent_at: None,
            held_until: None,
        }
    }

    /// Whether another request may be written now.
    pub(super) fn is_free(&self, max_in_flight: usize, now: Instant) -> bool {
        self.link == Link::Connected
            && self.in_flight < max_in_flight
            && self.throttled_until.is_none_or(|until| until <= now)
    }

    /// When to look again without any input.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        if self.ready.is_empty() {
            return None;
        }
        let pause = match self.link {
            Link::Failed { until } => Some(until),
            Link::Idle => Some(now),
            Link::Connecting | Link::Connected => None,
        };
        let throttle = self.throttled_until.filter(|until| *until > now);
        pause.into_iter().chain(throttle).chain(self.held_until).min()
    }

    /// Until when batches that are not full wait for an answer.
    ///
    /// A broker serves the requests of one connection one after the other. With two of them under way
    /// it always has one to serve; a third would only wait there, where no record can join it. When
    /// the way is long, more under way does help: so the wait has an end.
    pub(super) fn hold(&self) -> Option<Instant> {
        self.sent_at.filter(|_| self.in_flight >= SMALL_IN_FLIGHT).map(|at| at + HOLD_MAX)
    }
}
