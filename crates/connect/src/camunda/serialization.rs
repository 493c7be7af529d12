//! How values become bytes: JSON, Avro by a schema that the configuration has, or by a registry.

use std::fmt;

use milena::config::Secret;
use serde_json::Value;

use crate::{
    avro::{AvroOptions, AvroSchema, UnknownFields},
    registry::{NewSchema, RegistrySettings, SchemaType},
    settings::{Field, FieldKind, TableReader},
};

const TYPE: &str = "serializationType";
const AVRO: &str = "avro";
const STRATEGY: &str = "schemaStrategy";
const SCHEMA: &str = "schema";
const STRATEGY_TYPE: &str = "type";
const SCHEMA_TYPE: &str = "schemaType";
const REGISTRY_URL: &str = "schemaRegistryUrl";

const INLINE: &str = "inlineSchema";
const REGISTRY: &str = "schemaRegistry";

/// The document's fields.
pub(super) const TYPE_FIELD: Field = Field::optional(
    TYPE,
    "Serialization type",
    FieldKind::Choice(&["json", AVRO]),
    "how values become bytes; json if there is no Avro schema",
);

pub(super) const AVRO_FIELD: Field = Field::optional(
    AVRO,
    "Avro",
    FieldKind::Record(&[Field::required(
        SCHEMA,
        "Avro schema",
        FieldKind::Json,
        "the schema of the values, as a text or as JSON",
    )]),
    "what serialization type avro needs",
);

/// The fields that took their place in Camunda 8.6.
pub(super) const STRATEGY_FIELD: Field = Field::optional(
    STRATEGY,
    "Schema strategy",
    FieldKind::Record(&[
        Field::optional(
            STRATEGY_TYPE,
            "Schema strategy",
            FieldKind::Choice(&["noSchema", INLINE, REGISTRY]),
            "where the schema of the values is",
        )
        .default("noSchema"),
        Field::optional(
            SCHEMA,
            "Schema",
            FieldKind::Json,
            "the schema of the values, as a text or as JSON; a consumer's registry has it",
        ),
        Field::optional(
            SCHEMA_TYPE,
            "Schema type",
            FieldKind::Choice(&[AVRO, "json"]),
            "the schema's language, with a registry",
        )
        .default(AVRO),
        Field::optional(
            REGISTRY_URL,
            "Schema registry URL",
            FieldKind::Text,
            "where the registry is",
        ),
    ]),
    "the same as serializationType and avro, as Camunda has it since 8.6",
)
.example(r#"{"type":"inlineSchema","schema":"{\"type\":\"string\"}"}"#);

/// How values become bytes, and bytes values.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Serialization {
    /// A text as it is, anything else as JSON.
    Json,
    /// Avro's binary, with nothing before it.
    Avro(AvroSchema),
    /// Framed, in a schema of a registry.
    Registry(SchemaRegistry),
}

/// `schemaStrategy` of type `schemaRegistry`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaRegistry {
    /// `schemaRegistryUrl`, which may have a password in it.
    pub url: Secret,
    /// `schemaType`: Avro or JSON.
    pub schema_type: SchemaType,
    /// `schema`, which a producer has.
    pub schema: Option<NewSchema>,
}

impl fmt::Debug for SchemaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchemaRegistry")
            .field("schema_type", &self.schema_type)
            .finish_non_exhaustive()
    }
}

impl Serialization {
    /// Reads the fields; who writes needs a schema with a registry, and who reads is told it by the registry.
    pub(super) fn read(reader: &mut TableReader<'_, '_>, writes: bool) -> Option<Self> {
        let given = reader.text(TYPE);
        let avro = reader.has(AVRO).then(|| reader.record(AVRO, |reader| reader.json(SCHEMA)));
        let strategy = reader.has(STRATEGY).then(|| read_strategy(reader, writes));
        if let Some(strategy) = strategy {
            reader.refuse(TYPE, "schemaStrategy says it already");
            reader.refuse(AVRO, "schemaStrategy says it already");
            return strategy;
        }
        match (given.as_deref(), avro) {
            (Some("json"), _) | (None, None) => Some(Self::Json),
            (_, Some(schema)) => Self::of_schema(reader, AVRO, &schema?),
            (_, None) => {
                reader.problem(TYPE, "is avro: expected the table avro with a schema beside it");
                None
            }
        }
    }

    fn of_schema(reader: &mut TableReader<'_, '_>, field: &str, schema: &Value) -> Option<Self> {
        let text = match schema {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match AvroSchema::parse(&text) {
            Ok(schema) => Some(Self::Avro(schema)),
            Err(error) => {
                reader.problem(field, format_args!("has a schema that is none: {error}"));
                None
            }
        }
    }

    /// As the running connectors treat what a schema does not know.
    pub(super) fn avro_options() -> AvroOptions {
        AvroOptions { unknown_fields: UnknownFields::Ignore, ..AvroOptions::default() }
    }
}

fn read_strategy(reader: &mut TableReader<'_, '_>, writes: bool) -> Option<Serialization> {
    let (kind, schema, schema_type, url) = reader.record(STRATEGY, |reader| {
        let kind = reader.text(STRATEGY_TYPE);
        let schema = reader.json(SCHEMA);
        let schema_type = reader.text(SCHEMA_TYPE);
        let url = reader.text(REGISTRY_URL);
        Some((kind?, schema, schema_type?, url))
    })?;
    match (kind.as_str(), schema) {
        (INLINE, Some(schema)) => Serialization::of_schema(reader, STRATEGY, &schema),
        (INLINE, None) => {
            reader.problem(STRATEGY, "has no schema: expected one with type = \"inlineSchema\"");
            None
        }
        (REGISTRY, schema) => {
            read_registry(reader, &schema_type, schema.filter(|_| writes), url, writes)
        }
        _ => Some(Serialization::Json),
    }
}

fn read_registry(
    reader: &mut TableReader<'_, '_>,
    schema_type: &str,
    schema: Option<Value>,
    url: Option<String>,
    writes: bool,
) -> Option<Serialization> {
    if writes && schema.is_none() {
        reader.problem(STRATEGY, "has no schema: expected one with type = \"schemaRegistry\"");
    }
    let Some(url) = url else {
        let problem = "has no schemaRegistryUrl: expected one such as http://localhost:8081";
        reader.problem(STRATEGY, problem);
        return None;
    };
    if let Err(error) = RegistrySettings::new(&url) {
        reader.problem(STRATEGY, format_args!("has a schemaRegistryUrl of no use: {error}"));
        return None;
    }
    let schema_type = if schema_type == AVRO { SchemaType::Avro } else { SchemaType::Json };
    let schema = match schema {
        None if writes => return None,
        None => None,
        Some(schema) => {
            let text = match &schema {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if schema_type == SchemaType::Avro {
                Serialization::of_schema(reader, STRATEGY, &schema)?;
            } else if serde_json::from_str::<Value>(&text).is_err() {
                reader.problem(STRATEGY, "has a schema that is none: it is no JSON");
                return None;
            }
            Some(NewSchema::new(schema_type, text))
        }
    };
    Some(Serialization::Registry(SchemaRegistry { url: Secret::from(url), schema_type, schema }))
}
