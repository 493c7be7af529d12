//! Whom to trust that it is the engine, and who asks: the same fields as those of a webhook.

use std::path::PathBuf;

use milena::config::Secret;
use milena_http::tls::{ClientCertificate, PemSource, StoreFile, TlsConfig, Trust};

use crate::settings::{Field, FieldKind, TableReader};

const CA: &str = "ca";
const CA_PASSWORD: &str = "caPassword";
const CERTIFICATE: &str = "certificate";
const KEY: &str = "key";
const PASSWORD: &str = "password";
const VERIFIES_HOST_NAME: &str = "verifyHostName";

pub(super) const FIELDS: &[Field] = &[
    Field::optional(
        CA,
        "Certificate authority",
        FieldKind::Text,
        "who signs the engine's certificate: PEM, or a file of PEM, JKS or PKCS#12; without it those that the \
         system trusts",
    ),
    Field::optional(CA_PASSWORD, "Password of the authorities", FieldKind::Text, "of such a store")
        .secret(),
    Field::optional(
        CERTIFICATE,
        "Client certificate",
        FieldKind::Text,
        "the chain to show where one is asked for: PEM, or a file of PEM, JKS or PKCS#12",
    ),
    Field::optional(
        KEY,
        "Private key",
        FieldKind::Text,
        "PEM, or a file of it; without it, it is with the certificate",
    )
    .secret(),
    Field::optional(
        PASSWORD,
        "Password of the key",
        FieldKind::Text,
        "of an encrypted key, or of the store that it is in",
    )
    .secret(),
    Field::optional(
        VERIFIES_HOST_NAME,
        "Verify the host's name",
        FieldKind::Boolean,
        "false takes the certificate of any host, if it is signed by who is trusted",
    )
    .default("true"),
];

/// Whom to trust, and who this client is. `Debug` masks passwords and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineTls {
    /// Who signs the engine's certificate; `None`: whom the system trusts.
    pub ca: Option<EngineCertificates>,
    /// The password of the store that `ca` is.
    pub ca_password: Option<Secret>,
    /// The chain, or a store with chain and key, to show where one is asked for.
    pub certificate: Option<EngineCertificates>,
    /// The private key, when it is apart.
    pub key: Option<EngineCertificates>,
    /// The password of the key, or of the store that it is in.
    pub password: Option<Secret>,
    /// Whether the certificate must be of the host that the URL names.
    pub verifies_host_name: bool,
}

impl Default for EngineTls {
    fn default() -> Self {
        Self {
            ca: None,
            ca_password: None,
            certificate: None,
            key: None,
            password: None,
            verifies_host_name: true,
        }
    }
}

/// Certificates or a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineCertificates {
    /// In a file.
    File(PathBuf),
    /// As PEM, which may be a private key.
    Inline(Secret),
}

impl EngineCertificates {
    fn of(text: String) -> Self {
        // Where a text has one line, a newline is two characters.
        if text.contains("-----BEGIN") {
            Self::Inline(Secret::from(text.replace("\\n", "\n")))
        } else {
            Self::File(PathBuf::from(text))
        }
    }

    fn pem(&self) -> PemSource {
        match self {
            Self::File(path) => PemSource::File(path.clone()),
            Self::Inline(text) => PemSource::Inline(text.reveal().to_owned()),
        }
    }
}

fn store(path: &PathBuf, password: Option<&Secret>) -> StoreFile {
    match password {
        Some(password) => StoreFile::new(path).password(password.reveal()),
        None => StoreFile::new(path),
    }
}

impl EngineTls {
    /// Reads the fields of the table.
    pub(super) fn read(reader: &mut TableReader<'_, '_>) -> Option<Self> {
        let mut certificates = |name| reader.text(name).map(EngineCertificates::of);
        let (ca, certificate) = (certificates(CA), certificates(CERTIFICATE));
        let key = certificates(KEY);
        let mut secret = |name| reader.text(name).map(Secret::from);
        let (ca_password, password) = (secret(CA_PASSWORD), secret(PASSWORD));
        let verifies_host_name = reader.boolean(VERIFIES_HOST_NAME);
        if ca.is_none() {
            reader.refuse(CA_PASSWORD, "it goes with ca");
        }
        if certificate.is_none() {
            reader.refuse(KEY, "it goes with certificate");
            reader.refuse(PASSWORD, "it goes with certificate");
        }
        let verifies_host_name = verifies_host_name?;
        Some(Self { ca, ca_password, certificate, key, password, verifies_host_name })
    }

    /// The settings of an HTTP client.
    pub(super) fn config(&self) -> TlsConfig {
        let mut tls = match &self.ca {
            None => TlsConfig::default(),
            // Its content tells whether it is PEM.
            Some(EngineCertificates::File(path)) => {
                TlsConfig::new(Trust::Store(store(path, self.ca_password.as_ref())))
            }
            Some(inline) => TlsConfig::new(Trust::Pem(inline.pem())),
        };
        tls = match (&self.certificate, &self.key) {
            (None, _) => tls,
            (Some(EngineCertificates::File(path)), None) => {
                tls.client_store(store(path, self.password.as_ref()))
            }
            (Some(chain), key) => {
                let key = key.as_ref().map(EngineCertificates::pem);
                tls.client_certificate(ClientCertificate { chain: chain.pem(), key })
            }
        };
        if let Some(password) = &self.password {
            tls = tls.key_password(password.reveal());
        }
        if self.verifies_host_name { tls } else { tls.dangerous().without_host_name_check() }
    }
}
