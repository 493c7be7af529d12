//! [`Encoder`]: writes Kafka's types as bytes, in segments.
//!
//! Small fields go into one growing buffer. Large `bytes` and `records` are not copied: they become
//! segments of their own, so that a produce request leaves by one vectored write.

use bytes::Bytes;

use super::Writer;
use crate::{
    error::{EncodeError, EncodeErrorKind},
    frame::{Frame, LENGTH_BYTES},
    primitives::{Int32Array, TaggedFields, Uuid},
};

/// The field that errors in a section of tagged fields name.
const TAGGED_FIELDS: &str = "taggedFields";

/// From this size on a field is a segment of its own; below, a copy costs less than the segment.
const SEGMENT_BYTES_MIN: usize = 4096;

/// The most bytes or items that a length of 32 bits counts.
const LENGTH_MAX: usize = 0x7fff_ffff;

/// Writes Kafka's types as bytes.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    /// All small fields, one behind the other.
    buffer: Vec<u8>,
    /// Large fields, each with the place in `buffer` that it stands before.
    large: Vec<(usize, Bytes)>,
    /// Whether a large field may become a segment: not inside a tagged field, which is measured.
    whole: bool,
}

impl Encoder {
    /// An encoder with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An encoder whose buffer has room for some bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buffer: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Bytes that have been written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.large.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() + self.buffer.len()
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has been written, in order.
    #[must_use]
    pub fn into_segments(self) -> Vec<Bytes> {
        let mut small = Bytes::from(self.buffer);
        let mut segments = Vec::with_capacity(2 * self.large.len() + 1);
        let mut begin = 0;
        for (end, bytes) in self.large {
            if begin < end {
                segments.push(small.split_to(end - begin));
                begin = end;
            }
            segments.push(bytes);
        }
        if !small.is_empty() {
            segments.push(small);
        }
        segments
    }

    /// What has been written, as one piece.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        if self.large.is_empty() {
            return self.buffer.into();
        }
        let mut segments = self.into_segments();
        if segments.len() == 1 {
            return segments.pop().unwrap_or_default();
        }
        segments.concat().into()
    }

    /// An unsigned variable-length integer: seven bits a byte, the lowest first.
    #[inline(always)]
    fn unsigned_varint(&mut self, value: u32) {
        match u8::try_from(value) {
            Ok(byte) if byte < 0x80 => self.buffer.push(byte),
            _ => self.long_varint(value),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self, value: u32) {
        let (bytes, length) = varint(value);
        self.buffer.extend_from_slice(bytes.get(..length).unwrap_or_default());
    }

    #[cold]
    #[inline(never)]
    fn too_long(field: &'static str, length: usize, max: usize) -> EncodeError {
        EncodeError::new(EncodeErrorKind::TooLong { length, max }, field, 0)
    }

    #[inline(always)]
    fn length(
        &mut self,
        field: &'static str,
        flexible: bool,
        length: usize,
    ) -> Result<(), EncodeError> {
        // One less than 32 bits can hold: the flexible form writes the length plus one.
        let short = match u32::try_from(length) {
            Ok(short) if length < LENGTH_MAX => short,
            _ => return Err(Self::too_long(field, length, LENGTH_MAX - 1)),
        };
        if flexible {
            self.unsigned_varint(short + 1);
        } else {
            self.buffer.extend_from_slice(&short.to_be_bytes());
        }
        Ok(())
    }

    /// A null where the version allows one; `absent` is the form that is not flexible.
    fn null(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
        absent: &[u8],
    ) -> Result<(), EncodeError> {
        if !nullable {
            return Err(EncodeError::new(EncodeErrorKind::UnexpectedNull, field, 0));
        }
        self.buffer.extend_from_slice(if flexible { &[0] } else { absent });
        Ok(())
    }

    fn put(&mut self, bytes: &Bytes) {
        if bytes.len() < SEGMENT_BYTES_MIN || !self.whole {
            self.buffer.extend_from_slice(bytes);
        } else {
            self.large.push((self.buffer.len(), bytes.clone()));
        }
    }

    /// Lets large fields become segments of their own.
    pub(crate) const fn segmented(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Leaves room for the length of a frame.
    pub(crate) fn begin_frame(&mut self) {
        self.buffer.extend_from_slice(&[0; LENGTH_BYTES]);
    }

    /// The frame, its length written into the bytes that were left for it.
    pub(crate) fn into_frame(mut self, length: i32) -> Frame {
        if let Some(prefix) = self.buffer.first_chunk_mut() {
            *prefix = length.to_be_bytes();
        }
        Frame { segments: self.into_segments() }
    }
}

/// The bytes of an unsigned variable-length integer, and how many there are.
fn varint(mut value: u32) -> ([u8; 5], usize) {
    let mut bytes = [0; 5];
    let mut length = 0;
    for byte in &mut bytes {
        length += 1;
        *byte = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        if value == 0 {
            break;
        }
        *byte |= 0x80;
    }
    (bytes, length)
}

macro_rules! number {
    ($($name:ident: $type:ty;)*) => {
        $(#[inline(always)]
        fn $name(&mut self, _: &'static str, value: $type) -> Result<(), EncodeError> {
            self.buffer.extend_from_slice(&value.to_be_bytes());
            Ok(())
        })*
    };
}

impl Writer for Encoder {
    number! {
        i8: i8;
        i16: i16;
        u16: u16;
        i32: i32;
        u32: u32;
        i64: i64;
        f64: f64;
    }

    #[inline(always)]
    fn bool(&mut self, _: &'static str, value: bool) -> Result<(), EncodeError> {
        self.buffer.push(u8::from(value));
        Ok(())
    }

    #[inline(always)]
    fn uuid(&mut self, _: &'static str, value: Uuid) -> Result<(), EncodeError> {
        self.buffer.extend_from_slice(&value.0);
        Ok(())
    }

    fn nullable_string(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
        value: Option<&str>,
    ) -> Result<(), EncodeError> {
        let Some(value) = value else {
            return self.null(field, flexible, nullable, &[0xff; 2]);
        };
        // Kafka bounds strings to 32,767 bytes in both forms.
        let length = i16::try_from(value.len())
            .map_err(|_| Self::too_long(field, value.len(), i16::MAX.unsigned_abs().into()))?;
        if flexible {
            self.unsigned_varint(u32::from(length.unsigned_abs()) + 1);
        } else {
            self.buffer.extend_from_slice(&length.to_be_bytes());
        }
        self.buffer.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn nullable_bytes(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
        value: Option<&Bytes>,
    ) -> Result<(), EncodeError> {
        let Some(value) = value else {
            return self.null(field, flexible, nullable, &[0xff; 4]);
        };
        self.length(field, flexible, value.len())?;
        self.put(value);
        Ok(())
    }

    #[inline(always)]
    fn nullable_array<T>(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
        items: Option<&[T]>,
        mut write: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let Some(items) = items else {
            return self.null(field, flexible, nullable, &[0xff; 4]);
        };
        self.length(field, flexible, items.len())?;
        items.iter().try_for_each(|item| write(self, item))
    }

    #[inline(always)]
    fn int32_array(
        &mut self,
        field: &'static str,
        flexible: bool,
        items: &Int32Array,
    ) -> Result<(), EncodeError> {
        if let Some((bytes, length)) = items.few_be_bytes()
            && self.buffer.capacity() - self.buffer.len() >= LENGTH_BYTES + bytes.len()
        {
            // The room of all, which is one store, of which the few are kept.
            let length = usize::from(length);
            self.length(field, flexible, length)?;
            let end = self.buffer.len() + 4 * length;
            self.buffer.extend_from_slice(&bytes);
            self.buffer.truncate(end);
            return Ok(());
        }
        self.array(field, flexible, items, |writer, item| writer.i32(field, *item))
    }

    #[inline(always)]
    fn structure(
        &mut self,
        _: &'static str,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        write(self)
    }

    fn nullable_struct<T>(
        &mut self,
        field: &'static str,
        nullable: bool,
        value: Option<&T>,
        write: impl FnOnce(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => {
                self.buffer.push(1);
                write(self, value)
            }
            None => self.null(field, false, nullable, &[0xff]),
        }
    }

    #[inline(always)]
    fn tagged_fields(&mut self, known: usize, unknown: &TaggedFields) -> Result<(), EncodeError> {
        let fields = known + unknown.as_slice().len();
        match u32::try_from(fields) {
            Ok(count) => self.unsigned_varint(count),
            Err(_) => return Err(Self::too_long(TAGGED_FIELDS, fields, LENGTH_MAX)),
        }
        Ok(())
    }

    fn tagged_field(
        &mut self,
        tag: u32,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.unsigned_varint(tag);
        // The size stands before the value, and is mostly one byte.
        let place = self.buffer.len();
        self.buffer.push(0);
        let whole = std::mem::replace(&mut self.whole, false);
        write(self)?;
        self.whole = whole;
        let size = self.buffer.len() - place - 1;
        let size =
            u32::try_from(size).map_err(|_| Self::too_long(TAGGED_FIELDS, size, LENGTH_MAX))?;
        let (bytes, length) = varint(size);
        self.buffer.splice(place..=place, bytes.into_iter().take(length));
        Ok(())
    }

    #[inline(always)]
    fn unknown_tagged_fields(&mut self, unknown: &TaggedFields) -> Result<(), EncodeError> {
        if unknown.is_empty() { Ok(()) } else { self.some_tagged_fields(unknown) }
    }
}

impl Encoder {
    fn some_tagged_fields(&mut self, unknown: &TaggedFields) -> Result<(), EncodeError> {
        for field in unknown.as_slice() {
            self.unsigned_varint(field.tag);
            let size = u32::try_from(field.data.len())
                .map_err(|_| Self::too_long(TAGGED_FIELDS, field.data.len(), LENGTH_MAX))?;
            self.unsigned_varint(size);
            self.buffer.extend_from_slice(&field.data);
        }
        Ok(())
    }
}
