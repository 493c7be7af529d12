//! Where the registry is, and who asks.

use std::{fmt, time::Duration};

use milena::config::Secret;
use milena_http::{
    authorization,
    http::{HeaderName, HeaderValue, Uri},
};

use super::error::RegistryError;

/// How long one registry may take for one answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the registry is, and who asks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RegistrySettings {
    /// The base URLs, tried in turn until one answers.
    pub(super) urls: Vec<BaseUrl>,
    /// Who asks.
    pub credentials: RegistryCredentials,
    /// How long one registry may take for one answer.
    pub request_timeout: Duration,
    /// Headers of every request beside those that are needed, or in their place.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Who asks. `Debug` masks passwords and tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryCredentials {
    /// Whoever the user info of the URL says, if it has any.
    #[default]
    Url,
    /// A user with a password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// Whoever has this token.
    Bearer(Secret),
}

/// A base URL with its user info, which nothing shows.
#[derive(Clone)]
pub(super) struct BaseUrl {
    text: Secret,
    pub(super) password: Option<Secret>,
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_user_info(self.text.reveal()))
    }
}

impl BaseUrl {
    fn parse(text: &str) -> Result<Self, RegistryError> {
        let shown = without_user_info(text);
        let bad = |why: &str| {
            RegistryError::settings(format!(
                "the registry's URL {shown} {why}: expected one such as http://localhost:8081"
            ))
        };
        let uri: Uri = text.parse().map_err(|_| bad("is no URL"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(bad("is not of http or https"));
        }
        let authority = uri.authority().ok_or_else(|| bad("has no host"))?;
        if uri.query().is_some() {
            return Err(bad("has a query"));
        }
        let user_info = authority.as_str().rsplit_once('@').map(|(user_info, _)| user_info);
        let password = user_info.and_then(|info| info.split_once(':')).map(|(_, word)| word.into());
        Ok(Self { text: Secret::from(text.trim_end_matches('/')), password })
    }

    /// The URL of a path below it, which begins with `/`.
    pub(super) fn with_path(&self, path: &str) -> Result<Uri, RegistryError> {
        format!("{}{path}", self.text.reveal())
            .parse()
            .map_err(|_| RegistryError::settings("the registry's URL cannot be used with a path"))
    }
}

fn without_user_info(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "without a scheme".to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

impl RegistrySettings {
    /// One base URL, or several with commas between them.
    ///
    /// # Errors
    ///
    /// What is no URL of `http` or `https`.
    pub fn new(urls: &str) -> Result<Self, RegistryError> {
        let urls = urls
            .split(',')
            .map(str::trim)
            .filter(|url| !url.is_empty())
            .map(BaseUrl::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if urls.is_empty() {
            return Err(RegistryError::settings(
                "the registry has no URL: expected one such as http://localhost:8081",
            ));
        }
        let credentials = RegistryCredentials::default();
        Ok(Self { urls, credentials, request_timeout: REQUEST_TIMEOUT, headers: Vec::new() })
    }

    /// Who asks.
    #[must_use]
    pub fn credentials(mut self, credentials: RegistryCredentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Adds a header to every request; it takes the place of one of the same name. Its value is not shown.
    ///
    /// # Errors
    ///
    /// A name or a value that no header can have.
    pub fn header(mut self, name: &str, value: &Secret) -> Result<Self, RegistryError> {
        let bad =
            || RegistryError::settings(format!("the registry's header {name:?} cannot be sent"));
        let header = HeaderName::try_from(name).map_err(|_| bad())?;
        let mut value = HeaderValue::try_from(value.reveal()).map_err(|_| bad())?;
        value.set_sensitive(true);
        self.headers.push((header, value));
        Ok(self)
    }

    /// How long one registry may take for one answer. 30 s by default.
    #[must_use]
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }
}

impl RegistryCredentials {
    /// The header that says who asks, if it is not the URL that does.
    pub(super) fn header(&self) -> Result<Option<HeaderValue>, RegistryError> {
        match self {
            Self::Url => Ok(None),
            Self::Basic { username, password } => {
                Ok(Some(authorization::basic(username, password.reveal())))
            }
            Self::Bearer(token) => authorization::bearer(token.reveal()).map(Some).map_err(|_| {
                RegistryError::settings(
                    "the registry's token has characters that a header cannot have",
                )
            }),
        }
    }
}
