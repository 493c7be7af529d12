use serde_json::{Value, json};

use super::{config, inbound, secrets};
use crate::camunda::{
    Compatibility, InboundConfiguration, OutboundConfiguration, OutboundInput, Serialization,
};

/// The document's own schema.
const SCHEMA: &str = r#"{"doc":"Sample schema to help you get started.","fields":[{"name":"name","type":"string"},{"name":"age","type":"int"},{"name":"emails","type":{"items":"string","type":"array"}}],"name":"sampleRecord","namespace":"com.mycorp.mynamespace","type":"record"}"#;

fn problems(fields: Value) -> String {
    OutboundConfiguration::from_json(&config(fields)).unwrap_err().to_string()
}

fn legacy_problems(fields: Value) -> String {
    OutboundConfiguration::legacy_from_json(&config(fields)).unwrap_err().to_string()
}

#[test]
fn what_is_missing_is_named() {
    let servers = "config.topic.bootstrapServers is missing: expected a text, host:port of one \
                   broker or more, with commas between them";
    let topic = "config.topic.topicName is missing: expected a text, the name of the topic";
    let value = "config.message.value is missing: expected a value, a text as it is, or anything else as JSON";
    for (fields, expected) in [
        (
            json!({ "topic": null }),
            "config.topic is missing: expected a table, where messages go or come from",
        ),
        (json!({ "topic": { "bootstrapServers": "a:9092" } }), topic),
        (json!({ "topic": { "topicName": "t" } }), servers),
        (json!({ "message": { "key": "k" } }), value),
    ] {
        assert_eq!(problems(fields.clone()), expected);
        assert_eq!(legacy_problems(fields), expected);
    }
    assert_eq!(
        problems(json!({ "message": { "key": "k", "value": null } })),
        "config.message.value is null: expected a value, a text as it is, or anything else as JSON"
    );
    assert_eq!(
        problems(json!({ "topic": {}, "headers": { "h": null }, "additionalPropertes": {} }))
            .matches("(4)")
            .count(),
        1,
        "all problems are told at once"
    );
}

#[test]
fn a_blank_half_of_the_credentials_is_none_by_the_documents_and_a_mistake_by_the_system() {
    for half in [
        json!({ "username": "ada" }),
        json!({ "password": "hush" }),
        json!({ "username": "ada", "password": " " }),
    ] {
        let fields = json!({ "authentication": half });
        let read = OutboundConfiguration::from_json(&config(fields.clone())).unwrap();
        assert_eq!(read.authentication, None);
        let read = OutboundConfiguration::legacy_from_json(&config(fields)).unwrap();
        assert_eq!(read.authentication, None);
        for system in ["8.4", "current"] {
            let problems = problems(json!({ "authentication": half, "compatibility": system }));
            assert!(problems.contains("Username / password pair is required"), "{problems}");
            assert!(!problems.contains("hush"), "{problems}");
        }
    }
    for none in [json!(null), json!({}), json!({ "username": "", "password": "" })] {
        let fields = json!({ "authentication": none, "compatibility": "current" });
        let read = OutboundConfiguration::from_json(&config(fields)).unwrap();
        assert_eq!(read.authentication, None);
    }
}

#[test]
fn a_key_may_be_missing_where_the_system_lets_it() {
    let keyless = json!({ "key": null, "value": 1 });
    for (compatibility, is_fine) in [("document", true), ("8.4", false), ("current", true)] {
        let fields = json!({ "message": keyless, "compatibility": compatibility });
        let read = OutboundConfiguration::from_json(&config(fields));
        assert_eq!(read.is_ok(), is_fine, "{compatibility}: {read:?}");
    }
    assert_eq!(
        legacy_problems(json!({ "message": { "value": 1 } })),
        "config.message has no key: expected one, a text or any other value"
    );
    let input = json!({ "message": keyless });
    assert!(OutboundInput::from_json(&input, Compatibility::Document).is_ok());
    assert!(OutboundInput::from_json(&input, Compatibility::Legacy82).is_err());
}

#[test]
fn the_serialization_is_said_in_either_way() {
    let avro = |fields| {
        let read = OutboundConfiguration::from_json(&config(fields)).unwrap();
        matches!(read.serialization, Serialization::Avro(_))
    };
    assert!(!avro(json!({})));
    assert!(!avro(json!({ "serializationType": "json" })));
    assert!(avro(json!({ "serializationType": "avro", "avro": { "schema": SCHEMA } })));
    assert!(avro(json!({ "avro": { "schema": { "type": "string" } } })));
    assert!(!avro(json!({ "schemaStrategy": { "type": "noSchema" } })));
    assert!(avro(json!({ "schemaStrategy": { "type": "inlineSchema", "schema": SCHEMA } })));
    for (fields, expected) in [
        (json!({ "serializationType": "avro" }), "config.serializationType is avro: expected"),
        (json!({ "avro": { "schema": "{}" } }), "config.avro has a schema that is none"),
        (json!({ "schemaStrategy": { "type": "inlineSchema" } }), "has no schema"),
    ] {
        let problems = problems(fields);
        assert!(problems.contains(expected), "{problems}");
    }
    let problems = legacy_problems(json!({ "avro": { "schema": SCHEMA }, "headers": {} }));
    assert!(problems.contains("config.avro is not known here"), "{problems}");
    assert!(problems.contains("config.headers is not known here"), "{problems}");
}

#[test]
fn secrets_are_put_in_everywhere_and_by_the_older_producer_in_four_fields() {
    let fields = json!({
        "authentication": { "username": "{{secrets.USER}}", "password": "secrets.PASSWORD" },
        "topic": { "bootstrapServers": "{{ secrets.SERVERS }}", "topicName": "secrets.TOPIC" },
        "message": { "key": "{{secrets.KEY}}", "value": { "a": ["secrets.VALUE"] } },
        "additionalProperties": { "ssl.key.password": "{{secrets.KEY_PASSWORD}}" },
    });
    let read = OutboundConfiguration::from_json_with(&config(fields.clone()), &secrets()).unwrap();
    let authentication = read.authentication.as_ref().unwrap();
    assert_eq!(authentication.username, "\"user\"");
    assert_eq!(authentication.password.reveal(), "\"password\"");
    assert_eq!(read.topic.bootstrap_servers, "\"servers\"");
    assert_eq!(read.topic.name, "\"topic\"");
    let message = read.message.as_ref().unwrap();
    assert_eq!(message.key, Some(json!("\"key\"")));
    assert_eq!(message.value, json!({ "a": ["\"value\""] }));
    assert_eq!(read.additional_properties[0].1, "\"key_password\"");
    let shown = format!("{read:?} {:?}", read.authentication);
    for secret in ["password\\\"", "\"topic", "key_password", "\"value"] {
        assert!(!shown.contains(secret), "{shown}");
    }

    let read = OutboundConfiguration::legacy_from_json_with(&config(fields), &secrets()).unwrap();
    assert_eq!(read.authentication.unwrap().password.reveal(), "\"password\"");
    assert_eq!(
        (read.topic.name.as_str(), read.topic.bootstrap_servers.as_str()),
        ("\"topic\"", "\"servers\"")
    );
    let message = read.message.unwrap();
    assert_eq!(message.key, Some(json!("{{secrets.KEY}}")));
    assert_eq!(read.additional_properties[0].1, "{{secrets.KEY_PASSWORD}}");
}

#[test]
fn a_secret_that_is_not_there_is_named() {
    let fields = json!({ "authentication": { "username": "u", "password": "{{secrets.NONE}}" } });
    let problems = OutboundConfiguration::from_json_with(&config(fields), &secrets()).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "config.authentication.password: secret with name 'NONE' is not available"
    );
}

fn group(fields: Value) -> Result<String, String> {
    InboundConfiguration::from_json(&inbound(fields))
        .map(|configuration| configuration.group_id)
        .map_err(|problems| problems.to_string())
}

#[test]
fn the_group_is_given_or_named_after_the_process() {
    let ids = json!({
        "elementId": "start", "processDefinitionKey": 42, "deduplicationId": "d_1",
        "compatibility": "8.4",
    });
    assert_eq!(group(json!({})).unwrap(), "kafka-inbound-connector-order");
    assert_eq!(group(ids.clone()).unwrap(), "kafka-inbound-connector-order-start-42");
    let mut current = ids;
    current["compatibility"] = json!("current");
    assert_eq!(group(current).unwrap(), "kafka-inbound-connector-d_1");
    assert_eq!(group(json!({ "groupId": "crm" })).unwrap(), "crm");
    let additional = json!({ "group.id": "mine" });
    assert_eq!(
        group(json!({ "bpmnProcessId": null, "additionalProperties": additional })).unwrap(),
        "mine"
    );
    assert_eq!(group(json!({ "groupId": "g".repeat(300) })).unwrap().len(), 250);
    assert_eq!(
        group(json!({ "bpmnProcessId": null })).unwrap_err(),
        "config.groupId is missing: expected the consumer group, or bpmnProcessId, which it is \
         named after"
    );
}

#[test]
fn what_is_wrong_with_a_consumer_is_told_at_once() {
    let problems = InboundConfiguration::from_json(&inbound(json!({
        "offsets": "x", "autoOffsetReset": "newest", "activationCondition": "=value.(",
        "messageTtl": "1h", "correlationRequired": "required", "consumeUnmatchedEvents": 7,
    })))
    .unwrap_err()
    .to_string();
    assert!(problems.starts_with("6 problems: "), "{problems}");
    for expected in [
        "config.offsets is \"x\": expected offsets from 0 on",
        "config.autoOffsetReset is the text \"newest\": expected one of none, latest, earliest",
        "config.activationCondition is no FEEL expression",
        "config.messageTtl is \"1h\": expected a duration from 0 on, such as PT30S",
        "config.correlationKeyExpression is missing",
        "config.consumeUnmatchedEvents is the number 7: expected true or false",
    ] {
        assert!(problems.contains(expected), "{problems}");
    }
}

#[test]
fn messages_that_do_not_count_are_committed_unless_the_newer_system_is_followed() {
    for (mut fields, expected) in [
        (json!({}), true),
        (json!({ "compatibility": "8.4" }), true),
        (json!({ "compatibility": "current" }), false),
        (json!({ "compatibility": "current", "consumeUnmatchedEvents": "true" }), true),
        (json!({ "consumeUnmatchedEvents": false }), false),
    ] {
        fields["groupId"] = json!("g");
        let read = InboundConfiguration::from_json(&inbound(fields)).unwrap();
        assert_eq!(read.consume_unmatched_events, expected);
    }
}

#[test]
fn headers_and_additional_properties_may_be_feel() {
    // The document's own example.
    let example =
        "=\n{\n  \"client.id\":\"MyDemoClientId\",\n  \"sasl.mechanism\":\"SCRAM-SHA-256\"\n}";
    let expected = [("client.id", "MyDemoClientId"), ("sasl.mechanism", "SCRAM-SHA-256")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let fields = json!({ "additionalProperties": example, "headers": "={of: topic.topicName}" });
    let read = OutboundConfiguration::from_json(&config(fields.clone())).unwrap();
    assert_eq!(read.additional_properties, expected);
    assert_eq!(read.headers, [("of".to_owned(), "employees".to_owned())]);
    let own = json!({ "additionalProperties": example });
    let read = OutboundConfiguration::legacy_from_json(&config(own.clone())).unwrap();
    assert_eq!(read.additional_properties, expected);
    let read = InboundConfiguration::from_json(&inbound(own)).unwrap();
    assert_eq!(read.additional_properties, expected);
    let input =
        json!({ "message": { "key": "k", "value": 1 }, "headers": "={trace: message.key}" });
    let input = OutboundInput::from_json(&input, Compatibility::Document).unwrap();
    assert_eq!(input.headers, [("trace".to_owned(), "k".to_owned())]);
    let nested = problems(json!({ "headers": "={a: {b: 1}}" }));
    assert_eq!(nested, "config.headers.a is a table: expected a text");
    let scalar = problems(json!({ "additionalProperties": "=1 + 1" }));
    assert_eq!(scalar, "config.additionalProperties gives a number as FEEL: expected a context");
}
