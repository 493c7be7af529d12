//! The options that every builder has.

/// Gives a builder whose field `options` is an `Options` the options of every client.
macro_rules! common_options {
    ($builder:ident, $config:ident, $kind:expr) => {
        impl $builder {
            pub(in crate::config) fn new() -> Self {
                Self { options: Options::new($kind) }
            }

            fn set(mut self, name: &str, value: Value) -> Self {
                self.options.set(name, value);
                self
            }

            /// Checks everything and gives the configuration.
            ///
            /// Warnings are in the configuration, and are logged with `tracing`.
            ///
            /// # Errors
            ///
            /// [`ErrorKind::Config`](crate::ErrorKind::Config) with every problem in one message.
            pub fn build(self) -> Result<$config, Error> {
                $config::settle(self.options.settle())
            }

            /// Sets a property by Kafka's name, as a text.
            #[must_use]
            pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                self.options.set_text(name, value);
                self
            }

            /// Sets properties by Kafka's names, as texts; later ones count.
            #[must_use]
            pub fn properties<K: Into<String>, V: Into<String>>(
                mut self,
                properties: impl IntoIterator<Item = (K, V)>,
            ) -> Self {
                for (name, value) in properties {
                    self.options.set_text(name, value);
                }
                self
            }

            /// Sets the properties of a file; problems name the line.
            #[must_use]
            pub fn properties_file(mut self, properties: &Properties) -> Self {
                self.options.set_properties(properties);
                self
            }

            /// Who the client is, in place of `sasl.mechanism` and `sasl.jaas.config`.
            ///
            /// It goes with [`SecurityProtocol::SaslSsl`] or [`SecurityProtocol::SaslPlaintext`].
            #[must_use]
            pub fn sasl(mut self, sasl: Sasl) -> Self {
                self.options.set_sasl(sasl);
                self
            }

            /// Settings that weaken security.
            #[must_use]
            pub fn dangerous(self) -> Dangerous<Self> {
                Dangerous { builder: self }
            }

            /// The name under which the brokers' logs, metrics and quotas know this client.
            ///
            /// @client.id
            #[must_use]
            pub fn client_id(self, id: impl Into<String>) -> Self {
                self.set("client.id", Value::Text(id.into()))
            }

            /// How a broker's name becomes addresses.
            ///
            /// @client.dns.lookup
            #[must_use]
            pub fn client_dns_lookup(self, choice: ClientDnsLookup) -> Self {
                self.set("client.dns.lookup", Value::Text(choice.as_str().to_owned()))
            }

            /// Whether connections use TLS, SASL, both or neither.
            ///
            /// @security.protocol
            #[must_use]
            pub fn security_protocol(self, choice: SecurityProtocol) -> Self {
                self.set("security.protocol", Value::Text(choice.as_str().to_owned()))
            }

            /// A PEM file with the certificates that are trusted, in place of the system's roots.
            ///
            /// @ssl.truststore.location
            #[must_use]
            pub fn ssl_truststore_location(self, path: impl Into<PathBuf>) -> Self {
                self.set(
                    "ssl.truststore.location",
                    Value::Text(path.into().to_string_lossy().into_owned()),
                )
            }

            /// The certificates that are trusted, in PEM, in place of the system's roots.
            ///
            /// @ssl.truststore.certificates
            #[must_use]
            pub fn ssl_truststore_certificates(self, pem: impl Into<Secret>) -> Self {
                self.set("ssl.truststore.certificates", Value::Password(pem.into()))
            }

            /// A PEM file with the client's private key and its certificate chain.
            ///
            /// @ssl.keystore.location
            #[must_use]
            pub fn ssl_keystore_location(self, path: impl Into<PathBuf>) -> Self {
                self.set(
                    "ssl.keystore.location",
                    Value::Text(path.into().to_string_lossy().into_owned()),
                )
            }

            /// The client's certificate chain in PEM; it goes with
            /// [`ssl_keystore_key`](Self::ssl_keystore_key).
            ///
            /// @ssl.keystore.certificate.chain
            #[must_use]
            pub fn ssl_keystore_certificate_chain(self, pem: impl Into<Secret>) -> Self {
                self.set("ssl.keystore.certificate.chain", Value::Password(pem.into()))
            }

            /// The client's private key in PEM (PKCS#8).
            ///
            /// @ssl.keystore.key
            #[must_use]
            pub fn ssl_keystore_key(self, pem: impl Into<Secret>) -> Self {
                self.set("ssl.keystore.key", Value::Password(pem.into()))
            }

            /// The versions of TLS that may be spoken.
            ///
            /// @ssl.enabled.protocols
            #[must_use]
            pub fn ssl_enabled_protocols(self, all: &[TlsVersion]) -> Self {
                self.set(
                    "ssl.enabled.protocols",
                    Value::List(all.iter().map(|one| one.as_str().to_owned()).collect()),
                )
            }

            /// A connection that nothing went over for this time is closed.
            ///
            /// @connections.max.idle.ms
            #[must_use]
            pub fn connections_max_idle(self, duration: Duration) -> Self {
                self.set("connections.max.idle.ms", Value::millis(duration))
            }

            /// The pause before the first new attempt to connect; it doubles with every further one.
            ///
            /// @reconnect.backoff.ms
            #[must_use]
            pub fn reconnect_backoff(self, duration: Duration) -> Self {
                self.set("reconnect.backoff.ms", Value::millis(duration))
            }

            /// The longest pause between two attempts to connect to a broker.
            ///
            /// @reconnect.backoff.max.ms
            #[must_use]
            pub fn reconnect_backoff_max(self, duration: Duration) -> Self {
                self.set("reconnect.backoff.max.ms", Value::millis(duration))
            }

            /// How long the first attempt to connect may take; it doubles with every further one.
            ///
            /// @socket.connection.setup.timeout.ms
            #[must_use]
            pub fn socket_connection_setup_timeout(self, duration: Duration) -> Self {
                self.set("socket.connection.setup.timeout.ms", Value::millis(duration))
            }

            /// The longest time that an attempt to connect may take.
            ///
            /// @socket.connection.setup.timeout.max.ms
            #[must_use]
            pub fn socket_connection_setup_timeout_max(self, duration: Duration) -> Self {
                self.set("socket.connection.setup.timeout.max.ms", Value::millis(duration))
            }

            /// The size of the socket's receive buffer in bytes.
            ///
            /// @receive.buffer.bytes
            #[must_use]
            pub fn receive_buffer_bytes(self, bytes: u32) -> Self {
                self.set("receive.buffer.bytes", Value::Integer(bytes.into()))
            }

            /// The size of the socket's send buffer in bytes.
            ///
            /// @send.buffer.bytes
            #[must_use]
            pub fn send_buffer_bytes(self, bytes: u32) -> Self {
                self.set("send.buffer.bytes", Value::Integer(bytes.into()))
            }

            /// How long one request may wait for its response before the connection is given up.
            ///
            /// @request.timeout.ms
            #[must_use]
            pub fn request_timeout(self, duration: Duration) -> Self {
                self.set("request.timeout.ms", Value::millis(duration))
            }

            /// The pause before the first retry; it doubles with every further one.
            ///
            /// @retry.backoff.ms
            #[must_use]
            pub fn retry_backoff(self, duration: Duration) -> Self {
                self.set("retry.backoff.ms", Value::millis(duration))
            }

            /// The longest pause between two tries.
            ///
            /// @retry.backoff.max.ms
            #[must_use]
            pub fn retry_backoff_max(self, duration: Duration) -> Self {
                self.set("retry.backoff.max.ms", Value::millis(duration))
            }

            /// After this time the metadata is asked for again, even if nothing went wrong.
            ///
            /// @metadata.max.age.ms
            #[must_use]
            pub fn metadata_max_age(self, duration: Duration) -> Self {
                self.set("metadata.max.age.ms", Value::millis(duration))
            }

            /// What to do when none of the known brokers can be reached.
            ///
            /// @metadata.recovery.strategy
            #[must_use]
            pub fn metadata_recovery_strategy(self, choice: MetadataRecoveryStrategy) -> Self {
                self.set("metadata.recovery.strategy", Value::Text(choice.as_str().to_owned()))
            }

            /// How long no metadata may be had before the client starts again from the bootstrap servers.
            ///
            /// @metadata.recovery.rebootstrap.trigger.ms
            #[must_use]
            pub fn metadata_recovery_rebootstrap_trigger(self, duration: Duration) -> Self {
                self.set("metadata.recovery.rebootstrap.trigger.ms", Value::millis(duration))
            }
        }

        impl Dangerous<$builder> {
            /// Accepts a certificate that names another host, as long as it is trusted: whoever has any
            /// trusted certificate can pose as the broker.
            #[must_use]
            pub fn disable_host_name_verification(mut self) -> $builder {
                self.builder.options.disable_host_name_verification();
                self.builder
            }
        }
    };
}

pub(super) use common_options;
