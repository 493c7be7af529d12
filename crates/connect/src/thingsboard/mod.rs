//! ThingsBoard's Kafka rule node: sends rule-engine messages and tells what came of each.
//!
//! The node's document decides wherever it speaks; what it leaves open is as in the running system.
//! `docs/connectors.md` says where the two differ.
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use milena_connect::{
//!     Connection,
//!     connector::Action as _,
//!     thingsboard::{Produce, ProduceConfiguration},
//! };
//! use serde_json::json;
//!
//! let broker = milena_broker::Broker::start().await?;
//! let configuration = ProduceConfiguration::from_json(&json!({
//!     "topicPattern": "telemetry.${deviceType}",
//!     "keyPattern": "$[serial]",
//!     "bootstrapServers": broker.bootstrap_servers(),
//! }))?;
//! let node = Produce::new(&configuration, &Connection::anonymous(Vec::new(), "docs"))?;
//! let message = json!({
//!     "type": "POST_TELEMETRY_REQUEST",
//!     "metadata": { "deviceType": "thermostat" },
//!     "data": "{\"serial\":\"T-17\",\"temperature\":22.5}",
//! });
//! let delivered = node.submit(message).await?.await?;
//! assert_eq!(delivered.outputs[0]["relation"], "Success");
//! assert_eq!(delivered.outputs[0]["metadata"]["topic"], "telemetry.thermostat");
//! assert_eq!(delivered.outputs[0]["metadata"]["offset"], "0");
//! # Ok(()) }
//! ```

mod charset;
mod configuration;
mod connector;
mod exception;
mod java;
mod message;
mod pattern;
mod produce;
mod properties;

#[cfg(test)]
mod tests;

pub use charset::Charset;
pub use configuration::ProduceConfiguration;
pub use exception::{exception_class, rendered};
pub use message::{Message, MessageError, Relation};
pub use pattern::{PatternError, process_pattern};
pub use produce::Produce;

pub(crate) use connector::CONNECTOR;

use crate::settings::Field;

/// The name of the connector in a flow.
pub const NAME: &str = "thingsboard";

/// The fields of the node's configuration.
pub const FIELDS: &[Field] = configuration::FIELDS;
