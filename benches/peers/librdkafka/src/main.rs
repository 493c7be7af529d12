//! librdkafka through the crate `rdkafka`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use peer_common::{
    Latencies, PARTITION_FETCH_BYTES, Task, WARM_UP_RECORDS, Work, consumed, cycle, produced,
};
use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    config::ClientConfig,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::DeliveryResult,
    producer::{
        BaseRecord, FutureProducer, FutureRecord, Producer, ProducerContext, ThreadedProducer,
    },
    types::RDKafkaErrorCode,
};

const NAME: &str = "librdkafka";

#[derive(Clone, Default)]
struct CountFailures(Arc<AtomicU64>);

impl ClientContext for CountFailures {}

impl ProducerContext for CountFailures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _opaque: ()) {
        if result.is_err() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::main]
async fn main() {
    let task = Task::from_command_line();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &task.brokers);
    match &task.work {
        Work::Produce { values, compression, linger_ms, batch_bytes } => {
            config
                .set("acks", "all")
                .set("enable.idempotence", "true")
                .set("compression.type", compression)
                .set("linger.ms", linger_ms.to_string())
                .set("batch.size", batch_bytes.to_string())
                .set("batch.num.messages", "1000000")
                .set("queue.buffering.max.messages", "1000000")
                .set("queue.buffering.max.kbytes", "131072");
            produce(&config, &task, values);
        }
        Work::Latency { values } => {
            config.set("acks", "all").set("enable.idempotence", "true").set("linger.ms", "0");
            latency(&config, &task, values).await;
        }
        Work::Consume { partitions } => {
            config
                .set("group.id", "unused")
                .set("enable.auto.commit", "false")
                .set("auto.offset.reset", "earliest")
                .set("fetch.message.max.bytes", PARTITION_FETCH_BYTES.to_string())
                .set("queued.min.messages", "1000000");
            consume(&config, &task, *partitions);
        }
    }
}

fn produce(config: &ClientConfig, task: &Task, values: &[Vec<u8>]) {
    let failures = CountFailures::default();
    let producer: ThreadedProducer<_> =
        config.create_with_context(failures.clone()).expect("a producer");
    let begin = Instant::now();
    for value in cycle(values, task.records) {
        let mut record = BaseRecord::<(), [u8]>::to(&task.topic).payload(value);
        while let Err((error, refused)) = producer.send(record) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert_eq!(error, full);
            record = refused;
            thread::sleep(Duration::from_millis(1));
        }
    }
    producer.flush(Duration::from_secs(120)).expect("all is delivered");
    produced(NAME, task.records, begin, failures.0.load(Ordering::Relaxed));
}

async fn latency(config: &ClientConfig, task: &Task, values: &[Vec<u8>]) {
    let producer: FutureProducer = config.create().expect("a producer");
    let mut latencies = Latencies::default();
    for value in cycle(values, task.records + WARM_UP_RECORDS) {
        let sent = Instant::now();
        let record = FutureRecord::<(), [u8]>::to(&task.topic).payload(value);
        producer.send(record, Duration::from_secs(10)).await.expect("a delivery");
        latencies.acknowledged(sent);
    }
    latencies.print(NAME);
}

fn consume(config: &ClientConfig, task: &Task, partitions: i32) {
    let begin = Instant::now();
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment
            .add_partition_offset(&task.topic, partition, Offset::Beginning)
            .expect("an offset");
    }
    consumer.assign(&assignment).expect("an assignment");
    let (mut records, mut bytes) = (0, 0);
    while records < task.records {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(500)) {
            records += 1;
            bytes += message.payload().map_or(0, <[u8]>::len);
        }
    }
    consumed(NAME, records, begin, bytes);
}
