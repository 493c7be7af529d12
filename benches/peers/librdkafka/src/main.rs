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
    HEADERS, Latencies, PARTITION_FETCH_BYTES, Pace, Records, Task, WARM_UP_RECORDS, Work,
    consumed, produced,
};
use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    config::ClientConfig,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{
        BaseRecord, FutureProducer, FutureRecord, Producer, ProducerContext, ThreadedProducer,
    },
    types::RDKafkaErrorCode,
};

const NAME: &str = "librdkafka";

/// What is done with the deliveries: failures are counted, or each is told to the pace.
#[derive(Clone, Default)]
struct Deliveries {
    failures: Arc<AtomicU64>,
    pace: Option<Arc<Pace>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    /// The record's number.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        if result.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(pace) = &self.pace {
            pace.told(number, result.is_ok());
        }
    }
}

#[tokio::main]
async fn main() {
    let task = Task::from_command_line();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &task.brokers);
    if let Some(login) = &task.login {
        config
            .set("security.protocol", "SASL_SSL")
            .set("sasl.mechanism", "SCRAM-SHA-512")
            .set("sasl.username", &login.user)
            .set("sasl.password", &login.password)
            .set("ssl.ca.location", &login.ca);
    }
    match &task.work {
        Work::Produce { values, compression, linger_ms, batch_bytes, tasks } => {
            config
                .set("acks", "all")
                .set("enable.idempotence", "true")
                .set("compression.type", compression)
                .set("linger.ms", linger_ms.to_string())
                .set("batch.size", batch_bytes.to_string())
                .set("batch.num.messages", "1000000")
                .set("queue.buffering.max.messages", "1000000")
                .set("queue.buffering.max.kbytes", "131072")
                .set("partitioner", "murmur2_random");
            produce(&config, &task, values, *tasks);
        }
        Work::Latency { values } => {
            config.set("acks", "all").set("enable.idempotence", "true").set("linger.ms", "0");
            latency(&config, &task, values).await;
        }
        Work::Rate { values, linger_ms, per_second } => {
            config
                .set("acks", "all")
                .set("enable.idempotence", "true")
                .set("linger.ms", linger_ms.to_string());
            rate(&config, &task, values, Pace::new(*per_second, task.records));
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

fn produce(config: &ClientConfig, task: &Task, values: &Records, tasks: usize) {
    let deliveries = Deliveries::default();
    let producer: ThreadedProducer<_> =
        config.create_with_context(deliveries.clone()).expect("a producer");
    let begin = Instant::now();
    let send_share = |share| {
        for (key, value) in values.share(share, tasks, task.records) {
            send(&producer, &task.topic, key, value, values.has_headers);
        }
    };
    thread::scope(|scope| {
        for share in 1..tasks {
            scope.spawn(move || send_share(share));
        }
        send_share(0);
    });
    producer.flush(Duration::from_secs(120)).expect("all is delivered");
    produced(NAME, task.records, begin, deliveries.failures.load(Ordering::Relaxed));
}

fn send(
    producer: &ThreadedProducer<Deliveries>,
    topic: &str,
    key: Option<&Vec<u8>>,
    value: &[u8],
    has_headers: bool,
) {
    let mut record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, 0).payload(value);
    if let Some(key) = key {
        record = record.key(key);
    }
    if has_headers {
        record = record.headers(headers());
    }
    while let Err((error, refused)) = producer.send(record) {
        let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
        assert_eq!(error, full);
        record = refused;
        thread::sleep(Duration::from_millis(1));
    }
}

fn headers() -> OwnedHeaders {
    HEADERS.iter().fold(OwnedHeaders::new_with_capacity(HEADERS.len()), |headers, (name, value)| {
        headers.insert(Header { key: name, value: Some(*value) })
    })
}

fn rate(config: &ClientConfig, task: &Task, values: &Records, pace: Pace) {
    let pace = Arc::new(pace);
    let deliveries = Deliveries { pace: Some(Arc::clone(&pace)), ..Deliveries::default() };
    let producer: ThreadedProducer<_> = config.create_with_context(deliveries).expect("a producer");
    for (number, (_, value)) in values.take(pace.count()).enumerate() {
        pace.wait(number);
        let record = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&task.topic, number);
        producer.send(record.payload(value)).map_err(|(error, _)| error).expect("room");
    }
    producer.flush(Duration::from_secs(120)).expect("all is delivered");
    pace.print(NAME);
}

async fn latency(config: &ClientConfig, task: &Task, values: &Records) {
    let producer: FutureProducer = config.create().expect("a producer");
    let mut latencies = Latencies::default();
    for (_, value) in values.take(task.records + WARM_UP_RECORDS) {
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
