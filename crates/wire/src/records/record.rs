//! One record as slices of its batch.

use std::borrow::Cow;
use std::fmt;
use std::str::Utf8Error;

use super::error::RecordErrorKind;
use super::varint::{VarintError, take_varint};

/// A record, borrowed from the [`Records`](super::Records) it was read from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The record's offset in its partition.
    pub offset: i64,
    /// Milliseconds since the epoch; -1 for records of magic 0. In a batch with LogAppendTime all
    /// records have the batch's maximum timestamp.
    pub timestamp: i64,
    /// The key; none and empty are different.
    pub key: Option<&'a [u8]>,
    /// The value; none is a tombstone.
    pub value: Option<&'a [u8]>,
    pub(super) headers: Headers<'a>,
}

impl<'a> Record<'a> {
    /// The headers in the order of the record, duplicates included.
    #[inline]
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        self.headers
    }
}

/// A header of a record: a name and a value that may be null.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header<'a> {
    key: &'a [u8],
    value: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    /// A header to be written.
    #[must_use]
    pub const fn new(key: &'a str, value: Option<&'a [u8]>) -> Self {
        Self { key: key.as_bytes(), value }
    }

    /// The key; bytes that are no UTF-8 are replaced by U+FFFD, as Java does.
    #[must_use]
    pub fn key(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.key)
    }

    /// The key, which a well-behaved producer wrote as UTF-8.
    ///
    /// # Errors
    ///
    /// The key is no UTF-8.
    pub fn key_str(&self) -> Result<&'a str, Utf8Error> {
        std::str::from_utf8(self.key)
    }

    /// The key's bytes.
    #[must_use]
    pub const fn key_bytes(&self) -> &'a [u8] {
        self.key
    }

    /// The value; none and empty are different.
    #[must_use]
    pub const fn value(&self) -> Option<&'a [u8]> {
        self.value
    }
}

impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("key", &self.key())
            .field("value", &self.value.map(<[u8]>::escape_ascii).map(|value| value.to_string()))
            .finish()
    }
}

/// The headers of a record, in order.
///
/// Their bytes were checked when the record was read, so iterating cannot fail.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    count: usize,
}

impl<'a> Headers<'a> {
    /// `count` headers at the front of `bytes`, each checked, and the bytes behind them.
    pub(super) fn split(
        mut bytes: &'a [u8],
        count: i32,
    ) -> Result<(Self, &'a [u8]), RecordErrorKind> {
        let count = usize::try_from(count).map_err(|_| RecordErrorKind::NegativeLength {
            field: "headers count",
            length: count,
        })?;
        let start = bytes;
        for _ in 0..count {
            take_header(&mut bytes)?;
        }
        Ok((Self { bytes: &start[..start.len() - bytes.len()], count }, bytes))
    }

    /// Bytes of all headers.
    #[inline(always)]
    pub(super) fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The value of the last header with this key, as Java's `lastHeader`.
    #[must_use]
    pub fn last(self, key: &str) -> Option<Header<'a>> {
        self.filter(|header| header.key == key.as_bytes()).last()
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        self.count = self.count.checked_sub(1)?;
        take_header(&mut self.bytes).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Headers<'_> {}

fn take_header<'a>(bytes: &mut &'a [u8]) -> Result<Header<'a>, RecordErrorKind> {
    let length = varint(bytes, "header key length")?;
    if length < 0 {
        return Err(RecordErrorKind::NegativeLength { field: "header key", length });
    }
    let key = nullable_bytes(bytes, length, "header key")?.unwrap_or_default();
    let length = varint(bytes, "header value length")?;
    let value = nullable_bytes(bytes, length, "header value")?;
    Ok(Header { key, value })
}

/// Takes a varint field from the front of `bytes`.
#[inline(always)]
pub(super) fn varint(bytes: &mut &[u8], field: &'static str) -> Result<i32, RecordErrorKind> {
    take_varint(bytes).map_err(|error| varint_error(error, field))
}

#[cold]
pub(super) fn varint_error(error: VarintError, field: &'static str) -> RecordErrorKind {
    match error {
        VarintError::Truncated => RecordErrorKind::Truncated { field },
        VarintError::TooLong => RecordErrorKind::VarintTooLong { field },
    }
}

/// Takes `length` bytes from the front of `bytes`; a negative length is null, as in Java.
#[inline(always)]
pub(super) fn nullable_bytes<'a>(
    bytes: &mut &'a [u8],
    length: i32,
    field: &'static str,
) -> Result<Option<&'a [u8]>, RecordErrorKind> {
    let Ok(len) = usize::try_from(length) else { return Ok(None) };
    let Some((taken, rest)) = bytes.split_at_checked(len) else {
        return Err(RecordErrorKind::LengthBeyondRecord { field, length });
    };
    *bytes = rest;
    Ok(Some(taken))
}
