//! What is written about the configuration says what the table says.

use super::super::property::{Property, shown_default};
use super::super::table;

/// The last line of the documentation of a property's builder method: property, defaults, since when.
fn doc_line(name: &str) -> String {
    let rows: Vec<&Property> =
        table::properties().filter(|property| property.name == name).collect();
    let each = |text: &dyn Fn(&Property) -> String| {
        let texts: Vec<String> = rows.iter().map(|row| text(row)).collect();
        if texts.windows(2).all(|pair| pair[0] == pair[1]) {
            return texts.first().cloned().unwrap_or_default();
        }
        let named: Vec<String> = rows
            .iter()
            .zip(&texts)
            .map(|(row, text)| format!("{text} ({})", row.clients))
            .collect();
        named.join(", ")
    };
    format!(
        "Kafka property `{name}`, our default {}, Kafka's default {}, since Kafka {}.",
        each(&|row| shown_default(row.default)),
        each(&|row| shown_default(row.kafka_default)),
        each(&|row| row.since.to_owned()),
    )
}

/// The last paragraph of the documentation of every builder method that sets a property.
fn documented(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut paragraph = String::new();
    let (mut in_call, mut call) = (false, String::new());
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            match text.trim() {
                "" => paragraph.clear(),
                text if paragraph.is_empty() => paragraph.push_str(text),
                text => {
                    paragraph.push(' ');
                    paragraph.push_str(text);
                }
            }
        } else if let Some((_, rest)) = line.split_once("self.set(") {
            in_call = true;
            call = rest.to_owned();
        } else if in_call {
            call.push_str(line);
        }
        // rustfmt puts long arguments on lines of their own.
        if in_call && let Some((_, name)) = call.split_once('"') {
            let (name, _) = name.split_once('"').unwrap();
            found.push((name.to_owned(), std::mem::take(&mut paragraph)));
            in_call = false;
        }
    }
    found
}

#[test]
fn builder_methods_end_with_the_line_of_the_table() {
    let sources = [
        include_str!("../builder/common.rs"),
        include_str!("../builder/producer.rs"),
        include_str!("../builder/consumer.rs"),
        include_str!("../builder/admin.rs"),
    ];
    let mut count = 0;
    for (name, written) in sources.into_iter().flat_map(documented) {
        assert_eq!(written, doc_line(&name), "the last line of the method for {name}");
        count += 1;
    }
    assert!(count > 50, "only {count} methods were found");
}

#[test]
fn every_supported_property_has_a_builder_method() {
    let sources = [
        include_str!("../builder/common.rs"),
        include_str!("../builder/producer.rs"),
        include_str!("../builder/consumer.rs"),
        include_str!("../builder/admin.rs"),
    ];
    // Constructor arguments, `dangerous()` and `sasl(..)` stand for these; the rest say what only text
    // can say.
    let elsewhere = [
        "bootstrap.servers",
        "ssl.endpoint.identification.algorithm",
        "sasl.mechanism",
        "sasl.jaas.config",
        // `TokenEndpoint` has these.
        "sasl.oauthbearer.token.endpoint.url",
        "sasl.oauthbearer.client.credentials.client.id",
        "sasl.oauthbearer.client.credentials.client.secret",
        "sasl.oauthbearer.scope",
        "sasl.oauthbearer.header.urlencode",
        "sasl.oauthbearer.jwt.retriever.class",
        "sasl.login.connect.timeout.ms",
        "sasl.login.read.timeout.ms",
        "sasl.login.retry.backoff.ms",
        "sasl.login.retry.backoff.max.ms",
        "sasl.login.refresh.window.factor",
        "sasl.login.refresh.window.jitter",
        "sasl.login.refresh.min.period.seconds",
        "sasl.login.refresh.buffer.seconds",
        "ssl.truststore.type",
        "ssl.keystore.type",
        "ssl.protocol",
        "group.protocol",
    ];
    let methods: Vec<String> =
        sources.into_iter().flat_map(documented).map(|(name, _)| name).collect();
    for property in table::properties() {
        if property.support == super::super::Support::Supported
            && !elsewhere.contains(&property.name)
        {
            assert!(methods.iter().any(|name| name == property.name), "{}", property.name);
        }
    }
}

#[test]
fn the_committed_document_is_the_table() {
    let committed = include_str!("../../../../../docs/config.md");
    let generated = super::super::markdown();
    let difference = committed.lines().zip(generated.lines()).find(|(old, new)| old != new);
    assert_eq!(difference, None, "docs/config.md is not what the table says: cargo xtask gen");
    assert_eq!(committed.len(), generated.len(), "docs/config.md is not what the table says");
}
