//! TLS to a registry, by the names of Confluent's serializers: `schema.registry.ssl.*`.

use milena_http::tls::{ClientCertificate, PemSource, TlsConfig, Trust};

use super::properties::Given;

const TRUST_FILE: &str = "ssl.truststore.location";
const TRUST_TYPE: &str = "ssl.truststore.type";
const TRUST_TEXT: &str = "ssl.truststore.certificates";
const KEY_FILE: &str = "ssl.keystore.location";
const KEY_TYPE: &str = "ssl.keystore.type";
const KEY_CHAIN: &str = "ssl.keystore.certificate.chain";
const KEY_TEXT: &str = "ssl.keystore.key";
const HOST_NAME: &str = "ssl.endpoint.identification.algorithm";

/// The names that are read, behind `schema.registry.`.
pub(super) const NAMES: &[&str] =
    &[TRUST_FILE, TRUST_TYPE, TRUST_TEXT, KEY_FILE, KEY_TYPE, KEY_CHAIN, KEY_TEXT, HOST_NAME];

/// Whom to trust, and who asks, when a URL is of `https`.
pub(super) fn read(given: &mut Given<'_>) -> TlsConfig {
    let mut tls = TlsConfig::default();
    for (file, kind) in [(TRUST_FILE, TRUST_TYPE), (KEY_FILE, KEY_TYPE)] {
        let kind_given = given.prefixed(kind);
        if given.prefixed(file).is_some() && kind_given != Some("PEM") {
            let found =
                kind_given.map_or_else(|| "is missing".to_owned(), |kind| format!("is {kind}"));
            given.problem(format!("schema.registry.{kind} {found}: expected PEM"));
        }
    }
    let source = |text: Option<&str>, file: Option<&str>| {
        let text = text.map(|text| PemSource::Inline(text.replace("\\n", "\n")));
        text.or_else(|| file.map(|file| PemSource::File(file.into())))
    };
    if let Some(trust) = source(given.prefixed(TRUST_TEXT), given.prefixed(TRUST_FILE)) {
        tls = tls.trust(Trust::Pem(trust));
    }
    if let Some(chain) = source(given.prefixed(KEY_CHAIN), given.prefixed(KEY_FILE)) {
        let key = source(given.prefixed(KEY_TEXT), None);
        tls = tls.client_certificate(ClientCertificate { chain, key });
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
