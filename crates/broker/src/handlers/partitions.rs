//! What handlers need to know of a partition and its leader, and the faults that it meets.

use std::collections::BTreeSet;
use std::sync::Arc;

use milena_wire::{ErrorCode, Int32Array};

use crate::cluster::{Endpoint, Leadership, Partition};
use crate::connection::Call;
use crate::fault::Effects;

impl Call<'_> {
    /// The error that a fault demands for one partition that is only looked at: whether before or
    /// after makes no difference.
    pub(crate) fn partition_error(&self, topic: &str, partition: i32) -> Option<ErrorCode> {
        let effects = self.partition_effects(topic, partition);
        effects.error.or(effects.error_after)
    }

    /// The fault that one partition of the request meets.
    pub(crate) fn partition_effects(&self, topic: &str, partition: i32) -> Effects {
        self.cluster().faults.meet_partition(&self.seen, topic, partition)
    }

    /// Does something to one partition, unless a fault demands an error instead; a fault can also
    /// demand an error for what is done.
    pub(crate) fn with_faults<T, E: From<ErrorCode>>(
        &self,
        topic: &str,
        partition: i32,
        apply: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let effects = self.partition_effects(topic, partition);
        if let Some(code) = effects.error {
            return Err(code.into());
        }
        let applied = apply()?;
        effects.error_after.map_or(Ok(applied), |code| Err(code.into()))
    }

    /// The partition, to look at, if there is one and no fault is in the way.
    pub(crate) fn find_partition(
        &self,
        topic: &str,
        index: i32,
    ) -> Result<Arc<Partition>, ErrorCode> {
        match self.partition_error(topic, index) {
            Some(code) => Err(code),
            None => self.known_partition(topic, index),
        }
    }

    /// The partition, whatever faults there are.
    pub(crate) fn known_partition(
        &self,
        topic: &str,
        index: i32,
    ) -> Result<Arc<Partition>, ErrorCode> {
        self.cluster().partition(topic, index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
    }

    /// Where this client reaches nodes, each of them once; ids below zero name none.
    pub(crate) fn endpoints_of(
        &self,
        node_ids: impl Iterator<Item = i32>,
    ) -> impl Iterator<Item = (i32, Endpoint)> {
        let node_ids: BTreeSet<i32> = node_ids.filter(|&id| id >= 0).collect();
        node_ids.into_iter().filter_map(|node_id| {
            Some((node_id, self.cluster().endpoint(node_id, self.peer.listener)?))
        })
    }

    /// Those replicas of a partition whose node does not run.
    pub(crate) fn offline_replicas(&self, leadership: &Leadership) -> Int32Array {
        let running = self.cluster().running_nodes();
        leadership.replicas.iter().copied().filter(|node| !running.contains(node)).collect()
    }

    /// Whether this node leads the partition, at the epoch that the client knows (KIP-320).
    pub(crate) fn check_leadership(
        &self,
        leadership: &Leadership,
        epoch: i32,
    ) -> Result<(), ErrorCode> {
        if leadership.leader != self.peer.node_id {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        if epoch >= 0 && epoch < leadership.leader_epoch {
            return Err(ErrorCode::FENCED_LEADER_EPOCH);
        }
        if epoch > leadership.leader_epoch {
            return Err(ErrorCode::UNKNOWN_LEADER_EPOCH);
        }
        Ok(())
    }
}
