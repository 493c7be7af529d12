//! Reading records that nearly all are like: those whose numbers have one to three bytes.
//!
//! What is not like that, and what breaks a rule, is left to the way that takes any record and says
//! what is wrong. So a number is a test of a bit or two here, and fields need not be held against
//! the end of the record one by one: they lie behind each other, and the last ends where it does.

use super::iter::BatchRules;
use super::record::{Headers, Record};
use super::varint::zigzag_decode_64;

/// Takes a usual record of magic 2 from the front of `bytes`; gives it and the bytes behind it.
#[inline(always)]
pub(super) fn take_record<'a>(
    bytes: &'a [u8],
    rules: &BatchRules,
) -> Option<(Record<'a>, &'a [u8])> {
    let mut cursor = Cursor { bytes, at: 0 };
    let length = cursor.take_len()??;
    let end = cursor.at + length;
    // The attributes say nothing yet. They and two numbers have seven bytes at most.
    let head = u64::from_le_bytes(*bytes.get(cursor.at..)?.first_chunk()?) >> 8;
    let (timestamp_delta, timestamp_len) = low_number(head)?;
    let (offset_delta, offset_len) = low_number(head >> (8 * timestamp_len))?;
    cursor.at += 1 + timestamp_len + offset_len;
    let key = cursor.take_nullable()?;
    let value = cursor.take_nullable()?;
    let headers_count = *bytes.get(cursor.at)?;
    cursor.at += 1;
    let mut headers = Headers::default();
    if headers_count != 0 {
        // Neither negative nor of two bytes.
        let count = (headers_count & 0x81 == 0).then_some(i32::from(headers_count >> 1))?;
        headers = Headers::split(bytes.get(cursor.at..end)?, count).ok()?.0;
        cursor.at += headers.size_bytes();
    }
    if cursor.at != end {
        return None;
    }
    let (offset, timestamp) = (rules.offset(offset_delta)?, rules.timestamp(timestamp_delta));
    Some((Record { offset, timestamp, key, value, headers }, bytes.get(end..)?))
}

/// A number of up to three bytes at the low end of `bytes`, and how many it has.
#[inline(always)]
fn low_number(bytes: u64) -> Option<(i64, usize)> {
    let (raw, len) = if bytes & 0x80 == 0 {
        (bytes & 0x7f, 1)
    } else if bytes & 0x8000 == 0 {
        (bytes & 0x7f | bytes >> 1 & 0x3f80, 2)
    } else if bytes & 0x80_0000 == 0 {
        (bytes & 0x7f | bytes >> 1 & 0x3f80 | bytes >> 2 & 0x1f_c000, 3)
    } else {
        return None;
    };
    Some((zigzag_decode_64(raw), len))
}

/// The bytes of a record and of those behind it.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Takes a length of one or two bytes; none within when it is negative.
    #[inline(always)]
    fn take_len(&mut self) -> Option<Option<usize>> {
        let pair = u16::from_le_bytes(*self.bytes.get(self.at..)?.first_chunk()?);
        let raw = if pair & 0x80 == 0 {
            self.at += 1;
            pair & 0x7f
        } else if pair & 0x8000 == 0 {
            self.at += 2;
            pair & 0x7f | pair >> 1 & 0x3f80
        } else {
            return None;
        };
        Some((raw & 1 == 0).then_some(usize::from(raw >> 1)))
    }

    /// Takes a field with its length in front; a negative length is null, as in Java.
    #[inline(always)]
    fn take_nullable(&mut self) -> Option<Option<&'a [u8]>> {
        let Some(len) = self.take_len()? else { return Some(None) };
        let field = self.bytes.get(self.at..)?.get(..len)?;
        self.at += len;
        Some(Some(field))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Header, RecordBatchBuilder, iter};
    use super::*;

    const RULES: BatchRules = BatchRules {
        base_offset: i64::MAX - 5_000,
        base_timestamp: 1_000,
        log_append_time: None,
        records_count: 2,
    };

    /// Two records behind each other, the second with what is given.
    fn records(
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> Vec<u8> {
        let mut builder = RecordBatchBuilder::with_capacity(0);
        builder.append(1_000, None, Some(b"first"), &[]).unwrap();
        builder.append(timestamp, key, value, headers).unwrap();
        let end = builder.encoded_len();
        builder.into_buffer()[super::super::RECORD_BATCH_OVERHEAD..end].to_vec()
    }

    /// What the usual way takes, the other takes too, and alike.
    fn is_alike(bytes: &[u8]) -> Option<usize> {
        let (record, behind) = take_record(bytes, &RULES)?;
        let mut rest = bytes;
        let other = iter::take_record(&mut rest, &RULES).unwrap_or_else(|fault| {
            panic!("{bytes:?} breaks a rule: {:?}", fault.kind);
        });
        assert_eq!(format!("{record:?}"), format!("{other:?}"));
        assert_eq!(behind, rest);
        Some(behind.len())
    }

    proptest! {
        #[test]
        fn what_it_takes_is_what_the_way_of_any_record_takes(
            delta in prop_oneof![-100_i64..100, -10_000_000_i64..10_000_000],
            key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80)),
            value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..300)),
            header in proptest::option::of(proptest::option::of(0_usize..100)),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            kept in any::<prop::sample::Index>(),
        ) {
            let content = [b'h'; 100];
            let header = header.map(|len| Header::new("name", len.map(|len| &content[..len])));
            let headers = header.as_slice();
            let whole = records(1_000 + delta, key.as_deref(), value.as_deref(), headers);
            let behind = is_alike(&whole).expect("the first record is usual");
            let second = &whole[whole.len() - behind..];
            // Eight bytes behind the length are read at once.
            let is_last_short = second.len() < 9;
            let is_usual = (-1 << 20..1 << 20).contains(&delta) && !is_last_short;
            prop_assert_eq!(is_alike(second).is_some(), is_usual);
            let mut changed = second.to_vec();
            for (place, byte) in changes {
                let place = place.index(changed.len());
                changed[place] = byte;
            }
            is_alike(&changed);
            changed.truncate(kept.index(changed.len()));
            is_alike(&changed);
        }
    }
}
