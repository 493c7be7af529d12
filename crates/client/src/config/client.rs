//! What every client needs: where the cluster is, how to reach it and how long to wait.

use std::time::Duration;

use super::bootstrap::{self, HostPort};
use super::options::Settled;
use super::property::ClientKind;
use super::value::Value;
use super::{Security, Warnings, security};

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

impl ClientDnsLookup {
    /// Kafka's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UseAllDnsIps => "use_all_dns_ips",
            Self::ResolveCanonicalBootstrapServersOnly => {
                "resolve_canonical_bootstrap_servers_only"
            }
        }
    }
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

impl MetadataRecoveryStrategy {
    /// Kafka's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Rebootstrap => "REBOOTSTRAP",
        }
    }
}

/// What every client needs: where the cluster is, how to reach it and how long to wait.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
    pub(crate) warnings: Warnings,
}

impl ClientConfig {
    /// The brokers that are asked first.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &[HostPort] {
        &self.bootstrap_servers
    }

    /// `client.id`.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// What is odd about the configuration.
    #[must_use]
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Reads the options that every client has; warnings are put in when all is read.
    pub(super) fn settle(settled: &mut Settled) -> Self {
        settle_backoffs(settled);
        let client = settled.client();
        let idle = settled.integer("connections.max.idle.ms");
        let recovery = settled.text("metadata.recovery.strategy");
        Self {
            bootstrap_servers: bootstrap::servers(settled),
            client_id: settled.text("client.id").unwrap_or_default(),
            client_rack: match client {
                ClientKind::Admin => None,
                ClientKind::Producer | ClientKind::Consumer => settled.text("client.rack"),
            },
            client_dns_lookup: match settled.text("client.dns.lookup").as_deref() {
                Some("resolve_canonical_bootstrap_servers_only") => {
                    ClientDnsLookup::ResolveCanonicalBootstrapServersOnly
                }
                _ => ClientDnsLookup::UseAllDnsIps,
            },
            security: security::settle(settled),
            connections_max_idle: u64::try_from(idle).ok().map(Duration::from_millis),
            reconnect_backoff: settled.millis("reconnect.backoff.ms"),
            reconnect_backoff_max: settled.millis("reconnect.backoff.max.ms"),
            retry_backoff: settled.millis("retry.backoff.ms"),
            retry_backoff_max: settled.millis("retry.backoff.max.ms"),
            request_timeout: settled.millis("request.timeout.ms"),
            default_api_timeout: settled.millis(match client {
                ClientKind::Producer => "max.block.ms",
                ClientKind::Consumer | ClientKind::Admin => "default.api.timeout.ms",
            }),
            socket_connection_setup_timeout: settled.millis("socket.connection.setup.timeout.ms"),
            socket_connection_setup_timeout_max: settled
                .millis("socket.connection.setup.timeout.max.ms"),
            receive_buffer_bytes: u32::try_from(settled.integer("receive.buffer.bytes")).ok(),
            send_buffer_bytes: u32::try_from(settled.integer("send.buffer.bytes")).ok(),
            metadata_max_age: settled.millis("metadata.max.age.ms"),
            metadata_max_idle: match client {
                ClientKind::Producer => settled.millis("metadata.max.idle.ms"),
                ClientKind::Consumer | ClientKind::Admin => Duration::MAX,
            },
            metadata_recovery_strategy: match recovery.as_deref() {
                Some("NONE") => MetadataRecoveryStrategy::None,
                _ => MetadataRecoveryStrategy::Rebootstrap,
            },
            metadata_recovery_rebootstrap_trigger: settled
                .millis("metadata.recovery.rebootstrap.trigger.ms"),
            allow_auto_create_topics: match client {
                ClientKind::Producer => true,
                ClientKind::Consumer => settled.boolean("allow.auto.create.topics"),
                ClientKind::Admin => false,
            },
            warnings: Warnings::default(),
        }
    }
}

/// First and longest pause (or time) of what grows from try to try.
const GROWING: &[(&str, &str)] = &[
    ("reconnect.backoff.ms", "reconnect.backoff.max.ms"),
    ("retry.backoff.ms", "retry.backoff.max.ms"),
    ("socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms"),
];

/// As in Java: who sets a first pause above the default of the longest means a constant one; who sets
/// both so has made a mistake, and the longest holds.
fn settle_backoffs(settled: &mut Settled) {
    for (first, longest) in GROWING.iter().copied() {
        let (start, most) = (settled.integer(first), settled.integer(longest));
        if !settled.are_sound(&[first, longest]) || start <= most {
            continue;
        }
        if settled.is_set(longest) {
            let message = format!("{start} is more than {longest}={most}, which holds for all");
            settled.warn(first, message);
            settled.replace(first, Value::Integer(most));
        } else {
            settled.replace(longest, Value::Integer(start));
        }
    }
}
