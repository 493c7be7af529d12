//! Kafka client machines without I/O: metadata, producing, fetching, groups.

pub mod backoff;
pub mod consumer;
pub mod fetch;
pub mod group;
pub mod in_flight;
pub mod metadata;
pub mod negotiation;
pub mod producer;

mod broker_id;
#[cfg(test)]
mod fixtures;
mod topic_partition;

pub use broker_id::BrokerId;
pub use topic_partition::TopicPartition;
