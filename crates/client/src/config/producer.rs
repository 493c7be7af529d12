//! The producer's configuration.

use std::time::Duration;

use super::builder::ProducerConfigBuilder;
use super::options::Settled;
use super::property::ClientKind;
use super::value::Value;
use super::{ClientConfig, Properties, Warnings};
use crate::error::Error;

/// The most requests in flight with which sequence numbers keep the order (KIP-98).
const MAX_IN_FLIGHT_WITH_IDEMPOTENCE: i64 = 5;

/// Which replicas must have a record before the broker answers (`acks`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these three numbers")]
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

    /// Kafka's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "0",
            Self::Leader => "1",
            Self::All => "all",
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

impl CompressionType {
    /// Kafka's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
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

impl PartitionerClass {
    /// Kafka's spelling; the default one has no name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::RoundRobin => "org.apache.kafka.clients.producer.RoundRobinPartitioner",
        }
    }
}

/// The producer's configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
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
    pub(crate) transactional_id: Option<String>,
    pub(crate) transaction_timeout: Duration,
}

impl ProducerConfig {
    /// A builder with every default, for the brokers `host:port`, with commas between them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use milena::config::{CompressionType, ProducerConfig};
    ///
    /// let config = ProducerConfig::builder("broker1:9092,broker2:9092")
    ///     .compression_type(CompressionType::Lz4)
    ///     .linger(Duration::from_millis(20))
    ///     .build()?;
    /// assert!(config.warnings().is_empty());
    /// # Ok::<(), milena::Error>(())
    /// ```
    pub fn builder(bootstrap_servers: impl Into<String>) -> ProducerConfigBuilder {
        Self::empty().property("bootstrap.servers", bootstrap_servers)
    }

    /// Reads Java's properties; `bootstrap.servers` must be among them.
    ///
    /// ```
    /// use milena::config::ProducerConfig;
    ///
    /// let error = ProducerConfig::from_properties([("acks", "2"), ("linger.ms", "soon")]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "invalid configuration: producer: 3 problems: (1) acks: \"2\": expected one of all, -1, 0, 1; \
    ///      (2) linger.ms: \"soon\": expected a whole number of milliseconds, 0 or more; \
    ///      (3) bootstrap.servers: it is required: expected host:port of one broker or more"
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with every problem in one message.
    pub fn from_properties<K: Into<String>, V: Into<String>>(
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Error> {
        Self::empty().properties(properties).build()
    }

    /// Reads the entries of a `.properties` file; `bootstrap.servers` must be among them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with every problem and its line in one message.
    pub fn from_properties_file(properties: &Properties) -> Result<Self, Error> {
        Self::empty().properties_file(properties).build()
    }

    /// What every client has.
    #[must_use]
    pub fn client(&self) -> &ClientConfig {
        &self.client
    }

    /// What is odd about the configuration.
    #[must_use]
    pub fn warnings(&self) -> &Warnings {
        &self.client.warnings
    }

    /// A builder without any option.
    fn empty() -> ProducerConfigBuilder {
        ProducerConfigBuilder::new(ClientKind::Producer, Self::settle)
    }

    fn settle(mut settled: Settled) -> Result<Self, Error> {
        check_transactions(&mut settled);
        check_idempotence(&mut settled);
        check_delivery_timeout(&mut settled);
        check_sizes(&mut settled);
        let mut config = Self {
            client: ClientConfig::settle(&mut settled),
            acks: match settled.text("acks").as_deref() {
                Some("0") => Acks::None,
                Some("1") => Acks::Leader,
                _ => Acks::All,
            },
            enable_idempotence: settled.boolean("enable.idempotence"),
            max_in_flight_requests_per_connection: settled
                .size("max.in.flight.requests.per.connection"),
            retries: u32::try_from(settled.integer("retries")).unwrap_or(u32::MAX),
            batch_size: settled.size("batch.size"),
            linger: settled.millis("linger.ms"),
            buffer_memory: settled.size("buffer.memory"),
            max_block: settled.millis("max.block.ms"),
            delivery_timeout: settled.millis("delivery.timeout.ms"),
            max_request_size: settled.size("max.request.size"),
            compression_type: match settled.text("compression.type").as_deref() {
                Some("gzip") => CompressionType::Gzip,
                Some("snappy") => CompressionType::Snappy,
                Some("lz4") => CompressionType::Lz4,
                Some("zstd") => CompressionType::Zstd,
                _ => CompressionType::None,
            },
            compression_gzip_level: settled.int("compression.gzip.level"),
            compression_lz4_level: settled.int("compression.lz4.level"),
            compression_zstd_level: settled.int("compression.zstd.level"),
            partitioner_class: partitioner_class(&mut settled),
            partitioner_ignore_keys: settled.boolean("partitioner.ignore.keys"),
            partitioner_adaptive_partitioning_enable: settled
                .boolean("partitioner.adaptive.partitioning.enable"),
            partitioner_availability_timeout: settled.millis("partitioner.availability.timeout.ms"),
            transactional_id: settled.text("transactional.id"),
            transaction_timeout: settled.millis("transaction.timeout.ms"),
        };
        config.client.warnings = settled.finish()?;
        Ok(config)
    }
}

/// Transactions need idempotence.
fn check_transactions(settled: &mut Settled) {
    const NAME: &str = "enable.idempotence";
    if settled.is_set("transactional.id") && !settled.boolean(NAME) {
        let expected = "expected true, as transactional.id is set";
        settled.problem_with_value(NAME, "false", expected);
    }
}

/// Idempotence needs `acks=all`, retries and at most five requests in flight. It is on by default, so
/// that only who asks for it by name gets an error; otherwise it is switched off, as in Java.
fn check_idempotence(settled: &mut Settled) {
    if !settled.boolean("enable.idempotence") {
        return;
    }
    let mut conflicts: Vec<(&'static str, String, &'static str)> = Vec::new();
    let acks = settled.text("acks").unwrap_or_default();
    if !matches!(acks.as_str(), "all" | "-1") {
        conflicts.push(("acks", acks, "all"));
    }
    let retries = settled.integer("retries");
    if retries == 0 {
        conflicts.push(("retries", retries.to_string(), "1 or more"));
    }
    let in_flight = settled.integer("max.in.flight.requests.per.connection");
    if in_flight > MAX_IN_FLIGHT_WITH_IDEMPOTENCE {
        conflicts.push((
            "max.in.flight.requests.per.connection",
            in_flight.to_string(),
            "5 or less",
        ));
    }
    let is_wanted = settled.is_set("enable.idempotence");
    let is_transactional = settled.is_set("transactional.id");
    for (name, given, needed) in conflicts {
        if is_transactional {
            let expected = format!("expected {needed}, as transactional.id is set");
            settled.problem_with_value(name, &given, &expected);
        } else if is_wanted {
            let expected =
                format!("expected {needed}, as enable.idempotence=true; or set that to false");
            settled.problem_with_value(name, &given, &expected);
        } else {
            settled.warn(
                name,
                format!(
                    "{given} switches idempotence off, which needs {needed}: a retry can write a record \
                     twice or change the order; set enable.idempotence=false to say that you mean it"
                ),
            );
            settled.replace("enable.idempotence", Value::Boolean(false));
        }
    }
}

/// A record must have the time to linger and to be sent once.
fn check_delivery_timeout(settled: &mut Settled) {
    const NAME: &str = "delivery.timeout.ms";
    if !settled.are_sound(&[NAME, "linger.ms", "request.timeout.ms"]) {
        return;
    }
    let delivery = settled.integer(NAME);
    let (linger, request) = (settled.integer("linger.ms"), settled.integer("request.timeout.ms"));
    let least = linger.saturating_add(request);
    if delivery >= least {
        return;
    }
    let sum = format!("linger.ms + request.timeout.ms ({linger} + {request})");
    if settled.is_set(NAME) {
        let message = format!("expected {least} or more, which is {sum}");
        settled.problem_with_value(NAME, &delivery.to_string(), &message);
    } else {
        settled.warn(NAME, format!("it is raised from {delivery} to {least}, which is {sum}"));
        settled.replace(NAME, Value::Integer(least));
    }
}

/// The buffer must have room for the largest record that a request may carry.
fn check_sizes(settled: &mut Settled) {
    if !settled.are_sound(&["max.request.size", "buffer.memory"]) {
        return;
    }
    let (request, buffer) = (settled.integer("max.request.size"), settled.integer("buffer.memory"));
    if request > buffer {
        settled.warn(
            "max.request.size",
            format!("{request} is more than buffer.memory={buffer}, which no record can exceed"),
        );
    }
}

fn partitioner_class(settled: &mut Settled) -> PartitionerClass {
    const NAME: &str = "partitioner.class";
    const PACKAGE: &str = "org.apache.kafka.clients.producer.";
    let Some(class) = settled.text(NAME) else { return PartitionerClass::Default };
    match class.strip_prefix(PACKAGE).unwrap_or(&class) {
        "RoundRobinPartitioner" => return PartitionerClass::RoundRobin,
        "internals.DefaultPartitioner" => settled.warn(NAME, "Kafka 4.0 took it out; unset is the same"),
        "UniformStickyPartitioner" => settled.problem_with_value(
            NAME,
            &class,
            "Kafka 4.0 took it out; set partitioner.ignore.keys=true in its place",
        ),
        _ => settled.problem_with_value(
            NAME,
            &class,
            "Java classes cannot be run; expected org.apache.kafka.clients.producer.RoundRobinPartitioner, \
             or nothing for Kafka's own",
        ),
    }
    PartitionerClass::Default
}
