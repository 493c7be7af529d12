//! Stores that keytool and OpenSSL wrote, good ones and damaged ones.

use std::path::PathBuf;

use rustls::pki_types::pem::PemObject as _;

use super::*;
use crate::config::{PemSource, StoreType};
use crate::pem::Pem;
use crate::{ClientCertificate, StoreFile, TlsConfig, TlsError, Trust};

const ALL: [&str; 7] = [
    "openssl.p12",
    "legacy.p12",
    "java.p12",
    "java.jks",
    "openssl-trust.p12",
    "java-trust.p12",
    "java-trust.jks",
];

fn path(name: &str) -> PathBuf {
    let folder =
        if name.ends_with(".pem") || name == "client.key" { "certificates" } else { "stores" };
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder).join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path(name)).unwrap()
}

fn client_key() -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(path("client.key")).unwrap()
}

/// Reads a store; an empty password is none.
fn open(name: &str, store: &str, key: &str, wants_key: bool) -> Result<Store, StoreError> {
    let [store, key] = [store, key].map(|text| (!text.is_empty()).then(|| Password::from(text)));
    let passwords = Passwords { store: store.as_ref(), key: key.as_ref() };
    read(&bytes(name), passwords, wants_key).expect("the file is a store")
}

fn error(name: &str, store: &str, key: &str) -> StoreError {
    match open(name, store, key, true) {
        Ok(_) => panic!("{name} can be read"),
        Err(error) => error,
    }
}

#[test]
fn key_and_chain_are_those_that_were_put_in() {
    for (name, key) in [
        ("openssl.p12", ""),
        ("legacy.p12", ""),
        ("java.p12", ""),
        ("java.p12", "changeit"),
        ("java.jks", "key secret"),
    ] {
        let store =
            open(name, "changeit", key, true).unwrap_or_else(|error| panic!("{name}: {error}"));
        let identity = store.identity.unwrap();
        assert_eq!(identity.chain, [certificate("client.pem"), certificate("ca.pem")], "{name}");
        assert_eq!(identity.key, client_key(), "{name}");
    }
}

#[test]
fn trusted_certificates_are_those_that_were_put_in() {
    for name in ["openssl-trust.p12", "java-trust.p12", "java-trust.jks"] {
        let store = open(name, "changeit", "", false).unwrap();
        assert_eq!(store.trusted, [certificate("ca.pem")], "{name}");
        assert!(store.identity.is_none(), "{name}");
    }
}

#[test]
fn wrong_password_is_said_so() {
    for name in ALL {
        assert_eq!(error(name, "guess", ""), StoreError::WrongPassword, "{name}");
    }
    assert_eq!(error("java.jks", "changeit", ""), StoreError::WrongPassword);
    assert_eq!(error("java.jks", "changeit", "guess"), StoreError::WrongPassword);
    assert_eq!(error("openssl.p12", "changeit", "guess"), StoreError::WrongPassword);
}

#[test]
fn missing_password_matters_when_something_is_encrypted() {
    assert_eq!(error("openssl.p12", "", ""), StoreError::NoPassword);
    assert_eq!(error("java.jks", "", ""), StoreError::NoPassword);
    // JKS encrypts keys alone; without a password nothing proves that nobody changed the file.
    assert_eq!(open("java-trust.jks", "", "", false).unwrap().trusted.len(), 1);
    assert!(open("java.jks", "", "key secret", true).unwrap().identity.is_some());
}

#[test]
fn changed_store_is_refused() {
    for name in ["java-trust.jks", "legacy.p12"] {
        let password = Password::from("changeit");
        let passwords = Passwords { store: Some(&password), key: None };
        let good = bytes(name);
        for at in (4..good.len()).step_by(5) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            // Other stores of bags mean the same in some bytes, but for the MAC.
            let changed = read(&bad, passwords, false).expect("its beginning is the same");
            assert!(changed.is_err() || name == "legacy.p12", "{name} at {at}");
        }
    }
}

#[test]
fn damaged_store_is_an_error_and_no_panic() {
    for name in ALL {
        let good = bytes(name);
        let key = Password::from("key secret");
        for passwords in
            [Passwords { store: None, key: None }, Passwords { store: None, key: Some(&key) }]
        {
            for length in 4..good.len() {
                // Without its digest, which is not checked here, the end of JKS has no meaning.
                let cut = read(&good[..length], passwords, true).expect("it begins as a store");
                assert!(cut.is_err() || name.ends_with("jks"), "{name} of {length} bytes");
            }
            for at in 4..good.len() {
                for change in [1, 0x80, 0xff] {
                    let mut bad = good.clone();
                    bad[at] ^= change;
                    let _ = read(&bad, passwords, true);
                }
            }
        }
    }
}

#[test]
fn counts_and_lengths_that_are_absurd_are_refused() {
    let mut jks = bytes("java-trust.jks");
    jks[8..12].copy_from_slice(&[0xff; 4]);
    let passwords = Passwords { store: None, key: None };
    let refused = read(&jks, passwords, true).unwrap();
    assert!(matches!(refused, Err(StoreError::TooLarge)));
}

#[test]
fn work_that_a_file_asks_for_is_limited() {
    // SEQUENCE { SEQUENCE { 1.2.840.113549.1.12.1.3, { salt, 2^31 - 1 rounds } }, data }
    let mut key = vec![0x30, 42, 0x30, 28, 6, 10];
    key.extend([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 3]);
    key.extend([0x30, 14, 4, 6, 1, 2, 3, 4, 5, 6, 2, 4, 0x7f, 0xff, 0xff, 0xff]);
    key.extend([4, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let refused = decrypt_key(&key, &Password::from("changeit"));
    assert_eq!(refused.unwrap_err(), StoreError::TooMuchWork);
}

#[test]
fn encrypted_keys_are_decrypted() {
    for name in ["aes-128-sha1.key", "triple-des.key", "scrypt.key", "pkcs12.key"] {
        let pem = Pem::read(&PemSource::File(path(name))).unwrap();
        let key = pem.private_key(Some(&Password::from("changeit")));
        assert_eq!(key.unwrap_or_else(|error| panic!("{name}: {error}")), client_key(), "{name}");
        let wrong = pem.private_key(Some(&Password::from("guess"))).unwrap_err();
        assert!(
            matches!(wrong, TlsError::Store { error: StoreError::WrongPassword, .. }),
            "{wrong}"
        );
        let none = pem.private_key(None).unwrap_err().to_string();
        assert!(none.contains(name) && none.contains("ssl.key.password"), "{none}");
    }
}

#[test]
fn what_is_not_supported_is_named() {
    let jceks = error("java.jceks", "changeit", "").to_string();
    assert!(jceks.contains("JCEKS") && jceks.contains("keytool"), "{jceks}");
    for (name, expected) in [("md5.key", "1.2.840.113549.1.5.3"), ("traditional.key", "pkcs8")] {
        let pem = Pem::read(&PemSource::File(path(name))).unwrap();
        let refused = pem.private_key(Some(&Password::from("changeit"))).unwrap_err().to_string();
        assert!(refused.contains(name) && refused.contains(expected), "{refused}");
    }
}

#[test]
fn settings_take_stores_of_every_format() {
    let store = |name: &str| StoreFile::new(path(name)).password("changeit");
    for trust in ["java-trust.jks", "java-trust.p12", "openssl-trust.p12", "ca.pem"] {
        let settings = TlsConfig::new(Trust::Store(store(trust)));
        for name in ["java.p12", "openssl.p12", "legacy.p12"] {
            settings.clone().client_store(store(name)).build().unwrap();
        }
        settings.client_store(store("java.jks")).key_password("key secret").build().unwrap();
    }
    let one_line = |name: &str| {
        let text = String::from_utf8(bytes(name)).unwrap();
        PemSource::Inline(text.split('\n').collect::<Vec<_>>().join(" "))
    };
    let certificate = ClientCertificate {
        chain: one_line("client.pem"),
        key: Some(one_line("aes-128-sha1.key")),
    };
    let settings = TlsConfig::new(Trust::Pem(one_line("ca.pem"))).client_certificate(certificate);
    settings.key_password("changeit").build().unwrap();
}

#[test]
fn a_type_that_the_content_contradicts_is_refused() {
    use StoreType::{Jks, Pem, Pkcs12};
    for (name, named, content) in [
        ("java-trust.jks", Pem, Some("content is JKS")),
        ("java-trust.p12", Pem, Some("content is PKCS12")),
        ("ca.pem", Jks, Some("content is neither JKS nor PKCS12")),
        ("ca.pem", Pkcs12, Some("content is neither JKS nor PKCS12")),
        ("ca.pem", Pem, None),
        ("java-trust.jks", Jks, None),
        // Java reads these too.
        ("java-trust.jks", Pkcs12, None),
        ("java-trust.p12", Jks, None),
    ] {
        let store = StoreFile::new(path(name)).password("changeit").store_type(named);
        let built = TlsConfig::new(Trust::Store(store)).build();
        let refused = built.err().map(|error| error.to_string());
        let text = refused.clone().unwrap_or_default();
        assert_eq!(refused.is_some(), content.is_some(), "{name} as {named:?}: {text}");
        let said_to_be = format!("said to be {}", named.as_str());
        assert!(
            content.is_none_or(|content| text.contains(content) && text.contains(&said_to_be)),
            "{name} as {named:?}: {text}"
        );
    }
    let store = StoreFile::new(path("java.p12")).password("changeit").store_type(Pem);
    let error = TlsConfig::default().client_store(store).build().unwrap_err().to_string();
    assert!(error.contains("java.p12: its type is said to be PEM"), "{error}");
}

#[test]
fn errors_name_the_file_and_show_no_password() {
    let wrong = StoreFile::new(path("java-trust.jks")).password("geheim");
    let settings = TlsConfig::new(Trust::Store(wrong));
    assert!(!format!("{settings:?}").contains("geheim"));
    let error = settings.build().unwrap_err().to_string();
    assert!(error.contains("java-trust.jks") && error.contains("password is wrong"), "{error}");
    assert!(!error.contains("geheim"), "{error}");
    let settings = TlsConfig::default().client_store(StoreFile::new(path("java-trust.jks")));
    let error = settings.build().unwrap_err().to_string();
    assert!(error.contains("no private key"), "{error}");
}
