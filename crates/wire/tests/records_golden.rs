//! Record sets as Kafka's own classes wrote them, with what Kafka's own reader found in them.
//!
//! Each line of `tests/golden/records.jsonl.gz` has the bytes of one record set and its records.
//! `MILENA_RECORDS_GOLDEN` names a plain file of such lines to compare with instead.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read};

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use milena_wire::compression::CompressionType;
use milena_wire::records::{RecordBatch, RecordBatches, TimestampType, convert_to};
use serde_json::Value;

const LIMIT: usize = 64 << 20;

fn for_each_line(mut check: impl FnMut(&Value)) {
    let read: Box<dyn Read> = match std::env::var_os("MILENA_RECORDS_GOLDEN") {
        Some(path) => Box::new(std::fs::File::open(path).unwrap()),
        None => {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/records.jsonl.gz");
            let file = std::fs::File::open(path).unwrap();
            Box::new(GzDecoder::new(BufReader::new(file)))
        }
    };
    let mut count = 0;
    for line in BufReader::new(read).lines() {
        check(&serde_json::from_str(&line.unwrap()).unwrap());
        count += 1;
    }
    assert!(count >= 26, "only {count} record sets");
}

fn from_hex(hex: &str) -> Bytes {
    let byte = |start| u8::from_str_radix(&hex[start..start + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn from_base64(value: &Value) -> Option<Vec<u8>> {
    let text = value.as_str()?;
    let mut bytes = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = chunk.iter().fold(0_u32, |bits, &symbol| {
            let value = match symbol {
                b'A'..=b'Z' => symbol - b'A',
                b'a'..=b'z' => symbol - b'a' + 26,
                b'0'..=b'9' => symbol - b'0' + 52,
                b'+' => 62,
                _ => 63,
            };
            bits << 6 | u32::from(value)
        }) << (6 * (4 - chunk.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..chunk.len()]);
    }
    Some(bytes)
}

/// What a reader sees of a record, owned.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    offset: i64,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

fn expected(line: &Value) -> Vec<Seen> {
    let records = line["records"].as_array().unwrap();
    records
        .iter()
        .map(|record| Seen {
            offset: record["offset"].as_i64().unwrap(),
            timestamp: record["timestamp"].as_i64().unwrap(),
            key: from_base64(&record["key"]),
            value: from_base64(&record["value"]),
            headers: record["headers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|pair| (pair[0].as_str().unwrap().to_owned(), from_base64(&pair[1])))
                .collect(),
        })
        .collect()
}

fn read(batch: &RecordBatch) -> Vec<Seen> {
    batch.verify_crc().unwrap();
    let records = batch.records(LIMIT).unwrap();
    records
        .iter()
        .map(|record| {
            let record = record.unwrap();
            Seen {
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers: record
                    .headers()
                    .map(|header| {
                        let value = header.value().map(<[u8]>::to_vec);
                        (header.key_str().unwrap().to_owned(), value)
                    })
                    .collect(),
            }
        })
        .collect()
}

fn read_all(bytes: Bytes) -> Vec<Seen> {
    let mut batches = RecordBatches::new(bytes);
    let seen = batches.by_ref().flat_map(|batch| read(&batch.unwrap())).collect();
    assert!(!batches.is_truncated());
    seen
}

#[test]
fn reads_what_java_wrote() {
    for_each_line(|line| {
        let bytes = from_hex(line["hex"].as_str().unwrap());
        let magic = line["magic"].as_i64().unwrap();
        let codec: CompressionType = line["compression"].as_str().unwrap().parse().unwrap();
        for batch in RecordBatches::new(bytes.clone()) {
            let batch = batch.unwrap();
            assert_eq!(i64::from(batch.magic()), magic);
            assert_eq!(batch.compression(), codec);
            assert_eq!(batch.timestamp_type().name(), line["timestampType"].as_str().unwrap());
            assert_eq!(batch.producer_id(), line["producerId"].as_i64().unwrap());
            assert_eq!(i64::from(batch.producer_epoch()), line["producerEpoch"].as_i64().unwrap());
            assert_eq!(i64::from(batch.base_sequence()), line["baseSequence"].as_i64().unwrap());
            assert_eq!(batch.is_transactional(), line["transactional"].as_bool().unwrap());
            assert!(!batch.is_control());
        }
        assert_eq!(read_all(bytes), expected(line), "magic {magic}, {codec}");
    });
}

#[test]
fn down_conversion_keeps_what_the_old_format_has() {
    for_each_line(|line| {
        let bytes = from_hex(line["hex"].as_str().unwrap());
        for batch in RecordBatches::new(bytes) {
            let batch = batch.unwrap();
            if batch.compression() == CompressionType::Zstd {
                assert!(convert_to(1, &batch, LIMIT).is_err());
                continue;
            }
            for magic in 0..batch.magic() {
                let converted = convert_to(magic, &batch, LIMIT).unwrap();
                let mut wanted = read(&batch);
                for seen in &mut wanted {
                    seen.headers.clear();
                    if magic == 0 {
                        seen.timestamp = -1;
                    }
                }
                for message in RecordBatches::new(converted.clone()) {
                    let message = message.unwrap();
                    assert_eq!(message.magic(), magic);
                    assert_eq!(message.compression(), batch.compression());
                    let timestamp_type = match magic {
                        0 => TimestampType::NoTimestamp,
                        _ => batch.timestamp_type(),
                    };
                    assert_eq!(message.timestamp_type(), timestamp_type);
                }
                assert_eq!(read_all(converted), wanted);
            }
        }
    });
}
