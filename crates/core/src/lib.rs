//! Kafka client machines without I/O: metadata, producing, fetching, groups.

pub mod group;
mod topic_partition;

pub use self::topic_partition::TopicPartition;
