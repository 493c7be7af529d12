//! Tokens from an endpoint of OAuth 2: the grant of client credentials, or a file.
//!
//! [`TokenEndpoint`] is plain settings; [`TokenEndpoint::build`] gives the provider, which keeps a
//! token, replaces it before it ends ([`RefreshPolicy`]), and asks again when the endpoint fails.
//!
//! Spec: RFC6749#4.4, KIP-768, KIP-1139.

mod error;
mod provider;
mod refresh;
mod request;
mod response;
mod settle;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use milena_http::{HttpClient, HttpSettings};

use super::{Secret, Tls};
use crate::cluster::tls_config;
use crate::error::{Error, ErrorKind};

pub use provider::TokenEndpointProvider;
pub use refresh::RefreshPolicy;
pub(super) use settle::settle;

use request::Source;

/// The longest answer of an endpoint that is read, in bytes.
const RESPONSE_BYTES_MAX: usize = 1 << 20;

/// Whether this is an endpoint's error that asking again does not mend.
pub(crate) fn refused(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<error::TokenError>().is_some_and(|error| !error.is_retriable())
}

/// Where tokens come from, and who asks for them.
///
/// ```
/// use milena::config::{ProducerConfig, Sasl, SecurityProtocol, TokenEndpoint};
///
/// let endpoint = TokenEndpoint::new("https://id.example/oauth2/token", "my-client", "my-secret")
///     .scope("kafka")
///     .build()?;
/// let config = ProducerConfig::builder("broker1:9094")
///     .security_protocol(SecurityProtocol::SaslSsl)
///     .sasl(Sasl::oauthbearer(endpoint))
///     .build()?;
/// # Ok::<(), milena::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenEndpoint {
    url: Secret,
    client_id: String,
    client_secret: Secret,
    scope: Option<String>,
    parameters: Vec<(String, String)>,
    credentials_in_body: bool,
    urlencode_header: bool,
    connect_timeout: Duration,
    read_timeout: Duration,
    retry_backoff: Duration,
    retry_backoff_max: Duration,
    refresh: RefreshPolicy,
    tls: Option<Tls>,
    extensions: BTreeMap<String, String>,
}

impl TokenEndpoint {
    /// An endpoint that is asked with `grant_type=client_credentials`, or with a URL of `file:` a file
    /// that somebody else keeps up to date with a JWT.
    #[must_use]
    pub fn new(
        url: impl Into<Secret>,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
    ) -> Self {
        Self {
            url: url.into(),
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            scope: None,
            parameters: Vec::new(),
            credentials_in_body: false,
            urlencode_header: false,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(10),
            refresh: RefreshPolicy::default(),
            tls: None,
            extensions: BTreeMap::new(),
        }
    }

    /// The scope to ask for (`sasl.oauthbearer.scope`).
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Sends one more parameter with each request, such as `audience`. It is no secret.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Whether id and secret are sent as `client_id` and `client_secret` in the body instead of a header,
    /// which some endpoints know alone (RFC 6749, 2.3.1; no).
    #[must_use]
    pub const fn credentials_in_body(mut self, yes: bool) -> Self {
        self.credentials_in_body = yes;
        self
    }

    /// Whether id and secret are percent-encoded in the header, as RFC 6749 wants it and many
    /// endpoints do not (`sasl.oauthbearer.header.urlencode`; no).
    #[must_use]
    pub const fn urlencode_header(mut self, yes: bool) -> Self {
        self.urlencode_header = yes;
        self
    }

    /// How long connecting may take (`sasl.login.connect.timeout.ms`; 10 s).
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long the answer may take once there is a connection (`sasl.login.read.timeout.ms`; 30 s).
    #[must_use]
    pub const fn read_timeout(mut self, timeout: Duration) -> Self {
        self.read_timeout = timeout;
        self
    }

    /// The first pause after a failure, which doubles with each, and the time after which no more
    /// attempt is made (`sasl.login.retry.backoff.ms`, `.max.ms`; 100 ms and 10 s).
    #[must_use]
    pub const fn retry_backoff(mut self, first: Duration, max: Duration) -> Self {
        self.retry_backoff = first;
        self.retry_backoff_max = max;
        self
    }

    /// When a token is replaced (`sasl.login.refresh.*`).
    #[must_use]
    pub const fn refresh(mut self, policy: RefreshPolicy) -> Self {
        self.refresh = policy;
        self
    }

    /// Whom to trust, and which certificate to show, when the URL is of `https`; the system's roots and
    /// none. Brokers have settings of their own.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sends a SASL extension to brokers with every token (KIP-342).
    #[must_use]
    pub fn extension(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extensions.insert(name.into(), value.into());
        self
    }

    /// The provider. Reads files of certificates; asks nobody yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`]: the URL cannot be used, or TLS cannot.
    pub fn build(self) -> Result<TokenEndpointProvider, Error> {
        let invalid = |message: String| Error::new(ErrorKind::Config, message);
        let mut settings = HttpSettings::new()
            .connect_timeout(self.connect_timeout)
            .response_bytes_max(RESPONSE_BYTES_MAX);
        if let Some(tls) = &self.tls {
            settings = settings.tls(tls_config(tls));
        }
        let client = HttpClient::new(settings).map_err(|error| {
            let reason = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            invalid(format!("TLS with the token endpoint cannot be used: {reason}"))
                .with_source(error)
        })?;
        self.build_on(client)
    }

    /// The provider, on an HTTP client that is there already: its connections, its trust, and its
    /// time to connect in place of the endpoint's own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`]: the URL cannot be used.
    pub fn build_on(self, client: HttpClient) -> Result<TokenEndpointProvider, Error> {
        let source = Source::parse(self.url.reveal()).map_err(|reason| {
            Error::new(ErrorKind::Config, format!("the token endpoint's URL: {reason}"))
        })?;
        Ok(TokenEndpointProvider::new(self, source, client))
    }
}
