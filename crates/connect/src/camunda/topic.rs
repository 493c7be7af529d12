//! Where the brokers are, and which topic is meant.

use crate::settings::{Field, FieldKind, TableReader};

const NAME: &str = "topic";
const BOOTSTRAP_SERVERS: &str = "bootstrapServers";
const TOPIC_NAME: &str = "topicName";

pub(super) const FIELD: Field = Field::required(
    NAME,
    "Kafka",
    FieldKind::Record(&[
        Field::required(
            BOOTSTRAP_SERVERS,
            "Bootstrap servers",
            FieldKind::Text,
            "host:port of one broker or more, with commas between them",
        ),
        Field::required(TOPIC_NAME, "Topic", FieldKind::Text, "the name of the topic"),
    ]),
    "where messages go or come from",
);

/// Where the brokers are, and which topic is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Topic {
    /// `topic.bootstrapServers`.
    pub bootstrap_servers: String,
    /// `topic.topicName`.
    pub name: String,
}

impl Topic {
    pub(super) fn read(reader: &mut TableReader<'_, '_>) -> Option<Self> {
        reader.record(NAME, |reader| {
            let bootstrap_servers = reader.text(BOOTSTRAP_SERVERS);
            let name = reader.text(TOPIC_NAME);
            Some(Self { bootstrap_servers: bootstrap_servers?, name: name? })
        })
    }
}
