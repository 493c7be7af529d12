//! The server side of SCRAM.

use std::sync::Arc;
use std::time::SystemTime;

use subtle::{Choice, ConstantTimeEq};

use crate::error::{Field, SaslError, SaslMessage, excerpt};
use crate::exchange::{Identity, SERVER_OVER, ServerStep};
use crate::limits;
use crate::mechanism::Mechanism;
use crate::scram::hash::{ScramHash, xor};
use crate::scram::message::{ClientFinal, ClientFirst, ServerFinal, ServerFirst, auth_message};
use crate::scram::nonce::Nonce;
use crate::scram::server_error::ServerErrorValue;
use crate::scram::store::ScramServerConfig;
use crate::secret::{Secret, constant_time_eq};

/// The server side of SCRAM.
///
/// ```text
/// Start --client-first--> ChallengeSent --client-final--> Over
/// ```
///
/// An unknown user gets a challenge like any other and fails at the proof, after the same work.
#[derive(Debug)]
pub struct ScramServer {
    hash: ScramHash,
    config: Arc<ScramServerConfig>,
    state: State,
}

#[derive(Debug)]
enum State {
    Start { nonce: Nonce },
    ChallengeSent(Box<Challenge>),
    Over,
}

/// What the proof is checked against.
#[derive(Debug)]
struct Challenge {
    gs2_header: String,
    client_first_bare: String,
    server_first: String,
    nonce: String,
    authorization_id: String,
    account: Account,
}

/// A user, a delegation token, or a decoy for somebody unknown.
#[derive(Debug)]
struct Account {
    identity: Identity,
    known: bool,
    salt: Vec<u8>,
    iterations: u32,
    stored_key: Secret,
    server_key: Secret,
}

impl ScramServer {
    /// An exchange. The nonce must be fresh and random.
    #[must_use]
    pub const fn new(hash: ScramHash, nonce: Nonce, config: Arc<ScramServerConfig>) -> Self {
        Self { hash, config, state: State::Start { nonce } }
    }

    /// `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        self.hash.mechanism()
    }

    /// Takes `client-first-message`, then `client-final-message`.
    pub fn respond(&mut self, response: &[u8], now: SystemTime) -> ServerStep {
        let result = match std::mem::replace(&mut self.state, State::Over) {
            State::Start { nonce } => self.challenge(&nonce, response, now),
            State::ChallengeSent(challenge) => self.verify(*challenge, response),
            State::Over => Err(SERVER_OVER),
        };
        result.unwrap_or_else(|error| ServerStep::Rejected {
            message: ServerFinal::write_error(&ServerErrorValue::answering(&error)).into_bytes(),
            error,
        })
    }

    fn challenge(
        &mut self,
        nonce: &Nonce,
        response: &[u8],
        now: SystemTime,
    ) -> Result<ServerStep, SaslError> {
        let text = limits::text(SaslMessage::ClientFirst, response)?;
        let first = ClientFirst::parse(text)?;
        let username = self.config.preparation.text(Field::Username, &first.username)?;
        let account = self.account(&username, first.token_auth, now);
        let nonce = format!("{}{}", first.nonce, nonce.as_str());
        let server_first = ServerFirst::write(&nonce, &account.salt, account.iterations);
        let message = server_first.clone().into_bytes();
        self.state = State::ChallengeSent(Box::new(Challenge {
            gs2_header: first.gs2_header.to_owned(),
            client_first_bare: first.bare.to_owned(),
            server_first,
            nonce,
            authorization_id: first.authorization_id,
            account,
        }));
        Ok(ServerStep::Challenge(message))
    }

    fn account(&self, username: &str, token_auth: bool, now: SystemTime) -> Account {
        // Derived for known users as well, so that both kinds take the same work.
        let decoy = self.config.decoy(username, self.hash);
        let mut identity = Identity::new(username);
        identity.token_auth = token_auth;
        let store = &self.config.store;
        let found = if token_auth {
            store.delegation_token(username, self.hash, now).map(|token| {
                identity.authorization_id = token.owner;
                identity.expires_at = token.expires_at;
                token.credential
            })
        } else {
            store.credential(username, self.hash)
        };
        match found.filter(|credential| credential.hash() == self.hash) {
            Some(credential) => Account {
                identity,
                known: true,
                salt: credential.salt().to_vec(),
                iterations: credential.iterations(),
                stored_key: credential.stored_key().clone(),
                server_key: credential.server_key().clone(),
            },
            None => Account {
                identity,
                known: false,
                salt: decoy.salt,
                iterations: decoy.iterations,
                stored_key: decoy.stored_key,
                server_key: decoy.server_key,
            },
        }
    }

    fn verify(&self, challenge: Challenge, response: &[u8]) -> Result<ServerStep, SaslError> {
        let text = limits::text(SaslMessage::ClientFinal, response)?;
        let last = ClientFinal::parse(text)?;
        if !constant_time_eq(last.nonce.as_bytes(), challenge.nonce.as_bytes()) {
            return Err(SaslError::NonceMismatch);
        }
        if last.channel_binding != challenge.gs2_header.as_bytes() {
            return Err(SaslError::ChannelBindingMismatch);
        }

        let Account { mut identity, known, stored_key, server_key, .. } = challenge.account;
        let hash = self.hash;
        let auth_message =
            auth_message(&challenge.client_first_bare, &challenge.server_first, last.without_proof);
        let client_signature = hash.hmac(stored_key.expose(), auth_message.as_bytes());
        let client_key = xor(&last.proof, client_signature.expose());
        let proved = hash.digest(client_key.expose()).expose().ct_eq(stored_key.expose());
        // The length of a proof is public; `xor` cuts a longer one, so it is compared as well.
        let whole = Choice::from(u8::from(last.proof.len() == hash.output_length()));
        let known = Choice::from(u8::from(known));
        if !bool::from(proved & whole & known) {
            return Err(SaslError::InvalidCredentials { mechanism: self.mechanism() });
        }

        let wanted = challenge.authorization_id;
        if !wanted.is_empty() {
            if !self.config.store.may_act_as(&identity.username, &wanted) {
                return Err(SaslError::AuthorizationRefused {
                    username: excerpt(&identity.username),
                    authorization_id: excerpt(&wanted),
                });
            }
            // The owner of a delegation token stays whom it stands for.
            if !identity.token_auth {
                identity.authorization_id = wanted;
            }
        }
        let server_signature = hash.hmac(server_key.expose(), auth_message.as_bytes());
        let message = ServerFinal::write(server_signature.expose()).into_bytes();
        Ok(ServerStep::Done { message, identity })
    }
}

#[cfg(test)]
mod tests;
