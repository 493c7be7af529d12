//! Milena's client as the suites use it: made from Java's property names, with a limit on every
//! wait.

use std::error::Error as _;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kafka_lab::{Lab, Listener, users::USERS};
use milena::admin::NewTopic;
use milena::config::{AdminConfig, ConsumerConfig, ProducerConfig};
use milena::producer::RecordMetadata;
use milena::{Admin, Consumer, Error, OwnedRecord, Producer, ProducerRecord};

use crate::harness;

/// How long anything may take that is expected to happen. Two cores are shared with several
/// brokers and with Java programs that start.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// How a cluster is reached, as Java's properties; `bootstrap.servers` is among them.
#[derive(Clone, Debug)]
pub(crate) struct Access(Vec<(String, String)>);

impl Access {
    /// Where nothing is encrypted and nobody asked who is there.
    pub(crate) fn plaintext(servers: impl Into<String>) -> Self {
        Self(vec![("bootstrap.servers".to_owned(), servers.into())])
    }

    /// A listener of a lab, without what it may demand.
    pub(crate) fn to(lab: &Lab, listener: Listener) -> Self {
        Self::plaintext(lab.bootstrap(listener))
    }

    /// `alice` by SCRAM-SHA-512 over TLS.
    pub(crate) fn scram(lab: &Lab) -> Self {
        let [_, alice, _] = USERS;
        let mut access = Self::to(lab, Listener::SaslSsl);
        access.0.extend(harness::scram_properties(lab, alice));
        access
    }

    /// Sets a property over what it may have been.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.retain(|(key, _)| key != name);
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// Trusts the lab's authority, by PEM.
    #[must_use]
    pub(crate) fn trusting(self, lab: &Lab) -> Self {
        self.with("ssl.truststore.type", "PEM")
            .with("ssl.truststore.location", lab.certificates().ca_pem().display().to_string())
    }

    /// The properties.
    pub(crate) fn properties(&self) -> &[(String, String)] {
        &self.0
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::new(AdminConfig::from_properties(self.0.clone()).unwrap()).unwrap()
    }

    pub(crate) fn producer(&self) -> Producer {
        Producer::new(ProducerConfig::from_properties(self.0.clone()).unwrap()).unwrap()
    }

    pub(crate) fn consumer(&self) -> Consumer {
        Consumer::new(ConsumerConfig::from_properties(self.0.clone()).unwrap()).unwrap()
    }

    /// A member of a group that begins at the first record and commits when told.
    pub(crate) fn member(&self, group: &str) -> Consumer {
        self.clone()
            .with("group.id", group)
            .with("auto.offset.reset", "earliest")
            .with("enable.auto.commit", "false")
            .consumer()
    }

    /// Makes a topic.
    pub(crate) async fn create_topic(&self, name: &str, partitions: i32, replicas: i16) {
        let topic = NewTopic::new(name, partitions, replicas);
        within(self.admin().create_topics([topic])).await.all().unwrap();
    }
}

/// The outcome of what has to come within [`PATIENCE`].
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

/// Sends a record and waits until it is written.
pub(crate) async fn send(producer: &Producer, record: ProducerRecord<'_>) -> RecordMetadata {
    within(producer.send_and_wait(record)).await.unwrap()
}

/// Polls until there are that many records, and gives all that the polls handed out.
pub(crate) async fn read(consumer: &Consumer, count: usize) -> Vec<OwnedRecord> {
    let deadline = Instant::now() + PATIENCE;
    let mut records = Vec::new();
    while records.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} records came in time", records.len());
        let polled = consumer.poll(Duration::from_millis(500)).await.unwrap();
        records.extend(polled.iter().map(|record| record.to_owned()));
    }
    records
}

/// Closes a producer and a consumer in order.
pub(crate) async fn close(producer: Producer, consumer: Consumer) {
    producer.close(PATIENCE).await.unwrap();
    consumer.close(PATIENCE).await.unwrap();
}

/// What an error says with all of its causes, as programs print it.
pub(crate) fn text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Milliseconds since 1970. Kafka deletes what is a week old and refuses what is to come, so the
/// timestamps of tests are of today.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}
