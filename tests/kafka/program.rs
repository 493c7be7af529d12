//! The `milena` program against 4.3.1, by SCRAM-SHA-512 over TLS.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use kafka_lab::users::USERS;
use kafka_lab::{Lab, Listener, guard};
use serde_json::{Value, json};

use crate::client::PATIENCE;
use crate::harness::{self, V4_3};

/// The path of the program, which is built first.
pub(crate) fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let output = Command::new(env!("CARGO"))
            .args(["build", "--package", "milena-cli", "--message-format", "json"])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "the program cannot be built");
        let lines = String::from_utf8(output.stdout).unwrap();
        let paths = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let path =
            paths.filter_map(|artifact| Some(artifact["executable"].as_str()?.into())).next_back();
        path.expect("cargo names the executable")
    };
    PROGRAM.get_or_init(build).clone()
}

/// A cluster, and the file that lets `alice` in.
struct Cluster {
    lab: Arc<Lab>,
    properties: String,
}

impl Cluster {
    fn new() -> Self {
        let lab = harness::lab(V4_3, 1);
        let [_, alice, _] = USERS;
        let file = lab.folder().join(harness::unique("program.properties"));
        let text = harness::properties_text(&harness::scram_properties(&lab, alice));
        std::fs::write(&file, text).unwrap();
        Self { lab, properties: file.display().to_string() }
    }

    /// Runs the program: `before`, the way to the cluster, `after`.
    fn run(&self, before: &str, servers: &str, after: &str, input: &str) -> Outcome {
        let address = self.lab.bootstrap(Listener::SaslSsl);
        let mut command = Command::new(program());
        command
            .args(before.split(' '))
            .args([servers, &address, "-F", &self.properties])
            .args(after.split_whitespace());
        let mut child = guard::spawn(
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()),
        )
        .unwrap();
        // A program that has ended takes no input; its outcome tells why.
        let _broken_pipe = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let outcome = Outcome {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        println!("{before} {after}: {:?}\n{}", outcome.code, outcome.stderr);
        outcome
    }

    /// As [`run`](Self::run) for what has to succeed; gives its lines.
    fn lines(&self, before: &str, after: &str, input: &str) -> Vec<String> {
        let outcome = self.run(before, "-b", after, input);
        assert_eq!(outcome.code, Some(0), "milena {before} {after}: {}", outcome.stderr);
        outcome.stdout.lines().map(str::to_owned).collect()
    }

    fn json(&self, before: &str, after: &str, input: &str) -> Vec<Value> {
        let lines = self.lines(before, after, input);
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn topics_are_created_described_listed_and_deleted() {
    let cluster = Cluster::new();
    let topic = harness::unique("program-topics");
    let options =
        format!("-t {topic} --partitions 3 --replication-factor 1 --config retention.ms=1");
    cluster.lines("topics create", &options, "");
    // A broker learns of a new topic a moment after the controller has made it.
    let deadline = Instant::now() + PATIENCE;
    while !cluster.lines("topics list", "", "").contains(&topic) {
        assert!(Instant::now() < deadline, "{topic} is not listed");
    }
    let described = cluster.lines("topics describe", &format!("-t {topic}"), "");
    assert!(described[0].starts_with(&topic) && described[0].ends_with("partitions=3"));
    assert_eq!(described.len(), 4);
    assert!(described.iter().skip(1).all(|line| line.contains("leader=1")), "{described:?}");
    cluster.lines("topics delete", &format!("-t {topic}"), "");
    while cluster.lines("topics list", "", "").contains(&topic) {
        assert!(Instant::now() < deadline, "{topic} is still listed");
    }
    let gone = cluster.run("topics describe", "-b", &format!("-t {topic}"), "");
    assert_eq!(gone.code, Some(1));
    assert!(gone.stderr.contains("UNKNOWN_TOPIC_OR_PARTITION"), "{}", gone.stderr);
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn what_it_produces_it_consumes() {
    let cluster = Cluster::new();
    let topic = harness::unique("program");
    cluster.lines(
        "topics create",
        &format!("-t {topic} --partitions 2 --replication-factor 1"),
        "",
    );
    let input: String = (0..100).map(|n| format!("key-{n}|value {n}\n")).collect();
    let options = format!("-t {topic} -K | -H h=1 -H h=2 -z zstd --json");
    let sent = cluster.json("produce", &options, &input);
    assert_eq!(sent.len(), 100);
    assert!(sent.iter().all(|line| line["topic"] == topic.as_str() && line["offset"].is_i64()));

    let got = cluster.json("consume", &format!("-t {topic} -o beginning -e --json"), "");
    assert_eq!(got.len(), 100);
    assert!(got.iter().all(|line| line["headers"] == json!([["h", "1"], ["h", "2"]])));
    let pairs: BTreeMap<&str, &str> = got
        .iter()
        .map(|line| (line["key"].as_str().unwrap(), line["value"].as_str().unwrap()))
        .collect();
    assert_eq!(pairs["key-42"], "value 42");
    assert_eq!(pairs.len(), 100);

    // A group goes on where it stopped.
    let group = format!("-t {topic} -g {topic} -o beginning --json");
    let first = cluster.json("consume", &format!("{group} -c 40"), "");
    let second = cluster.json("consume", &format!("{group} -c 60"), "");
    let place =
        |line: &Value| (line["partition"].as_i64().unwrap(), line["offset"].as_i64().unwrap());
    let places: BTreeSet<(i64, i64)> = first.iter().chain(&second).map(place).collect();
    assert_eq!((first.len(), second.len(), places.len()), (40, 60, 100));
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn verifiable_clients_print_the_events_of_kafkas() {
    let cluster = Cluster::new();
    let topic = harness::unique("program-verifiable");
    let run = |what: &str, options: &str| {
        let options = format!("--topic {topic} --max-messages 200 {options}");
        // The verifiable clients take Kafka's own flags, not -b and -F.
        let mut command = Command::new(program());
        let address = cluster.lab.bootstrap(Listener::SaslSsl);
        command.args([what, "--bootstrap-server", &address]);
        command.args(["--command-config", &cluster.properties]).args(options.split_whitespace());
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let produced = run("verifiable-producer", "--acks -1");
    let count = |events: &[Value], name: &str| events.iter().filter(|e| e["name"] == name).count();
    assert_eq!(produced[0]["name"], "startup_complete");
    assert_eq!(count(&produced, "producer_send_success"), 200);
    let summary = produced.iter().find(|event| event["name"] == "tool_data").unwrap();
    assert_eq!((&summary["sent"], &summary["acked"]), (&json!(200), &json!(200)));
    let last: Vec<&Value> = produced.iter().rev().take(2).map(|event| &event["name"]).collect();
    assert_eq!(last, ["tool_data", "shutdown_complete"]);

    let consumed = run("verifiable-consumer", &format!("--group-id {topic}"));
    assert_eq!(consumed[0]["name"], "startup_complete");
    assert!(count(&consumed, "partitions_assigned") >= 1);
    let records = consumed.iter().filter(|event| event["name"] == "records_consumed");
    assert_eq!(records.map(|event| event["count"].as_i64().unwrap()).sum::<i64>(), 200);
    assert!(count(&consumed, "offsets_committed") >= 1);
    assert_eq!(consumed.last().unwrap()["name"], "shutdown_complete");
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn wrong_credentials_end_it_with_one_and_the_cause() {
    let cluster = Cluster::new();
    let jaas = "org.apache.kafka.common.security.scram.ScramLoginModule required \
                username=\"alice\" password=\"wrong\";";
    for (what, options) in
        [("topics", "list"), ("produce", "-t refused"), ("consume", "-t refused -e")]
    {
        let mut command = Command::new(program());
        let address = cluster.lab.bootstrap(Listener::SaslSsl);
        command.arg(what).args(options.split(' ').filter(|option| *option == "list"));
        command.args(["-b", &address, "-F", &cluster.properties]);
        command.args(["-X", &format!("sasl.jaas.config={jaas}")]);
        command.args(options.split(' ').filter(|option| *option != "list"));
        let mut child = guard::spawn(
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()),
        )
        .unwrap();
        let _broken_pipe = child.stdin.take().unwrap().write_all(b"x\n");
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{what}: {stderr}");
        assert!(stderr.contains("refused the SCRAM-SHA-512 credentials"), "{what}: {stderr}");
    }
}
