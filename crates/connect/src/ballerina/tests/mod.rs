//! Producer, consumer and listener against the embedded broker.

mod avro;
mod listening;

use std::time::Duration;

use milena_broker::{Broker, SecurityProtocol as Protocol};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::*;
use listening::{Seen, service};

const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(300);

async fn broker() -> Broker {
    Broker::builder().topic("t", 1).start().await.unwrap()
}

fn partition() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn at(offset: i64) -> PartitionOffset {
    PartitionOffset::new("t", 0, offset)
}

fn configuration(fields: &Value) -> ConsumerConfiguration {
    ConsumerConfiguration::from_json(fields).unwrap()
}

/// A consumer of a group that subscribes to the topic, and begins at its beginning.
fn subscribed(broker: &Broker, fields: &Value) -> Consumer {
    let mut all = json!({ "groupId": "g", "topics": "t", "offsetReset": "earliest" });
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Consumer::new(broker.bootstrap_servers(), &configuration(&all)).unwrap()
}

/// A consumer that was assigned the partition.
fn assigned(broker: &Broker, fields: &Value) -> Consumer {
    let consumer = subscribed(broker, &{
        let mut all = json!({ "topics": [], "autoCommit": false });
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        all
    });
    consumer.assign(&[partition()]).unwrap();
    consumer
}

async fn send(broker: &Broker, values: &[&str]) {
    let producer =
        Producer::new(broker.bootstrap_servers(), &ProducerConfiguration::default()).unwrap();
    for value in values {
        producer.send(&ProducerRecord::new("t", *value)).await.unwrap();
    }
    producer.close().await.unwrap();
}

/// Polls until there are so many values, or an error comes.
async fn take<V: FromBytes>(consumer: &Consumer, count: usize) -> Result<Vec<V>, Error> {
    let mut values = Vec::new();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while values.len() < count {
        assert!(tokio::time::Instant::now() < deadline, "only {} values", values.len());
        values.extend(consumer.poll_payload::<V>(STEP).await?);
    }
    Ok(values)
}

fn text<T>(result: Result<T, Error>) -> String {
    result.err().expect("an error").to_string()
}

#[tokio::test]
async fn a_record_comes_back_with_key_timestamp_and_headers() {
    let broker = broker().await;
    let producer =
        Producer::new(broker.bootstrap_servers(), &ProducerConfiguration::default()).unwrap();
    let record = ProducerRecord::new("t", "value")
        .key(json!({ "id": 7 }))
        .timestamp(17)
        .partition(0)
        .header("key1", vec!["h1".to_owned(), "h2".to_owned()])
        .header("key2", b"h3".to_vec());
    let written = producer.send_with_metadata(&record).await.unwrap();
    assert_eq!(
        written.to_json().to_string(),
        r#"{"offset":0,"timestamp":17,"serializedKeySize":8,"serializedValueSize":5,"topic":"t","partition":0}"#
    );
    let bare = producer.send_with_metadata(&ProducerRecord::new("t", "")).await.unwrap();
    assert_eq!((bare.serialized_key_size, bare.serialized_value_size), (-1, 0));
    assert_eq!(producer.get_topic_partitions("t").await.unwrap(), [partition()]);
    let consumer = assigned(&broker, &json!({}));
    let records: Vec<ConsumerRecord<String, Json<Value>>> = consumer.poll(PATIENCE).await.unwrap();
    let first = &records[0];
    assert_eq!(first.key, Some(Json(json!({ "id": 7 }))));
    assert_eq!((first.value.as_str(), first.timestamp, &first.offset), ("value", 17, &at(0)));
    let headers = first.headers.read(&[HeaderType::Text, HeaderType::Texts]);
    let both = HeaderValue::Texts(vec!["h1".to_owned(), "h2".to_owned()]);
    assert_eq!(headers, [("key1".to_owned(), both), ("key2".to_owned(), "h3".into())]);
}

#[tokio::test]
async fn a_tombstone_is_none_or_empty() {
    let broker = broker().await;
    let config = milena::config::ProducerConfig::builder(broker.bootstrap_servers()).build();
    let producer = milena::Producer::new(config.unwrap()).unwrap();
    producer.send_and_wait(milena::ProducerRecord::to("t").key("k")).await.unwrap();
    let consumer = assigned(&broker, &json!({}));
    assert_eq!(take::<Option<String>>(&consumer, 1).await.unwrap(), [None]);
    consumer.seek(&at(0)).unwrap();
    assert_eq!(take::<String>(&consumer, 1).await.unwrap(), [""]);
}

#[tokio::test]
async fn after_closing_nothing_can_be_done() {
    let broker = broker().await;
    let consumer = assigned(&broker, &json!({}));
    consumer.close(None).await.unwrap();
    consumer.close(None).await.unwrap();
    assert_eq!(
        text(consumer.poll::<ConsumerRecord>(STEP).await),
        "Failed to poll from the Kafka server: This consumer has already been closed."
    );
    let producer =
        Producer::new(broker.bootstrap_servers(), &ProducerConfiguration::default()).unwrap();
    producer.close().await.unwrap();
    producer.close().await.unwrap();
    assert_eq!(
        text(producer.send(&ProducerRecord::new("t", "x")).await),
        "Failed to send data to Kafka server: Cannot perform operation after producer has been closed"
    );
}

#[tokio::test]
async fn seeking_goes_to_an_offset_to_the_beginning_and_to_the_end() {
    let broker = broker().await;
    send(&broker, &["a", "b"]).await;
    let consumer = assigned(&broker, &json!({}));
    consumer.seek(&at(1)).unwrap();
    assert_eq!(take::<String>(&consumer, 1).await.unwrap(), ["b"]);
    consumer.seek_to_beginning(&[partition()]).unwrap();
    assert_eq!(take::<String>(&consumer, 2).await.unwrap(), ["a", "b"]);
    consumer.seek_to_beginning(&[partition()]).unwrap();
    consumer.seek_to_end(&[partition()]).unwrap();
    assert!(consumer.poll_payload::<String>(STEP).await.unwrap().is_empty());
    let elsewhere = PartitionOffset::new("non-existing-topic", 999, 0);
    assert_eq!(
        text(consumer.seek(&elsewhere)),
        "Failed to seek the consumer: No current assignment for partition non-existing-topic-999"
    );
    assert_eq!(
        text(consumer.seek(&at(-1))),
        "Failed to seek the consumer: seek offset must not be a negative number"
    );
}

#[tokio::test]
async fn the_position_moves_with_polls_and_commits_are_what_was_said() {
    let broker = broker().await;
    let consumer = assigned(&broker, &json!({}));
    assert_eq!(consumer.get_position_offset(&partition(), None).await.unwrap(), 0);
    send(&broker, &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]).await;
    take::<String>(&consumer, 10).await.unwrap();
    assert_eq!(consumer.get_position_offset(&partition(), Some(PATIENCE)).await.unwrap(), 10);
    assert_eq!(consumer.get_committed_offset(&partition(), None).await.unwrap(), None);
    consumer.commit_offset(&[at(0)], None).await.unwrap();
    assert_eq!(consumer.get_committed_offset(&partition(), None).await.unwrap(), Some(at(0)));
    consumer.commit().await.unwrap();
    assert_eq!(consumer.get_committed_offset(&partition(), None).await.unwrap(), Some(at(10)));
    assert_eq!(consumer.get_beginning_offsets(&[partition()], None).await.unwrap(), [at(0)]);
    assert_eq!(consumer.get_end_offsets(&[partition()], None).await.unwrap(), [at(10)]);
    assert_eq!(consumer.get_assignment(), [partition()]);
    assert_eq!(consumer.get_available_topics(None).await.unwrap(), ["t"]);
    assert_eq!(consumer.get_topic_partitions("t", None).await.unwrap(), [partition()]);
    let nowhere = TopicPartition::new("nothing", 9);
    assert_eq!(consumer.get_committed_offset(&nowhere, None).await.unwrap(), None);
    assert_eq!(
        text(consumer.get_position_offset(&nowhere, None).await),
        "Failed to retrieve position offset: You can only check the position for partitions \
         assigned to this consumer."
    );
}

#[tokio::test]
async fn a_paused_partition_gives_nothing() {
    let broker = broker().await;
    send(&broker, &["a", "b"]).await;
    let consumer = assigned(&broker, &json!({}));
    consumer.pause(&[partition()]).unwrap();
    assert_eq!(consumer.get_paused_partitions(), [partition()]);
    assert!(consumer.poll_payload::<String>(STEP).await.unwrap().is_empty());
    consumer.resume(&[partition()]).unwrap();
    assert_eq!(take::<String>(&consumer, 2).await.unwrap(), ["a", "b"]);
    let other = TopicPartition::new("t", 5);
    let expected = "Failed to pause topic partitions for the consumer: No current assignment for \
                    partition t-5";
    assert_eq!(text(consumer.pause(&[other])), expected);
}

#[tokio::test]
async fn with_auto_commit_records_are_committed_before_they_are_seen() {
    let broker = broker().await;
    send(&broker, &["a", "b", "c"]).await;
    let consumer = subscribed(&broker, &json!({}));
    take::<String>(&consumer, 3).await.unwrap();
    assert_eq!(consumer.get_committed_offset(&partition(), None).await.unwrap(), Some(at(3)));
    assert_eq!(consumer.get_subscription(), ["t"]);
    consumer.unsubscribe().await.unwrap();
    assert!(consumer.get_subscription().is_empty());
}

#[tokio::test]
async fn an_additional_property_switches_auto_commit_off() {
    let broker = broker().await;
    send(&broker, &["a"]).await;
    let fields = json!({ "additionalProperties": { "enable.auto.commit": "false" } });
    let consumer = subscribed(&broker, &fields);
    take::<String>(&consumer, 1).await.unwrap();
    assert_eq!(consumer.get_committed_offset(&partition(), None).await.unwrap(), None);
    consumer.close(None).await.unwrap();
}

#[tokio::test]
async fn topics_need_a_group_and_names() {
    let broker = broker().await;
    let fields = json!({ "topics": "t", "autoCommit": false });
    let error = Consumer::new(broker.bootstrap_servers(), &configuration(&fields));
    let expected = "The groupId of the consumer must be set to subscribe to the topics";
    assert_eq!(text(error), expected);
    let consumer = subscribed(&broker, &json!({ "topics": [] }));
    let error = text(consumer.subscribe(&["t", " "]));
    assert!(error.starts_with("Failed to subscribe to the provided topics: Topic coll"), "{error}");
    let error = text(consumer.assign(&[TopicPartition::new("", 0)]));
    assert!(error.starts_with("Failed to assign topics for the consumer: Topic part"), "{error}");
    consumer.subscribe(&["t"]).unwrap();
    let error = text(consumer.assign(&[partition()]));
    assert!(error.starts_with("Failed to assign topics for the consumer: "), "{error}");
    consumer.unsubscribe().await.unwrap();
    let error = text(consumer.subscribe_with_pattern("("));
    assert!(error.starts_with("Failed to subscribe to the topics: "), "{error}");
    consumer.subscribe_with_pattern("t.*").unwrap();
    send(&broker, &["a"]).await;
    assert_eq!(take::<String>(&consumer, 1).await.unwrap(), ["a"]);
    assert_eq!(consumer.get_subscription(), ["t"]);
}

#[tokio::test]
async fn sasl_takes_the_right_password_alone() {
    let broker = Broker::builder()
        .topic("t", 1)
        .listener(Protocol::SaslPlaintext, "127.0.0.1", 0)
        .user("alice", "alice@123")
        .start()
        .await
        .unwrap();
    let servers = broker.bootstrap_servers_of(Protocol::SaslPlaintext).unwrap();
    for (mechanism, password) in [
        ("PLAIN", "alice@123"),
        ("SCRAM-SHA-256", "alice@123"),
        ("SCRAM-SHA-512", "alice@123"),
        ("PLAIN", "wrong"),
    ] {
        let auth = json!({ "mechanism": mechanism, "username": "alice", "password": password });
        let fields = json!({ "auth": auth, "securityProtocol": "SASL_PLAINTEXT", "maxBlock": 10 });
        let producing = ProducerConfiguration::from_json(&fields).unwrap();
        let producer = Producer::new(servers.as_str(), &producing).unwrap();
        let sent = producer.send(&ProducerRecord::new("t", "x")).await;
        if password == "alice@123" {
            sent.unwrap();
            let fields =
                json!({ "auth": auth, "securityProtocol": "SASL_PLAINTEXT", "groupId": "g" });
            let consumer = Consumer::new(servers.as_str(), &configuration(&fields)).unwrap();
            consumer.assign(&[partition()]).unwrap();
            consumer.seek(&at(0)).unwrap();
            assert_eq!(take::<String>(&consumer, 1).await.unwrap()[0], "x");
        } else {
            let error = text(sent);
            let expected = "Failed to send data to Kafka server: Authentication failed: ";
            assert!(error.starts_with(expected) && !error.contains("wrong"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_an_error_until_it_is_sought_past() {
    let broker = broker().await;
    send(&broker, &["12", "Invalid msg", "13", "14"]).await;
    let fields = json!({ "autoSeekOnValidationFailure": false });
    let consumer = assigned(&broker, &fields);
    assert_eq!(take::<Json<i64>>(&consumer, 1).await.unwrap(), [Json(12)]);
    let error = consumer.poll::<Payload<Json<i64>>>(STEP).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadBinding);
    assert_eq!(error.partition_offset(), Some(&at(1)));
    assert_eq!(
        error.to_string(),
        "Data binding failed. If needed, please seek past the record to continue consumption."
    );
    // Nobody has sought past it: now it is the first of a poll.
    let error = take::<Json<i64>>(&consumer, 1).await.unwrap_err();
    assert_eq!(error.partition_offset(), Some(&at(1)));
    consumer.seek(&at(2)).unwrap();
    assert_eq!(take::<Json<i64>>(&consumer, 2).await.unwrap(), [Json(13), Json(14)]);
}

#[tokio::test]
async fn records_of_other_partitions_behind_a_bad_one_are_given_later() {
    let broker = Broker::builder().topic("t", 2).start().await.unwrap();
    let producer =
        Producer::new(broker.bootstrap_servers(), &ProducerConfiguration::default()).unwrap();
    for (partition, value) in [(0, "1"), (0, "bad"), (1, "2"), (1, "3")] {
        producer.send(&ProducerRecord::new("t", value).partition(partition)).await.unwrap();
    }
    let fields = json!({ "autoSeekOnValidationFailure": false });
    let consumer = subscribed(&broker, &fields);
    let mut seen = Vec::new();
    while seen.len() < 3 {
        match consumer.poll_payload::<Json<i64>>(STEP).await {
            Ok(values) => seen.extend(values.into_iter().map(|value| value.0)),
            Err(error) => {
                let at = error.partition_offset().unwrap();
                consumer.seek(&PartitionOffset::new("t", 0, at.offset + 1)).unwrap();
            }
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3]);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_skipped_by_default() {
    let broker = broker().await;
    send(&broker, &["12", "Invalid msg", "13"]).await;
    let consumer = subscribed(&broker, &json!({}));
    assert_eq!(take::<Json<i64>>(&consumer, 2).await.unwrap(), [Json(12), Json(13)]);
    assert_eq!(consumer.get_committed_offset(&partition(), None).await.unwrap(), Some(at(3)));
}

/// A text of at most three bytes.
#[derive(Debug, PartialEq)]
struct Short(String);

impl FromBytes for Short {
    fn from_bytes(bytes: Option<&[u8]>) -> Result<Self, String> {
        String::from_bytes(bytes).map(Self)
    }

    fn validate(&self) -> Result<(), String> {
        if self.0.len() <= 3 { Ok(()) } else { Err("over 3 bytes".to_owned()) }
    }
}

#[tokio::test]
async fn values_are_validated_unless_that_is_off() {
    let broker = broker().await;
    send(&broker, &["one", "three", "two"]).await;
    let strict = assigned(&broker, &json!({ "autoSeekOnValidationFailure": false }));
    assert_eq!(take::<Short>(&strict, 1).await.unwrap(), [Short("one".to_owned())]);
    let error = take::<Short>(&strict, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadValidation);
    assert!(error.to_string().starts_with("Failed to validate payload. If needed"), "{error}");
    let lenient = assigned(&broker, &json!({ "validation": false }));
    assert_eq!(take::<Short>(&lenient, 3).await.unwrap().len(), 3);
}

#[tokio::test]
async fn records_of_a_transaction_count_together_or_not_at_all() {
    let broker = broker().await;
    let producing = json!({
        "acks": "all", "retryCount": 3, "enableIdempotence": true, "transactionalId": "t-1",
    });
    let producing = ProducerConfiguration::from_json(&producing).unwrap();
    let producer = Producer::new(broker.bootstrap_servers(), &producing).unwrap();
    let outside = text(producer.send(&ProducerRecord::new("t", "outside")).await);
    assert!(outside.starts_with("Failed to send data to Kafka server: "), "{outside}");
    let aborted = producer.begin_transaction().await.unwrap();
    assert!(producer.begin_transaction().await.is_err(), "there is one at a time");
    for number in 0..3_i64 {
        aborted.send(&ProducerRecord::new("t", number)).await.unwrap();
    }
    aborted.abort().await.unwrap();
    let committed = assigned(&broker, &json!({ "isolationLevel": "read_committed" }));
    assert!(committed.poll_payload::<String>(STEP).await.unwrap().is_empty());
    let all = assigned(&broker, &json!({}));
    assert_eq!(take::<Json<i64>>(&all, 3).await.unwrap(), [Json(0), Json(1), Json(2)]);
    let transaction = producer.begin_transaction().await.unwrap();
    for number in 3..6_i64 {
        transaction.send_with_metadata(&ProducerRecord::new("t", number)).await.unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!(take::<Json<i64>>(&committed, 3).await.unwrap(), [Json(3), Json(4), Json(5)]);
    let second = Producer::new(broker.bootstrap_servers(), &producing).unwrap();
    drop(second.begin_transaction().await.unwrap());
    let fenced = match producer.begin_transaction().await {
        Ok(transaction) => {
            let sent = transaction.send(&ProducerRecord::new("t", "late")).await;
            if sent.is_ok() { transaction.commit().await } else { sent }
        }
        Err(error) => Err(error),
    };
    assert!(fenced.is_err(), "the second producer has taken over");
}

#[tokio::test]
async fn what_cannot_work_is_told_when_it_is_made() {
    let make = |servers: &str, fields: &Value| {
        let configuration = ProducerConfiguration::from_json(fields).unwrap();
        text(Producer::new(servers, &configuration))
    };
    assert_eq!(
        make("localhost:9092", &json!({ "transactionalId": "t" })),
        "Failed to initialize the producer: configuration enableIdempotence must be set to true to \
         enable transactional producer"
    );
    let bad_url = make("invalid", &json!({}));
    assert!(bad_url.starts_with("Failed to initialize the producer: "), "{bad_url}");
    assert!(bad_url.contains("bootstrap.servers"), "{bad_url}");
    let no_file = make("a:1", &json!({ "secureSocket": { "cert": "/no/such.pem" } }));
    let expected = "Failed to initialize the producer: Error reading certificate file : ";
    assert!(no_file.starts_with(expected), "{no_file}");
    let bad_url = text(Consumer::new("invalid", &configuration(&json!({ "groupId": "g" }))));
    assert!(bad_url.starts_with("Cannot connect to the kafka server: "), "{bad_url}");
    assert_eq!(
        text(Listener::new("a:1", configuration(&json!({ "concurrentConsumers": -5 })))),
        "Number of Concurrent consumers should be a positive integer value greater than zero."
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    const EXPECTED: &str =
        "Server might not be available at 127.0.0.1:1. No active connections found.";
    let producing = ProducerConfiguration::from_json(&json!({ "maxBlock": 0.2 })).unwrap();
    let producer = Producer::new("127.0.0.1:1", &producing).unwrap();
    assert_eq!(text(producer.send(&ProducerRecord::new("t", "x")).await), EXPECTED);
    let fields =
        json!({ "groupId": "g", "topics": "t", "pollingInterval": 0.01, "pollingTimeout": 0.1 });
    let consumer = Consumer::new("127.0.0.1:1", &configuration(&fields)).unwrap();
    let error = take::<String>(&consumer, 1).await.unwrap_err();
    assert_eq!(error.to_string(), EXPECTED);
    let (service, mut seen) = service();
    let listener = Listener::new("127.0.0.1:1", configuration(&fields)).unwrap();
    listener.attach(service).await.unwrap();
    listener.start().await.unwrap();
    assert_eq!(seen.recv().await.unwrap(), Seen::Error(EXPECTED.to_owned()));
    listener.immediate_stop().await.unwrap();
}

#[tokio::test]
async fn offsets_for_times_can_be_read_from() {
    let broker = broker().await;
    let producer =
        Producer::new(broker.bootstrap_servers(), &ProducerConfiguration::default()).unwrap();
    for time in [100, 200, 300] {
        let record = ProducerRecord::new("t", time.to_string()).timestamp(time);
        producer.send(&record).await.unwrap();
    }
    let consumer = assigned(&broker, &json!({}));
    let found = consumer.offsets_for_times(&[(partition(), 150)], None).await.unwrap();
    let place = found[0].1.unwrap();
    assert_eq!((place.offset, place.timestamp), (1, 200));
    consumer.seek(&at(place.offset)).unwrap();
    assert_eq!(take::<String>(&consumer, 2).await.unwrap(), ["200", "300"]);
    let none = consumer.offsets_for_times(&[(partition(), 999)], Some(PATIENCE)).await.unwrap();
    assert_eq!(none, [(partition(), None)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_of_several_tasks_give_every_record_once() {
    let broker = broker().await;
    let values: Vec<String> = (0..50).map(|number| format!("{number:02}")).collect();
    send(&broker, &values.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let consumer = subscribed(&broker, &json!({ "maxPollRecords": 3 }));
    let (sender, mut seen) = mpsc::unbounded_channel();
    let mut strands = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (consumer, sender) = (consumer.clone(), sender.clone());
        strands.spawn(async move {
            while let Ok(values) = consumer.poll_payload::<String>(STEP).await {
                values.into_iter().for_each(|value| sender.send(value).unwrap());
            }
        });
    }
    let mut all = Vec::new();
    while all.len() < values.len() {
        all.push(seen.recv().await.unwrap());
    }
    consumer.close(None).await.unwrap();
    while strands.join_next().await.is_some() {}
    assert!(seen.try_recv().is_err());
    all.sort();
    assert_eq!(all, values);
}
