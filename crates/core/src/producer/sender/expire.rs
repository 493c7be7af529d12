//! Batches whose time is over, and the end of everything.

use std::time::Instant;

use super::partition::Slot;
use super::{BatchSource, PartitionKey, Sender};
use crate::producer::batch::Batch;
use crate::producer::outcome::{FailureReason, Written};

impl<C: Clone> Sender<C> {
    /// Ends the delivery of batches that are older than `delivery.timeout.ms`.
    ///
    /// Those in flight keep their places until their requests are answered; only their fate is not
    /// told to anybody any more.
    pub(super) fn expire(
        &mut self,
        key: PartitionKey,
        source: &mut impl BatchSource<C>,
        now: Instant,
    ) {
        let timeout = self.settings.delivery_timeout;
        let is_over = |created: Instant| now >= created + timeout;
        if !self.partitions[key.0].oldest().is_some_and(is_over) {
            return;
        }
        self.answer_in_flight(key, |batch| is_over(batch.created()));
        while self.partitions[key.0].retries.front().is_some_and(|batch| is_over(batch.created()))
            && let Some(batch) = self.partitions[key.0].retries.pop_front()
        {
            let reason = self.timeout_reason(key, &batch);
            self.give_up_with(key, batch, reason);
        }
        if self.partitions[key.0].open.is_some_and(|open| is_over(open.created)) {
            self.collect(key, true, source);
        }
        while let Some(Slot::Ready(batch)) = self.partitions[key.0].backlog.front()
            && is_over(batch.created())
            && let Some(batch) = self.partitions[key.0].take_next()
        {
            self.waiting_bytes -= batch.reserved();
            let reason = self.timeout_reason(key, &batch);
            self.note_failure(key, &reason);
            self.fail(batch, reason, None);
        }
        self.settle(key, now);
    }

    /// Tells the batches in flight for which `is_over` holds that they may be written.
    fn answer_in_flight(&mut self, key: PartitionKey, is_over: impl Fn(&Batch<C>) -> bool) {
        let mut in_flight = std::mem::take(&mut self.partitions[key.0].in_flight);
        for entry in &mut in_flight {
            if !entry.batch.is_answered() && is_over(&entry.batch) {
                let reason = self.timeout_reason(key, &entry.batch);
                self.note_failure(key, &reason);
                self.answer_failed(&mut entry.batch, reason, Some(Written::Maybe));
            }
        }
        self.partitions[key.0].in_flight = in_flight;
    }

    pub(super) fn timeout_reason(&self, key: PartitionKey, batch: &Batch<C>) -> FailureReason {
        FailureReason::DeliveryTimeout {
            last_error: batch.last_error,
            leaderless: self.partitions[key.0].leader.is_none(),
        }
    }

    /// Ends every delivery at once, as a producer that is closed does: batches in flight may be
    /// written, the others are not unless an earlier attempt leaves that open.
    pub fn handle_abort(&mut self, source: &mut impl BatchSource<C>, now: Instant) {
        self.fail_waiting(&FailureReason::Closed, false, source, now);
        for key in (0..self.partitions.len()).map(PartitionKey) {
            let mut in_flight = std::mem::take(&mut self.partitions[key.0].in_flight);
            for entry in &mut in_flight {
                self.answer_failed(&mut entry.batch, FailureReason::Closed, Some(Written::Maybe));
            }
            self.partitions[key.0].in_flight = in_flight;
        }
    }

    /// Ends the delivery of every batch that is not in flight; unless `keeps_sent`, also of those that
    /// may be in the log and wait to be sent again.
    pub(super) fn fail_waiting(
        &mut self,
        reason: &FailureReason,
        keeps_sent: bool,
        source: &mut impl BatchSource<C>,
        now: Instant,
    ) {
        for key in (0..self.partitions.len()).map(PartitionKey) {
            self.collect(key, true, source);
            let partition = &mut self.partitions[key.0];
            let retries = std::mem::take(&mut partition.retries);
            let backlog = std::mem::take(&mut partition.backlog);
            for batch in retries {
                let is_behind = self.partitions[key.0].is_behind_gap(batch.order());
                if keeps_sent && batch.maybe_written && !is_behind {
                    self.partitions[key.0].requeue(batch);
                } else {
                    self.give_up_with(key, batch, reason.clone());
                }
            }
            for slot in backlog {
                // What is being encoded fails when it comes back and finds no place.
                if let Slot::Ready(batch) = slot {
                    self.waiting_bytes -= batch.reserved();
                    self.fail(batch, reason.clone(), None);
                }
            }
            self.settle(key, now);
        }
    }
}
