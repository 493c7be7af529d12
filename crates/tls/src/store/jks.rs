//! JKS, the format of Java's own key stores before Java 9.
//!
//! ```text
//! magic FEEDFEED, version 1 or 2, count, then as often as it says:
//!   1 (private key): alias, time, key, count of certificates, certificates
//!   2 (trusted certificate): alias, time, certificate
//! SHA-1 over the password, the words "Mighty Aphrodite" and all of this
//! ```
//!
//! Numbers are big-endian; an alias is two bytes of length and a text; keys and certificates are four
//! bytes of length and DER; a certificate of version 2 has its type before it, a text too.
//!
//! A key is in an `EncryptedPrivateKeyInfo` of an algorithm of Sun's own: 20 bytes of salt, the key
//! XOR a chain of SHA-1 that begins with password and salt, and SHA-1 over password and key.

use rustls::pki_types::CertificateDer;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::der::{Der, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, dotted};
use super::error::StoreError;
use super::{ENTRIES_MAX, Identity, Passwords, Store, private_key};
use crate::password::Password;

const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];

/// JCEKS has the same shape and keys that are encrypted in another way.
const JCEKS_MAGIC: [u8; 4] = [0xce, 0xce, 0xce, 0xce];

/// What the digest at the end begins with, after the password.
const WHITENER: &[u8] = b"Mighty Aphrodite";

/// 1.3.6.1.4.1.42.2.17.1.1
const SUN_KEY_PROTECTOR: &[u8] = &[0x2b, 6, 1, 4, 1, 0x2a, 2, 0x11, 1, 1];

const DIGEST_BYTES: usize = 20;

const ENDS: StoreError = StoreError::Malformed("it ends too early");

/// Whether these are the first bytes of JKS, or of JCEKS.
pub(super) fn is_jks(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC) || bytes.starts_with(&JCEKS_MAGIC)
}

/// Reads a store.
pub(super) fn read(
    bytes: &[u8],
    passwords: Passwords<'_>,
    wants_key: bool,
) -> Result<Store, StoreError> {
    if bytes.starts_with(&JCEKS_MAGIC) {
        let what = "it is a JCEKS store; convert it with keytool -importkeystore to PKCS12";
        return Err(StoreError::Unsupported(what.to_owned()));
    }
    let length = bytes.len().checked_sub(DIGEST_BYTES).ok_or(ENDS)?;
    let (body, digest) = bytes.split_at_checked(length).ok_or(ENDS)?;
    // Without a password the integrity is not checked, as in Java.
    if let Some(password) = passwords.store {
        let expected = Sha1::new()
            .chain_update(utf16(password))
            .chain_update(WHITENER)
            .chain_update(body)
            .finalize();
        if !bool::from(expected.as_slice().ct_eq(digest)) {
            return Err(StoreError::WrongPassword);
        }
    }
    entries(&mut Reader(body), passwords, wants_key)
}

fn entries(
    reader: &mut Reader<'_>,
    passwords: Passwords<'_>,
    wants_key: bool,
) -> Result<Store, StoreError> {
    reader.take(MAGIC.len())?;
    let version = reader.number()?;
    if !(1..=2).contains(&version) {
        return Err(StoreError::Unsupported(format!("it is JKS of version {version}")));
    }
    let mut store = Store::default();
    for _ in 0..reader.count()? {
        let tag = reader.number()?;
        reader.text()?;
        reader.take(8)?;
        match tag {
            1 => {
                let key = reader.sized()?;
                let mut chain = Vec::new();
                for _ in 0..reader.count()? {
                    chain.push(reader.certificate(version)?);
                }
                if wants_key && store.identity.is_none() {
                    let password = passwords.for_key().ok_or(StoreError::NoPassword)?;
                    store.identity =
                        Some(Identity { chain, key: private_key(unlock(key, password)?)? });
                }
            }
            2 => store.trusted.push(reader.certificate(version)?),
            _ => return Err(StoreError::Malformed("an entry is neither a key nor a certificate")),
        }
    }
    Ok(store)
}

/// The key in clear.
fn unlock(encrypted: &[u8], password: &Password) -> Result<Vec<u8>, StoreError> {
    let mut info = Der::new(encrypted).nested(SEQUENCE)?;
    let algorithm = info.nested(SEQUENCE)?.expect(OBJECT_IDENTIFIER)?.content;
    if algorithm != SUN_KEY_PROTECTOR {
        let what = format!("its key is encrypted with {}", dotted(algorithm));
        return Err(StoreError::Unsupported(what));
    }
    let protected = info.expect(OCTET_STRING)?.content;
    let (salt, rest) = protected.split_at_checked(DIGEST_BYTES).ok_or(ENDS)?;
    let length = rest.len().checked_sub(DIGEST_BYTES).ok_or(ENDS)?;
    let (locked, check) = rest.split_at_checked(length).ok_or(ENDS)?;
    let password = utf16(password);
    let mut key = locked.to_vec();
    let mut link = Zeroizing::new(salt.to_vec());
    for block in key.chunks_mut(DIGEST_BYTES) {
        let next = Sha1::new().chain_update(&password).chain_update(&link).finalize();
        link.copy_from_slice(&next);
        block.iter_mut().zip(link.iter()).for_each(|(byte, mask)| *byte ^= mask);
    }
    let expected = Sha1::new().chain_update(&password).chain_update(&key).finalize();
    if bool::from(expected.as_slice().ct_eq(check)) {
        Ok(key)
    } else {
        Err(StoreError::WrongPassword)
    }
}

/// A password as Java hashes it: two bytes a character.
fn utf16(password: &Password) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.expose().encode_utf16().flat_map(u16::to_be_bytes).collect())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ENDS)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, StoreError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(ENDS)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    fn count(&mut self) -> Result<usize, StoreError> {
        let count = usize::try_from(self.number()?).map_err(|_| StoreError::TooLarge)?;
        if count > ENTRIES_MAX { Err(StoreError::TooLarge) } else { Ok(count) }
    }

    fn sized(&mut self) -> Result<&'a [u8], StoreError> {
        let length = usize::try_from(self.number()?).map_err(|_| ENDS)?;
        self.take(length)
    }

    fn text(&mut self) -> Result<&'a [u8], StoreError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(ENDS)?;
        self.0 = rest;
        self.take(usize::from(u16::from_be_bytes(*bytes)))
    }

    fn certificate(&mut self, version: u32) -> Result<CertificateDer<'static>, StoreError> {
        if version == 2 {
            let kind = self.text()?;
            if kind != b"X.509" {
                let what = "it has a certificate of another type than X.509";
                return Err(StoreError::Unsupported(what.to_owned()));
            }
        }
        Ok(CertificateDer::from(self.sized()?.to_vec()))
    }
}
