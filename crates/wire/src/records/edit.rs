//! Header fields of a finished batch, changed in place.
//!
//! A broker assigns offsets, leader epoch and append time to the batches that producers send; a
//! producer writes its sequences. What the checksum covers is corrected by the difference alone,
//! so bytes that were damaged before stay recognisable.

use super::checksum;
use super::error::{RecordError, RecordErrorKind};
use super::header::{
    ATTRIBUTES, BASE_OFFSET, BASE_SEQUENCE, BATCH_LENGTH, BatchHeader, CRC, EMPTY_BATCH_LENGTH,
    LOG_OVERHEAD, MAGIC, MAX_TIMESTAMP, PARTITION_LEADER_EPOCH, PRODUCER_EPOCH, PRODUCER_ID,
    RECORD_BATCH_OVERHEAD, TIMESTAMP_TYPE_FLAG, bytes_at, i16_at, i32_at, put_at, u32_at,
};

/// Header bytes that the checksum covers.
const COVERED_LEN: usize = RECORD_BATCH_OVERHEAD - ATTRIBUTES;

/// Changes a batch of magic 2 in place.
#[derive(Debug)]
pub struct RecordBatchMut<'a> {
    batch: &'a mut [u8],
}

impl<'a> RecordBatchMut<'a> {
    /// The batch at the start of `bytes`; what follows it is left alone.
    ///
    /// # Errors
    ///
    /// There is no whole, well-formed batch of magic 2.
    pub fn new(bytes: &'a mut [u8]) -> Result<Self, RecordError> {
        let Some(front) = bytes.first_chunk::<RECORD_BATCH_OVERHEAD>() else {
            let kind = RecordErrorKind::Truncated { field: "batch header" };
            return Err(RecordError::new(kind, bytes.len()));
        };
        let magic = i8::from_be_bytes(bytes_at(front, MAGIC));
        if magic != 2 {
            return Err(RecordError::new(RecordErrorKind::UnknownMagic { magic }, MAGIC));
        }
        BatchHeader::parse(front).map_err(|(kind, position)| RecordError::new(kind, position))?;
        let length = i32_at(front, BATCH_LENGTH);
        let expected = EMPTY_BATCH_LENGTH;
        let Some(size) = usize::try_from(length)
            .ok()
            .filter(|_| length >= expected)
            .and_then(|length| length.checked_add(LOG_OVERHEAD))
        else {
            let kind = RecordErrorKind::BatchLengthBelowHeader { length, expected };
            return Err(RecordError::new(kind, BATCH_LENGTH));
        };
        let available = bytes.len();
        match bytes.get_mut(..size) {
            Some(batch) => Ok(Self { batch }),
            None => {
                let kind = RecordErrorKind::Truncated { field: "batch" };
                Err(RecordError::new(kind, available))
            }
        }
    }

    /// A batch that was built by this crate and is all of `batch`.
    pub(super) fn of_whole(batch: &'a mut [u8]) -> Self {
        debug_assert!(batch.len() >= RECORD_BATCH_OVERHEAD, "a sealed batch has a header");
        Self { batch }
    }

    /// Bytes of the batch.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.batch.len()
    }

    /// Sets the first offset, which moves all records.
    pub fn set_base_offset(&mut self, base_offset: i64) {
        put_at(self.batch, BASE_OFFSET, base_offset.to_be_bytes());
    }

    /// Sets the epoch of the leader that appends the batch.
    pub fn set_partition_leader_epoch(&mut self, epoch: i32) {
        put_at(self.batch, PARTITION_LEADER_EPOCH, epoch.to_be_bytes());
    }

    /// Gives all records the broker's time in milliseconds (LogAppendTime).
    pub fn set_log_append_time(&mut self, timestamp: i64) {
        self.rewrite(|batch| {
            let attributes = i16_at(batch, ATTRIBUTES) | TIMESTAMP_TYPE_FLAG;
            put_at(batch, ATTRIBUTES, attributes.to_be_bytes());
            put_at(batch, MAX_TIMESTAMP, timestamp.to_be_bytes());
        });
    }

    /// Sets producer id, producer epoch and the sequence of the first record.
    pub fn set_producer(&mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) {
        self.rewrite(|batch| {
            put_at(batch, PRODUCER_ID, producer_id.to_be_bytes());
            put_at(batch, PRODUCER_EPOCH, producer_epoch.to_be_bytes());
            put_at(batch, BASE_SEQUENCE, base_sequence.to_be_bytes());
        });
    }

    /// Changes covered header bytes and corrects the checksum.
    fn rewrite(&mut self, change: impl FnOnce(&mut [u8])) {
        let old: [u8; COVERED_LEN] = bytes_at(self.batch, ATTRIBUTES);
        change(self.batch);
        let new: [u8; COVERED_LEN] = bytes_at(self.batch, ATTRIBUTES);
        let body_len = self.batch.len() - RECORD_BATCH_OVERHEAD;
        let crc = checksum::replace_prefix(u32_at(self.batch, CRC), &old, &new, body_len);
        put_at(self.batch, CRC, crc.to_be_bytes());
    }
}
