//! Under which names schemas are registered.

/// Which part of a record a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a record has a key and a value")]
pub enum RecordPart {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl RecordPart {
    const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
        }
    }
}

/// How a subject is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectNames {
    /// `orders-value`: Confluent's `TopicNameStrategy`.
    #[default]
    Topic,
    /// `value-orders`, as Ballerina's module names them.
    PartFirst,
    /// `shop.Order`, the full name of the record: Confluent's `RecordNameStrategy`.
    Record,
    /// `orders-shop.Order`: Confluent's `TopicRecordNameStrategy`.
    TopicRecord,
}

impl SubjectNames {
    /// The subject of a topic's key or value; `record` is the full name of the schema's type, without
    /// which two of the ways have no subject.
    ///
    /// ```
    /// use milena_connect::registry::{RecordPart, SubjectNames};
    ///
    /// let subject = |names: SubjectNames| names.subject("orders", RecordPart::Value, Some("shop.Order"));
    /// assert_eq!(subject(SubjectNames::Topic).as_deref(), Some("orders-value"));
    /// assert_eq!(subject(SubjectNames::PartFirst).as_deref(), Some("value-orders"));
    /// assert_eq!(subject(SubjectNames::Record).as_deref(), Some("shop.Order"));
    /// assert_eq!(subject(SubjectNames::TopicRecord).as_deref(), Some("orders-shop.Order"));
    /// ```
    #[must_use]
    pub fn subject(self, topic: &str, part: RecordPart, record: Option<&str>) -> Option<String> {
        match self {
            Self::Topic => Some(format!("{topic}-{}", part.name())),
            Self::PartFirst => Some(format!("{}-{topic}", part.name())),
            Self::Record => record.map(str::to_owned),
            Self::TopicRecord => record.map(|record| format!("{topic}-{record}")),
        }
    }

    /// The way of one of Confluent's classes, by its name with or without the package.
    pub(super) fn of_class(class: &str) -> Option<Self> {
        Some(match class.rsplit_once('.').map_or(class, |(_, name)| name) {
            "TopicNameStrategy" => Self::Topic,
            "RecordNameStrategy" => Self::Record,
            "TopicRecordNameStrategy" => Self::TopicRecord,
            _ => return None,
        })
    }
}
