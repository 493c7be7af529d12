//! The `milena` program on 4.3.1, interrupted: accepted records are there, offsets are committed and
//! the group is left.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use kafka_lab::{Listener, guard};
use milena::admin::{NewTopic, OffsetSpec};
use milena::config::{AdminConfig, ConsumerConfig};
use milena::{Admin, Consumer, TopicPartition};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::client::PATIENCE;
use crate::harness::{self, V4_3};
use crate::program::program;

const PARTITIONS: i32 = 3;

/// A member that dies without a word keeps its partitions for ten minutes, longer than any wait here.
const FAITHFUL: [&str; 4] =
    ["-X", "session.timeout.ms=600000", "-X", "max.poll.interval.ms=600000"];

/// The program while it runs.
struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<Value>,
}

impl Running {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(folder);
        let mut child = guard::spawn(
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()),
        )
        .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits until so many lines have this field.
    fn wait_for(&mut self, field: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.seen.iter().filter(|line| line.get(field).is_some()).count() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("only {} lines", self.seen.len()));
            self.seen.push(serde_json::from_str(&line).unwrap());
        }
    }

    /// Sends the signal; gives the exit code, all lines and standard error. Standard input stays open.
    fn end_by(mut self, signal: Signal) -> (Option<i32>, Vec<Value>, String) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(serde_json::from_str(&line).unwrap());
        }
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), self.seen, stderr)
    }
}

/// A topic, and clients of the library that look at it.
struct Observer {
    servers: String,
    topic: String,
    runtime: tokio::runtime::Runtime,
}

impl Observer {
    fn new() -> Self {
        let lab = harness::lab(V4_3, 1);
        let servers = lab.bootstrap(Listener::Plaintext);
        let topic = harness::unique("interrupted");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let this = Self { servers, topic, runtime };
        this.runtime.block_on(async {
            let topic = NewTopic::new(&this.topic, PARTITIONS, 1);
            this.admin().create_topics([topic]).await.one().unwrap();
        });
        this
    }

    fn admin(&self) -> Admin {
        Admin::new(AdminConfig::builder(&self.servers).build().unwrap()).unwrap()
    }

    fn partitions(&self) -> Vec<TopicPartition> {
        (0..PARTITIONS).map(|number| TopicPartition::new(self.topic.as_str(), number)).collect()
    }

    /// How many records each partition has.
    fn ends(&self) -> BTreeMap<i32, i64> {
        let specs = self.partitions().into_iter().map(|partition| (partition, OffsetSpec::Latest));
        let listed = self.runtime.block_on(self.admin().list_offsets(specs)).all().unwrap();
        listed
            .into_iter()
            .map(|(partition, end)| (partition.partition, end.map_or(0, |end| end.offset)))
            .collect()
    }

    /// What the group has committed, and that nobody is in it: a new member has every partition long
    /// before a silent one's time is over.
    fn committed_by_an_empty_group(&self, group: &str) -> BTreeMap<i32, i64> {
        let config = ConsumerConfig::builder(&self.servers)
            .group_id(group)
            .property("auto.offset.reset", "latest")
            .property("enable.auto.commit", "false")
            .build()
            .unwrap();
        self.runtime.block_on(async {
            let consumer = Consumer::new(config).unwrap();
            let committed = consumer.committed(&self.partitions()).await.unwrap();
            consumer.subscribe([self.topic.as_str()]).unwrap();
            let deadline = Instant::now() + PATIENCE;
            while consumer.assignment().len() < PARTITIONS.unsigned_abs() as usize {
                assert!(Instant::now() < deadline, "somebody is in group {group} still");
                consumer.poll(std::time::Duration::from_millis(100)).await.unwrap();
            }
            consumer.close(PATIENCE).await.unwrap();
            let offsets = committed.into_iter();
            offsets.filter_map(|(at, offset)| Some((at.partition, offset?.offset))).collect()
        })
    }
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn an_interrupted_run_has_sent_committed_and_left() {
    let observer = Observer::new();
    let folder = tempfile::tempdir().unwrap();
    let flow = format!(
        r#"
            name = "interrupted"
            brokers = "{}"
            [[steps]]
            connector = "elasticio"
            action = "produce"
            input = "-"
            config = {{ topic = "{topic}" }}
            [[steps]]
            connector = "elasticio"
            trigger = "consume"
            config = {{ topic = "{topic}", groupId = "{topic}" }}
        "#,
        observer.servers,
        topic = observer.topic,
    );
    std::fs::write(folder.path().join("flow.toml"), flow).unwrap();
    let arguments = [&["run", "flow.toml"], &FAITHFUL[..]].concat();
    let mut running = Running::start(folder.path(), &arguments);
    // Lines come until the program reads no more, as from a log that grows.
    let mut input = running.child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let mut number = 0;
        while writeln!(input, r#"{{"messages":[{{"key":"{number}","value":"{number}"}}]}}"#).is_ok()
        {
            number += 1;
        }
    });
    running.wait_for("baseOffset", 100);
    running.wait_for("value", 100);
    let (code, lines, stderr) = running.end_by(Signal::INT);
    writer.join().unwrap();
    assert_eq!(code, Some(130), "{stderr}");

    // Each answer's records are in the log, and no record is there without an answer.
    let ends = observer.ends();
    let mut answered: BTreeMap<i32, BTreeSet<i64>> = BTreeMap::new();
    let number = |value: &Value| value.as_str().unwrap().parse::<i64>().unwrap();
    let answers = lines.iter().filter(|line| line.get("baseOffset").is_some());
    for line in answers {
        assert_eq!(line["errorCode"], "0", "{line}");
        let partition = i32::try_from(number(&line["partition"])).unwrap();
        assert!(answered.entry(partition).or_default().insert(number(&line["baseOffset"])));
    }
    for (partition, end) in &ends {
        let offsets = answered.remove(partition).unwrap_or_default();
        assert_eq!(offsets, (0..*end).collect(), "partition {partition}");
    }

    // The group goes on behind the last record whose line was written, in each partition.
    let mut printed: BTreeMap<i32, i64> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.get("value").is_some()) {
        let partition = i32::try_from(number(&line["partition"])).unwrap();
        let next = printed.entry(partition).or_default();
        assert_eq!(line["offset"].as_i64(), Some(*next), "partition {partition}");
        *next += 1;
    }
    let committed = observer.committed_by_an_empty_group(&observer.topic);
    for (partition, next) in printed {
        assert_eq!(committed.get(&partition), Some(&next), "partition {partition}: {committed:?}");
    }
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn an_interrupted_consumer_has_committed_what_it_printed_and_left() {
    let observer = Observer::new();
    let folder = tempfile::tempdir().unwrap();
    for (signal, code, message) in
        [(Signal::INT, 130, "milena: interrupted"), (Signal::TERM, 143, "milena: terminated")]
    {
        let before: i64 = observer.ends().values().sum();
        let (topic, servers) = (observer.topic.as_str(), observer.servers.as_str());
        let mut producer =
            Running::start(folder.path(), &["produce", "-b", servers, "-t", topic, "--json"]);
        let input = producer.child.stdin.as_mut().unwrap();
        (0..300).for_each(|number| writeln!(input, "{number}").unwrap());
        producer.wait_for("offset", 300);
        let (produced, _, stderr) = producer.end_by(signal);
        assert_eq!((produced, stderr.lines().last()), (Some(code), Some(message)));
        let mut ends = observer.ends();
        assert_eq!(ends.values().sum::<i64>(), before + 300);
        // Nothing was printed of a partition without records, so nothing is committed.
        ends.retain(|_, end| *end > 0);

        let options = ["consume", "-b", servers, "-t", topic, "-g", topic];
        let arguments = [&options[..], &["-o", "beginning", "--json"], &FAITHFUL].concat();
        let mut consumer = Running::start(folder.path(), &arguments);
        consumer.wait_for("offset", 300);
        let (consumed, lines, stderr) = consumer.end_by(signal);
        assert_eq!((consumed, stderr.lines().last()), (Some(code), Some(message)));
        assert_eq!(lines.len(), 300, "the group went on where it stopped");
        assert_eq!(observer.committed_by_an_empty_group(topic), ends);
    }
}
