//! What handlers need to know of a partition before they touch it.

use std::sync::Arc;

use milena_wire::ErrorCode;

use crate::cluster::{Leadership, Partition};
use crate::connection::Call;

impl Call<'_> {
    /// The error that a fault demands for one partition, instead of serving it.
    pub(crate) fn partition_error(&self, topic: &str, partition: i32) -> Option<ErrorCode> {
        self.cluster().faults.meet_partition(&self.seen, topic, partition).error
    }

    /// The faults of one partition: the error before and the error after serving it.
    pub(crate) fn partition_errors(
        &self,
        topic: &str,
        partition: i32,
    ) -> (Option<ErrorCode>, Option<ErrorCode>) {
        let effects = self.cluster().faults.meet_partition(&self.seen, topic, partition);
        (effects.error, effects.error_after)
    }

    /// The partition, if there is one and no fault is in the way.
    pub(crate) fn find_partition(
        &self,
        topic: &str,
        index: i32,
    ) -> Result<Arc<Partition>, ErrorCode> {
        if let Some(code) = self.partition_error(topic, index) {
            return Err(code);
        }
        self.cluster().partition(topic, index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
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
