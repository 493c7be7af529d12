//! The node among the connectors.

use std::sync::Arc;

use super::{FIELDS, NAME, Produce, ProduceConfiguration};
use crate::{
    connection::Connection,
    connector::{Action, ActionConfiguration, ActionKind, Connector},
    describe::Part,
    settings::ClientProperties,
};

pub(crate) static CONNECTOR: Connector = Connector {
    name: NAME,
    title: "ThingsBoard Kafka node",
    doc: "Sends rule-engine messages; topic and key come from patterns over metadata and data.",
    shared: &[],
    actions: &[ActionKind {
        part: Part::new(
            "produce",
            "config of a step with action = \"produce\"",
            FIELDS,
            r#"{"topicPattern":"telemetry.${deviceType}","keyPattern":"$[serialNumber]","bootstrapServers":"localhost:9092"}"#,
        ),
        input: r#"{"type":"POST_TELEMETRY_REQUEST","originator":{"entityType":"DEVICE","id":"784f394c-42b6-435a-983c-b7beff2784f9"},"metadata":{"deviceType":"thermostat"},"data":"{\"serialNumber\":\"T-17\",\"temperature\":22.5}","dataType":"JSON"}"#,
        read: |node, path, problems| {
            let configuration = ProduceConfiguration::read(node, path, problems)?;
            Some(Arc::new(configuration) as _)
        },
    }],
    triggers: &[],
};

impl ActionConfiguration for ProduceConfiguration {
    fn open(&self, connection: &Connection) -> Result<Box<dyn Action>, milena::Error> {
        Ok(Box::new(Produce::new(self, connection)?))
    }

    fn topic(&self) -> &str {
        &self.topic_pattern
    }

    fn has_brokers(&self) -> bool {
        true
    }

    fn client_properties(&self, connection: &Connection) -> ClientProperties {
        self.client_properties(connection)
    }
}
