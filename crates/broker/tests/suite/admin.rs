//! Topics and their configuration.

use milena_broker::Broker;
use milena_wire::messages::create_partitions_request::CreatePartitionsTopic;
use milena_wire::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use milena_wire::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use milena_wire::messages::delete_topics_request::DeleteTopicState;
use milena_wire::messages::describe_configs_request::DescribeConfigsResource;
use milena_wire::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use milena_wire::messages::metadata_request::MetadataRequestTopic;
use milena_wire::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest, DeleteTopicsRequest,
    DescribeClusterRequest, DescribeConfigsRequest, DescribeTopicPartitionsRequest,
    IncrementalAlterConfigsRequest, MetadataRequest,
};
use milena_wire::{ErrorCode, Uuid};

use crate::raw::{Client, code, values};

fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic { name: name.into(), num_partitions, replication_factor, ..Default::default() }
}

fn metadata_of(names: &[&str], allow_auto_topic_creation: bool) -> MetadataRequest {
    let topic =
        |name: &&str| MetadataRequestTopic { name: Some((*name).into()), ..Default::default() };
    MetadataRequest {
        topics: Some(names.iter().map(topic).collect()),
        allow_auto_topic_creation,
        ..Default::default()
    }
}

#[tokio::test]
async fn topics_are_created_placed_and_deleted() {
    let broker = Broker::builder().nodes(3).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let mut configured = topic("configured", 2, 3);
    configured.configs = vec![CreatableTopicConfig {
        name: "retention.ms".into(),
        value: Some("5000".into()),
        ..Default::default()
    }];
    let mut placed = topic("placed", -1, -1);
    placed.assignments = vec![CreatableReplicaAssignment {
        broker_ids: [3, 1].into_iter().collect(),
        ..Default::default()
    }];
    let mut wrong = topic("wrong", 1, 1);
    wrong.configs = vec![CreatableTopicConfig {
        name: "retention.ms".into(),
        value: Some("soon".into()),
        ..Default::default()
    }];
    let topics = vec![
        configured,
        placed,
        topic("a b", 1, 1),
        topic("many", 1, 4),
        topic("none", 0, 1),
        wrong,
    ];
    let created = client.ask(7, &CreateTopicsRequest { topics, ..Default::default() }).await;
    let codes: Vec<_> = created.topics.iter().map(|topic| code(topic.error_code)).collect();
    assert_eq!(
        codes,
        [
            ErrorCode::NONE,
            ErrorCode::NONE,
            ErrorCode::INVALID_TOPIC_EXCEPTION,
            ErrorCode::INVALID_REPLICATION_FACTOR,
            ErrorCode::INVALID_PARTITIONS,
            ErrorCode::INVALID_CONFIG,
        ]
    );
    let metadata = client.ask(12, &metadata_of(&["configured", "placed"], false)).await;
    assert_eq!(metadata.brokers.len(), 3);
    assert_eq!(metadata.topics[0].partitions.len(), 2);
    assert_eq!(metadata.topics[1].partitions[0].replica_nodes[..], [3, 1]);
    assert_eq!(metadata.topics[1].partitions[0].leader_id, 3);

    let by_id = DeleteTopicState {
        name: None,
        topic_id: metadata.topics[0].topic_id,
        ..Default::default()
    };
    let by_name = DeleteTopicState {
        name: Some("placed".into()),
        topic_id: Uuid::ZERO,
        ..Default::default()
    };
    let missing = DeleteTopicState { name: Some("none".into()), ..Default::default() };
    let request =
        DeleteTopicsRequest { topics: vec![by_id, by_name, missing], ..Default::default() };
    let deleted = client.ask(6, &request).await;
    let codes: Vec<_> = deleted.responses.iter().map(|topic| code(topic.error_code)).collect();
    assert_eq!(codes, [ErrorCode::NONE, ErrorCode::NONE, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION]);
    assert_eq!(
        client.ask(12, &MetadataRequest { topics: None, ..Default::default() }).await.topics,
        []
    );
}

#[tokio::test]
async fn topics_grow_and_are_described_in_pages() {
    let broker = Broker::builder().topic("few", 2).topic("grows", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let grow = CreatePartitionsTopic {
        name: "grows".into(),
        count: 4,
        assignments: None,
        ..Default::default()
    };
    let grown =
        client.ask(3, &CreatePartitionsRequest { topics: vec![grow], ..Default::default() }).await;
    assert_eq!(code(grown.results[0].error_code), ErrorCode::NONE);
    let described = client
        .ask(
            0,
            &DescribeTopicPartitionsRequest { response_partition_limit: 3, ..Default::default() },
        )
        .await;
    let counts: Vec<_> = described.topics.iter().map(|topic| topic.partitions.len()).collect();
    assert_eq!(counts, [2, 1]);
    let request = DescribeTopicPartitionsRequest {
        response_partition_limit: 10,
        cursor: None,
        ..Default::default()
    };
    assert_eq!(client.ask(0, &request).await.topics[1].partitions.len(), 4);
}

#[tokio::test]
async fn validating_creates_nothing_and_creating_twice_is_refused() {
    let broker = Broker::start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let mut request = CreateTopicsRequest {
        topics: vec![topic("t", 1, 1)],
        validate_only: true,
        ..Default::default()
    };
    for (validate_only, expected) in [
        (true, ErrorCode::NONE),
        (false, ErrorCode::NONE),
        (false, ErrorCode::TOPIC_ALREADY_EXISTS),
        (true, ErrorCode::TOPIC_ALREADY_EXISTS),
    ] {
        request.validate_only = validate_only;
        assert_eq!(code(client.ask(7, &request).await.topics[0].error_code), expected);
    }
}

#[tokio::test]
async fn topics_come_into_being_when_they_are_asked_for_and_allowed() {
    let broker = Broker::builder().default_partitions(3).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let unknown = client.ask(12, &metadata_of(&["t"], false)).await;
    assert_eq!(code(unknown.topics[0].error_code), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let created = client.ask(12, &metadata_of(&["t"], true)).await;
    assert_eq!(
        (code(created.topics[0].error_code), created.topics[0].partitions.len()),
        (ErrorCode::NONE, 3)
    );
    let strict = Broker::builder().auto_create_topics(false).start().await.unwrap();
    let mut client = Client::connect(&strict).await;
    let unknown = client.ask(12, &metadata_of(&["t"], true)).await;
    assert_eq!(code(unknown.topics[0].error_code), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[tokio::test]
async fn configuration_is_changed_and_shown() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let entry = |name: &str, config_operation, value: &str| AlterableConfig {
        name: name.into(),
        config_operation,
        value: Some(value.into()),
        ..Default::default()
    };
    let alter = |configs| IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: 2,
            resource_name: "t".into(),
            configs,
            ..Default::default()
        }],
        ..Default::default()
    };
    let set =
        alter(vec![entry("max.message.bytes", 0, "77"), entry("cleanup.policy", 2, "compact")]);
    assert_eq!(code(client.ask(1, &set).await.responses[0].error_code), ErrorCode::NONE);
    // Nothing of a request with one bad entry is applied.
    let bad = alter(vec![entry("max.message.bytes", 0, "99"), entry("no.such.property", 0, "1")]);
    assert_eq!(code(client.ask(1, &bad).await.responses[0].error_code), ErrorCode::INVALID_CONFIG);

    let resource = |resource_type, name: &str| DescribeConfigsResource {
        resource_type,
        resource_name: name.into(),
        configuration_keys: None,
        ..Default::default()
    };
    let resources = vec![resource(2, "t"), resource(4, "1"), resource(2, "missing")];
    let described =
        client.ask(4, &DescribeConfigsRequest { resources, ..Default::default() }).await;
    let value = |name: &str| {
        let found = described.results[0].configs.iter().find(|config| config.name == name).unwrap();
        (found.value.as_deref().unwrap().to_owned(), found.config_source)
    };
    assert_eq!(value("max.message.bytes"), ("77".to_owned(), 1));
    assert_eq!(value("cleanup.policy"), ("delete,compact".to_owned(), 1));
    assert_eq!(value("retention.ms"), ("604800000".to_owned(), 5));
    assert!(described.results[1].configs.iter().any(|config| config.name == "num.partitions"));
    assert_eq!(code(described.results[2].error_code), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[tokio::test]
async fn deleted_records_are_out_of_range() {
    let broker = Broker::builder().topic("t", 1).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    for value in ["a", "b", "c"] {
        client.produce_values("t", 0, &[value]).await;
    }
    let delete = |offset| {
        let partition = DeleteRecordsPartition { partition_index: 0, offset, ..Default::default() };
        let topic = DeleteRecordsTopic {
            name: "t".into(),
            partitions: vec![partition],
            ..Default::default()
        };
        DeleteRecordsRequest { topics: vec![topic], ..Default::default() }
    };
    for (offset, expected) in [
        (2, (ErrorCode::NONE, 2)),
        (9, (ErrorCode::OFFSET_OUT_OF_RANGE, -1)),
        (-1, (ErrorCode::NONE, 3)),
    ] {
        let deleted = client.ask(2, &delete(offset)).await;
        let partition = &deleted.topics[0].partitions[0];
        assert_eq!((code(partition.error_code), partition.low_watermark), expected);
    }
    assert_eq!(code(client.fetch("t", 0, 2).await.error_code), ErrorCode::OFFSET_OUT_OF_RANGE);
    assert_eq!(client.produce_values("t", 0, &["d"]).await, 3);
    assert_eq!(values(&client.fetch("t", 0, 3).await).len(), 1);
}

#[tokio::test]
async fn the_cluster_describes_itself() {
    let broker = Broker::builder().nodes(2).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let described =
        client.ask(2, &DescribeClusterRequest { endpoint_type: 1, ..Default::default() }).await;
    assert_eq!((&*described.cluster_id, described.controller_id), (broker.cluster_id(), 1));
    let addresses: Vec<_> =
        described.brokers.iter().map(|node| format!("{}:{}", node.host, node.port)).collect();
    assert_eq!(addresses.join(","), broker.bootstrap_servers());
}
