//! The application's calls: polling, rebalance steps, what was fetched, seeks and commits.

use std::time::Instant;

use super::ConsumerMachine;
use crate::{
    TopicPartition,
    consumer::{
        CommitError, CommitId, ConsumerError, NotAssigned, OffsetSpec, Offsets, Position,
        SubscriptionState,
    },
    fetch::{FetchedPartition, Taken},
    group::membership::{Membership, RebalanceStep},
};

impl ConsumerMachine {
    /// The application began to wait for records: it has processed what it got before. Returns
    /// whether there may be something to send.
    pub fn handle_poll_start(&mut self, now: Instant) -> bool {
        self.subscription.handle_returned();
        self.membership.as_mut().is_some_and(|membership| {
            membership.handle_poll_start(now);
            membership.wants_polls()
        })
    }

    /// The application stopped waiting.
    pub fn handle_poll_end(&mut self, now: Instant) {
        if let Some(membership) = &mut self.membership {
            membership.handle_poll_end(now);
        }
    }

    /// The application is done with what it got, as when it closes the consumer.
    pub fn handle_processed(&mut self) {
        self.subscription.handle_returned();
    }

    /// The rebalance step to run next. The first call for a step prepares the partitions for
    /// the application's callback.
    pub fn begin_step(&mut self) -> Option<RebalanceStep> {
        let step = self.membership.as_ref()?.step()?.clone();
        if !std::mem::replace(&mut self.step_begun, true) {
            match &step {
                RebalanceStep::Revoke(partitions) | RebalanceStep::Lose(partitions) => {
                    self.subscription.mark_revoking(partitions);
                }
                RebalanceStep::Assign(partitions) => {
                    self.subscription.add(partitions.iter().cloned());
                    self.subscription.handle_metadata(&self.metadata);
                }
            }
        }
        Some(step)
    }

    /// Whether a rebalance step waits.
    pub fn has_step(&self) -> bool {
        self.membership.as_ref().is_some_and(|membership| membership.step().is_some())
    }

    /// The application's callback for the step is done.
    pub fn finish_step(&mut self) {
        let Some(membership) = &mut self.membership else { return };
        if let Some(RebalanceStep::Revoke(partitions) | RebalanceStep::Lose(partitions)) =
            membership.step()
        {
            self.subscription.remove(partitions);
            self.fetcher.drop_stale(&self.subscription);
        }
        self.step_begun = false;
        membership.handle_step_done();
    }

    /// The error that the application has to see next. One that only a seek can help comes again.
    pub fn take_error(&mut self) -> Option<ConsumerError> {
        if let Some(error) = self.membership.as_mut().and_then(Membership::take_error) {
            return Some(if error.is_fatal {
                ConsumerError::Fenced
            } else {
                ConsumerError::Broker { api: error.api, code: error.code, partition: None }
            });
        }
        if let Some((partition, stuck)) = self.subscription.stuck() {
            return Some(ConsumerError::Stuck(partition.clone(), stuck));
        }
        self.errors.pop_front()
    }

    /// The next bytes to read, outside of whatever guards this machine.
    pub fn take_fetched(&mut self) -> Option<FetchedPartition> {
        self.fetcher.take(&self.subscription)
    }

    /// What reading brought. `false` when the partition was moved meanwhile, and the records are not
    /// to be handed out.
    pub fn finish_reading(
        &mut self,
        fetched: FetchedPartition,
        taken: Result<&Taken, &ConsumerError>,
    ) -> bool {
        // Paused or under validation since it was taken does not matter: what was read is at the
        // position. A partition that is being revoked will not come back.
        let state = self.subscription.get(&fetched.partition);
        let is_current = state.is_some_and(|s| s.epoch == fetched.epoch && !s.is_revoking);
        match taken {
            Ok(taken) if is_current => {
                let (partition, epoch) = (fetched.partition.clone(), fetched.epoch);
                self.subscription.hand_out(&partition, epoch, taken.next);
                if taken.is_exhausted {
                    self.fetcher.release(&fetched);
                } else {
                    self.fetcher.put_back(fetched);
                }
            }
            Err(_) if is_current => self.fetcher.put_back(fetched),
            _ => self.fetcher.release(&fetched),
        }
        is_current
    }

    /// Whether records can be handed out at once.
    pub fn has_records(&self) -> bool {
        self.fetcher.has_records(&self.subscription)
    }

    /// Bytes that are buffered.
    pub fn buffered_bytes(&self) -> usize {
        self.fetcher.buffered_bytes()
    }

    /// The assignment and positions.
    pub fn subscription(&self) -> &SubscriptionState {
        &self.subscription
    }

    /// Continues at a position, such as that of records which were handed out and not processed.
    ///
    /// # Errors
    ///
    /// [`NotAssigned`].
    pub fn seek(&mut self, partition: &TopicPartition, to: Position) -> Result<(), NotAssigned> {
        self.subscription.seek(partition, to)?;
        self.fetcher.drop_stale(&self.subscription);
        Ok(())
    }

    /// Whether no commit is under way.
    pub fn has_committed(&self) -> bool {
        self.commits.is_idle()
    }

    /// Looks an offset up and continues there.
    ///
    /// # Errors
    ///
    /// [`NotAssigned`].
    pub fn seek_to(
        &mut self,
        partition: &TopicPartition,
        spec: OffsetSpec,
    ) -> Result<(), NotAssigned> {
        self.subscription.seek_to(partition, spec)?;
        self.fetcher.drop_stale(&self.subscription);
        Ok(())
    }

    /// Pauses or resumes a partition.
    ///
    /// # Errors
    ///
    /// [`NotAssigned`].
    pub fn set_paused(
        &mut self,
        partition: &TopicPartition,
        is_paused: bool,
    ) -> Result<(), NotAssigned> {
        self.subscription.set_paused(partition, is_paused)?;
        if is_paused {
            self.fetcher.handle_paused(partition);
        }
        Ok(())
    }

    /// Commits offsets before `deadline`.
    pub fn commit(&mut self, offsets: Offsets, deadline: Instant) -> CommitId {
        self.commits.commit(offsets, deadline)
    }

    /// Commits what the application has processed, if offsets are committed by themselves.
    pub fn auto_commit(&mut self, now: Instant) -> Option<CommitId> {
        if !self.commits.is_automatic() {
            return None;
        }
        let offsets = self.subscription.processed();
        let offsets: Offsets = offsets.into_iter().map(|(tp, at)| (tp, at.into())).collect();
        (!offsets.is_empty()).then(|| self.commits.commit(offsets, now + self.api_timeout))
    }

    /// Commits that are done, in the order in which they were asked for.
    pub fn take_done_commits(&mut self) -> Vec<(CommitId, Result<(), CommitError>)> {
        self.commits.take_done()
    }

    /// The membership, if there is a group.
    pub fn membership(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }

    /// Joins again when the application polls.
    pub fn request_rejoin(&mut self, reason: &'static str) {
        if let Some(membership) = &mut self.membership {
            membership.request_rejoin(reason);
        }
    }
}
