//! Sticky assignment when subscriptions differ: place what is free, then repair the balance.
//!
//! Repairing goes from the member with the fewest partitions upwards. A receiver takes a partition
//! from the member with the most that it shares a topic with, as long as that has at least two
//! more. When there is none, a breadth-first search looks for a path: B takes from A, which takes
//! from another one, and only the ends of the path change their counts. When there is no path
//! either, nobody on any path into B can ever give to B, so all that the search reached are done.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, VecDeque},
};

use super::{Holding, Problem, Topic, load};

/// Places the free partitions and repairs the balance.
pub(super) fn assign(problem: Problem<'_>) -> Vec<Holding> {
    let mut balance = Balance::new(problem);
    balance.place_free();
    balance.repair();
    balance.holdings
}

struct Balance<'a> {
    topics: Vec<Topic<'a>>,
    holdings: Vec<Holding>,
    loads: Vec<usize>,
    /// Each member's place in the assignors' order, which breaks ties.
    place: Vec<usize>,
    /// Topics by member.
    subscribed: Vec<Vec<usize>>,
    /// Members that have partitions of a topic; may still name one that gave its last one away.
    owners: Vec<Vec<usize>>,
    /// All members by load and place.
    by_load: BTreeSet<(usize, usize, usize)>,
    /// Those of them whose count is not final yet.
    open: BTreeSet<(usize, usize, usize)>,
}

impl<'a> Balance<'a> {
    fn new(problem: Problem<'a>) -> Self {
        let members = problem.kept.len();
        let mut place = vec![0; members];
        for (position, &member) in problem.order.iter().enumerate() {
            place[member] = position;
        }
        let mut subscribed = vec![Vec::new(); members];
        for (index, topic) in problem.topics.iter().enumerate() {
            topic.subscribers.iter().for_each(|member| subscribed[*member].push(index));
        }
        let mut owners = vec![Vec::new(); problem.topics.len()];
        for &member in &problem.order {
            problem.kept[member].keys().for_each(|topic| owners[*topic].push(member));
        }
        let loads = problem.kept.iter().map(load).collect();
        Self {
            topics: problem.topics,
            holdings: problem.kept,
            loads,
            place,
            subscribed,
            owners,
            by_load: BTreeSet::new(),
            open: BTreeSet::new(),
        }
    }

    /// Gives every free partition to its least loaded subscriber, topics with few subscribers first.
    fn place_free(&mut self) {
        let mut by_choice: Vec<usize> = (0..self.topics.len()).collect();
        by_choice.sort_by_key(|topic| self.topics[*topic].subscribers.len());
        for topic in by_choice {
            let free = std::mem::take(&mut self.topics[topic].free);
            if free.is_empty() {
                continue;
            }
            let mut least: BinaryHeap<Reverse<(usize, usize, usize)>> = self.topics[topic]
                .subscribers
                .iter()
                .map(|member| Reverse((self.loads[*member], self.place[*member], *member)))
                .collect();
            for partition in free {
                let Some(Reverse((load, place, member))) = least.pop() else { break };
                self.give(member, topic, partition);
                self.loads[member] = load + 1;
                least.push(Reverse((load + 1, place, member)));
            }
        }
    }

    fn give(&mut self, member: usize, topic: usize, partition: i32) {
        let partitions = self.holdings[member].entry(topic).or_default();
        if partitions.is_empty() && !self.owners[topic].contains(&member) {
            self.owners[topic].push(member);
        }
        partitions.push(partition);
    }

    fn repair(&mut self) {
        self.by_load = (0..self.loads.len())
            .map(|member| (self.loads[member], self.place[member], member))
            .collect();
        self.open = self.by_load.clone();
        while let Some(&(_, _, member)) = self.open.first() {
            if !self.take_from_the_largest(member) {
                self.take_along_a_path(member);
            }
        }
    }

    /// Takes a partition from the member with the most that shares a topic with `member`.
    fn take_from_the_largest(&mut self, member: usize) -> bool {
        let enough = self.loads[member] + 2;
        let found = self.by_load.range((enough, 0, 0)..).rev().find_map(|(_, _, donor)| {
            let shared = |topic: &&usize| self.subscribed[member].binary_search(topic).is_ok();
            Some((*donor, *self.holdings[*donor].keys().rev().find(shared)?))
        });
        let Some((donor, topic)) = found else { return false };
        self.hand_over(donor, member, topic);
        self.set_load(donor, self.loads[donor] - 1);
        self.set_load(member, self.loads[member] + 1);
        true
    }

    fn set_load(&mut self, member: usize, load: usize) {
        let old = (self.loads[member], self.place[member], member);
        let new = (load, self.place[member], member);
        self.loads[member] = load;
        self.by_load.remove(&old);
        self.by_load.insert(new);
        if self.open.remove(&old) {
            self.open.insert(new);
        }
    }

    fn owns(&self, member: usize, topic: usize) -> bool {
        self.holdings[member].contains_key(&topic)
    }

    /// Moves the partition that the donor got last, which is the one it is least attached to.
    fn hand_over(&mut self, donor: usize, receiver: usize, topic: usize) {
        let Some(partitions) = self.holdings[donor].get_mut(&topic) else { return };
        let last = partitions.pop();
        if partitions.is_empty() {
            self.holdings[donor].remove(&topic);
        }
        if let Some(partition) = last {
            self.give(receiver, topic, partition);
        }
    }

    /// Searches from `member` through those that could give to it, and to those, and so on. Closes
    /// all of them when nobody has enough.
    fn take_along_a_path(&mut self, member: usize) {
        let mut reached: Vec<Option<(usize, usize)>> = vec![None; self.loads.len()];
        let mut seen_topics = vec![false; self.topics.len()];
        let mut queue = VecDeque::from([member]);
        let mut visited = vec![member];
        while let Some(receiver) = queue.pop_front() {
            for &topic in &self.subscribed[receiver] {
                if std::mem::replace(&mut seen_topics[topic], true) {
                    continue;
                }
                for &donor in &self.owners[topic] {
                    let known = donor == member || reached[donor].is_some() || !self.is_open(donor);
                    if known || !self.owns(donor, topic) {
                        continue;
                    }
                    reached[donor] = Some((receiver, topic));
                    if self.loads[donor] >= self.loads[member] + 2 {
                        self.shift(donor, member, &reached);
                        return;
                    }
                    visited.push(donor);
                    queue.push_back(donor);
                }
            }
        }
        for member in visited {
            self.open.remove(&(self.loads[member], self.place[member], member));
        }
    }

    fn is_open(&self, member: usize) -> bool {
        self.open.contains(&(self.loads[member], self.place[member], member))
    }

    fn shift(&mut self, donor: usize, receiver: usize, reached: &[Option<(usize, usize)>]) {
        self.set_load(donor, self.loads[donor] - 1);
        self.set_load(receiver, self.loads[receiver] + 1);
        let mut from = donor;
        while let Some((to, topic)) = reached[from] {
            self.hand_over(from, to, topic);
            from = to;
        }
    }
}
