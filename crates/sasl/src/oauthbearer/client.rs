//! The client side of OAUTHBEARER.

use crate::error::{Field, SaslError, SaslMessage, excerpt};
use crate::exchange::{CLIENT_BEGUN, CLIENT_NOT_WAITING, ClientStep};
use crate::limits;
use crate::oauthbearer::message::{
    ERROR_ANSWER, TokenError, TokenMessage, check_extension, check_token,
};
use crate::secret::Secret;

/// Named values that are sent beside the token (KIP-342), for example `logicalCluster`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions(Vec<(String, String)>);

impl Extensions {
    /// No extension.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one; its name must not be there already.
    ///
    /// # Errors
    /// [`SaslError::Extension`] for a name that is not made of letters, is `auth` or is there
    /// already, and for a value that is empty or has characters other than printable ASCII, space,
    /// tab and line end.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, SaslError> {
        check_extension(name, value)?;
        if self.0.iter().any(|(present, _)| present == name) {
            let rule = "it is there already";
            return Err(SaslError::Extension { name: excerpt(name), rule });
        }
        self.0.push((name.to_owned(), value.to_owned()));
        Ok(self)
    }

    /// The extensions in the order added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The client side of OAUTHBEARER.
///
/// ```text
/// Start --initial--> Sent --nothing or an error status--> Over
/// ```
#[derive(Debug)]
pub struct OAuthBearerClient {
    state: State,
}

#[derive(Debug)]
enum State {
    Start { message: Secret },
    Sent,
    Over,
}

impl OAuthBearerClient {
    /// An exchange with this token, without extensions.
    ///
    /// # Errors
    /// [`SaslError`] of kind `Local` when the token is empty or has characters that no bearer
    /// token has (RFC 6750, 2.1).
    pub fn new(token: &Secret) -> Result<Self, SaslError> {
        Self::with_extensions(token, &Extensions::new())
    }

    /// An exchange with this token and these extensions.
    ///
    /// # Errors
    /// As [`OAuthBearerClient::new`].
    pub fn with_extensions(token: &Secret, extensions: &Extensions) -> Result<Self, SaslError> {
        Self::build(None, token, extensions)
    }

    /// An exchange that asks to act as `authorization_id`. Kafka refuses one that is not the
    /// principal of the token.
    ///
    /// # Errors
    /// As [`OAuthBearerClient::new`], and when the authorization id is empty or has a control
    /// character.
    pub fn with_authorization_id(
        authorization_id: &str,
        token: &Secret,
        extensions: &Extensions,
    ) -> Result<Self, SaslError> {
        let field = Field::AuthorizationId;
        if authorization_id.is_empty() {
            return Err(SaslError::Empty { field });
        }
        if let Some(position) = authorization_id.find(char::is_control) {
            let rule = "control characters separate the parts of the message";
            return Err(SaslError::ForbiddenCharacter { field, position, rule });
        }
        Self::build(Some(authorization_id), token, extensions)
    }

    fn build(
        authorization_id: Option<&str>,
        token: &Secret,
        extensions: &Extensions,
    ) -> Result<Self, SaslError> {
        check_token(token)?;
        let message = TokenMessage::write(authorization_id, token, &extensions.0);
        Ok(Self { state: State::Start { message } })
    }

    /// The message with the token.
    ///
    /// # Errors
    /// [`SaslError::OutOfOrder`] when it was called before.
    pub fn initial(&mut self) -> Result<Secret, SaslError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Start { message } => {
                self.state = State::Sent;
                Ok(message)
            }
            State::Sent | State::Over => Err(CLIENT_BEGUN),
        }
    }

    /// Takes the server's answer: nothing when it accepts the token, else its error status, which
    /// the client has to acknowledge ([`ClientStep::Refused`]).
    ///
    /// # Errors
    /// [`SaslError`] of kind `Protocol` when the answer is not an error status.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<ClientStep, SaslError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Sent if challenge.is_empty() => Ok(ClientStep::Done),
            State::Sent => {
                let text = limits::text(SaslMessage::TokenError, challenge)?;
                let refusal = TokenError::parse(text)?;
                let error = SaslError::TokenRefused {
                    status: excerpt(&refusal.status),
                    scope: refusal.scope.as_deref().map(excerpt),
                    openid_configuration: refusal.openid_configuration.as_deref().map(excerpt),
                };
                Ok(ClientStep::Refused { answer: Secret::from(ERROR_ANSWER), error })
            }
            State::Start { .. } | State::Over => Err(CLIENT_NOT_WAITING),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";

    fn waiting() -> OAuthBearerClient {
        let mut client = OAuthBearerClient::new(&TOKEN.into()).unwrap();
        client.initial().unwrap();
        client
    }

    // Spec-test: RFC7628#4.1
    #[test]
    fn writes_the_example_of_the_rfc() {
        let extensions = Extensions::new()
            .with("host", "server.example.com")
            .and_then(|extensions| extensions.with("port", "143"))
            .unwrap();
        let mut client = OAuthBearerClient::with_authorization_id(
            "user@example.com",
            &TOKEN.into(),
            &extensions,
        )
        .unwrap();
        // Kafka, and so we, put the token first; the order means nothing.
        let expected = format!(
            "n,a=user@example.com,\u{1}auth=Bearer {TOKEN}\u{1}host=server.example.com\u{1}\
             port=143\u{1}\u{1}"
        );
        assert_eq!(client.initial().unwrap().expose_str(), Some(expected.as_str()));
        assert!(matches!(client.respond(b""), Ok(ClientStep::Done)));
    }

    // Spec-test: RFC7628#4.3
    #[test]
    fn acknowledges_a_refusal_and_tells_what_it_says() {
        let status = br#"{"status":"invalid_token","scope":"example_scope",
            "openid-configuration":"https://example.com/.well-known/openid-configuration"}"#;
        let Ok(ClientStep::Refused { answer, error }) = waiting().respond(status) else {
            panic!("no refusal");
        };
        assert_eq!(answer.expose(), b"\x01");
        assert_eq!(
            error,
            SaslError::TokenRefused {
                status: "invalid_token".into(),
                scope: Some("example_scope".into()),
                openid_configuration: Some(
                    "https://example.com/.well-known/openid-configuration".into()
                ),
            }
        );
    }

    #[test]
    fn refuses_answers_that_are_no_error_status() {
        for answer in ["{", "[]", "{}", r#"{"status":1}"#, "ok"] {
            let error = waiting().respond(answer.as_bytes()).unwrap_err();
            assert!(matches!(error, SaslError::Malformed { .. }), "{answer}");
        }
        assert!(matches!(waiting().respond(b"\xff"), Err(SaslError::MessageNotUtf8 { .. })));
        let long = vec![b'{'; limits::OAUTHBEARER_MESSAGE_BYTES_MAX + 1];
        assert!(matches!(waiting().respond(&long), Err(SaslError::MessageTooLong { .. })));
    }

    #[test]
    fn refuses_tokens_that_cannot_be_sent() {
        let refusal = |token: &str| OAuthBearerClient::new(&token.into()).unwrap_err();
        assert_eq!(refusal(""), SaslError::Empty { field: Field::Token });
        for (token, at) in [("ab cd", 2), ("ab\u{1}", 2), ("a=b", 1), ("=", 0), ("é", 0)] {
            let SaslError::ForbiddenCharacter { position, .. } = refusal(token) else {
                panic!("{token}");
            };
            assert_eq!(position, at, "{token}");
        }
    }

    #[test]
    fn refuses_extensions_that_cannot_be_sent() {
        for (name, value) in [("", "v"), ("a1", "v"), ("auth", "v"), ("a", ""), ("a", "\u{1}")] {
            let error = Extensions::new().with(name, value).unwrap_err();
            assert!(matches!(error, SaslError::Extension { .. }), "{name}={value}");
        }
        let twice = Extensions::new().with("a", "1").and_then(|one| one.with("a", "2"));
        assert!(matches!(twice, Err(SaslError::Extension { .. })));
    }

    #[test]
    fn refuses_calls_out_of_order_and_shows_no_token() {
        let mut client = OAuthBearerClient::new(&TOKEN.into()).unwrap();
        assert!(!format!("{client:?}").contains(TOKEN));
        assert_eq!(client.respond(b"").unwrap_err(), CLIENT_NOT_WAITING);
        let mut client = waiting();
        client.respond(b"").unwrap();
        assert_eq!(client.respond(b"").unwrap_err(), CLIENT_NOT_WAITING);
        assert_eq!(client.initial().unwrap_err(), CLIENT_BEGUN);
    }
}
