//! Every listener and every mechanism of 4.3.1: a record goes there and back.

use std::sync::Arc;

use kafka_lab::users::USERS;
use kafka_lab::{Lab, Listener};
use milena::{ProducerRecord, TopicPartition};

use crate::client::{self, Access};
use crate::harness::{self, V4_3};

const MECHANISMS: [&str; 4] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"];

fn lab() -> Arc<Lab> {
    harness::lab(V4_3, 1)
}

/// Makes a topic, writes a record and reads it back.
async fn goes_round(access: Access) {
    let topic = harness::unique("listener");
    access.create_topic(&topic, 1, 1).await;
    let producer = access.producer();
    let value = format!("{topic} by way of {:?}", access.properties()[0]);
    client::send(&producer, ProducerRecord::to(&topic).value(&value)).await;
    let consumer = access.clone().with("auto.offset.reset", "earliest").consumer();
    consumer.assign([TopicPartition::new(&*topic, 0)]).unwrap();
    let records = client::read(&consumer, 1).await;
    assert_eq!(records[0].value.as_deref(), Some(value.as_bytes()));
    client::close(producer, consumer).await;
}

/// Every mechanism at a listener.
async fn every_mechanism(access: Access) {
    let [_, alice, _] = USERS;
    let package = "org.apache.kafka.common.security";
    let login = format!("username=\"{}\" password=\"{}\"", alice.name, alice.password);
    let all = MECHANISMS.map(|mechanism| {
        let jaas = match mechanism {
            "PLAIN" => format!("{package}.plain.PlainLoginModule required {login};"),
            "OAUTHBEARER" => format!(
                "{package}.oauthbearer.OAuthBearerLoginModule required \
                 unsecuredLoginStringClaim_sub=\"{}\";",
                alice.name
            ),
            _ => format!("{package}.scram.ScramLoginModule required {login};"),
        };
        let access = access.clone().with("sasl.mechanism", mechanism);
        goes_round(access.with("sasl.jaas.config", jaas))
    });
    futures_util::future::join_all(all).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn plaintext_carries_records() {
    goes_round(Access::to(&lab(), Listener::Plaintext)).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn tls_carries_records_in_both_versions() {
    let lab = lab();
    let access = Access::to(&lab, Listener::Ssl).with("security.protocol", "SSL").trusting(&lab);
    let old = access.clone().with("ssl.enabled.protocols", "TLSv1.2");
    let new = access.with("ssl.enabled.protocols", "TLSv1.3");
    tokio::join!(goes_round(old), goes_round(new));
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn a_client_certificate_opens_mutual_tls() {
    let lab = lab();
    let certificates = lab.certificates();
    let pem = |path| std::fs::read_to_string(path).unwrap();
    let access = Access::to(&lab, Listener::Mtls)
        .with("security.protocol", "SSL")
        .trusting(&lab)
        .with("ssl.keystore.type", "PEM")
        .with("ssl.keystore.certificate.chain", pem(certificates.client_pem()))
        .with("ssl.keystore.key", pem(certificates.client_key()));
    goes_round(access).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn stores_of_java_open_mutual_tls() {
    let lab = lab();
    let folder = std::env::temp_dir().join(harness::unique("milena-stores"));
    std::fs::create_dir_all(&folder).unwrap();
    let (trust, key) = (lab.certificates().truststore_p12(), lab.certificates().client_p12());
    let password = kafka_lab::certificates::PASSWORD;
    let to_jks = |from: &std::path::Path, name: &str| {
        let to = folder.join(name);
        let _ = std::fs::remove_file(&to);
        let output = std::process::Command::new("keytool")
            .args([
                "-importkeystore",
                "-noprompt",
                "-srcstoretype",
                "PKCS12",
                "-deststoretype",
                "JKS",
            ])
            .args(["-srcstorepass", password, "-deststorepass", password])
            .arg("-srckeystore")
            .arg(from)
            .arg("-destkeystore")
            .arg(&to)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        to
    };
    let (trust_jks, key_jks) = (to_jks(&trust, "trust.jks"), to_jks(&key, "key.jks"));
    for (kind, trust, key) in [("PKCS12", &trust, &key), ("JKS", &trust_jks, &key_jks)] {
        let access = Access::to(&lab, Listener::Mtls)
            .with("security.protocol", "SSL")
            .with("ssl.truststore.type", kind)
            .with("ssl.truststore.location", trust.display().to_string())
            .with("ssl.truststore.password", password)
            .with("ssl.keystore.type", kind)
            .with("ssl.keystore.location", key.display().to_string())
            .with("ssl.keystore.password", password)
            .with("ssl.key.password", password);
        goes_round(access).await;
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn every_mechanism_opens_sasl_plaintext() {
    let access = Access::to(&lab(), Listener::SaslPlaintext);
    every_mechanism(access.with("security.protocol", "SASL_PLAINTEXT")).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn every_mechanism_opens_sasl_ssl() {
    let lab = lab();
    let access = Access::to(&lab, Listener::SaslSsl).with("security.protocol", "SASL_SSL");
    every_mechanism(access.trusting(&lab)).await;
}
