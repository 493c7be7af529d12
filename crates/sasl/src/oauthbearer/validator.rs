//! Deciding whether a token is good.

use std::time::{Duration, SystemTime};

use crate::error::excerpt;
use crate::oauthbearer::claims::{self, Claims};
use crate::secret::Secret;

/// What a client of OAUTHBEARER says.
#[derive(Debug)]
#[non_exhaustive]
pub struct OAuthBearerLogin<'a> {
    /// The token, without `Bearer`.
    pub token: &'a Secret,
    /// The extensions in the order sent (KIP-342), unchecked.
    pub extensions: &'a [(String, String)],
}

/// What a validator found in a good token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValidatedToken {
    /// Whom the token stands for.
    pub principal: String,
    /// When the token ends, if it does.
    pub expires_at: Option<SystemTime>,
    /// The scope of the token.
    pub scope: Vec<String>,
}

impl ValidatedToken {
    /// A token of this principal, without end and scope.
    #[must_use]
    pub fn new(principal: impl Into<String>) -> Self {
        Self { principal: principal.into(), expires_at: None, scope: Vec::new() }
    }
}

/// Why a validator refuses a token: what the client is told and what the log is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRefusal {
    /// Status for the client, from the registry of OAuth errors.
    pub status: String,
    /// Scope that would be good enough, for the client.
    pub scope: Option<String>,
    /// Address of the OpenID configuration, for the client.
    pub openid_configuration: Option<String>,
    /// Why, for the server's log; without any secret.
    pub reason: String,
}

impl TokenRefusal {
    /// The token is malformed, expired, or signed by nobody known: `invalid_token`.
    #[must_use]
    pub fn invalid_token(reason: impl Into<String>) -> Self {
        Self {
            status: "invalid_token".to_owned(),
            scope: None,
            openid_configuration: None,
            reason: reason.into(),
        }
    }

    /// The token is good but has not this scope: `insufficient_scope`.
    #[must_use]
    pub fn insufficient_scope(scope: impl Into<String>) -> Self {
        let scope = scope.into();
        let reason = format!("the scope `{}` is missing", excerpt(&scope));
        Self {
            status: "insufficient_scope".to_owned(),
            scope: Some(scope),
            openid_configuration: None,
            reason,
        }
    }
}

/// Decides whether a token is good. Closures over login and time are validators too.
pub trait TokenValidator: Send + Sync {
    /// Whom the token stands for at the time `now`.
    ///
    /// # Errors
    /// [`TokenRefusal`] when the token is not good.
    fn validate(
        &self,
        login: &OAuthBearerLogin<'_>,
        now: SystemTime,
    ) -> Result<ValidatedToken, TokenRefusal>;
}

impl<F> TokenValidator for F
where
    F: Fn(&OAuthBearerLogin<'_>, SystemTime) -> Result<ValidatedToken, TokenRefusal> + Send + Sync,
{
    fn validate(
        &self,
        login: &OAuthBearerLogin<'_>,
        now: SystemTime,
    ) -> Result<ValidatedToken, TokenRefusal> {
        self(login, now)
    }
}

/// Accepts Kafka's unsecured tokens: JWS with `alg` none, so anybody can make one. For
/// development only (KIP-255, `OAuthBearerUnsecuredValidatorCallbackHandler`).
///
/// It demands the claims `sub` and `exp`; `exp` must be after `iat` and not in the past, and
/// `iat`, where it is there, not in the future.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnsecuredTokenValidator {
    clock_skew: Duration,
    required_scope: Vec<String>,
}

impl UnsecuredTokenValidator {
    /// No clock skew is allowed and no scope is required.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How far the clocks of client and server may be apart
    /// (`unsecuredValidatorAllowableClockSkewMs`).
    #[must_use]
    pub const fn with_clock_skew(mut self, clock_skew: Duration) -> Self {
        self.clock_skew = clock_skew;
        self
    }

    /// Scopes that a token must have, all of them (`unsecuredValidatorRequiredScope`).
    #[must_use]
    pub fn with_required_scope<S: Into<String>>(
        mut self,
        scope: impl IntoIterator<Item = S>,
    ) -> Self {
        self.required_scope = scope.into_iter().map(Into::into).collect();
        self
    }
}

impl TokenValidator for UnsecuredTokenValidator {
    fn validate(
        &self,
        login: &OAuthBearerLogin<'_>,
        now: SystemTime,
    ) -> Result<ValidatedToken, TokenRefusal> {
        let refuse = |reason: &str| TokenRefusal::invalid_token(reason);
        let Claims { principal, issued_at, expires_at, scope } =
            claims::read(login.token).map_err(refuse)?;
        // A skew that leads out of the range of the clock allows everything on that side.
        if let Some(latest) = now.checked_add(self.clock_skew)
            && issued_at.is_some_and(|issued_at| issued_at > latest)
        {
            return Err(refuse("it was issued in the future (`iat`); are the clocks right?"));
        }
        if issued_at.is_some_and(|issued_at| expires_at <= issued_at) {
            return Err(refuse("it expires (`exp`) before it is issued (`iat`)"));
        }
        if let Some(earliest) = now.checked_sub(self.clock_skew)
            && expires_at <= earliest
        {
            return Err(refuse("it has expired (`exp`)"));
        }
        for required in &self.required_scope {
            if !scope.contains(required) {
                return Err(TokenRefusal::insufficient_scope(required));
            }
        }
        Ok(ValidatedToken { principal, expires_at: Some(expires_at), scope })
    }
}

#[cfg(test)]
mod tests;
