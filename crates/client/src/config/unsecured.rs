//! The unsecured tokens of development, as the line of `OAuthBearerLoginModule` describes them.
//!
//! Spec: KIP-255: `unsecuredLoginStringClaim_NAME`, `...NumberClaim_NAME`, `...ListClaim_NAME`,
//! `unsecuredLoginLifetimeSeconds`, and `extension_NAME`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use milena_sasl::oauthbearer::UnsecuredToken;

use super::JaasConfig;
use super::token::{OAuthBearerToken, OAuthBearerTokenFuture, OAuthBearerTokenProvider};

const SUBJECT: &str = "unsecuredLoginStringClaim_sub";
const LIFETIME: &str = "unsecuredLoginLifetimeSeconds";
const PRINCIPAL: &str = "unsecuredLoginPrincipalClaimName";

/// Makes a token whenever one is needed.
#[derive(Debug)]
pub(super) struct UnsecuredProvider {
    token: UnsecuredToken,
    lifetime: Duration,
    extensions: BTreeMap<String, String>,
}

impl UnsecuredProvider {
    /// Whether the line describes unsecured tokens at all.
    pub(super) fn is_described(jaas: &JaasConfig) -> bool {
        jaas.options.iter().any(|(name, _)| name.starts_with("unsecuredLogin"))
    }

    /// Reads the options of the line.
    ///
    /// # Errors
    ///
    /// What is wrong with which option, without its value.
    pub(super) fn new(jaas: &JaasConfig) -> Result<Self, String> {
        let subject =
            jaas.option(SUBJECT).ok_or_else(|| format!("{SUBJECT} is missing: expected a name"))?;
        let mut provider = Self {
            token: UnsecuredToken::new(subject).map_err(|error| format!("{SUBJECT}: {error}"))?,
            lifetime: UnsecuredToken::LIFETIME_DEFAULT,
            extensions: BTreeMap::new(),
        };
        // Of two options with one name the later counts, as everywhere in the line.
        let options: BTreeMap<&str, &str> =
            jaas.options.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
        for (name, value) in options {
            provider = provider
                .with_option(name, value)
                .map_err(|expected| format!("{name}: {expected}"))?;
        }
        Ok(provider)
    }

    fn with_option(mut self, name: &str, value: &str) -> Result<Self, String> {
        if name == SUBJECT {
            return Ok(self);
        }
        if name == LIFETIME {
            let seconds = value.parse().ok().filter(|seconds| *seconds > 0);
            let seconds = seconds.ok_or("expected a whole number of seconds, 1 or more")?;
            self.lifetime = Duration::from_secs(seconds);
            self.token = self.token.with_lifetime(self.lifetime);
        } else if name == PRINCIPAL {
            if value != "sub" {
                return Err(
                    "expected sub, as another claim for the principal is not supported".into()
                );
            }
        } else if let Some(extension) = name.strip_prefix("extension_") {
            self.extensions.insert(extension.to_owned(), value.to_owned());
        } else if let Some(claim) = name.strip_prefix("unsecuredLoginStringClaim_") {
            self.token = match claim {
                "scope" => self.token.with_scope(value.split_whitespace()),
                _ => self.token.with_text_claim(claim, value).map_err(|error| error.to_string())?,
            };
        } else if let Some(claim) = name.strip_prefix("unsecuredLoginNumberClaim_") {
            let number = value.parse().map_err(|_| "expected a number")?;
            self.token =
                self.token.with_number_claim(claim, number).map_err(|error| error.to_string())?;
        } else if let Some(claim) = name.strip_prefix("unsecuredLoginListClaim_") {
            let values = list(value);
            self.token = match claim {
                "scope" => self.token.with_scope(values),
                _ => {
                    self.token.with_list_claim(claim, &values).map_err(|error| error.to_string())?
                }
            };
        } else if name != "unsecuredLoginScopeClaimName" && name.starts_with("unsecured") {
            return Err("Kafka has no such option".into());
        }
        Ok(self)
    }
}

/// A list begins with the character that is between its items.
fn list(value: &str) -> Vec<&str> {
    let mut characters = value.chars();
    let Some(separator) = characters.next() else { return Vec::new() };
    characters.as_str().split(separator).collect()
}

impl OAuthBearerTokenProvider for UnsecuredProvider {
    fn token(&self) -> OAuthBearerTokenFuture<'_> {
        Box::pin(async move {
            let now = SystemTime::now();
            let issued = self.token.issue(now)?;
            // The token is JSON in base64, so that it is always text.
            let text = issued.expose_str().unwrap_or_default();
            let mut token = OAuthBearerToken::new(text, now + self.lifetime);
            token.extensions.clone_from(&self.extensions);
            Ok(token)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(options: &str) -> Result<UnsecuredProvider, String> {
        UnsecuredProvider::new(&JaasConfig::parse(&format!("M required {options};")).unwrap())
    }

    #[test]
    fn only_options_for_unsecured_tokens_describe_one() {
        let described = |options: &str| {
            let jaas = JaasConfig::parse(&format!("M required {options};")).unwrap();
            UnsecuredProvider::is_described(&jaas)
        };
        assert!(described("unsecuredLoginStringClaim_sub=alice"));
        assert!(!described("clientId=a"));
        assert!(!described(""));
    }

    #[tokio::test]
    async fn issues_tokens_with_claims_and_extensions() {
        let provider = provider(
            "unsecuredLoginStringClaim_sub=\"alice\" unsecuredLoginListClaim_scope=\"|a|b\" \
             unsecuredLoginNumberClaim_level=\"3\" unsecuredLoginLifetimeSeconds=\"60\" \
             unsecuredLoginPrincipalClaimName=sub extension_traceId=\"123\"",
        )
        .unwrap();
        let before = SystemTime::now();
        let token = provider.token().await.unwrap();
        assert_eq!(token.value.reveal().split('.').count(), 3);
        assert!(token.value.reveal().ends_with('.'), "there is no signature");
        assert_eq!(token.extensions["traceId"], "123");
        assert!(token.expires_at >= before + Duration::from_secs(60));
    }

    #[test]
    fn names_the_option_that_is_wrong() {
        for (options, expected) in [
            ("unsecuredLoginLifetimeSeconds=1", "unsecuredLoginStringClaim_sub is missing"),
            ("unsecuredLoginStringClaim_sub=' '", "unsecuredLoginStringClaim_sub:"),
            (
                "unsecuredLoginStringClaim_sub=a unsecuredLoginLifetimeSeconds=0",
                "unsecuredLoginLifetimeSeconds: expected a whole number of seconds",
            ),
            (
                "unsecuredLoginStringClaim_sub=a unsecuredLoginNumberClaim_n=x",
                "unsecuredLoginNumberClaim_n: expected a number",
            ),
            (
                "unsecuredLoginStringClaim_sub=a unsecuredLoginStringClaim_exp=1",
                "unsecuredLoginStringClaim_exp:",
            ),
            (
                "unsecuredLoginStringClaim_sub=a unsecuredLoginPrincipalClaimName=user",
                "unsecuredLoginPrincipalClaimName: expected sub",
            ),
            (
                "unsecuredLoginStringClaim_sub=a unsecuredLoginBoolClaim_x=true",
                "unsecuredLoginBoolClaim_x: Kafka has no such option",
            ),
        ] {
            let error = provider(options).unwrap_err();
            assert!(error.starts_with(expected), "{options}: {error}");
        }
    }

    #[test]
    fn lists_begin_with_their_separator() {
        assert_eq!(list(",a,b"), ["a", "b"]);
        assert_eq!(list(" a b"), ["a", "b"]);
        assert_eq!(list(""), Vec::<&str>::new());
    }
}
