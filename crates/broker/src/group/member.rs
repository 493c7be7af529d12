//! One member of a group.

use std::time::{Duration, Instant};

use bytes::Bytes;
use milena_wire::ByteString;

use super::coordinator::ReplyId;

/// A protocol (assignor) that a member supports, in its order of preference.
pub(crate) type Protocols = Vec<(ByteString, Bytes)>;

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) member_id: ByteString,
    pub(super) group_instance_id: Option<ByteString>,
    pub(super) client_id: ByteString,
    pub(super) client_host: ByteString,
    pub(super) session_timeout: Duration,
    pub(super) rebalance_timeout: Duration,
    pub(super) protocols: Protocols,
    pub(super) assignment: Bytes,
    pub(super) awaiting_join: Option<ReplyId>,
    pub(super) awaiting_sync: Option<ReplyId>,
    /// Synced in this generation; a member that never does is removed.
    pub(super) has_synced: bool,
    /// When the member counts as dead unless it is heard of; ignored while a request of it waits.
    pub(super) session_deadline: Instant,
}

impl Member {
    pub(super) fn is_waiting(&self) -> bool {
        self.awaiting_join.is_some() || self.awaiting_sync.is_some()
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.session_deadline = now + self.session_timeout;
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }

    pub(super) fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| name == protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }
}
