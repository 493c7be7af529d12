//! Committing: by hand, by itself, and under faults.

use std::time::Duration;

use milena::{Consumer, ErrorKind, consumer::OffsetAndMetadata};
use milena_broker::{Broker, Fault};
use milena_wire::{ApiKey, ErrorCode};

use crate::support::*;

async fn committer(broker: &Broker) -> Consumer {
    let config = config(broker, |builder| builder.group_id("group").enable_auto_commit(false));
    let consumer = Consumer::new(config).unwrap();
    consumer.assign([tp("t", 0), tp("t", 1)]).unwrap();
    consumer
}

async fn committed(consumer: &Consumer, partition: i32) -> Option<i64> {
    let key = tp("t", partition);
    let found = consumer.committed(std::slice::from_ref(&key)).await.unwrap();
    found[&key].as_ref().map(|offset| offset.offset)
}

#[tokio::test]
async fn commits_positions_and_explicit_offsets_with_metadata() {
    let broker = broker("t", 2).await;
    produce(&broker, 0, 0..10).await;
    let consumer = committer(&broker).await;
    assert_eq!(committed(&consumer, 0).await, None);
    let mut seen = Seen::default();
    poll_until(&consumer, &mut seen, |seen| seen.count() == 10).await.unwrap();
    consumer.commit_sync().await.unwrap();
    assert_eq!(committed(&consumer, 0).await, Some(10));
    let offset =
        OffsetAndMetadata { offset: 7, leader_epoch: Some(0), metadata: "half way".to_owned() };
    consumer.commit_offsets([(tp("t", 1), offset.clone())]).await.unwrap();
    let found = consumer.committed(&[tp("t", 1)]).await.unwrap();
    assert_eq!(found[&tp("t", 1)], Some(offset));
    let negative = OffsetAndMetadata { offset: -1, ..Default::default() };
    let error = consumer.commit_offsets([(tp("t", 1), negative)]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn commits_keep_their_order_and_the_last_one_stands() {
    let broker = broker("t", 2).await;
    let consumer = committer(&broker).await;
    let commits: Vec<_> = (0..50)
        .map(|offset| {
            let offset = OffsetAndMetadata { offset, ..Default::default() };
            consumer.commit_offsets([(tp("t", 0), offset)])
        })
        .collect();
    for commit in commits {
        within(commit).await.unwrap();
    }
    assert_eq!(committed(&consumer, 0).await, Some(49));
}

#[tokio::test]
async fn commits_survive_lost_connections_and_moving_coordinators() {
    let broker = Broker::builder().nodes(2).topic("t", 2).start().await.unwrap();
    let consumer = committer(&broker).await;
    let commit = |offset| {
        let offset = OffsetAndMetadata { offset, ..Default::default() };
        consumer.commit_offsets([(tp("t", 0), offset)])
    };
    within(commit(1)).await.unwrap();
    let faults = [
        Fault::on(ApiKey::OFFSET_COMMIT).disconnect_before_applying(),
        Fault::on(ApiKey::OFFSET_COMMIT).disconnect_after_applying(),
        Fault::on(ApiKey::OFFSET_COMMIT).error(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
        Fault::on(ApiKey::OFFSET_COMMIT).error(ErrorCode::NOT_COORDINATOR),
    ];
    for (offset, fault) in (2..).zip(faults) {
        broker.faults().inject(fault);
        within(commit(offset)).await.unwrap();
        assert_eq!(committed(&consumer, 0).await, Some(offset));
    }
    let other = 3 - broker.group_coordinator("group").unwrap();
    broker.move_group_coordinator("group", other).unwrap();
    within(commit(99)).await.unwrap();
    assert_eq!(committed(&consumer, 0).await, Some(99));
}

#[tokio::test]
async fn a_refused_commit_says_why() {
    let broker = broker("t", 2).await;
    let consumer = committer(&broker).await;
    let fault = Fault::on(ApiKey::OFFSET_COMMIT).error(ErrorCode::GROUP_AUTHORIZATION_FAILED);
    broker.faults().inject(fault);
    let offset = OffsetAndMetadata { offset: 1, ..Default::default() };
    let error = within(consumer.commit_offsets([(tp("t", 0), offset)])).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::GROUP_AUTHORIZATION_FAILED));
    assert_eq!((error.topic(), error.partition()), (Some("t"), Some(0)));
}

#[tokio::test]
async fn automatic_commits_cover_what_the_application_came_back_for() {
    let broker = broker("t", 1).await;
    produce(&broker, 0, 0..20).await;
    let config = config(&broker, |builder| {
        builder
            .group_id("group")
            .max_poll_records(10)
            .auto_commit_interval(Duration::from_millis(20))
    });
    let consumer = Consumer::new(config).unwrap();
    consumer.subscribe(["t"]).unwrap();
    let mut first = consumer.poll(PATIENCE).await.unwrap();
    while first.is_empty() {
        first = consumer.poll(PATIENCE).await.unwrap();
    }
    assert_eq!(first.len(), 10);
    // The application still works on the first ten: several intervals pass, and nothing of them is
    // committed.
    let before = consumer.metrics().commits;
    within(async {
        while consumer.metrics().commits < before + 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(committed(&consumer, 0).await, Some(0));
    assert_eq!(consumer.poll(PATIENCE).await.unwrap().len(), 10);
    within(async { while committed(&consumer, 0).await != Some(10) {} }).await;
    consumer.close(PATIENCE).await.unwrap();
    let other = committer(&broker).await;
    assert_eq!(committed(&other, 0).await, Some(20));
}
