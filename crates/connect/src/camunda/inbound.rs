//! The configuration of the consumer.

use std::{fmt, time::Duration};

use milena_feel::Expression;
use serde_json::Value;

use super::{
    Authentication, Compatibility, Serialization, Topic, authentication, compatibility, expression,
    job::read_duration,
    mapping::{self, Mapping},
    offsets,
    outbound::{ADDITIONAL_PROPERTIES_FIELD, names},
    serialization, topic,
};
use crate::{
    secrets::{Masker, Secrets},
    settings::{Field, FieldKind, Node, Problems, TableReader},
    subscription::Starts,
};

const AUTHENTICATION_TYPE: &str = "authenticationType";
const GROUP_ID: &str = "groupId";
const PROCESS_ID: &str = "bpmnProcessId";
const ELEMENT_ID: &str = "elementId";
const DEFINITION_KEY: &str = "processDefinitionKey";
const DEDUPLICATION_ID: &str = "deduplicationId";
const AUTO_OFFSET_RESET: &str = "autoOffsetReset";
const ACTIVATION_CONDITION: &str = "activationCondition";
const CONSUME_UNMATCHED: &str = "consumeUnmatchedEvents";
const CORRELATION_KEY: &str = "correlationKey";
const CORRELATION_KEY_EXPRESSION: &str = "correlationKeyExpression";
const CORRELATION_REQUIRED: &str = "correlationRequired";
const MESSAGE_ID_EXPRESSION: &str = "messageIdExpression";
const MESSAGE_TTL: &str = "messageTtl";
const MESSAGE_NAME: &str = "messageName";

/// Kafka's own limit is larger; the running connector cuts here.
const GROUP_ID_CHARACTERS_MAX: usize = 250;

/// How long the engine keeps a message, if the configuration does not say.
const TIME_TO_LIVE_DEFAULT: Duration = Duration::from_secs(60 * 60);

pub(super) const FIELDS: &[Field] = &[
    Field::optional(
        AUTHENTICATION_TYPE,
        "Authentication type",
        FieldKind::Choice(&["credentials", "custom"]),
        "credentials, or custom by additional properties",
    )
    .default("credentials"),
    authentication::FIELD,
    serialization::TYPE_FIELD,
    serialization::AVRO_FIELD,
    serialization::STRATEGY_FIELD,
    topic::FIELD,
    Field::optional(GROUP_ID, "Consumer group id", FieldKind::Text, "the consumer group"),
    Field::optional(
        PROCESS_ID,
        "Process id",
        FieldKind::Text,
        "what the group is named after without groupId",
    ),
    Field::optional(ELEMENT_ID, "Element id", FieldKind::Text, "so with compatibility 8.4"),
    Field::optional(
        DEFINITION_KEY,
        "Process definition key",
        FieldKind::Text,
        "so with compatibility 8.4",
    ),
    Field::optional(
        DEDUPLICATION_ID,
        "Deduplication id",
        FieldKind::Text,
        "so with compatibility current",
    ),
    ADDITIONAL_PROPERTIES_FIELD,
    offsets::FIELD,
    Field::optional(
        AUTO_OFFSET_RESET,
        "Auto offset reset",
        FieldKind::Choice(AutoOffsetReset::NAMES),
        "where to begin when nothing says it",
    )
    .default("latest"),
    Field::optional(
        ACTIVATION_CONDITION,
        "Activation condition",
        FieldKind::Text,
        "FEEL over key, value and rawValue: true for messages that count",
    )
    .example(r#""=(value.itemId = \"a4f6j2\")""#),
    Field::optional(
        CONSUME_UNMATCHED,
        "Consume unmatched events",
        FieldKind::Boolean,
        "whether messages that do not count are committed; not with compatibility current, else so",
    ),
    Field::optional(
        CORRELATION_KEY,
        "Correlation key (process)",
        FieldKind::Text,
        "the engine's side of the correlation; not used here",
    )
    .example(r#""=myCorrelationKey""#),
    Field::optional(
        CORRELATION_KEY_EXPRESSION,
        "Correlation key (payload)",
        FieldKind::Text,
        "FEEL that gives the correlation key of a message",
    )
    .example(r#""=value.correlationKey""#),
    Field::optional(
        CORRELATION_REQUIRED,
        "Correlation required",
        FieldKind::Choice(&["notRequired", "required"]),
        "whether there must be a correlation key",
    )
    .default("notRequired"),
    Field::optional(
        MESSAGE_ID_EXPRESSION,
        "Message id expression",
        FieldKind::Text,
        "FEEL that gives a message's id; else it is TOPIC-PARTITION-OFFSET",
    ),
    Field::optional(
        MESSAGE_TTL,
        "Message TTL",
        FieldKind::Text,
        "how long the engine keeps a message, as ISO 8601 has it",
    )
    .default("PT1H"),
    Field::optional(
        MESSAGE_NAME,
        "Message name",
        FieldKind::Text,
        "the name of the BPMN message, which the outputs then have",
    ),
    mapping::RESULT_VARIABLE_FIELD,
    mapping::RESULT_EXPRESSION_FIELD,
    compatibility::FIELD,
];

/// Where to begin when no offset says it, or the one that does is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AutoOffsetReset {
    /// `none`: it is an error.
    None,
    /// `latest`: behind everything.
    #[default]
    Latest,
    /// `earliest`: with the first record.
    Earliest,
}

impl AutoOffsetReset {
    const NAMES: &[&str] = &["none", "latest", "earliest"];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Latest => "latest",
            Self::Earliest => "earliest",
        }
    }
}

/// The configuration of the consumer.
#[derive(Clone)]
#[non_exhaustive]
pub struct InboundConfiguration {
    /// `authentication`, where user name and password are both given, and asked for.
    pub authentication: Option<Authentication>,
    /// `topic`.
    pub topic: Topic,
    /// `serializationType` with `avro`, or `schemaStrategy`.
    pub serialization: Serialization,
    /// `groupId`, or what it is by default.
    pub group_id: String,
    /// `additionalProperties`.
    pub additional_properties: Vec<(String, String)>,
    /// `offsets`: of each partition, `None` to leave it.
    pub offsets: Option<Starts>,
    /// `autoOffsetReset`.
    pub auto_offset_reset: AutoOffsetReset,
    /// `activationCondition`.
    pub activation_condition: Option<Expression>,
    /// `consumeUnmatchedEvents`: whether a message that does not meet the condition is committed.
    pub consume_unmatched_events: bool,
    /// `correlationKeyExpression`.
    pub correlation_key: Option<Expression>,
    /// `messageIdExpression`.
    pub message_id: Option<Expression>,
    /// `messageTtl`.
    pub time_to_live: Duration,
    /// `messageName`; not a property of the connector's own, but the process's.
    pub message_name: Option<String>,
    /// `resultVariable` and `resultExpression`.
    pub mapping: Mapping,
    /// `compatibility`; not a field of Camunda's own.
    pub compatibility: Compatibility,
    /// Hides the secrets that were put into the configuration.
    pub(super) masker: Masker,
}

impl InboundConfiguration {
    /// Reads the connector's own properties as JSON.
    ///
    /// ```
    /// use milena_connect::camunda::InboundConfiguration;
    ///
    /// let configuration = InboundConfiguration::from_json(&serde_json::json!({
    ///     "topic": { "bootstrapServers": "localhost:9092", "topicName": "orders" },
    ///     "bpmnProcessId": "order",
    ///     "activationCondition": "=(value.itemId = \"a4f6j2\")",
    /// }))?;
    /// assert_eq!(configuration.group_id, "kafka-inbound-connector-order");
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

    pub(super) fn read(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut reader = TableReader::new(node, path, FIELDS, problems)?.coercing();
        let compatibility = Compatibility::read(&mut reader);
        let is_custom = reader.text(AUTHENTICATION_TYPE).as_deref() == Some("custom");
        let authentication = Authentication::read(&mut reader, compatibility)
            .filter(|_| !is_custom || compatibility.is_system());
        let serialization = Serialization::read(&mut reader);
        let topic = Topic::read(&mut reader);
        let additional_properties = reader.properties("additionalProperties");
        let group_id = read_group_id(&mut reader, compatibility, &additional_properties);
        let offsets = offsets::read(&mut reader);
        let auto_offset_reset = read_reset(&mut reader);
        let activation_condition = expression::read(&mut reader, ACTIVATION_CONDITION);
        let consume_unmatched = reader.boolean(CONSUME_UNMATCHED);
        reader.text(CORRELATION_KEY);
        let correlation_key = read_correlation_key(&mut reader);
        let message_id = expression::read(&mut reader, MESSAGE_ID_EXPRESSION);
        let time_to_live = read_duration(&mut reader, MESSAGE_TTL);
        let message_name = reader.text(MESSAGE_NAME);
        let mapping = Mapping::read(&mut reader, false);
        reader.finish();
        Some(Self {
            authentication,
            topic: topic?,
            serialization: serialization?,
            group_id: group_id?,
            additional_properties,
            offsets: offsets?,
            auto_offset_reset,
            activation_condition: activation_condition?,
            consume_unmatched_events: consume_unmatched
                .unwrap_or(compatibility != Compatibility::Current),
            correlation_key: correlation_key?,
            message_id: message_id?,
            time_to_live: time_to_live?.unwrap_or(TIME_TO_LIVE_DEFAULT),
            message_name,
            mapping: mapping?,
            compatibility,
            masker: Masker::default(),
        })
    }
}

fn read_reset(reader: &mut TableReader<'_, '_>) -> AutoOffsetReset {
    match reader.text(AUTO_OFFSET_RESET).as_deref() {
        Some("none") => AutoOffsetReset::None,
        Some("earliest") => AutoOffsetReset::Earliest,
        _ => AutoOffsetReset::Latest,
    }
}

/// The group: as it is given, or named after the process.
fn read_group_id(
    reader: &mut TableReader<'_, '_>,
    compatibility: Compatibility,
    additional_properties: &[(String, String)],
) -> Option<String> {
    let given = reader.text(GROUP_ID);
    let process = reader.text(PROCESS_ID);
    let element = reader.text(ELEMENT_ID);
    let definition = reader.text(DEFINITION_KEY);
    let deduplication = reader.text(DEDUPLICATION_ID);
    if let Some(given) = given {
        return Some(given.chars().take(GROUP_ID_CHARACTERS_MAX).collect());
    }
    if let Some((_, group)) = additional_properties.iter().find(|(name, _)| name == "group.id") {
        return Some(group.clone());
    }
    let (parts, needed) = match compatibility {
        Compatibility::Camunda84 => {
            let needed = "bpmnProcessId, elementId and processDefinitionKey";
            (process.zip(element).zip(definition).map(|((a, b), c)| format!("{a}-{b}-{c}")), needed)
        }
        Compatibility::Current => (deduplication, DEDUPLICATION_ID),
        _ => (process, PROCESS_ID),
    };
    let Some(parts) = parts else {
        reader.problem(
            GROUP_ID,
            format_args!(
                "is missing: expected the consumer group, or {needed}, which it is named after"
            ),
        );
        return None;
    };
    let name = format!("kafka-inbound-connector-{parts}");
    Some(name.chars().take(GROUP_ID_CHARACTERS_MAX).collect())
}

fn read_correlation_key(reader: &mut TableReader<'_, '_>) -> Option<Option<Expression>> {
    let is_required = reader.text(CORRELATION_REQUIRED).as_deref() == Some("required");
    let key = expression::read(reader, CORRELATION_KEY_EXPRESSION)?;
    if key.is_none() && is_required {
        reader.problem(
            CORRELATION_KEY_EXPRESSION,
            "is missing: expected FEEL that gives the key, as correlationRequired is required",
        );
        return None;
    }
    Some(key)
}

impl fmt::Debug for InboundConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundConfiguration")
            .field("topic", &self.masker.mask(&self.topic.name))
            .field("group_id", &self.masker.mask(&self.group_id))
            .field("compatibility", &self.compatibility)
            .field("additional_properties", &names(&self.additional_properties))
            .finish_non_exhaustive()
    }
}
