//! The client against one node of every supported release, by SCRAM-SHA-512 over TLS.

use std::collections::BTreeMap;

use kafka_lab::KafkaVersion;
use milena::consumer::{Header, OwnedHeader};
use milena::{OwnedRecord, ProducerRecord, TopicPartition};

use crate::client::{self, Access, PATIENCE, within};
use crate::harness::{self, V1_1, V2_0, V2_8, V3_9, V4_3, V4_4};

const PARTITIONS: i32 = 3;
/// Records of each codec.
const COUNT: usize = 40;

/// A record as it is meant to arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Expected {
    offset: i64,
    timestamp: i64,
    key: Option<String>,
    value: Option<String>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

/// The expected records of each partition, in order.
type Log = BTreeMap<i32, Vec<Expected>>;

/// The codecs that a release knows: zstd came with 2.1 (KIP-110).
fn codecs(version: KafkaVersion) -> Vec<&'static str> {
    let mut all = vec!["none", "gzip", "snappy", "lz4"];
    if version.is_at_least(2, 1) {
        all.push("zstd");
    }
    all
}

/// A release does what the client asks of it.
async fn is_served(version: KafkaVersion) {
    let access = Access::scram(&harness::lab(version, 1));
    let topic = harness::unique("release");
    access.create_topic(&topic, PARTITIONS, 1).await;
    let log = written(&access, &topic, &codecs(version)).await;
    reads_what_was_written(&access, &topic, &log).await;
    continues_in_a_group(&access, &topic, &log).await;
    finds_offsets_of_times(&access, &topic, &log).await;
    deletes_records_and_topics(&access, &topic, &log).await;
}

/// Writes records of every shape with every codec, several in a batch.
async fn written(access: &Access, topic: &str, codecs: &[&str]) -> Log {
    let mut log = Log::new();
    let begin = client::now_ms() - 60_000;
    let mut number: usize = 0;
    for codec in codecs {
        let producer =
            access.clone().with("compression.type", *codec).with("linger.ms", "20").producer();
        let mut sent = Vec::new();
        for _ in 0..COUNT {
            let record = record(number, begin);
            let partition = (record.key.is_none()).then_some(i32::try_from(number % 3).unwrap());
            let headers: Vec<Header<'_>> = record
                .headers
                .iter()
                .map(|(name, value)| Header::new(name, value.as_deref()))
                .collect();
            let mut built = ProducerRecord::to(topic)
                .key_value(
                    record.key.as_deref().map(str::as_bytes),
                    record.value.as_deref().map(str::as_bytes),
                )
                .timestamp_ms(record.timestamp)
                .headers(&headers);
            if let Some(partition) = partition {
                built = built.partition(partition);
            }
            sent.push((record.clone(), within(producer.send(built)).await.unwrap()));
            number += 1;
        }
        for (mut record, delivery) in sent {
            let metadata = within(delivery).await.unwrap();
            record.offset = metadata.offset().unwrap();
            log.entry(metadata.partition()).or_default().push(record);
        }
        producer.close(PATIENCE).await.unwrap();
    }
    for records in log.values() {
        let offsets: Vec<i64> = records.iter().map(|record| record.offset).collect();
        let expected: Vec<i64> = (0..).take(records.len()).collect();
        assert_eq!(offsets, expected, "records are in the order in which they were sent");
    }
    log
}

/// Records with and without keys and values, with headers that repeat and with none.
fn record(number: usize, begin: i64) -> Expected {
    let headers = [
        ("trace".to_owned(), Some(b"\x00\xff".to_vec())),
        ("trace".to_owned(), None),
        (String::new(), Some(Vec::new())),
        ("trace".to_owned(), Some(number.to_string().into_bytes())),
    ];
    Expected {
        offset: -1,
        timestamp: begin + 10 * i64::try_from(number).unwrap(),
        key: (!number.is_multiple_of(4)).then(|| format!("ключ-{}", number % 11)),
        value: (number % 5 != 4).then(|| format!("{{\"event\":{number}}}").repeat(30)),
        headers: if number.is_multiple_of(2) { headers.to_vec() } else { Vec::new() },
    }
}

/// What a consumer got, in the form of what was expected.
fn log_of(records: &[OwnedRecord]) -> Log {
    let string = |bytes: &Option<bytes::Bytes>| {
        bytes.as_ref().map(|b| String::from_utf8(b.to_vec()).unwrap())
    };
    let header = |h: &OwnedHeader| (h.key.clone(), h.value.as_ref().map(|b| b.to_vec()));
    let mut log = Log::new();
    for record in records {
        log.entry(record.topic_partition.partition).or_default().push(Expected {
            offset: record.offset,
            timestamp: record.timestamp,
            key: string(&record.key),
            value: string(&record.value),
            headers: record.headers.iter().map(header).collect(),
        });
    }
    log
}

fn total(log: &Log) -> usize {
    log.values().map(Vec::len).sum()
}

fn partitions(topic: &str) -> Vec<TopicPartition> {
    (0..PARTITIONS).map(|partition| TopicPartition::new(topic, partition)).collect()
}

async fn reads_what_was_written(access: &Access, topic: &str, log: &Log) {
    let consumer = access.clone().with("auto.offset.reset", "earliest").consumer();
    consumer.assign(partitions(topic)).unwrap();
    let records = client::read(&consumer, total(log)).await;
    assert_eq!(log_of(&records), *log);
    let ends = within(consumer.end_offsets(&partitions(topic))).await.unwrap();
    for (partition, end) in ends {
        let length = i64::try_from(log[&partition.partition].len()).unwrap();
        assert_eq!(end, length);
        assert_eq!(within(consumer.position(&partition)).await.unwrap().offset, length);
    }
    consumer.close(PATIENCE).await.unwrap();
}

async fn continues_in_a_group(access: &Access, topic: &str, log: &Log) {
    let group = harness::unique("group");
    let access = access.clone().with("max.poll.records", "7");
    let first = access.member(&group);
    first.subscribe([topic]).unwrap();
    let mut records = client::read(&first, total(log) / 2).await;
    within(first.commit_sync()).await.unwrap();
    within(first.close(PATIENCE)).await.unwrap();

    let second = access.member(&group);
    second.subscribe([topic]).unwrap();
    let rest = total(log) - records.len();
    records.extend(client::read(&second, rest).await);
    assert_eq!(log_of(&records), *log, "each record came to one of the two");
    within(second.commit_sync()).await.unwrap();
    let committed = within(second.committed(&partitions(topic))).await.unwrap();
    for (partition, offset) in committed {
        let end = log[&partition.partition].len();
        assert_eq!(offset.map(|offset| offset.offset), i64::try_from(end).ok(), "{partition}");
    }
    second.close(PATIENCE).await.unwrap();
}

async fn finds_offsets_of_times(access: &Access, topic: &str, log: &Log) {
    let consumer = access.consumer();
    let partition = TopicPartition::new(topic, 1);
    let sought = &log[&1][log[&1].len() / 2];
    for (time, expected) in [
        (sought.timestamp, Some(sought.offset)),
        (sought.timestamp - 1, Some(sought.offset)),
        (0, Some(0)),
        (client::now_ms() + 1000, None),
    ] {
        let found = within(consumer.offsets_for_times([(partition.clone(), time)])).await.unwrap();
        let offset = found[&partition].as_ref().map(|found| found.offset);
        assert_eq!(offset, expected, "time {time}");
    }
    consumer.close(PATIENCE).await.unwrap();
}

async fn deletes_records_and_topics(access: &Access, topic: &str, log: &Log) {
    let admin = access.admin();
    let partition = TopicPartition::new(topic, 2);
    let deleted = within(admin.delete_records([(partition.clone(), 5)])).await.one().unwrap();
    assert_eq!(deleted.low_watermark, 5);
    let consumer = access.clone().with("auto.offset.reset", "earliest").consumer();
    consumer.assign([partition.clone()]).unwrap();
    let left = client::read(&consumer, log[&2].len() - 5).await;
    assert_eq!(log_of(&left)[&2], log[&2][5..]);
    let first = within(consumer.beginning_offsets(std::slice::from_ref(&partition))).await;
    assert_eq!(first.unwrap()[&partition], 5);
    consumer.close(PATIENCE).await.unwrap();

    let described = within(admin.describe_topics([topic])).await.one().unwrap();
    assert_eq!(described.partitions.len(), 3);
    within(admin.delete_topics([topic])).await.all().unwrap();
    // A broker learns a moment later that the topic has gone.
    let gone = async {
        loop {
            if let Err(error) = admin.describe_topics([topic]).await.one() {
                return error;
            }
        }
    };
    assert_eq!(within(gone).await.code(), Some(milena::ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn kafka_1_1_serves_the_client() {
    is_served(V1_1).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn kafka_2_0_serves_the_client() {
    is_served(V2_0).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn kafka_2_8_serves_the_client() {
    is_served(V2_8).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn kafka_3_9_serves_the_client() {
    is_served(V3_9).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn kafka_4_3_serves_the_client() {
    is_served(V4_3).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn kafka_4_4_serves_the_client() {
    is_served(V4_4).await;
}
