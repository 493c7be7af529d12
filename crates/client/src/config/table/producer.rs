//! Properties of the producer alone.

use super::super::property::{Clients, Kind, Property, Width};
use super::{INT, any_case, int_from, int_within, long_from, one_of};

const BYTES_IN: &str = "keys and values are bytes; turn them into bytes in your program";

/// Serializers that leave bytes and text as they are.
const SERIALIZERS: &[&str] = &[
    "org.apache.kafka.common.serialization.StringSerializer",
    "org.apache.kafka.common.serialization.ByteArraySerializer",
    "org.apache.kafka.common.serialization.ByteBufferSerializer",
    "org.apache.kafka.common.serialization.BytesSerializer",
    "org.apache.kafka.common.serialization.VoidSerializer",
];

pub(super) const PROPERTIES: &[Property] = &[
    Property::new(
        "acks",
        Clients::PRODUCER,
        one_of(&["all", "-1", "0", "1"]),
        "0.8.2",
        "Which replicas must have a record before the broker answers: every in-sync one (`all` or \
         `-1`), the leader (`1`), or none, and then the broker does not answer at all (`0`).",
    )
    .default("all"),
    Property::new(
        "enable.idempotence",
        Clients::PRODUCER,
        Kind::Boolean,
        "0.11",
        "Numbers the batches, so that a retry neither writes a record twice nor changes the order.",
    )
    .default("true"),
    Property::new(
        "max.in.flight.requests.per.connection",
        Clients::PRODUCER,
        int_from(1),
        "0.8.2",
        "How many requests may wait for their answer on one connection; at most 5 with idempotence.",
    )
    .default("5"),
    Property::new(
        "batch.size",
        Clients::PRODUCER,
        int_from(0),
        "0.8.2",
        "The size in bytes at which a batch of one partition is full. 0 sends every record in a batch of \
         its own.",
    )
    .default("16384"),
    Property::new(
        "linger.ms",
        Clients::PRODUCER,
        long_from(0),
        "0.8.2",
        "How long a batch that is not full waits for more records.",
    )
    .default("5"),
    Property::new(
        "buffer.memory",
        Clients::PRODUCER,
        long_from(0),
        "0.8.2",
        "How many bytes of records may wait to be sent; a send that finds no room waits for it.",
    )
    .default("33554432"),
    Property::new(
        "buffer.memory.allocation.strategy",
        Clients::PRODUCER,
        any_case(&["FULL", "INCREMENTAL"]),
        "4.4",
        "Whether a batch takes its memory at once or as it grows.",
    )
    .default("full")
    .ours(Some("incremental"), "memory is counted as records arrive")
    .ignored("memory is counted as records arrive, for every batch.size")
    .internal(),
    Property::new(
        "max.block.ms",
        Clients::PRODUCER,
        long_from(0),
        "0.9",
        "How long a send may wait for metadata and for room in `buffer.memory`.",
    )
    .default("60000"),
    Property::new(
        "delivery.timeout.ms",
        Clients::PRODUCER,
        int_from(0),
        "2.1",
        "How long it may take until a record that was accepted is written or has failed, all waits and \
         retries together.",
    )
    .default("120000"),
    Property::new(
        "max.request.size",
        Clients::PRODUCER,
        int_from(0),
        "0.8.2",
        "The largest produce request in bytes, and so the largest record.",
    )
    .default("1048576"),
    Property::new(
        "compression.type",
        Clients::PRODUCER,
        one_of(&["none", "gzip", "snappy", "lz4", "zstd"]),
        "0.8.2",
        "How batches are compressed. zstd needs Kafka 2.1.",
    )
    .default("none"),
    Property::new(
        "compression.gzip.level",
        Clients::PRODUCER,
        Kind::Integer { width: Width::Int, min: 1, max: 9, or: Some(-1) },
        "3.8",
        "gzip's level, from fast to small; -1 is gzip's own default.",
    )
    .default("-1"),
    Property::new(
        "compression.lz4.level",
        Clients::PRODUCER,
        int_within(1, 17),
        "3.8",
        "LZ4's level, from fast to small.",
    )
    .default("9"),
    Property::new(
        "compression.zstd.level",
        Clients::PRODUCER,
        int_within(-131_072, 22),
        "3.8",
        "Zstandard's level, from fast to small.",
    )
    .default("3"),
    Property::new(
        "partitioner.class",
        Clients::PRODUCER,
        Kind::Class,
        "0.9",
        "Who chooses the partition of a record that names none. Unset: murmur2 of the key, and without \
         key one partition after another, `batch.size` bytes each. \
         `org.apache.kafka.clients.producer.RoundRobinPartitioner`: every partition in turn.",
    ),
    Property::new(
        "partitioner.ignore.keys",
        Clients::PRODUCER,
        Kind::Boolean,
        "3.3",
        "Treats every record as if it had no key when its partition is chosen.",
    )
    .default("false"),
    Property::new(
        "partitioner.adaptive.partitioning.enable",
        Clients::PRODUCER,
        Kind::Boolean,
        "3.3",
        "Gives partitions with short queues more of the records that have no key.",
    )
    .default("true"),
    Property::new(
        "partitioner.availability.timeout.ms",
        Clients::PRODUCER,
        long_from(0),
        "3.3",
        "A partition whose batches cannot be sent for this time gets no records without key; 0 switches \
         that off.",
    )
    .default("0"),
    Property::new(
        "partitioner.rack.aware",
        Clients::PRODUCER,
        Kind::Boolean,
        "4.4",
        "Prefers partitions whose leader is in the producer's own rack.",
    )
    .default("false")
    .unsupported("racks are not looked at when a partition is chosen"),
    Property::new(
        "transactional.id",
        Clients::PRODUCER,
        Kind::NonEmptyText,
        "0.11",
        "Names the producer across restarts, for transactions. A producer with the same name takes the \
         place of the one before.",
    ),
    Property::new(
        "transaction.timeout.ms",
        Clients::PRODUCER,
        INT,
        "0.11",
        "How long a transaction may stay open before the coordinator aborts it; at most \
         `transaction.max.timeout.ms` of the broker.",
    )
    .default("60000"),
    Property::new(
        "transaction.two.phase.commit.enable",
        Clients::PRODUCER,
        Kind::Boolean,
        "4.1",
        "Lets an outer transaction manager decide.",
    )
    .default("false")
    .unsupported("transactions are prepared and committed in one step"),
    Property::new(
        "key.serializer",
        Clients::PRODUCER,
        Kind::Class,
        "0.8.2",
        "The Java class that turns keys into bytes.",
    )
    .unsupported(BYTES_IN)
    .harmless(SERIALIZERS),
    Property::new(
        "value.serializer",
        Clients::PRODUCER,
        Kind::Class,
        "0.8.2",
        "The Java class that turns values into bytes.",
    )
    .unsupported(BYTES_IN)
    .harmless(SERIALIZERS),
];
