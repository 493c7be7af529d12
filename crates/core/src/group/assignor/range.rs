//! The range strategy: each topic's partitions in consecutive ranges, one per subscriber.
//!
//! Spec: java/RangeAssignor@4.x, without racks: members in their order, n / m partitions each, the
//! first n % m one more.

use super::{Assignor, GroupMember, PartitionCounts, ordered, subscribers};
use crate::TopicPartition;

/// Kafka's `range`: topic by topic, so partition p of two topics with as many partitions each lands
/// on the same member.
#[derive(Clone, Copy, Debug, Default)]
pub struct RangeAssignor;

impl Assignor for RangeAssignor {
    fn name(&self) -> &'static str {
        "range"
    }

    fn assign(
        &self,
        partitions: &PartitionCounts,
        members: &[GroupMember],
    ) -> Vec<Vec<TopicPartition>> {
        let mut assignments = vec![Vec::new(); members.len()];
        let order = ordered(members);
        for (topic, (count, subscribed)) in subscribers(partitions, members, &order) {
            let sharers = i32::try_from(subscribed.len()).unwrap_or(i32::MAX);
            let (quota, extra) = (count / sharers, count % sharers);
            let mut next = 0;
            for (position, member) in (0..sharers).zip(subscribed) {
                let end = next + quota + i32::from(position < extra);
                assignments[member]
                    .extend((next..end).map(|p| TopicPartition::new(topic.clone(), p)));
                next = end;
            }
        }
        assignments
    }
}
