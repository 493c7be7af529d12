use milena::config::{ConsumerConfig, ProducerConfig};
use serde_json::{Value, json};

use super::{config, inbound};
use crate::{
    camunda::{InboundConfiguration, OutboundConfiguration},
    connection::Connection,
    settings::ClientProperties,
};

const JAAS: &str = "org.apache.kafka.common.security.plain.PlainLoginModule   required \
                    username='ada'   password='hush';";

/// What the credentials and the brokers set: the secret is masked.
const BEGIN: &str = "sasl.jaas.config = ******** (credentials)\n\
                     security.protocol = SASL_SSL (credentials)\n\
                     sasl.mechanism = PLAIN (credentials)\n\
                     bootstrap.servers = a:9092,b:9092 (configuration)\n";

const SERIALIZERS: &str = "key.serializer = \
    org.apache.kafka.common.serialization.StringSerializer (connector)\n\
    value.serializer = org.apache.kafka.common.serialization.StringSerializer (connector)\n";

const DESERIALIZERS: &str = "key.deserializer = \
    org.apache.kafka.common.serialization.StringDeserializer (connector)\n\
    value.deserializer = org.apache.kafka.common.serialization.StringDeserializer (connector)\n";

fn produce(fields: Value) -> ClientProperties {
    let configuration = OutboundConfiguration::from_json(&config(fields)).unwrap();
    configuration.client_properties(&Connection::default())
}

fn legacy(fields: Value) -> ClientProperties {
    let configuration = OutboundConfiguration::legacy_from_json(&config(fields)).unwrap();
    configuration.client_properties(&Connection::default())
}

fn consume(fields: Value) -> ClientProperties {
    let mut configuration = inbound(fields);
    configuration["authentication"] = json!({ "username": "ada", "password": "hush" });
    configuration["topic"]["bootstrapServers"] = json!("a:9092,b:9092");
    let configuration = InboundConfiguration::from_json(&configuration).unwrap();
    configuration.client_properties(&Connection::default())
}

#[test]
fn the_producer_of_the_document_has_exactly_these_properties_in_this_order() {
    let additional = json!({ "client.id": "MyDemoClientId", "sasl.mechanism": "SCRAM-SHA-256" });
    let properties = produce(json!({ "additionalProperties": additional }));
    assert_eq!(
        properties.to_string(),
        format!(
            "{BEGIN}{SERIALIZERS}\
             session.timeout.ms = 45000 (connector, not used)\n\
             client.dns.lookup = use_all_dns_ips (connector)\n\
             acks = all (connector)\n\
             delivery.timeout.ms = 45000 (connector)\n\
             client.id = MyDemoClientId (additional properties)\n\
             sasl.mechanism = SCRAM-SHA-256 (additional properties)\n"
        )
    );
    assert_eq!(properties.value("sasl.jaas.config"), Some(JAAS));
    let config = ProducerConfig::from_properties(properties.pairs()).unwrap();
    let warnings: Vec<_> = config.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("the mechanism wins"), "{warnings:?}");
}

#[test]
fn the_running_producer_has_exactly_these_properties_in_this_order() {
    for compatibility in ["8.4", "current"] {
        let properties = produce(json!({ "compatibility": compatibility }));
        assert_eq!(
            properties.to_string(),
            format!(
                "{BEGIN}{SERIALIZERS}\
                 session.timeout.ms = 45000 (connector, not used)\n\
                 client.dns.lookup = use_all_dns_ips (connector)\n\
                 acks = all (connector)\n\
                 delivery.timeout.ms = 45000 (connector)\n\
                 max.block.ms = 60000 (connector)\n\
                 linger.ms = 0 (connector)\n\
                 request.timeout.ms = 30000 (connector)\n\
                 heartbeat.interval.ms = 3000 (connector, not used)\n\
                 default.api.timeout.ms = 60000 (connector, not used)\n"
            )
        );
    }
}

#[test]
fn the_older_producer_has_exactly_these_properties_in_this_order() {
    assert_eq!(
        legacy(json!({})).to_string(),
        format!(
            "{BEGIN}{SERIALIZERS}\
             session.timeout.ms = 45000 (connector, not used)\n\
             client.dns.lookup = use_all_dns_ips (connector)\n\
             acks = all (connector)\n\
             delivery.timeout.ms = 45000 (connector)\n\
             max.block.ms = 45000 (connector)\n"
        )
    );
}

#[test]
fn an_additional_property_adds_one_or_changes_one() {
    for properties in [produce, legacy] {
        let plain = properties(json!({}));
        let count = plain.effective().count();
        let more = json!({ "additionalProperties": { "transaction.timeout.ms": 1 } });
        assert_eq!(properties(more).effective().count(), count + 1);
        for (name, value) in [
            ("session.timeout.ms", "1"),
            ("delivery.timeout.ms", "35000"),
            ("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
        ] {
            assert_ne!(plain.value(name), Some(value));
            let other = properties(json!({ "additionalProperties": { name: value } }));
            assert_eq!(other.effective().count(), count);
            assert_eq!(other.value(name), Some(value));
        }
    }
}

#[test]
fn avro_values_are_bytes() {
    let avro = json!({ "avro": { "schema": "\"string\"" } });
    let bytes = "org.apache.kafka.common.serialization.ByteArraySerializer";
    assert_eq!(produce(avro.clone()).value("value.serializer"), Some(bytes));
    let bytes = "org.apache.kafka.common.serialization.ByteArrayDeserializer";
    assert_eq!(consume(avro).value("value.deserializer"), Some(bytes));
}

#[test]
fn the_consumer_of_the_document_has_exactly_these_properties_in_this_order() {
    let additional = json!({ "auto.offset.reset": "earliest", "enable.auto.commit": true });
    let properties = consume(json!({ "additionalProperties": additional }));
    assert_eq!(
        properties.to_string(),
        format!(
            "{BEGIN}{DESERIALIZERS}\
             session.timeout.ms = 45000 (connector)\n\
             client.dns.lookup = use_all_dns_ips (connector)\n\
             acks = all (connector, not used)\n\
             group.id = kafka-inbound-connector-order (configuration)\n\
             enable.auto.commit = false (connector)\n\
             auto.offset.reset = latest (configuration)\n\
             auto.offset.reset = earliest (additional properties)\n\
             enable.auto.commit = true (additional properties)\n\
             enable.auto.commit = false (connector)\n"
        )
    );
    assert_eq!(properties.value("auto.offset.reset"), Some("earliest"));
}

#[test]
fn the_running_consumer_has_exactly_these_properties_in_this_order() {
    let additional = json!({ "auto.offset.reset": "earliest", "fetch.min.bytes": 7 });
    let fields = json!({
        "compatibility": "current", "deduplicationId": "d", "additionalProperties": additional,
    });
    let properties = consume(fields);
    assert_eq!(
        properties.to_string(),
        format!(
            "{BEGIN}\
             session.timeout.ms = 45000 (connector)\n\
             client.dns.lookup = use_all_dns_ips (connector)\n\
             acks = all (connector, not used)\n\
             delivery.timeout.ms = 45000 (connector, not used)\n\
             max.block.ms = 60000 (connector, not used)\n\
             linger.ms = 0 (connector, not used)\n\
             request.timeout.ms = 30000 (connector)\n\
             heartbeat.interval.ms = 3000 (connector)\n\
             default.api.timeout.ms = 60000 (connector)\n\
             auto.offset.reset = earliest (additional properties)\n\
             fetch.min.bytes = 7 (additional properties)\n\
             group.id = kafka-inbound-connector-d (configuration)\n\
             auto.offset.reset = latest (configuration)\n\
             enable.auto.commit = false (connector)\n\
             retention.ms = -1 (connector, not used)\n\
             {DESERIALIZERS}"
        )
    );
    assert_eq!(properties.value("auto.offset.reset"), Some("latest"));
}

#[test]
fn a_group_among_the_additional_properties_counts_with_either() {
    for compatibility in ["document", "current"] {
        let additional = json!({ "group.id": "mine" });
        let properties = consume(json!({
            "compatibility": compatibility, "groupId": "crm", "additionalProperties": additional,
        }));
        assert_eq!(properties.value("group.id"), Some("mine"));
    }
}

#[test]
fn the_clients_take_the_properties_without_a_warning() {
    for compatibility in ["document", "8.4", "current"] {
        let fields = json!({ "compatibility": compatibility, "groupId": "g" });
        let mut without_group = fields.clone();
        without_group.as_object_mut().unwrap().remove("groupId");
        let producer = ProducerConfig::from_properties(produce(without_group).pairs()).unwrap();
        let consumer = ConsumerConfig::from_properties(consume(fields).pairs()).unwrap();
        assert!(producer.warnings().is_empty(), "{}", producer.warnings());
        assert!(consumer.warnings().is_empty(), "{}", consumer.warnings());
    }
    let producer = ProducerConfig::from_properties(legacy(json!({})).pairs()).unwrap();
    assert!(producer.warnings().is_empty(), "{}", producer.warnings());
}

#[test]
fn custom_authentication_leaves_user_and_password_alone_by_the_document_only() {
    let fields = json!({ "authenticationType": "custom" });
    assert_eq!(consume(fields).value("sasl.mechanism"), None);
    let fields = json!({
        "authenticationType": "custom", "compatibility": "current", "groupId": "g",
    });
    assert_eq!(consume(fields).value("sasl.mechanism"), Some("PLAIN"));
}

#[test]
fn the_flow_can_bring_the_brokers_and_an_embedded_one_needs_no_credentials() {
    let configuration = OutboundConfiguration::from_json(&config(json!({}))).unwrap();
    let mut connection = Connection::anonymous(vec!["127.0.0.1:1".to_owned()], "flow");
    connection.is_embedded = true;
    let properties = configuration.client_properties(&connection);
    assert_eq!(properties.value("bootstrap.servers"), Some("127.0.0.1:1"));
    assert_eq!(properties.value("client.id"), Some("flow"));
    assert_eq!(properties.value("sasl.jaas.config"), None);
}
