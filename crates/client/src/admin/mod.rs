//! The admin client: topics, partitions, records, offsets, transactional producers, the cluster itself.
//!
//! [`Admin`] sends each request to the broker that it is for: topics are created and deleted by the
//! controller, offsets and records are the leaders' affair, a producer's transactions have a
//! coordinator, and any broker can describe. What fails for a
//! reason that may pass (a leader or controller that moved, a connection that broke, a quota) is tried
//! again with `retry.backoff.ms`, until `default.api.timeout.ms` is over. A call about several things
//! gives a result for each of them, in the order in which they were asked for: [`Results`].

mod acl_operation;
mod client;
mod cluster;
mod create_topics;
mod delete_records;
mod delete_topics;
mod describe_topics;
mod fence_producers;
mod leaders;
mod list_topics;
mod offset_spec;
mod offsets;
mod operation;
mod partitions;
mod results;
mod topic_key;

#[cfg(test)]
mod tests;

pub use acl_operation::{AclOperation, AclOperations};
pub use client::Admin;
pub use cluster::{ClusterDescription, DescribeClusterOptions, Node};
pub use create_topics::{CreateTopicsOptions, CreatedTopic, NewTopic, TopicConfigEntry};
pub use delete_records::DeletedRecords;
pub use describe_topics::{DescribeTopicsOptions, PartitionDescription, TopicDescription};
pub use fence_producers::FencedProducer;
pub use list_topics::{ListTopicsOptions, TopicListing};
pub use offset_spec::OffsetSpec;
pub use offsets::{ListOffsetsOptions, ListedOffset};
pub use partitions::{CreatePartitionsOptions, NewPartitions};
pub use results::Results;
pub use topic_key::TopicKey;
