//! Assignors: how the leader of a classic group divides the partitions among its members.
//!
//! Not the wire form of subscriptions and assignments (that is [`protocol`](super::protocol)) and
//! not the membership itself. The membership machine calls an assignor when its member leads.
//!
//! Invariants of every assignor here:
//! 1. Every partition of a topic that somebody subscribes to has exactly one owner; cooperative
//!    assignors may leave a partition without an owner for one round while it changes hands.
//! 2. A member gets partitions of topics in its subscription alone.
//! 3. The result depends on the arguments alone, not on hash order or time.

mod cooperative_sticky;
mod range;
mod round_robin;
pub mod sticky;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use milena_wire::ByteString;

pub use self::{
    cooperative_sticky::CooperativeStickyAssignor, range::RangeAssignor,
    round_robin::RoundRobinAssignor, sticky::StickyAssignor,
};
use crate::TopicPartition;

/// How many partitions each known topic has; a topic that is missing does not exist (yet).
pub type PartitionCounts = BTreeMap<ByteString, i32>;

/// What a member does with its partitions while the group rebalances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebalanceProtocol {
    /// It gives all of them up before it joins again.
    Eager,
    /// It keeps them and gives up only what moves to another member, in a second round.
    Cooperative,
}

/// One member as the group's leader sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMember {
    /// The id that the coordinator gave it.
    pub member_id: ByteString,
    /// `group.instance.id` of a static member.
    pub group_instance_id: Option<ByteString>,
    /// The topics it subscribes to.
    pub topics: Vec<ByteString>,
    /// Bytes of its assignor, if it sent any.
    pub user_data: Option<Bytes>,
    /// The partitions it says it owns (subscription v1 and later).
    pub owned_partitions: Vec<TopicPartition>,
    /// The generation in which it got them (subscription v2 and later).
    pub generation_id: Option<i32>,
    /// `client.rack` (subscription v3 and later).
    pub rack_id: Option<ByteString>,
}

impl GroupMember {
    /// The order in which assignors go through members: static ones by instance id, then the
    /// others by member id, so that a static member keeps its place when its member id changes.
    // Spec: java/AbstractPartitionAssignor@4.x: MemberInfo compares instance ids before member ids.
    fn order(&self) -> (bool, &str) {
        match &self.group_instance_id {
            Some(instance) => (false, instance),
            None => (true, &self.member_id),
        }
    }
}

/// What a member owns when it writes its subscription.
#[derive(Clone, Copy, Debug)]
pub struct Owned<'a> {
    /// The partitions of its last assignment.
    pub partitions: &'a [TopicPartition],
    /// The generation of that assignment, -1 before the first one.
    pub generation_id: i32,
}

/// Divides partitions among the members of a group. Implement it for a strategy of your own; its
/// name must be the same at all members of the group.
pub trait Assignor: Send + Sync + fmt::Debug {
    /// The name under which members agree on this strategy, such as `range`.
    fn name(&self) -> &str;

    /// What members do with their partitions during a rebalance.
    fn rebalance_protocol(&self) -> RebalanceProtocol {
        RebalanceProtocol::Eager
    }

    /// Bytes to send to the leader with the subscription.
    fn user_data(&self, owned: Owned<'_>) -> Option<Bytes> {
        let _ = owned;
        None
    }

    /// The partitions of each member, in the order of `members`.
    fn assign(
        &self,
        partitions: &PartitionCounts,
        members: &[GroupMember],
    ) -> Vec<Vec<TopicPartition>>;
}

/// The members' indexes in the order of [`GroupMember::order`].
fn ordered(members: &[GroupMember]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by(|a, b| members[*a].order().cmp(&members[*b].order()));
    order
}

/// Every topic that somebody subscribes to and that has partitions, with its subscribers in the
/// order of `order`, each once.
fn subscribers<'a>(
    partitions: &PartitionCounts,
    members: &'a [GroupMember],
    order: &[usize],
) -> BTreeMap<&'a ByteString, (i32, Vec<usize>)> {
    let mut topics: BTreeMap<&ByteString, (i32, Vec<usize>)> = BTreeMap::new();
    for &member in order {
        for topic in &members[member].topics {
            let Some(&count) = partitions.get(topic).filter(|count| **count > 0) else { continue };
            let (_, subscribed) = topics.entry(topic).or_insert_with(|| (count, Vec::new()));
            // A member may name a topic twice.
            if subscribed.last() != Some(&member) {
                subscribed.push(member);
            }
        }
    }
    topics
}
