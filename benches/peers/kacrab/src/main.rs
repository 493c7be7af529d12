//! The crate `kacrab`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kacrab::{
    common::TopicPartition,
    consumer::Consumer,
    producer::{Producer, ProducerRecord},
};
use peer_common::{
    BUFFER_MEMORY, HEADERS, Latencies, PARTITION_FETCH_BYTES, Pace, Records, Task, WARM_UP_RECORDS,
    Work, consumed, produced,
};
use tokio::{runtime::Handle, task::JoinSet};

const NAME: &str = "kacrab";

/// `send` never waits: its book has the caller wait while more bytes than this are buffered.
const BUFFERED_BYTES: usize = 120_000_000;

#[tokio::main]
async fn main() {
    let task = Task::from_command_line();
    task.refuse_login();
    match &task.work {
        Work::Produce { values, compression, linger_ms, batch_bytes, tasks } => {
            let (linger, batch) = (linger_ms.to_string(), batch_bytes.to_string());
            let memory = BUFFER_MEMORY.to_string();
            let producer = producer(
                &task,
                &[
                    ("compression.type", compression),
                    ("linger.ms", &linger),
                    ("batch.size", &batch),
                    ("buffer.memory", &memory),
                ],
            )
            .await;
            produce(producer, &task, values.clone().of(), *tasks).await;
        }
        Work::Latency { values } => {
            let producer = producer(&task, &[("linger.ms", "0")]).await;
            let mut latencies = Latencies::default();
            for (_, value) in values.clone().of().take(task.records + WARM_UP_RECORDS) {
                let sent = Instant::now();
                let record = record(&task.topic, None, value, false);
                producer.send(record).expect("room").await.expect("a delivery");
                latencies.acknowledged(sent);
            }
            latencies.print(NAME);
        }
        Work::Rate { values, linger_ms, per_second } => {
            let linger = linger_ms.to_string();
            let producer = producer(&task, &[("linger.ms", &linger)]).await;
            let pace = Pace::new(*per_second, task.records);
            rate(producer, task.topic.clone(), values.clone().of(), pace).await;
        }
        Work::Consume { partitions } => consume(&task, *partitions).await,
    }
}

async fn produce(producer: Producer, task: &Task, records: Records<Bytes>, tasks: usize) {
    let (producer, records) = (Arc::new(producer), Arc::new(records));
    let begin = Instant::now();
    let shares: Vec<_> = (0..tasks)
        .map(|share| {
            let (producer, records) = (Arc::clone(&producer), Arc::clone(&records));
            let (topic, count) = (task.topic.clone(), task.records);
            tokio::spawn(async move {
                for (key, value) in records.share(share, tasks, count) {
                    while producer.buffered_bytes() > BUFFERED_BYTES {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    let record = record(&topic, key, value, records.has_headers);
                    drop(producer.send(record).expect("room"));
                }
            })
        })
        .collect();
    for share in shares {
        share.await.expect("all is sent");
    }
    producer.flush().await.expect("all is delivered");
    produced(NAME, task.records, begin, 0);
}

fn record(topic: &str, key: Option<&Bytes>, value: &Bytes, has_headers: bool) -> ProducerRecord {
    let mut record = ProducerRecord::unassigned(topic).value(value.clone());
    if let Some(key) = key {
        record = record.key(key.clone());
    }
    if has_headers {
        for (name, value) in HEADERS {
            record = record.header(name, value);
        }
    }
    record
}

/// A thread of its own keeps the time, because tokio's clock has steps of a millisecond.
async fn rate(producer: Producer, topic: String, records: Records<Bytes>, pace: Pace) {
    let (pace, runtime) = (Arc::new(pace), Handle::current());
    let pacing = tokio::task::spawn_blocking(move || {
        let mut deliveries = JoinSet::new();
        let _entered = runtime.enter();
        for (number, (_, value)) in records.take(pace.count()).enumerate() {
            pace.wait(number);
            let delivery = producer.send(record(&topic, None, value, false)).expect("room");
            let pace = Arc::clone(&pace);
            let told = async move { pace.told(number, delivery.await.is_ok()) };
            deliveries.spawn_on(told, &runtime);
        }
        runtime.block_on(deliveries.join_all());
        pace.print(NAME);
    });
    pacing.await.expect("all is told");
}

async fn producer(task: &Task, settings: &[(&str, &str)]) -> Producer {
    let mut properties = vec![
        ("bootstrap.servers", task.brokers.as_str()),
        ("acks", "all"),
        ("enable.idempotence", "true"),
    ];
    properties.extend_from_slice(settings);
    Producer::from_map(properties).await.expect("a producer")
}

async fn consume(task: &Task, partitions: i32) {
    let begin = Instant::now();
    let fetch_bytes = PARTITION_FETCH_BYTES.to_string();
    let mut consumer = Consumer::from_map([
        ("bootstrap.servers", task.brokers.as_str()),
        ("group.id", "kacrab-bench"),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "earliest"),
        ("max.poll.records", "10000"),
        ("max.partition.fetch.bytes", &fetch_bytes),
    ])
    .await
    .expect("a consumer");
    let assignment: Vec<_> = (0..partitions)
        .map(|partition| TopicPartition::new(task.topic.as_str(), partition))
        .collect();
    consumer.assign(assignment.clone()).expect("an assignment");
    consumer.seek_to_beginning(&assignment).await.expect("a position");
    let (mut records, mut bytes) = (0, 0);
    while records < task.records {
        for record in consumer.poll(Duration::from_millis(500)).await.expect("records").iter() {
            records += 1;
            bytes += record.value.as_ref().map_or(0, |value| value.len());
        }
    }
    consumed(NAME, records, begin, bytes);
}
