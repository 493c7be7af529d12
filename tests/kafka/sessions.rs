//! Sessions that end (KIP-368) and tokens of an endpoint (KIP-768), on 4.3.1.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use kafka_lab::users::USERS;
use kafka_lab::{Lab, LabOptions, Listener};
use milena::{ProducerRecord, TopicPartition};
use milena_sasl::oauthbearer::UnsecuredToken;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::client::{self, Access, PATIENCE};
use crate::harness::{self, V4_3};

/// How long a session lives, in milliseconds.
const LIFETIME_MS: u64 = 4_000;

fn lab() -> Lab {
    let lifetime = LIFETIME_MS.to_string();
    harness::own_lab(LabOptions::new(V4_3).config("connections.max.reauth.ms", lifetime))
}

/// Sends records for more than two lifetimes and reads them back; no connection may be lost.
async fn busy(access: Access) {
    let topic = harness::unique("sessions");
    access.create_topic(&topic, 1, 1).await;
    let producer = access.producer();
    let consumer = access.clone().with("auto.offset.reset", "earliest").consumer();
    consumer.assign([TopicPartition::new(&*topic, 0)]).unwrap();
    let begin = Instant::now();
    let mut sent = 0;
    while begin.elapsed() < Duration::from_millis(LIFETIME_MS * 5 / 2) {
        let records =
            (0..20).map(|_| client::send(&producer, ProducerRecord::to(&topic).value("x")));
        sent += futures_util::future::join_all(records).await.len();
        let polled = client::within(consumer.poll(Duration::ZERO)).await.unwrap();
        sent -= polled.iter().count();
    }
    client::read(&consumer, sent).await;
    for (who, metrics) in [("producer", producer.metrics()), ("consumer", consumer.metrics())] {
        assert_eq!(metrics.connections_lost, 0, "{who}: {metrics:?}");
        assert_eq!((metrics.batches_retried, metrics.records_failed), (0, 0), "{who}");
    }
    client::close(producer, consumer).await;
}

/// An endpoint that gives unsecured tokens, which the lab's brokers take.
async fn token_endpoint(user: &'static str, life: Duration) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let given = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&given);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"grant_type=client_credentials&scope=kafka") {
                let mut buffer = [0; 1024];
                let read = stream.read(&mut buffer).await.unwrap();
                assert_ne!(read, 0, "the request is of client credentials");
                request.extend_from_slice(&buffer[..read]);
            }
            counted.fetch_add(1, Ordering::SeqCst);
            let token = UnsecuredToken::new(user).unwrap().with_lifetime(life);
            let token = token.issue(SystemTime::now()).unwrap();
            let body = format!(r#"{{"access_token":"{}"}}"#, token.expose_str().unwrap());
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
            let answer = format!("{head} {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, given)
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn sessions_are_renewed_with_scram_and_with_tokens_of_an_endpoint() {
    let lab = lab();
    let [_, alice, _] = USERS;
    let access =
        Access::to(&lab, Listener::SaslPlaintext).with("security.protocol", "SASL_PLAINTEXT");
    let package = "org.apache.kafka.common.security";
    let scram = access.clone().with("sasl.mechanism", "SCRAM-SHA-512").with(
        "sasl.jaas.config",
        format!(
            "{package}.scram.ScramLoginModule required username=\"{}\" password=\"{}\";",
            alice.name, alice.password
        ),
    );
    let (url, given) = token_endpoint(alice.name, Duration::from_millis(LIFETIME_MS)).await;
    let oauth = access
        .with("sasl.mechanism", "OAUTHBEARER")
        .with("sasl.oauthbearer.token.endpoint.url", url)
        .with(
            "sasl.jaas.config",
            format!(
                "{package}.oauthbearer.OAuthBearerLoginModule required clientId=\"{}\" \
                 clientSecret=\"{}\" scope=kafka;",
                alice.name, alice.password
            ),
        );
    tokio::join!(busy(scram), busy(oauth));
    // One for each client to begin with, and more because tokens end.
    let given = given.load(Ordering::SeqCst);
    assert!(given >= 5, "{given} tokens were asked for");
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn endpoint_that_refuses_is_said_to_the_user_at_once() {
    let lab = harness::lab(V4_3, 1);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let body = r#"{"error":"invalid_client"}"#;
            let head = "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length:";
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await.unwrap();
            let answer = format!("{head} {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let access = Access::to(&lab, Listener::SaslPlaintext)
        .with("security.protocol", "SASL_PLAINTEXT")
        .with("sasl.mechanism", "OAUTHBEARER")
        .with("sasl.oauthbearer.token.endpoint.url", url)
        .with("sasl.oauthbearer.client.credentials.client.id", "ada")
        .with("sasl.oauthbearer.client.credentials.client.secret", "geheim");
    let producer = access.producer();
    let sent = producer.send_and_wait(ProducerRecord::to("any").value("x"));
    let error = client::within(sent).await.unwrap_err();
    let text = client::text(&error);
    assert!(
        text.contains("401 Unauthorized: invalid_client") && !text.contains("geheim"),
        "{text}"
    );
    producer.close(PATIENCE).await.unwrap();
}
