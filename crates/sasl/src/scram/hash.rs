//! The hash function of a SCRAM mechanism and what is computed with it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

use crate::mechanism::Mechanism;
use crate::secret::Secret;

/// The hash function of a SCRAM mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ScramHash {
    /// SHA-256, for `SCRAM-SHA-256`.
    Sha256,
    /// SHA-512, for `SCRAM-SHA-512`.
    Sha512,
}

impl ScramHash {
    /// The mechanism that uses this hash.
    #[must_use]
    pub const fn mechanism(self) -> Mechanism {
        match self {
            Self::Sha256 => Mechanism::ScramSha256,
            Self::Sha512 => Mechanism::ScramSha512,
        }
    }

    /// The hash of a mechanism; `None` when it is not SCRAM.
    #[must_use]
    pub const fn of(mechanism: Mechanism) -> Option<Self> {
        match mechanism {
            Mechanism::ScramSha256 => Some(Self::Sha256),
            Mechanism::ScramSha512 => Some(Self::Sha512),
            Mechanism::Plain | Mechanism::OAuthBearer => None,
        }
    }

    /// How many bytes its results have: 32 or 64.
    #[must_use]
    pub const fn output_length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// `Hi(password, salt, iterations)` of RFC 5802, 2.2: the salted password.
    ///
    /// The password is used as it is; prepare it first where the mechanism demands it.
    #[must_use]
    pub fn salted_password(self, password: &Secret, salt: &[u8], iterations: u32) -> Secret {
        let mut output = vec![0; self.output_length()];
        let password = password.expose();
        match self {
            Self::Sha256 => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut output);
            }
            Self::Sha512 => {
                pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut output);
            }
        }
        Secret::new(output)
    }

    /// `HMAC(key, data)`.
    pub(crate) fn hmac(self, key: &[u8], data: &[u8]) -> Secret {
        const ANY_LENGTH: &str = "HMAC takes keys of any length";
        match self {
            Self::Sha256 => {
                let mut mac = Hmac::<Sha256>::new_from_slice(key).expect(ANY_LENGTH);
                mac.update(data);
                Secret::from(mac.finalize().into_bytes().as_slice())
            }
            Self::Sha512 => {
                let mut mac = Hmac::<Sha512>::new_from_slice(key).expect(ANY_LENGTH);
                mac.update(data);
                Secret::from(mac.finalize().into_bytes().as_slice())
            }
        }
    }

    /// `H(data)`.
    pub(crate) fn digest(self, data: &[u8]) -> Secret {
        match self {
            Self::Sha256 => Secret::from(Sha256::digest(data).as_slice()),
            Self::Sha512 => Secret::from(Sha512::digest(data).as_slice()),
        }
    }
}

/// `left XOR right`, as long as the shorter one.
pub(crate) fn xor(left: &[u8], right: &[u8]) -> Secret {
    Secret::new(left.iter().zip(right).map(|(left, right)| left ^ right).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_belongs_to_its_mechanism() {
        for hash in [ScramHash::Sha256, ScramHash::Sha512] {
            assert_eq!(ScramHash::of(hash.mechanism()), Some(hash));
            assert_eq!(hash.digest(b"").len(), hash.output_length());
            assert_eq!(hash.hmac(b"k", b"d").len(), hash.output_length());
        }
        assert_eq!(ScramHash::of(Mechanism::Plain), None);
    }

    // The output lengths of the hash are the lengths of the first block of PBKDF2.
    #[test]
    fn salts_as_pbkdf2_of_another_implementation_does() {
        let salted = ScramHash::Sha512.salted_password(&"pencil".into(), b"salt", 4096);
        assert_eq!(salted.len(), 64);
        let first: [u8; 8] = *salted.expose().first_chunk().unwrap();
        assert_eq!(u64::from_be_bytes(first), PBKDF2_SHA512_FIRST);
    }

    // python3: hashlib.pbkdf2_hmac("sha512", b"pencil", b"salt", 4096)[:8].hex()
    const PBKDF2_SHA512_FIRST: u64 = 0x2cfe_3a1c_1516_62b1;
}
