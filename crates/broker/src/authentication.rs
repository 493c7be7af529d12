//! The SASL side of one connection: handshake, exchange, and what is allowed before and after.
//!
//! ```text
//!  Handshake ──SaslHandshake──▶ Exchange ──last message──▶ Done
//!      ▲                            │                        │ SaslHandshake again (KIP-368)
//!      └──────── refused: closed ───┘◀───────────────────────┘
//! ```

use std::time::{Instant, SystemTime};

use bytes::Bytes;
use milena_sasl::{ServerExchange, ServerStep};
use milena_wire::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use milena_wire::{ApiKey, ByteString, ErrorCode};

use crate::connection::{Call, Closing};
use crate::security::{SecurityProtocol, Users};

#[derive(Debug)]
enum State {
    /// The listener has no SASL.
    NotNeeded,
    Handshake,
    /// `raw`: messages come as bare frames (SaslHandshake 0).
    Exchange {
        exchange: Box<ServerExchange>,
        raw: bool,
    },
    Done {
        session_end: Option<Instant>,
    },
}

/// Where a connection stands.
#[derive(Debug)]
pub(crate) struct Authentication {
    state: State,
}

impl Authentication {
    pub(crate) fn new(protocol: SecurityProtocol) -> Self {
        Self { state: if protocol.is_sasl() { State::Handshake } else { State::NotNeeded } }
    }

    pub(crate) fn expects_raw_token(&self) -> bool {
        matches!(self.state, State::Exchange { raw: true, .. })
    }

    /// Closes the connection when the API is not allowed yet, or not any more.
    pub(crate) fn check_allowed(&self, api_key: ApiKey) -> Result<(), Closing> {
        let is_sasl = matches!(
            api_key,
            ApiKey::SASL_HANDSHAKE | ApiKey::SASL_AUTHENTICATE | ApiKey::API_VERSIONS
        );
        match &self.state {
            _ if is_sasl => Ok(()),
            State::NotNeeded | State::Done { session_end: None } => Ok(()),
            State::Done { session_end: Some(end) } if Instant::now() < *end => Ok(()),
            State::Done { .. } => Err(Closing::Misbehaved(
                "the session has ended without a new authentication".to_owned(),
            )),
            State::Handshake | State::Exchange { .. } => {
                Err(Closing::Misbehaved(format!("{api_key} before authentication")))
            }
        }
    }

    /// The answer to a handshake, and whether the connection goes on.
    pub(crate) fn handshake(
        &mut self,
        call: &Call<'_>,
        request: &SaslHandshakeRequest,
    ) -> (SaslHandshakeResponse, bool) {
        let users = &call.cluster().settings.users;
        let mechanisms = || {
            users
                .mechanisms()
                .iter()
                .map(|mechanism| ByteString::from_static(mechanism.name()))
                .collect()
        };
        let refused = |code: ErrorCode| SaslHandshakeResponse {
            error_code: code.0,
            mechanisms: mechanisms(),
            ..Default::default()
        };
        match &self.state {
            State::NotNeeded | State::Exchange { .. } => {
                return (refused(ErrorCode::ILLEGAL_SASL_STATE), false);
            }
            State::Handshake | State::Done { .. } => {}
        }
        let Some(exchange) = users.begin(&request.mechanism) else {
            tracing::info!(
                mechanism = &*request.mechanism,
                "a client asked for a mechanism that is not offered"
            );
            return (refused(ErrorCode::UNSUPPORTED_SASL_MECHANISM), false);
        };
        self.state = State::Exchange { exchange: Box::new(exchange), raw: call.version == 0 };
        (refused(ErrorCode::NONE), true)
    }

    /// The answer to a message of the mechanism, and whether the connection goes on.
    pub(crate) fn authenticate(
        &mut self,
        call: &Call<'_>,
        request: &SaslAuthenticateRequest,
    ) -> (SaslAuthenticateResponse, bool) {
        let failed = |code: ErrorCode, message: &'static str| SaslAuthenticateResponse {
            error_code: code.0,
            error_message: Some(ByteString::from_static(message)),
            ..Default::default()
        };
        let State::Exchange { exchange, .. } = &mut self.state else {
            return (
                failed(ErrorCode::ILLEGAL_SASL_STATE, "SaslHandshake has to come first"),
                false,
            );
        };
        match exchange.respond(&request.auth_bytes, SystemTime::now()) {
            ServerStep::Challenge(bytes) => (
                SaslAuthenticateResponse { auth_bytes: Bytes::from(bytes), ..Default::default() },
                true,
            ),
            ServerStep::Done { message, identity } => {
                let lifetime =
                    session_lifetime_ms(&call.cluster().settings.users, identity.expires_at);
                self.done(lifetime);
                let response = SaslAuthenticateResponse {
                    auth_bytes: Bytes::from(message),
                    session_lifetime_ms: if call.version >= 1 { lifetime } else { 0 },
                    ..Default::default()
                };
                (response, true)
            }
            ServerStep::Rejected { error, .. } => {
                tracing::info!(host = &*call.peer.host, %error, "authentication failed");
                let message =
                    "Authentication failed during authentication due to invalid credentials";
                (failed(ErrorCode::SASL_AUTHENTICATION_FAILED, message), false)
            }
            _ => (
                failed(ErrorCode::SASL_AUTHENTICATION_FAILED, "unknown step of the mechanism"),
                false,
            ),
        }
    }

    /// A bare message of the mechanism; an error closes the connection, as there is no way to say more.
    pub(crate) fn respond_raw(&mut self, token: &[u8]) -> Result<Vec<u8>, Closing> {
        let State::Exchange { exchange, .. } = &mut self.state else { return Err(Closing::Told) };
        match exchange.respond(token, SystemTime::now()) {
            ServerStep::Challenge(bytes) => Ok(bytes),
            ServerStep::Done { message, .. } => {
                self.done(0);
                Ok(message)
            }
            ServerStep::Rejected { error, .. } => {
                tracing::info!(%error, "authentication failed");
                Err(Closing::Told)
            }
            _ => Err(Closing::Told),
        }
    }

    fn done(&mut self, lifetime_ms: i64) {
        let lifetime = u64::try_from(lifetime_ms)
            .ok()
            .filter(|&ms| ms > 0)
            .map(std::time::Duration::from_millis);
        self.state =
            State::Done { session_end: lifetime.map(|lifetime| Instant::now() + lifetime) };
    }
}

/// Milliseconds until the client has to authenticate again; 0 for never (KIP-368).
fn session_lifetime_ms(users: &Users, expires_at: Option<SystemTime>) -> i64 {
    let Some(limit) = users.session_lifetime else { return 0 };
    let until_expiry = expires_at.and_then(|end| end.duration_since(SystemTime::now()).ok());
    let lifetime = until_expiry.map_or(limit, |left| left.min(limit));
    i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX)
}
