//! Records between Milena's clients and Java's, in each codec, on one topic of 4.3.1.

use std::collections::BTreeSet;

use kafka_lab::Listener;
use milena::consumer::Header;
use milena::{OwnedRecord, ProducerRecord, TopicPartition};

use crate::client::{self, Access, PATIENCE};
use crate::harness::{self, V4_3};
use crate::java;

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
/// Records of each codec.
const COUNT: usize = 20;

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn java_reads_what_we_write_with_each_codec() {
    let lab = harness::lab(V4_3, 1);
    let access = Access::to(&lab, Listener::Plaintext);
    let topic = harness::unique("for-java");
    access.create_topic(&topic, 1, 1).await;
    let begin = client::now_ms() - 60_000;
    let mut expected = Vec::new();
    for codec in CODECS {
        let producer =
            access.clone().with("compression.type", codec).with("linger.ms", "20").producer();
        let mut deliveries = Vec::new();
        for number in 0..COUNT {
            let (key, value) = (format!("klíč {number}"), format!("{codec} {number}").repeat(40));
            let timestamp = begin + i64::try_from(number).unwrap();
            let headers = [Header::new("h", Some(b"1")), Header::new("h", None)];
            let has_value = number % 3 != 2;
            let record = ProducerRecord::to(&topic)
                .key_value(Some(key.as_bytes()), has_value.then_some(value.as_bytes()))
                .headers(&headers)
                .timestamp_ms(timestamp);
            deliveries.push(client::within(producer.send(record)).await.unwrap());
            let value = if has_value { &value } else { "null" };
            let offset = expected.len();
            expected.push(format!(
                "CreateTime:{timestamp}\tPartition:0\tOffset:{offset}\th:1,h:null\t{key}\t{value}"
            ));
        }
        for delivery in deliveries {
            client::within(delivery).await.unwrap();
        }
        producer.close(PATIENCE).await.unwrap();
    }
    let servers = access.properties()[0].1.clone();
    let count = expected.len().to_string();
    let arguments = [
        &["--bootstrap-server", &servers, "--topic", &topic, "--from-beginning"][..],
        &["--max-messages", &count, "--timeout-ms", "60000"],
        &["--formatter-property", "print.timestamp=true"],
        &["--formatter-property", "print.partition=true"],
        &["--formatter-property", "print.offset=true"],
        &["--formatter-property", "print.headers=true"],
        &["--formatter-property", "print.key=true"],
    ];
    let read = java::run("console-consumer", &arguments.concat(), "");
    assert_eq!(read.lines().collect::<Vec<_>>(), expected);

    // The segment itself shows that each codec was in use.
    let log = lab.folder().join(format!("node-1/data/{topic}-0/00000000000000000000.log"));
    let dump = java::run("dump-log", &["--files", &log.to_string_lossy()], "");
    let used: BTreeSet<&str> =
        dump.split("compresscodec: ").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
    assert_eq!(used, CODECS.into_iter().collect(), "{dump}");
    assert!(!dump.contains("isvalid: false"), "{dump}");
}

#[tokio::test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
async fn we_read_what_java_writes_with_each_codec() {
    let access = Access::to(&harness::lab(V4_3, 1), Listener::Plaintext);
    let topic = harness::unique("of-java");
    access.create_topic(&topic, i32::try_from(CODECS.len()).unwrap(), 1).await;
    let servers = access.properties()[0].1.clone();
    let mut expected = Vec::new();
    let mut writers = Vec::new();
    for codec in CODECS {
        let mut input = String::new();
        for number in 0..COUNT {
            let value = format!("{codec} {number} ").repeat(40);
            input += &format!("codec:{codec},codec:again\tklíč {number}\t{value}\n");
            expected.push((codec.to_owned(), format!("klíč {number}"), value));
        }
        let (servers, topic) = (servers.clone(), topic.clone());
        writers.push(tokio::task::spawn_blocking(move || {
            let arguments = [
                &["--bootstrap-server", &servers, "--topic", &topic][..],
                &["--compression-codec", codec],
                &["--reader-property", "parse.key=true"],
                &["--reader-property", "parse.headers=true"],
            ];
            java::run("console-producer", &arguments.concat(), &input)
        }));
    }
    for writer in writers {
        client::within(writer).await.unwrap();
    }
    let consumer = access.with("auto.offset.reset", "earliest").consumer();
    consumer.assign((0..5).map(|partition| TopicPartition::new(&*topic, partition))).unwrap();
    let records = client::read(&consumer, expected.len()).await;
    let mut found: Vec<(String, String, String)> = records.iter().map(parts).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    consumer.close(PATIENCE).await.unwrap();
}

/// The first header's value, the key and the value of a record of the console producer.
fn parts(record: &OwnedRecord) -> (String, String, String) {
    let text =
        |bytes: &Option<bytes::Bytes>| String::from_utf8(bytes.as_ref().unwrap().to_vec()).unwrap();
    let names: Vec<&str> = record.headers.iter().map(|header| &*header.key).collect();
    assert_eq!(names, ["codec", "codec"]);
    assert_eq!(text(&record.headers[1].value), "again");
    (text(&record.headers[0].value), text(&record.key), text(&record.value))
}
