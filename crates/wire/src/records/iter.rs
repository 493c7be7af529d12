//! The records of one batch, decompressed once and walked as slices.

use bytes::Bytes;

use super::error::{RecordError, RecordErrorKind};
use super::header::LOG_OVERHEAD;
use super::legacy::{self, LegacyRules};
use super::record::{Headers, Record, nullable_bytes, varint, varint_error};
use super::usual;
use super::varint::take_varlong;

/// The records of one batch, decompressed.
///
/// Made by [`RecordBatch::records`](super::RecordBatch::records). Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct Records {
    pub(super) bytes: Bytes,
    pub(super) rules: Rules,
    /// The batch's base offset, for errors.
    pub(super) base_offset: i64,
    /// Where `bytes` begin in the buffer given to `RecordBatches`; 0 when they were decompressed.
    pub(super) position: usize,
}

/// How the bytes become records.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rules {
    Batch(BatchRules),
    Legacy(LegacyRules),
}

/// What records of magic 2 need from their batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchRules {
    pub(super) base_offset: i64,
    pub(super) base_timestamp: i64,
    /// The one timestamp of all records, in batches with LogAppendTime.
    pub(super) log_append_time: Option<i64>,
    pub(super) records_count: u32,
}

impl BatchRules {
    /// The offset of a record; none beyond the largest.
    #[inline(always)]
    pub(super) fn offset(&self, delta: i64) -> Option<i64> {
        self.base_offset.checked_add(delta)
    }

    #[inline(always)]
    pub(super) fn timestamp(&self, delta: i64) -> i64 {
        match self.log_append_time {
            Some(timestamp) => timestamp,
            // A producer may send any timestamps; Java wraps around too.
            None => self.base_timestamp.wrapping_add(delta),
        }
    }
}

impl Records {
    /// Walks the records. Nothing is allocated.
    #[inline]
    pub fn iter(&self) -> RecordIter<'_> {
        let remaining = match self.rules {
            Rules::Batch(rules) => rules.records_count,
            Rules::Legacy(_) => 0,
        };
        RecordIter { records: self, rest: &self.bytes, remaining, is_done: false }
    }

    /// The bytes of the records, decompressed: for magic 2 one record after the other, for magic
    /// 0 and 1 messages with their offsets and lengths.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// A key or value of one of these records as [`Bytes`] that share the batch's memory and keep
    /// it alive. A slice of other memory is copied.
    pub fn slice_ref(&self, slice: &[u8]) -> Bytes {
        let (own, other) = (self.bytes.as_ptr_range(), slice.as_ptr_range());
        if slice.is_empty() || (own.start <= other.start && other.end <= own.end) {
            self.bytes.slice_ref(slice)
        } else {
            Bytes::copy_from_slice(slice)
        }
    }
}

impl Records {
    #[cold]
    fn error(&self, fault: Fault) -> RecordError {
        RecordError::new(fault.kind, self.bytes.len().saturating_sub(fault.rest))
            .in_batch(self.position, self.base_offset)
    }
}

impl<'a> IntoIterator for &'a Records {
    type Item = Result<Record<'a>, RecordError>;
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> RecordIter<'a> {
        self.iter()
    }
}

/// Walks the records of a batch. After an error it ends.
#[derive(Clone, Debug)]
pub struct RecordIter<'a> {
    records: &'a Records,
    rest: &'a [u8],
    remaining: u32,
    is_done: bool,
}

impl<'a> RecordIter<'a> {
    /// The records that are not yielded yet, as a value of their own that shares the bytes.
    #[must_use]
    pub fn into_records(self) -> Records {
        let mut records = self.records.clone();
        let skipped = records.bytes.len() - self.rest.len();
        records.bytes = records.bytes.split_off(skipped.min(records.bytes.len()));
        records.position += skipped;
        if let Rules::Batch(rules) = &mut records.rules {
            rules.records_count = self.remaining;
        }
        records
    }

    /// The next item, whatever it is like, and the iterator behind it.
    #[inline(never)]
    fn any_next(mut self) -> (Self, Option<Result<Record<'a>, RecordError>>) {
        let result = match &self.records.rules {
            Rules::Batch(_) if self.remaining == 0 => {
                if self.is_done || self.rest.is_empty() {
                    return (self, None);
                }
                let count = self.rest.len();
                Err(Fault { kind: RecordErrorKind::BytesBehindRecords { count }, rest: count })
            }
            Rules::Batch(rules) => {
                self.remaining -= 1;
                take_record(&mut self.rest, rules)
            }
            Rules::Legacy(_) if self.rest.is_empty() => return (self, None),
            Rules::Legacy(rules) => legacy::take_message(&mut self.rest, rules),
        };
        let item = result.map_err(|fault| {
            self.remaining = 0;
            self.rest = &[];
            self.is_done = true;
            self.records.error(fault)
        });
        (self, Some(item))
    }
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = Result<Record<'a>, RecordError>;

    // Always: who checks records and keeps none pays for no more than that only where this is inlined.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if let Rules::Batch(rules) = &self.records.rules
            && let Some(remaining) = self.remaining.checked_sub(1)
            && let Some((record, rest)) = usual::take_record(self.rest, rules)
        {
            (self.rest, self.remaining) = (rest, remaining);
            return Some(Ok(record));
        }
        // By value, so that on the way above the iterator stays in registers.
        let (iter, item) = self.clone().any_next();
        *self = iter;
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // A hostile count must not become somebody's reservation: a record has 7 bytes at least.
        let most = match self.records.rules {
            Rules::Batch(_) => {
                (self.rest.len() / 7 + 1).min(usize::try_from(self.remaining).unwrap_or(usize::MAX))
            }
            Rules::Legacy(_) => self.rest.len() / LOG_OVERHEAD,
        };
        (0, Some(most))
    }
}

impl std::iter::FusedIterator for RecordIter<'_> {}

/// A broken rule and how many bytes were left when it was found.
pub(super) struct Fault {
    pub(super) kind: RecordErrorKind,
    pub(super) rest: usize,
}

/// Takes one record of magic 2 from the front of `rest`.
pub(super) fn take_record<'a>(
    rest: &mut &'a [u8],
    rules: &BatchRules,
) -> Result<Record<'a>, Fault> {
    let before = rest.len();
    let length = varint(rest, "record length").map_err(|kind| Fault { kind, rest: before })?;
    let Some((mut body, behind)) =
        usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length))
    else {
        return Err(record_length_fault(length, before));
    };
    *rest = behind;
    let record = parse_body(&mut body, rules)
        .map_err(|kind| Fault { kind, rest: behind.len() + body.len() })?;
    if !body.is_empty() {
        let kind = RecordErrorKind::BytesBehindRecord { count: body.len() };
        return Err(Fault { kind, rest: behind.len() + body.len() });
    }
    Ok(record)
}

#[cold]
fn record_length_fault(length: i32, rest: usize) -> Fault {
    let field = "record";
    let kind = if length < 0 {
        RecordErrorKind::NegativeLength { field, length }
    } else {
        RecordErrorKind::Truncated { field }
    };
    Fault { kind, rest }
}

fn parse_body<'a>(body: &mut &'a [u8], rules: &BatchRules) -> Result<Record<'a>, RecordErrorKind> {
    let Some((_attributes, fields)) = body.split_first() else {
        return Err(RecordErrorKind::Truncated { field: "attributes" });
    };
    *body = fields;
    let timestamp_delta =
        take_varlong(body).map_err(|error| varint_error(error, "timestamp delta"))?;
    let offset_delta = varint(body, "offset delta")?;
    let length = varint(body, "key length")?;
    let key = nullable_bytes(body, length, "key")?;
    let length = varint(body, "value length")?;
    let value = nullable_bytes(body, length, "value")?;
    let headers_count = varint(body, "headers count")?;
    let mut headers = Headers::default();
    if headers_count != 0 {
        (headers, *body) = Headers::split(body, headers_count)?;
    }
    let Some(offset) = rules.offset(i64::from(offset_delta)) else {
        return Err(RecordErrorKind::DeltaOverflow { field: "offset delta" });
    };
    let timestamp = rules.timestamp(timestamp_delta);
    Ok(Record { offset, timestamp, key, value, headers })
}
