//! The admin client's builder.

use std::path::PathBuf;
use std::time::Duration;

use super::super::options::Options;
use super::super::property::ClientKind;
use super::super::value::Value;
use super::super::{
    AdminConfig, ClientDnsLookup, MetadataRecoveryStrategy, Properties, Sasl, Secret,
    SecurityProtocol, TlsVersion,
};
use super::{Dangerous, common_options};
use crate::error::Error;

/// Collects the options of a [`AdminConfig`]; of two values for one property the later counts.
#[derive(Debug)]
pub struct AdminConfigBuilder {
    options: Options,
}

common_options!(AdminConfigBuilder, AdminConfig, ClientKind::Admin);

impl AdminConfigBuilder {
    /// How often a request is sent again; `default_api_timeout` is the better bound.
    ///
    /// Kafka property `retries`, our default `2147483647`, Kafka's default `2147483647`, since
    /// Kafka 0.8.2 (producer), 0.11 (admin).
    #[must_use]
    pub fn retries(self, count: u32) -> Self {
        self.set("retries", Value::Integer(count.into()))
    }

    /// How long a call may take that is given no timeout of its own; at least `request_timeout`.
    ///
    /// Kafka property `default.api.timeout.ms`, our default `60000`, Kafka's default `60000`, since
    /// Kafka 2.0.
    #[must_use]
    pub fn default_api_timeout(self, duration: Duration) -> Self {
        self.set("default.api.timeout.ms", Value::millis(duration))
    }
}
