//! The consumer's configuration.

use std::time::Duration;

use super::builder::ConsumerConfigBuilder;
use super::options::Settled;
use super::property::ClientKind;
use super::value::Value;
use super::{ClientConfig, Properties, Warnings, iso_duration};
use crate::error::Error;

/// Where a consumer starts when there is no usable offset (`auto.offset.reset`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AutoOffsetReset {
    /// At the first record that is there.
    Earliest,
    /// At the end: only what is produced from then on.
    #[default]
    Latest,
    /// Nowhere: the call fails.
    None,
    /// At the first record that is not older than this (KIP-1106).
    ByDuration(Duration),
}

impl AutoOffsetReset {
    /// Kafka's spelling.
    pub(super) fn to_text(self) -> String {
        match self {
            Self::Earliest => "earliest".to_owned(),
            Self::Latest => "latest".to_owned(),
            Self::None => "none".to_owned(),
            Self::ByDuration(duration) => {
                format!("by_duration:PT{}.{:09}S", duration.as_secs(), duration.subsec_nanos())
            }
        }
    }
}

/// Whether records of open and aborted transactions are given out (`isolation.level`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these two numbers")]
pub enum IsolationLevel {
    /// Everything that is in the log.
    #[default]
    ReadUncommitted,
    /// Nothing of a transaction before it is committed.
    ReadCommitted,
}

impl IsolationLevel {
    /// The number in a request: 0 or 1.
    #[must_use]
    pub const fn number(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }

    /// Kafka's spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "read_uncommitted",
            Self::ReadCommitted => "read_committed",
        }
    }
}

/// How the leader of a classic group spreads partitions (`partition.assignment.strategy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Assignor {
    /// Neighbouring partitions of each topic.
    Range,
    /// All partitions of all topics in turn.
    RoundRobin,
    /// Balanced, with as few moves as possible.
    Sticky,
    /// As sticky, but a rebalance takes away only what moves.
    CooperativeSticky,
}

impl Assignor {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Range, Self::RoundRobin, Self::Sticky, Self::CooperativeSticky];

    /// The name in the group protocol.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// The name of Java's class, without package.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Range => "RangeAssignor",
            Self::RoundRobin => "RoundRobinAssignor",
            Self::Sticky => "StickyAssignor",
            Self::CooperativeSticky => "CooperativeStickyAssignor",
        }
    }
}

/// The consumer's configuration.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConsumerConfig {
    pub(crate) client: ClientConfig,
    pub(crate) group_id: Option<String>,
    pub(crate) group_instance_id: Option<String>,
    pub(crate) auto_offset_reset: AutoOffsetReset,
    /// Never without a group.
    pub(crate) enable_auto_commit: bool,
    pub(crate) auto_commit_interval: Duration,
    pub(crate) isolation_level: IsolationLevel,
    pub(crate) check_crcs: bool,
    pub(crate) fetch_min_bytes: i32,
    pub(crate) fetch_max_bytes: i32,
    pub(crate) fetch_max_wait: Duration,
    pub(crate) max_partition_fetch_bytes: i32,
    pub(crate) max_poll_records: usize,
    pub(crate) max_poll_interval: Duration,
    pub(crate) session_timeout: Duration,
    pub(crate) heartbeat_interval: Duration,
    /// At least one, the most wanted first.
    pub(crate) partition_assignment_strategy: Vec<Assignor>,
}

impl ConsumerConfig {
    /// A builder with every default, for the brokers `host:port`, with commas between them.
    ///
    /// ```
    /// use milena::config::{AutoOffsetReset, ConsumerConfig};
    ///
    /// let config = ConsumerConfig::builder("broker1:9092")
    ///     .group_id("orders")
    ///     .auto_offset_reset(AutoOffsetReset::Earliest)
    ///     .build()?;
    /// assert_eq!(config.group_id(), Some("orders"));
    /// # Ok::<(), milena::Error>(())
    /// ```
    pub fn builder(bootstrap_servers: impl Into<String>) -> ConsumerConfigBuilder {
        Self::empty().property("bootstrap.servers", bootstrap_servers)
    }

    /// Reads Java's properties; `bootstrap.servers` must be among them.
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

    /// `group.id`.
    #[must_use]
    pub fn group_id(&self) -> Option<&str> {
        self.group_id.as_deref()
    }

    /// What is odd about the configuration.
    #[must_use]
    pub fn warnings(&self) -> &Warnings {
        &self.client.warnings
    }

    /// A builder without any option.
    fn empty() -> ConsumerConfigBuilder {
        ConsumerConfigBuilder::new(ClientKind::Consumer, Self::settle)
    }

    fn settle(mut settled: Settled) -> Result<Self, Error> {
        check_group(&mut settled);
        // The broker must hear from a member before its session ends.
        let why = "a third of it at most as a rule";
        check_less(&mut settled, "heartbeat.interval.ms", "session.timeout.ms", why);
        // A fetch that waits as long as a request may take always times out.
        let why = "or every fetch without records fails";
        check_less(&mut settled, "fetch.max.wait.ms", "request.timeout.ms", why);
        let mut config = Self {
            client: ClientConfig::settle(&mut settled),
            group_id: settled.text("group.id"),
            group_instance_id: settled.text("group.instance.id"),
            auto_offset_reset: auto_offset_reset(&mut settled),
            enable_auto_commit: settled.boolean("enable.auto.commit"),
            auto_commit_interval: settled.millis("auto.commit.interval.ms"),
            isolation_level: match settled.text("isolation.level").as_deref() {
                Some("read_committed") => IsolationLevel::ReadCommitted,
                _ => IsolationLevel::ReadUncommitted,
            },
            check_crcs: settled.boolean("check.crcs"),
            fetch_min_bytes: settled.int("fetch.min.bytes"),
            fetch_max_bytes: settled.int("fetch.max.bytes"),
            fetch_max_wait: settled.millis("fetch.max.wait.ms"),
            max_partition_fetch_bytes: settled.int("max.partition.fetch.bytes"),
            max_poll_records: settled.size("max.poll.records"),
            max_poll_interval: settled.millis("max.poll.interval.ms"),
            session_timeout: settled.millis("session.timeout.ms"),
            heartbeat_interval: settled.millis("heartbeat.interval.ms"),
            partition_assignment_strategy: assignors(&mut settled),
        };
        config.client.warnings = settled.finish()?;
        Ok(config)
    }
}

/// Without a group there is nothing to commit to and no member to name.
fn check_group(settled: &mut Settled) {
    if settled.is_set("group.id") && settled.text("group.id").is_none() {
        settled.problem(
            "group.id",
            "\"\": expected a text that is not empty; leave it out for no group",
        );
        return;
    }
    if settled.is_set("group.id") || !settled.are_sound(&["group.id"]) {
        return;
    }
    if settled.is_set("enable.auto.commit") && settled.boolean("enable.auto.commit") {
        settled.problem_with_value(
            "enable.auto.commit",
            "true",
            "there is nothing to commit to without group.id; set group.id, or false",
        );
    }
    settled.replace("enable.auto.commit", Value::Boolean(false));
    if settled.is_set("group.instance.id") {
        settled.warn("group.instance.id", "it has no effect without group.id");
    }
}

/// One time must be less than another; the error says why.
fn check_less(settled: &mut Settled, name: &'static str, other: &'static str, why: &str) {
    if !settled.are_sound(&[name, other]) {
        return;
    }
    let (value, bound) = (settled.integer(name), settled.integer(other));
    if value >= bound {
        let expected = format!("expected less than {other}={bound}, {why}");
        settled.problem_with_value(name, &value.to_string(), &expected);
    }
}

fn auto_offset_reset(settled: &mut Settled) -> AutoOffsetReset {
    const NAME: &str = "auto.offset.reset";
    const EXPECTED: &str = "expected earliest, latest, none, or by_duration: and an ISO 8601 duration \
                            such as by_duration:PT24H";
    let text = settled.text(NAME).unwrap_or_default();
    match text.to_ascii_lowercase().as_str() {
        "earliest" => AutoOffsetReset::Earliest,
        "latest" => AutoOffsetReset::Latest,
        "none" => AutoOffsetReset::None,
        other => {
            let duration = other.strip_prefix("by_duration:").and_then(iso_duration::parse);
            match duration {
                Some(duration) => AutoOffsetReset::ByDuration(duration),
                None => {
                    settled.problem_with_value(NAME, &text, EXPECTED);
                    AutoOffsetReset::None
                }
            }
        }
    }
}

fn assignors(settled: &mut Settled) -> Vec<Assignor> {
    const NAME: &str = "partition.assignment.strategy";
    const PACKAGE: &str = "org.apache.kafka.clients.consumer.";
    let mut assignors: Vec<Assignor> = Vec::new();
    for text in settled.list(NAME) {
        let short = text.strip_prefix(PACKAGE).unwrap_or(&text);
        let found = Assignor::ALL
            .into_iter()
            .find(|assignor| short == assignor.class() || short == assignor.as_str());
        match found {
            Some(assignor) if assignors.contains(&assignor) => {
                settled.problem_with_value(NAME, &text, "it is there twice");
            }
            Some(assignor) => assignors.push(assignor),
            None => settled.problem_with_value(
                NAME,
                &text,
                "Java classes cannot be run; expected RangeAssignor, RoundRobinAssignor, StickyAssignor \
                 or CooperativeStickyAssignor",
            ),
        }
    }
    if assignors.is_empty() && settled.are_sound(&[NAME]) {
        settled.problem(NAME, "expected at least one assignor");
    }
    assignors
}
