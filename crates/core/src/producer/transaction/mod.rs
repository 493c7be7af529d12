//! The transactions of one producer: what may be sent when, what the coordinator is asked, and what
//! its answers leave possible.
//!
//! Not the records: the [`Sender`](super::Sender) owns this machine, tells it which partitions have
//! records and whose delivery failed, and sends nothing to a partition before the machine says so.
//!
//! ```text
//!  Uninitialized --init--> Initializing --id granted--> Ready <---------------+------------+
//!       ^                    |     ^                      | begin             |            |
//!       +------ refused -----+     |                      v                   |            |
//!                                  |      +-------- InTransaction --commit-> Committing ---+
//!                                  |      |    failure |      | abort          | failure
//!                                  |      |            v      |                |
//!                                  |      |    AbortableError-|----------------+
//!                                  |      |            | abort|
//!                                  |      |            v      v
//!                                  +--- new epoch ---- Aborting ------------------> Ready
//!            any state --fenced, or a failure of the coordinator's--> FatalError
//! ```
//!
//! 1. At most one request to a coordinator is in flight.
//! 2. EndTxn is sent when every record has been answered, and every partition and group of which the
//!    coordinator may know has been confirmed.
//! 3. An epoch is the coordinator's to give: a partition whose sequences have a gap goes on in the
//!    epoch that ends the transaction (transaction.version 2) or in one that InitProducerId gives
//!    (Kafka 2.5 and later); with older coordinators its sequences go back to the gap.
//!
//! Spec: KIP-98, KIP-360#transactional-producer, KIP-447, KIP-588, KIP-890, java/TransactionManager@4.x.

mod answers;
mod calls;
mod failure;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use milena_wire::ByteString;

use super::sender::PartitionKey;
use super::sequence::ProducerIdentity;
use crate::TopicPartition;
use crate::backoff::{Backoff, Jitter};
use crate::consumer::OffsetAndMetadata;

pub use self::calls::{
    CoordinatorFeatures, TransactionAnswer, TransactionCall, TransactionRequest,
};
pub use self::failure::{Severity, TransactionFailure, TransactionFailureReason};

use self::calls::Step;

/// What the machine has to know of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionSettings {
    /// `transactional.id`; not empty.
    pub transactional_id: ByteString,
    /// `transaction.timeout.ms`: the coordinator aborts what is open for longer.
    pub timeout: Duration,
}

/// Where the producer stands, by Java's names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionState {
    /// It has no producer id.
    Uninitialized,
    /// It has asked for one, or for a new epoch after a transaction that ended so.
    Initializing {
        /// How the transaction ended, if there was one.
        ended: Option<TransactionEnd>,
    },
    /// A transaction can begin.
    Ready,
    /// Records and offsets can be sent.
    InTransaction,
    /// A commit was asked for.
    CommittingTransaction,
    /// An abort was asked for.
    AbortingTransaction,
    /// The transaction has to be aborted.
    AbortableError(TransactionFailure),
    /// Nothing is possible any more.
    FatalError(TransactionFailure),
}

impl TransactionState {
    /// Java's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Uninitialized => "UNINITIALIZED",
            Self::Initializing { .. } => "INITIALIZING",
            Self::Ready => "READY",
            Self::InTransaction => "IN_TRANSACTION",
            Self::CommittingTransaction => "COMMITTING_TRANSACTION",
            Self::AbortingTransaction => "ABORTING_TRANSACTION",
            Self::AbortableError(_) => "ABORTABLE_ERROR",
            Self::FatalError(_) => "FATAL_ERROR",
        }
    }

    /// Why nothing can be added to the transaction any more.
    #[must_use]
    pub const fn failure(&self) -> Option<&TransactionFailure> {
        match self {
            Self::AbortableError(failure) | Self::FatalError(failure) => Some(failure),
            _ => None,
        }
    }
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionEnd {
    /// Its records and offsets count.
    Commit,
    /// They do not.
    Abort,
}

/// Names a transaction of this producer: the first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionNumber(pub u64);

/// Names offsets that were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OffsetsId(u64);

/// Offsets that are committed with a transaction, and whose they are (KIP-447).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionOffsets {
    /// `group.id`.
    pub group_id: ByteString,
    /// The generation, or member epoch, of the consumer; -1 if it has none.
    pub generation_id: i32,
    /// The consumer's member id; empty if it has none.
    pub member_id: ByteString,
    /// `group.instance.id`.
    pub group_instance_id: Option<ByteString>,
    /// The offsets.
    pub offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
}

/// Something that callers wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionEvent {
    /// The producer has its id.
    Initialized,
    /// A transaction has ended so, and the next one can begin.
    Ended(TransactionNumber, TransactionEnd),
    /// Offsets are part of the transaction.
    OffsetsSent(OffsetsId),
    /// Whatever was waited for will not happen.
    Failed(TransactionFailure),
}

/// How far a call to end a transaction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It has ended so.
    Done,
    /// [`TransactionEvent::Ended`] or [`TransactionEvent::Failed`] will tell.
    Waiting,
}

/// What the sender has to do after an input.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Every sequence starts again with this identity.
    pub(super) identity: Option<ProducerIdentity>,
    /// Records may go to these partitions.
    pub(super) admitted: Vec<PartitionKey>,
    /// The transaction is over: records may go nowhere.
    pub(super) has_ended: bool,
}

/// What the transaction has, as far as the coordinator knows.
#[derive(Debug, Default)]
struct Contents {
    /// The coordinator has a transaction to end.
    has_started: bool,
    /// Partitions that are to be added.
    joining: BTreeMap<TopicPartition, Joining>,
    /// Groups, and whether they are added.
    groups: BTreeMap<ByteString, Membership>,
    /// Offsets that are to be committed, in order.
    offsets: VecDeque<(OffsetsId, TransactionOffsets)>,
}

/// A partition that is to be added.
#[derive(Clone, Copy, Debug)]
struct Joining {
    key: PartitionKey,
    /// A request has named it, so the coordinator may know it.
    was_sent: bool,
}

/// Whether a group is part of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Membership {
    New,
    Sent,
    Added,
}

/// The machine; see the module. It holds what a transaction names: partitions, groups, offsets.
#[derive(Debug)]
pub(super) struct TransactionMachine {
    settings: TransactionSettings,
    backoff: Backoff,
    jitter: Jitter,
    state: TransactionState,
    identity: Option<ProducerIdentity>,
    /// Partitions and groups are added by what is sent to them, and every end gives a new epoch.
    is_second_protocol: bool,
    /// What the coordinator said of itself last; it counts from the next transaction on.
    features: CoordinatorFeatures,
    number: TransactionNumber,
    /// How the last transaction ended.
    last_end: Option<TransactionEnd>,
    contents: Contents,
    /// The epoch is used up: sequences cannot go on in it.
    needs_bump: bool,
    in_flight: Option<Step>,
    /// Failures in a row, and when to ask again.
    failures: u32,
    retry_at: Option<Instant>,
    /// The coordinators have to be looked up again before the next request.
    is_stale: bool,
    next_offsets_id: u64,
    effects: Effects,
    /// Nothing is to be sent that was not.
    has_failed: bool,
    events: VecDeque<TransactionEvent>,
}

impl TransactionMachine {
    pub(super) fn new(settings: TransactionSettings, backoff: Backoff, seed: u64) -> Self {
        Self {
            settings,
            backoff,
            jitter: Jitter::new(seed),
            state: TransactionState::Uninitialized,
            identity: None,
            is_second_protocol: false,
            features: CoordinatorFeatures::default(),
            number: TransactionNumber::default(),
            last_end: None,
            contents: Contents::default(),
            needs_bump: false,
            in_flight: None,
            failures: 0,
            retry_at: None,
            is_stale: false,
            next_offsets_id: 0,
            effects: Effects::default(),
            has_failed: false,
            events: VecDeque::new(),
        }
    }

    pub(super) const fn state(&self) -> &TransactionState {
        &self.state
    }

    pub(super) const fn transactional_id(&self) -> &ByteString {
        &self.settings.transactional_id
    }

    /// Whether partitions are added by the records that are sent to them (KIP-890).
    pub(super) const fn adds_implicitly(&self) -> bool {
        self.is_second_protocol
    }

    /// Whether a new epoch can be had, in which sequences start again.
    pub(super) const fn can_bump(&self) -> bool {
        self.is_second_protocol || self.features.bumps_epoch
    }

    /// Whether records that were never sent may be sent.
    pub(super) const fn is_healthy(&self) -> bool {
        matches!(
            self.state,
            TransactionState::InTransaction | TransactionState::CommittingTransaction
        )
    }

    /// Whether it waits for all records to be answered.
    pub(super) const fn is_ending(&self) -> bool {
        matches!(
            self.state,
            TransactionState::CommittingTransaction | TransactionState::AbortingTransaction
        )
    }

    /// Asks for a producer id, if there is none.
    pub(super) fn initialize(&mut self) -> Result<Ending, TransactionFailure> {
        match &self.state {
            TransactionState::Uninitialized => {
                self.state = TransactionState::Initializing { ended: None };
                Ok(Ending::Waiting)
            }
            TransactionState::Initializing { ended: None } => Ok(Ending::Waiting),
            TransactionState::Ready if self.number.0 == 0 => Ok(Ending::Done),
            _ => Err(self.misfit("init_transactions")),
        }
    }

    /// Begins a transaction.
    pub(super) fn begin(&mut self) -> Result<TransactionNumber, TransactionFailure> {
        if self.state != TransactionState::Ready {
            return Err(self.misfit("begin_transaction"));
        }
        self.number.0 += 1;
        self.last_end = None;
        self.state = TransactionState::InTransaction;
        Ok(self.number)
    }

    /// There are records for a partition.
    pub(super) fn add_partition(&mut self, partition: TopicPartition, key: PartitionKey) {
        if !self.is_healthy() {
            return;
        }
        if self.is_second_protocol {
            self.contents.has_started = true;
            self.effects.admitted.push(key);
        } else {
            let joining = Joining { key, was_sent: false };
            self.contents.joining.entry(partition).or_insert(joining);
        }
    }

    /// Makes offsets part of the transaction.
    pub(super) fn send_offsets(
        &mut self,
        number: TransactionNumber,
        offsets: TransactionOffsets,
    ) -> Result<OffsetsId, TransactionFailure> {
        if number != self.number || self.state != TransactionState::InTransaction {
            return Err(self.misfit("send_offsets"));
        }
        if !self.is_second_protocol {
            let group = offsets.group_id.clone();
            self.contents.groups.entry(group).or_insert(Membership::New);
        }
        let id = OffsetsId(self.next_offsets_id);
        self.next_offsets_id += 1;
        self.contents.offsets.push_back((id, offsets));
        Ok(id)
    }

    /// Ends a transaction. Asking again while it ends waits with the others.
    pub(super) fn end(
        &mut self,
        number: TransactionNumber,
        end: TransactionEnd,
    ) -> Result<Ending, TransactionFailure> {
        let call = match end {
            TransactionEnd::Commit => "commit",
            TransactionEnd::Abort => "abort",
        };
        if number != self.number {
            return Err(TransactionFailure::state(call, "ended"));
        }
        if let Some(known) = self.last_end {
            let state = match known {
                TransactionEnd::Commit => "committed",
                TransactionEnd::Abort => "aborted",
            };
            return if known == end {
                Ok(Ending::Done)
            } else {
                Err(TransactionFailure::state(call, state))
            };
        }
        match (&self.state, end) {
            (TransactionState::InTransaction, TransactionEnd::Commit) => {
                self.state = TransactionState::CommittingTransaction;
            }
            (TransactionState::CommittingTransaction, TransactionEnd::Commit)
            | (TransactionState::AbortingTransaction, TransactionEnd::Abort) => {}
            (
                TransactionState::InTransaction | TransactionState::AbortableError(_),
                TransactionEnd::Abort,
            ) => {
                self.give_contents_up();
                self.state = TransactionState::AbortingTransaction;
                self.has_failed = true;
            }
            (TransactionState::Initializing { ended: Some(known) }, _) if *known == end => {}
            _ => return Err(self.misfit(call)),
        }
        Ok(Ending::Waiting)
    }

    /// Records of the transaction could not be delivered.
    pub(super) fn handle_delivery_failed(&mut self, failure: TransactionFailure) {
        if failure.severity == Severity::Fatal || self.is_healthy() {
            self.fail(failure);
        }
    }

    /// There are records that no transaction is open for.
    pub(super) const fn refuse_records(&mut self) {
        self.has_failed = true;
    }

    /// Sequences of a partition have a gap, which only another epoch closes.
    pub(super) const fn note_gap(&mut self) {
        self.needs_bump = true;
    }

    /// Whether records that were never sent are to fail; asked once for each time.
    pub(super) const fn take_failed(&mut self) -> bool {
        std::mem::replace(&mut self.has_failed, false)
    }

    pub(super) fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    pub(super) fn poll_event(&mut self) -> Option<TransactionEvent> {
        self.events.pop_front()
    }

    /// When to look again without any input.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        self.retry_at.filter(|at| self.in_flight.is_none() && *at > now)
    }

    /// Enters the state of a failure.
    fn fail(&mut self, failure: TransactionFailure) {
        if matches!(self.state, TransactionState::FatalError(_)) {
            return;
        }
        // What goes wrong while a transaction is being aborted leaves nothing else to try.
        let is_final = failure.severity == Severity::Fatal
            || matches!(self.state, TransactionState::AbortingTransaction);
        let severity = if is_final { Severity::Fatal } else { failure.severity };
        let failure = TransactionFailure { severity, ..failure };
        self.give_contents_up();
        self.has_failed = true;
        self.state = match severity {
            Severity::Refused => TransactionState::Uninitialized,
            Severity::Abortable => TransactionState::AbortableError(failure.clone()),
            Severity::Fatal => TransactionState::FatalError(failure.clone()),
        };
        self.events.push_back(TransactionEvent::Failed(failure));
    }

    /// Forgets what the coordinator was never asked for.
    fn give_contents_up(&mut self) {
        self.contents.joining.retain(|_, joining| joining.was_sent);
        self.contents.groups.retain(|_, membership| *membership != Membership::New);
        self.contents.offsets.clear();
    }

    fn misfit(&self, call: &'static str) -> TransactionFailure {
        match self.state.failure() {
            Some(failure) => failure.clone(),
            None => TransactionFailure::state(call, self.state.name()),
        }
    }
}
