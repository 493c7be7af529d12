//! Kafka client machines without I/O: metadata, producing, fetching, groups.

pub mod backoff;
pub mod in_flight;
pub mod metadata;
pub mod negotiation;

mod broker_id;

pub use broker_id::BrokerId;
