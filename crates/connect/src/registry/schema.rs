//! Schemas as a registry has them.

use std::fmt;

use serde_json::{Value, json};

use crate::avro::AvroSchema;

/// The language of a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SchemaType {
    /// Avro; the registry's default.
    #[default]
    Avro,
    /// JSON Schema. Values are JSON texts; they are framed and not validated.
    Json,
    /// Protocol buffers, or any other language: not read here.
    Other,
}

impl SchemaType {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Json => "JSON",
            Self::Other => "another language",
        }
    }

    pub(super) fn of_name(name: Option<&str>) -> Self {
        match name {
            None | Some("AVRO") => Self::Avro,
            Some("JSON") => Self::Json,
            Some(_) => Self::Other,
        }
    }
}

/// Another schema that a schema refers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SchemaReference {
    /// The name by which it is referred to: for Avro the full name of a type.
    pub name: String,
    /// Its subject.
    pub subject: String,
    /// Its version under that subject.
    pub version: u32,
}

impl SchemaReference {
    /// A reference.
    #[must_use]
    pub fn new(name: impl Into<String>, subject: impl Into<String>, version: u32) -> Self {
        Self { name: name.into(), subject: subject.into(), version }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "name": self.name, "subject": self.subject, "version": self.version })
    }

    pub(super) fn of_json(value: &Value) -> Option<Self> {
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let version = u32::try_from(value.get("version")?.as_u64()?).ok()?;
        Some(Self { name: text("name")?, subject: text("subject")?, version })
    }
}

/// A schema to register or to look up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct NewSchema {
    /// Its language.
    pub schema_type: SchemaType,
    /// Its text.
    pub text: String,
    /// What it refers to, registered before.
    pub references: Vec<SchemaReference>,
}

impl NewSchema {
    /// A schema that refers to no other.
    #[must_use]
    pub fn new(schema_type: SchemaType, text: impl Into<String>) -> Self {
        Self { schema_type, text: text.into(), references: Vec::new() }
    }

    /// The same schema, with what it refers to.
    #[must_use]
    pub fn references(mut self, references: Vec<SchemaReference>) -> Self {
        self.references = references;
        self
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = json!({ "schema": self.text });
        if self.schema_type != SchemaType::Avro {
            json["schemaType"] = self.schema_type.name().into();
        }
        if !self.references.is_empty() {
            let references = self.references.iter().map(SchemaReference::to_json);
            json["references"] = references.collect::<Vec<_>>().into();
        }
        json
    }
}

/// A schema that has an id.
#[derive(Clone)]
#[non_exhaustive]
pub struct RegisteredSchema {
    /// Its id, the same under every subject.
    pub id: u32,
    /// Its language.
    pub schema_type: SchemaType,
    /// Its text.
    pub text: String,
    /// The schema, when it is Avro.
    pub avro: Option<AvroSchema>,
}

impl fmt::Debug for RegisteredSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredSchema")
            .field("id", &self.id)
            .field("schema_type", &self.schema_type)
            .finish_non_exhaustive()
    }
}
