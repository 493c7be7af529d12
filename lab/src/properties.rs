//! The `server.properties` of a node, for every release from 1.0 to 4.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::certificates::{Certificates, PASSWORD};
use crate::users::{INTERNAL, USERS, User};
use crate::{KafkaVersion, Listener, ports};

/// Properties by name.
pub(crate) type Properties = BTreeMap<String, String>;

/// What the properties of a node follow from.
pub(crate) struct Node<'a> {
    pub(crate) version: KafkaVersion,
    pub(crate) node: u16,
    pub(crate) nodes: u16,
    pub(crate) base_port: u16,
    pub(crate) data: &'a Path,
    pub(crate) certificates: &'a Certificates,
    pub(crate) acl: bool,
    pub(crate) config: &'a [(String, String)],
}

/// The port of a listener; `ZooKeeper` has the place of node 1's controller.
pub(crate) fn port(base_port: u16, node: u16, listener: Listener) -> u16 {
    base_port + ports::PER_NODE * (node - 1) + listener.offset()
}

/// The text of a properties file.
pub(crate) fn text(properties: &Properties) -> String {
    properties.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name}={}", value.replace('\\', "\\\\"));
        text
    })
}

impl Node<'_> {
    /// All properties of the node.
    pub(crate) fn properties(&self) -> Properties {
        let mut properties = Properties::new();
        let p = &mut properties;
        if self.version.is_kraft() {
            self.kraft(p);
        } else {
            set(p, "broker.id", self.node);
            let port = port(self.base_port, 1, Listener::Controller);
            set(p, "zookeeper.connect", format!("127.0.0.1:{port}"));
            set(p, "zookeeper.session.timeout.ms", 4000);
        }
        set(p, "log.dirs", self.data.display());
        self.listeners(p);
        self.sasl(p);
        self.tls(p);
        if self.acl {
            self.authorizer(p);
        }
        self.replication(p);
        self.groups(p);
        self.small_and_quick(p);
        properties.extend(self.config.iter().cloned());
        properties
    }

    fn kraft(&self, p: &mut Properties) {
        set(p, "node.id", self.node);
        set(p, "process.roles", "broker,controller");
        set(p, "controller.listener.names", Listener::Controller);
        let voters: Vec<String> = (1..=self.nodes)
            .map(|n| format!("{n}@127.0.0.1:{}", port(self.base_port, n, Listener::Controller)))
            .collect();
        set(p, "controller.quorum.voters", voters.join(","));
        set(p, "sasl.mechanism.controller.protocol", "PLAIN");
        // A dead broker is missed after 4 s rather than 9.
        set(p, "broker.heartbeat.interval.ms", 500);
        set(p, "broker.session.timeout.ms", 4000);
    }

    fn listeners(&self, p: &mut Properties) {
        let of_broker: Vec<Listener> = Listener::of_broker().collect();
        let mut all = of_broker.clone();
        if self.version.is_kraft() {
            all.push(Listener::Controller);
        }
        let address = |listener: &Listener| {
            format!("{listener}://127.0.0.1:{}", port(self.base_port, self.node, *listener))
        };
        let join = |listeners: &[Listener], text: &dyn Fn(&Listener) -> String| {
            listeners.iter().map(text).collect::<Vec<_>>().join(",")
        };
        set(p, "listeners", join(&all, &address));
        set(p, "advertised.listeners", join(&of_broker, &address));
        set(
            p,
            "listener.security.protocol.map",
            join(&all, &|listener| format!("{listener}:{}", listener.security_protocol())),
        );
        set(p, "inter.broker.listener.name", Listener::Internal);
        if self.nodes >= 3 {
            set(p, "broker.rack", format!("rack-{}", self.node));
            if self.version.is_at_least(2, 4) {
                let class = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
                set(p, "replica.selector.class", class);
            }
        }
    }

    fn sasl(&self, p: &mut Properties) {
        let has_oauth = self.version.is_at_least(2, 0);
        let mut mechanisms = vec!["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
        if has_oauth {
            mechanisms.push("OAUTHBEARER");
        }
        set(p, "sasl.mechanism.inter.broker.protocol", "PLAIN");
        set(p, "sasl.enabled.mechanisms", mechanisms.join(","));
        for listener in [Listener::Internal, Listener::Controller] {
            if listener == Listener::Controller && !self.version.is_kraft() {
                continue;
            }
            set_for(p, listener, "sasl.enabled.mechanisms", "PLAIN");
            let jaas = plain_login(&[INTERNAL], Some(INTERNAL));
            set_for(p, listener, "plain.sasl.jaas.config", jaas);
        }
        for listener in [Listener::SaslPlaintext, Listener::SaslSsl] {
            set_for(p, listener, "plain.sasl.jaas.config", plain_login(&USERS, None));
            for mechanism in ["scram-sha-256", "scram-sha-512"] {
                let jaas = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
                set_for(p, listener, &format!("{mechanism}.sasl.jaas.config"), jaas);
            }
            if has_oauth {
                // Without a callback handler the broker takes unsecured (alg none) tokens.
                let jaas = format!(
                    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
                     unsecuredLoginStringClaim_sub=\"{}\";",
                    INTERNAL.name
                );
                set_for(p, listener, "oauthbearer.sasl.jaas.config", jaas);
            }
        }
        let key = if self.version.is_at_least(3, 0) { "secret" } else { "master" };
        set(p, &format!("delegation.token.{key}.key"), "kafka-lab");
    }

    fn tls(&self, p: &mut Properties) {
        let certificates = self.certificates;
        set(p, "ssl.keystore.type", "PKCS12");
        set(p, "ssl.keystore.location", certificates.server_p12().display());
        set(p, "ssl.keystore.password", PASSWORD);
        set(p, "ssl.key.password", PASSWORD);
        set(p, "ssl.truststore.type", "PKCS12");
        set(p, "ssl.truststore.location", certificates.truststore_p12().display());
        set(p, "ssl.truststore.password", PASSWORD);
        set(p, "ssl.client.auth", "none");
        set_for(p, Listener::Mtls, "ssl.client.auth", "required");
        for (listener, store) in [
            (Listener::ExpiredCertificate, certificates.expired_p12()),
            (Listener::WrongHost, certificates.wrong_host_p12()),
        ] {
            set_for(p, listener, "ssl.keystore.type", "PKCS12");
            set_for(p, listener, "ssl.keystore.location", store.display());
            set_for(p, listener, "ssl.keystore.password", PASSWORD);
            set_for(p, listener, "ssl.key.password", PASSWORD);
        }
        if self.version.is_at_least(2, 2) {
            set(p, "ssl.principal.mapping.rules", "RULE:^CN=([^,]+).*$/$1/,DEFAULT");
        }
    }

    fn authorizer(&self, p: &mut Properties) {
        let class = if self.version.is_kraft() {
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        } else if self.version.is_at_least(2, 4) {
            "kafka.security.authorizer.AclAuthorizer"
        } else {
            "kafka.security.auth.SimpleAclAuthorizer"
        };
        set(p, "authorizer.class.name", class);
        set(p, "super.users", format!("User:{};User:admin", INTERNAL.name));
        set(p, "allow.everyone.if.no.acl.found", false);
    }

    fn replication(&self, p: &mut Properties) {
        let (replicas, in_sync) = if self.nodes >= 3 { (3, 2) } else { (1, 1) };
        set(p, "default.replication.factor", replicas);
        set(p, "min.insync.replicas", in_sync);
        let mut topics = vec![("offsets.topic", None)];
        topics.push(("transaction.state.log", Some("transaction.state.log.min.isr")));
        if self.version.is_at_least(4, 0) {
            let in_sync = "share.coordinator.state.topic.min.isr";
            topics.push(("share.coordinator.state.topic", Some(in_sync)));
        }
        for (topic, min_in_sync) in topics {
            set(p, &format!("{topic}.replication.factor"), replicas);
            // The defaults of 50 partitions slow the first use.
            set(p, &format!("{topic}.num.partitions"), 4);
            if let Some(name) = min_in_sync {
                set(p, name, in_sync);
            }
        }
    }

    fn groups(&self, p: &mut Properties) {
        let version = self.version;
        if version.is_release_of(4, 1) {
            let all = "classic,consumer,share,streams";
            set(p, "group.coordinator.rebalance.protocols", all);
        } else if version.is_at_least(3, 7) && !version.is_at_least(4, 0) {
            set(p, "group.coordinator.rebalance.protocols", "classic,consumer");
        }
        set(p, "group.initial.rebalance.delay.ms", 0);
        set(p, "group.min.session.timeout.ms", 1000);
        // Heartbeats of the broker's choice come every 5 s otherwise, and a failed member is
        // missed after 45 s.
        let mut kinds = Vec::new();
        if version.is_at_least(3, 7) {
            kinds.push("consumer");
        }
        if version.is_at_least(4, 1) {
            kinds.extend(["share", "streams"]);
        }
        for kind in kinds {
            set(p, &format!("group.{kind}.min.heartbeat.interval.ms"), 500);
            set(p, &format!("group.{kind}.heartbeat.interval.ms"), 500);
            set(p, &format!("group.{kind}.min.session.timeout.ms"), 2000);
            set(p, &format!("group.{kind}.session.timeout.ms"), 6000);
        }
    }

    fn small_and_quick(&self, p: &mut Properties) {
        set(p, "num.network.threads", 1); // of each listener
        set(p, "num.io.threads", 4);
        set(p, "background.threads", 2);
        // On the heap; the default is 128 MiB.
        set(p, "log.cleaner.dedupe.buffer.size", 4 << 20);
        set(p, "log.index.size.max.bytes", 1 << 20);
        set(p, "log.segment.bytes", 64 << 20);
        set(p, "offsets.topic.segment.bytes", 16 << 20);
        set(p, "transaction.state.log.segment.bytes", 16 << 20);
        set(p, "auto.create.topics.enable", true);
        set(p, "num.partitions", 1);
    }
}

fn set(properties: &mut Properties, name: &str, value: impl ToString) {
    properties.insert(name.to_owned(), value.to_string());
}

/// Sets a property of one listener.
fn set_for(p: &mut Properties, listener: Listener, name: &str, value: impl ToString) {
    set(p, &format!("listener.name.{}.{name}", listener.name().to_lowercase()), value);
}

fn plain_login(users: &[User], login: Option<User>) -> String {
    let mut text = "org.apache.kafka.common.security.plain.PlainLoginModule required".to_owned();
    if let Some(User { name, password }) = login {
        let _ = write!(text, " username=\"{name}\" password=\"{password}\"");
    }
    for User { name, password } in users {
        let _ = write!(text, " user_{name}=\"{password}\"");
    }
    text + ";"
}
