//! The producer's configuration.

use std::time::Duration;

use super::ClientConfig;

/// Which replicas must have a record before the broker answers (`acks`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// `0`: the broker does not answer, and a lost record is not noticed.
    None,
    /// `1`: the leader alone.
    Leader,
    /// `all` or `-1`: every in-sync replica.
    #[default]
    All,
}

impl Acks {
    /// The number in a produce request: 0, 1 or -1.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

/// How batches are compressed (`compression.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompressionType {
    /// Not at all.
    #[default]
    None,
    /// gzip, level 1 to 9.
    Gzip,
    /// snappy in xerial framing, as Kafka's clients write it.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// Zstandard.
    Zstd,
}

/// Who chooses the partition of a record that names none (`partitioner.class`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartitionerClass {
    /// Kafka's own: murmur2 of the key; records without key stick to a partition for `batch.size` bytes.
    #[default]
    Default,
    /// Every partition in turn, whatever the key.
    RoundRobin,
}

/// The producer's configuration.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    pub(crate) client: ClientConfig,
    pub(crate) acks: Acks,
    pub(crate) enable_idempotence: bool,
    pub(crate) max_in_flight_requests_per_connection: usize,
    pub(crate) retries: u32,
    pub(crate) batch_size: usize,
    pub(crate) linger: Duration,
    pub(crate) buffer_memory: usize,
    pub(crate) max_block: Duration,
    pub(crate) delivery_timeout: Duration,
    pub(crate) max_request_size: usize,
    pub(crate) compression_type: CompressionType,
    /// 1 to 9, or -1 for zlib's own default (6).
    pub(crate) compression_gzip_level: i32,
    /// 1 to 17.
    pub(crate) compression_lz4_level: i32,
    /// -131072 to 22.
    pub(crate) compression_zstd_level: i32,
    pub(crate) partitioner_class: PartitionerClass,
    pub(crate) partitioner_ignore_keys: bool,
    pub(crate) partitioner_adaptive_partitioning_enable: bool,
    /// Zero: a slow partition stays available.
    pub(crate) partitioner_availability_timeout: Duration,
}
