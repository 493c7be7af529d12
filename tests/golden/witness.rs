//! A second witness: `kafka-protocol`, another reading of the same schemas, version by version.
//!
//! What our codec writes it reads, and writes again as the same bytes.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestKind, ResponseKind};
use milena_tests::golden::{bytes_of, kind, name_of, version_of};
use milena_wire::{MessageKind, json};

use crate::messages::cases;

/// Versions that Kafka 4.1, the witness's source, had not made stable yet and 4.4 has changed.
const CHANGED_SINCE: [(ApiKey, i16); 3] =
    [(ApiKey::InitProducerId, 6), (ApiKey::OffsetCommit, 10), (ApiKey::OffsetFetch, 10)];

/// What the witness writes after it has read the bytes.
fn witnessed(
    kind: MessageKind,
    api: ApiKey,
    version: i16,
    bytes: &Bytes,
) -> Result<Vec<u8>, String> {
    let mut input = bytes.clone();
    let mut output = BytesMut::new();
    if kind == MessageKind::Request {
        let read = RequestKind::decode(api, &mut input, version).map_err(|e| e.to_string())?;
        read.encode(&mut output, version).map_err(|e| e.to_string())?;
    } else {
        let read = ResponseKind::decode(api, &mut input, version).map_err(|e| e.to_string())?;
        read.encode(&mut output, version).map_err(|e| e.to_string())?;
    }
    if input.is_empty() { Ok(output.to_vec()) } else { Err("bytes are left".into()) }
}

#[test]
fn another_codec_reads_and_writes_what_ours_writes() {
    let mut count = 0;
    let mut failures = Vec::new();
    for case in cases() {
        let (name, version, kind) = (name_of(&case), version_of(&case), kind(&case));
        let key = case["apiKey"].as_i64().and_then(|key| i16::try_from(key).ok());
        let Some(Ok(api)) = key.map(ApiKey::try_from) else { continue };
        let known = api.valid_versions();
        if !matches!(kind, MessageKind::Request | MessageKind::Response)
            || !(known.min..=known.max).contains(&version)
            || CHANGED_SINCE.contains(&(api, version))
        {
            continue;
        }
        count += 1;
        let ours = json::transcode(kind, name, version, bytes_of(&case)).expect("it decodes").bytes;
        match witnessed(kind, api, version, &ours) {
            Ok(theirs) if theirs == ours => {}
            Ok(_) => failures.push(format!("{name} v{version}: written otherwise")),
            Err(error) => failures.push(format!("{name} v{version}: {error}")),
        }
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    assert!(count == 2296, "{count} messages were witnessed");
}
