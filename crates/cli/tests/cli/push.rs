//! Triggers with a webhook: every record, in order, through failures and kills.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Mutex,
    thread,
    time::Duration,
};

use milena_broker::Broker;
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    http::{Request, Webhook, certificates},
    program::{Cluster, Program, flow_folder},
};

/// A flow that reads the topic `cars` from its beginning.
fn flow(webhook: &Webhook, extra: &str) -> tempfile::TempDir {
    let sink = format!("[steps.sink]\ntype = \"webhook\"\nurl = \"{}\"", webhook.url);
    flow_with(&sink, extra)
}

pub(crate) fn flow_with(sink: &str, extra: &str) -> tempfile::TempDir {
    flow_folder(&format!(
        "name = \"cars\"\nbrokers = \"embedded\"\n\
         properties = {{ \"auto.offset.reset\" = \"earliest\", \"session.timeout.ms\" = 6000 }}\n\
         [[steps]]\nconnector = \"elasticio\"\ntrigger = \"consume\"\n{extra}\n\
         config = {{ topic = \"cars\", groupId = \"crm\" }}\n{sink}\n"
    ))
}

pub(crate) fn start(folder: &tempfile::TempDir, cluster: &Cluster) -> Program {
    let address = cluster.address();
    Program::start(folder.path(), &["run", "flow.toml", "--brokers", &address])
}

/// Sends the numbers 0 to `count`, each followed by so many bytes.
pub(crate) fn produce(cluster: &Cluster, count: usize, padding: usize) {
    let padding = "x".repeat(padding);
    let lines: String = (0..count).map(|number| format!("{number} {padding}\n")).collect();
    let ended = cluster.run("produce", "-t cars -X batch.size=200000", &lines);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

fn number(request: &Request) -> usize {
    let record = request.json();
    record["value"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap()
}

/// Offsets by partition, in the order of the requests.
fn offsets(requests: &[Request]) -> BTreeMap<String, Vec<i64>> {
    let mut offsets: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for request in requests {
        let partition = request.header("milena-partition").unwrap().to_owned();
        let offset = request.header("milena-offset").unwrap().parse().unwrap();
        offsets.entry(partition).or_default().push(offset);
    }
    offsets
}

fn is_complete(requests: &[Request], count: usize) -> bool {
    let mut seen = vec![false; count];
    requests.iter().for_each(|request| seen[number(request)] = true);
    seen.into_iter().all(|seen| seen)
}

#[test]
fn a_webhook_gets_every_record_once_in_order_and_a_failing_one_gets_it_again() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 2));
    produce(&cluster, 40, 0);
    // Every seventh record fails at first, and another one is told to be there already.
    let failed = Mutex::new(BTreeSet::new());
    let webhook = Webhook::start(move |request, _| match number(request) {
        number if number % 7 == 3 && failed.lock().unwrap().insert(number) => 503,
        number if number % 7 == 5 => 409,
        _ => 204,
    });
    let folder = flow(&webhook, "retryBackoffMs = 1");
    let mut program = start(&folder, &cluster);
    let requests = webhook.wait_for(46);
    assert!(is_complete(&requests, 40), "46 requests: 40 records, 6 of them twice");
    for offsets in offsets(&requests).values_mut() {
        assert!(offsets.is_sorted(), "{offsets:?}");
    }
    let first = &requests[0];
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("milena-topic"), Some("cars"));
    let key = format!("cars-{}-0", first.header("milena-partition").unwrap());
    assert_eq!(first.header("idempotency-key"), Some(key.as_str()));
    program.signal(Signal::TERM);
    let ended = program.wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(143), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("not delivered"), "{}", ended.stderr);
    // All of it is committed.
    let left = cluster.run("consume", "-t cars -g crm -e", "");
    assert_eq!((left.code, left.stdout.as_str()), (Some(0), ""), "{}", left.stderr);
    cluster.stop();
}

#[test]
fn a_poison_record_goes_to_the_dead_letter_topic_with_its_error() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 1).topic("dead", 1));
    produce(&cluster, 5, 0);
    let webhook = Webhook::start(|request, _| if number(request) == 2 { 422 } else { 200 });
    let folder = flow(&webhook, "onPoison = \"deadLetter\"\ndeadLetterTopic = \"dead\"");
    let mut program = start(&folder, &cluster);
    webhook.wait_until(|requests| is_complete(requests, 5));
    program.wait_for_error("dead-lettered");
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code, Some(143));
    let dead = cluster.run("consume", "-t dead -e --json", "");
    let [letter] = dead.json().try_into().unwrap();
    let letter: Value = letter;
    assert_eq!(letter["value"].as_str().unwrap().trim(), "2");
    let text = letter["headers"].to_string();
    for expected in
        ["milena.error.topic", "milena.error.partition", "milena.error.offset", "milena.error.step"]
    {
        assert!(text.contains(expected), "{text}");
    }
    assert!(text.contains("422"), "{text}");
    let left = cluster.run("consume", "-t cars -g crm -e", "");
    assert_eq!((left.code, left.stdout.as_str()), (Some(0), ""), "{}", left.stderr);
    cluster.stop();
}

#[test]
fn a_poison_record_is_retried_by_default_and_skipped_where_the_flow_says_so() {
    for (policy, expected) in [("skip", vec![0, 1, 2, 3]), ("retry", vec![0, 1, 1, 1, 2, 3])] {
        let cluster = Cluster::start(Broker::builder().topic("cars", 1));
        produce(&cluster, 4, 0);
        let webhook = Webhook::start(|request, before| match number(request) {
            1 if before < 3 => 400,
            _ => 200,
        });
        let folder = flow(&webhook, &format!("onPoison = \"{policy}\"\nretryBackoffMs = 1"));
        let mut program = start(&folder, &cluster);
        let requests = webhook.wait_for(expected.len());
        assert_eq!(requests.iter().map(number).collect::<Vec<_>>(), expected, "{policy}");
        program.signal(Signal::TERM);
        assert_eq!(program.wait().code, Some(143));
        cluster.stop();
    }
}

#[test]
fn a_kill_in_the_middle_of_a_push_loses_and_skips_nothing() {
    const COUNT: usize = 300;
    let cluster = Cluster::start(Broker::builder().topic("cars", 3));
    produce(&cluster, COUNT, 0);
    let webhook = Webhook::start(|_, _| {
        thread::park_timeout(Duration::from_millis(3));
        200
    });
    let folder = flow(&webhook, "");
    let mut killed = start(&folder, &cluster);
    webhook.wait_for(COUNT / 3);
    killed.signal(Signal::KILL);
    killed.wait();
    let before = webhook.wait_for(0);
    assert!(!is_complete(&before, COUNT), "it was killed too late");
    // What the second run sends is known by a header.
    let sink = format!(
        "[steps.sink]\ntype = \"webhook\"\nurl = \"{}\"\nheaders = {{ Run = \"2\" }}",
        webhook.url
    );
    let folder = flow_with(&sink, "");
    let mut program = start(&folder, &cluster);
    let all = webhook.wait_until(|all| is_complete(all, COUNT));
    let after: Vec<_> = all.into_iter().filter(|it| it.header("run") == Some("2")).collect();
    // Each partition goes on at or before where it was, and leaves nothing out.
    let (before, after) = (offsets(&before), offsets(&after));
    for (partition, after) in after {
        let last = before.get(&partition).and_then(|before| before.last()).copied().unwrap_or(-1);
        assert!(after[0] <= last + 1, "partition {partition} skipped {last} to {}", after[0]);
        assert!(after.windows(2).all(|pair| pair[1] == pair[0] + 1), "{after:?}");
    }
    // What was taken before the kill was committed as it went: not all is given again.
    program.signal(Signal::TERM);
    assert_eq!(program.wait().code, Some(143));
    cluster.stop();
}

#[test]
#[cfg(target_os = "linux")]
fn a_slow_webhook_keeps_memory_flat() {
    const COUNT: usize = 2000;
    const RESIDENT_KIB_MAX: u64 = 64 << 10;
    for partitions in [1, 2, 4] {
        let cluster = Cluster::start(Broker::builder().topic("cars", partitions));
        produce(&cluster, COUNT, 100 << 10);
        let webhook = Webhook::start(|_, _| {
            thread::park_timeout(Duration::from_millis(10));
            200
        });
        let folder = flow(&webhook, "");
        let mut program = start(&folder, &cluster);
        webhook.wait_for(COUNT);
        let resident = program.resident_kib_max();
        println!("{partitions} partitions: {resident} KiB");
        assert!(resident < RESIDENT_KIB_MAX, "{partitions} partitions: {resident} KiB");
        program.signal(Signal::TERM);
        assert_eq!(program.wait().code, Some(143));
        cluster.stop();
    }
}

/// A flow whose webhook is told apart from others by what is in `[steps.sink]`.
fn over_tls(webhook: &Webhook, sink: &str) -> tempfile::TempDir {
    let sink = format!("[steps.sink]\ntype = \"webhook\"\nurl = \"{}\"\n{sink}", webhook.url);
    let folder = flow_with(&sink, "retryBackoffMs = 1");
    for file in ["ca.pem", "client.pem", "client.key", "encrypted.key"] {
        fs::copy(certificates().join(file), folder.path().join(file)).unwrap();
    }
    for file in ["java-trust.jks", "openssl-trust.p12", "java.p12"] {
        let stores = certificates().join("../stores").join(file);
        fs::copy(stores, folder.path().join(file)).unwrap();
    }
    folder
}

#[test]
fn a_webhook_over_tls_is_trusted_by_its_authority_and_knows_us_by_a_certificate() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 1));
    produce(&cluster, 3, 0);
    let pem = |name: &str| fs::read_to_string(certificates().join(name)).unwrap();
    let inline = format!("tls.ca = \"\"\"{}\"\"\"", pem("ca.pem"));
    let ours = "tls.certificate = \"client.pem\"\ntls.key = \"client.key\"";
    let encrypted =
        "tls.certificate = \"client.pem\"\ntls.key = \"encrypted.key\"\ntls.password = \"secret\"";
    let store = "tls.certificate = \"java.p12\"\ntls.password = \"changeit\"";
    for (wants_client, sink) in [
        (false, "tls.ca = \"ca.pem\"".to_owned()),
        (false, "tls.ca = \"java-trust.jks\"\ntls.caPassword = \"changeit\"".to_owned()),
        (true, format!("{inline}\n{ours}")),
        (true, format!("tls.ca = \"ca.pem\"\n{encrypted}")),
        (true, format!("tls.ca = \"openssl-trust.p12\"\ntls.caPassword = \"changeit\"\n{store}")),
    ] {
        let webhook = Webhook::start_tls(wants_client, |_, _| 204);
        let sink = format!("{sink}\nusername = \"ada\"\npassword = \"open sesame\"");
        let folder = over_tls(&webhook, &sink);
        let mut program = Program::start(
            folder.path(),
            // Each program reads the topic from its beginning.
            &["run", "flow.toml", "--brokers", &cluster.address(), "-X", &group(&webhook)],
        );
        let requests = webhook.wait_for(3);
        assert_eq!(requests.iter().map(number).collect::<Vec<_>>(), [0, 1, 2], "{sink}");
        let basic = Some("Basic YWRhOm9wZW4gc2VzYW1l");
        assert_eq!(requests[0].header("authorization"), basic);
        program.signal(Signal::TERM);
        assert_eq!(program.wait().code, Some(143));
    }
    cluster.stop();
}

/// A group of its own.
fn group(webhook: &Webhook) -> String {
    format!("group.id={}", webhook.url.rsplit(':').next().unwrap().replace('/', "-"))
}

#[test]
fn a_webhook_that_is_not_who_it_should_be_gets_nothing() {
    let cluster = Cluster::start(Broker::builder().topic("cars", 1));
    produce(&cluster, 1, 0);
    for (wants_client, sink, expected) in [
        // The system does not know the tests' authority.
        (false, "token = \"open sesame\"", "no TLS with https://localhost"),
        (true, "tls.ca = \"ca.pem\"\ntoken = \"open sesame\"", "https://localhost"),
    ] {
        let webhook = Webhook::start_tls(wants_client, |_, _| 204);
        let folder = over_tls(&webhook, sink);
        let mut program = start(&folder, &cluster);
        program.wait_for_error(expected);
        program.signal(Signal::TERM);
        let ended = program.wait();
        assert_eq!(ended.code, Some(143), "{}", ended.stderr);
        assert!(ended.stderr.contains("not delivered"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("sesame"), "{}", ended.stderr);
        assert!(webhook.wait_for(0).is_empty());
    }
    for (sink, expected) in [
        ("tls.ca = \"missing.pem\"", "missing.pem"),
        ("tls.ca = \"java-trust.jks\"\ntls.caPassword = \"open sesame\"", "java-trust.jks"),
        ("tls.certificate = \"ca.pem\"", "ca.pem"),
    ] {
        let webhook = Webhook::start_tls(false, |_, _| 204);
        let folder = over_tls(&webhook, sink);
        let ended = start(&folder, &cluster).wait();
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.last_error().contains("milena: step 1: "), "{}", ended.stderr);
        assert!(ended.last_error().contains(expected), "{}", ended.stderr);
        assert!(!ended.stderr.contains("sesame"), "{}", ended.stderr);
    }
    cluster.stop();
}
