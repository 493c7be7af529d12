//! TLS to a registry, by the names of Confluent's serializers: `schema.registry.ssl.*`.

use milena_http::tls::{ClientCertificate, PemSource, StoreFile, StoreType, TlsConfig, Trust};

use super::properties::Given;

const TRUST_FILE: &str = "ssl.truststore.location";
const TRUST_PASSWORD: &str = "ssl.truststore.password";
const TRUST_TYPE: &str = "ssl.truststore.type";
const TRUST_TEXT: &str = "ssl.truststore.certificates";
const KEY_FILE: &str = "ssl.keystore.location";
const KEY_STORE_PASSWORD: &str = "ssl.keystore.password";
const KEY_TYPE: &str = "ssl.keystore.type";
const KEY_CHAIN: &str = "ssl.keystore.certificate.chain";
const KEY_TEXT: &str = "ssl.keystore.key";
const KEY_PASSWORD: &str = "ssl.key.password";
const HOST_NAME: &str = "ssl.endpoint.identification.algorithm";

/// The names that are read, behind `schema.registry.`.
pub(super) const NAMES: &[&str] = &[
    TRUST_FILE,
    TRUST_PASSWORD,
    TRUST_TYPE,
    TRUST_TEXT,
    KEY_FILE,
    KEY_STORE_PASSWORD,
    KEY_TYPE,
    KEY_CHAIN,
    KEY_TEXT,
    KEY_PASSWORD,
    HOST_NAME,
];

/// Whom to trust, and who asks, when a URL is of `https`. The content of a store tells its type, where none is
/// named.
pub(super) fn read(given: &mut Given<'_>) -> TlsConfig {
    let mut tls = TlsConfig::default();
    let [trust_type, key_type] = [TRUST_TYPE, KEY_TYPE].map(|name| {
        let text = given.prefixed(name)?;
        let found = StoreType::ALL.into_iter().find(|it| it.as_str().eq_ignore_ascii_case(text));
        if found.is_none() {
            given.problem(format!(
                "schema.registry.{name} is {text:?}: expected JKS, PKCS12 or PEM"
            ));
        }
        found
    });
    let inline = |text: &str| PemSource::Inline(text.replace("\\n", "\n"));
    let store = |file: &str, store_type: Option<StoreType>, password: Option<&str>| {
        let mut store = StoreFile::new(file);
        if let Some(store_type) = store_type {
            store = store.store_type(store_type);
        }
        match password {
            Some(password) => store.password(password),
            None => store,
        }
    };
    if let Some(text) = given.prefixed(TRUST_TEXT) {
        tls = tls.trust(Trust::Pem(inline(text)));
    } else if let Some(file) = given.prefixed(TRUST_FILE) {
        tls = tls.trust(Trust::Store(store(file, trust_type, given.prefixed(TRUST_PASSWORD))));
    }
    if let Some(chain) = given.prefixed(KEY_CHAIN) {
        let key = given.prefixed(KEY_TEXT).map(inline);
        tls = tls.client_certificate(ClientCertificate { chain: inline(chain), key });
    } else if let Some(file) = given.prefixed(KEY_FILE) {
        tls = tls.client_store(store(file, key_type, given.prefixed(KEY_STORE_PASSWORD)));
    }
    if let Some(password) = given.prefixed(KEY_PASSWORD) {
        tls = tls.key_password(password);
    }
    match given.last_prefixed(HOST_NAME) {
        None | Some("https") => {}
        Some("") => tls = tls.dangerous().without_host_name_check(),
        Some(other) => given.problem(format!(
            "schema.registry.{HOST_NAME} is {other:?}: expected https, or nothing at all"
        )),
    }
    tls
}
