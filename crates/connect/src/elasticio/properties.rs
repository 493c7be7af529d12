//! The client properties of the component, as data: which, in which order, from where.
//!
//! The component's document names no client property. These are the defaults of its Kafka library, in
//! Kafka's names.

use milena::config::ClientKind;

use super::{ConsumeConfiguration, Mechanism, ProduceConfiguration};
use crate::{
    connection::Connection,
    settings::{ClientProperties, Origin},
};

/// Of every client: pauses between tries.
const COMMON: &[(&str, &str)] = &[
    ("request.timeout.ms", "30000"),
    ("retry.backoff.ms", "300"),
    ("retry.backoff.max.ms", "30000"),
];

/// Of the producer. It is not idempotent, so that one request at a time keeps the order.
const PRODUCE: &[(&str, &str)] = &[
    ("acks", "all"),
    ("compression.type", "none"),
    ("enable.idempotence", "false"),
    ("max.in.flight.requests.per.connection", "1"),
    ("retries", "5"),
    ("max.block.ms", "30000"),
];

/// Of the consumer.
const CONSUME: &[(&str, &str)] = &[
    ("auto.offset.reset", "latest"),
    ("isolation.level", "read_committed"),
    ("session.timeout.ms", "30000"),
    ("heartbeat.interval.ms", "3000"),
    ("max.poll.interval.ms", "60000"),
    ("fetch.max.bytes", "10485760"),
    ("max.partition.fetch.bytes", "1048576"),
    ("fetch.max.wait.ms", "5000"),
    ("default.api.timeout.ms", "30000"),
];

/// Last of all: offsets are committed when the records are accepted, and by nobody else.
const CONSUME_ALWAYS: &[(&str, &str)] = &[("enable.auto.commit", "false")];

/// What the credentials and the library's defaults say.
fn own(connection: &Connection) -> ClientProperties {
    let mut properties = ClientProperties::default();
    let origin = match &connection.credentials {
        Some(_) => Origin::Credentials,
        None => Origin::Flow,
    };
    properties.set(origin, "client.id", connection.client_id.as_str());
    properties.set(origin, "bootstrap.servers", connection.brokers.join(","));
    if let Some(credentials) = &connection.credentials {
        properties.set(Origin::Connector, "security.protocol", "SASL_SSL");
        properties.set(origin, "sasl.mechanism", credentials.mechanism.sasl_name());
        properties.set(origin, "sasl.jaas.config", credentials.jaas_config());
        if let (Mechanism::OAuthBearer, Some(url)) = (credentials.mechanism, &credentials.token_url)
        {
            properties.set(origin, "sasl.oauthbearer.token.endpoint.url", url.reveal());
        }
    }
    properties.set_all(Origin::Connector, COMMON);
    properties
}

impl Connection {
    /// The properties of every elastic.io client of this connection, for an attempt to connect.
    #[must_use]
    pub fn admin_properties(&self) -> ClientProperties {
        let mut properties = own(self);
        properties.set_all(Origin::Connector, &[("default.api.timeout.ms", "30000")]);
        self.finish(properties, ClientKind::Admin, &[])
    }
}

impl ProduceConfiguration {
    /// The producer's properties in the order in which they are set: the later counts.
    #[must_use]
    pub fn client_properties(&self, connection: &Connection) -> ClientProperties {
        let mut properties = own(connection);
        properties.set_all(Origin::Connector, PRODUCE);
        connection.finish(properties, ClientKind::Producer, &self.additional_properties)
    }
}

impl ConsumeConfiguration {
    /// The consumer's properties in the order in which they are set: the later counts.
    #[must_use]
    pub fn client_properties(&self, connection: &Connection) -> ClientProperties {
        let mut properties = own(connection);
        properties.set_all(Origin::Connector, CONSUME);
        properties.set(Origin::Configuration, "group.id", self.group_id.as_str());
        let mut properties =
            connection.finish(properties, ClientKind::Consumer, &self.additional_properties);
        properties.set_all(Origin::Connector, CONSUME_ALWAYS);
        properties
    }
}

#[cfg(test)]
mod tests {
    use super::super::Credentials;
    use milena::config::{AdminConfig, ConsumerConfig, ProducerConfig};
    use serde_json::json;

    use super::*;

    fn connection() -> Connection {
        let credentials = Credentials::from_json(&json!({
            "username": "ada", "password": "hush \"hush\"", "clientId": "crm",
            "brokers": "a:9092 b:9092",
        }));
        Connection::new(credentials.unwrap())
    }

    fn given(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    fn produce() -> ProduceConfiguration {
        ProduceConfiguration::from_json(&json!({
            "topic": "cars", "additionalProperties": { "linger.ms": 5, "acks": 1 },
        }))
        .unwrap()
    }

    fn consume() -> ConsumeConfiguration {
        ConsumeConfiguration::from_json(&json!({
            "topic": "cars", "groupId": "crm-cars",
            "additionalProperties": { "auto.offset.reset": "earliest", "enable.auto.commit": true },
        }))
        .unwrap()
    }

    #[test]
    fn the_producer_has_exactly_these_properties_in_this_order() {
        let mut connection = connection();
        connection.flow = given("linger.ms", "1");
        connection.command_line = given("security.protocol", "SASL_PLAINTEXT");
        let properties = produce().client_properties(&connection);
        assert_eq!(
            properties.to_string(),
            "client.id = crm (credentials)\n\
             bootstrap.servers = a:9092,b:9092 (credentials)\n\
             security.protocol = SASL_SSL (connector)\n\
             sasl.mechanism = SCRAM-SHA-512 (credentials)\n\
             sasl.jaas.config = ******** (credentials)\n\
             request.timeout.ms = 30000 (connector)\n\
             retry.backoff.ms = 300 (connector)\n\
             retry.backoff.max.ms = 30000 (connector)\n\
             acks = all (connector)\n\
             compression.type = none (connector)\n\
             enable.idempotence = false (connector)\n\
             max.in.flight.requests.per.connection = 1 (connector)\n\
             retries = 5 (connector)\n\
             max.block.ms = 30000 (connector)\n\
             linger.ms = 1 (flow)\n\
             linger.ms = 5 (additional properties)\n\
             acks = 1 (additional properties)\n\
             security.protocol = SASL_PLAINTEXT (command line)\n"
        );
        assert_eq!(properties.value("linger.ms"), Some("5"));
        assert_eq!(
            properties.value("sasl.jaas.config"),
            Some(
                "org.apache.kafka.common.security.scram.ScramLoginModule required \
                 username=\"ada\" password=\"hush \\\"hush\\\"\";"
            )
        );
    }

    #[test]
    fn the_consumer_has_exactly_these_properties_in_this_order() {
        let properties = consume().client_properties(&connection());
        assert_eq!(
            properties.to_string(),
            "client.id = crm (credentials)\n\
             bootstrap.servers = a:9092,b:9092 (credentials)\n\
             security.protocol = SASL_SSL (connector)\n\
             sasl.mechanism = SCRAM-SHA-512 (credentials)\n\
             sasl.jaas.config = ******** (credentials)\n\
             request.timeout.ms = 30000 (connector)\n\
             retry.backoff.ms = 300 (connector)\n\
             retry.backoff.max.ms = 30000 (connector)\n\
             auto.offset.reset = latest (connector)\n\
             isolation.level = read_committed (connector)\n\
             session.timeout.ms = 30000 (connector)\n\
             heartbeat.interval.ms = 3000 (connector)\n\
             max.poll.interval.ms = 60000 (connector)\n\
             fetch.max.bytes = 10485760 (connector)\n\
             max.partition.fetch.bytes = 1048576 (connector)\n\
             fetch.max.wait.ms = 5000 (connector)\n\
             default.api.timeout.ms = 30000 (connector)\n\
             group.id = crm-cars (configuration)\n\
             auto.offset.reset = earliest (additional properties)\n\
             enable.auto.commit = true (additional properties)\n\
             enable.auto.commit = false (connector)\n"
        );
        assert_eq!(properties.value("auto.offset.reset"), Some("earliest"));
        assert_eq!(properties.value("enable.auto.commit"), Some("false"));
    }

    #[test]
    fn without_credentials_there_is_no_sasl() {
        let mut connection = Connection::anonymous(vec!["127.0.0.1:9092".to_owned()], "flow");
        connection.is_embedded = true;
        connection.flow = given("ssl.truststore.location", "ca.pem");
        let properties = consume().client_properties(&connection);
        let security = properties.iter().filter(|property| property.name.starts_with('s'));
        let names: Vec<_> = security.map(|property| property.name.as_str()).collect();
        assert_eq!(names, ["session.timeout.ms"]);
    }

    #[test]
    fn every_mechanism_is_named_as_kafka_names_it() {
        for (mechanism, name, module) in [
            ("plain", "PLAIN", "PlainLoginModule"),
            ("scram-sha-256", "SCRAM-SHA-256", "ScramLoginModule"),
            ("scram-sha-512", "SCRAM-SHA-512", "ScramLoginModule"),
            ("oauthbearer", "OAUTHBEARER", "OAuthBearerLoginModule"),
        ] {
            let credentials = Credentials::from_json(&json!({
                "username": "ada", "password": "x", "mechanism": mechanism, "clientId": "crm",
                "brokers": "a:9092", "tokenUrl": "https://idp.example/token",
            }));
            let properties = produce().client_properties(&Connection::new(credentials.unwrap()));
            assert_eq!(properties.value("sasl.mechanism"), Some(name));
            assert!(properties.value("sasl.jaas.config").unwrap().contains(module));
            let url = properties.value("sasl.oauthbearer.token.endpoint.url");
            assert_eq!(url.is_some(), mechanism == "oauthbearer");
            let config = ProducerConfig::from_properties(properties.pairs()).unwrap();
            assert!(config.warnings().is_empty(), "{}", config.warnings());
        }
    }

    #[test]
    fn the_clients_take_the_properties_without_a_warning() {
        let connection = connection();
        let mut produce = produce();
        produce.additional_properties.clear();
        let producer =
            ProducerConfig::from_properties(produce.client_properties(&connection).pairs());
        let consumer =
            ConsumerConfig::from_properties(consume().client_properties(&connection).pairs());
        let admin = AdminConfig::from_properties(connection.admin_properties().pairs());
        for warnings in
            [producer.unwrap().warnings(), consumer.unwrap().warnings(), admin.unwrap().warnings()]
        {
            assert!(warnings.is_empty(), "{warnings}");
        }
    }
}
