//! What TLS needs: whom to trust, the client's own certificate, versions (`ssl.*`).

use std::path::PathBuf;

use super::Secret;
use super::options::Settled;

/// Certificates or keys in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemSource {
    /// In a file.
    File(PathBuf),
    /// In the configuration itself.
    Inline(Secret),
}

/// The client's own certificate chain and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyStore {
    /// The chain, the client's certificate first.
    pub certificate_chain: PemSource,
    /// The private key; `None` when it is in the same file as the chain.
    pub key: Option<PemSource>,
}

/// A version of TLS (`ssl.enabled.protocols`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    /// Java's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }
}

/// What TLS needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// Who may sign a broker's certificate; `None`: the system's roots.
    pub trust_store: Option<PemSource>,
    /// The client's own certificate, for brokers that ask for one.
    pub key_store: Option<KeyStore>,
    /// At least one version.
    pub enabled_protocols: Vec<TlsVersion>,
    /// Whether the broker's certificate must name the host that was dialled.
    pub verify_host_name: bool,
}

/// Reads `ssl.*`.
pub(super) fn settle(settled: &mut Settled) -> Tls {
    for name in ["ssl.truststore.type", "ssl.keystore.type"] {
        let kind = settled.text(name).unwrap_or_default();
        if settled.are_sound(&[name]) && !kind.eq_ignore_ascii_case("PEM") {
            settled.problem_with_value(name, &kind, "expected PEM");
        }
    }
    Tls {
        trust_store: trust_store(settled),
        key_store: key_store(settled),
        enabled_protocols: enabled_protocols(settled),
        verify_host_name: verify_host_name(settled),
    }
}

/// A file in PEM; other stores are known by their names.
fn file(settled: &mut Settled, name: &'static str, kind: &'static str) -> Option<PemSource> {
    let path = settled.text(name)?;
    let lower = path.to_ascii_lowercase();
    let is_store = [".jks", ".p12", ".pfx", ".keystore", ".truststore"]
        .into_iter()
        .any(|ending| lower.ends_with(ending));
    if is_store && settled.are_sound(&[kind]) {
        settled.problem_with_value(
            name,
            &path,
            "its name is that of a JKS or PKCS12 store, which comes in a later release; export it as PEM",
        );
    }
    Some(PemSource::File(PathBuf::from(path)))
}

/// Certificates or a key in the configuration itself.
fn inline(settled: &mut Settled, name: &'static str) -> Option<PemSource> {
    let text = settled.text(name)?;
    if !text.contains("-----BEGIN ") {
        settled.problem_with_value(name, &text, "expected PEM: -----BEGIN and so on");
    }
    Some(PemSource::Inline(Secret::from(text)))
}

fn trust_store(settled: &mut Settled) -> Option<PemSource> {
    const LOCATION: &str = "ssl.truststore.location";
    const CERTIFICATES: &str = "ssl.truststore.certificates";
    let location = file(settled, LOCATION, "ssl.truststore.type");
    let certificates = inline(settled, CERTIFICATES);
    if location.is_some() && certificates.is_some() {
        settled.problem(CERTIFICATES, format!("{LOCATION} is set too; expected one of the two"));
    }
    certificates.or(location)
}

fn key_store(settled: &mut Settled) -> Option<KeyStore> {
    const LOCATION: &str = "ssl.keystore.location";
    const CHAIN: &str = "ssl.keystore.certificate.chain";
    const KEY: &str = "ssl.keystore.key";
    let location = file(settled, LOCATION, "ssl.keystore.type");
    let chain = inline(settled, CHAIN);
    let key = inline(settled, KEY);
    match (location, chain, key) {
        (Some(file), None, None) => Some(KeyStore { certificate_chain: file, key: None }),
        (None, Some(chain), Some(key)) => {
            Some(KeyStore { certificate_chain: chain, key: Some(key) })
        }
        (None, Some(_), None) => {
            settled.problem(CHAIN, format!("its private key is missing: set {KEY} too"));
            None
        }
        (None, None, Some(_)) => {
            settled.problem(KEY, format!("its certificates are missing: set {CHAIN} too"));
            None
        }
        (Some(_), chain, _) => {
            let name = if chain.is_some() { CHAIN } else { KEY };
            settled.problem(name, format!("{LOCATION} is set too; expected one of the two"));
            None
        }
        (None, None, None) => None,
    }
}

fn enabled_protocols(settled: &mut Settled) -> Vec<TlsVersion> {
    const NAME: &str = "ssl.enabled.protocols";
    const NEWEST: &str = "ssl.protocol";
    const OLD: &str = "it is broken or unknown; expected TLSv1.2 or TLSv1.3";
    let mut versions = Vec::new();
    for text in settled.list(NAME) {
        match text.as_str() {
            "TLSv1.2" => versions.push(TlsVersion::Tls12),
            "TLSv1.3" => versions.push(TlsVersion::Tls13),
            _ => settled.problem_with_value(NAME, &text, OLD),
        }
    }
    let newest = settled.text(NEWEST).unwrap_or_default();
    match newest.as_str() {
        "" | "TLS" | "TLSv1.3" => {}
        "TLSv1.2" => versions.retain(|version| *version == TlsVersion::Tls12),
        _ => settled.problem_with_value(NEWEST, &newest, OLD),
    }
    if versions.is_empty() && settled.are_sound(&[NAME, NEWEST]) {
        settled
            .problem(NAME, "expected TLSv1.2, TLSv1.3 or both, and none newer than ssl.protocol");
    }
    versions
}

fn verify_host_name(settled: &mut Settled) -> bool {
    const NAME: &str = "ssl.endpoint.identification.algorithm";
    if !settled.verify_host_name() {
        return false;
    }
    match settled.text(NAME) {
        None => {
            settled.warn(
                NAME,
                "it is empty: whoever has any certificate that is trusted can pose as the broker",
            );
            false
        }
        Some(text) => {
            if !text.eq_ignore_ascii_case("https") {
                settled.problem_with_value(
                    NAME,
                    &text,
                    "expected https, or nothing to switch it off",
                );
            }
            true
        }
    }
}
