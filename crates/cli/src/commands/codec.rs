//! `milena codec`: decodes messages and record batches, a JSON line for each.

use std::io::{self, BufRead as _, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use milena_wire::{
    MessageKind, json,
    records::{RecordBatch, RecordBatches},
};
use serde_json::{Value, json};

use crate::{arguments::Codec, failure::Failure};

/// The most that one batch may decompress to, in bytes.
const BATCH_BYTES_MAX: usize = 256 << 20;

/// Answers each line of standard input with one on standard output.
pub(crate) fn run(codec: Codec) -> Result<(), Failure> {
    let answer = match codec {
        Codec::Messages => message,
        Codec::Records => records,
    };
    let mut output = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().split(b'\n') {
        let line = line.map_err(|error| Failure::new("standard input", error))?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answer = serde_json::from_slice(&line)
            .map_err(|error| format!("not JSON: {error}"))
            .and_then(|line| answer(&line))
            .unwrap_or_else(|error| json!({ "error": error }));
        writeln!(output, "{answer}").map_err(|error| Failure::output(&error))?;
    }
    output.flush().map_err(|error| Failure::output(&error))
}

/// The message of a line, decoded and encoded again.
fn message(line: &Value) -> Result<Value, String> {
    let kind = match text(line, "type")? {
        "request" => MessageKind::Request,
        "response" => MessageKind::Response,
        "header" => MessageKind::Header,
        "data" => MessageKind::Data,
        other => {
            return Err(format!("type is {other:?}, not request, response, header or data"));
        }
    };
    let name = text(line, "name")?;
    let version = line
        .get("version")
        .and_then(Value::as_i64)
        .and_then(|version| i16::try_from(version).ok())
        .ok_or("version must be a number from -32768 to 32767")?;
    let bytes = from_hex(text(line, "hex")?)?;
    let read =
        json::transcode(kind, name, version, bytes.into()).map_err(|error| error.to_string())?;
    Ok(json!({ "name": name, "version": version, "body": read.body, "hex": to_hex(&read.bytes) }))
}

/// The batches of a line and the records in them.
fn records(line: &Value) -> Result<Value, String> {
    let bytes = from_hex(text(line, "hex")?)?;
    let mut batches = Vec::new();
    let mut records = Vec::new();
    let mut read = RecordBatches::new(bytes.into());
    for batch in &mut read {
        let batch = batch.map_err(|error| error.to_string())?;
        batch.verify_crc().map_err(|error| error.to_string())?;
        batches.push(describe(&batch));
        let content = batch.records(BATCH_BYTES_MAX).map_err(|error| error.to_string())?;
        for record in &content {
            let record = record.map_err(|error| error.to_string())?;
            let mut headers = Vec::new();
            for header in record.headers() {
                headers.push(json!([header.key(), base64(header.value())]));
            }
            records.push(json!({
                "offset": record.offset,
                "timestamp": record.timestamp,
                "key": base64(record.key),
                "value": base64(record.value),
                "headers": headers,
            }));
        }
    }
    let mut answer = json!({ "batches": batches, "records": records });
    if let (true, Some(answer)) = (read.is_truncated(), answer.as_object_mut()) {
        // Kafka cuts a fetch response off where it is full, so this is no error.
        answer.insert("truncated".into(), true.into());
    }
    Ok(answer)
}

/// What the batch's header says.
fn describe(batch: &RecordBatch) -> Value {
    json!({
        "magic": batch.magic(),
        "baseOffset": batch.base_offset(),
        "lastOffset": batch.last_offset(),
        "partitionLeaderEpoch": batch.partition_leader_epoch(),
        "compression": batch.compression().to_string(),
        "timestampType": batch.timestamp_type().name(),
        "baseTimestamp": batch.base_timestamp(),
        "maxTimestamp": batch.max_timestamp(),
        "producerId": batch.producer_id(),
        "producerEpoch": batch.producer_epoch(),
        "baseSequence": batch.base_sequence(),
        "transactional": batch.is_transactional(),
        "control": batch.is_control(),
        "sizeInBytes": batch.size_bytes(),
    })
}

fn text<'a>(line: &'a Value, key: &str) -> Result<&'a str, String> {
    line.get(key).and_then(Value::as_str).ok_or_else(|| format!("{key} must be a text"))
}

fn base64(bytes: Option<&[u8]>) -> Option<String> {
    bytes.map(|bytes| STANDARD.encode(bytes))
}

fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digit =
        |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(format!("hex has {} digits, an odd number", text.len()));
    }
    pairs
        .iter()
        .enumerate()
        .map(|(at, &[high, low])| {
            digit(high)
                .zip(digit(low))
                .map(|(high, low)| high << 4 | low)
                .ok_or_else(|| format!("hex has no digits at {}", at * 2))
        })
        .collect()
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_a_message_and_encodes_it_again() {
        let line = json!({
            "type": "request", "name": "MetadataRequest", "version": 1, "hex": "00000001000161",
        });
        assert_eq!(
            message(&line).unwrap(),
            json!({
                "name": "MetadataRequest", "version": 1,
                "body": { "topics": [{ "name": "a" }] }, "hex": "00000001000161",
            })
        );
    }

    #[test]
    fn says_what_is_wrong_with_a_line() {
        for (line, error) in [
            (json!({}), "type must be a text"),
            (json!({ "type": "reply" }), "type is \"reply\", not request"),
            (json!({ "type": "data", "name": "X" }), "version must be a number"),
            (json!({ "type": "data", "name": "X", "version": 0, "hex": "0" }), "an odd number"),
            (json!({ "type": "data", "name": "X", "version": 0, "hex": "zz" }), "no digits at 0"),
            (json!({ "type": "data", "name": "X", "version": 0, "hex": "" }), "no message has"),
            (
                json!({ "type": "request", "name": "MetadataRequest", "version": 1, "hex": "00" }),
                "MetadataRequest v1: MetadataRequest.topics at byte 0 needs 4 bytes",
            ),
        ] {
            let found = message(&line).unwrap_err();
            assert!(found.contains(error), "{found} for {line}");
        }
    }
}
