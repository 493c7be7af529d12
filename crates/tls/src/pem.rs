//! Certificates and keys from PEM, in a file or inline.

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::config::PemSource;
use crate::error::TlsError;
use crate::password::Password;
use crate::store::{self, StoreError};
use crate::{file, store::Identity};

/// PEM that is read, and where it is from.
pub(crate) struct Pem {
    place: String,
    text: Vec<u8>,
}

impl Pem {
    /// Reads the file if it is one.
    pub(crate) fn read(source: &PemSource) -> Result<Self, TlsError> {
        match source {
            PemSource::Inline(text) => Ok(Self {
                place: "the inline PEM".to_owned(),
                text: line_by_line(text).into_bytes(),
            }),
            PemSource::File(path) => {
                Ok(Self { place: path.display().to_string(), text: file::read(path)? })
            }
        }
    }

    /// The content of a file.
    pub(crate) const fn new(place: String, text: Vec<u8>) -> Self {
        Self { place, text }
    }

    /// Where it is from, for messages.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Every certificate, in order.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.text).collect();
        let certificates = certificates.map_err(|error| self.error(error.to_string()))?;
        if certificates.is_empty() {
            return Err(self.error("it has no BEGIN CERTIFICATE block"));
        }
        Ok(certificates)
    }

    /// Adds every certificate to those that are trusted.
    pub(crate) fn add_to(&self, roots: &mut RootCertStore) -> Result<(), TlsError> {
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|error| TlsError::TrustedCertificate {
                place: self.place.clone(),
                error,
            })?;
        }
        Ok(())
    }

    /// The first private key, decrypted with the password if it is encrypted.
    pub(crate) fn private_key(
        &self,
        password: Option<&Password>,
    ) -> Result<PrivateKeyDer<'static>, TlsError> {
        let has = |label: &[u8]| self.text.windows(label.len()).any(|window| window == label);
        match PrivateKeyDer::from_pem_slice(&self.text) {
            _ if has(b"Proc-Type: 4,ENCRYPTED") => Err(self.error(
                "its private key is encrypted as OpenSSL did it before 1.0; convert it with \
                 `openssl pkcs8 -topk8`",
            )),
            Ok(key) => Ok(key),
            Err(_) if has(b"BEGIN ENCRYPTED PRIVATE KEY") => self.encrypted_key(password),
            Err(error) => Err(self.error(format!("it has no usable private key ({error})"))),
        }
    }

    /// Certificates and key from one file.
    pub(crate) fn identity(&self, password: Option<&Password>) -> Result<Identity, TlsError> {
        Ok(Identity { chain: self.certificates()?, key: self.private_key(password)? })
    }

    fn encrypted_key(
        &self,
        password: Option<&Password>,
    ) -> Result<PrivateKeyDer<'static>, TlsError> {
        let failed = |error| TlsError::Store { place: self.place.clone(), error };
        let password = password.ok_or(StoreError::NoPassword).map_err(failed)?;
        // The reader of PEM does not know this label, and leaves the bytes under the other one as
        // they are.
        let text = String::from_utf8_lossy(&self.text).replace(" ENCRYPTED PRIVATE", " PRIVATE");
        let encrypted = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
            .map_err(|error| self.error(error.to_string()))?;
        store::decrypt_key(encrypted.secret_pkcs8_der(), password).map_err(failed)
    }

    fn error(&self, reason: impl Into<String>) -> TlsError {
        TlsError::Pem { place: self.place.clone(), reason: reason.into() }
    }
}

/// Puts markers on lines of their own: a property's value is often one line with spaces, which Java
/// takes too.
fn line_by_line(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() + 16);
    for part in text.split("-----") {
        if part.starts_with("BEGIN ") || part.starts_with("END ") {
            lines.push_str("\n-----");
            lines.push_str(part);
            lines.push_str("-----\n");
        } else if part.contains(": ") {
            lines.push_str(part);
        } else {
            for word in part.split_whitespace() {
                lines.push_str(word);
                lines.push('\n');
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_get_lines_of_their_own() {
        let one_line = "-----BEGIN A B----- MIIB AAAA -----END A B-----";
        let lines = line_by_line(one_line);
        assert_eq!(lines, "\n-----BEGIN A B-----\nMIIB\nAAAA\n\n-----END A B-----\n");
        assert_eq!(line_by_line(&lines), lines);
    }
}
