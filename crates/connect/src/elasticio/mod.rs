//! elastic.io's Kafka component: the Produce action and the Consume trigger.
//!
//! The component's document decides wherever it speaks. Where the running component is known to do
//! otherwise, [`Compatibility`] chooses. `docs/connectors.md` says what was decided, and why.

mod compatibility;
mod configuration;
mod connector;
mod consume;
mod credentials;
mod input;
mod metadata;
mod partitioner;
mod produce;
mod properties;
mod record;

pub use crate::connection::Connection;
pub use compatibility::Compatibility;
pub use configuration::{ConsumeConfiguration, ProduceConfiguration};
pub use consume::Consume;
pub use credentials::{Credentials, Mechanism};
pub use input::{InputError, Message, ProduceInput};
pub use metadata::RecordMetadata;
pub use produce::Produce;
pub use record::ConsumedRecord;

pub(crate) use connector::CONNECTOR;
pub(crate) use credentials::{is_host_and_port, read_brokers, split_brokers};

use crate::settings::Field;

/// The name of the connector in a flow.
pub const NAME: &str = "elasticio";

/// The fields of the credentials.
pub const CREDENTIALS_FIELDS: &[Field] = credentials::FIELDS;

/// The fields of the Produce action.
pub const PRODUCE_FIELDS: &[Field] = configuration::PRODUCE_FIELDS;

/// The fields of the Consume trigger.
pub const CONSUME_FIELDS: &[Field] = configuration::CONSUME_FIELDS;
