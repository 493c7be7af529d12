//! What every client needs: where the cluster is, how to reach it and how long to wait.

use std::fmt;
use std::time::Duration;

use super::Security;

/// A broker's host and port, as in `bootstrap.servers`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Name or address, without the brackets of an IPv6 address.
    pub host: String,
    /// TCP port, 1 to 65535.
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How a name becomes addresses (`client.dns.lookup`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientDnsLookup {
    /// Every address of a name is tried in turn.
    #[default]
    UseAllDnsIps,
    /// Bootstrap names are replaced by their canonical names first (for Kerberos, mostly).
    ResolveCanonicalBootstrapServersOnly,
}

/// What to do when no broker of the known ones can be reached (`metadata.recovery.strategy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetadataRecoveryStrategy {
    /// Keep trying the known brokers.
    None,
    /// Start again from `bootstrap.servers`.
    #[default]
    Rebootstrap,
}

/// What every client needs: where the cluster is, how to reach it and how long to wait.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub(crate) bootstrap_servers: Vec<HostPort>,
    pub(crate) client_id: String,
    pub(crate) client_rack: Option<String>,
    pub(crate) client_dns_lookup: ClientDnsLookup,
    pub(crate) security: Security,
    /// `None`: idle connections stay open.
    pub(crate) connections_max_idle: Option<Duration>,
    pub(crate) reconnect_backoff: Duration,
    pub(crate) reconnect_backoff_max: Duration,
    pub(crate) retry_backoff: Duration,
    pub(crate) retry_backoff_max: Duration,
    pub(crate) request_timeout: Duration,
    /// How long a call without a timeout of its own may take (`max.block.ms` of a producer).
    pub(crate) default_api_timeout: Duration,
    pub(crate) socket_connection_setup_timeout: Duration,
    pub(crate) socket_connection_setup_timeout_max: Duration,
    /// `None`: the system's default.
    pub(crate) receive_buffer_bytes: Option<u32>,
    /// `None`: the system's default.
    pub(crate) send_buffer_bytes: Option<u32>,
    pub(crate) metadata_max_age: Duration,
    /// How long a producer remembers a topic that it does not use.
    pub(crate) metadata_max_idle: Duration,
    pub(crate) metadata_recovery_strategy: MetadataRecoveryStrategy,
    pub(crate) metadata_recovery_rebootstrap_trigger: Duration,
    /// Whether asking for the metadata of a topic may create it (always for a producer, never for
    /// an admin client).
    pub(crate) allow_auto_create_topics: bool,
}
