//! Every rule about TLS and SASL.

use super::super::*;

const PEM: &str = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----";
const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule";
const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

fn read(properties: &[(&str, &str)]) -> Result<ClientConfig, String> {
    let all = [&[("bootstrap.servers", "localhost:9092")], properties].concat();
    AdminConfig::from_properties(all).map(|config| config.client).map_err(|error| error.to_string())
}

fn tls(properties: &[(&str, &str)]) -> Result<Tls, String> {
    let all = [&[("security.protocol", "SSL")], properties].concat();
    read(&all).map(|config| config.security.tls.unwrap())
}

fn sasl(mechanism: &str, jaas: &str) -> Result<ClientConfig, String> {
    read(&[
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", mechanism),
        ("sasl.jaas.config", jaas),
    ])
}

fn warned(config: &ClientConfig) -> Vec<&str> {
    config.warnings.iter().map(|warning| warning.property.as_str()).collect()
}

#[test]
fn protocols_switch_tls_and_sasl_on() {
    let line = format!("{PLAIN} required username=u password=p;");
    for (text, has_tls, has_sasl) in [
        ("PLAINTEXT", false, false),
        ("ssl", true, false),
        ("SASL_PLAINTEXT", false, true),
        ("sasl_ssl", true, true),
    ] {
        let config = read(&[
            ("security.protocol", text),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.jaas.config", &line),
        ])
        .unwrap();
        assert_eq!(config.security.tls.is_some(), has_tls, "{text}");
        assert_eq!(config.security.sasl.is_some(), has_sasl, "{text}");
    }
    assert!(
        read(&[("security.protocol", "TLS")]).unwrap_err().contains("expected one of PLAINTEXT")
    );
}

#[test]
fn settings_of_a_layer_that_is_off_are_warnings() {
    let config =
        read(&[("ssl.truststore.location", "ca.pem"), ("sasl.mechanism", "PLAIN")]).unwrap();
    assert_eq!(warned(&config), ["ssl.truststore.location", "sasl.mechanism"]);
    let config = read(&[("security.protocol", "SSL"), ("sasl.mechanism", "PLAIN")]).unwrap();
    assert_eq!(warned(&config), ["sasl.mechanism"]);
}

#[test]
fn trust_is_the_systems_a_file_or_inline() {
    assert_eq!(tls(&[]).unwrap().trust_store, None);
    assert_eq!(
        tls(&[("ssl.truststore.type", "PEM"), ("ssl.truststore.location", "/ca.pem")])
            .unwrap()
            .trust_store,
        Some(StoreSource::File("/ca.pem".into()))
    );
    assert_eq!(
        tls(&[("ssl.truststore.certificates", PEM)]).unwrap().trust_store,
        Some(StoreSource::Inline(Secret::from(PEM)))
    );
    for properties in [
        &[("ssl.truststore.certificates", PEM), ("ssl.truststore.location", "/ca.pem")][..],
        &[("ssl.truststore.certificates", "MA==")],
    ] {
        let error = tls(properties).unwrap_err();
        assert!(error.contains("ssl.truststore.certificates"), "{error}");
        assert!(!error.contains("MA=="), "{error}");
    }
}

#[test]
fn stores_of_java_are_taken_with_their_passwords() {
    let found = tls(&[
        ("ssl.truststore.type", "JKS"),
        ("ssl.truststore.location", "/kafka.client.truststore.jks"),
        ("ssl.truststore.password", "geheim1"),
        ("ssl.keystore.type", "pkcs12"),
        ("ssl.keystore.location", "client.P12"),
        ("ssl.keystore.password", "geheim2"),
        ("ssl.key.password", "geheim3"),
    ])
    .unwrap();
    assert_eq!(found.trust_store_password, Some(Secret::from("geheim1")));
    assert_eq!(found.trust_store_type, Some(StoreType::Jks));
    let store = found.key_store.as_ref().unwrap();
    assert_eq!(store.certificate_chain, StoreSource::File("client.P12".into()));
    assert_eq!(store.store_type, Some(StoreType::Pkcs12));
    assert_eq!(store.password, Some(Secret::from("geheim2")));
    assert_eq!(store.key_password, Some(Secret::from("geheim3")));
    assert!(!format!("{found:?}").contains("geheim"));
    let unknown = tls(&[("ssl.truststore.type", "DER")]).unwrap_err();
    assert!(unknown.contains("expected JKS, PKCS12 or PEM"), "{unknown}");
    let inline = tls(&[("ssl.truststore.type", "JKS"), ("ssl.truststore.certificates", PEM)]);
    assert!(inline.unwrap_err().contains("goes with PEM alone"));
}

#[test]
fn password_without_its_store_is_refused_and_not_shown() {
    for (name, expected) in [
        ("ssl.truststore.password", "set ssl.truststore.location too"),
        ("ssl.keystore.password", "set ssl.keystore.location too"),
        ("ssl.key.password", "set ssl.keystore.location or ssl.keystore.key too"),
    ] {
        let error = tls(&[(name, "geheim")]).unwrap_err();
        assert!(error.contains(name) && error.contains(expected), "{error}");
        assert!(!error.contains("geheim"), "{error}");
    }
}

#[test]
fn a_key_store_is_one_file_or_chain_and_key() {
    assert_eq!(
        tls(&[("ssl.keystore.location", "me.pem")]).unwrap().key_store,
        Some(KeyStore {
            certificate_chain: StoreSource::File("me.pem".into()),
            key: None,
            store_type: None,
            password: None,
            key_password: None
        })
    );
    let both = tls(&[("ssl.keystore.certificate.chain", PEM), ("ssl.keystore.key", KEY)]).unwrap();
    assert_eq!(
        both.key_store,
        Some(KeyStore {
            certificate_chain: StoreSource::Inline(PEM.into()),
            key: Some(StoreSource::Inline(KEY.into())),
            store_type: None,
            password: None,
            key_password: None,
        })
    );
    for (properties, expected) in [
        (&[("ssl.keystore.certificate.chain", PEM)][..], "private key is missing"),
        (&[("ssl.keystore.key", KEY)], "certificates are missing"),
        (
            &[("ssl.keystore.key", KEY), ("ssl.keystore.location", "me.pem")],
            "expected one of the two",
        ),
        (
            &[("ssl.keystore.certificate.chain", PEM), ("ssl.keystore.location", "me.pem")],
            "expected one of the two",
        ),
    ] {
        let error = tls(properties).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn tls_versions_are_1_2_and_1_3() {
    let versions = |properties: &[(&str, &str)]| tls(properties).map(|tls| tls.enabled_protocols);
    assert_eq!(versions(&[]), Ok(vec![TlsVersion::Tls12, TlsVersion::Tls13]));
    assert_eq!(versions(&[("ssl.enabled.protocols", "TLSv1.3")]), Ok(vec![TlsVersion::Tls13]));
    assert_eq!(versions(&[("ssl.protocol", "TLSv1.2")]), Ok(vec![TlsVersion::Tls12]));
    for properties in [
        &[("ssl.enabled.protocols", "TLSv1.1,TLSv1.2")][..],
        &[("ssl.enabled.protocols", "")],
        &[("ssl.enabled.protocols", "TLSv1.3"), ("ssl.protocol", "TLSv1.2")],
        &[("ssl.protocol", "SSLv3")],
    ] {
        assert!(versions(properties).unwrap_err().contains("TLSv1.2"), "{properties:?}");
    }
}

#[test]
fn host_names_are_verified_unless_said_otherwise() {
    const NAME: &str = "ssl.endpoint.identification.algorithm";
    assert!(tls(&[]).unwrap().verify_host_name);
    assert!(tls(&[(NAME, "HTTPS")]).unwrap().verify_host_name);
    assert!(tls(&[(NAME, "none")]).unwrap_err().contains("expected https"));
    let config = read(&[("security.protocol", "SSL"), (NAME, "")]).unwrap();
    assert!(!config.security.tls.as_ref().unwrap().verify_host_name);
    assert_eq!(warned(&config), [NAME]);
    let config = AdminConfig::builder("a:1")
        .security_protocol(SecurityProtocol::Ssl)
        .dangerous()
        .disable_host_name_verification()
        .build()
        .unwrap();
    assert!(!config.client.security.tls.unwrap().verify_host_name);
}

#[test]
fn mechanisms_take_user_and_password_from_the_line() {
    for (mechanism, module) in
        [("PLAIN", PLAIN), ("SCRAM-SHA-256", SCRAM), ("SCRAM-SHA-512", SCRAM)]
    {
        let line = format!("{module} required username=\"ada\" password=\"geheim\";");
        let config = sasl(mechanism, &line).unwrap();
        assert!(config.warnings.is_empty(), "{}", config.warnings);
        let found = config.security.sasl.unwrap();
        assert_eq!(found.mechanism(), mechanism);
        let (Sasl::Plain { username, password } | Sasl::Scram { username, password, .. }) = &found
        else {
            panic!("{found:?}")
        };
        assert_eq!((username.as_str(), password.reveal()), ("ada", "geheim"));
        assert!(!format!("{found:?}").contains("geheim"));
    }
}

#[test]
fn the_mechanism_wins_over_the_module() {
    let line = format!("{PLAIN} required username='u' password='p';");
    let config = sasl("SCRAM-SHA-512", &line).unwrap();
    assert_eq!(config.security.sasl.as_ref().unwrap().mechanism(), "SCRAM-SHA-512");
    let warning = config.warnings.to_string();
    assert!(warning.contains("it names PlainLoginModule"), "{warning}");
    assert!(warning.contains("the mechanism wins"), "{warning}");
}

#[test]
fn scram_takes_delegation_tokens() {
    let line = format!("{SCRAM} required username=\"id\" password=\"hmac\" tokenauth=\"true\";");
    let config = sasl("SCRAM-SHA-256", &line).unwrap();
    assert!(matches!(config.security.sasl, Some(Sasl::Scram { token_auth: true, .. })));
}

#[test]
fn missing_credentials_are_named() {
    let error = read(&[("security.protocol", "SASL_SSL")]).unwrap_err();
    assert!(error.contains("sasl.mechanism: it is required"), "{error}");
    let error =
        read(&[("security.protocol", "SASL_SSL"), ("sasl.mechanism", "PLAIN")]).unwrap_err();
    assert!(error.contains("sasl.jaas.config: it is required, as sasl.mechanism=PLAIN"), "{error}");
    for (options, missing) in [
        ("password=geheim", "username is missing"),
        ("username=u", "password is missing"),
        ("username='' password=geheim", "username is missing or empty"),
    ] {
        let error = sasl("PLAIN", &format!("{PLAIN} required {options};")).unwrap_err();
        assert!(error.contains(missing) && !error.contains("geheim"), "{error}");
    }
    let error = sasl("PLAIN", &format!("{PLAIN} required username=u password=geheim")).unwrap_err();
    assert!(error.contains("expected a semicolon") && !error.contains("geheim"), "{error}");
}

#[test]
fn mechanisms_that_are_not_there_are_refused() {
    assert!(sasl("GSSAPI", "x required;").unwrap_err().contains("not supported"));
    let error = sasl("AWS_MSK_IAM", "x required;").unwrap_err();
    assert!(error.contains("\"AWS_MSK_IAM\": expected PLAIN, SCRAM-SHA-256"), "{error}");
}

#[test]
fn plain_without_tls_is_a_warning() {
    let config = AdminConfig::builder("a:1")
        .security_protocol(SecurityProtocol::SaslPlaintext)
        .sasl(Sasl::plain("u", "p"))
        .build()
        .unwrap();
    assert_eq!(warned(&config.client), ["security.protocol"]);
}

#[test]
fn typed_credentials_need_a_protocol_with_sasl() {
    let error =
        AdminConfig::builder("a:1").sasl(Sasl::scram_sha_512("u", "geheim")).build().unwrap_err();
    let error = error.to_string();
    assert!(error.contains("expected SASL_PLAINTEXT or SASL_SSL"), "{error}");
    assert!(!error.contains("geheim"), "{error}");
}

#[test]
fn oauthbearer_needs_a_provider_or_unsecured_claims() {
    const MODULE: &str = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule";
    let error = sasl("OAUTHBEARER", &format!("{MODULE} required;")).unwrap_err();
    let expected = match cfg!(feature = "oauth") {
        true => "tokens come from an endpoint or a provider: set sasl.oauthbearer.token",
        false => "have those of an endpoint with the feature `oauth` of the crate milena",
    };
    assert!(error.contains(expected), "{error}");
    let line = format!("{MODULE} required unsecuredLoginStringClaim_sub=\"alice\";");
    let config = sasl("OAUTHBEARER", &line).unwrap();
    assert_eq!(config.security.sasl.as_ref().unwrap().mechanism(), "OAUTHBEARER");
    assert_eq!(warned(&config), ["sasl.jaas.config"]);
}

#[cfg(not(feature = "oauth"))]
#[test]
fn properties_of_the_token_endpoint_name_the_feature_that_they_need() {
    let error = read(&[
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "OAUTHBEARER"),
        ("sasl.oauthbearer.token.endpoint.url", "https://id.example/token"),
        ("sasl.oauthbearer.client.credentials.client.id", "id"),
        ("sasl.oauthbearer.client.credentials.client.secret", "geheim"),
    ])
    .unwrap_err();
    for name in ["token.endpoint.url", "client.credentials.client.id", "client.secret"] {
        assert!(error.contains(name), "{name}: {error}");
    }
    assert_eq!(error.matches("need the feature `oauth`").count(), 3, "{error}");
    assert!(!error.contains("geheim"), "{error}");
    // What is Kafka's default asks for nothing.
    assert!(read(&[("sasl.login.retry.backoff.ms", "100")]).is_ok());
}

#[tokio::test]
async fn a_closure_gives_tokens() {
    let expires_at = std::time::SystemTime::UNIX_EPOCH;
    let config = AdminConfig::builder("a:1")
        .security_protocol(SecurityProtocol::SaslSsl)
        .sasl(Sasl::oauthbearer(move || async move {
            Ok(OAuthBearerToken::new("token", expires_at).with_extension("a", "b"))
        }))
        .build()
        .unwrap();
    let Some(Sasl::OAuthBearer { provider }) = config.client.security.sasl else { panic!() };
    let token = provider.token().await.unwrap();
    assert_eq!(token.value.reveal(), "token");
    assert_eq!(token.expires_at, expires_at);
    assert!(!format!("{token:?}").contains("\"token\""));
}
