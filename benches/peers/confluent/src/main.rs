//! Confluent's own client for Rust, the crate `confluent-kafka`.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use confluent_kafka::{
    common::{
        TopicPartition,
        header::{RecordHeader, RecordHeaders},
        serialization::{ByteArrayDeserializer, ByteArraySerializer},
    },
    consumer::{Consumer, ConsumerConfig, KafkaConsumer},
    producer::{KafkaProducer, Producer, ProducerConfig, ProducerRecord, callback},
};
use peer_common::{
    BUFFER_MEMORY, HEADERS, Latencies, PARTITION_FETCH_BYTES, Pace, Records, Task, WARM_UP_RECORDS,
    Work, consumed, produced,
};
use tokio::runtime::Handle;

const NAME: &str = "confluent";

type BytesProducer = KafkaProducer<Vec<u8>, Vec<u8>>;

#[tokio::main]
async fn main() {
    let task = Task::from_command_line();
    task.refuse_login();
    let mut properties = HashMap::new();
    let mut set = |name: &str, value: &str| {
        properties.insert(name.to_owned(), value.to_owned());
    };
    set("bootstrap.servers", &task.brokers);
    match &task.work {
        Work::Produce { values, compression, linger_ms, batch_bytes, tasks } => {
            set("acks", "all");
            set("compression.type", compression);
            set("linger.ms", &linger_ms.to_string());
            set("batch.size", &batch_bytes.to_string());
            set("buffer.memory", &BUFFER_MEMORY.to_string());
            produce(producer(&properties), &task, values.clone(), *tasks).await;
        }
        Work::Latency { values } => {
            set("acks", "all");
            set("linger.ms", "0");
            let producer = producer(&properties);
            let mut latencies = Latencies::default();
            for (_, value) in values.take(task.records + WARM_UP_RECORDS) {
                let sent = Instant::now();
                let record = record(&task.topic, None, value, false);
                let delivery = BytesProducer::send(&producer, record, None).await.expect("room");
                delivery.get().await.expect("a delivery");
                latencies.acknowledged(sent);
            }
            latencies.print(NAME);
        }
        Work::Rate { values, linger_ms, per_second } => {
            set("acks", "all");
            set("linger.ms", &linger_ms.to_string());
            let pace = Pace::new(*per_second, task.records);
            rate(producer(&properties), task.topic.clone(), values.clone(), pace).await;
        }
        Work::Consume { partitions } => {
            set("auto.offset.reset", "earliest");
            set("enable.auto.commit", "false");
            set("max.poll.records", "10000");
            set("max.partition.fetch.bytes", &PARTITION_FETCH_BYTES.to_string());
            set("group.protocol", "consumer");
            set("group.id", "confluent-bench");
            consume(&properties, &task, *partitions).await;
        }
    }
}

fn producer(properties: &HashMap<String, String>) -> BytesProducer {
    let config = ProducerConfig::new(properties).expect("a configuration");
    let (key, value) = (ByteArraySerializer::default(), ByteArraySerializer::default());
    KafkaProducer::new(config, key, value).expect("a producer")
}

async fn produce(producer: BytesProducer, task: &Task, records: Records, tasks: usize) {
    let (producer, records) = (Arc::new(producer), Arc::new(records));
    let begin = Instant::now();
    let shares: Vec<_> = (0..tasks)
        .map(|share| {
            let (producer, records) = (Arc::clone(&producer), Arc::clone(&records));
            let (topic, count) = (task.topic.clone(), task.records);
            tokio::spawn(async move {
                for (key, value) in records.share(share, tasks, count) {
                    let record = record(&topic, key, value, records.has_headers);
                    drop(BytesProducer::send(&producer, record, None).await.expect("room"));
                }
            })
        })
        .collect();
    for share in shares {
        share.await.expect("all is sent");
    }
    Producer::flush(&*producer).await.expect("all is delivered");
    produced(NAME, task.records, begin, 0);
}

fn record<'a>(
    topic: &str,
    key: Option<&'a Vec<u8>>,
    value: &'a [u8],
    has_headers: bool,
) -> ProducerRecord<&'a [u8], &'a [u8]> {
    let (topic, key) = (topic.to_owned(), key.map(Vec::as_slice));
    if !has_headers {
        return ProducerRecord::with_key(topic, key, Some(value));
    }
    let headers =
        HEADERS.map(|(name, value)| RecordHeader::new(name.to_owned(), Some(value.to_vec())));
    let headers = RecordHeaders::with_header_iter(headers);
    ProducerRecord::with_partition_key_headers(topic, None, key, Some(value), headers)
        .expect("a valid record")
}

/// A thread of its own keeps the time, because tokio's clock has steps of a millisecond.
async fn rate(producer: BytesProducer, topic: String, records: Records, pace: Pace) {
    let (pace, runtime) = (Arc::new(pace), Handle::current());
    let pacing = tokio::task::spawn_blocking(move || {
        for (number, (_, value)) in records.take(pace.count()).enumerate() {
            pace.wait(number);
            let told = Arc::clone(&pace);
            let callback = callback::new(move |_, error| told.told(number, error.is_none()));
            let record = record(&topic, None, value, false);
            let sent = BytesProducer::send(&producer, record, Some(Box::new(callback)));
            drop(runtime.block_on(sent).expect("room"));
        }
        runtime.block_on(Producer::flush(&producer)).expect("all is delivered");
        pace.print(NAME);
    });
    pacing.await.expect("all is told");
}

async fn consume(properties: &HashMap<String, String>, task: &Task, partitions: i32) {
    let begin = Instant::now();
    let config = ConsumerConfig::new(properties).expect("a configuration");
    let (key, value) = (ByteArrayDeserializer::default(), ByteArrayDeserializer::default());
    let mut consumer: KafkaConsumer<Vec<u8>, Vec<u8>> =
        KafkaConsumer::new(config, key, value).expect("a consumer");
    let assignment: Vec<_> = (0..partitions)
        .map(|partition| TopicPartition::new(task.topic.clone(), partition))
        .collect();
    consumer.assign(assignment.iter().cloned().collect()).await.expect("an assignment");
    consumer.seek_to_beginning(&assignment).await.expect("a position");
    let (mut records, mut bytes) = (0, 0);
    while records < task.records {
        for record in &consumer.poll(Duration::from_millis(500)).await.expect("records") {
            records += 1;
            bytes += record.value().map_or(0, Vec::len);
        }
    }
    consumed(NAME, records, begin, bytes);
}
