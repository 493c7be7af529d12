//! Properties of the consumer alone.

use super::super::property::{Clients, Kind, Property};
use super::{INT, any_case, int_from, one_of};

const BYTES_OUT: &str = "keys and values are bytes; read them in your program";
const NO_SHARE_GROUPS: &str = "it serves share groups alone, which come in a later release";

/// Deserializers that leave bytes and text as they are.
const DESERIALIZERS: &[&str] = &[
    "org.apache.kafka.common.serialization.StringDeserializer",
    "org.apache.kafka.common.serialization.ByteArrayDeserializer",
    "org.apache.kafka.common.serialization.ByteBufferDeserializer",
    "org.apache.kafka.common.serialization.BytesDeserializer",
    "org.apache.kafka.common.serialization.VoidDeserializer",
];

pub(super) const PROPERTIES: &[Property] = &[
    Property::new(
        "group.id",
        Clients::CONSUMER,
        Kind::Text,
        "0.9",
        "The group whose members share the partitions and the committed offsets. Needed to subscribe and \
         to commit.",
    ),
    Property::new(
        "group.instance.id",
        Clients::CONSUMER,
        Kind::NonEmptyText,
        "2.3",
        "Names this member across restarts: coming back within `session.timeout.ms` causes no rebalance.",
    ),
    Property::new(
        "group.protocol",
        Clients::CONSUMER,
        any_case(&["CLASSIC", "CONSUMER"]),
        "3.7",
        "Which group protocol is spoken.",
    )
    .default("classic")
    .but_not(&[("CONSUMER", "the consumer protocol comes in a later release; use classic")]),
    Property::new(
        "group.remote.assignor",
        Clients::CONSUMER,
        Kind::Text,
        "3.7",
        "The assignor that the broker runs for the group.",
    )
    .unsupported("it belongs to group.protocol=consumer, which comes in a later release"),
    Property::new(
        "partition.assignment.strategy",
        Clients::CONSUMER,
        Kind::List,
        "0.9",
        "How the leader of the group spreads partitions, the most wanted first: `RangeAssignor`, \
         `RoundRobinAssignor`, `StickyAssignor`, `CooperativeStickyAssignor` (with or without \
         `org.apache.kafka.clients.consumer.`), or `range`, `roundrobin`, `sticky`, \
         `cooperative-sticky`.",
    )
    .default(
        "org.apache.kafka.clients.consumer.RangeAssignor,\
         org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
    ),
    Property::new(
        "session.timeout.ms",
        Clients::CONSUMER,
        INT,
        "0.9",
        "A member that sends no heartbeat for this time is taken out of the group.",
    )
    .default("45000"),
    Property::new(
        "heartbeat.interval.ms",
        Clients::CONSUMER,
        INT,
        "0.9",
        "The time between two heartbeats; less than `session.timeout.ms`, a third of it at most as a rule.",
    )
    .default("3000"),
    Property::new(
        "max.poll.interval.ms",
        Clients::CONSUMER,
        int_from(1),
        "0.10.1",
        "A member that does not poll for this time leaves the group, as its program must be stuck.",
    )
    .default("300000"),
    Property::new(
        "max.poll.records",
        Clients::CONSUMER,
        int_from(1),
        "0.10",
        "How many records one poll gives out at most.",
    )
    .default("500"),
    Property::new(
        "auto.offset.reset",
        Clients::CONSUMER,
        Kind::Text,
        "0.9",
        "Where to start when there is no committed offset, or none that the log still has: `earliest`, \
         `latest`, `none` (an error), or `by_duration:` and an ISO 8601 duration such as `PT24H`.",
    )
    .default("latest"),
    Property::new(
        "enable.auto.commit",
        Clients::CONSUMER,
        Kind::Boolean,
        "0.9",
        "Commits what earlier polls gave out, every `auto.commit.interval.ms`.",
    )
    .default("true"),
    Property::new(
        "auto.commit.interval.ms",
        Clients::CONSUMER,
        int_from(0),
        "0.9",
        "The time between two commits of `enable.auto.commit`.",
    )
    .default("5000"),
    Property::new(
        "isolation.level",
        Clients::CONSUMER,
        one_of(&["read_committed", "read_uncommitted"]),
        "0.11",
        "`read_committed` holds back records of open transactions and leaves out those of aborted ones.",
    )
    .default("read_uncommitted"),
    Property::new(
        "allow.auto.create.topics",
        Clients::CONSUMER,
        Kind::Boolean,
        "2.3",
        "Lets the broker create a topic that is subscribed to and not there, if it is set up so.",
    )
    .default("true"),
    Property::new(
        "exclude.internal.topics",
        Clients::CONSUMER,
        Kind::Boolean,
        "0.10",
        "Leaves Kafka's own topics out of what a pattern matches.",
    )
    .default("true")
    .ignored("it concerns subscriptions by pattern alone"),
    Property::new(
        "check.crcs",
        Clients::CONSUMER,
        Kind::Boolean,
        "0.9",
        "Compares the checksum of every batch with its bytes.",
    )
    .default("true"),
    Property::new(
        "fetch.min.bytes",
        Clients::CONSUMER,
        int_from(0),
        "0.9",
        "The broker answers a fetch when it has this many bytes, or after `fetch.max.wait.ms`.",
    )
    .default("1"),
    Property::new(
        "fetch.max.wait.ms",
        Clients::CONSUMER,
        int_from(0),
        "0.9",
        "How long the broker waits for `fetch.min.bytes`.",
    )
    .default("500"),
    Property::new(
        "fetch.max.bytes",
        Clients::CONSUMER,
        int_from(0),
        "0.10.1",
        "The most bytes of one answer; the first batch is always whole.",
    )
    .default("52428800"),
    Property::new(
        "max.partition.fetch.bytes",
        Clients::CONSUMER,
        int_from(0),
        "0.9",
        "The most bytes of one partition in an answer; the first batch is always whole.",
    )
    .default("1048576"),
    Property::new(
        "share.acknowledgement.mode",
        Clients::CONSUMER,
        one_of(&["implicit", "explicit"]),
        "4.1",
        "How records of a share group are acknowledged.",
    )
    .default("implicit")
    .ignored(NO_SHARE_GROUPS),
    Property::new(
        "share.acquire.mode",
        Clients::CONSUMER,
        any_case(&["batch_optimized", "record_limit"]),
        "4.2",
        "How many records of a share group are acquired at once.",
    )
    .default("BATCH_OPTIMIZED")
    .ignored(NO_SHARE_GROUPS),
    Property::new(
        "internal.throw.on.fetch.stable.offset.unsupported",
        Clients::CONSUMER,
        Kind::Boolean,
        "2.5",
        "Serves Kafka Streams.",
    )
    .default("false")
    .ignored("it serves Kafka Streams alone")
    .internal(),
    Property::new(
        "key.deserializer",
        Clients::CONSUMER,
        Kind::Class,
        "0.9",
        "The Java class that reads keys.",
    )
    .unsupported(BYTES_OUT)
    .harmless(DESERIALIZERS),
    Property::new(
        "value.deserializer",
        Clients::CONSUMER,
        Kind::Class,
        "0.9",
        "The Java class that reads values.",
    )
    .unsupported(BYTES_OUT)
    .harmless(DESERIALIZERS),
];
