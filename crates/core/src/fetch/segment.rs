//! Records of one batch that are handed out together.

use bytes::Bytes;
use milena_wire::records::{Record, RecordIter, Records, TimestampType};

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
    pub fn iter(&self) -> SegmentIter<'_> {
        SegmentIter { records: self.records.iter(), left: self.count }
    }

    /// A key or value of this segment as bytes of its own that share the batch.
    pub fn slice_ref(&self, slice: &[u8]) -> Bytes {
        self.records.slice_ref(slice)
    }
}

impl<'a> IntoIterator for &'a RecordSegment {
    type Item = Record<'a>;
    type IntoIter = SegmentIter<'a>;

    fn into_iter(self) -> SegmentIter<'a> {
        self.iter()
    }
}

/// The records of a segment.
#[derive(Clone, Debug)]
pub struct SegmentIter<'a> {
    records: RecordIter<'a>,
    left: usize,
}

impl<'a> Iterator for SegmentIter<'a> {
    type Item = Record<'a>;

    #[inline]
    fn next(&mut self) -> Option<Record<'a>> {
        self.left = self.left.checked_sub(1)?;
        // The records were walked once when the segment was made, so none of them is an error.
        self.records.next()?.ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for SegmentIter<'_> {}
