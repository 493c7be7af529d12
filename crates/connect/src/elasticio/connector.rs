//! The component among the connectors.

use std::sync::Arc;

use super::{
    CONSUME_FIELDS, CREDENTIALS_FIELDS, Connection, Consume, ConsumeConfiguration, NAME,
    PRODUCE_FIELDS, Produce, ProduceConfiguration,
};
use crate::{
    connector::{
        Action, ActionConfiguration, ActionKind, Connector, Trigger, TriggerConfiguration,
        TriggerKind,
    },
    describe::Part,
    settings::ClientProperties,
};

pub(crate) static CONNECTOR: Connector = Connector {
    name: NAME,
    title: "elastic.io Kafka component",
    doc: "Produce sends messages to a topic, Consume receives them.",
    shared: &[Part::new(
        "credentials",
        "[credentials] of a flow",
        CREDENTIALS_FIELDS,
        r#"{"username":"ada","password":"{{secrets.KAFKA_PASSWORD}}","clientId":"orders","brokers":"serv1.mykafkaserver.com:9094"}"#,
    )],
    actions: &[ActionKind {
        part: Part::new(
            "produce",
            "config of a step with action = \"produce\"",
            PRODUCE_FIELDS,
            r#"{"topic":"cars"}"#,
        ),
        input: r#"{"messages":[{"key":"Car status","value":"arrived"}]}"#,
        read: |node, path, problems| {
            let configuration = ProduceConfiguration::read(node, path, problems)?;
            Some(Arc::new(configuration) as _)
        },
    }],
    triggers: &[TriggerKind {
        part: Part::new(
            "consume",
            "config of a step with trigger = \"consume\"",
            CONSUME_FIELDS,
            r#"{"topic":"cars","groupId":"crm"}"#,
        ),
        read: |node, path, problems| {
            let configuration = ConsumeConfiguration::read(node, path, problems)?;
            Some(Arc::new(configuration) as _)
        },
    }],
};

impl ActionConfiguration for ProduceConfiguration {
    fn open(&self, connection: &Connection) -> Result<Box<dyn Action>, milena::Error> {
        Ok(Box::new(Produce::new(self, connection)?))
    }

    fn topic(&self) -> &str {
        &self.topic
    }

    fn has_brokers(&self) -> bool {
        false
    }

    fn client_properties(&self, connection: &Connection) -> ClientProperties {
        self.client_properties(connection)
    }
}

impl TriggerConfiguration for ConsumeConfiguration {
    fn open(&self, connection: &Connection) -> Result<Box<dyn Trigger>, milena::Error> {
        Ok(Box::new(Consume::new(self, connection)?))
    }

    fn topic(&self) -> &str {
        &self.topic
    }

    fn has_brokers(&self) -> bool {
        false
    }

    fn client_properties(&self, connection: &Connection) -> ClientProperties {
        self.client_properties(connection)
    }
}
