//! The configuration of the producers, the older one's among them.

use std::fmt;

use serde_json::{Map, Value};

use super::{
    Authentication, Compatibility, Message, Serialization, Topic, authentication, compatibility,
    mapping, mapping::Mapping, message, serialization, topic,
};
use crate::{
    secrets::{Masker, Secrets},
    settings::{Content, Field, FieldKind, Node, Problems, TableReader},
};

const HEADERS: &str = "headers";
const ADDITIONAL_PROPERTIES: &str = "additionalProperties";

pub(super) const ADDITIONAL_PROPERTIES_FIELD: Field = Field::optional(
    ADDITIONAL_PROPERTIES,
    "Additional properties",
    FieldKind::Properties,
    "client properties by Kafka's names",
);

const HEADERS_FIELD: Field = Field::optional(
    HEADERS,
    "Headers",
    FieldKind::Texts,
    "names and UTF-8 texts of the record's headers",
);

pub(super) const FIELDS: &[Field] = &[
    authentication::FIELD,
    serialization::TYPE_FIELD,
    serialization::AVRO_FIELD,
    serialization::STRATEGY_FIELD,
    topic::FIELD,
    HEADERS_FIELD,
    ADDITIONAL_PROPERTIES_FIELD,
    message::FIELD,
    mapping::RESULT_VARIABLE_FIELD,
    mapping::RESULT_EXPRESSION_FIELD,
    mapping::ERROR_EXPRESSION_FIELD,
    compatibility::FIELD,
];

pub(super) const LEGACY_FIELDS: &[Field] = &[
    authentication::FIELD,
    topic::FIELD,
    ADDITIONAL_PROPERTIES_FIELD,
    message::FIELD,
    mapping::RESULT_VARIABLE_FIELD,
    mapping::RESULT_EXPRESSION_FIELD,
    mapping::ERROR_EXPRESSION_FIELD,
];

/// The texts in which the older producer looks for secrets.
const LEGACY_SECRETS: &[(&str, &str)] = &[
    ("authentication", "username"),
    ("authentication", "password"),
    ("topic", "bootstrapServers"),
    ("topic", "topicName"),
];

/// The configuration of a producer.
#[derive(Clone)]
#[non_exhaustive]
pub struct OutboundConfiguration {
    /// `authentication`, where user name and password are both given.
    pub authentication: Option<Authentication>,
    /// `topic`.
    pub topic: Topic,
    /// `serializationType` with `avro`, or `schemaStrategy`.
    pub serialization: Serialization,
    /// `headers`, of every record.
    pub headers: Vec<(String, String)>,
    /// `additionalProperties`.
    pub additional_properties: Vec<(String, String)>,
    /// `message`; inputs of an action bring their own.
    pub message: Option<Message>,
    /// `resultVariable`, `resultExpression` and `errorExpression`, which are a task's headers in Camunda.
    pub mapping: Mapping,
    /// `compatibility`; not a field of Camunda's own.
    pub compatibility: Compatibility,
    /// Hides the secrets that were put into the configuration.
    pub(super) masker: Masker,
}

impl OutboundConfiguration {
    /// Reads the connector's own JSON.
    ///
    /// ```
    /// use milena_connect::camunda::OutboundConfiguration;
    ///
    /// let configuration = OutboundConfiguration::from_json(&serde_json::json!({
    ///     "topic": { "bootstrapServers": "localhost:9092", "topicName": "employees" },
    /// }))?;
    /// assert_eq!(configuration.topic.name, "employees");
    /// # Ok::<(), milena_connect::Problems>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Every field that is missing, unknown or ill-typed, with what was expected.
    pub fn from_json(value: &Value) -> Result<Self, Problems> {
        Problems::of_json(value, "config", Self::read)
    }

    /// As [`from_json`](Self::from_json), with secrets put in wherever their placeholders stand.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json), and secrets that are not available.
    pub fn from_json_with(value: &Value, secrets: &Secrets) -> Result<Self, Problems> {
        let configuration = secrets.read_json(value, "config", Self::read)?;
        Ok(Self { masker: secrets.masker().clone(), ..configuration })
    }

    /// Reads the older producer's own JSON.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json).
    pub fn legacy_from_json(value: &Value) -> Result<Self, Problems> {
        Problems::of_json(value, "config", Self::read_legacy)
    }

    /// As [`legacy_from_json`](Self::legacy_from_json), with secrets put in where the older producer
    /// looks for them: user name, password, bootstrap servers and topic.
    ///
    /// # Errors
    ///
    /// As [`from_json_with`](Self::from_json_with).
    pub fn legacy_from_json_with(value: &Value, secrets: &Secrets) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut node = Node::from_json(value);
        for (table, field) in LEGACY_SECRETS {
            if let Some(text) = entry(&mut node, table).and_then(|table| entry(table, field)) {
                secrets.resolve_node(text, &format!("config.{table}.{field}"), &mut problems);
            }
        }
        let configuration = Self::read_legacy(&node, "config", &mut problems);
        let masker = secrets.masker();
        let configuration = problems.or(configuration).map_err(|it| it.masked(masker))?;
        Ok(Self { masker: masker.clone(), ..configuration })
    }

    pub(super) fn read(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut reader = TableReader::new(node, path, FIELDS, problems)?.coercing();
        let compatibility = Compatibility::read(&mut reader);
        let serialization = Serialization::read(&mut reader);
        let headers = reader.text_table(HEADERS);
        let configuration = Self::read_shared(&mut reader, compatibility);
        reader.finish();
        let headers = headers.unwrap_or_default();
        Some(Self { serialization: serialization?, headers, ..configuration? })
    }

    pub(super) fn read_legacy(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut reader = TableReader::new(node, path, LEGACY_FIELDS, problems)?.coercing();
        let configuration = Self::read_shared(&mut reader, Compatibility::Legacy82);
        reader.finish();
        configuration
    }

    fn read_shared(reader: &mut TableReader<'_, '_>, compatibility: Compatibility) -> Option<Self> {
        let authentication = Authentication::read(reader, compatibility);
        let topic = Topic::read(reader);
        let additional_properties = reader.properties(ADDITIONAL_PROPERTIES);
        let message = Message::read_field(reader, compatibility);
        let mapping = Mapping::read(reader, true);
        Some(Self {
            authentication,
            topic: topic?,
            serialization: Serialization::Json,
            headers: Vec::new(),
            additional_properties,
            message,
            mapping: mapping?,
            compatibility,
            masker: Masker::default(),
        })
    }

    /// The variables of a job that are this connector's: a job has those of its process too.
    pub(super) fn own_variables(variables: &Map<String, Value>, is_legacy: bool) -> Value {
        let fields = if is_legacy { LEGACY_FIELDS } else { FIELDS };
        let is_own = |name: &str| {
            fields.iter().any(|field| field.name == name)
                && !mapping::NAMES.contains(&name)
                && name != compatibility::FIELD.name
        };
        let own = variables.iter().filter(|(name, _)| is_own(name));
        Value::Object(own.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

/// The entry of a table.
fn entry<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    let Content::Table(entries) = &mut node.content else { return None };
    entries.iter_mut().find(|entry| entry.name == name).map(|entry| &mut entry.node)
}

/// Names alone: values can be secrets.
pub(super) fn names(pairs: &[(String, String)]) -> Vec<&str> {
    pairs.iter().map(|(name, _)| name.as_str()).collect()
}

impl fmt::Debug for OutboundConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundConfiguration")
            .field("username", &self.authentication.is_some())
            .field("topic", &self.masker.mask(&self.topic.name))
            .field("compatibility", &self.compatibility)
            .field("headers", &names(&self.headers))
            .field("additional_properties", &names(&self.additional_properties))
            .finish_non_exhaustive()
    }
}
