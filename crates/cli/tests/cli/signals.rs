//! Ctrl-C and SIGTERM: what was accepted is there, what was printed is committed, groups are left.

use std::{
    io::Read as _,
    net::TcpListener,
    time::{Duration, Instant},
};

use milena_broker::{Broker, Fault};
use milena_wire::ApiKey;
use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Cluster, Ended, PATIENCE, Program, root};

/// How each signal ends a command.
const ENDS: [(Signal, i32, &str); 2] =
    [(Signal::INT, 130, "milena: interrupted"), (Signal::TERM, 143, "milena: terminated")];

/// A member that dies without a word keeps its partitions for ten minutes.
const FAITHFUL: &str = "-X session.timeout.ms=600000 -X max.poll.interval.ms=600000";

fn values(ended: &Ended) -> Vec<String> {
    ended.json().iter().map(|line| line["value"].as_str().unwrap().to_owned()).collect()
}

fn assert_ended(ended: &Ended, code: i32, message: &str) {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    assert_eq!(ended.last_error(), message, "{}", ended.stderr);
}

#[test]
fn produce_sends_what_it_has_accepted() {
    for (signal, code, message) in ENDS {
        let cluster = Cluster::start(Broker::builder().topic("cars", 1));
        // No batch has room for two lines, and one that is not full waits for a minute: when the
        // fourth is written, the fifth has been accepted and lies there.
        let lines: Vec<String> = (0..5).map(|n| n.to_string().repeat(100)).collect();
        let options = "-t cars --json -X batch.size=200 -X linger.ms=60000";
        let mut program = cluster.client("produce", options);
        program.write(&(lines.join("\n") + "\n"));
        program.wait_for_lines("\"offset\"", 4);
        let started = Instant::now();
        program.signal(signal);
        let ended = program.wait();
        assert!(started.elapsed() < Duration::from_secs(30), "it waited for linger.ms");
        assert_ended(&ended, code, message);
        assert_eq!(ended.json().len(), 5, "{}", ended.stdout);
        assert_eq!(values(&cluster.run("consume", "-t cars -e --json", "")), lines);
        cluster.stop();
    }
}

#[test]
fn consume_commits_what_it_has_printed_and_leaves_the_group() {
    for (signal, code, message) in ENDS {
        let cluster = Cluster::start(Broker::builder().topic("cars", 2));
        cluster.run("produce", "-t cars", "one\ntwo\nthree\n");
        let options = format!("-t cars -g crm -o beginning --json {FAITHFUL}");
        let mut program = cluster.client("consume", &options);
        program.wait_for_lines("\"value\"", 3);
        program.signal(signal);
        let ended = program.wait();
        assert_ended(&ended, code, message);
        assert_eq!(ended.json().len(), 3);
        // A member that had not left would keep this one from joining.
        let next = cluster.run("consume", &format!("{options} -e"), "");
        assert_eq!((next.code, next.stdout.as_str()), (Some(0), ""), "{}", next.stderr);
        cluster.stop();
    }
}

#[test]
fn run_flushes_commits_and_leaves_on_sigterm_too() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 2));
    let folder = tempfile::tempdir().unwrap();
    let flow = r#"
        name = "cars"
        brokers = "embedded"
        [[steps]]
        connector = "elasticio"
        action = "produce"
        input = "-"
        config = { topic = "cars" }
        [[steps]]
        connector = "elasticio"
        trigger = "consume"
        config = { topic = "cars", groupId = "crm" }
    "#;
    std::fs::write(folder.path().join("flow.toml"), flow).unwrap();
    let address = cluster.address();
    let mut program = Program::start(folder.path(), &["run", "flow.toml", "--brokers", &address]);
    program.write("{\"messages\":[{\"value\":\"one\"},{\"value\":\"two\"}]}\n");
    program.wait_for_lines("\"value\"", 2);
    program.signal(Signal::TERM);
    assert_ended(&program.wait(), 143, "milena: terminated");
    let next = cluster.run("consume", "-t cars -g crm -o beginning -e", "");
    assert_eq!((next.code, next.stdout.as_str()), (Some(0), ""), "{}", next.stderr);
    cluster.stop();
}

/// The events of a verifiable client that have this name.
fn events<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["name"] == name).collect()
}

#[test]
fn the_verifiable_producer_accounts_for_every_message() {
    for (signal, code, message) in ENDS {
        let cluster = Cluster::start(Broker::builder().topic("numbers", 3));
        let address = cluster.address();
        let arguments = ["--bootstrap-server", &address, "--topic", "numbers"];
        let arguments = [&["verifiable-producer", "--throughput", "500"], &arguments[..]].concat();
        let mut program = Program::start(&root(), &arguments);
        program.wait_for_lines("producer_send_success", 5);
        program.signal(signal);
        let ended = program.wait();
        assert_ended(&ended, code, message);
        let all = ended.json();
        let acked = events(&all, "producer_send_success").len();
        let summary = all.last().unwrap();
        assert_eq!(summary["name"], "tool_data");
        assert_eq!((&summary["sent"], &summary["acked"]), (&acked.into(), &acked.into()));
        assert_eq!(events(&all, "shutdown_complete").len(), 1);
        let read = cluster.run("consume", "-t numbers -e --json", "");
        assert_eq!(read.json().len(), acked);
        cluster.stop();
    }
}

#[test]
fn the_verifiable_consumer_commits_and_gives_its_partitions_back() {
    for (signal, code, message) in ENDS {
        let cluster = Cluster::start(Broker::builder().topic("numbers", 2));
        cluster.run("produce", "-t numbers", "1\n2\n3\n");
        let address = cluster.address();
        let arguments = ["--bootstrap-server", &address, "--topic", "numbers", "--group-id", "crm"];
        let start = ["verifiable-consumer", "--session-timeout", "600000"];
        let mut program = Program::start(&root(), &[&start, &arguments[..]].concat());
        let mut committed = 0;
        while committed < 3 {
            program.wait_for_lines("offsets_committed", committed + 1);
            committed += 1;
            if program.sum("records_consumed", "count") == 3 {
                break;
            }
        }
        program.signal(signal);
        let ended = program.wait();
        assert_ended(&ended, code, message);
        let all = ended.json();
        assert_eq!(events(&all, "partitions_revoked").len(), 1);
        assert_eq!(all.last().unwrap()["name"], "shutdown_complete");
        let next = cluster.run("consume", "-t numbers -g crm -e", "");
        assert_eq!((next.code, next.stdout.as_str()), (Some(0), ""), "{}", next.stderr);
        cluster.stop();
    }
}

#[test]
fn the_broker_keeps_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    for (number, (signal, code, message)) in ENDS.into_iter().enumerate() {
        let arguments = ["broker", "--listen", "127.0.0.1:0", "--data-dir", data];
        let mut broker = Program::start(&root(), &arguments);
        let address = broker.first_line();
        let client = |what: &str, input: &str| {
            let arguments = [what, "-b", &address, "-t", "cars"];
            let end: &[&str] = if what == "consume" { &["-e"] } else { &[] };
            Program::start(&root(), &[&arguments, end].concat()).end_with(input)
        };
        assert_eq!(client("produce", &format!("{number}\n")).code, Some(0));
        let read = client("consume", "");
        let expected: String = (0..=number).map(|number| format!("{number}\n")).collect();
        assert_eq!(read.stdout, expected, "{}", read.stderr);
        broker.signal(signal);
        assert_ended(&broker.wait(), code, message);
    }
}

#[test]
fn the_first_rebalance_waits_as_long_as_the_broker_is_told() {
    let delay = Duration::from_secs(1);
    let options = "broker --listen 127.0.0.1:0 --group-initial-rebalance-delay 1000 --topic cars";
    let mut broker = Program::start(&root(), &options.split(' ').collect::<Vec<_>>());
    let address = broker.first_line();
    let client = |options: &str, input: &str| {
        let arguments: Vec<&str> = options.split(' ').chain(["-b", &address]).collect();
        Program::start(&root(), &arguments).end_with(input)
    };
    assert_eq!(client("produce -t cars", "one\n").code, Some(0));
    let started = Instant::now();
    let read = client("consume -t cars -g crm -o beginning -e", "");
    assert_eq!(read.stdout, "one\n", "{}", read.stderr);
    assert!(started.elapsed() >= delay, "it took {:?}", started.elapsed());
    broker.signal(Signal::INT);
    broker.wait();
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 1));
    let late = Fault::on(ApiKey::PRODUCE).delay(Duration::from_secs(600)).always();
    cluster.broker.faults().inject(late);
    let mut program = cluster.client("produce", "-t cars -X linger.ms=0");
    program.write("one\n");
    let deadline = Instant::now() + PATIENCE;
    while !cluster.broker.faults().requests().iter().any(|seen| seen.api_key == ApiKey::PRODUCE) {
        assert!(Instant::now() < deadline, "nothing was sent");
        std::thread::yield_now();
    }
    program.signal(Signal::INT);
    // It waits for the answer, and says what helps.
    program.wait_for_error("a second Ctrl-C ends the program at once");
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code, Some(143));
}

#[test]
fn a_cluster_that_does_not_answer_keeps_nobody() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    for arguments in [
        &["consume", "-b", &address, "-t", "cars"][..],
        &["consume", "-b", &address, "-t", "cars", "-g", "crm"],
        &["produce", "-b", &address, "-t", "cars"],
        &["perf", "produce", "-b", &address, "-t", "cars"],
        &["verifiable-producer", "--bootstrap-server", &address, "--topic", "cars"],
    ] {
        let mut program = Program::start(&root(), arguments);
        program.write("one\n");
        let (mut connection, _) = silent.accept().unwrap();
        // It has asked something, so it waits.
        connection.read_exact(&mut [0; 4]).unwrap();
        let started = Instant::now();
        program.signal(Signal::INT);
        let ended = program.wait();
        assert_eq!(ended.code, Some(130), "{arguments:?}: {}", ended.stderr);
        assert!(started.elapsed() < Duration::from_secs(30), "{arguments:?}");
    }
}
