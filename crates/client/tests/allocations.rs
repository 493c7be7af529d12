//! What producing and consuming allocate: something a batch, nothing a record.
//!
//! Allocations are counted by thread. The client has one thread, whose runtime runs its tasks too: what
//! is counted goes from `send` to the acknowledged batch, and from the fetch to the last record that
//! is looked at. The broker is on other threads, and does not count.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use milena::config::{AutoOffsetReset, ConsumerConfig, ProducerConfig};
use milena::{Consumer, Producer, ProducerRecord, TopicPartition};
use milena_broker::Broker;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(60);

/// The value of every record.
const VALUE: [u8; 100] = [b'v'; 100];

/// What a batch may allocate from `send` to its acknowledgement; 17 are measured, 0.002 a record in
/// batches of 1 MiB and 0.11 in batches of 16 KiB.
const PER_BATCH_MAX: u64 = 24;

/// What a poll of 500 records may allocate, with its share of the fetches; 3.7 are measured, 0.0075 a
/// record.
const PER_POLL_MAX: u64 = 6;

/// A runtime whose tasks all run on this thread, and a broker that runs elsewhere.
struct Scene {
    client: Runtime,
    broker: Broker,
    /// Ends after the broker.
    _other: Runtime,
}

impl Scene {
    fn new() -> Self {
        let other =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let other = other.unwrap();
        let broker = other.block_on(Broker::builder().topic("t", 1).start()).unwrap();
        let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { client, broker, _other: other }
    }

    fn producer(&self, batch_size: usize) -> Producer {
        let config = ProducerConfig::builder(self.broker.bootstrap_servers())
            .batch_size(batch_size)
            .linger(PATIENCE)
            .max_request_size(4 << 20)
            .build()
            .unwrap();
        self.run(async { Producer::new(config) }).unwrap()
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.client.block_on(async { tokio::time::timeout(PATIENCE, work).await.unwrap() })
    }
}

/// Sends so many records and waits until all of them are acknowledged.
async fn produce(producer: &Producer, records: u64) {
    for _ in 0..records {
        // Nobody looks at the delivery, which costs nothing.
        drop(producer.send(ProducerRecord::to("t").value(&VALUE)).await.unwrap());
    }
    producer.flush().await.unwrap();
}

/// What producing allocates once everything is warm, and in how many batches.
fn produced(batch_size: usize, records: u64) -> (AllocationInfo, u64) {
    let scene = Scene::new();
    let producer = scene.producer(batch_size);
    scene.run(produce(&producer, records));
    let before = producer.metrics();
    let allocations = measure(|| scene.run(produce(&producer, records)));
    let after = producer.metrics();
    assert_eq!(after.records_sent - before.records_sent, records);
    assert_eq!(after.batches_retried, 0);
    (allocations, after.batches_sent - before.batches_sent)
}

#[test]
fn a_record_that_fits_the_open_batch_allocates_nothing() {
    let scene = Scene::new();
    let producer = scene.producer(1 << 20);
    scene.run(produce(&producer, 1000));
    scene.run(async {
        // It begins the batch.
        drop(producer.send(ProducerRecord::to("t").key("k").value(&VALUE)).await.unwrap());
        let mut sends = Box::pin(async {
            for _ in 0..100 {
                let record = ProducerRecord::to("t").key("k").value(&VALUE);
                drop(producer.send(record).await.unwrap());
            }
        });
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut is_done = false;
        let allocations = measure(|| is_done = sends.as_mut().poll(&mut context).is_ready());
        assert!(is_done, "there is memory, so nothing waits");
        assert_eq!(allocations.count_total, 0, "{allocations:?}");
    });
}

#[test]
fn producing_allocates_a_few_times_a_batch() {
    for (batch_size, records) in [(1 << 20, 100_000), (16 << 10, 20_000)] {
        let (allocations, batches) = produced(batch_size, records);
        assert!(batches > records * 100 / batch_size as u64, "{batches} of {batch_size} bytes");
        assert!(
            allocations.count_total <= batches * PER_BATCH_MAX,
            "{batches} batches of {batch_size} bytes: {allocations:?}"
        );
        // Buffers come back: what is allocated is far less than what is sent.
        assert!(allocations.bytes_total < records * 100 / 4, "{allocations:?}");
    }
}

#[test]
fn consuming_allocates_a_few_times_a_poll() {
    for (batch_size, records) in [(1 << 20, 100_000), (16 << 10, 20_000)] {
        let scene = Scene::new();
        // A poll may go past what is asked for.
        scene.run(produce(&scene.producer(batch_size), 2 * records + 1000));
        let config = ConsumerConfig::builder(scene.broker.bootstrap_servers())
            .auto_offset_reset(AutoOffsetReset::Earliest)
            .max_poll_records(500)
            .build()
            .unwrap();
        let consumer = Consumer::new(config).unwrap();
        let read = async |count: u64| {
            let (mut seen, mut polls) = (0, 0_u64);
            while seen < count {
                let records = consumer.poll(PATIENCE).await.unwrap();
                seen += records.iter().filter(|record| record.value == Some(&VALUE)).count() as u64;
                polls += 1;
            }
            polls
        };
        scene.run(async {
            consumer.assign([TopicPartition::new("t", 0)]).unwrap();
            read(records).await;
        });
        let mut polls = 0;
        let allocations = measure(|| polls = scene.run(read(records)));
        assert!(polls >= records / 500, "{polls}");
        assert!(
            allocations.count_total <= polls * PER_POLL_MAX,
            "{polls} polls of batches of {batch_size} bytes: {allocations:?}"
        );
    }
}
