//! The sender's side of transactions: which records may be sent, and which failures they cannot bear.
//!
//! The machine decides; here its decisions meet the partitions. They are carried out with the next
//! [`Sender::poll_request`], which the driver calls after every input.

use std::time::Instant;

use milena_wire::ErrorCode;

use super::{BatchSource, PartitionKey, Sender};
use crate::TopicPartition;
use crate::negotiation::VersionRange;
use crate::producer::batch::Batch;
use crate::producer::outcome::FailureReason;
use crate::producer::transaction::{
    Effects, Ending, OffsetsId, Severity, TransactionAnswer, TransactionCall, TransactionEnd,
    TransactionFailure, TransactionFailureReason, TransactionNumber, TransactionOffsets,
    TransactionState,
};

use super::producer_id::ProducerIdState;

/// The first version of Produce with record batches of magic 2.
const PRODUCE_MIN: i16 = 3;
/// From this version on a produce request adds its partitions to the transaction (KIP-890).
const PRODUCE_IMPLICIT_MIN: i16 = 12;

impl<C: Clone> Sender<C> {
    /// Where the transactions stand; `None` if the producer has none.
    #[must_use]
    pub fn transaction_state(&self) -> Option<&TransactionState> {
        self.transactions.as_ref().map(|machine| machine.state())
    }

    /// Asks the coordinator for the producer id, which fences earlier producers with the same
    /// transactional id.
    ///
    /// # Errors
    ///
    /// The state does not allow it.
    pub fn initialize_transactions(&mut self) -> Result<Ending, TransactionFailure> {
        match &mut self.transactions {
            Some(machine) => machine.initialize(),
            None => Err(not_transactional("init_transactions")),
        }
    }

    /// Begins a transaction: records that come from here on are part of it.
    ///
    /// # Errors
    ///
    /// The state does not allow it.
    pub fn begin_transaction(&mut self) -> Result<TransactionNumber, TransactionFailure> {
        match &mut self.transactions {
            Some(machine) => machine.begin(),
            None => Err(not_transactional("begin_transaction")),
        }
    }

    /// Makes offsets part of the transaction.
    ///
    /// # Errors
    ///
    /// The state does not allow it.
    pub fn send_offsets(
        &mut self,
        number: TransactionNumber,
        offsets: TransactionOffsets,
    ) -> Result<OffsetsId, TransactionFailure> {
        match &mut self.transactions {
            Some(machine) => machine.send_offsets(number, offsets),
            None => Err(not_transactional("send_offsets")),
        }
    }

    /// Ends a transaction. To commit, every record is sent without lingering first; to abort, records
    /// that were never sent fail. From before the call on the caller takes no records.
    ///
    /// # Errors
    ///
    /// The state does not allow it.
    pub fn end_transaction(
        &mut self,
        number: TransactionNumber,
        end: TransactionEnd,
        source: &mut impl BatchSource<C>,
        now: Instant,
    ) -> Result<Ending, TransactionFailure> {
        let Some(machine) = &mut self.transactions else { return Err(not_transactional("end")) };
        let was_ending = machine.is_ending();
        let ending = machine.end(number, end)?;
        if ending == Ending::Waiting && end == TransactionEnd::Commit && !was_ending {
            // Batches that nobody has announced yet are part of it.
            for key in (0..self.partitions.len()).map(PartitionKey) {
                self.collect(key, false, source);
                self.refresh(key, now);
            }
            self.handle_flush(now);
        }
        Ok(ending)
    }

    /// The answer to [`Outgoing::Transaction`](super::Outgoing::Transaction).
    pub fn handle_transaction_answer(&mut self, answer: TransactionAnswer, now: Instant) {
        if let Some(machine) = &mut self.transactions {
            machine.handle_answer(answer, now);
        }
        // What follows from the end of a transaction comes before the next one.
        self.apply_effects(now);
    }

    /// Carries out what the machine has decided, and takes its next request.
    pub(super) fn poll_transaction(
        &mut self,
        source: &mut impl BatchSource<C>,
        now: Instant,
    ) -> Option<TransactionCall> {
        self.carry_out(source, now);
        let is_drained = self.flushes.unanswered() == 0 && self.requests.is_empty();
        let call = self.transactions.as_mut()?.poll_call(is_drained, now);
        self.carry_out(source, now);
        call
    }

    fn carry_out(&mut self, source: &mut impl BatchSource<C>, now: Instant) {
        let Some(machine) = &mut self.transactions else { return };
        if machine.take_failed()
            && let Some(reason) = self.reason_not_to_send()
        {
            let is_fatal =
                matches!(self.transaction_state(), Some(TransactionState::FatalError(_)));
            self.fail_waiting(&reason, !is_fatal, source, now);
        }
        self.apply_effects(now);
    }

    fn apply_effects(&mut self, now: Instant) {
        let Some(machine) = &mut self.transactions else { return };
        let Effects { identity, admitted, has_ended } = machine.take_effects();
        if has_ended {
            for key in std::mem::take(&mut self.admitted) {
                self.partitions[key.0].leave_transaction();
            }
        }
        if let Some(identity) = identity {
            self.producer_id = ProducerIdState::Known { id: identity.id, epoch: identity.epoch };
            self.partitions.iter_mut().for_each(|partition| partition.restart());
        }
        for key in admitted {
            if std::mem::take(&mut self.partitions[key.0].is_held) {
                self.admitted.push(key);
                self.refresh(key, now);
            }
        }
    }

    /// Tells the machine of a partition that has records.
    pub(super) fn note_records(&mut self, key: PartitionKey) {
        let Some(machine) = &mut self.transactions else { return };
        let partition = &self.partitions[key.0];
        if partition.backlog.is_empty() && partition.open.is_none() {
            return;
        }
        if !machine.is_healthy() {
            machine.refuse_records();
        } else if partition.is_held {
            let name = TopicPartition::new(partition.topic.clone(), partition.index);
            machine.add_partition(name, key);
        }
    }

    /// Why records that were never sent are not sent, if they are not.
    pub(super) fn reason_not_to_send(&self) -> Option<FailureReason> {
        let machine = self.transactions.as_ref()?;
        if machine.is_healthy() {
            return None;
        }
        Some(match machine.state().failure() {
            Some(failure) => FailureReason::Transaction(Box::new(failure.clone())),
            None => FailureReason::TransactionAborted,
        })
    }

    /// Why a batch is not sent again, if it is not.
    ///
    /// What may be in the log is sent again even to be aborted: when its answer has come no copy of it
    /// can follow the marker that ends the transaction.
    pub(super) fn reason_to_give_up(
        &self,
        key: PartitionKey,
        batch: &Batch<C>,
    ) -> Option<FailureReason> {
        let reason = self.reason_not_to_send()?;
        let is_fatal = matches!(self.transaction_state(), Some(TransactionState::FatalError(_)));
        let is_behind = self.partitions[key.0].is_behind_gap(batch.order());
        (is_fatal || is_behind || !batch.maybe_written).then_some(reason)
    }

    /// A batch with sequences will not be in the log, or may not be.
    pub(super) fn note_transaction_gap(&mut self, maybe_written: bool) {
        let Some(machine) = &mut self.transactions else { return };
        machine.note_gap();
        if maybe_written && !machine.can_bump() {
            let reason = TransactionFailureReason::Unresolved;
            machine.handle_delivery_failed(TransactionFailure::fatal(reason));
        }
    }

    /// Tells the machine why records of the transaction could not be delivered.
    pub(super) fn note_failure(&mut self, key: PartitionKey, reason: &FailureReason) {
        let severity = self.severity(reason);
        let Some(machine) = &mut self.transactions else { return };
        let is_consequence = matches!(
            reason,
            FailureReason::Transaction(_)
                | FailureReason::TransactionAborted
                | FailureReason::Closed
        );
        let Some(severity) = severity.filter(|_| !is_consequence) else { return };
        let failure = match reason {
            FailureReason::Broker { code: ErrorCode::PRODUCER_FENCED, .. } => {
                TransactionFailureReason::Fenced
            }
            _ => {
                let partition = &self.partitions[key.0];
                let partition = TopicPartition::new(partition.topic.clone(), partition.index);
                TransactionFailureReason::Delivery { partition, reason: Box::new(reason.clone()) }
            }
        };
        machine.handle_delivery_failed(TransactionFailure::new(severity, failure));
    }

    /// What a failed delivery means for the transaction.
    ///
    /// Spec: KIP-588#proposed-changes: a partition's leader that knows a newer epoch does not say why;
    /// aborting finds out.
    pub(super) fn severity(&self, reason: &FailureReason) -> Option<Severity> {
        self.transactions.as_ref()?;
        match reason {
            FailureReason::Broker {
                code:
                    ErrorCode::PRODUCER_FENCED
                    | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
                    | ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
                    | ErrorCode::INVALID_PRODUCER_ID_MAPPING
                    | ErrorCode::UNSUPPORTED_VERSION,
                ..
            }
            | FailureReason::Request(_) => Some(Severity::Fatal),
            FailureReason::Transaction(failure) => Some(failure.severity),
            FailureReason::TransactionAborted | FailureReason::Closed => None,
            _ => Some(Severity::Abortable),
        }
    }

    /// The versions of Produce that do what the protocol of the transaction expects.
    pub(super) fn produce_versions(&self) -> VersionRange {
        match &self.transactions {
            Some(machine) if machine.adds_implicitly() => {
                VersionRange { min: PRODUCE_IMPLICIT_MIN, max: i16::MAX }
            }
            Some(_) => VersionRange { min: PRODUCE_MIN, max: PRODUCE_IMPLICIT_MIN - 1 },
            None => VersionRange { min: PRODUCE_MIN, max: i16::MAX },
        }
    }
}

fn not_transactional(call: &'static str) -> TransactionFailure {
    TransactionFailure::state(call, "NOT_TRANSACTIONAL")
}
