//! Ballerina's kafka module: [`Producer`] with its [`Transaction`]s, [`Consumer`], and [`Listener`] with [`Service`] and [`Caller`].
//!
//! The names are the module's in Rust's case, and so are its configurations, which are read from the
//! module's own field names. `docs/connectors.md` says what was decided where its documents are silent.
//!
//! SASL, as the module's examples have it:
//!
//! ```
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use milena_broker::{Broker, SecurityProtocol};
//! use milena_connect::ballerina::{Producer, ProducerConfiguration, ProducerRecord};
//! use serde_json::json;
//!
//! # let broker = Broker::builder()
//! #     .listener(SecurityProtocol::SaslPlaintext, "127.0.0.1", 0)
//! #     .user("alice", "alice@123")
//! #     .start()
//! #     .await?;
//! # let servers = broker.bootstrap_servers_of(SecurityProtocol::SaslPlaintext).ok_or("a listener")?;
//! let configuration = ProducerConfiguration::from_json(&json!({
//!     "auth": { "mechanism": "PLAIN", "username": "alice", "password": "alice@123" },
//!     "securityProtocol": "SASL_PLAINTEXT",
//! }))?;
//! let producer = Producer::new(servers, &configuration)?;
//! producer.send(&ProducerRecord::new("orders", "one")).await?;
//! # Ok(()) }
//! ```

mod avro;
mod binding;
mod configuration;
mod consumer;
mod error;
mod flow;
mod listener;
mod producer;
mod record;
mod transaction;

#[cfg(test)]
mod tests;

pub use binding::{FromBytes, FromRecord, Json, Payload, RecordFault};
pub use configuration::{
    AuthenticationConfiguration, AuthenticationMechanism, CompressionType, ConsumerConfiguration,
    DeserializerType, IsolationLevel, KeyMaterial, OffsetResetMethod, ProducerAcks,
    ProducerConfiguration, Properties, SecureSocket, SecurityProtocol, SerializerType, Store,
    Trust,
};
pub use consumer::Consumer;
pub use error::{Error, ErrorKind};
pub use listener::{Caller, Failure, Listener, Service};
pub use milena::consumer::OffsetAndTimestamp;
pub use producer::Producer;
pub use record::{
    ConsumerRecord, Data, HeaderType, HeaderValue, Headers, PartitionOffset, ProducerRecord,
    RecordMetadata, TopicPartition,
};
pub use transaction::Transaction;

pub(crate) use flow::CONNECTOR;

/// The name of the connector in a flow.
pub const NAME: &str = "ballerina";

/// The broker that the module's examples use.
pub const DEFAULT_URL: &str = "localhost:9092";

/// Brokers as `host:port`: a text with commas, or a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Servers(Vec<String>);

impl From<&str> for Servers {
    fn from(text: &str) -> Self {
        Self(vec![text.to_owned()])
    }
}

impl From<String> for Servers {
    fn from(text: String) -> Self {
        Self(vec![text])
    }
}

impl From<Vec<String>> for Servers {
    fn from(list: Vec<String>) -> Self {
        Self(list)
    }
}

impl<const N: usize> From<[&str; N]> for Servers {
    fn from(list: [&str; N]) -> Self {
        Self(list.map(str::to_owned).to_vec())
    }
}
