//! Which node coordinates a group or a transactional id.

use super::Cluster;

/// What a coordinator is for; the numbers of FindCoordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CoordinatorKind {
    Group,
    Transaction,
}

/// Partitions of the internal topics over which Kafka spreads coordinators by default.
const SLOTS: u32 = 50;

impl Cluster {
    /// The node that coordinates `key`; `None` when no node runs.
    pub(crate) fn coordinator(&self, kind: CoordinatorKind, key: &str) -> Option<i32> {
        let moved = self.coordinators.read().get(&(kind, key.to_owned())).copied();
        if let Some(node_id) = moved.filter(|&node_id| self.is_running(node_id)) {
            return Some(node_id);
        }
        let nodes = self.settings.node_count;
        let first = i32::try_from(slot(key)).unwrap_or(0);
        (0..nodes).map(|step| (first + step) % nodes + 1).find(|&node_id| self.is_running(node_id))
    }

    pub(crate) fn is_coordinator(&self, kind: CoordinatorKind, key: &str, node_id: i32) -> bool {
        // With one node there is nothing to find out.
        self.settings.node_count == 1 || self.coordinator(kind, key) == Some(node_id)
    }

    /// Makes `node_id` the coordinator of `key`.
    pub(crate) fn move_coordinator(&self, kind: CoordinatorKind, key: &str, node_id: i32) {
        self.coordinators.write().insert((kind, key.to_owned()), node_id);
    }
}

/// Java's hash of the key, made positive, over the slots; so moves of nodes look as in Kafka.
fn slot(key: &str) -> u32 {
    let hash = key
        .encode_utf16()
        .fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    (hash & i32::MAX).unsigned_abs() % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_keys_as_java_does() {
        // "group".hashCode() is 98629247 and "polygenelubricants".hashCode() is Integer.MIN_VALUE.
        assert_eq!(slot("group"), 98_629_247 % SLOTS);
        assert_eq!(slot("polygenelubricants"), 0);
    }
}
