//! What TLS needs: whom to trust, the client's own certificate, versions (`ssl.*`).

use std::path::PathBuf;

pub use milena_pool::tls::{StoreType, TlsVersion};

use super::Secret;
use super::options::Settled;

/// Where certificates or keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreSource {
    /// In a file of PEM, JKS or PKCS#12; its content tells which.
    File(PathBuf),
    /// In the configuration itself, in PEM.
    Inline(Secret),
}

/// The client's own certificate chain and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyStore {
    /// The chain, the client's certificate first.
    pub certificate_chain: StoreSource,
    /// The private key; `None` when it is in the same file as the chain.
    pub key: Option<StoreSource>,
    /// The type that a file must have; JKS and PKCS12 stand for each other. `None`: any.
    pub store_type: Option<StoreType>,
    /// The password of a store of JKS or PKCS#12.
    pub password: Option<Secret>,
    /// The password of the private key; `None`: the store's, if the key is encrypted.
    pub key_password: Option<Secret>,
}

/// What TLS needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// Who may sign a broker's certificate; `None`: the system's roots.
    pub trust_store: Option<StoreSource>,
    /// The type that a trust store's file must have; JKS and PKCS12 stand for each other. `None`: any.
    pub trust_store_type: Option<StoreType>,
    /// The password of a trust store of JKS or PKCS#12; `None`: its integrity is not checked.
    pub trust_store_password: Option<Secret>,
    /// The client's own certificate, for brokers that ask for one.
    pub key_store: Option<KeyStore>,
    /// At least one version.
    pub enabled_protocols: Vec<TlsVersion>,
    /// Whether the broker's certificate must name the host that was dialled.
    pub verify_host_name: bool,
}

/// Reads `ssl.*`.
pub(super) fn settle(settled: &mut Settled) -> Tls {
    let (trust_store, trust_store_type) = trust_store(settled);
    let has_file = matches!(trust_store, Some(StoreSource::File(_)));
    Tls {
        trust_store_type,
        trust_store_password: TRUST_STORE.password(settled, has_file),
        trust_store,
        key_store: key_store(settled),
        enabled_protocols: enabled_protocols(settled),
        verify_host_name: verify_host_name(settled),
    }
}

/// The properties of one of the two stores.
struct Names {
    kind: &'static str,
    location: &'static str,
    password: &'static str,
}

const TRUST_STORE: Names = Names {
    kind: "ssl.truststore.type",
    location: "ssl.truststore.location",
    password: "ssl.truststore.password",
};

const KEY_STORE: Names = Names {
    kind: "ssl.keystore.type",
    location: "ssl.keystore.location",
    password: "ssl.keystore.password",
};

impl Names {
    /// The type, if one was named. Refuses types that there are not, and PEM in the configuration for
    /// a type that is not PEM.
    fn store_type(&self, settled: &mut Settled, inline: Option<&'static str>) -> Option<StoreType> {
        if !settled.is_set(self.kind) || !settled.are_sound(&[self.kind]) {
            return None;
        }
        let text = settled.text(self.kind).unwrap_or_default();
        let mut all = StoreType::ALL.into_iter();
        let known = all.find(|known| text.eq_ignore_ascii_case(known.as_str()));
        match (known, inline) {
            (None, _) => {
                settled.problem_with_value(self.kind, &text, "expected JKS, PKCS12 or PEM");
            }
            (Some(StoreType::Jks | StoreType::Pkcs12), Some(inline)) => {
                let message = format!("{inline} is set, which goes with PEM alone");
                settled.problem_with_value(self.kind, &text, &message);
            }
            _ => {}
        }
        known
    }

    /// The store's password, which needs a store.
    fn password(&self, settled: &mut Settled, has_file: bool) -> Option<Secret> {
        let password = settled.text(self.password).map(Secret::from)?;
        let is_pem = settled.is_set(self.kind)
            && settled.text(self.kind).is_some_and(|kind| kind.eq_ignore_ascii_case("PEM"));
        if !has_file {
            settled
                .problem(self.password, format!("its store is missing: set {} too", self.location));
        } else if is_pem {
            settled.warn(self.password, "it has no effect: PEM has no password of its own");
        }
        Some(password)
    }
}

fn file(settled: &Settled, name: &'static str) -> Option<StoreSource> {
    settled.text(name).map(|path| StoreSource::File(PathBuf::from(path)))
}

/// Certificates or a key in the configuration itself.
fn inline(settled: &mut Settled, name: &'static str) -> Option<StoreSource> {
    let text = settled.text(name)?;
    if !text.contains("-----BEGIN ") {
        settled.problem_with_value(name, &text, "expected PEM: -----BEGIN and so on");
    }
    Some(StoreSource::Inline(Secret::from(text)))
}

fn trust_store(settled: &mut Settled) -> (Option<StoreSource>, Option<StoreType>) {
    const CERTIFICATES: &str = "ssl.truststore.certificates";
    let location = file(settled, TRUST_STORE.location);
    let certificates = inline(settled, CERTIFICATES);
    let inline = certificates.is_some().then_some(CERTIFICATES);
    let store_type = TRUST_STORE.store_type(settled, inline);
    if location.is_some() && certificates.is_some() {
        let message = format!("{} is set too; expected one of the two", TRUST_STORE.location);
        settled.problem(CERTIFICATES, message);
    }
    (certificates.or(location), store_type)
}

fn key_store(settled: &mut Settled) -> Option<KeyStore> {
    const CHAIN: &str = "ssl.keystore.certificate.chain";
    const KEY: &str = "ssl.keystore.key";
    const KEY_PASSWORD: &str = "ssl.key.password";
    let location = file(settled, KEY_STORE.location);
    let chain = inline(settled, CHAIN);
    let key = inline(settled, KEY);
    let store_type = KEY_STORE.store_type(settled, chain.is_some().then_some(CHAIN));
    let password = KEY_STORE.password(settled, location.is_some());
    let key_password = settled.text(KEY_PASSWORD).map(Secret::from);
    if key_password.is_some() && location.is_none() && key.is_none() {
        let message = format!("its key is missing: set {} or {KEY} too", KEY_STORE.location);
        settled.problem(KEY_PASSWORD, message);
    }
    let found = |certificate_chain, key| {
        Some(KeyStore { certificate_chain, key, store_type, password, key_password })
    };
    match (location, chain, key) {
        (Some(file), None, None) => found(file, None),
        (None, Some(chain), Some(key)) => found(chain, Some(key)),
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
            let message = format!("{} is set too; expected one of the two", KEY_STORE.location);
            settled.problem(name, message);
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
