//! The admin client: topics, partitions, records, offsets, the cluster itself.
//!
//! [`Admin`] sends each request to the broker that it is for: topics are created and deleted by the
//! controller, offsets and records are the leaders' affair, and any broker can describe. What fails for a
//! reason that may pass (a leader or controller that moved, a connection that broke, a quota) is tried
//! again with `retry.backoff.ms`, until `default.api.timeout.ms` is over. A call about several things
//! gives a result for each of them, in the order in which they were asked for: [`Results`].

mod acl_operation;
mod client;
mod cluster;
mod delete_records;
mod leaders;
mod offset_spec;
mod offsets;
mod operation;
mod partitions;
mod results;
mod topic_listing;
mod topics;

#[cfg(test)]
mod tests;

pub use acl_operation::{AclOperation, AclOperations};
pub use client::Admin;
pub use cluster::{ClusterDescription, DescribeClusterOptions, Node};
pub use delete_records::DeletedRecords;
pub use offset_spec::OffsetSpec;
pub use offsets::{ListOffsetsOptions, ListedOffset};
pub use partitions::{CreatePartitionsOptions, NewPartitions};
pub use results::Results;
pub use topic_listing::{
    DescribeTopicsOptions, ListTopicsOptions, PartitionDescription, TopicDescription, TopicListing,
};
pub use topics::{CreateTopicsOptions, CreatedTopic, NewTopic, TopicConfigEntry, TopicKey};
