//! Where a webhook is, who asks it, and whom to trust that it is it.

use std::{fmt, path::PathBuf, time::Duration};

use milena::config::Secret;

use crate::settings::{Field, FieldKind, TableReader};

const CA: &str = "ca";
const CA_PASSWORD: &str = "caPassword";
const CERTIFICATE: &str = "certificate";
const KEY: &str = "key";
const PASSWORD: &str = "password";
const VERIFIES_HOST_NAME: &str = "verifyHostName";

/// The fields of `tls`.
pub(super) const TLS_FIELDS: &[Field] = &[
    Field::optional(
        CA,
        "Certificate authority",
        FieldKind::Text,
        "who signs the server's certificate: PEM, or a file of PEM, JKS or PKCS#12; by default those that \
         the system trusts",
    )
    .example("\"ca.pem\""),
    Field::optional(
        CA_PASSWORD,
        "Password of the authorities",
        FieldKind::Text,
        "of a store of JKS or PKCS#12",
    )
    .secret(),
    Field::optional(
        CERTIFICATE,
        "Client certificate",
        FieldKind::Text,
        "the chain that is shown to a server that asks for one: PEM, or a file of PEM, JKS or PKCS#12",
    )
    .example("\"client.pem\""),
    Field::optional(
        KEY,
        "Private key",
        FieldKind::Text,
        "PEM, or a file of it; by default it is with the certificate",
    )
    .secret()
    .example("\"client.key\""),
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

/// A POST request for each record: 2xx and 409 accept it, other 4xx refuse it for good, all else is
/// tried again.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Webhook {
    /// Where to.
    pub url: String,
    /// Headers of every request, besides those that the runtime sets.
    pub headers: Vec<(String, String)>,
    /// Who asks.
    pub credentials: Option<Credentials>,
    /// Whom to trust, and who asks, over HTTPS.
    pub tls: Tls,
    /// How long one request may take.
    pub timeout: Duration,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL's user info and the headers' values can be secrets.
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Webhook")
            .field("headers", &names)
            .field("credentials", &self.credentials)
            .field("tls", &self.tls)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Who asks, as the header `Authorization` says it. `Debug` masks passwords and tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// A user with a password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// Whoever has this token.
    Bearer(Secret),
}

/// Whom to trust, and who asks. `Debug` masks passwords and keys.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tls {
    /// Who signs the server's certificate; those that the system trusts without it.
    pub ca: Option<Certificates>,
    /// The password of the store that `ca` is.
    pub ca_password: Option<Secret>,
    /// The chain, or a store with chain and key, that is shown to a server that asks for one.
    pub certificate: Option<Certificates>,
    /// The private key, when it is apart.
    pub key: Option<Certificates>,
    /// The password of the key, or of the store that it is in.
    pub password: Option<Secret>,
    /// Whether the certificate must be of the host that the URL names.
    pub verifies_host_name: bool,
}

impl Default for Tls {
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
pub enum Certificates {
    /// In a file; a relative path counts from the flow file's folder.
    File(PathBuf),
    /// As PEM. It can be a private key.
    Inline(Secret),
}

impl Certificates {
    fn of(text: String) -> Self {
        // In an environment's variable, a newline often is two characters.
        if text.contains("-----BEGIN") {
            Self::Inline(Secret::from(text.replace("\\n", "\n")))
        } else {
            Self::File(PathBuf::from(text))
        }
    }
}

/// Reads `username`, `password` and `token`.
pub(super) fn read_credentials(reader: &mut TableReader<'_, '_>) -> Option<Credentials> {
    let (username, password) = (reader.text("username"), reader.text("password"));
    let token = reader.text("token").map(Secret::from);
    if token.is_some() {
        for name in ["username", "password"] {
            reader.refuse(name, "the token says who asks");
        }
    }
    match (username, password, token) {
        (_, _, Some(token)) => Some(Credentials::Bearer(token)),
        (Some(username), Some(password), None) => {
            if username.contains(':') {
                reader.problem("username", "has a colon, which no user of HTTP's Basic can have");
            }
            Some(Credentials::Basic { username, password: Secret::from(password) })
        }
        (Some(_), None, None) => {
            reader.problem("password", "is missing: expected the password of the user");
            None
        }
        (None, Some(_), None) => {
            reader.problem("username", "is missing: expected the user of the password");
            None
        }
        (None, None, None) => None,
    }
}

/// Reads the table `tls`.
pub(super) fn read_tls(reader: &mut TableReader<'_, '_>) -> Tls {
    let read = reader.record("tls", |reader| {
        let mut certificates = |name| reader.text(name).map(Certificates::of);
        let (ca, certificate, key) =
            (certificates(CA), certificates(CERTIFICATE), certificates(KEY));
        let mut secret = |name| reader.text(name).map(Secret::from);
        let (ca_password, password) = (secret(CA_PASSWORD), secret(PASSWORD));
        let verifies_host_name = reader.boolean(VERIFIES_HOST_NAME).unwrap_or(true);
        if ca.is_none() {
            reader.refuse(CA_PASSWORD, "it goes with ca");
        }
        if certificate.is_none() {
            reader.refuse(KEY, "it goes with certificate");
            reader.refuse(PASSWORD, "it goes with certificate");
        }
        Some(Tls { ca, ca_password, certificate, key, password, verifies_host_name })
    });
    read.unwrap_or_default()
}
