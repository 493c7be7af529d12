//! Limits and delays of the group coordinator.

use std::time::Duration;

/// How groups behave; the defaults favour quick tests over large clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupSettings {
    /// How long the first rebalance of an empty group waits for more members. Every further member
    /// prolongs it by the same time, up to the rebalance timeout.
    ///
    /// Kafka property `group.initial.rebalance.delay.ms`; default 0, Kafka's default 3 s.
    pub initial_rebalance_delay: Duration,
    /// Smallest session timeout that a member may ask for.
    ///
    /// Kafka property `group.min.session.timeout.ms`; default 1 s, Kafka's default 6 s.
    pub min_session_timeout: Duration,
    /// Largest session timeout that a member may ask for.
    ///
    /// Kafka property `group.max.session.timeout.ms`; default and Kafka's default 30 min.
    pub max_session_timeout: Duration,
    /// Most members that one group takes.
    ///
    /// Kafka property `group.max.size`; default 10,000, Kafka has no limit by default.
    pub max_size: usize,
    /// Most bytes of metadata that a committed offset carries.
    ///
    /// Kafka property `offset.metadata.max.bytes`; default and Kafka's default 4,096.
    pub offset_metadata_max_bytes: usize,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            initial_rebalance_delay: Duration::ZERO,
            min_session_timeout: Duration::from_secs(1),
            max_session_timeout: Duration::from_secs(30 * 60),
            max_size: 10_000,
            offset_metadata_max_bytes: 4096,
        }
    }
}
