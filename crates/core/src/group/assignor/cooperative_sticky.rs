//! The cooperative sticky strategy: sticky assignments, handed over in two rounds.
//!
//! Spec: KIP-429#cooperative-sticky: a partition that another member still owns is left out of the
//! new owner's assignment; the old owner gives it up and joins again, and the second round places it.

use std::collections::HashSet;

use bytes::{Buf, Bytes};

use super::{Assignor, GroupMember, Owned, PartitionCounts, RebalanceProtocol, sticky};
use crate::TopicPartition;

/// Kafka's `cooperative-sticky`: as balanced as [`StickyAssignor`](super::StickyAssignor), and
/// members go on consuming what they keep while the group rebalances.
#[derive(Clone, Copy, Debug, Default)]
pub struct CooperativeStickyAssignor;

impl Assignor for CooperativeStickyAssignor {
    fn name(&self) -> &'static str {
        "cooperative-sticky"
    }

    fn rebalance_protocol(&self) -> RebalanceProtocol {
        RebalanceProtocol::Cooperative
    }

    /// The generation, for leaders that read subscriptions up to v1.
    // Spec: java/CooperativeStickyAssignor@4.x: user data is the generation as int32, none before
    // the first assignment.
    fn user_data(&self, owned: Owned<'_>) -> Option<Bytes> {
        (owned.generation_id >= 0)
            .then(|| Bytes::copy_from_slice(&owned.generation_id.to_be_bytes()))
    }

    fn assign(
        &self,
        partitions: &PartitionCounts,
        members: &[GroupMember],
    ) -> Vec<Vec<TopicPartition>> {
        let previous: Vec<sticky::Previous> = members.iter().map(previous).collect();
        let mut assignments = sticky::assign(partitions, members, &previous);
        let claimed: HashSet<&TopicPartition> =
            previous.iter().flat_map(|member| &member.partitions).collect();
        for (assigned, own) in assignments.iter_mut().zip(&previous) {
            let kept: HashSet<&TopicPartition> = own.partitions.iter().collect();
            // Whoever else believes to own it must give it up first, with a stale claim or not.
            assigned.retain(|partition| kept.contains(partition) || !claimed.contains(partition));
        }
        assignments
    }
}

/// What a member owned, with the generation from the subscription or, from members that write
/// subscription v1, from the user data.
fn previous(member: &GroupMember) -> sticky::Previous {
    let generation_id = member.generation_id.unwrap_or_else(|| {
        member.user_data.as_ref().and_then(|data| data.clone().try_get_i32().ok()).unwrap_or(-1)
    });
    sticky::Previous { partitions: member.owned_partitions.clone(), generation_id }
}
