//! Which partition a record goes to: that of its key, or the next in turn.

use std::sync::atomic::{AtomicU32, Ordering};

use milena::producer::{Partitioner, TopicPartitions, partition_for_key};

/// Records with a key go where Kafka's default partitioner sends them; records without one go round the
/// partitions, as the component's document says, where Kafka's default would stay with one for a while.
#[derive(Debug)]
pub(super) struct KeyOrTurn {
    turn: AtomicU32,
}

impl KeyOrTurn {
    /// Starts with any partition: `start` is any number.
    pub(super) const fn new(start: u32) -> Self {
        Self { turn: AtomicU32::new(start) }
    }
}

impl Partitioner for KeyOrTurn {
    fn partition(
        &self,
        key: Option<&[u8]>,
        _value: Option<&[u8]>,
        partitions: &TopicPartitions<'_>,
    ) -> u32 {
        if let Some(key) = key {
            return partition_for_key(key, partitions.count());
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let available = partitions.available();
        match u32::try_from(available.len()) {
            Ok(0) | Err(_) => turn % partitions.count(),
            Ok(count) => available[(turn % count) as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_without_key_go_round_the_partitions() {
        let partitioner = KeyOrTurn::new(7);
        let all = TopicPartitions::new("cars", 3, &[0, 1, 2]);
        let turns: Vec<u32> = (0..4).map(|_| partitioner.partition(None, None, &all)).collect();
        assert_eq!(turns, [1, 2, 0, 1]);
        let some = TopicPartitions::new("cars", 3, &[2]);
        assert_eq!(partitioner.partition(None, None, &some), 2);
        let none = TopicPartitions::new("cars", 3, &[]);
        assert!(partitioner.partition(None, None, &none) < 3);
    }

    #[test]
    fn records_with_a_key_stay_together() {
        let partitioner = KeyOrTurn::new(0);
        let partitions = TopicPartitions::new("cars", 12, &[0, 1]);
        for key in ["", "Car status", "7"] {
            let chosen = partitioner.partition(Some(key.as_bytes()), None, &partitions);
            assert_eq!(chosen, partition_for_key(key.as_bytes(), 12));
        }
    }
}
