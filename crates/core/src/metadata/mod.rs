//! What a client knows of its cluster, and when it asks again.
//!
//! [`ClusterMetadata`] is an immutable snapshot; [`Metadata`] is the machine that decides when to
//! refresh it, for which topics and from which brokers, and that applies responses and leader hints.
//! The client's cluster task drives the machine; producer and consumer read snapshots.
//!
//! Invariants:
//! 1. A snapshot never goes back to an older leader epoch of the same topic.
//! 2. At most one refresh is in flight.
//! 3. Failed and fruitless refreshes are followed by a backoff that grows.
//!
//! Spec: KIP-320#leader-epoch-validation, KIP-516#metadata, KIP-526#proposed-changes,
//! KIP-580#proposed-changes, KIP-899#proposed-changes, KIP-951#proposed-changes.

mod machine;
mod merge;
mod snapshot;

pub use machine::{
    Metadata, MetadataConfig, MetadataFailure, MetadataRecovery, Refresh, RefreshSource,
    RefreshTopics, TopicStatus,
};
pub use merge::LeaderHint;
pub use snapshot::{Broker, ClusterMetadata, PartitionMetadata, TopicMetadata};

#[cfg(test)]
mod tests;
