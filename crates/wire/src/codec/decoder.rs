//! [`Decoder`]: reads Kafka's types from a frame.
//!
//! Invariants:
//! 1. `position <= end <= frame.len()`, whatever is read.
//! 2. Nothing is reserved for a count before the bytes left could hold that many items.
//! 3. What is reserved for a whole frame is at most [`MEMORY_BYTES_MIN`] and [`MEMORY_FACTOR`] times
//!    its bytes, even where every item is as small as it can be.

use bytes::Bytes;
use bytestring::ByteString;
use tinyvec::ArrayVec;

use super::Message;
use crate::{
    error::{DecodeError, DecodeErrorKind},
    primitives::{Int32Array, TaggedField, TaggedFields, Uuid},
};

/// What the values of a frame may take in memory, however small the frame is.
const MEMORY_BYTES_MIN: usize = 64 * 1024;

/// How many times its own bytes the values of a frame may take in memory. Real messages take two to
/// five times; only arrays of empty strings come near.
const MEMORY_FACTOR: usize = 32;

/// Reads Kafka's types from a frame; strings and bytes are slices of it.
#[derive(Clone, Debug)]
pub struct Decoder {
    frame: Bytes,
    position: usize,
    end: usize,
    /// What may still be reserved.
    memory_bytes: usize,
    message: &'static str,
    version: i16,
}

impl Decoder {
    /// A decoder at the begin of the bytes.
    #[must_use]
    pub const fn new(frame: Bytes) -> Self {
        let end = frame.len();
        let memory_bytes = end.saturating_mul(MEMORY_FACTOR).saturating_add(MEMORY_BYTES_MIN);
        Self { frame, position: 0, end, memory_bytes, message: "", version: 0 }
    }

    /// Bytes that are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.end - self.position
    }

    /// Where the next byte is, counted from the begin.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Reads a message that the bytes end with.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where the bytes are not this message, or go on behind it.
    pub fn message<M: Message>(&mut self, version: i16) -> Result<M, DecodeError> {
        let message = M::decode(self, version)?;
        match self.remaining() {
            0 => Ok(message),
            remaining => Err(self.error(DecodeErrorKind::TrailingBytes { remaining }, "")),
        }
    }

    /// Names the message that errors are about.
    pub(crate) const fn begin(&mut self, message: &'static str, version: i16) {
        self.message = message;
        self.version = version;
    }

    #[cold]
    pub(crate) fn error(&self, kind: DecodeErrorKind, field: &'static str) -> DecodeError {
        DecodeError::new(kind, self.message, self.version, field, self.position)
    }

    #[cold]
    fn truncated(&self, needed: usize, field: &'static str) -> DecodeError {
        self.error(DecodeErrorKind::Truncated { needed, remaining: self.remaining() }, field)
    }

    /// Counts the memory of items that are about to be reserved.
    fn reserve<T>(&mut self, items: usize, field: &'static str) -> Result<(), DecodeError> {
        let needed = items.saturating_mul(size_of::<T>());
        match self.memory_bytes.checked_sub(needed) {
            Some(left) => {
                self.memory_bytes = left;
                Ok(())
            }
            None => {
                let allowed = self.memory_bytes;
                Err(self.error(DecodeErrorKind::TooMuchMemory { needed, allowed }, field))
            }
        }
    }

    fn fixed<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let left = self.frame.get(self.position..self.end).unwrap_or_default();
        match left.first_chunk::<N>() {
            Some(bytes) => {
                self.position += N;
                Ok(*bytes)
            }
            None => Err(self.truncated(N, field)),
        }
    }

    /// The next bytes as a slice of the frame; the length is known to be left.
    fn slice(&mut self, length: usize) -> Bytes {
        let bytes = self.frame.slice(self.position..self.position + length);
        self.position += length;
        bytes
    }

    pub(crate) fn bool(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        Ok(self.i8(field)? != 0)
    }

    pub(crate) fn i8(&mut self, field: &'static str) -> Result<i8, DecodeError> {
        self.fixed(field).map(i8::from_be_bytes)
    }

    pub(crate) fn i16(&mut self, field: &'static str) -> Result<i16, DecodeError> {
        self.fixed(field).map(i16::from_be_bytes)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.fixed(field).map(u16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        self.fixed(field).map(i32::from_be_bytes)
    }

    #[allow(dead_code, reason = "a type of the protocol that no message has at present")]
    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.fixed(field).map(u32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        self.fixed(field).map(i64::from_be_bytes)
    }

    pub(crate) fn f64(&mut self, field: &'static str) -> Result<f64, DecodeError> {
        self.fixed(field).map(f64::from_be_bytes)
    }

    pub(crate) fn uuid(&mut self, field: &'static str) -> Result<Uuid, DecodeError> {
        self.fixed(field).map(Uuid)
    }

    /// An unsigned variable-length integer: seven bits a byte, the lowest first.
    pub(crate) fn unsigned_varint(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        let left = self.frame.get(self.position..self.end).unwrap_or_default();
        if let Some(&byte) = left.first()
            && byte < 0x80
        {
            self.position += 1;
            return Ok(u32::from(byte));
        }
        let mut value = 0_u32;
        for (at, &byte) in left.iter().take(5).enumerate() {
            if at == 4 && byte > 0x0f {
                return Err(self.error(DecodeErrorKind::VarintTooLong, field));
            }
            value |= u32::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.position += at + 1;
                return Ok(value);
            }
        }
        Err(self.truncated(left.len() + 1, field))
    }

    /// The length of a string, bytes or an array; None for null.
    fn length(&mut self, field: &'static str, flexible: bool) -> Result<Option<i64>, DecodeError> {
        if flexible {
            return Ok(self.unsigned_varint(field)?.checked_sub(1).map(i64::from));
        }
        match self.i32(field)? {
            -1 => Ok(None),
            length => Ok(Some(i64::from(length))),
        }
    }

    /// The length, checked to be left.
    fn checked(&self, length: i64, field: &'static str) -> Result<usize, DecodeError> {
        match usize::try_from(length) {
            Ok(length) if length <= self.remaining() => Ok(length),
            _ => {
                let remaining = self.remaining();
                Err(self.error(DecodeErrorKind::InvalidLength { length, remaining }, field))
            }
        }
    }

    fn optional_string(
        &mut self,
        field: &'static str,
        flexible: bool,
    ) -> Result<Option<ByteString>, DecodeError> {
        let length = if flexible {
            self.unsigned_varint(field)?.checked_sub(1).map(i64::from)
        } else {
            match self.i16(field)? {
                -1 => None,
                length => Some(i64::from(length)),
            }
        };
        let Some(length) = length else { return Ok(None) };
        if length > i64::from(i16::MAX) {
            // The flexible form could count more, but Kafka allows no more than the other.
            let remaining = self.remaining();
            return Err(self.error(DecodeErrorKind::InvalidLength { length, remaining }, field));
        }
        let length = self.checked(length, field)?;
        if length == 0 {
            return Ok(Some(ByteString::new()));
        }
        match ByteString::try_from(self.slice(length)) {
            Ok(text) => Ok(Some(text)),
            Err(_) => {
                self.position -= length;
                Err(self.error(DecodeErrorKind::InvalidUtf8, field))
            }
        }
    }

    pub(crate) fn string(
        &mut self,
        field: &'static str,
        flexible: bool,
    ) -> Result<ByteString, DecodeError> {
        self.optional_string(field, flexible)?.ok_or_else(|| self.null(field))
    }

    pub(crate) fn nullable_string(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
    ) -> Result<Option<ByteString>, DecodeError> {
        let value = self.optional_string(field, flexible)?;
        if value.is_none() && !nullable { Err(self.null(field)) } else { Ok(value) }
    }

    #[cold]
    fn null(&self, field: &'static str) -> DecodeError {
        self.error(DecodeErrorKind::UnexpectedNull, field)
    }

    pub(crate) fn bytes(
        &mut self,
        field: &'static str,
        flexible: bool,
    ) -> Result<Bytes, DecodeError> {
        self.nullable_bytes(field, flexible, true)?.ok_or_else(|| self.null(field))
    }

    pub(crate) fn nullable_bytes(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
    ) -> Result<Option<Bytes>, DecodeError> {
        match self.length(field, flexible)? {
            Some(length) => {
                let length = self.checked(length, field)?;
                Ok(Some(self.slice(length)))
            }
            None if nullable => Ok(None),
            None => Err(self.null(field)),
        }
    }

    /// The count of an array whose items take at least `size` bytes each; None for null.
    fn count(
        &mut self,
        field: &'static str,
        flexible: bool,
        size: usize,
    ) -> Result<Option<usize>, DecodeError> {
        let Some(count) = self.length(field, flexible)? else { return Ok(None) };
        match usize::try_from(count) {
            Ok(items) if items.saturating_mul(size) <= self.remaining() => Ok(Some(items)),
            _ => {
                let remaining = self.remaining();
                Err(self.error(DecodeErrorKind::InvalidCount { count, remaining }, field))
            }
        }
    }

    pub(crate) fn array<T>(
        &mut self,
        field: &'static str,
        flexible: bool,
        size: usize,
        read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_array(field, flexible, true, size, read)?.ok_or_else(|| self.null(field))
    }

    pub(crate) fn nullable_array<T>(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
        size: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.count(field, flexible, size)? else {
            return if nullable { Ok(None) } else { Err(self.null(field)) };
        };
        self.reserve::<T>(count, field)?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(Some(items))
    }

    #[inline]
    pub(crate) fn int32_array(
        &mut self,
        field: &'static str,
        flexible: bool,
    ) -> Result<Int32Array, DecodeError> {
        self.nullable_int32_array(field, flexible, true)?.ok_or_else(|| self.null(field))
    }

    #[inline]
    pub(crate) fn nullable_int32_array(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
    ) -> Result<Option<Int32Array>, DecodeError> {
        let Some(count) = self.count(field, flexible, 4)? else {
            return if nullable { Ok(None) } else { Err(self.null(field)) };
        };
        let bytes = self.frame.get(self.position..self.position + count * 4).unwrap_or_default();
        let (items, _) = bytes.as_chunks::<4>();
        self.position += count * 4;
        Ok(Some(int32_array(items)))
    }

    /// A struct behind a byte that is negative for null (KIP-893).
    pub(crate) fn nullable_struct<T>(
        &mut self,
        field: &'static str,
        nullable: bool,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Box<T>>, DecodeError> {
        match self.i8(field)? {
            ..0 if nullable => Ok(None),
            ..0 => Err(self.null(field)),
            _ => {
                self.reserve::<T>(1, field)?;
                Ok(Some(Box::new(read(self)?)))
            }
        }
    }

    pub(crate) fn unknown_tagged_fields(&mut self) -> Result<TaggedFields, DecodeError> {
        self.tagged_fields(|_, _| Ok(false))
    }

    /// The tagged fields; `read` takes those it knows, and the others are kept.
    pub(crate) fn tagged_fields(
        &mut self,
        mut read: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<TaggedFields, DecodeError> {
        const FIELD: &str = "taggedFields";
        let count = self.unsigned_varint(FIELD)?;
        if count == 0 {
            return Ok(TaggedFields::new());
        }
        let remaining = self.remaining();
        // A field takes two bytes at least: its tag and its size.
        if usize::try_from(count).is_ok_and(|count| count.saturating_mul(2) > remaining) {
            let count = i64::from(count);
            return Err(self.error(DecodeErrorKind::InvalidCount { count, remaining }, FIELD));
        }
        let mut unknown = TaggedFields::new();
        for left in (1..=count).rev() {
            let tag = self.unsigned_varint(FIELD)?;
            let size = self.unsigned_varint(FIELD)?;
            let size = self.checked(i64::from(size), FIELD)?;
            let (begin, outer) = (self.position, self.end);
            self.end = begin + size;
            if read(self, tag)? {
                if self.position != self.end {
                    let read = self.position - begin;
                    return Err(
                        self.error(DecodeErrorKind::TaggedFieldSize { tag, size, read }, FIELD)
                    );
                }
            } else {
                if unknown.is_empty() {
                    let room = (outer - begin).saturating_div(2).saturating_add(1);
                    let room = usize::try_from(left).unwrap_or(usize::MAX).min(room);
                    self.reserve::<TaggedField>(room + 1, FIELD)?;
                    unknown = TaggedFields::with_capacity(room);
                }
                unknown.push(TaggedField { tag, data: self.slice(size) });
            }
            self.end = outer;
        }
        Ok(unknown)
    }
}

/// The numbers of an array. A short one is made in one piece, not item by item.
#[inline]
fn int32_array(items: &[[u8; 4]]) -> Int32Array {
    let number = |item: &[u8; 4]| i32::from_be_bytes(*item);
    let mut few = [0; 5];
    for (place, item) in few.iter_mut().zip(items) {
        *place = number(item);
    }
    ArrayVec::try_from_array_len(few, items.len())
        .map_or_else(|_| Int32Array::Heap(items.iter().map(number).collect()), Int32Array::Inline)
}
