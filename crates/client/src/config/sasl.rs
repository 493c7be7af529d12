//! Who the client is: `sasl.mechanism` with the credentials of `sasl.jaas.config`, or typed.

use std::fmt;
use std::sync::Arc;

use super::options::Settled;
use super::security::SecurityProtocol;
use super::token::OAuthBearerTokenProvider;
#[cfg(feature = "oauth")]
use super::token_endpoint;
use super::unsecured::UnsecuredProvider;
use super::{JaasConfig, Secret};

const MECHANISM: &str = "sasl.mechanism";
const JAAS: &str = "sasl.jaas.config";
pub(super) const TOKEN_ENDPOINT: &str = "sasl.oauthbearer.token.endpoint.url";
const MECHANISMS: &str = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER";

/// A SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

/// How the client says who it is.
#[derive(Clone)]
#[non_exhaustive]
pub enum Sasl {
    /// PLAIN: the password goes over the wire as it is.
    #[non_exhaustive]
    Plain {
        /// User name.
        username: String,
        /// Password.
        password: Secret,
    },
    /// SCRAM: the password is proven and not sent.
    #[non_exhaustive]
    Scram {
        /// Which hash.
        mechanism: ScramMechanism,
        /// User name, or the id of a delegation token.
        username: String,
        /// Password, or the HMAC of a delegation token.
        password: Secret,
        /// Whether the credentials are a delegation token's (KIP-48).
        token_auth: bool,
    },
    /// OAUTHBEARER: a token from a provider.
    #[non_exhaustive]
    OAuthBearer {
        /// Gives a token whenever one is needed.
        provider: Arc<dyn OAuthBearerTokenProvider>,
    },
}

impl Sasl {
    /// PLAIN. The password goes over the wire, so that it belongs over TLS alone.
    #[must_use]
    pub fn plain(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::Plain { username: username.into(), password: password.into() }
    }

    /// SCRAM-SHA-256.
    #[must_use]
    pub fn scram_sha_256(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::scram(ScramMechanism::Sha256, username, password)
    }

    /// SCRAM-SHA-512.
    #[must_use]
    pub fn scram_sha_512(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::scram(ScramMechanism::Sha512, username, password)
    }

    fn scram(
        mechanism: ScramMechanism,
        username: impl Into<String>,
        password: impl Into<Secret>,
    ) -> Self {
        Self::Scram {
            mechanism,
            username: username.into(),
            password: password.into(),
            token_auth: false,
        }
    }

    /// SCRAM with a delegation token: its id and its HMAC in base64 (KIP-48).
    #[must_use]
    pub fn delegation_token(
        mechanism: ScramMechanism,
        token_id: impl Into<String>,
        hmac: impl Into<Secret>,
    ) -> Self {
        Self::Scram {
            mechanism,
            username: token_id.into(),
            password: hmac.into(),
            token_auth: true,
        }
    }

    /// OAUTHBEARER with a provider, such as an async closure.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use milena::config::{OAuthBearerToken, ProducerConfig, Sasl, SecurityProtocol};
    ///
    /// let config = ProducerConfig::builder("broker1:9094")
    ///     .security_protocol(SecurityProtocol::SaslSsl)
    ///     .sasl(Sasl::oauthbearer(|| async {
    ///         let expires_at = SystemTime::now() + Duration::from_secs(300);
    ///         Ok(OAuthBearerToken::new("from your identity provider", expires_at))
    ///     }))
    ///     .build()?;
    /// # Ok::<(), milena::Error>(())
    /// ```
    #[must_use]
    pub fn oauthbearer(provider: impl OAuthBearerTokenProvider) -> Self {
        Self::OAuthBearer { provider: Arc::new(provider) }
    }

    /// The mechanism's name.
    #[must_use]
    pub const fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain { .. } => "PLAIN",
            Self::Scram { mechanism: ScramMechanism::Sha256, .. } => "SCRAM-SHA-256",
            Self::Scram { mechanism: ScramMechanism::Sha512, .. } => "SCRAM-SHA-512",
            Self::OAuthBearer { .. } => "OAUTHBEARER",
        }
    }
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Sasl");
        shown.field("mechanism", &self.mechanism());
        if let Self::Plain { username, .. } | Self::Scram { username, .. } = self {
            shown.field("username", username);
        }
        shown.finish_non_exhaustive()
    }
}

/// Reads `sasl.*`.
pub(super) fn settle(settled: &mut Settled, protocol: SecurityProtocol) -> Option<Sasl> {
    let sasl = match settled.take_sasl() {
        Some(typed) => Some(typed),
        None => from_properties(settled, protocol),
    };
    if matches!(sasl, Some(Sasl::Plain { .. })) && !protocol.uses_tls() {
        settled.warn(
            "security.protocol",
            "PLAIN sends the password over the wire, and without TLS everybody on the way can read it; \
             SASL_SSL hides it",
        );
    }
    sasl
}

fn from_properties(settled: &mut Settled, protocol: SecurityProtocol) -> Option<Sasl> {
    if !settled.are_sound(&[MECHANISM]) {
        return None;
    }
    let Some(mechanism) = settled.text(MECHANISM) else {
        let message = format!(
            "it is required, as security.protocol={}: expected {MECHANISMS}",
            protocol.as_str()
        );
        settled.problem(MECHANISM, message);
        return None;
    };
    match mechanism.as_str() {
        "PLAIN" => {
            let (username, password, _) = credentials(settled, &mechanism, "PlainLoginModule")?;
            Some(Sasl::Plain { username, password })
        }
        "SCRAM-SHA-256" | "SCRAM-SHA-512" => {
            let hash = match mechanism.as_str() {
                "SCRAM-SHA-256" => ScramMechanism::Sha256,
                _ => ScramMechanism::Sha512,
            };
            let (username, password, jaas) = credentials(settled, &mechanism, "ScramLoginModule")?;
            let token_auth =
                jaas.option("tokenauth").is_some_and(|text| text.eq_ignore_ascii_case("true"));
            Some(Sasl::Scram { mechanism: hash, username, password, token_auth })
        }
        "OAUTHBEARER" => oauthbearer(settled),
        _ => {
            settled.problem_with_value(MECHANISM, &mechanism, &format!("expected {MECHANISMS}"));
            None
        }
    }
}

/// The login module's line.
fn jaas(settled: &mut Settled, mechanism: &str, missing: &str) -> Option<JaasConfig> {
    if !settled.are_sound(&[JAAS]) {
        return None;
    }
    let Some(line) = settled.text(JAAS) else {
        settled.problem(JAAS, format!("it is required, as sasl.mechanism={mechanism}: {missing}"));
        return None;
    };
    match JaasConfig::parse(&line) {
        Ok(jaas) => Some(jaas),
        Err(error) => {
            settled.problem_with_value(JAAS, &line, &error.to_string());
            None
        }
    }
}

/// User name and password. The mechanism wins over the module, whose other options say how they are meant.
fn credentials(
    settled: &mut Settled,
    mechanism: &str,
    module: &str,
) -> Option<(String, Secret, JaasConfig)> {
    let missing = format!("expected {module} required username=\"...\" password=\"...\";");
    let jaas = jaas(settled, mechanism, &missing)?;
    if jaas.module_name() != module {
        settled.warn(
            JAAS,
            format!(
                "it names {}, and sasl.mechanism={mechanism} goes with {module}: the mechanism wins",
                jaas.module_name()
            ),
        );
    }
    let mut found = Vec::new();
    for name in ["username", "password"] {
        match jaas.option(name) {
            Some(text) if !text.is_empty() => found.push(text.to_owned()),
            _ => settled.problem(JAAS, format!("{name} is missing or empty: {missing}")),
        }
    }
    let password = found.pop()?;
    let username = found.pop()?;
    Some((username, Secret::from(password), jaas))
}

/// OAUTHBEARER from properties: tokens of an endpoint, or the unsecured ones of development, which
/// the line describes.
fn oauthbearer(settled: &mut Settled) -> Option<Sasl> {
    #[cfg(feature = "oauth")]
    const MISSING: &str = "tokens come from an endpoint or a provider: set \
                           sasl.oauthbearer.token.endpoint.url, or give the builder \
                           sasl(Sasl::oauthbearer(..)); for development \
                           unsecuredLoginStringClaim_sub=\"...\" makes an unsecured one";
    #[cfg(not(feature = "oauth"))]
    const MISSING: &str = "tokens come from a provider: give the builder \
                           sasl(Sasl::oauthbearer(..)), or have those of an endpoint with the \
                           feature `oauth` of the crate milena; for development \
                           unsecuredLoginStringClaim_sub=\"...\" makes an unsecured one";
    if !settled.are_sound(&[TOKEN_ENDPOINT]) {
        return None;
    }
    #[cfg(feature = "oauth")]
    if let Some(url) = settled.text(TOKEN_ENDPOINT) {
        let jaas = match settled.is_set(JAAS) {
            true => Some(jaas(settled, "OAUTHBEARER", MISSING)?),
            false => None,
        };
        return token_endpoint::settle(settled, &url, jaas.as_ref()).map(Sasl::oauthbearer);
    }
    let jaas = jaas(settled, "OAUTHBEARER", MISSING)?;
    if !UnsecuredProvider::is_described(&jaas) {
        settled.problem(JAAS, MISSING);
        return None;
    }
    match UnsecuredProvider::new(&jaas) {
        Ok(provider) => {
            settled.warn(JAAS, "unsecured tokens prove nothing; they are for development");
            Some(Sasl::oauthbearer(provider))
        }
        Err(message) => {
            settled.problem(JAAS, message);
            None
        }
    }
}
