//! [`Reader`]: reads Kafka's types from a frame, for the generated structs.
//!
//! What is read of every message is inlined: a number, a length of one byte, the byte that says that
//! there is no tagged field. What is long or wrong is not.
//!
//! Invariants:
//! 1. `rest` is a part of the frame and ends at `end`.
//! 2. Nothing is reserved for a count before the bytes left could hold that many items.
//! 3. What is reserved for a whole frame is at most what its [`Decoder`](super::Decoder) allows.

use bytes::Bytes;
use bytestring::ByteString;

use crate::{
    error::{DecodeError, DecodeErrorKind},
    primitives::{Int32Array, TaggedField, TaggedFields, Uuid},
};

/// The field that errors in a section of tagged fields name.
const TAGGED_FIELDS: &str = "taggedFields";

/// Reads Kafka's types from a frame; strings and bytes are slices of it.
#[derive(Debug)]
pub(crate) struct Reader<'f> {
    pub(super) rest: &'f [u8],
    /// Where `rest` ends in the frame.
    pub(super) end: usize,
    /// What may still be reserved.
    pub(super) memory_bytes: usize,
    pub(super) frame: &'f Bytes,
    pub(super) message: &'static str,
    pub(super) version: i16,
}

macro_rules! numbers {
    ($($name:ident: $type:ty;)*) => {
        $(#[allow(dead_code, reason = "types of the protocol that no message has at present")]
        #[inline(always)]
        pub(crate) fn $name(&mut self, field: &'static str) -> Result<$type, DecodeError> {
            self.fixed(field).map(<$type>::from_be_bytes)
        })*
    };
}

impl<'f> Reader<'f> {
    #[inline(always)]
    pub(super) const fn position(&self) -> usize {
        self.end - self.rest.len()
    }

    #[cold]
    #[inline(never)]
    fn error(&self, kind: DecodeErrorKind, field: &'static str) -> DecodeError {
        DecodeError::new(kind, self.message, self.version, field, self.position())
    }

    #[cold]
    #[inline(never)]
    fn truncated(&self, needed: usize, field: &'static str) -> DecodeError {
        self.error(DecodeErrorKind::Truncated { needed, remaining: self.rest.len() }, field)
    }

    #[cold]
    #[inline(never)]
    fn invalid_length(&self, length: i64, field: &'static str) -> DecodeError {
        self.error(DecodeErrorKind::InvalidLength { length, remaining: self.rest.len() }, field)
    }

    #[cold]
    #[inline(never)]
    fn invalid_count(&self, count: i64, field: &'static str) -> DecodeError {
        self.error(DecodeErrorKind::InvalidCount { count, remaining: self.rest.len() }, field)
    }

    #[cold]
    #[inline(never)]
    fn null(&self, field: &'static str) -> DecodeError {
        self.error(DecodeErrorKind::UnexpectedNull, field)
    }

    #[cold]
    #[inline(never)]
    fn too_much_memory(&self, needed: usize, field: &'static str) -> DecodeError {
        self.error(DecodeErrorKind::TooMuchMemory { needed, allowed: self.memory_bytes }, field)
    }

    /// Counts the memory of items that are about to be reserved.
    #[inline(always)]
    fn reserve<T>(&mut self, items: usize, field: &'static str) -> Result<(), DecodeError> {
        let needed = items.saturating_mul(size_of::<T>());
        let Some(left) = self.memory_bytes.checked_sub(needed) else {
            return Err(self.too_much_memory(needed, field));
        };
        self.memory_bytes = left;
        Ok(())
    }

    #[inline(always)]
    fn fixed<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.truncated(N, field));
        };
        self.rest = rest;
        Ok(*bytes)
    }

    numbers! {
        i8: i8;
        i16: i16;
        u16: u16;
        i32: i32;
        u32: u32;
        i64: i64;
        f64: f64;
    }

    #[inline(always)]
    pub(crate) fn bool(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        Ok(self.i8(field)? != 0)
    }

    #[inline(always)]
    pub(crate) fn uuid(&mut self, field: &'static str) -> Result<Uuid, DecodeError> {
        self.fixed(field).map(Uuid)
    }

    /// An unsigned variable-length integer: seven bits a byte, the lowest first.
    #[inline(always)]
    fn unsigned_varint(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        if let [byte, rest @ ..] = self.rest
            && *byte < 0x80
        {
            self.rest = rest;
            return Ok(u32::from(*byte));
        }
        self.long_varint(field)
    }

    #[inline(never)]
    fn long_varint(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        let mut value = 0_u32;
        let mut rest = self.rest.iter();
        for at in 0..5 {
            let Some(&byte) = rest.next() else {
                return Err(self.truncated(self.rest.len() + 1, field));
            };
            if at == 4 && byte > 0x0f {
                break;
            }
            value |= u32::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.rest = rest.as_slice();
                return Ok(value);
            }
        }
        Err(self.error(DecodeErrorKind::VarintTooLong, field))
    }

    /// The length of bytes or an array; None for null.
    #[inline(always)]
    fn length(&mut self, field: &'static str, flexible: bool) -> Result<Option<i64>, DecodeError> {
        if flexible {
            return Ok(self.unsigned_varint(field)?.checked_sub(1).map(i64::from));
        }
        match self.i32(field)? {
            -1 => Ok(None),
            length => Ok(Some(i64::from(length))),
        }
    }

    /// The next bytes as a slice of the frame.
    fn slice(&mut self, length: i64, field: &'static str) -> Result<Bytes, DecodeError> {
        let position = self.position();
        let taken = usize::try_from(length).ok().and_then(|len| self.rest.split_at_checked(len));
        let Some((bytes, rest)) = taken else {
            return Err(self.invalid_length(length, field));
        };
        self.rest = rest;
        Ok(self.frame.slice(position..position + bytes.len()))
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
        if length == 0 {
            return Ok(Some(ByteString::new()));
        }
        if length > i64::from(i16::MAX) {
            // The flexible form could count more, but Kafka allows no more than the other.
            return Err(self.invalid_length(length, field));
        }
        let before = self.rest;
        match ByteString::try_from(self.slice(length, field)?) {
            Ok(text) => Ok(Some(text)),
            Err(_) => {
                self.rest = before;
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
            Some(length) => Ok(Some(self.slice(length, field)?)),
            None if nullable => Ok(None),
            None => Err(self.null(field)),
        }
    }

    /// The count of an array whose items take at least `size` bytes each; None for null.
    #[inline(always)]
    fn count(
        &mut self,
        field: &'static str,
        flexible: bool,
        size: usize,
    ) -> Result<Option<usize>, DecodeError> {
        let Some(count) = self.length(field, flexible)? else { return Ok(None) };
        match usize::try_from(count) {
            Ok(items) if items.saturating_mul(size) <= self.rest.len() => Ok(Some(items)),
            _ => Err(self.invalid_count(count, field)),
        }
    }

    #[inline(always)]
    pub(crate) fn array<T>(
        &mut self,
        field: &'static str,
        flexible: bool,
        size: usize,
        read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        match self.count(field, flexible, size)? {
            Some(count) => self.items(field, count, read),
            None => Err(self.null(field)),
        }
    }

    #[inline(always)]
    pub(crate) fn nullable_array<T>(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
        size: usize,
        read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        match self.count(field, flexible, size)? {
            Some(count) => self.items(field, count, read).map(Some),
            None if nullable => Ok(None),
            None => Err(self.null(field)),
        }
    }

    /// So many items, for which there are bytes enough.
    fn items<T>(
        &mut self,
        field: &'static str,
        count: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.reserve::<T>(count, field)?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    #[inline(always)]
    pub(crate) fn int32_array(
        &mut self,
        field: &'static str,
        flexible: bool,
    ) -> Result<Int32Array, DecodeError> {
        match self.length(field, flexible)? {
            Some(count) => Ok(Int32Array::from_be_bytes(self.int32s(field, count)?)),
            None => Err(self.null(field)),
        }
    }

    #[inline(always)]
    pub(crate) fn nullable_int32_array(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
    ) -> Result<Option<Int32Array>, DecodeError> {
        match self.length(field, flexible)? {
            Some(count) => Ok(Some(Int32Array::from_be_bytes(self.int32s(field, count)?))),
            None if nullable => Ok(None),
            None => Err(self.null(field)),
        }
    }

    /// The bytes of so many numbers, and those with all that is behind them.
    #[inline(always)]
    fn int32s(
        &mut self,
        field: &'static str,
        count: i64,
    ) -> Result<(&'f [u8], &'f [u8]), DecodeError> {
        let ahead = self.rest;
        let size = usize::try_from(count).map(|count| count.saturating_mul(4));
        let taken = size.ok().and_then(|size| ahead.split_at_checked(size));
        let Some((bytes, rest)) = taken else {
            return Err(self.invalid_count(count, field));
        };
        self.rest = rest;
        Ok((bytes, ahead))
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

    #[inline(always)]
    pub(crate) fn unknown_tagged_fields(&mut self) -> Result<TaggedFields, DecodeError> {
        if let [0, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(TaggedFields::new());
        }
        self.some_tagged_fields(&mut |_, _| Ok(false))
    }

    /// The tagged fields; `read` takes those it knows, and the others are kept.
    #[inline(always)]
    pub(crate) fn tagged_fields(
        &mut self,
        mut read: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<TaggedFields, DecodeError> {
        if let [0, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(TaggedFields::new());
        }
        self.some_tagged_fields(&mut read)
    }

    #[inline(never)]
    fn some_tagged_fields(
        &mut self,
        read: &mut dyn FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<TaggedFields, DecodeError> {
        let count = self.unsigned_varint(TAGGED_FIELDS)?;
        // A field takes two bytes at least: its tag and its size.
        if usize::try_from(count).is_ok_and(|count| count.saturating_mul(2) > self.rest.len()) {
            return Err(self.invalid_count(i64::from(count), TAGGED_FIELDS));
        }
        let mut unknown = TaggedFields::new();
        for left in (1..=count).rev() {
            let tag = self.unsigned_varint(TAGGED_FIELDS)?;
            let size = self.unsigned_varint(TAGGED_FIELDS)?;
            let taken = usize::try_from(size).ok().and_then(|len| self.rest.split_at_checked(len));
            let Some((value, behind)) = taken else {
                return Err(self.invalid_length(i64::from(size), TAGGED_FIELDS));
            };
            let (begin, outer, end) = (self.position(), self.rest.len(), self.end);
            self.rest = value;
            self.end = begin + value.len();
            if read(self, tag)? {
                if !self.rest.is_empty() {
                    let (size, read) = (value.len(), value.len() - self.rest.len());
                    let kind = DecodeErrorKind::TaggedFieldSize { tag, size, read };
                    return Err(self.error(kind, TAGGED_FIELDS));
                }
            } else {
                if unknown.is_empty() {
                    let room = outer.saturating_div(2).saturating_add(1);
                    let room = usize::try_from(left).unwrap_or(usize::MAX).min(room);
                    self.reserve::<TaggedField>(room + 1, TAGGED_FIELDS)?;
                    unknown = TaggedFields::with_capacity(room);
                }
                let data = self.frame.slice(begin..begin + value.len());
                unknown.push(TaggedField { tag, data });
            }
            (self.rest, self.end) = (behind, end);
        }
        Ok(unknown)
    }
}
