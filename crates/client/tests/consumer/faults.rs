//! Leaders that move, logs that are truncated, requests that fail.

use milena::{Consumer, ErrorKind, config::AutoOffsetReset};
use milena_broker::{Broker, Fault};
use milena_wire::{ApiKey, ErrorCode};

use crate::support::*;

#[tokio::test]
async fn goes_on_after_every_error_that_may_pass() {
    let broker = broker("t", 1).await;
    let consumer = Consumer::new(config(&broker, |builder| builder)).unwrap();
    consumer.assign([tp("t", 0)]).unwrap();
    let mut seen = Seen::default();
    let codes = [
        ErrorCode::NOT_LEADER_OR_FOLLOWER,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode::FENCED_LEADER_EPOCH,
        ErrorCode::UNKNOWN_LEADER_EPOCH,
        ErrorCode::OFFSET_NOT_AVAILABLE,
        ErrorCode::KAFKA_STORAGE_ERROR,
        ErrorCode::REPLICA_NOT_AVAILABLE,
        ErrorCode::UNKNOWN_SERVER_ERROR,
        ErrorCode::FETCH_SESSION_ID_NOT_FOUND,
        ErrorCode::INVALID_FETCH_SESSION_EPOCH,
    ];
    for (round, code) in codes.into_iter().enumerate() {
        // As the answer to the whole fetch, and as one to the partition.
        broker.faults().inject(Fault::on(ApiKey::FETCH).error(code));
        broker.faults().inject(Fault::on(ApiKey::FETCH).partition("t", 0).error(code));
        produce(&broker, 0, round * 10..(round + 1) * 10).await;
        poll_until(&consumer, &mut seen, |seen| seen.count() == (round + 1) * 10).await.unwrap();
    }
    for (round, fault) in [
        Fault::on(ApiKey::FETCH).disconnect_before_applying(),
        Fault::on(ApiKey::FETCH).disconnect_after_applying(),
        Fault::on(ApiKey::FETCH).truncate_response(30),
    ]
    .into_iter()
    .enumerate()
    {
        broker.faults().inject(fault);
        produce(&broker, 0, 0..10).await;
        poll_until(&consumer, &mut seen, |seen| seen.count() == 110 + round * 10).await.unwrap();
    }
    seen.check_contiguous();
}

#[tokio::test]
async fn lookups_are_repeated_after_errors() {
    let broker = broker("t", 1).await;
    produce(&broker, 0, 0..10).await;
    for code in [ErrorCode::NOT_LEADER_OR_FOLLOWER, ErrorCode::LEADER_NOT_AVAILABLE] {
        broker.faults().inject(Fault::on(ApiKey::LIST_OFFSETS).error(code).times(2));
    }
    broker.faults().inject(Fault::on(ApiKey::LIST_OFFSETS).disconnect_before_applying());
    let consumer = Consumer::new(config(&broker, |builder| builder)).unwrap();
    consumer.assign([tp("t", 0)]).unwrap();
    let mut seen = Seen::default();
    poll_until(&consumer, &mut seen, |seen| seen.count() == 10).await.unwrap();
    let end = consumer.end_offsets(&[tp("t", 0)]).await.unwrap();
    assert_eq!(end[&tp("t", 0)], 10);
}

#[tokio::test]
async fn follows_a_leader_that_moves() {
    let broker = Broker::builder().nodes(3).default_replication_factor(3).topic("t", 1);
    let broker = broker.start().await.unwrap();
    let consumer = Consumer::new(config(&broker, |builder| builder)).unwrap();
    consumer.assign([tp("t", 0)]).unwrap();
    let mut seen = Seen::default();
    for round in 0..6usize {
        produce(&broker, 0, round * 10..(round + 1) * 10).await;
        poll_until(&consumer, &mut seen, |seen| seen.count() == (round + 1) * 10).await.unwrap();
        let leader = broker.leader("t", 0).unwrap().unwrap();
        broker.move_leader("t", 0, leader % 3 + 1).unwrap();
    }
    seen.check_contiguous();
}

#[tokio::test]
async fn truncation_is_an_error_without_a_policy_and_a_step_back_with_one() {
    for reset in [AutoOffsetReset::None, AutoOffsetReset::Earliest] {
        let broker = Broker::builder().nodes(2).default_replication_factor(2).topic("t", 1);
        let broker = broker.start().await.unwrap();
        produce(&broker, 0, 0..30).await;
        let config = config(&broker, |builder| builder.auto_offset_reset(reset));
        let consumer = Consumer::new(config).unwrap();
        consumer.assign([tp("t", 0)]).unwrap();
        consumer.seek(&tp("t", 0), 0).unwrap();
        let mut seen = Seen::default();
        poll_until(&consumer, &mut seen, |seen| seen.count() == 30).await.unwrap();
        broker.truncate("t", 0, 20).unwrap();
        let result = poll_until(&consumer, &mut seen, |seen| seen.count() > 30);
        if reset == AutoOffsetReset::None {
            let error = result.await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::LogTruncation);
            assert!(error.to_string().contains("up to offset 20"), "{error}");
        } else {
            let write = async {
                let at = tp("t", 0);
                while consumer.position(&at).await.unwrap().offset != 20 {
                    tokio::task::yield_now().await;
                }
                produce(&broker, 0, 100..105).await;
            };
            let ((), result) = tokio::join!(write, result);
            result.unwrap();
            assert_eq!(seen.0[&tp("t", 0)][30], (20, "100".to_owned()));
        }
    }
}

#[tokio::test]
async fn corruption_that_a_broker_finds_is_told_and_reading_goes_on() {
    let broker = broker("t", 1).await;
    produce(&broker, 0, 0..10).await;
    let fault = Fault::on(ApiKey::FETCH).partition("t", 0).error(ErrorCode::CORRUPT_MESSAGE);
    broker.faults().inject(fault);
    let consumer = Consumer::new(config(&broker, |builder| builder)).unwrap();
    consumer.assign([tp("t", 0)]).unwrap();
    let error = within(consumer.poll(PATIENCE)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::CORRUPT_MESSAGE));
    let mut seen = Seen::default();
    poll_until(&consumer, &mut seen, |seen| seen.count() == 10).await.unwrap();
}

#[tokio::test]
async fn a_poll_tells_of_wrong_credentials_at_once_and_each_time() {
    let broker = Broker::builder()
        .listener(milena_broker::SecurityProtocol::SaslPlaintext, "127.0.0.1", 0)
        .user("alice", "right")
        .topic("t", 1)
        .start()
        .await
        .unwrap();
    let servers = broker
        .bootstrap_servers_of(milena_broker::SecurityProtocol::SaslPlaintext)
        .expect("it has such a listener");
    let config = milena::config::ConsumerConfig::builder(servers)
        .security_protocol(milena::config::SecurityProtocol::SaslPlaintext)
        .sasl(milena::config::Sasl::scram_sha_512("alice", "wrong"))
        .build()
        .unwrap();
    let consumer = Consumer::new(config).unwrap();
    consumer.assign([tp("t", 0)]).unwrap();
    for _ in 0..2 {
        // Far less than default.api.timeout.ms, and than the poll's own time.
        let error = within(consumer.poll(std::time::Duration::from_secs(3600))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
    }
    consumer.close(std::time::Duration::from_secs(5)).await.unwrap();
}
