//! The same bytes as Apache Avro's Java library, and the same values where another schema reads them.
//!
//! `tests/avro/AvroGolden.java` wrote the cases.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::{AvroErrorKind, AvroOptions, AvroSchema, LogicalForm, UnionForm};

const CASES: &str = include_str!("../../../tests/avro/golden.jsonl");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[test]
fn bytes_and_resolution_are_javas() {
    // Avro's JSON has tags, and numbers for dates.
    let mut options = AvroOptions::default();
    (options.unions, options.logical) = (UnionForm::Tagged, LogicalForm::Number);
    let schema = |value: &Value| AvroSchema::parse(&value.to_string()).unwrap();
    let (mut cases_count, mut resolved_count) = (0, 0);
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let writer = schema(&case["schema"]);
        let bytes = writer.encode(&case["value"], options).unwrap();
        assert_eq!(hex(&bytes), case["hex"].as_str().unwrap(), "{line}");
        let value = writer.decode(&bytes, options).unwrap();
        assert_eq!(writer.encode(&value, options).unwrap(), bytes, "{line}");
        cases_count += 1;
        if case.get("reader").is_none() {
            continue;
        }
        resolved_count += 1;
        let reader = schema(&case["reader"]);
        let read = reader.decode_written_by(&writer, &bytes, options);
        if case.get("refused").is_some() {
            assert_eq!(read.unwrap_err().kind(), AvroErrorKind::Resolution, "{line}");
            continue;
        }
        // Both say the same to the reader's schema, whatever their numbers look like.
        let ours = reader.encode(&read.unwrap(), options).unwrap();
        let theirs = reader.encode(&case["read"], options).unwrap();
        assert_eq!(hex(&ours), hex(&theirs), "{line}");
    }
    assert_eq!((cases_count, resolved_count), (400, 22));
}
