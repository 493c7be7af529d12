//! Where a SCRAM server finds credentials, and what it answers for users that do not exist.

use std::fmt;
use std::time::SystemTime;

use crate::error::{Field, SaslError};
use crate::saslprep::Preparation;
use crate::scram::ITERATIONS_MIN;
use crate::scram::credential::ScramCredential;
use crate::scram::hash::ScramHash;
use crate::secret::Secret;

/// Gives a SCRAM server the credentials of users. Closures over name and hash are stores too.
pub trait ScramCredentialStore: Send + Sync {
    /// The credential of a user for this hash. The name is prepared as the server is told to.
    fn credential(&self, username: &str, hash: ScramHash) -> Option<ScramCredential>;

    /// The delegation token with this id (KIP-48), unless it has expired. The default knows none.
    fn delegation_token(
        &self,
        token_id: &str,
        hash: ScramHash,
        now: SystemTime,
    ) -> Option<DelegationToken> {
        let _ = (token_id, hash, now);
        None
    }

    /// Whether the user, once authenticated, may act as `authorization_id`. Kafka, and so the
    /// default, allows a user nobody but itself.
    fn may_act_as(&self, username: &str, authorization_id: &str) -> bool {
        username == authorization_id
    }
}

impl<F> ScramCredentialStore for F
where
    F: Fn(&str, ScramHash) -> Option<ScramCredential> + Send + Sync,
{
    fn credential(&self, username: &str, hash: ScramHash) -> Option<ScramCredential> {
        self(username, hash)
    }
}

/// A delegation token as a SCRAM server needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationToken {
    /// Made from the token's HMAC, in base64, as the password.
    pub credential: ScramCredential,
    /// Whom the token stands for.
    pub owner: String,
    /// When it ends.
    pub expires_at: Option<SystemTime>,
}

/// What all SCRAM exchanges of a server share.
pub struct ScramServerConfig {
    pub(super) store: Box<dyn ScramCredentialStore>,
    pub(super) preparation: Preparation,
    secret: Secret,
    decoy_iterations: u32,
    decoy_salt_length: usize,
}

impl fmt::Debug for ScramServerConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ScramServerConfig")
            .field("preparation", &self.preparation)
            .field("decoy_iterations", &self.decoy_iterations)
            .field("decoy_salt_length", &self.decoy_salt_length)
            .finish_non_exhaustive()
    }
}

impl ScramServerConfig {
    /// Bytes of salt for unknown users unless told otherwise.
    pub const DECOY_SALT_LENGTH_DEFAULT: usize = 16;
    /// Most bytes of salt for unknown users.
    pub const DECOY_SALT_LENGTH_MAX: usize = 32;

    /// A server with these credentials.
    ///
    /// From `secret` the salts of unknown users are derived, so that they look like those of known
    /// ones and do not change from one attempt to the next. Random, 32 bytes or more, and the same
    /// for all brokers of a cluster and after a restart.
    ///
    /// # Errors
    /// [`SaslError::Empty`] when the secret is empty.
    pub fn new(
        secret: Secret,
        store: impl ScramCredentialStore + 'static,
    ) -> Result<Self, SaslError> {
        if secret.is_empty() {
            return Err(SaslError::Empty { field: Field::ServerSecret });
        }
        Ok(Self {
            store: Box::new(store),
            preparation: Preparation::default(),
            secret,
            decoy_iterations: ITERATIONS_MIN,
            decoy_salt_length: Self::DECOY_SALT_LENGTH_DEFAULT,
        })
    }

    /// How user names are prepared before they are looked up. Default: SASLprep.
    #[must_use]
    pub const fn with_preparation(mut self, preparation: Preparation) -> Self {
        self.preparation = preparation;
        self
    }

    /// Iterations and salt length that unknown users seem to have: those that the server's real
    /// credentials are made with. Put into the ranges of [`ITERATIONS_MIN`] or more, and 1 to
    /// [`Self::DECOY_SALT_LENGTH_MAX`] bytes.
    #[must_use]
    pub fn with_decoy(mut self, iterations: u32, salt_length: usize) -> Self {
        self.decoy_iterations = iterations.max(ITERATIONS_MIN);
        self.decoy_salt_length = salt_length.clamp(1, Self::DECOY_SALT_LENGTH_MAX);
        self
    }

    /// What an unknown user seems to have. No password leads to its keys.
    pub(super) fn decoy(&self, username: &str, hash: ScramHash) -> Decoy {
        let derive = |purpose: &str| {
            let label = format!("{purpose}\0{}\0{username}", hash.mechanism());
            hash.hmac(self.secret.expose(), label.as_bytes())
        };
        let mut salt = derive("salt").into_exposed();
        salt.truncate(self.decoy_salt_length);
        Decoy {
            salt,
            iterations: self.decoy_iterations,
            stored_key: derive("stored key"),
            server_key: derive("server key"),
        }
    }
}

/// The parts of a credential that belongs to nobody.
pub(super) struct Decoy {
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
    pub(super) stored_key: Secret,
    pub(super) server_key: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(secret: &str) -> ScramServerConfig {
        ScramServerConfig::new(secret.into(), |_: &str, _| None).unwrap()
    }

    #[test]
    fn decoys_depend_on_secret_user_and_hash_alone() {
        let salt = |secret, user, hash| config(secret).decoy(user, hash).salt;
        let first = salt("s", "nobody", ScramHash::Sha256);
        assert_eq!(first, salt("s", "nobody", ScramHash::Sha256));
        assert_eq!(first.len(), ScramServerConfig::DECOY_SALT_LENGTH_DEFAULT);
        assert_ne!(first, salt("t", "nobody", ScramHash::Sha256));
        assert_ne!(first, salt("s", "nobody2", ScramHash::Sha256));
        assert_ne!(first, salt("s", "nobody", ScramHash::Sha512));
    }

    #[test]
    fn decoys_look_as_told() {
        let decoy = config("s").with_decoy(8192, 24).decoy("nobody", ScramHash::Sha512);
        assert_eq!((decoy.iterations, decoy.salt.len()), (8192, 24));
        let decoy = config("s").with_decoy(1, 1000).decoy("nobody", ScramHash::Sha256);
        assert_eq!((decoy.iterations, decoy.salt.len()), (4096, 32));
    }

    #[test]
    fn refuses_an_empty_secret_and_shows_none() {
        assert!(ScramServerConfig::new(Secret::default(), |_: &str, _| None).is_err());
        assert!(!format!("{:?}", config("hunter2")).contains("hunter2"));
    }
}
