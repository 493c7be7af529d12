//! Which broker coordinates the group.

use std::time::Instant;

use super::{Attempt, GroupResponse, Membership, State};
use crate::BrokerId;

/// What is known of the coordinator.
#[derive(Debug, Default)]
pub(super) struct Coordinator {
    id: Option<BrokerId>,
    finding: Option<Attempt>,
    failures: u32,
    retry_at: Option<Instant>,
    /// The last lookup found no way to it.
    is_unreachable: bool,
    /// Somebody else, such as a commit, needs it.
    is_wanted: bool,
}

impl Coordinator {
    pub(super) fn id(&self) -> Option<BrokerId> {
        self.id
    }

    pub(super) fn is_finding(&self, attempt: Attempt) -> bool {
        self.finding == Some(attempt)
    }

    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at.filter(|_| self.id.is_none() && self.finding.is_none())
    }

    pub(super) fn is_unreachable(&self) -> bool {
        self.id.is_none() && self.is_unreachable
    }

    /// The next lookup does not wait for the pause after the last one.
    pub(super) fn hurry(&mut self) {
        self.retry_at = None;
    }

    pub(super) fn forget(&mut self) {
        self.id = None;
    }
}

impl Membership {
    /// The coordinator, if it is known.
    pub fn coordinator(&self) -> Option<BrokerId> {
        self.coordinator.id
    }

    /// Has the coordinator looked up although the member does not join, as commits need it.
    pub(crate) fn want_coordinator(&mut self) {
        self.coordinator.is_wanted = true;
    }

    /// Somebody saw that `broker` does not coordinate the group, or cannot be reached.
    pub(crate) fn handle_coordinator_lost(&mut self, broker: BrokerId) {
        if self.coordinator.id == Some(broker) {
            self.coordinator.forget();
        }
    }

    pub(super) fn needs_coordinator(&self) -> bool {
        self.coordinator.id.is_none()
            && (self.coordinator.is_wanted
                || self.generation.is_some()
                || self.leaving.is_some()
                || !matches!(self.state, State::Unjoined))
    }

    pub(super) fn find_coordinator(&mut self, now: Instant) -> Option<Attempt> {
        let is_due = self.needs_coordinator()
            && self.coordinator.finding.is_none()
            && self.coordinator.retry_at.is_none_or(|at| at <= now);
        if !is_due {
            return None;
        }
        let attempt = self.next_attempt();
        self.coordinator.finding = Some(attempt);
        Some(attempt)
    }

    pub(super) fn handle_coordinator(&mut self, response: &GroupResponse, now: Instant) {
        self.coordinator.finding = None;
        self.coordinator.is_unreachable = *response == GroupResponse::Unreachable;
        if let GroupResponse::Coordinator(id) = response {
            self.coordinator.id = Some(*id);
            self.coordinator.failures = 0;
            self.coordinator.is_wanted = false;
            // A coordinator that answers but is none yet must not be asked in a tight loop.
            let pause = self.config.retry_backoff.delay(1, self.jitter.next_u64());
            self.coordinator.retry_at = Some(now + pause);
            self.heartbeats.note_coordinator(now);
        } else {
            self.coordinator.failures = self.coordinator.failures.saturating_add(1);
            let failures = self.coordinator.failures;
            let pause = self.config.retry_backoff.delay(failures, self.jitter.next_u64());
            self.coordinator.retry_at = Some(now + pause);
            self.leave_silently();
        }
    }
}
