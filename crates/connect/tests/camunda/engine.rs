//! Flows between Kafka and Camunda's engine: jobs in, messages out, and everything that goes wrong between.

use std::{io, sync::Arc};

use futures_util::FutureExt as _;
use milena::config::Secret;
use milena_broker::{Broker, Fault as BrokerFault};
use milena_connect::{
    Connection,
    connector::BoxFuture,
    flow::{Flow, Input},
    runtime::{self, Host, InputReader, RunError, Stop},
    secrets::Secrets,
};
use milena_wire::{ApiKey, ErrorCode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{
    PATIENCE, broker, committed,
    fake::{Fake, Fault, certificate},
    messages, raw,
};

/// Keeps what a run writes.
#[derive(Default)]
struct Kept(Mutex<String>);

impl Host for Kept {
    fn open<'a>(&'a self, _: &'a Input) -> BoxFuture<'a, io::Result<InputReader>> {
        async { Err(io::Error::other("there are no inputs")) }.boxed()
    }

    fn write(&self, lines: String) -> BoxFuture<'_, io::Result<()>> {
        self.0.lock().push_str(&lines);
        async { Ok(()) }.boxed()
    }
}

/// A flow that runs.
struct Run {
    stop: Stop,
    host: Arc<Kept>,
    task: JoinHandle<Result<(), RunError>>,
}

impl Run {
    fn start(text: &str, connection: &Connection) -> Self {
        let secrets = Secrets::new(|name: &str| match name {
            "TOPIC" => Some(Secret::from("orders")),
            "NOWHERE" => Some(Secret::from("a secret topic")),
            _ => None,
        });
        let flow = Flow::parse_with(text, &secrets).unwrap();
        let connection = flow.connection(connection.brokers.clone(), false);
        let (stop, host) = (Stop::default(), Arc::<Kept>::default());
        let (stopping, kept) = (stop.clone(), Arc::clone(&host));
        let task = tokio::spawn(async move {
            runtime::run(&flow, &connection, kept, Arc::default(), &stopping).await
        });
        Self { stop, host, task }
    }

    async fn ended(self) -> Result<Vec<Value>, String> {
        let ended = tokio::time::timeout(PATIENCE, self.task).await.expect("it ends").unwrap();
        let lines =
            self.host.0.lock().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        ended.map(|()| lines).map_err(|error| error.to_string())
    }

    async fn stopped(self) -> Vec<Value> {
        self.stop.stop();
        self.ended().await.unwrap()
    }
}

/// A worker of this engine; `camunda` and `jobs` are more of those tables.
fn worker(fake: &Fake, camunda: &str, jobs: &str) -> String {
    format!(
        "name = \"worker\"\nbrokers = \"a:1\"\n[camunda]\nurl = \"{}\"\n{camunda}\n\
         [[steps]]\nname = \"kafka\"\nconnector = \"camunda-outbound\"\naction = \"work\"\n\
         input = \"camunda\"\nconfig = {{}}\n[steps.jobs]\nrequestTimeoutMs = 2000\n{jobs}\n",
        fake.url
    )
}

/// A publisher of what is in the topic; `sink` and `step` are more of those tables.
fn publisher(fake: &Fake, camunda: &str, sink: &str, step: &str) -> String {
    format!(
        "name = \"publisher\"\nbrokers = \"a:1\"\n[camunda]\nurl = \"{}\"\n{camunda}\n\
         [[steps]]\nconnector = \"camunda-inbound\"\ntrigger = \"consume\"\n\
         retryBackoffMs = 5\nretryBackoffMaxMs = 50\n{step}\n\
         [steps.sink]\ntype = \"camunda\"\n{sink}\n\
         [steps.config]\ngroupId = \"process\"\nautoOffsetReset = \"earliest\"\n\
         messageName = \"order\"\ncorrelationKeyExpression = \"=key\"\nresultVariable = \"m\"\n\
         topic = {{ bootstrapServers = \"nowhere:1\", topicName = \"orders\" }}\n",
        fake.url
    )
}

fn variables(key: &str) -> Value {
    json!({
        "topic": { "bootstrapServers": "nowhere:1", "topicName": "orders" },
        "message": { "key": key, "value": { "of": key } },
    })
}

async fn keys(connection: &Connection, count: usize) -> Vec<Value> {
    let messages = messages(connection, json!({ "groupId": format!("all-{count}") }), count).await;
    messages.into_iter().map(|message| message["key"].clone()).collect()
}

fn end(broker: &Broker) -> i64 {
    broker.offsets("orders", 0).unwrap().1
}

#[tokio::test]
async fn each_job_is_done_and_the_engine_is_told_what_became_of_it() {
    let (broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    fake.add_job(
        "1",
        json!({ "resultVariable": "sent", "resultExpression": "={at: response.offset}" }),
        variables("one"),
    );
    let mut secret = variables("two");
    secret["topic"]["topicName"] = "{{secrets.TOPIC}}".into();
    secret["headers"] = json!("={trace: message.key}");
    fake.add_job("2", json!({}), secret);
    let mut wrong = variables("three");
    wrong["topic"] = json!({ "topicName": 7 });
    fake.add_job("3", json!({}), wrong);
    let raised = json!({ "errorExpression": "=bpmnError(\"LATE\", \"too late\", {by: offset})" });
    fake.add_job("4", raised, variables("four"));
    fake.add_job("5", json!({ "retryBackoff": "soon" }), variables("five"));
    let run = Run::start(&worker(&fake, "", "maxJobsToActivate = 1"), &connection);
    fake.until(|state| state.told.len() == 5).await;
    let lines = run.stopped().await;

    let told = fake.told();
    let commands: Vec<_> =
        told.iter().map(|(key, command, _)| format!("{key} {command}")).collect();
    assert_eq!(commands, ["1 completion", "2 completion", "3 failure", "4 error", "5 failure"]);
    let sent = &told[0].2["variables"];
    assert_eq!((&sent["at"], &sent["sent"]["topic"]), (&json!(0), &json!("orders")));
    assert_eq!(told[1].2, json!({ "variables": {} }));
    assert_eq!(told[2].2["retries"], 0);
    let message = told[2].2["errorMessage"].as_str().unwrap();
    assert!(message.contains("config.topic.bootstrapServers is missing"), "{message}");
    assert_eq!(
        told[3].2,
        json!({ "errorCode": "LATE", "errorMessage": "too late", "variables": { "by": 2 } })
    );
    let message = told[4].2["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("retryBackoff is \"soon\""), "{message}");
    assert_eq!(lines[3]["command"], "error", "each outcome is a line");
    assert_eq!(keys(&connection, 3).await, ["one", "two", "four"]);
    let system = json!({ "compatibility": "current", "groupId": "system" });
    let read = messages(&connection, system, 3).await;
    assert_eq!(read[1]["headers"], json!({ "trace": "two" }));
    assert_eq!(end(&broker), 3, "what is wrong is not sent");

    let asked = fake.with(|state| state.asked_for("/v2/jobs/activation"));
    assert_eq!(
        asked[0].body,
        json!({
            "type": "io.camunda:connector-kafka:1", "worker": "kafka", "timeout": 300_000,
            "maxJobsToActivate": 1, "requestTimeout": 2000,
            "fetchVariable": [
                "authentication", "serializationType", "avro", "schemaStrategy", "topic", "headers",
                "additionalProperties", "message",
            ],
        })
    );
}

#[tokio::test]
async fn an_engine_that_is_busy_or_gone_is_asked_again_and_told_again() {
    let (broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    fake.with(|state| {
        state.fail(
            "activation",
            [Fault::Answer(503, Some("0")), Fault::Answer(429, None), Fault::Close],
        );
        state
            .fail("completion", [Fault::Answer(503, None), Fault::Close, Fault::Answer(500, None)]);
    });
    fake.add_job("1", json!({}), variables("one"));
    let run = Run::start(&worker(&fake, "", ""), &connection);
    fake.until(|state| state.told.len() == 1).await;
    run.stopped().await;
    assert_eq!(fake.told()[0].1, "completion");
    assert_eq!(end(&broker), 1, "it is sent once, however often it is told");
}

#[tokio::test]
async fn an_engine_that_goes_away_is_waited_for() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    fake.add_job("1", json!({}), variables("one"));
    let run = Run::start(&worker(&fake, "", ""), &connection);
    fake.until(|state| state.told.len() == 1).await;
    let fake = fake.restarted().await;
    fake.add_job("2", json!({}), variables("two"));
    fake.until(|state| state.told.len() == 1).await;
    let lines = run.stopped().await;
    assert_eq!((lines.len(), lines[1]["jobKey"].as_str()), (2, Some("2")));
}

#[tokio::test]
async fn how_long_a_busy_engine_wants_to_be_left_alone_counts() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    fake.with(|state| state.fail("activation", [Fault::Answer(503, Some("1"))]));
    fake.add_job("1", json!({}), variables("one"));
    let from = std::time::Instant::now();
    let run = Run::start(&worker(&fake, "", ""), &connection);
    fake.until(|state| state.told.len() == 1).await;
    assert!(from.elapsed() >= std::time::Duration::from_secs(1), "{:?}", from.elapsed());
    run.stopped().await;
}

#[tokio::test]
async fn a_failure_to_send_takes_a_retry_and_the_job_comes_again() {
    let (broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    let code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    broker.faults().inject(BrokerFault::on(ApiKey::PRODUCE).error(code));
    fake.add_job("1", json!({ "retryBackoff": "PT7S" }), variables("one"));
    let run = Run::start(&worker(&fake, "", ""), &connection);
    fake.until(|state| state.told.len() == 2).await;
    run.stopped().await;
    let told = fake.told();
    let (_, command, body) = &told[0];
    assert_eq!(
        (command.as_str(), &body["retries"], &body["retryBackOff"]),
        ("failure", &json!(2), &json!(7000))
    );
    assert_eq!(body["variables"]["error"]["code"], "FAIL");
    let message = body["errorMessage"].as_str().unwrap();
    let expected = "Error during Kafka Producer execution; error message: [";
    assert!(message.starts_with(expected) && message.ends_with(']'), "{message}");
    assert_eq!(told[1].1, "completion");
    assert_eq!(end(&broker), 1);
}

#[tokio::test]
async fn an_outcome_that_the_engine_refuses_becomes_a_failure_and_a_job_that_is_gone_is_let_go() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    fake.with(|state| {
        state.fail("jobs/1/completion", [Fault::Answer(400, None)]);
        state.fail("jobs/2/completion", [Fault::Answer(404, None)]);
        state.fail("jobs/3/completion", [Fault::Answer(409, None)]);
    });
    ["1", "2", "3", "4"].iter().for_each(|key| fake.add_job(key, json!({}), variables(key)));
    let run = Run::start(&worker(&fake, "", "maxJobsToActivate = 1"), &connection);
    fake.until(|state| state.told.len() == 2).await;
    let lines = run.stopped().await;
    let told = fake.told();
    assert_eq!((told[0].0.as_str(), told[0].1.as_str()), ("1", "failure"));
    assert_eq!(told[0].2["retries"], 0);
    let message = told[0].2["errorMessage"].as_str().unwrap();
    let expected = "the engine refused to take the completion of job 1 (400 Bad Request): FAULT";
    assert!(message.starts_with(expected), "{message}");
    assert_eq!((told[1].0.as_str(), told[1].1.as_str()), ("4", "completion"));
    assert_eq!(lines.len(), 2, "what nobody knows of is no line");
    let asked = fake.with(|state| state.asked_for("jobs/2/"));
    assert_eq!(asked.len(), 1, "it is told once");
}

#[tokio::test]
async fn a_job_whose_time_is_over_is_let_go_and_done_by_whoever_is_given_it() {
    let (broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    let busy = || Fault::Answer(503, Some("5"));
    fake.with(|state| state.fail("completion", [busy()]));
    fake.add_job("1", json!({}), variables("one"));
    let run = Run::start(&worker(&fake, "", "timeoutMs = 1000"), &connection);
    fake.until(|state| state.told.len() == 1).await;
    run.stopped().await;
    assert_eq!(end(&broker), 2, "at least once: the second try writes it again");
    assert_eq!(fake.with(|state| state.asked_for("completion")).len(), 2);
}

#[tokio::test]
async fn a_task_can_want_more_time_for_its_job() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    fake.with(|state| state.fail("completion", [Fault::Answer(503, Some("2"))]));
    fake.add_job("1", json!({ "jobTimeout": "PT1M" }), variables("one"));
    let run = Run::start(&worker(&fake, "", "timeoutMs = 1000"), &connection);
    fake.until(|state| state.told.len() == 1).await;
    run.stopped().await;
    let asked = fake.with(|state| state.asked_for("PATCH"));
    assert_eq!((asked.len(), &asked[0].body), (1, &json!({ "changeset": { "timeout": 60_000 } })));
}

#[tokio::test]
async fn a_stop_finishes_the_jobs_in_hand() {
    let (broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    fake.with(|state| {
        state.fail("completion", [Fault::Answer(503, None), Fault::Answer(503, None)])
    });
    fake.add_job("1", json!({}), variables("one"));
    let run = Run::start(&worker(&fake, "", ""), &connection);
    fake.until(|state| !state.asked_for("completion").is_empty()).await;
    assert_eq!(run.stopped().await.len(), 1);
    assert_eq!(fake.told().len(), 1);
    assert_eq!(end(&broker), 1);
}

#[tokio::test]
async fn who_asks_is_said_by_a_password_or_by_a_token_that_is_replaced_when_it_is_refused() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    fake.with(|state| state.authorization = Some("Basic ZGVtbzpodXNo".to_owned()));
    fake.add_job("1", json!({}), variables("one"));
    let basic = "basic = { username = \"demo\", password = \"hush\" }";
    let run = Run::start(&worker(&fake, basic, ""), &connection);
    fake.until(|state| state.told.len() == 1).await;
    run.stopped().await;

    fake.with(|state| state.authorization = Some("Bearer token-1".to_owned()));
    fake.add_job("2", json!({}), variables("two"));
    let oauth = format!(
        "oauth = {{ tokenUrl = \"{}/oauth/token\", clientId = \"me\", clientSecret = \"hush\", \
         audience = \"engine\" }}",
        fake.url
    );
    let run = Run::start(&worker(&fake, &oauth, ""), &connection);
    fake.until(|state| state.told.len() == 2).await;
    assert_eq!(fake.with(|state| state.asked_for("oauth")).len(), 1, "a token is kept");
    fake.with(|state| state.authorization = Some("Bearer token-2".to_owned()));
    fake.add_job("3", json!({}), variables("three"));
    fake.until(|state| state.told.len() == 3).await;
    run.stopped().await;

    let error = Run::start(&worker(&fake, basic, ""), &connection).ended().await.unwrap_err();
    assert_eq!(
        error,
        "jobs: the engine refused to activate jobs (401 Unauthorized): UNAUTHORIZED: who are you?; \
         check the credentials of the flow's table camunda"
    );
    let wrong = oauth.replace("\"hush\"", "\"guess\"");
    let error = Run::start(&worker(&fake, &wrong, ""), &connection).ended().await.unwrap_err();
    assert!(error.starts_with("jobs: there is no token for the engine: "), "{error}");
    assert!(error.contains("invalid_client") && !error.contains("guess"), "{error}");
}

#[tokio::test]
async fn an_engine_of_a_private_authority_is_trusted_when_the_flow_says_so() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start_tls().await;
    raw(&connection, &[(Some("k"), Some(b"1"))]).await;
    let error = Run::start(&worker(&fake, "", ""), &connection).ended().await.unwrap_err();
    assert!(
        error.starts_with("jobs: the engine did not answer to activate jobs: no TLS"),
        "{error}"
    );
    let tls = format!("tls = {{ ca = {:?} }}", certificate("ca.pem"));
    let run = Run::start(&publisher(&fake, &tls, "", ""), &connection);
    fake.until(|state| state.messages.len() == 1).await;
    run.stopped().await;
    let store = certificate("../stores/java-trust.jks");
    let tls = format!("tls = {{ ca = {store:?}, caPassword = \"changeit\" }}");
    fake.add_job("1", json!({}), variables("one"));
    let run = Run::start(&worker(&fake, &tls, ""), &connection);
    fake.until(|state| state.told.len() == 1).await;
    run.stopped().await;
    let bad = "tls = { ca = \"/nowhere.pem\" }";
    let error = Run::start(&worker(&fake, bad, ""), &connection).ended().await.unwrap_err();
    assert!(error.starts_with("camunda: ") && error.contains("/nowhere.pem"), "{error}");
}

#[tokio::test]
async fn what_the_engine_does_not_take_is_not_committed_until_it_does() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    raw(&connection, &[(Some("k"), Some(b"{\"id\":1}"))]).await;
    fake.with(|state| state.fail("publication", (0..100).map(|_| Fault::Answer(503, None))));
    let run = Run::start(&publisher(&fake, "", "", ""), &connection);
    fake.until(|state| state.asked_for("publication").len() >= 3).await;
    assert_eq!(committed(&connection).await, None);
    fake.with(|state| state.faults.clear());
    fake.until(|state| state.messages.len() == 1).await;
    run.stopped().await;
    assert_eq!(committed(&connection).await, Some(1));
    let messages = fake.with(|state| state.messages.clone());
    assert_eq!(
        messages,
        [json!({
            "name": "order", "correlationKey": "k", "timeToLive": 3_600_000,
            "messageId": "orders-0-0",
            "variables": { "m": { "key": "k", "rawValue": "{\"id\":1}", "value": { "id": 1 } } },
        })]
    );
}

#[tokio::test]
async fn a_message_that_the_engine_has_already_counts_as_taken() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    raw(&connection, &[(Some("a"), Some(b"1")), (Some("b"), Some(b"2"))]).await;
    fake.with(|state| state.messages.push(json!({ "messageId": "orders-0-0" })));
    let run = Run::start(&publisher(&fake, "", "tenantId = \"acme\"", ""), &connection);
    fake.until(|state| state.messages.len() == 2).await;
    run.stopped().await;
    assert_eq!(committed(&connection).await, Some(2));
    let statuses = fake.with(|state| state.asked_for("publication"));
    assert_eq!(statuses.iter().map(|asked| asked.status).collect::<Vec<_>>(), [409, 200]);
    assert_eq!(statuses[1].body["tenantId"], "acme");
}

#[tokio::test]
async fn a_message_that_the_engine_refuses_is_left_to_the_policy() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    raw(&connection, &[(Some("a"), Some(b"1")), (Some("b"), Some(b"2"))]).await;
    fake.with(|state| state.fail("publication", [Fault::Answer(400, None)]));
    let skip = publisher(&fake, "", "", "onPoison = \"skip\"");
    let run = Run::start(&skip, &connection);
    fake.until(|state| state.messages.len() == 1).await;
    run.stopped().await;
    assert_eq!(committed(&connection).await, Some(2));
    assert_eq!(fake.with(|state| state.messages[0]["correlationKey"].clone()), "b");
}

#[tokio::test]
async fn a_correlated_message_waits_for_somebody_who_waits_for_it() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    raw(&connection, &[(Some("a"), Some(b"1"))]).await;
    let run = Run::start(&publisher(&fake, "", "operation = \"correlation\"", ""), &connection);
    fake.until(|state| state.asked_for("correlation").len() >= 2).await;
    assert_eq!(committed(&connection).await, None);
    fake.with(|state| state.waiting.insert("order".to_owned()));
    fake.until(|state| state.messages.len() == 1).await;
    run.stopped().await;
    assert_eq!(committed(&connection).await, Some(1));
    let message = fake.with(|state| state.messages[0].clone());
    assert!(message.get("messageId").is_none() && message.get("timeToLive").is_none(), "{message}");
}

#[tokio::test]
async fn no_secret_of_a_job_is_told_to_the_engine() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    let mut secret = variables("one");
    secret["topic"]["topicName"] = "{{secrets.NOWHERE}}".into();
    fake.add_job("1", json!({}), secret);
    let mut unknown = variables("two");
    unknown["message"]["value"] = "{{secrets.UNKNOWN}}".into();
    fake.add_job("2", json!({}), unknown);
    let run = Run::start(&worker(&fake, "", "maxJobsToActivate = 1"), &connection);
    fake.until(|state| state.told.len() == 2).await;
    run.stopped().await;
    let told = fake.told();
    let of = |key: &str| told.iter().find(|(known, ..)| known == key).unwrap().2.to_string();
    assert!(of("1").contains("***") && !of("1").contains("a secret topic"), "{}", of("1"));
    assert!(of("2").contains("secret with name 'UNKNOWN' is not available"), "{}", of("2"));
}

#[tokio::test]
async fn the_example_stands_between_the_engine_and_kafka() {
    let (_broker, connection) = broker(1).await;
    let fake = Fake::start().await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/camunda-engine.toml");
    let text = std::fs::read_to_string(file).unwrap();
    let run = Run::start(&text.replace("http://localhost:8080", &fake.url), &connection);
    let mut order = variables("o-1");
    order["message"]["value"] = json!({ "itemId": "a4f6j2", "correlationKey": "mine" });
    fake.add_job("1", json!({}), order);
    fake.add_job("2", json!({}), variables("o-2"));
    fake.until(|state| state.told.len() == 2 && state.messages.len() == 1).await;
    run.stopped().await;
    let message = fake.with(|state| state.messages[0].clone());
    assert_eq!(
        (&message["name"], &message["correlationKey"]),
        (&json!("order-changed"), &json!("mine"))
    );
    assert_eq!(message["variables"], json!({ "itemId": "a4f6j2" }));
}

#[test]
fn a_flow_names_what_it_lacks_for_the_engine() {
    let fake = "http://127.0.0.1:1";
    let step = "[[steps]]\nconnector = \"camunda-outbound\"\nconfig = {}\ninput = \"camunda\"\n";
    let produce = "[[steps]]\nconnector = \"camunda-outbound\"\naction = \"produce\"\ninput = \"camunda\"\n\
                   config = { topic = { bootstrapServers = \"a:1\", topicName = \"t\" } }\n";
    let consume = "[[steps]]\nconnector = \"camunda-inbound\"\ntrigger = \"consume\"\n\
                   sink = { type = \"camunda\" }\n\
                   config = { groupId = \"g\", topic = { bootstrapServers = \"a:1\", topicName = \"t\" } }\n";
    for (text, expected) in [
        (
            format!("name = \"x\"\n{step}action = \"work\"\n"),
            "steps[1].input is \"camunda\", but the flow has no table camunda, which says where the engine is",
        ),
        (
            format!("name = \"x\"\ncamunda = {{ url = \"{fake}\" }}\n{produce}"),
            "steps[1].input is \"camunda\", but this action takes no jobs: expected work",
        ),
        (
            format!("name = \"x\"\ncamunda = {{ url = \"{fake}\" }}\n{consume}"),
            "steps[1].sink is of type camunda, but its config has no messageName, which a message needs",
        ),
        (
            format!(
                "name = \"x\"\ncamunda = {{ url = \"{fake}\" }}\n{step}action = \"work\"\njobs = {{ maxJobsToActivate = 0 }}\n"
            ),
            "steps[1].jobs.maxJobsToActivate is the number 0: expected a whole number from 1 to 10000",
        ),
        (
            format!(
                "name = \"x\"\n{}",
                step.replace("\"camunda\"", "\"-\"") + "action = \"work\"\njobs = {}\n"
            ),
            "steps[1].jobs does not belong here: it goes with input = \"camunda\"",
        ),
    ] {
        let problems = Flow::parse(&text).unwrap_err().to_string();
        assert!(problems.contains(expected), "{problems}");
    }
}
