//! The consumer's configuration as settings of the machines.

use std::{sync::Arc, time::Duration};

use milena_core::{
    backoff::Backoff,
    consumer::{ConsumerMachineConfig, IsolationLevel, OffsetSpec},
    fetch::{FetchConfig, ReadOptions},
    group::{
        assignor::{
            Assignor, CooperativeStickyAssignor, RangeAssignor, RoundRobinAssignor, StickyAssignor,
        },
        membership::GroupConfig,
    },
};

use crate::config::{self, AutoOffsetReset, ConsumerConfig};

/// The budget for everything that a consumer buffers: fetched and not yet handed out, or asked for. With
/// many partitions it is up to twice as much.
pub(super) const FETCH_BUFFER_BYTES: usize = 16 * 1024 * 1024;

/// The most bytes that one compressed batch may have decompressed. Brokers take batches of
/// `message.max.bytes` (1 MiB by default) compressed, and good data shrinks a hundredfold at most.
const DECOMPRESSED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How batches are read.
pub(super) fn read_options(config: &ConsumerConfig) -> ReadOptions {
    ReadOptions {
        check_crcs: config.check_crcs,
        isolation_level: isolation_level(config),
        decompressed_bytes_max: DECOMPRESSED_BYTES_MAX,
    }
}

pub(super) fn isolation_level(config: &ConsumerConfig) -> IsolationLevel {
    match config.isolation_level {
        config::IsolationLevel::ReadUncommitted => IsolationLevel::ReadUncommitted,
        config::IsolationLevel::ReadCommitted => IsolationLevel::ReadCommitted,
    }
}

/// The settings of the whole machine. `custom` assignors stand before the configured ones.
pub(super) fn machine(
    config: &ConsumerConfig,
    custom: Vec<Arc<dyn Assignor>>,
    seed: u64,
) -> ConsumerMachineConfig {
    let client = &config.client;
    let retry_backoff = Backoff::new(client.retry_backoff, client.retry_backoff_max);
    let group = config.group_id.as_ref().map(|group_id| GroupConfig {
        group_id: group_id.as_str().into(),
        group_instance_id: config.group_instance_id.as_deref().map(Into::into),
        session_timeout: config.session_timeout,
        max_poll_interval: config.max_poll_interval,
        heartbeat_interval: config.heartbeat_interval,
        request_timeout: client.request_timeout,
        retry_backoff,
        assignors: assignors(config, custom),
        client_rack: client.client_rack.as_deref().map(Into::into),
        seed: seed ^ 3,
    });
    ConsumerMachineConfig {
        reset: match config.auto_offset_reset {
            AutoOffsetReset::Earliest => Some(OffsetSpec::Earliest),
            AutoOffsetReset::Latest => Some(OffsetSpec::Latest),
            AutoOffsetReset::ByDuration(age) => Some(OffsetSpec::Within(age)),
            AutoOffsetReset::None => None,
        },
        isolation_level: isolation_level(config),
        group,
        fetch: FetchConfig {
            bytes_min: config.fetch_min_bytes,
            bytes_max: config.fetch_max_bytes,
            partition_bytes_max: config.max_partition_fetch_bytes,
            wait_max: config.fetch_max_wait,
            isolation_level: isolation_level(config),
            rack_id: client.client_rack.as_deref().unwrap_or_default().into(),
            buffer_bytes: FETCH_BUFFER_BYTES,
            retry_backoff,
            seed: seed ^ 4,
        },
        auto_commit_interval: config.enable_auto_commit.then_some(config.auto_commit_interval),
        api_timeout: client.default_api_timeout,
        retry_backoff,
        seed,
    }
}

fn assignors(config: &ConsumerConfig, custom: Vec<Arc<dyn Assignor>>) -> Vec<Arc<dyn Assignor>> {
    if !custom.is_empty() {
        return custom;
    }
    let configured = config.partition_assignment_strategy.iter();
    configured
        .map(|assignor| -> Arc<dyn Assignor> {
            match assignor {
                config::Assignor::Range => Arc::new(RangeAssignor),
                config::Assignor::RoundRobin => Arc::new(RoundRobinAssignor),
                config::Assignor::Sticky => Arc::new(StickyAssignor),
                config::Assignor::CooperativeSticky => Arc::new(CooperativeStickyAssignor),
            }
        })
        .collect()
}

/// How long a JoinGroup may take: the coordinator holds it back until everybody has joined.
pub(super) fn join_timeout(config: &ConsumerConfig) -> Duration {
    // Spec: java/ConsumerNetworkClient@4.x: five seconds on top of the rebalance timeout.
    let rebalance = config.max_poll_interval.saturating_add(Duration::from_secs(5));
    rebalance.max(config.client.request_timeout)
}
