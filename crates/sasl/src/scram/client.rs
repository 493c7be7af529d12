//! The client side of SCRAM.

use subtle::ConstantTimeEq;

use crate::error::{Field, SaslError, SaslMessage};
use crate::exchange::{CLIENT_BEGUN, CLIENT_NOT_WAITING, ClientStep};
use crate::limits;
use crate::mechanism::Mechanism;
use crate::saslprep::Preparation;
use crate::scram::hash::{ScramHash, xor};
use crate::scram::message::{ClientFinal, ClientFirst, ServerFinal, ServerFirst, auth_message};
use crate::scram::nonce::Nonce;
use crate::scram::{ITERATIONS_CEILING_DEFAULT, ITERATIONS_MIN};
use crate::secret::Secret;

/// What a SCRAM client can be told besides user and password.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScramOptions {
    /// As whom to act. Kafka refuses one that differs from the user name. Default: as the user.
    pub authorization_id: Option<String>,
    /// Whether user name and password are the id and HMAC of a delegation token (KIP-48), which is
    /// `tokenauth=true` in Kafka's JAAS options. Default: no.
    pub token_auth: bool,
    /// Most iterations that the server may ask for, at least [`ITERATIONS_MIN`]. Default:
    /// [`ITERATIONS_CEILING_DEFAULT`].
    pub iterations_ceiling: u32,
    /// How names and password are prepared. Default: SASLprep.
    pub preparation: Preparation,
}

impl Default for ScramOptions {
    fn default() -> Self {
        Self {
            authorization_id: None,
            token_auth: false,
            iterations_ceiling: ITERATIONS_CEILING_DEFAULT,
            preparation: Preparation::default(),
        }
    }
}

/// The client side of SCRAM.
///
/// ```text
/// Start --initial--> FirstSent --server-first--> FinalSent --server-final--> Over
/// ```
///
/// Every failure leads to `Over`.
#[derive(Debug)]
pub struct ScramClient {
    hash: ScramHash,
    iterations_ceiling: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    Start(First),
    FirstSent(First),
    FinalSent { server_signature: Secret },
    Over,
}

/// What the first message is made of and the second one needs.
#[derive(Debug)]
struct First {
    gs2_header: String,
    bare: String,
    nonce: Nonce,
    password: Secret,
}

impl ScramClient {
    /// An exchange with the default options. The nonce must be fresh and random.
    ///
    /// # Errors
    /// [`SaslError`] of kind `Local` when the name or the password is empty or cannot be prepared.
    pub fn new(
        hash: ScramHash,
        username: &str,
        password: &Secret,
        nonce: Nonce,
    ) -> Result<Self, SaslError> {
        Self::with_options(hash, username, password, nonce, &ScramOptions::default())
    }

    /// An exchange with these options.
    ///
    /// # Errors
    /// As [`ScramClient::new`], and [`SaslError::IterationCeiling`].
    pub fn with_options(
        hash: ScramHash,
        username: &str,
        password: &Secret,
        nonce: Nonce,
        options: &ScramOptions,
    ) -> Result<Self, SaslError> {
        if options.iterations_ceiling < ITERATIONS_MIN {
            return Err(SaslError::IterationCeiling {
                ceiling: options.iterations_ceiling,
                minimum: ITERATIONS_MIN,
            });
        }
        let preparation = options.preparation;
        let username = prepared_name(preparation, Field::Username, username)?;
        let password = preparation.secret(Field::Password, password)?;
        let authorization_id = match &options.authorization_id {
            Some(name) => Some(prepared_name(preparation, Field::AuthorizationId, name)?),
            None => None,
        };
        let first = First {
            gs2_header: ClientFirst::write_gs2_header(authorization_id.as_deref()),
            bare: ClientFirst::write_bare(&username, nonce.as_str(), options.token_auth),
            nonce,
            password,
        };
        let iterations_ceiling = options.iterations_ceiling;
        Ok(Self { hash, iterations_ceiling, state: State::Start(first) })
    }

    /// `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        self.hash.mechanism()
    }

    /// The message `client-first-message`.
    ///
    /// # Errors
    /// [`SaslError::OutOfOrder`] when it was called before.
    pub fn initial(&mut self) -> Result<Secret, SaslError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Start(first) => {
                let message = Secret::concat(&[first.gs2_header.as_bytes(), first.bare.as_bytes()]);
                self.state = State::FirstSent(first);
                Ok(message)
            }
            State::FirstSent(_) | State::FinalSent { .. } | State::Over => Err(CLIENT_BEGUN),
        }
    }

    /// Takes `server-first-message`, then `server-final-message`.
    ///
    /// # Errors
    /// [`SaslError`] of kind `Refused` for `e=`, of kind `Protocol` for a server that breaks a
    /// rule or does not know the credential.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<ClientStep, SaslError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::FirstSent(first) => {
                let (message, server_signature) = self.prove(&first, challenge)?;
                self.state = State::FinalSent { server_signature };
                Ok(ClientStep::Send(message))
            }
            State::FinalSent { server_signature } => {
                let text = limits::text(SaslMessage::ServerFinal, challenge)?;
                let received = ServerFinal::parse(text)?;
                // Spec: RFC5802#5: the client must check the signature. The length is public.
                if bool::from(received.as_slice().ct_eq(server_signature.expose())) {
                    Ok(ClientStep::Done)
                } else {
                    Err(SaslError::ServerSignature)
                }
            }
            State::Start(_) | State::Over => Err(CLIENT_NOT_WAITING),
        }
    }

    /// The final message, and the signature that the server must answer with.
    fn prove(&self, first: &First, challenge: &[u8]) -> Result<(Secret, Secret), SaslError> {
        let text = limits::text(SaslMessage::ServerFirst, challenge)?;
        let server_first = ServerFirst::parse(text)?;
        match server_first.nonce.strip_prefix(first.nonce.as_str()) {
            Some(added) if !added.is_empty() => {}
            _ => return Err(SaslError::NonceNotExtended),
        }
        let iterations = self.check_iterations(server_first.iterations)?;

        let hash = self.hash;
        let without_proof = ClientFinal::write_without_proof(&first.gs2_header, server_first.nonce);
        let auth_message = auth_message(&first.bare, text, &without_proof);
        let salted = hash.salted_password(&first.password, &server_first.salt, iterations);
        let client_key = hash.hmac(salted.expose(), b"Client Key");
        let stored_key = hash.digest(client_key.expose());
        let client_signature = hash.hmac(stored_key.expose(), auth_message.as_bytes());
        let proof = xor(client_key.expose(), client_signature.expose());
        let server_key = hash.hmac(salted.expose(), b"Server Key");
        let server_signature = hash.hmac(server_key.expose(), auth_message.as_bytes());
        let message = ClientFinal::write(&without_proof, proof.expose());
        Ok((Secret::from(message), server_signature))
    }

    fn check_iterations(&self, found: u64) -> Result<u32, SaslError> {
        let allowed = ITERATIONS_MIN..=self.iterations_ceiling;
        u32::try_from(found).ok().filter(|found| allowed.contains(found)).ok_or(
            SaslError::IterationsOutOfRange {
                found,
                minimum: ITERATIONS_MIN,
                maximum: self.iterations_ceiling,
            },
        )
    }
}

fn prepared_name(preparation: Preparation, field: Field, name: &str) -> Result<String, SaslError> {
    let name = preparation.text(field, name)?;
    match name.find('\0') {
        None => Ok(name.into_owned()),
        Some(position) => {
            let rule = "SCRAM carries no NUL in names";
            Err(SaslError::ForbiddenCharacter { field, position, rule })
        }
    }
}

#[cfg(test)]
mod tests;
