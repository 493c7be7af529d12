//! Messages: bytes of Kafka's generated classes for random values of every schema and version.
//!
//! `messages.jsonl.gz` holds a case a line: `type`, `name`, `version`, `body` (Kafka's JSON) and `hex`.

use std::io::{BufRead as _, BufReader};

use flate2::read::GzDecoder;
use milena_tests::golden;
use serde_json::Value;

/// Every case of the file.
pub(crate) fn cases() -> impl Iterator<Item = Value> {
    BufReader::new(GzDecoder::new(&include_bytes!("messages.jsonl.gz")[..]))
        .lines()
        .map(|line| serde_json::from_str(&line.expect("the file is whole")).expect("JSON"))
}

#[test]
fn reads_and_writes_every_message_as_kafka_does() {
    let mut count = 0;
    let mut failures = Vec::new();
    for case in cases() {
        count += 1;
        failures.extend(golden::check_message(&case).err());
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(count, 2560);
}
