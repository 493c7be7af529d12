//! The arguments of the commands that are clients of a cluster.

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser as NonEmpty};

/// Which cluster, and how to speak with it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Connection {
    /// Brokers to ask first, as HOST:PORT, with commas between them
    #[arg(short = 'b', long = "bootstrap-server", value_name = "LIST")]
    pub(crate) brokers: String,
    /// A property of Java's client (can be repeated)
    #[arg(short = 'X', value_name = "NAME=VALUE")]
    pub(crate) properties: Vec<String>,
    /// Properties of Java's client from a file; -X wins
    #[arg(short = 'F', value_name = "FILE")]
    pub(crate) properties_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  echo 'hello' | milena produce -b localhost:9092 -t greetings
  printf 'k1:v1\\nk2:v2\\n' | milena produce -b localhost:9092 -t pairs -K : --json")]
pub(crate) struct Produce {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The topic
    #[arg(short = 't', long, value_name = "TOPIC", value_parser = NonEmpty::new())]
    pub(crate) topic: String,
    /// The key of every record
    #[arg(short = 'k', value_name = "KEY", conflicts_with = "key_delimiter")]
    pub(crate) key: Option<String>,
    /// What stands between key and value in a line; a line without it has no key
    #[arg(short = 'K', value_name = "DELIM")]
    pub(crate) key_delimiter: Option<String>,
    /// A header of every record (can be repeated)
    #[arg(short = 'H', value_name = "NAME=VALUE")]
    pub(crate) headers: Vec<String>,
    /// The partition of every record, instead of one by its key
    #[arg(short = 'p', value_name = "N", allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) partition: Option<i32>,
    /// How to compress: none, gzip, snappy, lz4 or zstd
    #[arg(short = 'z', value_name = "CODEC")]
    pub(crate) compression: Option<String>,
    /// Print a line for each record: {"topic","partition","offset","timestamp"}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  milena consume -b localhost:9092 -t greetings -o beginning -e
  milena consume -b localhost:9092 -t greetings -g readers --json")]
pub(crate) struct Consume {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The topic
    #[arg(short = 't', long, value_name = "TOPIC", value_parser = NonEmpty::new())]
    pub(crate) topic: String,
    /// Join this group, which shares the partitions and keeps the offsets
    #[arg(short = 'g', value_name = "GROUP", conflicts_with = "partition")]
    pub(crate) group: Option<String>,
    /// This partition alone
    #[arg(short = 'p', value_name = "N", allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) partition: Option<i32>,
    /// Where to begin: beginning, end, stored, an offset N, or -N for the last N of each partition;
    /// in a group, beginning and end are where it begins when nothing is stored
    #[arg(short = 'o', value_name = "OFFSET", allow_hyphen_values = true)]
    pub(crate) offset: Option<String>,
    /// End after this many records
    #[arg(short = 'c', value_name = "COUNT")]
    pub(crate) count: Option<u64>,
    /// End at the end of every partition
    #[arg(short = 'e')]
    pub(crate) exit_at_end: bool,
    /// Print JSON: {"topic","partition","offset","timestamp","key","value","headers"}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Topics {
    /// Create a topic
    #[command(
        after_help = "Example:\n  milena topics create -b localhost:9092 -t cars --partitions 6 --config cleanup.policy=compact"
    )]
    Create(CreateTopic),
    /// List the topics
    List {
        #[command(flatten)]
        connection: Connection,
        /// Topics that Kafka keeps for itself too
        #[arg(long)]
        internal: bool,
        /// Print a line for each topic: {"topic","id","internal"}
        #[arg(long)]
        json: bool,
    },
    /// Describe a topic's partitions
    Describe {
        #[command(flatten)]
        connection: Connection,
        /// The topic (can be repeated; all without it)
        #[arg(short = 't', long, value_name = "TOPIC", value_parser = NonEmpty::new())]
        topic: Vec<String>,
        /// Print a line for each topic: {"topic","id","internal","partitions":[{"partition",
        /// "leader","replicas","isr","offline"}]}
        #[arg(long)]
        json: bool,
    },
    /// Delete a topic and its records
    Delete {
        #[command(flatten)]
        connection: Connection,
        /// The topic (can be repeated)
        #[arg(short = 't', long, value_name = "TOPIC", required = true, value_parser = NonEmpty::new())]
        topic: Vec<String>,
        /// Print a line for each deleted topic: {"topic"}
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateTopic {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The topic
    #[arg(short = 't', long, value_name = "TOPIC", value_parser = NonEmpty::new())]
    pub(crate) topic: String,
    /// How many partitions; the broker's default without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) partitions: Option<i32>,
    /// How many replicas each partition has; the broker's default without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i16).range(1..))]
    pub(crate) replication_factor: Option<i16>,
    /// A property of the topic (can be repeated)
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) config: Vec<String>,
    /// Print a line: {"topic","id","partitions","replicationFactor"}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Perf {
    /// Produce records as fast as can be
    Produce(PerfProduce),
    /// Consume records from the beginning of every partition, without a group
    Consume(PerfConsume),
    /// Produce one record after the other, each awaited, or so many a second
    Latency(PerfLatency),
    /// Have a producer and a consumer of every partition do nothing
    Idle(PerfIdle),
}

#[derive(Debug, Args)]
pub(crate) struct PerfProduce {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The topic
    #[arg(short = 't', long, value_name = "TOPIC", value_parser = NonEmpty::new())]
    pub(crate) topic: String,
    /// How many records
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) records: u64,
    /// Bytes of each value
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    pub(crate) size: usize,
    /// How to compress: none, gzip, snappy, lz4 or zstd
    #[arg(long, value_name = "CODEC", default_value = "none")]
    pub(crate) compression: String,
    /// How long a batch waits for more records, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5)]
    pub(crate) linger_ms: u64,
    /// Bytes of a batch at most
    #[arg(long, value_name = "BYTES", default_value_t = 16_384)]
    pub(crate) batch_size: usize,
    /// Give every record a key of 16 bytes, one of 10,000
    #[arg(long)]
    pub(crate) keys: bool,
    /// Give every record two headers
    #[arg(long)]
    pub(crate) headers: bool,
    /// How many tasks send, each its part of the records
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) tasks: u64,
    /// Print one JSON line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PerfConsume {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The topic
    #[arg(short = 't', long, value_name = "TOPIC", value_parser = NonEmpty::new())]
    pub(crate) topic: String,
    /// End when this many records are there
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) records: u64,
    /// Take the records one by one from a stream, each as a value of its own
    #[arg(long)]
    pub(crate) stream: bool,
    /// Print one JSON line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PerfLatency {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The topic
    #[arg(short = 't', long, value_name = "TOPIC", value_parser = NonEmpty::new())]
    pub(crate) topic: String,
    /// How many records, after 200 that do not count; with a rate, after those of two seconds
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(crate) records: u64,
    /// Bytes of each value
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    pub(crate) size: usize,
    /// Send so many records a second, without waiting; each counts from when it was due
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: Option<u32>,
    /// How long a batch waits for more records, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) linger_ms: u64,
    /// Print one JSON line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PerfIdle {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The topic; the producer sends one record to each of its partitions before it is idle
    #[arg(short = 't', long, value_name = "TOPIC", value_parser = NonEmpty::new())]
    pub(crate) topic: String,
    /// How long nothing is done, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) seconds: u64,
    /// Print one JSON line
    #[arg(long)]
    pub(crate) json: bool,
}
