//! The connectors in the table.

use std::sync::Arc;

use super::{
    Consume, InboundConfiguration, OutboundConfiguration, Produce, WorkConfiguration, inbound,
    outbound, work,
};
use crate::{
    connection::Connection,
    connector::{
        Action, ActionConfiguration, ActionKind, Connector, ReadAction, Trigger,
        TriggerConfiguration, TriggerKind,
    },
    describe::Part,
    settings::{ClientProperties, Field},
};

const JOB: &str = r#"{"jobKey":"2251799813685249","retries":3,"customHeaders":{"resultVariable":"sent","retryBackoff":"PT30S"},"variables":{"topic":{"bootstrapServers":"serv1.mykafkaserver.com:9094","topicName":"employees"},"message":{"key":"employee1","value":{"name":"John Doe","age":29}}}}"#;

const INPUT: &str = r#"{"message":{"key":"employee1","value":{"name":"John Doe","age":29,"emails":["johndoe@example.com"]}}}"#;

/// The action that takes jobs of the engine.
const fn work(fields: &'static [Field], read: ReadAction) -> ActionKind {
    let doc = "config of a step with action = \"work\", which takes jobs of the engine";
    ActionKind { part: Part::new("work", doc, fields, "{}"), input: JOB, read }
}

pub(crate) static OUTBOUND: Connector = Connector {
    name: "camunda-outbound",
    title: "Camunda Kafka producer connector",
    doc: "Sends a message to a topic and gives where it is.",
    shared: &[],
    actions: &[
        ActionKind {
            part: Part::new(
                "produce",
                "config of a step with action = \"produce\"",
                outbound::FIELDS,
                r#"{"authentication":{"username":"{{secrets.MY_KAFKA_USERNAME}}","password":"{{secrets.MY_KAFKA_PASSWORD}}"},"topic":{"bootstrapServers":"serv1.mykafkaserver.com:9094","topicName":"employees"},"additionalProperties":{"client.id":"MyDemoClientId","sasl.mechanism":"SCRAM-SHA-256"}}"#,
            ),
            input: INPUT,
            read: |node, path, problems| {
                let configuration = OutboundConfiguration::read(node, path, problems)?;
                Some(Arc::new(configuration) as _)
            },
        },
        work(work::FIELDS, |node, path, problems| {
            Some(Arc::new(WorkConfiguration::read(node, path, problems)?) as _)
        }),
    ],
    triggers: &[],
};

pub(crate) static INBOUND: Connector = Connector {
    name: "camunda-inbound",
    title: "Camunda Kafka consumer connector",
    doc: "Receives messages of a topic and gives them as the engine's messages.",
    shared: &[],
    actions: &[],
    triggers: &[TriggerKind {
        part: Part::new(
            "consume",
            "config of a step with trigger = \"consume\"",
            inbound::FIELDS,
            r#"{"topic":{"bootstrapServers":"serv1.mykafkaserver.com:9094","topicName":"orders"},"bpmnProcessId":"order","activationCondition":"=(value.itemId = \"a4f6j2\")","messageName":"order-changed","correlationKeyExpression":"=value.correlationKey","resultExpression":"= { \"itemId\": value.itemId }"}"#,
        ),
        read: |node, path, problems| {
            let configuration = InboundConfiguration::read(node, path, problems)?;
            Some(Arc::new(configuration) as _)
        },
    }],
};

pub(crate) static OUTBOUND_LEGACY: Connector = Connector {
    name: "camunda-outbound-legacy",
    title: "Camunda Kafka producer connector, older",
    doc: "Sends a message to a topic and gives where it is, as the connector of Camunda 8.1 and 8.2.",
    shared: &[],
    actions: &[
        ActionKind {
            part: Part::new(
                "produce",
                "config of a step with action = \"produce\"",
                outbound::LEGACY_FIELDS,
                r#"{"authentication":{"username":"secrets.MY_KAFKA_USERNAME","password":"secrets.MY_KAFKA_PASSWORD"},"topic":{"bootstrapServers":"serv1.mykafkaserver.com:9094","topicName":"employees"}}"#,
            ),
            input: INPUT,
            read: |node, path, problems| {
                let configuration = OutboundConfiguration::read_legacy(node, path, problems)?;
                Some(Arc::new(configuration) as _)
            },
        },
        work(work::LEGACY_FIELDS, |node, path, problems| {
            Some(Arc::new(WorkConfiguration::read_legacy(node, path, problems)?) as _)
        }),
    ],
    triggers: &[],
};

impl ActionConfiguration for OutboundConfiguration {
    fn open(&self, connection: &Connection) -> Result<Box<dyn Action>, milena::Error> {
        Ok(Box::new(Produce::new(self, connection)?))
    }

    fn topic(&self) -> &str {
        &self.topic.name
    }

    fn has_brokers(&self) -> bool {
        true
    }

    fn client_properties(&self, connection: &Connection) -> ClientProperties {
        self.client_properties(connection)
    }
}

impl TriggerConfiguration for InboundConfiguration {
    fn lack_for_publication(&self) -> Option<&'static str> {
        self.message_name
            .is_none()
            .then_some("its config has no messageName, which a message needs")
    }

    fn open(&self, connection: &Connection) -> Result<Box<dyn Trigger>, milena::Error> {
        Ok(Box::new(Consume::new(self, connection)?))
    }

    fn topic(&self) -> &str {
        &self.topic.name
    }

    fn has_brokers(&self) -> bool {
        true
    }

    fn client_properties(&self, connection: &Connection) -> ClientProperties {
        self.client_properties(connection)
    }
}
