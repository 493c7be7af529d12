//! The engine's client: one request for each thing that is asked of it.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use milena::config::{OAuthBearerTokenProvider as _, Secret, TokenEndpoint, TokenEndpointProvider};
use milena_http::{
    HttpClient, HttpSettings, authorization,
    http::{
        HeaderValue, Method, Request, Response, StatusCode, Uri,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
    },
    tls::TlsConfig,
};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    error::{EngineError, EngineErrorKind},
    jobs::{JobCommand, JobsSettings, ms},
    retry_after::retry_after,
    settings::{EngineCredentials, EngineSettings},
};
use crate::{connector::with_causes, secrets::Masker};

/// The longest answer that is read: jobs come with their variables.
const RESPONSE_BYTES_MAX: usize = 64 << 20;

/// Answers are JSON; keys are texts, also of engines that would write them as numbers.
const ACCEPTED: &str =
    "application/vnd.camunda.api.keys.string+json, application/json, application/problem+json";

/// A Camunda 8 engine. A cheap clone, which shares connections and token.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    http: HttpClient,
    url: Secret,
    who: Who,
    timeout: Duration,
    /// Of what it knows itself: what an engine says could quote it.
    masker: Masker,
}

/// How a request says who asks.
enum Who {
    Anybody,
    User(HeaderValue),
    Token { endpoint: Box<TokenEndpoint>, provider: Mutex<Arc<TokenEndpointProvider>> },
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// The engine of these settings, with what they say of TLS as an HTTP client takes it. Reads the files of
    /// certificates; connects to nobody yet.
    ///
    /// # Errors
    ///
    /// Certificates, keys or URLs that cannot be used.
    pub fn new(settings: &EngineSettings, tls: TlsConfig) -> Result<Self, EngineError> {
        let http = HttpSettings::new().tls(tls).response_bytes_max(RESPONSE_BYTES_MAX);
        let http =
            HttpClient::new(http).map_err(|error| EngineError::settings(with_causes(&error)))?;
        let masker = Masker::default();
        let who = match &settings.credentials {
            EngineCredentials::None => Who::Anybody,
            EngineCredentials::Basic { username, password } => {
                masker.remember(password);
                Who::User(authorization::basic(username, password.reveal()))
            }
            EngineCredentials::OAuth { token_url, client_id, client_secret, audience, scope } => {
                masker.remember(client_secret);
                let mut endpoint =
                    TokenEndpoint::new(token_url.as_str(), client_id, client_secret.clone())
                        .credentials_in_body(true);
                if let Some(audience) = audience {
                    endpoint = endpoint.parameter("audience", audience);
                }
                if let Some(scope) = scope {
                    endpoint = endpoint.scope(scope);
                }
                let provider = token_provider(&endpoint, &http)?;
                Who::Token { endpoint: Box::new(endpoint), provider: Mutex::new(provider) }
            }
        };
        let url = Secret::from(settings.url.as_str());
        let timeout = settings.timeout;
        Ok(Self(Arc::new(Inner { http, url, who, timeout, masker })))
    }

    /// Takes up to so many jobs, with these variables of theirs; waits for the first as long as the settings
    /// say. None when there are none by then.
    ///
    /// When the future is dropped, jobs may have been taken: the engine gives them to somebody else when
    /// their time is over.
    ///
    /// # Errors
    ///
    /// When the engine does not answer, or refuses.
    pub async fn activate(
        &self,
        jobs: &JobsSettings,
        count: usize,
        variables: &[&str],
    ) -> Result<Vec<Value>, EngineError> {
        const WHAT: &str = "activate jobs";
        let body = jobs.activation(count, variables);
        let within = self.0.timeout.saturating_add(jobs.request_timeout);
        let answer = self.ask(WHAT, Method::POST, "/v2/jobs/activation", &body, within).await?;
        match serde_json::from_slice(&answer).ok() {
            Some(Value::Object(mut answer)) => match answer.remove("jobs") {
                Some(Value::Array(jobs)) => Ok(jobs),
                _ => Err(EngineError::unreadable(WHAT, "no jobs")),
            },
            _ => Err(EngineError::unreadable(WHAT, "no JSON")),
        }
    }

    /// Tells what became of a job. Telling it again is [`EngineErrorKind::NotFound`] or
    /// [`EngineErrorKind::Conflict`].
    ///
    /// # Errors
    ///
    /// When the engine does not answer, or refuses.
    pub async fn tell(&self, command: &JobCommand) -> Result<(), EngineError> {
        let JobCommand { job_key, command, body } = command;
        let what = format!("take the {command} of job {job_key}");
        let path = format!("/v2/jobs/{}/{command}", key(job_key)?);
        self.ask(&what, Method::POST, &path, body, self.0.timeout).await.map(drop)
    }

    /// Gives a job another time, from this moment on.
    ///
    /// # Errors
    ///
    /// When the engine does not answer, or refuses.
    pub async fn extend(&self, job_key: &str, timeout: Duration) -> Result<(), EngineError> {
        let what = format!("extend the time of job {job_key}");
        let path = format!("/v2/jobs/{}", key(job_key)?);
        let body = json!({ "changeset": { "timeout": ms(timeout) } });
        self.ask(&what, Method::PATCH, &path, &body, self.0.timeout).await.map(drop)
    }

    /// Publishes a message, which waits for whoever it is for as long as its time to live says.
    ///
    /// # Errors
    ///
    /// When the engine does not answer, or refuses; [`EngineErrorKind::Conflict`] when it has a message of
    /// the same id.
    pub async fn publish(&self, publication: &Value) -> Result<(), EngineError> {
        let path = "/v2/messages/publication";
        self.ask("publish a message", Method::POST, path, publication, self.0.timeout)
            .await
            .map(drop)
    }

    /// Correlates a message at once; nothing is kept of it.
    ///
    /// # Errors
    ///
    /// When the engine does not answer, or refuses; [`EngineErrorKind::NotFound`] when nobody waits for it.
    pub async fn correlate(&self, message: &Value) -> Result<(), EngineError> {
        let path = "/v2/messages/correlation";
        self.ask("correlate a message", Method::POST, path, message, self.0.timeout).await.map(drop)
    }

    async fn ask(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: &Value,
        within: Duration,
    ) -> Result<Bytes, EngineError> {
        let body = Bytes::from(body.to_string());
        let answer = self.exchange(what, &method, path, &body, within).await;
        match (answer, &self.0.who) {
            // The token may have been taken back before its time.
            (Err(error), Who::Token { endpoint, provider })
                if error.kind() == EngineErrorKind::Unauthorized =>
            {
                *provider.lock() = token_provider(endpoint, &self.0.http)?;
                self.exchange(what, &method, path, &body, within).await
            }
            (answer, _) => answer,
        }
    }

    async fn exchange(
        &self,
        what: &str,
        method: &Method,
        path: &str,
        body: &Bytes,
        within: Duration,
    ) -> Result<Bytes, EngineError> {
        let uri = format!("{}{path}", self.0.url.reveal());
        let uri = Uri::try_from(uri)
            .map_err(|_| EngineError::settings("the engine's URL cannot be used with a path"))?;
        let mut request = Request::new(body.clone());
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        if let Some(authorization) = self.authorization().await? {
            headers.insert(AUTHORIZATION, authorization);
        }
        let response = self.0.http.send(request, within).await;
        let response = response.map_err(|error| EngineError::unreachable(what, error))?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let said = self.0.masker.mask(&said(&response));
        let retry_after = retry_after(response.headers());
        Err(EngineError::answered(what, response.status(), &said, retry_after))
    }

    async fn authorization(&self) -> Result<Option<HeaderValue>, EngineError> {
        match &self.0.who {
            Who::Anybody => Ok(None),
            Who::User(header) => Ok(Some(header.clone())),
            Who::Token { provider, .. } => {
                let provider = Arc::clone(&provider.lock());
                let token = provider.token().await.map_err(EngineError::no_token)?;
                self.0.masker.remember(&token.value);
                authorization::bearer(token.value.reveal()).map(Some).map_err(|_| {
                    EngineError::settings(
                        "the engine's token has characters that no header can have",
                    )
                })
            }
        }
    }
}

fn token_provider(
    endpoint: &TokenEndpoint,
    http: &HttpClient,
) -> Result<Arc<TokenEndpointProvider>, EngineError> {
    let provider = endpoint.clone().build_on(http.clone());
    provider.map(Arc::new).map_err(|error| EngineError::settings(with_causes(&error)))
}

/// A job's key, which becomes part of a path: digits alone.
fn key(job_key: &str) -> Result<&str, EngineError> {
    let is_key = !job_key.is_empty() && job_key.bytes().all(|byte| byte.is_ascii_digit());
    if is_key {
        Ok(job_key)
    } else {
        Err(EngineError::settings(format!("a job has the key {job_key:?}: expected digits")))
    }
}

/// What the engine says about its refusal: title and detail of a problem (RFC 9457), or whatever it says.
fn said(response: &Response<Bytes>) -> String {
    let body = response.body();
    let problem: Option<Value> = serde_json::from_slice(body).ok();
    let field = |name: &str| problem.as_ref()?.get(name)?.as_str();
    match (field("title"), field("detail")) {
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) if response.status() == StatusCode::NOT_FOUND => String::new(),
        (None, None) => String::from_utf8_lossy(body).trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_digits() {
        assert!(key("2251799813685249").is_ok());
        for wrong in ["", "1/../2", "x"] {
            assert_eq!(key(wrong).unwrap_err().kind(), EngineErrorKind::Settings);
        }
    }
}
