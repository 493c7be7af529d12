//! `docs/config.md`: the table as a document.

use std::fmt::Write as _;

use super::property::{ClientKind, Kind, Property, Support, shown_default};
use super::table;

const HEAD: &str = "\
# Configuration

Every property of the producer, the consumer and the admin client of Apache Kafka 4.4, and what Milena does
with it. This file is generated from the table that the code uses; a test compares it.

Properties are given by their names (`ProducerConfig::from_properties`, `-X NAME=VALUE`, a `.properties`
file) or with the builders, whose methods have the same names. A name that is in no table is a warning that
names the nearest one. All problems of a configuration come in one message.

- **supported**: it has the effect that Kafka's own client gives it.
- **ignored**: it is accepted and has no effect, which does no harm; a value that is no default is a warning.
- **not supported**: any value but Kafka's default is an error.

Defaults are Kafka's own unless two are given; then ours is the first.
";

/// The configuration as a document in Markdown.
///
/// ```
/// let document = milena::config::markdown();
/// assert!(document.contains("| `linger.ms` |"));
/// ```
#[must_use]
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    for client in ClientKind::ALL {
        let mut rows: Vec<&Property> = table::properties()
            .filter(|property| property.clients.contains(client) && !property.internal)
            .collect();
        rows.sort_by_key(|property| property.name);
        let title = match client {
            ClientKind::Producer => "Producer",
            ClientKind::Consumer => "Consumer",
            ClientKind::Admin => "Admin client",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "\n## {title}\n\n| Property | Type | Valid | Default | Since | Support | What it is for |\n\
             |---|---|---|---|---|---|---|"
        );
        for property in rows {
            let _ = writeln!(text, "{}", row(property));
        }
    }
    text
}

fn row(property: &Property) -> String {
    let cells = [
        format!("`{}`", property.name),
        property.kind.kafka_type().to_owned(),
        valid(property),
        default(property),
        property.since.to_owned(),
        support(property),
        property.doc.to_owned(),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |", cells.join(" | "))
}

fn valid(property: &Property) -> String {
    match property.kind {
        Kind::Choice { values, .. } => {
            values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
        }
        kind => kind.range(),
    }
}

fn default(property: &Property) -> String {
    let short = |text: Option<&str>| {
        shown_default(
            text.map(|text| text.replace("org.apache.kafka.clients.consumer.", "")).as_deref(),
        )
    };
    if property.difference.is_empty() {
        return short(property.default);
    }
    format!(
        "{}; Kafka's {}, but {}",
        short(property.default),
        short(property.kafka_default),
        property.difference
    )
}

fn support(property: &Property) -> String {
    let mut text = match property.support {
        Support::Supported => "supported".to_owned(),
        Support::Ignored(why) => format!("ignored: {why}"),
        Support::Unsupported(why) => format!("not supported: {why}"),
    };
    if !property.harmless_values.is_empty() {
        let short = |class: &&str| format!("`{}`", class.rsplit('.').next().unwrap_or(class));
        let mut names: Vec<String> = property.harmless_values.iter().map(short).collect();
        // A class of this name may have moved between Kafka's packages.
        names.dedup();
        let _ = write!(text, "; accepted without effect: {}", names.join(", "));
    }
    for (value, why) in property.unsupported_values {
        let _ = write!(text, "; not `{value}`: {why}");
    }
    text
}
