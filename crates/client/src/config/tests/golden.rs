//! The readers of `.properties` and of `sasl.jaas.config` against what Java reads in the same texts, which
//! `spec/java/ConfigGolden.java` pins.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::super::{JaasConfig, Properties};

fn cases(text: &str) -> Vec<Json> {
    serde_json::from_str(text).unwrap()
}

fn texts(json: &Json) -> BTreeMap<String, String> {
    let text = |(key, value): (&String, &Json)| (key.clone(), value.as_str().unwrap().to_owned());
    json.as_object().unwrap().iter().map(text).collect()
}

#[test]
fn properties_are_read_as_java_reads_them() {
    let cases = cases(include_str!("../../../../../spec/config/properties.json"));
    assert!(cases.len() >= 600, "only {} cases", cases.len());
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let read = Properties::parse(text.as_bytes()).unwrap();
        let read: BTreeMap<String, String> =
            read.entries().iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        assert_eq!(read, texts(&case["read"]), "{text:?}");
    }
}

#[test]
fn jaas_lines_are_read_as_kafka_reads_them() {
    let cases = cases(include_str!("../../../../../spec/config/jaas.json"));
    let mut accepted = 0;
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let read = JaasConfig::parse(text);
        if case["read"].is_null() {
            assert!(read.is_err(), "{text:?}: {read:?}");
            continue;
        }
        let read = match read {
            // Java ends an open quote with its line, and so takes a part for the whole password.
            Err(error) if error.message.contains("the quote is not closed in its line") => continue,
            read => read.unwrap_or_else(|error| panic!("{text:?}: {error}")),
        };
        accepted += 1;
        assert_eq!(read.login_module, case["read"]["module"].as_str().unwrap(), "{text:?}");
        let options: BTreeMap<String, String> = read
            .options
            .iter()
            .map(|(name, value)| (name.clone(), value.reveal().to_owned()))
            .collect();
        assert_eq!(options, texts(&case["read"]["options"]), "{text:?}");
    }
    assert!(accepted > 400, "only {accepted} lines were accepted");
}
