//! The round-robin strategy: all partitions in order, dealt to the members in turn.
//!
//! Spec: java/RoundRobinAssignor@4.x: a member that does not subscribe to the topic at hand is
//! passed over, and the turn goes on behind the one that got the partition.

use super::{Assignor, GroupMember, PartitionCounts, ordered, subscribers};
use crate::TopicPartition;

/// Kafka's `roundrobin`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundRobinAssignor;

impl Assignor for RoundRobinAssignor {
    fn name(&self) -> &'static str {
        "roundrobin"
    }

    fn assign(
        &self,
        partitions: &PartitionCounts,
        members: &[GroupMember],
    ) -> Vec<Vec<TopicPartition>> {
        let mut assignments = vec![Vec::new(); members.len()];
        let order = ordered(members);
        let mut position = vec![0; members.len()];
        for (place, &member) in order.iter().enumerate() {
            position[member] = place;
        }
        // The place in `order` whose turn it is.
        let mut turn = 0;
        for (topic, (count, subscribed)) in subscribers(partitions, members, &order) {
            // Subscribers stand in the order of the circle, so passing over the others is a search.
            let first = subscribed.partition_point(|member| position[*member] < turn);
            let mut last = 0;
            for (partition, &member) in (0..count).zip(subscribed.iter().cycle().skip(first)) {
                assignments[member].push(TopicPartition::new(topic.clone(), partition));
                last = member;
            }
            turn = (position[last] + 1) % order.len();
        }
        assignments
    }
}
