//! What goes wrong on the way in is told within the configured time, and names its cause.

use std::future::Future;
use std::time::{Duration, Instant};

use kafka_lab::users::USERS;
use kafka_lab::{Lab, LabOptions, Listener};
use milena::{Error, ErrorKind, ProducerRecord, TopicPartition};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::client::{self, Access};
use crate::harness::{self, V2_8, V4_3};

/// What the calls of these tests may take, as configured.
const LIMIT: Duration = Duration::from_secs(8);
/// What a busy machine may add to that before a timer is seen to have gone off.
const SLACK: Duration = Duration::from_secs(4);

/// The access with every time that could be waited for configured as [`LIMIT`] or less.
fn impatient(access: Access) -> Access {
    let limit = LIMIT.as_millis().to_string();
    access
        .with("default.api.timeout.ms", &*limit)
        .with("max.block.ms", &*limit)
        .with("request.timeout.ms", "3000")
        .with("delivery.timeout.ms", &*limit)
        .with("socket.connection.setup.timeout.ms", "2000")
        .with("socket.connection.setup.timeout.max.ms", "4000")
}

/// The error of a call that fails before its time is over.
async fn timed<T>(what: &str, call: impl Future<Output = Result<T, Error>>) -> Error {
    let begin = Instant::now();
    let outcome = tokio::time::timeout(LIMIT + SLACK, call).await;
    let outcome =
        outcome.unwrap_or_else(|_| panic!("{what} says nothing for {:?}", begin.elapsed()));
    let Err(error) = outcome else { panic!("{what} succeeds") };
    error
}

/// Admin, producer and consumer all fail with the kind and with a text that holds one of the
/// words (in whatever case).
async fn is_refused(access: Access, kind: ErrorKind, words: &[&str]) {
    let access = impatient(access);
    let admin = access.admin();
    let describe = async { timed("the admin", admin.describe_cluster()).await };
    let producer = access.producer();
    let record = ProducerRecord::to("refused").value("x");
    let send = async { timed("the producer", producer.send_and_wait(record)).await };
    let consumer = access.clone().with("auto.offset.reset", "earliest").consumer();
    consumer.assign([TopicPartition::new("refused", 0)]).unwrap();
    let poll = async {
        timed("the consumer", async {
            loop {
                consumer.poll(Duration::from_secs(1)).await?;
            }
            #[expect(unreachable_code, reason = "it gives the block its type")]
            Ok(())
        })
        .await
    };
    let (admin_error, producer_error, consumer_error) = tokio::join!(describe, send, poll);
    let all = [("admin", admin_error), ("producer", producer_error), ("consumer", consumer_error)];
    let mut complaints = String::new();
    for (who, error) in all {
        let text = client::text(&error);
        println!("{who}: {text}");
        let has_word = words.iter().any(|word| text.to_lowercase().contains(&word.to_lowercase()));
        if error.kind() != kind || !has_word {
            complaints +=
                &format!("{who}: {:?}, not {kind:?} with {words:?}: {text}\n", error.kind());
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

fn lab() -> std::sync::Arc<Lab> {
    harness::lab(V4_3, 1)
}

fn tls(lab: &Lab, listener: Listener) -> Access {
    Access::to(lab, listener).with("security.protocol", "SSL").trusting(lab)
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn a_wrong_password_is_called_so() {
    let [_, alice, _] = USERS;
    let package = "org.apache.kafka.common.security";
    let login = format!("username=\"{}\" password=\"wrong\"", alice.name);
    let access = Access::scram(&lab());
    let scram = access
        .clone()
        .with("sasl.jaas.config", format!("{package}.scram.ScramLoginModule required {login};"));
    let words = ["refused the SCRAM-SHA-512 credentials"];
    is_refused(scram, ErrorKind::Authentication, &words).await;
    let words = ["refused the PLAIN credentials"];
    let plain = access
        .with("sasl.mechanism", "PLAIN")
        .with("sasl.jaas.config", format!("{package}.plain.PlainLoginModule required {login};"));
    is_refused(plain, ErrorKind::Authentication, &words).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn a_mechanism_that_the_broker_lacks_is_told_with_those_it_has() {
    // The listener between brokers lets nothing in but PLAIN.
    let lab = lab();
    let [_, alice, _] = USERS;
    let access = Access::to(&lab, Listener::Internal)
        .with("security.protocol", "SASL_PLAINTEXT")
        .with("sasl.mechanism", "SCRAM-SHA-512")
        .with(
            "sasl.jaas.config",
            format!(
                "org.apache.kafka.common.security.scram.ScramLoginModule required \
                 username=\"{}\" password=\"{}\";",
                alice.name, alice.password
            ),
        );
    is_refused(access, ErrorKind::Authentication, &["it offers PLAIN"]).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn an_expired_certificate_is_called_so() {
    let access = tls(&lab(), Listener::ExpiredCertificate);
    is_refused(access, ErrorKind::Authentication, &["expired"]).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn a_certificate_for_another_host_is_told_with_both_names() {
    let access = tls(&lab(), Listener::WrongHost);
    is_refused(access, ErrorKind::Authentication, &["wrong.example"]).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn a_certificate_of_an_unknown_authority_is_called_so() {
    let lab = lab();
    let other = lab.certificates().other_ca_pem().display().to_string();
    let access = tls(&lab, Listener::Ssl).with("ssl.truststore.location", other);
    is_refused(access, ErrorKind::Authentication, &["ssl.truststore.location"]).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn a_missing_client_certificate_is_called_so() {
    let access = tls(&lab(), Listener::Mtls);
    is_refused(access, ErrorKind::Authentication, &["certificate"]).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn a_client_certificate_of_another_authority_is_refused() {
    let lab = lab();
    let certificates = lab.certificates();
    let pem = |path| std::fs::read_to_string(path).unwrap();
    let access = tls(&lab, Listener::Mtls)
        .with("ssl.keystore.type", "PEM")
        .with("ssl.keystore.certificate.chain", pem(certificates.stranger_pem()))
        .with("ssl.keystore.key", pem(certificates.stranger_key()));
    is_refused(access, ErrorKind::Authentication, &["certificate"]).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn tls_to_a_port_without_it_is_told() {
    let access = tls(&lab(), Listener::Plaintext);
    is_refused(access, ErrorKind::Timeout, &["check that the port is one of a TLS listener"]).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn plaintext_to_a_port_of_tls_is_told() {
    let access = Access::to(&lab(), Listener::Ssl);
    is_refused(access, ErrorKind::Transport, &["security.protocol"]).await;
}

#[tokio::test]
async fn a_port_that_speaks_http_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 256];
            if stream.read(&mut request).await.is_ok() {
                let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
                let _gone = stream.write_all(answer).await;
            }
        }
    });
    is_refused(Access::plaintext(address), ErrorKind::Transport, &["http"]).await;
    server.abort();
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_told() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    is_refused(Access::plaintext(&*address), ErrorKind::Timeout, &["connection refused"]).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn a_broker_that_does_not_answer_is_told() {
    let lab = harness::own_lab(LabOptions::new(V4_3));
    let access = Access::to(&lab, Listener::Plaintext);
    lab.pause(1).unwrap();
    is_refused(access, ErrorKind::Timeout, &["was not answered within"]).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn a_wrong_password_is_called_so_by_older_brokers() {
    let access = Access::scram(&harness::lab(V2_8, 1)).with(
        "sasl.jaas.config",
        "org.apache.kafka.common.security.scram.ScramLoginModule required \
         username=\"alice\" password=\"wrong\";",
    );
    is_refused(access, ErrorKind::Authentication, &["invalid credentials"]).await;
}
