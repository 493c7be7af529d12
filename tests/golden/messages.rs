//! Messages: bytes of Kafka's generated classes for random values of every schema and version.
//!
//! `messages.jsonl.gz` holds a case a line: `type`, `name`, `version`, `body` (Kafka's JSON) and `hex`.

use std::io::{BufRead as _, BufReader};

use bytes::Bytes;
use flate2::read::GzDecoder;
use milena_wire::{MessageKind, json};
use serde_json::Value;

/// Every case of the file.
pub(crate) fn cases() -> impl Iterator<Item = Value> {
    BufReader::new(GzDecoder::new(&include_bytes!("messages.jsonl.gz")[..]))
        .lines()
        .map(|line| serde_json::from_str(&line.expect("the file is whole")).expect("JSON"))
}

pub(crate) fn kind(case: &Value) -> MessageKind {
    match case["type"].as_str() {
        Some("request") => MessageKind::Request,
        Some("response") => MessageKind::Response,
        Some("header") => MessageKind::Header,
        _ => MessageKind::Data,
    }
}

pub(crate) fn name_of(case: &Value) -> &str {
    case["name"].as_str().expect("a name")
}

pub(crate) fn version_of(case: &Value) -> i16 {
    case["version"].as_i64().and_then(|version| i16::try_from(version).ok()).expect("a version")
}

pub(crate) fn bytes_of(case: &Value) -> Bytes {
    let digits = case["hex"].as_str().expect("hex").as_bytes().chunks(2);
    digits
        .map(|pair| {
            let pair = str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).expect("hex digits")
        })
        .collect()
}

/// Whether what was read is what was meant.
///
/// A tagged field with its default is not on the wire, so `read` may lack what `meant` names: the
/// bytes, which are compared too, leave no doubt there.
fn agrees(meant: &Value, read: &Value) -> bool {
    match (meant, read) {
        (Value::Object(meant), Value::Object(read)) => {
            read.keys().all(|key| meant.contains_key(key))
                && meant
                    .iter()
                    .all(|(key, meant)| read.get(key).is_none_or(|read| agrees(meant, read)))
        }
        (Value::Array(meant), Value::Array(read)) => {
            meant.len() == read.len() && meant.iter().zip(read).all(|(m, r)| agrees(m, r))
        }
        (Value::Number(meant), Value::Number(read)) => meant.as_f64() == read.as_f64(),
        _ => meant == read,
    }
}

#[test]
fn reads_and_writes_every_message_as_kafka_does() {
    let mut count = 0;
    let mut failures = Vec::new();
    for case in cases() {
        count += 1;
        let (name, version, bytes) = (name_of(&case), version_of(&case), bytes_of(&case));
        match json::transcode(kind(&case), name, version, bytes.clone()) {
            Ok(transcoded) if transcoded.bytes != bytes => {
                failures.push(format!("{name} v{version}: written otherwise than it was read"));
            }
            Ok(transcoded) if !agrees(&case["body"], &transcoded.body) => failures.push(format!(
                "{name} v{version}: {} is read as {}",
                case["body"], transcoded.body
            )),
            Ok(_) => {}
            Err(error) => failures.push(format!("{name} v{version}: {error}")),
        }
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(count, 2560);
}
