//! What holds for all assignors, tables after Java's rules, and properties of the sticky ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use super::*;

fn counts(topics: &[(&str, i32)]) -> PartitionCounts {
    topics.iter().map(|(name, count)| (ByteString::from(*name), *count)).collect()
}

fn member(id: &str, topics: &[&str]) -> GroupMember {
    GroupMember {
        member_id: id.into(),
        topics: topics.iter().map(|topic| ByteString::from(*topic)).collect(),
        ..Default::default()
    }
}

fn static_member(id: &str, instance: &str, topics: &[&str]) -> GroupMember {
    GroupMember { group_instance_id: Some(instance.into()), ..member(id, topics) }
}

fn render(assignments: &[Vec<TopicPartition>]) -> Vec<String> {
    let render = |partitions: &Vec<TopicPartition>| {
        let mut names: Vec<String> = partitions.iter().map(ToString::to_string).collect();
        names.sort();
        names.join(" ")
    };
    assignments.iter().map(render).collect()
}

type Case<'a> = (&'a [(&'a str, i32)], Vec<GroupMember>, &'a [&'a str]);

fn check(assignor: &dyn Assignor, cases: &[Case<'_>]) {
    for (number, (topics, members, expected)) in cases.iter().enumerate() {
        assert_eq!(render(&assignor.assign(&counts(topics), members)), *expected, "case {number}");
    }
}

// Spec-test: java/RangeAssignor@4.x
#[test]
fn range_divides_each_topic_as_java_does() {
    check(
        &RangeAssignor,
        &[
            (&[], vec![member("a", &[])], &[""]),
            (&[], vec![member("a", &["t"])], &[""]),
            (&[("t", 3)], vec![member("a", &["t"])], &["t-0 t-1 t-2"]),
            (&[("t", 1)], vec![member("b", &["t"]), member("a", &["t"])], &["", "t-0"]),
            (&[("t", 2)], vec![member("a", &["t"]), member("b", &["t"])], &["t-0", "t-1"]),
            (
                &[("t", 3), ("u", 2)],
                vec![member("a", &["t"]), member("b", &["t", "u"]), member("c", &["t"])],
                &["t-0", "t-1 u-0 u-1", "t-2"],
            ),
            (
                &[("t", 3), ("u", 3)],
                vec![member("a", &["t", "u"]), member("b", &["u", "t"])],
                &["t-0 t-1 u-0 u-1", "t-2 u-2"],
            ),
            (
                &[("t", 8)],
                vec![member("a", &["t"]), member("b", &["t"]), member("c", &["t"])],
                &["t-0 t-1 t-2", "t-3 t-4 t-5", "t-6 t-7"],
            ),
            // Static members come first, by instance id, whatever their member ids are.
            (
                &[("t", 3)],
                vec![
                    member("a", &["t"]),
                    static_member("z", "i2", &["t"]),
                    static_member("y", "i1", &["t", "t"]),
                ],
                &["t-2", "t-1", "t-0"],
            ),
        ],
    );
}

// Spec-test: java/RoundRobinAssignor@4.x
#[test]
fn round_robin_deals_all_partitions_in_turn_as_java_does() {
    check(
        &RoundRobinAssignor,
        &[
            (&[], vec![member("a", &["t"])], &[""]),
            (&[("t", 3)], vec![member("a", &["t"]), member("b", &["t"])], &["t-0 t-2", "t-1"]),
            (
                &[("t", 3), ("u", 3)],
                vec![member("a", &["t", "u"]), member("b", &["t", "u"])],
                &["t-0 t-2 u-1", "t-1 u-0 u-2"],
            ),
            // The example of Java's documentation: a has t0, b has t0 and t1, c has all three.
            (
                &[("t0", 1), ("t1", 2), ("t2", 3)],
                vec![
                    member("a", &["t0"]),
                    member("b", &["t0", "t1"]),
                    member("c", &["t0", "t1", "t2"]),
                ],
                &["t0-0", "t1-0", "t1-1 t2-0 t2-1 t2-2"],
            ),
            (
                &[("t", 3), ("u", 2)],
                vec![member("a", &["t"]), member("b", &["t", "u"]), member("c", &["t"])],
                &["t-0", "t-1 u-0 u-1", "t-2"],
            ),
            (
                &[("t", 3)],
                vec![member("a", &["t"]), static_member("z", "i", &["t"])],
                &["t-1", "t-0 t-2"],
            ),
        ],
    );
}

/// The rule as it reads, one partition after the other around the circle.
fn naive_round_robin(
    partitions: &PartitionCounts,
    members: &[GroupMember],
) -> Vec<Vec<TopicPartition>> {
    let order = ordered(members);
    let mut assignments = vec![Vec::new(); members.len()];
    let mut circle = order.iter().cycle();
    let topics: BTreeSet<&ByteString> = members.iter().flat_map(|m| &m.topics).collect();
    for topic in topics {
        for partition in 0..partitions.get(topic).copied().unwrap_or(0) {
            let owner = circle.find(|m| members[**m].topics.contains(topic)).unwrap();
            assignments[*owner].push(TopicPartition::new(topic.clone(), partition));
        }
    }
    assignments
}

#[derive(Clone, Debug)]
struct Group {
    partitions: PartitionCounts,
    members: Vec<GroupMember>,
}

fn groups(equal_subscriptions: bool) -> impl Strategy<Value = Group> {
    let topics = prop::collection::btree_map("[a-h]", 0..12i32, 0..8);
    (topics, 1..10usize).prop_flat_map(move |(topics, members)| {
        let names: Vec<String> = topics.keys().cloned().collect();
        let wanted = prop::collection::vec(any::<[bool; 9]>(), members);
        let statics = prop::collection::vec(prop::bool::weighted(0.2), members);
        (Just(topics), wanted, statics).prop_map(move |(topics, wanted, statics)| {
            let members =
                wanted.iter().zip(&statics).enumerate().map(|(i, (wanted, is_static))| {
                    let mut topics: Vec<&str> = names
                        .iter()
                        .zip(wanted)
                        .filter(|(_, wanted)| **wanted || equal_subscriptions)
                        .map(|(name, _)| name.as_str())
                        .collect();
                    topics.push("missing");
                    if *is_static {
                        static_member(&format!("m{i}"), &format!("i{}", 9 - i), &topics)
                    } else {
                        member(&format!("m{i}"), &topics)
                    }
                });
            Group {
                partitions: topics
                    .iter()
                    .map(|(t, n)| (ByteString::from(t.as_str()), *n))
                    .collect(),
                members: members.collect(),
            }
        })
    })
}

/// Invariants 1 and 2 of the module, without a partition in transit.
fn check_complete(group: &Group, assignments: &[Vec<TopicPartition>]) {
    assert_eq!(assignments.len(), group.members.len());
    let mut owners: HashMap<&TopicPartition, usize> = HashMap::new();
    for (index, assigned) in assignments.iter().enumerate() {
        for partition in assigned {
            assert_eq!(owners.insert(partition, index), None, "{partition} has two owners");
            assert!(group.members[index].topics.contains(&partition.topic));
        }
    }
    for (topic, count) in &group.partitions {
        if group.members.iter().any(|member| member.topics.contains(topic)) {
            for partition in 0..*count {
                let partition = TopicPartition::new(topic.clone(), partition);
                assert!(owners.contains_key(&partition), "{partition} has no owner");
            }
        }
    }
}

/// No partition can move, directly or along members, so that two counts come closer.
fn check_balanced(group: &Group, assignments: &[Vec<TopicPartition>]) {
    let owned: Vec<BTreeSet<&ByteString>> =
        assignments.iter().map(|a| a.iter().map(|tp| &tp.topic).collect()).collect();
    for receiver in 0..group.members.len() {
        let mut reached = BTreeSet::from([receiver]);
        let mut queue = vec![receiver];
        while let Some(at) = queue.pop() {
            for donor in 0..group.members.len() {
                if group.members[at].topics.iter().any(|topic| owned[donor].contains(topic))
                    && reached.insert(donor)
                {
                    let (more, less) = (assignments[donor].len(), assignments[receiver].len());
                    assert!(more < less + 2, "{donor} has {more}, {receiver} has {less}");
                    queue.push(donor);
                }
            }
        }
    }
}

/// The group as it joins again after `assignments`, for either sticky assignor.
fn remember(group: &mut Group, assignments: &[Vec<TopicPartition>], generation_id: i32) {
    for (member, assigned) in group.members.iter_mut().zip(assignments) {
        member.user_data = StickyAssignor.user_data(Owned { partitions: assigned, generation_id });
        member.owned_partitions.clone_from(assigned);
        member.generation_id = Some(generation_id);
    }
}

fn moved(before: &[Vec<TopicPartition>], after: &[Vec<TopicPartition>]) -> usize {
    let lost = |(before, after): (&Vec<TopicPartition>, &Vec<TopicPartition>)| {
        before.iter().filter(|partition| !after.contains(partition)).count()
    };
    before.iter().zip(after).map(lost).sum()
}

/// Lets a cooperative group rebalance until nothing changes; no partition changes hands in one round.
fn settle(group: &mut Group, mut generation_id: i32) -> (Vec<Vec<TopicPartition>>, i32) {
    let mut owned: Vec<Vec<TopicPartition>> =
        group.members.iter().map(|member| member.owned_partitions.clone()).collect();
    for _ in 0..3 {
        let assignments = CooperativeStickyAssignor.assign(&group.partitions, &group.members);
        let owners: BTreeMap<&TopicPartition, usize> = owned
            .iter()
            .enumerate()
            .flat_map(|(member, partitions)| partitions.iter().map(move |p| (p, member)))
            .collect();
        for (member, assigned) in assignments.iter().enumerate() {
            for partition in assigned {
                assert!(owners.get(partition).is_none_or(|owner| *owner == member));
            }
        }
        let settled = assignments == owned;
        generation_id += 1;
        remember(group, &assignments, generation_id);
        owned = assignments;
        if settled {
            break;
        }
    }
    let again = CooperativeStickyAssignor.assign(&group.partitions, &group.members);
    assert_eq!(again, owned, "two rounds settle a rebalance");
    (owned, generation_id)
}

proptest! {
    #[test]
    fn eager_assignors_give_every_partition_one_owner(group in groups(false)) {
        for assignor in [&RangeAssignor as &dyn Assignor, &RoundRobinAssignor, &StickyAssignor] {
            check_complete(&group, &assignor.assign(&group.partitions, &group.members));
        }
    }

    #[test]
    fn round_robin_equals_the_rule_as_it_reads(group in groups(false)) {
        let expected = naive_round_robin(&group.partitions, &group.members);
        prop_assert_eq!(RoundRobinAssignor.assign(&group.partitions, &group.members), expected);
    }

    #[test]
    fn sticky_is_balanced_and_stays_as_it_is(mut group in groups(false)) {
        let first = StickyAssignor.assign(&group.partitions, &group.members);
        check_balanced(&group, &first);
        remember(&mut group, &first, 1);
        prop_assert_eq!(StickyAssignor.assign(&group.partitions, &group.members), first);
    }

    #[test]
    fn sticky_is_balanced_after_members_and_partitions_change(
        mut group in groups(false),
        other in groups(false),
    ) {
        let first = StickyAssignor.assign(&group.partitions, &group.members);
        remember(&mut group, &first, 1);
        // Subscriptions and partition counts of another group for the members of this one.
        group.partitions = other.partitions;
        for (member, new) in group.members.iter_mut().zip(&other.members) {
            member.topics.clone_from(&new.topics);
        }
        group.members.truncate(other.members.len());
        let second = StickyAssignor.assign(&group.partitions, &group.members);
        check_complete(&group, &second);
        check_balanced(&group, &second);
    }

    #[test]
    fn nobody_loses_a_partition_when_another_leaves(mut group in groups(true), gone in 0..10usize) {
        let mut before = StickyAssignor.assign(&group.partitions, &group.members);
        remember(&mut group, &before, 1);
        let gone = gone % group.members.len();
        group.members.remove(gone);
        before.remove(gone);
        let after = StickyAssignor.assign(&group.partitions, &group.members);
        prop_assert_eq!(moved(&before, &after), 0);
    }

    #[test]
    fn only_the_newcomers_share_moves_when_one_joins(mut group in groups(true)) {
        let newcomer = group.members.pop().unwrap();
        let before = StickyAssignor.assign(&group.partitions, &group.members);
        remember(&mut group, &before, 1);
        group.members.push(newcomer);
        let after = StickyAssignor.assign(&group.partitions, &group.members);
        check_complete(&group, &after);
        prop_assert_eq!(moved(&before, &after), after.last().map_or(0, Vec::len) * usize::from(!before.is_empty()));
    }

    #[test]
    fn cooperative_groups_settle_in_two_rounds(mut group in groups(false), other in groups(false)) {
        let (first, generation_id) = settle(&mut group, 0);
        check_complete(&group, &first);
        check_balanced(&group, &first);
        for (member, new) in group.members.iter_mut().zip(&other.members) {
            member.topics.clone_from(&new.topics);
        }
        group.members.extend(other.members.iter().skip(group.members.len()).cloned());
        let (second, _) = settle(&mut group, generation_id);
        check_complete(&group, &second);
        check_balanced(&group, &second);
    }
}

#[test]
fn the_newest_claim_wins_and_equal_claims_cancel_out() {
    let mut members = vec![member("a", &["t"]), member("b", &["t"]), member("c", &["t"])];
    let claim = |partitions: &[i32], generation_id| {
        let partitions: Vec<_> = partitions.iter().map(|p| TopicPartition::new("t", *p)).collect();
        StickyAssignor.user_data(Owned { partitions: &partitions, generation_id })
    };
    members[0].user_data = claim(&[0, 1], 4);
    members[1].user_data = claim(&[1, 2], 5);
    members[2].user_data = claim(&[2, 3, 99], 5);
    let assigned = StickyAssignor.assign(&counts(&[("t", 6)]), &members);
    // 1 goes to b with the later generation; 2 is claimed twice in generation 5 and is dealt anew.
    assert_eq!(render(&assigned), ["t-0 t-2", "t-1 t-4", "t-3 t-5"]);
}

#[test]
fn cooperative_members_read_the_generation_from_user_data_of_old_subscriptions() {
    let mut members = vec![member("a", &["t"]), member("b", &["t"])];
    for (member, generation_id) in members.iter_mut().zip([1, 2]) {
        member.owned_partitions = vec![TopicPartition::new("t", 0)];
        member.user_data =
            CooperativeStickyAssignor.user_data(Owned { partitions: &[], generation_id });
    }
    let assigned = CooperativeStickyAssignor.assign(&counts(&[("t", 1)]), &members);
    assert_eq!(render(&assigned), ["", "t-0"]);
}

/// Guards against quadratic behaviour: every strategy, joining, leaving and unequal subscriptions.
#[test]
fn large_groups_are_assigned_in_time() {
    let topics: Vec<String> = (0..200).map(|i| format!("topic-{i:03}")).collect();
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    let partitions: PartitionCounts =
        names.iter().map(|name| (ByteString::from(*name), 100)).collect();
    for unequal in [false, true] {
        let members = (0..500)
            .map(|i| {
                member(
                    &format!("member-{i:03}"),
                    if unequal && i % 2 == 0 { &names[..150] } else { &names },
                )
            })
            .collect();
        let mut group = Group { partitions: partitions.clone(), members };
        let started = std::time::Instant::now();
        RangeAssignor.assign(&group.partitions, &group.members);
        RoundRobinAssignor.assign(&group.partitions, &group.members);
        let late = group.members.split_off(250);
        let first = StickyAssignor.assign(&group.partitions, &group.members);
        remember(&mut group, &first, 1);
        group.members.extend(late);
        let second = StickyAssignor.assign(&group.partitions, &group.members);
        check_complete(&group, &second);
        let elapsed = started.elapsed();
        assert!(elapsed < std::time::Duration::from_secs(10), "took {elapsed:?}");
        println!("unequal {unequal}: {elapsed:?}");
    }
}
