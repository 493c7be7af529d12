//! Which records of a trigger were accepted, and what may be committed of each partition.
//!
//! Invariants:
//! 1. What is committed is behind every record that was handed out and not accepted.
//! 2. Records may be accepted in any order.

use std::collections::{BTreeMap, VecDeque};

/// One record that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HandedOut {
    offset: i64,
    /// Where a consumer goes on behind it.
    next: Committable,
    is_accepted: bool,
}

/// Where a consumer goes on, for a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Committable {
    /// The offset of the next record; behind it may lie markers of transactions.
    pub(crate) offset: i64,
    /// The leader epoch of the record before it.
    pub(crate) leader_epoch: Option<i32>,
}

#[derive(Debug, Default)]
struct Partition {
    /// From the first record that is not accepted yet, in the order of the offsets.
    open: VecDeque<HandedOut>,
    committable: Option<Committable>,
    committed: Option<i64>,
}

/// What was handed out and accepted, by topic and partition.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    partitions: BTreeMap<i32, Partition>,
}

impl Accepted {
    /// A record is given to the handler; offsets of a partition only grow.
    pub(crate) fn hand_out(&mut self, partition: i32, offset: i64, next: Committable) {
        let open = &mut self.partitions.entry(partition).or_default().open;
        // After a seek or a rebalance a partition can start again further back.
        if open.back().is_some_and(|last| last.offset >= offset) {
            open.clear();
        }
        open.push_back(HandedOut { offset, next, is_accepted: false });
    }

    /// The handler has taken a record; false when it was not handed out, or was revoked meanwhile.
    pub(crate) fn accept(&mut self, partition: i32, offset: i64) -> bool {
        let Some(partition) = self.partitions.get_mut(&partition) else { return false };
        let Ok(index) = partition.open.binary_search_by_key(&offset, |record| record.offset) else {
            return false;
        };
        partition.open[index].is_accepted = true;
        while let Some(record) = partition.open.pop_front_if(|record| record.is_accepted) {
            partition.committable = Some(record.next);
        }
        true
    }

    /// Whether a record was handed out, and neither accepted nor revoked since.
    pub(crate) fn is_open(&self, partition: i32, offset: i64) -> bool {
        let open = self.partitions.get(&partition).map(|partition| &partition.open);
        open.is_some_and(|open| {
            let found = open.binary_search_by_key(&offset, |record| record.offset);
            found.is_ok_and(|index| !open[index].is_accepted)
        })
    }

    /// How many records of a partition were handed out, and neither accepted nor revoked since.
    pub(crate) fn open_count(&self, partition: i32) -> usize {
        let open = self.partitions.get(&partition).map(|partition| &partition.open);
        open.map_or(0, |open| open.iter().filter(|record| !record.is_accepted).count())
    }

    /// The partitions whose accepted prefix is longer than what was committed of it.
    pub(crate) fn committable(&self) -> Vec<(i32, Committable)> {
        let is_new = |(number, partition): (&i32, &Partition)| {
            let committable = partition.committable?;
            (partition.committed != Some(committable.offset)).then_some((*number, committable))
        };
        self.partitions.iter().filter_map(is_new).collect()
    }

    /// These were committed.
    pub(crate) fn handle_committed(&mut self, committed: &[(i32, Committable)]) {
        for (number, committable) in committed {
            if let Some(partition) = self.partitions.get_mut(number) {
                partition.committed = Some(committable.offset);
            }
        }
    }

    /// A partition has gone to another member: what it has open is delivered there again.
    pub(crate) fn forget(&mut self, partition: i32) {
        self.partitions.remove(&partition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand_out(accepted: &mut Accepted, partition: i32, offset: i64) {
        let next = Committable { offset: offset + 1, leader_epoch: None };
        accepted.hand_out(partition, offset, next);
    }

    fn offsets(accepted: &Accepted) -> Vec<(i32, i64)> {
        accepted.committable().iter().map(|(number, at)| (*number, at.offset)).collect()
    }

    #[test]
    fn commits_the_accepted_prefix_of_each_partition() {
        let mut accepted = Accepted::default();
        for offset in [5, 6, 9] {
            hand_out(&mut accepted, 0, offset);
        }
        hand_out(&mut accepted, 1, 0);
        assert_eq!(offsets(&accepted), []);
        assert!(accepted.accept(0, 6));
        assert_eq!(offsets(&accepted), [], "5 is not accepted yet");
        assert_eq!(accepted.open_count(0), 2);
        assert!(accepted.accept(0, 5));
        assert!(accepted.accept(1, 0));
        assert_eq!(offsets(&accepted), [(0, 7), (1, 1)]);
        accepted.handle_committed(&accepted.committable());
        assert_eq!(offsets(&accepted), []);
        assert!(accepted.accept(0, 9));
        assert_eq!(offsets(&accepted), [(0, 10)]);
    }

    #[test]
    fn what_was_not_handed_out_or_was_revoked_is_not_accepted() {
        let mut accepted = Accepted::default();
        assert!(!accepted.accept(0, 1));
        hand_out(&mut accepted, 0, 1);
        assert!(!accepted.accept(0, 2));
        assert!(accepted.is_open(0, 1));
        assert!(!accepted.is_open(0, 2));
        assert_eq!((accepted.open_count(0), accepted.open_count(1)), (1, 0));
        accepted.forget(0);
        assert!(!accepted.is_open(0, 1));
        assert!(!accepted.accept(0, 1));
        assert_eq!(offsets(&accepted), []);
    }

    #[test]
    fn a_partition_that_starts_again_forgets_what_was_open() {
        let mut accepted = Accepted::default();
        hand_out(&mut accepted, 0, 7);
        hand_out(&mut accepted, 0, 3);
        assert!(!accepted.accept(0, 7));
        assert!(accepted.accept(0, 3));
        assert_eq!(offsets(&accepted), [(0, 4)]);
    }
}
