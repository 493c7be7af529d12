//! What a connector reads from its fields: enough to open it, and to say what it will do.

use std::fmt;

use super::{Action, Trigger};
use crate::{connection::Connection, settings::ClientProperties};

/// The configuration of an action of any connector.
pub trait ActionConfiguration: fmt::Debug + Send + Sync {
    /// Makes the action. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Client properties that cannot work, all in one error.
    fn open(&self, connection: &Connection) -> Result<Box<dyn Action>, milena::Error>;

    /// The topic that it sends to, as the configuration has it: for messages.
    fn topic(&self) -> &str;

    /// Whether it says itself where its brokers are.
    fn has_brokers(&self) -> bool;

    /// The client properties in the order in which they are set.
    fn client_properties(&self, connection: &Connection) -> ClientProperties;

    /// The variables that it wants of a job of Camunda's engine; `None` when its inputs are no jobs.
    fn job_variables(&self) -> Option<Vec<&'static str>> {
        None
    }
}

/// The configuration of a trigger of any connector.
pub trait TriggerConfiguration: fmt::Debug + Send + Sync {
    /// Makes the trigger. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Client properties that cannot work, all in one error.
    fn open(&self, connection: &Connection) -> Result<Box<dyn Trigger>, milena::Error>;

    /// The topic that it reads, as the configuration has it: for messages.
    fn topic(&self) -> &str;

    /// Whether it says itself where its brokers are.
    fn has_brokers(&self) -> bool;

    /// The client properties in the order in which they are set.
    fn client_properties(&self, connection: &Connection) -> ClientProperties;

    /// Why its records cannot be published as messages of Camunda's engine; `None` when they can.
    fn lack_for_publication(&self) -> Option<&'static str> {
        Some("its records are no messages of Camunda's engine")
    }
}
