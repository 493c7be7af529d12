//! The configurations of the action and of the trigger.

use serde_json::Value;

use super::Compatibility;
use crate::settings::{Field, FieldKind, Node, Problems, TableReader};

const TOPIC: &str = "topic";
const GROUP_ID: &str = "groupId";
const COMPATIBILITY: &str = "compatibility";
const ADDITIONAL_PROPERTIES: &str = "additionalProperties";

const COMPATIBILITY_FIELD: Field = Field::optional(
    COMPATIBILITY,
    "Compatibility",
    FieldKind::Choice(Compatibility::NAMES),
    "what is followed where the component and its document differ",
)
.default("document");

const ADDITIONAL_PROPERTIES_FIELD: Field = Field::optional(
    ADDITIONAL_PROPERTIES,
    "Additional properties",
    FieldKind::Properties,
    "client properties by Kafka's names",
);

pub(super) const PRODUCE_FIELDS: &[Field] = &[
    Field::required(TOPIC, "Topic", FieldKind::Text, "the name of the topic to send messages to"),
    COMPATIBILITY_FIELD,
    ADDITIONAL_PROPERTIES_FIELD,
];

pub(super) const CONSUME_FIELDS: &[Field] = &[
    Field::required(TOPIC, "Topic", FieldKind::Text, "the name of the topic to read messages from"),
    Field::required(GROUP_ID, "Group Id", FieldKind::Text, "the name of the consumer group"),
    COMPATIBILITY_FIELD,
    ADDITIONAL_PROPERTIES_FIELD,
];

/// The configuration of the Produce action.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProduceConfiguration {
    /// `topic`.
    pub topic: String,
    /// `compatibility`; not a field of the component's own.
    pub compatibility: Compatibility,
    /// `additionalProperties`; not a field of the component's own.
    pub additional_properties: Vec<(String, String)>,
}

impl ProduceConfiguration {
    /// Reads the component's own JSON.
    ///
    /// # Errors
    ///
    /// Every field that is missing, unknown or ill-typed, with what was expected.
    pub fn from_json(value: &Value) -> Result<Self, Problems> {
        Problems::of_json(value, "config", Self::read)
    }

    pub(crate) fn read(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut reader = TableReader::new(node, path, PRODUCE_FIELDS, problems)?;
        let topic = read_topic(&mut reader);
        let compatibility = read_compatibility(&mut reader);
        let additional_properties = reader.properties(ADDITIONAL_PROPERTIES);
        reader.finish();
        Some(Self { topic: topic?, compatibility, additional_properties })
    }
}

/// The configuration of the Consume trigger.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumeConfiguration {
    /// `topic`.
    pub topic: String,
    /// `groupId`.
    pub group_id: String,
    /// `compatibility`; not a field of the component's own.
    pub compatibility: Compatibility,
    /// `additionalProperties`; not a field of the component's own.
    pub additional_properties: Vec<(String, String)>,
}

impl ConsumeConfiguration {
    /// Reads the component's own JSON.
    ///
    /// ```
    /// use milena_connect::elasticio::ConsumeConfiguration;
    ///
    /// let configuration =
    ///     ConsumeConfiguration::from_json(&serde_json::json!({ "topic": "cars", "groupId": "crm" }))?;
    /// assert_eq!(configuration.group_id, "crm");
    /// # Ok::<(), milena_connect::Problems>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Every field that is missing, unknown or ill-typed, with what was expected.
    pub fn from_json(value: &Value) -> Result<Self, Problems> {
        Problems::of_json(value, "config", Self::read)
    }

    pub(crate) fn read(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut reader = TableReader::new(node, path, CONSUME_FIELDS, problems)?;
        let topic = read_topic(&mut reader);
        let group_id = reader.text(GROUP_ID);
        let compatibility = read_compatibility(&mut reader);
        let additional_properties = reader.properties(ADDITIONAL_PROPERTIES);
        reader.finish();
        Some(Self { topic: topic?, group_id: group_id?, compatibility, additional_properties })
    }
}

/// Additional properties can be secrets: only their names are shown.
fn names(properties: &[(String, String)]) -> Vec<&str> {
    properties.iter().map(|(name, _)| name.as_str()).collect()
}

impl std::fmt::Debug for ProduceConfiguration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProduceConfiguration")
            .field("topic", &self.topic)
            .field("compatibility", &self.compatibility)
            .field("additional_properties", &names(&self.additional_properties))
            .finish()
    }
}

impl std::fmt::Debug for ConsumeConfiguration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsumeConfiguration")
            .field("topic", &self.topic)
            .field("group_id", &self.group_id)
            .field("compatibility", &self.compatibility)
            .field("additional_properties", &names(&self.additional_properties))
            .finish()
    }
}

fn read_compatibility(reader: &mut TableReader<'_, '_>) -> Compatibility {
    reader
        .text(COMPATIBILITY)
        .as_deref()
        .map_or_else(Compatibility::default, Compatibility::from_name)
}

/// A name that brokers accept: letters, digits, `.`, `_` and `-`, at most 249 of them.
fn read_topic(reader: &mut TableReader<'_, '_>) -> Option<String> {
    let topic = reader.text(TOPIC)?;
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.len() <= 249 && topic.chars().all(is_legal) && topic != "." && topic != ".." {
        return Some(topic);
    }
    reader.problem(
        TOPIC,
        format_args!(
            "is {topic:?}: expected 1 to 249 letters, digits, full stops, underscores and hyphens, \
             which is what a topic's name may have"
        ),
    );
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_both_configurations() {
        let produce = ProduceConfiguration::from_json(&json!({
            "topic": "cars", "compatibility": "kafkajs",
            "additionalProperties": { "linger.ms": 5, "security.protocol": "SASL_PLAINTEXT" },
        }))
        .unwrap();
        assert_eq!(produce.compatibility, Compatibility::KafkaJs);
        let expected = [("linger.ms", "5"), ("security.protocol", "SASL_PLAINTEXT")];
        assert_eq!(
            produce.additional_properties,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        let consume =
            ConsumeConfiguration::from_json(&json!({ "topic": "cars", "groupId": "crm" })).unwrap();
        assert_eq!((consume.topic.as_str(), consume.group_id.as_str()), ("cars", "crm"));
        assert_eq!(consume.compatibility, Compatibility::Document);
    }

    #[test]
    fn tells_every_problem_at_once() {
        let problems = ConsumeConfiguration::from_json(&json!({
            "topic": "all cars", "group": "crm", "compatibility": "java",
            "additionalProperties": { "linger.ms": [5] },
        }))
        .unwrap_err();
        assert_eq!(
            problems.to_string(),
            "5 problems: \
             (1) config.topic is \"all cars\": expected 1 to 249 letters, digits, full stops, \
             underscores and hyphens, which is what a topic's name may have; \
             (2) config.compatibility is the text \"java\": expected one of document, kafkajs, \
             what is followed where the component and its document differ; \
             (3) config.additionalProperties.linger.ms is a list: expected a text, a number or a \
             truth value; \
             (4) config.group is not known here: did you mean `groupId`?; \
             (5) config.groupId is missing: expected a text, the name of the consumer group"
        );
    }

    #[test]
    fn debug_shows_no_values_of_properties() {
        let configuration = ProduceConfiguration::from_json(&json!({
            "topic": "cars", "additionalProperties": { "ssl.key.password": "hush" },
        }))
        .unwrap();
        let shown = format!("{configuration:?}");
        assert!(shown.contains("ssl.key.password") && !shown.contains("hush"), "{shown}");
    }
}
