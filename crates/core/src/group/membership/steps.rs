//! What the application has to do in a rebalance, in order.

use super::{Membership, State};
use crate::{TopicPartition, group::assignor::RebalanceProtocol};

/// A callback that the application runs before the rebalance goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RebalanceStep {
    /// Finish with these partitions; their offsets can still be committed.
    Revoke(Vec<TopicPartition>),
    /// These partitions belong to somebody else already; their offsets cannot be committed.
    Lose(Vec<TopicPartition>),
    /// Start with these partitions.
    Assign(Vec<TopicPartition>),
}

impl Membership {
    /// The step that the application is to take now.
    pub fn step(&self) -> Option<&RebalanceStep> {
        self.steps.front()
    }

    /// The application has taken the step that [`Membership::step`] told.
    pub(crate) fn handle_step_done(&mut self) {
        match self.steps.pop_front() {
            Some(RebalanceStep::Revoke(partitions) | RebalanceStep::Lose(partitions)) => {
                self.held.retain(|held| partitions.binary_search(held).is_err());
            }
            Some(RebalanceStep::Assign(partitions)) => {
                self.held.extend(partitions);
                self.held.sort_unstable();
                self.held.dedup();
            }
            None => {}
        }
        self.leave_silently();
    }

    /// Begins a rebalance while the application polls: it gives up what it must, then joins.
    pub(super) fn prepare(&mut self) {
        if self.polls == 0 || !self.steps.is_empty() || self.leaving.is_some() {
            return;
        }
        if self.is_fenced {
            return self.lose_all();
        }
        let begins = match self.state {
            State::Unjoined => true,
            State::Stable => self.rejoin_reason.is_some(),
            State::PreparingRebalance | State::CompletingRebalance(_) => false,
        };
        let Some(topics) = self.subscription.as_ref().filter(|_| begins) else { return };
        self.state = State::PreparingRebalance;
        if self.generation.is_none() {
            return self.lose_all();
        }
        let gives_up_all = self.protocol() == RebalanceProtocol::Eager;
        let is_given_up = |tp: &&TopicPartition| gives_up_all || !topics.contains(&tp.topic);
        let revoked: Vec<TopicPartition> = self.held.iter().filter(is_given_up).cloned().collect();
        if !revoked.is_empty() {
            self.steps.push_back(RebalanceStep::Revoke(revoked));
        }
    }

    fn lose_all(&mut self) {
        if !self.held.is_empty() {
            self.steps.push_back(RebalanceStep::Lose(self.held.clone()));
        }
    }

    /// Turns a new assignment into steps. `assigned` is sorted.
    ///
    // Spec: KIP-429#rebalance: who has to give something up does so and joins again, so that the
    // next round can place it.
    pub(super) fn take_over(&mut self, assigned: Vec<TopicPartition>) {
        let missing_in =
            |list: &[TopicPartition], tp: &TopicPartition| list.binary_search(tp).is_err();
        let revoked: Vec<_> =
            self.held.iter().filter(|tp| missing_in(&assigned, tp)).cloned().collect();
        let added = assigned.iter().filter(|tp| missing_in(&self.held, tp)).cloned().collect();
        if !revoked.is_empty() {
            self.steps.push_back(RebalanceStep::Revoke(revoked));
            self.request_rejoin("partitions were given up for others");
        }
        self.steps.push_back(RebalanceStep::Assign(added));
        self.remembered = assigned;
        self.remembered_generation = self.generation.as_ref().map_or(-1, |g| g.id);
    }
}
