//! Connections to Kafka brokers on tokio: TLS, SASL, pipelining, reconnect.
