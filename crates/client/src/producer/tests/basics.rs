//! Records in, records back.

use std::time::Duration;

use milena_wire::ApiKey;

use super::super::{Header, Producer, ProducerRecord};
use super::{config, number, numbers, producer, read, start};
use crate::config::{Acks, CompressionType};
use crate::{ErrorKind, Written};

#[tokio::test]
async fn record_comes_back_as_it_was() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let producer = producer(&broker);
    let headers =
        [Header::new("a", Some(b"1")), Header::new("a", None), Header::new("b", Some(b""))];
    let record = ProducerRecord::to("orders").key("k").value("v").headers(&headers);
    let metadata = producer.send_and_wait(record.timestamp_ms(1_700_000_000_000)).await.unwrap();
    assert_eq!((metadata.topic(), metadata.partition()), ("orders", 0));
    assert_eq!((metadata.offset(), metadata.timestamp_ms()), (Some(0), 1_700_000_000_000));
    assert_eq!(metadata.serialized_key_size(), Some(1));
    assert_eq!(metadata.serialized_value_size(), Some(1));
    let tombstone = ProducerRecord::to("orders").key("k");
    let metadata = producer.send_and_wait(tombstone).await.unwrap();
    assert_eq!(metadata.serialized_value_size(), None);

    let stored = read(&broker, "orders", 0).await;
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[0].key.as_deref(), Some(&b"k"[..]));
    assert_eq!(stored[0].timestamp, 1_700_000_000_000);
    let expected = [
        ("a".to_owned(), Some(b"1".to_vec())),
        ("a".to_owned(), None),
        ("b".to_owned(), Some(Vec::new())),
    ];
    assert_eq!(stored[0].headers, expected);
    assert_eq!((stored[1].value.clone(), stored[1].offset), (None, 1));
    assert_eq!(stored[1].timestamp, metadata.timestamp_ms());
}

#[tokio::test]
async fn many_records_arrive_once_and_in_order() {
    let broker = start(|broker| broker.topic("orders", 3)).await;
    let config = config(&broker).batch_size(1000).build().unwrap();
    let producer = Producer::new(config).unwrap();
    let mut deliveries = Vec::new();
    for at in 0..5000_u32 {
        let value = at.to_be_bytes();
        let record = ProducerRecord::to("orders").value(&value);
        deliveries.push(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
    let mut places = Vec::new();
    for delivery in deliveries {
        let metadata = delivery.await.unwrap();
        places.push((metadata.partition(), metadata.offset().unwrap()));
    }
    let mut seen = Vec::new();
    for partition in 0..3 {
        let stored = read(&broker, "orders", partition).await;
        let values: Vec<u32> =
            stored.iter().map(|record| number(record.value.as_deref())).collect();
        assert!(values.is_sorted());
        for record in &stored {
            let at = number(record.value.as_deref()) as usize;
            assert_eq!(places[at], (partition, record.offset));
        }
        seen.extend(values);
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..5000));
    let metrics = producer.metrics();
    assert_eq!((metrics.records_accepted, metrics.records_sent), (5000, 5000));
    assert_eq!((metrics.buffered_bytes, metrics.requests_in_flight), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_share_a_producer() {
    let broker = start(|broker| broker.topic("orders", 4)).await;
    let config = config(&broker).batch_size(2000).build().unwrap();
    let producer = Producer::new(config).unwrap();
    let tasks = (0..8_u32).map(|task| {
        let producer = producer.clone();
        tokio::spawn(async move {
            let orders = producer.topic("orders").await.unwrap();
            for at in 0..1000_u32 {
                let value = (task * 1000 + at).to_be_bytes();
                let record = orders.record().key(&value[2..]).value(&value);
                orders.send(record).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    producer.close(Duration::from_secs(20)).await.unwrap();
    let mut seen = Vec::new();
    for partition in 0..4 {
        let values = numbers(&broker, "orders", partition).await;
        for task in 0..8 {
            let of_task = values.iter().filter(|value| **value / 1000 == task);
            assert!(of_task.is_sorted(), "one task's records keep their order");
        }
        seen.extend(values);
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..8000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_is_never_sent_before_its_first_record() {
    // Without linger the background task takes a batch as soon as it hears of it.
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let config = config(&broker).linger(Duration::ZERO).build().unwrap();
    let producer = Producer::new(config).unwrap();
    for at in 0..1000 {
        let record = ProducerRecord::to("orders").value("v");
        assert_eq!(producer.send_and_wait(record).await.unwrap().offset(), Some(at));
    }
    let seen = broker.faults().requests();
    let produced = seen.iter().filter(|request| request.api_key == ApiKey::PRODUCE).count();
    assert_eq!((producer.metrics().batches_sent, produced), (1000, 1000));
}

#[tokio::test]
async fn every_codec_is_understood() {
    let broker = start(|broker| broker).await;
    for codec in [
        CompressionType::None,
        CompressionType::Gzip,
        CompressionType::Snappy,
        CompressionType::Lz4,
        CompressionType::Zstd,
    ] {
        let topic = codec.as_str();
        let config = config(&broker).compression_type(codec).batch_size(4000).build().unwrap();
        let producer = Producer::new(config).unwrap();
        for at in 0..500_u32 {
            let mut value = at.to_be_bytes().to_vec();
            value.resize(100, b'x');
            producer.send(ProducerRecord::to(topic).value(&value)).await.unwrap();
        }
        producer.close(Duration::from_secs(20)).await.unwrap();
        assert!(numbers(&broker, topic, 0).await.into_iter().eq(0..500), "{topic}");
    }
}

#[tokio::test]
async fn acknowledgements_can_be_left_out() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    for (acks, offset) in [(Acks::None, None), (Acks::Leader, Some(1)), (Acks::All, Some(2))] {
        let config = config(&broker).acks(acks).enable_idempotence(false).build().unwrap();
        let producer = Producer::new(config).unwrap();
        let record = ProducerRecord::to("orders").value("v");
        let metadata = producer.send_and_wait(record).await.unwrap();
        assert_eq!(metadata.offset(), offset);
        producer.close(Duration::from_secs(5)).await.unwrap();
        // Without an answer the log is the only witness.
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        while broker.offsets("orders", 0).unwrap().1 < offset.unwrap_or(0) + 1 {
            assert!(tokio::time::Instant::now() < deadline);
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn close_delivers_what_was_accepted_and_refuses_the_rest() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let config = config(&broker).linger(Duration::from_secs(10)).build().unwrap();
    let producer = Producer::new(config).unwrap();
    let delivery = producer.send(ProducerRecord::to("orders").value("v")).await.unwrap();
    producer.close(Duration::from_secs(10)).await.unwrap();
    assert_eq!(delivery.await.unwrap().offset(), Some(0));
    let error = producer.send(ProducerRecord::to("orders").value("v")).await.unwrap_err();
    assert_eq!((error.kind(), error.written()), (ErrorKind::Closed, Written::No));
    assert_eq!(producer.flush().await.unwrap_err().kind(), ErrorKind::Closed);
    producer.close(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn record_that_finds_room_is_accepted_before_anybody_awaits_it() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let config = config(&broker).linger(Duration::from_secs(10)).build().unwrap();
    let producer = Producer::new(config).unwrap();
    let record = ProducerRecord::to("orders").value("v");
    // Nothing is known of the topic yet: this one waits, and is not accepted when it is dropped.
    drop(producer.send(record));
    producer.send(record).await.unwrap();
    drop(producer.send(record));
    let mut sending = producer.send(record);
    (&mut sending).await.unwrap();
    let polled_again = sending.await.unwrap_err();
    assert_eq!(polled_again.kind(), ErrorKind::InvalidArgument);
    producer.flush().await.unwrap();
    assert_eq!(producer.metrics().records_sent, 3);
}

#[tokio::test]
async fn close_without_time_fails_what_is_left() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let config = config(&broker).linger(Duration::from_secs(10)).build().unwrap();
    let producer = Producer::new(config).unwrap();
    producer.send_and_wait(ProducerRecord::to("orders").value("v")).await.map(drop).unwrap_or(());
    let hold = milena_broker::Fault::on(ApiKey::PRODUCE);
    broker.faults().inject(hold.delay(Duration::from_secs(2)));
    let delivery = producer.send(ProducerRecord::to("orders").value("v")).await.unwrap();
    let error = producer.close(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let error = delivery.await.unwrap_err();
    assert_eq!((error.kind(), error.written()), (ErrorKind::Closed, Written::Maybe));
}

#[tokio::test]
async fn dropping_the_producer_still_delivers() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let config = config(&broker).linger(Duration::from_secs(10)).build().unwrap();
    let producer = Producer::new(config).unwrap();
    let delivery = producer.send(ProducerRecord::to("orders").value("v")).await.unwrap();
    drop(producer);
    assert_eq!(delivery.await.unwrap().offset(), Some(0));
}

#[test]
fn runtime_that_ends_fails_what_is_left() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (delivery, broker) = runtime.block_on(async {
        let broker = start(|broker| broker.topic("orders", 1)).await;
        let config = config(&broker).linger(Duration::from_secs(10)).build().unwrap();
        let producer = Producer::new(config).unwrap();
        let delivery = producer.send(ProducerRecord::to("orders").value("v")).await.unwrap();
        (delivery, broker)
    });
    drop(runtime);
    drop(broker);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(delivery).unwrap_err();
    assert_eq!((error.kind(), error.written()), (ErrorKind::Closed, Written::No));
}

#[test]
fn without_a_runtime_there_is_an_error() {
    let config = crate::config::ProducerConfig::builder("127.0.0.1:1").build().unwrap();
    let error = Producer::new(config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn deliveries_resolve_in_any_order_and_on_other_tasks() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let producer = producer(&broker);
    let mut tasks = Vec::new();
    for at in 0..50_u32 {
        let value = at.to_be_bytes();
        let delivery = producer.send(ProducerRecord::to("orders").value(&value)).await.unwrap();
        tasks.push(tokio::spawn(delivery));
    }
    for (at, task) in tasks.into_iter().enumerate().rev() {
        let metadata = task.await.unwrap().unwrap();
        assert_eq!(metadata.offset(), i64::try_from(at).ok());
    }
}
