//! Keys and values in Avro, framed as Confluent's registry has it.
//!
//! The subjects are `key-TOPIC` and `value-TOPIC`, as the module names them.

use std::{borrow::Cow, fmt};

use milena::{ErrorKind, OwnedRecord};

use super::{
    ConsumerConfiguration, DeserializerType, Error, ProducerConfiguration, Properties,
    SerializerType,
};
use crate::{
    avro::{AvroOptions, AvroSchema},
    connector::with_causes,
    registry::{
        NewSchema, RecordPart, RegistryError, RegistryProperties, RegistryReader, RegistryWriter,
        SchemaType, SubjectNames,
    },
};

/// The registry that a configuration names; none when it names none.
///
/// # Errors
///
/// What of it cannot be used, without secrets.
pub(super) fn registry(
    url: Option<&str>,
    config: &Properties,
) -> Result<Option<RegistryProperties>, String> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let mut headers = Vec::new();
    let url = config.value("baseUrl").or(url).filter(|url| !url.trim().is_empty());
    pairs.extend(url.map(|url| ("schema.registry.url", url)));
    for (name, value) in &config.0 {
        if let Some(original) = name.strip_prefix("originals.") {
            pairs.push((original, value));
        } else if let Some(header) = name.strip_prefix("headers.") {
            headers.push((header.to_owned(), value.as_str().into()));
        } else if !matches!(name.as_str(), "baseUrl" | "identityMapCapacity") {
            return Err(format!(
                "has {name:?}: expected baseUrl, identityMapCapacity, originals and headers"
            ));
        }
    }
    let read = RegistryProperties::from_properties(pairs);
    let Some(mut registry) = read.map_err(|error| format!("cannot be used: {error}"))? else {
        return Ok(None);
    };
    registry.key_subjects = SubjectNames::PartFirst;
    registry.value_subjects = SubjectNames::PartFirst;
    registry.headers = headers;
    registry.settings().map_err(|error| format!("cannot be used: {error}"))?;
    Ok(Some(registry))
}

/// The schema of a field.
pub(super) fn schema(text: Option<&str>) -> Result<NewSchema, String> {
    let text = text.ok_or("is missing: expected an Avro schema, as the serializer is SER_AVRO")?;
    AvroSchema::parse(text).map_err(|error| format!("is no Avro schema: {error}"))?;
    Ok(NewSchema::new(SchemaType::Avro, text))
}

/// What writes keys and values that are Avro.
#[derive(Clone, Debug, Default)]
pub(super) struct Serializers {
    pub(super) key: Option<RegistryWriter>,
    pub(super) value: Option<RegistryWriter>,
}

impl Serializers {
    /// Those of a configuration. Asks nobody yet.
    pub(super) fn new(configuration: &ProducerConfiguration) -> Result<Self, String> {
        let is_avro = |kind| kind == SerializerType::Avro;
        let (key, value) = (
            is_avro(configuration.key_serializer_type),
            is_avro(configuration.value_serializer_type),
        );
        if !key && !value {
            return Ok(Self::default());
        }
        let url = configuration.schema_registry_url.as_deref();
        let registry = registry(url, &configuration.schema_registry_config)?;
        let registry = registry.ok_or("the schema registry has no baseUrl")?;
        let writer = |is_avro: bool, part, text: Option<&str>| {
            if !is_avro {
                return Ok(None);
            }
            let schema = schema(text)?;
            RegistryWriter::new(registry.clone(), part, schema, AvroOptions::default())
                .map(Some)
                .map_err(|error| with_causes(&error))
        };
        Ok(Self {
            key: writer(key, RecordPart::Key, configuration.key_schema.as_deref())?,
            value: writer(value, RecordPart::Value, configuration.value_schema.as_deref())?,
        })
    }
}

/// What reads keys and values that are Avro.
#[derive(Clone)]
pub(super) struct Deserializers {
    pub(super) registry: RegistryReader,
    pub(super) is_key: bool,
    pub(super) is_value: bool,
}

impl fmt::Debug for Deserializers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deserializers").finish_non_exhaustive()
    }
}

impl Deserializers {
    /// Those of a configuration; `None` when it wants bytes. Asks nobody yet.
    pub(super) fn new(configuration: &ConsumerConfiguration) -> Result<Option<Self>, String> {
        let is_avro = |kind| kind == DeserializerType::Avro;
        let is_key = is_avro(configuration.key_deserializer_type);
        let is_value = is_avro(configuration.value_deserializer_type);
        if !is_key && !is_value {
            return Ok(None);
        }
        let url = configuration.schema_registry_url.as_deref();
        let registry = registry(url, &configuration.schema_registry_config)?;
        let registry = registry.ok_or("the schema registry has no baseUrl")?;
        let registry = registry.open().map_err(|error| with_causes(&error))?;
        let registry = RegistryReader::new(registry, None, AvroOptions::default());
        Ok(Some(Self { registry, is_key, is_value }))
    }

    /// What of a record is framed.
    pub(super) fn framed<'r>(
        &self,
        key: Option<&'r [u8]>,
        value: Option<&'r [u8]>,
    ) -> impl Iterator<Item = &'r [u8]> + use<'r> {
        let key = key.filter(|_| self.is_key);
        key.into_iter().chain(value.filter(|_| self.is_value))
    }

    /// The record with a text as itself and anything else as its JSON, where it is Avro.
    pub(super) fn decoded<'r>(
        &self,
        record: &'r OwnedRecord,
    ) -> Result<Cow<'r, OwnedRecord>, String> {
        let mut decoded = record.clone();
        let read = |bytes: &[u8]| {
            let read = self.registry.read(bytes).map_err(|error| with_causes(&error))?;
            Ok::<_, String>(match read.value {
                serde_json::Value::String(text) => text.into_bytes().into(),
                other => other.to_string().into_bytes().into(),
            })
        };
        if let Some(key) = record.key.as_deref().filter(|_| self.is_key) {
            decoded.key = Some(read(key)?);
        }
        if let Some(value) = record.value.as_deref().filter(|_| self.is_value) {
            decoded.value = Some(read(value)?);
        }
        Ok(Cow::Owned(decoded))
    }
}

/// A failure of the registry, behind the module's prefix for what was done: what may pass is the client's.
pub(super) fn failed(prefix: &str, error: &RegistryError) -> Error {
    let message = with_causes(error);
    if error.is_retriable() {
        Error::client(prefix, milena::Error::of_application(ErrorKind::Transport, message))
    } else {
        Error::new(format!("{prefix}{message}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Properties {
        Properties(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn a_registry_is_where_its_config_says_and_else_where_the_url_does() {
        let own = config(&[
            ("baseUrl", "http://own:8081"),
            ("identityMapCapacity", "100"),
            ("originals.basic.auth.credentials.source", "USER_INFO"),
            ("originals.basic.auth.user.info", "ada:hush"),
            ("headers.X-Team", "hush"),
        ]);
        let read = registry(Some("http://url:8081"), &own).unwrap().unwrap();
        assert_eq!((read.urls.as_str(), read.headers.len()), ("http://own:8081", 1));
        assert_eq!(read.value_subjects, SubjectNames::PartFirst);
        assert!(!format!("{read:?}").contains("hush"));
        let read = registry(Some("http://url:8081"), &config(&[])).unwrap().unwrap();
        assert_eq!(read.urls, "http://url:8081");
        assert!(registry(None, &config(&[])).unwrap().is_none());
        for (pair, expected) in [
            (
                ("baseURL", "http://h"),
                "has \"baseURL\": expected baseUrl, identityMapCapacity, originals and headers",
            ),
            (
                ("baseUrl", "ftp://h"),
                "cannot be used: the registry's URL ftp://h is not of http or https",
            ),
            (("headers.a b", "x"), "cannot be used: the registry's header \"a b\" cannot be sent"),
        ] {
            let problem = registry(Some("http://h"), &config(&[pair])).unwrap_err();
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
