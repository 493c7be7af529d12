//! The configuration of the node.

use serde_json::Value;

use super::Charset;
use crate::settings::{Content, Field, FieldKind, Node, Problems, TableReader};

const TOPIC_PATTERN: &str = "topicPattern";
const KEY_PATTERN: &str = "keyPattern";
const BOOTSTRAP_SERVERS: &str = "bootstrapServers";
const RETRIES: &str = "retries";
const BATCH_SIZE: &str = "batchSize";
const LINGER: &str = "linger";
const BUFFER_MEMORY: &str = "bufferMemory";
const ACKS: &str = "acks";
const OTHER_PROPERTIES: &str = "otherProperties";
const ADD_HEADERS: &str = "addMetadataKeyValuesAsKafkaHeaders";
const CHARSET: &str = "kafkaHeadersCharset";
const FORCE_ACK: &str = "forceAck";
const RULE_NODE_ID: &str = "ruleNodeId";
const SERVICE_ID: &str = "serviceId";

/// What configurations of version 0 had, and version 1 has not.
const DROPPED: [&str; 2] = ["keySerializer", "valueSerializer"];

/// The largest whole number of a Java property of type int.
const INT_MAX: i64 = i32::MAX as i64;

pub(super) const FIELDS: &[Field] = &[
    Field::optional(
        TOPIC_PATTERN,
        "Topic pattern",
        FieldKind::AnyText,
        "the topic; ${key} is of the metadata, $[key] of the data",
    )
    .default("my-topic"),
    Field::optional(
        KEY_PATTERN,
        "Key pattern",
        FieldKind::AnyText,
        "the record's key, as a pattern too; without one, records have none",
    )
    .example(r#""$[serialNumber]""#),
    Field::optional(
        BOOTSTRAP_SERVERS,
        "Bootstrap servers",
        FieldKind::AnyText,
        "host:port of one broker or more, with commas between them",
    )
    .default("localhost:9092"),
    Field::optional(
        RETRIES,
        "Automatically retry times if fails",
        FieldKind::Integer(0, INT_MAX),
        "how often a record is sent again",
    )
    .default("0"),
    Field::optional(
        BATCH_SIZE,
        "Produces batch size in bytes",
        FieldKind::Integer(0, INT_MAX),
        "how many bytes of records for one partition go together",
    )
    .default("16384"),
    Field::optional(
        LINGER,
        "Time to buffer locally (ms)",
        FieldKind::Integer(0, INT_MAX),
        "how many milliseconds a batch waits for more records",
    )
    .default("0"),
    Field::optional(
        BUFFER_MEMORY,
        "Client buffer max size in bytes",
        FieldKind::Integer(0, i64::MAX),
        "how many bytes of records may wait",
    )
    .default("33554432"),
    Field::optional(
        ACKS,
        "Number of acknowledgments",
        FieldKind::Choice(&["all", "-1", "0", "1"]),
        "which brokers have a record before it counts as written",
    )
    .default("-1"),
    Field::optional(
        OTHER_PROPERTIES,
        "Other properties",
        FieldKind::Properties,
        "client properties by Kafka's names; they come last and override all others",
    ),
    Field::optional(
        ADD_HEADERS,
        "Add Message metadata key-value pairs to Kafka record headers",
        FieldKind::Boolean,
        "whether each pair of the metadata becomes a header tb_msg_md_<key>",
    )
    .default("false"),
    Field::optional(
        CHARSET,
        "Charset encoding",
        FieldKind::Choice(Charset::NAMES),
        "how the values of these headers are written",
    )
    .default("UTF-8"),
    Field::optional(
        FORCE_ACK,
        "Force acknowledgement",
        FieldKind::Boolean,
        "whether a message counts as processed before it is sent, so that a Failure is an output like \
         any other; the system has it as ACTORS_RULE_EXTERNAL_NODE_FORCE_ACK",
    )
    .default("false"),
    Field::optional(
        RULE_NODE_ID,
        "Rule node id",
        FieldKind::Text,
        "the id of the node, as client.id has it; if it is left out, the flow's name",
    ),
    Field::optional(
        SERVICE_ID,
        "Service id",
        FieldKind::Text,
        "the id of the server that the node runs on, as client.id has it",
    )
    .default("milena"),
];

/// The configuration of the node.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProduceConfiguration {
    /// `topicPattern`.
    pub topic_pattern: String,
    /// `keyPattern`.
    pub key_pattern: Option<String>,
    /// `bootstrapServers`.
    pub bootstrap_servers: String,
    /// `retries`.
    pub retries: i64,
    /// `batchSize`, in bytes.
    pub batch_size: i64,
    /// `linger`, in milliseconds.
    pub linger: i64,
    /// `bufferMemory`, in bytes.
    pub buffer_memory: i64,
    /// `acks`: `all`, `-1`, `0` or `1`.
    pub acks: String,
    /// `otherProperties`.
    pub other_properties: Vec<(String, String)>,
    /// `addMetadataKeyValuesAsKafkaHeaders`.
    pub add_metadata_key_values_as_kafka_headers: bool,
    /// `kafkaHeadersCharset`.
    pub kafka_headers_charset: Charset,
    /// `forceAck`; a setting of the system, not of the node.
    pub force_ack: bool,
    /// `ruleNodeId`; the system knows it without a field.
    pub rule_node_id: Option<String>,
    /// `serviceId`; the system knows it without a field.
    pub service_id: String,
}

impl ProduceConfiguration {
    /// Reads the node's own JSON, of version 1 or 0.
    ///
    /// ```
    /// use milena_connect::thingsboard::ProduceConfiguration;
    ///
    /// let configuration = ProduceConfiguration::from_json(&serde_json::json!({}))?;
    /// assert_eq!(configuration.topic_pattern, "my-topic");
    /// assert_eq!(configuration.retries, 0);
    /// # Ok::<(), milena_connect::Problems>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Every field that is unknown or ill-typed, with what was expected.
    pub fn from_json(value: &Value) -> Result<Self, Problems> {
        Problems::of_json(value, "config", Self::read)
    }

    /// A configuration of an earlier version as the current one has it, and whether that changed it: of
    /// version 0 the two serializers are dropped.
    ///
    /// ```
    /// use milena_connect::thingsboard::ProduceConfiguration;
    /// # use serde_json::json;
    ///
    /// let old = json!({ "retries": 3, "keySerializer": "x", "valueSerializer": "y" });
    /// assert_eq!(ProduceConfiguration::upgrade(0, old), (true, json!({ "retries": 3 })));
    /// let current = json!({ "retries": 3 });
    /// assert_eq!(ProduceConfiguration::upgrade(1, current.clone()), (false, current));
    /// ```
    #[must_use]
    pub fn upgrade(from_version: u32, mut configuration: Value) -> (bool, Value) {
        let mut has_changed = false;
        if let (0, Value::Object(fields)) = (from_version, &mut configuration) {
            for name in DROPPED {
                has_changed |= fields.shift_remove(name).is_some();
            }
        }
        (has_changed, configuration)
    }

    pub(crate) fn read(node: &Node, path: &str, problems: &mut Problems) -> Option<Self> {
        // Which version it is stands beside a configuration, not in it. No field of version 1 has the
        // name of a dropped one, so both are read in the same way.
        let mut node = node.clone();
        if let Content::Table(entries) = &mut node.content {
            entries.retain(|entry| !DROPPED.contains(&entry.name.as_str()));
        }
        let mut reader = TableReader::new(&node, path, FIELDS, problems)?.coercing();
        let topic_pattern = not_blank(&mut reader, TOPIC_PATTERN, "a topic or a pattern of one");
        let key_pattern = reader.text(KEY_PATTERN);
        let bootstrap_servers = not_blank(&mut reader, BOOTSTRAP_SERVERS, "host:port of a broker");
        let retries = reader.integer(RETRIES);
        let batch_size = reader.integer(BATCH_SIZE);
        let linger = reader.integer(LINGER);
        let buffer_memory = reader.integer(BUFFER_MEMORY);
        let acks = reader.text(ACKS);
        let other_properties = reader.properties(OTHER_PROPERTIES);
        let add_headers = reader.boolean(ADD_HEADERS);
        let charset = reader.text(CHARSET);
        let force_ack = reader.boolean(FORCE_ACK);
        let rule_node_id = reader.text(RULE_NODE_ID);
        let service_id = reader.text(SERVICE_ID);
        reader.finish();
        Some(Self {
            topic_pattern: topic_pattern?,
            key_pattern,
            bootstrap_servers: bootstrap_servers?,
            retries: retries?,
            batch_size: batch_size?,
            linger: linger?,
            buffer_memory: buffer_memory?,
            acks: acks?,
            other_properties,
            add_metadata_key_values_as_kafka_headers: add_headers?,
            kafka_headers_charset: Charset::from_name(&charset?)?,
            force_ack: force_ack?,
            rule_node_id,
            service_id: service_id?,
        })
    }
}

/// A text that the node's form requires; left out, it has its default.
fn not_blank(
    reader: &mut TableReader<'_, '_>,
    name: &'static str,
    expected: &str,
) -> Option<String> {
    let text = reader.text(name)?;
    if text.trim().is_empty() {
        reader.problem(name, format_args!("is blank: expected {expected}"));
        return None;
    }
    Some(text)
}

impl std::fmt::Debug for ProduceConfiguration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Other properties can be secrets: only their names are shown.
        let names: Vec<&str> =
            self.other_properties.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ProduceConfiguration")
            .field("topic_pattern", &self.topic_pattern)
            .field("key_pattern", &self.key_pattern)
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("acks", &self.acks)
            .field("other_properties", &names)
            .field("force_ack", &self.force_ack)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_configuration_has_the_nodes_defaults() {
        let configuration = ProduceConfiguration::from_json(&json!({})).unwrap();
        let expected = ProduceConfiguration {
            topic_pattern: "my-topic".to_owned(),
            key_pattern: None,
            bootstrap_servers: "localhost:9092".to_owned(),
            retries: 0,
            batch_size: 16384,
            linger: 0,
            buffer_memory: 33_554_432,
            acks: "-1".to_owned(),
            other_properties: Vec::new(),
            add_metadata_key_values_as_kafka_headers: false,
            kafka_headers_charset: Charset::Utf8,
            force_ack: false,
            rule_node_id: None,
            service_id: "milena".to_owned(),
        };
        assert_eq!(configuration, expected);
        let nulls =
            json!({ "keyPattern": null, "kafkaHeadersCharset": null, "otherProperties": {} });
        assert_eq!(ProduceConfiguration::from_json(&nulls).unwrap(), expected);
    }

    #[test]
    fn reads_every_field() {
        let configuration = ProduceConfiguration::from_json(&json!({
            "topicPattern": "${deviceType}", "keyPattern": "", "bootstrapServers": "a:9092,b:9092",
            "retries": "3", "batchSize": 1, "linger": 5, "bufferMemory": 65536, "acks": 1,
            "otherProperties": { "compression.type": "gzip" },
            "addMetadataKeyValuesAsKafkaHeaders": true, "kafkaHeadersCharset": "UTF-16LE",
            "forceAck": true, "ruleNodeId": "7a", "serviceId": "tb-0",
            "keySerializer": "StringSerializer", "valueSerializer": "StringSerializer",
        }))
        .unwrap();
        assert_eq!(configuration.key_pattern.as_deref(), Some(""));
        assert_eq!((configuration.retries, configuration.acks.as_str()), (3, "1"));
        assert_eq!(configuration.kafka_headers_charset, Charset::Utf16Le);
        assert!(configuration.force_ack && configuration.add_metadata_key_values_as_kafka_headers);
    }

    #[test]
    fn tells_every_problem_at_once() {
        let problems = ProduceConfiguration::from_json(&json!({
            "topicPattern": " ", "retries": -1, "acks": "2", "kafkaHeadersCharset": "EBCDIC",
            "topicPatern": "x",
        }))
        .unwrap_err();
        assert_eq!(
            problems.to_string(),
            "5 problems: \
             (1) config.topicPattern is blank: expected a topic or a pattern of one; \
             (2) config.retries is the number -1: expected a whole number from 0 to 2147483647, how \
             often a record is sent again; \
             (3) config.acks is the text \"2\": expected one of all, -1, 0, 1, which brokers have a \
             record before it counts as written; \
             (4) config.kafkaHeadersCharset is the text \"EBCDIC\": expected one of US-ASCII, \
             ISO-8859-1, UTF-8, UTF-16BE, UTF-16LE, UTF-16, how the values of these headers are \
             written; \
             (5) config.topicPatern is not known here: did you mean `topicPattern`?"
        );
    }
}
