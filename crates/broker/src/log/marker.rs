//! The control batch that ends a transaction in a partition.
//!
//! Spec: guide#control-records: key is (version, type), type 0 aborts and 1 commits; the value of
//! an end marker is (version, coordinator epoch).

use bytes::Bytes;

use super::header::{BatchHeader, HEADER_LEN};
use super::validate::ValidBatch;

/// Transactional and control bits of the batch attributes.
const ATTRIBUTES: i16 = 0x30;
/// length, attributes, timestamp delta, offset delta, key length + key, value length + value, headers
const RECORD: usize = 1 + 1 + 1 + 1 + 1 + 4 + 1 + 6 + 1;

/// A marker of `producer_id` at `producer_epoch`, ready to append.
pub(crate) fn end_marker(
    producer_id: i64,
    producer_epoch: i16,
    committed: bool,
    coordinator_epoch: i32,
    now_ms: i64,
) -> ValidBatch {
    let mut bytes = Vec::with_capacity(HEADER_LEN + RECORD);
    bytes.extend(0i64.to_be_bytes());
    bytes.extend(i32::try_from(HEADER_LEN + RECORD - 12).unwrap_or(0).to_be_bytes());
    bytes.extend((-1i32).to_be_bytes());
    bytes.push(2);
    bytes.extend(0u32.to_be_bytes());
    bytes.extend(ATTRIBUTES.to_be_bytes());
    bytes.extend(0i32.to_be_bytes());
    bytes.extend(now_ms.to_be_bytes());
    bytes.extend(now_ms.to_be_bytes());
    bytes.extend(producer_id.to_be_bytes());
    bytes.extend(producer_epoch.to_be_bytes());
    bytes.extend((-1i32).to_be_bytes());
    bytes.extend(1i32.to_be_bytes());
    // Varints are zigzag: n is written as 2n while it is small.
    bytes.extend([u8::try_from((RECORD - 1) * 2).unwrap_or(0), 0, 0, 0, 8]);
    bytes.extend(0i16.to_be_bytes());
    bytes.extend(i16::from(committed).to_be_bytes());
    bytes.push(12);
    bytes.extend(0i16.to_be_bytes());
    bytes.extend(coordinator_epoch.to_be_bytes());
    bytes.push(0);
    let crc = crc32c::crc32c(bytes.get(21..).unwrap_or_default());
    if let Some(field) = bytes.get_mut(17..21) {
        field.copy_from_slice(&crc.to_be_bytes());
    }
    let header = BatchHeader {
        base_offset: 0,
        size: bytes.len(),
        leader_epoch: -1,
        crc,
        attributes: ATTRIBUTES,
        last_offset_delta: 0,
        base_timestamp: now_ms,
        max_timestamp: now_ms,
        producer_id,
        producer_epoch,
        base_sequence: -1,
        records_count: 1,
    };
    ValidBatch {
        bytes: Bytes::from(bytes),
        header,
        commit_marker: Some(committed),
        coordinator_epoch,
    }
}

/// Whether the control batch commits, and the coordinator epoch; `None` for other control records.
pub(crate) fn parse_marker(batch: &[u8]) -> Option<(bool, i32)> {
    let key = batch.get(HEADER_LEN + 5..HEADER_LEN + 9)?;
    let epoch = batch.get(HEADER_LEN + 12..HEADER_LEN + 16)?;
    let committed = match (key.get(2)?, key.get(3)?) {
        (0, 0) => false,
        (0, 1) => true,
        _ => return None,
    };
    Some((committed, i32::from_be_bytes(epoch.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::header;

    #[test]
    fn a_marker_is_a_valid_batch_and_reads_back() {
        let marker = end_marker(7, 3, true, 11, 1000);
        let parsed = BatchHeader::parse(&marker.bytes).unwrap();
        assert_eq!(parsed, marker.header);
        assert!(header::is_crc_valid(&marker.bytes, &parsed));
        assert_eq!(parse_marker(&marker.bytes), Some((true, 11)));
        assert_eq!(parse_marker(&end_marker(7, 3, false, 12, 1).bytes), Some((false, 12)));
    }
}
