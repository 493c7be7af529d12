//! Where records go.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::{Partitioner, Producer, ProducerRecord, TopicPartitions};
use super::{config, numbers, producer, start};
use crate::ErrorKind;
use crate::config::PartitionerClass;

#[tokio::test]
async fn keys_go_where_java_sends_them() {
    let broker = start(|broker| broker.topic("orders", 7)).await;
    let producer = producer(&broker);
    // (murmur2(key) & 0x7fffffff) % 7 with the hashes of Kafka's own test.
    for (key, hash) in [("21", -973_932_308_i32), ("foobar", -790_332_482), ("abc", 479_470_107)] {
        let record = ProducerRecord::to("orders").key(key).value("v");
        let partition = producer.send_and_wait(record).await.unwrap().partition();
        assert_eq!(partition, (hash & 0x7fff_ffff) % 7, "{key}");
    }
}

#[tokio::test]
async fn named_partition_is_taken() {
    let broker = start(|broker| broker.topic("orders", 3)).await;
    let producer = producer(&broker);
    let record = ProducerRecord::to("orders").key("21").value("v").partition(2);
    assert_eq!(producer.send_and_wait(record).await.unwrap().partition(), 2);
}

#[tokio::test]
async fn partition_that_does_not_exist_is_an_error() {
    let broker = start(|broker| broker.topic("orders", 3)).await;
    let config = config(&broker).max_block(Duration::from_millis(200)).build().unwrap();
    let producer = Producer::new(config).unwrap();
    for partition in [-1, 3] {
        let record = ProducerRecord::to("orders").value("v").partition(partition);
        let error = producer.send(record).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(error.partition(), Some(partition));
    }
}

#[tokio::test]
async fn records_without_key_fill_a_batch_before_they_move_on() {
    let broker = start(|broker| broker.topic("orders", 8)).await;
    let config = config(&broker).batch_size(2000).linger(Duration::from_secs(1)).build().unwrap();
    let producer = Producer::new(config).unwrap();
    let value = [7; 90];
    let mut runs: Vec<(i32, usize)> = Vec::new();
    let mut deliveries = Vec::new();
    for _ in 0..1000 {
        let record = ProducerRecord::to("orders").value(&value);
        let delivery = producer.send(record).await.unwrap();
        match runs.last_mut() {
            Some((partition, count)) if *partition == delivery.partition() => *count += 1,
            _ => runs.push((delivery.partition(), 1)),
        }
        deliveries.push(delivery);
    }
    producer.flush().await.unwrap();
    // 19 records fill a batch; a partition may be chosen again right away.
    let full = runs.iter().rev().skip(1).rev();
    assert!(full.clone().all(|(_, count)| count % 19 == 0), "{runs:?}");
    let partitions: BTreeSet<i32> = runs.iter().map(|(partition, _)| *partition).collect();
    assert!(partitions.len() >= 6, "{runs:?}");
    assert_eq!(producer.metrics().batches_sent, 1000_u64.div_ceil(19));
}

#[tokio::test]
async fn keys_can_be_ignored() {
    let broker = start(|broker| broker.topic("orders", 8)).await;
    let config = config(&broker).partitioner_ignore_keys(true).batch_size(300).build().unwrap();
    let producer = Producer::new(config).unwrap();
    let mut partitions = BTreeSet::new();
    for _ in 0..200 {
        let record = ProducerRecord::to("orders").key("same").value("v");
        partitions.insert(producer.send(record).await.unwrap().partition());
    }
    assert!(partitions.len() > 1);
    producer.flush().await.unwrap();
}

#[tokio::test]
async fn round_robin_takes_turns() {
    let broker = start(|broker| broker.topic("orders", 3)).await;
    let config = config(&broker).partitioner_class(PartitionerClass::RoundRobin).build().unwrap();
    let producer = Producer::new(config).unwrap();
    let mut turns = Vec::new();
    for _ in 0..6 {
        let record = ProducerRecord::to("orders").key("same").value("v");
        turns.push(producer.send(record).await.unwrap().partition());
    }
    assert_eq!(turns[..3], turns[3..]);
    assert_eq!(turns[..3].iter().collect::<BTreeSet<_>>().len(), 3);
}

/// The first byte of the value is the partition.
struct ByValue;

impl Partitioner for ByValue {
    fn partition(
        &self,
        _key: Option<&[u8]>,
        value: Option<&[u8]>,
        partitions: &TopicPartitions<'_>,
    ) -> u32 {
        assert_eq!((partitions.topic(), partitions.count()), ("orders", 3));
        value.map_or(0, |value| u32::from(value[0]))
    }
}

#[tokio::test]
async fn custom_partitioner_decides() {
    let broker = start(|broker| broker.topic("orders", 3)).await;
    let config = config(&broker).build().unwrap();
    let producer = Producer::builder(config).partitioner(ByValue).build().unwrap();
    let record = ProducerRecord::to("orders").value(&[2]);
    assert_eq!(producer.send_and_wait(record).await.unwrap().partition(), 2);
    let error = producer.send(ProducerRecord::to("orders").value(&[3])).await.unwrap_err();
    assert_eq!((error.kind(), error.partition()), (ErrorKind::InvalidArgument, Some(3)));
}

#[tokio::test]
async fn topics_are_created_when_they_are_first_used() {
    let broker = start(|broker| broker.default_partitions(2)).await;
    let producer = producer(&broker);
    let value = 7_u32.to_be_bytes();
    let record = ProducerRecord::to("fresh").value(&value).partition(1);
    producer.send_and_wait(record).await.unwrap();
    assert_eq!(numbers(&broker, "fresh", 1).await, [7]);
    assert_eq!(producer.partitions_count("fresh").await.unwrap(), 2);
}

#[tokio::test]
async fn handle_refuses_records_for_other_topics() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let producer = producer(&broker);
    let orders = producer.topic("orders").await.unwrap();
    let error = orders.send(ProducerRecord::to("other").value("v")).await.unwrap_err();
    assert_eq!((error.kind(), error.topic()), (ErrorKind::InvalidArgument, Some("orders")));
    orders.send(orders.record().value("v")).await.unwrap().await.unwrap();
}
