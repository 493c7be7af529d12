//! Transactions: what counts, what does not, and which calls are possible when.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use milena_broker::{Broker, BrokerBuilder};
use milena_wire::ErrorCode;

use super::super::{Producer, ProducerRecord};
use super::{config, start};
use crate::config::{
    AutoOffsetReset, CompressionType, ConsumerConfig, IsolationLevel, ProducerConfigBuilder,
};
use crate::consumer::{ConsumerGroupMetadata, OffsetAndMetadata};
use crate::{Consumer, Error, ErrorKind, TopicPartition};

pub(super) const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const PARTITIONS: i32 = 3;

/// Brokers by their protocol of transactions: without epochs on request, with them, and with one for
/// each transaction.
pub(super) const RELEASES: [&str; 4] = ["2.0", "2.8", "3.9", "4.3"];

pub(super) async fn broker(release: &str) -> Broker {
    start(|broker: BrokerBuilder| broker.as_version(release).topic("out", PARTITIONS)).await
}

pub(super) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

pub(super) fn transactional(
    broker: &Broker,
    change: impl FnOnce(ProducerConfigBuilder) -> ProducerConfigBuilder,
) -> Producer {
    let config = change(config(broker).transactional_id("t")).build().unwrap();
    Producer::new(config).unwrap()
}

/// A producer that can begin.
pub(super) async fn ready(broker: &Broker) -> Producer {
    let producer = transactional(broker, |config| config.linger(Duration::ZERO));
    within(producer.init_transactions()).await.unwrap();
    producer
}

pub(super) fn record(value: &str, partition: i32) -> ProducerRecord<'_> {
    ProducerRecord::to("out").value(value).partition(partition)
}

/// The values that readers of that level see, sorted.
pub(super) async fn seen(broker: &Broker, level: IsolationLevel) -> Vec<String> {
    let config = ConsumerConfig::builder(broker.bootstrap_servers())
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .isolation_level(level)
        .build()
        .unwrap();
    let consumer = Consumer::new(config).unwrap();
    let partitions: Vec<TopicPartition> =
        (0..PARTITIONS).map(|index| TopicPartition::new("out", index)).collect();
    consumer.assign(partitions.clone()).unwrap();
    let mut values = Vec::new();
    within(async {
        let ends = consumer.end_offsets(&partitions).await.unwrap();
        for partition in &partitions {
            while consumer.position(partition).await.unwrap().offset < ends[partition] {
                let records = consumer.poll(Duration::from_millis(20)).await.unwrap();
                let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
                values.extend(records.iter().map(|record| text(record.value.unwrap())));
            }
        }
    })
    .await;
    consumer.close(PATIENCE).await.unwrap();
    values.sort();
    values
}

pub(super) async fn committed(broker: &Broker) -> Vec<String> {
    seen(broker, IsolationLevel::ReadCommitted).await
}

fn state_error<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TransactionState, "{error}");
    assert!(!error.is_fatal() && !error.requires_abort() && !error.is_retriable());
    error.to_string()
}

#[tokio::test]
async fn committed_records_count_and_aborted_ones_do_not() {
    for release in RELEASES {
        let broker = broker(release).await;
        let producer = ready(&broker).await;
        for (name, commits) in [("a", true), ("b", false), ("c", false), ("d", true)] {
            let transaction = within(producer.begin_transaction()).await.unwrap();
            for partition in 0..PARTITIONS {
                for number in 0..4 {
                    let value = format!("{name}{partition}{number}");
                    transaction.send(record(&value, partition)).await.unwrap();
                }
            }
            within(producer.flush()).await.unwrap();
            if commits {
                within(transaction.commit()).await.unwrap();
            } else {
                within(transaction.abort()).await.unwrap();
            }
        }
        let values = committed(&broker).await;
        assert_eq!(values.len(), 24, "{release}");
        assert!(values.iter().all(|value| value.starts_with(['a', 'd'])), "{release}: {values:?}");
        assert_eq!(seen(&broker, IsolationLevel::ReadUncommitted).await.len(), 48);
        producer.close(PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn protocol_follows_the_feature_of_the_cluster() {
    use milena_wire::ApiKey;
    let adds = |broker: &Broker| {
        let seen = broker.faults().requests();
        let count = |key| seen.iter().filter(|request| request.api_key == key).count();
        let produce = seen.iter().filter(|request| request.api_key == ApiKey::PRODUCE);
        let versions = produce.map(|request| request.api_version).max().unwrap();
        (count(ApiKey::ADD_PARTITIONS_TO_TXN), versions >= 12)
    };
    for (level, expected) in [(0, (1, false)), (1, (1, false)), (2, (0, true))] {
        let broker = start(|broker| broker.transaction_version(level).topic("out", 3)).await;
        let producer = ready(&broker).await;
        for _ in 0..2 {
            let transaction = producer.begin_transaction().await.unwrap();
            transaction.send_and_wait(record("v", 0)).await.unwrap();
            transaction.send_and_wait(record("v", 0)).await.unwrap();
            transaction.commit().await.unwrap();
        }
        let (count, is_implicit) = adds(&broker);
        assert_eq!((count / 2, is_implicit), expected, "level {level}");
        assert_eq!(committed(&broker).await.len(), 4);
    }
}

#[tokio::test]
async fn transaction_without_records_ends_without_the_coordinator() {
    for release in RELEASES {
        let broker = broker(release).await;
        let producer = ready(&broker).await;
        let transaction = producer.begin_transaction().await.unwrap();
        within(transaction.commit()).await.unwrap();
        let transaction = producer.begin_transaction().await.unwrap();
        within(transaction.abort()).await.unwrap();
        let ends = broker.faults().requests();
        let is_end = |key| key == milena_wire::ApiKey::END_TXN;
        assert!(!ends.iter().any(|request| is_end(request.api_key)), "{release}");
    }
}

#[tokio::test]
async fn records_need_a_transaction() {
    let broker = broker("4.3").await;
    let producer = transactional(&broker, |config| config);
    let text = state_error(producer.send(record("early", 0)).await);
    assert!(text.contains("call init_transactions and begin_transaction first"), "{text}");
    state_error(producer.begin_transaction().await);
    producer.init_transactions().await.unwrap();
    producer.init_transactions().await.unwrap();
    let text = state_error(producer.send(record("early", 0)).await);
    assert!(text.contains("call begin_transaction first"), "{text}");
    let topic = producer.topic("out").await.unwrap();
    state_error(topic.send(topic.record().value("early")).await);

    let transaction = producer.begin_transaction().await.unwrap();
    state_error(producer.begin_transaction().await);
    topic.send(topic.record().value("in it").partition(1)).await.unwrap();
    producer.send(record("in it", 0)).await.unwrap();
    transaction.commit().await.unwrap();
    transaction.commit().await.unwrap();
    state_error(transaction.abort().await);
    state_error(transaction.send(record("late", 0)).await);
    state_error(producer.send(record("late", 0)).await);
    let next = producer.begin_transaction().await.unwrap();
    state_error(transaction.send(record("late", 0)).await);
    state_error(transaction.commit().await);
    drop(transaction);
    next.send(record("next", 0)).await.unwrap();
    next.commit().await.unwrap();
    assert_eq!(committed(&broker).await, ["in it", "in it", "next"]);

    let plain = super::producer(&broker);
    let text = state_error(plain.init_transactions().await);
    assert!(text.contains("transactional.id is not set"), "{text}");
    state_error(plain.begin_transaction().await);
}

#[tokio::test]
async fn dropped_transaction_is_aborted_before_the_next_one() {
    for release in RELEASES {
        let broker = broker(release).await;
        let producer = ready(&broker).await;
        let transaction = producer.begin_transaction().await.unwrap();
        transaction.send_and_wait(record("dropped", 0)).await.unwrap();
        let unsent = transaction.send(record("dropped", 1)).await.unwrap();
        drop(transaction);
        let next = within(producer.begin_transaction()).await.unwrap();
        // It was in time, or it was not; either way it does not count.
        let _fate = within(unsent).await;
        next.send(record("kept", 0)).await.unwrap();
        within(next.commit()).await.unwrap();
        assert_eq!(committed(&broker).await, ["kept"], "{release}");
    }
}

#[tokio::test]
async fn second_producer_of_an_id_fences_the_first() {
    for release in RELEASES {
        let broker = broker(release).await;
        let first = ready(&broker).await;
        let open = first.begin_transaction().await.unwrap();
        open.send_and_wait(record("zombie", 0)).await.unwrap();
        let second = ready(&broker).await;
        let transaction = second.begin_transaction().await.unwrap();
        transaction.send(record("kept", 0)).await.unwrap();

        let _refused_or_not = open.send_and_wait(record("zombie", 0)).await;
        let mut error = within(open.commit()).await.unwrap_err();
        if error.requires_abort() {
            // The partition's leader knows that the epoch is old, but not why.
            error = within(open.abort()).await.unwrap_err();
        }
        assert_eq!((error.kind(), error.is_fatal()), (ErrorKind::Fenced, true), "{error}");
        let error = first.begin_transaction().await.unwrap_err();
        assert_eq!((error.kind(), error.is_fatal()), (ErrorKind::Fenced, true), "{error}");
        let error = first.send(record("zombie", 1)).await.unwrap_err();
        assert!(error.is_fatal() && !error.requires_abort());

        within(transaction.commit()).await.unwrap();
        assert_eq!(committed(&broker).await, ["kept"], "{release}");
        drop(open);
        first.close(PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn transaction_that_takes_too_long_does_not_count() {
    for release in RELEASES {
        let broker = broker(release).await;
        let producer =
            transactional(&broker, |config| config.transaction_timeout(Duration::from_millis(500)));
        producer.init_transactions().await.unwrap();
        let transaction = producer.begin_transaction().await.unwrap();
        transaction.send_and_wait(record("late", 0)).await.unwrap();
        // The marker of the abort is the second record.
        within(async {
            while broker.offsets("out", 0).unwrap().1 < 2 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let error = within(transaction.commit()).await.unwrap_err();
        let next = if release == "4.3" {
            assert!(error.requires_abort(), "{error}");
            within(transaction.abort()).await.unwrap();
            producer
        } else {
            assert_eq!((error.kind(), error.is_fatal()), (ErrorKind::Fenced, true), "{error}");
            ready(&broker).await
        };
        assert_eq!(committed(&broker).await, [""; 0], "{release}");
        let transaction = next.begin_transaction().await.unwrap();
        transaction.send(record("kept", 0)).await.unwrap();
        within(transaction.commit()).await.unwrap();
        assert_eq!(committed(&broker).await, ["kept"], "{release}");
    }
}

async fn member(broker: &Broker, group: &str) -> Consumer {
    let config = ConsumerConfig::builder(broker.bootstrap_servers())
        .group_id(group)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .enable_auto_commit(false)
        .build()
        .unwrap();
    let consumer = Consumer::new(config).unwrap();
    consumer.subscribe(["out"]).unwrap();
    within(async {
        while consumer.assignment().is_empty() {
            consumer.poll(Duration::from_millis(20)).await.unwrap();
        }
    })
    .await;
    consumer
}

fn offset(offset: i64) -> [(TopicPartition, OffsetAndMetadata); 1] {
    let offset = OffsetAndMetadata { offset, ..OffsetAndMetadata::default() };
    [(TopicPartition::new("out", 0), offset)]
}

async fn committed_offset(consumer: &Consumer) -> Option<i64> {
    let partition = TopicPartition::new("out", 0);
    let committed: BTreeMap<_, _> =
        within(consumer.committed(std::slice::from_ref(&partition))).await.unwrap();
    committed[&partition].as_ref().map(|committed| committed.offset)
}

#[tokio::test]
async fn offsets_count_with_their_transaction() {
    for release in ["2.8", "3.9", "4.3"] {
        let broker = broker(release).await;
        let producer = ready(&broker).await;
        let consumer = member(&broker, "g").await;
        let group = consumer.group_metadata().unwrap();
        for (number, commits) in [(1, true), (2, false), (3, true), (4, false)] {
            let transaction = producer.begin_transaction().await.unwrap();
            within(transaction.send_offsets(offset(number), &group)).await.unwrap();
            let expected = if commits {
                within(transaction.commit()).await.unwrap();
                number
            } else {
                within(transaction.abort()).await.unwrap();
                number - 1
            };
            assert_eq!(committed_offset(&consumer).await, Some(expected), "{release}");
        }
        within(consumer.close(PATIENCE)).await.unwrap();
    }
}

#[tokio::test]
async fn consumer_that_has_left_its_group_sends_no_offsets() {
    for release in ["2.8", "4.3"] {
        let broker = broker(release).await;
        let producer = ready(&broker).await;
        let consumer = member(&broker, "g").await;
        let stale = consumer.group_metadata().unwrap();
        within(consumer.close(PATIENCE)).await.unwrap();
        let heir = member(&broker, "g").await;
        let transaction = producer.begin_transaction().await.unwrap();
        transaction.send(record("lost", 0)).await.unwrap();
        let error = within(transaction.send_offsets(offset(1), &stale)).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::UNKNOWN_MEMBER_ID), "{error}");
        assert!(error.requires_abort() && !error.is_fatal());
        let error = within(transaction.commit()).await.unwrap_err();
        assert!(error.requires_abort(), "{error}");
        within(transaction.abort()).await.unwrap();
        let transaction = producer.begin_transaction().await.unwrap();
        let group = heir.group_metadata().unwrap();
        within(transaction.send_offsets(offset(7), &group)).await.unwrap();
        within(transaction.commit()).await.unwrap();
        assert_eq!(committed_offset(&heir).await, Some(7));
        assert_eq!(committed(&broker).await, [""; 0]);
        within(heir.close(PATIENCE)).await.unwrap();
    }
}

#[tokio::test]
async fn brokers_before_2_5_take_offsets_of_no_member() {
    let broker = broker("2.0").await;
    let producer = ready(&broker).await;
    let consumer = member(&broker, "g").await;
    let transaction = producer.begin_transaction().await.unwrap();
    let group = consumer.group_metadata().unwrap();
    let error = within(transaction.send_offsets(offset(1), &group)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedVersion, "{error}");
    assert!(error.requires_abort() && error.to_string().contains("ConsumerGroupMetadata::new"));
    within(transaction.abort()).await.unwrap();
    within(consumer.close(PATIENCE)).await.unwrap();

    let transaction = producer.begin_transaction().await.unwrap();
    let group = ConsumerGroupMetadata::new("g");
    within(transaction.send_offsets(offset(1), &group)).await.unwrap();
    transaction.send_offsets([], &group).await.unwrap();
    let nobody = transaction.send_offsets(offset(1), &ConsumerGroupMetadata::new("")).await;
    assert_eq!(nobody.unwrap_err().kind(), ErrorKind::InvalidArgument);
    within(transaction.commit()).await.unwrap();
    assert_eq!(committed_offset(&member(&broker, "g").await).await, Some(1));
}

#[tokio::test]
async fn closing_aborts_what_is_open() {
    for release in RELEASES {
        let broker = broker(release).await;
        let producer = ready(&broker).await;
        let transaction = producer.begin_transaction().await.unwrap();
        transaction.send(record("open", 0)).await.unwrap();
        within(producer.close(PATIENCE)).await.unwrap();
        // The partition is stable: a reader of committed records gets to its end.
        assert_eq!(committed(&broker).await, [""; 0], "{release}");
        assert_eq!(broker.offsets("out", 0).unwrap().1, 2, "{release}: the record and its marker");
        assert_eq!(transaction.commit().await.unwrap_err().kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn compressed_and_split_batches_are_part_of_the_transaction() {
    let builder = |broker: BrokerBuilder| {
        broker.topic_with("out", PARTITIONS, 1, [("max.message.bytes", "1000")])
    };
    for compression in [CompressionType::None, CompressionType::Lz4, CompressionType::Zstd] {
        let broker = start(builder).await;
        let producer = transactional(&broker, |config| config.compression_type(compression));
        producer.init_transactions().await.unwrap();
        let values: Vec<String> = (0..64_u64)
            .map(|number| {
                let mut jitter = milena_core::backoff::Jitter::new(number);
                let words = (0..6).map(|_| format!("{:016x}", jitter.next_u64()));
                format!("{number:02}{}", words.collect::<String>())
            })
            .collect();
        for commits in [false, true] {
            let transaction = producer.begin_transaction().await.unwrap();
            for value in &values {
                transaction.send(record(value, 0)).await.unwrap();
            }
            if commits {
                within(transaction.commit()).await.unwrap();
            } else {
                within(producer.flush()).await.unwrap();
                within(transaction.abort()).await.unwrap();
            }
        }
        assert_eq!(committed(&broker).await, values, "{compression:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn record_that_is_sent_during_a_commit_is_in_it_or_refused() {
    for release in ["2.8", "4.3"] {
        let broker = broker(release).await;
        let producer = ready(&broker).await;
        let mut accepted = Vec::new();
        for round in 0..10 {
            let transaction = producer.begin_transaction().await.unwrap();
            let started = Arc::new(tokio::sync::Notify::new());
            let tasks: Vec<_> = (0..3)
                .map(|task| {
                    let (producer, started) = (producer.clone(), Arc::clone(&started));
                    tokio::spawn(async move {
                        let mut accepted = Vec::new();
                        for number in 0.. {
                            let value = format!("{round}-{task}-{number:06}");
                            match producer.send(record(&value, task)).await {
                                Ok(_) => accepted.push(value),
                                Err(error) => {
                                    assert_eq!(error.kind(), ErrorKind::TransactionState);
                                    return accepted;
                                }
                            }
                            started.notify_one();
                            tokio::task::yield_now().await;
                        }
                        accepted
                    })
                })
                .collect();
            started.notified().await;
            within(transaction.commit()).await.unwrap();
            for task in tasks {
                accepted.extend(within(task).await.unwrap());
            }
        }
        accepted.sort();
        assert!(committed(&broker).await == accepted, "{release}: they differ");
    }
}
