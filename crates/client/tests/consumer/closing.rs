//! Closing when brokers are gone.

use std::time::Duration;

use milena::{
    Consumer, ErrorKind,
    config::{Assignor, ConsumerConfig},
};
use milena_broker::{Broker, Fault};
use milena_wire::{ApiKey, ErrorCode};

use crate::support::*;

/// What a close has here; it takes far less.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Closes the consumer, which has to happen within a test's patience.
async fn close(consumer: &Consumer) -> Result<(), milena::Error> {
    within(consumer.close(TIMEOUT)).await
}

/// A member of the group that has read all of ten records.
async fn reader(broker: &Broker, change: impl Fn(Builder) -> Builder) -> Consumer {
    produce(broker, 0, 0..10).await;
    let consumer =
        Consumer::new(config(broker, |builder| change(builder.group_id("group")))).unwrap();
    consumer.subscribe(["t"]).unwrap();
    let mut seen = Seen::default();
    poll_until(&consumer, &mut seen, |seen| seen.count() == 10).await.unwrap();
    consumer
}

type Builder = milena::config::ConsumerConfigBuilder;

#[tokio::test]
async fn a_member_closes_soon_when_all_brokers_are_gone() {
    for commits in [true, false] {
        let broker = broker("t", 1).await;
        let consumer = reader(&broker, |builder| builder.enable_auto_commit(commits)).await;
        broker.stop_node(1).await.unwrap();
        let error = close(&consumer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{error:?}");
        assert!(error.to_string().contains("without leaving its group"), "{error}");
    }
}

#[tokio::test]
async fn a_static_member_has_nobody_to_tell() {
    let broker = broker("t", 1).await;
    let consumer =
        reader(&broker, |builder| builder.enable_auto_commit(false).group_instance_id("instance"))
            .await;
    broker.stop_node(1).await.unwrap();
    close(&consumer).await.unwrap();
}

#[tokio::test]
async fn who_never_reached_a_broker_closes_at_once() {
    // One port is nobody's, and behind the other nobody answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [refused, silent.local_addr().unwrap()] {
        let config = ConsumerConfig::builder(address.to_string()).group_id("group").build();
        let consumer = Consumer::new(config.unwrap()).unwrap();
        consumer.subscribe(["t"]).unwrap();
        let records = consumer.poll(Duration::from_millis(50)).await.unwrap();
        assert!(records.is_empty());
        close(&consumer).await.unwrap();
    }
}

#[tokio::test]
async fn commits_that_wait_fail_when_the_consumer_closes_without_a_broker() {
    let broker = broker("t", 1).await;
    let consumer = reader(&broker, |builder| builder.enable_auto_commit(false)).await;
    broker.stop_node(1).await.unwrap();
    let commit = consumer.commit_async();
    assert!(close(&consumer).await.is_err());
    let error = within(commit).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error:?}");
    assert!(error.to_string().contains("may have happened"), "{error}");
}

#[tokio::test]
async fn a_coordinator_that_can_be_found_is_waited_for() {
    let broker = Broker::builder().nodes(2).default_replication_factor(2).topic("t", 1);
    let broker = broker.start().await.unwrap();
    let consumer = reader(&broker, |builder| builder).await;
    let coordinator = broker.group_coordinator("group").unwrap();
    let code = ErrorCode::COORDINATOR_NOT_AVAILABLE;
    broker.faults().inject(Fault::on(ApiKey::FIND_COORDINATOR).error(code).times(3));
    broker.stop_node(coordinator).await.unwrap();
    // The session is gone with the coordinator, or not; the offsets are committed all the same.
    close(&consumer).await.unwrap();
    let next = member(&broker, Assignor::Range);
    let mut seen = Seen::default();
    produce(&broker, 0, 10..11).await;
    poll_until(&next, &mut seen, |seen| seen.count() > 0).await.unwrap();
    assert_eq!(seen.offsets(0), [10]);
}
