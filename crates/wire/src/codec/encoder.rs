//! [`Encoder`]: writes Kafka's types as bytes, in segments.
//!
//! Small fields go into one growing buffer. Large `bytes` and `records` are not copied: they become
//! segments of their own, so that a produce request leaves by one vectored write.

use bytes::{BufMut, Bytes, BytesMut};

use super::Writer;
use crate::{
    error::{EncodeError, EncodeErrorKind},
    primitives::{TaggedFields, Uuid},
};

/// From this size on a field is a segment of its own; below, a copy costs less than the segment.
const SEGMENT_BYTES_MIN: usize = 4096;

/// The most bytes or items that a length of 32 bits counts.
const LENGTH_MAX: usize = 0x7fff_ffff;

/// Writes Kafka's types as bytes.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    buffer: BytesMut,
    segments: Vec<Bytes>,
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
        Self { buffer: BytesMut::with_capacity(bytes), ..Self::default() }
    }

    /// Writes into the given buffer, behind what is in it.
    pub(crate) const fn in_buffer(buffer: BytesMut) -> Self {
        Self { buffer, segments: Vec::new(), whole: false }
    }

    /// Bytes that have been written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.segments.iter().map(Bytes::len).sum::<usize>() + self.buffer.len()
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has been written, in order.
    #[must_use]
    pub fn into_segments(mut self) -> Vec<Bytes> {
        if !self.buffer.is_empty() {
            self.segments.push(self.buffer.freeze());
        }
        self.segments
    }

    /// What has been written, as one piece.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        let mut segments = self.into_segments();
        if segments.len() == 1 {
            return segments.pop().unwrap_or_default();
        }
        segments.concat().into()
    }

    /// An unsigned variable-length integer: seven bits a byte, the lowest first.
    fn unsigned_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.buffer.put_u8(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.buffer.put_u8(value.to_le_bytes()[0]);
    }

    #[cold]
    const fn too_long(field: &'static str, length: usize, max: usize) -> EncodeError {
        EncodeError::new(EncodeErrorKind::TooLong { length, max }, field, 0)
    }

    fn length(
        &mut self,
        field: &'static str,
        flexible: bool,
        length: usize,
    ) -> Result<(), EncodeError> {
        // One less than 32 bits can hold: the flexible form writes the length plus one.
        if length >= LENGTH_MAX {
            return Err(Self::too_long(field, length, LENGTH_MAX - 1));
        }
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if flexible {
            self.unsigned_varint(length + 1);
        } else {
            self.buffer.put_u32(length);
        }
        Ok(())
    }

    /// A null where the version allows one; `absent` writes the form that is not flexible.
    fn null(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
        absent: impl FnOnce(&mut BytesMut),
    ) -> Result<(), EncodeError> {
        if !nullable {
            return Err(EncodeError::new(EncodeErrorKind::UnexpectedNull, field, 0));
        }
        if flexible {
            self.buffer.put_u8(0);
        } else {
            absent(&mut self.buffer);
        }
        Ok(())
    }

    fn shared(&mut self, bytes: &Bytes) {
        if bytes.len() < SEGMENT_BYTES_MIN || !self.whole {
            self.buffer.put_slice(bytes);
            return;
        }
        if !self.buffer.is_empty() {
            self.segments.push(self.buffer.split().freeze());
        }
        self.segments.push(bytes.clone());
    }

    /// Lets large fields become segments of their own.
    pub(crate) const fn segmented(mut self) -> Self {
        self.whole = true;
        self
    }

    /// The frame, its length written into the bytes that were left for it.
    pub(crate) fn into_frame(mut self, length: i32) -> crate::frame::Frame {
        let length = length.to_be_bytes();
        match self.segments.first_mut() {
            None => put_length(&mut self.buffer, length),
            Some(first) => {
                // The first segment was split off the buffer and is nobody else's yet.
                let mut head = BytesMut::from(std::mem::take(first));
                put_length(&mut head, length);
                *first = head.freeze();
            }
        }
        crate::frame::Frame { segments: self.into_segments() }
    }

    /// The buffer of an encoder that makes no segments.
    pub(crate) fn into_buffer(self) -> BytesMut {
        debug_assert!(self.segments.is_empty(), "only a segmented encoder makes segments");
        self.buffer
    }
}

fn put_length(bytes: &mut BytesMut, length: [u8; 4]) {
    if let Some(prefix) = bytes.first_chunk_mut() {
        *prefix = length;
    }
}

macro_rules! number {
    ($($name:ident: $type:ty, $put:ident;)*) => {
        $(fn $name(&mut self, _: &'static str, value: $type) -> Result<(), EncodeError> {
            self.buffer.$put(value);
            Ok(())
        })*
    };
}

impl Writer for Encoder {
    number! {
        i8: i8, put_i8;
        i16: i16, put_i16;
        u16: u16, put_u16;
        i32: i32, put_i32;
        u32: u32, put_u32;
        i64: i64, put_i64;
        f64: f64, put_f64;
    }

    fn bool(&mut self, _: &'static str, value: bool) -> Result<(), EncodeError> {
        self.buffer.put_u8(u8::from(value));
        Ok(())
    }

    fn uuid(&mut self, _: &'static str, value: Uuid) -> Result<(), EncodeError> {
        self.buffer.put_slice(&value.0);
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
            return self.null(field, flexible, nullable, |buffer| buffer.put_i16(-1));
        };
        // Kafka bounds strings to 32,767 bytes in both forms.
        let length = i16::try_from(value.len())
            .map_err(|_| Self::too_long(field, value.len(), i16::MAX.unsigned_abs().into()))?;
        if flexible {
            self.unsigned_varint(u32::from(length.unsigned_abs()) + 1);
        } else {
            self.buffer.put_i16(length);
        }
        self.buffer.put_slice(value.as_bytes());
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
            return self.null(field, flexible, nullable, |buffer| buffer.put_i32(-1));
        };
        self.length(field, flexible, value.len())?;
        self.shared(value);
        Ok(())
    }

    fn nullable_array<T>(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
        items: Option<&[T]>,
        mut write: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let Some(items) = items else {
            return self.null(field, flexible, nullable, |buffer| buffer.put_i32(-1));
        };
        self.length(field, flexible, items.len())?;
        items.iter().try_for_each(|item| write(self, item))
    }

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
                self.buffer.put_i8(1);
                write(self, value)
            }
            None => self.null(field, false, nullable, |buffer| buffer.put_i8(-1)),
        }
    }

    fn tagged_fields(&mut self, known: usize, unknown: &TaggedFields) -> Result<(), EncodeError> {
        let fields = known + unknown.as_slice().len();
        let count = u32::try_from(fields)
            .map_err(|_| Self::too_long("taggedFields", fields, LENGTH_MAX))?;
        self.unsigned_varint(count);
        Ok(())
    }

    fn tagged_field(
        &mut self,
        tag: u32,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.unsigned_varint(tag);
        // The size stands before the value, so the value is written aside first.
        let mut aside = Self::in_buffer(BytesMut::new());
        write(&mut aside)?;
        let value = aside.into_buffer();
        let size = u32::try_from(value.len())
            .map_err(|_| Self::too_long("taggedFields", value.len(), LENGTH_MAX))?;
        self.unsigned_varint(size);
        self.buffer.put_slice(&value);
        Ok(())
    }

    fn unknown_tagged_fields(&mut self, unknown: &TaggedFields) -> Result<(), EncodeError> {
        for field in unknown.as_slice() {
            self.unsigned_varint(field.tag);
            let size = u32::try_from(field.data.len())
                .map_err(|_| Self::too_long("taggedFields", field.data.len(), LENGTH_MAX))?;
            self.unsigned_varint(size);
            self.buffer.put_slice(&field.data);
        }
        Ok(())
    }
}
