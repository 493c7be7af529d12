//! The arguments of the verifiable clients: those of Kafka's own.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser as NonEmpty};

#[derive(Debug, Args)]
pub(crate) struct VerifiableProducer {
    /// The topic
    #[arg(long, value_name = "TOPIC", value_parser = NonEmpty::new())]
    pub(crate) topic: String,
    /// Brokers to ask first
    #[arg(long, alias = "broker-list", value_name = "HOST:PORT,...")]
    pub(crate) bootstrap_server: String,
    /// End after this many messages; -1 for never
    #[arg(long, value_name = "N", default_value_t = -1, allow_hyphen_values = true)]
    pub(crate) max_messages: i64,
    /// Messages a second; -1 for as fast as can be
    #[arg(long, value_name = "N", default_value_t = -1, allow_hyphen_values = true)]
    pub(crate) throughput: i64,
    /// Acknowledgements to wait for: 0, 1 or -1
    #[arg(long, value_name = "ACKS", default_value_t = -1, allow_hyphen_values = true,
          value_parser = clap::value_parser!(i16).range(-1..=1))]
    pub(crate) acks: i16,
    /// Properties, which win over all other settings
    #[arg(long, alias = "producer.config", visible_alias = "producer-config", value_name = "FILE")]
    pub(crate) command_config: Option<PathBuf>,
    /// The first message's timestamp, in milliseconds; it goes on with the clock
    #[arg(long, value_name = "MS", default_value_t = -1, allow_hyphen_values = true)]
    pub(crate) message_create_time: i64,
    /// Values are this number, a dot and the message's number
    #[arg(long, value_name = "N")]
    pub(crate) value_prefix: Option<i64>,
    /// Keys go from 0 to this number and begin anew
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) repeating_keys: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupProtocol {
    /// The protocol of join and sync
    Classic,
    /// KIP-848
    Consumer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResetPolicy {
    Earliest,
    Latest,
    None,
}

#[derive(Debug, Args)]
pub(crate) struct VerifiableConsumer {
    /// Brokers to ask first
    #[arg(long, alias = "broker-list", value_name = "HOST:PORT,...")]
    pub(crate) bootstrap_server: String,
    /// The topic
    #[arg(long, value_name = "TOPIC", value_parser = NonEmpty::new())]
    pub(crate) topic: String,
    /// The group
    #[arg(long, value_name = "GROUP")]
    pub(crate) group_id: String,
    /// How members agree
    #[arg(long, value_enum, ignore_case = true, default_value_t = GroupProtocol::Classic)]
    pub(crate) group_protocol: GroupProtocol,
    /// The broker's assignor, for the consumer protocol
    #[arg(long, value_name = "NAME")]
    pub(crate) group_remote_assignor: Option<String>,
    /// The member's id in the group; `None` is none, as older harnesses write it
    #[arg(long, value_name = "ID")]
    pub(crate) group_instance_id: Option<String>,
    /// End after this many messages; -1 for never
    #[arg(long, value_name = "N", default_value_t = -1, allow_hyphen_values = true)]
    pub(crate) max_messages: i64,
    /// When the group gives a silent member up, in milliseconds
    #[arg(long, value_name = "MS")]
    pub(crate) session_timeout: Option<i64>,
    /// Print an event for each record
    #[arg(long)]
    pub(crate) verbose: bool,
    /// Let the client commit by itself
    #[arg(long)]
    pub(crate) enable_autocommit: bool,
    /// Where to begin without a committed offset
    #[arg(long, value_enum, default_value_t = ResetPolicy::Earliest)]
    pub(crate) reset_policy: ResetPolicy,
    /// Java's class name of the assignor
    #[arg(
        long,
        value_name = "CLASS",
        default_value = "org.apache.kafka.clients.consumer.RangeAssignor"
    )]
    pub(crate) assignment_strategy: String,
    /// Properties; what stands on the command line wins
    #[arg(long, alias = "consumer.config", visible_alias = "consumer-config", value_name = "FILE")]
    pub(crate) command_config: Option<PathBuf>,
}
