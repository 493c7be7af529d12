//! Limits of memory, size and time.

use std::time::Duration;

use milena_broker::Fault;
use milena_wire::{ApiKey, ErrorCode};

use super::super::{Producer, ProducerRecord};
use super::{config, numbers, producer, start};
use crate::config::ProducerConfig;
use crate::{ErrorKind, Written};

#[tokio::test]
async fn send_waits_for_memory_instead_of_failing() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let config = config(&broker)
        .buffer_memory(20_000)
        .batch_size(4000)
        .max_request_size(10_000)
        .build()
        .unwrap();
    let producer = Producer::new(config).unwrap();
    for at in 0..2000_u32 {
        let mut value = at.to_be_bytes().to_vec();
        value.resize(200, 0);
        producer.send(ProducerRecord::to("orders").value(&value)).await.unwrap();
        assert!(producer.metrics().buffered_bytes <= 20_000);
    }
    producer.flush().await.unwrap();
    assert!(numbers(&broker, "orders", 0).await.into_iter().eq(0..2000));
}

#[tokio::test]
async fn memory_that_does_not_come_free_is_a_timeout() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let config = config(&broker)
        .buffer_memory(4000)
        .batch_size(4000)
        .max_block(Duration::from_millis(100))
        .build()
        .unwrap();
    let producer = Producer::new(config).unwrap();
    producer.topic("orders").await.unwrap();
    broker.faults().inject(Fault::on(ApiKey::PRODUCE).always().delay(Duration::from_secs(30)));
    let value = [7; 1500];
    let record = ProducerRecord::to("orders").value(&value);
    let mut accepted = 0;
    let error = loop {
        match producer.send(record).await {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(accepted, 2);
    assert_eq!((error.kind(), error.written()), (ErrorKind::Timeout, Written::No));
    assert!(error.to_string().contains("buffer.memory"), "{error}");
}

#[tokio::test]
async fn cancelled_send_gives_its_place_back() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let config = config(&broker).buffer_memory(4000).batch_size(4000).build().unwrap();
    let producer = Producer::new(config).unwrap();
    producer.topic("orders").await.unwrap();
    let fault = Fault::on(ApiKey::PRODUCE).delay(Duration::from_millis(300));
    broker.faults().inject(fault);
    let value = [7; 3900];
    let record = ProducerRecord::to("orders").value(&value);
    let first = producer.send(record).await.unwrap();
    let waiting = producer.send(record);
    assert!(tokio::time::timeout(Duration::from_millis(20), waiting).await.is_err());
    first.await.unwrap();
    producer.send_and_wait(record).await.unwrap();
    assert_eq!(broker.offsets("orders", 0).unwrap().1, 2, "the cancelled record is not there");
}

#[tokio::test]
async fn record_that_is_too_large_is_refused_before_anything_is_buffered() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let config = config(&broker).max_request_size(10_000).build().unwrap();
    let producer = Producer::new(config).unwrap();
    producer.topic("orders").await.unwrap();
    let value = [7; 10_000];
    let error = producer.send(ProducerRecord::to("orders").value(&value)).await.unwrap_err();
    assert_eq!((error.kind(), error.written()), (ErrorKind::InvalidArgument, Written::No));
    assert!(error.to_string().contains("max.request.size=10000"), "{error}");
    assert_eq!(producer.metrics().buffered_bytes, 0);
    let value = [7; 9_800];
    producer.send_and_wait(ProducerRecord::to("orders").value(&value)).await.unwrap();
}

#[tokio::test]
async fn batch_that_the_broker_finds_too_large_is_split() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let fault = Fault::on(ApiKey::PRODUCE).times(2).error(ErrorCode::MESSAGE_TOO_LARGE);
    broker.faults().inject(fault);
    let config = config(&broker).linger(Duration::from_millis(50)).build().unwrap();
    let producer = Producer::new(config).unwrap();
    let mut deliveries = Vec::new();
    for at in 0..20_u32 {
        let value = at.to_be_bytes();
        deliveries.push(producer.send(ProducerRecord::to("orders").value(&value)).await.unwrap());
    }
    for (at, delivery) in (0..).zip(deliveries) {
        assert_eq!(delivery.await.unwrap().offset(), Some(at));
    }
    assert!(numbers(&broker, "orders", 0).await.into_iter().eq(0..20));
}

#[tokio::test]
async fn delivery_ends_in_time_and_says_that_nothing_was_written() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let fault = Fault::on(ApiKey::PRODUCE).always().error(ErrorCode::NOT_ENOUGH_REPLICAS);
    broker.faults().inject(fault);
    let producer = short_of_time(&broker);
    let record = ProducerRecord::to("orders").value("v");
    let error = producer.send_and_wait(record).await.unwrap_err();
    assert_eq!((error.kind(), error.written()), (ErrorKind::Timeout, Written::No));
    assert_eq!((error.topic(), error.partition()), (Some("orders"), Some(0)));
    assert!(error.to_string().contains("NOT_ENOUGH_REPLICAS"), "{error}");
}

#[tokio::test]
async fn delivery_ends_in_time_and_says_that_it_may_be_written() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let fault = Fault::on(ApiKey::PRODUCE).always().disconnect_after_applying();
    broker.faults().inject(fault);
    let producer = short_of_time(&broker);
    let record = ProducerRecord::to("orders").value("v");
    let error = producer.send_and_wait(record).await.unwrap_err();
    assert_eq!((error.kind(), error.written()), (ErrorKind::Timeout, Written::Maybe));
    assert_eq!(broker.offsets("orders", 0).unwrap().1, 1, "it was written, once");
}

#[tokio::test]
async fn delivery_that_ends_in_time_names_the_broker_that_has_gone() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let (producer, address) = (short_of_time(&broker), broker.bootstrap_servers());
    producer.send_and_wait(ProducerRecord::to("orders").value("v")).await.unwrap();
    broker.shutdown().await;
    let record = ProducerRecord::to("orders").value("w");
    let error = producer.send_and_wait(record).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains(&format!("cannot connect to {address}")), "{cause}");
}

fn short_of_time(broker: &milena_broker::Broker) -> Producer {
    let config = config(broker)
        .linger(Duration::ZERO)
        .request_timeout(Duration::from_millis(300))
        .delivery_timeout(Duration::from_millis(400))
        .build()
        .unwrap();
    Producer::new(config).unwrap()
}

#[tokio::test]
async fn unknown_topic_is_an_error_after_max_block() {
    let broker = start(|broker| broker.auto_create_topics(false)).await;
    let config = config(&broker).max_block(Duration::from_millis(200)).build().unwrap();
    let producer = Producer::new(config).unwrap();
    let error = producer.send(ProducerRecord::to("nothing").value("v")).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    assert_eq!(error.written(), Written::No);
}

#[tokio::test]
async fn broker_that_is_not_there_is_an_error_after_max_block() {
    let config = ProducerConfig::builder("127.0.0.1:1")
        .max_block(Duration::from_millis(200))
        .build()
        .unwrap();
    let producer = Producer::new(config).unwrap();
    let error = producer.send(ProducerRecord::to("orders").value("v")).await.unwrap_err();
    assert_eq!((error.kind(), error.written()), (ErrorKind::Timeout, Written::No));
}

#[tokio::test]
async fn records_are_sent_one_by_one_without_batching() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let config = config(&broker).batch_size(0).build().unwrap();
    let producer = Producer::new(config).unwrap();
    for at in 0..20_u32 {
        let value = at.to_be_bytes();
        producer.send(ProducerRecord::to("orders").value(&value)).await.unwrap();
    }
    producer.flush().await.unwrap();
    assert!(numbers(&broker, "orders", 0).await.into_iter().eq(0..20));
    assert_eq!(producer.metrics().batches_sent, 20);
}

#[tokio::test]
async fn send_future_stays_small() {
    let broker = start(|broker| broker).await;
    let producer = producer(&broker);
    let future = producer.send(ProducerRecord::to("orders"));
    assert!(size_of_val(&future) <= 512, "{} bytes", size_of_val(&future));
    drop(future);
    assert!(size_of::<super::super::Delivery>() <= 64);
}
