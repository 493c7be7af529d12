//! SASL over Kafka's own requests: SaslHandshake, then SaslAuthenticate until both sides are done.
//!
//! Used when a connection is made, and again on the live connection before its session ends.
//!
//! Spec: KIP-152#proposed-changes, KIP-368#proposed-changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use milena_core::negotiation::VersionRange;
use milena_sasl::{ClientExchange, ClientStep, SaslError, Secret};
use milena_wire::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
};
use milena_wire::{ByteString, ErrorCode, Request, frame};

use super::handle::{Call, exchange_bytes};
use super::shared::{Lane, Session, Shared};
use crate::config::ConnectionConfig;
use crate::error::{AuthenticationError, RequestError};
use crate::sasl::TokenError;

/// The most messages that a mechanism sends. SCRAM needs two.
const ROUNDS_MAX: usize = 8;

/// The share of a session's life after which to authenticate again, in percent, at least; up to
/// ten percent are added at random so that many connections do not do it at once.
const SESSION_SHARE_PERCENT: u64 = 85;

/// Authenticates. Returns how long the session lives; `None` if the broker sets no limit.
pub(super) async fn authenticate(
    shared: &Arc<Shared>,
    config: &ConnectionConfig,
    lane: Lane,
) -> Result<Option<Duration>, AuthenticationError> {
    let Some(sasl) = &config.sasl else { return Ok(None) };
    let begin = tokio::time::timeout(config.request_timeout, sasl.begin());
    let mut exchange = begin.await.unwrap_or_else(|_| {
        Err(AuthenticationError::Token(TokenError::unavailable(Arc::new(TokenTimedOut))))
    })?;
    let line = Line { shared, config, lane };
    line.handshake(exchange.mechanism().name()).await?;
    let mechanism = exchange.mechanism().name();
    let mut message = exchange.initial().map_err(|error| failed(mechanism, error))?;
    for _ in 0..ROUNDS_MAX {
        let response = line.authenticate(mechanism, message).await?;
        let lifetime = lifetime(response.session_lifetime_ms);
        let (step, rest) = respond(exchange, response.auth_bytes).await;
        exchange = rest;
        match step.map_err(|error| failed(mechanism, error))? {
            ClientStep::Send(next) => message = next,
            ClientStep::Done => return Ok(lifetime),
            ClientStep::Refused { answer, error } => {
                // The broker wants this answer and then tells the reason in words, which are
                // better than those of the mechanism.
                line.authenticate(mechanism, answer).await?;
                return Err(failed(mechanism, error));
            }
            _ => break,
        }
    }
    Err(AuthenticationError::Unfinished { mechanism })
}

/// When to authenticate again in a session of this length, and when it ends.
pub(super) fn session(lifetime: Option<Duration>, now: Instant) -> Option<Session> {
    let lifetime = lifetime?;
    let percent = SESSION_SHARE_PERCENT + crate::random::jitter().next_u64() % 11;
    let share = u32::try_from(percent).expect("a percentage");
    let authenticate_at = now.checked_add(lifetime / 100 * share)?;
    Some(Session { authenticate_at, ends_at: now.checked_add(lifetime)? })
}

fn lifetime(session_lifetime_ms: i64) -> Option<Duration> {
    u64::try_from(session_lifetime_ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis)
}

const fn failed(mechanism: &'static str, error: SaslError) -> AuthenticationError {
    AuthenticationError::Exchange { mechanism, error }
}

/// Takes the broker's answer. Mechanisms derive keys here, which takes long enough to hold other
/// tasks up, so it happens on a thread for such things.
async fn respond(
    mut exchange: ClientExchange,
    answer: Bytes,
) -> (Result<ClientStep, SaslError>, ClientExchange) {
    let work = tokio::task::spawn_blocking(move || (exchange.respond(&answer), exchange));
    work.await.expect("an exchange does not panic, and a started blocking task is not cancelled")
}

/// Where the requests of the exchange go.
struct Line<'a> {
    shared: &'a Arc<Shared>,
    config: &'a ConnectionConfig,
    lane: Lane,
}

impl Line<'_> {
    async fn handshake(&self, mechanism: &'static str) -> Result<(), AuthenticationError> {
        // Version 0 is followed by bytes without Kafka's framing, before Kafka 1.0.
        let request = SaslHandshakeRequest {
            mechanism: ByteString::from_static(mechanism),
            ..SaslHandshakeRequest::default()
        };
        let response = self.call(&request, 1).await?;
        match ErrorCode(response.error_code) {
            ErrorCode::NONE => Ok(()),
            ErrorCode::UNSUPPORTED_SASL_MECHANISM => {
                let enabled = response.mechanisms;
                Err(AuthenticationError::UnsupportedMechanism { mechanism, enabled })
            }
            ErrorCode::ILLEGAL_SASL_STATE => Err(AuthenticationError::NoSasl),
            code => Err(AuthenticationError::Broker { code, message: None }),
        }
    }

    async fn authenticate(
        &self,
        mechanism: &'static str,
        message: Secret,
    ) -> Result<SaslAuthenticateResponse, AuthenticationError> {
        let request = SaslAuthenticateRequest {
            auth_bytes: Bytes::from_owner(Exposed(message)),
            ..SaslAuthenticateRequest::default()
        };
        let response = self.call(&request, 0).await?;
        let message = || response.error_message.clone();
        match ErrorCode(response.error_code) {
            ErrorCode::NONE => Ok(response),
            ErrorCode::SASL_AUTHENTICATION_FAILED => {
                Err(AuthenticationError::Refused { mechanism, message: message() })
            }
            code => Err(AuthenticationError::Broker { code, message: message() }),
        }
    }

    /// Sends a request in the highest common version that is not below `version_min`.
    async fn call<R: Request>(
        &self,
        request: &R,
        version_min: i16,
    ) -> Result<R::Response, AuthenticationError> {
        let ours = VersionRange::of::<R>();
        let ours = VersionRange { min: ours.min.max(version_min), max: ours.max };
        let versions = self.shared.api_versions.get().expect("ApiVersions comes before SASL");
        let version = versions
            .highest_within(R::KEY, ours)
            .map_err(AuthenticationError::UnsupportedVersion)?;
        let timeout = self.config.request_timeout;
        let call = Call { lane: self.lane, version, timeout, expects_response: true };
        let failed = |error| AuthenticationError::Request(Box::new(error));
        let bytes = exchange_bytes(self.shared, &self.config.client_id, request, call)
            .await
            .map_err(failed)?;
        let (_, response) = frame::decode_response::<R>(bytes, version)
            .map_err(|error| failed(RequestError::Decode(error)))?;
        Ok(response)
    }
}

/// Bytes of a message that are wiped when the request is dropped.
struct Exposed(Secret);

impl AsRef<[u8]> for Exposed {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

/// The token provider took longer than `request.timeout.ms`.
#[derive(Debug)]
struct TokenTimedOut;

impl std::fmt::Display for TokenTimedOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the provider gave no answer within the request timeout")
    }
}

impl std::error::Error for TokenTimedOut {}
