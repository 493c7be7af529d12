//! Configuration: typed builders and Java's property names over one table.

mod admin;
mod client;
mod consumer;
mod producer;
mod secret;
mod security;

pub use admin::AdminConfig;
pub use client::{ClientConfig, ClientDnsLookup, HostPort, MetadataRecoveryStrategy};
pub use consumer::{Assignor, AutoOffsetReset, ConsumerConfig, IsolationLevel};
pub use producer::{Acks, CompressionType, PartitionerClass, ProducerConfig};
pub use secret::Secret;
pub use security::{
    KeyStore, OAuthBearerToken, OAuthBearerTokenFuture, OAuthBearerTokenProvider, PemSource, Sasl,
    ScramMechanism, Security, SecurityProtocol, Tls, TlsVersion,
};
