//! Configuration of topics: the properties that the broker knows, their types and defaults.
//!
//! A property is kept as the text that the client sent; the few that the broker acts upon are read
//! where they are used. The others are accepted and shown, as tools expect it.

use std::collections::BTreeMap;

/// What a value has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueKind {
    Boolean,
    Int {
        min: i32,
    },
    Long {
        min: i64,
    },
    Double,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A comma separated list of these words; of anything when empty.
    List(&'static [&'static str]),
}

impl ValueKind {
    /// The type number of DescribeConfigs.
    pub(crate) fn config_type(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::Word(_) => 2,
            Self::Int { .. } => 3,
            Self::Long { .. } => 5,
            Self::Double => 6,
            Self::List(_) => 7,
        }
    }

    fn accepts(self, value: &str) -> bool {
        match self {
            Self::Boolean => value == "true" || value == "false",
            Self::Int { min } => value.parse::<i32>().is_ok_and(|number| number >= min),
            Self::Long { min } => value.parse::<i64>().is_ok_and(|number| number >= min),
            Self::Double => value.parse::<f64>().is_ok_and(|number| (0.0..=1.0).contains(&number)),
            Self::Word(words) => words.contains(&value),
            Self::List([]) => true,
            Self::List(words) => value.split(',').all(|item| words.contains(&item.trim())),
        }
    }
}

/// One property of topics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TopicProperty {
    pub name: &'static str,
    pub default: &'static str,
    pub kind: ValueKind,
    /// The broker property from which the default comes.
    pub broker_name: &'static str,
}

const LONG: ValueKind = ValueKind::Long { min: 0 };
const LONG_OR_UNLIMITED: ValueKind = ValueKind::Long { min: -1 };
const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
const NEVER: &str = "9223372036854775807";

/// Kafka's topic properties with Kafka's defaults.
#[rustfmt::skip]
pub(crate) const TOPIC_PROPERTIES: &[TopicProperty] = &[
    property("cleanup.policy", "delete", ValueKind::List(&["compact", "delete"]), "log.cleanup.policy"),
    property("compression.gzip.level", "-1", ValueKind::Int { min: -1 }, "compression.gzip.level"),
    property("compression.lz4.level", "9", ValueKind::Int { min: 1 }, "compression.lz4.level"),
    property("compression.type", "producer", ValueKind::Word(CODECS), "compression.type"),
    property("compression.zstd.level", "3", ValueKind::Int { min: -131_072 }, "compression.zstd.level"),
    property("delete.retention.ms", "86400000", LONG, "log.cleaner.delete.retention.ms"),
    property("file.delete.delay.ms", "60000", LONG, "log.segment.delete.delay.ms"),
    property("flush.messages", NEVER, ValueKind::Long { min: 1 }, "log.flush.interval.messages"),
    property("flush.ms", NEVER, LONG, "log.flush.interval.ms"),
    property("follower.replication.throttled.replicas", "", ValueKind::List(&[]), ""),
    property("index.interval.bytes", "4096", ValueKind::Int { min: 0 }, "log.index.interval.bytes"),
    property("leader.replication.throttled.replicas", "", ValueKind::List(&[]), ""),
    property("local.retention.bytes", "-2", ValueKind::Long { min: -2 }, "log.local.retention.bytes"),
    property("local.retention.ms", "-2", ValueKind::Long { min: -2 }, "log.local.retention.ms"),
    property("max.compaction.lag.ms", NEVER, ValueKind::Long { min: 1 }, "log.cleaner.max.compaction.lag.ms"),
    property("max.message.bytes", "1048588", ValueKind::Int { min: 0 }, "message.max.bytes"),
    property("message.timestamp.after.max.ms", "3600000", LONG, "log.message.timestamp.after.max.ms"),
    property("message.timestamp.before.max.ms", NEVER, LONG, "log.message.timestamp.before.max.ms"),
    property("message.timestamp.type", "CreateTime", ValueKind::Word(&["CreateTime", "LogAppendTime"]), "log.message.timestamp.type"),
    property("min.cleanable.dirty.ratio", "0.5", ValueKind::Double, "log.cleaner.min.cleanable.ratio"),
    property("min.compaction.lag.ms", "0", LONG, "log.cleaner.min.compaction.lag.ms"),
    property("min.insync.replicas", "1", ValueKind::Int { min: 1 }, "min.insync.replicas"),
    property("preallocate", "false", ValueKind::Boolean, "log.preallocate"),
    property("remote.storage.enable", "false", ValueKind::Boolean, ""),
    property("retention.bytes", "-1", LONG_OR_UNLIMITED, "log.retention.bytes"),
    property("retention.ms", "604800000", LONG_OR_UNLIMITED, "log.retention.ms"),
    property("segment.bytes", "1073741824", ValueKind::Int { min: 14 }, "log.segment.bytes"),
    property("segment.index.bytes", "10485760", ValueKind::Int { min: 4 }, "log.index.size.max.bytes"),
    property("segment.jitter.ms", "0", LONG, "log.roll.jitter.ms"),
    property("segment.ms", "604800000", ValueKind::Long { min: 1 }, "log.roll.ms"),
    property("unclean.leader.election.enable", "false", ValueKind::Boolean, "unclean.leader.election.enable"),
];

const fn property(
    name: &'static str,
    default: &'static str,
    kind: ValueKind,
    broker_name: &'static str,
) -> TopicProperty {
    TopicProperty { name, default, kind, broker_name }
}

/// The topic property called `name`.
pub(crate) fn topic_property(name: &str) -> Option<&'static TopicProperty> {
    TOPIC_PROPERTIES.iter().find(|property| property.name == name)
}

/// Whether `value` may be set for the topic property `name`; the error says what is wrong.
pub(crate) fn check_topic_value(name: &str, value: &str) -> Result<(), String> {
    let property =
        topic_property(name).ok_or_else(|| format!("Unknown topic config name: {name}"))?;
    if property.kind.accepts(value) {
        return Ok(());
    }
    let expected = match property.kind {
        ValueKind::Boolean => "true or false".to_owned(),
        ValueKind::Int { min } => format!("an integer of at least {min}"),
        ValueKind::Long { min } => format!("a number of at least {min}"),
        ValueKind::Double => "a number from 0 to 1".to_owned(),
        ValueKind::Word(words) | ValueKind::List(words) => format!("one of {}", words.join(", ")),
    };
    Err(format!("Invalid value {value} for configuration {name}: expected {expected}"))
}

/// The properties that were set for one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TopicConfig {
    set: BTreeMap<String, String>,
}

impl TopicConfig {
    pub(crate) fn from_entries(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { set: entries.into_iter().collect() }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.set.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.set.remove(name);
    }

    /// The value that was set, not the default.
    pub(crate) fn own(&self, name: &str) -> Option<&str> {
        self.set.get(name).map(String::as_str)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value that holds.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.own(name)
            .or_else(|| topic_property(name).map(|property| property.default))
            .unwrap_or_default()
    }

    pub(crate) fn number(&self, name: &str) -> i64 {
        self.value(name).parse().unwrap_or(-1)
    }

    pub(crate) fn is_compacted(&self) -> bool {
        self.value("cleanup.policy").split(',').any(|policy| policy.trim() == "compact")
    }

    pub(crate) fn deletes_old_records(&self) -> bool {
        self.value("cleanup.policy").split(',').any(|policy| policy.trim() == "delete")
    }

    pub(crate) fn uses_log_append_time(&self) -> bool {
        self.value("message.timestamp.type") == "LogAppendTime"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_valid_value() {
        for property in TOPIC_PROPERTIES {
            assert!(property.kind.accepts(property.default), "{}", property.name);
        }
    }

    #[test]
    fn names_what_is_wrong_with_a_value() {
        assert!(check_topic_value("retention.ms", "-1").is_ok());
        assert!(check_topic_value("cleanup.policy", "compact,delete").is_ok());
        let error = check_topic_value("retention.ms", "soon").unwrap_err();
        assert!(error.contains("retention.ms") && error.contains("at least -1"), "{error}");
        assert!(check_topic_value("retention", "1").unwrap_err().contains("Unknown topic config"));
    }

    #[test]
    fn a_set_value_wins_over_the_default() {
        let mut config = TopicConfig::default();
        assert_eq!(config.number("max.message.bytes"), 1_048_588);
        config.set("max.message.bytes", "100");
        assert_eq!(config.number("max.message.bytes"), 100);
        config.unset("max.message.bytes");
        assert_eq!(config.own("max.message.bytes"), None);
    }
}
