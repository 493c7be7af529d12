//! The registry's settings among client properties, by the names of Confluent's serializers.

use std::fmt;

use milena::config::{JaasConfig, Secret};
use milena_http::{HttpClient, HttpSettings, tls::TlsConfig};

use super::{
    client::Registry,
    error::RegistryError,
    settings::{RegistryCredentials, RegistrySettings},
    subject::{RecordPart, SubjectNames},
    tls,
};
use crate::{connector::with_causes, settings::nearest};

/// The names that are read. With `schema.registry.` before it, each is read too.
const NAMES: &[&str] = &[
    "schema.registry.url",
    "basic.auth.credentials.source",
    "basic.auth.user.info",
    "bearer.auth.credentials.source",
    "bearer.auth.token",
    "auto.register.schemas",
    "use.latest.version",
    "normalize.schemas",
    "key.subject.name.strategy",
    "value.subject.name.strategy",
    // Accepted without effect: all schemas of a registry fit into the cache.
    "max.schemas.per.subject",
    // Accepted without effect: values come as JSON, and no Java class is looked for.
    "specific.avro.reader",
    "json.value.type",
    "json.key.type",
];

const PREFIX: &str = "schema.registry.";

/// Whether a property is one of the registry's, and none of Kafka's client.
#[must_use]
pub fn is_registry_property(name: &str) -> bool {
    NAMES.contains(&name) || name.starts_with(PREFIX)
}

/// The registry's settings and how it is used, out of client properties.
#[derive(Clone)]
#[non_exhaustive]
pub struct RegistryProperties {
    /// `schema.registry.url`.
    pub urls: String,
    /// Out of the properties of `basic.auth` and `bearer.auth`.
    pub credentials: RegistryCredentials,
    /// Out of the properties of `schema.registry.ssl`.
    pub tls: TlsConfig,
    /// `auto.register.schemas`: whether a schema that the registry does not know is registered.
    pub auto_register: bool,
    /// `use.latest.version`: whether values are written in the subject's latest schema.
    pub use_latest: bool,
    /// `normalize.schemas`: whether the registry brings schemas into one form before it compares them.
    pub normalize: bool,
    /// `key.subject.name.strategy`.
    pub key_subjects: SubjectNames,
    /// `value.subject.name.strategy`.
    pub value_subjects: SubjectNames,
    /// Headers of every request, beside those that are needed. No property says them.
    pub headers: Vec<(String, Secret)>,
}

impl fmt::Debug for RegistryProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URLs may have user info.
        f.debug_struct("RegistryProperties")
            .field("credentials", &self.credentials)
            .field("auto_register", &self.auto_register)
            .field("use_latest", &self.use_latest)
            .field("normalize", &self.normalize)
            .field("key_subjects", &self.key_subjects)
            .field("value_subjects", &self.value_subjects)
            .finish_non_exhaustive()
    }
}

impl RegistryProperties {
    /// The registry at these URLs, used as Confluent's serializers use it by default.
    #[must_use]
    pub fn new(urls: impl Into<String>) -> Self {
        Self {
            urls: urls.into(),
            credentials: RegistryCredentials::default(),
            tls: TlsConfig::default(),
            auto_register: true,
            use_latest: false,
            normalize: false,
            key_subjects: SubjectNames::Topic,
            value_subjects: SubjectNames::Topic,
            headers: Vec::new(),
        }
    }

    /// Reads those of the properties that are the registry's; of two with one name the later counts.
    /// None without `schema.registry.url`.
    ///
    /// ```
    /// use milena_connect::registry::RegistryProperties;
    ///
    /// let properties = [
    ///     ("bootstrap.servers", "localhost:9092"),
    ///     ("schema.registry.url", "http://a:8081,http://b:8081"),
    ///     ("basic.auth.credentials.source", "USER_INFO"),
    ///     ("basic.auth.user.info", "ada:open sesame"),
    ///     ("auto.register.schemas", "false"),
    /// ];
    /// let registry = RegistryProperties::from_properties(properties)?.expect("it has a URL");
    /// assert!(!registry.auto_register);
    /// assert!(!format!("{registry:?}").contains("sesame"));
    /// # Ok::<(), milena_connect::registry::RegistryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Values that cannot be used, all in one error, and none of a secret's.
    pub fn from_properties<'p>(
        properties: impl IntoIterator<Item = (&'p str, &'p str)>,
    ) -> Result<Option<Self>, RegistryError> {
        let mut given = Given { pairs: properties.into_iter().collect(), problems: Vec::new() };
        let Some(urls) = given.value("schema.registry.url") else { return Ok(None) };
        let mut read = Self::new(urls);
        given.check_names();
        read.credentials = given.credentials();
        read.tls = tls::read(&mut given);
        read.auto_register = given.flag("auto.register.schemas", true);
        read.use_latest = given.flag("use.latest.version", false);
        read.normalize = given.flag("normalize.schemas", false);
        read.key_subjects = given.subjects("key.subject.name.strategy");
        read.value_subjects = given.subjects("value.subject.name.strategy");
        if let Err(error) = RegistrySettings::new(urls) {
            given.problems.push(error.to_string());
        }
        if given.problems.is_empty() {
            return Ok(Some(read));
        }
        Err(RegistryError::settings(given.problems.join("; ")))
    }

    /// Where the registry is, and who asks.
    ///
    /// # Errors
    ///
    /// What is no URL of `http` or `https`, and what can be no header.
    pub fn settings(&self) -> Result<RegistrySettings, RegistryError> {
        let settings = RegistrySettings::new(&self.urls)?.credentials(self.credentials.clone());
        self.headers
            .iter()
            .try_fold(settings, |settings, (name, value)| settings.header(name, value))
    }

    /// The registry, with an HTTP client of its own.
    ///
    /// # Errors
    ///
    /// URLs, certificates or keys that cannot be used.
    pub fn open(&self) -> Result<Registry, RegistryError> {
        let http = HttpClient::new(HttpSettings::new().tls(self.tls.clone())).map_err(|error| {
            RegistryError::settings(format!(
                "the registry's settings cannot be used: {}",
                with_causes(&error)
            ))
        })?;
        Registry::new(self.settings()?, http)
    }

    /// How the subjects of keys or values are named.
    #[must_use]
    pub const fn subjects(&self, part: RecordPart) -> SubjectNames {
        match part {
            RecordPart::Key => self.key_subjects,
            RecordPart::Value => self.value_subjects,
        }
    }
}

/// Properties, and what is wrong with them.
pub(super) struct Given<'p> {
    pairs: Vec<(&'p str, &'p str)>,
    problems: Vec<String>,
}

impl<'p> Given<'p> {
    fn value(&self, name: &str) -> Option<&'p str> {
        let is = |given: &str| given == name || given.strip_prefix(PREFIX) == Some(name);
        let found = self.pairs.iter().rev().find(|(given, _)| is(given));
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// The last value of a name that has `schema.registry.` before it, blank or not.
    pub(super) fn last_prefixed(&self, name: &str) -> Option<&'p str> {
        let is = |given: &str| given.strip_prefix(PREFIX) == Some(name);
        self.pairs.iter().rev().find(|(given, _)| is(given)).map(|(_, value)| value.trim())
    }

    /// The same, when it is not blank.
    pub(super) fn prefixed(&self, name: &str) -> Option<&'p str> {
        self.last_prefixed(name).filter(|value| !value.is_empty())
    }

    pub(super) fn problem(&mut self, message: impl Into<String>) {
        self.problems.push(message.into());
    }

    /// Names that begin as the registry's do and are none.
    fn check_names(&mut self) {
        for (name, _) in self.pairs.clone() {
            let Some(rest) = name.strip_prefix(PREFIX).filter(|_| !NAMES.contains(&name)) else {
                continue;
            };
            if NAMES.contains(&rest) || tls::NAMES.contains(&rest) {
                continue;
            }
            let known = NAMES.iter().chain(tls::NAMES).copied();
            let hint = nearest(rest, known).map(|near| {
                let near = near.strip_prefix(PREFIX).unwrap_or(near);
                format!(": did you mean {PREFIX}{near}?")
            });
            self.problem(format!("{name} is not supported{}", hint.unwrap_or_default()));
        }
    }

    fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.value(name) {
            None => default,
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            Some(text) => {
                self.problems.push(format!("{name} is {text:?}: expected true or false"));
                default
            }
        }
    }

    fn subjects(&mut self, name: &str) -> SubjectNames {
        let Some(class) = self.value(name) else { return SubjectNames::default() };
        SubjectNames::of_class(class).unwrap_or_else(|| {
            self.problems.push(format!(
                "{name} is {class:?}: expected TopicNameStrategy, RecordNameStrategy or \
                 TopicRecordNameStrategy"
            ));
            SubjectNames::default()
        })
    }

    fn credentials(&mut self) -> RegistryCredentials {
        if let Some(source) = self.value("bearer.auth.credentials.source") {
            return self.bearer(source);
        }
        let source = self.value("basic.auth.credentials.source").unwrap_or("URL");
        match source {
            "URL" => RegistryCredentials::Url,
            "USER_INFO" => match self.value("basic.auth.user.info") {
                Some(info) => match info.split_once(':') {
                    Some((username, password)) => basic(username, password),
                    None => self.refused("basic.auth.user.info has no colon: expected user:password"),
                },
                None => self.refused(
                    "basic.auth.user.info is missing: expected user:password, because \
                     basic.auth.credentials.source is USER_INFO",
                ),
            },
            "SASL_INHERIT" => {
                let line = self.value("sasl.jaas.config").map(JaasConfig::parse);
                let Some(Ok(jaas)) = line else {
                    return self.refused(
                        "sasl.jaas.config has no user and password, which \
                         basic.auth.credentials.source = SASL_INHERIT asks for",
                    );
                };
                match (jaas.option("username"), jaas.option("password")) {
                    (Some(username), Some(password)) => basic(username, password),
                    _ => self.refused(
                        "sasl.jaas.config has no user and password, which \
                         basic.auth.credentials.source = SASL_INHERIT asks for",
                    ),
                }
            }
            other => self.refused(&format!(
                "basic.auth.credentials.source is {other:?}: expected URL, USER_INFO or SASL_INHERIT"
            )),
        }
    }

    fn bearer(&mut self, source: &str) -> RegistryCredentials {
        match (source, self.value("bearer.auth.token")) {
            ("STATIC_TOKEN", Some(token)) => RegistryCredentials::Bearer(Secret::from(token)),
            ("STATIC_TOKEN", None) => {
                self.refused("bearer.auth.token is missing: expected a token")
            }
            (other, _) => self.refused(&format!(
                "bearer.auth.credentials.source is {other:?}: expected STATIC_TOKEN"
            )),
        }
    }

    fn refused(&mut self, message: &str) -> RegistryCredentials {
        self.problems.push(message.to_owned());
        RegistryCredentials::Url
    }
}

fn basic(username: &str, password: &str) -> RegistryCredentials {
    RegistryCredentials::Basic { username: username.to_owned(), password: Secret::from(password) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = ("schema.registry.url", "http://localhost:8081");

    #[test]
    fn credentials_are_where_the_source_says() {
        let jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                    username='ada' password='hush';";
        for (pairs, expected) in [
            (&[][..], RegistryCredentials::Url),
            (
                &[
                    ("schema.registry.basic.auth.credentials.source", "USER_INFO"),
                    ("schema.registry.basic.auth.user.info", "ada:hu:sh"),
                ],
                basic("ada", "hu:sh"),
            ),
            (
                &[("basic.auth.credentials.source", "SASL_INHERIT"), ("sasl.jaas.config", jaas)],
                basic("ada", "hush"),
            ),
            (
                &[("bearer.auth.credentials.source", "STATIC_TOKEN"), ("bearer.auth.token", "abc")],
                RegistryCredentials::Bearer(Secret::from("abc")),
            ),
        ] {
            let all = pairs.iter().copied().chain([URL]);
            let read = RegistryProperties::from_properties(all).unwrap().unwrap();
            assert_eq!(read.credentials, expected);
        }
        assert!(RegistryProperties::from_properties([("acks", "all")]).unwrap().is_none());
    }

    #[test]
    fn every_problem_is_told_and_no_secret() {
        let error = RegistryProperties::from_properties([
            ("schema.registry.url", "ftp://u:hush@h/x"),
            ("basic.auth.credentials.source", "USER_INFO"),
            ("basic.auth.user.info", "hush"),
            ("auto.register.schemas", "maybe"),
            ("value.subject.name.strategy", "com.acme.Mine"),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "basic.auth.user.info has no colon: expected user:password; \
             auto.register.schemas is \"maybe\": expected true or false; \
             value.subject.name.strategy is \"com.acme.Mine\": expected TopicNameStrategy, \
             RecordNameStrategy or TopicRecordNameStrategy; \
             the registry's URL ftp://h/x is not of http or https: expected one such as \
             http://localhost:8081"
        );
    }

    #[test]
    fn its_properties_are_told_from_kafkas() {
        for name in
            ["schema.registry.url", "schema.registry.basic.auth.user.info", "use.latest.version"]
        {
            assert!(is_registry_property(name), "{name}");
        }
        for name in ["bootstrap.servers", "ssl.truststore.location", "sasl.jaas.config"] {
            assert!(!is_registry_property(name), "{name}");
        }
    }

    #[test]
    fn tls_is_read_and_what_is_not_supported_is_named() {
        let error = RegistryProperties::from_properties([
            ("schema.registry.url", "https://h"),
            ("schema.registry.ssl.truststore.location", "/trust.jks"),
            ("schema.registry.ssl.keystore.location", "/key.bks"),
            ("schema.registry.ssl.keystore.type", "BKS"),
            ("schema.registry.ssl.endpoint.identification.algorithm", "ldap"),
            ("schema.registry.ssl.truststore.pasword", "hush"),
            ("schema.registry.retries", "5"),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "schema.registry.ssl.truststore.pasword is not supported: did you mean \
             schema.registry.ssl.truststore.password?; \
             schema.registry.retries is not supported; \
             schema.registry.ssl.keystore.type is \"BKS\": expected JKS, PKCS12 or PEM; \
             schema.registry.ssl.endpoint.identification.algorithm is \"ldap\": expected https, or \
             nothing at all"
        );
        let pem = "-----BEGIN CERTIFICATE-----\\nhush\\n-----END CERTIFICATE-----";
        let read = RegistryProperties::from_properties([
            ("schema.registry.url", "https://h"),
            ("schema.registry.ssl.truststore.certificates", pem),
        ])
        .unwrap()
        .unwrap();
        assert!(!format!("{read:?}").contains("hush"));
        let error = read.open().unwrap_err().to_string();
        assert!(error.starts_with("the registry's settings cannot be used: "), "{error}");
    }
}
