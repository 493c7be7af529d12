//! One record batch: its header fields, its checksum, and the way to its records.

use bytes::Bytes;

use super::error::{RecordError, RecordErrorKind};
use super::header::{
    ATTRIBUTES, BatchHeader, CONTROL_FLAG, DELETE_HORIZON_FLAG, RECORD_BATCH_OVERHEAD,
    TRANSACTIONAL_FLAG, TimestampType,
};
use super::iter::{BatchRules, Fault, Records, Rules};
use super::legacy::{self, LegacyRules};
use crate::compression::{CompressionType, Decompressor, Lz4HeaderChecksum};

/// One batch, with its records still as they came.
///
/// A message of magic 0 or 1 is a batch of its own, compressed or not. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct RecordBatch {
    bytes: Bytes,
    header: BatchHeader,
    position: usize,
}

impl RecordBatch {
    pub(super) fn new(bytes: Bytes, header: BatchHeader, position: usize) -> Self {
        Self { bytes, header, position }
    }

    /// The whole batch, header and records, as it came.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Bytes of the whole batch.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Where the batch begins in the buffer given to [`RecordBatches`](super::RecordBatches).
    pub fn position(&self) -> usize {
        self.position
    }

    /// The format: 0, 1 or 2.
    pub fn magic(&self) -> i8 {
        self.header.magic
    }

    /// The first offset; after compaction there may be no record with it. For a compressed message
    /// of magic 0 and 1, whose first offset lies within it, the last one.
    pub fn base_offset(&self) -> i64 {
        self.header.base_offset
    }

    /// The last offset; after compaction there may be no record with it.
    pub fn last_offset(&self) -> i64 {
        self.header.last_offset
    }

    /// The offset behind the batch, where a reader goes on.
    pub fn next_offset(&self) -> i64 {
        self.header.last_offset.saturating_add(1)
    }

    /// The epoch of the leader that wrote the batch; -1 when none did, and for magic 0 and 1.
    pub fn partition_leader_epoch(&self) -> i32 {
        self.header.partition_leader_epoch
    }

    /// The producer id; -1 when there is none.
    pub fn producer_id(&self) -> i64 {
        self.header.producer_id
    }

    /// The producer epoch; -1 when there is none.
    pub fn producer_epoch(&self) -> i16 {
        self.header.producer_epoch
    }

    /// The sequence of the first record; -1 when there is none.
    pub fn base_sequence(&self) -> i32 {
        self.header.base_sequence
    }

    /// The sequence of the last record, which goes on at 0 behind the largest int32; -1 when there
    /// is none.
    pub fn last_sequence(&self) -> i32 {
        if self.header.base_sequence < 0 {
            return super::NO_SEQUENCE;
        }
        let delta = self.header.last_offset - self.header.base_offset;
        let last = (i64::from(self.header.base_sequence) + delta) % (1 << 31);
        i32::try_from(last).expect("a remainder of 2^31 fits")
    }

    /// How many records the header says there are; none for compressed messages of magic 0 and 1.
    /// A peer may claim more than there are: this is no number to reserve memory by.
    pub fn records_count(&self) -> Option<i32> {
        self.header.records_count
    }

    /// Whether the records belong to a transaction.
    pub fn is_transactional(&self) -> bool {
        self.header.attributes & TRANSACTIONAL_FLAG != 0 && self.header.magic == 2
    }

    /// Whether the records are for clients only, such as transaction markers; see
    /// [`ControlRecordType`](super::ControlRecordType).
    pub fn is_control(&self) -> bool {
        self.header.attributes & CONTROL_FLAG != 0 && self.header.magic == 2
    }

    /// The codec of the records.
    pub fn compression(&self) -> CompressionType {
        self.header.compression
    }

    /// What the timestamps mean.
    pub fn timestamp_type(&self) -> TimestampType {
        self.header.timestamp_type
    }

    /// What timestamp deltas are added to, in milliseconds. It is the first record's timestamp
    /// unless there is a [`delete_horizon_ms`](Self::delete_horizon_ms).
    pub fn base_timestamp(&self) -> i64 {
        self.header.base_timestamp
    }

    /// The largest timestamp of the records, in milliseconds; with LogAppendTime the one of all.
    pub fn max_timestamp(&self) -> i64 {
        self.header.max_timestamp
    }

    /// When tombstones and transaction markers of the batch may be removed, in milliseconds
    /// (KIP-534). It stands in the place of the base timestamp.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        let is_set = self.header.attributes & DELETE_HORIZON_FLAG != 0 && self.header.magic == 2;
        is_set.then_some(self.header.base_timestamp)
    }

    /// The checksum in the header: CRC-32C for magic 2, CRC-32 for magic 0 and 1.
    pub fn crc(&self) -> u32 {
        self.header.crc
    }

    /// Compares the checksum with the batch's bytes. The offset, the length and (magic 2) the
    /// leader epoch are not covered.
    ///
    /// # Errors
    ///
    /// [`RecordErrorKind::CrcMismatch`].
    pub fn verify_crc(&self) -> Result<(), RecordError> {
        let computed = if self.header.magic == 2 {
            crc32c::crc32c(&self.bytes[ATTRIBUTES..])
        } else {
            let mut crc = flate2::Crc::new();
            crc.update(&self.bytes[legacy::CHECKSUM_COVERS_FROM..]);
            crc.sum()
        };
        if computed == self.header.crc {
            return Ok(());
        }
        let kind = RecordErrorKind::CrcMismatch { found: self.header.crc, computed };
        Err(self.error(kind, 0))
    }

    /// The records, decompressed if they are compressed, to at most `limit` bytes. The checksum is
    /// not looked at.
    ///
    /// # Errors
    ///
    /// The records cannot be decompressed or exceed the limit; or, in compressed messages of
    /// magic 0 and 1, break a rule. Records of magic 2 are checked one by one while iterating.
    pub fn records(&self, limit: usize) -> Result<Records, RecordError> {
        self.records_with(&mut Decompressor::new(), limit)
    }

    /// As [`records`](Self::records), with a decompressor whose tables are kept for other batches.
    ///
    /// # Errors
    ///
    /// As [`records`](Self::records).
    pub fn records_with(
        &self,
        decompressor: &mut Decompressor,
        limit: usize,
    ) -> Result<Records, RecordError> {
        if self.header.magic == 2 {
            self.batch_records(decompressor, limit)
        } else {
            self.legacy_records(decompressor, limit)
        }
    }

    fn batch_records(
        &self,
        decompressor: &mut Decompressor,
        limit: usize,
    ) -> Result<Records, RecordError> {
        let header = &self.header;
        let (bytes, position) = match header.compression {
            CompressionType::None => {
                (self.bytes.slice(RECORD_BATCH_OVERHEAD..), self.position + RECORD_BATCH_OVERHEAD)
            }
            // Compacting all records away leaves an empty batch, which has no frame either.
            _ if header.records_count == Some(0) => (Bytes::new(), 0),
            codec => {
                let mut records = Vec::new();
                decompressor
                    .decompress(codec, &self.bytes[RECORD_BATCH_OVERHEAD..], limit, &mut records)
                    .map_err(|error| {
                        self.error(RecordErrorKind::Decompress(error), RECORD_BATCH_OVERHEAD)
                    })?;
                (Bytes::from(records), 0)
            }
        };
        let is_append_time = header.timestamp_type == TimestampType::LogAppendTime;
        let rules = Rules::Batch(BatchRules {
            base_offset: header.base_offset,
            base_timestamp: header.base_timestamp,
            log_append_time: is_append_time.then_some(header.max_timestamp),
            records_count: header.records_count.map_or(0, i32::unsigned_abs),
        });
        Ok(Records { bytes, rules, base_offset: header.base_offset, position })
    }

    fn legacy_records(
        &self,
        decompressor: &mut Decompressor,
        limit: usize,
    ) -> Result<Records, RecordError> {
        let header = &self.header;
        let mut rules = LegacyRules { magic: header.magic, base_offset: 0, log_append_time: None };
        let base_offset = header.base_offset;
        if header.compression == CompressionType::None {
            let rules = Rules::Legacy(rules);
            let bytes = self.bytes.clone();
            return Ok(Records { bytes, rules, base_offset, position: self.position });
        }
        let value = legacy::wrapped_value(&self.bytes)
            .map_err(|fault| self.error(fault.kind, self.bytes.len() - fault.rest))?;
        let mut inner = Vec::new();
        let decompressed = match header.compression {
            CompressionType::Lz4 => {
                decompressor.decompress_lz4(value, limit, Lz4HeaderChecksum::Historical, &mut inner)
            }
            codec => decompressor.decompress(codec, value, limit, &mut inner),
        };
        decompressed.map_err(|error| {
            self.error(RecordErrorKind::Decompress(error), self.bytes.len() - value.len())
        })?;
        let fail = |fault: Fault| {
            RecordError::new(fault.kind, inner.len() - fault.rest).with_base_offset(base_offset)
        };
        rules.base_offset = legacy::inner_base_offset(&inner, header).map_err(fail)?;
        if header.timestamp_type == TimestampType::LogAppendTime {
            rules.log_append_time = Some(header.max_timestamp);
        }
        let bytes = Bytes::from(inner);
        Ok(Records { bytes, rules: Rules::Legacy(rules), base_offset, position: 0 })
    }

    fn error(&self, kind: RecordErrorKind, position: usize) -> RecordError {
        RecordError::new(kind, position).in_batch(self.position, self.header.base_offset)
    }
}
