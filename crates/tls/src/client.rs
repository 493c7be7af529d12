//! TLS as connections use it.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::{ClientCertificate, TlsConfig, TlsVersion, Trust};
use super::error::TlsError;
use super::pem::Pem;
use super::store::{self, Identity, Passwords, StoreError};
use super::verifier::AnyHostName;
use super::{file, provider};

/// TLS settings that are ready for use. A cheap clone.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").finish_non_exhaustive()
    }
}

impl TlsClient {
    pub(super) fn new(settings: &TlsConfig) -> Result<Self, TlsError> {
        let provider = match &settings.provider {
            Some(provider) => Arc::clone(provider),
            None => provider::compiled_in()?,
        };
        let roots = Arc::new(roots(&settings.trust)?);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(&settings.versions))
            .map_err(TlsError::Rustls)?;
        let builder = if settings.verify_host_name {
            builder.with_root_certificates(roots)
        } else {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(roots, provider).build().map_err(
                    |_| TlsError::NoRoots { reason: "the trusted certificates are none".into() },
                )?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyHostName::new(verifier)))
        };
        let config = match identity(settings)? {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key }) => {
                builder.with_client_auth_cert(chain, key).map_err(TlsError::ClientCertificate)?
            }
        };
        Ok(Self { config: Arc::new(config) })
    }

    /// Makes TLS over `stream`, which leads to `host`, the name that the certificate must have.
    /// Not cancel safe: `stream` is lost with the future.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: why there is no connection that both sides trust.
    pub async fn handshake<S>(&self, host: &str, stream: S) -> Result<TlsStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| TlsError::InvalidHostName { host: host.to_owned() })?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(name, stream).await.map_err(TlsError::of_handshake)
    }
}

fn versions(versions: &[TlsVersion]) -> Vec<&'static SupportedProtocolVersion> {
    if versions.is_empty() {
        return rustls::ALL_VERSIONS.to_vec();
    }
    versions
        .iter()
        .map(|version| match version {
            TlsVersion::Tls12 => &rustls::version::TLS12,
            TlsVersion::Tls13 => &rustls::version::TLS13,
        })
        .collect()
}

fn roots(trust: &Trust) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::WebPki => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Trust::System => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
                let reason =
                    format!("the system has no trusted certificates {}", errors.join(", "));
                return Err(TlsError::NoRoots { reason: reason.trim_end().to_owned() });
            }
        }
        Trust::Pem(source) => Pem::read(source)?.add_to(&mut roots)?,
        Trust::Store(file) => {
            let place = file.path.display().to_string();
            let bytes = file::read_store(file)?;
            let passwords = Passwords { store: file.password.as_ref(), key: None };
            match store::read(&bytes, passwords, false) {
                None => Pem::new(place, bytes).add_to(&mut roots)?,
                Some(store) => {
                    let failed = |error| TlsError::Store { place: place.clone(), error };
                    // Stores with all authorities of the world have some that are of no use.
                    roots.add_parsable_certificates(store.map_err(failed)?.trusted);
                    if roots.is_empty() {
                        return Err(failed(StoreError::NoCertificate));
                    }
                }
            }
        }
    }
    Ok(roots)
}

/// The client's own certificate, if it has one.
fn identity(settings: &TlsConfig) -> Result<Option<Identity>, TlsError> {
    let password = settings.key_password.as_ref();
    if let Some(file) = &settings.client_store {
        let place = file.path.display().to_string();
        let bytes = file::read_store(file)?;
        let passwords = Passwords { store: file.password.as_ref(), key: password };
        return match store::read(&bytes, passwords, true) {
            None => Pem::new(place, bytes).identity(password).map(Some),
            Some(store) => match store.map(|store| store.identity) {
                Ok(Some(identity)) if !identity.chain.is_empty() => Ok(Some(identity)),
                Ok(_) => Err(TlsError::Store { place, error: StoreError::NoKey }),
                Err(error) => Err(TlsError::Store { place, error }),
            },
        };
    }
    let Some(ClientCertificate { chain, key }) = &settings.client_certificate else {
        return Ok(None);
    };
    let chain = Pem::read(chain)?;
    let Some(key) = key else { return chain.identity(password).map(Some) };
    let key = Pem::read(key)?.private_key(password)?;
    Ok(Some(Identity { chain: chain.certificates()?, key }))
}
