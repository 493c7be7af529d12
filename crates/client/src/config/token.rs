//! OAUTHBEARER's tokens and who gives them.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

use super::Secret;

/// A token of OAUTHBEARER.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use milena::config::OAuthBearerToken;
///
/// let token = OAuthBearerToken::new("eyJ...", SystemTime::now() + Duration::from_secs(300))
///     .with_extension("logicalCluster", "lkc-1");
/// assert_eq!(token.extensions["logicalCluster"], "lkc-1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthBearerToken {
    /// The token, a JWT as a rule.
    pub value: Secret,
    /// When it ends.
    pub expires_at: SystemTime,
    /// SASL extensions that are sent with it (KIP-342).
    pub extensions: BTreeMap<String, String>,
}

impl OAuthBearerToken {
    /// A token without extensions.
    #[must_use]
    pub fn new(value: impl Into<Secret>, expires_at: SystemTime) -> Self {
        Self { value: value.into(), expires_at, extensions: BTreeMap::new() }
    }

    /// Sends an extension with it.
    #[must_use]
    pub fn with_extension(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extensions.insert(name.into(), value.into());
        self
    }
}

/// Why there is no token: any error of the provider's.
pub type OAuthBearerTokenError = Box<dyn StdError + Send + Sync>;

/// What [`OAuthBearerTokenProvider::token`] returns.
pub type OAuthBearerTokenFuture<'a> =
    Pin<Box<dyn Future<Output = Result<OAuthBearerToken, OAuthBearerTokenError>> + Send + 'a>>;

/// Gives a token whenever a connection needs one. Every async closure without arguments is one.
///
/// It is asked for each connection and each re-authentication, so that it should keep a token that is
/// still good for a while. It may be dropped at any `await` when the time to connect is over.
pub trait OAuthBearerTokenProvider: Send + Sync + 'static {
    /// A token that is valid at this time.
    fn token(&self) -> OAuthBearerTokenFuture<'_>;
}

impl<F, Fut> OAuthBearerTokenProvider for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<OAuthBearerToken, OAuthBearerTokenError>> + Send + 'static,
{
    fn token(&self) -> OAuthBearerTokenFuture<'_> {
        Box::pin(self())
    }
}
