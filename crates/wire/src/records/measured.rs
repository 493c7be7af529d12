//! Headers of a record with the bytes that they take, so that these are counted once.

use super::record::Header;
use super::varint::varint_len;

/// Headers of a record to be appended, and the bytes that they take.
#[derive(Clone, Copy, Debug)]
pub struct MeasuredHeaders<'a> {
    headers: &'a [Header<'a>],
    encoded_len: usize,
}

impl<'a> MeasuredHeaders<'a> {
    /// Measures them.
    #[must_use]
    #[inline]
    pub fn of(headers: &'a [Header<'a>]) -> Self {
        Self { headers, encoded_len: encoded_len(headers.iter().copied()) }
    }

    /// Bytes of the headers with their number in front; 1 when there are none.
    #[must_use]
    #[inline]
    pub const fn encoded_len(&self) -> usize {
        self.encoded_len
    }

    #[inline(always)]
    pub(super) const fn all(&self) -> &'a [Header<'a>] {
        self.headers
    }
}

/// Bytes of the headers with their number in front.
#[inline(always)]
pub(super) fn encoded_len<'h>(headers: impl ExactSizeIterator<Item = Header<'h>>) -> usize {
    let count = headers.len();
    if count == 0 {
        return 1;
    }
    headers.fold(varint_len(signed(count)), |sum, header| {
        sum.saturating_add(nullable_len(Some(header.key_bytes().len())))
            .saturating_add(nullable_len(header.value().map(<[u8]>::len)))
    })
}

/// Bytes of a nullable field with its length.
#[inline(always)]
pub(super) fn nullable_len(len: Option<usize>) -> usize {
    match len {
        None => 1,
        Some(len) => len.saturating_add(varint_len(signed(len))),
    }
}

/// A length as the number to encode; lengths that do not fit are refused by their sum.
#[inline(always)]
pub(super) fn signed(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}
