//! How a connection is secured: TLS, SASL, both or neither.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use super::Secret;

/// `security.protocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// Neither TLS nor SASL.
    #[default]
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL without TLS.
    SaslPlaintext,
    /// SASL over TLS.
    SaslSsl,
}

/// Certificates or keys in PEM.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PemSource {
    /// In a file, which is read when the client starts.
    File(PathBuf),
    /// In the configuration itself.
    Inline(Secret),
}

/// The client's own certificate chain and its private key.
#[derive(Clone, Debug)]
pub struct KeyStore {
    /// The chain, the client's certificate first.
    pub(crate) certificate_chain: PemSource,
    /// The private key; `None` when it is in the same file as the chain.
    pub(crate) key: Option<PemSource>,
}

/// A version of TLS (`ssl.enabled.protocols`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// What TLS needs.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Who may sign a broker's certificate; `None`: the system's roots.
    pub(crate) trust_store: Option<PemSource>,
    /// The client's own certificate, for brokers that ask for one.
    pub(crate) key_store: Option<KeyStore>,
    pub(crate) enabled_protocols: Vec<TlsVersion>,
    /// Whether the broker's certificate must name the host that was dialled.
    pub(crate) verify_host_name: bool,
}

/// A SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScramMechanism {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

/// How the client says who it is (`sasl.mechanism` with its credentials).
#[derive(Clone)]
#[non_exhaustive]
pub enum Sasl {
    /// PLAIN: the password goes over the wire as it is.
    Plain {
        /// User name.
        username: String,
        /// Password.
        password: Secret,
    },
    /// SCRAM: the password is proven and not sent.
    Scram {
        /// Which hash.
        mechanism: ScramMechanism,
        /// User name, or the id of a delegation token.
        username: String,
        /// Password, or the HMAC of a delegation token.
        password: Secret,
        /// Whether the credentials are a delegation token's.
        token_auth: bool,
    },
    /// OAUTHBEARER: a token from the provider.
    OAuthBearer {
        /// Gives a token whenever one is needed.
        provider: Arc<dyn OAuthBearerTokenProvider>,
    },
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain { username, .. } => {
                f.debug_struct("Plain").field("username", username).finish_non_exhaustive()
            }
            Self::Scram { mechanism, username, token_auth, .. } => f
                .debug_struct("Scram")
                .field("mechanism", mechanism)
                .field("username", username)
                .field("token_auth", token_auth)
                .finish_non_exhaustive(),
            Self::OAuthBearer { .. } => f.debug_struct("OAuthBearer").finish_non_exhaustive(),
        }
    }
}

/// A token of OAUTHBEARER.
#[derive(Clone, Debug)]
pub struct OAuthBearerToken {
    /// The token, a JWT as a rule.
    pub value: Secret,
    /// When it ends.
    pub expires_at: SystemTime,
    /// Whose it is, for messages.
    pub principal: Option<String>,
    /// SASL extensions that are sent with it (KIP-342).
    pub extensions: BTreeMap<String, String>,
}

/// What [`OAuthBearerTokenProvider::token`] returns.
pub type OAuthBearerTokenFuture<'a> = Pin<
    Box<dyn Future<Output = Result<OAuthBearerToken, Box<dyn StdError + Send + Sync>>> + Send + 'a>,
>;

/// Gives a token whenever one is needed: when a connection is made and before a token ends.
pub trait OAuthBearerTokenProvider: Send + Sync + 'static {
    /// A token that is valid at this time.
    fn token(&self) -> OAuthBearerTokenFuture<'_>;
}

impl<F, Fut> OAuthBearerTokenProvider for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut:
        Future<Output = Result<OAuthBearerToken, Box<dyn StdError + Send + Sync>>> + Send + 'static,
{
    fn token(&self) -> OAuthBearerTokenFuture<'_> {
        Box::pin(self())
    }
}

/// How a connection is secured.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// `security.protocol`; `tls` and `sasl` are there when it needs them.
    pub(crate) protocol: SecurityProtocol,
    pub(crate) tls: Option<Tls>,
    pub(crate) sasl: Option<Sasl>,
}
