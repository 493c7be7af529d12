//! Deadlines of groups: sessions, rebalances, syncs that never come, ids that nobody took.

use std::time::Instant;

use milena_wire::ByteString;

use super::coordinator::GroupCoordinator;
use super::state::{Group, GroupState, JoinPhase};

impl GroupCoordinator {
    /// Does what is due at `now`.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let due = |group: &Group| group.next_deadline().is_some_and(|deadline| deadline <= now);
        let ids: Vec<_> =
            self.groups.iter().filter(|(_, group)| due(group)).map(|(id, _)| id.clone()).collect();
        for group_id in ids {
            self.expire_members(&group_id, now);
            self.expire_join(&group_id, now);
        }
    }

    fn expire_members(&mut self, group_id: &ByteString, now: Instant) {
        let Some(group) = self.groups.get_mut(group_id) else { return };
        let pending_before = group.pending_members.len();
        group.pending_members.retain(|_, deadline| *deadline > now);
        let mut changed = group.pending_members.len() != pending_before;
        let sync_is_over = group.sync_until.is_some_and(|until| until <= now);
        if sync_is_over {
            group.sync_until = None;
        }
        let gone: Vec<_> = group
            .members
            .values()
            .filter(|member| {
                let session_is_over = !member.is_waiting() && member.session_deadline <= now;
                session_is_over || (sync_is_over && !member.has_synced)
            })
            .map(|member| member.member_id.clone())
            .collect();
        let mut dismissed = Vec::new();
        for member_id in gone {
            tracing::debug!(group = &**group_id, member = &*member_id, "member expired");
            dismissed.extend(group.remove(&member_id));
            changed = true;
        }
        for member in dismissed {
            self.dismiss(member);
        }
        if changed {
            self.member_removed(group_id, now);
        }
    }

    fn expire_join(&mut self, group_id: &ByteString, now: Instant) {
        let delay = self.settings.initial_rebalance_delay;
        let Some(group) = self.groups.get_mut(group_id) else { return };
        match group.join_phase {
            Some(JoinPhase::Initial { until, latest, member_added: true })
                if until <= now && now < latest =>
            {
                let until = (now + delay).min(latest);
                group.join_phase = Some(JoinPhase::Initial { until, latest, member_added: false });
            }
            Some(JoinPhase::Initial { until, .. } | JoinPhase::Normal { until })
                if until <= now =>
            {
                self.complete_join(group_id, now);
            }
            _ => {}
        }
    }
}

impl Group {
    /// The earliest moment at which something of this group is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let join = self.join_phase.map(|phase| match phase {
            JoinPhase::Initial { until, .. } | JoinPhase::Normal { until } => until,
        });
        let sync = match self.state {
            GroupState::CompletingRebalance | GroupState::Stable => self.sync_until,
            GroupState::Empty | GroupState::PreparingRebalance | GroupState::Dead => None,
        };
        let sessions = self
            .members
            .values()
            .filter(|member| !member.is_waiting())
            .map(|member| member.session_deadline);
        let pending = self.pending_members.values().copied();
        join.into_iter().chain(sync).chain(sessions).chain(pending).min()
    }
}
