//! Counting, and every counter against the embedded broker.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use milena_broker::{Broker, Fault};
use milena_wire::{ApiKey, ErrorCode};

use super::*;
use crate::admin::NewTopic;
use crate::config::{AdminConfig, AutoOffsetReset, ConsumerConfig, ProducerConfig};
use crate::consumer::{ConsumerGroupMetadata, OffsetAndMetadata};
use crate::{Admin, Consumer, Producer, ProducerRecord, TopicPartition};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn snapshots_hold_what_was_counted() {
    let counters = Counters::default();
    counters.records_sent().add(3);
    counters.buffered_bytes().increment();
    counters.buffered_bytes().increment();
    counters.buffered_bytes().sub(1);
    counters.batches_retried().set(2);
    let snapshot = counters.snapshot(&ConnectionCounts::default());
    assert_eq!((snapshot.records_sent, snapshot.buffered_bytes), (3, 1));
    assert_eq!(snapshot.to_string(), "buffered_bytes=1 records_sent=3 batches_retried=2");
    let nothing = Counters::default().snapshot(&ConnectionCounts::default());
    assert_eq!(nothing, Snapshot::default());
}

#[test]
fn threads_count_together() {
    let counters = Counters::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1000).for_each(|_| counters.records_fetched().increment()));
        }
    });
    assert_eq!(counters.snapshot(&ConnectionCounts::default()).records_fetched, 4000);
}

#[test]
fn groups_lie_on_lines_of_their_own() {
    assert!(align_of::<Counters>() >= 128);
}

/// The first snapshot that is so.
async fn until(metrics: impl Fn() -> Snapshot, is_so: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let started = Instant::now();
    loop {
        let snapshot = metrics();
        if is_so(&snapshot) {
            return snapshot;
        }
        assert!(started.elapsed() < PATIENCE, "not so in time: {snapshot}");
        tokio::task::yield_now().await;
    }
}

async fn broker() -> Broker {
    Broker::builder().topic("t", 1).start().await.unwrap()
}

/// A producer that sends when it is told to.
fn producer(broker: &Broker) -> Producer {
    let config = ProducerConfig::builder(broker.bootstrap_servers())
        .linger(PATIENCE)
        .retries(2)
        .retry_backoff(Duration::from_millis(5))
        .retry_backoff_max(Duration::from_millis(5));
    Producer::new(config.build().unwrap()).unwrap()
}

/// Sends records of one batch; gives the snapshot before it went out.
async fn send(producer: &Producer, count: usize) -> Snapshot {
    for _ in 0..count {
        // What becomes of it is seen by the counters.
        drop(producer.send(ProducerRecord::to("t").value("value")).await.unwrap());
    }
    let before = producer.metrics();
    producer.flush().await.unwrap();
    before
}

#[tokio::test]
async fn a_producer_counts_its_records_batches_and_bytes() {
    let broker = broker().await;
    let producer = producer(&broker);
    let before = send(&producer, 10).await;
    assert!(before.buffered_bytes > 0, "{before}");
    let now = producer.metrics();
    assert_eq!((now.records_accepted, now.records_sent, now.records_failed), (10, 10, 0));
    assert_eq!((now.batches_sent, now.batches_retried, now.buffered_bytes), (1, 0, 0));
    // The batch lies in the log as it was sent.
    let config = ConsumerConfig::builder(broker.bootstrap_servers()).group_id("g");
    let config = config.auto_offset_reset(AutoOffsetReset::Earliest).build().unwrap();
    let consumer = Consumer::new(config).unwrap();
    consumer.assign([TopicPartition::new("t", 0)]).unwrap();
    assert_eq!(consumer.poll(PATIENCE).await.unwrap().len(), 10);
    assert!(now.bytes_sent > 61, "a header and ten records: {now}");
    assert_eq!(consumer.metrics().bytes_fetched, now.bytes_sent);
}

#[tokio::test]
async fn a_producer_counts_what_it_sends_again_and_what_fails() {
    let broker = broker().await;
    let producer = producer(&broker);
    let fault = || Fault::on(ApiKey::PRODUCE);
    // Two retries that succeed.
    broker.faults().inject(fault().error(ErrorCode::NOT_ENOUGH_REPLICAS).times(2));
    send(&producer, 1).await;
    let now = producer.metrics();
    assert_eq!((now.batches_retried, now.batches_sent, now.records_failed), (2, 1, 0));
    // Two retries that do not.
    broker.faults().inject(fault().error(ErrorCode::NOT_ENOUGH_REPLICAS).times(3));
    send(&producer, 3).await;
    let now = producer.metrics();
    assert_eq!((now.batches_retried, now.batches_sent, now.records_failed), (4, 1, 3));
    // An error that stays is no reason to try again.
    broker.faults().inject(fault().error(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    send(&producer, 1).await;
    let now = producer.metrics();
    assert_eq!((now.batches_retried, now.batches_sent, now.records_failed), (4, 1, 4));
    // A lost connection is one.
    broker.faults().inject(fault().disconnect_before_applying());
    send(&producer, 1).await;
    let now = producer.metrics();
    assert_eq!((now.batches_retried, now.batches_sent, now.records_failed), (5, 2, 4));
    assert_eq!((now.requests_failed, now.connections_lost), (1, 1));
    assert_eq!((now.records_accepted, now.records_sent), (6, 2));
}

#[tokio::test]
async fn a_producer_counts_its_transactions_and_the_time_of_their_calls() {
    let broker = broker().await;
    let config = ProducerConfig::builder(broker.bootstrap_servers()).transactional_id("t");
    let producer = Producer::new(config.build().unwrap()).unwrap();
    let pause = Duration::from_millis(50);
    let least = u64::try_from(pause.as_nanos()).unwrap();
    let slow = |api| broker.faults().inject(Fault::on(api).delay(pause));
    let record = || ProducerRecord::to("t").value("value");

    slow(ApiKey::INIT_PRODUCER_ID);
    producer.init_transactions().await.unwrap();
    let transaction = producer.begin_transaction().await.unwrap();
    let now = producer.metrics();
    assert!(now.txn_init_time_ns >= least && now.txn_begin_time_ns > 0, "{now}");
    assert_eq!((now.txn_send_offsets_time_ns, now.txn_commit_time_ns), (0, 0));

    transaction.send(record()).await.unwrap();
    slow(ApiKey::TXN_OFFSET_COMMIT);
    let offsets = [(TopicPartition::new("t", 0), OffsetAndMetadata::from(1))];
    transaction.send_offsets(offsets, &ConsumerGroupMetadata::new("g")).await.unwrap();
    slow(ApiKey::END_TXN);
    transaction.commit().await.unwrap();
    let now = producer.metrics();
    assert!(now.txn_send_offsets_time_ns >= least && now.txn_commit_time_ns >= least, "{now}");
    assert_eq!((now.transactions_committed, now.transactions_aborted), (1, 0));
    assert_eq!(now.txn_abort_time_ns, 0);

    let transaction = producer.begin_transaction().await.unwrap();
    transaction.send_and_wait(record()).await.unwrap();
    slow(ApiKey::END_TXN);
    transaction.abort().await.unwrap();
    let now = producer.metrics();
    assert!(now.txn_abort_time_ns >= least, "{now}");
    assert_eq!((now.transactions_committed, now.transactions_aborted), (1, 1));

    // One that was dropped is aborted too; the next call waits for it, and so takes as long.
    let before = now.txn_begin_time_ns;
    let transaction = producer.begin_transaction().await.unwrap();
    transaction.send_and_wait(record()).await.unwrap();
    slow(ApiKey::END_TXN);
    drop(transaction);
    producer.begin_transaction().await.unwrap().abort().await.unwrap();
    let now = producer.metrics();
    assert!(now.txn_begin_time_ns >= before + least, "{now}");
    assert_eq!((now.transactions_committed, now.transactions_aborted), (1, 3));
}

#[tokio::test]
async fn a_client_counts_its_requests_and_connections() {
    let broker = broker().await;
    let producer = producer(&broker);
    broker.faults().inject(Fault::on(ApiKey::PRODUCE).delay(Duration::from_millis(300)));
    drop(producer.send(ProducerRecord::to("t").value("value")).await.unwrap());
    let is_produced = async {
        producer.flush().await.unwrap();
        producer.metrics()
    };
    let is_waiting = |now: &Snapshot| {
        now.requests_in_flight > 0 && now.records_accepted > 0 && now.records_sent == 0
    };
    let (_, after) = tokio::join!(until(|| producer.metrics(), is_waiting), is_produced);
    assert_eq!(after.requests_in_flight, 0);
    let seen = broker.faults().requests().len() as u64;
    assert_eq!(after.requests_sent, seen, "{:?}", broker.faults().requests());
    assert!(after.bytes_out > after.bytes_sent && after.bytes_in > 0, "{after}");
    assert!(after.connections_made > 0, "{after}");
    assert_eq!(after.connections_open, after.connections_made, "{after}");
    broker.stop_node(1).await.unwrap();
    let gone = tokio::select! {
        _ = send(&producer, 1) => panic!("there is nobody to send to"),
        gone = until(|| producer.metrics(), |now| now.connections_failed > 0) => gone,
    };
    assert_eq!(gone.connections_open, 0);
    assert_eq!(gone.connections_lost, gone.connections_made);
}

#[tokio::test]
async fn a_consumer_counts_records_commits_and_its_group() {
    let broker = broker().await;
    send(&producer(&broker), 10).await;
    let config = ConsumerConfig::builder(broker.bootstrap_servers())
        .group_id("g")
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .enable_auto_commit(false)
        .heartbeat_interval(Duration::from_millis(20))
        .session_timeout(PATIENCE)
        .max_poll_records(1);
    let consumer = Consumer::new(config.build().unwrap()).unwrap();
    consumer.subscribe(["t"]).unwrap();
    assert_eq!(consumer.poll(PATIENCE).await.unwrap().len(), 1);
    let now = consumer.metrics();
    assert_eq!((now.records_fetched, now.rebalances, now.commits), (1, 1, 0));
    assert!(now.bytes_fetched > 0 && now.fetch_buffered_bytes > 0, "{now}");
    for _ in 1..10 {
        assert_eq!(consumer.poll(PATIENCE).await.unwrap().len(), 1);
    }
    let now = consumer.metrics();
    assert_eq!((now.records_fetched, now.fetch_buffered_bytes), (10, 0));
    consumer.commit_sync().await.unwrap();
    let fault = Fault::on(ApiKey::OFFSET_COMMIT).error(ErrorCode::GROUP_AUTHORIZATION_FAILED);
    broker.faults().inject(fault);
    consumer.commit_sync().await.unwrap_err();
    let now = until(|| consumer.metrics(), |now| now.heartbeats > 0).await;
    assert_eq!((now.commits, now.commits_failed, now.rebalances), (1, 1, 1));
    consumer.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_rebalance_that_fails_is_not_counted() {
    let broker = broker().await;
    broker.faults().inject(Fault::on(ApiKey::SYNC_GROUP).error(ErrorCode::REBALANCE_IN_PROGRESS));
    send(&producer(&broker), 1).await;
    let config = ConsumerConfig::builder(broker.bootstrap_servers()).group_id("g");
    let config = config.auto_offset_reset(AutoOffsetReset::Earliest).build().unwrap();
    let consumer = Consumer::new(config).unwrap();
    consumer.subscribe(["t"]).unwrap();
    assert_eq!(consumer.poll(PATIENCE).await.unwrap().len(), 1);
    assert_eq!(consumer.metrics().rebalances, 1);
    consumer.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn an_admin_counts_requests_that_it_sends_again() {
    let broker = broker().await;
    let config = AdminConfig::builder(broker.bootstrap_servers());
    let admin = Admin::new(config.build().unwrap()).unwrap();
    let fault = Fault::on(ApiKey::CREATE_TOPICS).error(ErrorCode::NOT_CONTROLLER).times(2);
    broker.faults().inject(fault);
    admin.create_topics([NewTopic::new("orders", 1, 1)]).await.all().unwrap();
    assert_eq!(admin.metrics().requests_retried, 2);
    assert!(admin.metrics().requests_sent >= 3, "{}", admin.metrics());
}

/// A counter that no test above looks at is one that nothing may count.
#[test]
fn every_counter_is_tested() {
    let tests = include_str!("tests.rs");
    let of_names = Snapshot::default();
    let names: BTreeSet<&str> = of_names.iter().map(|(name, _)| name).collect();
    let is_tested = |name: &&&str| {
        tests.contains(&format!("now.{name}"))
            || tests.contains(&format!("after.{name}"))
            || tests.contains(&format!("gone.{name}"))
            || tests.contains(&format!("metrics().{name}"))
    };
    let untested: Vec<_> = names.iter().filter(|name| !is_tested(name)).collect();
    assert!(untested.is_empty(), "{untested:?}");
}
