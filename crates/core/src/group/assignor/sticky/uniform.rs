//! Sticky assignment when all members subscribe to the same topics: quotas, in linear time.

use std::collections::VecDeque;

use super::{Holding, Problem, load};

/// Every member keeps what it owned up to its quota; the rest fills those below it.
pub(super) fn assign(problem: Problem<'_>) -> Vec<Holding> {
    let Problem { topics, kept: mut holdings, order } = problem;
    if holdings.is_empty() {
        return holdings;
    }
    let total: usize = topics.iter().map(|topic| usize::try_from(topic.count).unwrap_or(0)).sum();
    let quota = total / holdings.len();
    // This many members have one more than the quota.
    let mut larger = total % holdings.len();
    let mut free: Vec<VecDeque<i32>> = topics.into_iter().map(|topic| topic.free.into()).collect();

    for &member in &order {
        let mut count = load(&holdings[member]);
        let limit = if count > quota && larger > 0 { quota + 1 } else { quota };
        larger -= limit - quota;
        // Its last topics first, and of each the highest partitions.
        for (topic, partitions) in holdings[member].iter_mut().rev() {
            let surplus = partitions.len().min(count.saturating_sub(limit));
            free[*topic].extend(partitions.drain(partitions.len() - surplus..));
            count -= surplus;
        }
    }

    let mut rest = free.into_iter().enumerate().flat_map(|(topic, partitions)| {
        let mut partitions = Vec::from(partitions);
        partitions.sort_unstable();
        partitions.into_iter().map(move |partition| (topic, partition))
    });
    // First everybody up to the quota, dealt in turns so that a topic spreads over the members;
    // then one more for the first ones that do not have it yet.
    let mut wanting: VecDeque<(usize, usize)> = order
        .iter()
        .map(|member| (*member, quota.saturating_sub(load(&holdings[*member]))))
        .filter(|(_, missing)| *missing > 0)
        .collect();
    while let Some((member, missing)) = wanting.pop_front() {
        let Some((topic, partition)) = rest.next() else { break };
        holdings[member].entry(topic).or_default().push(partition);
        if missing > 1 {
            wanting.push_back((member, missing - 1));
        }
    }
    let mut at_quota = order
        .iter()
        .copied()
        .filter(|member| load(&holdings[*member]) == quota)
        .collect::<VecDeque<_>>();
    for (topic, partition) in rest {
        // As many members are left at the quota as partitions remain.
        let Some(member) = at_quota.pop_front() else { break };
        holdings[member].entry(topic).or_default().push(partition);
    }
    holdings
}
