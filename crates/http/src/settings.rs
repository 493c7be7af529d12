//! Settings of the client.

use std::time::Duration;

use milena_tls::{ClientCertificate, TlsConfig, Trust};

/// Settings of an [`HttpClient`](crate::HttpClient).
///
/// ```
/// use std::time::Duration;
/// use milena_http::tls::Trust;
/// use milena_http::{HttpClient, HttpSettings};
///
/// let settings = HttpSettings::new()
///     .trust(Trust::WebPki)
///     .connect_timeout(Duration::from_secs(5))
///     .response_bytes_max(64 * 1024);
/// let client = HttpClient::new(settings)?;
/// # Ok::<(), milena_http::HttpError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Whom to trust, and who this client is, when the URL is of `https`.
    pub tls: TlsConfig,
    /// How long the look-up of the name, TCP and TLS may take together.
    pub connect_timeout: Duration,
    /// The longest body of a response that is accepted, in bytes.
    pub response_bytes_max: usize,
    /// The header `User-Agent` of requests that have none of their own.
    pub user_agent: String,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpSettings {
    /// The system's roots, no client certificate, 10 s to connect, responses up to 16 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tls: TlsConfig::default(),
            connect_timeout: Duration::from_secs(10),
            response_bytes_max: 16 << 20,
            user_agent: concat!("milena/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// Whose signature makes a server's certificate valid.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.tls = self.tls.trust(trust);
        self
    }

    /// The certificate to show to servers that ask for one.
    #[must_use]
    pub fn client_certificate(mut self, certificate: ClientCertificate) -> Self {
        self.tls = self.tls.client_certificate(certificate);
        self
    }

    /// All settings of TLS at once.
    #[must_use]
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.tls = tls;
        self
    }

    /// How long the look-up of the name, TCP and TLS may take together.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The longest body of a response that is accepted, in bytes.
    #[must_use]
    pub const fn response_bytes_max(mut self, bytes: usize) -> Self {
        self.response_bytes_max = bytes;
        self
    }

    /// The header `User-Agent` of requests that have none of their own.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }
}
