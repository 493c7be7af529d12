//! The consumer's builder.

use std::time::Duration;

use super::ConsumerConfigBuilder;
use crate::config::consumer::{Assignor, AutoOffsetReset, IsolationLevel};
use crate::config::value::Value;

impl ConsumerConfigBuilder {
    /// The group whose members share the partitions and the committed offsets.
    ///
    /// Kafka property `group.id`, our default none, Kafka's default none, since Kafka 0.9.
    pub fn group_id(self, id: impl Into<String>) -> Self {
        self.set("group.id", Value::Text(id.into()))
    }

    /// Names this member across restarts, so that coming back soon causes no rebalance.
    ///
    /// Kafka property `group.instance.id`, our default none, Kafka's default none, since Kafka 2.3.
    pub fn group_instance_id(self, id: impl Into<String>) -> Self {
        self.set("group.instance.id", Value::Text(id.into()))
    }

    /// How the leader of the group spreads partitions, the most wanted first.
    ///
    /// Kafka property `partition.assignment.strategy`, our default
    /// `org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.CooperativeStickyAssignor`,
    /// Kafka's default
    /// `org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.CooperativeStickyAssignor`,
    /// since Kafka 0.9.
    pub fn partition_assignment_strategy(self, all: &[Assignor]) -> Self {
        self.set(
            "partition.assignment.strategy",
            Value::List(all.iter().map(|one| one.as_str().to_owned()).collect()),
        )
    }

    /// A member that sends no heartbeat for this time is taken out of the group.
    ///
    /// Kafka property `session.timeout.ms`, our default `45000`, Kafka's default `45000`, since
    /// Kafka 0.9.
    pub fn session_timeout(self, duration: Duration) -> Self {
        self.set("session.timeout.ms", Value::millis(duration))
    }

    /// The time between two heartbeats; less than `session_timeout`.
    ///
    /// Kafka property `heartbeat.interval.ms`, our default `3000`, Kafka's default `3000`, since
    /// Kafka 0.9.
    pub fn heartbeat_interval(self, duration: Duration) -> Self {
        self.set("heartbeat.interval.ms", Value::millis(duration))
    }

    /// A member that does not poll for this time leaves the group.
    ///
    /// Kafka property `max.poll.interval.ms`, our default `300000`, Kafka's default `300000`, since
    /// Kafka 0.10.1.
    pub fn max_poll_interval(self, duration: Duration) -> Self {
        self.set("max.poll.interval.ms", Value::millis(duration))
    }

    /// How many records one poll gives out at most; 1 or more.
    ///
    /// Kafka property `max.poll.records`, our default `500`, Kafka's default `500`, since Kafka
    /// 0.10.
    pub fn max_poll_records(self, count: usize) -> Self {
        self.set("max.poll.records", Value::size(count))
    }

    /// Where to start when there is no committed offset, or none that the log still has.
    ///
    /// Kafka property `auto.offset.reset`, our default `latest`, Kafka's default `latest`, since
    /// Kafka 0.9.
    pub fn auto_offset_reset(self, reset: AutoOffsetReset) -> Self {
        self.set("auto.offset.reset", Value::Text(reset.to_text()))
    }

    /// Commits what earlier polls gave out, from time to time.
    ///
    /// Kafka property `enable.auto.commit`, our default `true`, Kafka's default `true`, since Kafka
    /// 0.9.
    pub fn enable_auto_commit(self, enable: bool) -> Self {
        self.set("enable.auto.commit", Value::Boolean(enable))
    }

    /// The time between two automatic commits.
    ///
    /// Kafka property `auto.commit.interval.ms`, our default `5000`, Kafka's default `5000`, since
    /// Kafka 0.9.
    pub fn auto_commit_interval(self, duration: Duration) -> Self {
        self.set("auto.commit.interval.ms", Value::millis(duration))
    }

    /// Whether records of open and aborted transactions are given out.
    ///
    /// Kafka property `isolation.level`, our default `read_uncommitted`, Kafka's default
    /// `read_uncommitted`, since Kafka 0.11.
    pub fn isolation_level(self, level: IsolationLevel) -> Self {
        self.set("isolation.level", Value::Text(level.as_str().to_owned()))
    }

    /// Lets the broker create a topic that is subscribed to and not there, if it is set up so.
    ///
    /// Kafka property `allow.auto.create.topics`, our default `true`, Kafka's default `true`, since
    /// Kafka 2.3.
    pub fn allow_auto_create_topics(self, enable: bool) -> Self {
        self.set("allow.auto.create.topics", Value::Boolean(enable))
    }

    /// Compares the checksum of every batch with its bytes.
    ///
    /// Kafka property `check.crcs`, our default `true`, Kafka's default `true`, since Kafka 0.9.
    pub fn check_crcs(self, enable: bool) -> Self {
        self.set("check.crcs", Value::Boolean(enable))
    }

    /// The broker answers a fetch when it has this many bytes.
    ///
    /// Kafka property `fetch.min.bytes`, our default `1`, Kafka's default `1`, since Kafka 0.9.
    pub fn fetch_min_bytes(self, bytes: u32) -> Self {
        self.set("fetch.min.bytes", Value::Integer(bytes.into()))
    }

    /// How long the broker waits for `fetch_min_bytes`; less than `request_timeout`.
    ///
    /// Kafka property `fetch.max.wait.ms`, our default `500`, Kafka's default `500`, since Kafka
    /// 0.9.
    pub fn fetch_max_wait(self, duration: Duration) -> Self {
        self.set("fetch.max.wait.ms", Value::millis(duration))
    }

    /// The most bytes of one answer; the first batch is always whole.
    ///
    /// Kafka property `fetch.max.bytes`, our default `52428800`, Kafka's default `52428800`, since
    /// Kafka 0.10.1.
    pub fn fetch_max_bytes(self, bytes: u32) -> Self {
        self.set("fetch.max.bytes", Value::Integer(bytes.into()))
    }

    /// The most bytes of one partition in an answer; the first batch is always whole.
    ///
    /// Kafka property `max.partition.fetch.bytes`, our default `1048576`, Kafka's default
    /// `1048576`, since Kafka 0.9.
    pub fn max_partition_fetch_bytes(self, bytes: u32) -> Self {
        self.set("max.partition.fetch.bytes", Value::Integer(bytes.into()))
    }

    /// The rack (or zone) of this client, so that it can fetch from a replica nearby.
    ///
    /// Kafka property `client.rack`, our default empty, Kafka's default empty, since Kafka 2.4
    /// (consumer), 4.4 (producer).
    pub fn client_rack(self, rack: impl Into<String>) -> Self {
        self.set("client.rack", Value::Text(rack.into()))
    }

    /// How long a call may take that is given no timeout of its own.
    ///
    /// Kafka property `default.api.timeout.ms`, our default `60000`, Kafka's default `60000`, since
    /// Kafka 2.0.
    pub fn default_api_timeout(self, duration: Duration) -> Self {
        self.set("default.api.timeout.ms", Value::millis(duration))
    }
}
