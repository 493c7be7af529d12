//! `milena run`.

use std::{fs, path::Path, time::Instant};

use milena_broker::Broker;
use serde_json::{Value, json};

use crate::program::{Cluster, Ended, PATIENCE, Program, flow_folder, root, run};

/// A flow with a Produce action that reads standard input, and a Consume trigger.
const FLOW: &str = r#"
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

/// A flow with the trigger alone, which ends when nothing comes.
const READ: &str = r#"
name = "read"
brokers = "embedded"

[[steps]]
connector = "elasticio"
trigger = "consume"
until = "idle"
idleMs = 500
config = { topic = "cars", groupId = "crm", additionalProperties = { "auto.offset.reset" = "earliest" } }
"#;

const ARRIVED: &str = "{\"messages\":[{\"key\":\"Car status\",\"value\":\"arrived\"}]}\n";

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[test]
fn the_quickstart_gives_back_every_message() {
    let ended = run(&root(), &["run", "examples/quickstart.toml"], "");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let file = fs::read_to_string(root().join("examples/messages.jsonl")).unwrap();
    let bodies: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages = bodies.iter().flat_map(|body| body["messages"].as_array().unwrap());
    let mut sent: Vec<_> = messages.map(|m| (text(&m["key"]), text(&m["value"]))).collect();
    let records = ended.records();
    let mut read: Vec<_> = records.iter().map(|r| (text(&r["key"]), text(&r["value"]))).collect();
    sent.sort();
    read.sort();
    assert_eq!(sent, read);
    assert!(ended.results().len() >= bodies.len());
    for result in ended.results() {
        let names: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
        let documented = [
            "topicName",
            "partition",
            "errorCode",
            "baseOffset",
            "logAppendTime",
            "logStartOffset",
        ];
        assert_eq!(names, documented);
        assert!(result.as_object().unwrap().values().all(Value::is_string), "{result}");
    }
    for record in records {
        assert!(record["partition"].is_string() && record["offset"].is_i64(), "{record}");
        assert!(record.get("key").is_none_or(Value::is_string), "{record}");
    }
    let summary = ended.last_error();
    assert!(
        summary.starts_with(
            "quickstart: delivered 300 of 300 inputs, 374 records produced, 374 consumed"
        ),
        "{summary}"
    );
    assert!(!ended.stderr.contains(['\r', '\x1b', '[']), "a bar in a log: {}", ended.stderr);
}

#[test]
fn the_thingsboard_example_sends_every_message_to_the_topic_of_its_device() {
    let ended = run(&root(), &["run", "examples/thingsboard.toml", "--brokers", "embedded"], "");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let file = fs::read_to_string(root().join("examples/thingsboard.jsonl")).unwrap();
    let sent: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outputs = ended.json();
    let left: Vec<_> = outputs.iter().filter(|line| line.get("relation").is_some()).collect();
    assert_eq!(left.len(), sent.len());
    for (message, left) in sent.iter().zip(left) {
        assert_eq!(left["relation"], "Success");
        let device = message["metadata"]["deviceType"].as_str().unwrap();
        assert_eq!(left["metadata"]["topic"], format!("telemetry.{device}"));
        for name in ["id", "type", "originator", "data"] {
            assert_eq!(left[name], message[name]);
        }
    }
    let mut values: Vec<_> = sent.iter().map(|message| text(&message["data"])).collect();
    let mut read: Vec<_> = ended.records().iter().map(|record| text(&record["value"])).collect();
    values.sort();
    read.sort();
    assert_eq!(values, read);
    let key = ended.records()[0]["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("T-") || key.starts_with("G-"), "{key}");
    let summary = "thingsboard: delivered 40 of 40 inputs, 40 records produced, 40 consumed";
    assert!(ended.last_error().starts_with(summary), "{}", ended.stderr);
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
}

#[test]
fn the_ballerina_example_gives_back_every_record() {
    let ended = run(&root(), &["run", "examples/ballerina.toml", "--brokers", "embedded"], "");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let file = fs::read_to_string(root().join("examples/ballerina.jsonl")).unwrap();
    let sent: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut values: Vec<_> = sent.iter().map(|record| text(&record["value"])).collect();
    let records = ended.records();
    let mut read: Vec<_> = records.iter().map(|record| text(&record["value"])).collect();
    values.sort();
    read.sort();
    assert_eq!(values, read);
    assert!(
        records.iter().all(|record| record["offset"]["partition"]["topic"] == "test-kafka-topic")
    );
    let results = ended.json().into_iter().filter(|line| line.get("serializedValueSize").is_some());
    assert_eq!(results.count(), sent.len());
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
}

#[test]
fn messages_come_from_standard_input() {
    let folder = flow_folder(FLOW);
    let ended = run(folder.path(), &["run", "flow.toml"], ARRIVED);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        ended.results(),
        [json!({
            "topicName": "cars", "partition": "0", "errorCode": "0", "baseOffset": "0",
            "logAppendTime": "-1", "logStartOffset": "0",
        })]
    );
    assert_eq!(
        ended.records(),
        [json!({ "value": "arrived", "key": "Car status", "partition": "0", "offset": 0 })]
    );
}

#[test]
fn a_bad_line_is_named_and_the_lines_before_it_are_delivered() {
    for (line, problem) in [
        (
            "{\"messages\":[{\"value\":\"x\"},{\"key\":\"k\"}]}",
            "topic \"cars\": message 2 has no value",
        ),
        ("{\"messages\":\"x\"}", "topic \"cars\": messages is a text, not an array"),
        ("{\"messages\":[", "column 13: this is no JSON: EOF while parsing a list"),
    ] {
        let folder = flow_folder(FLOW);
        let input = format!("{ARRIVED}\n{line}\n{ARRIVED}");
        let ended = run(folder.path(), &["run", "flow.toml"], &input);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let expected = format!("milena: standard input: line 3: {problem}");
        assert!(ended.last_error().starts_with(&expected), "{}", ended.stderr);
        assert_eq!((ended.results().len(), ended.records().len()), (1, 1), "{}", ended.stdout);
    }
}

#[test]
fn a_broken_flow_file_is_explained_in_one_line() {
    let broken = FLOW
        .replace("brokers = ", "broker = ")
        .replace("groupId", "group")
        .replace("action = \"produce\"", "action = 5");
    let folder = flow_folder(&broken);
    let ended = run(folder.path(), &["run", "flow.toml"], "");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        ended.stderr,
        "milena: flow.toml: 5 problems: \
         (1) line 1, column 1: brokers is missing: expected \"embedded\", or host:port of one broker or \
         more, here or in credentials; \
         (2) line 3, column 1: broker is not known here: did you mean `brokers`?; \
         (3) line 7, column 10: steps[1].action is the number 5: expected a text, the name of what it \
         sends with; \
         (4) line 14, column 10: steps[2].config.groupId is missing: expected a text, the name of the \
         consumer group; \
         (5) line 14, column 28: steps[2].config.group is not known here: did you mean `groupId`?\n"
    );
}

#[test]
fn files_that_are_not_there_are_named() {
    let folder = flow_folder(&FLOW.replace("\"-\"", "\"cars.jsonl\""));
    let ended = run(folder.path(), &["run", "flow.toml"], "");
    assert_eq!(ended.code, Some(2));
    assert!(ended.last_error().starts_with("milena: cars.jsonl: No such file"), "{}", ended.stderr);
    let ended = run(folder.path(), &["run", "other.toml"], "");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.starts_with("milena: other.toml: No such file"), "{}", ended.stderr);
    let properties = "properties.\"security.protocol\" = \"SSL\"\n\
                      properties.\"ssl.truststore.type\" = \"PEM\"\n\
                      properties.\"ssl.truststore.location\" = \"no.pem\"\n";
    let folder = flow_folder(&FLOW.replacen("[[steps]]", &format!("{properties}[[steps]]"), 1));
    let ended = run(folder.path(), &["run", "flow.toml", "--brokers", "127.0.0.1:1"], "");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.last_error().contains("no.pem cannot be read: No such file"), "{}", ended.stderr);
}

#[test]
fn properties_are_checked_before_anything_is_sent() {
    let folder = flow_folder(FLOW);
    let arguments = ["run", "flow.toml", "-X", "lingr.ms=5", "-X", "acks=2"];
    let ended = run(folder.path(), &arguments, ARRIVED);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.last_error().contains("acks: \"2\": expected one of all"), "{}", ended.stderr);
    assert!(
        ended.last_error().contains("; warning: lingr.ms: Kafka has no such"),
        "{}",
        ended.stderr
    );

    let ended = run(folder.path(), &["run", "flow.toml", "-X", "lingr.ms=5"], ARRIVED);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let warning =
        "milena: warning: lingr.ms: Kafka has no such property; did you mean `linger.ms`?\n";
    assert_eq!(ended.stderr.matches("warning").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);

    assert_eq!(run(folder.path(), &["run", "flow.toml", "-X", "lingr.ms"], "").code, Some(2));
    assert_eq!(run(folder.path(), &["run", "flow.toml", "--brokers", "x"], "").code, Some(2));
}

#[test]
fn a_cluster_that_cannot_be_reached_is_an_error_in_time() {
    let trigger_alone = FLOW.split("[[steps]]").step_by(2).collect::<Vec<_>>().join("[[steps]]");
    for flow in [FLOW, &trigger_alone] {
        let folder = flow_folder(flow);
        let started = Instant::now();
        let arguments = [
            "run",
            "flow.toml",
            "--brokers",
            "127.0.0.1:1",
            "-X",
            "max.block.ms=300",
            "-X",
            "default.api.timeout.ms=300",
        ];
        let ended = run(folder.path(), &arguments, ARRIVED);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.last_error().contains("cannot connect to 127.0.0.1:1"), "{}", ended.stderr);
        assert!(started.elapsed() < PATIENCE);
    }
}

#[test]
fn a_wrong_password_is_an_error_and_a_right_one_is_not() {
    let cluster = Cluster::start(Broker::builder().user("ada", "open sesame"));
    let flow = FLOW.replace(
        "brokers = \"embedded\"",
        "[credentials]\nusername = \"ada\"\npassword = \"PASSWORD\"\nclientId = \"crm\"\n\
         mechanism = \"MECHANISM\"\n[properties]\nsecurity.protocol = \"SASL_PLAINTEXT\"",
    );
    for mechanism in ["", "plain", "scram-sha-256", "scram-sha-512"] {
        for (password, code) in [("open sesame", 0), ("hush-hush", 1)] {
            let flow = flow.replace("PASSWORD", password).replace("MECHANISM", mechanism);
            let brokers = format!("brokers = {:?}\n\n[credentials]", cluster.address());
            let folder = flow_folder(&flow.replace("[credentials]", &brokers));
            let ended = run(folder.path(), &["run", "flow.toml"], ARRIVED);
            assert_eq!(ended.code, Some(code), "{mechanism}: {}", ended.stderr);
            assert!(!ended.stderr.contains(password), "{}", ended.stderr);
            if code == 1 {
                assert!(ended.last_error().contains("authentication failed"), "{}", ended.stderr);
            }
        }
    }
    cluster.stop();
}

#[cfg(unix)]
#[test]
fn an_interrupt_flushes_commits_and_leaves() {
    let cluster = Cluster::start(Broker::builder());
    let folder = flow_folder(FLOW);
    let mut program =
        Program::start(folder.path(), &["run", "flow.toml", "--brokers", &cluster.address()]);
    program.write(&ARRIVED.repeat(3));
    program.wait_for_lines("\"offset\"", 3);
    program.wait_for_lines("\"baseOffset\"", 3);
    let started = Instant::now();
    program.interrupt();
    // Standard input is still open.
    let ended = program.wait();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert_eq!(ended.last_error(), "milena: interrupted");
    assert_eq!((ended.results().len(), ended.records().len()), (3, 3));
    assert!(started.elapsed() < PATIENCE);
    assert_eq!(read(&cluster, folder.path()), [] as [Value; 0], "everything was committed");

    let more = run(
        folder.path(),
        &["run", "flow.toml", "--brokers", &cluster.address()],
        &ARRIVED.replace("arrived", "parked"),
    );
    assert_eq!(more.records().len(), 1, "{}", more.stdout);
    assert_eq!(more.records()[0]["value"], "parked");
    cluster.stop();
}

/// What the group has not read yet.
fn read(cluster: &Cluster, folder: &Path) -> Vec<Value> {
    fs::write(folder.join("read.toml"), READ).unwrap();
    let ended = run(folder, &["run", "read.toml", "--brokers", &cluster.address()], "");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.records()
}

#[test]
fn a_message_that_cannot_be_used_ends_the_run_or_goes_where_the_flow_says() {
    let cluster = Cluster::start(Broker::builder().topic("orders", 1).topic("dead", 1));
    let sent = cluster.run("produce", "-t orders", "{\"id\":\"a\"}\n{}\n{\"id\":\"c\"}\n");
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    let run = |policy: &str| {
        let flow = format!(
            "name = \"orders\"\n[[steps]]\nconnector = \"camunda-inbound\"\ntrigger = \"consume\"\n\
             until = \"idle\"\nidleMs = 300\n{policy}\n[steps.config]\ngroupId = \"engine\"\n\
             correlationKeyExpression = \"=value.id\"\nautoOffsetReset = \"earliest\"\n\
             topic = {{ bootstrapServers = {:?}, topicName = \"orders\" }}\n",
            cluster.address()
        );
        run(flow_folder(&flow).path(), &["run", "flow.toml"], "")
    };
    let ids = |ended: &Ended| -> Vec<Value> {
        ended.json().iter().map(|line| line["messageId"].clone()).collect()
    };
    let refusal =
        "orders-0, offset 1: the correlation key's expression gave a null: expected a text";
    let ended = run("");
    assert_eq!((ended.code, ids(&ended)), (Some(1), vec![json!("orders-0-0")]), "{}", ended.stderr);
    assert!(ended.last_error().contains(refusal), "{}", ended.stderr);

    let ended = run("onPoison = \"deadLetter\"\ndeadLetterTopic = \"dead\"");
    assert_eq!((ended.code, ids(&ended)), (Some(0), vec![json!("orders-0-2")]), "{}", ended.stderr);
    let dead = cluster.run("consume", "-t dead -e --json", "").json();
    assert_eq!((dead.len(), &dead[0]["value"]), (1, &json!("{}")), "{dead:?}");
    assert!(dead[0]["headers"].to_string().contains("milena.error.message"), "{dead:?}");

    let ended = run("");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    cluster.stop();
}

#[test]
fn ends_quietly_when_nobody_reads_the_output() {
    let folder = flow_folder(FLOW);
    let mut program = Program::start_unread(folder.path(), &["run", "flow.toml"]);
    program.write(ARRIVED);
    // Standard input is still open.
    let ended = program.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("milena:"), "{}", ended.stderr);
}

#[test]
fn the_example_of_camundas_producer_stores_every_employee() {
    let ended =
        run(&root(), &["run", "examples/camunda-outbound.toml", "--brokers", "embedded"], "");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines,
        [
            json!({ "employeeStoredAt": 0, "partition": 0 }),
            json!({ "employeeStoredAt": 1, "partition": 0 }),
            json!({ "employeeStoredAt": 2, "partition": 0 }),
        ]
    );
}

#[test]
fn the_example_of_camundas_jobs_tells_what_the_engine_would_be_told() {
    let ended = run(&root(), &["run", "examples/camunda-jobs.toml", "--brokers", "embedded"], "");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line["jobKey"].as_str().unwrap(), line["command"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("2251799813685249", "completion"),
            ("2251799813685250", "error"),
            ("2251799813685251", "failure"),
        ]
    );
    assert!(lines[0]["body"]["variables"]["offset"].is_u64(), "{}", lines[0]);
    assert_eq!(lines[1]["body"]["errorCode"], "STORED");
    assert_eq!(lines[2]["body"]["retries"], 0);
}

#[test]
fn the_example_of_camundas_consumer_gives_the_messages_of_the_engine() {
    let ended =
        run(&root(), &["run", "examples/camunda-inbound.toml", "--brokers", "embedded"], "");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (published, produced): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.get("messageId").is_some());
    assert_eq!(produced.len(), 4);
    assert_eq!(published.len(), 2);
    let raw = "{\"itemId\":\"a4f6j2\",\"correlationKey\":\"myValue\",\"count\":3}";
    let value = json!({ "itemId": "a4f6j2", "correlationKey": "myValue", "count": 3 });
    assert_eq!(
        published[0],
        json!({
            "name": "order-changed", "correlationKey": "myValue", "timeToLive": 3_600_000,
            "messageId": "orders-0-0",
            "variables": {
                "order": { "key": "o-1", "rawValue": raw, "value": value }, "itemId": "a4f6j2",
            },
        })
    );
    assert_eq!(published[1]["correlationKey"], "4711");
}

#[test]
fn the_example_of_camundas_older_producer_keeps_the_response() {
    let ended = run(&root(), &["run", "examples/camunda-legacy.toml", "--brokers", "embedded"], "");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for (offset, line) in lines.iter().enumerate() {
        assert_eq!(
            (&line["sent"]["topic"], &line["sent"]["offset"]),
            (&json!("orders"), &json!(offset))
        );
        assert_eq!(line["messageAcknowledgedAt"], line["sent"]["timestamp"]);
    }
}
