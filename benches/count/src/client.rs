//! Works of the client: from `send` to the acknowledgement, and from the fetch to the record.

use std::{future::Future, time::Duration};

use milena::{
    Consumer, Producer, ProducerRecord, TopicPartition,
    config::{AutoOffsetReset, ConsumerConfig, ProducerConfig},
};

use crate::broker::{OtherProcess, TOPIC, VALUE};

/// How long anything may take, the linger too: batches leave when they are full.
const PATIENCE: Duration = Duration::from_secs(120);

/// Records that the broker has beyond those that are read, so that no poll waits.
const RECORDS_BEHIND: usize = 20_000;

/// Sends records of 100 B in batches of 16 KiB, Java's default.
pub(crate) fn send_16k(records: usize) {
    send(records, 16 << 10);
}

/// Sends records of 100 B in batches of 1 MiB.
pub(crate) fn send_1m(records: usize) {
    send(records, 1 << 20);
}

/// Runs everything that the client does on this thread.
fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.unwrap() })
}

fn send(records: usize, batch_size: usize) {
    let broker = OtherProcess::start(0);
    run(async {
        let config = ProducerConfig::builder(&broker.address)
            .batch_size(batch_size)
            .linger(PATIENCE)
            .max_request_size(4 << 20)
            .build()
            .unwrap();
        let producer = Producer::new(config).unwrap();
        for _ in 0..records {
            drop(producer.send(ProducerRecord::to(TOPIC).value(&VALUE)).await.unwrap());
        }
        producer.flush().await.unwrap();
        let metrics = producer.metrics();
        assert_eq!(metrics.records_sent, u64::try_from(records).unwrap());
        assert_eq!(metrics.batches_retried, 0);
    });
}

/// Polls records of 100 B.
pub(crate) fn consume(records: usize) {
    let broker = OtherProcess::start(records + RECORDS_BEHIND);
    run(async {
        let config = ConsumerConfig::builder(&broker.address)
            .auto_offset_reset(AutoOffsetReset::Earliest)
            .build()
            .unwrap();
        let consumer = Consumer::new(config).unwrap();
        consumer.assign([TopicPartition::new(TOPIC, 0)]).unwrap();
        let mut seen = 0;
        while seen < records {
            let polled = consumer.poll(PATIENCE).await.unwrap();
            for record in &polled {
                assert_eq!(record.value, Some(&VALUE[..]));
                seen += 1;
            }
        }
    });
}
