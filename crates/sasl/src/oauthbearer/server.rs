//! The server side of OAUTHBEARER.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::error::{SaslError, SaslMessage, excerpt};
use crate::exchange::{Identity, SERVER_OVER, ServerStep};
use crate::limits;
use crate::oauthbearer::message::{ERROR_ANSWER, TokenError, TokenMessage};
use crate::oauthbearer::validator::{OAuthBearerLogin, TokenValidator};
use crate::secret::Secret;

/// The server side of OAUTHBEARER.
///
/// ```text
/// Start --good token--> Over
///   +-----bad token---> Refusing --0x01--> Over
/// ```
pub struct OAuthBearerServer {
    state: State,
}

enum State {
    Start {
        validator: Arc<dyn TokenValidator>,
    },
    /// The error status is sent; whatever the client answers, the exchange fails with this.
    Refusing {
        error: SaslError,
    },
    Over,
}

impl fmt::Debug for OAuthBearerServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Start { .. } => "Start",
            State::Refusing { .. } => "Refusing",
            State::Over => "Over",
        };
        formatter.debug_struct("OAuthBearerServer").field("state", &state).finish_non_exhaustive()
    }
}

impl OAuthBearerServer {
    /// An exchange that asks `validator`.
    #[must_use]
    pub fn new(validator: Arc<dyn TokenValidator>) -> Self {
        Self { state: State::Start { validator } }
    }

    /// Takes the client's message with the token, and its answer to a refusal.
    pub fn respond(&mut self, response: &[u8], now: SystemTime) -> ServerStep {
        let result = match std::mem::replace(&mut self.state, State::Over) {
            State::Start { validator } => self.validate(validator.as_ref(), response, now),
            State::Refusing { error } if response == ERROR_ANSWER => Err(error),
            State::Refusing { .. } => Err(SaslError::Malformed {
                message: SaslMessage::TokenErrorAnswer,
                rule: "it must be the one byte 0x01 (RFC 7628, 3.2.3)",
            }),
            State::Over => Err(SERVER_OVER),
        };
        result.unwrap_or_else(|error| ServerStep::Rejected { message: Vec::new(), error })
    }

    fn validate(
        &mut self,
        validator: &dyn TokenValidator,
        response: &[u8],
        now: SystemTime,
    ) -> Result<ServerStep, SaslError> {
        let text = limits::text(SaslMessage::TokenMessage, response)?;
        let message = TokenMessage::parse(text)?;
        let token = Secret::from(message.token);
        let extensions: Vec<(String, String)> = message
            .extensions
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let login = OAuthBearerLogin { token: &token, extensions: &extensions };
        let validated = match validator.validate(&login, now) {
            Ok(validated) => validated,
            Err(refusal) => {
                self.state =
                    State::Refusing { error: SaslError::TokenInvalid { reason: refusal.reason } };
                let status = TokenError {
                    status: refusal.status,
                    scope: refusal.scope,
                    openid_configuration: refusal.openid_configuration,
                };
                return Ok(ServerStep::Challenge(status.write()));
            }
        };
        let wanted = message.authorization_id;
        if !wanted.is_empty() && wanted != validated.principal {
            return Err(SaslError::AuthorizationRefused {
                username: excerpt(&validated.principal),
                authorization_id: excerpt(&wanted),
            });
        }
        let mut identity = Identity::new(validated.principal);
        identity.expires_at = validated.expires_at;
        identity.extensions = extensions;
        Ok(ServerStep::Done { message: Vec::new(), identity })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::oauthbearer::{TokenRefusal, ValidatedToken};

    const GOOD: &[u8] = b"n,,\x01auth=Bearer good\x01traceId=7\x01\x01";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(100)
    }

    fn server() -> OAuthBearerServer {
        OAuthBearerServer::new(Arc::new(|login: &OAuthBearerLogin<'_>, now: SystemTime| {
            if login.token.matches(b"good") {
                let mut validated = ValidatedToken::new("alice");
                validated.expires_at = Some(now + Duration::from_secs(60));
                Ok(validated)
            } else {
                Err(TokenRefusal::invalid_token("signed by nobody known"))
            }
        }))
    }

    fn rejection(step: ServerStep) -> SaslError {
        let ServerStep::Rejected { error, .. } = step else { panic!("{step:?}") };
        error
    }

    #[test]
    fn a_good_token_gives_principal_end_and_extensions() {
        let ServerStep::Done { message, identity } = server().respond(GOOD, now()) else {
            panic!("rejected");
        };
        assert!(message.is_empty());
        assert_eq!(identity.authorization_id, "alice");
        assert_eq!(identity.expires_at, Some(now() + Duration::from_secs(60)));
        assert_eq!(identity.extensions, [("traceId".to_owned(), "7".to_owned())]);
    }

    #[test]
    fn a_bad_token_gets_a_status_and_fails_after_the_answer() {
        let mut server = server();
        let step = server.respond(b"n,,\x01auth=Bearer bad\x01\x01", now());
        let ServerStep::Challenge(status) = step else { panic!("{step:?}") };
        assert_eq!(status, br#"{"status":"invalid_token"}"#);
        let error = rejection(server.respond(b"\x01", now()));
        assert_eq!(error, SaslError::TokenInvalid { reason: "signed by nobody known".into() });
        assert_eq!(rejection(server.respond(GOOD, now())), SERVER_OVER);
    }

    #[test]
    fn a_good_token_after_a_bad_one_changes_nothing() {
        let mut server = server();
        server.respond(b"n,,\x01auth=Bearer bad\x01\x01", now());
        assert!(matches!(
            rejection(server.respond(GOOD, now())),
            SaslError::Malformed { message: SaslMessage::TokenErrorAnswer, .. }
        ));
    }

    #[test]
    fn only_the_principal_itself_may_be_acted_as() {
        let step = server().respond(b"n,a=alice,\x01auth=Bearer good\x01\x01", now());
        assert!(matches!(step, ServerStep::Done { .. }));
        let step = server().respond(b"n,a=root,\x01auth=Bearer good\x01\x01", now());
        assert!(matches!(rejection(step), SaslError::AuthorizationRefused { .. }));
    }

    #[test]
    fn rejects_what_is_no_token_message() {
        assert!(matches!(
            rejection(server().respond(b"", now())),
            SaslError::Malformed { message: SaslMessage::TokenMessage, .. }
        ));
        let long = vec![b'n'; limits::OAUTHBEARER_MESSAGE_BYTES_MAX + 1];
        assert!(matches!(
            rejection(server().respond(&long, now())),
            SaslError::MessageTooLong { .. }
        ));
    }
}
