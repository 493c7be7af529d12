//! Cases that Kafka's own classes wrote: objects with `type`, `name`, `version`, `body` and `hex`.

use bytes::Bytes;
use milena_wire::{MessageKind, json};
use serde_json::Value;

/// What a case is of.
pub fn kind(case: &Value) -> MessageKind {
    match case["type"].as_str() {
        Some("request") => MessageKind::Request,
        Some("response") => MessageKind::Response,
        Some("header") => MessageKind::Header,
        _ => MessageKind::Data,
    }
}

/// The name of its schema.
pub fn name_of(case: &Value) -> &str {
    case["name"].as_str().expect("a name")
}

/// Its version.
pub fn version_of(case: &Value) -> i16 {
    case["version"].as_i64().and_then(|version| i16::try_from(version).ok()).expect("a version")
}

/// What Kafka wrote.
pub fn bytes_of(case: &Value) -> Bytes {
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
        // Whole numbers of 64 bits are more than a float can tell apart.
        (Value::Number(meant), Value::Number(read)) if meant.is_f64() || read.is_f64() => {
            meant.as_f64() == read.as_f64()
        }
        _ => meant == read,
    }
}

/// Reads a message and writes it again.
///
/// # Errors
///
/// How it was read or written otherwise than Kafka does.
pub fn check_message(case: &Value) -> Result<(), String> {
    let (name, version, bytes) = (name_of(case), version_of(case), bytes_of(case));
    match json::transcode(kind(case), name, version, bytes.clone()) {
        Ok(transcoded) if transcoded.bytes != bytes => {
            Err(format!("{name} v{version}: written otherwise than it was read"))
        }
        Ok(transcoded) if !agrees(&case["body"], &transcoded.body) => {
            Err(format!("{name} v{version}: {} is read as {}", case["body"], transcoded.body))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{name} v{version}: {error}")),
    }
}

/// Bytes as hex, as the cases have them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
