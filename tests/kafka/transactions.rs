//! Transactions: Milena's producer and Java's write them, both consumers see the same, and each
//! producer fences the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use kafka_lab::{JavaProgram, KafkaVersion, Lab, LabOptions, Listener, Programs};
use milena::consumer::{OffsetAndMetadata, Position};
use milena::producer::Transaction;
use milena::{Consumer, Error, ErrorKind, Producer, ProducerRecord, TopicPartition};
use serde_json::{Value, json};

use crate::client::{Access, PATIENCE, within};
use crate::harness::{self, NEEDS_KAFKA, V2_0, V2_8, V3_9, V4_3};

const PARTITIONS: i32 = 3;
const LEVELS: [&str; 2] = ["read_committed", "read_uncommitted"];

/// Java's producer of the same release, and its consumer.
struct Java(JavaProgram);

impl Java {
    fn start(version: KafkaVersion, lab: &Lab, id: &str) -> Self {
        let sources = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/kafka/java"));
        let programs = Programs::compile(version, sources);
        let programs = programs.unwrap_or_else(|error| panic!("{NEEDS_KAFKA}\n{error}"));
        let servers = lab.bootstrap(Listener::Plaintext);
        Self(programs.start("Transactor", &[&servers, id]).unwrap())
    }

    /// Calls it, and gives what it answers; the class of the exception if it throws one.
    fn call(&mut self, question: Value) -> Result<Value, String> {
        let answer = self.0.ask(&question).unwrap();
        match answer["error"].as_str() {
            Some(class) => Err(format!("{class} {}", answer["message"])),
            None => Ok(answer),
        }
    }

    fn op(&mut self, op: &str) -> Result<Value, String> {
        self.call(json!({ "op": op }))
    }

    fn send(&mut self, topic: &str, partition: i32, value: &str) -> Result<Value, String> {
        let question =
            json!({ "op": "send", "topic": topic, "partition": partition, "value": value });
        self.call(question)
    }

    fn read(&mut self, topic: &str, level: &str) -> Vec<String> {
        let question = json!({ "op": "read", "topic": topic, "level": level });
        let answer = self.call(question).unwrap();
        let values = answer["values"].as_array().unwrap();
        let mut values: Vec<String> =
            values.iter().map(|value| value.as_str().unwrap().to_owned()).collect();
        values.sort();
        values
    }
}

fn producer(access: &Access, id: &str) -> Producer {
    access.clone().with("transactional.id", id).with("linger.ms", "0").producer()
}

async fn ready(access: &Access, id: &str) -> Producer {
    let producer = producer(access, id);
    within(producer.init_transactions()).await.unwrap();
    producer
}

/// What readers of that level see, sorted.
async fn read(access: &Access, topic: &str, level: &str) -> Vec<String> {
    let mut all: Vec<String> =
        read_partitions(access, topic, level).await.into_values().flatten().collect();
    all.sort();
    all
}

async fn read_partitions(access: &Access, topic: &str, level: &str) -> BTreeMap<i32, Vec<String>> {
    let access = access.clone().with("isolation.level", level);
    let consumer = access.with("auto.offset.reset", "earliest").consumer();
    let partitions: Vec<TopicPartition> =
        (0..PARTITIONS).map(|index| TopicPartition::new(topic, index)).collect();
    consumer.assign(partitions.clone()).unwrap();
    let ends = within(consumer.end_offsets(&partitions)).await.unwrap();
    let mut values: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    let deadline = Instant::now() + PATIENCE;
    for partition in &partitions {
        while within(consumer.position(partition)).await.unwrap().offset < ends[partition] {
            assert!(Instant::now() < deadline, "{partition} is not read to its end in time");
            for record in &consumer.poll(Duration::from_millis(200)).await.unwrap() {
                let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                values.entry(record.partition).or_default().push(value);
            }
        }
    }
    consumer.close(PATIENCE).await.unwrap();
    values
}

async fn send_all(transaction: &Transaction, topic: &str, values: &[String]) {
    for (partition, value) in (0..PARTITIONS).cycle().zip(values) {
        let record = ProducerRecord::to(topic).value(value.as_str()).partition(partition);
        within(transaction.send(record)).await.unwrap();
    }
}

/// Both producers commit and abort in turns; both consumers see what was committed, and all of it.
async fn is_seen_alike(version: KafkaVersion) {
    let lab = harness::lab(version, 1);
    let access = Access::to(&lab, Listener::Plaintext);
    let topic = harness::unique("transactions");
    access.create_topic(&topic, PARTITIONS, 1).await;
    let ours = ready(&access, &harness::unique("ours")).await;
    let mut java = Java::start(version, &lab, &harness::unique("javas"));
    java.op("init").unwrap();
    let (mut all, mut committed) = (Vec::new(), Vec::new());
    for (round, commits) in [true, false, false, true, true].into_iter().enumerate() {
        let mine: Vec<String> = (0..20).map(|number| format!("ours-{round}-{number}")).collect();
        let transaction = within(ours.begin_transaction()).await.unwrap();
        java.op("begin").unwrap();
        send_all(&transaction, &topic, &mine).await;
        let theirs: Vec<String> = (0..4).map(|number| format!("java-{round}-{number}")).collect();
        for (partition, value) in (0..PARTITIONS).cycle().zip(&theirs) {
            java.send(&topic, partition, value).unwrap();
        }
        within(ours.flush()).await.unwrap();
        if commits {
            within(transaction.commit()).await.unwrap();
        } else {
            within(transaction.abort()).await.unwrap();
        }
        // The other way round for Java's.
        java.op(if commits { "abort" } else { "commit" }).unwrap();
        committed.extend(if commits { &mine } else { &theirs }.clone());
        all.extend(mine);
        all.extend(theirs);
    }
    committed.sort();
    all.sort();
    for (level, expected) in LEVELS.into_iter().zip([&committed, &all]) {
        // The markers of the last end may come a moment after its answer.
        let stable = async {
            while read(&access, &topic, "read_committed").await.len() < committed.len() {}
        };
        within(stable).await;
        assert!(read(&access, &topic, level).await == **expected, "{version} {level}: ours");
        assert!(java.read(&topic, level) == **expected, "{version} {level}: Java's");
    }
    ours.close(PATIENCE).await.unwrap();
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn transactions_on_kafka_2_0_are_seen_alike() {
    is_seen_alike(V2_0).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn transactions_on_kafka_2_8_are_seen_alike() {
    is_seen_alike(V2_8).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn transactions_on_kafka_3_9_are_seen_alike() {
    is_seen_alike(V3_9).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn transactions_on_kafka_4_3_are_seen_alike() {
    is_seen_alike(V4_3).await;
}

/// Fenced at the commit or, if a partition's leader noticed first, at the abort.
async fn fenced(transaction: &Transaction) -> Error {
    let error = within(transaction.commit()).await.unwrap_err();
    if error.requires_abort() { within(transaction.abort()).await.unwrap_err() } else { error }
}

/// Whoever is initialized later fences the other one, and aborts what it left open.
async fn fence_each_other(version: KafkaVersion) {
    let lab = harness::lab(version, 1);
    let access = Access::to(&lab, Listener::Plaintext);
    let (topic, id) = (harness::unique("fencing"), harness::unique("fenced"));
    access.create_topic(&topic, PARTITIONS, 1).await;
    let value = |name: &str| vec![name.to_owned()];

    let ours = ready(&access, &id).await;
    let open = within(ours.begin_transaction()).await.unwrap();
    send_all(&open, &topic, &value("ours, lost")).await;
    within(ours.flush()).await.unwrap();

    let mut java = Java::start(version, &lab, &id);
    java.op("init").unwrap();
    java.op("begin").unwrap();
    java.send(&topic, 1, "java's, kept").unwrap();
    let error = fenced(&open).await;
    assert_eq!((error.kind(), error.is_fatal()), (ErrorKind::Fenced, true), "{error}");
    java.op("commit").unwrap();
    java.op("begin").unwrap();
    java.send(&topic, 1, "java's, lost").unwrap();

    let heir = ready(&access, &id).await;
    let transaction = within(heir.begin_transaction()).await.unwrap();
    send_all(&transaction, &topic, &value("ours, kept")).await;
    let refused = java.op("commit").unwrap_err();
    assert!(refused.contains("Fenced") || refused.contains("Epoch"), "{refused}");
    within(transaction.commit()).await.unwrap();

    let expected = ["java's, kept", "ours, kept"];
    let seen =
        async { while read(&access, &topic, "read_committed").await.len() < expected.len() {} };
    within(seen).await;
    assert_eq!(read(&access, &topic, "read_committed").await, expected, "{version}");
    assert_eq!(java.read(&topic, "read_committed"), expected, "{version}");
    heir.close(PATIENCE).await.unwrap();
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn producers_of_both_sides_fence_each_other_on_kafka_2_0() {
    fence_each_other(V2_0).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn producers_of_both_sides_fence_each_other_on_kafka_2_8() {
    fence_each_other(V2_8).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn producers_of_both_sides_fence_each_other_on_kafka_4_3() {
    fence_each_other(V4_3).await;
}

/// The admin client takes a producer's place at its coordinator, whoever made the producer.
#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn an_admin_fences_producers_of_both_sides_on_kafka_4_3() {
    let lab = harness::lab(V4_3, 1);
    let access = Access::to(&lab, Listener::Plaintext);
    let (topic, id) = (harness::unique("fenced-by-admin"), harness::unique("fenced-by-admin"));
    access.create_topic(&topic, PARTITIONS, 1).await;
    let admin = access.admin();
    let value = |name: &str| vec![name.to_owned()];

    let ours = ready(&access, &id).await;
    let open = within(ours.begin_transaction()).await.unwrap();
    send_all(&open, &topic, &value("ours, lost")).await;
    within(ours.flush()).await.unwrap();
    let first = within(admin.fence_producers([id.as_str()])).await.one().unwrap();
    let error = fenced(&open).await;
    assert_eq!((error.kind(), error.is_fatal()), (ErrorKind::Fenced, true), "{error}");

    let mut java = Java::start(V4_3, &lab, &id);
    java.op("init").unwrap();
    java.op("begin").unwrap();
    java.send(&topic, 1, "java's, lost").unwrap();
    let second = within(admin.fence_producers([id.as_str()])).await.one().unwrap();
    assert_eq!(second.producer_id, first.producer_id);
    assert!(second.producer_epoch > first.producer_epoch, "{first:?}, {second:?}");
    let refused = java.op("commit").unwrap_err();
    assert!(refused.contains("Fenced") || refused.contains("Epoch"), "{refused}");

    // Ids that nobody has used are no error.
    let unused = harness::unique("unused");
    assert_eq!(within(admin.fence_producers([unused])).await.one().unwrap().producer_epoch, 0);
    let heir = ready(&access, &id).await;
    let transaction = within(heir.begin_transaction()).await.unwrap();
    send_all(&transaction, &topic, &value("kept")).await;
    within(transaction.commit()).await.unwrap();
    within(async { while read(&access, &topic, "read_committed").await.is_empty() {} }).await;
    assert_eq!(read(&access, &topic, "read_committed").await, ["kept"]);
    heir.close(PATIENCE).await.unwrap();
}

/// A transaction that takes too long is aborted by the coordinator. Its producer is fenced, or goes on
/// after an abort where every transaction has an epoch of its own.
async fn times_out(version: KafkaVersion) {
    let lab = harness::lab(version, 1);
    let access = Access::to(&lab, Listener::Plaintext);
    let (topic, id) = (harness::unique("slow"), harness::unique("slow"));
    access.create_topic(&topic, PARTITIONS, 1).await;
    let slow = access.clone().with("transaction.timeout.ms", "1000");
    let ours = ready(&slow, &id).await;
    let open = within(ours.begin_transaction()).await.unwrap();
    send_all(&open, &topic, &["late".to_owned()]).await;
    within(ours.flush()).await.unwrap();
    // The coordinator looks every ten seconds; the marker of the abort makes the partition stable.
    let consumer = access.clone().with("isolation.level", "read_committed").consumer();
    let partitions = [TopicPartition::new(topic.as_str(), 0)];
    let aborted =
        async { while consumer.end_offsets(&partitions).await.unwrap()[&partitions[0]] < 2 {} };
    within(aborted).await;
    let heir = if version.is_at_least(4, 0) {
        let error = within(open.commit()).await.unwrap_err();
        assert!(error.requires_abort() && !error.is_fatal(), "{version} {error}");
        within(open.abort()).await.unwrap();
        ours
    } else {
        let error = fenced(&open).await;
        let found = (error.kind(), error.is_fatal());
        assert_eq!(found, (ErrorKind::Fenced, true), "{version} {error}");
        ready(&access, &id).await
    };
    let transaction = within(heir.begin_transaction()).await.unwrap();
    send_all(&transaction, &topic, &["kept".to_owned()]).await;
    within(transaction.commit()).await.unwrap();
    let seen = async { while read(&access, &topic, "read_committed").await.is_empty() {} };
    within(seen).await;
    assert_eq!(read(&access, &topic, "read_committed").await, ["kept"]);
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn transaction_that_takes_too_long_on_kafka_2_8_is_aborted() {
    times_out(V2_8).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn transaction_that_takes_too_long_on_kafka_4_3_is_aborted() {
    times_out(V4_3).await;
}

/// Reads, writes what it read, and commits both in one step, until `count` records are through.
struct Processor {
    access: Access,
    input: String,
    output: String,
    group: String,
}

impl Processor {
    async fn step(&self, consumer: &Consumer, producer: &Producer) -> Result<usize, Error> {
        let records = consumer.poll(Duration::from_millis(200)).await?;
        let transaction = within(producer.begin_transaction()).await?;
        let done = self.process(consumer, &transaction, &records).await;
        match done {
            Ok(count) => Ok(count),
            Err(error) if error.requires_abort() => {
                within(transaction.abort()).await?;
                // Back to where the group stands.
                let assigned = consumer.assignment();
                let committed = within(consumer.committed(&assigned)).await?;
                for (partition, offset) in committed {
                    let offset = offset.map_or(0, |committed| committed.offset);
                    consumer.seek_to_position(&partition, Position::new(offset))?;
                }
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    async fn process(
        &self,
        consumer: &Consumer,
        transaction: &Transaction,
        records: &milena::ConsumerRecords,
    ) -> Result<usize, Error> {
        let mut offsets: BTreeMap<TopicPartition, OffsetAndMetadata> = BTreeMap::new();
        let mut count = 0;
        for record in records {
            let copy = ProducerRecord::to(&self.output)
                .value(record.value.unwrap_or_default())
                .partition(record.partition);
            transaction.send(copy).await?;
            let partition = TopicPartition::new(record.topic, record.partition);
            offsets.insert(partition, Position::new(record.offset + 1).into());
            count += 1;
        }
        let group = consumer.group_metadata().expect("the consumer has a group");
        within(transaction.send_offsets(offsets, &group)).await?;
        within(transaction.commit()).await?;
        Ok(count)
    }

    /// Processes so many records, in a life of its own.
    async fn run(&self, id: &str, count: usize) {
        let producer = ready(&self.access, id).await;
        let member = self.access.clone().with("isolation.level", "read_committed");
        let consumer = member.with("max.poll.records", "10").member(&self.group);
        consumer.subscribe([&self.input]).unwrap();
        let mut done = 0;
        while done < count {
            done += self.step(&consumer, &producer).await.unwrap();
        }
        // It ends without a word, with a transaction open, as a process that is killed.
        let open = within(producer.begin_transaction()).await.unwrap();
        send_all(&open, &self.output, &["zombie".to_owned()]).await;
        within(producer.flush()).await.unwrap();
        std::mem::forget(open);
        consumer.close(PATIENCE).await.unwrap();
    }
}

/// Reading, processing and writing counts once for each record, although the leader of a partition is
/// killed and the processor is replaced.
async fn counts_once(version: KafkaVersion) {
    const COUNT: usize = 300;
    let lab = harness::own_lab(LabOptions::new(version).nodes(3));
    let access = Access::to(&lab, Listener::Plaintext);
    let (input, output) = (harness::unique("input"), harness::unique("output"));
    access.create_topic(&input, PARTITIONS, 3).await;
    access.create_topic(&output, PARTITIONS, 3).await;
    let source = access.producer();
    let mut expected: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for number in 0..COUNT {
        let partition = i32::try_from(number).unwrap() % PARTITIONS;
        let value = format!("{number:04}");
        let record = ProducerRecord::to(&input).value(value.as_str()).partition(partition);
        within(source.send(record)).await.unwrap();
        expected.entry(partition).or_default().push(value);
    }
    within(source.flush()).await.unwrap();
    source.close(PATIENCE).await.unwrap();

    let group = harness::unique("processors");
    let processor = Processor { access: access.clone(), input, output: output.clone(), group };
    processor.run("processor", COUNT / 3).await;
    let admin = access.admin();
    let described = within(admin.describe_topics([output.as_str()])).await.one().unwrap();
    let leader = u16::try_from(described.partitions[0].leader.unwrap()).unwrap();
    let lab = std::sync::Arc::new(lab);
    let killed = std::sync::Arc::clone(&lab);
    let (processing, killing) = tokio::join!(
        processor.run("processor", COUNT / 3),
        tokio::task::spawn_blocking(move || killed.kill(leader)),
    );
    let () = processing;
    killing.unwrap().unwrap();
    processor.run("processor", COUNT - COUNT / 3 * 2).await;
    let last = ready(&access, "processor").await;
    let stable = async {
        loop {
            let seen = read_partitions(&access, &output, "read_committed").await;
            if seen.values().map(Vec::len).sum::<usize>() >= COUNT {
                return seen;
            }
        }
    };
    assert!(within(stable).await == expected, "{version}: the output differs from the input");
    last.close(PATIENCE).await.unwrap();
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn reading_and_writing_in_transactions_counts_once_on_kafka_4_3() {
    counts_once(V4_3).await;
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn reading_and_writing_in_transactions_counts_once_on_kafka_2_8() {
    counts_once(V2_8).await;
}
