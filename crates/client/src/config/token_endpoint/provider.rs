//! The provider: keeps a token, and asks for the next one in time.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use milena_http::HttpClient;
use milena_http::http::{StatusCode, Uri};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::super::token::{OAuthBearerToken, OAuthBearerTokenFuture, OAuthBearerTokenProvider};
use super::TokenEndpoint;
use super::error::{Cause, TokenError};
use super::request::{self, Source};
use super::response::{self, Token};

/// How long a failed replacement is not tried again while the token still lives, as in Java.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);

/// The longest file that is taken for a token, in bytes.
const FILE_BYTES_MAX: usize = super::RESPONSE_BYTES_MAX;

/// Gives tokens of an endpoint. One provider may serve many clients, which share its token then.
pub struct TokenEndpointProvider {
    endpoint: TokenEndpoint,
    source: Source,
    client: HttpClient,
    kept: Mutex<Option<Kept>>,
    /// Held by the one that is asking the endpoint.
    asking: tokio::sync::Mutex<()>,
}

/// A token, and when to replace it.
#[derive(Clone)]
struct Kept {
    token: Token,
    refresh_at: SystemTime,
}

impl fmt::Debug for TokenEndpointProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpointProvider")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl TokenEndpointProvider {
    pub(super) fn new(endpoint: TokenEndpoint, source: Source, client: HttpClient) -> Self {
        let asking = tokio::sync::Mutex::new(());
        Self { endpoint, source, client, kept: Mutex::new(None), asking }
    }

    /// Whether an error of a provider is a refusal of the endpoint's, or an answer of no use: asking again
    /// mends neither.
    #[must_use]
    pub fn is_refusal(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
        super::refused(error)
    }

    /// Whether the client's secret goes over a network without TLS.
    pub(super) fn is_in_clear(&self) -> bool {
        self.source.is_in_clear()
    }

    /// The kept token if it need not be replaced; with `any` if it lives.
    fn kept(&self, any: bool) -> Option<Token> {
        let now = SystemTime::now();
        let kept = self.kept.lock();
        let kept = kept.as_ref()?;
        let good = if any { now < kept.token.until } else { now < kept.refresh_at };
        good.then(|| kept.token.clone())
    }

    /// A token, the kept one if it is good. While one asks for the next token the others go on
    /// with this one, if it lives.
    async fn current(&self) -> Result<Token, TokenError> {
        if let Some(token) = self.kept(false) {
            return Ok(token);
        }
        let _asking = match self.asking.try_lock() {
            Ok(guard) => guard,
            Err(_) => match self.kept(true) {
                Some(token) => return Ok(token),
                None => self.asking.lock().await,
            },
        };
        // Another one may have asked while this one waited.
        if let Some(token) = self.kept(false) {
            return Ok(token);
        }
        match self.ask_until_answered().await {
            Ok(token) => {
                self.keep(&token);
                Ok(token)
            }
            Err(error) => {
                let Some(token) = self.kept(true) else { return Err(error) };
                tracing::warn!(%error, "no new token; the one there is is used until it ends");
                if let Some(kept) = self.kept.lock().as_mut() {
                    kept.refresh_at = SystemTime::now() + PAUSE_AFTER_FAILURE;
                }
                Ok(token)
            }
        }
    }

    fn keep(&self, token: &Token) {
        let chance = f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX);
        let life = (token.from, token.until);
        let refresh_at = self.endpoint.refresh.refresh_at(SystemTime::now(), life, chance);
        *self.kept.lock() = Some(Kept { token: token.clone(), refresh_at });
    }

    /// Asks again after failures that may pass, with pauses that double.
    async fn ask_until_answered(&self) -> Result<Token, TokenError> {
        let end = Instant::now() + self.endpoint.retry_backoff_max;
        let mut pause = self.endpoint.retry_backoff;
        loop {
            let error = match self.ask().await {
                Ok(token) => return Ok(token),
                Err(error) => error,
            };
            let left = end.saturating_duration_since(Instant::now());
            if !error.is_retriable() || left.is_zero() {
                return Err(error);
            }
            tracing::debug!(%error, "asking for a token again");
            tokio::time::sleep(pause.min(left)).await;
            pause = pause.saturating_mul(2);
        }
    }

    async fn ask(&self) -> Result<Token, TokenError> {
        match &self.source {
            Source::Endpoint(uri) => self.ask_endpoint(uri).await,
            Source::File(path) => {
                let failed = |cause| TokenError { place: path.display().to_string(), cause };
                let text = read(path).map_err(|error| failed(Cause::File(error.into())))?;
                response::bare_token(&text, SystemTime::now())
                    .map_err(|reason| failed(Cause::Unusable(reason)))
            }
        }
    }

    async fn ask_endpoint(&self, uri: &Uri) -> Result<Token, TokenError> {
        let host = uri
            .authority()
            .map_or("", |authority| authority.as_str().rsplit('@').next().unwrap_or_default());
        let place = format!("{}://{host}", uri.scheme_str().unwrap_or_default());
        let failed = |cause| TokenError { place: place.clone(), cause };
        let request = request::client_credentials(uri, &self.endpoint);
        let within = self.endpoint.connect_timeout.saturating_add(self.endpoint.read_timeout);
        let response =
            self.client.send(request, within).await.map_err(|error| failed(Cause::Http(error)))?;
        let status = response.status();
        if status != StatusCode::OK && status != StatusCode::CREATED {
            let said = self.said(response.body());
            return Err(failed(Cause::Refused { status, said }));
        }
        response::token(response.body(), SystemTime::now())
            .map_err(|reason| failed(Cause::Unusable(reason)))
    }

    fn said(&self, body: &Bytes) -> String {
        let header = request::credentials(&self.endpoint);
        let credentials = header.to_str().unwrap_or_default().trim_start_matches("Basic ");
        response::refusal(body, &[self.endpoint.client_secret.reveal(), credentials])
    }
}

/// A file that should be small; it is read at once, which takes no time that matters.
fn read(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    std::fs::File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(text)
}

impl OAuthBearerTokenProvider for TokenEndpointProvider {
    fn token(&self) -> OAuthBearerTokenFuture<'_> {
        Box::pin(async move {
            let kept = self.current().await?;
            let mut token = OAuthBearerToken::new(kept.value, kept.until);
            token.extensions.clone_from(&self.endpoint.extensions);
            Ok(token)
        })
    }
}
