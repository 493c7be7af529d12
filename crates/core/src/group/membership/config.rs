//! Settings of a membership.

use std::{sync::Arc, time::Duration};

use milena_wire::ByteString;

use crate::{backoff::Backoff, group::assignor::Assignor};

/// Settings of a membership.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// `group.id`.
    pub group_id: ByteString,
    /// `group.instance.id`, which makes the member a static one.
    pub group_instance_id: Option<ByteString>,
    /// `session.timeout.ms`: the coordinator removes a member that it does not hear of for so long.
    pub session_timeout: Duration,
    /// `max.poll.interval.ms`: how long the application may take between polls, and members may
    /// take to join again.
    pub max_poll_interval: Duration,
    /// `heartbeat.interval.ms`.
    pub heartbeat_interval: Duration,
    /// `request.timeout.ms`: how long the leader waits for metadata of topics it does not know.
    pub request_timeout: Duration,
    /// `retry.backoff.ms` to `retry.backoff.max.ms`.
    pub retry_backoff: Backoff,
    /// `partition.assignment.strategy`, the preferred one first; never empty.
    pub assignors: Vec<Arc<dyn Assignor>>,
    /// `client.rack`, which the member tells the leader.
    pub client_rack: Option<ByteString>,
    /// Where the jitter of pauses starts.
    pub seed: u64,
}
