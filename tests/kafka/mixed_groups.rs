//! Groups of Milena's consumers and Java's: every partition has one owner at any time, whoever
//! leads the group, and nothing goes unread.
//!
//! Java's `VerifiableConsumer` prints what it is given, what is taken from it and what it read, with
//! its clock's time. All run on one machine, and a member gives partitions up before it joins
//! again, so the events of all members in the order of their times show any partition with two
//! owners.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka_lab::Listener;
use milena::{Consumer, Producer, ProducerRecord, RebalanceListener, TopicPartition};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::{self, Access, PATIENCE, within};
use crate::harness::{self, V4_3};
use crate::java::Tool;

const PARTITIONS: i32 = 6;
/// Records of each partition that are written at a time.
const COUNT: i64 = 20;

/// Ordered so that of two events of one millisecond the giving up comes first: that two members
/// had a partition within one and the same millisecond cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Revoked,
    Assigned,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<(i64, Change, &'static str, Vec<i32>)>,
    owned: BTreeMap<&'static str, BTreeSet<i32>>,
    /// By partition and offset.
    seen: BTreeSet<(i32, i64)>,
}

impl State {
    fn change(&mut self, time: i64, change: Change, member: &'static str, partitions: Vec<i32>) {
        let owned = self.owned.entry(member).or_default();
        for partition in &partitions {
            match change {
                Change::Assigned => owned.insert(*partition),
                Change::Revoked => owned.remove(partition),
            };
        }
        self.events.push((time, change, member, partitions));
    }

    /// Whether these members, and no others, share the partitions.
    fn is_shared_by(&self, members: &[&str]) -> bool {
        let owners: BTreeSet<&str> =
            self.owned.iter().filter(|(_, owned)| !owned.is_empty()).map(|(who, _)| *who).collect();
        let count: usize = self.owned.values().map(BTreeSet::len).sum();
        let all: BTreeSet<i32> = self.owned.values().flatten().copied().collect();
        owners == members.iter().copied().collect()
            && count == all.len()
            && all.len() == PARTITIONS.unsigned_abs() as usize
    }

    /// Goes through all events in the order of their times.
    fn check_owners(&self) {
        let mut events: Vec<_> = self.events.iter().collect();
        events.sort_by_key(|(time, change, _, _)| (*time, *change));
        let mut owners: BTreeMap<i32, &str> = BTreeMap::new();
        for (time, change, member, partitions) in events {
            for partition in partitions {
                let before = match change {
                    Change::Assigned => owners.insert(*partition, member),
                    Change::Revoked => owners.remove(partition).filter(|owner| owner != member),
                };
                assert!(
                    before.is_none_or(|owner| owner == *member),
                    "at {time} {member} gets or loses partition {partition} of {before:?}: {:#?}",
                    self.events
                );
            }
        }
    }
}

/// A group and what is known of it.
struct Group {
    access: Access,
    topic: String,
    name: String,
    strategy: &'static str,
    state: Arc<watch::Sender<State>>,
    producer: Producer,
    written: i64,
}

/// One of Milena's members.
struct Ours {
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

struct Reporter {
    member: &'static str,
    state: Arc<watch::Sender<State>>,
}

impl Reporter {
    fn report(&self, change: Change, partitions: &[TopicPartition]) {
        let partitions = partitions.iter().map(|tp| tp.partition).collect();
        self.state.send_modify(|s| s.change(client::now_ms(), change, self.member, partitions));
    }
}

impl RebalanceListener for Reporter {
    async fn on_partitions_assigned(&self, _: &Consumer, partitions: &[TopicPartition]) {
        self.report(Change::Assigned, partitions);
    }

    async fn on_partitions_revoked(&self, _: &Consumer, partitions: &[TopicPartition]) {
        self.report(Change::Revoked, partitions);
    }
}

impl Group {
    async fn new(strategy: &'static str) -> Self {
        let access = Access::to(&harness::lab(V4_3, 1), Listener::Plaintext);
        let topic = harness::unique("mixed");
        access.create_topic(&topic, PARTITIONS, 1).await;
        Self {
            producer: access.producer(),
            access: access
                .with("session.timeout.ms", "20000")
                .with("heartbeat.interval.ms", "300")
                .with("partition.assignment.strategy", strategy),
            name: harness::unique("mixed-group"),
            topic,
            strategy,
            state: Arc::default(),
            written: 0,
        }
    }

    fn ours(&self, member: &'static str) -> Ours {
        let consumer = self.access.member(&self.name);
        let state = Arc::clone(&self.state);
        consumer.set_rebalance_listener(Reporter { member, state: Arc::clone(&state) });
        consumer.subscribe([&*self.topic]).unwrap();
        let stop: Arc<AtomicBool> = Arc::default();
        let is_stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            while !is_stopped.load(Ordering::Relaxed) {
                let records = consumer.poll(Duration::from_millis(100)).await.unwrap();
                if records.is_empty() {
                    continue;
                }
                let seen = records.iter().map(|record| (record.partition, record.offset));
                state.send_modify(|state| state.seen.extend(seen));
                // A rebalance that has begun may refuse it; the records come again then.
                if let Err(error) = within(consumer.commit_sync()).await {
                    assert_eq!(error.kind(), milena::ErrorKind::Broker, "{}", client::text(&error));
                }
            }
            consumer.close(PATIENCE).await.unwrap();
        });
        Ours { stop, task }
    }

    fn java(&self, member: &'static str) -> Tool {
        let config = std::env::temp_dir().join(format!("{}-{}", std::process::id(), self.name));
        std::fs::write(&config, "heartbeat.interval.ms=300\n").unwrap();
        let state = Arc::clone(&self.state);
        let servers = &self.access.properties()[0].1;
        let arguments = [
            ["--bootstrap-server", servers],
            ["--topic", &self.topic],
            ["--group-id", &self.name],
            ["--assignment-strategy", self.strategy],
            ["--session-timeout", "20000"],
            ["--command-config", &config.display().to_string()],
        ];
        Tool::events("verifiable-consumer", arguments.as_flattened(), move |event| {
            state.send_modify(|state| note(state, member, &event));
        })
    }

    async fn is_shared_by(&self, members: &[&'static str]) {
        let mut watch = self.state.subscribe();
        let done = watch.wait_for(|state| state.is_shared_by(members));
        let in_time = tokio::time::timeout(PATIENCE, done).await.is_ok();
        assert!(in_time, "{members:?} do not share the partitions: {:#?}", self.state.borrow());
    }

    /// Writes some records to every partition and waits until the group has seen them.
    async fn reads_on(&mut self) {
        for number in 0..COUNT * i64::from(PARTITIONS) {
            let value = number.to_string();
            let partition = i32::try_from(number % i64::from(PARTITIONS)).unwrap();
            let record = ProducerRecord::to(&self.topic).partition(partition).value(&value);
            // Deliveries of earlier records are waited for by the flush.
            let _delivery = within(self.producer.send(record)).await.unwrap();
        }
        within(self.producer.flush()).await.unwrap();
        self.written += COUNT * i64::from(PARTITIONS);
        let total = usize::try_from(self.written).unwrap();
        let mut watch = self.state.subscribe();
        let done = watch.wait_for(|state| state.seen.len() >= total);
        let in_time = tokio::time::timeout(PATIENCE, done).await.is_ok();
        let seen = self.state.borrow().seen.len();
        assert!(in_time, "{seen} of {total} records are seen");
    }

    async fn leaves(&self, ours: Ours) {
        ours.stop.store(true, Ordering::Relaxed);
        within(ours.task).await.unwrap();
    }
}

/// Takes an event of Java's over.
fn note(state: &mut State, member: &'static str, event: &Value) {
    let list = event["partitions"].as_array().map_or(&[][..], Vec::as_slice);
    let number =
        |partition: &Value| i32::try_from(partition["partition"].as_i64().unwrap()).unwrap();
    let partitions = list.iter().map(number).collect();
    let time = event["timestamp"].as_i64().unwrap_or(0);
    match event["name"].as_str() {
        Some("partitions_assigned") => state.change(time, Change::Assigned, member, partitions),
        Some("partitions_revoked") => state.change(time, Change::Revoked, member, partitions),
        Some("records_consumed") => {
            for part in list {
                let offset = |name: &str| part[name].as_i64().unwrap();
                let offsets = offset("minOffset")..=offset("maxOffset");
                state.seen.extend(offsets.map(|offset| (number(part), offset)));
            }
        }
        _ => {}
    }
}

/// Ends a Java member without holding up the runtime.
async fn stop(tool: Tool) {
    within(tokio::task::spawn_blocking(move || tool.stop())).await.unwrap();
}

/// Ours is there first and so leads; Java's joins, and leads when ours leaves.
async fn ours_leads_first(strategy: &'static str) {
    let mut group = Group::new(strategy).await;
    let first = group.ours("ours");
    group.is_shared_by(&["ours"]).await;
    group.reads_on().await;
    let java = group.java("java");
    group.is_shared_by(&["ours", "java"]).await;
    group.reads_on().await;
    group.leaves(first).await;
    group.is_shared_by(&["java"]).await;
    let second = group.ours("ours again");
    group.is_shared_by(&["java", "ours again"]).await;
    group.reads_on().await;
    stop(java).await;
    group.is_shared_by(&["ours again"]).await;
    group.leaves(second).await;
    group.state.borrow().check_owners();
}

/// Java's is there first and so leads; two of ours join, and one leads when Java's leaves.
async fn java_leads_first(strategy: &'static str) {
    let mut group = Group::new(strategy).await;
    let java = group.java("java");
    group.is_shared_by(&["java"]).await;
    let first = group.ours("ours");
    group.is_shared_by(&["java", "ours"]).await;
    group.reads_on().await;
    let second = group.ours("second");
    group.is_shared_by(&["java", "ours", "second"]).await;
    group.reads_on().await;
    stop(java).await;
    group.is_shared_by(&["ours", "second"]).await;
    group.reads_on().await;
    group.leaves(first).await;
    group.is_shared_by(&["second"]).await;
    group.leaves(second).await;
    group.state.borrow().check_owners();
}

async fn both_orders(strategy: &'static str) {
    tokio::join!(ours_leads_first(strategy), java_leads_first(strategy));
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn range_agrees_with_java() {
    both_orders("org.apache.kafka.clients.consumer.RangeAssignor").await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn round_robin_agrees_with_java() {
    both_orders("org.apache.kafka.clients.consumer.RoundRobinAssignor").await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn sticky_agrees_with_java() {
    both_orders("org.apache.kafka.clients.consumer.StickyAssignor").await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn cooperative_sticky_agrees_with_java() {
    both_orders("org.apache.kafka.clients.consumer.CooperativeStickyAssignor").await;
}
