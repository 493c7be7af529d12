//! The client properties of the node, as data: which, in which order, from where.

use milena::config::ClientKind;

use super::ProduceConfiguration;
use crate::{
    connection::Connection,
    settings::{ClientProperties, Origin},
};

/// What the node always sets.
const SERIALIZERS: &[(&str, &str)] = &[
    ("key.serializer", "org.apache.kafka.common.serialization.StringSerializer"),
    ("value.serializer", "org.apache.kafka.common.serialization.StringSerializer"),
];

/// PEM texts: in the node's form a line ends with a backslash and an `n`.
const WITH_LINES: &[&str] =
    &["ssl.keystore.certificate.chain", "ssl.keystore.key", "ssl.truststore.certificates"];

impl ProduceConfiguration {
    /// The producer's properties in the order in which they are set: the later counts.
    #[must_use]
    pub fn client_properties(&self, connection: &Connection) -> ClientProperties {
        let mut properties = ClientProperties::default();
        let node = self.rule_node_id.as_deref().unwrap_or(&connection.client_id);
        let client_id = format!("producer-tb-kafka-node-{node}-{}", self.service_id);
        properties.set(Origin::Connector, "client.id", client_id);
        connection.set_servers(&self.bootstrap_servers, &mut properties);
        properties.set_all(Origin::Connector, SERIALIZERS);
        for (name, value) in [
            ("acks", self.acks.clone()),
            ("retries", self.retries.to_string()),
            ("batch.size", self.batch_size.to_string()),
            ("linger.ms", self.linger.to_string()),
            ("buffer.memory", self.buffer_memory.to_string()),
        ] {
            properties.set(Origin::Configuration, name, value);
        }
        connection.finish(properties, ClientKind::Producer, &self.other_properties())
    }

    fn other_properties(&self) -> Vec<(String, String)> {
        let value = |name: &str, value: &str| {
            if WITH_LINES.contains(&name) { value.replace("\\n", "\n") } else { value.to_owned() }
        };
        let properties = self.other_properties.iter();
        properties.map(|(name, text)| (name.clone(), value(name, text))).collect()
    }
}

#[cfg(test)]
mod tests {
    use milena::config::ProducerConfig;
    use serde_json::json;

    use super::*;

    fn connection() -> Connection {
        Connection::anonymous(Vec::new(), "devices")
    }

    fn read(value: &serde_json::Value) -> ProduceConfiguration {
        ProduceConfiguration::from_json(value).unwrap()
    }

    #[test]
    fn the_producer_has_exactly_these_properties_in_this_order() {
        let configuration = read(&json!({
            "bootstrapServers": "a:9092,b:9092", "retries": 3, "batchSize": 100, "linger": 5,
            "bufferMemory": 65536, "acks": "all", "ruleNodeId": "7a", "serviceId": "tb-0",
            "otherProperties": {
                "ssl.protocol": "TLSv1.3", "linger.ms": "9",
                "ssl.truststore.certificates": "-----BEGIN\\nEND-----",
                "my.text": "a\\nb",
            },
        }));
        let properties = configuration.client_properties(&connection());
        assert_eq!(
            properties.to_string(),
            "client.id = producer-tb-kafka-node-7a-tb-0 (connector)\n\
             bootstrap.servers = a:9092,b:9092 (configuration)\n\
             key.serializer = org.apache.kafka.common.serialization.StringSerializer (connector)\n\
             value.serializer = org.apache.kafka.common.serialization.StringSerializer (connector)\n\
             acks = all (configuration)\n\
             retries = 3 (configuration)\n\
             batch.size = 100 (configuration)\n\
             linger.ms = 5 (configuration)\n\
             buffer.memory = 65536 (configuration)\n\
             ssl.protocol = TLSv1.3 (additional properties)\n\
             linger.ms = 9 (additional properties)\n\
             ssl.truststore.certificates = ******** (additional properties)\n\
             my.text = a\\nb (additional properties)\n"
        );
        assert_eq!(properties.value("linger.ms"), Some("9"));
    }

    #[test]
    fn lines_of_pem_texts_are_lines() {
        let names =
            ["ssl.keystore.certificate.chain", "ssl.keystore.key", "ssl.truststore.certificates"];
        let other: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), json!("a\\nb\\n"))).collect();
        let configuration = read(&json!({ "otherProperties": other }));
        let properties = configuration.client_properties(&connection());
        for name in names {
            assert_eq!(properties.value(name), Some("a\nb\n"), "{name}");
        }
        let shown = properties.to_string();
        assert!(shown.contains("ssl.keystore.key = ********"), "{shown}");
    }

    #[test]
    fn brokers_of_the_flow_take_the_place_of_the_nodes_own() {
        let mut connection = Connection::anonymous(vec!["c:9092".to_owned()], "devices");
        connection.is_embedded = true;
        let configuration =
            read(&json!({ "otherProperties": { "security.protocol": "SASL_SSL" } }));
        let properties = configuration.client_properties(&connection);
        assert_eq!(properties.value("bootstrap.servers"), Some("c:9092"));
        assert_eq!(properties.value("client.id"), Some("producer-tb-kafka-node-devices-milena"));
        assert_eq!(properties.value("security.protocol"), None);
    }

    #[test]
    fn the_properties_of_confluent_cloud_are_taken_as_the_document_has_them() {
        let line = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                    username=\"CLUSTER_API_KEY\" password=\"CLUSTER_API_SECRET\";";
        let configuration = read(&json!({
            "bootstrapServers": "pkc-1.us-east-1.aws.confluent.cloud:9092", "retries": 1,
            "otherProperties": {
                "ssl.endpoint.identification.algorithm": "https",
                "sasl.mechanism": "PLAIN",
                "sasl.jaas.config": line,
                "security.protocol": "SASL_SSL",
            },
        }));
        let properties = configuration.client_properties(&connection());
        let last: Vec<String> = properties.iter().skip(9).map(ToString::to_string).collect();
        assert_eq!(
            last,
            [
                "ssl.endpoint.identification.algorithm = https (additional properties)",
                "sasl.mechanism = PLAIN (additional properties)",
                "sasl.jaas.config = ******** (additional properties)",
                "security.protocol = SASL_SSL (additional properties)",
            ]
        );
        assert_eq!(properties.value("sasl.jaas.config"), Some(line));
        let config = ProducerConfig::from_properties(properties.pairs()).unwrap();
        assert!(config.warnings().is_empty(), "{}", config.warnings());
    }

    #[test]
    fn the_client_warns_of_the_nodes_default_of_no_retries_and_of_nothing_else() {
        for (retries, count) in [(0, 1), (1, 0)] {
            let configuration = read(&json!({ "retries": retries }));
            let properties = configuration.client_properties(&connection());
            let config = ProducerConfig::from_properties(properties.pairs()).unwrap();
            let odd: Vec<_> = config.warnings().iter().map(|one| one.property.clone()).collect();
            assert_eq!(odd, vec!["retries"; count]);
        }
    }
}
