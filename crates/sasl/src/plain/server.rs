//! The server side of PLAIN.

use std::fmt;
use std::sync::Arc;

use crate::error::{SaslError, SaslMessage, excerpt};
use crate::exchange::{Identity, SERVER_OVER, ServerStep};
use crate::limits;
use crate::mechanism::Mechanism;
use crate::secret::Secret;

/// What a client of PLAIN says. The texts are as received; none of them is empty but the
/// authorization id.
#[derive(Debug)]
#[non_exhaustive]
pub struct PlainLogin<'a> {
    /// As whom the client wants to act; empty for itself.
    pub authorization_id: &'a str,
    /// Who the client says it is.
    pub username: &'a str,
    /// Its password.
    pub password: &'a Secret,
}

impl PlainLogin<'_> {
    /// Compares the password in constant time.
    #[must_use]
    pub fn password_matches(&self, expected: &Secret) -> bool {
        self.password.matches(expected.expose())
    }
}

/// Decides whether a login of PLAIN is right. Closures over [`PlainLogin`] are verifiers too.
///
/// To keep it unknown whether a user exists, compare with some password for unknown users too.
pub trait PlainVerifier: Send + Sync {
    /// Whether the password is that of the user.
    fn verify(&self, login: &PlainLogin<'_>) -> bool;

    /// Whether the user, once verified, may act as `authorization_id`. Kafka, and so the default,
    /// allows a user nobody but itself.
    fn may_act_as(&self, username: &str, authorization_id: &str) -> bool {
        username == authorization_id
    }
}

impl<F: Fn(&PlainLogin<'_>) -> bool + Send + Sync> PlainVerifier for F {
    fn verify(&self, login: &PlainLogin<'_>) -> bool {
        self(login)
    }
}

/// The server side of PLAIN.
pub struct PlainServer {
    /// `None` once the one message was seen.
    verifier: Option<Arc<dyn PlainVerifier>>,
}

impl fmt::Debug for PlainServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PlainServer")
            .field("over", &self.verifier.is_none())
            .finish_non_exhaustive()
    }
}

impl PlainServer {
    /// An exchange that asks `verifier`.
    #[must_use]
    pub fn new(verifier: Arc<dyn PlainVerifier>) -> Self {
        Self { verifier: Some(verifier) }
    }

    /// Takes the client's message.
    pub fn respond(&mut self, response: &[u8]) -> ServerStep {
        let result = match self.verifier.take() {
            Some(verifier) => verify(verifier.as_ref(), response),
            None => Err(SERVER_OVER),
        };
        match result {
            Ok(identity) => ServerStep::Done { message: Vec::new(), identity },
            Err(error) => ServerStep::Rejected { message: Vec::new(), error },
        }
    }
}

fn verify(verifier: &dyn PlainVerifier, response: &[u8]) -> Result<Identity, SaslError> {
    let message = SaslMessage::Plain;
    let malformed = |rule| SaslError::Malformed { message, rule };
    let text = limits::text(message, response)?;
    let mut parts = text.split('\0');
    let (Some(authorization_id), Some(username), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed("it must have three parts, separated by two NUL (RFC 4616, 2)"));
    };
    if username.is_empty() {
        return Err(malformed("the user name is empty"));
    }
    if password.is_empty() {
        return Err(malformed("the password is empty"));
    }
    let password = Secret::from(password);
    if !verifier.verify(&PlainLogin { authorization_id, username, password: &password }) {
        return Err(SaslError::InvalidCredentials { mechanism: Mechanism::Plain });
    }
    let mut identity = Identity::new(username);
    if !authorization_id.is_empty() {
        if !verifier.may_act_as(username, authorization_id) {
            return Err(SaslError::AuthorizationRefused {
                username: excerpt(username),
                authorization_id: excerpt(authorization_id),
            });
        }
        identity.authorization_id = authorization_id.to_owned();
    }
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> PlainServer {
        PlainServer::new(Arc::new(|login: &PlainLogin<'_>| {
            login.password_matches(&"xipj3plmq".into()) && login.username == "Kurt"
        }))
    }

    fn rejection(response: &[u8]) -> SaslError {
        match server().respond(response) {
            ServerStep::Rejected { message, error } => {
                assert!(message.is_empty());
                error
            }
            step => panic!("{step:?}"),
        }
    }

    #[test]
    fn accepts_the_right_password() {
        for (message, authorization_id) in
            [(b"\0Kurt\0xipj3plmq".as_slice(), "Kurt"), (b"Kurt\0Kurt\0xipj3plmq", "Kurt")]
        {
            let ServerStep::Done { message, identity } = server().respond(message) else {
                panic!("rejected");
            };
            assert!(message.is_empty());
            assert_eq!(identity.username, "Kurt");
            assert_eq!(identity.authorization_id, authorization_id);
        }
    }

    #[test]
    fn rejects_wrong_user_and_wrong_password_alike() {
        let wrong_password = rejection(b"\0Kurt\0x");
        assert_eq!(wrong_password, rejection(b"\0Ursel\0xipj3plmq"));
        assert_eq!(wrong_password, SaslError::InvalidCredentials { mechanism: Mechanism::Plain });
    }

    #[test]
    fn lets_nobody_act_as_another() {
        assert!(matches!(
            rejection(b"Ursel\0Kurt\0xipj3plmq"),
            SaslError::AuthorizationRefused { .. }
        ));
    }

    #[test]
    fn lets_act_as_another_when_the_verifier_says_so() {
        struct Anyone;
        impl PlainVerifier for Anyone {
            fn verify(&self, _login: &PlainLogin<'_>) -> bool {
                true
            }
            fn may_act_as(&self, _username: &str, authorization_id: &str) -> bool {
                authorization_id == "Ursel"
            }
        }
        let mut server = PlainServer::new(Arc::new(Anyone));
        let ServerStep::Done { identity, .. } = server.respond(b"Ursel\0Kurt\0x") else {
            panic!("rejected");
        };
        assert_eq!(identity.authorization_id, "Ursel");
        assert_eq!(identity.username, "Kurt");
    }

    #[test]
    fn rejects_malformed_messages() {
        for message in
            [b"".as_slice(), b"Kurt", b"\0Kurt", b"\0\0x", b"\0Kurt\0", b"\0Kurt\0x\0", b"\0\0\0\0"]
        {
            assert!(matches!(rejection(message), SaslError::Malformed { .. }), "{message:?}");
        }
        assert!(matches!(rejection(b"\0K\0\xff"), SaslError::MessageNotUtf8 { .. }));
        let long = vec![b'a'; limits::PLAIN_MESSAGE_BYTES_MAX + 1];
        assert!(matches!(rejection(&long), SaslError::MessageTooLong { .. }));
    }

    #[test]
    fn hears_one_message_only() {
        let mut server = server();
        server.respond(b"");
        let ServerStep::Rejected { error, .. } = server.respond(b"\0Kurt\0xipj3plmq") else {
            panic!("accepted");
        };
        assert_eq!(error, SERVER_OVER);
    }
}
