//! The table against Kafka's own facts, which `spec/java/ConfigSpec.java` pins.

use serde_json::Value as Json;

use super::super::property::{ClientKind, Kind, Property, Width};
use super::super::{table, value};

fn facts(client: ClientKind) -> Vec<Json> {
    let text = match client {
        ClientKind::Producer => include_str!("../../../../../spec/config/producer.json"),
        ClientKind::Consumer => include_str!("../../../../../spec/config/consumer.json"),
        ClientKind::Admin => include_str!("../../../../../spec/config/admin.json"),
    };
    let file: Json = serde_json::from_str(text).unwrap();
    file["properties"].as_array().unwrap().clone()
}

/// Kafka's default as the text that a properties file would have.
fn default_text(fact: &Json) -> Option<String> {
    match &fact["default"] {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        Json::Array(items) => {
            Some(items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(","))
        }
        other => Some(other.to_string()),
    }
}

/// What Kafka's own check accepts, in its words, for this kind.
fn kafka_range(kind: &Kind, any_case_sorted: &[&str]) -> Vec<String> {
    match kind {
        Kind::Integer { width, min, max, or } => {
            let (_, highest) = width.limits();
            let open = if *max == highest { String::new() } else { max.to_string() };
            let range =
                format!("[{min},...{}]", if open.is_empty() { open } else { format!(",{open}") });
            let range = or.map_or_else(|| range.clone(), |other| format!("{range} or {other}"));
            vec![range, format!("[{min},...,{max}]")]
        }
        Kind::Double { min, max } => vec![format!("[{min:?},...,{max:?}]")],
        Kind::NonEmptyText => vec!["non-empty string".to_owned()],
        Kind::Choice { .. } => vec![any_case_sorted.join(", ")],
        _ => Vec::new(),
    }
}

/// The choices in Kafka's words, sorted, as Java keeps some of them in hash order.
fn sorted_choices(valid: &str) -> Option<(String, bool)> {
    let (inner, any_case) = match valid.strip_prefix("(case insensitive) ") {
        Some(inner) => (inner, true),
        None => (valid, false),
    };
    let inner = inner.strip_prefix('[')?.strip_suffix(']')?;
    let mut choices: Vec<&str> = inner.split(", ").collect();
    choices.sort_unstable();
    Some((choices.join(", "), any_case))
}

#[test]
fn every_property_of_kafka_is_in_the_table_and_no_other() {
    for client in ClientKind::ALL {
        let names: Vec<String> =
            facts(client).iter().map(|fact| fact["name"].as_str().unwrap().to_owned()).collect();
        for name in &names {
            assert!(table::find(name, client).is_some(), "{client}: {name} is missing");
        }
        let rows: Vec<&Property> =
            table::properties().filter(|property| property.clients.contains(client)).collect();
        for row in &rows {
            assert!(
                names.iter().any(|name| name == row.name),
                "{client}: {} is not Kafka's",
                row.name
            );
        }
        assert_eq!(rows.len(), names.len(), "{client}: a property is there twice");
    }
}

#[test]
fn types_and_defaults_are_kafkas() {
    for client in ClientKind::ALL {
        for fact in facts(client) {
            let name = fact["name"].as_str().unwrap();
            let row = table::find(name, client).unwrap();
            assert_eq!(row.kind.kafka_type(), fact["type"].as_str().unwrap(), "{client}: {name}");
            let ours = row.kafka_default.map(str::to_owned);
            assert_eq!(ours, default_text(&fact), "{client}: {name}");
            assert_eq!(row.internal, fact["internal"].as_bool().unwrap(), "{client}: {name}");
        }
    }
}

#[test]
fn ranges_are_kafkas_where_kafka_checks() {
    let mut checked = 0;
    for client in ClientKind::ALL {
        for fact in facts(client) {
            let (name, valid) = (fact["name"].as_str().unwrap(), fact["valid"].as_str());
            let row = table::find(name, client).unwrap();
            // Some of Kafka's validators have no words; by_duration is read by a parser of its own.
            let Some(valid) = valid.filter(|text| !text.is_empty() && name != "auto.offset.reset")
            else {
                continue;
            };
            checked += 1;
            if let Kind::Choice { values, any_case } = row.kind {
                let mut values = values.to_vec();
                values.sort_unstable();
                let (choices, kafka_any_case) = sorted_choices(valid).unwrap();
                assert_eq!(values.join(", "), choices, "{client}: {name}");
                // Kafka lists two of its choices in lower case and compares without it.
                if name != "share.acquire.mode" {
                    assert_eq!(any_case, kafka_any_case, "{client}: {name}");
                }
            } else {
                let ours = kafka_range(&row.kind, &[]);
                assert!(
                    ours.iter().any(|range| range == valid),
                    "{client}: {name}: {valid} {ours:?}"
                );
            }
        }
    }
    assert!(checked > 60, "only {checked} ranges were compared");
}

#[test]
fn every_difference_has_a_reason_and_every_reason_a_difference() {
    for property in table::properties() {
        let differs = property.default != property.kafka_default;
        assert_eq!(differs, !property.difference.is_empty(), "{}", property.name);
    }
}

#[test]
fn every_default_is_valid() {
    for property in table::properties() {
        for text in [property.default, property.kafka_default].into_iter().flatten() {
            assert!(value::parse(property, text).is_ok(), "{}={text}", property.name);
        }
        for harmless in property.harmless_values {
            assert!(value::parse(property, harmless).is_ok(), "{}={harmless}", property.name);
        }
    }
}

#[test]
fn documentation_is_sentences() {
    for property in table::properties() {
        assert!(property.doc.ends_with('.'), "{}", property.name);
        assert!(!property.doc.contains("  "), "{}", property.name);
        assert!(!property.since.is_empty(), "{}", property.name);
    }
}

#[test]
fn widths_have_javas_limits() {
    assert_eq!(Width::Short.limits(), (i64::from(i16::MIN), i64::from(i16::MAX)));
    assert_eq!(Width::Int.limits(), (i64::from(i32::MIN), i64::from(i32::MAX)));
    assert_eq!(Width::Long.limits(), (i64::MIN, i64::MAX));
}
