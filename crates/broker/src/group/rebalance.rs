//! From the first changed member to the next generation.

use std::time::Instant;

use milena_wire::ErrorCode;

use super::coordinator::{GroupCoordinator, GroupReply};
use super::state::{Group, GroupState, JoinPhase};
use super::sync::SyncReply;

impl GroupCoordinator {
    /// Starts a rebalance, or sees whether the running one can end.
    pub(super) fn prepare_rebalance(&mut self, group_id: &str, now: Instant) {
        let delay = self.settings.initial_rebalance_delay;
        let Some(group) = self.groups.get_mut(group_id) else { return };
        match group.state {
            GroupState::PreparingRebalance => {}
            GroupState::CompletingRebalance | GroupState::Stable => {
                for member in group.members.values_mut() {
                    if let Some(reply) = member.awaiting_sync.take() {
                        let error = SyncReply::error(ErrorCode::REBALANCE_IN_PROGRESS);
                        self.replies.push_back((reply, GroupReply::Sync(error)));
                        member.heard(now);
                    }
                }
                group.sync_until = None;
                group.state = GroupState::PreparingRebalance;
                group.join_phase =
                    Some(JoinPhase::Normal { until: now + group.rebalance_timeout() });
            }
            GroupState::Empty | GroupState::Dead => {
                let latest = now + group.rebalance_timeout();
                let until = (now + delay).min(latest);
                group.state = GroupState::PreparingRebalance;
                group.join_phase = Some(JoinPhase::Initial { until, latest, member_added: false });
            }
        }
        self.try_complete_join(group_id, now);
    }

    /// Ends the join phase when nobody is missing.
    pub(super) fn try_complete_join(&mut self, group_id: &str, now: Instant) {
        let Some(group) = self.groups.get(group_id) else { return };
        let is_through = match group.join_phase {
            Some(JoinPhase::Normal { .. }) => group.all_joined(),
            Some(JoinPhase::Initial { until, .. }) => until <= now && group.all_joined(),
            None => false,
        };
        if is_through {
            self.complete_join(group_id, now);
        }
    }

    /// The join phase is over: members that did not come are out, the others get a new generation.
    pub(super) fn complete_join(&mut self, group_id: &str, now: Instant) {
        let Some(group) = self.groups.get_mut(group_id) else { return };
        let gone: Vec<_> = group
            .members
            .values()
            .filter(|member| member.awaiting_join.is_none() && member.group_instance_id.is_none())
            .map(|member| member.member_id.clone())
            .collect();
        for member_id in gone {
            tracing::debug!(
                group = group_id,
                member = &*member_id,
                "member did not rejoin in time"
            );
            group.remove(&member_id);
        }
        if !group.members.is_empty() && !group.elect_joined_leader() {
            // Only static members are left and none of them is back yet: wait another round.
            group.join_phase = Some(JoinPhase::Normal { until: now + group.rebalance_timeout() });
            return;
        }
        group.join_phase = None;
        group.generation_id = group.generation_id.checked_add(1).unwrap_or(1);
        group.protocol = group.select_protocol();
        if group.members.is_empty() {
            group.become_empty();
            return;
        }
        group.state = GroupState::CompletingRebalance;
        group.sync_until = Some(now + group.rebalance_timeout());
        let ids = group.join_order.clone();
        for member_id in ids {
            let joined = group.joined(&member_id, false);
            let Some(member) = group.members.get_mut(&member_id) else { continue };
            member.has_synced = false;
            member.heard(now);
            if let Some(reply) = member.awaiting_join.take() {
                self.replies.push_back((reply, GroupReply::Join(joined)));
            }
        }
    }

    /// A member is gone: the others share its partitions.
    pub(super) fn member_removed(&mut self, group_id: &str, now: Instant) {
        let Some(group) = self.groups.get(group_id) else { return };
        match group.state {
            GroupState::Stable | GroupState::CompletingRebalance => {
                self.prepare_rebalance(group_id, now)
            }
            GroupState::PreparingRebalance => self.try_complete_join(group_id, now),
            GroupState::Empty | GroupState::Dead => {}
        }
    }
}

impl Group {
    pub(super) fn note_member_added(&mut self) {
        if let Some(JoinPhase::Initial { member_added, .. }) = &mut self.join_phase {
            *member_added = true;
        }
    }

    /// Keeps the leader if it joined, else elects the first member that did.
    fn elect_joined_leader(&mut self) -> bool {
        let has_joined = |id: &&milena_wire::ByteString| {
            self.members.get(*id).is_some_and(|member| member.awaiting_join.is_some())
        };
        if self.leader.as_ref().is_some_and(|id| has_joined(&id)) {
            return true;
        }
        let next = self.join_order.iter().find(has_joined).cloned();
        let found = next.is_some();
        if found {
            self.leader = next;
        }
        found
    }

    pub(super) fn become_empty(&mut self) {
        self.state = GroupState::Empty;
        self.protocol = None;
        self.leader = None;
        self.join_phase = None;
        self.sync_until = None;
    }
}
