//! The clusters themselves: each release comes up, on every listener, and bears faults.

use std::net::TcpStream;

use kafka_lab::{KafkaVersion, LabOptions, Listener, probe, users::USERS};

use crate::harness::{self, V1_1, V2_0, V2_8, V3_9, V4_3, V4_4};

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;

/// The release starts, answers in the ranges that are known of it, and lets a SCRAM user in over
/// TLS by Kafka's own tool.
fn is_as_known(version: KafkaVersion, produce: (i16, i16), fetch: (i16, i16)) {
    let lab = harness::lab(version, 1);
    let supported = probe::api_versions(&lab.bootstrap(Listener::Plaintext)).unwrap();
    assert_eq!(supported.range(PRODUCE), Some(produce));
    assert_eq!(supported.range(FETCH), Some(fetch));
    for listener in Listener::FOR_CLIENTS {
        TcpStream::connect(lab.bootstrap(listener)).unwrap();
    }

    let properties = lab.folder().join("scram.properties");
    let [_, alice, _] = USERS;
    let lines = match version.is_at_least(2, 7) {
        true => harness::scram_properties(&lab, alice),
        false => harness::java_scram_properties(&lab, alice),
    };
    std::fs::write(&properties, harness::properties_text(&lines)).unwrap();
    let bootstrap = lab.bootstrap(Listener::SaslSsl);
    let arguments =
        ["--bootstrap-server", &bootstrap, "--command-config", &properties.to_string_lossy()];
    let answer = lab.tool("broker-api-versions", &arguments).unwrap();
    assert!(answer.contains("Produce(0)"), "{answer}");
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn kafka_1_1_is_as_known() {
    is_as_known(V1_1, (0, 5), (0, 7));
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn kafka_2_0_is_as_known() {
    is_as_known(V2_0, (0, 6), (0, 8));
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn kafka_2_8_is_as_known() {
    is_as_known(V2_8, (0, 9), (0, 12));
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn kafka_3_9_is_as_known() {
    is_as_known(V3_9, (0, 11), (0, 17));
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn kafka_4_3_is_as_known() {
    is_as_known(V4_3, (0, 13), (4, 18));
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn kafka_4_4_is_as_known() {
    is_as_known(V4_4, (0, 13), (4, 18));
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn a_killed_node_comes_back_with_its_topics() {
    let lab = harness::own_lab(LabOptions::new(V4_3).nodes(3));
    let topic = harness::unique("kept");
    let at = |node: u16| lab.address(node, Listener::Plaintext);
    let topics = |node: u16, arguments: &str| {
        let address = at(node);
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let whole = [&["--bootstrap-server", &address, "--topic", &topic], &arguments[..]].concat();
        lab.tool("topics", &whole).unwrap()
    };
    topics(1, "--create --partitions 3 --replication-factor 3");
    lab.kill(2).unwrap();
    assert!(probe::api_versions(&at(2)).is_err());
    assert!(lab.kill(2).is_err());
    lab.restart(2).unwrap();
    let described = topics(2, "--describe");
    assert!(described.contains("PartitionCount: 3"), "{described}");
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn a_paused_node_keeps_its_connections_and_answers_after_it_is_resumed() {
    let lab = harness::own_lab(LabOptions::new(V4_3));
    let address = lab.bootstrap(Listener::Plaintext);
    lab.pause(1).unwrap();
    TcpStream::connect(&address).unwrap();
    lab.resume(1).unwrap();
    assert_eq!(probe::api_versions(&address).unwrap().range(PRODUCE), Some((0, 13)));
}
