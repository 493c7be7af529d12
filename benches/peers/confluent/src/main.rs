//! Confluent's own client for Rust, the crate `confluent-kafka`.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use confluent_kafka::{
    common::{
        TopicPartition,
        serialization::{ByteArrayDeserializer, ByteArraySerializer},
    },
    consumer::{Consumer, ConsumerConfig, KafkaConsumer},
    producer::{KafkaProducer, Producer, ProducerConfig, ProducerRecord},
};
use peer_common::{
    BUFFER_MEMORY, Latencies, PARTITION_FETCH_BYTES, Task, WARM_UP_RECORDS, Work, consumed, cycle,
    produced,
};

const NAME: &str = "confluent";

type BytesProducer = KafkaProducer<Vec<u8>, Vec<u8>>;

#[tokio::main]
async fn main() {
    let task = Task::from_command_line();
    let mut properties = HashMap::new();
    let mut set = |name: &str, value: &str| {
        properties.insert(name.to_owned(), value.to_owned());
    };
    set("bootstrap.servers", &task.brokers);
    match &task.work {
        Work::Produce { values, compression, linger_ms, batch_bytes } => {
            set("acks", "all");
            set("compression.type", compression);
            set("linger.ms", &linger_ms.to_string());
            set("batch.size", &batch_bytes.to_string());
            set("buffer.memory", &BUFFER_MEMORY.to_string());
            let producer = producer(&properties);
            let begin = Instant::now();
            for value in cycle(values, task.records) {
                let record: ProducerRecord<&[u8], &[u8]> =
                    ProducerRecord::new(task.topic.clone(), Some(value.as_slice()));
                drop(BytesProducer::send(&producer, record, None).await.expect("room"));
            }
            Producer::flush(&producer).await.expect("all is delivered");
            produced(NAME, task.records, begin, 0);
        }
        Work::Latency { values } => {
            set("acks", "all");
            set("linger.ms", "0");
            let producer = producer(&properties);
            let mut latencies = Latencies::default();
            for value in cycle(values, task.records + WARM_UP_RECORDS) {
                let sent = Instant::now();
                let record: ProducerRecord<&[u8], &[u8]> =
                    ProducerRecord::new(task.topic.clone(), Some(value.as_slice()));
                let delivery = BytesProducer::send(&producer, record, None).await.expect("room");
                delivery.get().await.expect("a delivery");
                latencies.acknowledged(sent);
            }
            latencies.print(NAME);
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
