//! Bytes that nobody wrote: no panic, no memory, no time.

use proptest::prelude::*;
use serde_json::json;

use super::super::{AvroErrorKind, AvroOptions, AvroSchema};

fn error(schema: &serde_json::Value, bytes: &[u8]) -> String {
    let schema = AvroSchema::parse(&schema.to_string()).unwrap();
    let error = schema.decode(bytes, AvroOptions::default()).unwrap_err();
    assert_eq!(error.kind(), AvroErrorKind::Bytes);
    error.to_string()
}

#[test]
fn malformed_bytes_are_named_with_path_and_place() {
    let record = json!({ "type": "record", "name": "R", "fields": [
        { "name": "a", "type": { "type": "array", "items": "string" } },
        { "name": "u", "type": ["null", "int"] }] });
    let symbols = json!({ "type": "enum", "name": "E", "symbols": ["A"] });
    for (schema, bytes, expected) in [
        (&record, &[][..], "$.a needs 1 bytes where 0 are left (byte 0)"),
        (&record, &[4, 2, b'a', 8, b'b'], "$.a[1] needs 4 bytes where 1 are left (byte 4)"),
        (&record, &[2, 2, 0xff, 0, 0], "$.a[0] is a text that is no UTF-8 (byte 3)"),
        (&record, &[0, 4], "$.u is branch 2 of a union of 2 types (byte 2)"),
        (&record, &[0, 1], "$.u is branch -1 of a union of 2 types (byte 2)"),
        (&record, &[0, 0, 0], "$ has 1 more bytes behind it (byte 2)"),
        (&record, &[2, 1], "$.a[0] has the length -1 (byte 2)"),
        (&symbols, &[2], "$ is symbol 1 of an enum of 1 (byte 1)"),
        (&json!("boolean"), &[2], "$ is 2 where 0 or 1 stands for a truth value (byte 1)"),
        (&json!("int"), &[0xff; 11], "$ has more than 64 bits (byte 10)"),
    ] {
        assert_eq!(error(schema, bytes), expected);
    }
}

#[test]
fn counts_of_what_takes_no_bytes_are_bounded() {
    let nulls = json!({ "type": "array", "items": "null" });
    let mut bytes = vec![0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    bytes.push(0);
    assert!(error(&nulls, &bytes).contains("has more values than its bytes can stand for"));
    let empty =
        json!({ "type": "array", "items": { "type": "record", "name": "R", "fields": [] } });
    assert!(error(&empty, &bytes).contains("has more values than its bytes can stand for"));
    let schema = AvroSchema::parse(&nulls.to_string()).unwrap();
    let value = schema.decode(&[0x90, 0x4e, 0], AvroOptions::default()).unwrap();
    assert_eq!(value.as_array().unwrap().len(), 5000);
}

#[test]
fn a_type_inside_itself_ends() {
    let endless =
        json!({ "type": "record", "name": "R", "fields": [{ "name": "r", "type": "R" }] });
    assert!(error(&endless, &[]).contains("is more than 160 levels deep"));
    let list = json!({ "type": "record", "name": "L", "fields": [
        { "name": "next", "type": ["null", "L"] }] });
    assert!(error(&list, &[2; 10_000]).contains("is more than 160 levels deep"));
}

#[test]
fn a_huge_decimal_is_refused() {
    let decimal = json!({ "type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2 });
    let mut bytes = vec![0x80, 0x80, 0x80, 1];
    bytes.resize(4 + (1 << 20), 0x7f);
    assert!(error(&decimal, &bytes).contains("is a decimal of 1048576 bytes"));
}

/// Values and schemas that Java wrote, with one byte of each changed.
#[test]
fn bytes_and_schemas_with_an_error_in_them_are_refused_or_read() {
    let cases = include_str!("../../../tests/avro/golden.jsonl");
    let (mut read_count, mut refused_count) = (0, 0);
    for (number, line) in cases.lines().enumerate() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = case["schema"].to_string();
        let schema = AvroSchema::parse(&text).unwrap();
        let hex = case["hex"].as_str().unwrap().as_bytes();
        let bytes: Vec<u8> = hex
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        for at in 0..bytes.len() {
            for change in [1, 0x40, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                match schema.decode(&changed, AvroOptions::default()) {
                    Ok(_) => read_count += 1,
                    Err(_) => refused_count += 1,
                }
            }
        }
        // Reading a schema takes a while, and the first ones have all that there is.
        if number > 40 {
            continue;
        }
        for at in (0..text.len()).step_by(3).filter(|at| text.is_char_boundary(*at)) {
            let rest = text[at..].chars().skip(1).collect::<String>();
            for put in ["", "0", "\"", "[", "-1"] {
                let _ = AvroSchema::parse(&format!("{}{put}{rest}", &text[..at]));
            }
        }
    }
    assert!(read_count > 100 && refused_count > 100, "{read_count} {refused_count}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = json!({ "type": "record", "name": "R", "fields": [
            { "name": "m", "type": { "type": "map", "values": ["null", "R", "string", "bytes"] } },
            { "name": "d", "type": { "type": "long", "logicalType": "timestamp-nanos" } },
            { "name": "e", "type": { "type": "int", "logicalType": "date" } },
            { "name": "p", "type": { "type": "fixed", "name": "D", "size": 12,
                "logicalType": "duration" } },
            { "name": "x", "type": { "type": "array", "items": ["float", "double", "null"] } },
        ] }).to_string();
        let schema = AvroSchema::parse(&text).unwrap();
        if let Ok(value) = schema.decode(&bytes, AvroOptions::default()) {
            // What was read can be written again.
            let options = AvroOptions::default();
            let _ = schema.encode(&value, options);
        }
    }
}
