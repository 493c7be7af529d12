//! Camunda's Kafka connectors: the producer, the consumer, and the older producer.
//!
//! Their documents decide wherever they speak. Where the running connectors are known to do otherwise,
//! [`Compatibility`] chooses. `docs/connectors.md` says what was decided, and why.
//!
//! [`Produce`] and [`Consume`] stand on Kafka alone. What a job of the engine asks for and what the engine
//! is told, [`OutboundJob`], [`JobHeaders`] and [`JobOutcome`], is without I/O.

mod authentication;
mod compatibility;
mod connector;
mod consume;
mod correlation;
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

#[cfg(test)]
mod tests;

pub use authentication::Authentication;
pub use compatibility::Compatibility;
pub use consume::Consume;
pub use correlation::{Correlation, Publication};
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
pub use serialization::Serialization;
pub use topic::Topic;

pub(crate) use connector::{INBOUND, OUTBOUND, OUTBOUND_LEGACY};
