//! What the consumer knows of one assigned partition.
//!
//! ```text
//!   Committed ──► Reset ──► Fetching ◄──► Validating
//!       └────────────────────▲    any ──► Stuck (only a seek helps)
//! ```

use std::time::Instant;

use milena_wire::Uuid;

use super::{OffsetSpec, Position};
use crate::BrokerId;

/// How far the partition is from being fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The committed offset is wanted.
    Committed,
    /// An offset is to be looked up.
    Reset(OffsetSpec),
    /// The leader has changed and is to be asked whether it has the position.
    Validating,
    /// There is a position.
    Fetching,
    /// There is none, and no policy to find one.
    Stuck(Stuck),
}

/// Why there is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// Nothing is committed and `auto.offset.reset` is `none`.
    NoOffset,
    /// The broker does not have this offset and `auto.offset.reset` is `none`.
    OutOfRange(i64),
    /// The log was truncated behind the position and `auto.offset.reset` is `none`.
    Truncated {
        /// Where the consumer was.
        position: Position,
        /// Up to where the logs are known to agree.
        divergence: Option<Position>,
    },
}

/// A broker that leads a partition, or that is to be read instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The broker.
    pub id: BrokerId,
    /// Its epoch, if brokers tell.
    pub epoch: Option<i32>,
}

/// One assigned partition.
#[derive(Clone, Debug)]
pub struct PartitionState {
    /// Changes with every assignment and seek: what was fetched under another one is stale.
    pub(crate) epoch: u64,
    pub(crate) phase: Phase,
    /// The next record to hand out.
    pub(crate) position: Position,
    /// The next record to fetch: ahead of `position` by what is buffered.
    pub(crate) next_fetch: Position,
    /// The position when the application last came back: what it has processed.
    pub(crate) processed: Option<Position>,
    pub(crate) is_paused: bool,
    /// It moves to another member: neither fetched nor handed out any more.
    pub(crate) is_revoking: bool,
    /// The last fetched bytes cannot be read, so there is no offset to go on from.
    pub(crate) is_blocked: bool,
    pub(crate) leader: Option<Leader>,
    /// The topic's id, zero if brokers do not tell.
    pub(crate) topic_id: Uuid,
    /// A follower to read from (KIP-392) and until when.
    pub(crate) preferred: Option<(BrokerId, Instant)>,
    /// A lookup for this phase is in flight.
    pub(crate) is_asking: bool,
    /// No lookup and no fetch before this moment.
    pub(crate) retry_at: Option<Instant>,
    pub(crate) high_watermark: Option<i64>,
    pub(crate) last_stable_offset: Option<i64>,
    pub(crate) log_start_offset: Option<i64>,
}

impl PartitionState {
    pub(super) fn new(epoch: u64, phase: Phase) -> Self {
        Self {
            epoch,
            phase,
            position: Position::default(),
            next_fetch: Position::default(),
            processed: None,
            is_paused: false,
            is_revoking: false,
            is_blocked: false,
            leader: None,
            topic_id: Uuid::ZERO,
            preferred: None,
            is_asking: false,
            retry_at: None,
            high_watermark: None,
            last_stable_offset: None,
            log_start_offset: None,
        }
    }

    /// Whether `position` means something.
    pub(crate) fn has_position(&self) -> bool {
        matches!(self.phase, Phase::Fetching | Phase::Validating)
    }

    /// Whether buffered records may be handed out.
    pub(crate) fn is_consumable(&self) -> bool {
        self.phase == Phase::Fetching && !self.is_paused && !self.is_revoking
    }

    /// The broker to fetch from, if the partition may be fetched. `None` for the time is before all
    /// others.
    pub(crate) fn fetch_from(&self, now: Option<Instant>) -> Option<BrokerId> {
        let is_ahead = |at: Instant| now < Some(at);
        if !self.is_consumable() || self.is_blocked || self.retry_at.is_some_and(is_ahead) {
            return None;
        }
        let preferred = self.preferred.filter(|(_, until)| is_ahead(*until)).map(|(id, _)| id);
        preferred.or_else(|| self.leader.map(|leader| leader.id))
    }

    /// Goes to a new position; everything fetched and every lookup in flight is stale.
    pub(super) fn move_to(&mut self, epoch: u64, position: Position, phase: Phase) {
        self.epoch = epoch;
        self.position = position;
        self.next_fetch = position;
        self.set_phase(phase);
    }

    pub(super) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.is_asking = false;
        self.is_blocked = false;
        self.retry_at = None;
    }

    /// Asks the leader, if the position can be checked and the leader tells its epoch.
    pub(super) fn start_validation(&mut self) {
        let can_check = self.next_fetch.leader_epoch.is_some()
            && self.leader.is_some_and(|leader| leader.epoch.is_some());
        if self.has_position() {
            self.set_phase(if can_check { Phase::Validating } else { Phase::Fetching });
        }
    }

    /// The end of what this consumer can see.
    pub(crate) fn end_offset(&self, is_committed: bool) -> Option<i64> {
        if is_committed { self.last_stable_offset } else { self.high_watermark }
    }
}
