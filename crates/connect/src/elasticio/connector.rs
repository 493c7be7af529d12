//! The component among the connectors.

use std::sync::Arc;

use super::{
    CONSUME_FIELDS, Connection, Consume, ConsumeConfiguration, NAME, PRODUCE_FIELDS, Produce,
    ProduceConfiguration,
};
use crate::{
    connector::{
        Action, ActionConfiguration, ActionKind, Connector, Trigger, TriggerConfiguration,
        TriggerKind,
    },
    settings::ClientProperties,
};

pub(crate) static CONNECTOR: Connector = Connector {
    name: NAME,
    title: "elastic.io Kafka component",
    about: "sends the messages of a body, and gives an object for each record of a topic",
    actions: &[ActionKind {
        name: "produce",
        about: "Sends every message of a body to a topic.",
        fields: PRODUCE_FIELDS,
        example: r#"{"topic":"cars"}"#,
        input: r#"{"messages":[{"key":"Car status","value":"arrived"}]}"#,
        read: |node, path, problems| {
            let configuration = ProduceConfiguration::read(node, path, problems)?;
            Some(Arc::new(configuration) as _)
        },
    }],
    triggers: &[TriggerKind {
        name: "consume",
        about: "Gives an object for each record of a topic, as a member of a group.",
        fields: CONSUME_FIELDS,
        example: r#"{"topic":"cars","groupId":"crm"}"#,
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
