//! Properties of connections: where the brokers are, sockets, reconnecting.

use super::super::property::{Clients, Kind, Property};
use super::{LONG, any_case, int_from, long_from, one_of};

pub(super) const PROPERTIES: &[Property] = &[
    Property::new(
        "bootstrap.servers",
        Clients::PRODUCER.and(Clients::CONSUMER),
        Kind::List,
        "0.8.2",
        "Brokers to ask first, as `host:port` with commas between them; the rest of the cluster is \
         learned from them.",
    ),
    Property::new(
        "bootstrap.servers",
        Clients::ADMIN,
        Kind::List,
        "0.11",
        "Brokers to ask first, as `host:port` with commas between them; the rest of the cluster is \
         learned from them.",
    )
    .default("")
    .ours(None, "there is no other way in, as `bootstrap.controllers` is not supported"),
    Property::new(
        "bootstrap.controllers",
        Clients::ADMIN,
        Kind::List,
        "3.7",
        "Controllers of the KRaft quorum to talk to in place of brokers.",
    )
    .default("")
    .unsupported("the admin client talks to brokers; set bootstrap.servers"),
    Property::new(
        "bootstrap.resolve.timeout.ms",
        Clients::ALL,
        long_from(0),
        "4.4",
        "How long the names in `bootstrap.servers` may stay unknown to DNS.",
    )
    .default("0")
    .ignored("names are resolved for every attempt to connect, within the time of the call"),
    Property::new(
        "client.dns.lookup",
        Clients::ALL,
        one_of(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]),
        "2.1",
        "How a broker's name becomes addresses; with `use_all_dns_ips` each is tried in turn.",
    )
    .default("use_all_dns_ips"),
    Property::new(
        "security.protocol",
        Clients::ALL,
        any_case(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
        "0.9",
        "Whether connections use TLS, SASL, both or neither.",
    )
    .default("PLAINTEXT"),
    Property::new(
        "security.providers",
        Clients::ALL,
        Kind::Text,
        "2.4",
        "Java classes that create security providers.",
    )
    .unsupported("Java classes cannot be run"),
    Property::new(
        "reconnect.backoff.ms",
        Clients::ALL,
        long_from(0),
        "0.8.2",
        "The pause before the first new attempt to connect; it doubles, give or take a fifth, with \
         every further one.",
    )
    .default("50"),
    Property::new(
        "reconnect.backoff.max.ms",
        Clients::ALL,
        long_from(0),
        "0.11",
        "The longest pause between two attempts to connect to a broker.",
    )
    .default("1000"),
    Property::new(
        "socket.connection.setup.timeout.ms",
        Clients::ALL,
        LONG,
        "2.7",
        "How long the first attempt to connect may take; it doubles with every further one.",
    )
    .default("10000"),
    Property::new(
        "socket.connection.setup.timeout.max.ms",
        Clients::ALL,
        LONG,
        "2.7",
        "The longest time that an attempt to connect may take.",
    )
    .default("30000"),
    Property::new(
        "receive.buffer.bytes",
        Clients::PRODUCER,
        int_from(-1),
        "0.8.2",
        "The size of the socket's receive buffer in bytes; -1 leaves it to the system.",
    )
    .default("32768")
    .ours(Some("-1"), "a fixed size switches off the system's own tuning"),
    Property::new(
        "receive.buffer.bytes",
        Clients::CONSUMER.and(Clients::ADMIN),
        int_from(-1),
        "0.9",
        "The size of the socket's receive buffer in bytes; -1 leaves it to the system.",
    )
    .default("65536")
    .ours(Some("-1"), "a fixed size switches off the system's own tuning"),
    Property::new(
        "send.buffer.bytes",
        Clients::ALL,
        int_from(-1),
        "0.8.2",
        "The size of the socket's send buffer in bytes; -1 leaves it to the system.",
    )
    .default("131072")
    .ours(Some("-1"), "a fixed size switches off the system's own tuning"),
];
