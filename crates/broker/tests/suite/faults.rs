//! Faults on demand.

use std::time::{Duration, Instant};

use milena_broker::{Broker, Fault};
use milena_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use milena_wire::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use milena_wire::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use milena_wire::messages::offset_fetch_request::OffsetFetchRequestTopic;
use milena_wire::messages::{
    DeleteRecordsRequest, HeartbeatRequest, MetadataRequest, OffsetCommitRequest,
    OffsetDeleteRequest, OffsetFetchRequest,
};
use milena_wire::{ApiKey, ErrorCode};

use crate::raw::{Client, PRODUCE_BY_NAME, code, idempotent, produce_request};

fn records() -> bytes::Bytes {
    idempotent(-1, -1, -1, &["a"])
}

#[tokio::test]
async fn an_error_is_answered_without_or_after_doing_what_was_asked() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    broker.faults().inject(Fault::on(ApiKey::PRODUCE).error(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    broker
        .faults()
        .inject(Fault::on(ApiKey::PRODUCE).error_after_applying(ErrorCode::REQUEST_TIMED_OUT));
    let first = client.produce("t", 0, records()).await;
    assert_eq!(
        (code(first.error_code), broker.offsets("t", 0)),
        (ErrorCode::NOT_LEADER_OR_FOLLOWER, Ok((0, 0)))
    );
    let second = client.produce("t", 0, records()).await;
    assert_eq!(
        (code(second.error_code), broker.offsets("t", 0)),
        (ErrorCode::REQUEST_TIMED_OUT, Ok((0, 1)))
    );
    assert_eq!(code(client.produce("t", 0, records()).await.error_code), ErrorCode::NONE);
}

#[tokio::test]
async fn a_connection_is_cut_before_or_after() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    broker.faults().inject(Fault::on(ApiKey::PRODUCE).disconnect_before_applying());
    broker.faults().inject(Fault::on(ApiKey::PRODUCE).disconnect_after_applying());
    for written in [0, 1] {
        let mut client = Client::connect(&broker).await;
        let answer = client.try_ask(PRODUCE_BY_NAME, &produce_request("t", 0, records())).await;
        assert_eq!((answer, broker.offsets("t", 0)), (None, Ok((0, written))));
    }
}

#[tokio::test]
async fn a_response_is_cut_short() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    broker.faults().inject(Fault::on(ApiKey::METADATA).truncate_response(10));
    let mut client = Client::connect(&broker).await;
    assert_eq!(client.try_ask(9, &MetadataRequest::default()).await, None);
}

#[tokio::test]
async fn requests_are_delayed_and_throttled() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let delay = Duration::from_millis(80);
    broker
        .faults()
        .inject(Fault::on(ApiKey::METADATA).delay(delay).throttle(Duration::from_millis(250)));
    let mut client = Client::connect(&broker).await;
    let before = Instant::now();
    let response = client.ask(9, &MetadataRequest::default()).await;
    assert!(before.elapsed() >= delay);
    assert_eq!(response.throttle_time_ms, 250);
    assert_eq!(client.ask(9, &MetadataRequest::default()).await.throttle_time_ms, 0);
}

#[tokio::test]
async fn one_partition_fails_and_the_others_are_served() {
    let broker = Broker::builder().topic("t", 2).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    broker.faults().inject(
        Fault::on(ApiKey::FETCH).partition("t", 1).error(ErrorCode::KAFKA_STORAGE_ERROR).always(),
    );
    let mut request = crate::raw::fetch_request("t", &[(0, 0), (1, 0)]);
    request.max_wait_ms = 10_000;
    let response = client.ask(crate::raw::FETCH_BY_NAME, &request).await;
    let codes: Vec<_> =
        response.responses[0].partitions.iter().map(|data| code(data.error_code)).collect();
    assert_eq!(codes, [ErrorCode::NONE, ErrorCode::KAFKA_STORAGE_ERROR]);
    broker.faults().clear();
    request.max_wait_ms = 0;
    let response = client.ask(crate::raw::FETCH_BY_NAME, &request).await;
    assert!(response.responses[0].partitions.iter().all(|data| data.error_code == 0));
}

#[tokio::test]
async fn one_partition_is_served_and_answered_with_an_error() {
    const CODE: ErrorCode = ErrorCode::REQUEST_TIMED_OUT;
    let broker = Broker::builder().topic("t", 2).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let inject = |api| {
        let fault = Fault::on(api).partition("t", 1).error_after_applying(CODE);
        broker.faults().inject(fault)
    };

    inject(ApiKey::PRODUCE);
    assert_eq!(code(client.produce("t", 1, records()).await.error_code), CODE);
    assert_eq!(broker.offsets("t", 1), Ok((0, 1)));

    inject(ApiKey::DELETE_RECORDS);
    let partition = DeleteRecordsPartition { partition_index: 1, offset: 1, ..Default::default() };
    let topic =
        DeleteRecordsTopic { name: "t".into(), partitions: vec![partition], ..Default::default() };
    let request = DeleteRecordsRequest { topics: vec![topic], ..Default::default() };
    let response = client.ask(2, &request).await;
    assert_eq!(code(response.topics[0].partitions[0].error_code), CODE);
    assert_eq!(broker.offsets("t", 1), Ok((1, 1)));

    inject(ApiKey::OFFSET_COMMIT);
    let response = client.ask(8, &commit(&[(0, 10), (1, 11)])).await;
    let codes = response.topics[0].partitions.iter().map(|one| code(one.error_code));
    assert_eq!(codes.collect::<Vec<_>>(), [ErrorCode::NONE, CODE]);
    assert_eq!(committed(&mut client).await, [10, 11]);

    inject(ApiKey::OFFSET_DELETE);
    let partition = OffsetDeleteRequestPartition { partition_index: 1, ..Default::default() };
    let topic = OffsetDeleteRequestTopic {
        name: "t".into(),
        partitions: vec![partition],
        ..Default::default()
    };
    let request =
        OffsetDeleteRequest { group_id: "g".into(), topics: vec![topic], ..Default::default() };
    let response = client.ask(0, &request).await;
    assert_eq!(code(response.topics[0].partitions[0].error_code), CODE);
    assert_eq!(committed(&mut client).await, [10, -1]);

    let looks = inject(ApiKey::FETCH);
    assert_eq!(code(client.fetch("t", 1, 1).await.error_code), CODE);
    assert!(!broker.faults().is_armed(looks));
}

/// Commits offsets of partitions of the topic `t` for the group `g`.
fn commit(offsets: &[(i32, i64)]) -> OffsetCommitRequest {
    let partition = |&(partition_index, committed_offset): &(i32, i64)| {
        OffsetCommitRequestPartition { partition_index, committed_offset, ..Default::default() }
    };
    let topic = OffsetCommitRequestTopic {
        name: "t".into(),
        partitions: offsets.iter().map(partition).collect(),
        ..Default::default()
    };
    OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    }
}

/// What the group has committed for the first two partitions.
async fn committed(client: &mut Client) -> Vec<i64> {
    let topic = OffsetFetchRequestTopic {
        name: "t".into(),
        partition_indexes: [0, 1].into_iter().collect(),
        ..Default::default()
    };
    let request = OffsetFetchRequest {
        group_id: "g".into(),
        topics: Some(vec![topic]),
        ..Default::default()
    };
    let response = client.ask(7, &request).await;
    response.topics[0].partitions.iter().map(|one| one.committed_offset).collect()
}

#[tokio::test]
async fn a_request_with_acks_zero_is_not_answered_whatever_the_fault() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let code = ErrorCode::REQUEST_TIMED_OUT;
    for (fault, written) in [
        (Fault::on(ApiKey::PRODUCE).error(code), 0),
        (Fault::on(ApiKey::PRODUCE).error_after_applying(code), 1),
        (Fault::on(ApiKey::PRODUCE).partition("t", 0).error_after_applying(code), 2),
    ] {
        broker.faults().inject(fault);
        let mut client = Client::connect(&broker).await;
        let mut request = produce_request("t", 0, records());
        request.acks = 0;
        client.send(PRODUCE_BY_NAME, &request).await;
        assert_eq!(client.receive_frame().await, None);
        assert_eq!(broker.offsets("t", 0), Ok((0, written)));
    }
}

#[tokio::test]
async fn faults_can_be_chosen_by_what_was_seen() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let only_old = Fault::on_any()
        .when(|seen| seen.api_version < 2)
        .error(ErrorCode::COORDINATOR_NOT_AVAILABLE);
    broker.faults().inject(only_old);
    let beat = HeartbeatRequest { group_id: "g".into(), ..Default::default() };
    assert_eq!(code(client.ask(3, &beat).await.error_code), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(code(client.ask(1, &beat).await.error_code), ErrorCode::COORDINATOR_NOT_AVAILABLE);
    let seen: Vec<_> =
        broker.faults().requests().iter().map(|seen| (seen.api_key, seen.api_version)).collect();
    assert_eq!(seen, [(ApiKey::HEARTBEAT, 3), (ApiKey::HEARTBEAT, 1)]);
    assert_eq!(broker.faults().requests()[0].client_id.as_deref(), Some("raw"));
    broker.faults().clear_requests();
    assert!(broker.faults().requests().is_empty());
}
