//! [`Writer`]: what a message's fields are written to, bytes or JSON.

use bytes::Bytes;

use crate::{
    error::EncodeError,
    primitives::{Int32Array, TaggedFields, Uuid},
};

/// Takes a message's fields in order; `field` is `Struct.field` in Kafka's JSON names.
///
/// The generated structs write themselves to any of these: [`Encoder`](super::Encoder) makes bytes
/// of them. A field's flexibility and nullability are those of the version that is written.
pub trait Writer: Sized {
    /// Writes a `bool`.
    fn bool(&mut self, field: &'static str, value: bool) -> Result<(), EncodeError>;
    /// Writes an `int8`.
    fn i8(&mut self, field: &'static str, value: i8) -> Result<(), EncodeError>;
    /// Writes an `int16`.
    fn i16(&mut self, field: &'static str, value: i16) -> Result<(), EncodeError>;
    /// Writes a `uint16`.
    fn u16(&mut self, field: &'static str, value: u16) -> Result<(), EncodeError>;
    /// Writes an `int32`.
    fn i32(&mut self, field: &'static str, value: i32) -> Result<(), EncodeError>;
    /// Writes a `uint32`.
    fn u32(&mut self, field: &'static str, value: u32) -> Result<(), EncodeError>;
    /// Writes an `int64`.
    fn i64(&mut self, field: &'static str, value: i64) -> Result<(), EncodeError>;
    /// Writes a `float64`.
    fn f64(&mut self, field: &'static str, value: f64) -> Result<(), EncodeError>;
    /// Writes a `uuid`.
    fn uuid(&mut self, field: &'static str, value: Uuid) -> Result<(), EncodeError>;

    /// Writes a `string`.
    #[inline]
    fn string(
        &mut self,
        field: &'static str,
        flexible: bool,
        value: &str,
    ) -> Result<(), EncodeError> {
        self.nullable_string(field, flexible, false, Some(value))
    }

    /// Writes a `string` or null.
    fn nullable_string(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
        value: Option<&str>,
    ) -> Result<(), EncodeError>;

    /// Writes `bytes` or `records`.
    #[inline]
    fn bytes(
        &mut self,
        field: &'static str,
        flexible: bool,
        value: &Bytes,
    ) -> Result<(), EncodeError> {
        self.nullable_bytes(field, flexible, false, Some(value))
    }

    /// Writes `bytes` or `records`, or null.
    fn nullable_bytes(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
        value: Option<&Bytes>,
    ) -> Result<(), EncodeError>;

    /// Writes an array; `write` writes an item.
    #[inline(always)]
    fn array<T>(
        &mut self,
        field: &'static str,
        flexible: bool,
        items: &[T],
        write: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.nullable_array(field, flexible, false, Some(items), write)
    }

    /// Writes an array or null; `write` writes an item.
    fn nullable_array<T>(
        &mut self,
        field: &'static str,
        flexible: bool,
        nullable: bool,
        items: Option<&[T]>,
        write: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError>;

    /// Writes an array of `int32`.
    #[inline(always)]
    fn int32_array(
        &mut self,
        field: &'static str,
        flexible: bool,
        items: &Int32Array,
    ) -> Result<(), EncodeError> {
        self.array(field, flexible, items, |writer, item| writer.i32(field, *item))
    }

    /// Writes a struct.
    fn structure(
        &mut self,
        field: &'static str,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError>;

    /// Writes a struct or null.
    fn nullable_struct<T>(
        &mut self,
        field: &'static str,
        nullable: bool,
        value: Option<&T>,
        write: impl FnOnce(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError>;

    /// Begins the tagged fields: how many known ones follow, and the unknown ones behind them.
    fn tagged_fields(&mut self, known: usize, unknown: &TaggedFields) -> Result<(), EncodeError>;

    /// Writes a known tagged field.
    fn tagged_field(
        &mut self,
        tag: u32,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError>;

    /// Writes the unknown tagged fields.
    fn unknown_tagged_fields(&mut self, unknown: &TaggedFields) -> Result<(), EncodeError>;
}
