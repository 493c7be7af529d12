//! Properties of every client: who it is, how long it waits, how it is observed.

use super::super::property::{Clients, Kind, Property};
use super::{LONG, any_case, int_from, int_within, long_from, one_of};

const NO_METRICS_SAMPLES: &str = "counters are running totals, without samples";

pub(super) const PROPERTIES: &[Property] = &[
    Property::new(
        "client.id",
        Clients::ALL,
        Kind::Text,
        "0.8.2",
        "The name under which the brokers' logs, metrics and quotas know this client.",
    )
    .default("")
    .ours(Some("milena"), "an empty name says nothing in a broker's log"),
    Property::new(
        "client.rack",
        Clients::CONSUMER,
        Kind::Text,
        "2.4",
        "The rack (or zone) of this client, so that it can fetch from a replica nearby.",
    )
    .default(""),
    Property::new(
        "client.rack",
        Clients::PRODUCER,
        Kind::Text,
        "4.4",
        "The rack (or zone) of this client, for a partitioner that prefers leaders nearby.",
    )
    .default("")
    .ignored("it serves `partitioner.rack.aware` alone"),
    Property::new(
        "default.api.timeout.ms",
        Clients::CONSUMER.and(Clients::ADMIN),
        int_from(0),
        "2.0",
        "How long a call may take that is given no timeout of its own, all attempts together.",
    )
    .default("60000"),
    Property::new(
        "request.timeout.ms",
        Clients::ALL,
        int_from(0),
        "0.9",
        "How long one request may wait for its response before the connection is given up.",
    )
    .default("30000"),
    Property::new(
        "retries",
        Clients::PRODUCER,
        int_within(0, i32::MAX as i64),
        "0.8.2",
        "How often a batch is sent again after an error that may pass. `delivery.timeout.ms` is the \
         better bound.",
    )
    .default("2147483647"),
    Property::new(
        "retries",
        Clients::ADMIN,
        int_within(0, i32::MAX as i64),
        "0.11",
        "How often a request is sent again after an error that may pass. `default.api.timeout.ms` is \
         the better bound.",
    )
    .default("2147483647"),
    Property::new(
        "retry.backoff.ms",
        Clients::ALL,
        long_from(0),
        "0.8.2",
        "The pause before the first retry; it doubles, give or take a fifth, with every further one.",
    )
    .default("100"),
    Property::new(
        "retry.backoff.max.ms",
        Clients::ALL,
        long_from(0),
        "3.7",
        "The longest pause between two tries.",
    )
    .default("1000"),
    Property::new(
        "metadata.max.age.ms",
        Clients::ALL,
        long_from(0),
        "0.8.2",
        "After this time the metadata is asked for again, even if nothing went wrong.",
    )
    .default("300000"),
    Property::new(
        "metadata.max.idle.ms",
        Clients::PRODUCER,
        long_from(5_000),
        "2.5",
        "A topic that nothing was sent to for this time is forgotten.",
    )
    .default("300000"),
    Property::new(
        "metadata.recovery.strategy",
        Clients::ALL,
        any_case(&["REBOOTSTRAP", "NONE"]),
        "3.8",
        "What to do when none of the known brokers can be reached: start again from \
         `bootstrap.servers`, or keep trying them.",
    )
    .default("rebootstrap"),
    Property::new(
        "metadata.recovery.rebootstrap.trigger.ms",
        Clients::ALL,
        long_from(0),
        "4.0",
        "How long no metadata may be had before the client starts again from `bootstrap.servers`.",
    )
    .default("300000"),
    Property::new(
        "metadata.cluster.check.enable",
        Clients::ALL,
        Kind::Boolean,
        "4.4",
        "Tells the broker which cluster and node are meant, so that it can refuse a misrouted \
         connection.",
    )
    .default("true")
    .ours(Some("false"), "cluster and node are not sent")
    .ignored("cluster and node are not sent"),
    Property::new(
        "config.providers",
        Clients::ALL,
        Kind::List,
        "4.2",
        "Java classes that replace placeholders in values.",
    )
    .default("")
    .unsupported("Java classes cannot be run; put the values in, or read them in your program"),
    Property::new(
        "interceptor.classes",
        Clients::PRODUCER.and(Clients::CONSUMER),
        Kind::List,
        "0.10",
        "Java classes that see every record.",
    )
    .default("")
    .unsupported("Java classes cannot be run; wrap the calls in your program"),
    Property::new(
        "enable.metrics.push",
        Clients::PRODUCER.and(Clients::CONSUMER),
        Kind::Boolean,
        "3.7",
        "Sends the client's metrics to the cluster when the cluster asks for them.",
    )
    .default("true")
    .ours(Some("false"), "metrics are not pushed")
    .ignored("metrics are read from the client's own counters and are not pushed"),
    Property::new(
        "enable.metrics.push",
        Clients::ADMIN,
        Kind::Boolean,
        "3.7",
        "Sends the client's metrics to the cluster when the cluster asks for them.",
    )
    .default("false")
    .ignored("metrics are read from the client's own counters and are not pushed"),
    Property::new(
        "metric.reporters",
        Clients::ALL,
        Kind::List,
        "0.8.2",
        "Java classes that report metrics.",
    )
    .default("org.apache.kafka.common.metrics.JmxReporter")
    .ours(Some(""), "there is no JMX without Java")
    .ignored("Java classes cannot be run; metrics are read from the client's own counters"),
    Property::new(
        "metrics.num.samples",
        Clients::ALL,
        int_from(1),
        "0.8.2",
        "How many samples a metric keeps.",
    )
    .default("2")
    .ignored(NO_METRICS_SAMPLES),
    Property::new(
        "metrics.recording.level",
        Clients::ALL,
        one_of(&["INFO", "DEBUG", "TRACE"]),
        "0.10.2",
        "How much is measured.",
    )
    .default("INFO")
    .ignored("every counter is always kept"),
    Property::new(
        "metrics.sample.window.ms",
        Clients::ALL,
        long_from(0),
        "0.8.2",
        "The time that one sample of a metric covers.",
    )
    .default("30000")
    .ignored(NO_METRICS_SAMPLES),
    Property::new(
        "connections.max.idle.ms",
        Clients::PRODUCER.and(Clients::CONSUMER),
        LONG,
        "0.9",
        "A connection that nothing went over for this time is closed; a negative number keeps it open.",
    )
    .default("540000"),
    Property::new(
        "connections.max.idle.ms",
        Clients::ADMIN,
        LONG,
        "0.11",
        "A connection that nothing went over for this time is closed; a negative number keeps it open.",
    )
    .default("300000"),
];
