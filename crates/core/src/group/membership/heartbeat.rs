//! Heartbeats, the session and the poll interval.

use std::time::Instant;

use milena_wire::{ErrorCode, messages::HeartbeatRequest};

use super::{Attempt, GroupRequest, GroupResponse, Membership, State, leave::Leaving};

/// When the last heartbeat went out and when the session was last confirmed.
#[derive(Debug)]
pub(super) struct Heartbeats {
    in_flight: Option<Attempt>,
    next_at: Option<Instant>,
    confirmed_at: Instant,
}

impl Heartbeats {
    pub(super) fn new(now: Instant) -> Self {
        Self { in_flight: None, next_at: None, confirmed_at: now }
    }

    pub(super) fn is_in_flight(&self, attempt: Attempt) -> bool {
        self.in_flight == Some(attempt)
    }

    pub(super) fn stop(&mut self) {
        self.in_flight = None;
        self.next_at = None;
    }

    pub(super) fn start(&mut self, now: Instant, next_at: Instant) {
        self.in_flight = None;
        self.confirmed_at = now;
        self.next_at = Some(next_at);
    }

    /// A new coordinator gets the whole session to answer.
    pub(super) fn note_coordinator(&mut self, now: Instant) {
        self.confirmed_at = now;
    }
}

impl Membership {
    /// Heartbeats stop while a JoinGroup or LeaveGroup is in flight: the answer replaces the session.
    fn sends_heartbeats(&self) -> bool {
        self.generation.is_some()
            && !(self.in_flight.is_some() && matches!(self.state, State::PreparingRebalance))
    }

    pub(super) fn next_heartbeat(&self) -> Option<Instant> {
        if !self.sends_heartbeats() || self.coordinator.id().is_none() {
            return None;
        }
        let session = self.heartbeats.confirmed_at + self.config.session_timeout;
        let next = self.heartbeats.next_at.filter(|_| self.heartbeats.in_flight.is_none());
        Some(next.map_or(session, |next| next.min(session)))
    }

    pub(super) fn heartbeat_request(&mut self, now: Instant) -> Option<(Attempt, GroupRequest)> {
        let is_due = self.heartbeats.next_at.is_some_and(|at| at <= now);
        if !self.sends_heartbeats() || self.heartbeats.in_flight.is_some() || !is_due {
            return None;
        }
        let attempt = self.next_attempt();
        self.heartbeats.in_flight = Some(attempt);
        self.heartbeats.next_at = Some(now + self.config.heartbeat_interval);
        let (generation_id, member_id) = self.identity();
        Some((
            attempt,
            GroupRequest::Heartbeat(HeartbeatRequest {
                group_id: self.config.group_id.clone(),
                generation_id,
                member_id,
                group_instance_id: self.config.group_instance_id.clone(),
                ..Default::default()
            }),
        ))
    }

    pub(super) fn handle_heartbeat(&mut self, response: &GroupResponse, now: Instant) {
        self.heartbeats.in_flight = None;
        let GroupResponse::Heartbeat(response) = response else {
            self.coordinator.forget();
            // The next one goes out as soon as there is a coordinator again.
            self.heartbeats.next_at = Some(now);
            return;
        };
        match ErrorCode(response.error_code) {
            ErrorCode::NONE => self.heartbeats.confirmed_at = now,
            ErrorCode::REBALANCE_IN_PROGRESS => {
                self.heartbeats.confirmed_at = now;
                if matches!(self.state, State::Stable) {
                    self.request_rejoin("the group is rebalancing");
                }
            }
            ErrorCode::COORDINATOR_NOT_AVAILABLE | ErrorCode::NOT_COORDINATOR => {
                self.coordinator.forget();
                self.heartbeats.next_at = Some(now);
            }
            ErrorCode::ILLEGAL_GENERATION => self.reset_generation(),
            ErrorCode::UNKNOWN_MEMBER_ID => self.handle_unknown_member(),
            ErrorCode::FENCED_INSTANCE_ID => {
                self.refuse(ErrorCode::FENCED_INSTANCE_ID, "Heartbeat", true);
            }
            code if code.is_retriable() => {}
            code => self.refuse(code, "Heartbeat", false),
        }
    }

    pub(super) fn handle_unknown_member(&mut self) {
        self.member_id = Default::default();
        self.reset_generation();
    }

    /// Without an answer for the whole session there is no use in waiting for this coordinator.
    pub(super) fn check_session(&mut self, now: Instant) {
        let session_end = self.heartbeats.confirmed_at + self.config.session_timeout;
        if self.sends_heartbeats() && self.coordinator.id().is_some() && session_end <= now {
            self.coordinator.forget();
            self.heartbeats.in_flight = None;
            self.heartbeats.next_at = Some(now);
        }
    }

    pub(super) fn poll_deadline(&self) -> Option<Instant> {
        (self.polls == 0 && self.generation.is_some())
            .then(|| self.last_poll + self.config.max_poll_interval)
    }

    /// Leaves when the application does not come back for more. A static member only falls silent,
    /// so that the session timeout decides.
    pub(super) fn check_poll_interval(&mut self, now: Instant) {
        if self.poll_deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        let member_id = self.member_id.clone();
        self.reset_generation();
        if self.config.group_instance_id.is_none() {
            self.member_id = Default::default();
            self.leaving = Some(Leaving::new(member_id, "the application did not poll in time"));
        }
    }
}
