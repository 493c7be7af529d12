//! TLS for those who are connected to.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::config::PemSource;
use super::error::TlsError;
use super::pem::Pem;
use super::provider;

/// The server's side of TLS 1.2 and 1.3, ready for use. A cheap clone.
#[derive(Clone)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

impl TlsServer {
    /// Shows this certificate; with `client_ca`, clients must show one that it has signed.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: a file cannot be read or has no usable PEM, the key does not fit the certificate,
    /// or the CPU cannot run the cryptography.
    pub fn new(
        chain: &PemSource,
        key: &PemSource,
        client_ca: Option<&PemSource>,
    ) -> Result<Self, TlsError> {
        let provider = provider::compiled_in()?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Rustls)?;
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(source) => {
                let pem = Pem::read(source)?;
                let mut roots = RootCertStore::empty();
                pem.add_to(&mut roots)?;
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| TlsError::TrustedCertificate {
                            place: pem.place().to_owned(),
                            error: rustls::Error::General(error.to_string()),
                        })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(Pem::read(chain)?.certificates()?, Pem::read(key)?.private_key(None)?)
            .map_err(TlsError::ClientCertificate)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config) })
    }

    /// Sets up TLS on a connection that was accepted.
    ///
    /// Cancel safe in that the connection is closed.
    ///
    /// # Errors
    ///
    /// When the client speaks no TLS, or shows no certificate that is accepted.
    pub async fn handshake<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await
    }
}
