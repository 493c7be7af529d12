//! Groups: members that join, leave and die, eager and cooperative, dynamic and static.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use milena::{Consumer, RebalanceListener, TopicPartition, config::Assignor};
use milena_broker::{Broker, Fault};
use milena_wire::{ApiKey, ErrorCode};
use parking_lot::Mutex;

use crate::support::*;

/// A callback and the partitions that it was called with.
type Call = (&'static str, Vec<i32>);

/// What callbacks were called with.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Call>>>);

impl Log {
    fn note(&self, what: &'static str, partitions: &[TopicPartition]) {
        self.0.lock().push((what, partitions.iter().map(|tp| tp.partition).collect()));
    }

    fn entries(&self) -> Vec<Call> {
        self.0.lock().clone()
    }
}

impl RebalanceListener for Log {
    async fn on_partitions_assigned(&self, consumer: &Consumer, partitions: &[TopicPartition]) {
        let assigned = consumer.assignment();
        assert!(partitions.iter().all(|tp| assigned.contains(tp)));
        self.note("assigned", partitions);
    }

    async fn on_partitions_revoked(&self, consumer: &Consumer, partitions: &[TopicPartition]) {
        let assigned = consumer.assignment();
        assert!(partitions.iter().all(|tp| assigned.contains(tp)));
        consumer.commit_sync().await.unwrap();
        self.note("revoked", partitions);
    }

    async fn on_partitions_lost(&self, _: &Consumer, partitions: &[TopicPartition]) {
        self.note("lost", partitions);
    }
}

async fn poll_all(members: &[&Consumer], mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "not done in time");
        let polls = members.iter().map(|member| member.poll(Duration::from_millis(20)));
        for poll in polls {
            poll.await.unwrap();
        }
    }
}

fn partitions_of(members: &[&Consumer]) -> Vec<usize> {
    members.iter().map(|member| member.assignment().len()).collect()
}

#[tokio::test]
async fn members_share_the_partitions_and_take_over_when_one_leaves() {
    for strategy in Assignor::ALL {
        let broker = broker("t", 6).await;
        let (a, b) = (member(&broker, strategy), member(&broker, strategy));
        poll_all(&[&a, &b], || partitions_of(&[&a, &b]) == [3, 3]).await;
        let both: BTreeSet<TopicPartition> =
            a.assignment().into_iter().chain(b.assignment()).collect();
        assert_eq!(both.len(), 6);
        b.close(PATIENCE).await.unwrap();
        poll_all(&[&a], || a.assignment().len() == 6).await;
        drop(a);
    }
}

/// Every record is consumed exactly once and in order by groups whose members come and go
/// gracefully, whatever the strategy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_repeated_while_members_come_and_go() {
    for strategy in [Assignor::Range, Assignor::CooperativeSticky] {
        let broker = broker("t", 6).await;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let writer = async {
            for round in 0..40 {
                for partition in 0..6 {
                    produce(&broker, partition, round * 5..(round + 1) * 5).await;
                }
            }
        };
        let member = |lifetime: Option<usize>| {
            let consumer = member(&broker, strategy);
            let seen = Arc::clone(&seen);
            async move {
                let mut consumed = 0;
                while seen.lock().count() < 1200 && lifetime.is_none_or(|most| consumed < most) {
                    let records = consumer.poll(Duration::from_millis(50)).await.unwrap();
                    consumed += records.len();
                    let mut seen = seen.lock();
                    for record in &records {
                        seen.note(record.topic, record.partition, record.offset, record.value);
                    }
                }
                consumer.close(PATIENCE).await.unwrap();
            }
        };
        let chain = async {
            for _ in 0..4 {
                member(Some(50)).await;
            }
        };
        within(async { tokio::join!(writer, member(None), member(Some(200)), chain) }).await;
        let seen = seen.lock();
        assert_eq!(seen.count(), 1200, "{strategy:?}");
        seen.check_contiguous();
    }
}

#[tokio::test]
async fn a_member_that_dies_is_replaced_after_its_session() {
    let broker = broker("t", 4).await;
    let (a, b) = (member(&broker, Assignor::Range), member(&broker, Assignor::Range));
    poll_all(&[&a, &b], || partitions_of(&[&a, &b]) == [2, 2]).await;
    // Its LeaveGroup never arrives.
    let leaving = broker
        .faults()
        .inject(Fault::on(ApiKey::LEAVE_GROUP).disconnect_before_applying().always());
    drop(b);
    poll_all(&[&a], || a.assignment().len() == 4).await;
    broker.faults().remove(leaving);
}

#[tokio::test]
async fn a_dropped_member_leaves_in_the_background() {
    let broker = broker("t", 4).await;
    let config =
        |session| config(&broker, |builder| builder.group_id("group").session_timeout(session));
    let long = Duration::from_secs(120);
    let a = Consumer::new(config(long)).unwrap();
    let b = Consumer::new(config(long)).unwrap();
    a.subscribe(["t"]).unwrap();
    b.subscribe(["t"]).unwrap();
    poll_all(&[&a, &b], || partitions_of(&[&a, &b]) == [2, 2]).await;
    drop(b);
    poll_all(&[&a], || a.assignment().len() == 4).await;
}

#[tokio::test]
async fn a_rebalance_that_the_application_asks_for_comes_with_the_next_poll() {
    let broker = broker("t", 2).await;
    let a = member(&broker, Assignor::CooperativeSticky);
    poll_all(&[&a], || a.assignment().len() == 2).await;
    assert_eq!(a.metrics().rebalances, 1);
    a.enforce_rebalance();
    poll_all(&[&a], || a.metrics().rebalances == 2).await;
    assert_eq!(a.assignment().len(), 2);
}

#[tokio::test]
async fn cooperative_members_keep_fetching_what_they_keep() {
    let broker = broker("t", 4).await;
    let log = Log::default();
    let a = member(&broker, Assignor::CooperativeSticky);
    a.set_rebalance_listener(log.clone());
    poll_all(&[&a], || a.assignment().len() == 4).await;
    let b = member(&broker, Assignor::CooperativeSticky);
    poll_all(&[&a, &b], || partitions_of(&[&a, &b]) == [2, 2]).await;
    let entries = log.entries();
    assert_eq!(entries[0], ("assigned", vec![0, 1, 2, 3]));
    let revoked: Vec<i32> = entries
        .iter()
        .filter(|(what, _)| *what == "revoked")
        .flat_map(|(_, p)| p.clone())
        .collect();
    assert_eq!(revoked.len(), 2, "{entries:?}");
    assert!(entries[1..].iter().all(|(what, p)| *what == "revoked" || p.is_empty()));
    // What stays is never interrupted: records of it come while b is being let in and out.
    let kept = a.assignment()[0].partition;
    produce(&broker, kept, 0..10).await;
    let mut seen = Seen::default();
    poll_until(&a, &mut seen, |seen| seen.count() == 10).await.unwrap();
    b.close(PATIENCE).await.unwrap();
    produce(&broker, kept, 10..20).await;
    poll_until(&a, &mut seen, |seen| seen.count() == 20).await.unwrap();
    seen.check_contiguous();
}

#[tokio::test]
async fn eager_members_commit_in_the_callback_before_everything_goes() {
    let broker = broker("t", 2).await;
    produce(&broker, 0, 0..10).await;
    produce(&broker, 1, 0..10).await;
    let log = Log::default();
    let config = config(&broker, |builder| {
        builder
            .group_id("group")
            .enable_auto_commit(false)
            .partition_assignment_strategy(&[Assignor::RoundRobin])
    });
    let a = Consumer::new(config.clone()).unwrap();
    a.set_rebalance_listener(log.clone());
    a.subscribe(["t"]).unwrap();
    let mut seen = Seen::default();
    poll_until(&a, &mut seen, |seen| seen.count() == 20).await.unwrap();
    let b = Consumer::new(config).unwrap();
    b.subscribe(["t"]).unwrap();
    poll_all(&[&a, &b], || partitions_of(&[&a, &b]) == [1, 1]).await;
    let entries = log.entries();
    assert_eq!(entries[1], ("revoked", vec![0, 1]));
    let committed = a.committed(&[tp("t", 0), tp("t", 1)]).await.unwrap();
    assert!(committed.values().all(|offset| offset.as_ref().unwrap().offset == 10));
}

#[tokio::test]
async fn a_member_that_does_not_poll_loses_its_partitions_and_comes_back() {
    let broker = broker("t", 2).await;
    let log = Log::default();
    let config = |interval: u64| {
        config(&broker, |builder| {
            builder
                .group_id("group")
                .session_timeout(Duration::from_millis(1500))
                .max_poll_interval(Duration::from_millis(interval))
        })
    };
    let a = Consumer::new(config(1500)).unwrap();
    a.set_rebalance_listener(log.clone());
    a.subscribe(["t"]).unwrap();
    poll_all(&[&a], || a.assignment().len() == 2).await;
    let b = Consumer::new(config(60_000)).unwrap();
    b.subscribe(["t"]).unwrap();
    // Only b polls now.
    poll_all(&[&b], || b.assignment().len() == 2).await;
    poll_all(&[&a, &b], || partitions_of(&[&a, &b]) == [1, 1]).await;
    assert!(log.entries().contains(&("lost", vec![0, 1])), "{:?}", log.entries());
}

#[tokio::test]
async fn a_static_member_comes_back_to_its_partitions_without_a_rebalance() {
    let broker = broker("t", 4).await;
    let config = |id: &str| {
        config(&broker, |builder| {
            builder.group_id("group").group_instance_id(id).session_timeout(Duration::from_secs(20))
        })
    };
    let open = |id: &str| {
        let consumer = Consumer::new(config(id)).unwrap();
        consumer.subscribe(["t"]).unwrap();
        consumer
    };
    let (a, b) = (open("a"), open("b"));
    poll_all(&[&a, &b], || partitions_of(&[&a, &b]) == [2, 2]).await;
    let (before, generation) = (b.assignment(), a.group_metadata().unwrap().generation_id);
    b.close(PATIENCE).await.unwrap();
    let again = open("b");
    poll_all(&[&a, &again], || again.assignment().len() == 2).await;
    assert_eq!(again.assignment(), before);
    assert_eq!(a.group_metadata().unwrap().generation_id, generation);
    // A second one with the same id fences the first.
    let twin = open("b");
    poll_all(&[&a, &twin], || twin.assignment().len() == 2).await;
    let error = within(async {
        loop {
            if let Err(error) = again.poll(Duration::from_millis(20)).await {
                return error;
            }
        }
    })
    .await;
    assert!(error.is_fatal());
    assert_eq!(error.code(), Some(ErrorCode::FENCED_INSTANCE_ID));
}

#[tokio::test]
async fn groups_survive_faults_of_every_step() {
    let broker = Broker::builder().nodes(2).topic("t", 4).start().await.unwrap();
    for partition in 0..4 {
        produce(&broker, partition, 0..10).await;
    }
    for api in [
        ApiKey::FIND_COORDINATOR,
        ApiKey::JOIN_GROUP,
        ApiKey::SYNC_GROUP,
        ApiKey::HEARTBEAT,
        ApiKey::OFFSET_FETCH,
    ] {
        broker.faults().inject(Fault::on(api).disconnect_after_applying());
        let code = ErrorCode::NOT_COORDINATOR;
        if api == ApiKey::FIND_COORDINATOR {
            let code = ErrorCode::COORDINATOR_NOT_AVAILABLE;
            broker.faults().inject(Fault::on(api).error(code).times(2));
        } else {
            broker.faults().inject(Fault::on(api).error(code).times(2));
        }
    }
    let a = member(&broker, Assignor::CooperativeSticky);
    let mut seen = Seen::default();
    poll_until(&a, &mut seen, |seen| seen.count() == 40).await.unwrap();
    let other = 3 - broker.group_coordinator("group").unwrap();
    broker.move_group_coordinator("group", other).unwrap();
    for partition in 0..4 {
        produce(&broker, partition, 10..20).await;
    }
    poll_until(&a, &mut seen, |seen| seen.count() == 80).await.unwrap();
    seen.check_contiguous();
    a.commit_sync().await.unwrap();
}

#[tokio::test]
async fn patterns_take_topics_in_that_are_made_later() {
    let broker = Broker::builder().topic("orders-1", 1).topic("other", 1).start().await.unwrap();
    let config = config(&broker, |builder| {
        builder.group_id("group").metadata_max_age(Duration::from_millis(200))
    });
    let consumer = Consumer::new(config).unwrap();
    consumer.subscribe_pattern("orders-.*").unwrap();
    poll_all(&[&consumer], || consumer.assignment() == [tp("orders-1", 0)]).await;
    broker.create_topic("orders-2", 2).unwrap();
    poll_all(&[&consumer], || consumer.assignment().len() == 3).await;
    consumer.unsubscribe().await;
    assert_eq!(consumer.assignment(), []);
}

/// A callback that is interrupted with its poll goes on in the next one.
#[tokio::test]
async fn a_callback_survives_the_poll_that_began_it() {
    struct Slow(Arc<tokio::sync::Notify>, Log);
    impl RebalanceListener for Slow {
        async fn on_partitions_assigned(&self, _: &Consumer, partitions: &[TopicPartition]) {
            self.1.note("begun", partitions);
            self.0.notified().await;
            self.1.note("ended", partitions);
        }
    }
    let broker = broker("t", 1).await;
    produce(&broker, 0, 0..1).await;
    let (gate, log) = (Arc::new(tokio::sync::Notify::new()), Log::default());
    let consumer = member(&broker, Assignor::Range);
    consumer.set_rebalance_listener(Slow(Arc::clone(&gate), log.clone()));
    within(async {
        while log.entries().is_empty() {
            let poll = consumer.poll(PATIENCE);
            let _ = tokio::time::timeout(Duration::from_millis(5), poll).await;
        }
    })
    .await;
    assert!(consumer.poll(Duration::from_millis(5)).await.unwrap().is_empty());
    gate.notify_one();
    assert_eq!(within(consumer.poll(PATIENCE)).await.unwrap().len(), 1);
    assert_eq!(log.entries(), [("begun", vec![0]), ("ended", vec![0])]);
}

#[tokio::test]
async fn an_assignor_of_the_applications_own_is_used() {
    #[derive(Debug)]
    struct FirstTakesAll;
    impl milena::consumer::Assignor for FirstTakesAll {
        fn name(&self) -> &str {
            "first-takes-all"
        }

        fn assign(
            &self,
            partitions: &milena::consumer::PartitionCounts,
            members: &[milena::consumer::GroupMember],
        ) -> Vec<Vec<TopicPartition>> {
            let all = |(topic, count): (&_, &i32)| -> Vec<TopicPartition> {
                let topic: &milena_wire::ByteString = topic;
                (0..*count).map(|p| TopicPartition::new(topic.clone(), p)).collect()
            };
            let first = members.iter().map(|member| &member.member_id).min();
            let everything: Vec<TopicPartition> = partitions.iter().flat_map(all).collect();
            let take = |is_first| if is_first { everything.clone() } else { Vec::new() };
            members.iter().map(|member| take(Some(&member.member_id) == first)).collect()
        }
    }
    let broker = broker("t", 3).await;
    let open = || {
        let config = config(&broker, |builder| builder.group_id("group"));
        let consumer = Consumer::with_assignors(config, vec![Arc::new(FirstTakesAll)]).unwrap();
        consumer.subscribe(["t"]).unwrap();
        consumer
    };
    let (a, b) = (open(), open());
    poll_all(&[&a, &b], || {
        let mut counts = partitions_of(&[&a, &b]);
        counts.sort_unstable();
        let settled = a.group_metadata().map(|m| m.generation_id)
            == b.group_metadata().map(|m| m.generation_id);
        settled && counts == [0, 3]
    })
    .await;
}
