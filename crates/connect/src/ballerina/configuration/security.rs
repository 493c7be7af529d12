//! `auth`, `secureSocket` and `securityProtocol`.

use std::fmt;

use milena::config::Secret;
use serde_json::Value;

use super::setting::{Setting, choice};
use crate::settings::{ClientProperties, Field, FieldKind, Origin, TableReader};

choice! {
    /// `securityProtocol`.
    SecurityProtocol {
        /// `PLAINTEXT`.
        Plaintext = "PLAINTEXT",
        /// `SASL_PLAINTEXT`.
        SaslPlaintext = "SASL_PLAINTEXT",
        /// `SASL_SSL`.
        SaslSsl = "SASL_SSL",
        /// `SSL`.
        Ssl = "SSL",
    }
}

choice! {
    /// `auth.mechanism`.
    AuthenticationMechanism {
        /// `PLAIN`.
        SaslPlain = "PLAIN",
        /// `SCRAM-SHA-256`.
        SaslScramSha256 = "SCRAM-SHA-256",
        /// `SCRAM-SHA-512`.
        SaslScramSha512 = "SCRAM-SHA-512",
    }
}

const AUTH: &[Field] = &[
    Field::optional(
        "mechanism",
        "mechanism",
        FieldKind::Choice(AuthenticationMechanism::NAMES),
        "the SASL mechanism",
    )
    .default("PLAIN"),
    Field::required("username", "username", FieldKind::Text, "the user name for SASL"),
    Field::required("password", "password", FieldKind::AnyText, "the password for SASL").secret(),
];

const STORE: &[Field] = &[
    Field::required("path", "path", FieldKind::Text, "the file of the store"),
    Field::required("password", "password", FieldKind::AnyText, "the password of the store")
        .secret(),
];

const KEY: &[Field] = &[
    Field::optional("keyStore", "keyStore", FieldKind::Record(STORE), "key and certificates"),
    Field::optional("certFile", "certFile", FieldKind::Text, "a PEM file of certificates"),
    Field::optional("keyFile", "keyFile", FieldKind::Text, "a PEM file of the private key"),
    Field::optional("keyPassword", "keyPassword", FieldKind::AnyText, "the password of the key")
        .secret(),
];

const PROTOCOL: &[Field] = &[
    Field::required(
        "name",
        "name",
        FieldKind::Choice(&["SSL", "TLS", "DTLS"]),
        "the protocol, as ssl.protocol",
    ),
    Field::optional(
        "versions",
        "versions",
        FieldKind::TextOrList,
        "its versions, as ssl.enabled.protocols",
    ),
];

const SECURE_SOCKET: &[Field] = &[
    Field::required(
        "cert",
        "cert",
        FieldKind::Json,
        "whom to trust: the path of a PEM file, or a store with path and password",
    )
    .example(r#"{"path":"truststore.p12","password":"..."}"#),
    Field::optional(
        "key",
        "key",
        FieldKind::Record(KEY),
        "who we are: keyStore, or certFile and keyFile",
    ),
    Field::optional("protocol", "protocol", FieldKind::Record(PROTOCOL), "the TLS versions"),
    Field::optional(
        "ciphers",
        "ciphers",
        FieldKind::TextOrList,
        "without effect, as in the module",
    ),
    Field::optional("provider", "provider", FieldKind::Text, "without effect, as in the module"),
];

/// `auth`: who we are for SASL. It raises no `securityProtocol`: with `PLAINTEXT` it has no effect.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthenticationConfiguration {
    /// `mechanism`.
    pub mechanism: AuthenticationMechanism,
    /// `username`.
    pub username: String,
    /// `password`.
    pub password: Secret,
}

impl fmt::Debug for AuthenticationConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticationConfiguration")
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Setting for Option<AuthenticationConfiguration> {
    const KIND: FieldKind = FieldKind::Record(AUTH);

    fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
        Some(reader.record(name, |reader| {
            let mechanism = AuthenticationMechanism::read(reader, "mechanism");
            let (username, password) = (reader.text("username"), reader.text("password"));
            Some(AuthenticationConfiguration {
                mechanism: mechanism?,
                username: username?,
                password: Secret::from(password?),
            })
        }))
    }

    fn property(&self) -> Option<String> {
        None
    }
}

impl AuthenticationConfiguration {
    pub(super) fn set(&self, properties: &mut ClientProperties) {
        let module = match self.mechanism {
            AuthenticationMechanism::SaslPlain => "plain.PlainLoginModule",
            _ => "scram.ScramLoginModule",
        };
        let line = format!(
            "org.apache.kafka.common.security.{module} required username={} password={};",
            quoted(&self.username),
            quoted(self.password.reveal()),
        );
        properties.set(Origin::Credentials, "sasl.mechanism", self.mechanism.name());
        properties.set(Origin::Credentials, "sasl.jaas.config", line);
    }
}

/// A text in the quotes of a JAAS line.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n").replace('\r', "\\r"))
}

/// A store of certificates or keys.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Store {
    /// `path`.
    pub path: String,
    /// `password`.
    pub password: Secret,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

/// `secureSocket.cert`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    /// The path of a PEM file.
    Pem(String),
    /// A store.
    Store(Store),
}

/// `secureSocket.key`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyMaterial {
    /// `keyStore`.
    Store(Store),
    /// `certFile` and `keyFile`.
    Pem {
        /// `certFile`.
        cert_file: String,
        /// `keyFile`.
        key_file: String,
    },
}

/// `secureSocket`: TLS.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecureSocket {
    /// `cert`.
    pub cert: Trust,
    /// `key`.
    pub key: Option<KeyMaterial>,
    /// `key.keyPassword`.
    pub key_password: Option<Secret>,
    /// `protocol.name`.
    pub protocol: Option<String>,
    /// `protocol.versions`.
    pub versions: Vec<String>,
}

impl fmt::Debug for SecureSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecureSocket")
            .field("cert", &self.cert)
            .field("key", &self.key)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl Setting for Option<SecureSocket> {
    const KIND: FieldKind = FieldKind::Record(SECURE_SOCKET);

    fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
        Some(reader.record(name, |reader| {
            let cert = read_trust(reader);
            let key = reader.record("key", read_key);
            let protocol = reader.record("protocol", |reader| {
                Some((reader.text("name")?, reader.texts("versions").unwrap_or_default()))
            });
            // Read so that they are known; the module itself looks them up where they are not.
            let _ = (reader.texts("ciphers"), reader.text("provider"));
            let (key, key_password) = key.unzip();
            let (protocol, versions) = protocol.unzip();
            Some(SecureSocket {
                cert: cert?,
                key,
                key_password: key_password.flatten(),
                protocol,
                versions: versions.unwrap_or_default(),
            })
        }))
    }

    fn property(&self) -> Option<String> {
        None
    }
}

fn read_trust(reader: &mut TableReader<'_, '_>) -> Option<Trust> {
    let text = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
    match reader.json("cert")? {
        Value::String(path) if !path.trim().is_empty() => Some(Trust::Pem(path)),
        Value::Object(table)
            if table.len() == 2 && table.values().all(Value::is_string) && {
                table.contains_key("path") && table.contains_key("password")
            } =>
        {
            let table = Value::Object(table);
            let password = Secret::from(text(&table, "password")?);
            Some(Trust::Store(Store { path: text(&table, "path")?, password }))
        }
        _ => {
            reader.problem(
                "cert",
                "is neither: expected the path of a PEM file, or a table with the texts path and \
                 password",
            );
            None
        }
    }
}

fn read_key(reader: &mut TableReader<'_, '_>) -> Option<(KeyMaterial, Option<Secret>)> {
    let store = reader.record("keyStore", |reader| {
        let (path, password) = (reader.text("path"), reader.text("password"));
        Some(Store { path: path?, password: Secret::from(password?) })
    });
    let (cert_file, key_file) = (reader.text("certFile"), reader.text("keyFile"));
    let password = reader.text("keyPassword").map(Secret::from);
    let key = match (store, cert_file, key_file) {
        (Some(store), None, None) => KeyMaterial::Store(store),
        (None, Some(cert_file), Some(key_file)) => KeyMaterial::Pem { cert_file, key_file },
        _ if reader.has("keyStore") && !reader.has("certFile") && !reader.has("keyFile") => {
            return None;
        }
        _ => {
            let place = reader.place();
            let path = reader.path("").trim_end_matches('.').to_owned();
            reader.problem_at(
                place,
                format!("{path} has neither keyStore, nor certFile and keyFile"),
            );
            return None;
        }
    };
    Some((key, password))
}

impl SecureSocket {
    /// What is wrong with the files, in the module's words.
    pub(in super::super) fn check(&self) -> Result<(), String> {
        let read = |what: &str, path: &str| match std::fs::read(path) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("Error reading {what} file : {path}: {error}")),
        };
        if let Trust::Pem(path) = &self.cert {
            read("certificate", path)?;
        }
        if let Some(KeyMaterial::Pem { cert_file, key_file }) = &self.key {
            read("certificate", cert_file)?;
            read("private key", key_file)?;
        }
        Ok(())
    }

    pub(super) fn set(&self, properties: &mut ClientProperties) {
        let mut set = |name: &str, value: String| {
            properties.set(Origin::Credentials, name, value);
        };
        // A file that cannot be read is named where its text would be: the client then says what is wrong.
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_else(|_| path.to_owned());
        match &self.cert {
            Trust::Pem(path) => {
                match std::fs::read_to_string(path) {
                    Ok(text) => set("ssl.truststore.certificates", text),
                    Err(_) => set("ssl.truststore.location", path.clone()),
                }
                set("ssl.truststore.type", "PEM".to_owned());
            }
            Trust::Store(store) => {
                set("ssl.truststore.location", store.path.clone());
                set("ssl.truststore.password", store.password.reveal().to_owned());
            }
        }
        match &self.key {
            Some(KeyMaterial::Pem { cert_file, key_file }) => {
                set("ssl.keystore.certificate.chain", text(cert_file));
                set("ssl.keystore.key", text(key_file));
                set("ssl.keystore.type", "PEM".to_owned());
            }
            Some(KeyMaterial::Store(store)) => {
                set("ssl.keystore.location", store.path.clone());
                set("ssl.keystore.password", store.password.reveal().to_owned());
            }
            None => {}
        }
        if let Some(password) = &self.key_password {
            set("ssl.key.password", password.reveal().to_owned());
        }
        if let Some(protocol) = &self.protocol {
            set("ssl.protocol", protocol.clone());
        }
        if !self.versions.is_empty() {
            set("ssl.enabled.protocols", self.versions.join(","));
        }
    }
}
