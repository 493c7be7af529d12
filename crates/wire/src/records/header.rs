//! The header of a batch of magic 2, and the attributes of every magic.
//!
//! Source: the protocol guide, "Record Batch".

use crate::compression::CompressionType;

use super::error::RecordErrorKind;

/// Bytes in front of the records of a batch of magic 2.
pub const RECORD_BATCH_OVERHEAD: usize = 61;

/// Bytes in front of a batch that its length field does not count: offset and length.
pub(super) const LOG_OVERHEAD: usize = 12;
/// The length field of a batch of magic 2 without records.
pub(super) const EMPTY_BATCH_LENGTH: i32 = 49;

pub(super) const BASE_OFFSET: usize = 0;
pub(super) const BATCH_LENGTH: usize = 8;
pub(super) const PARTITION_LEADER_EPOCH: usize = 12;
pub(super) const MAGIC: usize = 16;
pub(super) const CRC: usize = 17;
/// Where the bytes that the checksum covers begin.
pub(super) const ATTRIBUTES: usize = 21;
pub(super) const LAST_OFFSET_DELTA: usize = 23;
pub(super) const BASE_TIMESTAMP: usize = 27;
pub(super) const MAX_TIMESTAMP: usize = 35;
pub(super) const PRODUCER_ID: usize = 43;
pub(super) const PRODUCER_EPOCH: usize = 51;
pub(super) const BASE_SEQUENCE: usize = 53;
pub(super) const RECORDS_COUNT: usize = 57;

pub(super) const COMPRESSION_MASK: i16 = 0b111;
pub(super) const TIMESTAMP_TYPE_FLAG: i16 = 1 << 3;
pub(super) const TRANSACTIONAL_FLAG: i16 = 1 << 4;
pub(super) const CONTROL_FLAG: i16 = 1 << 5;
pub(super) const DELETE_HORIZON_FLAG: i16 = 1 << 6;

/// What the timestamps of a batch's records mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimestampType {
    /// Records of magic 0 have no timestamp.
    NoTimestamp,
    /// The producer gave each record its timestamp.
    CreateTime,
    /// The broker set one timestamp for the whole batch when it was appended (KIP-32).
    LogAppendTime,
}

impl TimestampType {
    /// Kafka's name, as in `message.timestamp.type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoTimestamp => "NoTimestampType",
            Self::CreateTime => "CreateTime",
            Self::LogAppendTime => "LogAppendTime",
        }
    }
}

/// The fields of a header, of every magic; those that a magic lacks have Kafka's "no value".
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchHeader {
    pub(super) base_offset: i64,
    pub(super) last_offset: i64,
    pub(super) partition_leader_epoch: i32,
    pub(super) magic: i8,
    pub(super) crc: u32,
    pub(super) attributes: i16,
    pub(super) compression: CompressionType,
    pub(super) timestamp_type: TimestampType,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) base_sequence: i32,
    /// None for compressed messages of magic 0 and 1.
    pub(super) records_count: Option<i32>,
}

impl BatchHeader {
    /// The header at the start of a whole batch of magic 2; the error comes with the field's
    /// position in the batch.
    pub(super) fn parse(
        bytes: &[u8; RECORD_BATCH_OVERHEAD],
    ) -> Result<Self, (RecordErrorKind, usize)> {
        let attributes = i16_at(bytes, ATTRIBUTES);
        let base_offset = i64_at(bytes, BASE_OFFSET);
        let compression = compression(attributes).map_err(|kind| (kind, ATTRIBUTES))?;
        let delta = i32_at(bytes, LAST_OFFSET_DELTA);
        let last_offset = base_offset
            .checked_add(i64::from(delta))
            .filter(|_| delta >= 0)
            .ok_or((RecordErrorKind::InvalidLastOffsetDelta { delta }, LAST_OFFSET_DELTA))?;
        let count = i32_at(bytes, RECORDS_COUNT);
        if count < 0 {
            return Err((RecordErrorKind::NegativeRecordsCount { count }, RECORDS_COUNT));
        }
        let log_append_time = attributes & TIMESTAMP_TYPE_FLAG != 0;
        Ok(Self {
            base_offset,
            last_offset,
            partition_leader_epoch: i32_at(bytes, PARTITION_LEADER_EPOCH),
            magic: 2,
            crc: u32_at(bytes, CRC),
            attributes,
            compression,
            timestamp_type: timestamp_type(log_append_time),
            base_timestamp: i64_at(bytes, BASE_TIMESTAMP),
            max_timestamp: i64_at(bytes, MAX_TIMESTAMP),
            producer_id: i64_at(bytes, PRODUCER_ID),
            producer_epoch: i16_at(bytes, PRODUCER_EPOCH),
            base_sequence: i32_at(bytes, BASE_SEQUENCE),
            records_count: Some(count),
        })
    }
}

pub(super) fn timestamp_type(log_append_time: bool) -> TimestampType {
    if log_append_time { TimestampType::LogAppendTime } else { TimestampType::CreateTime }
}

/// The codec that the attributes name.
pub(super) fn compression(attributes: i16) -> Result<CompressionType, RecordErrorKind> {
    let id = u8::try_from(attributes & COMPRESSION_MASK).expect("three bits fit");
    CompressionType::from_id(id).ok_or(RecordErrorKind::UnknownCompression { id })
}

/// `N` bytes at a position that the caller knows to be there.
pub(super) fn bytes_at<const N: usize>(bytes: &[u8], position: usize) -> [u8; N] {
    bytes[position..position + N].try_into().expect("the slice has N bytes")
}

pub(super) fn i16_at(bytes: &[u8], position: usize) -> i16 {
    i16::from_be_bytes(bytes_at(bytes, position))
}

pub(super) fn i32_at(bytes: &[u8], position: usize) -> i32 {
    i32::from_be_bytes(bytes_at(bytes, position))
}

pub(super) fn u32_at(bytes: &[u8], position: usize) -> u32 {
    u32::from_be_bytes(bytes_at(bytes, position))
}

pub(super) fn i64_at(bytes: &[u8], position: usize) -> i64 {
    i64::from_be_bytes(bytes_at(bytes, position))
}

pub(super) fn put_at<const N: usize>(bytes: &mut [u8], position: usize, value: [u8; N]) {
    bytes[position..position + N].copy_from_slice(&value);
}
