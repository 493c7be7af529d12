//! Who this client says it is.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use milena_sasl::oauthbearer::{Extensions, OAuthBearerClient};
use milena_sasl::plain::PlainClient;
use milena_sasl::scram::{Nonce, ScramClient, ScramHash, ScramOptions};
use milena_sasl::{ClientExchange, Mechanism, Preparation, SaslError, Secret};

use crate::error::AuthenticationError;

/// A mechanism with its credentials. Secrets never show in `Debug`.
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
    /// SCRAM-SHA-256 or SCRAM-SHA-512: the password is proven and not sent.
    Scram {
        /// Which hash.
        hash: ScramHash,
        /// User name, or the id of a delegation token.
        username: String,
        /// Password, or the HMAC of a delegation token.
        password: Secret,
        /// Whether the credentials are a delegation token's (KIP-48).
        token_auth: bool,
    },
    /// OAUTHBEARER: a token from the provider.
    OAuthBearer {
        /// Gives a token for each authentication.
        provider: Arc<dyn TokenProvider>,
    },
}

/// A token of OAUTHBEARER.
#[derive(Clone, Debug)]
pub struct OAuthBearerToken {
    /// The token, a JWT as a rule.
    pub value: Secret,
    /// SASL extensions that are sent with it (KIP-342).
    pub extensions: Extensions,
}

/// What [`TokenProvider::token`] returns.
pub type TokenFuture<'a> =
    Pin<Box<dyn Future<Output = Result<OAuthBearerToken, TokenError>> + Send + 'a>>;

/// Why a provider has no token.
#[derive(Clone, Debug)]
pub struct TokenError {
    cause: Arc<dyn Error + Send + Sync>,
    is_retriable: bool,
}

impl TokenError {
    /// There is none at this time; asking again later may help.
    #[must_use]
    pub fn unavailable(cause: Arc<dyn Error + Send + Sync>) -> Self {
        Self { cause, is_retriable: true }
    }

    /// There will be none until somebody changes something: the credentials are wrong.
    #[must_use]
    pub fn refused(cause: Arc<dyn Error + Send + Sync>) -> Self {
        Self { cause, is_retriable: false }
    }

    /// Whether asking again later may help without anybody changing anything.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        self.is_retriable
    }

    /// The provider's own error.
    #[must_use]
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.cause
    }
}

/// Gives a token whenever one is needed: when a connection is made, and before a session ends.
pub trait TokenProvider: Send + Sync + 'static {
    /// A token that is valid at this time. Waited for no longer than `request.timeout.ms`.
    fn token(&self) -> TokenFuture<'_>;
}

impl Sasl {
    /// The mechanism.
    #[must_use]
    pub const fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain { .. } => Mechanism::Plain.name(),
            Self::Scram { hash, .. } => hash.mechanism().name(),
            Self::OAuthBearer { .. } => Mechanism::OAuthBearer.name(),
        }
    }

    /// Begins an authentication.
    pub(crate) async fn begin(&self) -> Result<ClientExchange, AuthenticationError> {
        let exchange = match self {
            Self::Plain { username, password } => {
                PlainClient::new(username, password).map(ClientExchange::from)
            }
            Self::Scram { hash, username, password, token_auth } => {
                let mut options = ScramOptions::default();
                options.token_auth = *token_auth;
                // Kafka's brokers and tools hash the password's bytes as they are.
                options.preparation = Preparation::None;
                nonce()?
                    .and_then(|nonce| {
                        ScramClient::with_options(*hash, username, password, nonce, &options)
                    })
                    .map(ClientExchange::from)
            }
            Self::OAuthBearer { provider } => {
                let token = provider.token().await.map_err(AuthenticationError::Token)?;
                OAuthBearerClient::with_extensions(&token.value, &token.extensions)
                    .map(ClientExchange::from)
            }
        };
        let mechanism = self.mechanism();
        exchange.map_err(|error| AuthenticationError::Exchange { mechanism, error })
    }
}

/// A nonce from the operating system's randomness.
fn nonce() -> Result<Result<Nonce, SaslError>, AuthenticationError> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes)
        .map_err(|error| AuthenticationError::Token(TokenError::unavailable(Arc::new(error))))?;
    Ok(Nonce::from_random(&bytes))
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(self.mechanism());
        if let Self::Plain { username, .. } | Self::Scram { username, .. } = self {
            shown.field("username", username);
        }
        shown.finish_non_exhaustive()
    }
}
