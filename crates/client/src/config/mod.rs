//! Configuration: typed builders and Java's property names over one table.
//!
//! Every property of Kafka's producer, consumer and admin client is a row of one table, with type, range,
//! Kafka's default, our default and whether it is supported. Builders ([`ProducerConfig::builder`] and so
//! on), properties ([`ProducerConfig::from_properties`]), `.properties` files ([`Properties`]) and
//! `docs/config.md` all go through it.
//!
//! All problems of a configuration are in one [`Error`](crate::Error); what is only odd is a warning
//! ([`Warnings`]), which is logged too. Secrets are masked in both.

mod admin;
mod bootstrap;
mod builder;
mod client;
mod consumer;
mod iso_duration;
mod jaas;
mod markdown;
mod nearest;
mod options;
mod producer;
mod properties;
mod property;
mod sasl;
mod secret;
mod security;
mod table;
mod tls;
mod token;
#[cfg(feature = "oauth")]
mod token_endpoint;
mod unsecured;
mod value;
mod warnings;

#[cfg(test)]
mod tests;

pub use admin::AdminConfig;
pub use bootstrap::HostPort;
pub use builder::{
    AdminConfigBuilder, ConfigBuilder, ConsumerConfigBuilder, Dangerous, ProducerConfigBuilder,
};
pub use client::{ClientConfig, ClientDnsLookup, MetadataRecoveryStrategy};
pub use consumer::{Assignor, AutoOffsetReset, ConsumerConfig, IsolationLevel};
pub use jaas::{ControlFlag, JaasConfig, JaasError};
pub use markdown::markdown;
pub use producer::{Acks, CompressionType, PartitionerClass, ProducerConfig};
pub use properties::{Properties, PropertyEntry};
pub use property::{ClientKind, Clients, Kind, Property, Support, Width};
pub use sasl::{Sasl, ScramMechanism};
pub use secret::Secret;
pub use security::{Security, SecurityProtocol};
pub use table::{find, properties};
pub use tls::{KeyStore, StoreSource, StoreType, Tls, TlsVersion};
pub use token::{
    OAuthBearerToken, OAuthBearerTokenError, OAuthBearerTokenFuture, OAuthBearerTokenProvider,
};
#[cfg(feature = "oauth")]
pub(crate) use token_endpoint::refused as token_endpoint_refused;
#[cfg(feature = "oauth")]
pub use token_endpoint::{RefreshPolicy, TokenEndpoint, TokenEndpointProvider};
pub use warnings::{Finding, Warnings};
