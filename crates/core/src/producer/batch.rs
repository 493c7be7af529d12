//! A batch on its way from the records to the log.

use std::fmt;
use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;
use milena_wire::ErrorCode;
use milena_wire::compression::{Compression, Compressor};
use milena_wire::records::{RecordBatchBuilder, SealOptions, SealedBatch};

use super::sender::Generation;
use super::sequence::Stamp;
use crate::BrokerId;

/// What a batch is made of.
#[derive(Debug)]
pub struct NewBatch<C> {
    /// Its records.
    pub builder: RecordBatchBuilder,
    /// Who is told how its delivery ended.
    pub completion: C,
    /// When its first record came.
    pub created: Instant,
    /// Bytes of memory that are reserved for it.
    pub reserved: usize,
}

/// What orders the batches of a partition that were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order(u64, u32);

/// Records that nothing is appended to any more.
///
/// It is encoded once ([`Batch::encode`]) and then immutable, but for the stamp that its sending
/// gives it.
#[derive(Debug)]
pub struct Batch<C> {
    /// `None` once its delivery has ended, in whatever way.
    completion: Option<C>,
    /// Which records of the completion these are.
    records: Range<u32>,
    created: Instant,
    reserved: usize,
    body: Body,
    stamp: Option<Stamp>,
    /// The place among the batches of its partition, from the first sending on.
    pub(super) place: u64,
    pub(super) generation: Generation,
    pub(super) attempts: u32,
    /// Its records are part of a transaction.
    pub(super) is_transactional: bool,
    /// A request with it was sent, and nothing that came back excludes that it is in the log.
    pub(super) maybe_written: bool,
    pub(super) last_error: Option<ErrorCode>,
    pub(super) last_broker: Option<BrokerId>,
}

#[derive(Debug)]
enum Body {
    Raw(RecordBatchBuilder),
    Encoded(SealedBatch),
    /// Encoding failed, or the buffer was taken.
    Gone,
}

/// A batch could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError(String);

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EncodeError {}

impl<C> Batch<C> {
    /// A batch of these records.
    #[must_use]
    pub fn new(new: NewBatch<C>) -> Self {
        let records = 0..new.builder.records_count();
        let body = Body::Raw(new.builder);
        Self::with_body(new.completion, records, new.created, new.reserved, body)
    }

    fn with_body(
        completion: C,
        records: Range<u32>,
        created: Instant,
        reserved: usize,
        body: Body,
    ) -> Self {
        Self {
            completion: Some(completion),
            records,
            created,
            reserved,
            body,
            stamp: None,
            place: 0,
            generation: Generation::default(),
            attempts: 0,
            is_transactional: false,
            maybe_written: false,
            last_error: None,
            last_broker: None,
        }
    }

    /// A part of this batch, with the records that `builder` holds; it is sent in this one's place.
    pub(super) fn part(
        &self,
        completion: C,
        records: Range<u32>,
        reserved: usize,
        encoded: SealedBatch,
    ) -> Self {
        let body = Body::Encoded(encoded);
        let mut part = Self::with_body(completion, records, self.created, reserved, body);
        part.generation = self.generation;
        part.place = self.place;
        part.is_transactional = self.is_transactional;
        part
    }

    /// Compresses the records and computes the checksum; once is enough.
    ///
    /// # Errors
    ///
    /// The codec failed. The records are lost then.
    pub fn encode(
        &mut self,
        compression: Compression,
        compressor: &mut Compressor,
    ) -> Result<(), EncodeError> {
        match std::mem::replace(&mut self.body, Body::Gone) {
            Body::Raw(builder) => {
                let is_transactional = self.is_transactional;
                let options =
                    SealOptions { compression, is_transactional, ..SealOptions::default() };
                let sealed = builder.seal(&options, compressor);
                self.body = Body::Encoded(sealed.map_err(|error| EncodeError(error.to_string()))?);
            }
            body @ (Body::Encoded(_) | Body::Gone) => self.body = body,
        }
        Ok(())
    }

    /// When its first record came.
    #[must_use]
    pub const fn created(&self) -> Instant {
        self.created
    }

    /// How many records it has.
    #[must_use]
    pub const fn records_count(&self) -> u32 {
        self.records.end - self.records.start
    }

    /// Which records of the completion these are.
    #[must_use]
    pub const fn records(&self) -> &Range<u32> {
        &self.records
    }

    /// Bytes of the batch, as far as it is encoded.
    #[must_use]
    pub fn size(&self) -> usize {
        match &self.body {
            Body::Raw(builder) => builder.encoded_len(),
            Body::Encoded(sealed) => sealed.size_bytes(),
            Body::Gone => 0,
        }
    }

    /// What orders the batches of a partition: the place, and within it the part.
    pub(super) const fn order(&self) -> Order {
        Order(self.place, self.records.start)
    }

    /// Who writes it, and its place in the sequence.
    #[must_use]
    pub const fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    /// The sequence of its first record; 0 before it has one.
    pub(super) fn base_sequence(&self) -> i32 {
        self.stamp.map_or(0, |stamp| stamp.base_sequence)
    }

    /// Whether its delivery has ended.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        self.completion.is_none()
    }

    /// Bytes of memory that are reserved for it.
    #[must_use]
    pub const fn reserved(&self) -> usize {
        self.reserved
    }

    /// Who has to be told about which records, unless that is done.
    #[must_use]
    pub fn into_completion(self) -> Option<(C, Range<u32>)> {
        self.completion.map(|completion| (completion, self.records))
    }

    pub(super) const fn completion(&self) -> Option<&C> {
        self.completion.as_ref()
    }

    pub(super) const fn take_completion(&mut self) -> Option<C> {
        self.completion.take()
    }

    pub(super) fn set_stamp(&mut self, stamp: Stamp) {
        if let Body::Encoded(sealed) = &mut self.body {
            let (id, epoch) = (stamp.producer_id.0, stamp.producer_epoch.0);
            sealed.set_producer(id, epoch, stamp.base_sequence);
        }
        self.stamp = Some(stamp);
    }

    /// Forgets the stamp; the next sending gives it another one.
    pub(super) const fn clear_stamp(&mut self) {
        self.stamp = None;
    }

    pub(super) fn encoded(&self) -> Option<&SealedBatch> {
        match &self.body {
            Body::Encoded(sealed) => Some(sealed),
            Body::Raw(_) | Body::Gone => None,
        }
    }

    /// The batch as it is sent; empty before it is encoded.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.encoded().map(|sealed| sealed.bytes().clone()).unwrap_or_default()
    }

    /// What its memory was: the bytes reserved, and the buffer.
    pub(super) fn into_memory(self) -> (usize, Option<Bytes>) {
        let buffer = match self.body {
            Body::Raw(builder) => Some(builder.into_buffer().freeze()),
            Body::Encoded(sealed) => Some(sealed.into_bytes()),
            Body::Gone => None,
        };
        (self.reserved, buffer)
    }
}
