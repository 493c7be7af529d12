//! Making Kafka's unsecured tokens, for development.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::error::{SaslError, excerpt};
use crate::secret::Secret;

/// Makes unsecured tokens: JWS with `alg` none, which prove nothing. For development only
/// (KIP-255, `OAuthBearerUnsecuredLoginCallbackHandler`).
#[derive(Debug, Clone, PartialEq)]
pub struct UnsecuredToken {
    subject: String,
    lifetime: Duration,
    scope: Vec<String>,
    claims: Map<String, Value>,
}

impl UnsecuredToken {
    /// How long a token is good unless told otherwise: Kafka's default of
    /// `unsecuredLoginLifetimeSeconds`.
    pub const LIFETIME_DEFAULT: Duration = Duration::from_secs(3600);

    /// Tokens for this subject (`unsecuredLoginStringClaim_sub`).
    ///
    /// # Errors
    /// [`SaslError::Claim`] when the subject is empty or blank.
    pub fn new(subject: &str) -> Result<Self, SaslError> {
        if subject.trim().is_empty() {
            let rule = "it needs at least one character that is not a space";
            return Err(SaslError::Claim { name: "sub".to_owned(), rule });
        }
        Ok(Self {
            subject: subject.to_owned(),
            lifetime: Self::LIFETIME_DEFAULT,
            scope: Vec::new(),
            claims: Map::new(),
        })
    }

    /// How long a token is good (`unsecuredLoginLifetimeSeconds`). Default:
    /// [`Self::LIFETIME_DEFAULT`].
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The claim `scope`, written as a list (`unsecuredLoginListClaim_scope`). Default: none.
    #[must_use]
    pub fn with_scope<S: Into<String>>(mut self, scope: impl IntoIterator<Item = S>) -> Self {
        self.scope = scope.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a claim with a text (`unsecuredLoginStringClaim_NAME`).
    ///
    /// # Errors
    /// [`SaslError::Claim`] for an empty name, one that is there already, and `sub`, `iat`, `exp`
    /// and `scope`, which have their own methods.
    pub fn with_text_claim(self, name: &str, value: &str) -> Result<Self, SaslError> {
        self.with_claim(name, Value::from(value))
    }

    /// Adds a claim with a number (`unsecuredLoginNumberClaim_NAME`).
    ///
    /// # Errors
    /// As [`UnsecuredToken::with_text_claim`], and for a number that is not finite.
    pub fn with_number_claim(self, name: &str, value: f64) -> Result<Self, SaslError> {
        if !value.is_finite() {
            let rule = "JSON has no such number";
            return Err(SaslError::Claim { name: excerpt(name), rule });
        }
        self.with_claim(name, Value::from(value))
    }

    /// Adds a claim with a list of texts (`unsecuredLoginListClaim_NAME`).
    ///
    /// # Errors
    /// As [`UnsecuredToken::with_text_claim`].
    pub fn with_list_claim(self, name: &str, values: &[&str]) -> Result<Self, SaslError> {
        self.with_claim(name, values.iter().copied().collect())
    }

    fn with_claim(mut self, name: &str, value: Value) -> Result<Self, SaslError> {
        let rule = if name.is_empty() {
            "it has no name"
        } else if matches!(name, "sub" | "iat" | "exp" | "scope") {
            "it has a method of its own"
        } else if self.claims.contains_key(name) {
            "it is there already"
        } else {
            self.claims.insert(name.to_owned(), value);
            return Ok(self);
        };
        Err(SaslError::Claim { name: excerpt(name), rule })
    }

    /// A token that is issued at `now`.
    ///
    /// # Errors
    /// [`SaslError::Claim`] when `now` is before 1970, or the lifetime leads out of the range of
    /// times or is nothing.
    pub fn issue(&self, now: SystemTime) -> Result<Secret, SaslError> {
        let claim = |name: &str, rule| SaslError::Claim { name: name.to_owned(), rule };
        let issued_at = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_err(|_| claim("iat", "a token cannot be issued before 1970"))?;
        let expires_at = issued_at
            .checked_add(self.lifetime)
            .filter(|expires_at| expires_at.as_millis() > issued_at.as_millis())
            .filter(|expires_at| expires_at.as_secs() < SECONDS_END)
            .ok_or_else(|| {
                claim("exp", "the lifetime must be 1 ms or more, and end before 9999")
            })?;
        let mut claims = self.claims.clone();
        claims.insert("sub".to_owned(), Value::from(self.subject.as_str()));
        claims.insert("iat".to_owned(), seconds(issued_at));
        claims.insert("exp".to_owned(), seconds(expires_at));
        if !self.scope.is_empty() {
            claims.insert("scope".to_owned(), Value::from(self.scope.as_slice()));
        }
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let payload = URL_SAFE_NO_PAD.encode(Value::Object(claims).to_string());
        Ok(Secret::from(format!("{header}.{payload}.")))
    }
}

/// The year 9999 begins, in seconds since 1970. Later times are of no use to anybody, and this
/// many milliseconds are still exact in the numbers of JSON.
const SECONDS_END: u64 = 253_370_764_800;

/// A `NumericDate` of milliseconds' precision, whole where it is.
fn seconds(since_epoch: Duration) -> Value {
    let millis = since_epoch.subsec_millis();
    if millis == 0 {
        return Value::from(since_epoch.as_secs());
    }
    let whole = Duration::new(since_epoch.as_secs(), 0);
    Value::from(whole.as_secs_f64() + f64::from(millis) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauthbearer::{OAuthBearerLogin, TokenValidator, UnsecuredTokenValidator};

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250)
    }

    fn payload(token: &Secret) -> Value {
        let text = token.expose_str().unwrap();
        let payload = text.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    }

    #[test]
    fn writes_the_claims_of_kafka() {
        let token = UnsecuredToken::new("alice")
            .and_then(|token| token.with_text_claim("iss", "lab"))
            .and_then(|token| token.with_number_claim("level", 1.5))
            .and_then(|token| token.with_list_claim("groups", &["a", "b"]))
            .unwrap()
            .with_scope(["read", "write"]);
        let token = token.issue(now()).unwrap();
        assert!(token.expose_str().unwrap().starts_with("eyJhbGciOiJub25lIn0."));
        assert!(token.expose_str().unwrap().ends_with('.'));
        assert_eq!(
            payload(&token),
            serde_json::json!({
                "sub": "alice", "iat": 1_700_000_000.25, "exp": 1_700_003_600.25, "iss": "lab",
                "level": 1.5, "groups": ["a", "b"], "scope": ["read", "write"],
            })
        );
    }

    #[test]
    fn whole_seconds_are_whole_numbers() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        let token = UnsecuredToken::new("a").unwrap().with_lifetime(Duration::from_secs(5));
        assert_eq!(
            payload(&token.issue(at).unwrap()),
            serde_json::json!({"sub": "a", "iat": 10, "exp": 15})
        );
    }

    #[test]
    fn the_validator_accepts_what_is_issued() {
        let token = UnsecuredToken::new("alice").unwrap().with_scope(["read"]);
        let token = token.issue(now()).unwrap();
        let login = OAuthBearerLogin { token: &token, extensions: &[] };
        let validator = UnsecuredTokenValidator::new().with_required_scope(["read"]);
        let validated = validator.validate(&login, now()).unwrap();
        assert_eq!((validated.principal.as_str(), validated.scope), ("alice", vec!["read".into()]));
    }

    #[test]
    fn refuses_claims_that_cannot_be_written() {
        assert!(UnsecuredToken::new(" ").is_err());
        for name in ["", "sub", "exp", "iat", "scope"] {
            let token = UnsecuredToken::new("a").unwrap();
            assert!(matches!(token.with_text_claim(name, "v"), Err(SaslError::Claim { .. })));
        }
        let token = UnsecuredToken::new("a").unwrap();
        assert!(token.clone().with_number_claim("n", f64::NAN).is_err());
        let token = token.with_text_claim("x", "1").unwrap();
        assert!(token.with_text_claim("x", "2").is_err());
    }

    #[test]
    fn refuses_times_that_cannot_be_written() {
        let token = UnsecuredToken::new("a").unwrap();
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert!(token.issue(before).is_err());
        for lifetime in [Duration::ZERO, Duration::MAX, Duration::from_secs(SECONDS_END)] {
            assert!(token.clone().with_lifetime(lifetime).issue(now()).is_err(), "{lifetime:?}");
        }
    }
}
