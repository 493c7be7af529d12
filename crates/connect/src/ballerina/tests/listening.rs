//! Listeners and their services.

use std::sync::Arc;

use milena_broker::Broker;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{PATIENCE, at, broker, configuration, partition, send, subscribed, text};
use crate::ballerina::*;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Value(i64),
    Error(String),
}

/// Tells what it sees; it seeks past records that cannot be read, commits when there are ten records, and
/// panics with 666.
pub(super) struct Watcher {
    sender: mpsc::UnboundedSender<Seen>,
    count: std::sync::atomic::AtomicI64,
}

pub(super) fn service() -> (Arc<Watcher>, mpsc::UnboundedReceiver<Seen>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Arc::new(Watcher { sender, count: 0.into() }), receiver)
}

impl Service for Watcher {
    type Record = ConsumerRecord<Json<i64>>;

    async fn on_consumer_record(
        &self,
        records: Vec<Self::Record>,
        caller: Caller,
    ) -> Result<(), Failure> {
        let last = records.last().map(|record| record.offset.clone()).unwrap();
        for record in records {
            assert_ne!(record.value.0, 666, "the number");
            let count = self.count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            if count == 5 {
                caller.commit_offset(std::slice::from_ref(&record.offset), None).await?;
            } else if count == 10 && record.offset == last {
                caller.commit().await?;
            }
            self.sender.send(Seen::Value(record.value.0))?;
        }
        Err("told and forgotten".into())
    }

    async fn on_error(&self, error: Error, caller: Caller) -> Result<(), Failure> {
        if let Some(at) = error.partition_offset() {
            let next = PartitionOffset { partition: at.partition.clone(), offset: at.offset + 1 };
            caller.seek(&next)?;
        }
        self.sender.send(Seen::Error(error.to_string()))?;
        Ok(())
    }
}

fn listener(broker: &Broker, fields: &Value) -> Listener {
    let mut all = json!({
        "groupId": "g", "topics": "t", "offsetReset": "earliest", "pollingInterval": 0.01,
        "pollingTimeout": 0.1, "autoCommit": false,
    });
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Listener::new(broker.bootstrap_servers(), configuration(&all)).unwrap()
}

#[tokio::test]
async fn a_service_seeks_past_what_it_cannot_read() {
    let broker = broker().await;
    send(&broker, &["1", "bad", "2", "3"]).await;
    let (service, mut seen) = service();
    let listener = listener(&broker, &json!({ "autoSeekOnValidationFailure": false }));
    listener.attach(service).await.unwrap();
    listener.start().await.unwrap();
    let mut all = Vec::new();
    while all.len() < 4 {
        all.push(seen.recv().await.unwrap());
    }
    listener.graceful_stop().await.unwrap();
    let error =
        "Data binding failed. If needed, please seek past the record to continue consumption.";
    let expected = [Seen::Value(1), Seen::Error(error.to_owned()), Seen::Value(2), Seen::Value(3)];
    assert_eq!(all, expected);
}

#[tokio::test]
async fn a_service_commits_through_its_caller() {
    let broker = broker().await;
    send(&broker, &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]).await;
    let (service, mut seen) = service();
    let listener = listener(&broker, &json!({}));
    listener.attach(service).await.unwrap();
    listener.start().await.unwrap();
    for number in 0..10 {
        assert_eq!(seen.recv().await.unwrap(), Seen::Value(number));
    }
    listener.graceful_stop().await.unwrap();
    let consumer = subscribed(&broker, &json!({ "topics": [] }));
    assert_eq!(consumer.get_committed_offset(&partition(), None).await.unwrap(), Some(at(10)));
}

#[tokio::test]
async fn a_panic_of_the_service_is_told_and_the_listener_goes_on() {
    let broker = broker().await;
    send(&broker, &["1"]).await;
    let (service, mut seen) = service();
    let listener = listener(&broker, &json!({}));
    listener.attach(service).await.unwrap();
    listener.start().await.unwrap();
    assert_eq!(seen.recv().await.unwrap(), Seen::Value(1));
    send(&broker, &["666"]).await;
    let Seen::Error(error) = seen.recv().await.unwrap() else { panic!("no error") };
    assert!(error.starts_with("The service panicked: ") && error.contains("panicked"), "{error}");
    send(&broker, &["2"]).await;
    assert_eq!(seen.recv().await.unwrap(), Seen::Value(2));
    listener.immediate_stop().await.unwrap();
}

#[tokio::test]
async fn a_listener_needs_a_service_and_gives_it_back() {
    let broker = broker().await;
    let first = listener(&broker, &json!({ "autoCommit": true }));
    let needs = |doing: &str| format!("A service must be attached before {doing} the listener");
    assert_eq!(text(first.start().await), needs("starting"));
    assert_eq!(text(first.graceful_stop().await), needs("stopping"));
    assert_eq!(text(first.immediate_stop().await), needs("stopping"));
    assert_eq!(text(first.detach().await), needs("detaching"));
    let (service, mut seen) = service();
    first.attach(Arc::clone(&service)).await.unwrap();
    assert!(first.attach(Arc::clone(&service)).await.is_err());
    first.start().await.unwrap();
    assert!(first.start().await.is_err());
    send(&broker, &["1"]).await;
    assert_eq!(seen.recv().await.unwrap(), Seen::Value(1));
    first.detach().await.unwrap();
    let second = listener(&broker, &json!({}));
    second.attach(service).await.unwrap();
    second.start().await.unwrap();
    send(&broker, &["2"]).await;
    assert_eq!(seen.recv().await.unwrap(), Seen::Value(2));
    second.graceful_stop().await.unwrap();
    second.start().await.unwrap();
    assert_eq!(seen.recv().await.unwrap(), Seen::Value(2), "nothing was committed");
    second.immediate_stop().await.unwrap();
}

#[tokio::test]
async fn concurrent_consumers_are_members_of_one_group() {
    let broker = Broker::builder().topic("t", 4).start().await.unwrap();
    let (service, mut seen) = service();
    let listener = listener(&broker, &json!({ "concurrentConsumers": 2 }));
    listener.attach(service).await.unwrap();
    listener.start().await.unwrap();
    let producer =
        Producer::new(broker.bootstrap_servers(), &ProducerConfiguration::default()).unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut number = 0_i64;
    // Each record that comes back is a chance for the group to have settled.
    loop {
        let spread: Vec<usize> = listener.assignments().await.iter().map(Vec::len).collect();
        if spread == [2, 2] {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{spread:?}");
        let record = ProducerRecord::new("t", number).partition(i32::try_from(number % 4).unwrap());
        producer.send(&record).await.unwrap();
        while seen.recv().await.unwrap() != Seen::Value(number) {}
        number += 1;
    }
    for partition in 0..4 {
        producer.send(&ProducerRecord::new("t", number).partition(partition)).await.unwrap();
        while seen.recv().await.unwrap() != Seen::Value(number) {}
        number += 1;
    }
    listener.graceful_stop().await.unwrap();
}
