//! The envelope on standard input and output: records, requests, health.

use std::fs;

use milena_broker::Broker;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    program::{Cluster, Ended, Program, flow_folder, root, run},
    push::{flow_with, produce, start},
};

/// What is said, without how the steps are.
fn said(ended: &Ended) -> Vec<Value> {
    ended.json().into_iter().filter(|line| line["event"] != "health").collect()
}

/// How the steps were: step, status and details.
fn health(ended: &Ended) -> Vec<(String, String, Value)> {
    let lines = ended.json().into_iter().filter(|line| line["event"] == "health");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines
        .map(|line| (text(&line["step"]), text(&line["status"]), line["details"].clone()))
        .collect()
}

#[test]
fn an_envelope_commits_what_is_acknowledged() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 1));
    produce(&cluster, 4, 0);
    let sink = "[steps.sink]\ntype = \"envelope\"";
    let folder = flow_with(sink, "name = \"in\"\nretryBackoffMs = 1");
    let mut program = start(&folder, &cluster);
    program.wait_for_lines("\"event\":\"record\"", 1);
    program.write("{\"ack\":1}\n");
    program.wait_for_lines("\"event\":\"record\"", 2);
    program.write("{\"nack\":2,\"strategy\":\"retry\",\"error\":\"busy\"}\n");
    program.wait_for_lines("\"event\":\"record\"", 3);
    program.write("{\"nack\":3,\"strategy\":\"ignore\"}\n");
    program.wait_for_lines("\"event\":\"record\"", 4);
    program.write("{\"ack\":4}\n{\"ack\":77}\n");
    program.wait_for_lines("\"event\":\"record\"", 5);
    // The reader goes away without an answer to the last.
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<(u64, i64)> = said(&ended)
        .iter()
        .inspect(|line| assert_eq!(line["step"], "in"))
        .map(|line| (line["seq"].as_u64().unwrap(), line["record"]["offset"].as_i64().unwrap()))
        .collect();
    assert_eq!(lines, [(1, 0), (2, 1), (3, 1), (4, 2), (5, 3)]);
    let health = health(&ended);
    let (step, status, details) = &health[0];
    assert_eq!((step.as_str(), status.as_str()), ("in", "UP"));
    assert_eq!(
        (&details["group-id"], &details["group-instance-id"]),
        (&json!("crm"), &json!("unknown"))
    );
    assert!(details["group-generation-id"].as_i64().unwrap() >= 1, "{details}");
    // A record that was given back is trouble until the next one is taken.
    let statuses: Vec<&str> = health.iter().map(|(_, status, _)| status.as_str()).collect();
    assert_eq!(statuses[..2], ["UP", "DOWN"]);
    assert!(health[1].2["error"].as_str().unwrap().contains("busy"), "{health:?}");
    let left = cluster.run("consume", "-t cars -g crm -e", "");
    assert_eq!(left.stdout.trim(), "3", "{}", left.stderr);
    cluster.stop();
}

#[test]
fn a_line_that_is_nothing_of_an_envelope_ends_the_run() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 1));
    let folder = flow_with("[steps.sink]\ntype = \"envelope\"", "");
    let address = cluster.address();
    for (line, expected) in [
        (
            "{\"acc\":1}",
            "standard input: line 1: this is nothing of an envelope: expected {\"id\":",
        ),
        ("{\"nack\":1,\"strategy\":\"x\"}", "strategy is \"x\": expected forward, retry or ignore"),
        ("ack", "standard input: line 1: this is no JSON"),
    ] {
        let arguments = ["run", "flow.toml", "--brokers", &address];
        let ended = run(folder.path(), &arguments, &format!("{line}\n"));
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.last_error().contains(expected), "{}", ended.stderr);
    }
    cluster.stop();
}

/// A flow with an action that requests ask for by the name `out`, and a trigger.
const REQUESTS: &str = r#"
name = "cars"
brokers = "embedded"

[[steps]]
name = "out"
connector = "elasticio"
action = "produce"
input = "envelope"
config = { topic = "cars" }

[[steps]]
name = "in"
connector = "elasticio"
trigger = "consume"
sink = { type = "envelope", unackedMax = 10 }
config = { topic = "cars", groupId = "crm" }
"#;

fn answer<'a>(lines: &'a [Value], id: &Value) -> &'a Value {
    let mut answers = lines.iter().filter(|line| line["id"] == *id);
    let answer = answers.next().unwrap_or_else(|| panic!("no answer to {id}: {lines:?}"));
    assert!(answers.next().is_none(), "{id} is answered twice");
    answer
}

#[test]
fn requests_are_answered_by_their_id_beside_records_and_acknowledgements() {
    let folder = flow_folder(REQUESTS);
    let mut program = Program::start(folder.path(), &["run", "flow.toml"]);
    program.wait_for_lines("\"step\":\"in\",\"status\":\"UP\"", 1);
    let request = |id: Value, value: &str| {
        let input = json!({ "messages": [{ "value": value }] });
        let request = json!({ "id": id, "op": "produce", "connector": "out", "input": input });
        format!("{request}\n")
    };
    program.write(&request(json!("a"), "departed"));
    program.write(&request(json!(2), "arrived"));
    program.wait_for_lines("\"ok\":true", 2);
    program.wait_for_lines("\"event\":\"record\"", 2);
    program.write("{\"ack\":[1,2]}\n");
    program.write(&request(json!("last"), "parked"));
    // The end of the input: what was asked for is answered first.
    let ended = program.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = said(&ended);
    for (id, offset) in [(json!("a"), "0"), (json!(2), "1"), (json!("last"), "2")] {
        let answer = answer(&lines, &id);
        assert_eq!(answer["ok"], true, "{answer}");
        assert_eq!(answer["output"][0]["baseOffset"], offset, "{answer}");
    }
    let records: Vec<_> = lines.iter().filter(|line| line["event"] == "record").collect();
    assert_eq!(records[0]["seq"], 1);
    assert_eq!(records[1]["record"]["value"], "arrived");
}

#[test]
fn requests_that_are_wrong_are_answered_and_the_next_ones_too() {
    let folder = flow_folder(&REQUESTS[..REQUESTS.rfind("[[steps]]").unwrap()]);
    let good = json!({ "messages": [{ "value": "x" }] });
    let elastic = json!({ "topic": "own" });
    let requests = [
        json!({ "id": 1, "op": "produce", "connector": "out", "input": { "messages": 7 } }),
        json!({ "id": 2, "op": "produce", "connector": "in", "input": good }),
        json!({ "id": 3, "op": "consume", "connector": "out", "input": good }),
        json!({ "id": 4, "op": "produce", "connector": "out", "inputs": good }),
        json!({ "id": 5, "op": "produce", "connector": "acme", "config": {}, "input": good }),
        json!({ "id": 6, "op": "produce", "connector": "elasticio", "config": { "topc": 1 }, "input": good }),
        json!({ "id": 7, "op": "produce", "connector": "elasticio", "config": elastic, "input": good }),
        json!({ "id": 8, "op": "produce", "connector": "out", "input": good }),
    ];
    let input: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let ended = run(folder.path(), &["run", "flow.toml"], &input);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = said(&ended);
    assert_eq!(lines.len(), requests.len(), "{}", ended.stdout);
    for (id, code, message) in [
        (1, "INPUT", "messages is a number, not an array"),
        (2, "NOT_FOUND", "there is no step \"in\" with input = \"envelope\": expected out"),
        (3, "BAD_REQUEST", "op is \"consume\": expected produce"),
        (4, "BAD_REQUEST", "inputs is not known here: did you mean `input`?"),
        (5, "NOT_FOUND", "connector \"acme\" with op \"produce\" is not known"),
        (6, "CONFIG", "config.topc is not known here: did you mean `topic`?"),
    ] {
        let answer = answer(&lines, &json!(id));
        assert_eq!((&answer["ok"], &answer["error"]["code"]), (&json!(false), &json!(code)));
        assert_eq!(answer["error"]["retryable"], false);
        let told = answer["error"]["message"].as_str().unwrap();
        assert!(told.contains(message), "{told}");
    }
    for (id, topic) in [(7, "own"), (8, "cars")] {
        let row = &answer(&lines, &json!(id))["output"][0];
        assert_eq!((&row["topicName"], &row["baseOffset"]), (&json!(topic), &json!("0")));
    }
}

#[test]
fn a_request_can_bring_camundas_configuration_with_secrets_and_gets_its_codes() {
    let folder = flow_folder(&REQUESTS[..REQUESTS.rfind("[[steps]]").unwrap()]);
    let config = |extra: Value| {
        let mut config = json!({
            "topic": { "bootstrapServers": "localhost:9", "topicName": "{{secrets.TOPIC}}" },
            "resultVariable": "sent",
        });
        config.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        config
    };
    let expression = "= if response.offset = 1 then bpmnError(\"FULL\", \"no room\") else null";
    let message = json!({ "message": { "key": "o-1", "value": { "n": 1 } } });
    let request = |id: i32, config: Value| {
        let connector = "camunda-outbound";
        json!({ "id": id, "op": "produce", "connector": connector, "config": config, "input": message })
    };
    let requests = [
        request(1, config(json!({ "errorExpression": expression }))),
        request(2, config(json!({ "errorExpression": expression }))),
        request(
            3,
            config(
                json!({ "topic": { "topicName": "{{secrets.NONE}}", "bootstrapServers": "a:1" } }),
            ),
        ),
    ];
    fs::write(folder.path().join("secrets"), "TOPIC=hush-hush\n").unwrap();
    crate::serve::only_for_owner(&folder.path().join("secrets"));
    let input: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let ended = run(folder.path(), &["run", "flow.toml", "--secrets", "secrets"], &input);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = said(&ended);
    assert_eq!(answer(&lines, &json!(1))["output"]["sent"]["topic"], "hush-hush");
    let error = answer(&lines, &json!(2))["error"].clone();
    assert_eq!(error["code"], "FULL");
    assert!(error["message"].as_str().unwrap().contains("no room"), "{error}");
    let error = answer(&lines, &json!(3))["error"].clone();
    assert_eq!(error["code"], "CONFIG");
    let expected = "config.topic.topicName: secret with name 'NONE' is not available";
    assert!(error["message"].as_str().unwrap().contains(expected), "{error}");
}

#[test]
fn a_stop_answers_what_was_asked() {
    let folder = flow_folder(REQUESTS);
    let mut program = Program::start(folder.path(), &["run", "flow.toml"]);
    let count = 500;
    let requests: String = (0..count)
        .map(|id| {
            let input = json!({ "messages": [{ "value": "x" }] });
            let request = json!({ "id": id, "op": "produce", "connector": "out", "input": input });
            format!("{request}\n")
        })
        .collect();
    program.write(&requests);
    program.wait_for_lines("\"ok\":true", 1);
    program.signal(Signal::TERM);
    let ended = program.wait();
    assert_eq!(ended.code, Some(143), "{}", ended.stderr);
    // What was read is answered: sent, or not sent because of the stop.
    let lines = said(&ended);
    let answers: Vec<&Value> = lines.iter().filter(|line| line.get("id").is_some()).collect();
    for (index, answer) in answers.iter().enumerate() {
        let is_stopped = answer["error"]["code"] == "STOPPED";
        assert!(answer["ok"] == true || is_stopped, "{index}: {answer}");
    }
    let sent = answers.iter().filter(|answer| answer["ok"] == true).count();
    assert!(sent >= 1, "{}", ended.stdout);
}

#[test]
fn a_cluster_that_goes_away_is_told_in_answers_and_health() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 1));
    let folder = flow_folder(&REQUESTS[..REQUESTS.rfind("[[steps]]").unwrap()]);
    let mut arguments = vec!["run".to_owned(), "flow.toml".to_owned()];
    arguments.extend(["--brokers".to_owned(), cluster.address()]);
    for property in ["delivery.timeout.ms=1500", "request.timeout.ms=1000", "max.block.ms=1500"] {
        arguments.extend(["-X".to_owned(), property.to_owned()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut program = Program::start(folder.path(), &arguments);
    let request =
        r#"{"id":"1","op":"produce","connector":"out","input":{"messages":[{"value":"x"}]}}"#;
    program.write(&format!("{request}\n"));
    program.wait_for_lines("\"ok\":true", 1);
    cluster.stop();
    program.write(&format!("{}\n", request.replace("\"1\"", "\"2\"")));
    program.wait_for_lines("\"status\":\"DOWN\"", 1);
    let ended = program.end();
    let lines = said(&ended);
    let error = &answer(&lines, &json!("2"))["error"];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("NOT_DELIVERED"), &json!(true)));
    let statuses: Vec<String> = health(&ended).into_iter().map(|(_, status, _)| status).collect();
    assert_eq!(statuses, ["UP", "DOWN"]);
}

#[test]
fn the_example_is_answered() {
    let requests = fs::read_to_string(root().join("examples/envelope.jsonl")).unwrap();
    let ended = run(&root(), &["run", "examples/envelope.toml"], &requests);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines = said(&ended);
    for (id, ok) in [("1", true), ("2", true), ("3", false)] {
        assert_eq!(answer(&lines, &json!(id))["ok"], ok, "{}", ended.stdout);
    }
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
}
