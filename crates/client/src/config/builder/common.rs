//! The options that every builder has.

use std::path::PathBuf;
use std::time::Duration;

use super::ConfigBuilder;
use crate::config::value::Value;
use crate::config::{
    ClientDnsLookup, MetadataRecoveryStrategy, Secret, SecurityProtocol, TlsVersion,
};

impl<C> ConfigBuilder<C> {
    /// The name under which the brokers' logs, metrics and quotas know this client.
    ///
    /// Kafka property `client.id`, our default `milena`, Kafka's default empty, since Kafka
    /// 0.8.2.
    pub fn client_id(self, id: impl Into<String>) -> Self {
        self.set("client.id", Value::Text(id.into()))
    }

    /// How a broker's name becomes addresses.
    ///
    /// Kafka property `client.dns.lookup`, our default `use_all_dns_ips`, Kafka's default
    /// `use_all_dns_ips`, since Kafka 2.1.
    pub fn client_dns_lookup(self, choice: ClientDnsLookup) -> Self {
        self.set("client.dns.lookup", Value::Text(choice.as_str().to_owned()))
    }

    /// Whether connections use TLS, SASL, both or neither.
    ///
    /// Kafka property `security.protocol`, our default `PLAINTEXT`, Kafka's default
    /// `PLAINTEXT`, since Kafka 0.9.
    pub fn security_protocol(self, choice: SecurityProtocol) -> Self {
        self.set("security.protocol", Value::Text(choice.as_str().to_owned()))
    }

    /// A file (PEM, JKS or PKCS12) with the certificates that are trusted, in place of the
    /// system's roots.
    ///
    /// Kafka property `ssl.truststore.location`, our default none, Kafka's default none,
    /// since Kafka 0.9.
    pub fn ssl_truststore_location(self, path: impl Into<PathBuf>) -> Self {
        self.set("ssl.truststore.location", Value::Text(path.into().to_string_lossy().into_owned()))
    }

    /// The certificates that are trusted, in PEM, in place of the system's roots.
    ///
    /// Kafka property `ssl.truststore.certificates`, our default none, Kafka's default
    /// none, since Kafka 2.7.
    pub fn ssl_truststore_certificates(self, pem: impl Into<Secret>) -> Self {
        self.set("ssl.truststore.certificates", Value::Password(pem.into()))
    }

    /// A file (PEM, JKS or PKCS12) with the client's private key and its certificate chain.
    ///
    /// Kafka property `ssl.keystore.location`, our default none, Kafka's default none,
    /// since Kafka 0.9.
    pub fn ssl_keystore_location(self, path: impl Into<PathBuf>) -> Self {
        self.set("ssl.keystore.location", Value::Text(path.into().to_string_lossy().into_owned()))
    }

    /// The client's certificate chain in PEM; it goes with
    /// [`ssl_keystore_key`](Self::ssl_keystore_key).
    ///
    /// Kafka property `ssl.keystore.certificate.chain`, our default none, Kafka's default
    /// none, since Kafka 2.7.
    pub fn ssl_keystore_certificate_chain(self, pem: impl Into<Secret>) -> Self {
        self.set("ssl.keystore.certificate.chain", Value::Password(pem.into()))
    }

    /// The client's private key in PEM (PKCS#8, encrypted or not).
    ///
    /// Kafka property `ssl.keystore.key`, our default none, Kafka's default none, since
    /// Kafka 2.7.
    pub fn ssl_keystore_key(self, pem: impl Into<Secret>) -> Self {
        self.set("ssl.keystore.key", Value::Password(pem.into()))
    }

    /// The password of a JKS or PKCS12 trust store.
    ///
    /// Kafka property `ssl.truststore.password`, our default none, Kafka's default none,
    /// since Kafka 0.9.
    pub fn ssl_truststore_password(self, password: impl Into<Secret>) -> Self {
        self.set("ssl.truststore.password", Value::Password(password.into()))
    }

    /// The password of a JKS or PKCS12 key store.
    ///
    /// Kafka property `ssl.keystore.password`, our default none, Kafka's default none,
    /// since Kafka 0.9.
    pub fn ssl_keystore_password(self, password: impl Into<Secret>) -> Self {
        self.set("ssl.keystore.password", Value::Password(password.into()))
    }

    /// The password of the client's private key.
    ///
    /// Kafka property `ssl.key.password`, our default none, Kafka's default none, since
    /// Kafka 0.9.
    pub fn ssl_key_password(self, password: impl Into<Secret>) -> Self {
        self.set("ssl.key.password", Value::Password(password.into()))
    }

    /// The versions of TLS that may be spoken.
    ///
    /// Kafka property `ssl.enabled.protocols`, our default `TLSv1.2,TLSv1.3`, Kafka's
    /// default `TLSv1.2,TLSv1.3`, since Kafka 0.9.
    pub fn ssl_enabled_protocols(self, all: &[TlsVersion]) -> Self {
        self.set(
            "ssl.enabled.protocols",
            Value::List(all.iter().map(|one| one.as_str().to_owned()).collect()),
        )
    }

    /// A connection that nothing went over for this time is closed.
    ///
    /// Kafka property `connections.max.idle.ms`, our default `540000` (producer, consumer),
    /// `300000` (admin), Kafka's default `540000` (producer, consumer), `300000` (admin),
    /// since Kafka 0.9 (producer, consumer), 0.11 (admin).
    pub fn connections_max_idle(self, duration: Duration) -> Self {
        self.set("connections.max.idle.ms", Value::millis(duration))
    }

    /// The pause before the first new attempt to connect; it doubles with every further one.
    ///
    /// Kafka property `reconnect.backoff.ms`, our default `50`, Kafka's default `50`, since
    /// Kafka 0.8.2.
    pub fn reconnect_backoff(self, duration: Duration) -> Self {
        self.set("reconnect.backoff.ms", Value::millis(duration))
    }

    /// The longest pause between two attempts to connect to a broker.
    ///
    /// Kafka property `reconnect.backoff.max.ms`, our default `1000`, Kafka's default
    /// `1000`, since Kafka 0.11.
    pub fn reconnect_backoff_max(self, duration: Duration) -> Self {
        self.set("reconnect.backoff.max.ms", Value::millis(duration))
    }

    /// How long the first attempt to connect may take; it doubles with every further one.
    ///
    /// Kafka property `socket.connection.setup.timeout.ms`, our default `10000`, Kafka's
    /// default `10000`, since Kafka 2.7.
    pub fn socket_connection_setup_timeout(self, duration: Duration) -> Self {
        self.set("socket.connection.setup.timeout.ms", Value::millis(duration))
    }

    /// The longest time that an attempt to connect may take.
    ///
    /// Kafka property `socket.connection.setup.timeout.max.ms`, our default `30000`,
    /// Kafka's default `30000`, since Kafka 2.7.
    pub fn socket_connection_setup_timeout_max(self, duration: Duration) -> Self {
        self.set("socket.connection.setup.timeout.max.ms", Value::millis(duration))
    }

    /// The size of the socket's receive buffer in bytes.
    ///
    /// Kafka property `receive.buffer.bytes`, our default `-1`, Kafka's default `32768`
    /// (producer), `65536` (consumer, admin), since Kafka 0.8.2 (producer), 0.9 (consumer,
    /// admin).
    pub fn receive_buffer_bytes(self, bytes: u32) -> Self {
        self.set("receive.buffer.bytes", Value::Integer(bytes.into()))
    }

    /// The size of the socket's send buffer in bytes.
    ///
    /// Kafka property `send.buffer.bytes`, our default `-1`, Kafka's default `131072`,
    /// since Kafka 0.8.2.
    pub fn send_buffer_bytes(self, bytes: u32) -> Self {
        self.set("send.buffer.bytes", Value::Integer(bytes.into()))
    }

    /// How long one request may wait for its response before the connection is given up.
    ///
    /// Kafka property `request.timeout.ms`, our default `30000`, Kafka's default `30000`,
    /// since Kafka 0.9.
    pub fn request_timeout(self, duration: Duration) -> Self {
        self.set("request.timeout.ms", Value::millis(duration))
    }

    /// The pause before the first retry; it doubles with every further one.
    ///
    /// Kafka property `retry.backoff.ms`, our default `100`, Kafka's default `100`, since
    /// Kafka 0.8.2.
    pub fn retry_backoff(self, duration: Duration) -> Self {
        self.set("retry.backoff.ms", Value::millis(duration))
    }

    /// The longest pause between two tries.
    ///
    /// Kafka property `retry.backoff.max.ms`, our default `1000`, Kafka's default `1000`,
    /// since Kafka 3.7.
    pub fn retry_backoff_max(self, duration: Duration) -> Self {
        self.set("retry.backoff.max.ms", Value::millis(duration))
    }

    /// After this time the metadata is asked for again, even if nothing went wrong.
    ///
    /// Kafka property `metadata.max.age.ms`, our default `300000`, Kafka's default
    /// `300000`, since Kafka 0.8.2.
    pub fn metadata_max_age(self, duration: Duration) -> Self {
        self.set("metadata.max.age.ms", Value::millis(duration))
    }

    /// What to do when none of the known brokers can be reached.
    ///
    /// Kafka property `metadata.recovery.strategy`, our default `rebootstrap`, Kafka's
    /// default `rebootstrap`, since Kafka 3.8.
    pub fn metadata_recovery_strategy(self, choice: MetadataRecoveryStrategy) -> Self {
        self.set("metadata.recovery.strategy", Value::Text(choice.as_str().to_owned()))
    }

    /// How long no metadata may be had before the client starts again from the bootstrap servers.
    ///
    /// Kafka property `metadata.recovery.rebootstrap.trigger.ms`, our default `300000`,
    /// Kafka's default `300000`, since Kafka 4.0.
    pub fn metadata_recovery_rebootstrap_trigger(self, duration: Duration) -> Self {
        self.set("metadata.recovery.rebootstrap.trigger.ms", Value::millis(duration))
    }
}
