//! What a server stores of a password: enough to check a proof, not enough to make one.

use crate::error::{Field, SaslError};
use crate::saslprep::Preparation;
use crate::scram::hash::ScramHash;
use crate::scram::{ITERATIONS_CEILING_DEFAULT, ITERATIONS_MIN};
use crate::secret::Secret;

/// A stored SCRAM credential (RFC 5802, 3). The keys are secret: with them and one overheard
/// exchange anybody can act as the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScramCredential {
    hash: ScramHash,
    salt: Vec<u8>,
    iterations: u32,
    stored_key: Secret,
    server_key: Secret,
}

impl ScramCredential {
    /// Derives a credential from a password, prepared as its clients will prepare it.
    ///
    /// The salt must be random; 16 bytes or more are good. The user name goes into no key.
    ///
    /// # Errors
    /// [`SaslError`] of kind `Local` when password or salt is empty or the password cannot be
    /// prepared, and [`SaslError::IterationsOutOfRange`].
    pub fn from_password(
        hash: ScramHash,
        password: &Secret,
        preparation: Preparation,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, SaslError> {
        let password = preparation.secret(Field::Password, password)?;
        check(salt, iterations)?;
        let salted = hash.salted_password(&password, salt, iterations);
        Self::from_salted_password(hash, &salted, salt, iterations)
    }

    /// Derives a credential from a salted password, as `AlterUserScramCredentials` carries it
    /// (KIP-554).
    ///
    /// # Errors
    /// [`SaslError::KeyLength`], [`SaslError::Empty`] for the salt, and
    /// [`SaslError::IterationsOutOfRange`].
    pub fn from_salted_password(
        hash: ScramHash,
        salted_password: &Secret,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, SaslError> {
        check_length(hash, Field::SaltedPassword, salted_password)?;
        let client_key = hash.hmac(salted_password.expose(), b"Client Key");
        let stored_key = hash.digest(client_key.expose());
        let server_key = hash.hmac(salted_password.expose(), b"Server Key");
        Self::from_keys(hash, salt, iterations, stored_key, server_key)
    }

    /// Takes the parts of a credential that is stored already.
    ///
    /// # Errors
    /// As [`ScramCredential::from_salted_password`].
    pub fn from_keys(
        hash: ScramHash,
        salt: &[u8],
        iterations: u32,
        stored_key: Secret,
        server_key: Secret,
    ) -> Result<Self, SaslError> {
        check(salt, iterations)?;
        check_length(hash, Field::StoredKey, &stored_key)?;
        check_length(hash, Field::ServerKey, &server_key)?;
        Ok(Self { hash, salt: salt.to_vec(), iterations, stored_key, server_key })
    }

    /// The hash that the keys are made with.
    #[must_use]
    pub const fn hash(&self) -> ScramHash {
        self.hash
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// How many iterations made the salted password.
    #[must_use]
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }

    /// `H(HMAC(salted password, "Client Key"))`.
    #[must_use]
    pub const fn stored_key(&self) -> &Secret {
        &self.stored_key
    }

    /// `HMAC(salted password, "Server Key")`.
    #[must_use]
    pub const fn server_key(&self) -> &Secret {
        &self.server_key
    }
}

fn check(salt: &[u8], iterations: u32) -> Result<(), SaslError> {
    if salt.is_empty() {
        return Err(SaslError::Empty { field: Field::Salt });
    }
    if !(ITERATIONS_MIN..=ITERATIONS_CEILING_DEFAULT).contains(&iterations) {
        return Err(SaslError::IterationsOutOfRange {
            found: iterations.into(),
            minimum: ITERATIONS_MIN,
            maximum: ITERATIONS_CEILING_DEFAULT,
        });
    }
    Ok(())
}

fn check_length(hash: ScramHash, field: Field, key: &Secret) -> Result<(), SaslError> {
    let (length, expected) = (key.len(), hash.output_length());
    if length == expected {
        return Ok(());
    }
    Err(SaslError::KeyLength { field, mechanism: hash.mechanism(), length, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(salt: &[u8], iterations: u32) -> Result<ScramCredential, SaslError> {
        ScramCredential::from_password(
            ScramHash::Sha256,
            &"pencil".into(),
            Preparation::Saslprep,
            salt,
            iterations,
        )
    }

    #[test]
    fn password_salted_password_and_keys_give_the_same() {
        let hash = ScramHash::Sha256;
        let made = credential(b"salt", 4096).unwrap();
        let salted = hash.salted_password(&"pencil".into(), b"salt", 4096);
        let from_salted =
            ScramCredential::from_salted_password(hash, &salted, b"salt", 4096).unwrap();
        assert_eq!(made, from_salted);
        let (stored_key, server_key) = (made.stored_key().clone(), made.server_key().clone());
        let from_keys =
            ScramCredential::from_keys(hash, made.salt(), 4096, stored_key, server_key).unwrap();
        assert_eq!(made, from_keys);
        assert_eq!((made.hash(), made.iterations()), (hash, 4096));
    }

    #[test]
    fn prepares_the_password_as_told() {
        let stored = |password: &str, preparation| {
            let hash = ScramHash::Sha256;
            ScramCredential::from_password(hash, &password.into(), preparation, b"salt", 4096)
        };
        let plain = stored("IX", Preparation::None);
        assert_eq!(stored("\u{2168}", Preparation::Saslprep), plain);
        assert_ne!(stored("\u{2168}", Preparation::None), plain);
        assert_eq!(stored("", Preparation::None), Err(SaslError::Empty { field: Field::Password }));
    }

    #[test]
    fn refuses_what_no_client_would_accept() {
        assert_eq!(credential(b"", 4096), Err(SaslError::Empty { field: Field::Salt }));
        for found in [0, 4095, 1_000_001] {
            assert_eq!(
                credential(b"salt", found),
                Err(SaslError::IterationsOutOfRange {
                    found: found.into(),
                    minimum: 4096,
                    maximum: 1_000_000
                })
            );
        }
        let short = Secret::new(vec![0; 31]);
        assert!(matches!(
            ScramCredential::from_salted_password(ScramHash::Sha256, &short, b"s", 4096),
            Err(SaslError::KeyLength {
                field: Field::SaltedPassword,
                length: 31,
                expected: 32,
                ..
            })
        ));
    }

    #[test]
    fn debug_shows_no_key() {
        let text = format!("{:?}", credential(b"salt", 4096).unwrap());
        assert_eq!(text.matches("[hidden]").count(), 2, "{text}");
    }
}
