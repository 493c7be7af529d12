//! Camunda's connectors against the embedded broker.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "camunda/engine.rs"]
mod engine;
#[path = "camunda/fake.rs"]
mod fake;

use std::time::Duration;

use milena::{
    Consumer, Producer, TopicPartition,
    config::{ConsumerConfig, ProducerConfig},
    producer::{Header, ProducerRecord},
};
use milena_broker::{Broker, Fault};
use milena_connect::{
    Connection,
    avro::{AvroOptions, AvroSchema},
    camunda::{Consume, Health, InboundConfiguration, OutboundConfiguration, Produce},
    connector::{Action as _, Emission, Trigger as _},
};
use milena_wire::{ApiKey, ErrorCode};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// A schema with a union that a value may leave out.
const SCHEMA: &str = r#"{"type":"record","name":"Employee","fields":[
    {"name":"name","type":"string"},
    {"name":"age","type":"int"},
    {"name":"nick","type":["null","string"]},
    {"name":"emails","type":{"type":"array","items":"string"}}]}"#;

async fn broker(partitions: i32) -> (Broker, Connection) {
    let broker = Broker::builder().topic("orders", partitions).start().await.unwrap();
    let addresses = broker.bootstrap_servers().split(',').map(str::to_owned).collect();
    (broker, Connection::anonymous(addresses, "test"))
}

fn with(mut config: Value, fields: Value) -> Value {
    let fields = fields.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(fields);
    config
}

fn outbound(fields: Value) -> Value {
    with(json!({ "topic": { "bootstrapServers": "nowhere:1", "topicName": "orders" } }), fields)
}

fn produce(connection: &Connection, fields: Value) -> Produce {
    let configuration = OutboundConfiguration::from_json(&outbound(fields)).unwrap();
    Produce::new(&configuration, connection).unwrap()
}

fn legacy(connection: &Connection, fields: Value) -> Produce {
    let configuration = OutboundConfiguration::legacy_from_json(&outbound(fields)).unwrap();
    Produce::new(&configuration, connection).unwrap()
}

async fn send(produce: &Produce, input: Value) -> Value {
    let delivered = produce.submit(input).await.unwrap().await.unwrap();
    assert_eq!((delivered.outputs.len(), delivered.records_count), (1, 1));
    delivered.outputs.into_iter().next().unwrap()
}

/// Gives every field of the message, and begins with the first record.
fn inbound(fields: Value) -> Value {
    let config = json!({
        "topic": { "bootstrapServers": "nowhere:1", "topicName": "orders" }, "groupId": "process",
        "autoOffsetReset": "earliest", "resultVariable": "m",
    });
    with(config, fields)
}

fn trigger(connection: &Connection, fields: Value) -> Box<Consume> {
    let configuration = InboundConfiguration::from_json(&inbound(fields)).unwrap();
    Box::new(Consume::new(&configuration, connection).unwrap())
}

async fn started(connection: &Connection, fields: Value) -> Box<Consume> {
    let mut trigger = trigger(connection, fields);
    trigger.start().await.unwrap();
    trigger
}

async fn take(trigger: &mut Consume, count: usize) -> Vec<Emission> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let emissions = trigger.next(PATIENCE).await.unwrap();
        assert!(!emissions.is_empty(), "only {taken:?}");
        taken.extend(emissions);
    }
    taken
}

/// The messages that a new group reads from the beginning.
async fn messages(connection: &Connection, fields: Value, count: usize) -> Vec<Value> {
    let mut trigger = started(connection, fields).await;
    let taken = take(&mut trigger, count).await;
    trigger.close(PATIENCE).await.unwrap();
    taken.into_iter().map(|emission| emission.output["variables"]["m"].clone()).collect()
}

/// Sends bytes as they are.
async fn raw(connection: &Connection, records: &[(Option<&str>, Option<&[u8]>)]) {
    let servers = connection.brokers.join(",");
    let properties = [("bootstrap.servers", servers.as_str())];
    let config = ProducerConfig::from_properties(properties).unwrap();
    let producer = Producer::new(config).unwrap();
    let headers = [Header::new("h", Some(b"first")), Header::new("h", Some(b"v"))];
    for (key, value) in records {
        let record = ProducerRecord::to("orders")
            .key_value(key.map(str::as_bytes), *value)
            .headers(&headers)
            .partition(0);
        producer.send(record).await.unwrap().await.unwrap();
    }
    producer.close(PATIENCE).await.unwrap();
}

async fn committed(connection: &Connection) -> Option<i64> {
    let servers = connection.brokers.join(",");
    let properties = [("bootstrap.servers", servers.as_str()), ("group.id", "process")];
    let consumer = Consumer::new(ConsumerConfig::from_properties(properties).unwrap()).unwrap();
    let partition = TopicPartition::new("orders".to_owned(), 0);
    let offsets = consumer.committed(std::slice::from_ref(&partition)).await.unwrap();
    offsets.get(&partition)?.as_ref().map(|committed| committed.offset)
}

#[tokio::test]
async fn texts_go_as_they_are_and_the_answer_says_where() {
    let (_broker, connection) = broker(1).await;
    let produce = produce(&connection, json!({ "headers": { "a": "1", "trace": "none" } }));
    let message = json!({ "key": "Happy \"birthday\"", "value": "plain" });
    let input = json!({ "message": message, "headers": { "trace": 7 } });
    let response = send(&produce, input).await;
    let names: Vec<_> = response.as_object().unwrap().keys().collect();
    assert_eq!(names, ["topic", "timestamp", "offset", "partition"]);
    assert_eq!((&response["topic"], &response["offset"]), (&json!("orders"), &json!(0)));
    assert_eq!(response["partition"], 0);
    assert!(response["timestamp"].as_i64().unwrap() > 1_500_000_000_000);
    let system = json!({ "compatibility": "current" });
    let read = messages(&connection, system, 1).await;
    assert_eq!(
        read,
        [json!({
            "key": "Happy \"birthday\"", "rawValue": "plain", "value": "plain",
            "headers": { "a": "1", "trace": "7" },
        })]
    );
}

#[tokio::test]
async fn anything_else_goes_as_compact_json_as_key_too() {
    let (_broker, connection) = broker(1).await;
    let message = json!({ "key": { "k": [1, null] }, "value": { "age": 29, "name": "ä" } });
    for produce in [produce(&connection, json!({})), legacy(&connection, json!({}))] {
        send(&produce, json!({ "message": message })).await;
    }
    let expected = json!({
        "key": r#"{"k":[1,null]}"#, "rawValue": r#"{"age":29,"name":"ä"}"#,
        "value": { "age": 29, "name": "ä" },
    });
    assert_eq!(messages(&connection, json!({}), 2).await, [expected.clone(), expected]);
    let current = json!({ "compatibility": "current", "groupId": "other" });
    let read = messages(&connection, current, 1).await;
    assert_eq!(read[0]["key"], json!({ "k": [1, null] }));
}

#[tokio::test]
async fn a_missing_key_is_none_and_the_newer_system_writes_null() {
    let (_broker, connection) = broker(1).await;
    for fields in [json!({}), json!({ "compatibility": "current" })] {
        let input = json!({ "message": { "key": null, "value": "x" } });
        send(&produce(&connection, fields), input).await;
    }
    let input = json!({ "message": { "key": "", "value": "x" } });
    send(&produce(&connection, json!({})), input).await;
    let read = messages(&connection, json!({}), 3).await;
    let keys: Vec<_> = read.iter().map(|message| message["key"].clone()).collect();
    assert_eq!(keys, [json!(null), json!("null"), json!("")]);
}

#[tokio::test]
async fn avro_has_no_frame_and_comes_back_without_a_raw_value() {
    let (_broker, connection) = broker(1).await;
    let avro = json!({ "serializationType": "avro", "avro": { "schema": SCHEMA } });
    let produce = produce(&connection, avro.clone());
    let value = json!({ "name": "John Doe", "age": 29, "emails": ["johndoe@example.com"], "x": 1 });
    send(&produce, json!({ "message": { "key": "employee1", "value": value } })).await;
    let text = "{'name': 'Jane', 'age': 30, 'nick': 'J', 'emails': []}";
    send(&produce, json!({ "message": { "value": text } })).await;
    let Err(error) = produce.submit(json!({ "message": { "value": { "age": "x" } } })).await else {
        panic!("it was taken");
    };
    assert!(error.to_string().contains("does not fit the Avro schema"), "{error}");
    raw(&connection, &[(None, Some(b"\xff"))]).await;
    let read = messages(&connection, avro, 3).await;
    let john =
        json!({ "name": "John Doe", "age": 29, "nick": null, "emails": ["johndoe@example.com"] });
    assert_eq!(read[0], json!({ "key": "employee1", "rawValue": null, "value": john }));
    assert_eq!(read[1]["value"]["nick"], "J");
    assert_eq!(read[2], json!({ "key": null, "rawValue": null, "value": null }));
    let bytes = AvroSchema::parse(SCHEMA).unwrap().encode(&john, AvroOptions::default()).unwrap();
    let plain = messages(&connection, json!({ "groupId": "plain" }), 1).await;
    assert_eq!(plain[0]["rawValue"], String::from_utf8_lossy(&bytes).into_owned());
}

#[tokio::test]
async fn the_result_is_what_the_configuration_makes_of_it() {
    let (_broker, connection) = broker(1).await;
    let input = json!({ "message": { "value": 1 } });
    let fields = json!({ "resultExpression": "={partitionResponse:partition, topicResult:topic}" });
    let expected = json!({ "partitionResponse": 0, "topicResult": "orders" });
    assert_eq!(send(&produce(&connection, fields), input.clone()).await, expected);
    let own = json!({ "message": { "value": 1 }, "resultExpression": "={ at: response.offset }" });
    assert_eq!(
        send(
            &legacy(&connection, with(own, json!({ "message": { "key": 1, "value": 1 } }))),
            json!({})
        )
        .await,
        json!({ "at": 1 })
    );
    let fields = json!({ "errorExpression": "=bpmnError(\"NO\", \"offset \" + string(offset))" });
    let produce = produce(&connection, fields);
    let error = produce.submit(input).await.unwrap().await.unwrap_err();
    assert_eq!(error.to_string(), "BPMN error \"NO\": offset 2");
    assert_eq!(error.delivered.records_count, 1);
}

#[tokio::test]
async fn a_failure_has_the_connectors_words_and_can_be_ignored() {
    let (broker, connection) = broker(1).await;
    let input = json!({ "message": { "key": 1, "value": 1 } });
    let refuse = || {
        let code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
        broker.faults().inject(Fault::on(ApiKey::PRODUCE).error(code));
    };
    for (produce, expected) in [
        (
            produce(&connection, json!({})),
            "Error during Kafka Producer execution; error message: [",
        ),
        (legacy(&connection, json!({})), "Kafka Producer execution exception"),
    ] {
        refuse();
        let error = produce.submit(input.clone()).await.unwrap().await.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(error.source.is_some());
    }
    refuse();
    let fields = json!({ "errorExpression": "=ignoreError({ code: error.code })" });
    let delivered = produce(&connection, fields).submit(input).await.unwrap().await.unwrap();
    assert_eq!((delivered.outputs, delivered.records_count), (vec![json!({ "code": "FAIL" })], 0));
    assert_eq!(broker.offsets("orders", 0).unwrap(), (0, 0));
}

#[tokio::test]
async fn inputs_that_are_wrong_are_refused_and_nothing_is_sent() {
    let (broker, connection) = broker(1).await;
    let produce = produce(&connection, json!({}));
    for (input, expected) in [
        (json!({}), "message is missing"),
        (json!([]), "the input is no object"),
        (json!({ "message": { "key": "k" } }), "message.value is missing"),
        (json!({ "message": { "value": 1 }, "headers": { "a": {} } }), "headers.a is a table"),
        (json!({ "message": { "value": 1 }, "topic": {} }), "topic is not known here"),
    ] {
        let Err(error) = produce.submit(input).await else { panic!("it was taken") };
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!error.is_retriable());
    }
    produce.close(PATIENCE).await.unwrap();
    assert_eq!(broker.offsets("orders", 0).unwrap(), (0, 0));
}

#[tokio::test]
async fn a_record_becomes_a_message_of_the_engine() {
    let (_broker, connection) = broker(1).await;
    raw(&connection, &[(Some("my-key"), Some(br#"{"foo": "bar", "n": 7}"#)), (None, None)]).await;
    let mut trigger = started(
        &connection,
        json!({
            "compatibility": "current", "messageName": "order", "messageTtl": "PT5M",
            "correlationKeyExpression": "=if value = null then \"none\" else value.n",
        }),
    )
    .await;
    assert!(matches!(trigger.health(), Health::Up { .. }), "{:?}", trigger.health());
    let taken = take(&mut trigger, 2).await;
    assert_eq!(
        taken[0].output,
        json!({
            "name": "order", "correlationKey": "7", "timeToLive": 300_000,
            "messageId": "orders-0-0",
            "variables": { "m": {
                "key": "my-key", "rawValue": "{\"foo\": \"bar\", \"n\": 7}",
                "value": { "foo": "bar", "n": 7 }, "headers": { "h": "v" },
            } },
        })
    );
    let tombstone =
        json!({ "key": null, "rawValue": null, "value": null, "headers": { "h": "v" } });
    assert_eq!(taken[1].output["variables"]["m"], tombstone);
    let health = trigger.health().to_json();
    assert_eq!(
        (&health["status"], &health["details"]["group-id"]),
        (&json!("UP"), &json!("process"))
    );
    assert_eq!(health["details"]["group-instance-id"], "unknown");
    assert!(health["details"]["group-generation-id"].as_i64().unwrap() > 0);
    trigger.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn what_does_not_meet_the_condition_is_committed_and_not_given() {
    let (_broker, connection) = broker(1).await;
    raw(&connection, &[(None, Some(b"{\"id\":1}")), (None, Some(b"{\"id\":2}"))]).await;
    let mut trigger =
        started(&connection, json!({ "activationCondition": "=(value.id = 2)" })).await;
    let taken = take(&mut trigger, 1).await;
    assert_eq!(taken[0].output["messageId"], "orders-0-1");
    // The second is not accepted: what may be committed ends before it.
    trigger.close(PATIENCE).await.unwrap();
    assert_eq!(committed(&connection).await, Some(1));

    let mut trigger = started(&connection, json!({ "activationCondition": "=false" })).await;
    assert_eq!(trigger.next(PATIENCE).await.unwrap(), []);
    assert_eq!(committed(&connection).await, Some(2), "nobody else would commit it");
    trigger.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_used_is_given_with_the_reason_and_again_until_it_is_accepted() {
    let (_broker, connection) = broker(1).await;
    raw(
        &connection,
        &[(None, Some(b"{\"id\":1}")), (None, Some(b"{}")), (None, Some(b"{\"id\":3}"))],
    )
    .await;
    let key = json!({ "correlationKeyExpression": "=value.id" });
    let refusal = "the correlation key's expression gave a null: expected a text";
    let mut trigger = started(&connection, key.clone()).await;
    let taken = take(&mut trigger, 3).await;
    assert_eq!(taken[1].output, Value::Null);
    assert!(taken[1].refusal.as_ref().unwrap().contains(refusal), "{taken:?}");
    assert_eq!((&taken[0].refusal, &taken[2].refusal), (&None, &None));
    assert!(matches!(trigger.health(), Health::Down { error } if error.contains(refusal)));
    for index in [0, 2] {
        trigger.accept(&taken[index].ticket);
    }
    trigger.close(PATIENCE).await.unwrap();
    assert_eq!(committed(&connection).await, Some(1));

    let mut trigger = started(&connection, key).await;
    let taken = take(&mut trigger, 2).await;
    assert!(taken[0].refusal.is_some());
    taken.iter().for_each(|one| trigger.accept(&one.ticket));
    trigger.close(PATIENCE).await.unwrap();
    assert_eq!(committed(&connection).await, Some(3));
}

#[tokio::test]
async fn unmatched_messages_are_refused_where_they_are_not_to_be_consumed() {
    let (_broker, connection) = broker(1).await;
    raw(&connection, &[(None, Some(b"1"))]).await;
    let fields = json!({ "activationCondition": "=false", "consumeUnmatchedEvents": false });
    let mut trigger = started(&connection, fields).await;
    let [taken] = take(&mut trigger, 1).await.try_into().unwrap();
    let refusal = taken.refusal.unwrap();
    assert!(refusal.contains("consumeUnmatchedEvents is not true"), "{refusal}");
    trigger.close(PATIENCE).await.unwrap();
    assert_eq!(committed(&connection).await, None);
}

#[tokio::test]
async fn offsets_say_where_every_assignment_begins() {
    let (_broker, connection) = broker(2).await;
    raw(&connection, &[(None, Some(b"1")), (None, Some(b"2")), (None, Some(b"3"))]).await;
    let fields = json!({ "offsets": "=[1,0]", "autoOffsetReset": "latest" });
    for _ in 0..2 {
        let mut trigger = started(&connection, fields.clone()).await;
        let taken = take(&mut trigger, 2).await;
        assert_eq!(taken[0].output["messageId"], "orders-0-1");
        taken.iter().for_each(|one| trigger.accept(&one.ticket));
        trigger.close(PATIENCE).await.unwrap();
    }
    assert_eq!(committed(&connection).await, Some(3), "the offsets are stronger than a commit");
    let left = json!({ "offsets": [null, 0] });
    let mut trigger = started(&connection, left).await;
    raw(&connection, &[(None, Some(b"4"))]).await;
    assert_eq!(take(&mut trigger, 1).await[0].output["messageId"], "orders-0-3");
    trigger.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn offsets_that_do_not_fit_are_errors() {
    let (_broker, connection) = broker(2).await;
    let mut wrong_count = trigger(&connection, json!({ "offsets": [1] }));
    let error = wrong_count.start().await.unwrap_err();
    assert_eq!(error.kind(), milena::ErrorKind::Config, "{error}");
    assert!(
        error.to_string().contains("there are 1 offsets, and topic \"orders\" has 2"),
        "{error}"
    );
    wrong_count.close(PATIENCE).await.unwrap();

    let none = json!({ "offsets": [7, 7], "autoOffsetReset": "none" });
    let mut beyond = trigger(&connection, none);
    let mut result = beyond.start().await;
    if result.is_ok() {
        result = beyond.next(PATIENCE).await.map(|emissions| assert_eq!(emissions, []));
    }
    let error = result.unwrap_err();
    assert_eq!(error.kind(), milena::ErrorKind::NoOffset, "{error}");
    assert_eq!(beyond.health().to_json()["status"], "DOWN");
    beyond.close(PATIENCE).await.unwrap();
}
