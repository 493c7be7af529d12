//! What a name that is not in the table was probably meant to be.

use super::property::ClientKind;
use super::table;

/// Names of librdkafka, with what Kafka has in their place.
const LIBRDKAFKA: &[(&str, &str)] = &[
    ("metadata.broker.list", "`bootstrap.servers`"),
    ("sasl.mechanisms", "`sasl.mechanism`"),
    ("sasl.username", "`username=\"...\"` in `sasl.jaas.config`"),
    ("sasl.password", "`password=\"...\"` in `sasl.jaas.config`"),
    ("ssl.ca.location", "`ssl.truststore.location` with `ssl.truststore.type=PEM`"),
    ("ssl.ca.pem", "`ssl.truststore.certificates` with `ssl.truststore.type=PEM`"),
    ("ssl.certificate.location", "`ssl.keystore.location` with `ssl.keystore.type=PEM`"),
    ("ssl.certificate.pem", "`ssl.keystore.certificate.chain` with `ssl.keystore.type=PEM`"),
    ("ssl.key.location", "`ssl.keystore.location`, one file with key and certificates"),
    ("ssl.key.pem", "`ssl.keystore.key` with `ssl.keystore.type=PEM`"),
    ("sasl.oauthbearer.method", "`sasl.oauthbearer.token.endpoint.url`, which says it all"),
    ("sasl.oauthbearer.client.id", "`sasl.oauthbearer.client.credentials.client.id`"),
    ("sasl.oauthbearer.client.secret", "`sasl.oauthbearer.client.credentials.client.secret`"),
    ("ssl.curves.list", "nothing: TLS chooses itself"),
    ("enable.ssl.certificate.verification", "nothing: certificates are always verified"),
    ("queue.buffering.max.ms", "`linger.ms`"),
    ("queue.buffering.max.messages", "`buffer.memory`, in bytes"),
    ("queue.buffering.max.kbytes", "`buffer.memory`, in bytes"),
    ("batch.num.messages", "`batch.size`, in bytes"),
    ("message.max.bytes", "`max.request.size`"),
    ("message.timeout.ms", "`delivery.timeout.ms`"),
    ("message.send.max.retries", "`retries`"),
    ("request.required.acks", "`acks`"),
    ("compression.codec", "`compression.type`"),
    (
        "compression.level",
        "`compression.gzip.level`, `compression.lz4.level` or `compression.zstd.level`",
    ),
    ("partitioner", "`partitioner.class`"),
    ("max.in.flight", "`max.in.flight.requests.per.connection`"),
    ("socket.timeout.ms", "`request.timeout.ms`"),
    ("socket.send.buffer.bytes", "`send.buffer.bytes`"),
    ("socket.receive.buffer.bytes", "`receive.buffer.bytes`"),
    ("topic.metadata.refresh.interval.ms", "`metadata.max.age.ms`"),
    ("fetch.wait.max.ms", "`fetch.max.wait.ms`"),
    ("fetch.message.max.bytes", "`max.partition.fetch.bytes`"),
    ("queued.max.messages.kbytes", "nothing: 32 MiB may wait to be polled"),
    ("enable.auto.offset.store", "nothing: commit the offsets that you choose"),
    ("enable.partition.eof", "nothing: compare the position with the end offset"),
    ("statistics.interval.ms", "nothing: the client's counters can be read at any time"),
    ("debug", "nothing: set the level of `tracing`"),
];

/// Names that older Kafka clients had.
const RETIRED: &[(&str, &str)] = &[
    ("auto.include.jmx.reporter", "it was taken out of Kafka 4.0"),
    ("block.on.buffer.full", "it was replaced by `max.block.ms`"),
    ("metadata.fetch.timeout.ms", "it was replaced by `max.block.ms`"),
    ("timeout.ms", "it was replaced by `request.timeout.ms`"),
    ("zookeeper.connect", "clients talk to brokers: set `bootstrap.servers`"),
];

/// What to say about a name that this client's table does not have.
pub(super) fn explain(name: &str, client: ClientKind) -> String {
    let others: Vec<String> = ClientKind::ALL
        .into_iter()
        .filter(|kind| table::find(name, *kind).is_some())
        .map(|kind| kind.to_string())
        .collect();
    if !others.is_empty() {
        return format!("it is for {}, and has no effect on {client}", others.join(" and "));
    }
    if let Some((_, instead)) = LIBRDKAFKA.iter().find(|(alias, _)| *alias == name) {
        return format!("it is librdkafka's name and has no effect; Kafka has {instead}");
    }
    if let Some((_, why)) = RETIRED.iter().find(|(retired, _)| *retired == name) {
        return format!("it has no effect: {why}");
    }
    match nearest(name, client) {
        Some(near) => format!("Kafka has no such property; did you mean `{near}`?"),
        None => "Kafka has no such property; it has no effect".to_owned(),
    }
}

/// The name in this client's table that is nearest, if one is near.
fn nearest(name: &str, client: ClientKind) -> Option<&'static str> {
    // Case and the character between the words are the commonest slips.
    let plain = name.trim().to_ascii_lowercase().replace(['_', '-'], ".");
    // A third of a long name may differ, but at most four characters: beyond that guesses are noise.
    let length = plain.chars().count();
    let limit = (length / 3).min(4);
    table::properties()
        .filter(|property| property.clients.contains(client) && !property.internal)
        .filter(|property| property.name.len().abs_diff(length) <= limit)
        .map(|property| (strsim::osa_distance(&plain, property.name), property.name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        for (name, expected) in [
            ("bootstrap.server", Some("bootstrap.servers")),
            ("bootstrap_servers", Some("bootstrap.servers")),
            ("Linger.MS", Some("linger.ms")),
            ("ack", Some("acks")),
            ("compresion.type", Some("compression.type")),
            ("enable.idempotance", Some("enable.idempotence")),
            ("security.protocl", Some("security.protocol")),
            ("schema.registry.url", None),
            ("x", None),
        ] {
            let found = nearest(name, ClientKind::Producer);
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn explains_names_of_others() {
        assert_eq!(
            explain("session.timeout.ms", ClientKind::Producer),
            "it is for consumer, and has no effect on producer"
        );
        assert!(
            explain("metadata.broker.list", ClientKind::Consumer).contains("`bootstrap.servers`")
        );
        assert!(explain("block.on.buffer.full", ClientKind::Producer).contains("`max.block.ms`"));
        assert!(explain("acs", ClientKind::Producer).contains("did you mean `acks`?"));
        assert!(explain("schema.registry.url", ClientKind::Producer).contains("no such property"));
    }

    #[test]
    fn the_page_for_users_of_librdkafka_has_every_name() {
        let page = include_str!("../../../../docs/librdkafka.md");
        for (name, instead) in LIBRDKAFKA {
            let row = format!("\n| `{name}` | {instead} |\n");
            assert!(page.contains(&row), "docs/librdkafka.md has not {row}");
        }
    }

    #[test]
    fn no_alias_is_a_name_of_kafka() {
        for (name, _) in LIBRDKAFKA.iter().chain(RETIRED) {
            for client in ClientKind::ALL {
                assert!(table::find(name, client).is_none(), "{name}");
            }
        }
    }
}
