//! A broker with a data directory comes back as it was.

use milena_broker::Broker;
use milena_wire::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use milena_wire::messages::offset_fetch_request::OffsetFetchRequestTopic;
use milena_wire::messages::{
    InitProducerIdRequest, MetadataRequest, OffsetCommitRequest, OffsetFetchRequest,
};
use milena_wire::{ErrorCode, Uuid};

use crate::raw::{Client, code, idempotent, values};

async fn topic_id(client: &mut Client) -> Uuid {
    client.ask(12, &MetadataRequest { topics: None, ..Default::default() }).await.topics[0].topic_id
}

#[tokio::test]
async fn records_topics_offsets_and_producers_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let start = || {
        Broker::builder()
            .data_dir(directory.path())
            .topic_with("t", 2, 1, [("retention.ms", "-1")])
            .start()
    };
    let broker = start().await.unwrap();
    let cluster_id = broker.cluster_id().to_owned();
    let mut client = Client::connect(&broker).await;
    let id = topic_id(&mut client).await;
    let producer = client
        .ask(4, &InitProducerIdRequest { transactional_id: None, ..Default::default() })
        .await
        .producer_id;
    client.produce("t", 1, idempotent(producer, 0, 0, &["a", "b"])).await;
    let partition = OffsetCommitRequestPartition {
        partition_index: 1,
        committed_offset: 2,
        ..Default::default()
    };
    let topic = OffsetCommitRequestTopic {
        name: "t".into(),
        partitions: vec![partition],
        ..Default::default()
    };
    let commit = OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    };
    client.ask(8, &commit).await;
    broker.shutdown().await;

    let broker = start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    assert_eq!((broker.cluster_id(), topic_id(&mut client).await), (&*cluster_id, id));
    assert_eq!(values(&client.fetch("t", 1, 0).await).len(), 2);
    let again = client.produce("t", 1, idempotent(producer, 0, 0, &["a", "b"])).await;
    assert_eq!((code(again.error_code), again.base_offset), (ErrorCode::NONE, 0));
    let next = client.produce("t", 1, idempotent(producer, 0, 2, &["c"])).await;
    assert_eq!(next.base_offset, 2);
    assert_eq!(values(&client.fetch("t", 1, 0).await).len(), 3);
    let fresh = client
        .ask(4, &InitProducerIdRequest { transactional_id: None, ..Default::default() })
        .await
        .producer_id;
    assert!(fresh > producer);
    let asked = OffsetFetchRequestTopic {
        name: "t".into(),
        partition_indexes: [1].into_iter().collect(),
        ..Default::default()
    };
    let fetch = OffsetFetchRequest {
        group_id: "g".into(),
        topics: Some(vec![asked]),
        ..Default::default()
    };
    assert_eq!(client.ask(7, &fetch).await.topics[0].partitions[0].committed_offset, 2);
    assert!(broker.move_leader("t", 1, 1).unwrap() > 1, "the epoch goes on");
}

#[tokio::test]
async fn a_torn_write_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let start = || Broker::builder().data_dir(directory.path()).topic("t", 1).start();
    let broker = start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    client.produce_values("t", 0, &["kept"]).await;
    client.produce_values("t", 0, &["torn"]).await;
    broker.shutdown().await;
    let segment = directory.path().join("t-0/00000000000000000000.log");
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &bytes[..bytes.len() - 2]).unwrap();
    let broker = start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    assert_eq!(values(&client.fetch("t", 0, 0).await), [(0, "kept".to_owned())]);
    assert_eq!(client.produce_values("t", 0, &["next"]).await, 1);
}

#[tokio::test]
async fn a_deleted_topic_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::builder().data_dir(directory.path()).topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    client.produce_values("t", 0, &["a"]).await;
    assert!(broker.delete_topic("t"));
    assert!(!directory.path().join("t-0").exists());
    broker.create_topic("t", 1).unwrap();
    assert_eq!(values(&client.fetch("t", 0, 0).await), []);
    broker.shutdown().await;
    let broker = Broker::builder().data_dir(directory.path()).start().await.unwrap();
    assert_eq!(broker.offsets("t", 0), Ok((0, 0)));
}

#[tokio::test]
async fn more_than_memory_keeps_is_read_from_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::builder().data_dir(directory.path()).topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let value = "x".repeat(900_000);
    for _ in 0..14 {
        client.produce_values("t", 0, &[&value]).await;
    }
    for offset in [0, 3, 9, 13] {
        let fetched = client.fetch("t", 0, offset).await;
        let read = values(&fetched);
        assert_eq!((read[0].0, read[0].1.len()), (offset, value.len()));
    }
}
