//! Finding offsets by time (ListOffsets).

use bytes::Bytes;

use super::header::BatchHeader;
use super::journal::Log;
use super::validate::single_batch;

const DECOMPRESSED_BYTES_MAX: usize = 256 << 20;

/// A record found by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimestampOffset {
    pub timestamp: i64,
    pub offset: i64,
}

impl Log {
    /// The offset of the batch in which the first record at or after `timestamp` lies.
    pub(crate) fn batch_for_timestamp(&self, timestamp: i64, bound: i64) -> Option<i64> {
        self.entries
            .iter()
            .find(|entry| entry.max_timestamp >= timestamp && entry.base_offset < bound)
            .map(|entry| entry.base_offset)
    }

    /// The offset of the first batch that holds the largest timestamp of the log.
    pub(crate) fn batch_of_max_timestamp(&self) -> Option<(i64, i64)> {
        let max = self.entries.iter().map(|entry| entry.max_timestamp).max()?;
        let entry = self.entries.iter().find(|entry| entry.max_timestamp == max)?;
        Some((entry.base_offset, max))
    }
}

/// The first record of `batch` whose timestamp is at least `timestamp` and whose offset is at least `offset`.
pub(crate) fn first_at_or_after(
    batch: &Bytes,
    timestamp: i64,
    offset: i64,
) -> Option<TimestampOffset> {
    let header = BatchHeader::parse(batch).ok()?;
    if header.is_log_append_time() || header.is_control() {
        let found = TimestampOffset {
            timestamp: header.max_timestamp,
            offset: header.base_offset.max(offset),
        };
        return (found.timestamp >= timestamp).then_some(found);
    }
    let batch = single_batch(&batch.slice(..header.size))?;
    let records = batch.records(DECOMPRESSED_BYTES_MAX).ok()?;
    records
        .iter()
        .map_while(Result::ok)
        .find(|record| record.timestamp >= timestamp && record.offset >= offset)
        .map(|record| TimestampOffset { timestamp: record.timestamp, offset: record.offset })
}
