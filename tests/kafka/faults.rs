//! Three nodes, of which one is killed and another paused, while an idempotent producer writes and
//! a group of two reads; then one more under a producer that sends as fast as it can.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kafka_lab::{Lab, LabOptions, Listener};
use milena::consumer::{OffsetAndMetadata, Position};
use milena::producer::Delivery;
use milena::{Consumer, Error, ErrorKind, Producer, ProducerRecord, TopicPartition};
use tokio::sync::{mpsc, watch};

use crate::client::{self, Access, PATIENCE, within};
use crate::harness::{self, V4_3};

const PARTITIONS: i32 = 4;
/// Records that wait for their acknowledgement at most.
const WINDOW: usize = 200;
/// Records of each partition that have to get through between two events.
const PROGRESS: usize = 300;

/// At full speed: how many numbers are between two whose delivery is looked at.
const MARK: usize = 20_000;

/// What is known while it runs.
#[derive(Debug, Default)]
struct Progress {
    /// The offsets of acknowledged records by partition, in the order in which they were sent.
    acknowledged: BTreeMap<i32, Vec<i64>>,
    /// What the group has seen, by partition and offset.
    seen: BTreeMap<(i32, i64), String>,
    /// By partition the offset behind the last record that a member has processed.
    processed: BTreeMap<i32, i64>,
    /// Committed offsets that lay beyond what was processed.
    overtaken: Vec<String>,
}

impl Progress {
    fn count(&self, partition: i32) -> usize {
        self.acknowledged.get(&partition).map_or(0, Vec::len)
    }
}

type Shared = Arc<watch::Sender<Progress>>;

/// Waits until every partition, or the given one alone, has that many more acknowledged records.
async fn goes_on(shared: &Shared, partitions: std::ops::Range<i32>, what: &str) {
    let begin: Vec<usize> = partitions.clone().map(|p| shared.borrow().count(p)).collect();
    let mut watch = shared.subscribe();
    let done = watch.wait_for(|progress| {
        partitions.clone().zip(&begin).all(|(p, begin)| progress.count(p) >= begin + PROGRESS)
    });
    let in_time = tokio::time::timeout(PATIENCE, done).await.is_ok();
    let counts: Vec<usize> = partitions.map(|p| shared.borrow().count(p)).collect();
    assert!(in_time, "no progress {what}: {begin:?}, later {counts:?}");
}

/// Sends numbered records to every partition, some a tick, until told to stop.
async fn write(producer: Producer, topic: String, shared: Shared, stop: Arc<AtomicBool>) {
    // The pace of a busy application: at full speed the group would have to keep up too.
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let mut window = VecDeque::new();
    let mut number: u64 = 0;
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        for partition in (0..PARTITIONS).cycle().take(12) {
            let value = (number / u64::from(PARTITIONS.unsigned_abs())).to_string();
            let record = ProducerRecord::to(&topic).partition(partition).value(&value);
            window.push_back((partition, within(producer.send(record)).await.unwrap()));
            number += 1;
        }
        while window.len() > WINDOW {
            acknowledge(window.pop_front().unwrap(), &shared).await;
        }
    }
    for sent in window {
        acknowledge(sent, &shared).await;
    }
    producer.close(PATIENCE).await.unwrap();
}

async fn acknowledge(sent: (i32, Delivery), shared: &Shared) {
    let (partition, delivery) = sent;
    let metadata = within(delivery).await.unwrap_or_else(|e| panic!("{}", client::text(&e)));
    let offset = metadata.offset().unwrap();
    shared.send_modify(|p| p.acknowledged.entry(partition).or_default().push(offset));
}

/// A member that processes and then commits what it processed.
async fn read(consumer: Consumer, topic: String, shared: Shared, stop: Arc<AtomicBool>) {
    consumer.subscribe([&*topic]).unwrap();
    while !stop.load(Ordering::Relaxed) {
        let records = consumer.poll(Duration::from_millis(200)).await;
        let records = records.unwrap_or_else(|error| panic!("{}", client::text(&error)));
        let mut ends = Vec::new();
        shared.send_if_modified(|progress| {
            for batch in records.partitions() {
                for record in batch.records() {
                    let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                    progress.seen.insert((record.partition, record.offset), value);
                    let end = progress.processed.entry(record.partition).or_default();
                    *end = (*end).max(record.offset + 1);
                }
                let next = OffsetAndMetadata::from(Position::new(batch.next_position().offset));
                ends.push((batch.topic_partition().clone(), next));
            }
            !records.is_empty()
        });
        if ends.is_empty() {
            continue;
        }
        let partitions: Vec<TopicPartition> = ends.iter().map(|(tp, _)| tp.clone()).collect();
        if let Err(error) = within(consumer.commit_offsets(ends)).await {
            may_pass(&error);
            continue;
        }
        match within(consumer.committed(&partitions)).await {
            Ok(committed) => check(&shared, &committed),
            Err(error) => may_pass(&error),
        }
    }
    consumer.close(PATIENCE).await.unwrap();
}

/// A coordinator that moves, or a group that goes on without the member, may refuse a commit.
fn may_pass(error: &Error) {
    let kinds = [ErrorKind::Broker, ErrorKind::Timeout, ErrorKind::Transport];
    assert!(kinds.contains(&error.kind()), "{}", client::text(error));
}

fn check(shared: &Shared, committed: &BTreeMap<TopicPartition, Option<OffsetAndMetadata>>) {
    shared.send_if_modified(|progress| {
        for (partition, offset) in committed {
            let processed = progress.processed.get(&partition.partition).copied().unwrap_or(0);
            if let Some(offset) = offset.as_ref().filter(|offset| offset.offset > processed) {
                let what = format!("{partition}: {} of {processed}", offset.offset);
                progress.overtaken.push(what);
            }
        }
        false
    });
}

async fn leader(access: &Access, topic: &str, partition: usize) -> u16 {
    let topic = within(access.admin().describe_topics([topic])).await.one().unwrap();
    u16::try_from(topic.partitions[partition].leader.unwrap()).unwrap()
}

/// Does what blocks to the cluster.
async fn at<T: Send + 'static>(
    lab: &Arc<Lab>,
    act: impl FnOnce(&Lab) -> Result<T, kafka_lab::LabError> + Send + 'static,
) -> T {
    let lab = Arc::clone(lab);
    tokio::task::spawn_blocking(move || act(&lab)).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn acknowledged_records_outlive_killed_and_paused_leaders_once_and_in_order() {
    let lab = Arc::new(harness::own_lab(LabOptions::new(V4_3).nodes(3)));
    let access = Access::to(&lab, Listener::Plaintext)
        .with("metadata.max.age.ms", "5000")
        .with("request.timeout.ms", "5000");
    let topic = harness::unique("faults");
    access.create_topic(&topic, PARTITIONS, 3).await;
    let shared: Shared = Arc::new(watch::Sender::new(Progress::default()));
    let (stop_writing, stop_reading) = (Arc::default(), Arc::default());
    let group =
        access.clone().with("session.timeout.ms", "6000").with("heartbeat.interval.ms", "500");
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let member = group.member("readers");
        tasks.push(tokio::spawn(read(
            member,
            topic.clone(),
            Arc::clone(&shared),
            Arc::clone(&stop_reading),
        )));
    }
    let producer = access.producer();
    let writer = tokio::spawn(write(
        producer,
        topic.clone(),
        Arc::clone(&shared),
        Arc::clone(&stop_writing),
    ));

    goes_on(&shared, 0..PARTITIONS, "at first").await;
    let killed = leader(&access, &topic, 0).await;
    at(&lab, move |lab| lab.kill(killed)).await;
    goes_on(&shared, 0..PARTITIONS, "without the killed leader").await;
    at(&lab, move |lab| lab.restart(killed)).await;
    goes_on(&shared, 0..PARTITIONS, "with the leader back").await;
    let paused = leader(&access, &topic, 1).await;
    at(&lab, move |lab| lab.pause(paused)).await;
    goes_on(&shared, 0..PARTITIONS, "without the paused leader").await;
    at(&lab, move |lab| lab.resume(paused)).await;
    goes_on(&shared, 0..PARTITIONS, "with the leader resumed").await;

    stop_writing.store(true, Ordering::Relaxed);
    within(writer).await.unwrap();
    let total: usize = (0..PARTITIONS).map(|p| shared.borrow().count(p)).sum();
    let mut watch = shared.subscribe();
    let all_seen = watch.wait_for(|progress| progress.seen.len() >= total);
    let in_time = tokio::time::timeout(PATIENCE, all_seen).await.is_ok();
    let seen = shared.borrow().seen.len();
    assert!(in_time, "the group has seen {seen} of {total} records");
    stop_reading.store(true, Ordering::Relaxed);
    for task in tasks {
        within(task).await.unwrap();
    }
    is_whole(&access, &topic, &shared.borrow()).await;
    at_full_speed(&lab, &access).await;
}

/// Kills a leader under a producer that sends as fast as it can.
async fn at_full_speed(lab: &Arc<Lab>, access: &Access) {
    let topic = harness::unique("flood");
    access.create_topic(&topic, PARTITIONS, 3).await;
    let (reached, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let (marks, mut marked) = mpsc::unbounded_channel();
    let flood =
        flood(access.producer(), topic.clone(), Arc::clone(&reached), Arc::clone(&stop), marks);
    let writer = tokio::spawn(flood);
    get_beyond(&mut marked, MARK).await;
    let killed = leader(access, &topic, 0).await;
    at(lab, move |lab| lab.kill(killed)).await;
    get_beyond(&mut marked, reached.load(Ordering::Relaxed) + MARK).await;
    stop.store(true, Ordering::Relaxed);
    let numbers = writer.await.unwrap();
    holds_all_numbers(access, &topic, numbers).await;
}

/// A number, and the deliveries of the records that carry it.
type Mark = (usize, Vec<Delivery>);

/// Sends one number after the other to every partition, until told to stop. Returns how many there were.
async fn flood(
    producer: Producer,
    topic: String,
    reached: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    marks: mpsc::UnboundedSender<Mark>,
) -> usize {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let value = number.to_string();
        let mut deliveries = Vec::new();
        for partition in 0..PARTITIONS {
            let record = ProducerRecord::to(&topic).partition(partition).value(&value);
            let delivery = within(producer.send(record)).await.unwrap();
            if number % MARK == 0 {
                deliveries.push(delivery);
            }
        }
        if number % MARK == 0 {
            marks.send((number, deliveries)).unwrap();
        }
        number += 1;
        reached.store(number, Ordering::Relaxed);
    }
    within(producer.flush()).await.unwrap();
    assert_eq!(producer.metrics().records_failed, 0);
    producer.close(PATIENCE).await.unwrap();
    number
}

/// Waits until records of every partition with a number beyond this one are acknowledged.
async fn get_beyond(marked: &mut mpsc::UnboundedReceiver<Mark>, beyond: usize) {
    loop {
        let (number, deliveries) = within(marked.recv()).await.unwrap();
        for delivery in deliveries {
            within(delivery).await.unwrap_or_else(|error| panic!("{}", client::text(&error)));
        }
        if number > beyond {
            return;
        }
    }
}

/// Reads every partition to its end: the numbers are there once and in order.
async fn holds_all_numbers(access: &Access, topic: &str, numbers: usize) {
    let consumer = access.clone().with("auto.offset.reset", "earliest").consumer();
    let partitions = || (0..PARTITIONS).map(|partition| TopicPartition::new(topic, partition));
    consumer.assign(partitions()).unwrap();
    let ends = within(consumer.end_offsets(&partitions().collect::<Vec<_>>())).await.unwrap();
    for (partition, end) in ends {
        assert_eq!(usize::try_from(end).unwrap(), numbers, "{partition}");
    }
    let mut next = BTreeMap::<i32, usize>::new();
    while next.values().sum::<usize>() < numbers * partitions().len() {
        let records = within(consumer.poll(PATIENCE)).await.unwrap();
        for record in &records {
            let next = next.entry(record.partition).or_default();
            assert_eq!(record.value, Some(next.to_string().as_bytes()), "{}", record.partition);
            *next += 1;
        }
    }
    consumer.close(PATIENCE).await.unwrap();
}

/// Reads everything back: each record is there once, in order, where it was acknowledged.
async fn is_whole(access: &Access, topic: &str, progress: &Progress) {
    assert!(progress.overtaken.is_empty(), "{:?}", progress.overtaken);
    let consumer = access.clone().with("auto.offset.reset", "earliest").consumer();
    let partitions: Vec<TopicPartition> =
        (0..PARTITIONS).map(|partition| TopicPartition::new(topic, partition)).collect();
    consumer.assign(partitions.clone()).unwrap();
    let ends = within(consumer.end_offsets(&partitions)).await.unwrap();
    let total = usize::try_from(ends.values().sum::<i64>()).unwrap();
    let mut found: BTreeMap<i32, Vec<(i64, String)>> = BTreeMap::new();
    for record in client::read(&consumer, total).await {
        let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
        let partition = record.topic_partition.partition;
        assert_eq!(progress.seen.get(&(partition, record.offset)), Some(&value));
        found.entry(partition).or_default().push((record.offset, value));
    }
    for (partition, offsets) in &progress.acknowledged {
        let expected: Vec<(i64, String)> =
            offsets.iter().enumerate().map(|(n, offset)| (*offset, n.to_string())).collect();
        assert!(found[partition] == expected, "partition {partition} differs from what was sent");
    }
    consumer.close(PATIENCE).await.unwrap();
}
