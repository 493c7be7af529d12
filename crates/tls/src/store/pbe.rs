//! Encryption with a password: PBES2, and the older schemes of PKCS#12.
//!
//! Spec: RFC8018#6.2, RFC7292#C.

use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt as _, KeyInit, KeyIvInit as _};
use des::TdesEde3;
use pkcs5::EncryptionScheme;
use pkcs5::pbes2::{Kdf, ScryptParams};
use rc2::Rc2;
use sha1::Sha1;

use super::budget::Budget;
use super::der::{Der, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, dotted};
use super::error::StoreError;
use super::pkcs12_kdf::{Purpose, derive};
use crate::password::Password;

/// 1.2.840.113549.1.5.13
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
/// 1.2.840.113549.1.12.1.3, triple DES with three keys.
const SHA1_TRIPLE_DES: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 3];
/// 1.2.840.113549.1.12.1.5, RC2 with 128 bits.
const SHA1_RC2_128: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 5];
/// 1.2.840.113549.1.12.1.6, RC2 with 40 bits.
const SHA1_RC2_40: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 6];

/// The most memory that scrypt may take, in bytes. OpenSSL's default takes 16 MiB.
const SCRYPT_BYTES_MAX: u64 = 64 << 20;

/// Decrypts an `EncryptedPrivateKeyInfo`.
pub(super) fn decrypt_key(
    encrypted: &[u8],
    password: &Password,
    budget: &mut Budget,
) -> Result<Vec<u8>, StoreError> {
    let mut info = Der::new(encrypted).nested(SEQUENCE)?;
    let algorithm = info.expect(SEQUENCE)?.whole;
    let data = info.expect(OCTET_STRING)?.content;
    decrypt(algorithm, data, password, budget)
}

/// Decrypts `data`, which is encrypted as this `AlgorithmIdentifier` says.
pub(super) fn decrypt(
    algorithm: &[u8],
    data: &[u8],
    password: &Password,
    budget: &mut Budget,
) -> Result<Vec<u8>, StoreError> {
    let mut parts = Der::new(algorithm).nested(SEQUENCE)?;
    let identifier = parts.expect(OBJECT_IDENTIFIER)?.content;
    match identifier {
        PBES2 => decrypt_pbes2(algorithm, data, password, budget),
        SHA1_TRIPLE_DES => decrypt_cbc::<TdesEde3>(parts, data, password, (24, budget)),
        SHA1_RC2_128 => decrypt_cbc::<Rc2>(parts, data, password, (16, budget)),
        SHA1_RC2_40 => decrypt_cbc::<Rc2>(parts, data, password, (5, budget)),
        _ => Err(StoreError::Unsupported(format!("it is encrypted with {}", dotted(identifier)))),
    }
}

fn decrypt_pbes2(
    algorithm: &[u8],
    data: &[u8],
    password: &Password,
    budget: &mut Budget,
) -> Result<Vec<u8>, StoreError> {
    let unsupported = |error: pkcs5::Error| {
        StoreError::Unsupported(format!("it is encrypted in a way that is not known: {error}"))
    };
    let scheme = EncryptionScheme::try_from(algorithm)
        .map_err(|_| StoreError::Malformed("the way of its encryption cannot be read"))?;
    match scheme.pbes2().map(|parameters| &parameters.kdf) {
        Some(Kdf::Pbkdf2(kdf)) => budget.take(u64::from(kdf.iteration_count))?,
        Some(Kdf::Scrypt(kdf)) => budget.take(scrypt_rounds(kdf)?)?,
        _ => return Err(StoreError::Unsupported("its way from password to key".to_owned())),
    }
    scheme.decrypt(password.expose(), data).map_err(|error| match error {
        pkcs5::Error::DecryptFailed => StoreError::WrongPassword,
        error => unsupported(error),
    })
}

/// About as many rounds of a hash as scrypt takes time for; an error if it takes too much memory.
fn scrypt_rounds(kdf: &ScryptParams) -> Result<u64, StoreError> {
    let memory = kdf
        .cost_parameter
        .checked_mul(u64::from(kdf.block_size))
        .and_then(|blocks| blocks.checked_mul(128))
        .filter(|bytes| *bytes <= SCRYPT_BYTES_MAX)
        .ok_or(StoreError::TooMuchWork)?;
    Ok((memory / 128).saturating_mul(u64::from(kdf.parallelization)))
}

/// Decrypts with the older schemes: PKCS#12's derivation with SHA-1, and a cipher with eight bytes a
/// block in CBC mode.
fn decrypt_cbc<C: BlockCipherDecrypt + KeyInit>(
    mut parts: Der<'_>,
    data: &[u8],
    password: &Password,
    (key_bytes, budget): (usize, &mut Budget),
) -> Result<Vec<u8>, StoreError> {
    let mut parameters = parts.nested(SEQUENCE)?;
    let salt = parameters.expect(OCTET_STRING)?.content;
    let rounds = parameters.number()?;
    // The key of triple DES takes two turns, the initialisation vector one.
    budget.take(3 * u64::from(rounds))?;
    let key = derive::<Sha1>(64, password, salt, (Purpose::Key, rounds), key_bytes);
    let vector = (Purpose::InitialisationVector, rounds);
    let vector = derive::<Sha1>(64, password, salt, vector, 8);
    Decryptor::<C>::new_from_slices(&key, &vector)
        .map_err(|_| StoreError::Malformed("a key has the wrong length"))?
        .decrypt_padded_vec::<Pkcs7>(data)
        .map_err(|_| StoreError::WrongPassword)
}
