//! The crate `krafka`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use krafka::{Compression, Kafka, Record, consumer::AutoOffsetReset};
use peer_common::{
    BUFFER_MEMORY, Latencies, PARTITION_FETCH_BYTES, Task, WARM_UP_RECORDS, Work, consumed, cycle,
    produced,
};

const NAME: &str = "krafka";

#[tokio::main]
async fn main() {
    let task = Task::from_command_line();
    let kafka = Kafka::builder(&task.brokers).connect().await.expect("a connection");
    match &task.work {
        Work::Produce { values, compression, linger_ms, batch_bytes } => {
            let producer = kafka
                .producer()
                .compression(codec(compression))
                .linger(Duration::from_millis(*linger_ms))
                .batch_size(*batch_bytes)
                .buffer_memory(BUFFER_MEMORY)
                .build()
                .await
                .expect("a producer");
            let values = shared(values);
            let begin = Instant::now();
            for value in cycle(&values, task.records) {
                let record = Record::new(task.topic.as_str(), value.clone());
                let _delivery = producer.enqueue(record).await.expect("room");
            }
            producer.flush().await.expect("all is delivered");
            produced(NAME, task.records, begin, 0);
        }
        Work::Latency { values } => {
            let producer =
                kafka.producer().linger(Duration::ZERO).build().await.expect("a producer");
            let mut latencies = Latencies::default();
            for value in cycle(&shared(values), task.records + WARM_UP_RECORDS) {
                let sent = Instant::now();
                let record = Record::new(task.topic.as_str(), value.clone());
                let _delivery = producer.send(record).await.expect("a delivery");
                latencies.acknowledged(sent);
            }
            latencies.print(NAME);
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

fn shared(values: &[Vec<u8>]) -> Vec<Bytes> {
    values.iter().cloned().map(Bytes::from).collect()
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
