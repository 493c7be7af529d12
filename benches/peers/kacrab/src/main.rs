//! The crate `kacrab`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kacrab::{
    common::TopicPartition,
    consumer::Consumer,
    producer::{Producer, ProducerRecord},
};
use peer_common::{
    BUFFER_MEMORY, Latencies, PARTITION_FETCH_BYTES, Task, WARM_UP_RECORDS, Work, consumed, cycle,
    produced,
};

const NAME: &str = "kacrab";

/// `send` never waits: its book has the caller wait while more bytes than this are buffered.
const BUFFERED_BYTES: usize = 120_000_000;

#[tokio::main]
async fn main() {
    let task = Task::from_command_line();
    match &task.work {
        Work::Produce { values, compression, linger_ms, batch_bytes } => {
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
            let values = shared(values);
            let begin = Instant::now();
            for value in cycle(&values, task.records) {
                while producer.buffered_bytes() > BUFFERED_BYTES {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                let record = ProducerRecord::unassigned(task.topic.as_str()).value(value.clone());
                drop(producer.send(record).expect("room"));
            }
            producer.flush().await.expect("all is delivered");
            produced(NAME, task.records, begin, 0);
        }
        Work::Latency { values } => {
            let producer = producer(&task, &[("linger.ms", "0")]).await;
            let mut latencies = Latencies::default();
            for value in cycle(&shared(values), task.records + WARM_UP_RECORDS) {
                let sent = Instant::now();
                let record = ProducerRecord::unassigned(task.topic.as_str()).value(value.clone());
                producer.send(record).expect("room").await.expect("a delivery");
                latencies.acknowledged(sent);
            }
            latencies.print(NAME);
        }
        Work::Consume { partitions } => consume(&task, *partitions).await,
    }
}

fn shared(values: &[Vec<u8>]) -> Vec<Bytes> {
    values.iter().cloned().map(Bytes::from).collect()
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
