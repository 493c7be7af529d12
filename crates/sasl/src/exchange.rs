//! The one shape of every exchange, so that a caller drives any mechanism in one loop.

use std::time::SystemTime;

use crate::error::SaslError;
use crate::mechanism::Mechanism;
use crate::oauthbearer::{OAuthBearerClient, OAuthBearerServer};
use crate::plain::{PlainClient, PlainServer};
use crate::scram::{ScramClient, ScramServer};
use crate::secret::Secret;

/// What a client does after a message of the server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientStep {
    /// Send these bytes, then give the server's answer to `respond`.
    Send(Secret),
    /// The exchange succeeded; nothing is to be sent.
    Done,
    /// The server refused, and the protocol wants this last answer before the connection is
    /// given up with `error`. What the server says to it changes nothing.
    Refused {
        /// The bytes to send.
        answer: Secret,
        /// Why the server refused.
        error: SaslError,
    },
}

/// What a server does after a message of the client.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerStep {
    /// Send these bytes, then give the client's answer to `respond`.
    Challenge(Vec<u8>),
    /// The client is authenticated. Send the message, empty or not, as the last one.
    Done {
        /// The bytes to send, often none.
        message: Vec<u8>,
        /// Who the client is.
        identity: Identity,
    },
    /// The client is not authenticated. Kafka answers with `SASL_AUTHENTICATION_FAILED` and
    /// closes the connection; the bytes are for protocols that send the mechanism's own refusal.
    Rejected {
        /// The mechanism's own refusal (`e=...` in SCRAM), empty when it has none.
        message: Vec<u8>,
        /// Why, for the log. Its text reveals not whether a user exists.
        error: SaslError,
    },
}

/// Who a client proved to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The name that was authenticated: user, token id, or principal of the token.
    pub username: String,
    /// The name to act as; it is the principal of the connection. Equal to `username` unless the
    /// client asked for another one and may, or it used a delegation token, whose owner it is.
    pub authorization_id: String,
    /// Whether a delegation token was used in place of a password (KIP-48).
    pub token_auth: bool,
    /// When the credential ends, if it does: the client must authenticate again (KIP-368).
    pub expires_at: Option<SystemTime>,
    /// OAUTHBEARER extensions in the order sent (KIP-342). The client says them; nobody has
    /// checked them.
    pub extensions: Vec<(String, String)>,
}

impl Identity {
    /// A user that acts as itself, without an end.
    #[must_use]
    pub fn new(username: impl Into<String>) -> Self {
        let username = username.into();
        Self {
            authorization_id: username.clone(),
            username,
            token_auth: false,
            expires_at: None,
            extensions: Vec::new(),
        }
    }
}

/// The client side of any mechanism.
///
/// Call [`initial`](Self::initial) once and send what it gives, then [`respond`](Self::respond)
/// with each answer of the server until it is not [`ClientStep::Send`]. An exchange that has
/// failed or ended answers every further call with [`SaslError::OutOfOrder`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientExchange {
    /// PLAIN.
    Plain(PlainClient),
    /// SCRAM-SHA-256 or SCRAM-SHA-512.
    Scram(ScramClient),
    /// OAUTHBEARER.
    OAuthBearer(OAuthBearerClient),
}

impl ClientExchange {
    /// The mechanism to name in `SaslHandshake`.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        match self {
            Self::Plain(_) => Mechanism::Plain,
            Self::Scram(client) => client.mechanism(),
            Self::OAuthBearer(_) => Mechanism::OAuthBearer,
        }
    }

    /// The first message. Every mechanism of Kafka begins with the client.
    ///
    /// # Errors
    /// [`SaslError::OutOfOrder`] when it was called before.
    pub fn initial(&mut self) -> Result<Secret, SaslError> {
        match self {
            Self::Plain(client) => client.initial(),
            Self::Scram(client) => client.initial(),
            Self::OAuthBearer(client) => client.initial(),
        }
    }

    /// Takes the server's answer, empty or not. SCRAM derives keys here, which takes
    /// milliseconds with the iterations of Kafka and up to a second at the default ceiling.
    ///
    /// # Errors
    /// Any [`SaslError`] of kind `Protocol` or `Refused`; the connection is of no use then.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<ClientStep, SaslError> {
        match self {
            Self::Plain(client) => client.respond(challenge),
            Self::Scram(client) => client.respond(challenge),
            Self::OAuthBearer(client) => client.respond(challenge),
        }
    }
}

impl From<PlainClient> for ClientExchange {
    fn from(client: PlainClient) -> Self {
        Self::Plain(client)
    }
}

impl From<ScramClient> for ClientExchange {
    fn from(client: ScramClient) -> Self {
        Self::Scram(client)
    }
}

impl From<OAuthBearerClient> for ClientExchange {
    fn from(client: OAuthBearerClient) -> Self {
        Self::OAuthBearer(client)
    }
}

/// The server side of any mechanism.
///
/// Give each message of the client to [`respond`](Self::respond) until it is not
/// [`ServerStep::Challenge`]. An exchange that has ended rejects every further message.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerExchange {
    /// PLAIN.
    Plain(PlainServer),
    /// SCRAM-SHA-256 or SCRAM-SHA-512.
    Scram(ScramServer),
    /// OAUTHBEARER.
    OAuthBearer(OAuthBearerServer),
}

impl ServerExchange {
    /// The mechanism of the exchange.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        match self {
            Self::Plain(_) => Mechanism::Plain,
            Self::Scram(server) => server.mechanism(),
            Self::OAuthBearer(_) => Mechanism::OAuthBearer,
        }
    }

    /// Takes a message of the client. `now` is the wall clock, for credentials that expire.
    pub fn respond(&mut self, response: &[u8], now: SystemTime) -> ServerStep {
        match self {
            Self::Plain(server) => server.respond(response),
            Self::Scram(server) => server.respond(response, now),
            Self::OAuthBearer(server) => server.respond(response, now),
        }
    }
}

impl From<PlainServer> for ServerExchange {
    fn from(server: PlainServer) -> Self {
        Self::Plain(server)
    }
}

impl From<ScramServer> for ServerExchange {
    fn from(server: ScramServer) -> Self {
        Self::Scram(server)
    }
}

impl From<OAuthBearerServer> for ServerExchange {
    fn from(server: OAuthBearerServer) -> Self {
        Self::OAuthBearer(server)
    }
}

/// What a server exchange says to a message after its end.
pub(crate) const SERVER_OVER: SaslError =
    SaslError::OutOfOrder { expected: "the exchange is over; begin another one" };

/// What a client exchange says to a challenge before its first message or after its end.
pub(crate) const CLIENT_NOT_WAITING: SaslError = SaslError::OutOfOrder {
    expected: "it waits for no challenge; call `initial` first, and nothing after the end",
};

/// What a client exchange says when its first message is asked for again.
pub(crate) const CLIENT_BEGUN: SaslError =
    SaslError::OutOfOrder { expected: "`initial` can be called only once" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_can_move_between_threads() {
        fn movable<T: Send + Sync + 'static>() {}
        movable::<ClientExchange>();
        movable::<ServerExchange>();
        movable::<ClientStep>();
        movable::<ServerStep>();
        movable::<SaslError>();
    }
}
