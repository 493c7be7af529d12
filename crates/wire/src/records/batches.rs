//! Splitting bytes into record batches.

use bytes::Bytes;

use super::batch::RecordBatch;
use super::error::{RecordError, RecordErrorKind};
use super::header::{
    BATCH_LENGTH, BatchHeader, EMPTY_BATCH_LENGTH, LOG_OVERHEAD, MAGIC, bytes_at, i32_at, i64_at,
};
use super::legacy;

/// The batches in the `records` of a fetch response or of a produce request.
///
/// A broker cuts what it sends at the size that was asked for, so the last batch may be
/// incomplete: iteration ends in front of it. When already the first batch is incomplete, nothing
/// at all can be read; [`is_truncated`](Self::is_truncated) and
/// [`incomplete_size`](Self::incomplete_size) tell. After an error the iteration ends.
#[derive(Clone, Debug)]
pub struct RecordBatches {
    bytes: Bytes,
    position: usize,
    is_truncated: bool,
}

impl RecordBatches {
    /// The batches in `bytes`, which they share.
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, position: 0, is_truncated: false }
    }

    /// Bytes from the start to the next batch, or to where iteration ended.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether iteration ended in front of an incomplete batch.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// How many bytes the batch at [`position`](Self::position) has, when fewer are there; none
    /// when the next batch is complete, when there is none, and when not even its length is there.
    pub fn incomplete_size(&self) -> Option<usize> {
        let rest = self.rest();
        let length = i32_at(rest.get(..LOG_OVERHEAD)?, BATCH_LENGTH);
        let size = usize::try_from(length).ok()?.checked_add(LOG_OVERHEAD)?;
        (size > rest.len()).then_some(size)
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// The next batch's size; none at the end and in front of an incomplete batch.
    fn next_size(&mut self) -> Result<Option<(usize, i8)>, (RecordErrorKind, usize)> {
        let rest = self.rest();
        let Some(front) = rest.get(..LOG_OVERHEAD) else {
            self.is_truncated = !rest.is_empty();
            return Ok(None);
        };
        let length = i32_at(front, BATCH_LENGTH);
        let expected = legacy::smallest_length(0);
        let size = usize::try_from(length)
            .ok()
            .filter(|_| length >= expected)
            .and_then(|length| length.checked_add(LOG_OVERHEAD))
            .ok_or((RecordErrorKind::BatchLengthBelowHeader { length, expected }, BATCH_LENGTH))?;
        if size > rest.len() {
            self.is_truncated = true;
            return Ok(None);
        }
        let magic = i8::from_be_bytes(bytes_at(rest, MAGIC));
        let expected = match magic {
            0 | 1 => legacy::smallest_length(magic),
            2 => EMPTY_BATCH_LENGTH,
            _ => return Err((RecordErrorKind::UnknownMagic { magic }, MAGIC)),
        };
        if length < expected {
            let kind = RecordErrorKind::BatchLengthBelowHeader { length, expected };
            return Err((kind, BATCH_LENGTH));
        }
        Ok(Some((size, magic)))
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, (RecordErrorKind, usize)> {
        let Some((size, magic)) = self.next_size()? else { return Ok(None) };
        let bytes = &self.bytes[self.position..self.position + size];
        let header = match magic {
            2 => BatchHeader::parse(
                bytes.first_chunk().expect("a batch of magic 2 is not shorter than its header"),
            )?,
            _ => legacy::parse_header(bytes)?,
        };
        let bytes = self.bytes.slice(self.position..self.position + size);
        let batch = RecordBatch::new(bytes, header, self.position);
        self.position += size;
        Ok(Some(batch))
    }
}

impl Iterator for RecordBatches {
    type Item = Result<RecordBatch, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_batch() {
            Ok(batch) => batch.map(Ok),
            Err((kind, position)) => {
                let base_offset = self.rest().get(..8).map(|front| i64_at(front, 0));
                let mut error = RecordError::new(kind, self.position + position);
                if let Some(base_offset) = base_offset {
                    error = error.with_base_offset(base_offset);
                }
                self.bytes.truncate(self.position);
                Some(Err(error))
            }
        }
    }
}

impl std::iter::FusedIterator for RecordBatches {}
