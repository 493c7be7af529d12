//! Options of a broker.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use milena_sasl::{Mechanism, Secret};
use milena_wire::ApiKey;

use crate::broker::Broker;
use crate::cluster::NewTopic;
use crate::error::StartError;
use crate::group::GroupSettings;
use crate::release::{ServedVersions, TRANSACTION_VERSION_MAX, parse_release};
use crate::security::{SecurityProtocol, TlsMaterial, Users};
use crate::settings::Settings;

/// Kafka's default of `socket.request.max.bytes`.
const REQUEST_BYTES_MAX: usize = 100 << 20;

/// A listener as configured.
#[derive(Debug, Clone)]
pub(crate) struct ListenerOptions {
    pub(crate) protocol: SecurityProtocol,
    pub(crate) host: String,
    /// 0 for free ports; otherwise the first node's port, the others follow.
    pub(crate) port: u16,
    pub(crate) advertised_host: Option<String>,
}

/// Collects options; [`start`](Self::start) turns them into a running broker.
///
/// Without any option the broker has one node, listens for PLAINTEXT on a free port of 127.0.0.1,
/// keeps everything in memory and creates topics as clients name them.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct BrokerBuilder {
    host: String,
    port: u16,
    advertised_host: Option<String>,
    listeners: Vec<ListenerOptions>,
    nodes: i32,
    topics: Vec<NewTopic>,
    auto_create_topics: bool,
    default_partitions: i32,
    default_replication_factor: i16,
    data_dir: Option<PathBuf>,
    users: BTreeMap<String, Secret>,
    mechanisms: Option<Vec<Mechanism>>,
    oauthbearer: bool,
    session_lifetime: Option<Duration>,
    tls: Option<TlsMaterial>,
    client_ca: Option<Vec<u8>>,
    release: Option<String>,
    caps: Vec<(ApiKey, i16)>,
    transaction_version: Option<i16>,
    groups: GroupSettings,
    request_bytes_max: usize,
}

impl Default for BrokerBuilder {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            advertised_host: None,
            listeners: Vec::new(),
            nodes: 1,
            topics: Vec::new(),
            auto_create_topics: true,
            default_partitions: 1,
            default_replication_factor: 1,
            data_dir: None,
            users: BTreeMap::new(),
            mechanisms: None,
            oauthbearer: false,
            session_lifetime: None,
            tls: None,
            client_ca: None,
            release: None,
            caps: Vec::new(),
            transaction_version: None,
            groups: GroupSettings::default(),
            request_bytes_max: REQUEST_BYTES_MAX,
        }
    }
}

impl BrokerBuilder {
    /// The host name or IP address to listen on. Default: `127.0.0.1`.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The port of the first node; the second node takes the next port, and so on. 0 takes free
    /// ports. Default: 0.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The host that clients are told. Default: the host of the listener, and `localhost` for the
    /// unspecified addresses `0.0.0.0` and `::`.
    pub fn advertised_host(mut self, host: impl Into<String>) -> Self {
        self.advertised_host = Some(host.into());
        self
    }

    /// Adds a listener, for brokers with more than one. Ports work as in [`port`](Self::port).
    /// Without any, there is one listener with the host and port above, whose protocol follows
    /// from [`tls`](Self::tls) and [`user`](Self::user).
    pub fn listener(
        mut self,
        protocol: SecurityProtocol,
        host: impl Into<String>,
        port: u16,
    ) -> Self {
        self.listeners.push(ListenerOptions {
            protocol,
            host: host.into(),
            port,
            advertised_host: None,
        });
        self
    }

    /// How many nodes, 1 to 100, with ids from 1. Each has its own listeners; leaders and
    /// coordinators are spread over them. Default: 1.
    pub fn nodes(mut self, count: i32) -> Self {
        self.nodes = count;
        self
    }

    /// A topic that is there from the start. It is left as it is when the data directory has it.
    pub fn topic(mut self, name: impl Into<String>, partitions: i32) -> Self {
        self.topics.push(NewTopic {
            name: name.into(),
            partitions,
            replication_factor: -1,
            ..NewTopic::default()
        });
        self
    }

    /// As [`topic`](Self::topic), with a replication factor and topic configuration such as
    /// `("cleanup.policy", "compact")`.
    pub fn topic_with<'a>(
        mut self,
        name: impl Into<String>,
        partitions: i32,
        replication_factor: i16,
        configs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let configs =
            configs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        self.topics.push(NewTopic {
            name: name.into(),
            partitions,
            replication_factor,
            configs,
            ..NewTopic::default()
        });
        self
    }

    /// Whether a topic is created when a client asks for its metadata and allows it.
    ///
    /// Kafka property `auto.create.topics.enable`; default and Kafka's default true.
    pub fn auto_create_topics(mut self, enabled: bool) -> Self {
        self.auto_create_topics = enabled;
        self
    }

    /// Partitions of topics for which no number is given.
    ///
    /// Kafka property `num.partitions`; default and Kafka's default 1.
    pub fn default_partitions(mut self, count: i32) -> Self {
        self.default_partitions = count;
        self
    }

    /// Replicas of topics for which no number is given, at most the number of nodes. Replicas share
    /// one log; they decide who may lead when a node stops.
    ///
    /// Kafka property `default.replication.factor`; default and Kafka's default 1.
    pub fn default_replication_factor(mut self, factor: i16) -> Self {
        self.default_replication_factor = factor;
        self
    }

    /// Keeps topics, records and committed offsets in this directory, across restarts. It is
    /// created when it is not there. Default: everything is in memory.
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(directory.into());
        self
    }

    /// Adds a user for SASL PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
    pub fn user(mut self, name: impl Into<String>, password: impl AsRef<str>) -> Self {
        self.users.insert(name.into(), Secret::from(password.as_ref()));
        self
    }

    /// Also accepts OAUTHBEARER with unsecured tokens, which prove nothing: for development.
    pub fn unsecured_oauthbearer(mut self) -> Self {
        self.oauthbearer = true;
        self
    }

    /// Offers only these mechanisms, by name: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER.
    /// Unknown names are left out. Default: all that the users allow.
    pub fn sasl_mechanisms<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.mechanisms = Some(names.into_iter().filter_map(|name| name.parse().ok()).collect());
        self
    }

    /// How long a client may go on before it has to authenticate again (KIP-368).
    ///
    /// Kafka property `connections.max.reauth.ms`; by default never, as in Kafka.
    pub fn connections_max_reauth(mut self, lifetime: Duration) -> Self {
        self.session_lifetime = Some(lifetime);
        self
    }

    /// Speaks TLS with this certificate chain and private key, both PEM.
    pub fn tls(
        mut self,
        certificate_chain_pem: impl AsRef<[u8]>,
        private_key_pem: impl AsRef<[u8]>,
    ) -> Self {
        self.tls = Some(TlsMaterial {
            certificate_chain: certificate_chain_pem.as_ref().to_vec(),
            private_key: private_key_pem.as_ref().to_vec(),
            client_ca: None,
        });
        self
    }

    /// Demands client certificates that are signed by one of these authorities (PEM). Needs [`tls`](Self::tls).
    pub fn tls_client_ca(mut self, ca_pem: impl AsRef<[u8]>) -> Self {
        self.client_ca = Some(ca_pem.as_ref().to_vec());
        self
    }

    /// Offers the API versions of an older release, such as `"1.1"` or `"2.8.2"`, as far as this
    /// broker knows them. Known are 1.0, 1.1, 2.0, 2.8, 3.9, 4.1, 4.3 and 4.4; between two of them
    /// the older one is taken.
    pub fn as_version(mut self, release: impl Into<String>) -> Self {
        self.release = Some(release.into());
        self
    }

    /// Offers at most this version of an API; below its lowest version the API is not offered.
    pub fn max_version(mut self, api_key: ApiKey, version: i16) -> Self {
        self.caps.push((api_key, version));
        self
    }

    /// The protocol of transactions that clients are told to use (KIP-890): the level of the feature
    /// `transaction.version`, 0 to 2. From 2 on partitions are added by the records that are sent to
    /// them, and every end of a transaction gives the producer a new epoch.
    ///
    /// Default: as the release has it in a new cluster, which is 2 from 4.0 on and 0 before.
    pub fn transaction_version(mut self, level: i16) -> Self {
        self.transaction_version = Some(level);
        self
    }

    /// How consumer groups behave.
    pub fn groups(mut self, settings: GroupSettings) -> Self {
        self.groups = settings;
        self
    }

    /// How long the first rebalance of a group waits for further members.
    ///
    /// Kafka property `group.initial.rebalance.delay.ms`; default 0, Kafka's default 3 s.
    pub fn group_initial_rebalance_delay(mut self, delay: Duration) -> Self {
        self.groups.initial_rebalance_delay = delay;
        self
    }

    /// Largest request that is read; larger ones close the connection.
    ///
    /// Kafka property `socket.request.max.bytes`; default and Kafka's default 100 MiB.
    pub fn request_max_bytes(mut self, bytes: usize) -> Self {
        self.request_bytes_max = bytes;
        self
    }

    /// Binds the listeners, reads the data directory and begins to serve.
    ///
    /// It has to be called inside a tokio runtime; the broker's tasks run there. Dropping the
    /// future before it is ready stops what was started.
    ///
    /// # Errors
    /// [`StartError`] for options that cannot work, addresses that cannot be bound, certificates
    /// that cannot be used and data directories that cannot be read or written.
    pub async fn start(self) -> Result<Broker, StartError> {
        let (settings, listeners, tls) = self.resolve()?;
        Broker::launch(settings, listeners, tls, self.topics).await
    }

    fn resolve(&self) -> Result<(Settings, Vec<ListenerOptions>, Option<TlsMaterial>), StartError> {
        let config = |option, problem: String| Err(StartError::Config { option, problem });
        if !(1..=100).contains(&self.nodes) {
            return config("nodes", format!("{} was given, 1 to 100 was expected", self.nodes));
        }
        if self.default_partitions < 1 {
            return config(
                "default_partitions",
                format!("{} was given, at least 1 was expected", self.default_partitions),
            );
        }
        if self.default_replication_factor < 1
            || i32::from(self.default_replication_factor) > self.nodes
        {
            let problem = format!(
                "{} was given, 1 to {} (the nodes) was expected",
                self.default_replication_factor, self.nodes
            );
            return config("default_replication_factor", problem);
        }
        let mut tls = self.tls.clone();
        if let Some(ca) = &self.client_ca {
            match &mut tls {
                Some(material) => material.client_ca = Some(ca.clone()),
                None => return config("tls_client_ca", "it needs `tls` too".to_owned()),
            }
        }
        let listeners = self.listeners(tls.is_some());
        for listener in &listeners {
            if listener.protocol.is_tls() && tls.is_none() {
                return config("listener", format!("{} needs `tls`", listener.protocol));
            }
            if listener.protocol.is_sasl() && self.users.is_empty() && !self.oauthbearer {
                return config(
                    "listener",
                    format!("{} needs a `user` or `unsecured_oauthbearer`", listener.protocol),
                );
            }
        }
        let (served, transaction_version) = self.served()?;
        let settings = Settings {
            node_count: self.nodes,
            auto_create_topics: self.auto_create_topics,
            default_partitions: self.default_partitions,
            default_replication_factor: self.default_replication_factor,
            request_bytes_max: self.request_bytes_max,
            groups: self.groups.clone(),
            served,
            transaction_version,
            users: Users::new(self.users.clone(), self.mechanisms(), self.session_lifetime),
            data_dir: self.data_dir.clone(),
        };
        Ok((settings, listeners, tls))
    }

    /// The versions that are offered, and the protocol of transactions.
    fn served(&self) -> Result<(ServedVersions, i16), StartError> {
        let config = |option, problem: String| Err(StartError::Config { option, problem });
        let mut served = match self.release.as_deref().map(|text| (text, parse_release(text))) {
            None => ServedVersions::newest(),
            Some((_, Some(release))) => ServedVersions::of_release(release),
            Some((text, None)) => {
                let problem = format!(
                    "`{text}` is no release; something like `2.8` was expected, 1.0 or later"
                );
                return config("as_version", problem);
            }
        };
        let level = self.transaction_version.unwrap_or_else(|| served.transaction_version());
        if !(0..=TRANSACTION_VERSION_MAX).contains(&level) {
            let problem = format!("{level} was given, 0 to 2 was expected");
            return config("transaction_version", problem);
        }
        self.caps.iter().for_each(|&(api_key, max)| served.cap(api_key, max));
        Ok((served, level))
    }

    fn listeners(&self, has_tls: bool) -> Vec<ListenerOptions> {
        let mut listeners = self.listeners.clone();
        if listeners.is_empty() {
            let has_sasl = !self.users.is_empty() || self.oauthbearer;
            let protocol = match (has_sasl, has_tls) {
                (false, false) => SecurityProtocol::Plaintext,
                (false, true) => SecurityProtocol::Ssl,
                (true, false) => SecurityProtocol::SaslPlaintext,
                (true, true) => SecurityProtocol::SaslSsl,
            };
            let host = self.host.clone();
            listeners.push(ListenerOptions {
                protocol,
                host,
                port: self.port,
                advertised_host: None,
            });
        }
        for listener in &mut listeners {
            listener.advertised_host.clone_from(&self.advertised_host);
        }
        listeners
    }

    fn mechanisms(&self) -> Vec<Mechanism> {
        let possible = |mechanism: &Mechanism| match mechanism {
            Mechanism::OAuthBearer => self.oauthbearer,
            _ => !self.users.is_empty(),
        };
        let wanted = |mechanism: &Mechanism| {
            self.mechanisms.as_ref().is_none_or(|named| named.contains(mechanism))
        };
        Mechanism::ALL.into_iter().filter(possible).filter(wanted).collect()
    }
}
