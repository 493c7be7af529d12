//! Settings of TLS.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::client::TlsClient;
use super::error::TlsError;
use super::password::Password;

/// Certificates or keys in PEM.
#[derive(Clone)]
#[non_exhaustive]
pub enum PemSource {
    /// In a file, which is read when the settings are built.
    File(PathBuf),
    /// The text itself.
    Inline(String),
}

impl fmt::Debug for PemSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            // May be a private key.
            Self::Inline(_) => f.write_str("Inline(..)"),
        }
    }
}

/// Whose signature makes a server's certificate valid.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Trust {
    /// The roots that the system trusts.
    #[default]
    System,
    /// Mozilla's roots, as they were when this library was built.
    WebPki,
    /// These certificates, as a truststore of type PEM has them.
    Pem(PemSource),
    /// The certificates of a trust store of type JKS, PKCS12 or PEM.
    Store(StoreFile),
}

/// The format of a key store or trust store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreType {
    /// Java's own.
    Jks,
    /// PKCS#12.
    Pkcs12,
    /// PEM.
    Pem,
}

impl StoreType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Jks, Self::Pkcs12, Self::Pem];

    /// Java's spelling (`ssl.truststore.type`).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jks => "JKS",
            Self::Pkcs12 => "PKCS12",
            Self::Pem => "PEM",
        }
    }

    /// Whether Java reads content of another type under this name: JKS and PKCS12 stand for each
    /// other since Java 8 (`keystore.type.compat`), PEM for itself alone.
    pub(crate) const fn stands_for(self, found: Self) -> bool {
        matches!((self, found), (Self::Pem, Self::Pem))
            || !matches!(self, Self::Pem) && !matches!(found, Self::Pem)
    }
}

/// A key store or trust store: a file of JKS, PKCS#12 or PEM. Its content tells which.
#[derive(Clone, Debug)]
pub struct StoreFile {
    pub(crate) path: PathBuf,
    pub(crate) password: Option<Password>,
    pub(crate) store_type: Option<StoreType>,
}

impl StoreFile {
    /// A store without a password. The integrity of a JKS or PKCS#12 store is not checked then.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), password: None, store_type: None }
    }

    /// The type that the store is said to have: content that contradicts it is refused. JKS and
    /// PKCS12 stand for each other, as in Java.
    #[must_use]
    pub const fn store_type(mut self, store_type: StoreType) -> Self {
        self.store_type = Some(store_type);
        self
    }

    /// The password of the store; PEM has none.
    #[must_use]
    pub fn password(mut self, password: impl Into<Password>) -> Self {
        self.password = Some(password.into());
        self
    }
}

/// The client's own certificate chain and its private key.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// The chain, the client's certificate first.
    pub chain: PemSource,
    /// The private key (PKCS#8, PKCS#1 or SEC1, or encrypted PKCS#8); `None` when it is in the same
    /// place as the chain.
    pub key: Option<PemSource>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    /// Java's spelling (`ssl.enabled.protocols`).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }
}

/// Settings of TLS.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    pub(crate) trust: Trust,
    pub(crate) client_certificate: Option<ClientCertificate>,
    pub(crate) client_store: Option<StoreFile>,
    pub(crate) key_password: Option<Password>,
    pub(crate) versions: Vec<TlsVersion>,
    pub(crate) verify_host_name: bool,
    pub(crate) provider: Option<Arc<CryptoProvider>>,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self::new(Trust::default())
    }
}

impl TlsConfig {
    /// TLS 1.2 and 1.3, the server's certificate signed by `trust` and valid for the host.
    #[must_use]
    pub const fn new(trust: Trust) -> Self {
        Self {
            trust,
            client_certificate: None,
            client_store: None,
            key_password: None,
            versions: Vec::new(),
            verify_host_name: true,
            provider: None,
        }
    }

    /// Whose signature makes the server's certificate valid.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// The certificate to show to servers that ask for one.
    #[must_use]
    pub fn client_certificate(mut self, certificate: ClientCertificate) -> Self {
        self.client_certificate = Some(certificate);
        self
    }

    /// The store with the certificate to show to servers that ask for one, in place of
    /// [`client_certificate`](Self::client_certificate). Its first private key is used.
    #[must_use]
    pub fn client_store(mut self, store: StoreFile) -> Self {
        self.client_store = Some(store);
        self
    }

    /// The password of the client's private key; without one, that of its store.
    #[must_use]
    pub fn key_password(mut self, password: impl Into<Password>) -> Self {
        self.key_password = Some(password.into());
        self
    }

    /// The versions of TLS to speak; none given means all (`ssl.enabled.protocols`).
    #[must_use]
    pub fn versions(mut self, versions: impl IntoIterator<Item = TlsVersion>) -> Self {
        self.versions = versions.into_iter().collect();
        self
    }

    /// Cryptography of one's own in place of the compiled-in one.
    #[must_use]
    pub fn provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Settings that make connections less secure.
    #[must_use]
    pub const fn dangerous(self) -> DangerousTlsConfig {
        DangerousTlsConfig(self)
    }

    /// Reads the files, checks the CPU and gives what connections need.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: a file cannot be read or used, a password is wrong, the key does not fit the
    /// certificate, there are no roots to trust, or the CPU cannot run the cryptography.
    pub fn build(&self) -> Result<TlsClient, TlsError> {
        TlsClient::new(self)
    }
}

/// Settings that make connections less secure.
#[derive(Clone, Debug)]
pub struct DangerousTlsConfig(TlsConfig);

impl DangerousTlsConfig {
    /// Accepts a valid certificate of any host (`ssl.endpoint.identification.algorithm` empty).
    /// Whoever holds any certificate that the trusted authorities signed can pretend to be the
    /// server then.
    #[must_use]
    pub fn without_host_name_check(mut self) -> TlsConfig {
        self.0.verify_host_name = false;
        self.0
    }
}
