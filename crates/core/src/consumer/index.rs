//! Which partitions are fetched from which broker, kept up to date while their states change.
//!
//! With it a fetch looks at what changed since the one before, and not at every partition.
//!
//! Invariants:
//! 1. The index holds of every partition what [`Filed::of`] says of its state at the index's clock:
//!    states change through [`StateMut`] alone, as far as the index is concerned.
//! 2. A partition that began or ended to be fetched from a broker, or is fetched otherwise, is among
//!    the changes of that broker until they are taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::{Deref, DerefMut},
    time::Instant,
};

use milena_wire::Uuid;

use super::{
    Position,
    partition::{Leader, PartitionState, Phase},
};
use crate::{BrokerId, TopicPartition};

/// All of a state that decides about a fetch of the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fetch {
    broker: BrokerId,
    epoch: u64,
    from: Position,
    leader: Option<Leader>,
    topic_id: Uuid,
}

/// What the index holds of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Filed {
    fetch: Option<Fetch>,
    /// The next moment at which the clock alone changes something.
    due: Option<Instant>,
    is_unsettled: bool,
}

impl Filed {
    fn of(state: &PartitionState, clock: Option<Instant>) -> Self {
        let fetch = state.fetch_from(clock).map(|broker| Fetch {
            broker,
            epoch: state.epoch,
            from: state.next_fetch,
            leader: state.leader,
            topic_id: state.topic_id,
        });
        let timers = [state.retry_at, state.preferred.map(|(_, until)| until)];
        let due = timers.into_iter().flatten().filter(|at| clock < Some(*at)).min();
        Self { fetch, due, is_unsettled: state.phase != Phase::Fetching }
    }
}

/// The partitions of one broker.
#[derive(Debug, Default, PartialEq, Eq)]
struct BrokerFile {
    fetched: BTreeSet<TopicPartition>,
    changed: BTreeSet<TopicPartition>,
}

/// The index.
#[derive(Debug, Default)]
pub(super) struct PartitionIndex {
    /// The latest moment that it was told; `None` is before all others.
    clock: Option<Instant>,
    brokers: BTreeMap<BrokerId, BrokerFile>,
    /// Partitions in any phase but that of fetching.
    unsettled: BTreeSet<TopicPartition>,
    due: BTreeSet<(Instant, TopicPartition)>,
}

impl PartitionIndex {
    /// Begins a change of a state that is in the index.
    pub(super) fn change<'a>(
        &'a mut self,
        partition: &'a TopicPartition,
        state: &'a mut PartitionState,
    ) -> StateMut<'a> {
        let before = Filed::of(state, self.clock);
        StateMut { index: self, partition, state, before }
    }

    /// Takes a new partition in.
    pub(super) fn insert(&mut self, partition: &TopicPartition, state: &PartitionState) {
        self.file(partition, &Filed::default(), &Filed::of(state, self.clock));
    }

    /// Takes a partition out.
    pub(super) fn remove(&mut self, partition: &TopicPartition, state: &PartitionState) {
        self.file(partition, &Filed::of(state, self.clock), &Filed::default());
    }

    /// Moves the clock on, never back; pauses and preferred replicas end by it.
    pub(super) fn advance(
        &mut self,
        now: Instant,
        partitions: &BTreeMap<TopicPartition, PartitionState>,
    ) {
        if self.clock >= Some(now) {
            return;
        }
        let before = self.clock.replace(now);
        while self.due.first().is_some_and(|(at, _)| *at <= now)
            && let Some((_, partition)) = self.due.pop_first()
        {
            if let Some(state) = partitions.get(&partition) {
                let after = Filed::of(state, self.clock);
                self.file(&partition, &Filed::of(state, before), &after);
            }
        }
    }

    fn file(&mut self, partition: &TopicPartition, before: &Filed, after: &Filed) {
        if before.fetch != after.fetch {
            let broker = |filed: &Filed| filed.fetch.map(|fetch| fetch.broker);
            let (old, new) = (broker(before), broker(after));
            if let Some(old) = old.filter(|_| old != new) {
                let file = self.brokers.entry(old).or_default();
                file.fetched.remove(partition);
                file.changed.insert(partition.clone());
            }
            if let Some(id) = new {
                let file = self.brokers.entry(id).or_default();
                if old != new {
                    file.fetched.insert(partition.clone());
                }
                file.changed.insert(partition.clone());
            }
        }
        if before.due != after.due {
            if let Some(at) = before.due {
                self.due.remove(&(at, partition.clone()));
            }
            if let Some(at) = after.due {
                self.due.insert((at, partition.clone()));
            }
        }
        match (before.is_unsettled, after.is_unsettled) {
            (false, true) => {
                self.unsettled.insert(partition.clone());
            }
            (true, false) => {
                self.unsettled.remove(partition);
            }
            _ => {}
        }
    }

    /// The brokers from which at least one partition is fetched.
    pub(super) fn brokers(&self) -> impl Iterator<Item = BrokerId> {
        let with_some = self.brokers.iter().filter(|(_, file)| !file.fetched.is_empty());
        with_some.map(|(id, _)| *id)
    }

    /// How many partitions are fetched from a broker.
    pub(super) fn fetched_count(&self, id: BrokerId) -> usize {
        self.brokers.get(&id).map_or(0, |file| file.fetched.len())
    }

    /// Whether a partition is fetched from a broker.
    pub(super) fn is_fetched(&self, id: BrokerId, partition: &TopicPartition) -> bool {
        self.brokers.get(&id).is_some_and(|file| file.fetched.contains(partition))
    }

    /// The partitions of a broker that changed since the last call.
    pub(super) fn take_changed(&mut self, id: BrokerId) -> BTreeSet<TopicPartition> {
        self.brokers.get_mut(&id).map(|file| std::mem::take(&mut file.changed)).unwrap_or_default()
    }

    /// The partitions that are not in the phase of fetching.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = &TopicPartition> {
        self.unsettled.iter()
    }

    /// The next moment at which the clock alone changes something.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Whether the index is what one made of these states at once would be.
    #[cfg(test)]
    pub(super) fn agrees_with(
        &self,
        partitions: &BTreeMap<TopicPartition, PartitionState>,
    ) -> bool {
        let mut anew = Self { clock: self.clock, ..Self::default() };
        partitions.iter().for_each(|(partition, state)| anew.insert(partition, state));
        let brokers = self.brokers.keys().chain(anew.brokers.keys());
        let fetched = |index: &Self, id| index.brokers.get(id).map(|file| file.fetched.clone());
        anew.unsettled == self.unsettled
            && anew.due == self.due
            && brokers.into_iter().all(|id| {
                fetched(self, id).unwrap_or_default() == fetched(&anew, id).unwrap_or_default()
            })
    }
}

/// The state of a partition while it is changed; the index learns of the change at the end.
pub(crate) struct StateMut<'a> {
    index: &'a mut PartitionIndex,
    partition: &'a TopicPartition,
    state: &'a mut PartitionState,
    before: Filed,
}

impl Deref for StateMut<'_> {
    type Target = PartitionState;

    fn deref(&self) -> &PartitionState {
        self.state
    }
}

impl DerefMut for StateMut<'_> {
    fn deref_mut(&mut self) -> &mut PartitionState {
        self.state
    }
}

impl Drop for StateMut<'_> {
    fn drop(&mut self) {
        let after = Filed::of(self.state, self.index.clock);
        self.index.file(self.partition, &self.before, &after);
    }
}
