//! Producer and consumer with a registry, against the embedded broker and a registry that is served here.

use std::time::Duration;

use milena_broker::Broker;
use serde_json::{Value, json};

use crate::{
    camunda::{Consume, InboundConfiguration, OutboundConfiguration, Produce},
    connection::Connection,
    connector::{Action as _, ActionError, Emission, Trigger as _},
    registry::tests::server::{Fault, Server},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A schema with an array of records in it.
const SCHEMA: &str = r#"{"type":"record","name":"com.mycorp.Team","fields":[
    {"name":"name","type":"string"},
    {"name":"members","type":{"type":"array","items":{"type":"record","name":"Member","fields":[
        {"name":"age","type":"int"},{"name":"nick","type":["null","string"]}]}}}]}"#;

struct Place {
    _broker: Broker,
    server: Server,
    connection: Connection,
}

impl Place {
    async fn new() -> Self {
        let broker = Broker::builder().topic("orders", 1).start().await.unwrap();
        let connection = Connection::anonymous(vec![broker.bootstrap_servers()], "test");
        Self { _broker: broker, server: Server::start().await, connection }
    }

    fn config(&self, schema_type: &str, schema: Option<&str>, fields: &Value) -> Value {
        let mut config = json!({
            "topic": { "bootstrapServers": "nowhere:1", "topicName": "orders" },
            "schemaStrategy": {
                "type": "schemaRegistry", "schemaType": schema_type,
                "schemaRegistryUrl": self.server.url(),
            },
        });
        if let Some(schema) = schema {
            config["schemaStrategy"]["schema"] = schema.into();
        }
        super::merge(&mut config, fields.clone());
        config
    }

    fn produce(&self, schema_type: &str, schema: &str, fields: &Value) -> Produce {
        let config = self.config(schema_type, Some(schema), fields);
        let configuration = OutboundConfiguration::from_json(&config).unwrap();
        Produce::new(&configuration, &self.connection).unwrap()
    }

    async fn started(&self, schema_type: &str, fields: &Value) -> Box<Consume> {
        let mut config = self.config(schema_type, None, fields);
        super::merge(
            &mut config,
            json!({ "groupId": "g", "autoOffsetReset": "earliest", "resultVariable": "m" }),
        );
        let configuration = InboundConfiguration::from_json(&config).unwrap();
        let mut trigger = Box::new(Consume::new(&configuration, &self.connection).unwrap());
        trigger.start().await.unwrap();
        trigger
    }
}

async fn send(produce: &Produce, value: &Value) -> Result<(), ActionError> {
    produce.submit(json!({ "message": { "key": "k", "value": value } })).await?.await.map(drop)
}

async fn take(trigger: &mut Consume, count: usize) -> Vec<Emission> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.extend(trigger.next(PATIENCE).await.unwrap());
    }
    taken
}

#[tokio::test]
async fn avro_is_registered_framed_and_read_back_without_a_raw_value() {
    let place = Place::new().await;
    let produce = place.produce("avro", SCHEMA, &json!({}));
    let value =
        json!({ "name": "a", "members": [{ "age": 1, "nick": null }, { "age": 2, "nick": "b" }] });
    send(&produce, &value).await.unwrap();
    send(&produce, &json!("{'name': 'c', 'members': [], 'unknown': 1}")).await.unwrap();
    let requests = place.server.requests();
    assert_eq!(requests, ["POST /subjects/orders-value/versions"], "it is asked once");

    let mut trigger = place.started("avro", &json!({})).await;
    let taken = take(&mut trigger, 2).await;
    let message = &taken[0].output["variables"]["m"];
    assert_eq!((&message["value"], &message["rawValue"]), (&value, &Value::Null));
    assert_eq!(taken[1].output["variables"]["m"]["value"], json!({ "name": "c", "members": [] }));
    trigger.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn json_by_a_schema_is_read_back_with_its_shortest_text() {
    let place = Place::new().await;
    let produce = place.produce("json", r#"{"type":"object"}"#, &json!({}));
    send(&produce, &json!({ "foo": "bar", "n": [1, 2] })).await.unwrap();
    let mut trigger = place.started("json", &json!({})).await;
    let taken = take(&mut trigger, 1).await;
    let message = &taken[0].output["variables"]["m"];
    assert_eq!(message["rawValue"], r#"{"foo":"bar","n":[1,2]}"#);
    assert_eq!(message["value"], json!({ "foo": "bar", "n": [1, 2] }));
    trigger.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn additional_properties_say_who_asks_and_whether_schemas_are_registered() {
    let place = Place::new().await;
    place.server.state.lock().authorization = Some("Basic YWRhOmh1c2g=".to_owned());
    let fields = json!({ "additionalProperties": {
        "basic.auth.credentials.source": "USER_INFO", "basic.auth.user.info": "ada:hush",
        "auto.register.schemas": "false", "use.latest.version": true,
    } });
    let produce = place.produce("avro", "\"string\"", &fields);
    let latest = json!({ "schema": SCHEMA });
    place.server.state.lock().register("orders-value", latest);
    send(&produce, &json!({ "name": "a", "members": [] })).await.unwrap();
    assert_eq!(place.server.requests(), ["GET /subjects/orders-value/versions/latest"]);

    let config = place.config("avro", Some(SCHEMA), &fields);
    let configuration = OutboundConfiguration::from_json(&config).unwrap();
    let properties = configuration.client_properties(&place.connection);
    let shown = properties.to_string();
    assert!(!shown.contains("hush"), "{shown}");
    assert!(shown.contains("schema.registry.url = http://127.0.0.1"), "{shown}");
    let expected = "value.serializer = io.confluent.kafka.serializers.KafkaAvroSerializer (connector, not used)";
    assert!(shown.contains(expected), "{shown}");
    assert!(
        properties
            .pairs()
            .all(|(name, _)| !name.contains("registry") && !name.contains("auth.user"))
    );
}

#[tokio::test]
async fn a_value_that_is_no_map_or_does_not_fit_is_the_inputs_fault_and_a_refusal_is_not() {
    let place = Place::new().await;
    let produce = place.produce("avro", SCHEMA, &json!({}));
    for (value, expected) in [
        (json!([1]), "Message value must be a map for a schema based message"),
        (json!("text"), "Message value must be a map for a schema based message"),
        (
            json!({ "name": 7, "members": [] }),
            "the value does not fit schema 1: $.name is the number 7",
        ),
    ] {
        let error = send(&produce, &value).await.unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        assert!(error.source.is_none());
    }
    let value = json!({ "name": "a", "members": [] });
    let other = place.produce(
        "avro",
        SCHEMA,
        &json!({ "topic": {
        "bootstrapServers": "nowhere:1", "topicName": "others" } }),
    );
    place.server.state.lock().faults.push_back(Fault::Answer(503, ""));
    let error = send(&other, &value).await.unwrap_err();
    assert!(error.is_retriable(), "{error}");
    assert!(error.message.starts_with("Error during Kafka Producer execution"), "{error}");
    place.server.state.lock().faults.push_back(Fault::Answer(409, r#"{"message":"incompatible"}"#));
    let error = send(&other, &value).await.unwrap_err();
    assert!(!error.is_retriable() && error.source.is_some(), "{error}");
    send(&other, &value).await.unwrap();
}

#[tokio::test]
async fn what_has_no_frame_or_no_schema_is_refused_and_a_registry_that_is_away_is_waited_for() {
    let place = Place::new().await;
    let plain = json!({ "topic": { "bootstrapServers": "nowhere:1", "topicName": "orders" } });
    let plain = OutboundConfiguration::from_json(&plain).unwrap();
    let plain = Produce::new(&plain, &place.connection).unwrap();
    send(&plain, &json!("no frame")).await.unwrap();
    send(&plain, &json!("\u{0}\u{0}\u{0}\u{0}\u{7}x")).await.unwrap();
    let produce = place.produce("avro", SCHEMA, &json!({}));
    send(&produce, &json!({ "name": "a", "members": [] })).await.unwrap();
    let mut trigger = place.started("avro", &json!({})).await;
    for _ in 0..2 {
        place.server.state.lock().faults.push_back(Fault::Close);
    }
    let taken = take(&mut trigger, 3).await;
    let refusal = |at: usize| taken[at].refusal.clone().unwrap_or_default();
    assert!(refusal(0).starts_with("the value begins with byte 110"), "{}", refusal(0));
    assert!(refusal(1).contains("the schema registry refused to give schema 7"), "{}", refusal(1));
    assert_eq!(taken[2].output["variables"]["m"]["value"]["name"], "a");
    trigger.close(PATIENCE).await.unwrap();
}

#[test]
fn what_a_registry_lacks_is_named() {
    let strategy = |fields: Value| {
        let mut strategy = json!({ "type": "schemaRegistry" });
        super::merge(&mut strategy, fields);
        super::config(json!({ "schemaStrategy": strategy }))
    };
    for (fields, expected) in [
        (json!({}), "config.schemaStrategy has no schemaRegistryUrl: expected one such as"),
        (
            json!({ "schemaRegistryUrl": "http://h" }),
            "config.schemaStrategy has no schema: expected one with type = \"schemaRegistry\"",
        ),
        (
            json!({ "schemaRegistryUrl": "h:8081", "schema": "\"string\"" }),
            "config.schemaStrategy has a schemaRegistryUrl of no use: ",
        ),
        (
            json!({ "schemaRegistryUrl": "http://h", "schema": "{}" }),
            "config.schemaStrategy has a schema that is none",
        ),
        (
            json!({ "schemaRegistryUrl": "http://h", "schema": "{", "schemaType": "json" }),
            "config.schemaStrategy has a schema that is none: it is no JSON",
        ),
    ] {
        let problems = OutboundConfiguration::from_json(&strategy(fields)).unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}");
    }
    let inbound = super::inbound(json!({ "schemaStrategy": {
        "type": "schemaRegistry", "schemaRegistryUrl": "http://h" } }));
    assert!(InboundConfiguration::from_json(&inbound).is_ok(), "the registry has the schema");
}
