//! Building a batch of magic 2: records are encoded as they are appended, into one buffer.
//!
//! The buffer has room for the header in front, so that sealing copies nothing unless records are
//! compressed.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::header::{
    ATTRIBUTES, BASE_OFFSET, BASE_SEQUENCE, BASE_TIMESTAMP, BATCH_LENGTH, CONTROL_FLAG, CRC,
    LAST_OFFSET_DELTA, LOG_OVERHEAD, MAGIC, MAX_TIMESTAMP, PARTITION_LEADER_EPOCH, PRODUCER_EPOCH,
    PRODUCER_ID, RECORD_BATCH_OVERHEAD, RECORDS_COUNT, TRANSACTIONAL_FLAG, put_at,
};
use super::measured::{MeasuredHeaders, encoded_len, nullable_len, signed};
use super::record::Header;
use super::sealed::SealedBatch;
use super::varint::{
    SmallVarints, VARINT_LEN_MAX, VARLONG_LEN_MAX, put_varint, varint_len, zigzag_encode,
    zigzag_len,
};
use super::{
    NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP,
};
use crate::compression::{CompressError, Compression, Compressor};

/// The largest batch in bytes, and the largest record: both lengths are int32.
const LENGTH_MAX: usize = 0x7fff_ffff;
/// Bytes that the numbers of a record take at most when they are small, with those that writing them
/// runs over.
const PLAIN_ROOM: usize = 32;
/// Bytes of room that are made at once: they are in the nearest cache still when records come there.
const ROOM_STEP: usize = 4096;
/// Bytes of a record all of whose lengths are small.
const PAYLOAD_MAX: usize = 1 << 13;
/// Records that are counted with at most three bytes.
const PLAIN_COUNT_MAX: u32 = 1 << 20;
/// Length, attributes, timestamp delta, offset delta, key length and value length at most.
const PREFIX_LEN_MAX: usize = 4 * VARINT_LEN_MAX + VARLONG_LEN_MAX + 1;

/// Appends records to a batch of magic 2.
///
/// Appending allocates nothing while the buffer's capacity suffices.
/// [`SealedBatch::try_into_buffer`] gives the buffer back for the next batch.
#[derive(Debug)]
pub struct RecordBatchBuilder {
    /// The batch, up to `end`. Behind it, up to the buffer's length, is room that has been written to
    /// before: a record goes there without asking the buffer for each of its parts.
    buffer: Vec<u8>,
    end: usize,
    first_timestamp: i64,
    max_timestamp: i64,
    records_count: u32,
}

/// What sealing writes into a batch's header besides what its records say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealOptions {
    /// How to compress the records. They are sent uncompressed when that does not make them
    /// smaller.
    pub compression: Compression,
    /// The first offset; 0 in what producers send, because the leader assigns offsets.
    pub base_offset: i64,
    /// -1 in what producers send.
    pub partition_leader_epoch: i32,
    /// The producer id, or -1.
    pub producer_id: i64,
    /// The producer epoch, or -1.
    pub producer_epoch: i16,
    /// The sequence of the first record, or -1.
    pub base_sequence: i32,
    /// Whether the records belong to a transaction.
    pub is_transactional: bool,
    /// Whether the records are control records.
    pub is_control: bool,
}

impl Default for SealOptions {
    /// No compression, no producer, offset 0.
    fn default() -> Self {
        Self {
            compression: Compression::None,
            base_offset: 0,
            partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
            is_transactional: false,
            is_control: false,
        }
    }
}

/// A record that no batch, or not this one, can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendError {
    /// The batch would have more than 2^31 - 1 bytes or records.
    BatchTooLarge {
        /// Bytes that the batch would have, at least.
        size: usize,
    },
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BatchTooLarge { size } => {
                write!(f, "record batch would have {size} bytes: at most {LENGTH_MAX} are possible")
            }
        }
    }
}

impl std::error::Error for AppendError {}

/// The parts of a record's length.
struct Sizes {
    body: usize,
    total: usize,
}

impl RecordBatchBuilder {
    /// A builder with room for `capacity` bytes of batch, header included.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_buffer(BytesMut::with_capacity(capacity.max(RECORD_BATCH_OVERHEAD)))
    }

    /// A builder on an existing buffer, whose content is dropped and whose capacity is used.
    #[must_use]
    pub fn with_buffer(buffer: BytesMut) -> Self {
        // Memory that nobody shares moves over.
        let mut buffer = Vec::from(buffer);
        if buffer.len() < RECORD_BATCH_OVERHEAD {
            buffer.resize(RECORD_BATCH_OVERHEAD, 0);
        }
        Self {
            buffer,
            end: RECORD_BATCH_OVERHEAD,
            first_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            records_count: 0,
        }
    }

    /// Appends a record with its timestamp in milliseconds and gives its index, which becomes its
    /// offset relative to the batch's.
    ///
    /// # Errors
    ///
    /// The batch would become too large for the format; it stays as it was.
    #[inline(always)]
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> Result<u32, AppendError> {
        self.append_measured(timestamp, key, value, MeasuredHeaders::of(headers))
    }

    /// As [`append`](Self::append), with headers that were measured before.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    #[inline(always)]
    pub fn append_measured(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: MeasuredHeaders<'_>,
    ) -> Result<u32, AppendError> {
        if self.append_plain(timestamp, key, value, headers) {
            return Ok(self.records_count - 1);
        }
        self.append_with(timestamp, key, value, headers.all().iter().copied())
    }

    /// As [`append`](Self::append), with headers from an iterator, which is walked twice and gives the
    /// same both times.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    pub fn append_with<'h, H>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: H,
    ) -> Result<u32, AppendError>
    where
        H: ExactSizeIterator<Item = Header<'h>> + Clone,
    {
        let index = self.records_count;
        let delta = self.timestamp_delta(timestamp);
        let headers_len = encoded_len(headers.clone());
        let sizes = self.sizes(delta, len_of(key), len_of(value), headers_len);
        let mut room = self.room(sizes.total)?;
        put_varint(&mut room, signed(sizes.body));
        room.put_u8(0);
        put_varint(&mut room, delta);
        put_varint(&mut room, index.into());
        put_nullable(&mut room, key);
        put_nullable(&mut room, value);
        put_varint(&mut room, signed(headers.len()));
        for header in headers {
            put_nullable(&mut room, Some(header.key_bytes()));
            put_nullable(&mut room, header.value());
        }
        debug_assert!(room.is_empty(), "the record has the size that it was measured with");
        self.end += sizes.total;
        if index == 0 {
            self.first_timestamp = timestamp;
            self.max_timestamp = timestamp;
        } else {
            self.max_timestamp = self.max_timestamp.max(timestamp);
        }
        self.records_count = index + 1;
        Ok(index)
    }

    /// Room for a record of so many bytes behind the others.
    fn room(&mut self, len: usize) -> Result<&mut [u8], AppendError> {
        let size = self.end.saturating_add(len);
        if size > LENGTH_MAX || self.records_count == u32::MAX >> 1 {
            return Err(AppendError::BatchTooLarge { size });
        }
        if self.buffer.len() < size {
            self.buffer.reserve(size - self.buffer.len());
            // Step by step, so that memory that no record comes to is not touched.
            let written = size.saturating_add(ROOM_STEP).min(self.buffer.capacity());
            self.buffer.resize(written, 0);
        }
        Ok(&mut self.buffer[self.end..size])
    }

    /// Appends a record that nearly all are like: not the first of its batch, with small numbers, and
    /// there is room. Otherwise nothing.
    #[inline(always)]
    fn append_plain(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: MeasuredHeaders<'_>,
    ) -> bool {
        let index = self.records_count;
        let delta = zigzag_encode(timestamp.wrapping_sub(self.first_timestamp));
        let (key_len, value_len) = (zigzag_nullable_len(key), zigzag_nullable_len(value));
        let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
        let payload = (key.len() + value.len()).saturating_add(headers.encoded_len());
        // No number is larger than the sum of all lengths, which two bytes hold if the sum is small.
        let is_usual = (1..PLAIN_COUNT_MAX).contains(&index)
            && delta < SmallVarints::LIMIT
            && payload < PAYLOAD_MAX;
        if !is_usual {
            return false;
        }
        let room = self.buffer.get_mut(self.end..);
        let Some(room) = room.and_then(|room| room.get_mut(..payload + PLAIN_ROOM)) else {
            return false;
        };
        let (delta, index) =
            (SmallVarints::of(delta), SmallVarints::of_medium(zigzag_encode(index.into())));
        let (key_len, value_len) = (SmallVarints::of(key_len), SmallVarints::of(value_len));
        // The attributes, a byte of 0 behind the length, are the varint 0.
        let numbers = 1 + delta.len + index.len + key_len.len + value_len.len;
        let length = SmallVarints::of(zigzag_len(numbers + payload));
        let mut at = length.then(SmallVarints::ZERO).then(delta).then(index).put(room, 0);
        if key.is_empty() {
            at = key_len.then(value_len).put(room, at);
        } else {
            at = key_len.put(room, at);
            at = copy_to(room, at, key);
            at = value_len.put(room, at);
        }
        at = copy_to(room, at, value);
        if headers.all().is_empty() {
            room[at] = 0;
            at += 1;
        } else {
            at = put_small_headers(room, at, headers.all());
        }
        self.end += at;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.records_count += 1;
        true
    }

    /// Bytes that the uncompressed batch would have after a record with these lengths, exactly.
    /// `headers_len` is [`MeasuredHeaders::encoded_len`] of its headers.
    #[must_use]
    pub fn size_after(
        &self,
        timestamp: i64,
        key_len: Option<usize>,
        value_len: Option<usize>,
        headers_len: usize,
    ) -> usize {
        let delta = self.timestamp_delta(timestamp);
        let sizes = self.sizes(delta, key_len, value_len, headers_len);
        self.end.saturating_add(sizes.total)
    }

    /// Bytes that a batch of this one record has at most, uncompressed, header included.
    #[must_use]
    #[inline]
    pub fn size_upper_bound(
        key_len: Option<usize>,
        value_len: Option<usize>,
        headers_len: usize,
    ) -> usize {
        (RECORD_BATCH_OVERHEAD + PREFIX_LEN_MAX)
            .saturating_add(key_len.unwrap_or(0))
            .saturating_add(value_len.unwrap_or(0))
            .saturating_add(headers_len)
    }

    /// How many records were appended.
    #[must_use]
    pub fn records_count(&self) -> u32 {
        self.records_count
    }

    /// Whether no record was appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records_count == 0
    }

    /// Bytes of the batch so far, uncompressed, header included.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.end
    }

    /// Bytes that the buffer holds without growing, header included.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// The first record's timestamp in milliseconds; -1 in an empty batch.
    #[must_use]
    pub fn first_timestamp(&self) -> i64 {
        self.first_timestamp
    }

    /// The largest timestamp in milliseconds; -1 in an empty batch.
    #[must_use]
    pub fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// Drops the records and gives the buffer back. What its bytes are says nothing.
    #[must_use]
    pub fn into_buffer(self) -> BytesMut {
        Bytes::from(self.buffer).try_into_mut().unwrap_or_default()
    }

    /// Finishes the batch: compresses the records, unless that makes them no smaller, and writes
    /// the header with its checksum.
    ///
    /// # Errors
    ///
    /// The codec failed.
    pub fn seal(
        mut self,
        options: &SealOptions,
        compressor: &mut Compressor,
    ) -> Result<SealedBatch, CompressError> {
        self.buffer.truncate(self.end);
        let is_smaller = compressor.compress_in_place(
            options.compression,
            &mut self.buffer,
            RECORD_BATCH_OVERHEAD,
        )?;
        let codec = if is_smaller { options.compression.id() } else { 0 };
        self.write_header(options, codec);
        let crc = crc32c::crc32c(&self.buffer[ATTRIBUTES..]);
        put_at(&mut self.buffer, CRC, crc.to_be_bytes());
        Ok(SealedBatch::new(Bytes::from(self.buffer), self.records_count, self.max_timestamp))
    }

    fn write_header(&mut self, options: &SealOptions, codec: u8) {
        let length = i32_of(self.buffer.len() - LOG_OVERHEAD);
        let count = self.records_count.cast_signed();
        let mut attributes = i16::from(codec);
        if options.is_transactional {
            attributes |= TRANSACTIONAL_FLAG;
        }
        if options.is_control {
            attributes |= CONTROL_FLAG;
        }
        let header = &mut self.buffer[..RECORD_BATCH_OVERHEAD];
        put_at(header, BASE_OFFSET, options.base_offset.to_be_bytes());
        put_at(header, BATCH_LENGTH, length.to_be_bytes());
        put_at(header, PARTITION_LEADER_EPOCH, options.partition_leader_epoch.to_be_bytes());
        put_at(header, MAGIC, [2]);
        put_at(header, ATTRIBUTES, attributes.to_be_bytes());
        put_at(header, LAST_OFFSET_DELTA, (count - 1).max(0).to_be_bytes());
        put_at(header, BASE_TIMESTAMP, self.first_timestamp.to_be_bytes());
        put_at(header, MAX_TIMESTAMP, self.max_timestamp.to_be_bytes());
        put_at(header, PRODUCER_ID, options.producer_id.to_be_bytes());
        put_at(header, PRODUCER_EPOCH, options.producer_epoch.to_be_bytes());
        put_at(header, BASE_SEQUENCE, options.base_sequence.to_be_bytes());
        put_at(header, RECORDS_COUNT, count.to_be_bytes());
    }

    #[inline(always)]
    fn timestamp_delta(&self, timestamp: i64) -> i64 {
        // The first record is its own base. Wrapping around is undone when reading.
        if self.records_count == 0 { 0 } else { timestamp.wrapping_sub(self.first_timestamp) }
    }

    #[inline(always)]
    fn sizes(
        &self,
        timestamp_delta: i64,
        key_len: Option<usize>,
        value_len: Option<usize>,
        headers_len: usize,
    ) -> Sizes {
        let body = (1 + varint_len(timestamp_delta) + varint_len(i64::from(self.records_count)))
            .saturating_add(nullable_len(key_len))
            .saturating_add(nullable_len(value_len))
            .saturating_add(headers_len);
        Sizes { body, total: body.saturating_add(varint_len(signed(body))) }
    }
}

/// Puts headers all of whose numbers are small, and gives where they end.
#[inline(always)]
fn put_small_headers(room: &mut [u8], at: usize, headers: &[Header<'_>]) -> usize {
    let mut at = SmallVarints::of(zigzag_len(headers.len())).put(room, at);
    for header in headers {
        at = SmallVarints::of(zigzag_len(header.key_bytes().len())).put(room, at);
        at = copy_to(room, at, header.key_bytes());
        at = SmallVarints::of(zigzag_nullable_len(header.value())).put(room, at);
        at = copy_to(room, at, header.value().unwrap_or_default());
    }
    at
}

/// The length of a value, -1 when it is null, zigzagged.
#[inline(always)]
fn zigzag_nullable_len(bytes: Option<&[u8]>) -> u64 {
    bytes.map_or(1, |bytes| zigzag_len(bytes.len()))
}

/// Puts a nullable value with its length.
fn put_nullable(room: &mut &mut [u8], bytes: Option<&[u8]>) {
    put_varint(room, bytes.map_or(-1, |bytes| signed(bytes.len())));
    room.put_slice(bytes.unwrap_or_default());
}

/// Copies `bytes` to `room`, and gives where they end.
#[inline(always)]
fn copy_to(room: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let end = at + bytes.len();
    room[at..end].copy_from_slice(bytes);
    end
}

#[inline(always)]
fn len_of(bytes: Option<&[u8]>) -> Option<usize> {
    bytes.map(<[u8]>::len)
}

fn i32_of(len: usize) -> i32 {
    i32::try_from(len).expect("appending keeps batches below 2^31 bytes")
}
