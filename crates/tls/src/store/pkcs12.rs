//! PKCS#12, the format of Java's key stores since Java 9, and of OpenSSL's.
//!
//! Spec: RFC7292#4: a file is a list of safes, of which each may be encrypted; a safe is a list of
//! bags; a bag is a key or a certificate with attributes, which say what belongs together.

use hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::pki_types::CertificateDer;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::budget::Budget;
use super::der::{
    CONTEXT_0, Der, IMPLICIT_0, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, dotted,
};
use super::error::StoreError;
use super::pkcs12_kdf::{Purpose, derive};
use super::{ENTRIES_MAX, Identity, Passwords, Store, pbe, private_key};
use crate::password::Password;

/// 1.2.840.113549.1.7.1
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
/// 1.2.840.113549.1.7.6
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6];
/// 1.2.840.113549.1.12.10.1, followed by the kind of bag.
const BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1];
/// 1.2.840.113549.1.9.22.1
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 22, 1];
/// 1.2.840.113549.1.9.21
const LOCAL_KEY_ID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 21];
/// 2.16.840.1.113894.746875.1.1, with which Java marks certificates that are trusted.
const TRUSTED_KEY_USAGE: &[u8] = &[0x60, 0x86, 0x48, 1, 0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 1, 1];

const SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const SHA384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];

/// The longest certificate chain that is put together.
const CHAIN_MAX: usize = 16;

/// A certificate and what its attributes say.
struct Certificate {
    der: Vec<u8>,
    local_key_id: Option<Vec<u8>>,
    is_trusted: bool,
}

/// A key that is not decrypted yet: files may have many, and one is wanted.
struct Key {
    der: Vec<u8>,
    is_encrypted: bool,
    local_key_id: Option<Vec<u8>>,
}

#[derive(Default)]
struct Bags {
    certificates: Vec<Certificate>,
    keys: Vec<Key>,
}

/// Reads a store.
pub(super) fn read(
    bytes: &[u8],
    passwords: Passwords<'_>,
    wants_key: bool,
    budget: &mut Budget,
) -> Result<Store, StoreError> {
    let mut file = Der::new(bytes).nested(SEQUENCE)?;
    if file.number()? != 3 {
        return Err(StoreError::Malformed("it is not PKCS#12 of version 3"));
    }
    let mut content = file.nested(SEQUENCE)?;
    if content.expect(OBJECT_IDENTIFIER)?.content != DATA {
        let what = "it is signed with a public key, not with a password".to_owned();
        return Err(StoreError::Unsupported(what));
    }
    let safes = content.nested(CONTEXT_0)?.expect(OCTET_STRING)?.content;
    // Without a password the integrity is not checked, as in Java.
    if let Some(password) = passwords.store
        && !file.is_empty()
    {
        verify(file.nested(SEQUENCE)?, safes, password, budget)?;
    }
    let mut bags = Bags::default();
    let mut safes = Der::new(safes).nested(SEQUENCE)?;
    while !safes.is_empty() {
        read_safe(safes.nested(SEQUENCE)?, passwords, &mut bags, budget)?;
    }
    bags.into_store(passwords, wants_key, budget)
}

/// Checks the MAC over all safes.
fn verify(
    mut mac_data: Der<'_>,
    safes: &[u8],
    password: &Password,
    budget: &mut Budget,
) -> Result<(), StoreError> {
    let mut digest = mac_data.nested(SEQUENCE)?;
    let algorithm = digest.nested(SEQUENCE)?.expect(OBJECT_IDENTIFIER)?.content;
    let expected = digest.expect(OCTET_STRING)?.content;
    let salt = mac_data.expect(OCTET_STRING)?.content;
    let rounds = if mac_data.is_empty() { 1 } else { mac_data.number()? };
    budget.take(u64::from(rounds))?;
    let how = (Purpose::Mac, rounds);
    macro_rules! check {
        ($hash:ty, $block:literal, $length:literal) => {{
            let key = derive::<$hash>($block, password, salt, how, $length);
            let mac = Hmac::<$hash>::new_from_slice(&key).expect("HMAC takes keys of any length");
            mac.chain_update(safes).verify_slice(expected)
        }};
    }
    let verified = match algorithm {
        SHA1 => check!(Sha1, 64, 20),
        SHA256 => check!(Sha256, 64, 32),
        SHA384 => check!(Sha384, 128, 48),
        SHA512 => check!(Sha512, 128, 64),
        _ => {
            let what = format!("its integrity is protected with {}", dotted(algorithm));
            return Err(StoreError::Unsupported(what));
        }
    };
    verified.map_err(|_| StoreError::WrongPassword)
}

/// Reads a `ContentInfo` with bags in it.
fn read_safe(
    mut safe: Der<'_>,
    passwords: Passwords<'_>,
    bags: &mut Bags,
    budget: &mut Budget,
) -> Result<(), StoreError> {
    match safe.expect(OBJECT_IDENTIFIER)?.content {
        DATA => {
            let content = safe.nested(CONTEXT_0)?.expect(OCTET_STRING)?.content;
            bags.read(content)
        }
        ENCRYPTED_DATA => {
            let mut data = safe.nested(CONTEXT_0)?.nested(SEQUENCE)?;
            data.number()?;
            let mut info = data.nested(SEQUENCE)?;
            info.expect(OBJECT_IDENTIFIER)?;
            let algorithm = info.expect(SEQUENCE)?.whole;
            let encrypted = info.expect(IMPLICIT_0)?.content;
            let password = passwords.store.ok_or(StoreError::NoPassword)?;
            let content = pbe::decrypt(algorithm, encrypted, password, budget)?;
            bags.read(&content)
        }
        other => {
            let what = format!("a part of it is of type {}", dotted(other));
            Err(StoreError::Unsupported(what))
        }
    }
}

impl Bags {
    fn read(&mut self, content: &[u8]) -> Result<(), StoreError> {
        let mut bags = Der::new(content).nested(SEQUENCE)?;
        while !bags.is_empty() {
            if self.certificates.len() + self.keys.len() >= ENTRIES_MAX {
                return Err(StoreError::TooLarge);
            }
            let mut bag = bags.nested(SEQUENCE)?;
            let kind = bag.expect(OBJECT_IDENTIFIER)?.content;
            let mut value = bag.nested(CONTEXT_0)?;
            let (local_key_id, is_trusted) = attributes(bag)?;
            match kind.strip_prefix(BAG) {
                Some([kind @ (1 | 2)]) => self.keys.push(Key {
                    der: value.expect(SEQUENCE)?.whole.to_vec(),
                    is_encrypted: *kind == 2,
                    local_key_id,
                }),
                Some([3]) => {
                    let mut certificate = value.nested(SEQUENCE)?;
                    if certificate.expect(OBJECT_IDENTIFIER)?.content == X509_CERTIFICATE {
                        let der = certificate.nested(CONTEXT_0)?.expect(OCTET_STRING)?.content;
                        let der = der.to_vec();
                        self.certificates.push(Certificate { der, local_key_id, is_trusted });
                    }
                }
                // Revocation lists and secrets are of no use here.
                _ => {}
            }
        }
        Ok(())
    }

    fn into_store(
        self,
        passwords: Passwords<'_>,
        wants_key: bool,
        budget: &mut Budget,
    ) -> Result<Store, StoreError> {
        let identity = match self.keys.first() {
            Some(key) if wants_key => Some(self.identity(key, passwords, budget)?),
            _ => None,
        };
        // OpenSSL marks nothing as trusted; then everything is that does not belong to a key.
        let any_marked = self.certificates.iter().any(|certificate| certificate.is_trusted);
        let trusted = self
            .certificates
            .into_iter()
            .filter(|certificate| match any_marked {
                true => certificate.is_trusted,
                false => certificate.local_key_id.is_none(),
            })
            .map(|certificate| CertificateDer::from(certificate.der))
            .collect();
        Ok(Store { trusted, identity })
    }

    fn identity(
        &self,
        key: &Key,
        passwords: Passwords<'_>,
        budget: &mut Budget,
    ) -> Result<Identity, StoreError> {
        let chain = self.chain(key);
        if chain.is_empty() {
            return Err(StoreError::NoKey);
        }
        let clear = if key.is_encrypted {
            let password = passwords.for_key().ok_or(StoreError::NoPassword)?;
            pbe::decrypt_key(&key.der, password, budget)?
        } else {
            key.der.clone()
        };
        Ok(Identity { chain, key: private_key(clear)? })
    }

    /// The key's own certificate and those of its issuers, as far as they are here.
    fn chain(&self, key: &Key) -> Vec<CertificateDer<'static>> {
        let own = self
            .certificates
            .iter()
            .find(|certificate| {
                key.local_key_id.is_some() && certificate.local_key_id == key.local_key_id
            })
            .or(match self.certificates.as_slice() {
                [only] => Some(only),
                _ => None,
            });
        let mut chain: Vec<&Certificate> = Vec::new();
        let mut next = own;
        while let Some(certificate) = next
            && chain.len() < CHAIN_MAX
        {
            chain.push(certificate);
            let Some(names) = names(&certificate.der).ok().filter(|names| !names.is_self_issued())
            else {
                break;
            };
            next = self.certificates.iter().find(|other| {
                self::names(&other.der).is_ok_and(|other| other.subject == names.issuer)
                    && !chain.iter().any(|one| one.der == other.der)
            });
        }
        chain.into_iter().map(|certificate| CertificateDer::from(certificate.der.clone())).collect()
    }
}

/// The local key id, and whether Java marked the certificate as trusted.
fn attributes(mut bag: Der<'_>) -> Result<(Option<Vec<u8>>, bool), StoreError> {
    let mut found = (None, false);
    if bag.peek() != Some(SET) {
        return Ok(found);
    }
    let mut attributes = bag.nested(SET)?;
    while !attributes.is_empty() {
        let mut attribute = attributes.nested(SEQUENCE)?;
        match attribute.expect(OBJECT_IDENTIFIER)?.content {
            LOCAL_KEY_ID => {
                found.0 = Some(attribute.nested(SET)?.expect(OCTET_STRING)?.content.to_vec());
            }
            TRUSTED_KEY_USAGE => found.1 = true,
            _ => {}
        }
    }
    Ok(found)
}

/// Who a certificate is for and who signed it, as they are encoded.
struct Names<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
}

impl Names<'_> {
    fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

/// Spec: RFC5280#4.1.
fn names(certificate: &[u8]) -> Result<Names<'_>, StoreError> {
    let mut body = Der::new(certificate).nested(SEQUENCE)?.nested(SEQUENCE)?;
    if body.peek() == Some(CONTEXT_0) {
        body.any()?;
    }
    body.any()?; // serial number
    body.any()?; // algorithm of the signature
    let issuer = body.expect(SEQUENCE)?.whole;
    body.any()?; // validity
    Ok(Names { issuer, subject: body.expect(SEQUENCE)?.whole })
}
