//! Faults: what is acknowledged is in the log, once and in order.

use std::time::Duration;

use milena_broker::{Broker, Fault};
use milena_wire::{ApiKey, ErrorCode};

use super::super::{Delivery, Producer, ProducerRecord};
use super::{config, numbers, start};
use crate::{ErrorKind, Written};

/// A producer that keeps five requests in flight.
fn quick(broker: &Broker) -> Producer {
    let config = config(broker).linger(Duration::ZERO).batch_size(200).build().unwrap();
    Producer::new(config).unwrap()
}

/// Sends so many numbers to one partition, then waits for all of them.
async fn send_numbers(producer: &Producer, count: u32) -> Vec<Option<i64>> {
    let mut deliveries: Vec<Delivery> = Vec::new();
    for at in 0..count {
        let value = at.to_be_bytes();
        let record = ProducerRecord::to("orders").value(&value).partition(0);
        deliveries.push(producer.send(record).await.unwrap());
        if at % 10 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut offsets = Vec::new();
    for delivery in deliveries {
        offsets.push(delivery.await.unwrap().offset());
    }
    offsets
}

/// Every number is in the log, once, in order, at the offset that was acknowledged.
async fn check(broker: &Broker, offsets: &[Option<i64>]) {
    let stored = numbers(broker, "orders", 0).await;
    assert!(stored.iter().copied().eq(0..u32::try_from(offsets.len()).unwrap()), "{stored:?}");
    for (at, offset) in (0..).zip(offsets) {
        assert!(offset.is_none_or(|offset| offset == at), "{offset:?} instead of {at}");
    }
}

async fn survives(faults: impl IntoIterator<Item = Fault>) {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let faults: Vec<_> = faults.into_iter().map(|fault| broker.faults().inject(fault)).collect();
    let producer = quick(&broker);
    let offsets = send_numbers(&producer, 300).await;
    assert!(!faults.into_iter().any(|fault| broker.faults().is_armed(fault)), "it was never met");
    check(&broker, &offsets).await;
}

fn produce() -> Fault {
    Fault::on(ApiKey::PRODUCE)
}

#[tokio::test]
async fn errors_before_writing_are_retried_in_order() {
    let code = ErrorCode::NOT_ENOUGH_REPLICAS;
    survives([produce().error(code), produce().skip(3).times(2).error(code)]).await;
}

#[tokio::test]
async fn errors_after_writing_do_not_write_twice() {
    let code = ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    let first = produce().error_after_applying(code);
    survives([first, produce().skip(4).times(3).error_after_applying(code)]).await;
}

#[tokio::test]
async fn connections_lost_before_writing_are_made_again() {
    let first = produce().disconnect_before_applying();
    survives([first, produce().skip(5).times(2).disconnect_before_applying()]).await;
}

#[tokio::test]
async fn connections_lost_after_writing_do_not_write_twice() {
    let first = produce().disconnect_after_applying();
    survives([first, produce().skip(5).times(2).disconnect_after_applying()]).await;
}

#[tokio::test]
async fn truncated_responses_do_not_write_twice() {
    survives([produce().skip(2).truncate_response(7)]).await;
}

#[tokio::test]
async fn forgotten_producer_goes_on_in_the_next_epoch() {
    survives([produce().skip(3).error(ErrorCode::UNKNOWN_PRODUCER_ID)]).await;
}

#[tokio::test]
async fn gap_in_the_log_goes_on_in_the_next_epoch() {
    survives([produce().skip(3).error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER)]).await;
}

#[tokio::test]
async fn throttled_records_arrive_once_and_in_order() {
    survives([produce().skip(1).times(2).throttle(Duration::from_millis(50))]).await;
}

#[tokio::test]
async fn producer_id_is_asked_for_until_there_is_one() {
    let code = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    let init = || Fault::on(ApiKey::INIT_PRODUCER_ID);
    survives([init().times(2).error(code), init().disconnect_before_applying()]).await;
}

#[tokio::test]
async fn refused_producer_id_is_a_clear_error() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let code = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
    broker.faults().inject(Fault::on(ApiKey::INIT_PRODUCER_ID).error(code));
    let producer = quick(&broker);
    let record = ProducerRecord::to("orders").value("v");
    let error = producer.send_and_wait(record).await.unwrap_err();
    assert_eq!((error.code(), error.written()), (Some(code), Written::No));
    assert!(error.to_string().contains("enable.idempotence=false"), "{error}");
    // The next record asks again.
    producer.send_and_wait(record).await.unwrap();
}

#[tokio::test]
async fn refused_batch_does_not_stop_the_ones_after_it() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let producer = quick(&broker);
    let value = 9_u32.to_be_bytes();
    let record = ProducerRecord::to("orders").value(&value);
    producer.send_and_wait(record).await.unwrap();
    broker.faults().inject(produce().error(ErrorCode::INVALID_RECORD));
    let error = producer.send_and_wait(record).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::INVALID_RECORD));
    assert_eq!((error.kind(), error.written()), (ErrorKind::Broker, Written::No));
    let metadata = producer.send_and_wait(record).await.unwrap();
    assert_eq!(metadata.offset(), Some(1));
}

#[tokio::test]
async fn leader_moves_are_followed() {
    let builder = |broker: milena_broker::BrokerBuilder| {
        broker.nodes(3).default_replication_factor(3).topic("orders", 1)
    };
    let broker = start(builder).await;
    let producer = quick(&broker);
    let mut deliveries = Vec::new();
    for at in 0..600_u32 {
        if at % 100 == 50 {
            let leader = broker.leader("orders", 0).unwrap().unwrap();
            broker.move_leader("orders", 0, leader % 3 + 1).unwrap();
        }
        let value = at.to_be_bytes();
        let record = ProducerRecord::to("orders").value(&value).partition(0);
        deliveries.push(producer.send(record).await.unwrap());
        if at % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut offsets = Vec::new();
    for delivery in deliveries {
        offsets.push(delivery.await.unwrap().offset());
    }
    check(&broker, &offsets).await;
}

#[tokio::test]
async fn stopped_node_is_waited_for() {
    let broker = start(|broker| broker.topic("orders", 1)).await;
    let producer = quick(&broker);
    let value = 0_u32.to_be_bytes();
    let record = ProducerRecord::to("orders").value(&value).partition(0);
    producer.send_and_wait(record).await.unwrap();
    broker.stop_node(1).await.unwrap();
    let delivery = producer.send(record).await.unwrap();
    broker.start_node(1).await.unwrap();
    assert_eq!(delivery.await.unwrap().offset(), Some(1));
}

#[tokio::test]
async fn old_brokers_are_spoken_to_in_their_versions() {
    for release in ["1.0", "2.0", "2.8", "3.9"] {
        let broker = start(|broker| broker.as_version(release).topic("orders", 2)).await;
        let producer = quick(&broker);
        let offsets = send_numbers(&producer, 50).await;
        check(&broker, &offsets).await;
    }
}
