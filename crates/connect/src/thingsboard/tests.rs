//! The node against the embedded broker.

use std::time::Duration;

use milena::{
    Consumer, OwnedRecord, TopicPartition,
    config::{AutoOffsetReset, ConsumerConfig},
};
use milena_broker::{Broker, Fault};
use milena_wire::{ApiKey, ErrorCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Produce, ProduceConfiguration};
use crate::{
    Connection,
    connector::{Action as _, ActionError, Delivered},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A node with these fields over the defaults, whose brokers are its own.
fn node(servers: &str, fields: &Value) -> Produce {
    let mut configuration = json!({ "bootstrapServers": servers, "topicPattern": "out" });
    configuration.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let configuration = ProduceConfiguration::from_json(&configuration).unwrap();
    Produce::new(&configuration, &Connection::anonymous(Vec::new(), "test")).unwrap()
}

fn message() -> Value {
    json!({
        "id": "5f", "type": "POST_TELEMETRY_REQUEST",
        "originator": { "entityType": "DEVICE", "id": "7a" },
        "metadata": { "deviceType": "thermostat", "deviceName": "Ä" },
        "data": "{ \"serial\": \"T-17\", \"temperature\": 22.5 }",
    })
}

async fn pass(node: &Produce, message: Value) -> Result<Delivered, ActionError> {
    node.submit(message).await?.await
}

/// The records of the first partition of a topic.
async fn records(servers: &str, topic: &str, count: usize) -> Vec<OwnedRecord> {
    let config = ConsumerConfig::builder(servers)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .enable_auto_commit(false)
        .build()
        .unwrap();
    let consumer = Consumer::new(config).unwrap();
    consumer.assign([TopicPartition::new(topic, 0)]).unwrap();
    let mut records = Vec::new();
    while records.len() < count {
        let polled = consumer.poll(PATIENCE).await.unwrap();
        assert!(!polled.is_empty(), "only {records:?}");
        records.extend(polled.iter().map(|record| record.to_owned()));
    }
    consumer.close(PATIENCE).await.unwrap();
    records
}

#[tokio::test]
async fn a_message_leaves_with_offset_partition_and_topic_as_texts() {
    let broker = Broker::start().await.unwrap();
    let node = node(&broker.bootstrap_servers(), &json!({}));
    pass(&node, message()).await.unwrap();
    let delivered = pass(&node, message()).await.unwrap();
    let mut expected = message();
    expected["metadata"]["offset"] = json!("1");
    expected["metadata"]["partition"] = json!("0");
    expected["metadata"]["topic"] = json!("out");
    expected["relation"] = json!("Success");
    assert_eq!(delivered.outputs, [expected]);
    assert_eq!(delivered.records_count, 1);
    assert_eq!(delivered.ends.get(&("out".to_owned(), 0)), Some(&2));
    let records = records(&broker.bootstrap_servers(), "out", 2).await;
    assert_eq!(records[1].value.as_deref(), message()["data"].as_str().map(str::as_bytes));
    assert_eq!((&records[1].key, records[1].headers.len()), (&None, 0));
}

#[tokio::test]
async fn topic_and_key_come_from_metadata_and_data() {
    let broker = Broker::start().await.unwrap();
    for (topic_pattern, key_pattern, topic, key) in [
        ("fixed", json!("key"), "fixed", Some("key")),
        ("${deviceType}", json!("${deviceName}"), "thermostat", Some("Ä")),
        ("$[serial]", json!("$[temperature]"), "T-17", Some("22.5")),
        ("none", json!(null), "none", None),
        ("empty", json!(""), "empty", None),
        ("blank", json!("  "), "blank", None),
    ] {
        let fields = json!({ "topicPattern": topic_pattern, "keyPattern": key_pattern });
        let node = node(&broker.bootstrap_servers(), &fields);
        let delivered = pass(&node, message()).await.unwrap();
        assert_eq!(delivered.outputs[0]["metadata"]["topic"], topic);
        let records = records(&broker.bootstrap_servers(), topic, 1).await;
        assert_eq!(records[0].key.as_deref(), key.map(str::as_bytes), "{topic}");
    }
}

#[tokio::test]
async fn headers_are_the_incoming_metadata_in_the_charset() {
    let broker = Broker::start().await.unwrap();
    for (charset, topic, expected) in [
        (json!(null), "utf8", "Ä".as_bytes()),
        (json!("UTF-16"), "utf16", b"\xfe\xff\x00\xc4"),
        (json!("US-ASCII"), "ascii", b"?"),
    ] {
        let fields = json!({
            "topicPattern": topic, "addMetadataKeyValuesAsKafkaHeaders": true,
            "kafkaHeadersCharset": charset,
        });
        let node = node(&broker.bootstrap_servers(), &fields);
        pass(&node, message()).await.unwrap();
        let records = records(&broker.bootstrap_servers(), topic, 1).await;
        let names: Vec<_> = records[0].headers.iter().map(|header| header.key.as_str()).collect();
        assert_eq!(names, ["tb_msg_md_deviceType", "tb_msg_md_deviceName"]);
        assert_eq!(records[0].headers[1].value.as_deref(), Some(expected), "{topic}");
    }
}

#[tokio::test]
async fn a_refused_record_is_a_failure_with_the_class_of_javas_exception() {
    let broker = Broker::start().await.unwrap();
    for (force_ack, key) in [(false, json!(null)), (true, json!(""))] {
        let code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
        broker.faults().inject(Fault::on(ApiKey::PRODUCE).error(code));
        let fields = json!({ "forceAck": force_ack, "keyPattern": key });
        let node = node(&broker.bootstrap_servers(), &fields);
        let delivered = match pass(&node, message()).await {
            Ok(delivered) if force_ack => delivered,
            Err(error) if !force_ack => error.delivered,
            other => panic!("{other:?}"),
        };
        let [output] = &delivered.outputs[..] else { panic!("{delivered:?}") };
        assert_eq!(output["relation"], "Failure");
        assert_eq!(output["data"], message()["data"]);
        assert_eq!(output["metadata"].get("offset"), None);
        let error = output["metadata"]["error"].as_str().unwrap();
        let class = "class org.apache.kafka.common.errors.TopicAuthorizationException: ";
        assert!(error.starts_with(class), "{error}");
        // What comes next is not stopped by it.
        let next = pass(&node, message()).await.unwrap();
        assert_eq!(next.outputs[0]["relation"], "Success");
    }
}

#[tokio::test]
async fn with_force_ack_each_message_leaves_once_and_is_no_error() {
    let broker = Broker::start().await.unwrap();
    let node = node(&broker.bootstrap_servers(), &json!({ "forceAck": true }));
    let mut relations = Vec::new();
    for data in ["{}", "no JSON", "", "[]"] {
        let mut message = message();
        message["data"] = json!(data);
        let delivered = pass(&node, message).await.unwrap();
        assert_eq!(delivered.outputs.len(), 1);
        relations.push(delivered.outputs[0]["relation"].clone());
    }
    assert_eq!(relations, ["Success", "Failure", "Failure", "Success"]);
    assert_eq!(broker.offsets("out", 0).unwrap(), (0, 2));
}

#[tokio::test]
async fn data_that_is_no_json_is_a_failure_before_anything_is_sent() {
    let broker = Broker::start().await.unwrap();
    let node = node(&broker.bootstrap_servers(), &json!({}));
    let mut message = message();
    message["data"] = json!("no JSON");
    let error = pass(&node, message).await.unwrap_err();
    assert_eq!(
        error.delivered.outputs[0]["metadata"]["error"],
        "class java.lang.RuntimeException: Failed to process pattern!"
    );
    let expected = "Failed to process pattern! The data is no JSON: expected ident";
    assert!(error.to_string().starts_with(expected), "{error}");
    let error = pass(&node, json!({ "type": "x" })).await.unwrap_err();
    assert!(error.delivered.outputs.is_empty() && error.to_string().contains("data is missing"));
    assert!(broker.offsets("out", 0).is_err(), "there is a topic");
}

#[tokio::test]
async fn without_acknowledgements_the_offset_is_minus_one() {
    let broker = Broker::start().await.unwrap();
    let node = node(&broker.bootstrap_servers(), &json!({ "acks": "0" }));
    let delivered = pass(&node, message()).await.unwrap();
    assert_eq!(delivered.outputs[0]["metadata"]["offset"], "-1");
    assert_eq!(delivered.outputs[0]["metadata"]["partition"], "0");
}

#[tokio::test]
async fn a_node_that_is_closed_sends_nothing_and_closes_again() {
    let broker = Broker::start().await.unwrap();
    let unused = node(&broker.bootstrap_servers(), &json!({}));
    unused.close(PATIENCE).await.unwrap();
    unused.close(PATIENCE).await.unwrap();
    let error = pass(&unused, message()).await.unwrap_err();
    let text = error.delivered.outputs[0]["metadata"]["error"].as_str().unwrap();
    assert!(text.starts_with("class java.lang.IllegalStateException: "), "{text}");
}

#[tokio::test]
async fn a_record_that_is_too_large_and_a_topic_that_cannot_be_are_named() {
    let broker = Broker::start().await.unwrap();
    let too_small = json!({ "max.request.size": "100" });
    let small = node(&broker.bootstrap_servers(), &json!({ "otherProperties": too_small }));
    let mut large = message();
    large["data"] = json!(format!("\"{}\"", "x".repeat(1000)));
    let wrong = node(&broker.bootstrap_servers(), &json!({ "topicPattern": "${no key}" }));
    for (node, message, class) in
        [(&small, large, "RecordTooLargeException"), (&wrong, message(), "InvalidTopicException")]
    {
        let error = pass(node, message).await.unwrap_err();
        let text = error.delivered.outputs[0]["metadata"]["error"].as_str().unwrap();
        let expected = format!("class org.apache.kafka.common.errors.{class}: ");
        assert!(text.starts_with(&expected), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_kafka_fails_as_an_init_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4];
            let _ = stream.read_exact(&mut asked).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let fields = json!({ "otherProperties": { "max.block.ms": "1000" }, "forceAck": true });
    let delivered = pass(&node(&address, &fields), message()).await.unwrap();
    server.abort();
    assert_eq!(delivered.outputs[0]["relation"], "Failure");
    let text = delivered.outputs[0]["metadata"]["error"].as_str().unwrap();
    let expected = "class java.lang.RuntimeException: \
                    Failed to initialize Kafka rule node producer: ";
    assert!(text.starts_with(expected), "{text}");
}

#[tokio::test]
async fn a_server_that_is_not_there_fails_with_a_timeout() {
    let fields = json!({ "otherProperties": { "max.block.ms": "200" } });
    let error = pass(&node("127.0.0.1:1", &fields), message()).await.unwrap_err();
    let text = error.delivered.outputs[0]["metadata"]["error"].as_str().unwrap();
    let class = "class org.apache.kafka.common.errors.TimeoutException: ";
    assert!(text.starts_with(class), "{text}");
    assert!(error.is_retriable());
}

#[tokio::test]
async fn properties_that_cannot_work_fail_when_the_node_is_made() {
    let configuration = json!({ "otherProperties": { "compression.type": "rar" } });
    let configuration = ProduceConfiguration::from_json(&configuration).unwrap();
    let error = Produce::new(&configuration, &Connection::default()).unwrap_err();
    assert_eq!(error.kind(), milena::ErrorKind::Config);
    assert!(error.to_string().contains("compression.type"), "{error}");
}
