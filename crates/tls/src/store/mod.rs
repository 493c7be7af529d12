//! Key stores: files with certificates and private keys, as Java and OpenSSL write them.
//!
//! Which of the formats a file has is told by its first bytes, as Java does it: JKS (1), PKCS#12 (2)
//! or PEM (3). A file is untrusted: its size, and the work that its passwords take, are limited.

mod budget;
mod der;
mod error;
mod jks;
mod pbe;
mod pkcs12;
mod pkcs12_kdf;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

pub use error::StoreError;

use crate::config::StoreType;
use crate::password::Password;
use budget::Budget;
use der::{Der, SEQUENCE};

/// The longest file that is read, in bytes. Java's own list of authorities has 180 KiB.
pub(crate) const FILE_BYTES_MAX: u64 = 8 << 20;

/// The most certificates and keys that a store may have.
const ENTRIES_MAX: usize = 10_000;

/// What a store has.
#[derive(Default)]
pub(crate) struct Store {
    /// Certificates of those who are trusted.
    pub(crate) trusted: Vec<CertificateDer<'static>>,
    /// The first private key, with its certificate chain.
    pub(crate) identity: Option<Identity>,
}

/// A private key and its certificate chain, its own certificate first.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// The passwords that a store may need.
#[derive(Clone, Copy)]
pub(crate) struct Passwords<'a> {
    /// That of the store.
    pub(crate) store: Option<&'a Password>,
    /// That of the private key; `None`: the same as the store's.
    pub(crate) key: Option<&'a Password>,
}

impl<'a> Passwords<'a> {
    fn for_key(self) -> Option<&'a Password> {
        self.key.or(self.store)
    }
}

/// Reads a store of JKS or PKCS#12; `None` if the bytes are neither, and so may be PEM.
pub(crate) fn read(
    bytes: &[u8],
    passwords: Passwords<'_>,
    wants_key: bool,
) -> Option<Result<Store, StoreError>> {
    match type_of(bytes) {
        StoreType::Jks => Some(jks::read(bytes, passwords, wants_key)),
        StoreType::Pkcs12 => Some(pkcs12::read(bytes, passwords, wants_key, &mut Budget::new())),
        StoreType::Pem => None,
    }
}

/// What the first bytes say; PEM is what is neither of the others.
pub(crate) fn type_of(bytes: &[u8]) -> StoreType {
    if jks::is_jks(bytes) {
        StoreType::Jks
    } else if bytes.first() == Some(&SEQUENCE) {
        StoreType::Pkcs12
    } else {
        StoreType::Pem
    }
}

/// Decrypts a private key in PKCS#8 that is encrypted.
pub(crate) fn decrypt_key(
    encrypted: &[u8],
    password: &Password,
) -> Result<PrivateKeyDer<'static>, StoreError> {
    let key = pbe::decrypt_key(encrypted, password, &mut Budget::new())?;
    private_key(key)
}

/// A decrypted key, if it is one at all: a wrong password may give any bytes.
fn private_key(bytes: Vec<u8>) -> Result<PrivateKeyDer<'static>, StoreError> {
    match Der::new(&bytes).nested(SEQUENCE) {
        Ok(_) => Ok(PrivatePkcs8KeyDer::from(bytes).into()),
        Err(_) => Err(StoreError::WrongPassword),
    }
}

#[cfg(test)]
mod tests;
