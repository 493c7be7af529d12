//! Having a producer id.

use std::time::Instant;

use milena_wire::ErrorCode;

use super::{BatchSource, Sender};
use crate::producer::outcome::{FailureReason, ProducerIdFailure};
use crate::producer::sequence::{Numbering, ProducerEpoch, ProducerId};

/// Whether the producer has an id.
///
/// ```text
/// Unneeded       Coordinated --the transaction's coordinator gives it--> Known
///
///                Absent --first batch--> Wanted <--retriable-- Requested --granted--> Known
///                  ^                       +------- asked ------->  |                   |
///                  +---------------- refused ----------------------+   epochs used up --+--> Wanted
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProducerIdState {
    /// Idempotence is off.
    Unneeded,
    /// It comes with the transactions.
    Coordinated,
    /// Nobody has needed it yet.
    Absent,
    /// To be asked for, not before `at`.
    Wanted { at: Option<Instant>, failures: u32 },
    /// Asked for.
    Requested { failures: u32 },
    /// Granted.
    Known { id: ProducerId, epoch: ProducerEpoch },
}

impl ProducerIdState {
    pub(super) const fn new(idempotent: bool, is_transactional: bool) -> Self {
        match (idempotent, is_transactional) {
            (_, true) => Self::Coordinated,
            (true, false) => Self::Absent,
            (false, false) => Self::Unneeded,
        }
    }

    /// There are records, so an id will be needed.
    pub(super) const fn want(&mut self) {
        if matches!(self, Self::Absent) {
            *self = Self::Wanted { at: None, failures: 0 };
        }
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Wanted { at, .. } => *at,
            Self::Unneeded
            | Self::Coordinated
            | Self::Absent
            | Self::Requested { .. }
            | Self::Known { .. } => None,
        }
    }

    /// Whether batches can be sent as far as the id is concerned.
    pub(super) const fn is_settled(&self) -> bool {
        matches!(self, Self::Unneeded | Self::Known { .. })
    }

    /// Whether the id is to be asked for now; it counts as asked for then.
    pub(super) fn take_request(&mut self, now: Instant) -> bool {
        match *self {
            Self::Wanted { at, failures } if at.is_none_or(|at| at <= now) => {
                *self = Self::Requested { failures };
                true
            }
            _ => false,
        }
    }

    /// The numbering of a partition that has none; asks for another id if there is no way to begin.
    pub(super) const fn numbering(&self) -> Option<Numbering> {
        match self {
            Self::Known { id, epoch } => Some(Numbering::new(*id, *epoch)),
            Self::Unneeded
            | Self::Coordinated
            | Self::Absent
            | Self::Wanted { .. }
            | Self::Requested { .. } => None,
        }
    }
}

/// What became of an InitProducerId request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProducerIdAnswer {
    /// The id and its first epoch.
    Granted(ProducerId, ProducerEpoch),
    /// It failed in a way that may pass: no broker, connection lost, a retriable code.
    Failed,
    /// It failed in a way that stays.
    Refused(ProducerIdFailure),
}

impl ProducerIdAnswer {
    /// The answer that an error code other than [`ErrorCode::NONE`] stands for.
    #[must_use]
    pub fn from_error(code: ErrorCode) -> Self {
        if code.is_retriable() || code == ErrorCode::CONCURRENT_TRANSACTIONS {
            Self::Failed
        } else {
            Self::Refused(ProducerIdFailure::Refused(code))
        }
    }
}

impl<C: Clone> Sender<C> {
    /// The answer to [`Outgoing::InitProducerId`](super::Outgoing::InitProducerId).
    ///
    /// When it is refused, everything that waits fails, and the next batch asks again.
    pub fn handle_producer_id(
        &mut self,
        answer: ProducerIdAnswer,
        source: &mut impl BatchSource<C>,
        now: Instant,
    ) {
        let ProducerIdState::Requested { failures } = self.producer_id else { return };
        match answer {
            ProducerIdAnswer::Granted(id, epoch) => {
                self.producer_id = ProducerIdState::Known { id, epoch };
            }
            ProducerIdAnswer::Failed => {
                let failures = failures.saturating_add(1);
                let pause = self.settings.retry_backoff.delay(failures, self.jitter.next_u64());
                self.producer_id = ProducerIdState::Wanted { at: Some(now + pause), failures };
            }
            ProducerIdAnswer::Refused(failure) => {
                self.fail_waiting(&FailureReason::ProducerId(failure), false, source, now);
                self.producer_id = ProducerIdState::Absent;
            }
        }
    }
}
