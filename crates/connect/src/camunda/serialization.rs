//! How values become bytes: JSON, or Avro by a schema that the configuration has.

use serde_json::Value;

use crate::{
    avro::{AvroOptions, AvroSchema, UnknownFields},
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
            "the schema of the values, as a text or as JSON",
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
}

impl Serialization {
    pub(super) fn read(reader: &mut TableReader<'_, '_>) -> Option<Self> {
        let given = reader.text(TYPE);
        let avro = reader.has(AVRO).then(|| reader.record(AVRO, |reader| reader.json(SCHEMA)));
        let strategy = reader.has(STRATEGY).then(|| read_strategy(reader));
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

    /// Whether there is no schema.
    pub(super) fn is_json(&self) -> bool {
        matches!(self, Self::Json)
    }
}

fn read_strategy(reader: &mut TableReader<'_, '_>) -> Option<Serialization> {
    let (kind, schema) = reader.record(STRATEGY, |reader| {
        let kind = reader.text(STRATEGY_TYPE);
        let schema = reader.json(SCHEMA);
        reader.text(SCHEMA_TYPE);
        reader.text(REGISTRY_URL);
        Some((kind?, schema))
    })?;
    match (kind.as_str(), schema) {
        (INLINE, Some(schema)) => Serialization::of_schema(reader, STRATEGY, &schema),
        (INLINE, None) => {
            reader.problem(STRATEGY, "has no schema: expected one with type = \"inlineSchema\"");
            None
        }
        (REGISTRY, _) => {
            reader.problem(
                STRATEGY,
                "has the type schemaRegistry, which this connector does not offer: expected \
                 noSchema, or inlineSchema with the schema itself",
            );
            None
        }
        _ => Some(Serialization::Json),
    }
}
