//! The bytes of one partition out of one response, read lazily.
//!
//! Batch headers are scanned when the response arrives, to know where to fetch next. Everything else
//! happens when the application polls: checksum, decompression and one walk over the records
//! that are handed out, so that iterating them cannot fail.
//!
//! Spec: KIP-98#aborted-transactions, KIP-74#first-batch: the first batch comes whole even when it is
//! larger than the limits.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use milena_wire::{
    compression::Decompressor,
    messages::fetch_response::AbortedTransaction,
    records::{ControlRecordType, RecordBatch, RecordBatches, RecordError, Records, TimestampType},
};

use super::{budget::AccountId, segment::RecordSegment};
use crate::{
    TopicPartition,
    consumer::{ConsumerError, IsolationLevel, Position},
};

/// How batches are read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// `check.crcs`.
    pub check_crcs: bool,
    /// `isolation.level`.
    pub isolation_level: IsolationLevel,
    /// The most bytes that one batch may decompress to.
    pub decompressed_bytes_max: usize,
}

/// What [`FetchedPartition::take`] found.
#[derive(Debug)]
pub struct Taken {
    /// Records to hand out; may be empty when all of them were aborted or control records.
    pub segments: Vec<RecordSegment>,
    /// How many records the segments have.
    pub count: usize,
    /// The position behind them.
    pub next: Position,
    /// Whether nothing is left.
    pub is_exhausted: bool,
}

/// A batch whose records are not all handed out.
#[derive(Debug)]
struct OpenBatch {
    /// Where the batch begins.
    start: usize,
    records: Records,
    behind: Position,
    leader_epoch: Option<i32>,
    timestamp_type: TimestampType,
}

/// Fetched bytes of one partition.
#[derive(Debug)]
pub struct FetchedPartition {
    pub(crate) partition: TopicPartition,
    /// The epoch of the partition's state under which it was fetched.
    pub(crate) epoch: u64,
    pub(super) account: AccountId,
    next: Position,
    records: Bytes,
    batches: RecordBatches,
    open: Option<OpenBatch>,
    /// Aborted transactions by first offset, until they begin.
    aborted: BTreeMap<i64, Vec<i64>>,
    /// Producers whose transaction is being aborted at this point of the log.
    aborting: HashSet<i64>,
    failed: Option<ConsumerError>,
}

/// What the headers of fetched batches tell.
pub(super) struct Scan {
    /// Where to fetch next; `None` when the bytes cannot be read to their end.
    pub(super) next: Option<Position>,
}

/// Walks the batch headers from `from` on.
pub(super) fn scan(records: &Bytes, from: Position) -> Scan {
    let mut batches = RecordBatches::new(records.clone());
    let mut next = from;
    for batch in &mut batches {
        match batch {
            Ok(batch) if batch.next_offset() > next.offset => next = behind(&batch),
            Ok(_) => {}
            Err(_) => return Scan { next: None },
        }
    }
    // Not one whole batch: the broker does not send more of it.
    let is_stuck = next == from && batches.is_truncated();
    Scan { next: (!is_stuck).then_some(next) }
}

fn behind(batch: &RecordBatch) -> Position {
    let leader_epoch = Some(batch.partition_leader_epoch()).filter(|epoch| *epoch >= 0);
    Position { offset: batch.next_offset(), leader_epoch }
}

impl FetchedPartition {
    pub(super) fn new(
        partition: TopicPartition,
        epoch: u64,
        account: AccountId,
        from: Position,
        records: Bytes,
        aborted: Vec<AbortedTransaction>,
    ) -> Self {
        let mut by_offset: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for transaction in aborted {
            by_offset.entry(transaction.first_offset).or_default().push(transaction.producer_id);
        }
        Self {
            partition,
            epoch,
            account,
            next: from,
            batches: RecordBatches::new(records.clone()),
            records,
            open: None,
            aborted: by_offset,
            aborting: HashSet::new(),
            failed: None,
        }
    }

    /// The partition.
    pub fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// How many bytes came.
    pub(super) fn size_bytes(&self) -> usize {
        self.records.len()
    }

    /// Moves the bytes that are not read yet out of the response, so that it can go.
    pub(super) fn detach(&mut self) {
        // A batch that was begun is opened again; `next` tells what of it is read.
        let start = self.open.take().map_or_else(|| self.batches.position(), |open| open.start);
        let rest = self.records.get(start..).unwrap_or_default();
        self.records = Bytes::copy_from_slice(rest);
        self.batches = RecordBatches::new(self.records.clone());
    }

    /// Takes up to `max` records.
    ///
    /// # Errors
    ///
    /// [`ConsumerError`] when the bytes at the position cannot be read. Records before them
    /// come first, and the same error comes again until the application seeks.
    pub fn take(
        &mut self,
        max: usize,
        options: &ReadOptions,
        decompressor: &mut Decompressor,
    ) -> Result<Taken, ConsumerError> {
        let mut segments: Vec<RecordSegment> = Vec::new();
        let mut count = 0;
        while count < max && self.failed.is_none() {
            let step = match self.open.take() {
                Some(open) => self.take_from(open, max - count),
                None => match self.open_next(options, decompressor) {
                    Ok(true) => continue,
                    Ok(false) => break,
                    Err(error) => Err(error),
                },
            };
            match step {
                Ok(segment) => {
                    count += segment.count;
                    segments.extend((!segment.is_empty()).then_some(segment));
                }
                Err(error) => self.failed = Some(error),
            }
        }
        match &self.failed {
            Some(error) if segments.is_empty() => Err(error.clone()),
            failed => Ok(Taken {
                is_exhausted: failed.is_none() && self.open.is_none() && self.is_read(),
                segments,
                count,
                next: self.next,
            }),
        }
    }

    /// Whether no batch is left.
    fn is_read(&self) -> bool {
        self.batches.clone().next().is_none()
    }

    /// Opens the next batch that has records to hand out. `false` when there is none.
    fn open_next(
        &mut self,
        options: &ReadOptions,
        decompressor: &mut Decompressor,
    ) -> Result<bool, ConsumerError> {
        while let Some(batch) = self.batches.next() {
            let batch = batch.map_err(|error| corrupt(&self.partition, self.next, error))?;
            if batch.next_offset() <= self.next.offset {
                continue;
            }
            let fail = |error| corrupt(&self.partition, self.next, error);
            if options.check_crcs {
                batch.verify_crc().map_err(fail)?;
            }
            if options.isolation_level == IsolationLevel::ReadCommitted && batch.producer_id() >= 0
            {
                begin_aborted(&mut self.aborted, &mut self.aborting, batch.last_offset());
            }
            let limit = options.decompressed_bytes_max;
            if batch.is_control() {
                let records = batch.records_with(decompressor, limit).map_err(fail)?;
                if is_abort(&records).map_err(fail)? {
                    self.aborting.remove(&batch.producer_id());
                }
            } else if !(batch.is_transactional() && self.aborting.contains(&batch.producer_id())) {
                let records = batch.records_with(decompressor, limit).map_err(fail)?;
                self.open = Some(OpenBatch {
                    start: batch.position(),
                    records,
                    behind: behind(&batch),
                    leader_epoch: behind(&batch).leader_epoch,
                    timestamp_type: batch.timestamp_type(),
                });
                return Ok(true);
            }
            self.next = behind(&batch);
        }
        self.check_progress()?;
        Ok(false)
    }

    /// Bytes that hold no whole batch at all would be fetched again for ever.
    fn check_progress(&self) -> Result<(), ConsumerError> {
        match self.batches.incomplete_size() {
            Some(size_bytes) if self.batches.position() == 0 => Err(ConsumerError::BatchTooLarge {
                partition: self.partition.clone(),
                offset: self.next.offset,
                size_bytes,
            }),
            _ => Ok(()),
        }
    }

    /// Takes up to `max` records out of a batch and keeps the rest of it.
    fn take_from(&mut self, open: OpenBatch, max: usize) -> Result<RecordSegment, ConsumerError> {
        let fail = |error| corrupt(&self.partition, self.next, error);
        let mut iter = open.records.iter();
        // A fetch from the middle of a batch brings the whole batch.
        let mut rest = iter.clone();
        let mut next_offset = None;
        for record in iter.by_ref() {
            let record = record.map_err(fail)?;
            if record.offset >= self.next.offset {
                next_offset = Some(record.offset.saturating_add(1));
                break;
            }
            rest.next();
        }
        let Some(mut next_offset) = next_offset else {
            self.next = open.behind;
            return Ok(segment(rest.into_records(), 0, &open));
        };
        let records = rest.into_records();
        let mut count = 1;
        while count < max {
            match iter.next() {
                Some(Ok(record)) => next_offset = record.offset.saturating_add(1),
                Some(Err(error)) => return Err(fail(error)),
                None => {
                    self.next = open.behind;
                    return Ok(segment(records, count, &open));
                }
            }
            count += 1;
        }
        let taken = segment(records, count, &open);
        self.next = Position { offset: next_offset, leader_epoch: open.leader_epoch };
        let rest = iter.into_records();
        if rest.iter().next().is_none() {
            self.next = open.behind;
        } else {
            self.open = Some(OpenBatch { records: rest, ..open });
        }
        Ok(taken)
    }
}

fn segment(records: Records, count: usize, open: &OpenBatch) -> RecordSegment {
    RecordSegment {
        records,
        count,
        leader_epoch: open.leader_epoch,
        timestamp_type: open.timestamp_type,
    }
}

fn corrupt(partition: &TopicPartition, next: Position, error: RecordError) -> ConsumerError {
    ConsumerError::Corrupt { partition: partition.clone(), offset: next.offset, error }
}

/// Moves transactions that begin at or before `offset` to those that are being aborted.
fn begin_aborted(aborted: &mut BTreeMap<i64, Vec<i64>>, aborting: &mut HashSet<i64>, offset: i64) {
    while let Some(entry) = aborted.first_entry().filter(|entry| *entry.key() <= offset) {
        aborting.extend(entry.remove());
    }
}

/// Whether a control batch ends a transaction by aborting it.
fn is_abort(records: &Records) -> Result<bool, RecordError> {
    let Some(record) = records.iter().next() else { return Ok(false) };
    let key = record?.key.unwrap_or_default();
    Ok(matches!(ControlRecordType::parse(key), Ok(ControlRecordType::Abort)))
}
