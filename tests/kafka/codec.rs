//! The codec against Kafka's own classes: fresh cases of theirs read by ours, ours read by theirs.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kafka_lab::golden as oracle;
use milena_tests::golden;
use milena_wire::compression::{Compression, CompressionType, Compressor};
use milena_wire::json;
use milena_wire::records::{Header, Record, RecordBatchBuilder, RecordBatches, SealOptions};
use serde_json::{Value, json};

use crate::harness::{self, ReadBack};

/// Other than that of the vectors which the golden suite carries.
const SEED: u64 = 20_26;
const SCHEMAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../spec/messages");
/// Bytes that a decompressed batch of these tests may have.
const LIMIT: usize = 16 << 20;

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn reads_and_writes_fresh_messages_as_kafka_does() {
    let cases = oracle::messages(&harness::programs(), Path::new(SCHEMAS), SEED, 2).unwrap();
    let failures: Vec<String> =
        cases.iter().filter_map(|case| golden::check_message(case).err()).collect();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
    assert!(cases.len() > 1000, "{} cases", cases.len());
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn kafka_reads_the_messages_that_we_write() {
    let mut kafka = ReadBack::start();
    let cases = oracle::messages(&harness::programs(), Path::new(SCHEMAS), SEED + 1, 1).unwrap();
    for case in cases {
        let (kind, name) = (golden::kind(&case), golden::name_of(&case));
        let (version, bytes) = (golden::version_of(&case), golden::bytes_of(&case));
        let ours = json::transcode(kind, name, version, bytes).unwrap().bytes;
        let seen = kafka.message(case["type"].as_str().unwrap(), name, version, &ours);
        assert_eq!(seen["left"], json!(0), "{name} v{version}: {seen}");
        assert_eq!(seen["hex"], json!(golden::hex(&ours)), "{name} v{version}");
    }
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn reads_fresh_records_as_kafka_does() {
    let sets = oracle::records(&harness::programs(), SEED, 1).unwrap();
    assert_eq!(sets.len(), 26);
    for set in sets {
        let mut found = Vec::new();
        for batch in RecordBatches::new(golden::bytes_of(&set)) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            let records = batch.records(LIMIT).unwrap();
            found.extend(records.iter().map(|record| as_json(&record.unwrap())));
        }
        assert_eq!(Value::Array(found), set["records"], "{} {}", set["magic"], set["compression"]);
    }
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn kafka_reads_the_batches_that_we_write() {
    let mut kafka = ReadBack::start();
    let mut compressor = Compressor::new();
    for codec in CompressionType::ALL {
        let compression = match codec {
            CompressionType::Gzip => Compression::gzip(9).unwrap(),
            CompressionType::Zstd => Compression::zstd(3).unwrap(),
            CompressionType::Lz4 => Compression::lz4(9).unwrap(),
            CompressionType::Snappy => Compression::Snappy,
            _ => Compression::None,
        };
        for count in [1_u32, 3, 500] {
            let options = SealOptions {
                compression,
                base_offset: 7_000_000_000,
                partition_leader_epoch: 5,
                producer_id: 4_000,
                producer_epoch: 3,
                base_sequence: 12,
                is_transactional: count == 3,
                ..SealOptions::default()
            };
            let batch = batch(count).seal(&options, &mut compressor).unwrap().into_bytes();
            let seen = kafka.records(&batch);
            let header = &seen["batches"][0];
            assert_eq!(header["count"], json!(count), "{codec}: {seen}");
            assert_eq!(header["baseOffset"], json!(7_000_000_000_u64));
            assert_eq!(header["partitionLeaderEpoch"], json!(5));
            assert_eq!(header["producerId"], json!(4_000));
            assert_eq!(header["producerEpoch"], json!(3));
            assert_eq!(header["baseSequence"], json!(12));
            assert_eq!(header["transactional"], json!(count == 3));
            if count == 500 {
                assert_eq!(header["compression"], json!(codec.name()));
            }
            assert_eq!(seen["records"], ours(batch), "{codec}, {count} records");
        }
    }
}

#[test]
#[ignore = "needs Apache Kafka: cargo xtask test --group kafka"]
fn kafka_finds_a_batch_with_a_changed_byte_corrupt() {
    let batch = batch(3).seal(&SealOptions::default(), &mut Compressor::new()).unwrap();
    let mut bytes = batch.into_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let seen = ReadBack::start().records(&bytes);
    assert!(seen["error"].as_str().unwrap().contains("CorruptRecordException"), "{seen}");
}

/// Records with every kind of key, value and header.
fn batch(count: u32) -> RecordBatchBuilder {
    let mut builder = RecordBatchBuilder::with_capacity(1 << 16);
    for index in 0..count {
        let value = format!("{{\"event\":\"arrived\",\"car\":{index}}}").repeat(3);
        let key = format!("ключ-{}", index % 7);
        let headers = [
            Header::new("trace", Some(b"\x00\xff")),
            Header::new("trace", None),
            Header::new("", Some(b"")),
        ];
        builder
            .append(
                1_700_000_000_000 + i64::from(index % 13) - 6,
                (index % 3 != 0).then_some(key.as_bytes()),
                (index % 5 != 4).then_some(value.as_bytes()),
                if index % 2 == 0 { &headers } else { &[] },
            )
            .unwrap();
    }
    builder
}

/// What our own reader finds.
fn ours(batch: Bytes) -> Value {
    let batch = RecordBatches::new(batch).next().unwrap().unwrap();
    let records = batch.records(LIMIT).unwrap();
    records.iter().map(|record| as_json(&record.unwrap())).collect()
}

fn as_json(record: &Record<'_>) -> Value {
    let base64 = |bytes: Option<&[u8]>| bytes.map(|bytes| STANDARD.encode(bytes));
    let headers: Vec<Value> =
        record.headers().map(|header| json!([header.key(), base64(header.value())])).collect();
    json!({
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": base64(record.key),
        "value": base64(record.value),
        "headers": headers,
    })
}
