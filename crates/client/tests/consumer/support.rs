//! A broker with records, and consumers with short times.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::LazyLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use milena::{
    Consumer, Error, TopicPartition,
    config::{AutoOffsetReset, ConsumerConfig},
};
use milena_broker::Broker;
use milena_pool::{Connection, ConnectionConfig};
use milena_wire::{
    ErrorCode,
    compression::{Compression, Compressor},
    messages::{
        AddPartitionsToTxnRequest, EndTxnRequest, InitProducerIdRequest, ProduceRequest,
        add_partitions_to_txn_request::AddPartitionsToTxnTopic,
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    records::{RecordBatchBuilder, SealOptions},
};

/// How long a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The timestamp of a batch's first record: not so long ago that retention would delete it.
pub(crate) static TIME: LazyLock<i64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
});

pub(crate) fn tp(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

pub(crate) async fn broker(topic: &str, partitions: i32) -> Broker {
    Broker::builder().topic(topic, partitions).start().await.unwrap()
}

/// A configuration that reads from the beginning and notices everything soon.
pub(crate) fn config(
    broker: &Broker,
    change: impl FnOnce(milena::config::ConsumerConfigBuilder) -> milena::config::ConsumerConfigBuilder,
) -> ConsumerConfig {
    let builder = ConsumerConfig::builder(broker.bootstrap_servers())
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .heartbeat_interval(Duration::from_millis(100))
        .session_timeout(Duration::from_secs(3))
        .fetch_max_wait(Duration::from_millis(100))
        .retry_backoff(Duration::from_millis(20));
    change(builder).build().unwrap()
}

pub(crate) fn member(broker: &Broker, strategy: milena::config::Assignor) -> Consumer {
    let config = config(broker, |builder| {
        builder.group_id("group").partition_assignment_strategy(&[strategy])
    });
    let consumer = Consumer::new(config).unwrap();
    consumer.subscribe(["t"]).unwrap();
    consumer
}

/// Waits for something with a deadline.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it happens in time")
}

/// Polls until `done` says so, checking order within partitions. Gives what came, by partition.
pub(crate) async fn poll_until(
    consumer: &Consumer,
    seen: &mut Seen,
    mut done: impl FnMut(&Seen) -> bool,
) -> Result<(), Error> {
    let started = Instant::now();
    while !done(seen) {
        assert!(started.elapsed() < PATIENCE, "not done in time: {:?}", seen.counts());
        let records = consumer.poll(Duration::from_millis(100)).await?;
        for batch in records.partitions() {
            assert!(consumer.assignment().contains(batch.topic_partition()));
            for record in batch.records() {
                seen.note(record.topic, record.partition, record.offset, record.value);
            }
        }
    }
    Ok(())
}

/// What was consumed, by partition: offsets with values in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(pub(crate) BTreeMap<TopicPartition, Vec<(i64, String)>>);

impl Seen {
    pub(crate) fn note(&mut self, topic: &str, partition: i32, offset: i64, value: Option<&[u8]>) {
        let value = String::from_utf8(value.unwrap_or_default().to_vec()).unwrap();
        self.0.entry(tp(topic, partition)).or_default().push((offset, value));
    }

    pub(crate) fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    pub(crate) fn counts(&self) -> Vec<(String, usize)> {
        self.0.iter().map(|(tp, records)| (tp.to_string(), records.len())).collect()
    }

    pub(crate) fn offsets(&self, partition: i32) -> Vec<i64> {
        let records = self.0.get(&tp("t", partition)).into_iter().flatten();
        records.map(|(offset, _)| *offset).collect()
    }

    /// Every partition's offsets go up by one, without a gap or repetition.
    #[track_caller]
    pub(crate) fn check_contiguous(&self) {
        for (partition, records) in &self.0 {
            for pair in records.windows(2) {
                assert_eq!(pair[0].0 + 1, pair[1].0, "{partition}");
            }
        }
    }
}

/// Speaks to one node without a client of ours.
pub(crate) async fn connect(broker: &Broker, node_id: i32) -> Connection {
    let servers = broker.bootstrap_servers();
    let index = usize::try_from(node_id - 1).unwrap();
    let (host, port) = servers.split(',').nth(index).unwrap().rsplit_once(':').unwrap();
    Connection::connect(host, port.parse().unwrap(), &ConnectionConfig::default()).await.unwrap()
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Producer {
    pub(crate) id: Option<(i64, i16)>,
    pub(crate) sequence: i32,
    pub(crate) compression: Compression,
}

pub(crate) fn batch(producer: Producer, values: &[String]) -> Bytes {
    let mut builder = RecordBatchBuilder::with_capacity(1024);
    for (timestamp, value) in (*TIME..).zip(values) {
        builder.append(timestamp, Some(b"key"), Some(value.as_bytes()), &[]).unwrap();
    }
    let (producer_id, producer_epoch) = producer.id.unwrap_or((-1, -1));
    let options = SealOptions {
        compression: producer.compression,
        producer_id,
        producer_epoch,
        base_sequence: if producer.id.is_some() { producer.sequence } else { -1 },
        is_transactional: producer.id.is_some(),
        ..Default::default()
    };
    builder.seal(&options, &mut Compressor::new()).unwrap().into_bytes()
}

/// Writes one batch; gives its first offset.
pub(crate) async fn produce_batch(
    broker: &Broker,
    partition: i32,
    records: Bytes,
    id: Option<&str>,
) -> i64 {
    let leader = broker.leader("t", partition).unwrap().unwrap();
    let connection = connect(broker, leader).await;
    let data =
        PartitionProduceData { index: partition, records: Some(records), ..Default::default() };
    let request = ProduceRequest {
        transactional_id: id.map(Into::into),
        acks: -1,
        timeout_ms: 10_000,
        topic_data: vec![TopicProduceData {
            name: "t".into(),
            partition_data: vec![data],
            ..Default::default()
        }],
        ..Default::default()
    };
    let pending = connection.start(&request, 9, PATIENCE).unwrap();
    let response = pending.await.unwrap();
    let answer = &response.responses[0].partition_responses[0];
    assert_eq!(ErrorCode(answer.error_code), ErrorCode::NONE);
    answer.base_offset
}

/// Writes the numbers of a range as values, ten to a batch.
pub(crate) async fn produce(broker: &Broker, partition: i32, numbers: std::ops::Range<usize>) {
    let values: Vec<String> = numbers.map(|number| number.to_string()).collect();
    for values in values.chunks(10) {
        produce_batch(broker, partition, batch(Producer::default(), values), None).await;
    }
}

/// A transaction that writes one batch and ends.
pub(crate) async fn transaction(broker: &Broker, id: &str, values: &[String], commit: bool) {
    let connection = connect(broker, 1).await;
    let request = InitProducerIdRequest {
        transactional_id: Some(id.into()),
        transaction_timeout_ms: 60_000,
        ..Default::default()
    };
    let producer = connection.start(&request, 2, PATIENCE).unwrap().await.unwrap();
    assert_eq!(producer.error_code, 0);
    let (producer_id, producer_epoch) = (producer.producer_id, producer.producer_epoch);
    let topic = AddPartitionsToTxnTopic {
        name: "t".into(),
        partitions: [0].into_iter().collect(),
        ..Default::default()
    };
    let request = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: id.into(),
        v3_and_below_producer_id: producer_id,
        v3_and_below_producer_epoch: producer_epoch,
        v3_and_below_topics: vec![topic],
        ..Default::default()
    };
    connection.start(&request, 2, PATIENCE).unwrap().await.unwrap();
    let producer = Producer { id: Some((producer_id, producer_epoch)), ..Default::default() };
    produce_batch(broker, 0, batch(producer, values), Some(id)).await;
    let request = EndTxnRequest {
        transactional_id: id.into(),
        producer_id,
        producer_epoch,
        committed: commit,
        ..Default::default()
    };
    let ended = connection.start(&request, 2, PATIENCE).unwrap().await.unwrap();
    assert_eq!(ended.error_code, 0);
}
