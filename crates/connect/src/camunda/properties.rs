//! The client properties of the connectors, as data: which, in which order, from where.

use milena::config::ClientKind;

use super::{Compatibility, InboundConfiguration, OutboundConfiguration};
use crate::{
    connection::Connection,
    settings::{ClientProperties, Origin},
};

const STRING_SERIALIZER: &str = "org.apache.kafka.common.serialization.StringSerializer";
const BYTES_SERIALIZER: &str = "org.apache.kafka.common.serialization.ByteArraySerializer";
const STRING_DESERIALIZER: &str = "org.apache.kafka.common.serialization.StringDeserializer";
const BYTES_DESERIALIZER: &str = "org.apache.kafka.common.serialization.ByteArrayDeserializer";

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

impl OutboundConfiguration {
    /// The producer's properties in the order in which they are set: the later counts.
    #[must_use]
    pub fn client_properties(&self, connection: &Connection) -> ClientProperties {
        let mut properties = begin(connection);
        if let Some(authentication) = &self.authentication {
            authentication.set(connection, &mut properties);
        }
        connection.set_servers(&self.topic.bootstrap_servers, &mut properties);
        let value = if self.serialization.is_json() { STRING_SERIALIZER } else { BYTES_SERIALIZER };
        properties.set_all(
            Origin::Connector,
            &[("key.serializer", STRING_SERIALIZER), ("value.serializer", value)],
        );
        let fixed = match self.compatibility {
            Compatibility::Document => PRODUCE_DOCUMENT,
            Compatibility::Legacy82 => PRODUCE_LEGACY,
            Compatibility::Camunda84 | Compatibility::Current => SYSTEM,
        };
        properties.set_all_of(ClientKind::Producer, fixed);
        connection.finish(properties, ClientKind::Producer, &self.additional_properties)
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
        properties
    }

    fn set_reset(&self, properties: &mut ClientProperties) {
        properties.set(Origin::Configuration, AUTO_OFFSET_RESET, self.auto_offset_reset.as_str());
    }

    fn set_deserializers(&self, properties: &mut ClientProperties) {
        let value =
            if self.serialization.is_json() { STRING_DESERIALIZER } else { BYTES_DESERIALIZER };
        properties.set_all(
            Origin::Connector,
            &[("key.deserializer", STRING_DESERIALIZER), ("value.deserializer", value)],
        );
    }
}
