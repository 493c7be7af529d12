//! The subscription state: which partitions the consumer has, and where it is in each.
//!
//! Spec: KIP-320#consumer-validation: a position is checked when the leader changes, with the epoch of
//! the record before it.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::{Duration, Instant},
};

use milena_wire::Uuid;

use super::{
    OffsetSpec, Position,
    index::{PartitionIndex, StateMut},
    partition::{Leader, PartitionState, Phase, Stuck},
};
use crate::{BrokerId, TopicPartition, metadata::ClusterMetadata};

/// All assigned partitions.
#[derive(Debug)]
pub struct SubscriptionState {
    partitions: BTreeMap<TopicPartition, PartitionState>,
    index: PartitionIndex,
    /// `auto.offset.reset`; `None` for none.
    reset: Option<OffsetSpec>,
    /// Whether partitions start from committed offsets.
    has_group: bool,
    last_epoch: u64,
    /// Partitions of which records were handed out since the application came back last.
    handed_out: Vec<TopicPartition>,
    /// How many states were looked at.
    #[cfg(test)]
    visits: std::cell::Cell<usize>,
}

/// A partition is not assigned to this consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAssigned(pub TopicPartition);

impl std::fmt::Display for NotAssigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "partition {} is not assigned to this consumer", self.0)
    }
}

impl std::error::Error for NotAssigned {}

impl SubscriptionState {
    /// No partitions yet.
    pub fn new(reset: Option<OffsetSpec>, has_group: bool) -> Self {
        Self {
            partitions: BTreeMap::new(),
            index: PartitionIndex::default(),
            reset,
            has_group,
            last_epoch: 0,
            handed_out: Vec::new(),
            #[cfg(test)]
            visits: std::cell::Cell::default(),
        }
    }

    /// The assigned partitions, by topic and number.
    pub fn assigned(&self) -> impl ExactSizeIterator<Item = &TopicPartition> + '_ {
        self.partitions.keys()
    }

    fn visit(&self) {
        #[cfg(test)]
        self.visits.set(self.visits.get() + 1);
    }

    /// The state of a partition, if it is assigned.
    pub fn get(&self, partition: &TopicPartition) -> Option<&PartitionState> {
        self.visit();
        self.partitions.get(partition)
    }

    pub(crate) fn get_mut<'a>(&'a mut self, partition: &'a TopicPartition) -> Option<StateMut<'a>> {
        self.visit();
        let state = self.partitions.get_mut(partition)?;
        Some(self.index.change(partition, state))
    }

    /// The state of a partition as long as its epoch is still `epoch`.
    pub(crate) fn current<'a>(
        &'a mut self,
        partition: &'a TopicPartition,
        epoch: u64,
    ) -> Option<StateMut<'a>> {
        self.get_mut(partition).filter(|state| state.epoch == epoch)
    }

    /// The partitions that are not simply fetched: some are to be looked up, some are stuck.
    pub(crate) fn unsettled(&self) -> impl Iterator<Item = (&TopicPartition, &PartitionState)> {
        self.index.unsettled().filter_map(|partition| Some((partition, self.get(partition)?)))
    }

    /// Tells what the time is; pauses and preferred replicas end by it.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.index.advance(now, &self.partitions);
    }

    /// The brokers from which at least one partition is to be fetched, in order.
    pub(crate) fn fetch_brokers(&self) -> impl Iterator<Item = BrokerId> {
        self.index.brokers()
    }

    /// How many partitions are to be fetched from a broker.
    pub(crate) fn fetched_count(&self, id: BrokerId) -> usize {
        self.index.fetched_count(id)
    }

    /// The partitions of which something else is to be fetched from a broker than at the last call,
    /// or nothing any more.
    pub(crate) fn take_fetch_changes(&mut self, id: BrokerId) -> BTreeSet<TopicPartition> {
        self.index.take_changed(id)
    }

    /// The state of a partition, if it is to be fetched from this broker.
    pub(crate) fn fetched_from(
        &self,
        id: BrokerId,
        partition: &TopicPartition,
    ) -> Option<&PartitionState> {
        self.get(partition).filter(|_| self.index.is_fetched(id, partition))
    }

    /// Reads no partition from this follower.
    pub(crate) fn drop_preferred(&mut self, id: BrokerId) {
        for (partition, state) in &mut self.partitions {
            if state.preferred.is_some_and(|(preferred, _)| preferred == id) {
                self.index.change(partition, state).preferred = None;
            }
        }
    }

    fn next_epoch(&mut self) -> u64 {
        self.last_epoch += 1;
        self.last_epoch
    }

    /// Replaces the assignment; partitions that stay keep their positions.
    pub fn assign(&mut self, partitions: impl IntoIterator<Item = TopicPartition>) {
        let mut before = std::mem::take(&mut self.partitions);
        for partition in partitions {
            if let Some(state) = before.remove(&partition) {
                self.partitions.insert(partition, state);
            } else {
                self.add([partition]);
            }
        }
        for (partition, state) in &before {
            self.index.remove(partition, state);
        }
    }

    /// Adds partitions that start from their committed offset, or where the policy says.
    pub fn add(&mut self, partitions: impl IntoIterator<Item = TopicPartition>) {
        for partition in partitions {
            let epoch = self.next_epoch();
            let phase = if self.has_group { Phase::Committed } else { self.policy() };
            if let Entry::Vacant(entry) = self.partitions.entry(partition) {
                let state = PartitionState::new(epoch, phase);
                self.index.insert(entry.key(), &state);
                entry.insert(state);
            }
        }
    }

    /// Removes partitions.
    pub fn remove(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if let Some(state) = self.partitions.remove(partition) {
                self.index.remove(partition, &state);
            }
        }
    }

    /// Stops fetching and handing out partitions that are about to be revoked.
    pub(crate) fn mark_revoking(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if let Some(mut state) = self.get_mut(partition) {
                state.is_revoking = true;
            }
        }
    }

    fn policy(&self) -> Phase {
        self.reset.map_or(Phase::Stuck(Stuck::NoOffset), Phase::Reset)
    }

    fn assigned_mut<'a>(
        &'a mut self,
        partition: &'a TopicPartition,
    ) -> Result<(u64, StateMut<'a>), NotAssigned> {
        let epoch = self.next_epoch();
        let state = self.get_mut(partition).ok_or_else(|| NotAssigned(partition.clone()))?;
        Ok((epoch, state))
    }

    /// Continues at a position.
    ///
    /// # Errors
    ///
    /// [`NotAssigned`].
    pub fn seek(&mut self, partition: &TopicPartition, to: Position) -> Result<(), NotAssigned> {
        let (epoch, mut state) = self.assigned_mut(partition)?;
        state.move_to(epoch, to, Phase::Fetching);
        state.start_validation();
        // The application has decided: from here on is what it has not processed.
        state.processed = Some(to);
        Ok(())
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
        let (epoch, mut state) = self.assigned_mut(partition)?;
        let position = state.position;
        state.move_to(epoch, position, Phase::Reset(spec));
        state.processed = None;
        Ok(())
    }

    /// Pauses or resumes a partition; what is buffered of it is kept.
    ///
    /// # Errors
    ///
    /// [`NotAssigned`].
    pub fn set_paused(
        &mut self,
        partition: &TopicPartition,
        is_paused: bool,
    ) -> Result<(), NotAssigned> {
        let state = self.get_mut(partition);
        state.ok_or_else(|| NotAssigned(partition.clone()))?.is_paused = is_paused;
        Ok(())
    }

    /// The paused partitions.
    pub fn paused(&self) -> impl Iterator<Item = &TopicPartition> + '_ {
        self.partitions.iter().filter(|(_, state)| state.is_paused).map(|(partition, _)| partition)
    }

    /// The next record to hand out; `None` while it is being looked up.
    ///
    /// # Errors
    ///
    /// [`NotAssigned`].
    pub fn position(&self, partition: &TopicPartition) -> Result<Option<Position>, NotAssigned> {
        let state = self.partitions.get(partition);
        let state = state.ok_or_else(|| NotAssigned(partition.clone()))?;
        Ok(state.has_position().then_some(state.position))
    }

    /// Records up to the end that are not handed out yet; `None` before the first fetch.
    pub fn lag(&self, partition: &TopicPartition, is_committed: bool) -> Option<i64> {
        let state = self.partitions.get(partition).filter(|state| state.has_position())?;
        Some((state.end_offset(is_committed)? - state.position.offset).max(0))
    }

    /// Records were handed out up to `to`.
    pub(crate) fn hand_out(&mut self, partition: &TopicPartition, epoch: u64, to: Position) {
        // The index knows nothing of what is handed out and processed.
        let state = self.partitions.get_mut(partition);
        if let Some(state) = state.filter(|state| state.epoch == epoch) {
            state.position = to;
            self.handed_out.push(partition.clone());
        }
    }

    /// The application came back: what it got before is processed.
    pub(crate) fn handle_returned(&mut self) {
        for partition in self.handed_out.drain(..) {
            if let Some(state) = self.partitions.get_mut(&partition)
                && state.has_position()
            {
                state.processed = Some(state.position);
            }
        }
    }

    /// The positions up to which the application has processed records, to be committed.
    pub fn processed(&self) -> BTreeMap<TopicPartition, Position> {
        let processed = |(partition, state): (&TopicPartition, &PartitionState)| {
            Some((partition.clone(), state.processed.filter(|_| state.has_position())?))
        };
        self.partitions.iter().filter_map(processed).collect()
    }

    /// The positions of all partitions that have one.
    pub fn positions(&self) -> BTreeMap<TopicPartition, Position> {
        let with_position = self.partitions.iter().filter(|(_, state)| state.has_position());
        with_position.map(|(partition, state)| (partition.clone(), state.position)).collect()
    }

    /// The first partition that only a seek can help, and why.
    pub fn stuck(&self) -> Option<(&TopicPartition, Stuck)> {
        self.unsettled().find_map(|(partition, state)| match state.phase {
            Phase::Stuck(stuck) => Some((partition, stuck)),
            _ => None,
        })
    }

    /// Takes over new leaders and starts validating positions under them.
    pub fn handle_metadata(&mut self, metadata: &ClusterMetadata) {
        for (partition, state) in &mut self.partitions {
            let leader = metadata
                .leader(&partition.topic, partition.partition)
                .map(|(id, epoch)| Leader { id, epoch });
            let topic = metadata.topic(&partition.topic);
            let topic_id = topic.map_or(Uuid::ZERO, |topic| topic.topic_id);
            if state.topic_id != topic_id {
                self.index.change(partition, state).topic_id = topic_id;
            }
            // A hint of a fetch response may be newer than this snapshot.
            let is_older = matches!(
                (state.leader.and_then(|l| l.epoch), leader.and_then(|l| l.epoch)),
                (Some(known), Some(told)) if told < known
            );
            if leader.is_none() || is_older || state.leader == leader {
                continue;
            }
            let is_first = state.leader.is_none();
            let mut state = self.index.change(partition, state);
            state.leader = leader;
            state.preferred = None;
            if !is_first || state.next_fetch.leader_epoch.is_some() {
                state.start_validation();
            }
        }
    }

    /// Takes over a leader that a broker named (KIP-951).
    pub(crate) fn handle_leader_hint(&mut self, partition: &TopicPartition, hint: Leader) -> bool {
        let Some(mut state) = self.get_mut(partition) else { return false };
        let known = state.leader.and_then(|leader| leader.epoch);
        if hint.epoch.is_none() || known >= hint.epoch {
            return false;
        }
        state.leader = Some(hint);
        state.preferred = None;
        state.start_validation();
        true
    }

    /// A committed offset is known, or known not to be there.
    pub(super) fn handle_committed(
        &mut self,
        partition: &TopicPartition,
        epoch: u64,
        committed: Option<Position>,
    ) {
        let policy = self.policy();
        let Some(mut state) = self.current(partition, epoch) else { return };
        match committed {
            Some(position) => {
                state.move_to(epoch, position, Phase::Fetching);
                state.processed = Some(position);
                state.start_validation();
            }
            None => state.set_phase(policy),
        }
    }

    /// An offset was looked up; `None` when there is no record as new as was asked for.
    pub(super) fn handle_reset(
        &mut self,
        partition: &TopicPartition,
        epoch: u64,
        found: Option<Position>,
    ) {
        let Some(mut state) = self.current(partition, epoch) else { return };
        match found {
            Some(position) => {
                state.move_to(epoch, position, Phase::Fetching);
                state.processed = Some(position);
            }
            None => state.set_phase(Phase::Reset(OffsetSpec::Latest)),
        }
    }

    /// The broker does not have the offset to fetch.
    pub(crate) fn handle_out_of_range(&mut self, partition: &TopicPartition, epoch: u64) {
        let (new_epoch, reset) = (self.next_epoch(), self.reset);
        let Some(mut state) = self.current(partition, epoch) else { return };
        if state.position != state.next_fetch {
            // What is buffered is not handed out yet: ask again from there before giving it up.
            let position = state.position;
            return state.move_to(new_epoch, position, Phase::Fetching);
        }
        let offset = state.position.offset;
        state.set_phase(reset.map_or(Phase::Stuck(Stuck::OutOfRange(offset)), Phase::Reset));
        state.epoch = new_epoch;
    }

    /// The leader told up to where its log agrees with the epoch of the position.
    pub(super) fn handle_epoch_end(
        &mut self,
        partition: &TopicPartition,
        epoch: u64,
        end: Option<Position>,
    ) {
        let (new_epoch, reset) = (self.next_epoch(), self.reset);
        let Some(mut state) = self.current(partition, epoch) else { return };
        if state.phase != Phase::Validating {
            return;
        }
        if end.is_some_and(|end| state.next_fetch.offset <= end.offset) {
            return state.set_phase(Phase::Fetching);
        }
        if state.position != state.next_fetch {
            // Perhaps only what is buffered was truncated: check from the position on.
            let position = state.position;
            state.move_to(new_epoch, position, Phase::Fetching);
            return state.start_validation();
        }
        let position = state.position;
        let phase = match (end, reset) {
            (_, None) => Phase::Stuck(Stuck::Truncated { position, divergence: end }),
            (None, Some(spec)) => Phase::Reset(spec),
            (Some(end), Some(_)) => {
                state.processed = Some(end);
                return state.move_to(new_epoch, end, Phase::Fetching);
            }
        };
        state.move_to(new_epoch, position, phase);
    }

    /// Brokers cannot be asked (OffsetForLeaderEpoch before version 3): the position stands.
    pub(super) fn skip_validation(&mut self, partition: &TopicPartition, epoch: u64) {
        if let Some(mut state) = self.current(partition, epoch)
            && state.phase == Phase::Validating
        {
            state.set_phase(Phase::Fetching);
        }
    }

    /// A lookup failed and is repeated after a pause.
    pub(super) fn retry(&mut self, partition: &TopicPartition, epoch: u64, at: Instant) {
        if let Some(mut state) = self.current(partition, epoch) {
            state.is_asking = false;
            state.retry_at = Some(at);
        }
    }

    /// The next moment at which a lookup or a fetch that waits becomes due, after the one that was
    /// polled with last. It may have come since then.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.index.next_due()
    }

    /// Whether the index is what one made anew would be.
    #[cfg(test)]
    pub(crate) fn has_true_index(&self) -> bool {
        self.index.agrees_with(&self.partitions)
    }

    /// How many states were looked at since the last call.
    #[cfg(test)]
    pub(crate) fn take_visits(&self) -> usize {
        self.visits.take()
    }

    /// All states, for those who check on the index.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TopicPartition, &PartitionState)> {
        self.partitions.iter()
    }

    /// How long a preferred replica is read before the leader is asked again.
    pub(crate) const PREFERRED_REPLICA_FOR: Duration = Duration::from_secs(300);
}
