//! Records of one batch that are handed out together.

use milena_wire::records::{Record, Records, TimestampType};

/// A run of records of one batch, checked and decompressed: iterating cannot fail.
#[derive(Clone, Debug)]
pub struct RecordSegment {
    pub(super) records: Records,
    pub(super) count: usize,
    pub(super) leader_epoch: Option<i32>,
    pub(super) timestamp_type: TimestampType,
}

impl RecordSegment {
    /// How many records there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The epoch of the leader that wrote the batch; `None` for batches older than Kafka 0.11.
    pub fn leader_epoch(&self) -> Option<i32> {
        self.leader_epoch
    }

    /// Who set the timestamps.
    pub fn timestamp_type(&self) -> TimestampType {
        self.timestamp_type
    }

    /// The records as slices of the batch.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> + '_ {
        // The records were walked once when the segment was made, so none of them is an error.
        self.records.iter().take(self.count).map_while(Result::ok)
    }

    /// A key or value of this segment as bytes of its own that share the batch.
    pub fn slice_ref(&self, slice: &[u8]) -> bytes::Bytes {
        self.records.slice_ref(slice)
    }
}
