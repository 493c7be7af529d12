//! Writes keys or values of records in a schema of the registry.

use std::{fmt, sync::Arc};

use serde_json::Value;

use super::{
    NewSchema, RecordPart, RegisteredSchema, Registry, RegistryError, RegistryProperties,
    SchemaType, cache::Cache,
};
use crate::avro::{AvroOptions, AvroSchema};

/// Writes keys or values of records in a schema of the registry, as Confluent's serializers do: the schema is
/// registered, found or replaced by the subject's latest, as the properties say, and the value is framed.
#[derive(Clone)]
pub struct RegistryWriter(Arc<Inner>);

struct Inner {
    registry: Registry,
    properties: RegistryProperties,
    part: RecordPart,
    schema: NewSchema,
    /// The full name of the schema's record, if it is one.
    record: Option<String>,
    options: AvroOptions,
    /// The latest schema of each subject, as it was when it was asked for first.
    latest: Cache<String, Arc<RegisteredSchema>>,
}

impl fmt::Debug for RegistryWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryWriter").field("registry", &self.0.registry).finish_non_exhaustive()
    }
}

impl RegistryWriter {
    /// Writes this part of records in this schema. Asks nobody yet.
    ///
    /// # Errors
    ///
    /// URLs, certificates or keys that cannot be used.
    pub fn new(
        properties: RegistryProperties,
        part: RecordPart,
        schema: NewSchema,
        options: AvroOptions,
    ) -> Result<Self, RegistryError> {
        let registry = properties.open()?;
        let record = match schema.schema_type {
            // One that refers to others has its name all the same.
            SchemaType::Avro => avro_name(&schema.text),
            _ => json_title(&schema.text),
        };
        let latest = Cache::default();
        Ok(Self(Arc::new(Inner { registry, properties, part, schema, record, options, latest })))
    }

    /// The framed bytes of a value for a record of this topic.
    ///
    /// Cancel safe: registering twice is the same as once.
    ///
    /// # Errors
    ///
    /// When the registry does not answer or refuses, or the value does not fit the schema.
    pub async fn write(&self, topic: &str, value: &Value) -> Result<Vec<u8>, RegistryError> {
        let Inner { registry, properties, part, schema, record, options, latest } = &*self.0;
        let names = properties.subjects(*part);
        let subject = names.subject(topic, *part, record.as_deref()).ok_or_else(|| {
            RegistryError::settings(
                "the schema has no name, which its subject is to be named after",
            )
        })?;
        let normalize = properties.normalize;
        let schema = if properties.use_latest {
            latest.get(&subject, || registry.latest(&subject)).await?
        } else if properties.auto_register {
            registry.register(&subject, schema, normalize).await?
        } else {
            registry.look_up(&subject, schema, normalize).await?
        };
        registry.write(&schema, value, *options)
    }
}

/// The full name of an Avro schema's type, if it has one.
fn avro_name(text: &str) -> Option<String> {
    if let Ok(schema) = AvroSchema::parse(text) {
        return schema.full_name().map(str::to_owned);
    }
    let schema: Value = serde_json::from_str(text).ok()?;
    let name = schema.get("name")?.as_str()?;
    match schema.get("namespace").and_then(Value::as_str) {
        Some(namespace) if !name.contains('.') => Some(format!("{namespace}.{name}")),
        _ => Some(name.to_owned()),
    }
}

/// The title of a JSON schema, which is its name in a registry.
fn json_title(text: &str) -> Option<String> {
    let schema: Value = serde_json::from_str(text).ok()?;
    schema.get("title")?.as_str().map(str::to_owned)
}
