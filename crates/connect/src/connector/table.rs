//! The connectors by name: what a flow can use, and what `milena connectors` tells of them.

use std::sync::Arc;

use super::{ActionConfiguration, TriggerConfiguration};
use crate::{
    ballerina, camunda,
    describe::Part,
    elasticio,
    settings::{Node, Problems},
    thingsboard,
};

/// All connectors, in the order in which they are told.
pub static CONNECTORS: [&Connector; 6] = [
    &elasticio::CONNECTOR,
    &camunda::OUTBOUND,
    &camunda::INBOUND,
    &camunda::OUTBOUND_LEGACY,
    &ballerina::CONNECTOR,
    &thingsboard::CONNECTOR,
];

/// A connector: what a flow calls it, and what it can do.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connector {
    /// Its name in a flow.
    pub name: &'static str,
    /// The system's name for it.
    pub title: &'static str,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// Tables that all its actions and triggers share.
    pub shared: &'static [Part],
    /// Its sending halves.
    pub actions: &'static [ActionKind],
    /// Its receiving halves.
    pub triggers: &'static [TriggerKind],
}

/// A sending half of a connector.
#[derive(Debug)]
#[non_exhaustive]
pub struct ActionKind {
    /// Its name in a flow and the fields of its configuration.
    pub part: Part,
    /// An input that it takes, as JSON.
    pub input: &'static str,
    /// Reads its configuration; what is wrong is added to the problems.
    pub(crate) read: ReadAction,
}

/// Reads the configuration of an action, where that is; what is wrong is added to the problems.
pub(crate) type ReadAction = fn(&Node, &str, &mut Problems) -> Option<Arc<dyn ActionConfiguration>>;

/// A receiving half of a connector.
#[derive(Debug)]
#[non_exhaustive]
pub struct TriggerKind {
    /// Its name in a flow and the fields of its configuration.
    pub part: Part,
    /// Reads its configuration; what is wrong is added to the problems.
    pub(crate) read: fn(&Node, &str, &mut Problems) -> Option<Arc<dyn TriggerConfiguration>>,
}

impl Connector {
    /// The action of this name.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&'static ActionKind> {
        self.actions.iter().find(|kind| kind.part.name == name)
    }

    /// Its tables of fields, the shared ones first.
    pub fn parts(&self) -> impl Iterator<Item = &'static Part> + use<> {
        let actions = self.actions.iter().map(|kind| &kind.part);
        let triggers = self.triggers.iter().map(|kind| &kind.part);
        self.shared.iter().chain(actions).chain(triggers)
    }

    /// The trigger of this name.
    #[must_use]
    pub fn trigger(&self, name: &str) -> Option<&'static TriggerKind> {
        self.triggers.iter().find(|kind| kind.part.name == name)
    }
}

/// The connector of this name.
///
/// ```
/// let connector = milena_connect::connector::find("elasticio").expect("there is one");
/// assert!(connector.text().contains("clientId"));
/// ```
#[must_use]
pub fn find(name: &str) -> Option<&'static Connector> {
    CONNECTORS.iter().copied().find(|connector| connector.name == name)
}

/// The connector's name that is nearest to one that is not there, if one is near.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    crate::settings::nearest(name, CONNECTORS.iter().map(|connector| connector.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Connection;

    #[tokio::test]
    async fn every_connector_opens_by_its_example_and_has_the_counters_of_its_client() {
        let connection = Connection::anonymous(vec!["127.0.0.1:1".to_owned()], "test");
        let mut problems = Problems::default();
        let node = |part: &Part| {
            let example = serde_json::from_str(part.example).unwrap();
            Node::from_json(&example)
        };
        for connector in CONNECTORS {
            for kind in connector.actions {
                let read = (kind.read)(&node(&kind.part), "config", &mut problems);
                let action = read.unwrap().open(&connection).unwrap();
                assert!(action.metrics().is_some(), "{}", connector.name);
            }
            for kind in connector.triggers {
                let read = (kind.read)(&node(&kind.part), "config", &mut problems);
                let trigger = read.unwrap().open(&connection).unwrap();
                assert!(trigger.metrics().is_some(), "{}", connector.name);
            }
        }
        assert!(problems.is_empty(), "{problems}");
    }
}
