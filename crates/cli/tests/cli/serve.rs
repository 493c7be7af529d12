//! `milena serve` over HTTP.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    sync::mpsc::channel,
    thread,
    time::Duration,
};

use bytes::Bytes;
use milena_broker::Broker;
use milena_http::{
    HttpClient, HttpSettings,
    http::Request,
    tls::{ClientCertificate, PemSource, Trust},
};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    http::{Webhook, get, post, send, wait_for},
    program::{Cluster, Ended, PATIENCE, Program, flow_folder, root, run},
};

const FLOW: &str = r#"
name = "cars"
brokers = "embedded"

[[steps]]
name = "out"
connector = "elasticio"
action = "produce"
input = "http"
config = { topic = "cars" }

[[steps]]
name = "in"
connector = "elasticio"
trigger = "consume"
retryBackoffMs = 1
config = { topic = "cars", groupId = "crm" }
sink = { type = "poll", ackTimeoutMs = 600000 }
"#;

const ARRIVED: &str = r#"{"messages":[{"key":"Car status","value":"arrived"}]}"#;

/// The program that serves, and where.
struct Serving {
    program: Program,
    url: String,
    _folder: tempfile::TempDir,
}

impl Serving {
    fn start(flow: &str, options: &[&str]) -> Self {
        let folder = flow_folder(flow);
        let arguments = ["serve", "flow.toml", "--listen", "127.0.0.1:0"];
        let mut program = Program::start(folder.path(), &[&arguments, options].concat());
        let url = program.first_line();
        Self { program, url, _folder: folder }
    }

    /// Waits until all steps have started.
    fn up(flow: &str, options: &[&str]) -> Self {
        let serving = Self::start(flow, options);
        wait_for("it does not come up", || get(&serving.url, "/healthz").status == 200);
        serving
    }

    fn poll(&self, max: usize) -> Vec<Value> {
        let path = format!("/v1/consumers/in/poll?max={max}&timeoutMs=60000");
        let reply = post(&self.url, &path, "");
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()["records"].as_array().unwrap().clone()
    }

    fn stop(mut self) -> Ended {
        self.program.signal(Signal::TERM);
        let ended = self.program.wait();
        assert_eq!(ended.code, Some(143), "{}", ended.stderr);
        ended
    }
}

fn error(reply: &crate::http::Reply) -> (u16, String, bool) {
    let error = reply.json()["error"].clone();
    let code = error["code"].as_str().unwrap().to_owned();
    assert!(error["message"].is_string(), "{error}");
    (reply.status, code, error["retryable"].as_bool().unwrap())
}

#[test]
fn what_is_posted_comes_out_of_a_poll_until_it_is_acknowledged() {
    let serving = Serving::up(FLOW, &[]);
    let reply = post(&serving.url, "/v1/connectors/out/produce", ARRIVED);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let row = json!({
        "topicName": "cars", "partition": "0", "errorCode": "0", "baseOffset": "0",
        "logAppendTime": "-1", "logStartOffset": "0",
    });
    assert_eq!(reply.json(), json!({ "outputs": [row] }));
    let array = r#"[{"messages":[{"value":"b"}]},{"messages":[{"value":"c"}]}]"#;
    let reply = post(&serving.url, "/v1/connectors/out/produce", array);
    assert_eq!(reply.json()[1]["outputs"][0]["baseOffset"], "2", "{}", reply.text());
    let lines = "{\"messages\":[{\"value\":\"d\"}]}\n\n{\"messages\":[{\"value\":\"e\"}]}\n";
    let reply = post(&serving.url, "/v1/connectors/out/produce", lines);
    assert_eq!((reply.status, reply.text().lines().count()), (200, 2), "{}", reply.text());

    let mut records = Vec::new();
    while records.len() < 5 {
        records.extend(serving.poll(2));
    }
    let values: Vec<_> = records.iter().map(|r| r["record"]["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["arrived", "b", "c", "d", "e"]);
    assert_eq!(records[0]["record"]["key"], "Car status");
    assert_eq!(records[4]["offset"], 4);
    let seq = |index: usize| records[index]["seq"].as_u64().unwrap();
    let nack = json!({ "nack": seq(1), "strategy": "retry" }).to_string();
    let reply = post(&serving.url, "/v1/consumers/in/nack", &nack);
    assert_eq!(reply.json(), json!({ "settled": [seq(1)], "unknown": [] }));
    let ack = json!({ "ack": [seq(0), seq(2), seq(3), 4711] }).to_string();
    let reply = post(&serving.url, "/v1/consumers/in/ack", &ack);
    let settled = json!({ "settled": [seq(0), seq(2), seq(3)], "unknown": [4711] });
    assert_eq!(reply.json(), settled);
    let again = serving.poll(9);
    assert_eq!(again[0]["record"]["value"], "b");
    assert_ne!(again[0]["seq"], seq(1));
    serving.stop();
}

#[test]
fn what_is_wrong_is_told_as_json() {
    let serving = Serving::up(FLOW, &["--max-body-bytes", "200"]);
    let url = &serving.url;
    let produce = "/v1/connectors/out/produce";
    for (reply, expected) in [
        (post(url, produce, "{\"messages\":"), (400, "BAD_REQUEST")),
        (post(url, produce, "{\"messages\":1}"), (422, "INPUT")),
        (post(url, produce, &"x".repeat(201)), (413, "BODY_TOO_LARGE")),
        (post(url, "/v1/connectors/in/produce", "{}"), (404, "NOT_FOUND")),
        (post(url, "/v1/consumers/out/poll", ""), (404, "NOT_FOUND")),
        (post(url, "/v1/consumers/in/peek", ""), (404, "NOT_FOUND")),
        (post(url, "/v1/consumers/in/poll?max=x", ""), (400, "BAD_REQUEST")),
        (post(url, "/v1/consumers/in/ack", "{\"ack\":\"1\"}"), (400, "BAD_REQUEST")),
        (get(url, produce), (405, "METHOD_NOT_ALLOWED")),
        (post(url, "/v2", ""), (404, "NOT_FOUND")),
    ] {
        let (status, code, is_retriable) = error(&reply);
        assert_eq!((status, code.as_str(), is_retriable), (expected.0, expected.1, false));
    }
    // What is behind a refused input is not sent.
    let inputs = r#"[{"messages":[{"value":"a"}]},{},{"messages":[{"value":"b"}]}]"#;
    let reply = post(url, produce, inputs);
    assert_eq!(reply.status, 422);
    let results = reply.json();
    assert!(results[0]["outputs"].is_array() && results[0].get("error").is_none(), "{results}");
    assert!(results[1]["error"]["message"].as_str().unwrap().contains("messages is missing"));
    assert!(results[2]["error"]["message"].as_str().unwrap().contains("was not sent"));
    serving.stop();
}

#[test]
fn health_and_counters_tell_how_each_step_is() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 1));
    let address = cluster.address();
    let mut serving = Serving::up(
        FLOW,
        &[
            "--brokers",
            &address,
            "-X",
            "delivery.timeout.ms=1500",
            "-X",
            "request.timeout.ms=1000",
            "-X",
            "fetch.max.wait.ms=500",
            "-X",
            "max.block.ms=1500",
        ],
    );
    post(&serving.url, "/v1/connectors/out/produce", ARRIVED);
    let health = get(&serving.url, "/healthz").json();
    assert_eq!(health["status"], "UP");
    let step = json!({
        "name": "out", "kind": "action", "topic": "cars", "status": "UP", "details": {},
    });
    assert_eq!(health["steps"][0], step);
    assert_eq!(health["steps"][1]["details"]["group-id"], "crm");
    let labels = "{step=\"out\",kind=\"action\",topic=\"cars\"}";
    let metrics = get(&serving.url, "/metrics").text();
    for line in [
        "# TYPE milena_records_produced_total counter".to_owned(),
        format!("milena_records_produced_total{labels} 1"),
        format!("milena_step_up{labels} 1"),
        "milena_http_responses_total{status=\"200\"}".to_owned(),
        format!("milena_client_requests_sent_total{labels}"),
    ] {
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    // Nobody answers the producer any more.
    cluster.stop();
    let reply = post(&serving.url, "/v1/connectors/out/produce", ARRIVED);
    let (status, code, is_retriable) = error(&reply);
    assert_eq!((status, code.as_str(), is_retriable), (503, "NOT_DELIVERED", true));
    let reply = get(&serving.url, "/healthz");
    assert_eq!((reply.status, &reply.json()["status"]), (503, &json!("DOWN")));
    assert_eq!(reply.json()["steps"][0]["status"], "DOWN");
    serving.program.signal(Signal::KILL);
    serving.program.wait();
}

#[test]
fn the_lag_and_what_is_in_flight_are_counted_to_the_record() {
    let serving = Serving::up(FLOW, &[]);
    let inputs = r#"[{"messages":[{"value":"a"},{"value":"b"}]},{"messages":[{"value":"c"}]}]"#;
    post(&serving.url, "/v1/connectors/out/produce", inputs);
    let records = serving.poll(9);
    let labels = "step=\"in\",kind=\"trigger\",topic=\"cars\"";
    let has = |expected: &[String]| {
        let metrics = get(&serving.url, "/metrics").text();
        let is_there = |line: &String| metrics.lines().any(|known| known == line);
        expected.iter().all(is_there)
    };
    let taken = records.len();
    let seqs: Vec<u64> = records.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    // The counters of the client are as of a moment ago.
    wait_for("three records are not accepted", || {
        has(&[
            format!("milena_lag_records{{{labels},partition=\"0\"}} 3"),
            format!("milena_records_in_flight{{{labels}}} 3"),
            format!("milena_records_given_total{{{labels}}} 3"),
            format!("milena_records_delivered_total{{{labels}}} 0"),
        ])
    });
    let nack = json!({ "nack": [seqs[0]], "strategy": "ignore" }).to_string();
    assert_eq!(post(&serving.url, "/v1/consumers/in/nack", &nack).status, 200);
    let rest: Vec<u64> = match taken {
        3 => seqs[1..].to_vec(),
        _ => {
            let more = serving.poll(9);
            seqs[1..]
                .iter()
                .copied()
                .chain(more.iter().map(|it| it["seq"].as_u64().unwrap()))
                .collect()
        }
    };
    post(&serving.url, "/v1/consumers/in/ack", &json!({ "ack": rest }).to_string());
    wait_for("all are accepted", || {
        has(&[
            format!("milena_lag_records{{{labels},partition=\"0\"}} 0"),
            format!("milena_records_in_flight{{{labels}}} 0"),
            format!("milena_records_delivered_total{{{labels}}} 2"),
            format!("milena_records_skipped_total{{{labels}}} 1"),
        ])
    });
    serving.stop();
}

/// ThingsBoard's own connector behind its "rest api call" node, and somebody who reads what it sends.
fn thingsboard() -> String {
    let example = root().join("examples/thingsboard-rest.toml");
    let reader = "\n[[steps]]\nname = \"in\"\nconnector = \"elasticio\"\ntrigger = \"consume\"\n\
                  config = { topic = \"telemetry.thermostat\", groupId = \"g\" }\n\
                  sink = { type = \"poll\" }\n";
    format!("{}{reader}", fs::read_to_string(example).unwrap())
}

#[test]
fn thingsboards_rest_node_gets_its_input_back_with_offset_partition_and_topic() {
    let serving = Serving::up(&thingsboard(), &[]);
    let url = &serving.url;
    let line = "POST /v1/connectors/kafka/rest";
    let data = "{ \"serialNumber\" : \"T-17\", \"temperature\": 18.50 }";
    // As the node's headers have it: all of the metadata in one, or a text in each.
    let whole = r#"milena-metadata: {"deviceType":"thermostat","deviceName":"Büro 1"}"#;
    let each = ["milena-metadata-deviceType: thermostat", "Milena-Type: ALARM"];
    let reply = send(url, line, &[whole], data);
    assert_eq!((reply.status, reply.text().as_str()), (200, data));
    assert_eq!(reply.message.header("topic"), Some("telemetry.thermostat"));
    assert_eq!(reply.message.header("offset"), Some("0"));
    let partition = reply.message.header("partition").unwrap().to_owned();
    let records = serving.poll(1);
    assert_eq!(records[0]["record"]["value"], data);
    assert_eq!(records[0]["record"]["key"], "T-17");
    assert_eq!(records[0]["record"]["partition"], partition);

    // A header's name comes in lower case, so that the pattern's name is not found.
    let reply = send(url, line, &each, data);
    assert_eq!(error(&reply), (502, "NOT_DELIVERED".to_owned(), false), "{}", reply.text());
    serving.stop();
}

#[test]
fn what_thingsboards_node_refuses_is_no_2xx() {
    let serving = Serving::up(&thingsboard(), &[]);
    let url = &serving.url;
    let line = "POST /v1/connectors/kafka/rest";
    let metadata = r#"Milena-Metadata: {"deviceType":"thermostat"}"#;
    let refused = send(url, line, &[metadata], "no JSON");
    let (status, code, is_retriable) = error(&refused);
    assert_eq!((status, code.as_str(), is_retriable), (422, "INPUT", false));
    let refused = send(url, line, &["Milena-Metadata: 7"], "{}");
    assert_eq!(error(&refused).0, 400);
    let refused = send(url, line, &[r#"Milena-Metadata: {"a":{"b":1}}"#], "{}");
    assert_eq!(error(&refused).0, 422);
    serving.stop();
}

#[test]
fn a_body_is_no_longer_than_the_limit_however_it_comes() {
    let serving = Serving::up(FLOW, &["--max-body-bytes", "200"]);
    let address = serving.url.strip_prefix("http://").unwrap();
    let head =
        "POST /v1/connectors/out/produce HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("64\r\n{}\r\n", "x".repeat(100));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It has no end, and needs none to be refused.
    stream.write_all(format!("{head}{chunk}{chunk}{chunk}").as_bytes()).unwrap();
    let mut first = String::new();
    BufReader::new(stream).read_line(&mut first).unwrap();
    assert!(first.starts_with("HTTP/1.1 413 "), "{first}");
    assert_eq!(post(&serving.url, "/v1/connectors/out/produce", ARRIVED).status, 200);
    serving.stop();
}

#[test]
fn a_stop_answers_the_requests_that_are_there_and_delivers_what_is_on_its_way() {
    let (entered, has_entered) = channel();
    let webhook = Webhook::start(move |_, _| {
        entered.send(()).unwrap();
        thread::park_timeout(Duration::from_millis(500));
        200
    });
    let sink = format!("sink = {{ type = \"webhook\", url = \"{}\" }}", webhook.url);
    let flow = FLOW.replace("sink = { type = \"poll\", ackTimeoutMs = 600000 }", &sink);
    let cluster = Cluster::start(Broker::builder().topic("cars", 1));
    let address = cluster.address();
    let mut serving = Serving::up(&flow, &["--brokers", &address]);
    post(&serving.url, "/v1/connectors/out/produce", ARRIVED);
    has_entered.recv_timeout(PATIENCE).unwrap();
    // A request whose body is not whole yet.
    let body = format!("{ARRIVED}\n");
    let mut stream = TcpStream::connect(serving.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /v1/connectors/out/produce HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 100 "), "the request is there: {line}");
    serving.program.signal(Signal::TERM);
    serving.program.wait_for_error("interrupted");
    stream.write_all(body.as_bytes()).unwrap();
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("HTTP/1.1 200 ") && rest.contains("baseOffset"), "{rest}");
    let ended = serving.program.wait();
    assert_eq!(ended.code, Some(143), "{}", ended.stderr);
    // The first record was with the webhook when the stop came: it is delivered, and committed.
    assert_eq!(webhook.wait_for(1).len(), 1);
    let left = cluster.run("consume", "-t cars -g crm -e --json", "");
    let offsets: Vec<Value> = left.json().into_iter().map(|it| it["offset"].clone()).collect();
    assert_eq!(offsets, [json!(1)], "{}", left.stderr);
    cluster.stop();
}

#[test]
fn without_the_token_nothing_is_told_but_up_or_down() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets");
    fs::write(&file, "TOKEN=open sesame\n").unwrap();
    only_for_owner(&file);
    let options = ["--secrets", file.to_str().unwrap(), "--token", "{{secrets.TOKEN}}"];
    let serving = Serving::up(FLOW, &options);
    let url = &serving.url;
    let produce = "POST /v1/connectors/out/produce";
    for headers in [&[][..], &["authorization: Bearer open"], &["authorization: Basic open sesame"]]
    {
        let reply = send(url, produce, headers, ARRIVED);
        assert_eq!(error(&reply), (401, "UNAUTHORIZED".to_owned(), false));
        assert_eq!(reply.message.header("www-authenticate"), Some("Bearer"));
        assert_eq!(send(url, "GET /metrics", headers, "").status, 401);
        assert_eq!(send(url, "GET /healthz", headers, "").json(), json!({ "status": "UP" }));
    }
    let known = ["authorization: Bearer open sesame"];
    assert_eq!(send(url, produce, &known, ARRIVED).status, 200);
    assert!(send(url, "GET /healthz", &known, "").json()["steps"].is_array());
    let ended = serving.stop();
    assert!(!ended.stderr.contains("open sesame"), "{}", ended.stderr);
    let ended = run(folder.path(), &["serve", "flow.toml", "--token", "open sesame"], "");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
}

pub(crate) fn only_for_owner(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_flow_that_is_served_does_not_run_without_a_server() {
    let folder = flow_folder(FLOW);
    let ended = run(folder.path(), &["run", "flow.toml"], "");
    assert_eq!(ended.code, Some(2));
    let expected = "milena: step \"out\" is reached over HTTP: expected `milena serve`";
    assert_eq!(ended.last_error(), expected);
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let folder = flow_folder(FLOW);
    fs::write(folder.path().join("no.pem"), "no certificate").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let in_use = format!("milena: cannot listen on {taken}: Address already in use");
    for (options, code, message) in [
        (&["--listen", &taken][..], 1, in_use.as_str()),
        (&["--listen", &taken], 1, "--listen names another port, 0 any"),
        (&["--listen", "localhost"], 2, "--listen localhost: it must be ADDRESS:PORT"),
        (&["--listen", "localhost:x"], 2, "--listen localhost:x: it must be ADDRESS:PORT"),
        (
            &["--tls-cert", "a.pem", "--tls-key", "b.pem"],
            2,
            "milena: a.pem cannot be read: No such",
        ),
        (&["--tls-cert", "no.pem", "--tls-key", "no.pem"], 2, "milena: no.pem is no usable PEM"),
        (&["--tls-cert", "a.pem"], 2, "--tls-key <FILE>"),
        (&["--client-ca", "a.pem"], 2, "--tls-cert <FILE>"),
        (&["--max-connections", "0"], 2, "expected 1 or more"),
        (&["--token", "secrets.NONE"], 2, "--token: secret with name 'NONE' is not available"),
    ] {
        let ended = run(folder.path(), &[&["serve", "flow.toml"], options].concat(), "");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(message), "{message:?} is not in {:?}", ended.stderr);
        assert!(code == 2 || ended.stderr.lines().count() == 1, "{}", ended.stderr);
    }
}

#[test]
fn a_flow_is_checked_before_its_url_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to, message) in [
        ("topic = \"cars\" }", "topc = \"cars\" }", "flow.toml: 2 problems"),
        ("input = \"http\"", "input = \"no.jsonl\"", "no.jsonl: No such file"),
        (
            "[[steps]]\nname = \"out\"",
            "properties.acks = 9\n[[steps]]\nname = \"out\"",
            "acks: \"9\"",
        ),
    ] {
        assert!(FLOW.contains(from), "{from}");
        fs::write(folder.path().join("flow.toml"), FLOW.replacen(from, to, 1)).unwrap();
        let ended = run(folder.path(), &["serve", "flow.toml", "--listen", "127.0.0.1:0"], "");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);
        assert!(ended.last_error().contains(message), "{}", ended.stderr);
    }
}

#[test]
fn secrets_are_put_into_a_flow_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let flow = FLOW.replace("topic = \"cars\" }", "topic = \"{{secrets.TOPIC}} x\" }");
    fs::write(folder.path().join("flow.toml"), &flow).unwrap();
    let file = folder.path().join("secrets");
    fs::write(&file, "TOPIC=hush\n").unwrap();
    only_for_owner(&file);
    let ended = run(folder.path(), &["run", "flow.toml", "--secrets", "secrets"], "");
    assert_eq!(ended.code, Some(2));
    assert!(!ended.stderr.contains("hush"), "{}", ended.stderr);
    assert!(ended.stderr.contains("line 10, column 20"), "{}", ended.stderr);
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let ended = run(folder.path(), &["run", "flow.toml", "--secrets", "secrets"], "");
    let refused = "milena: --secrets: secrets has the permissions 644";
    assert!(ended.stderr.starts_with(refused), "{}", ended.stderr);
    let options = ["run", "flow.toml", "--secrets", "secrets", "--secrets-any-access"];
    let ended = run(folder.path(), &options, "");
    assert!(ended.stderr.contains("line 10, column 20: steps[1]"), "{}", ended.stderr);
    let ended = run(folder.path(), &["run", "flow.toml"], "");
    let expected =
        "line 10, column 20: steps[1].config.topic: secret with name 'TOPIC' is not available";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

#[test]
fn the_example_can_be_tried() {
    let flow = fs::read_to_string(root().join("examples/webhook.toml")).unwrap();
    let serving = Serving::up(&flow, &[]);
    let reply = post(&serving.url, "/v1/connectors/cars/produce", ARRIVED);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let reply = post(&serving.url, "/v1/consumers/inbox/poll?max=10&timeoutMs=60000", "");
    assert_eq!(reply.json()["records"][0]["record"]["value"], "arrived");
    let reply = post(&serving.url, "/v1/consumers/inbox/ack", "{\"ack\":[1]}");
    assert_eq!(reply.json(), json!({ "settled": [1], "unknown": [] }));
    serving.stop();
}

#[test]
fn the_example_of_ballerina_pushes_what_is_posted() {
    let webhook = Webhook::start(|_, _| 200);
    let flow = fs::read_to_string(root().join("examples/ballerina-http.toml")).unwrap();
    let serving = Serving::up(&flow.replace("http://127.0.0.1:9000/orders", &webhook.url), &[]);
    let record = json!({ "topic": "orders", "key": "order-1", "value": { "price": 10.75 } });
    let reply = post(&serving.url, "/v1/connectors/orders/produce", &record.to_string());
    assert_eq!(reply.json()["outputs"][0]["topic"], "orders", "{}", reply.text());
    let pushed = webhook.wait_for(1)[0].json();
    assert_eq!(
        (&pushed["key"], &pushed["value"]),
        (&json!("order-1"), &json!("{\"price\":10.75}"))
    );
    serving.stop();
}

#[test]
fn with_mutual_tls_only_those_with_a_certificate_get_in() {
    let certificates = root().join("crates/tls/tests/certificates");
    let file = |name: &str| certificates.join(name).to_str().unwrap().to_owned();
    let (chain, key, ca) = (file("broker.pem"), file("broker.key"), file("ca.pem"));
    let options = ["--tls-cert", &chain, "--tls-key", &key, "--client-ca", &ca];
    let serving = Serving::start(FLOW, &options);
    let url = format!("{}/healthz", serving.url);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ask = |settings: HttpSettings| {
        let client = HttpClient::new(settings).unwrap();
        let request = Request::get(&url).body(Bytes::new()).unwrap();
        runtime.block_on(client.send(request, PATIENCE))
    };
    let trusting =
        || HttpSettings::new().trust(Trust::Pem(PemSource::File(certificates.join("ca.pem"))));
    let own = ClientCertificate {
        chain: PemSource::File(certificates.join("client.pem")),
        key: Some(PemSource::File(certificates.join("client.key"))),
    };
    wait_for("it does not come up", || {
        ask(trusting().client_certificate(own.clone())).unwrap().status() == 200
    });
    ask(trusting()).unwrap_err();
    serving.stop();
}

#[test]
fn connectors_are_listed_and_described() {
    let root = root();
    let ended = run(&root, &["connectors", "list"], "");
    assert!(ended.stdout.starts_with("elasticio"), "{}", ended.stdout);
    let ended = run(&root, &["connectors", "describe", "elasticio"], "");
    assert!(ended.stdout.contains("groupId"), "{}", ended.stdout);
    let ended = run(&root, &["connectors", "describe", "elasticio", "--json"], "");
    let described: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(described["name"], "elasticio");
    let ended = run(&root, &["connectors", "describe", "elasticio", "--markdown"], "");
    assert!(ended.stdout.contains("| `groupId` |"), "{}", ended.stdout);
    let ended = run(&root, &["connectors", "describe", "elasticoi"], "");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("did you mean \"elasticio\"?"), "{}", ended.stderr);
}
