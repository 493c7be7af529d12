//! Choosing the partition of a record that names none.
//!
//! Keyed records go to the murmur2 of their key; records without key stick to one partition for
//! `batch.size` bytes and then move on ([`StickyPartition`]). [`Partitioner`] replaces both.

use std::sync::atomic::{AtomicU32, Ordering};

/// The partitions of a topic as a [`Partitioner`] sees them.
#[derive(Clone, Copy, Debug)]
pub struct TopicPartitions<'a> {
    topic: &'a str,
    count: u32,
    available: &'a [u32],
}

impl<'a> TopicPartitions<'a> {
    /// `available` are the indexes, in order, of partitions that have a leader.
    #[must_use]
    pub const fn new(topic: &'a str, count: u32, available: &'a [u32]) -> Self {
        Self { topic, count, available }
    }

    /// The name of the topic.
    #[must_use]
    pub const fn topic(&self) -> &'a str {
        self.topic
    }

    /// How many partitions the topic has; at least 1.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The partitions that have a leader, in order; may be empty.
    #[must_use]
    pub const fn available(&self) -> &'a [u32] {
        self.available
    }
}

/// Chooses partitions in place of the default rules.
///
/// It is asked for every record that names no partition, on the task that sends, so it should be
/// quick and must not block. An answer outside `0..count` fails that record.
pub trait Partitioner: Send + Sync + 'static {
    /// The partition for a record with this key and value.
    fn partition(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        partitions: &TopicPartitions<'_>,
    ) -> u32;
}

/// Every available partition in turn, whatever the key.
///
/// Spec: KIP-369#proposed-changes: an order that ignores keys; partitions without leader are skipped.
#[derive(Debug, Default)]
pub struct RoundRobinPartitioner {
    next: AtomicU32,
}

impl Partitioner for RoundRobinPartitioner {
    fn partition(
        &self,
        _key: Option<&[u8]>,
        _value: Option<&[u8]>,
        partitions: &TopicPartitions<'_>,
    ) -> u32 {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let available = partitions.available();
        match u32::try_from(available.len()) {
            Ok(0) | Err(_) => turn % partitions.count(),
            Ok(count) => available[(turn % count) as usize],
        }
    }
}

/// The choice of the next partition for records without key.
///
/// A partition is chosen with a weight that falls with the number of batches that wait for it, so
/// slow brokers get fewer records; partitions that are unavailable get none.
///
/// Spec: KIP-794#uniform-sticky-batch-size: the switch happens on bytes.
/// Spec: KIP-794#adaptive-partition-switching: the weight is the longest queue plus one, less the own.
#[derive(Clone, Debug, Default)]
pub struct StickyPartition {
    /// Ascending sums of the weights of `candidates`; empty when every candidate weighs the same.
    cumulative: Vec<u64>,
    /// The partitions that can be chosen; empty when all can.
    candidates: Vec<u32>,
}

impl StickyPartition {
    /// Learns how many batches wait for each partition; `None` for one that is unavailable.
    ///
    /// When every partition is unavailable all can be chosen: the records wait for whichever comes
    /// back.
    pub fn update_loads(&mut self, loads: impl IntoIterator<Item = Option<u32>>) {
        self.cumulative.clear();
        self.candidates.clear();
        let mut count = 0;
        let (mut longest, mut shortest) = (0, u32::MAX);
        for (partition, load) in (0..).zip(loads) {
            count += 1;
            let Some(load) = load else { continue };
            longest = longest.max(load);
            shortest = shortest.min(load);
            self.candidates.push(partition);
            self.cumulative.push(u64::from(load));
        }
        if longest <= shortest {
            self.cumulative.clear();
            if self.candidates.len() == count {
                self.candidates.clear();
            }
            return;
        }
        // The loads stand where the sums of the weights come.
        let mut sum = 0;
        for load in &mut self.cumulative {
            sum += u64::from(longest) - *load + 1;
            *load = sum;
        }
    }

    /// The next partition of `count`; `random` is any number, uniformly distributed.
    ///
    /// # Panics
    ///
    /// When `count` is zero.
    #[must_use]
    pub fn choose(&self, count: u32, random: u64) -> u32 {
        let candidates = u64::try_from(self.candidates.len()).unwrap_or(0);
        let chosen = match self.cumulative.last() {
            Some(sum) => {
                let point = random % sum;
                let at = self.cumulative.partition_point(|reached| *reached <= point);
                self.candidates.get(at).copied()
            }
            None if candidates > 0 => usize::try_from(random % candidates)
                .ok()
                .and_then(|at| self.candidates.get(at))
                .copied(),
            None => None,
        };
        let any = u32::try_from(random % u64::from(count)).unwrap_or(0);
        chosen.filter(|partition| *partition < count).unwrap_or(any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backoff::Jitter;

    fn shares(sticky: &StickyPartition, count: u32) -> Vec<u32> {
        let mut random = Jitter::new(42);
        let mut shares = vec![0; count as usize];
        for _ in 0..10_000 {
            shares[sticky.choose(count, random.next_u64()) as usize] += 1;
        }
        shares
    }

    #[test]
    fn equal_loads_are_chosen_alike() {
        let mut sticky = StickyPartition::default();
        sticky.update_loads([Some(3); 4]);
        assert!(shares(&sticky, 4).iter().all(|share| (2300..2700).contains(share)));
    }

    #[test]
    fn longer_queues_are_chosen_less() {
        let mut sticky = StickyPartition::default();
        sticky.update_loads([Some(0), Some(3), Some(1)]);
        // Weights 4, 1 and 3.
        let shares = shares(&sticky, 3);
        assert!((4800..5200).contains(&shares[0]), "{shares:?}");
        assert!((1100..1400).contains(&shares[1]), "{shares:?}");
        assert!((3500..4000).contains(&shares[2]), "{shares:?}");
    }

    #[test]
    fn unavailable_partitions_are_not_chosen() {
        let mut sticky = StickyPartition::default();
        sticky.update_loads([None, Some(2), None, Some(2)]);
        let shares = shares(&sticky, 4);
        assert_eq!((shares[0], shares[2]), (0, 0));
        assert!(shares[1] > 4500 && shares[3] > 4500);
    }

    #[test]
    fn all_are_candidates_when_none_is_available() {
        let mut sticky = StickyPartition::default();
        sticky.update_loads([None, None]);
        assert!(shares(&sticky, 2).iter().all(|share| *share > 4500));
    }

    #[test]
    fn loads_of_more_partitions_than_counted_stay_in_range() {
        let mut sticky = StickyPartition::default();
        sticky.update_loads([Some(9), Some(9), Some(0)]);
        assert!((0..100).all(|random| sticky.choose(2, random) < 2));
    }

    #[test]
    fn round_robin_takes_available_partitions_in_turn() {
        let partitioner = RoundRobinPartitioner::default();
        let partitions = TopicPartitions::new("t", 4, &[0, 2, 3]);
        let turns: Vec<u32> =
            (0..6).map(|_| partitioner.partition(Some(b"k"), None, &partitions)).collect();
        assert_eq!(turns, [0, 2, 3, 0, 2, 3]);
    }

    #[test]
    fn round_robin_takes_all_partitions_when_none_is_available() {
        let partitioner = RoundRobinPartitioner::default();
        let partitions = TopicPartitions::new("t", 2, &[]);
        let turns: Vec<u32> =
            (0..4).map(|_| partitioner.partition(None, None, &partitions)).collect();
        assert_eq!(turns, [0, 1, 0, 1]);
    }
}
