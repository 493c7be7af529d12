//! The log itself: append, read, truncate, and the offsets that bound it.

use std::collections::VecDeque;

use super::chunks::{Chunks, Extent};
use super::epochs::{EpochEnd, LeaderEpochs};
use super::header::{self, BatchHeader};
use super::producers::{AbortedTransaction, ProducerSnapshot, Producers, SequenceError};
use super::validate::ValidBatch;

/// Where one batch lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) base_offset: i64,
    pub(super) last_offset: i64,
    pub(super) max_timestamp: i64,
    pub(super) position: u64,
    pub(super) size: usize,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    pub base_offset: i64,
    /// The first offset after the batch; equals the log end offset unless it was a duplicate.
    pub next_offset: i64,
    /// -1 unless the topic uses LogAppendTime.
    pub log_append_time_ms: i64,
    /// Byte positions that were written; empty for a duplicate.
    pub written: (u64, u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendError {
    Sequence(SequenceError),
}

/// A run of whole batches to hand to a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadSlice {
    pub extents: Vec<Extent>,
    pub len: usize,
    /// First offset after the slice.
    pub next_offset: i64,
}

/// A partition's log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(super) entries: VecDeque<Entry>,
    chunks: Chunks,
    start_offset: i64,
    end_offset: i64,
    epochs: LeaderEpochs,
    producers: Producers,
}

impl Log {
    pub(crate) fn start_offset(&self) -> i64 {
        self.start_offset
    }

    pub(crate) fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// Every replica is this log, so what is written is committed at once.
    pub(crate) fn high_watermark(&self) -> i64 {
        self.end_offset
    }

    pub(crate) fn last_stable_offset(&self) -> i64 {
        self.producers.first_open_offset().unwrap_or(self.end_offset).min(self.end_offset)
    }

    pub(crate) fn epochs(&self) -> &LeaderEpochs {
        &self.epochs
    }

    pub(crate) fn epoch_end(&self, epoch: i32) -> EpochEnd {
        self.epochs.end_of(epoch, self.end_offset)
    }

    pub(crate) fn aborted_between(&self, start: i64, end: i64) -> Vec<AbortedTransaction> {
        self.producers.aborted_between(start, end)
    }

    pub(crate) fn producers(&self) -> Vec<ProducerSnapshot> {
        self.producers.snapshot()
    }

    /// Bytes between the start and the end of the log.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.entries.front().map_or(0, |first| self.chunks.end() - first.position)
    }

    /// Appends validated batches. All of them are checked before the first one is written.
    pub(crate) fn append(
        &mut self,
        batches: &[ValidBatch],
        leader_epoch: i32,
        append_time_ms: Option<i64>,
    ) -> Result<Appended, AppendError> {
        let mut duplicate = None;
        for batch in batches.iter().filter(|batch| batch.header.producer_id >= 0) {
            if !batch.header.is_control() {
                duplicate = self.producers.check(&batch.header).map_err(AppendError::Sequence)?;
            }
        }
        let from = self.chunks.end();
        if let (Some(found), [only]) = (duplicate, batches) {
            return Ok(Appended {
                base_offset: found.base_offset,
                next_offset: found.base_offset + i64::from(only.header.last_offset_delta) + 1,
                log_append_time_ms: append_time_ms.map_or(-1, |_| found.timestamp),
                written: (from, from),
            });
        }
        let base_offset = self.end_offset;
        for batch in batches {
            self.append_one(batch, leader_epoch, append_time_ms);
        }
        Ok(Appended {
            base_offset,
            next_offset: self.end_offset,
            log_append_time_ms: append_time_ms.unwrap_or(-1),
            written: (from, self.chunks.end()),
        })
    }

    fn append_one(&mut self, batch: &ValidBatch, leader_epoch: i32, append_time_ms: Option<i64>) {
        let base_offset = self.end_offset;
        let (position, bytes) = self.chunks.push(&batch.bytes);
        header::assign(bytes, base_offset, leader_epoch);
        if let Some(now_ms) = append_time_ms {
            header::set_log_append_time(bytes, batch.header.attributes, now_ms);
        }
        let max_timestamp = append_time_ms.unwrap_or(batch.header.max_timestamp);
        let stored = BatchHeader { base_offset, leader_epoch, max_timestamp, ..batch.header };
        self.index(&stored, position, batch.commit_marker, batch.coordinator_epoch);
    }

    /// Takes in a batch that storage holds, while a log is rebuilt. Offsets are those of the batch.
    pub(crate) fn restore(
        &mut self,
        header: &BatchHeader,
        commit_marker: Option<bool>,
        coordinator_epoch: i32,
    ) {
        let position = self.chunks.push_stored(header.size);
        if self.entries.is_empty() && self.end_offset == 0 {
            self.start_offset = header.base_offset;
        }
        self.index(header, position, commit_marker, coordinator_epoch);
    }

    fn index(
        &mut self,
        stored: &BatchHeader,
        position: u64,
        commit_marker: Option<bool>,
        coordinator_epoch: i32,
    ) {
        let last_offset = stored.last_offset();
        self.entries.push_back(Entry {
            base_offset: stored.base_offset,
            last_offset,
            max_timestamp: stored.max_timestamp,
            position,
            size: stored.size,
        });
        self.end_offset = last_offset.saturating_add(1);
        self.epochs.assign(stored.leader_epoch, stored.base_offset);
        if stored.producer_id < 0 {
            return;
        }
        match commit_marker {
            Some(committed) => {
                self.producers.ended(stored, stored.base_offset, committed, coordinator_epoch)
            }
            None => self.producers.appended(stored, stored.base_offset, stored.max_timestamp),
        }
    }

    /// Whole batches from the one that holds `offset` up to `bound`, at most `bytes_max` of them
    /// unless `at_least_one`. The first batch may begin before `offset`, as in Kafka.
    pub(crate) fn read(
        &mut self,
        offset: i64,
        bound: i64,
        bytes_max: usize,
        at_least_one: bool,
    ) -> ReadSlice {
        let first = self.entries.partition_point(|entry| entry.last_offset < offset);
        let mut len = 0usize;
        let mut next_offset = offset;
        let mut start = None;
        for entry in self.entries.range(first..) {
            let fits = len + entry.size <= bytes_max || (at_least_one && start.is_none());
            if entry.base_offset >= bound || !fits {
                break;
            }
            start.get_or_insert(entry.position);
            len += entry.size;
            next_offset = entry.last_offset + 1;
        }
        let Some(start) = start else {
            return ReadSlice { extents: Vec::new(), len: 0, next_offset: offset };
        };
        let extents = self.chunks.slice(start, start + len as u64);
        ReadSlice { extents, len, next_offset }
    }

    /// The bytes from `position`, that the latest append reported, to the end.
    pub(crate) fn tail(&self, position: u64) -> &[u8] {
        self.chunks.tail(position)
    }

    /// Bytes that `read` would find, without touching them.
    pub(crate) fn available_bytes(&self, offset: i64, bound: i64, bytes_max: usize) -> usize {
        let first = self.entries.partition_point(|entry| entry.last_offset < offset);
        let mut len = 0usize;
        for entry in self.entries.range(first..).take_while(|entry| entry.base_offset < bound) {
            len += entry.size;
            if len >= bytes_max {
                break;
            }
        }
        len
    }

    /// Moves the log start offset forward (DeleteRecords, retention). Batches that lie wholly before it go.
    pub(crate) fn advance_start(&mut self, offset: i64) {
        self.start_offset = self.start_offset.max(offset.min(self.end_offset));
        while self.entries.front().is_some_and(|entry| entry.last_offset < self.start_offset) {
            self.entries.pop_front();
        }
        let position =
            self.entries.front().map_or_else(|| self.chunks.end(), |entry| entry.position);
        self.chunks.drop_before(position);
        self.producers.forget_before(self.start_offset);
    }

    /// The first offset that retention keeps, given the oldest kept timestamp and the size limit.
    pub(crate) fn retained_from(&self, timestamp_min: Option<i64>, bytes_max: Option<u64>) -> i64 {
        let mut size = self.size_bytes();
        let mut keep = self.start_offset;
        for entry in &self.entries {
            let too_old = timestamp_min.is_some_and(|min| entry.max_timestamp < min);
            let too_much = bytes_max.is_some_and(|max| size > max);
            if !too_old && !too_much {
                break;
            }
            keep = entry.last_offset + 1;
            size -= entry.size as u64;
        }
        keep
    }

    /// Drops everything from `offset` on, as an unclean leader election does. The cut is made at
    /// a batch boundary at or before `offset`; returns the byte position of the cut.
    pub(crate) fn truncate(&mut self, offset: i64) -> u64 {
        while let Some(entry) = self.entries.back().copied() {
            if entry.last_offset < offset {
                break;
            }
            self.entries.pop_back();
            self.end_offset = entry.base_offset;
            self.chunks.truncate(entry.position);
        }
        self.start_offset = self.start_offset.min(self.end_offset);
        self.epochs.truncate(self.end_offset);
        self.producers = Producers::default();
        self.chunks.end()
    }

    /// Keeps at most `bytes` of the log in memory; the rest is read from storage.
    pub(crate) fn evict(&mut self, bytes: usize) {
        self.chunks.evict(bytes);
    }
}

impl Extent {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::Stored { len, .. } => *len,
        }
    }
}
