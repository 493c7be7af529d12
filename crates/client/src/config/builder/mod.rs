//! Typed builders over the table: each method sets one property, and `build` checks them together.
//!
//! What every client has is in `common`, the rest in a file for each client. The last line of each
//! method's documentation says which property it is, both defaults and since which Kafka; a test
//! compares it with the table.

mod admin;
mod common;
mod consumer;
mod producer;

use std::fmt;

use super::options::{Options, Settled};
use super::property::ClientKind;
use super::value::Value;
use super::{AdminConfig, ConsumerConfig, ProducerConfig, Properties, Sasl};
use crate::error::Error;

/// Collects the options of a configuration; of two values for one property the later counts.
///
/// A clone can go another way, for clients that have most of their options in common.
///
/// ```
/// use milena::config::ProducerConfig;
///
/// let base = ProducerConfig::builder("broker1:9092").enable_idempotence(true);
/// let orders = base.clone().client_id("orders").build()?;
/// let audit = base.client_id("audit").build()?;
/// assert_ne!(orders.client().client_id(), audit.client().client_id());
/// # Ok::<(), milena::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct ConfigBuilder<C> {
    options: Options,
    settle: fn(Settled) -> Result<C, Error>,
}

/// Collects the options of a [`ProducerConfig`].
pub type ProducerConfigBuilder = ConfigBuilder<ProducerConfig>;
/// Collects the options of a [`ConsumerConfig`].
pub type ConsumerConfigBuilder = ConfigBuilder<ConsumerConfig>;
/// Collects the options of an [`AdminConfig`].
pub type AdminConfigBuilder = ConfigBuilder<AdminConfig>;

/// Settings of a builder that weaken security.
#[derive(Clone, Debug)]
#[must_use = "it gives the builder back with a setting that weakens security"]
pub struct Dangerous<C> {
    builder: ConfigBuilder<C>,
}

impl<C> fmt::Debug for ConfigBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigBuilder").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<C> ConfigBuilder<C> {
    pub(super) fn new(client: ClientKind, settle: fn(Settled) -> Result<C, Error>) -> Self {
        Self { options: Options::new(client), settle }
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
    pub fn build(self) -> Result<C, Error> {
        (self.settle)(self.options.settle())
    }

    /// Sets a property by Kafka's name, as a text.
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.set_text(name, value);
        self
    }

    /// Sets properties by Kafka's names, as texts; later ones count.
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
    pub fn properties_file(mut self, properties: &Properties) -> Self {
        self.options.set_properties(properties);
        self
    }

    /// Who the client is, in place of `sasl.mechanism` and `sasl.jaas.config`.
    ///
    /// It goes with [`SecurityProtocol::SaslSsl`](super::SecurityProtocol::SaslSsl) or
    /// [`SecurityProtocol::SaslPlaintext`](super::SecurityProtocol::SaslPlaintext).
    pub fn sasl(mut self, sasl: Sasl) -> Self {
        self.options.set_sasl(sasl);
        self
    }

    /// Settings that weaken security.
    pub fn dangerous(self) -> Dangerous<C> {
        Dangerous { builder: self }
    }
}

impl<C> Dangerous<C> {
    /// Accepts a certificate that names another host, as long as it is trusted: whoever has any
    /// trusted certificate can pose as the broker.
    pub fn disable_host_name_verification(mut self) -> ConfigBuilder<C> {
        self.builder.options.disable_host_name_verification();
        self.builder
    }
}
