//! Leaving the group, by wish or because the application stopped polling.

use milena_wire::{
    ByteString,
    messages::{LeaveGroupRequest, leave_group_request::MemberIdentity},
};

use super::{Attempt, GroupRequest, Membership, RebalanceStep};

/// A member that is on its way out.
#[derive(Debug)]
pub(super) struct Leaving {
    member_id: ByteString,
    reason: &'static str,
    pub(super) is_sent: bool,
}

impl Leaving {
    pub(super) fn new(member_id: ByteString, reason: &'static str) -> Self {
        Self { member_id, reason, is_sent: false }
    }
}

impl Membership {
    /// Ends the membership: the application gives everything up, and a dynamic member tells the
    /// coordinator. [`Membership::is_leaving`] is true until that is done.
    pub fn leave(&mut self, reason: &'static str) {
        self.subscription = None;
        self.rejoin_reason = None;
        self.steps.clear();
        self.in_flight = None;
        if !self.held.is_empty() {
            let held = self.held.clone();
            self.steps.push_back(match self.generation {
                Some(_) => RebalanceStep::Revoke(held),
                None => RebalanceStep::Lose(held),
            });
        }
        self.leaving = Some(Leaving::new(self.member_id.clone(), reason));
        self.left_untold = false;
        self.leave_silently();
    }

    /// The application closes the consumer: what needs a coordinator goes on for as long as there is
    /// a way to one. A lookup that waits for the pause after a failed one goes out at once.
    ///
    // Spec: java/AbstractCoordinator@4.x: a member whose coordinator is unknown closes without
    // LeaveGroup, and its session ends by itself.
    pub fn begin_close(&mut self) {
        self.is_closing = true;
        self.coordinator.hurry();
    }

    /// Whether nothing that needs a coordinator is worth waiting for: the consumer is being closed,
    /// and the last lookup found no way to one.
    pub(crate) fn gives_up(&self) -> bool {
        self.is_closing && self.coordinator.is_unreachable()
    }

    /// Whether the coordinator was not told that this member has left, and will miss it when its
    /// session times out.
    pub fn left_untold(&self) -> bool {
        self.left_untold
    }

    /// Whether steps or the LeaveGroup of [`Membership::leave`] are still to be done.
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// Whether the member has nothing to tell a coordinator.
    fn leaves_silently(&self, leaving: &Leaving) -> bool {
        self.config.group_instance_id.is_some() || leaving.member_id.is_empty()
    }

    /// Ends what needs no request once the application has given everything up.
    pub(super) fn leave_silently(&mut self) {
        let Some(leaving) = &self.leaving else { return };
        if !self.steps.is_empty() || leaving.is_sent {
            return;
        }
        let is_silent = self.leaves_silently(leaving);
        if is_silent || self.gives_up() {
            self.left_untold |= !is_silent;
            self.leaving = None;
            self.reset_generation();
        }
    }

    pub(super) fn leave_request(&mut self) -> Option<(Attempt, GroupRequest)> {
        let leaving = self.leaving.as_mut().filter(|leaving| !leaving.is_sent)?;
        if !self.steps.is_empty() {
            return None;
        }
        leaving.is_sent = true;
        let member = MemberIdentity {
            member_id: leaving.member_id.clone(),
            reason: Some(ByteString::from_static(leaving.reason)),
            ..Default::default()
        };
        self.member_id = ByteString::new();
        self.reset_generation();
        let attempt = self.next_attempt();
        self.in_flight = Some(attempt);
        let request = LeaveGroupRequest {
            group_id: self.config.group_id.clone(),
            members: vec![member],
            ..Default::default()
        };
        Some((attempt, GroupRequest::Leave(request)))
    }
}
