//! Camunda's Kafka connectors: the producer, the consumer, and the older producer.
//!
//! Their documents decide wherever they speak. Where the running connectors are known to do otherwise,
//! [`Compatibility`] chooses. `docs/connectors.md` says what was decided, and why.
//!
//! [`Produce`] and [`Consume`] stand on Kafka alone. What a job of the engine asks for and what the engine
//! is told, [`OutboundJob`], [`JobHeaders`] and [`JobOutcome`], is without I/O. [`Work`] does what jobs ask
//! for, [`Engine`] speaks to the engine; a flow puts them together.

mod authentication;
mod command;
mod compatibility;
mod connector;
mod consume;
mod correlation;
mod encoder;
mod engine;
mod error;
mod expression;
mod health;
mod inbound;
mod job;
mod lenient_json;
mod mapping;
mod message;
mod offsets;
mod outbound;
mod payload;
mod produce;
mod properties;
mod response;
mod serialization;
mod topic;
mod work;

#[cfg(test)]
mod tests;

pub use authentication::Authentication;
pub use compatibility::Compatibility;
pub use consume::Consume;
pub use correlation::{Correlation, Publication};
pub use engine::{
    Engine, EngineCredentials, EngineError, EngineErrorKind, EngineSettings, JobCommand,
    JobsSettings,
};
pub use error::ConnectorError;
pub use health::Health;
pub use inbound::{AutoOffsetReset, InboundConfiguration};
pub use job::{JobHeaders, JobOutcome, OutboundJob};
pub use mapping::Mapping;
pub use message::{Message, OutboundInput};
pub use outbound::OutboundConfiguration;
pub use payload::InboundMessage;
pub use produce::Produce;
pub use response::OutboundResponse;
pub use serialization::{SchemaRegistry, Serialization};
pub use topic::Topic;
pub use work::{Work, WorkConfiguration};

pub(crate) use connector::{INBOUND, OUTBOUND, OUTBOUND_LEGACY};
pub(crate) use engine::{ENGINE_FIELDS, JOBS_FIELD, JobsTable};
