//! Fetch, ListOffsets and OffsetForLeaderEpoch.

use std::time::{Duration, Instant};

use milena_broker::Broker;
use milena_wire::ErrorCode;
use milena_wire::messages::fetch_request::ForgottenTopic;
use milena_wire::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use milena_wire::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use milena_wire::messages::{ListOffsetsRequest, MetadataRequest, OffsetForLeaderEpochRequest};
use milena_wire::records::SealOptions;

use crate::raw::{Client, FETCH_BY_NAME, batch_at, code, fetch_request, values};

#[tokio::test]
async fn a_fetch_waits_until_records_arrive() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut consumer = Client::connect(&broker).await;
    let mut producer = Client::connect(&broker).await;
    let mut request = fetch_request("t", &[(0, 0)]);
    request.max_wait_ms = 15_000;
    let before = Instant::now();
    let fetching = tokio::spawn(async move { consumer.ask(FETCH_BY_NAME, &request).await });
    while !broker.faults().requests().iter().any(|seen| seen.api_key.name() == "Fetch") {
        tokio::task::yield_now().await;
    }
    producer.produce_values("t", 0, &["late"]).await;
    let response = fetching.await.unwrap();
    assert_eq!(values(&response.responses[0].partitions[0]), [(0, "late".to_owned())]);
    assert!(before.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_fetch_without_records_ends_after_its_wait() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let before = Instant::now();
    let fetched = client.fetch_with("t", 0, 0, |request| request.max_wait_ms = 120).await;
    assert!(before.elapsed() >= Duration::from_millis(110));
    assert_eq!((values(&fetched), code(fetched.error_code)), (vec![], ErrorCode::NONE));
}

#[tokio::test]
async fn limits_hold_but_the_first_batch_is_always_given() {
    let broker = Broker::builder().topic("t", 2).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    for _ in 0..3 {
        client.produce_values("t", 0, &[&"x".repeat(500)]).await;
        client.produce_values("t", 1, &[&"y".repeat(500)]).await;
    }
    let one = client.fetch_with("t", 0, 0, |request| request.max_bytes = 1).await;
    assert_eq!(values(&one).len(), 1);
    let two = client
        .fetch_with("t", 0, 0, |request| request.topics[0].partitions[0].partition_max_bytes = 1300)
        .await;
    assert_eq!(values(&two).len(), 2);
    let mut request = fetch_request("t", &[(0, 0), (1, 0)]);
    request.max_bytes = 1;
    let response = client.ask(FETCH_BY_NAME, &request).await;
    let counts: Vec<_> =
        response.responses[0].partitions.iter().map(|data| values(data).len()).collect();
    assert_eq!(counts, [1, 0]);
}

#[tokio::test]
async fn offsets_outside_the_log_are_out_of_range() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    client.produce_values("t", 0, &["a"]).await;
    for offset in [-1, 2, i64::MAX] {
        let fetched = client.fetch("t", 0, offset).await;
        assert_eq!(code(fetched.error_code), ErrorCode::OFFSET_OUT_OF_RANGE, "{offset}");
    }
    assert_eq!(
        code(client.fetch("t", 9, 0).await.error_code),
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    );
}

#[tokio::test]
async fn a_session_remembers_partitions_and_tells_only_what_changed() {
    let broker = Broker::builder().topic("t", 3).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let mut request = fetch_request("t", &[(0, 0), (1, 0), (2, 0)]);
    request.session_epoch = 0;
    let full = client.ask(FETCH_BY_NAME, &request).await;
    assert!(full.session_id > 0);
    assert_eq!(full.responses[0].partitions.len(), 3);

    let mut incremental = fetch_request("t", &[]);
    incremental.topics.clear();
    (incremental.session_id, incremental.session_epoch) = (full.session_id, 1);
    assert_eq!(client.ask(FETCH_BY_NAME, &incremental).await.responses, []);

    client.produce_values("t", 1, &["a"]).await;
    incremental.session_epoch = 2;
    let changed = client.ask(FETCH_BY_NAME, &incremental).await;
    let partitions: Vec<_> =
        changed.responses[0].partitions.iter().map(|data| data.partition_index).collect();
    assert_eq!(partitions, [1]);

    incremental.session_epoch = 3;
    incremental.forgotten_topics_data = vec![ForgottenTopic {
        topic: "t".into(),
        partitions: [1].into_iter().collect(),
        ..Default::default()
    }];
    assert_eq!(client.ask(FETCH_BY_NAME, &incremental).await.responses, []);

    // The epoch does not fit any more, then the session is unknown.
    let wrong = client.ask(FETCH_BY_NAME, &incremental).await;
    assert_eq!(code(wrong.error_code), ErrorCode::INVALID_FETCH_SESSION_EPOCH);
    incremental.session_id += 1;
    let unknown = client.ask(FETCH_BY_NAME, &incremental).await;
    assert_eq!(code(unknown.error_code), ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
}

#[tokio::test]
async fn topics_can_be_fetched_by_id() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    client.produce_values("t", 0, &["a"]).await;
    let metadata = client.ask(12, &MetadataRequest { topics: None, ..Default::default() }).await;
    let mut request = fetch_request("", &[(0, 0)]);
    request.topics[0].topic_id = metadata.topics[0].topic_id;
    let response = client.ask(18, &request).await;
    assert_eq!(values(&response.responses[0].partitions[0]).len(), 1);
    request.topics[0].topic_id.0[3] ^= 1;
    let response = client.ask(18, &request).await;
    assert_eq!(code(response.responses[0].partitions[0].error_code), ErrorCode::UNKNOWN_TOPIC_ID);
}

async fn offset_for(client: &mut Client, timestamp: i64) -> (i64, i64) {
    let partition = ListOffsetsPartition {
        partition_index: 0,
        timestamp,
        current_leader_epoch: -1,
        ..Default::default()
    };
    let topic =
        ListOffsetsTopic { name: "t".into(), partitions: vec![partition], ..Default::default() };
    let response =
        client.ask(8, &ListOffsetsRequest { topics: vec![topic], ..Default::default() }).await;
    let found = &response.topics[0].partitions[0];
    assert_eq!(code(found.error_code), ErrorCode::NONE);
    (found.offset, found.timestamp)
}

#[tokio::test]
async fn offsets_are_found_by_time() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    assert_eq!(offset_for(&mut client, -1).await, (0, -1));
    assert_eq!(offset_for(&mut client, -3).await, (-1, -1));
    for (base, count) in [(1000, 3), (5000, 2), (3000, 1)] {
        client.produce("t", 0, batch_at(base, &vec!["v"; count], &SealOptions::default())).await;
    }
    assert_eq!(offset_for(&mut client, -2).await, (0, -1));
    assert_eq!(offset_for(&mut client, -1).await, (6, -1));
    assert_eq!(offset_for(&mut client, -3).await, (4, 5001));
    assert_eq!(offset_for(&mut client, 1001).await, (1, 1001));
    assert_eq!(offset_for(&mut client, 1500).await, (3, 5000));
    assert_eq!(offset_for(&mut client, 9000).await, (-1, -1));
}

#[tokio::test]
async fn epochs_end_where_the_next_one_begins() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    client.produce_values("t", 0, &["a", "b"]).await;
    assert_eq!(broker.move_leader("t", 0, 1), Ok(1));
    client.produce_values("t", 0, &["c"]).await;
    let ask = |current, epoch| {
        let partition = OffsetForLeaderPartition {
            current_leader_epoch: current,
            leader_epoch: epoch,
            ..Default::default()
        };
        let topic = OffsetForLeaderTopic {
            topic: "t".into(),
            partitions: vec![partition],
            ..Default::default()
        };
        OffsetForLeaderEpochRequest { replica_id: -1, topics: vec![topic], ..Default::default() }
    };
    for (current, epoch, expected) in [
        (1, 0, (ErrorCode::NONE, 0, 2)),
        (-1, 1, (ErrorCode::NONE, 1, 3)),
        (1, 5, (ErrorCode::NONE, -1, -1)),
        (0, 0, (ErrorCode::FENCED_LEADER_EPOCH, -1, -1)),
        (2, 0, (ErrorCode::UNKNOWN_LEADER_EPOCH, -1, -1)),
    ] {
        let response = client.ask(4, &ask(current, epoch)).await;
        let end = &response.topics[0].partitions[0];
        assert_eq!((code(end.error_code), end.leader_epoch, end.end_offset), expected);
    }
}

#[tokio::test]
async fn a_consumer_behind_a_truncation_is_told_where_its_epoch_ends() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    client.produce_values("t", 0, &["a"]).await;
    client.produce_values("t", 0, &["lost"]).await;
    assert_eq!(broker.truncate("t", 0, 1), Ok(1));
    client.produce_values("t", 0, &["b"]).await;
    let fetched = client
        .fetch_with("t", 0, 2, |request| {
            request.topics[0].partitions[0].last_fetched_epoch = 0;
            request.topics[0].partitions[0].current_leader_epoch = 1;
        })
        .await;
    assert_eq!((fetched.diverging_epoch.epoch, fetched.diverging_epoch.end_offset), (0, 1));
    assert_eq!(values(&fetched), []);
}
