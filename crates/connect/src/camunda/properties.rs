//! The client properties of the connectors, as data: which, in which order, from where.

use milena::config::ClientKind;

use super::{Compatibility, InboundConfiguration, OutboundConfiguration, Serialization};
use crate::{
    connection::Connection,
    registry::{SchemaType, is_registry_property},
    settings::{ClientProperties, Origin},
};

const STRING_SERIALIZER: &str = "org.apache.kafka.common.serialization.StringSerializer";
const BYTES_SERIALIZER: &str = "org.apache.kafka.common.serialization.ByteArraySerializer";
const STRING_DESERIALIZER: &str = "org.apache.kafka.common.serialization.StringDeserializer";
const BYTES_DESERIALIZER: &str = "org.apache.kafka.common.serialization.ByteArrayDeserializer";

/// Which class a serialization means to Java.
struct Classes {
    /// The property of a value's class.
    name: &'static str,
    string: &'static str,
    bytes: &'static str,
    /// Confluent's, which say how a registry's values are framed: here that is this crate's business.
    registry_avro: &'static str,
    registry_json: &'static str,
}

const SERIALIZERS: Classes = Classes {
    name: "value.serializer",
    string: STRING_SERIALIZER,
    bytes: BYTES_SERIALIZER,
    registry_avro: "io.confluent.kafka.serializers.KafkaAvroSerializer",
    registry_json: "io.confluent.kafka.serializers.json.KafkaJsonSchemaSerializer",
};

const DESERIALIZERS: Classes = Classes {
    name: "value.deserializer",
    string: STRING_DESERIALIZER,
    bytes: BYTES_DESERIALIZER,
    registry_avro: "io.confluent.kafka.serializers.KafkaAvroDeserializer",
    registry_json: "io.confluent.kafka.serializers.json.KafkaJsonSchemaDeserializer",
};

const REGISTRY_URL: &str = "schema.registry.url";

/// The document's miscellaneous properties of the producer.
const PRODUCE_DOCUMENT: &[(&str, &str)] = &[
    ("session.timeout.ms", "45000"),
    ("client.dns.lookup", "use_all_dns_ips"),
    ("acks", "all"),
    ("delivery.timeout.ms", "45000"),
];

/// The older producer's: its document leaves the last out.
const PRODUCE_LEGACY: &[(&str, &str)] = &[
    ("session.timeout.ms", "45000"),
    ("client.dns.lookup", "use_all_dns_ips"),
    ("acks", "all"),
    ("delivery.timeout.ms", "45000"),
    ("max.block.ms", "45000"),
];

/// Those of the running producer and consumer.
const SYSTEM: &[(&str, &str)] = &[
    ("session.timeout.ms", "45000"),
    ("client.dns.lookup", "use_all_dns_ips"),
    ("acks", "all"),
    ("delivery.timeout.ms", "45000"),
    ("max.block.ms", "60000"),
    ("linger.ms", "0"),
    ("request.timeout.ms", "30000"),
    ("heartbeat.interval.ms", "3000"),
    ("default.api.timeout.ms", "60000"),
];

/// The document's miscellaneous properties of the consumer, without the group.
const CONSUME_DOCUMENT: &[(&str, &str)] =
    &[("session.timeout.ms", "45000"), ("client.dns.lookup", "use_all_dns_ips"), ("acks", "all")];

/// Offsets are committed when records are accepted, and by nobody else.
const COMMIT: (&str, &str) = ("enable.auto.commit", "false");

const GROUP_ID: &str = "group.id";
const AUTO_OFFSET_RESET: &str = "auto.offset.reset";

/// What stands before everything that a connector says: the flow's own client id.
fn begin(connection: &Connection) -> ClientProperties {
    let mut properties = ClientProperties::default();
    if !connection.client_id.is_empty() {
        properties.set(Origin::Flow, "client.id", connection.client_id.as_str());
    }
    properties
}

impl Classes {
    fn set(&self, serialization: &Serialization, properties: &mut ClientProperties) {
        let registry = match serialization {
            Serialization::Json => {
                return properties.set(Origin::Connector, self.name, self.string);
            }
            Serialization::Avro(_) => {
                return properties.set(Origin::Connector, self.name, self.bytes);
            }
            Serialization::Registry(registry) => registry,
        };
        let class = match registry.schema_type {
            SchemaType::Avro => self.registry_avro,
            _ => self.registry_json,
        };
        properties.set_unused(Origin::Connector, self.name, class);
        properties.set_unused(Origin::Configuration, REGISTRY_URL, registry.url.reveal());
    }
}

impl OutboundConfiguration {
    /// The producer's properties in the order in which they are set: the later counts.
    #[must_use]
    pub fn client_properties(&self, connection: &Connection) -> ClientProperties {
        let mut properties = begin(connection);
        if let Some(authentication) = &self.authentication {
            authentication.set(connection, &mut properties);
        }
        connection.set_servers(&self.topic.bootstrap_servers, &mut properties);
        properties.set(Origin::Connector, "key.serializer", STRING_SERIALIZER);
        SERIALIZERS.set(&self.serialization, &mut properties);
        let fixed = match self.compatibility {
            Compatibility::Document => PRODUCE_DOCUMENT,
            Compatibility::Legacy82 => PRODUCE_LEGACY,
            Compatibility::Camunda84 | Compatibility::Current => SYSTEM,
        };
        properties.set_all_of(ClientKind::Producer, fixed);
        let client = ClientKind::Producer;
        let mut properties = connection.finish(properties, client, &self.additional_properties);
        if matches!(self.serialization, Serialization::Registry(_)) {
            properties.set_aside(is_registry_property);
        }
        properties
    }
}

impl InboundConfiguration {
    /// The consumer's properties in the order in which they are set: the later counts.
    ///
    /// By the document additional properties replace everything. The running connector sets the group, the
    /// reset, the commit and the deserializers after them; the commit is ours with either.
    #[must_use]
    pub fn client_properties(&self, connection: &Connection) -> ClientProperties {
        let mut properties = begin(connection);
        if let Some(authentication) = &self.authentication {
            authentication.set(connection, &mut properties);
        }
        connection.set_servers(&self.topic.bootstrap_servers, &mut properties);
        if self.compatibility.is_system() {
            properties.set_all_of(ClientKind::Consumer, SYSTEM);
        } else {
            self.set_deserializers(&mut properties);
            properties.set_all_of(ClientKind::Consumer, CONSUME_DOCUMENT);
            properties.set(Origin::Configuration, GROUP_ID, self.group_id.as_str());
            properties.set(Origin::Connector, COMMIT.0, COMMIT.1);
            self.set_reset(&mut properties);
        }
        let client = ClientKind::Consumer;
        connection.add_flow_and(&self.additional_properties, client, &mut properties);
        if self.compatibility.is_system() {
            if !self.additional_properties.iter().any(|(name, _)| name == GROUP_ID) {
                properties.set(Origin::Configuration, GROUP_ID, self.group_id.as_str());
            }
            self.set_reset(&mut properties);
            properties.set(Origin::Connector, COMMIT.0, COMMIT.1);
            // It is a property of topics.
            properties.set_unused(Origin::Connector, "retention.ms", "-1");
            self.set_deserializers(&mut properties);
        }
        connection.add_command_line(client, &mut properties);
        if properties.value(COMMIT.0) != Some(COMMIT.1) {
            properties.set(Origin::Connector, COMMIT.0, COMMIT.1);
        }
        if matches!(self.serialization, Serialization::Registry(_)) {
            properties.set_aside(is_registry_property);
        }
        properties
    }

    fn set_reset(&self, properties: &mut ClientProperties) {
        properties.set(Origin::Configuration, AUTO_OFFSET_RESET, self.auto_offset_reset.as_str());
    }

    fn set_deserializers(&self, properties: &mut ClientProperties) {
        properties.set(Origin::Connector, "key.deserializer", STRING_DESERIALIZER);
        DESERIALIZERS.set(&self.serialization, properties);
    }
}
