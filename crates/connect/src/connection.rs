//! What stands around the configuration of a step: brokers, credentials and client properties.

use milena::config::ClientKind;

use crate::{
    elasticio::Credentials,
    settings::{ClientProperties, Origin},
};

/// Where the cluster is, who asks, and what was set around the configuration of a step.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Connection {
    /// Brokers as `host:port`. When there are any, they take the place of those that a configuration
    /// names itself.
    pub brokers: Vec<String>,
    /// `client.id` where the configuration has none.
    pub client_id: String,
    /// elastic.io's credentials, which one flow has for all its steps of that connector.
    pub credentials: Option<Credentials>,
    /// Client properties of the flow.
    pub flow: Vec<(String, String)>,
    /// Client properties of the command line.
    pub command_line: Vec<(String, String)>,
    /// The broker runs in this process and speaks neither TLS nor SASL: properties for them have no
    /// effect, unless they come from the command line.
    pub is_embedded: bool,
}

impl Connection {
    /// A connection to these brokers with these credentials.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self {
            brokers: credentials.brokers.clone(),
            client_id: credentials.client_id.clone(),
            credentials: Some(credentials),
            ..Self::default()
        }
    }

    /// A connection to these brokers without credentials.
    #[must_use]
    pub fn anonymous(brokers: Vec<String>, client_id: impl Into<String>) -> Self {
        Self { brokers, client_id: client_id.into(), ..Self::default() }
    }

    /// Whether a property of a configuration has an effect: an embedded broker needs no security.
    pub(crate) fn keeps(&self, name: &str) -> bool {
        let is_security = ["security.", "sasl.", "ssl."].iter().any(|part| name.starts_with(part));
        !(self.is_embedded && is_security)
    }

    /// Sets the brokers: those around the configuration take the place of its own.
    pub(crate) fn set_servers(&self, own: &str, properties: &mut ClientProperties) {
        if self.brokers.is_empty() {
            properties.set(Origin::Configuration, "bootstrap.servers", own);
        } else {
            properties.set(Origin::Flow, "bootstrap.servers", self.brokers.join(","));
        }
    }

    /// Adds what was set around the connector, the strongest last.
    pub(crate) fn finish(
        &self,
        mut properties: ClientProperties,
        client: ClientKind,
        additional: &[(String, String)],
    ) -> ClientProperties {
        self.add_flow_and(additional, client, &mut properties);
        self.add_command_line(client, &mut properties);
        properties
    }

    /// Adds the flow's properties and then the configuration's own.
    pub(crate) fn add_flow_and(
        &self,
        additional: &[(String, String)],
        client: ClientKind,
        properties: &mut ClientProperties,
    ) {
        let keep = |given: &[(String, String)]| -> Vec<(String, String)> {
            given.iter().filter(|(name, _)| self.keeps(name)).cloned().collect()
        };
        properties.set_for(client, Origin::Flow, &keep(&self.flow));
        for (name, value) in keep(additional) {
            properties.set(Origin::AdditionalProperties, &name, value);
        }
    }

    /// Adds the command line's properties.
    pub(crate) fn add_command_line(&self, client: ClientKind, properties: &mut ClientProperties) {
        properties.set_for(client, Origin::CommandLine, &self.command_line);
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("brokers", &self.brokers)
            .field("client_id", &self.client_id)
            .field("credentials", &self.credentials)
            .field("is_embedded", &self.is_embedded)
            .finish_non_exhaustive()
    }
}
