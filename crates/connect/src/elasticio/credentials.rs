//! The component's credentials, and how a client authenticates with them.

use std::fmt;

use milena::config::Secret;
use serde_json::Value;

use crate::settings::{Field, FieldKind, Node, Problems, TableReader};

pub(super) const FIELDS: &[Field] = &[
    Field::required("username", "Username", FieldKind::Text, "the user name for SASL"),
    Field::required("password", "Password", FieldKind::Text, "the password for SASL").secret(),
    Field::optional(
        "mechanism",
        "Mechanism",
        FieldKind::Choice(Mechanism::NAMES),
        "the SASL mechanism",
    )
    .default("scram-sha-512"),
    Field::required("clientId", "Client Id", FieldKind::Text, "the client id that the brokers see"),
    Field::required(
        "brokers",
        "Brokers",
        FieldKind::TextOrList,
        "host:port of one broker or more, with commas or spaces between them",
    ),
    Field::optional("tokenUrl", "Token URL", FieldKind::Text, "where oauthbearer gets its tokens"),
];

/// The fields inside a flow that names the brokers itself.
const FIELDS_BESIDE_BROKERS: &[Field] = &[
    FIELDS[0],
    FIELDS[1],
    FIELDS[2],
    FIELDS[3],
    Field { required: false, ..FIELDS[4] },
    FIELDS[5],
];

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mechanism {
    /// `plain`.
    Plain,
    /// `scram-sha-256`.
    ScramSha256,
    /// `scram-sha-512`.
    #[default]
    ScramSha512,
    /// `oauthbearer`.
    OAuthBearer,
}

impl Mechanism {
    const NAMES: &[&str] = &["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"];

    fn from_name(name: &str) -> Self {
        match name {
            "plain" => Self::Plain,
            "scram-sha-256" => Self::ScramSha256,
            "oauthbearer" => Self::OAuthBearer,
            _ => Self::ScramSha512,
        }
    }

    /// Kafka's name, as in `sasl.mechanism`.
    #[must_use]
    pub const fn sasl_name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }
}

/// The component's credentials. Whoever may see them may be the user: `Debug` masks the password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// `username`.
    pub username: String,
    /// `password`.
    pub password: Secret,
    /// `mechanism`.
    pub mechanism: Mechanism,
    /// `clientId`, Kafka's `client.id`.
    pub client_id: String,
    /// `brokers`, each as `host:port`; empty only where a flow names them.
    pub brokers: Vec<String>,
    /// `tokenUrl`, where `oauthbearer` gets its tokens, with the user name as the client's id and the
    /// password as its secret. It may have a password in it.
    pub token_url: Option<Secret>,
}

impl Credentials {
    /// Reads the component's own JSON.
    ///
    /// ```
    /// use milena_connect::elasticio::{Credentials, Mechanism};
    ///
    /// let credentials = Credentials::from_json(&serde_json::json!({
    ///     "username": "ada", "password": "open sesame", "mechanism": "",
    ///     "clientId": "orders", "brokers": "a:9092 b:9092,c:9092",
    /// }))?;
    /// assert_eq!(credentials.brokers, ["a:9092", "b:9092", "c:9092"]);
    /// assert_eq!(credentials.mechanism, Mechanism::ScramSha512);
    /// assert!(!format!("{credentials:?}").contains("sesame"));
    /// # Ok::<(), milena_connect::Problems>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Every field that is missing, unknown or ill-typed, with what was expected.
    pub fn from_json(value: &Value) -> Result<Self, Problems> {
        Problems::of_json(value, "credentials", |node, path, problems| {
            Self::read(node, path, FIELDS, problems)
        })
    }

    /// Reads the credentials of a flow, which may name the brokers itself.
    pub(crate) fn read_in_flow(
        node: &Node,
        needs_brokers: bool,
        problems: &mut Problems,
    ) -> Option<Self> {
        let fields = if needs_brokers { FIELDS } else { FIELDS_BESIDE_BROKERS };
        Self::read(node, "credentials", fields, problems)
    }

    fn read(
        node: &Node,
        path: &str,
        fields: &'static [Field],
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut reader = TableReader::new(node, path, fields, problems)?;
        let username = reader.text("username");
        let password = reader.text("password").map(Secret::from);
        let mechanism = reader
            .text("mechanism")
            .as_deref()
            .map_or_else(Mechanism::default, Mechanism::from_name);
        let client_id = reader.text("clientId");
        let brokers = read_brokers(&mut reader);
        let token_url = reader.text("tokenUrl").map(Secret::from);
        if mechanism == Mechanism::OAuthBearer && !reader.has("tokenUrl") {
            reader.problem(
                "tokenUrl",
                format_args!("is missing: expected a text, where oauthbearer gets its tokens"),
            );
        }
        reader.finish();
        Some(Self {
            username: username?,
            password: password?,
            mechanism,
            client_id: client_id?,
            brokers: brokers?,
            token_url,
        })
    }

    /// The line of `sasl.jaas.config`.
    pub(super) fn jaas_config(&self) -> String {
        let (module, username, password) = match self.mechanism {
            Mechanism::Plain => ("plain.PlainLoginModule", "username", "password"),
            Mechanism::ScramSha256 | Mechanism::ScramSha512 => {
                ("scram.ScramLoginModule", "username", "password")
            }
            Mechanism::OAuthBearer => {
                ("oauthbearer.OAuthBearerLoginModule", "clientId", "clientSecret")
            }
        };
        format!(
            "org.apache.kafka.common.security.{module} required {username}={} {password}={};",
            Quoted(&self.username),
            Quoted(self.password.reveal()),
        )
    }
}

/// A text in the quotes of a JAAS line.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                _ => write!(f, "{character}")?,
            }
        }
        f.write_str("\"")
    }
}

/// Brokers out of texts, with commas, white space or both between them.
pub(crate) fn split_brokers<'a>(
    texts: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = &'a str> {
    texts
        .into_iter()
        .flat_map(|text| text.split(|c: char| c == ',' || c.is_whitespace()))
        .filter(|broker| !broker.is_empty())
}

/// Whether a text ends in a port, with something in front of it: the client looks at the rest.
pub(crate) fn is_host_and_port(broker: &str) -> bool {
    broker.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

/// The field `brokers`: an empty list when it is not there.
pub(crate) fn read_brokers(reader: &mut TableReader<'_, '_>) -> Option<Vec<String>> {
    const EXPECTED: &str = "expected host:port, such as serv1.mykafkaserver.com:9094";
    if !reader.has("brokers") {
        return Some(Vec::new());
    }
    let texts = reader.texts("brokers")?;
    let brokers: Vec<String> =
        split_brokers(texts.iter().map(String::as_str)).map(str::to_owned).collect();
    if brokers.is_empty() {
        reader.problem("brokers", format_args!("is blank: {EXPECTED}"));
        return None;
    }
    let mut is_sound = true;
    for broker in &brokers {
        if !is_host_and_port(broker) {
            reader.problem("brokers", format_args!("has {broker:?}: {EXPECTED}"));
            is_sound = false;
        }
    }
    is_sound.then_some(brokers)
}

#[cfg(test)]
mod tests {
    use milena::config::JaasConfig;
    use serde_json::json;

    use super::*;

    fn full() -> Value {
        json!({
            "username": "ada", "password": "secret-word", "mechanism": "plain",
            "clientId": "orders", "brokers": "a:9092",
        })
    }

    #[test]
    fn blank_mechanism_is_scram_sha_512() {
        for blank in [json!(""), json!("  "), json!(null)] {
            let mut value = full();
            value["mechanism"] = blank;
            assert_eq!(Credentials::from_json(&value).unwrap().mechanism, Mechanism::ScramSha512);
        }
        let mut value = full();
        value.as_object_mut().unwrap().remove("mechanism");
        assert_eq!(Credentials::from_json(&value).unwrap().mechanism, Mechanism::ScramSha512);
    }

    #[test]
    fn splits_brokers_at_commas_and_white_space() {
        let mut value = full();
        value["brokers"] = json!("a:9092 b:9092,c:9092 ,\n d:9094,");
        let brokers = Credentials::from_json(&value).unwrap().brokers;
        assert_eq!(brokers, ["a:9092", "b:9092", "c:9092", "d:9094"]);
    }

    #[test]
    fn tells_every_problem_at_once() {
        let value = json!({
            "username": " ", "password": 7, "mechanism": "gssapi", "brokers": "a:9092, b",
            "clientid": "x",
        });
        assert_eq!(
            Credentials::from_json(&value).unwrap_err().to_string(),
            "6 problems: \
             (1) credentials.username is blank: expected a text, the user name for SASL; \
             (2) credentials.password is a number: expected a text, the password for SASL; \
             (3) credentials.mechanism is the text \"gssapi\": expected one of plain, scram-sha-256, \
             scram-sha-512, oauthbearer, the SASL mechanism; \
             (4) credentials.brokers has \"b\": expected host:port, such as \
             serv1.mykafkaserver.com:9094; \
             (5) credentials.clientid is not known here: did you mean `clientId`?; \
             (6) credentials.clientId is missing: expected a text, the client id that the brokers see"
        );
        assert_eq!(
            Credentials::from_json(&json!("x")).unwrap_err().to_string(),
            "credentials is the text \"x\": expected a table"
        );
    }

    #[test]
    fn oauthbearer_needs_a_token_url() {
        let mut value = full();
        value["mechanism"] = json!("OAUTHBEARER");
        let problems = Credentials::from_json(&value).unwrap_err().to_string();
        assert_eq!(
            problems,
            "credentials.tokenUrl is missing: expected a text, where oauthbearer gets its tokens"
        );
        value["tokenUrl"] = json!("https://me:hidden@idp.example/token");
        let credentials = Credentials::from_json(&value).unwrap();
        assert!(!format!("{credentials:?}").contains("hidden"), "{credentials:?}");
        let jaas = JaasConfig::parse(&credentials.jaas_config()).unwrap();
        assert_eq!(jaas.module_name(), "OAuthBearerLoginModule");
        assert_eq!(jaas.option("clientId"), Some("ada"));
        assert_eq!(jaas.option("clientSecret"), Some("secret-word"));
    }

    #[test]
    fn a_jaas_line_keeps_every_character_of_the_password() {
        for password in ["simple", "with \"quotes\" and \\", "a\nb\rc", "x;=y", "öäü"] {
            let mut value = full();
            value["password"] = json!(password);
            let line = Credentials::from_json(&value).unwrap().jaas_config();
            let jaas = JaasConfig::parse(&line).unwrap();
            assert_eq!(jaas.option("password"), Some(password));
            assert_eq!(jaas.module_name(), "PlainLoginModule");
        }
    }
}
