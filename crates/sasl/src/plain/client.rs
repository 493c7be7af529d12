//! The client side of PLAIN.

use crate::error::{Field, SaslError};
use crate::exchange::{CLIENT_BEGUN, CLIENT_NOT_WAITING, ClientStep};
use crate::secret::Secret;

/// The client side of PLAIN. Texts are sent as they are: preparing them is the server's part.
#[derive(Debug)]
pub struct PlainClient {
    state: State,
}

#[derive(Debug)]
enum State {
    Start { message: Secret },
    Sent,
    Over,
}

impl PlainClient {
    /// An exchange for this user, who acts as itself.
    ///
    /// # Errors
    /// [`SaslError`] of kind `Local` when a value is empty or has the character NUL, or the
    /// password is not UTF-8.
    pub fn new(username: &str, password: &Secret) -> Result<Self, SaslError> {
        Self::build("", username, password)
    }

    /// An exchange for this user, who wants to act as `authorization_id`. Kafka refuses one that
    /// differs from the user name.
    ///
    /// # Errors
    /// As [`PlainClient::new`].
    pub fn with_authorization_id(
        authorization_id: &str,
        username: &str,
        password: &Secret,
    ) -> Result<Self, SaslError> {
        check(Field::AuthorizationId, authorization_id)?;
        Self::build(authorization_id, username, password)
    }

    fn build(authorization_id: &str, username: &str, password: &Secret) -> Result<Self, SaslError> {
        check(Field::Username, username)?;
        let field = Field::Password;
        let password = password.expose_str().ok_or(SaslError::NotUtf8 { field })?;
        check(field, password)?;
        let message = Secret::concat(&[
            authorization_id.as_bytes(),
            b"\0",
            username.as_bytes(),
            b"\0",
            password.as_bytes(),
        ]);
        Ok(Self { state: State::Start { message } })
    }

    /// The one message of the client.
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

    /// Takes the server's answer. Its bytes are not looked at: PLAIN defines none, Kafka sends
    /// none, and a refusal comes as an error code beside them.
    ///
    /// # Errors
    /// [`SaslError::OutOfOrder`] when the exchange has not begun or is over.
    pub fn respond(&mut self, _challenge: &[u8]) -> Result<ClientStep, SaslError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Sent => Ok(ClientStep::Done),
            State::Start { .. } | State::Over => Err(CLIENT_NOT_WAITING),
        }
    }
}

fn check(field: Field, text: &str) -> Result<(), SaslError> {
    if text.is_empty() {
        return Err(SaslError::Empty { field });
    }
    match text.find('\0') {
        None => Ok(()),
        Some(position) => Err(SaslError::ForbiddenCharacter {
            field,
            position,
            rule: "PLAIN separates its parts with NUL, so no part may have one",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Spec-test: RFC4616#4
    #[test]
    fn writes_the_examples_of_the_rfc() {
        let mut client = PlainClient::new("tim", &"tanstaaftanstaaf".into()).unwrap();
        assert_eq!(client.initial().unwrap().expose(), b"\0tim\0tanstaaftanstaaf");
        let mut client =
            PlainClient::with_authorization_id("Ursel", "Kurt", &"xipj3plmq".into()).unwrap();
        assert_eq!(client.initial().unwrap().expose(), b"Ursel\0Kurt\0xipj3plmq");
        assert!(matches!(client.respond(b""), Ok(ClientStep::Done)));
    }

    #[test]
    fn refuses_what_the_message_cannot_carry() {
        let empty = |field| Some(SaslError::Empty { field });
        let password = Secret::from("p");
        assert_eq!(PlainClient::new("", &password).err(), empty(Field::Username));
        assert_eq!(PlainClient::new("u", &"".into()).err(), empty(Field::Password));
        assert_eq!(
            PlainClient::with_authorization_id("", "u", &password).err(),
            empty(Field::AuthorizationId)
        );
        let error = PlainClient::new("u", &"pass\0word".into()).unwrap_err();
        assert!(matches!(
            error,
            SaslError::ForbiddenCharacter { field: Field::Password, position: 4, .. }
        ));
        assert_eq!(
            PlainClient::new("u", &Secret::new(vec![0xff])).err(),
            Some(SaslError::NotUtf8 { field: Field::Password })
        );
    }

    #[test]
    fn refuses_calls_out_of_order() {
        let mut client = PlainClient::new("u", &"p".into()).unwrap();
        assert_eq!(client.respond(b"").unwrap_err(), CLIENT_NOT_WAITING);
        let mut client = PlainClient::new("u", &"p".into()).unwrap();
        client.initial().unwrap();
        assert_eq!(client.initial().unwrap_err(), CLIENT_BEGUN);
    }

    #[test]
    fn debug_shows_no_password() {
        let client = PlainClient::new("user", &"hunter2".into()).unwrap();
        assert!(!format!("{client:?}").contains("hunter2"));
    }
}
