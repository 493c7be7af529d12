//! Transactions under faults: what is committed counts once, what is aborted never.

use std::time::Duration;

use milena_broker::Fault;
use milena_wire::{ApiKey, ErrorCode};

use super::start;
use super::transactions::{
    PARTITIONS, PATIENCE, RELEASES, broker, committed, ready, record, transactional, within,
};
use crate::ErrorKind;

/// Commits, aborts and commits under a fault; the records of the commits count, once each.
async fn survives(release: &str, fault: impl Fn() -> Fault) {
    let broker = broker(release).await;
    let producer = ready(&broker).await;
    let mut expected = Vec::new();
    for (round, commits) in [true, false, true].into_iter().enumerate() {
        let id = broker.faults().inject(fault());
        let transaction = within(producer.begin_transaction()).await.unwrap();
        for number in 0..12 {
            let value = format!("{round}-{number:02}");
            transaction.send(record(&value, number % PARTITIONS)).await.unwrap();
            if commits {
                expected.push(value);
            }
        }
        if commits {
            within(transaction.commit()).await.unwrap();
            assert!(!broker.faults().is_armed(id), "{release} never met {:?}", fault());
        } else {
            // It may have nothing that would be asked for.
            within(transaction.abort()).await.unwrap();
        }
        broker.faults().clear();
    }
    assert_eq!(committed(&broker).await, expected, "{release} {:?}", fault());
}

#[tokio::test]
async fn lost_ends_are_repeated_and_count_once() {
    for release in RELEASES {
        survives(release, || Fault::on(ApiKey::END_TXN).disconnect_before_applying()).await;
        survives(release, || Fault::on(ApiKey::END_TXN).disconnect_after_applying()).await;
        survives(release, || Fault::on(ApiKey::END_TXN).truncate_response(5)).await;
    }
}

#[tokio::test]
async fn lost_additions_are_repeated() {
    for release in ["2.0", "2.8", "3.9"] {
        let add = || Fault::on(ApiKey::ADD_PARTITIONS_TO_TXN);
        survives(release, || add().disconnect_before_applying()).await;
        survives(release, || add().disconnect_after_applying()).await;
    }
}

#[tokio::test]
async fn lost_records_are_sent_again_and_count_once() {
    for release in RELEASES {
        survives(release, || Fault::on(ApiKey::PRODUCE).disconnect_before_applying()).await;
        survives(release, || Fault::on(ApiKey::PRODUCE).disconnect_after_applying()).await;
        let code = ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
        survives(release, || Fault::on(ApiKey::PRODUCE).error_after_applying(code)).await;
    }
}

#[tokio::test]
async fn coordinators_that_are_busy_are_asked_again() {
    for code in [
        ErrorCode::CONCURRENT_TRANSACTIONS,
        ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode::NOT_COORDINATOR,
        ErrorCode::COORDINATOR_NOT_AVAILABLE,
    ] {
        for release in ["2.8", "4.3"] {
            survives(release, || Fault::on(ApiKey::END_TXN).times(2).error(code)).await;
        }
        survives("2.8", || Fault::on(ApiKey::ADD_PARTITIONS_TO_TXN).error(code)).await;
    }
    let code = ErrorCode::CONCURRENT_TRANSACTIONS;
    survives("4.3", || Fault::on(ApiKey::PRODUCE).times(2).error(code)).await;
}

#[tokio::test]
async fn initialization_goes_on_until_there_is_a_coordinator() {
    let broker = broker("4.3").await;
    for fault in [
        Fault::on(ApiKey::FIND_COORDINATOR).times(2).error(ErrorCode::COORDINATOR_NOT_AVAILABLE),
        Fault::on(ApiKey::INIT_PRODUCER_ID).error(ErrorCode::CONCURRENT_TRANSACTIONS),
        Fault::on(ApiKey::INIT_PRODUCER_ID).error(ErrorCode::NOT_COORDINATOR),
        Fault::on(ApiKey::INIT_PRODUCER_ID).disconnect_after_applying(),
    ] {
        broker.faults().inject(fault);
    }
    let producer = ready(&broker).await;
    let transaction = producer.begin_transaction().await.unwrap();
    transaction.send(record("v", 0)).await.unwrap();
    within(transaction.commit()).await.unwrap();
    assert_eq!(committed(&broker).await, ["v"]);
}

#[tokio::test]
async fn refused_initialization_is_a_clear_error_and_can_be_repeated() {
    let broker = broker("4.3").await;
    let code = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    broker.faults().inject(Fault::on(ApiKey::INIT_PRODUCER_ID).error(code));
    let producer = transactional(&broker, |config| config);
    let error = within(producer.init_transactions()).await.unwrap_err();
    assert_eq!((error.code(), error.is_fatal()), (Some(code), false), "{error}");
    within(producer.init_transactions()).await.unwrap();
    // The coordinator is found by the right to the id, too: then it is the end.
    let producer = transactional(&broker, |config| config);
    broker.faults().inject(Fault::on(ApiKey::FIND_COORDINATOR).error(code));
    let error = within(producer.init_transactions()).await.unwrap_err();
    assert_eq!((error.code(), error.is_fatal()), (Some(code), true), "{error}");
}

#[tokio::test]
async fn failed_record_has_the_transaction_aborted_and_the_next_one_goes_on() {
    for release in RELEASES {
        for code in [
            ErrorCode::INVALID_RECORD,
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            ErrorCode::INVALID_PRODUCER_EPOCH,
            ErrorCode::TRANSACTION_ABORTABLE,
            ErrorCode::TOPIC_AUTHORIZATION_FAILED,
        ] {
            let broker = broker(release).await;
            let producer = ready(&broker).await;
            let transaction = producer.begin_transaction().await.unwrap();
            transaction.send_and_wait(record("lost", 0)).await.unwrap();
            broker.faults().inject(Fault::on(ApiKey::PRODUCE).error(code));
            let error = within(transaction.send_and_wait(record("lost", 0))).await.unwrap_err();
            assert!(error.requires_abort() && !error.is_fatal(), "{release} {error}");
            assert_eq!(error.code(), Some(code), "{release}");
            let error = transaction.send(record("lost", 1)).await.unwrap_err();
            assert!(error.requires_abort(), "{release} {error}");
            let error = within(transaction.commit()).await.unwrap_err();
            assert!(error.requires_abort() && !error.is_retriable(), "{release} {error}");
            within(transaction.abort()).await.unwrap();
            for value in ["x", "y"] {
                let transaction = producer.begin_transaction().await.unwrap();
                transaction.send_and_wait(record(value, 0)).await.unwrap();
                transaction.send(record(value, 1)).await.unwrap();
                within(transaction.commit()).await.unwrap();
            }
            assert_eq!(committed(&broker).await, ["x", "x", "y", "y"], "{release} {code}");
        }
    }
}

#[tokio::test]
async fn refused_partition_has_the_transaction_aborted() {
    for release in ["2.0", "2.8"] {
        let broker = broker(release).await;
        let producer = ready(&broker).await;
        let code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
        broker.faults().inject(Fault::on(ApiKey::ADD_PARTITIONS_TO_TXN).error(code));
        let transaction = producer.begin_transaction().await.unwrap();
        let error = within(transaction.send_and_wait(record("lost", 0))).await.unwrap_err();
        assert_eq!((error.code(), error.requires_abort()), (Some(code), true), "{error}");
        assert!(!error.may_have_been_written());
        within(transaction.abort()).await.unwrap();
        let transaction = producer.begin_transaction().await.unwrap();
        transaction.send(record("kept", 0)).await.unwrap();
        within(transaction.commit()).await.unwrap();
        assert_eq!(committed(&broker).await, ["kept"]);
    }
}

#[tokio::test]
async fn moved_and_stopped_coordinators_are_followed() {
    for level in [0, 2] {
        let broker = start(|broker| {
            broker
                .nodes(3)
                .default_replication_factor(3)
                .topic("out", PARTITIONS)
                .transaction_version(level)
        })
        .await;
        let producer = ready(&broker).await;
        let mut expected = Vec::new();
        for round in 0..6 {
            let transaction = within(producer.begin_transaction()).await.unwrap();
            let values: Vec<String> = (0..6).map(|number| format!("{round}{number}")).collect();
            for (partition, value) in (0..).zip(&values) {
                transaction.send(record(value, partition % PARTITIONS)).await.unwrap();
                if partition == 3 {
                    broker.move_transaction_coordinator("t", round % 3 + 1).unwrap();
                    let leader = broker.leader("out", 0).unwrap().unwrap();
                    broker.move_leader("out", 0, leader % 3 + 1).unwrap();
                }
            }
            if round == 4 {
                broker.stop_node(2).await.unwrap();
            }
            within(transaction.commit()).await.unwrap();
            expected.extend(values);
        }
        assert_eq!(committed(&broker).await, expected, "level {level}");
    }
}

#[tokio::test]
async fn commit_that_takes_too_long_goes_on_and_can_be_waited_for() {
    for release in ["2.8", "4.3"] {
        let broker = broker(release).await;
        let producer =
            transactional(&broker, |config| config.max_block(Duration::from_millis(500)));
        producer.init_transactions().await.unwrap();
        let transaction = producer.begin_transaction().await.unwrap();
        transaction.send_and_wait(record("kept", 0)).await.unwrap();
        let code = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
        let fault = broker.faults().inject(Fault::on(ApiKey::END_TXN).always().error(code));
        let error = transaction.commit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(error.is_retriable() && !error.requires_abort());
        let error = transaction.abort().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TransactionState, "{error}");
        broker.faults().remove(fault);
        within(async {
            while let Err(error) = transaction.commit().await {
                assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
            }
        })
        .await;
        assert_eq!(committed(&broker).await, ["kept"]);
    }
}

#[tokio::test]
async fn dropped_commit_goes_on_and_the_next_transaction_waits_for_it() {
    let broker = broker("4.3").await;
    let producer = ready(&broker).await;
    let transaction = producer.begin_transaction().await.unwrap();
    transaction.send_and_wait(record("kept", 0)).await.unwrap();
    let code = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
    broker.faults().inject(Fault::on(ApiKey::END_TXN).times(2).error(code));
    let cut = tokio::time::timeout(Duration::ZERO, transaction.commit()).await;
    assert!(cut.is_err());
    drop(transaction);
    let next = within(producer.begin_transaction()).await.unwrap();
    assert_eq!(committed(&broker).await, ["kept"]);
    within(next.abort()).await.unwrap();
    producer.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn records_that_expire_have_the_transaction_aborted() {
    for release in ["2.8", "4.3"] {
        let broker = broker(release).await;
        let producer = transactional(&broker, |config| {
            config
                .linger(Duration::ZERO)
                .request_timeout(Duration::from_millis(300))
                .delivery_timeout(Duration::from_secs(1))
        });
        producer.init_transactions().await.unwrap();
        let transaction = producer.begin_transaction().await.unwrap();
        transaction.send_and_wait(record("lost", 0)).await.unwrap();
        let fault = Fault::on(ApiKey::PRODUCE).always().disconnect_before_applying();
        let fault = broker.faults().inject(fault);
        let delivery = transaction.send(record("lost", 0)).await.unwrap();
        let error = within(transaction.commit()).await.unwrap_err();
        assert!(error.requires_abort(), "{release} {error}");
        assert!(within(delivery).await.unwrap_err().requires_abort());
        broker.faults().remove(fault);
        within(transaction.abort()).await.unwrap();
        let transaction = producer.begin_transaction().await.unwrap();
        transaction.send(record("kept", 0)).await.unwrap();
        within(transaction.commit()).await.unwrap();
        assert_eq!(committed(&broker).await, ["kept"], "{release}");
    }
}

#[tokio::test]
async fn old_coordinator_cannot_mend_records_of_unknown_fate() {
    let broker = broker("2.0").await;
    let producer = transactional(&broker, |config| {
        config
            .linger(Duration::ZERO)
            .request_timeout(Duration::from_millis(300))
            .delivery_timeout(Duration::from_secs(1))
    });
    producer.init_transactions().await.unwrap();
    let transaction = producer.begin_transaction().await.unwrap();
    broker.faults().inject(Fault::on(ApiKey::PRODUCE).always().disconnect_after_applying());
    transaction.send(record("lost", 0)).await.unwrap();
    let error = within(transaction.commit()).await.unwrap_err();
    assert!(error.is_fatal() || error.requires_abort(), "{error}");
    let error = within(transaction.abort()).await.unwrap_err();
    assert!(error.is_fatal(), "{error}");
    assert!(error.to_string().contains("2.5"), "{error}");
}
