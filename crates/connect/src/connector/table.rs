//! The connectors by name: what a flow can use, and what `milena connectors` tells of them.

use std::sync::Arc;

use super::{ActionConfiguration, TriggerConfiguration};
use crate::{
    elasticio,
    settings::{Field, Node, Problems},
};

/// All connectors, in the order in which they are told.
pub static CONNECTORS: [&Connector; 1] = [&elasticio::CONNECTOR];

/// A connector: what a flow calls it, and what it can do.
#[derive(Debug)]
#[non_exhaustive]
pub struct Connector {
    /// Its name in a flow.
    pub name: &'static str,
    /// The system's name for it.
    pub title: &'static str,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// Its sending halves.
    pub actions: &'static [ActionKind],
    /// Its receiving halves.
    pub triggers: &'static [TriggerKind],
}

/// A sending half of a connector.
#[derive(Debug)]
#[non_exhaustive]
pub struct ActionKind {
    /// Its name in a flow.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// The fields of its configuration.
    pub fields: &'static [Field],
    /// A configuration that works with a broker on this machine, as JSON.
    pub example: &'static str,
    /// An input that it takes, as JSON.
    pub input: &'static str,
    /// Reads its configuration; what is wrong is added to the problems.
    pub(crate) read: fn(&Node, &str, &mut Problems) -> Option<Arc<dyn ActionConfiguration>>,
}

/// A receiving half of a connector.
#[derive(Debug)]
#[non_exhaustive]
pub struct TriggerKind {
    /// Its name in a flow.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// The fields of its configuration.
    pub fields: &'static [Field],
    /// A configuration that works with a broker on this machine, as JSON.
    pub example: &'static str,
    /// Reads its configuration; what is wrong is added to the problems.
    pub(crate) read: fn(&Node, &str, &mut Problems) -> Option<Arc<dyn TriggerConfiguration>>,
}

impl Connector {
    /// The action of this name.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&'static ActionKind> {
        self.actions.iter().find(|kind| kind.name == name)
    }

    /// The trigger of this name.
    #[must_use]
    pub fn trigger(&self, name: &str) -> Option<&'static TriggerKind> {
        self.triggers.iter().find(|kind| kind.name == name)
    }
}

/// The connector of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Connector> {
    CONNECTORS.iter().copied().find(|connector| connector.name == name)
}
