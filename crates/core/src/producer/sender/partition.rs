//! What the sender knows of one partition: its leader, its sequences and the way of its batches.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use milena_wire::{ByteString, Uuid};

use super::flush::Generation;
use super::{EncodingId, RequestId};
use crate::BrokerId;
use crate::producer::batch::{Batch, Order};
use crate::producer::sequence::Numbering;

/// What is known of batches that were sent, are not in the log, and will not be sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Gaps {
    /// No broker takes the sequences from this batch on, which begins with this one; the batches
    /// before it are not concerned.
    certain: Option<(Order, i32)>,
    /// This batch may be missing. The answer to a batch after it tells.
    possible: Option<Order>,
}

/// How many batches of the partition may be in flight.
///
/// ```text
/// Probing --acknowledged--> Flowing
///    |  ^                      |
///    |  +---all came back---+  | a batch came back
///    +-- a batch came back--Settling <--+
/// ```
///
/// `Probing` is what keeps the order when a broker knows nothing of the producer: such a broker
/// takes any first sequence, so the second batch must not arrive when the first has been refused.
/// Without idempotence there is no `Probing`: a partition flows again at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pipeline {
    /// One, until a broker has acknowledged one.
    Probing,
    /// As many as the configuration allows.
    Flowing,
    /// None: those in flight have to come back first, then they are sent again in order.
    Settling,
}

/// A batch that was sent and not answered yet.
#[derive(Debug)]
pub(super) struct InFlight<C> {
    pub(super) request: RequestId,
    pub(super) batch: Batch<C>,
}

/// A batch that was never sent.
#[derive(Debug)]
pub(super) enum Slot<C> {
    /// The driver compresses it.
    Encoding(EncodingId),
    /// It can be sent.
    Ready(Batch<C>),
}

/// The open batch, as far as the sender has seen it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) created: Instant,
    pub(super) generation: Generation,
    /// It is to be sealed as soon as it can be sent, without lingering.
    pub(super) hurried: bool,
}

/// Whether a partition has something to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It has, and may send it.
    Ready,
    /// It will have at that time.
    At(Instant),
    /// Only an input changes that.
    Waiting,
}

/// What settling leaves to be done.
#[derive(Debug)]
pub(super) struct Settled<C> {
    /// Batches that can neither be sent as they are nor with other sequences.
    pub(super) given_up: Vec<Batch<C>>,
    /// The producer id has no epoch left.
    pub(super) needs_producer_id: bool,
}

/// The sender's side of one partition.
///
/// Batches move from `backlog` to `in_flight`, and from there away or to `retries`. The order by
/// `Batch::order` is: `in_flight` and `retries` ascending each, `backlog` after both.
#[derive(Debug)]
pub(super) struct Partition<C> {
    pub(super) topic: ByteString,
    pub(super) topic_id: Uuid,
    pub(super) index: i32,
    pub(super) leader: Option<BrokerId>,
    pub(super) leader_epoch: i32,
    pub(super) pipeline: Pipeline,
    gaps: Gaps,
    pub(super) numbering: Option<Numbering>,
    /// Nothing may be sent to it: it is not part of the transaction.
    pub(super) is_held: bool,
    pub(super) in_flight: VecDeque<InFlight<C>>,
    pub(super) retries: VecDeque<Batch<C>>,
    pub(super) backlog: VecDeque<Slot<C>>,
    pub(super) open: Option<Opened>,
    pub(super) backoff_until: Option<Instant>,
    /// Whether it stands in its leader's list.
    pub(super) is_listed: bool,
    /// When the sender looks at it next by itself.
    pub(super) alarm: Option<Instant>,
    next_place: u64,
}

impl<C> Partition<C> {
    pub(super) const fn new(topic: ByteString, index: i32, idempotent: bool) -> Self {
        Self {
            topic,
            topic_id: Uuid::ZERO,
            index,
            leader: None,
            leader_epoch: -1,
            pipeline: if idempotent { Pipeline::Probing } else { Pipeline::Flowing },
            gaps: Gaps { certain: None, possible: None },
            numbering: None,
            is_held: false,
            in_flight: VecDeque::new(),
            retries: VecDeque::new(),
            backlog: VecDeque::new(),
            open: None,
            backoff_until: None,
            is_listed: false,
            alarm: None,
            next_place: 0,
        }
    }

    /// Whether there is something to send, wherever the leader is.
    pub(super) fn readiness(
        &self,
        max_in_flight: usize,
        linger: Duration,
        now: Instant,
    ) -> Readiness {
        let allowed = match self.pipeline {
            _ if self.is_held => 0,
            Pipeline::Probing => 1,
            // Batches before the gap go one by one; the others wait for their new sequences.
            Pipeline::Flowing if self.gaps.certain.is_some() => 1,
            Pipeline::Flowing => max_in_flight,
            Pipeline::Settling => 0,
        };
        if self.in_flight.len() >= allowed {
            return Readiness::Waiting;
        }
        let start = match (self.retries.is_empty(), self.backlog.front(), self.open) {
            (false, _, _) | (_, Some(Slot::Ready(_)), _) => now,
            (_, Some(Slot::Encoding(_)), _) | (_, None, None) => return Readiness::Waiting,
            (_, None, Some(open)) if open.hurried => now,
            (_, None, Some(open)) => open.created + linger,
        };
        match start.max(self.backoff_until.unwrap_or(start)) {
            at if at > now => Readiness::At(at),
            _ => Readiness::Ready,
        }
    }

    /// Whether something should be sent as soon as possible: no more records can join it, or somebody
    /// waits for it.
    pub(super) fn is_urgent(&self) -> bool {
        self.next_size().is_some() || self.open.is_some_and(|open| open.hurried)
    }

    /// The size of the batch that would be sent next, if one is ready.
    pub(super) fn next_size(&self) -> Option<usize> {
        match (self.retries.front(), self.backlog.front()) {
            (Some(batch), _) | (None, Some(Slot::Ready(batch))) => Some(batch.size()),
            (None, _) => None,
        }
    }

    /// Takes the batch that is sent next.
    pub(super) fn take_next(&mut self) -> Option<Batch<C>> {
        if let Some(batch) = self.retries.pop_front() {
            return Some(batch);
        }
        if !matches!(self.backlog.front(), Some(Slot::Ready(_))) {
            return None;
        }
        match self.backlog.pop_front() {
            Some(Slot::Ready(mut batch)) => {
                batch.place = self.next_place;
                self.next_place += 1;
                Some(batch)
            }
            _ => None,
        }
    }

    /// Puts a batch that will be sent again among the others, in order; before those of the same
    /// place, which are later parts of it.
    pub(super) fn requeue(&mut self, batch: Batch<C>) {
        let at = self.retries.partition_point(|other| other.order() < batch.order());
        self.retries.insert(at, batch);
    }

    /// Takes the batch that travelled with `request`.
    pub(super) fn take_in_flight(&mut self, request: RequestId) -> Option<Batch<C>> {
        let at = self.in_flight.iter().position(|entry| entry.request == request)?;
        self.in_flight.remove(at).map(|entry| entry.batch)
    }

    /// Whether an earlier batch than this one is still to be acknowledged.
    pub(super) fn has_earlier(&self, order: Order) -> bool {
        self.in_flight.front().is_some_and(|entry| entry.batch.order() < order)
            || self.retries.front().is_some_and(|batch| batch.order() < order)
    }

    /// A batch was acknowledged.
    pub(super) fn note_acknowledged(&mut self, order: Order) {
        if self.pipeline == Pipeline::Probing {
            self.pipeline = Pipeline::Flowing;
        }
        self.gaps.possible.take_if(|gap| *gap < order);
    }

    /// No broker takes the sequences from this batch on, which is not in the log; the broker's next
    /// one is `sequence`.
    pub(super) fn note_gap(&mut self, order: Order, sequence: i32) {
        if self.gaps.certain.is_none_or(|(known, _)| order < known) {
            self.gaps.certain = Some((order, sequence));
        }
    }

    /// Whether no broker takes this batch with its sequence.
    pub(super) fn is_behind_gap(&self, order: Order) -> bool {
        self.gaps.certain.is_some_and(|(gap, _)| gap < order)
    }

    /// The transaction is over: nothing of the partition is in flight or waits.
    ///
    /// Where the epoch stays, which is so with coordinators before Kafka 2.5, sequences go on where the
    /// broker stopped taking them.
    pub(super) fn leave_transaction(&mut self) {
        self.is_held = true;
        if let Some((_, sequence)) = self.gaps.certain {
            self.numbering = self.numbering.map(|known| known.rewound(sequence));
            self.pipeline = Pipeline::Probing;
        }
        self.gaps = Gaps::default();
    }

    /// Sequences start again, with another identity.
    pub(super) fn restart(&mut self) {
        self.numbering = None;
        self.gaps = Gaps::default();
        self.pipeline = Pipeline::Probing;
    }

    /// This batch may be in the log, and will not be sent again.
    pub(super) fn note_possible_gap(&mut self, order: Order) {
        self.gaps.possible = self.gaps.possible.max(Some(order));
    }

    /// Ends `Settling`, and starts the sequences again where they have a gap, once nothing is in
    /// flight.
    ///
    /// This is the one place where sequences start again. No request with an old one is known to
    /// be on its way; but one whose connection was lost may still wait inside a broker, so a batch
    /// that may be in the log never gets another sequence: those before the gap are sent with
    /// their old ones first, those after it are given up.
    /// The sequences of a transaction start again with its end instead.
    pub(super) fn settle(&mut self, idempotent: bool, is_transactional: bool) -> Settled<C> {
        let mut settled = Settled { given_up: Vec::new(), needs_producer_id: false };
        if !self.in_flight.is_empty() {
            return settled;
        }
        if self.pipeline == Pipeline::Settling {
            self.pipeline = if idempotent { Pipeline::Probing } else { Pipeline::Flowing };
        }
        let mut sent = self.retries.iter().filter(|batch| batch.stamp().is_some());
        let is_due = match self.gaps {
            _ if is_transactional => false,
            Gaps { certain: Some((gap, _)), .. } => sent.all(|batch| batch.order() >= gap),
            Gaps { possible: Some(_), .. } => sent.next().is_none(),
            Gaps { certain: None, possible: None } => false,
        };
        if is_due {
            self.gaps = Gaps::default();
            self.pipeline = Pipeline::Probing;
            for mut batch in std::mem::take(&mut self.retries) {
                batch.clear_stamp();
                if batch.maybe_written {
                    settled.given_up.push(batch);
                } else {
                    self.retries.push_back(batch);
                }
            }
            self.numbering = self.numbering.and_then(Numbering::restarted);
            settled.needs_producer_id = self.numbering.is_none();
        }
        settled
    }

    /// When its oldest unanswered batch was begun.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let in_flight = self.in_flight.iter().map(|entry| &entry.batch);
        let mut sent = in_flight.chain(&self.retries).filter(|batch| !batch.is_answered());
        let waiting = || match self.backlog.front() {
            Some(Slot::Ready(batch)) => Some(batch.created()),
            Some(Slot::Encoding(_)) | None => None,
        };
        // A batch that came back can be older than those in flight.
        let sent = sent.next().map(|first| sent.fold(first.created(), |a, b| a.min(b.created())));
        sent.or_else(waiting).or_else(|| self.open.map(|open| open.created))
    }

    /// Batches that wait to be sent.
    pub(super) fn queued(&self) -> usize {
        self.retries.len() + self.backlog.len() + usize::from(self.open.is_some())
    }
}
