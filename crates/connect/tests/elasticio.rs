//! The elastic.io connector against the embedded broker.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use milena_broker::{Broker, Fault};

use milena_connect::{
    connector::{Action as _, Emission, Ends, Trigger as _},
    elasticio::{Connection, Consume, ConsumeConfiguration, Produce, ProduceConfiguration},
};
use milena_wire::{ApiKey, ErrorCode};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

async fn broker(partitions: i32) -> (Broker, Connection) {
    let broker = Broker::builder().topic("cars", partitions).start().await.unwrap();
    let addresses = broker.bootstrap_servers().split(',').map(str::to_owned).collect();
    (broker, Connection::anonymous(addresses, "test"))
}

fn produce(connection: &Connection, extra: &Value) -> Produce {
    let mut configuration = json!({ "topic": "cars" });
    let fields = extra.as_object().unwrap().clone();
    configuration.as_object_mut().unwrap().extend(fields);
    let configuration = ProduceConfiguration::from_json(&configuration).unwrap();
    Produce::new(&configuration, connection).unwrap()
}

async fn started(connection: &Connection) -> Box<Consume> {
    let configuration = json!({ "topic": "cars", "groupId": "crm" });
    let configuration = ConsumeConfiguration::from_json(&configuration).unwrap();
    let mut trigger = Box::new(Consume::new(&configuration, connection).unwrap());
    trigger.start().await.unwrap();
    trigger
}

/// Sends one body; its outputs and the ends of its partitions.
async fn send(produce: &Produce, body: Value) -> (Vec<Value>, Ends) {
    let delivered = produce.submit(body).await.unwrap().await.unwrap();
    (delivered.outputs, delivered.ends)
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

#[tokio::test]
async fn a_body_with_one_message_gives_one_record_and_one_row() {
    let (_broker, connection) = broker(1).await;
    let mut trigger = started(&connection).await;
    let produce = produce(&connection, &json!({}));
    let body = json!({ "messages": [{ "key": "Car status", "value": "arrived" }] });
    let (outputs, ends) = send(&produce, body).await;
    assert_eq!(
        outputs,
        [json!({
            "topicName": "cars", "partition": "0", "errorCode": "0", "baseOffset": "0",
            "logAppendTime": "-1", "logStartOffset": "0",
        })]
    );
    let records = take(&mut trigger, 1).await;
    let expected =
        json!({ "value": "arrived", "key": "Car status", "partition": "0", "offset": 0 });
    assert_eq!(records[0].output, expected);
    assert!(trigger.has_reached(&ends).await.unwrap());
    trigger.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn messages_of_two_partitions_give_two_rows() {
    let (_broker, connection) = broker(2).await;
    let produce = produce(&connection, &json!({ "compatibility": "kafkajs" }));
    // Eight keys do not all have the same murmur2 modulo 2.
    let messages: Vec<_> = (0..8).map(|n| json!({ "key": format!("k{n}"), "value": n })).collect();
    let (outputs, ends) = send(&produce, json!({ "messages": messages })).await;
    let partitions: Vec<_> = outputs.iter().map(|row| row["partition"].clone()).collect();
    assert_eq!(partitions, [json!(0), json!(1)]);
    assert!(outputs.iter().all(|row| row["baseOffset"] == "0" && row["errorCode"] == 0));
    assert_eq!(ends.values().sum::<i64>(), 8);
}

#[tokio::test]
async fn messages_without_key_go_round_the_partitions_and_have_no_key() {
    let (_broker, connection) = broker(3).await;
    let mut trigger = started(&connection).await;
    let produce = produce(&connection, &json!({}));
    let messages = vec![json!({ "value": "x" }); 9];
    let (outputs, ends) = send(&produce, json!({ "messages": messages })).await;
    assert_eq!(outputs.len(), 3);
    assert_eq!(ends.values().copied().collect::<Vec<_>>(), [3, 3, 3]);
    let records = take(&mut trigger, 9).await;
    assert!(records.iter().all(|record| record.output.get("key").is_none()), "{records:?}");
    trigger.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn nothing_is_sent_of_a_body_that_is_wrong() {
    let (broker, connection) = broker(1).await;
    let produce = produce(&connection, &json!({}));
    let no_value = json!({ "messages": [{ "value": "x" }, { "key": "k" }] });
    for body in [no_value, json!({}), json!({ "messages": 1 })] {
        let Err(error) = produce.submit(body).await else { panic!("it was taken") };
        assert!(error.to_string().starts_with("topic \"cars\": "), "{error}");
        assert!(!error.is_retriable());
    }
    produce.close(PATIENCE).await.unwrap();
    assert_eq!(broker.offsets("cars", 0).unwrap(), (0, 0));
}

#[tokio::test]
async fn what_was_not_accepted_is_given_again() {
    let (_broker, connection) = broker(1).await;
    let mut trigger = started(&connection).await;
    let produce = produce(&connection, &json!({}));
    let messages: Vec<_> = (0..4).map(|n| json!({ "value": n })).collect();
    send(&produce, json!({ "messages": messages })).await;
    let records = take(&mut trigger, 4).await;
    // The third is accepted out of turn: what may be committed ends before the second.
    trigger.accept(&records[0].ticket);
    trigger.accept(&records[2].ticket);
    trigger.close(PATIENCE).await.unwrap();
    let mut next = started(&connection).await;
    let again = take(&mut next, 3).await;
    let values: Vec<_> = again.iter().map(|record| record.output["value"].clone()).collect();
    assert_eq!(values, ["1", "2", "3"]);
    next.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_trigger_whose_broker_is_gone_closes_soon() {
    let (broker, connection) = broker(1).await;
    let mut trigger = started(&connection).await;
    let produce = produce(&connection, &json!({}));
    send(&produce, json!({ "messages": [{ "value": "arrived" }] })).await;
    let records = take(&mut trigger, 1).await;
    trigger.accept(&records[0].ticket);
    broker.stop_node(1).await.unwrap();
    let closed = tokio::time::timeout(PATIENCE, trigger.close(10 * PATIENCE)).await;
    let error = closed.expect("closing takes far less than it may").unwrap_err();
    assert_eq!(error.kind(), milena::ErrorKind::Transport, "{error}");
}

#[tokio::test]
async fn a_message_that_is_too_large_is_named() {
    let (_broker, connection) = broker(1).await;
    let body = json!({ "messages": [{ "value": "x".repeat(2000) }] });
    let too_small = json!({ "max.request.size": 1000 });
    let produce = produce(&connection, &json!({ "additionalProperties": too_small }));
    let Err(error) = produce.submit(body).await else { panic!("it was taken") };
    assert!(error.to_string().contains("message 1 was not sent"), "{error}");
    assert!(error.delivered.outputs.is_empty());
}

#[tokio::test]
async fn a_refused_record_has_its_error_code_in_the_row_of_the_document() {
    let (broker, connection) = broker(1).await;
    let body = json!({ "messages": [{ "value": "x" }] });
    for (compatibility, rows) in [
        (
            "document",
            vec![json!({
                "topicName": "cars", "partition": "0", "errorCode": "29", "baseOffset": "-1",
                "logAppendTime": "-1", "logStartOffset": "-1",
            })],
        ),
        ("kafkajs", vec![]),
    ] {
        let code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
        broker.faults().inject(Fault::on(ApiKey::PRODUCE).error(code));
        let produce = produce(&connection, &json!({ "compatibility": compatibility }));
        let error = produce.submit(body.clone()).await.unwrap().await.unwrap_err();
        assert_eq!(error.delivered.outputs, rows, "{error}");
        produce.close(PATIENCE).await.unwrap();
    }
    assert_eq!(broker.offsets("cars", 0).unwrap(), (0, 0));
}
