//! What the program says when something is wrong: what, where, what was expected, what to do.

use std::{fs, time::Instant};

use milena_broker::Broker;
use serde_json::{Value, json};

use crate::program::{Cluster, Ended, PATIENCE, Program, root, run};

/// One line on standard error behind the warnings, no panic, and this exit code.
fn assert_refused(ended: &Ended, code: i32, message: &str) {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    assert!(ended.stderr.contains(message), "{message:?} is not in {:?}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    if !ended.stderr.contains("try '--help'") {
        assert!(ended.last_error().starts_with("milena: "), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
}

#[test]
fn wrong_arguments_are_named_and_end_with_2() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 3));
    for (what, after, message) in [
        ("produce", "-t cars -X linger.ms", "-X linger.ms: it must be NAME=VALUE"),
        ("produce", "-t cars -X =hush", "-X : it must be NAME=VALUE"),
        ("produce", "--topic=", "a value is required for '--topic <TOPIC>'"),
        ("consume", "--topic=", "a value is required for '--topic <TOPIC>'"),
        ("topics create", "--topic=", "a value is required for '--topic <TOPIC>'"),
        ("perf consume", "--topic=", "a value is required for '--topic <TOPIC>'"),
        ("produce", "-t cars -H trace", "-H trace: it must be NAME=VALUE"),
        ("produce", "-t cars -p -1", "'-1' for '-p <N>': -1 is not in 0.."),
        ("produce", "-t cars -k a -K :", "cannot be used with"),
        ("consume", "-t cars -p -1", "'-1' for '-p <N>': -1 is not in 0.."),
        ("consume", "-t cars -o 5x", "-o 5x: it must be beginning, end, stored, an offset N or -N"),
        ("consume", "-t cars -o stored", "name it with -g or -X group.id"),
        ("consume", "-t cars -p 0 -g crm", "cannot be used with"),
        ("topics create", "-t x --config foo", "--config foo: it must be NAME=VALUE"),
        ("topics create", "-t x --partitions 0", "0 is not in 1.."),
        ("topics create", "-t x --partitions -3", "'-3' for '--partitions <N>': -3 is not in 1.."),
        ("perf produce", "-t x --size -1", "'-1' for '--size <BYTES>': expected a whole number, 0"),
        ("perf produce", "-t x --linger-ms 5s", "'5s' for '--linger-ms <MS>': expected a whole"),
        ("consume", "-t cars -c ten", "'ten' for '-c <COUNT>': expected a whole number, 0 or more"),
        ("topics delete", "", "--topic <TOPIC>"),
        ("run nothing.toml", "", "unexpected argument '-b'"),
    ] {
        let ended = cluster.run(what, after, "line\n");
        assert_refused(&ended, 2, message);
        assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    }
    cluster.stop();
}

#[test]
fn wrong_properties_are_all_named_with_what_was_expected() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 3));
    for (what, after, message) in [
        (
            "produce",
            "-t cars -X linger.ms=-5 -X acks=9",
            "2 problems: (1) linger.ms: \"-5\": expected a whole number of milliseconds, 0 or more; \
             (2) acks: \"9\": expected one of all, -1, 0, 1",
        ),
        (
            "produce",
            "-t cars -X batch.size=5000000000",
            "\"5000000000\": expected a whole number of bytes, 0 or more, 2147483647 at most",
        ),
        // The slip of the hand may be why something is missing.
        (
            "produce",
            "-t cars -X security.protocol=SASL_SSL -X sasl.mechanisms=PLAIN",
            "SCRAM-SHA-512 or OAUTHBEARER; warning: sasl.mechanisms: ",
        ),
        (
            "produce",
            "-t cars -X transaction.two.phase.commit.enable=true",
            "transaction.two.phase.commit.enable: \"true\": Kafka has this",
        ),
        ("produce", "-t cars -z lzma", "\"lzma\": expected one of none, gzip, snappy, lz4, zstd"),
        ("consume", "-t cars -X security.protocol=FOO", "expected one of PLAINTEXT, SSL"),
        ("consume", "-t cars -F nothing.properties", "nothing.properties: No such file"),
        (
            "topics list",
            "-X security.protocol=SSL -X ssl.truststore.type=PEM -X ssl.truststore.location=no.pem",
            "no.pem cannot be read: No such file",
        ),
    ] {
        assert_refused(&cluster.run(what, after, "line\n"), 2, message);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key.pem"), "-----BEGIN PRIVATE KEY-----\naHVzaA==\n").unwrap();
    let arguments = ["topics", "list", "-b", &cluster.address(), "-F", "key.pem"];
    let ended = run(folder.path(), &arguments, "");
    assert_refused(&ended, 2, "key.pem: this is a PEM file: expected properties");
    assert!(!ended.stderr.contains("aHVzaA"), "{}", ended.stderr);
    // An unknown one may be Java's own business, or a slip of the hand.
    let ended = cluster.run("produce", "-t cars -X lingr.ms=5", "line\n");
    let warning =
        "milena: warning: lingr.ms: Kafka has no such property; did you mean `linger.ms`?\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), warning));

    for (address, message) in [
        ("localhost", "\"localhost\": expected host:port, such as broker1:9092"),
        ("localhost:99999", "expected a port from 1 to 65535"),
        ("", "bootstrap.servers: it is required: expected host:port of one broker or more"),
    ] {
        let ended = run(&root(), &["topics", "list", "-b", address], "");
        assert_refused(&ended, 2, message);
    }
    cluster.stop();
}

#[test]
fn what_is_not_there_is_said_with_what_there_is() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 3).auto_create_topics(false));
    let none = "`milena topics list` shows those that there are";
    for (what, after, message) in [
        ("consume", "-t cars -p 99", "-p 99: topic \"cars\" has 3 partition(s), counted from 0"),
        ("consume", "-t nothing", "topic nothing"),
        ("consume", "-t nothing", none),
        ("consume", "-t nothing -p 0", none),
        ("perf consume", "-t nothing", none),
        ("topics describe", "-t nothing", none),
        ("topics create", "-t cars", "TOPIC_ALREADY_EXISTS"),
        ("topics create", "-t a/b", "INVALID_TOPIC_EXCEPTION: Topic name 'a/b' is illegal"),
        ("topics create", "-t x --replication-factor 3", "Replication factor was 3; 1 to 1"),
        (
            "produce",
            "-t nothing -X max.block.ms=500",
            "standard input: line 1: the broker answered",
        ),
        (
            "produce",
            "-t nothing -X max.block.ms=500",
            "the topic does not exist and was not created (topic nothing)",
        ),
        ("produce", "-t cars -p 99", "-p 99: topic \"cars\" has 3 partition(s), counted from 0"),
        ("produce", "-t nothing -p 0 -X max.block.ms=500", "was not created (topic nothing)"),
        (
            "produce",
            "-t cars -X max.request.size=80",
            "line 1: invalid argument: the record may need",
        ),
    ] {
        assert_refused(&cluster.run(what, after, "line\n"), 1, message);
    }
    // Each of several is named, and the others are seen to.
    let ended = cluster.run("topics delete", "-t cars -t one -t two --json", "");
    assert_refused(&ended, 1, "topic one");
    assert_refused(&ended, 1, "topic two");
    assert_eq!(ended.json(), [json!({ "topic": "cars" })]);
    cluster.stop();
}

#[test]
fn a_line_that_cannot_be_sent_has_a_number_and_the_lines_before_it_are_delivered() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 1));
    let input = format!("one\ntwo\n{}\nfour\n", "x".repeat(5000));
    let ended = cluster.run("produce", "-t cars --json -X max.request.size=1000", &input);
    assert_refused(&ended, 1, "standard input: line 3: invalid argument: the record may need");
    assert_eq!(ended.json().len(), 2);
    assert_eq!(cluster.run("consume", "-t cars -e", "").stdout, "one\ntwo\n");
    cluster.stop();
}

#[test]
fn a_key_needs_its_delimiter_and_no_input_is_no_record() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 1));
    let ended = cluster.run("produce", "-t cars -K :: --json", "k::v\nv::\nnone\n::v\n");
    assert_eq!((ended.code, ended.json().len()), (Some(0), 4), "{}", ended.stderr);
    for options in ["-t cars", "-t cars --json"] {
        let ended = cluster.run("produce", options, "");
        assert_eq!(
            (ended.code, ended.stdout, ended.stderr),
            (Some(0), String::new(), String::new())
        );
    }
    let read = cluster.run("consume", "-t cars -e --json", "");
    let pairs: Vec<_> =
        read.json().iter().map(|r| (r["key"].clone(), r["value"].clone())).collect();
    let pair = |key: Value, value: &str| (key, json!(value));
    assert_eq!(
        pairs,
        [
            pair(json!("k"), "v"),
            pair(json!("v"), ""),
            pair(Value::Null, "none"),
            pair(json!(""), "v")
        ]
    );
    let last = cluster.run("consume", "-t cars -e -o -2", "");
    assert_eq!((last.code, last.stdout.as_str()), (Some(0), "none\nv\n"), "{}", last.stderr);
    cluster.stop();
}

#[test]
fn secrets_are_in_no_message() {
    let cluster = Cluster::start(Broker::builder().user("ada", "open sesame").topic("cars", 1));
    let jaas = |rest: &str| {
        format!("sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule {rest}")
    };
    for (login, code, message) in [
        (jaas("required username=\"ada\" password=\"hush-hush\";"), 1, "refused the SCRAM-SHA-512"),
        (jaas("hush-hush"), 2, "sasl.jaas.config: ********: column"),
        (jaas("required username=\"ada\" password=\"hush-hush\""), 2, "expected a semicolon"),
    ] {
        for what in [&["topics", "list"][..], &["produce"], &["consume"]] {
            let address = cluster.address();
            let mut arguments = [what, &["-b", &address]].concat();
            arguments.extend(["-X", "security.protocol=SASL_PLAINTEXT"]);
            arguments.extend(["-X", "sasl.mechanism=SCRAM-SHA-512", "-X", &login]);
            if what.len() == 1 {
                arguments.extend(["-t", "cars"]);
            }
            let ended = run(&root(), &arguments, "line\n");
            assert_eq!(ended.code, Some(code), "{}", ended.stderr);
            assert!(ended.last_error().contains(message), "{}", ended.stderr);
            assert!(!ended.stderr.contains("hush-hush"), "{}", ended.stderr);
        }
    }
    // Somebody who does not know that the listener wants a login.
    let options = "-X request.timeout.ms=400 -X default.api.timeout.ms=500";
    let ended = cluster.run("topics list", options, "");
    assert_refused(&ended, 1, "check that security.protocol and sasl.mechanism fit the listener");
    cluster.stop();
}

#[test]
fn a_wrong_port_is_said_within_the_configured_time() {
    for arguments in [
        "topics list -b 127.0.0.1:1 -X request.timeout.ms=400 -X default.api.timeout.ms=500",
        "produce -b 127.0.0.1:1 -t cars -X max.block.ms=500",
        "consume -b 127.0.0.1:1 -t cars -X default.api.timeout.ms=500",
        "perf produce -b 127.0.0.1:1 -t cars -X max.block.ms=500",
    ] {
        let started = Instant::now();
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let ended = run(&root(), &arguments, "line\n");
        assert_refused(&ended, 1, "cannot connect to 127.0.0.1:1: ");
        assert!(ended.stderr.contains("refused"), "{}", ended.stderr);
        assert!(started.elapsed() < PATIENCE / 3, "{arguments:?} took {:?}", started.elapsed());
    }
}

/// What is said of a listener that expects SASL.
const HANGS_UP: &str = "the broker answered ApiVersions and closed the connection at the next request, as \
                        listeners do that expect SASL; check that security.protocol and sasl.mechanism \
                        fit the listener";

/// The listeners that a client may take for another kind, and what it says of each after a while.
#[test]
fn why_nothing_happens_is_said_while_it_happens() {
    let certificates = root().join("crates/tls/tests/certificates");
    let file = |name: &str| fs::read(certificates.join(name)).unwrap();
    let plain = Cluster::start(Broker::builder().topic("cars", 1));
    let login = Cluster::start(Broker::builder().user("ada", "open sesame").topic("cars", 1));
    let missing = Cluster::start(Broker::builder().auto_create_topics(false));
    let both = Cluster::start(
        Broker::builder()
            .user("ada", "open sesame")
            .tls(file("broker.pem"), file("broker.key"))
            .topic("cars", 1),
    );
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    let ssl = format!(
        "-X security.protocol=SSL -X ssl.truststore.type=PEM -X ssl.truststore.location={}",
        certificates.join("ca.pem").display()
    );
    let unanswered =
        "does not answer the first request (ApiVersions), as listeners do that expect TLS";
    // All at once: each is silent for a while.
    let mut started = Vec::new();
    for (address, what, options, reason) in [
        ("127.0.0.1:1", "produce -t cars", "", "cannot connect to 127.0.0.1:1: "),
        ("127.0.0.1:1", "perf produce -t cars", "", "cannot connect to 127.0.0.1:1: "),
        ("127.0.0.1:1", "topics list", "", "cannot connect to 127.0.0.1:1: "),
        ("127.0.0.1:1", "consume -t cars", "", "cannot connect to 127.0.0.1:1: "),
        (&login.address(), "produce -t cars", "", HANGS_UP),
        (&login.address(), "consume -t cars", "", HANGS_UP),
        (&both.address(), "produce -t cars", &ssl, HANGS_UP),
        (&plain.address(), "produce -t cars", &ssl, "check that the port is one of a TLS listener"),
        (&silent, "produce -t cars", "", unanswered),
        (&silent, "produce -t cars", &ssl, "does not answer the TLS handshake"),
        (
            &missing.address(),
            "produce -t nothing",
            "",
            "the brokers say UNKNOWN_TOPIC_OR_PARTITION of topic nothing; still waiting for it",
        ),
    ] {
        let mut arguments: Vec<&str> = what.split(' ').chain(["-b", address]).collect();
        arguments.extend(options.split_whitespace());
        let mut program = Program::start(&root(), &arguments);
        program.write("line\n");
        let whom = if reason.contains("topic nothing") { "nothing" } else { address };
        started.push((program, format!("{what} {options}"), whom.to_owned(), reason));
    }
    for (mut program, what, whom, reason) in started {
        program.wait_for_error("milena: warning: ");
        let said = program.stop();
        assert!(said.contains(reason) && said.contains(&whom), "{what}: {said}");
    }
    let flow = ["run", "examples/quickstart.toml", "--brokers", "127.0.0.1:1"];
    let mut program = Program::start(&root(), &flow);
    program.wait_for_error("milena: warning: cannot connect to 127.0.0.1:1: ");
    drop(program);
    [plain, login, missing, both].into_iter().for_each(Cluster::stop);
}

#[test]
fn the_end_names_every_broker_and_why_it_cannot_be_used() {
    let login = Cluster::start(Broker::builder().user("ada", "open sesame").topic("cars", 1));
    let second = login.address();
    let list = format!("127.0.0.1:1,{second}");
    // Which broker is asked is a matter of chance: so many attempts that each one's turn comes.
    let arguments = format!(
        "produce -t cars -b {list} -X max.block.ms=1500 -X retry.backoff.ms=20 -X retry.backoff.max.ms=20"
    );
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let ended = run(&root(), &arguments, "line\n");
    assert_refused(
        &ended,
        1,
        "line 1: timed out: nothing was learned of the topic in time (topic cars): ",
    );
    assert_refused(&ended, 1, "cannot connect to 127.0.0.1:1: ");
    assert_refused(&ended, 1, &format!("{second}: {HANGS_UP}"));
    login.stop();
}

#[test]
fn no_part_of_a_message_is_there_twice() {
    let cluster = Cluster::start(Broker::builder().auto_create_topics(false));
    for (what, after) in [
        ("produce -t nothing", "-X max.block.ms=300"),
        ("consume -t nothing", "-X default.api.timeout.ms=300"),
        ("topics describe -t nothing", "-X request.timeout.ms=200 -X default.api.timeout.ms=300"),
    ] {
        let ended = cluster.run(what, after, "line\n");
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!(ended.stderr.matches("topic nothing").count(), 1, "{}", ended.stderr);
    }
    cluster.stop();
}

#[test]
fn a_listener_of_another_kind_says_what_to_set() {
    let certificates = root().join("crates/tls/tests/certificates");
    let file = |name: &str| fs::read(certificates.join(name)).unwrap();
    let plain = Cluster::start(Broker::builder().topic("cars", 1));
    let secure = Cluster::start(
        Broker::builder().topic("cars", 1).tls(file("broker.pem"), file("broker.key")),
    );
    let trust = format!("-X ssl.truststore.location={}", certificates.join("ca.pem").display());
    let ssl = format!("-X security.protocol=SSL -X ssl.truststore.type=PEM {trust}");
    let in_time = "-X request.timeout.ms=600 -X default.api.timeout.ms=700 -X max.block.ms=700";
    let tls = "it answers with TLS; set security.protocol to SSL or SASL_SSL for this listener";
    let no_tls = "check that the port is one of a TLS listener";
    let no_trust = "signed by nobody who is trusted here; check ssl.truststore.location";
    for what in ["topics list", "produce -t cars", "consume -t cars -e", "perf produce -t cars"] {
        for (cluster, options, message) in [
            (&secure, "", tls),
            (&secure, "-X security.protocol=SSL", no_trust),
            (&plain, ssl.as_str(), no_tls),
        ] {
            let ended = cluster.run(what, &format!("{options} {in_time}"), "line\n");
            assert_eq!(ended.code, Some(1), "{what} {options}: {}", ended.stderr);
            assert!(ended.last_error().contains(message), "{what} {options}: {}", ended.stderr);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let login = "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\nsasl.jaas.config=\
                 org.apache.kafka.common.security.scram.ScramLoginModule required username=\"ada\" \
                 password=\"hush\";\n";
    fs::write(folder.path().join("login"), login).unwrap();
    let arguments = ["topics", "list", "-b", &plain.address(), "-F", "login"];
    let ended = run(folder.path(), &arguments, "");
    assert_refused(&ended, 1, "the listener does not use SASL; set security.protocol to PLAINTEXT");
    let ended = secure.run("topics list", &ssl, "");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "cars\n"), "{}", ended.stderr);
    plain.stop();
    secure.stop();
}

#[test]
fn a_broker_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, code, message) in [
        (&["--listen", &taken][..], 1, "--listen names another port"),
        (&["--listen", "localhost"], 2, "--listen localhost: it must be ADDRESS:PORT"),
        (&["--listen", ":9092"], 2, "--listen :9092: it must be ADDRESS:PORT"),
        (&["--listen", "localhost:99999"], 2, "--listen localhost:99999: it must be ADDRESS:PORT"),
        (&["--listen", "127.0.0.1:0", "--data-dir", "file"], 1, "cannot use file: "),
        (&["--listen", "127.0.0.1:0", "--sasl", "ada"], 2, "--sasl takes USER:PASSWORD"),
        (
            &["--listen", "127.0.0.1:0", "--topic", "a:0"],
            2,
            "--topic a:0: it must be NAME or NAME:",
        ),
        (&["--tls-cert", "a.pem", "--tls-key", "b.pem"], 2, "--tls-cert a.pem: No such file"),
        (&["--tls-cert", "file", "--tls-key", "file"], 2, "TLS: the certificate chain has no"),
        (&["--tls-cert", "a.pem"], 2, "--tls-key <FILE>"),
        (&["--listen", "127.0.0.1:0", "--as-version", "new"], 2, "new"),
        (&["--listen", "127.0.0.1:0", "--topic", "a/b"], 2, "a/b: Topic name"),
    ] {
        let ended = run(folder.path(), &[&["broker"], arguments].concat(), "");
        assert_refused(&ended, code, message);
    }
}

#[test]
fn what_is_listed_is_json_where_that_is_wanted() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 2));
    let made = cluster.run("topics create", "-t vans --partitions 1 --json", "").json();
    assert_eq!((&made[0]["topic"], &made[0]["partitions"]), (&json!("vans"), &json!(1)));
    let listed = cluster.run("topics list", "--json", "").json();
    let names: Vec<&Value> = listed.iter().map(|topic| &topic["topic"]).collect();
    assert_eq!(names, ["cars", "vans"]);
    assert_eq!(listed[1]["id"], made[0]["id"]);
    assert!(listed[1]["id"].is_string() && listed[1]["internal"] == false, "{listed:?}");
    let described = cluster.run("topics describe", "-t cars --json", "").json();
    let partition =
        json!({ "partition": 1, "leader": 1, "replicas": [1], "isr": [1], "offline": [] });
    assert_eq!(described[0]["partitions"][1], partition);
    assert_eq!(cluster.run("topics delete", "-t vans", "").stdout, "");
    cluster.stop();
}

#[test]
fn the_codec_answers_every_line() {
    let lines = "{\"hex\":\"00\"\n\u{0}\n\n{\"hex\":\"\"}\n";
    let ended = run(&root(), &["codec", "records"], lines);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let answers = ended.json();
    assert_eq!(answers.len(), 3);
    assert!(answers[0]["error"].as_str().unwrap().starts_with("not JSON: "), "{answers:?}");
    assert_eq!(answers[2], json!({ "batches": [], "records": [] }));
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 1));
    cluster.run("produce", "-t cars", "one\ntwo\n");
    let address = cluster.address();
    for arguments in [
        &["consume", "-b", &address, "-t", "cars"][..],
        &["consume", "-b", &address, "-t", "cars", "-e", "--json"],
        &["produce", "-b", &address, "-t", "cars", "--json"],
        &["topics", "list", "-b", &address],
        &["topics", "describe", "-b", &address, "--json"],
        &["codec", "records"],
        &["completions", "bash"],
        &["connectors", "list"],
        &["feel", "1 + 1"],
        &["run", "examples/quickstart.toml"],
        &["perf", "latency", "-b", &address, "-t", "cars", "--records", "1"],
    ] {
        let ended = Program::start_unread(&root(), arguments).end_with("{}\n");
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("milena:"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
    cluster.stop();
}

#[test]
fn nobody_needs_to_read_what_it_says() {
    let start = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Program::start_with_errors(&root(), arguments, writer.into())
    };
    let ended = start(&["run", "examples/quickstart.toml"]).wait();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.records().len(), 374);
    // An expression with something to note.
    let ended = start(&["feel", "a.b"]).wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "null\n"));
}
