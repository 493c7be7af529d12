//! The records of one partition that are not sealed yet, and the sealed batches nobody fetched.
//!
//! The caller keeps it behind a lock that every sending task takes for the time of one append, so
//! nothing here allocates, waits or looks at a clock unless it has to.

use std::time::Instant;

use bytes::BytesMut;
use milena_wire::records::{Header, MeasuredHeaders, RECORD_BATCH_OVERHEAD, RecordBatchBuilder};

use super::batch::{Batch, NewBatch};

/// Records after which the clock is read again while it stands still.
const COAST_MAX: u8 = 15;

/// A record that was appended.
#[derive(Debug)]
pub struct Appended<C> {
    /// Its batch's completion.
    pub completion: C,
    /// Its index in the batch.
    pub index: u32,
    /// Its timestamp in ms since 1970.
    pub timestamp_ms: i64,
    /// By how much the batch grew.
    pub bytes: usize,
}

/// A record that needs memory before it can be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedsBuffer {
    /// The open batch may grow: reserve so many bytes more and call [`PartitionQueue::extend`].
    /// If there is no memory, call [`PartitionQueue::seal`] and try again.
    Extension {
        /// How many.
        bytes: usize,
    },
    /// There is no open batch: reserve so many bytes and call [`PartitionQueue::open`].
    Batch {
        /// How many.
        bytes: usize,
        /// Whether a batch was sealed to make place; the sender should be told.
        sealed: bool,
    },
}

/// The batches of one partition before the sender has them.
#[derive(Debug)]
pub struct PartitionQueue<C> {
    batch_size: usize,
    first_chunk: usize,
    /// What the next batch is begun with.
    next_chunk: usize,
    open: Option<OpenBatch<C>>,
    sealed: Vec<Batch<C>>,
}

#[derive(Debug)]
struct OpenBatch<C> {
    builder: RecordBatchBuilder,
    completion: C,
    created: Instant,
    /// Bytes that may be used; as many are reserved.
    limit: usize,
    /// Bytes that may be used once the batch has a record: one that was begun for a record larger
    /// than `batch_size` takes no second one.
    usual_limit: usize,
    clock: CoastingClock,
}

/// The time of records that have none of their own.
///
/// Reading a clock costs as much as encoding a small record. While readings repeat themselves the
/// clock is read less often, up to every 16th record, so in a steady stream a timestamp is at most
/// a millisecond late. After a pause within one batch, up to 15 records can carry the time before
/// the pause, which is at most the age of the batch: `linger.ms` as a rule.
#[derive(Debug)]
struct CoastingClock {
    read_ms: i64,
    stride: u8,
    coast: u8,
}

impl CoastingClock {
    const fn new() -> Self {
        Self { read_ms: i64::MIN, stride: 0, coast: 0 }
    }

    #[inline]
    fn now_ms(&mut self, read: impl FnOnce() -> i64) -> i64 {
        if self.coast > 0 {
            self.coast -= 1;
            return self.read_ms;
        }
        let now = read();
        self.stride = if now == self.read_ms { (self.stride * 2 + 1).min(COAST_MAX) } else { 0 };
        self.coast = self.stride;
        self.read_ms = now;
        now
    }
}

impl<C: Clone> PartitionQueue<C> {
    /// An empty queue: batches hold up to `batch_size` bytes (`batch.size`), or one record that is
    /// larger, and are begun with `first_chunk` bytes if few records come.
    #[must_use]
    pub fn new(batch_size: usize, first_chunk: usize) -> Self {
        let batch_size = batch_size.max(RECORD_BATCH_OVERHEAD + 1);
        let first_chunk = first_chunk.clamp(RECORD_BATCH_OVERHEAD + 1, batch_size);
        Self { batch_size, first_chunk, next_chunk: first_chunk, open: None, sealed: Vec::new() }
    }

    /// Appends a record. Without a timestamp it gets the time that `clock` tells, in ms since 1970.
    ///
    /// # Errors
    ///
    /// There is no memory for it; nothing was appended.
    #[inline]
    pub fn append(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
        timestamp_ms: Option<i64>,
        clock: impl FnOnce() -> i64,
    ) -> Result<Appended<C>, NeedsBuffer> {
        let headers = MeasuredHeaders::of(headers);
        let bound = size_upper_bound(key, value, headers);
        let Some(open) = &mut self.open else { return Err(self.needs_batch(bound, false)) };
        let before = open.builder.encoded_len();
        if before + bound - RECORD_BATCH_OVERHEAD > open.usual_limit {
            // The bound is a little too high; near the end of a batch that matters.
            let limit = if open.builder.is_empty() { open.limit } else { open.usual_limit };
            let timestamp_ms = timestamp_ms.unwrap_or(i64::MAX);
            let (key_len, value_len) = (key.map(<[u8]>::len), value.map(<[u8]>::len));
            let headers_len = headers.encoded_len();
            let size = open.builder.size_after(timestamp_ms, key_len, value_len, headers_len);
            if size > limit {
                return Err(self.make_room(size, bound));
            }
        }
        let timestamp_ms = timestamp_ms.unwrap_or_else(|| open.clock.now_ms(clock));
        match open.append(timestamp_ms, key, value, headers) {
            Some(appended) => Ok(appended),
            None => {
                self.seal();
                Err(self.needs_batch(bound, true))
            }
        }
    }

    /// Appends a record if the open batch has room for it in any case; [`append`](Self::append)
    /// looks closer.
    #[inline(always)]
    pub fn append_easily(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
        timestamp_ms: Option<i64>,
        clock: impl FnOnce() -> i64,
    ) -> Option<Appended<C>> {
        let open = self.open.as_mut()?;
        let headers = MeasuredHeaders::of(headers);
        let after = open.builder.encoded_len() + size_upper_bound(key, value, headers);
        if after - RECORD_BATCH_OVERHEAD > open.usual_limit {
            return None;
        }
        let timestamp_ms = timestamp_ms.unwrap_or_else(|| open.clock.now_ms(clock));
        open.append(timestamp_ms, key, value, headers)
    }

    #[cold]
    fn make_room(&mut self, size: usize, bound: usize) -> NeedsBuffer {
        if let Some(open) = &self.open
            && size <= self.batch_size
            && open.limit < self.batch_size
        {
            let target = (open.limit * 2).max(size).min(self.batch_size);
            return NeedsBuffer::Extension { bytes: target - open.limit };
        }
        self.next_chunk = self.batch_size;
        self.seal();
        self.needs_batch(bound, true)
    }

    #[cold]
    fn needs_batch(&self, bound: usize, sealed: bool) -> NeedsBuffer {
        NeedsBuffer::Batch { bytes: self.next_chunk.max(bound), sealed }
    }

    /// Begins a batch; `reserved` bytes are its own from here on. An open batch is sealed before.
    /// The caller appends the record that the batch is begun for before others see the queue.
    pub fn open(&mut self, buffer: BytesMut, reserved: usize, completion: C, now: Instant) {
        self.seal();
        self.open = Some(OpenBatch {
            builder: RecordBatchBuilder::with_buffer(buffer),
            completion,
            created: now,
            limit: reserved,
            usual_limit: reserved.min(self.batch_size),
            clock: CoastingClock::new(),
        });
    }

    /// Gives the open batch so many bytes more. Returns whether there is one to take them.
    pub fn extend(&mut self, bytes: usize) -> bool {
        match &mut self.open {
            Some(open) => {
                open.limit += bytes;
                open.usual_limit = open.limit.min(self.batch_size);
                true
            }
            None => false,
        }
    }

    /// Seals the open batch. Returns whether there was one with records; one without stays open,
    /// because brokers refuse empty batches.
    pub fn seal(&mut self) -> bool {
        let Some(open) = self.open.take_if(|open| !open.builder.is_empty()) else { return false };
        let size = open.builder.encoded_len();
        // A partition that fills its batches begins the next one at full size, so that it is never
        // copied; one that does not asks for little.
        let wanted = size.checked_next_power_of_two().unwrap_or(size);
        if size < self.batch_size / 2 {
            self.next_chunk = wanted.clamp(self.first_chunk, self.batch_size);
        } else {
            self.next_chunk = self.batch_size;
        }
        self.sealed.push(Batch::new(NewBatch {
            builder: open.builder,
            completion: open.completion,
            created: open.created,
            reserved: open.limit,
        }));
        true
    }

    /// Moves the sealed batches to `into`, oldest first, after sealing the open one if `seal_open`.
    /// Returns when the batch that stays open was begun.
    pub fn collect(&mut self, seal_open: bool, into: &mut Vec<Batch<C>>) -> Option<Instant> {
        if seal_open {
            self.seal();
        }
        into.append(&mut self.sealed);
        self.open.as_ref().filter(|open| !open.builder.is_empty()).map(|open| open.created)
    }
}

impl<C: Clone> OpenBatch<C> {
    /// Nothing when the format has no room for the record.
    #[inline(always)]
    fn append(
        &mut self,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: MeasuredHeaders<'_>,
    ) -> Option<Appended<C>> {
        let before = self.builder.encoded_len();
        let index = self.builder.append_measured(timestamp_ms, key, value, headers).ok()?;
        Some(Appended {
            completion: self.completion.clone(),
            index,
            timestamp_ms,
            bytes: self.builder.encoded_len() - before,
        })
    }
}

/// Bytes that a batch of this one record has at most.
#[inline(always)]
fn size_upper_bound(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: MeasuredHeaders<'_>,
) -> usize {
    let (key_len, value_len) = (key.map(<[u8]>::len), value.map(<[u8]>::len));
    RecordBatchBuilder::size_upper_bound(key_len, value_len, headers.encoded_len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(batch_size: usize) -> PartitionQueue<u32> {
        PartitionQueue::new(batch_size, 128)
    }

    /// Appends as a client with endless memory does; returns the completion and the index.
    fn append(queue: &mut PartitionQueue<u32>, value: &[u8]) -> (u32, u32) {
        for completion in 0.. {
            match queue.append(None, Some(value), &[], Some(1), || unreachable!()) {
                Ok(appended) => return (appended.completion, appended.index),
                Err(NeedsBuffer::Extension { bytes }) => assert!(queue.extend(bytes)),
                Err(NeedsBuffer::Batch { bytes, .. }) => {
                    queue.open(BytesMut::with_capacity(bytes), bytes, completion, Instant::now());
                }
            }
        }
        unreachable!()
    }

    fn sizes(queue: &mut PartitionQueue<u32>) -> Vec<(u32, usize)> {
        let mut batches = Vec::new();
        queue.collect(true, &mut batches);
        batches.iter().map(|batch| (batch.records_count(), batch.size())).collect()
    }

    #[test]
    fn batches_stay_within_their_size() {
        let mut queue = queue(1000);
        for _ in 0..50 {
            append(&mut queue, &[7; 90]);
        }
        let sizes = sizes(&mut queue);
        assert!(sizes.iter().all(|(_, size)| *size <= 1000), "{sizes:?}");
        assert_eq!(sizes.iter().map(|(records, _)| records).sum::<u32>(), 50);
        assert!(sizes[..sizes.len() - 1].iter().all(|(records, _)| *records == 9), "{sizes:?}");
    }

    #[test]
    fn batch_without_records_is_not_sealed() {
        let mut queue = queue(1000);
        queue.open(BytesMut::with_capacity(1000), 1000, 1, Instant::now());
        let mut batches = Vec::new();
        assert_eq!(queue.collect(true, &mut batches), None);
        assert!(batches.is_empty());
        assert_eq!(append(&mut queue, b"first"), (1, 0));
        assert!(queue.seal());
    }

    #[test]
    fn large_record_gets_a_batch_of_its_own() {
        let mut queue = queue(1000);
        append(&mut queue, b"small");
        append(&mut queue, &[7; 5000]);
        append(&mut queue, b"small");
        let records: Vec<u32> = sizes(&mut queue).into_iter().map(|(records, _)| records).collect();
        assert_eq!(records, [1, 1, 1]);
    }

    #[test]
    fn first_batch_grows_and_later_ones_begin_full() {
        let mut queue = queue(4096);
        append(&mut queue, &[7; 60]);
        assert!(queue.open.as_ref().unwrap().limit < 4096);
        while queue.sealed.is_empty() {
            append(&mut queue, &[7; 60]);
        }
        assert_eq!(queue.open.as_ref().unwrap().limit, 4096);
        let mut batches = Vec::new();
        queue.collect(false, &mut batches);
        assert_eq!(batches[0].reserved(), 4096);
    }

    #[test]
    fn exact_size_fills_the_batch() {
        let mut queue = queue(RECORD_BATCH_OVERHEAD + 2 * 17);
        // 1 length + attributes, deltas, key and value length, headers (6) + 10 bytes.
        append(&mut queue, &[7; 10]);
        append(&mut queue, &[7; 10]);
        append(&mut queue, &[7; 10]);
        let records: Vec<u32> = sizes(&mut queue).into_iter().map(|(records, _)| records).collect();
        assert_eq!(records, [2, 1]);
    }

    #[test]
    fn clock_coasts_only_while_it_stands() {
        let mut clock = CoastingClock::new();
        let mut readings = 0;
        for _ in 0..100 {
            clock.now_ms(|| {
                readings += 1;
                5
            });
        }
        assert!(readings < 15, "{readings}");
        let mut slow = CoastingClock::new();
        let times: Vec<i64> = (0..50).map(|at| slow.now_ms(|| at)).collect();
        assert!(times.into_iter().eq(0..50));
    }
}
