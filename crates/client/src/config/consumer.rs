//! The consumer's configuration.

use std::time::Duration;

use super::ClientConfig;

/// Where a consumer starts when there is no usable offset (`auto.offset.reset`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AutoOffsetReset {
    /// At the first record that is there.
    Earliest,
    /// At the end: only what is produced from then on.
    #[default]
    Latest,
    /// Nowhere: the call fails.
    None,
    /// At the first record that is not older than this (Kafka 4.0).
    ByDuration(Duration),
}

/// Whether records of open and aborted transactions are given out (`isolation.level`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IsolationLevel {
    /// Everything that is in the log.
    #[default]
    ReadUncommitted,
    /// Nothing of a transaction before it is committed.
    ReadCommitted,
}

/// How the leader of a classic group spreads partitions (`partition.assignment.strategy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Assignor {
    /// Neighbouring partitions of each topic.
    Range,
    /// All partitions of all topics in turn.
    RoundRobin,
    /// Balanced, with as few moves as possible.
    Sticky,
    /// As sticky, but a rebalance takes away only what moves.
    CooperativeSticky,
}

/// The consumer's configuration.
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    pub(crate) client: ClientConfig,
    pub(crate) group_id: Option<String>,
    pub(crate) group_instance_id: Option<String>,
    pub(crate) auto_offset_reset: AutoOffsetReset,
    pub(crate) enable_auto_commit: bool,
    pub(crate) auto_commit_interval: Duration,
    pub(crate) isolation_level: IsolationLevel,
    pub(crate) check_crcs: bool,
    pub(crate) fetch_min_bytes: i32,
    pub(crate) fetch_max_bytes: i32,
    pub(crate) fetch_max_wait: Duration,
    pub(crate) max_partition_fetch_bytes: i32,
    pub(crate) max_poll_records: usize,
    pub(crate) max_poll_interval: Duration,
    pub(crate) session_timeout: Duration,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) partition_assignment_strategy: Vec<Assignor>,
}
