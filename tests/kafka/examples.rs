//! The examples of the connectors against real Kafka: they say what they say with the embedded broker.

use std::path::Path;
use std::process::{Command, Stdio};

use kafka_lab::{KafkaVersion, Listener, guard, users::USERS};
use serde_json::Value;

use crate::harness::{self, V2_0, V4_3};
use crate::program::program;

/// The flows in their order: what one of them leaves in a topic the next one does not read.
const EXAMPLES: [&str; 6] = [
    "quickstart",
    "camunda-outbound",
    "camunda-inbound",
    "camunda-legacy",
    "ballerina",
    "thingsboard",
];

/// Runs an example to its end; gives its lines.
fn run(name: &str, options: &[&str]) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(program());
    command.current_dir(root).args(["run", &format!("examples/{name}.toml")]).args(options);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = guard::spawn(child).unwrap().wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{name} {options:?}: {stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What is the same in every run: without times, without the order between partitions, and without the
/// places of records that have no key and several partitions, or come behind others.
fn lasting(name: &str, lines: Vec<Value>) -> Vec<String> {
    let places: &[&str] = match name {
        "quickstart" => &["partition", "offset"],
        // Its topic has the messages of another example already.
        "camunda-legacy" => &["offset"],
        _ => &[],
    };
    let mut lasting = Vec::new();
    for mut line in lines {
        // How many rows a body has depends on where its records went.
        if name == "quickstart" && line.get("baseOffset").is_some() {
            assert_eq!(line["errorCode"], "0", "{line}");
            continue;
        }
        remove(&mut line, &["timestamp", "messageAcknowledgedAt"]);
        remove(&mut line, places);
        lasting.push(line.to_string());
    }
    lasting.sort();
    lasting
}

fn remove(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !names.contains(&name.as_str()));
            fields.values_mut().for_each(|value| remove(value, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, names)),
        _ => {}
    }
}

fn are_the_same(version: KafkaVersion, listener: Listener) {
    let lab = harness::lab(version, 1);
    let address = lab.bootstrap(listener);
    let [_, alice, _] = USERS;
    let file = lab.folder().join(harness::unique("examples.properties"));
    let properties = match listener {
        Listener::SaslSsl => harness::properties_text(&harness::scram_properties(&lab, alice)),
        _ => String::new(),
    };
    std::fs::write(&file, properties).unwrap();
    let file = file.display().to_string();
    for name in EXAMPLES {
        let embedded = lasting(name, run(name, &["--brokers", "embedded"]));
        let cluster = lasting(name, run(name, &["--brokers", &address, "-F", &file]));
        assert!(embedded.len() > 1, "{name} says nothing: {embedded:?}");
        let differing = embedded.iter().zip(&cluster).find(|(left, right)| left != right);
        assert_eq!(differing, None, "{name}, {version}");
        assert_eq!(embedded.len(), cluster.len(), "{name}, {version}");
    }
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn every_connectors_example_says_the_same_with_2_0() {
    are_the_same(V2_0, Listener::Plaintext);
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn every_connectors_example_says_the_same_with_4_3_by_scram_over_tls() {
    are_the_same(V4_3, Listener::SaslSsl);
}
