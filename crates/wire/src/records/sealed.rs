//! A finished batch whose producer fields can be written again before it is sent.

use bytes::{Bytes, BytesMut};

use super::edit::RecordBatchMut;

/// A finished batch of magic 2.
///
/// Its producer id, epoch and sequence may be set at any time, also again after the batch was
/// sent: only the header is hashed again. Bytes handed out before stay as they are.
#[derive(Clone, Debug)]
pub struct SealedBatch {
    bytes: Bytes,
    records_count: u32,
    max_timestamp: i64,
}

impl SealedBatch {
    pub(super) fn new(bytes: Bytes, records_count: u32, max_timestamp: i64) -> Self {
        Self { bytes, records_count, max_timestamp }
    }

    /// The batch as it is sent.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The batch as it is sent, on its own.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Bytes of the batch.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many records it has.
    pub fn records_count(&self) -> u32 {
        self.records_count
    }

    /// The largest timestamp in milliseconds; -1 in an empty batch.
    pub fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// Sets producer id, producer epoch and the sequence of the first record, and corrects the
    /// checksum. In place when nobody else holds the bytes, otherwise on a copy.
    pub fn set_producer(&mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) {
        self.edit(|batch| batch.set_producer(producer_id, producer_epoch, base_sequence));
    }

    /// Sets the partition leader epoch, as [`set_producer`](Self::set_producer) does its fields.
    pub fn set_partition_leader_epoch(&mut self, epoch: i32) {
        self.edit(|batch| batch.set_partition_leader_epoch(epoch));
    }

    /// The buffer, for the next batch's
    /// [`with_buffer`](super::RecordBatchBuilder::with_buffer).
    ///
    /// # Errors
    ///
    /// Somebody else still holds the bytes; they come back.
    pub fn try_into_buffer(self) -> Result<BytesMut, Bytes> {
        self.bytes.try_into_mut()
    }

    fn edit(&mut self, change: impl FnOnce(&mut RecordBatchMut<'_>)) {
        let mut buffer = match std::mem::take(&mut self.bytes).try_into_mut() {
            Ok(buffer) => buffer,
            Err(shared) => BytesMut::from(&shared[..]),
        };
        change(&mut RecordBatchMut::of_whole(&mut buffer));
        self.bytes = buffer.freeze();
    }
}
