//! Settings of connections.

use std::fmt;
use std::time::Duration;

use milena_core::backoff::Backoff;
use milena_core::negotiation::{ClientSoftware, VersionCaps};
use milena_wire::ByteString;

use crate::sasl::Sasl;
use crate::tls::TlsClient;

/// A host and a port, as in `bootstrap.servers`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// Name or address, without the brackets of an IPv6 address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl HostPort {
    /// A host and a port.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
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
pub enum DnsLookup {
    /// Every address of a name is tried.
    #[default]
    UseAllDnsIps,
    /// Each address of a bootstrap name is looked up backwards, and the names found are used in
    /// place of it.
    ResolveCanonicalBootstrapServersOnly,
}

/// Whether a connection is encrypted.
#[derive(Clone, Debug, Default)]
pub enum Security {
    /// Bytes go over TCP as they are.
    #[default]
    Plaintext,
    /// Bytes go over TLS.
    Tls(TlsClient),
}

/// Settings of a connection.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    /// Who the broker's logs and quotas take this client for (`client.id`).
    pub client_id: String,
    /// The name and version of the client library (KIP-511).
    pub client_software: ClientSoftware,
    /// Whether the connection is encrypted.
    pub security: Security,
    /// Who this client says it is; `None` for listeners without SASL.
    pub sasl: Option<Sasl>,
    /// How long a response is waited for (`request.timeout.ms`).
    pub request_timeout: Duration,
    /// How long TCP and TLS may take: the first attempt and the ceiling that the attempts after
    /// failures grow to (`socket.connection.setup.timeout.ms`, `….max.ms`, KIP-601).
    pub connection_setup_timeout: Backoff,
    /// How long a connection may be idle (`connections.max.idle.ms`); `None`: for ever.
    pub connections_max_idle: Option<Duration>,
    /// The pause before connecting to a broker again (`reconnect.backoff.ms`, `….max.ms`, KIP-144).
    pub reconnect_backoff: Backoff,
    /// How a name becomes addresses.
    pub dns_lookup: DnsLookup,
    /// The size of the socket's send buffer in bytes; `None`: the system's.
    pub send_buffer_bytes: Option<u32>,
    /// The size of the socket's receive buffer in bytes; `None`: the system's.
    pub receive_buffer_bytes: Option<u32>,
    /// The longest response that is accepted, in bytes.
    pub response_bytes_max: usize,
    /// Limits on the versions that this side speaks.
    pub version_caps: VersionCaps,
}

impl Default for ConnectionConfig {
    /// Kafka's defaults, plaintext, no SASL.
    fn default() -> Self {
        Self {
            client_id: String::new(),
            client_software: ClientSoftware {
                name: ByteString::from_static("milena"),
                version: ByteString::from_static(env!("CARGO_PKG_VERSION")),
            },
            security: Security::Plaintext,
            sasl: None,
            request_timeout: Duration::from_secs(30),
            connection_setup_timeout: Backoff::new(
                Duration::from_secs(10),
                Duration::from_secs(30),
            ),
            connections_max_idle: Some(Duration::from_secs(9 * 60)),
            reconnect_backoff: Backoff::new(Duration::from_millis(50), Duration::from_secs(1)),
            dns_lookup: DnsLookup::default(),
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            response_bytes_max: Self::RESPONSE_BYTES_MAX,
            version_caps: VersionCaps::none(),
        }
    }
}

impl ConnectionConfig {
    /// The longest response that is accepted by default: 1 GiB, above every `fetch.max.bytes`
    /// in use, and below what a four-byte length of another protocol is likely to say.
    pub const RESPONSE_BYTES_MAX: usize = 1 << 30;
}
