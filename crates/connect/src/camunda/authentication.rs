//! User name and password, and the client properties that they become.

use std::fmt;

use milena::config::Secret;

use super::Compatibility;
use crate::{
    connection::Connection,
    settings::{ClientProperties, Field, FieldKind, Origin, TableReader},
};

const USERNAME: &str = "username";
const PASSWORD: &str = "password";

pub(super) const NAME: &str = "authentication";

pub(super) const FIELD: Field = Field::optional(
    NAME,
    "Authentication",
    FieldKind::Record(&[
        Field::optional(USERNAME, "Username", FieldKind::AnyText, "the user name for SASL"),
        Field::optional(PASSWORD, "Password", FieldKind::AnyText, "the password for SASL").secret(),
    ]),
    "who the client is",
)
.example(r#"{"username":"ada","password":"{{secrets.MY_KAFKA_PASSWORD}}"}"#);

/// User name and password. `Debug` masks the password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authentication {
    /// `authentication.username`.
    pub username: String,
    /// `authentication.password`.
    pub password: Secret,
}

impl Authentication {
    /// `None` when there are none, or not both, which some systems take for a mistake.
    pub(super) fn read(
        reader: &mut TableReader<'_, '_>,
        compatibility: Compatibility,
    ) -> Option<Self> {
        let (username, password) = reader.record(NAME, |reader| {
            let is_given = |text: &String| !text.trim().is_empty();
            let username = reader.text(USERNAME).filter(is_given);
            let password = reader.text(PASSWORD).filter(is_given);
            Some((username, password))
        })?;
        if let (Some(username), Some(password)) = (&username, &password) {
            let (username, password) = (username.clone(), Secret::from(password.as_str()));
            return Some(Self { username, password });
        }
        if username.is_some() != password.is_some() && compatibility.needs_both_credentials() {
            let missing = if username.is_some() { PASSWORD } else { USERNAME };
            reader.problem(
                NAME,
                format_args!("has no {missing}: Username / password pair is required, or neither"),
            );
        }
        None
    }

    /// Sets them as the documents have it, down to the spaces of the line.
    pub(super) fn set(&self, connection: &Connection, properties: &mut ClientProperties) {
        let Self { username, password } = self;
        let jaas = format!(
            "org.apache.kafka.common.security.plain.PlainLoginModule   required username={}   \
             password={};",
            Quoted(username),
            Quoted(password.reveal()),
        );
        for (name, value) in [
            ("sasl.jaas.config", jaas.as_str()),
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "PLAIN"),
        ] {
            if connection.keeps(name) {
                properties.set(Origin::Credentials, name, value);
            }
        }
    }
}

/// A text in single quotes, as the documents write it. The running connectors put quotes and
/// backslashes in as they are, which breaks the line; here they have a backslash before them.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("'")?;
        for character in self.0.chars() {
            match character {
                '\'' | '\\' => write!(f, "\\{character}")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                _ => write!(f, "{character}")?,
            }
        }
        f.write_str("'")
    }
}

#[cfg(test)]
mod tests {
    use milena::config::JaasConfig;

    use super::*;

    #[test]
    fn the_line_is_the_documents_and_keeps_every_character() {
        for password in ["simple", "it's \"quoted\" and \\", "a\nb\rc", "x;=y", "öäü"] {
            let authentication =
                Authentication { username: "ada".to_owned(), password: Secret::from(password) };
            let mut properties = ClientProperties::default();
            authentication.set(&Connection::default(), &mut properties);
            let line = properties.value("sasl.jaas.config").unwrap();
            let jaas = JaasConfig::parse(line).unwrap();
            assert_eq!(jaas.option("password"), Some(password));
            if password == "simple" {
                assert_eq!(
                    line,
                    "org.apache.kafka.common.security.plain.PlainLoginModule   required \
                     username='ada'   password='simple';"
                );
            }
        }
    }
}
