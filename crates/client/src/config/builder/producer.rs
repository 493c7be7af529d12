//! The producer's builder.

use std::time::Duration;

use super::ProducerConfigBuilder;
use crate::config::producer::{Acks, CompressionType, PartitionerClass};
use crate::config::value::Value;

impl ProducerConfigBuilder {
    /// Which replicas must have a record before the broker answers.
    ///
    /// Kafka property `acks`, our default `all`, Kafka's default `all`, since Kafka 0.8.2.
    pub fn acks(self, choice: Acks) -> Self {
        self.set("acks", Value::Text(choice.as_str().to_owned()))
    }

    /// Numbers the batches, so that a retry neither writes a record twice nor changes the order.
    ///
    /// Kafka property `enable.idempotence`, our default `true`, Kafka's default `true`, since Kafka
    /// 0.11.
    pub fn enable_idempotence(self, enable: bool) -> Self {
        self.set("enable.idempotence", Value::Boolean(enable))
    }

    /// How many requests may wait for their answer on one connection; 1 or more, with idempotence 5
    /// at most.
    ///
    /// Kafka property `max.in.flight.requests.per.connection`, our default `5`, Kafka's default
    /// `5`, since Kafka 0.8.2.
    pub fn max_in_flight_requests_per_connection(self, count: usize) -> Self {
        self.set("max.in.flight.requests.per.connection", Value::size(count))
    }

    /// How often a batch is sent again; `delivery_timeout` is the better bound.
    ///
    /// Kafka property `retries`, our default `2147483647`, Kafka's default `2147483647`, since
    /// Kafka 0.8.2 (producer), 0.11 (admin).
    pub fn retries(self, count: u32) -> Self {
        self.set("retries", Value::Integer(count.into()))
    }

    /// The size in bytes at which a batch of one partition is full; 0 sends every record alone.
    ///
    /// Kafka property `batch.size`, our default `16384`, Kafka's default `16384`, since Kafka
    /// 0.8.2.
    pub fn batch_size(self, bytes: usize) -> Self {
        self.set("batch.size", Value::size(bytes))
    }

    /// How long a batch that is not full waits for more records.
    ///
    /// Kafka property `linger.ms`, our default `5`, Kafka's default `5`, since Kafka 0.8.2.
    pub fn linger(self, duration: Duration) -> Self {
        self.set("linger.ms", Value::millis(duration))
    }

    /// How many bytes of records may wait to be sent; a send that finds no room waits for it.
    ///
    /// Kafka property `buffer.memory`, our default `33554432`, Kafka's default `33554432`, since
    /// Kafka 0.8.2.
    pub fn buffer_memory(self, bytes: usize) -> Self {
        self.set("buffer.memory", Value::size(bytes))
    }

    /// How long a send may wait for metadata and for room in the buffer.
    ///
    /// Kafka property `max.block.ms`, our default `60000`, Kafka's default `60000`, since Kafka
    /// 0.9.
    pub fn max_block(self, duration: Duration) -> Self {
        self.set("max.block.ms", Value::millis(duration))
    }

    /// How long it may take until an accepted record is written or has failed; at least `linger`
    /// and `request_timeout` together.
    ///
    /// Kafka property `delivery.timeout.ms`, our default `120000`, Kafka's default `120000`, since
    /// Kafka 2.1.
    pub fn delivery_timeout(self, duration: Duration) -> Self {
        self.set("delivery.timeout.ms", Value::millis(duration))
    }

    /// The largest produce request in bytes, and so the largest record.
    ///
    /// Kafka property `max.request.size`, our default `1048576`, Kafka's default `1048576`, since
    /// Kafka 0.8.2.
    pub fn max_request_size(self, bytes: usize) -> Self {
        self.set("max.request.size", Value::size(bytes))
    }

    /// How batches are compressed.
    ///
    /// Kafka property `compression.type`, our default `none`, Kafka's default `none`, since Kafka
    /// 0.8.2.
    pub fn compression_type(self, choice: CompressionType) -> Self {
        self.set("compression.type", Value::Text(choice.as_str().to_owned()))
    }

    /// gzip's level, 1 to 9, or -1 for gzip's own default.
    ///
    /// Kafka property `compression.gzip.level`, our default `-1`, Kafka's default `-1`, since Kafka
    /// 3.8.
    pub fn compression_gzip_level(self, level: i32) -> Self {
        self.set("compression.gzip.level", Value::Integer(level.into()))
    }

    /// LZ4's level, 1 to 17.
    ///
    /// Kafka property `compression.lz4.level`, our default `9`, Kafka's default `9`, since Kafka
    /// 3.8.
    pub fn compression_lz4_level(self, level: i32) -> Self {
        self.set("compression.lz4.level", Value::Integer(level.into()))
    }

    /// Zstandard's level, -131072 to 22.
    ///
    /// Kafka property `compression.zstd.level`, our default `3`, Kafka's default `3`, since Kafka
    /// 3.8.
    pub fn compression_zstd_level(self, level: i32) -> Self {
        self.set("compression.zstd.level", Value::Integer(level.into()))
    }

    /// Who chooses the partition of a record that names none.
    ///
    /// Kafka property `partitioner.class`, our default none, Kafka's default none, since Kafka 0.9.
    pub fn partitioner_class(self, choice: PartitionerClass) -> Self {
        self.set("partitioner.class", Value::Text(choice.as_str().to_owned()))
    }

    /// Treats every record as if it had no key when its partition is chosen.
    ///
    /// Kafka property `partitioner.ignore.keys`, our default `false`, Kafka's default `false`,
    /// since Kafka 3.3.
    pub fn partitioner_ignore_keys(self, enable: bool) -> Self {
        self.set("partitioner.ignore.keys", Value::Boolean(enable))
    }

    /// Gives partitions with short queues more of the records that have no key.
    ///
    /// Kafka property `partitioner.adaptive.partitioning.enable`, our default `true`, Kafka's
    /// default `true`, since Kafka 3.3.
    pub fn partitioner_adaptive_partitioning_enable(self, enable: bool) -> Self {
        self.set("partitioner.adaptive.partitioning.enable", Value::Boolean(enable))
    }

    /// A partition whose batches cannot be sent for this time gets no records without key; zero
    /// switches that off.
    ///
    /// Kafka property `partitioner.availability.timeout.ms`, our default `0`, Kafka's default `0`,
    /// since Kafka 3.3.
    pub fn partitioner_availability_timeout(self, duration: Duration) -> Self {
        self.set("partitioner.availability.timeout.ms", Value::millis(duration))
    }

    /// Names the producer across restarts, for transactions; a producer with the same name takes the
    /// place of the one before.
    ///
    /// Kafka property `transactional.id`, our default none, Kafka's default none, since Kafka 0.11.
    pub fn transactional_id(self, id: impl Into<String>) -> Self {
        self.set("transactional.id", Value::Text(id.into()))
    }

    /// How long a transaction may stay open before the coordinator aborts it.
    ///
    /// Kafka property `transaction.timeout.ms`, our default `60000`, Kafka's default `60000`, since
    /// Kafka 0.11.
    pub fn transaction_timeout(self, duration: Duration) -> Self {
        self.set("transaction.timeout.ms", Value::millis(duration))
    }

    /// A topic that nothing was sent to for this time is forgotten; at least 5 s.
    ///
    /// Kafka property `metadata.max.idle.ms`, our default `300000`, Kafka's default `300000`, since
    /// Kafka 2.5.
    pub fn metadata_max_idle(self, duration: Duration) -> Self {
        self.set("metadata.max.idle.ms", Value::millis(duration))
    }
}
