//! Transactions: what readers see, what is fenced, what offsets count.

use milena_broker::{Broker, Fault};
use milena_wire::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use milena_wire::messages::offset_fetch_request::OffsetFetchRequestTopic;
use milena_wire::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use milena_wire::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, ApiVersionsRequest,
    DescribeProducersRequest, DescribeTransactionsRequest, EndTxnRequest, InitProducerIdRequest,
    InitProducerIdResponse, ListTransactionsRequest, OffsetFetchRequest, TxnOffsetCommitRequest,
};
use milena_wire::records::SealOptions;
use milena_wire::{ApiKey, ErrorCode};

use crate::raw::{Client, batch, code, produce_request, values};

async fn init(client: &mut Client) -> InitProducerIdResponse {
    let request = InitProducerIdRequest {
        transactional_id: Some("x".into()),
        transaction_timeout_ms: 60_000,
        producer_id: -1,
        producer_epoch: -1,
        ..Default::default()
    };
    client.ask(4, &request).await
}

async fn add(client: &mut Client, producer: &InitProducerIdResponse) -> ErrorCode {
    let topic = AddPartitionsToTxnTopic {
        name: "t".into(),
        partitions: [0].into_iter().collect(),
        ..Default::default()
    };
    let request = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: "x".into(),
        v3_and_below_producer_id: producer.producer_id,
        v3_and_below_producer_epoch: producer.producer_epoch,
        v3_and_below_topics: vec![topic],
        ..Default::default()
    };
    let response = client.ask(3, &request).await;
    code(response.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code)
}

async fn produce(
    client: &mut Client,
    producer: &InitProducerIdResponse,
    sequence: i32,
    value: &str,
) -> ErrorCode {
    let options = SealOptions {
        producer_id: producer.producer_id,
        producer_epoch: producer.producer_epoch,
        base_sequence: sequence,
        is_transactional: true,
        ..Default::default()
    };
    let mut request = produce_request("t", 0, batch(&[value], &options));
    request.transactional_id = Some("x".into());
    code(client.ask(11, &request).await.responses[0].partition_responses[0].error_code)
}

async fn end(client: &mut Client, producer: &InitProducerIdResponse, committed: bool) -> ErrorCode {
    let request = EndTxnRequest {
        transactional_id: "x".into(),
        producer_id: producer.producer_id,
        producer_epoch: producer.producer_epoch,
        committed,
        ..Default::default()
    };
    code(client.ask(3, &request).await.error_code)
}

#[tokio::test]
async fn committed_readers_stop_at_open_transactions_and_learn_of_aborted_ones() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let producer = init(&mut client).await;
    assert_eq!(produce(&mut client, &producer, 0, "early").await, ErrorCode::INVALID_TXN_STATE);
    assert_eq!(add(&mut client, &producer).await, ErrorCode::NONE);
    assert_eq!(produce(&mut client, &producer, 0, "aborted").await, ErrorCode::NONE);
    let open = client.fetch_with("t", 0, 0, |request| request.isolation_level = 1).await;
    assert_eq!((open.high_watermark, open.last_stable_offset, values(&open).len()), (1, 0, 0));
    assert_eq!(values(&client.fetch("t", 0, 0).await).len(), 1);
    assert_eq!(end(&mut client, &producer, false).await, ErrorCode::NONE);
    assert_eq!(end(&mut client, &producer, true).await, ErrorCode::INVALID_TXN_STATE);

    assert_eq!(add(&mut client, &producer).await, ErrorCode::NONE);
    assert_eq!(produce(&mut client, &producer, 1, "committed").await, ErrorCode::NONE);
    assert_eq!(end(&mut client, &producer, true).await, ErrorCode::NONE);
    let read = client.fetch_with("t", 0, 0, |request| request.isolation_level = 1).await;
    assert_eq!((read.high_watermark, read.last_stable_offset), (4, 4));
    let aborted: Vec<_> = read
        .aborted_transactions
        .iter()
        .flatten()
        .map(|one| (one.producer_id, one.first_offset))
        .collect();
    assert_eq!(aborted, [(producer.producer_id, 0)]);
    let read = client.fetch_with("t", 0, 2, |request| request.isolation_level = 1).await;
    assert_eq!(read.aborted_transactions, Some(vec![]));
}

#[tokio::test]
async fn a_partition_is_added_though_a_fault_says_otherwise() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let producer = init(&mut client).await;
    let fault = || Fault::on(ApiKey::ADD_PARTITIONS_TO_TXN).partition("t", 0);
    let code = ErrorCode::COORDINATOR_NOT_AVAILABLE;
    broker.faults().inject(fault().error(code));
    broker.faults().inject(fault().error_after_applying(code));
    assert_eq!(add(&mut client, &producer).await, code);
    assert_eq!(produce(&mut client, &producer, 0, "no").await, ErrorCode::INVALID_TXN_STATE);
    assert_eq!(add(&mut client, &producer).await, code);
    assert_eq!(produce(&mut client, &producer, 0, "yes").await, ErrorCode::NONE);
}

#[tokio::test]
async fn a_new_producer_with_the_same_id_fences_and_aborts() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let old = init(&mut client).await;
    add(&mut client, &old).await;
    produce(&mut client, &old, 0, "lost").await;
    let new = init(&mut client).await;
    assert_eq!((new.producer_id, new.producer_epoch), (old.producer_id, old.producer_epoch + 1));
    assert_eq!(produce(&mut client, &old, 1, "late").await, ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(add(&mut client, &old).await, ErrorCode::PRODUCER_FENCED);
    assert_eq!(end(&mut client, &old, true).await, ErrorCode::PRODUCER_FENCED);
    let read = client.fetch_with("t", 0, 0, |request| request.isolation_level = 1).await;
    assert_eq!(
        (read.last_stable_offset, read.aborted_transactions.map(|aborted| aborted.len())),
        (2, Some(1))
    );
}

#[tokio::test]
async fn offsets_of_a_transaction_are_committed_with_it() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let producer = init(&mut client).await;
    let (id, epoch) = (producer.producer_id, producer.producer_epoch);
    let adding = AddOffsetsToTxnRequest {
        transactional_id: "x".into(),
        producer_id: id,
        producer_epoch: epoch,
        group_id: "g".into(),
        ..Default::default()
    };
    assert_eq!(code(client.ask(3, &adding).await.error_code), ErrorCode::NONE);
    let partition = TxnOffsetCommitRequestPartition { committed_offset: 5, ..Default::default() };
    let topic = TxnOffsetCommitRequestTopic {
        name: "t".into(),
        partitions: vec![partition],
        ..Default::default()
    };
    let commit = TxnOffsetCommitRequest {
        transactional_id: "x".into(),
        group_id: "g".into(),
        producer_id: id,
        producer_epoch: epoch,
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    };
    let answer = client.ask(3, &commit).await;
    assert_eq!(code(answer.topics[0].partitions[0].error_code), ErrorCode::NONE);
    let asked = OffsetFetchRequestTopic {
        name: "t".into(),
        partition_indexes: [0].into_iter().collect(),
        ..Default::default()
    };
    let fetch = OffsetFetchRequest {
        group_id: "g".into(),
        topics: Some(vec![asked]),
        require_stable: true,
        ..Default::default()
    };
    let pending = client.ask(7, &fetch).await;
    assert_eq!(code(pending.topics[0].partitions[0].error_code), ErrorCode::UNSTABLE_OFFSET_COMMIT);
    assert_eq!(end(&mut client, &producer, true).await, ErrorCode::NONE);
    assert_eq!(client.ask(7, &fetch).await.topics[0].partitions[0].committed_offset, 5);
}

#[tokio::test]
async fn open_transactions_can_be_looked_at() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let producer = init(&mut client).await;
    add(&mut client, &producer).await;
    produce(&mut client, &producer, 0, "a").await;
    let listed = client.ask(0, &ListTransactionsRequest::default()).await;
    assert_eq!(
        (
            &*listed.transaction_states[0].transactional_id,
            &*listed.transaction_states[0].transaction_state
        ),
        ("x", "Ongoing")
    );
    let request = DescribeTransactionsRequest {
        transactional_ids: vec!["x".into(), "y".into()],
        ..Default::default()
    };
    let described = client.ask(0, &request).await;
    assert_eq!(described.transaction_states[0].topics[0].partitions[..], [0]);
    assert_eq!(
        code(described.transaction_states[1].error_code),
        ErrorCode::TRANSACTIONAL_ID_NOT_FOUND
    );
    let topic = milena_wire::messages::describe_producers_request::TopicRequest {
        name: "t".into(),
        partition_indexes: [0].into_iter().collect(),
        ..Default::default()
    };
    let producers = client
        .ask(0, &DescribeProducersRequest { topics: vec![topic], ..Default::default() })
        .await;
    let active = &producers.topics[0].partitions[0].active_producers[0];
    assert_eq!(
        (active.producer_id, active.last_sequence, active.current_txn_start_offset),
        (producer.producer_id, 0, 0)
    );
}

async fn level(client: &mut Client) -> Vec<(String, i16)> {
    let request = ApiVersionsRequest {
        client_software_name: "raw".into(),
        client_software_version: "1".into(),
        ..Default::default()
    };
    let response = client.ask(3, &request).await;
    let features = response.finalized_features.iter();
    features.map(|feature| (feature.name.to_string(), feature.max_version_level)).collect()
}

#[tokio::test]
async fn clusters_of_4_and_later_tell_that_they_have_the_second_protocol() {
    for (release, expected) in [("2.8", None), ("3.9", None), ("4.1", Some(2)), ("4.4", Some(2))] {
        let broker = Broker::builder().as_version(release).start().await.unwrap();
        let levels = level(&mut Client::connect(&broker).await).await;
        let expected: Vec<_> =
            expected.into_iter().map(|level| ("transaction.version".to_owned(), level)).collect();
        assert_eq!(levels, expected, "{release}");
    }
    let broker = Broker::builder().transaction_version(1).start().await.unwrap();
    let levels = level(&mut Client::connect(&broker).await).await;
    assert_eq!(levels, [("transaction.version".to_owned(), 1)]);
    let refused = Broker::builder().transaction_version(3).start().await;
    assert!(refused.unwrap_err().to_string().contains("0 to 2 was expected"));
}

#[tokio::test]
async fn the_second_protocol_adds_with_the_records_and_changes_the_epoch_with_the_end() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let producer = init(&mut client).await;
    let (id, epoch) = (producer.producer_id, producer.producer_epoch);
    let end = |producer_epoch, committed| EndTxnRequest {
        transactional_id: "x".into(),
        producer_id: id,
        producer_epoch,
        committed,
        ..Default::default()
    };
    let records = |producer_epoch, value| {
        let options = SealOptions {
            producer_id: id,
            producer_epoch,
            base_sequence: 0,
            is_transactional: true,
            ..Default::default()
        };
        let mut request = produce_request("t", 0, batch(&[value], &options));
        request.transactional_id = Some("x".into());
        request
    };
    let written = client.ask(12, &records(epoch, "kept")).await;
    assert_eq!(code(written.responses[0].partition_responses[0].error_code), ErrorCode::NONE);
    for _ in 0..2 {
        // The answer may be lost: the same end has the same answer.
        let ended = client.ask(5, &end(epoch, true)).await;
        assert_eq!(code(ended.error_code), ErrorCode::NONE);
        assert_eq!((ended.producer_id, ended.producer_epoch), (id, epoch + 1));
    }
    let refused = client.ask(5, &end(epoch, false)).await;
    assert_ne!(code(refused.error_code), ErrorCode::NONE);
    let late = client.ask(12, &records(epoch, "late")).await;
    let refused = code(late.responses[0].partition_responses[0].error_code);
    assert_eq!(refused, ErrorCode::INVALID_PRODUCER_EPOCH);
    let written = client.ask(12, &records(epoch + 1, "lost")).await;
    assert_eq!(code(written.responses[0].partition_responses[0].error_code), ErrorCode::NONE);
    assert_eq!(client.ask(5, &end(epoch + 1, false)).await.producer_epoch, epoch + 2);
    // A transaction that wrote nothing may be aborted.
    assert_eq!(client.ask(5, &end(epoch + 2, false)).await.producer_epoch, epoch + 3);
    let read = client.fetch_with("t", 0, 0, |request| request.isolation_level = 1).await;
    assert_eq!((read.high_watermark, read.last_stable_offset), (4, 4));
    let aborted: Vec<i64> =
        read.aborted_transactions.iter().flatten().map(|one| one.first_offset).collect();
    assert_eq!(aborted, [2]);
}
