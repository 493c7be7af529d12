//! Avro with a registry that is served here.

use super::*;
use crate::{
    connection::Connection,
    registry::tests::server::{Fault, Server},
    settings::{Node, Problems},
};

const PERSON: &str = r#"{"type":"record","name":"Person","fields":[
    {"name":"name","type":"string"},{"name":"age","type":"int"}]}"#;

fn producer(broker: &Broker, registry: &Server, fields: &Value) -> Producer {
    let mut all = json!({
        "valueSerializerType": "SER_AVRO", "valueSchema": PERSON,
        "schemaRegistryConfig": { "baseUrl": registry.url() },
    });
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let configuration = ProducerConfiguration::from_json(&all).unwrap();
    Producer::new(broker.bootstrap_servers(), &configuration).unwrap()
}

fn avro(registry: &Server, fields: &Value) -> Value {
    let mut all = json!({
        "valueDeserializerType": "DES_AVRO", "schemaRegistryConfig": { "baseUrl": registry.url() },
    });
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    all
}

fn person(name: &str) -> Data {
    Data::json(&json!({ "name": name, "age": 7 })).unwrap()
}

#[tokio::test]
async fn subjects_begin_with_the_part_and_a_plain_key_stays() {
    let (broker, registry) = (broker().await, Server::start().await);
    let key = json!({ "keySerializerType": "SER_AVRO", "keySchema": "\"string\"" });
    let both = producer(&broker, &registry, &key);
    both.send(&ProducerRecord::new("t", person("Anne")).key("k")).await.unwrap();
    let plain = producer(&broker, &registry, &json!({}));
    plain.send(&ProducerRecord::new("t", person("Bea")).key("k")).await.unwrap();
    let requests = registry.requests();
    assert_eq!(
        requests,
        [
            "POST /subjects/key-t/versions",
            "POST /subjects/value-t/versions",
            "POST /subjects/value-t/versions"
        ]
    );
    let consumer = assigned(&broker, &avro(&registry, &json!({})));
    let records: Vec<ConsumerRecord<Json<Value>, Vec<u8>>> = consumer.poll(PATIENCE).await.unwrap();
    assert_eq!(records[0].value.0, json!({ "name": "Anne", "age": 7 }));
    assert_eq!(records[0].key.as_deref(), Some(&b"\0\0\0\0\x01\x02k"[..]));
    assert_eq!(records[1].key.as_deref(), Some(&b"k"[..]));
    let keys = avro(&registry, &json!({ "keyDeserializerType": "DES_AVRO" }));
    let consumer = assigned(&broker, &keys);
    let records: Vec<ConsumerRecord<String, String>> = consumer.poll(PATIENCE).await.unwrap();
    assert_eq!(records[0].key.as_deref(), Some("k"));
    assert_eq!(records[0].value, r#"{"name":"Anne","age":7}"#);
}

#[tokio::test]
async fn what_does_not_fit_is_told_and_a_registry_that_is_away_loses_nothing() {
    let (broker, registry) = (broker().await, Server::start().await);
    let producer = producer(&broker, &registry, &json!({}));
    let error = text(producer.send(&ProducerRecord::new("t", Data::from(7_i64))).await);
    let expected = "Failed to send data to Kafka server: the value does not fit schema 1: ";
    assert!(error.starts_with(expected), "{error}");
    let record = ProducerRecord::new("t", person("Anne"));
    producer.send(&record).await.unwrap();
    send(&broker, &["no frame"]).await;
    producer.send(&record).await.unwrap();

    let consumer = assigned(&broker, &avro(&registry, &json!({})));
    registry.state.lock().faults.push_back(Fault::Answer(503, ""));
    let error = text(consumer.poll::<Payload<Json<Value>>>(PATIENCE).await);
    assert!(error.starts_with("Failed to poll from the Kafka server: "), "{error}");
    let mut values: Vec<Payload<Json<Value>>> = Vec::new();
    while values.len() < 2 {
        values.extend(consumer.poll(PATIENCE).await.unwrap());
    }
    assert!(values.iter().all(|Payload(Json(value))| value["name"] == "Anne"), "{values:?}");
}

#[tokio::test]
async fn a_flow_sends_and_gives_avro_as_json() {
    let (broker, registry) = (broker().await, Server::start().await);
    let connection = Connection::anonymous(vec![broker.bootstrap_servers()], "test");
    let mut problems = Problems::default();
    let config = json!({ "baseUrl": registry.url() });
    let send_fields = json!({
        "valueSerializerType": "SER_AVRO", "valueSchema": PERSON, "schemaRegistryConfig": config,
    });
    let fields = json!({
        "groupId": "g", "topics": "t", "offsetReset": "earliest",
        "valueDeserializerType": "DES_AVRO", "schemaRegistryConfig": config,
    });
    let (send_node, node) = (Node::from_json(&send_fields), Node::from_json(&fields));
    let action = (CONNECTOR.actions[0].read)(&send_node, "config", &mut problems).unwrap();
    let trigger = (CONNECTOR.triggers[0].read)(&node, "config", &mut problems).unwrap();
    let action = action.open(&connection).unwrap();
    let record = json!({ "topic": "t", "key": "k", "value": { "name": "Anne", "age": 7 } });
    action.submit(record).await.unwrap().await.unwrap();
    send(&broker, &["no frame"]).await;
    let mut trigger = trigger.open(&connection).unwrap();
    trigger.start().await.unwrap();
    let mut emissions = Vec::new();
    while emissions.len() < 2 {
        emissions.extend(trigger.next(PATIENCE).await.unwrap());
    }
    assert_eq!(emissions[0].output["value"], json!({ "name": "Anne", "age": 7 }));
    assert_eq!(emissions[0].output["key"], "k");
    let refusal = emissions[1].refusal.as_deref().unwrap();
    assert!(refusal.starts_with("the value begins with byte 110"), "{refusal}");
    trigger.close(PATIENCE).await.unwrap();
    action.close(PATIENCE).await.unwrap();
}
