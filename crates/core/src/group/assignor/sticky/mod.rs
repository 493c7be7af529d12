//! The sticky strategy: balanced assignments that move as few partitions as they can.
//!
//! `assign` serves both sticky assignors. When all members subscribe to the same topics it fills
//! quotas (`uniform`), otherwise it repairs balance along paths (`general`).
//!
//! Invariants:
//! 1. With equal subscriptions the members' counts differ by at most one.
//! 2. With any subscriptions no partition can move so that the two counts come closer, not even
//!    by way of other members.
//! 3. With equal subscriptions a member keeps what it owned up to its quota.
//!
//! Spec: KIP-54#sticky, KIP-341#generation in user data.

mod general;
mod uniform;
mod user_data;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use milena_wire::ByteString;

pub use self::user_data::StickyAssignorUserData;
use super::{Assignor, GroupMember, Owned, PartitionCounts, ordered, subscribers};
use crate::TopicPartition;

/// Kafka's `sticky`: balanced, with few movements, but everything is given up during a rebalance.
#[derive(Clone, Copy, Debug, Default)]
pub struct StickyAssignor;

impl Assignor for StickyAssignor {
    fn name(&self) -> &'static str {
        "sticky"
    }

    fn user_data(&self, owned: Owned<'_>) -> Option<Bytes> {
        (owned.generation_id >= 0).then(|| {
            StickyAssignorUserData {
                previous_assignment: owned.partitions.to_vec(),
                generation_id: Some(owned.generation_id),
            }
            .encode()
        })
    }

    fn assign(
        &self,
        partitions: &PartitionCounts,
        members: &[GroupMember],
    ) -> Vec<Vec<TopicPartition>> {
        let previous: Vec<Previous> = members
            .iter()
            .map(|member| {
                // Spec: java/StickyAssignor@4.x: the user data alone counts, for an eager member owns
                // nothing while it joins.
                let data = member.user_data.as_ref().and_then(StickyAssignorUserData::decode);
                data.map_or_else(Previous::default, |data| Previous {
                    partitions: data.previous_assignment,
                    generation_id: data.generation_id.unwrap_or(-1),
                })
            })
            .collect();
        assign(partitions, members, &previous)
    }
}

/// What one member owned before.
#[derive(Clone, Debug, Default)]
pub(super) struct Previous {
    pub(super) partitions: Vec<TopicPartition>,
    /// -1 when the member does not say.
    pub(super) generation_id: i32,
}

/// The partitions of one topic that a member has, by topic index.
type Holding = BTreeMap<usize, Vec<i32>>;

/// The problem with indexes in place of names.
struct Problem<'a> {
    topics: Vec<Topic<'a>>,
    /// Per member what it owned and may keep: claims of the highest generation, one a partition.
    kept: Vec<Holding>,
    /// Members in the assignors' order.
    order: Vec<usize>,
}

struct Topic<'a> {
    name: &'a ByteString,
    count: i32,
    /// Ordered as `Problem::order`.
    subscribers: Vec<usize>,
    /// Partitions that nobody keeps, ascending.
    free: Vec<i32>,
}

/// Assigns every partition, keeping what `previous` allows.
pub(super) fn assign(
    partitions: &PartitionCounts,
    members: &[GroupMember],
    previous: &[Previous],
) -> Vec<Vec<TopicPartition>> {
    let problem = Problem::new(partitions, members, previous);
    let everyone = problem.topics.iter().all(|topic| topic.subscribers.len() == members.len());
    let names: Vec<&ByteString> = problem.topics.iter().map(|topic| topic.name).collect();
    let holdings = if everyone { uniform::assign(problem) } else { general::assign(problem) };
    holdings
        .into_iter()
        .map(|holding| {
            let mut assigned = Vec::with_capacity(load(&holding));
            for (topic, mut numbers) in holding {
                numbers.sort_unstable();
                assigned
                    .extend(numbers.iter().map(|p| TopicPartition::new(names[topic].clone(), *p)));
            }
            assigned
        })
        .collect()
}

/// Who claims a partition: the generation of the best claim, and the member unless two share it.
#[derive(Clone, Copy)]
struct Claim {
    generation_id: i32,
    member: Option<usize>,
}

impl<'a> Problem<'a> {
    fn new(
        partitions: &PartitionCounts,
        members: &'a [GroupMember],
        previous: &[Previous],
    ) -> Self {
        let order = ordered(members);
        let topics: Vec<Topic<'a>> = subscribers(partitions, members, &order)
            .into_iter()
            .map(|(name, (count, subscribers))| Topic {
                name,
                count,
                subscribers,
                free: Vec::new(),
            })
            .collect();
        let mut problem = Self { topics, kept: vec![Holding::new(); members.len()], order };
        problem.keep(members, previous);
        problem
    }

    /// Settles who keeps what. Of several claims on a partition the one with the highest generation
    /// wins; two of the same generation both lose, for one of them must be wrong.
    fn keep(&mut self, members: &[GroupMember], previous: &[Previous]) {
        let index: HashMap<&str, usize> =
            self.topics.iter().enumerate().map(|(i, topic)| (&**topic.name, i)).collect();
        let mut subscribed = vec![false; self.topics.len()];
        let mut claims: Vec<HashMap<i32, Claim>> = vec![HashMap::new(); self.topics.len()];
        for (member, owned) in previous.iter().enumerate() {
            let mine = || members[member].topics.iter().filter_map(|name| index.get(&**name));
            mine().for_each(|topic| subscribed[*topic] = true);
            for claimed in &owned.partitions {
                let Some(&topic) = index.get(&*claimed.topic) else { continue };
                let exists = (0..self.topics[topic].count).contains(&claimed.partition);
                if !exists || !subscribed[topic] {
                    continue;
                }
                let claim = Claim { generation_id: owned.generation_id, member: Some(member) };
                claims[topic]
                    .entry(claimed.partition)
                    .and_modify(|best| {
                        if best.generation_id < claim.generation_id {
                            *best = claim;
                        } else if best.generation_id == claim.generation_id
                            && best.member != claim.member
                        {
                            best.member = None;
                        }
                    })
                    .or_insert(claim);
            }
            mine().for_each(|topic| subscribed[*topic] = false);
        }
        for (index, (topic, claims)) in self.topics.iter_mut().zip(claims).enumerate() {
            for partition in 0..topic.count {
                match claims.get(&partition).and_then(|claim| claim.member) {
                    Some(member) => self.kept[member].entry(index).or_default().push(partition),
                    None => topic.free.push(partition),
                }
            }
        }
    }
}

/// How many partitions a holding has.
fn load(holding: &Holding) -> usize {
    holding.values().map(Vec::len).sum()
}
