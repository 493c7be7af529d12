//! Messages of magic 0 and 1, alone and within compressed ones.
//!
//! A message set is a sequence of messages with offset and length in front. A compressed message
//! holds a message set as its value. Its inner offsets are absolute in magic 0; in magic 1 they
//! are relative, and the outer offset is the one of the last inner message (KIP-31). When the
//! outer message of magic 1 says LogAppendTime, its timestamp is the one of all inner messages
//! (KIP-32).
//!
//! Source: the protocol guide, "Message sets".

use super::error::RecordErrorKind;
use super::header::{BatchHeader, TimestampType};
use super::header::{
    LOG_OVERHEAD, TIMESTAMP_TYPE_FLAG, bytes_at, compression, i32_at, i64_at, timestamp_type,
    u32_at,
};
use super::iter::Fault;
use super::record::{Headers, Record};
use crate::compression::CompressionType;

/// Where the bytes that the checksum covers begin: behind offset, length and checksum.
pub(super) const CHECKSUM_COVERS_FROM: usize = 16;
const CRC: usize = 12;
const MAGIC: usize = 16;
const ATTRIBUTES: usize = 17;
const TIMESTAMP: usize = 18;

/// The length field of the smallest message: null key, null value.
pub(super) const fn smallest_length(magic: i8) -> i32 {
    if magic == 0 { 14 } else { 22 }
}

/// What inner messages need from the message around them.
#[derive(Clone, Copy, Debug)]
pub(super) struct LegacyRules {
    pub(super) magic: i8,
    /// Added to each offset.
    pub(super) base_offset: i64,
    /// The one timestamp of all messages, within a message with LogAppendTime.
    pub(super) log_append_time: Option<i64>,
}

/// The header of the message that `bytes` are; `bytes` reach to the end of its length, which is
/// not below the smallest.
pub(super) fn parse_header(bytes: &[u8]) -> Result<BatchHeader, (RecordErrorKind, usize)> {
    let offset = i64_at(bytes, 0);
    let magic = i8::from_be_bytes(bytes_at(bytes, MAGIC));
    let attributes = i16::from(bytes[ATTRIBUTES]);
    let compression = compression(attributes).map_err(|kind| (kind, ATTRIBUTES))?;
    let (timestamp, timestamp_type) = if magic == 0 {
        (super::NO_TIMESTAMP, TimestampType::NoTimestamp)
    } else {
        (i64_at(bytes, TIMESTAMP), timestamp_type(attributes & TIMESTAMP_TYPE_FLAG != 0))
    };
    Ok(BatchHeader {
        base_offset: offset,
        last_offset: offset,
        partition_leader_epoch: super::NO_PARTITION_LEADER_EPOCH,
        magic,
        crc: u32_at(bytes, CRC),
        attributes,
        compression,
        timestamp_type,
        base_timestamp: timestamp,
        max_timestamp: timestamp,
        producer_id: super::NO_PRODUCER_ID,
        producer_epoch: super::NO_PRODUCER_EPOCH,
        base_sequence: super::NO_SEQUENCE,
        records_count: (compression == CompressionType::None).then_some(1),
    })
}

/// The compressed message set that a message has as its value.
pub(super) fn wrapped_value(mut message: &[u8]) -> Result<&[u8], Fault> {
    let rest = message.len();
    let message = take_raw(&mut message)?;
    message.value.ok_or(Fault { kind: RecordErrorKind::WrapperWithoutValue, rest })
}

/// What has to be added to the offsets of the messages in `inner`.
pub(super) fn inner_base_offset(inner: &[u8], outer: &BatchHeader) -> Result<i64, Fault> {
    let mut rest = inner;
    let mut last = None;
    while !rest.is_empty() {
        last = Some(take_frame(&mut rest)?.0);
    }
    let Some(last) = last else {
        return Err(Fault { kind: RecordErrorKind::WrapperWithoutMessages, rest: 0 });
    };
    // Old librdkafka sent an outer offset of 0 with absolute inner offsets.
    if outer.magic == 0 || outer.last_offset == 0 {
        return Ok(0);
    }
    let difference = outer.last_offset.checked_sub(last).filter(|difference| *difference >= 0);
    difference.ok_or(Fault {
        kind: RecordErrorKind::WrapperOffsetBelowInner { outer: outer.last_offset, inner: last },
        rest: 0,
    })
}

/// Takes one message from the front of `rest`, as a record.
pub(super) fn take_message<'a>(
    rest: &mut &'a [u8],
    rules: &LegacyRules,
) -> Result<Record<'a>, Fault> {
    let before = rest.len();
    let message = take_raw(rest)?;
    let fault = |kind| Fault { kind, rest: before };
    if message.magic != rules.magic {
        return Err(fault(RecordErrorKind::InnerMagicDiffers {
            inner: message.magic,
            outer: rules.magic,
        }));
    }
    if compression(message.attributes).map_err(fault)? != CompressionType::None {
        return Err(fault(RecordErrorKind::InnerMessageCompressed));
    }
    let offset = rules
        .base_offset
        .checked_add(message.offset)
        .ok_or_else(|| fault(RecordErrorKind::DeltaOverflow { field: "message offset" }))?;
    Ok(Record {
        offset,
        timestamp: rules.log_append_time.unwrap_or(message.timestamp),
        key: message.key,
        value: message.value,
        headers: Headers::default(),
    })
}

struct Message<'a> {
    offset: i64,
    magic: i8,
    attributes: i16,
    timestamp: i64,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
}

/// Takes offset, length and as many bytes from the front of `rest`.
fn take_frame<'a>(rest: &mut &'a [u8]) -> Result<(i64, &'a [u8]), Fault> {
    let before = rest.len();
    let truncated =
        || Fault { kind: RecordErrorKind::Truncated { field: "message" }, rest: before };
    let Some((front, behind)) = rest.split_at_checked(LOG_OVERHEAD) else {
        return Err(truncated());
    };
    let length = i32_at(front, 8);
    let expected = smallest_length(0);
    let Some(len) = usize::try_from(length).ok().filter(|_| length >= expected) else {
        let kind = RecordErrorKind::BatchLengthBelowHeader { length, expected };
        return Err(Fault { kind, rest: before });
    };
    let (body, behind) = behind.split_at_checked(len).ok_or_else(truncated)?;
    *rest = behind;
    Ok((i64_at(front, 0), body))
}

fn take_raw<'a>(rest: &mut &'a [u8]) -> Result<Message<'a>, Fault> {
    let (offset, body) = take_frame(rest)?;
    let behind = rest.len();
    let magic = i8::from_be_bytes(bytes_at(body, MAGIC - LOG_OVERHEAD));
    let attributes = i16::from(body[ATTRIBUTES - LOG_OVERHEAD]);
    let fault = |kind| Fault { kind, rest: behind + body.len() };
    let (timestamp, mut fields) = match magic {
        0 => (super::NO_TIMESTAMP, &body[TIMESTAMP - LOG_OVERHEAD..]),
        1 => {
            let fields = &body[TIMESTAMP - LOG_OVERHEAD..];
            let Some((timestamp, fields)) = fields.split_first_chunk() else {
                return Err(fault(RecordErrorKind::Truncated { field: "timestamp" }));
            };
            (i64::from_be_bytes(*timestamp), fields)
        }
        magic => return Err(fault(RecordErrorKind::UnknownMagic { magic })),
    };
    let key = take_nullable(&mut fields, behind, "key")?;
    let value = take_nullable(&mut fields, behind, "value")?;
    if !fields.is_empty() {
        let kind = RecordErrorKind::BytesBehindRecord { count: fields.len() };
        return Err(Fault { kind, rest: behind + fields.len() });
    }
    Ok(Message { offset, magic, attributes, timestamp, key, value })
}

/// Takes an int32 length, -1 for null, and as many bytes.
fn take_nullable<'a>(
    fields: &mut &'a [u8],
    behind: usize,
    field: &'static str,
) -> Result<Option<&'a [u8]>, Fault> {
    let rest = behind + fields.len();
    let Some((length, bytes)) = fields.split_first_chunk() else {
        return Err(Fault { kind: RecordErrorKind::Truncated { field }, rest });
    };
    let length = i32::from_be_bytes(*length);
    *fields = bytes;
    super::record::nullable_bytes(fields, length, field).map_err(|kind| Fault { kind, rest })
}
