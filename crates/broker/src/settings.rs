//! What a running broker was configured with.

use std::path::PathBuf;

use crate::group::GroupSettings;
use crate::release::ServedVersions;
use crate::security::Users;

/// Resolved configuration; made by the builder, never changed afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) node_count: i32,
    pub(crate) auto_create_topics: bool,
    pub(crate) default_partitions: i32,
    pub(crate) default_replication_factor: i16,
    /// Largest request frame that is read.
    pub(crate) request_bytes_max: usize,
    pub(crate) groups: GroupSettings,
    pub(crate) served: ServedVersions,
    /// The finalized level of `transaction.version`.
    pub(crate) transaction_version: i16,
    pub(crate) users: Users,
    pub(crate) data_dir: Option<PathBuf>,
}
