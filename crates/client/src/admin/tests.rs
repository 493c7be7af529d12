//! The admin client against the embedded broker.

use std::time::{Duration, Instant};

use bytes::Bytes;
use milena_broker::{Broker, Fault};
use milena_core::BrokerId;
use milena_pool::Purpose;
use milena_wire::compression::Compressor;
use milena_wire::messages::ProduceRequest;
use milena_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use milena_wire::records::{RecordBatchBuilder, SealOptions};
use milena_wire::{ApiKey, ByteString, ErrorCode, Uuid};

use super::*;
use crate::config::AdminConfig;
use crate::{ErrorKind, TopicPartition};

fn client(broker: &Broker) -> Admin {
    let config = AdminConfig::builder(broker.bootstrap_servers())
        .retry_backoff(Duration::from_millis(5))
        .retry_backoff_max(Duration::from_millis(20));
    Admin::new(config.build().unwrap()).unwrap()
}

async fn nodes(count: i32) -> (Broker, Admin) {
    let broker = Broker::builder().nodes(count).start().await.unwrap();
    let admin = client(&broker);
    (broker, admin)
}

async fn release(version: &str) -> (Broker, Admin) {
    let broker = Broker::builder().as_version(version).start().await.unwrap();
    let admin = client(&broker);
    (broker, admin)
}

/// Writes one batch with records of these timestamps to the leader.
async fn produce(admin: &Admin, partition: &TopicPartition, timestamps: &[i64]) {
    let mut batch = RecordBatchBuilder::with_capacity(1024);
    for timestamp in timestamps {
        batch.append(*timestamp, None, Some(b"value"), &[]).unwrap();
    }
    let records = batch.seal(&SealOptions::default(), &mut Compressor::default()).unwrap();
    let topic = admin.describe_topics([&*partition.topic]).await.one().unwrap();
    let leader = topic.partitions[usize::try_from(partition.partition).unwrap()].leader.unwrap();
    admin.inner.cluster.ready(admin.inner.deadline(None)).await.unwrap();
    let connection =
        admin.inner.cluster.connection(BrokerId(leader), Purpose::Produce).await.unwrap();
    let data = PartitionProduceData {
        index: partition.partition,
        records: Some(records.into_bytes()),
        ..Default::default()
    };
    let request = ProduceRequest {
        acks: -1,
        timeout_ms: 5_000,
        topic_data: vec![TopicProduceData {
            name: partition.topic.clone(),
            partition_data: vec![data],
            ..Default::default()
        }],
        ..Default::default()
    };
    let response = connection.start(&request, 9, Duration::from_secs(5)).unwrap().await.unwrap();
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
}

fn code<T: std::fmt::Debug>(result: Result<T, crate::Error>) -> ErrorCode {
    result.unwrap_err().code().unwrap()
}

#[tokio::test]
async fn creates_topics_and_tells_what_it_made() {
    let (_broker, admin) = nodes(1).await;
    let topics = [
        NewTopic::new("a", 3, 1).config("retention.ms", "1000"),
        NewTopic::with_broker_defaults("b"),
        NewTopic::with_assignments("c", [(0, vec![1]), (1, vec![1])]),
    ];
    let created = admin.create_topics(topics).await.all().unwrap();
    let shown: Vec<(&str, Option<i32>, Option<i16>)> = created
        .iter()
        .map(|(name, topic)| (name.as_str(), topic.partitions, topic.replication_factor))
        .collect();
    assert_eq!(shown, [("a", Some(3), Some(1)), ("b", Some(1), Some(1)), ("c", Some(2), Some(1))]);
    assert!(created.iter().all(|(_, topic)| topic.topic_id.is_some()));
    let configs = created[0].1.configs.as_ref().unwrap();
    let retention = configs.iter().find(|config| config.name == "retention.ms").unwrap();
    assert_eq!(retention.value.as_deref(), Some("1000"));
}

#[tokio::test]
async fn each_topic_fails_on_its_own_and_results_keep_their_order() {
    let (_broker, admin) = nodes(1).await;
    admin.create_topics([NewTopic::new("a", 1, 1)]).await.all().unwrap();
    let results = admin
        .create_topics([
            NewTopic::new("z", 1, 1),
            NewTopic::new("a", 1, 1),
            NewTopic::new("no/slash", 1, 1),
            NewTopic::new("m", 1, 9),
        ])
        .await;
    let codes: Vec<(String, Option<ErrorCode>)> = results
        .into_iter()
        .map(|(name, result)| (name, result.err().and_then(|error| error.code())))
        .collect();
    let expected = [
        ("z", None),
        ("a", Some(ErrorCode::TOPIC_ALREADY_EXISTS)),
        ("no/slash", Some(ErrorCode::INVALID_TOPIC_EXCEPTION)),
        ("m", Some(ErrorCode::INVALID_REPLICATION_FACTOR)),
    ];
    assert_eq!(codes, expected.map(|(name, code)| (name.to_owned(), code)));
}

#[tokio::test]
async fn validating_creates_nothing() {
    let (_broker, admin) = nodes(1).await;
    let options = CreateTopicsOptions::default().validate_only(true);
    let would = admin.create_topics_with([NewTopic::new("a", 2, 1)], options).await.one().unwrap();
    assert_eq!(would.partitions, Some(2));
    assert!(admin.list_topics().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_controller_that_moved_is_asked_again() {
    let (broker, admin) = nodes(3).await;
    let fault = Fault::on(ApiKey::CREATE_TOPICS).times(2).error(ErrorCode::NOT_CONTROLLER);
    broker.faults().inject(fault);
    admin.create_topics([NewTopic::new("a", 1, 1)]).await.all().unwrap();
    assert_eq!(admin.metrics().requests_retried, 2);
}

#[tokio::test]
async fn lost_connections_are_made_again() {
    let (broker, admin) = nodes(1).await;
    broker.faults().inject(Fault::on(ApiKey::CREATE_TOPICS).disconnect_before_applying());
    admin.create_topics([NewTopic::new("a", 1, 1)]).await.all().unwrap();
    broker.faults().inject(Fault::on(ApiKey::METADATA).disconnect_after_applying());
    assert_eq!(admin.list_topics().await.unwrap().len(), 1);
}

#[tokio::test]
async fn errors_that_do_not_pass_are_not_tried_again() {
    let (broker, admin) = nodes(1).await;
    let fault = Fault::on(ApiKey::CREATE_TOPICS).error(ErrorCode::POLICY_VIOLATION);
    broker.faults().inject(fault);
    let result = admin.create_topics([NewTopic::new("a", 1, 1)]).await.one();
    let error = result.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::POLICY_VIOLATION));
    assert_eq!(error.topic(), Some("a"));
    assert_eq!(error.api().map(|(api, _)| api), Some("CreateTopics"));
    assert_eq!(admin.metrics().requests_retried, 0);
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_and_says_what_went_wrong_last() {
    let (broker, admin) = nodes(1).await;
    broker.faults().inject(
        Fault::on(ApiKey::CREATE_TOPICS).always().error(ErrorCode::THROTTLING_QUOTA_EXCEEDED),
    );
    let options = CreateTopicsOptions::default().timeout(Duration::from_millis(200));
    let started = Instant::now();
    let error =
        admin.create_topics_with([NewTopic::new("a", 1, 1)], options).await.one().unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("THROTTLING_QUOTA_EXCEEDED"), "{cause}");
}

#[tokio::test]
async fn without_retries_one_attempt_is_made() {
    let broker = Broker::start().await.unwrap();
    let config = AdminConfig::builder(broker.bootstrap_servers()).retries(0).build().unwrap();
    let admin = Admin::new(config).unwrap();
    broker.faults().inject(Fault::on(ApiKey::CREATE_TOPICS).error(ErrorCode::NOT_CONTROLLER));
    let result = admin.create_topics([NewTopic::new("a", 1, 1)]).await.one();
    assert_eq!(code(result), ErrorCode::NOT_CONTROLLER);
}

#[tokio::test]
async fn deletes_topics_by_name_and_by_id() {
    let (_broker, admin) = nodes(1).await;
    let topics = ["a", "b", "c"].map(|name| NewTopic::new(name, 1, 1));
    let created = admin.create_topics(topics).await.all().unwrap();
    let id = created[1].1.topic_id.unwrap();
    let keys = [TopicKey::from("a"), TopicKey::from(id), TopicKey::from("none")];
    let results = admin.delete_topics(keys).await;
    let codes: Vec<Option<ErrorCode>> = results
        .iter()
        .map(|(_, result)| result.as_ref().err().and_then(crate::Error::code))
        .collect();
    assert_eq!(codes, [None, None, Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)]);
    let left = admin.list_topics().await.unwrap();
    assert_eq!(left.iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>(), ["c"]);
}

#[tokio::test]
async fn describes_topics_by_name_and_by_id() {
    let (_broker, admin) = nodes(3).await;
    let id = admin.create_topics([NewTopic::new("a", 3, 3)]).await.one().unwrap().topic_id.unwrap();
    let by_id = admin.describe_topics([id]).await.one().unwrap();
    let options = DescribeTopicsOptions::default().include_authorized_operations(true);
    let by_name = admin.describe_topics_with(["a"], options).await.one().unwrap();
    assert_eq!(by_id.partitions, by_name.partitions);
    assert_eq!((by_name.name.as_str(), by_name.topic_id), ("a", Some(id)));
    assert_eq!(by_id.authorized_operations, None);
    assert!(by_name.authorized_operations.unwrap().contains(AclOperation::Write));
    for (number, partition) in by_name.partitions.iter().enumerate() {
        assert_eq!(usize::try_from(partition.partition), Ok(number));
        assert!(partition.leader.is_some());
        assert_eq!((partition.replicas.len(), partition.isr.len()), (3, 3));
    }
}

#[tokio::test]
async fn topics_that_are_not_there_are_said_to_be_so_at_once() {
    let (broker, admin) = nodes(1).await;
    let result = admin.describe_topics(["none"]).await.one();
    assert_eq!(code(result), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let unknown = Uuid([7; 16]);
    assert_eq!(code(admin.describe_topics([unknown]).await.one()), ErrorCode::UNKNOWN_TOPIC_ID);
    assert_eq!(admin.metrics().requests_retried, 0);
    assert!(broker.leader("none", 0).is_err(), "describing creates nothing");
}

#[tokio::test]
async fn adds_partitions() {
    let (_broker, admin) = nodes(3).await;
    admin.create_topics([NewTopic::new("a", 1, 1), NewTopic::new("b", 2, 1)]).await.all().unwrap();
    let options = CreatePartitionsOptions::default().validate_only(true);
    let grow = || NewPartitions::increase_to("a", 3).with_assignments([vec![2], vec![3]]);
    admin.create_partitions_with([grow()], options).await.all().unwrap();
    let results = admin.create_partitions([grow(), NewPartitions::increase_to("b", 2)]).await;
    let codes: Vec<Option<ErrorCode>> = results
        .into_iter()
        .map(|(_, result)| result.err().and_then(|error| error.code()))
        .collect();
    assert_eq!(codes, [None, Some(ErrorCode::INVALID_PARTITIONS)]);
    let topic = admin.describe_topics(["a"]).await.one().unwrap();
    let leaders: Vec<Option<i32>> =
        topic.partitions[1..].iter().map(|partition| partition.leader).collect();
    assert_eq!(leaders, [Some(2), Some(3)]);
}

#[tokio::test]
async fn lists_offsets_of_partitions_with_different_leaders() {
    let (broker, admin) = nodes(3).await;
    admin.create_topics([NewTopic::new("a", 3, 1)]).await.all().unwrap();
    for number in 0..3 {
        let partition = TopicPartition::new("a", number);
        let timestamps: Vec<i64> =
            (0..=i64::from(number)).map(|count| 1_000 + count * 10).collect();
        produce(&admin, &partition, &timestamps).await;
    }
    let ends = (0..3).map(|number| (TopicPartition::new("a", number), OffsetSpec::Latest));
    let ends = admin.list_offsets(ends).await.all().unwrap();
    let offsets: Vec<i64> = ends.iter().map(|(_, end)| end.unwrap().offset).collect();
    assert_eq!(offsets, [1, 2, 3]);
    assert_eq!(ends[0].1.unwrap().timestamp, None);

    let last = TopicPartition::new("a", 2);
    for (spec, expected) in [
        (OffsetSpec::Earliest, Some(0)),
        (OffsetSpec::MaxTimestamp, Some(2)),
        (OffsetSpec::Timestamp(1_005), Some(1)),
        (OffsetSpec::Timestamp(1_010), Some(1)),
        (OffsetSpec::Timestamp(9_999), None),
    ] {
        let found = admin.list_offsets([(last.clone(), spec)]).await.one().unwrap();
        assert_eq!(found.map(|found| found.offset), expected, "{spec:?}");
    }
    let asked: std::collections::BTreeSet<i32> = broker
        .faults()
        .requests()
        .iter()
        .filter(|request| request.api_key == ApiKey::LIST_OFFSETS)
        .map(|request| request.node_id)
        .collect();
    assert_eq!(asked.len(), 3, "each leader was asked");
}

#[tokio::test]
async fn a_leader_that_moved_is_found_again() {
    let (broker, admin) = nodes(3).await;
    admin.create_topics([NewTopic::new("a", 2, 3)]).await.all().unwrap();
    let fault = Fault::on(ApiKey::LIST_OFFSETS)
        .partition("a", 1)
        .times(2)
        .error(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    broker.faults().inject(fault);
    let partitions = [0, 1].map(|number| (TopicPartition::new("a", number), OffsetSpec::Latest));
    let offsets = admin.list_offsets(partitions).await.all().unwrap();
    assert_eq!(offsets.len(), 2);
    assert!(admin.metrics().requests_retried >= 1);
}

#[tokio::test]
async fn one_partition_can_be_asked_for_several_offsets() {
    let (_broker, admin) = nodes(1).await;
    admin.create_topics([NewTopic::new("a", 1, 1)]).await.all().unwrap();
    let partition = TopicPartition::new("a", 0);
    produce(&admin, &partition, &[1, 2]).await;
    let specs = [OffsetSpec::Earliest, OffsetSpec::Latest, OffsetSpec::MaxTimestamp];
    let results = admin.list_offsets(specs.map(|spec| (partition.clone(), spec))).await;
    let offsets: Vec<i64> =
        results.all().unwrap().iter().map(|(_, found)| found.unwrap().offset).collect();
    assert_eq!(offsets, [0, 2, 1]);
}

#[tokio::test]
async fn a_topic_that_is_there_twice_fails_the_second_time() {
    let (_broker, admin) = nodes(1).await;
    let twice = ["a", "a"].map(|name| NewTopic::new(name, 1, 1));
    let results: Vec<_> = admin.create_topics(twice).await.into_iter().collect();
    assert!(results[0].1.is_ok());
    assert_eq!(results[1].1.as_ref().unwrap_err().kind(), ErrorKind::InvalidArgument);
    for kinds in [
        admin.describe_topics(["a", "a"]).await.iter().map(|(_, r)| r.is_ok()).collect::<Vec<_>>(),
        admin.delete_topics(["a", "a"]).await.iter().map(|(_, r)| r.is_ok()).collect(),
    ] {
        assert_eq!(kinds, [true, false]);
    }
}

/// A broker with one user, and what a client's properties need to reach it.
async fn secured(
    properties: &[(&str, &str)],
) -> (Broker, Result<ClusterDescription, crate::Error>) {
    let broker = Broker::builder()
        .user("ada", "lovelace")
        .unsecured_oauthbearer()
        .listener(milena_broker::SecurityProtocol::SaslPlaintext, "127.0.0.1", 0)
        .start()
        .await
        .unwrap();
    let config = AdminConfig::builder(broker.bootstrap_servers())
        .property("security.protocol", "SASL_PLAINTEXT")
        .properties(properties.iter().copied())
        .build()
        .unwrap();
    let description = Admin::new(config).unwrap().describe_cluster().await;
    (broker, description)
}

#[tokio::test]
async fn properties_log_in_with_every_mechanism() {
    const PACKAGE: &str = "org.apache.kafka.common.security";
    let user = "required username=\"ada\" password=\"lovelace\";";
    let plain = format!("{PACKAGE}.plain.PlainLoginModule {user}");
    let scram = format!("{PACKAGE}.scram.ScramLoginModule {user}");
    let token = format!(
        "{PACKAGE}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"ada\";"
    );
    for (mechanism, line) in [
        ("PLAIN", &plain),
        ("SCRAM-SHA-256", &scram),
        ("SCRAM-SHA-512", &scram),
        ("SCRAM-SHA-512", &plain),
        ("OAUTHBEARER", &token),
    ] {
        let properties = [("sasl.mechanism", mechanism), ("sasl.jaas.config", line.as_str())];
        let (broker, description) = secured(&properties).await;
        let description = description.unwrap_or_else(|error| panic!("{mechanism}: {error:?}"));
        assert_eq!(description.cluster_id.as_deref(), Some(broker.cluster_id()));
    }
}

/// The authority, certificates and keys that the pool's tests use too.
fn pem(name: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tls/tests/certificates");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

async fn described(broker: &Broker, properties: &[(&str, &str)]) -> Result<(), crate::Error> {
    let config = AdminConfig::builder(broker.bootstrap_servers())
        .property("default.api.timeout.ms", "30000")
        .properties(properties.iter().copied())
        .build()?;
    Admin::new(config)?.describe_cluster().await.map(drop)
}

#[tokio::test]
async fn properties_reach_a_broker_with_tls_and_scram() {
    let broker = Broker::builder()
        .tls(pem("broker.pem"), pem("broker.key"))
        .user("ada", "lovelace")
        .start()
        .await
        .unwrap();
    let (ca, foreign) = (pem("ca.pem"), pem("foreign-ca.pem"));
    let line = "ScramLoginModule required username=ada password='lovelace';";
    let sasl = [
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.jaas.config", line),
        ("ssl.truststore.type", "PEM"),
    ];
    let with = |more: &[(&'static str, &str)]| {
        sasl.iter().chain(more).map(|(k, v)| (*k, (*v).to_owned())).collect::<Vec<_>>()
    };
    let ask = |properties: Vec<(&'static str, String)>| {
        let broker = &broker;
        async move {
            let properties: Vec<(&str, &str)> =
                properties.iter().map(|(name, value)| (*name, value.as_str())).collect();
            described(broker, &properties).await
        }
    };
    ask(with(&[("ssl.truststore.certificates", &ca)])).await.unwrap();
    ask(with(&[("ssl.truststore.certificates", &ca), ("ssl.enabled.protocols", "TLSv1.2")]))
        .await
        .unwrap();
    let error = ask(with(&[("ssl.truststore.certificates", &foreign)])).await.unwrap_err();
    assert!(!error.is_retriable(), "{error:?}");
    let error = ask(with(&[("ssl.truststore.location", "/nowhere.pem")])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(format!("{error:?}").contains("/nowhere.pem"), "{error:?}");
}

#[tokio::test]
async fn properties_give_the_clients_own_certificate() {
    let broker = Broker::builder()
        .tls(pem("broker.pem"), pem("broker.key"))
        .tls_client_ca(pem("ca.pem"))
        .start()
        .await
        .unwrap();
    let (ca, chain, key) = (pem("ca.pem"), pem("client.pem"), pem("client.key"));
    let trust = [("security.protocol", "SSL"), ("ssl.truststore.certificates", ca.as_str())];
    let own = [("ssl.keystore.certificate.chain", chain.as_str()), ("ssl.keystore.key", &key)];
    described(&broker, &[trust, own].concat()).await.unwrap();
    let short = [("default.api.timeout.ms", "1000"), ("request.timeout.ms", "1000")];
    let error = described(&broker, &[trust, short].concat()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
    assert!(error.to_string().contains("ssl.keystore.location"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_an_error_at_once() {
    let line = "M required username=ada password=geheim;";
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let properties = [("sasl.mechanism", mechanism), ("sasl.jaas.config", line)];
        let error = secured(&properties).await.1.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{mechanism}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("geheim"));
    }
}

#[tokio::test]
async fn partitions_that_are_not_there_fail_alone() {
    let (_broker, admin) = nodes(1).await;
    admin.create_topics([NewTopic::new("a", 1, 1)]).await.all().unwrap();
    let results = admin
        .list_offsets([
            (TopicPartition::new("a", 0), OffsetSpec::Latest),
            (TopicPartition::new("a", 7), OffsetSpec::Latest),
            (TopicPartition::new("a", 0), OffsetSpec::Timestamp(-1)),
        ])
        .await;
    let mut results = results.into_iter().map(|(_, result)| result);
    assert!(results.next().unwrap().is_ok());
    let unknown = results.next().unwrap().unwrap_err();
    assert_eq!(unknown.code(), Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    assert_eq!((unknown.topic(), unknown.partition()), (Some("a"), Some(7)));
    assert_eq!(results.next().unwrap().unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn deletes_the_beginning_of_a_partition() {
    let (_broker, admin) = nodes(1).await;
    admin.create_topics([NewTopic::new("a", 1, 1)]).await.all().unwrap();
    let partition = TopicPartition::new("a", 0);
    produce(&admin, &partition, &[1, 2, 3, 4]).await;
    let deleted = admin.delete_records([(partition.clone(), 3)]).await.one().unwrap();
    assert_eq!(deleted.low_watermark, 3);
    let first = admin.list_offsets([(partition.clone(), OffsetSpec::Earliest)]).await.one();
    assert_eq!(first.unwrap().unwrap().offset, 3);
    let beyond = admin.delete_records([(partition.clone(), 99)]).await.one();
    assert_eq!(code(beyond), ErrorCode::OFFSET_OUT_OF_RANGE);
    let deleted = admin.delete_records([(partition, -1)]).await.one().unwrap();
    assert_eq!(deleted.low_watermark, 4);
}

#[tokio::test]
async fn describes_the_cluster() {
    let (broker, admin) = nodes(3).await;
    let options = DescribeClusterOptions::default().include_authorized_operations(true);
    let cluster = admin.describe_cluster_with(options).await.unwrap();
    assert_eq!(cluster.cluster_id.as_deref(), Some(broker.cluster_id()));
    let ids: Vec<i32> = cluster.nodes.iter().map(|node| node.id).collect();
    assert_eq!(ids, broker.node_ids());
    assert!(cluster.controller.is_some_and(|controller| ids.contains(&controller)));
    assert!(cluster.authorized_operations.unwrap().contains(AclOperation::Create));
    assert_eq!(admin.describe_cluster().await.unwrap().authorized_operations, None);
}

#[tokio::test]
async fn old_brokers_are_served_as_far_as_they_go() {
    let (broker, admin) = release("1.1").await;
    let created = admin.create_topics([NewTopic::new("a", 2, 1)]).await.one().unwrap();
    assert_eq!(created, CreatedTopic::default(), "they tell nothing about it");
    let error = admin.create_topics([NewTopic::with_broker_defaults("b")]).await.one().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedVersion);
    let cluster = admin.describe_cluster().await.unwrap();
    assert_eq!(cluster.cluster_id.as_deref(), Some(broker.cluster_id()));
    assert_eq!(cluster.nodes.len(), 1);
    assert_eq!(admin.list_topics().await.unwrap()[0].topic_id, None);
    assert_eq!(admin.describe_topics(["a"]).await.one().unwrap().partitions.len(), 2);
    let by_id = admin.describe_topics([Uuid([7; 16])]).await.one().unwrap_err();
    assert_eq!(by_id.kind(), ErrorKind::UnsupportedVersion);
    let partition = TopicPartition::new("a", 0);
    let end = admin.list_offsets([(partition.clone(), OffsetSpec::Latest)]).await.one().unwrap();
    assert_eq!(end.unwrap().offset, 0);
    let max = admin.list_offsets([(partition, OffsetSpec::MaxTimestamp)]).await.one().unwrap_err();
    assert_eq!(max.kind(), ErrorKind::UnsupportedVersion);
    let deleted = admin.delete_topics([TopicKey::from(Uuid([7; 16]))]).await.one().unwrap_err();
    assert_eq!(deleted.kind(), ErrorKind::UnsupportedVersion);
    admin.create_partitions([NewPartitions::increase_to("a", 3)]).await.all().unwrap();
    admin.delete_topics(["a"]).await.all().unwrap();
}

#[tokio::test]
async fn a_closed_client_says_so() {
    let (_broker, admin) = nodes(1).await;
    admin.list_topics().await.unwrap();
    admin.clone().close();
    assert_eq!(admin.list_topics().await.unwrap_err().kind(), ErrorKind::Closed);
    let result = admin.create_topics([NewTopic::new("a", 1, 1)]).await.one();
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn nobody_at_the_bootstrap_server_is_an_error_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = AdminConfig::builder(address.to_string()).build().unwrap();
    let admin = Admin::new(config).unwrap();
    let options = ListTopicsOptions::default().timeout(Duration::from_millis(300));
    let error = admin.list_topics_with(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(std::error::Error::source(&error).is_some(), "{error:?}");
}

#[test]
fn a_call_about_nothing_has_no_result() {
    let results: Results<String, Bytes> = Results::new([], []);
    assert!(results.is_empty());
    assert_eq!(results.one().unwrap_err().kind(), ErrorKind::InvalidArgument);
    let name = ByteString::from("a");
    assert!(TopicKey::from("a").is(Some(&name), Uuid::ZERO));
}
