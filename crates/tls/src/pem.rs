//! Certificates and keys from PEM, in a file or inline.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::config::PemSource;
use super::error::TlsError;

/// Where the PEM is, for messages.
pub(super) fn place(source: &PemSource) -> String {
    match source {
        PemSource::File(path) => path.display().to_string(),
        PemSource::Inline(_) => "the inline PEM".to_owned(),
    }
}

/// Every certificate, in order.
pub(super) fn certificates(source: &PemSource) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(source)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates
        .map_err(|error| TlsError::Pem { place: place(source), reason: error.to_string() })?;
    if certificates.is_empty() {
        let reason = "it has no BEGIN CERTIFICATE block".to_owned();
        return Err(TlsError::Pem { place: place(source), reason });
    }
    Ok(certificates)
}

/// The first private key.
pub(super) fn private_key(source: &PemSource) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(source)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let encrypted = b"BEGIN ENCRYPTED PRIVATE KEY";
        let reason = if text.windows(encrypted.len()).any(|window| window == encrypted) {
            "its private key is encrypted, which is not supported; decrypt it with \
             `openssl pkey`"
                .to_owned()
        } else {
            format!("it has no usable private key ({error})")
        };
        TlsError::Pem { place: place(source), reason }
    })
}

fn read(source: &PemSource) -> Result<Vec<u8>, TlsError> {
    match source {
        PemSource::Inline(text) => Ok(text.clone().into_bytes()),
        PemSource::File(path) => std::fs::read(path)
            .map_err(|error| TlsError::Unreadable { place: place(source), error: error.into() }),
    }
}
