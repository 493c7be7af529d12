//! Down-conversion: batches of magic 2 as the message sets that old fetch requests ask for.
//!
//! Fetch requests of versions 0 and 1 want magic 0, those of versions 2 and 3 want magic 1.
//! Headers, producer fields and transactions have no place there and are left out, as a broker
//! does; control batches become nothing.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::batch::RecordBatch;
use super::error::RecordError;
use super::header::{LOG_OVERHEAD, TIMESTAMP_TYPE_FLAG, TimestampType};
use super::legacy::{CHECKSUM_COVERS_FROM, smallest_length};
use super::record::Record;
use crate::compression::{
    CompressError, Compression, CompressionType, Compressor, Lz4HeaderChecksum,
};

/// A batch could not be converted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvertError {
    /// The magic is neither 0 nor 1, and not the batch's own.
    UnsupportedMagic {
        /// The magic asked for.
        magic: i8,
    },
    /// Message sets of magic 0 and 1 know no zstd (KIP-110).
    UnsupportedCompression {
        /// The batch's codec.
        codec: CompressionType,
    },
    /// The converted messages would have more than 2^31 - 1 bytes.
    TooLarge,
    /// The batch cannot be read.
    Read(RecordError),
    /// The message set cannot be compressed.
    Compress(CompressError),
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedMagic { magic } => {
                write!(f, "record batch cannot be converted to magic {magic}")
            }
            Self::UnsupportedCompression { codec } => {
                write!(f, "message sets of magic 0 and 1 know no {codec}")
            }
            Self::TooLarge => f.write_str("message set would exceed 2147483647 bytes"),
            Self::Read(_) => f.write_str("record batch to convert is invalid"),
            Self::Compress(_) => f.write_str("message set could not be compressed"),
        }
    }
}

impl std::error::Error for ConvertError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::Compress(error) => Some(error),
            Self::UnsupportedMagic { .. }
            | Self::UnsupportedCompression { .. }
            | Self::TooLarge => None,
        }
    }
}

impl From<RecordError> for ConvertError {
    fn from(error: RecordError) -> Self {
        Self::Read(error)
    }
}

impl From<CompressError> for ConvertError {
    fn from(error: CompressError) -> Self {
        Self::Compress(error)
    }
}

/// The records of `batch` in the format of `magic`, compressed with the same codec. A batch whose
/// magic is not above `magic` stays as it is; a control batch becomes empty.
///
/// `limit` bounds the decompressed records in bytes.
///
/// # Errors
///
/// The magic is not supported, the batch uses zstd, or it cannot be read.
pub fn convert_to(magic: i8, batch: &RecordBatch, limit: usize) -> Result<Bytes, ConvertError> {
    if !(0..=2).contains(&magic) {
        return Err(ConvertError::UnsupportedMagic { magic });
    }
    if batch.magic() <= magic {
        return Ok(batch.as_bytes().clone());
    }
    if batch.is_control() {
        return Ok(Bytes::new());
    }
    let codec = batch.compression();
    if codec == CompressionType::Zstd {
        return Err(ConvertError::UnsupportedCompression { codec });
    }
    let writer = MessageWriter::new(magic, batch);
    let records = batch.records(limit)?;
    let is_wrapped = codec != CompressionType::None;
    let mut messages = BytesMut::with_capacity(records.as_bytes().len());
    let mut first_offset = None;
    let mut last_offset = batch.last_offset();
    for record in &records {
        let record = record?;
        // Inner offsets are relative in magic 1 (KIP-31) and absolute in magic 0.
        let first = *first_offset.get_or_insert(record.offset);
        let offset = match is_wrapped && magic == 1 {
            true => record.offset.saturating_sub(first),
            false => record.offset,
        };
        last_offset = record.offset;
        writer.write(&mut messages, offset, CompressionType::None, &record)?;
    }
    if !is_wrapped || first_offset.is_none() {
        return Ok(messages.freeze());
    }
    let value = writer.compress(codec, &messages)?;
    let wrapper = Record {
        offset: last_offset,
        timestamp: batch.max_timestamp(),
        key: None,
        value: Some(&value),
        headers: super::Headers::default(),
    };
    messages.clear();
    writer.write(&mut messages, last_offset, codec, &wrapper)?;
    Ok(messages.freeze())
}

struct MessageWriter {
    magic: i8,
    /// The attribute of LogAppendTime, where the magic has it.
    timestamp_attribute: u8,
}

impl MessageWriter {
    fn new(magic: i8, batch: &RecordBatch) -> Self {
        let is_append_time = batch.timestamp_type() == TimestampType::LogAppendTime && magic == 1;
        let flag = u8::try_from(TIMESTAMP_TYPE_FLAG).expect("bit 3 is in the lowest byte");
        Self { magic, timestamp_attribute: if is_append_time { flag } else { 0 } }
    }

    fn compress(&self, codec: CompressionType, messages: &[u8]) -> Result<Vec<u8>, CompressError> {
        let mut compressor = Compressor::new();
        let mut value = Vec::new();
        if codec == CompressionType::Lz4 && self.magic == 0 {
            compressor.compress_lz4(messages, Lz4HeaderChecksum::Historical, &mut value)?;
        } else {
            compressor.compress(Compression::from(codec), messages, &mut value)?;
        }
        Ok(value)
    }

    fn write(
        &self,
        messages: &mut BytesMut,
        offset: i64,
        codec: CompressionType,
        record: &Record<'_>,
    ) -> Result<(), ConvertError> {
        let fields = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
        let length = i32::try_from(fields)
            .ok()
            .and_then(|fields| fields.checked_add(smallest_length(self.magic)))
            .ok_or(ConvertError::TooLarge)?;
        let start = messages.len();
        messages.reserve(LOG_OVERHEAD + fields + 22);
        messages.put_i64(offset);
        messages.put_i32(length);
        messages.put_u32(0);
        messages.put_i8(self.magic);
        messages.put_u8(codec.id() | self.timestamp_attribute);
        if self.magic == 1 {
            messages.put_i64(record.timestamp);
        }
        put_nullable(messages, record.key);
        put_nullable(messages, record.value);
        let mut crc = flate2::Crc::new();
        crc.update(&messages[start + CHECKSUM_COVERS_FROM..]);
        messages[start + LOG_OVERHEAD..start + CHECKSUM_COVERS_FROM]
            .copy_from_slice(&crc.sum().to_be_bytes());
        Ok(())
    }
}

fn put_nullable(messages: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        None => messages.put_i32(-1),
        Some(bytes) => {
            messages.put_i32(i32::try_from(bytes.len()).expect("the message's length fits"));
            messages.extend_from_slice(bytes);
        }
    }
}
