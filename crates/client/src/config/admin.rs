//! The admin client's configuration.

use super::builder::AdminConfigBuilder;
use super::options::Settled;
use super::property::ClientKind;
use super::value::Value;
use super::{ClientConfig, Properties, Warnings};
use crate::error::Error;

/// The admin client's configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AdminConfig {
    pub(crate) client: ClientConfig,
    pub(crate) retries: u32,
}

impl AdminConfig {
    /// A builder with every default, for the brokers `host:port`, with commas between them.
    ///
    /// ```
    /// use milena::config::AdminConfig;
    ///
    /// let config = AdminConfig::builder("[::1]:9092").client_id("setup").build()?;
    /// assert_eq!(config.client().client_id(), "setup");
    /// # Ok::<(), milena::Error>(())
    /// ```
    pub fn builder(bootstrap_servers: impl Into<String>) -> AdminConfigBuilder {
        Self::empty().property("bootstrap.servers", bootstrap_servers)
    }

    /// Reads Java's properties; `bootstrap.servers` must be among them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with every problem in one message.
    pub fn from_properties<K: Into<String>, V: Into<String>>(
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Error> {
        Self::empty().properties(properties).build()
    }

    /// Reads the entries of a `.properties` file; `bootstrap.servers` must be among them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with every problem and its line in one message.
    pub fn from_properties_file(properties: &Properties) -> Result<Self, Error> {
        Self::empty().properties_file(properties).build()
    }

    /// What every client has.
    #[must_use]
    pub fn client(&self) -> &ClientConfig {
        &self.client
    }

    /// What is odd about the configuration.
    #[must_use]
    pub fn warnings(&self) -> &Warnings {
        &self.client.warnings
    }

    /// A builder without any option.
    fn empty() -> AdminConfigBuilder {
        AdminConfigBuilder::new(ClientKind::Admin, Self::settle)
    }

    fn settle(mut settled: Settled) -> Result<Self, Error> {
        check_timeouts(&mut settled);
        let mut config = Self {
            client: ClientConfig::settle(&mut settled),
            retries: u32::try_from(settled.integer("retries")).unwrap_or(u32::MAX),
        };
        config.client.warnings = settled.finish()?;
        Ok(config)
    }
}

/// A call must have the time of one request (KIP-533).
fn check_timeouts(settled: &mut Settled) {
    let (name, other) = ("default.api.timeout.ms", "request.timeout.ms");
    if !settled.are_sound(&[name, other]) {
        return;
    }
    let (api, request) = (settled.integer(name), settled.integer(other));
    if api >= request {
        return;
    }
    if settled.is_set(name) {
        let expected = format!("expected {request} or more, which is {other}");
        settled.problem_with_value(name, &api.to_string(), &expected);
    } else {
        settled.replace(name, Value::Integer(request));
    }
}
