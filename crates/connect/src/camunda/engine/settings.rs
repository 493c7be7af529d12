//! Where the engine is, and who asks.

use std::{fmt, time::Duration};

use milena::config::Secret;
use milena_http::http::Uri;

use crate::{
    flow::{
        Tls,
        webhook::{TLS_FIELDS, read_tls},
    },
    settings::{Field, FieldKind, Node, Problems, TableReader},
};

const URL: &str = "url";
const BASIC: &str = "basic";
const OAUTH: &str = "oauth";
const TLS: &str = "tls";
const TIMEOUT: &str = "timeoutMs";

const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// The fields of a flow's table `camunda`.
pub(crate) const FIELDS: &[Field] = &[
    Field::required(URL, "URL", FieldKind::Text, "where the engine's REST API is, without /v2")
        .example("\"http://localhost:8080\""),
    Field::optional(BASIC, "Basic authentication", FieldKind::Record(BASIC_FIELDS), "who asks"),
    Field::optional(
        OAUTH,
        "OAuth",
        FieldKind::Record(OAUTH_FIELDS),
        "who asks, by a token for client credentials",
    ),
    Field::optional(
        TLS,
        "TLS",
        FieldKind::Record(TLS_FIELDS),
        "of https, of the token endpoint too",
    ),
    Field::optional(
        TIMEOUT,
        "Timeout",
        FieldKind::Integer(1, 3_600_000),
        "how many milliseconds the engine may take to answer; longer where it waits for jobs",
    )
    .default("30000"),
];

const BASIC_FIELDS: &[Field] = &[
    Field::required("username", "Username", FieldKind::Text, "the user"),
    Field::required("password", "Password", FieldKind::AnyText, "the user's password").secret(),
];

const OAUTH_FIELDS: &[Field] = &[
    Field::required("tokenUrl", "Token URL", FieldKind::Text, "where tokens come from")
        .example("\"https://login.cloud.camunda.io/oauth/token\""),
    Field::required("clientId", "Client id", FieldKind::Text, "the client's id"),
    Field::required("clientSecret", "Client secret", FieldKind::AnyText, "the client's secret")
        .secret(),
    Field::optional("audience", "Audience", FieldKind::Text, "what the token is to be good for")
        .example("\"zeebe.camunda.io\""),
    Field::optional("scope", "Scope", FieldKind::Text, "the scope to ask for"),
];

/// Where the engine is, and who asks. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineSettings {
    /// The URL below which `/v2` is.
    pub url: String,
    /// Who asks.
    pub credentials: EngineCredentials,
    /// Whom to trust.
    pub tls: Tls,
    /// How long one answer may take, beside the time that the engine is asked to wait for jobs.
    pub timeout: Duration,
}

/// Who asks the engine. `Debug` masks passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineCredentials {
    /// Anybody.
    #[default]
    None,
    /// A user.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: Secret,
    },
    /// Whoever has a token of this endpoint, by the grant of client credentials.
    OAuth {
        /// The token endpoint.
        token_url: String,
        /// The client's id.
        client_id: String,
        /// The client's secret.
        client_secret: Secret,
        /// What the token is to be good for.
        audience: Option<String>,
        /// The scope to ask for.
        scope: Option<String>,
    },
}

impl EngineSettings {
    /// An engine at this URL, below which `/v2` is; nobody in particular asks.
    ///
    /// ```
    /// use milena_connect::camunda::EngineSettings;
    ///
    /// assert_eq!(EngineSettings::new("http://localhost:8080")?.url, "http://localhost:8080");
    /// assert!(EngineSettings::new("localhost:8080").is_err());
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What is no absolute URL of `http` or `https`, or has more than a path behind its host. The URL is not
    /// in it: it could have a password.
    pub fn new(url: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected one such as http://localhost:8080";
        let uri: Uri = url.parse().map_err(|_| format!("is no URL: {EXPECTED}"))?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        if !is_http || uri.host().is_none_or(str::is_empty) {
            return Err(format!("is no absolute URL of http or https: {EXPECTED}"));
        }
        if uri.query().is_some() {
            return Err(format!("has a query: {EXPECTED}"));
        }
        let base = url.trim_end_matches('/');
        let base = base.strip_suffix("/v2").unwrap_or(base);
        Ok(Self {
            url: base.to_owned(),
            credentials: EngineCredentials::None,
            tls: Tls::default(),
            timeout: TIMEOUT_DEFAULT,
        })
    }

    /// Reads a flow's table `camunda`.
    pub(crate) fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut reader = TableReader::new(node, "camunda", FIELDS, problems)?;
        let url = reader.text(URL);
        let credentials = read_credentials(&mut reader);
        let tls = read_tls(&mut reader);
        let timeout = reader.integer(TIMEOUT).and_then(|ms| u64::try_from(ms).ok());
        let settings = url.and_then(|url| match Self::new(&url) {
            Ok(settings) => Some(settings),
            Err(problem) => {
                reader.problem(URL, problem);
                None
            }
        });
        reader.finish();
        let timeout = Duration::from_millis(timeout?);
        Some(Self { credentials: credentials?, tls, timeout, ..settings? })
    }
}

impl fmt::Debug for EngineSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL's user info can be a secret.
        f.debug_struct("EngineSettings")
            .field("credentials", &self.credentials)
            .field("tls", &self.tls)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

fn read_credentials(reader: &mut TableReader<'_, '_>) -> Option<EngineCredentials> {
    if reader.has(BASIC) && reader.has(OAUTH) {
        reader.refuse(OAUTH, "basic says already who asks");
    }
    if reader.has(BASIC) {
        return reader.record(BASIC, |reader| {
            let (username, password) = (reader.text("username"), reader.text("password"));
            Some(EngineCredentials::Basic { username: username?, password: password?.into() })
        });
    }
    if !reader.has(OAUTH) {
        return Some(EngineCredentials::None);
    }
    reader.record(OAUTH, |reader| {
        let (token_url, client_id) = (reader.text("tokenUrl"), reader.text("clientId"));
        let client_secret = reader.text("clientSecret");
        let (audience, scope) = (reader.text("audience"), reader.text("scope"));
        Some(EngineCredentials::OAuth {
            token_url: token_url?,
            client_id: client_id?,
            client_secret: client_secret?.into(),
            audience,
            scope,
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<EngineSettings, String> {
        let mut problems = Problems::default();
        let read = EngineSettings::read(&Node::from_json(&value), &mut problems);
        problems.or(read).map_err(|problems| problems.to_string())
    }

    #[test]
    fn reads_every_way_to_say_who_asks() {
        let settings = read(json!({ "url": "http://localhost:8080/v2/" })).unwrap();
        assert_eq!(settings.url, "http://localhost:8080");
        assert_eq!(settings.credentials, EngineCredentials::None);
        assert_eq!(settings.timeout, Duration::from_secs(30));
        let basic = json!({ "url": "https://h/c", "timeoutMs": 5,
            "basic": { "username": "demo", "password": "hush" } });
        let settings = read(basic).unwrap();
        assert_eq!((settings.url.as_str(), settings.timeout.as_millis()), ("https://h/c", 5));
        assert!(matches!(settings.credentials, EngineCredentials::Basic { .. }));
        assert!(!format!("{settings:?}").contains("hush"));
        let oauth = json!({ "url": "https://h", "oauth": {
            "tokenUrl": "https://login/oauth/token", "clientId": "me", "clientSecret": "hush",
            "audience": "zeebe.camunda.io" } });
        let settings = read(oauth).unwrap();
        assert!(matches!(
            &settings.credentials,
            EngineCredentials::OAuth { audience: Some(_), .. }
        ));
        assert!(!format!("{settings:?}").contains("hush"));
    }

    #[test]
    fn names_what_is_wrong() {
        for (table, expected) in [
            (
                json!({}),
                "camunda.url is missing: expected a text, where the engine's REST API is, without /v2",
            ),
            (
                json!({ "url": "localhost:8080" }),
                "camunda.url is no absolute URL of http or https: expected one such as http://localhost:8080",
            ),
            (
                json!({ "url": "http://h", "basic": { "username": "a", "password": "b" }, "oauth": {} }),
                "camunda.oauth does not belong here: basic says already who asks",
            ),
            (
                json!({ "url": "http://h", "basic": { "username": "a" } }),
                "camunda.basic.password is missing: expected a text, the user's password",
            ),
            (
                json!({ "url": "http://h", "tls": { "key": "k.pem" } }),
                "camunda.tls.key does not belong here: it goes with certificate",
            ),
        ] {
            assert_eq!(read(table).unwrap_err(), expected);
        }
    }
}
