//! The crate `krafka`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use krafka::{
    Compression, Kafka, Record,
    auth::{AuthConfig, TlsConfig},
    consumer::AutoOffsetReset,
    producer::Producer,
};
use peer_common::{
    BUFFER_MEMORY, HEADERS, Latencies, PARTITION_FETCH_BYTES, Pace, Records, Task, WARM_UP_RECORDS,
    Work, consumed, produced,
};
use tokio::{runtime::Handle, task::JoinSet};

const NAME: &str = "krafka";

#[tokio::main]
async fn main() {
    let task = Task::from_command_line();
    let mut builder = Kafka::builder(&task.brokers);
    if let Some(login) = &task.login {
        let tls = TlsConfig::new().with_ca_cert(&login.ca);
        let auth = AuthConfig::sasl_scram_sha512(&login.user, &login.password).with_tls(tls);
        builder = builder.security(auth);
    }
    let kafka = builder.connect().await.expect("a connection");
    match &task.work {
        Work::Produce { values, compression, linger_ms, batch_bytes, tasks } => {
            let producer = kafka
                .producer()
                .compression(codec(compression))
                .linger(Duration::from_millis(*linger_ms))
                .batch_size(*batch_bytes)
                .buffer_memory(BUFFER_MEMORY)
                .build()
                .await
                .expect("a producer");
            produce(producer, &task, values.clone().of(), *tasks).await;
        }
        Work::Latency { values } => {
            let producer =
                kafka.producer().linger(Duration::ZERO).build().await.expect("a producer");
            let mut latencies = Latencies::default();
            for (_, value) in values.clone().of().take(task.records + WARM_UP_RECORDS) {
                let sent = Instant::now();
                let record = Record::new(task.topic.as_str(), Bytes::clone(value));
                let _delivery = producer.send(record).await.expect("a delivery");
                latencies.acknowledged(sent);
            }
            latencies.print(NAME);
        }
        Work::Rate { values, linger_ms, per_second } => {
            let linger = Duration::from_millis(*linger_ms);
            let producer = kafka.producer().linger(linger).build().await.expect("a producer");
            let pace = Pace::new(*per_second, task.records);
            rate(producer, task.topic.clone(), values.clone().of(), pace).await;
        }
        Work::Consume { partitions } => {
            let begin = Instant::now();
            let consumer = kafka
                .consumer_without_group()
                .auto_offset_reset(AutoOffsetReset::Earliest)
                .max_poll_records(10_000)
                .max_buffered_records(200_000)
                .max_partition_fetch_bytes(PARTITION_FETCH_BYTES as i32)
                .build()
                .await
                .expect("a consumer");
            consumer.assign(&task.topic, (0..*partitions).collect()).await.expect("an assignment");
            let (mut records, mut bytes) = (0, 0);
            while records < task.records {
                for record in consumer.poll(Duration::from_millis(500)).await.expect("records") {
                    records += 1;
                    bytes += record.value.as_ref().map_or(0, |value| value.len());
                }
            }
            consumed(NAME, records, begin, bytes);
        }
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
                    let record = record(&topic, key, value, records.has_headers);
                    let _delivery = producer.enqueue(record).await.expect("room");
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

fn record(topic: &str, key: Option<&Bytes>, value: &Bytes, has_headers: bool) -> Record {
    let mut record = Record::new(topic, value.clone());
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
        for (number, (_, value)) in records.take(pace.count()).enumerate() {
            pace.wait(number);
            let record = record(&topic, None, value, false);
            let delivery = runtime.block_on(producer.enqueue(record)).expect("room");
            let pace = Arc::clone(&pace);
            let told = async move { pace.told(number, delivery.await.is_ok()) };
            deliveries.spawn_on(told, &runtime);
        }
        runtime.block_on(deliveries.join_all());
        pace.print(NAME);
    });
    pacing.await.expect("all is told");
}

fn codec(name: &str) -> Compression {
    match name {
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        _ => Compression::None,
    }
}
