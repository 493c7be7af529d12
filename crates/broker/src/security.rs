//! Who may connect: listener protocols, users, certificates.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use milena_sasl::oauthbearer::{OAuthBearerServer, UnsecuredTokenValidator};
use milena_sasl::plain::{PlainLogin, PlainServer};
use milena_sasl::scram::{Nonce, ScramCredential, ScramHash, ScramServer, ScramServerConfig};
use milena_sasl::{Mechanism, Preparation, Secret, ServerExchange};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::cluster::random_u128;
use crate::error::StartError;

/// Iterations of SCRAM credentials; the smallest number that Kafka allows.
const SCRAM_ITERATIONS: u32 = 4096;

/// How clients of a listener connect and say who they are; the names are those of Kafka's
/// `security.protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecurityProtocol {
    /// No encryption, no users.
    Plaintext,
    /// TLS; clients show a certificate if the broker has a client CA.
    Ssl,
    /// Users without encryption.
    SaslPlaintext,
    /// Users over TLS.
    SaslSsl,
}

impl SecurityProtocol {
    /// Whether the listener speaks TLS.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Whether clients have to authenticate by SASL.
    #[must_use]
    pub const fn is_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// Kafka's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }
}

impl fmt::Display for SecurityProtocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

struct User {
    password: Secret,
    scram_sha_256: OnceLock<Option<ScramCredential>>,
    scram_sha_512: OnceLock<Option<ScramCredential>>,
}

impl User {
    /// Deriving a key takes milliseconds, so it is done when somebody first logs in.
    fn credential(&self, hash: ScramHash) -> Option<ScramCredential> {
        let cell = match hash {
            ScramHash::Sha256 => &self.scram_sha_256,
            ScramHash::Sha512 => &self.scram_sha_512,
            _ => return None,
        };
        let derive = || {
            let salt = random_u128().to_be_bytes();
            // Kafka's brokers and tools hash the password's bytes as they are.
            let prepared = Preparation::None;
            ScramCredential::from_password(hash, &self.password, prepared, &salt, SCRAM_ITERATIONS)
                .ok()
        };
        cell.get_or_init(derive).clone()
    }
}

/// Users and SASL mechanisms of a broker.
#[derive(Clone)]
pub(crate) struct Users {
    users: Arc<BTreeMap<String, User>>,
    mechanisms: Vec<Mechanism>,
    scram: Option<Arc<ScramServerConfig>>,
    pub(crate) session_lifetime: Option<Duration>,
}

impl fmt::Debug for Users {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.users.keys().collect();
        formatter
            .debug_struct("Users")
            .field("names", &names)
            .field("mechanisms", &self.mechanisms)
            .finish_non_exhaustive()
    }
}

impl Users {
    pub(crate) fn new(
        passwords: BTreeMap<String, Secret>,
        mechanisms: Vec<Mechanism>,
        session_lifetime: Option<Duration>,
    ) -> Self {
        let user = |(name, password)| {
            let user =
                User { password, scram_sha_256: OnceLock::new(), scram_sha_512: OnceLock::new() };
            (name, user)
        };
        let users: Arc<BTreeMap<String, User>> =
            Arc::new(passwords.into_iter().map(user).collect());
        let known = Arc::clone(&users);
        let secret =
            Secret::new([random_u128().to_be_bytes(), random_u128().to_be_bytes()].concat());
        let find = move |name: &str, hash: ScramHash| {
            known.get(name).and_then(|user| user.credential(hash))
        };
        let scram = ScramServerConfig::new(secret, find)
            .ok()
            .map(|config| Arc::new(config.with_preparation(Preparation::None)));
        Self { users, mechanisms, scram, session_lifetime }
    }

    pub(crate) fn mechanisms(&self) -> &[Mechanism] {
        &self.mechanisms
    }

    /// Begins an exchange; `None` when the mechanism is not offered.
    pub(crate) fn begin(&self, mechanism: &str) -> Option<ServerExchange> {
        let mechanism: Mechanism = mechanism.parse().ok()?;
        if !self.mechanisms.contains(&mechanism) {
            return None;
        }
        let scram = |hash| {
            let nonce = Nonce::from_random(
                &[random_u128().to_be_bytes(), random_u128().to_be_bytes()].concat(),
            )
            .ok()?;
            Some(ScramServer::new(hash, nonce, Arc::clone(self.scram.as_ref()?)).into())
        };
        match mechanism {
            Mechanism::Plain => {
                let users = Arc::clone(&self.users);
                let verify = move |login: &PlainLogin<'_>| {
                    // Unknown users are compared as well, so that both cases take the same time.
                    let nobody = Secret::new(Vec::new());
                    let user = users.get(login.username);
                    let matches =
                        login.password_matches(user.map_or(&nobody, |user| &user.password));
                    matches && user.is_some()
                };
                Some(PlainServer::new(Arc::new(verify)).into())
            }
            Mechanism::ScramSha256 => scram(ScramHash::Sha256),
            Mechanism::ScramSha512 => scram(ScramHash::Sha512),
            Mechanism::OAuthBearer => {
                let validator = UnsecuredTokenValidator::new();
                Some(OAuthBearerServer::new(Arc::new(validator)).into())
            }
            _ => None,
        }
    }
}

/// PEM texts for TLS.
#[derive(Clone, Default)]
pub(crate) struct TlsMaterial {
    pub(crate) certificate_chain: Vec<u8>,
    pub(crate) private_key: Vec<u8>,
    /// Client certificates have to be signed by one of these.
    pub(crate) client_ca: Option<Vec<u8>>,
}

impl fmt::Debug for TlsMaterial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_client_ca = self.client_ca.is_some();
        formatter
            .debug_struct("TlsMaterial")
            .field("has_client_ca", &has_client_ca)
            .finish_non_exhaustive()
    }
}

/// The server side of TLS from PEM.
pub(crate) fn tls_config(material: &TlsMaterial) -> Result<ServerConfig, StartError> {
    let tls = |problem: String| StartError::Tls { problem };
    check_cpu()?;
    let provider = Arc::new(rustls_graviola::default_provider());
    let chain = certificates(&material.certificate_chain, "the certificate chain")?;
    let key = PrivateKeyDer::from_pem_slice(&material.private_key).map_err(|error| {
        tls(format!("the private key is not PEM (PKCS#8, PKCS#1 or SEC1): {error}"))
    })?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(error.to_string()))?;
    let builder = match &material.client_ca {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(pem, "the client CA")? {
                roots.add(certificate).map_err(|error| tls(format!("the client CA: {error}")))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| tls(format!("the client CA: {error}")))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder
        .with_single_cert(chain, key)
        .map_err(|error| tls(format!("certificate and key: {error}")))
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(StartError::Tls { problem: format!("{what} has no certificate in PEM") }),
        Err(error) => Err(StartError::Tls { problem: format!("{what} is not PEM: {error}") }),
    }
}

/// Graviola panics at its first use on a CPU without these, so they are asked for first.
#[cfg(target_arch = "x86_64")]
fn check_cpu() -> Result<(), StartError> {
    let features = [
        ("aes", std::arch::is_x86_feature_detected!("aes")),
        ("pclmulqdq", std::arch::is_x86_feature_detected!("pclmulqdq")),
        ("bmi1", std::arch::is_x86_feature_detected!("bmi1")),
        ("bmi2", std::arch::is_x86_feature_detected!("bmi2")),
        ("adx", std::arch::is_x86_feature_detected!("adx")),
        ("avx", std::arch::is_x86_feature_detected!("avx")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
    ];
    let missing: Vec<_> =
        features.iter().filter(|(_, found)| !found).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(StartError::Tls {
        problem: format!("this CPU lacks {}, which the TLS provider needs", missing.join(", ")),
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn check_cpu() -> Result<(), StartError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_part_that_is_no_pem() {
        let error = tls_config(&TlsMaterial::default()).unwrap_err();
        assert!(error.to_string().contains("certificate chain"), "{error}");
    }

    #[test]
    fn passwords_stay_out_of_debug_output() {
        let passwords = BTreeMap::from([("alice".to_owned(), Secret::from("open sesame"))]);
        let users = Users::new(passwords, Mechanism::ALL.to_vec(), None);
        let text = format!("{users:?}");
        assert!(text.contains("alice") && !text.contains("sesame"), "{text}");
    }
}
