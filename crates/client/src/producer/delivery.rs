//! How the delivery of a record ended, for whoever wants to know.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use milena_core::producer::Outcome;
use milena_wire::ByteString;
use parking_lot::Mutex;

use super::failure;
use crate::Error;

/// Where a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordMetadata {
    topic: ByteString,
    partition: i32,
    offset: Option<i64>,
    timestamp_ms: i64,
    log_append_time_ms: Option<i64>,
    log_start_offset: Option<i64>,
    serialized_key_size: Option<usize>,
    serialized_value_size: Option<usize>,
}

impl RecordMetadata {
    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The partition.
    #[must_use]
    pub const fn partition(&self) -> i32 {
        self.partition
    }

    /// The offset; `None` if the broker did not tell it: with `acks=0`, or when a retry was
    /// recognized as a duplicate of a batch that the broker does not remember any more.
    #[must_use]
    pub const fn offset(&self) -> Option<i64> {
        self.offset
    }

    /// The timestamp in ms since 1970: the broker's if the topic uses `LogAppendTime`, otherwise
    /// the record's own.
    #[must_use]
    pub const fn timestamp_ms(&self) -> i64 {
        self.timestamp_ms
    }

    /// The time in ms since 1970 at which the broker appended the record, if the topic uses
    /// `LogAppendTime`.
    #[must_use]
    pub const fn log_append_time_ms(&self) -> Option<i64> {
        self.log_append_time_ms
    }

    /// The first offset of the partition when the record was written; `None` if the broker did not
    /// tell it.
    #[must_use]
    pub const fn log_start_offset(&self) -> Option<i64> {
        self.log_start_offset
    }

    /// Bytes of the key; `None` without key.
    #[must_use]
    pub const fn serialized_key_size(&self) -> Option<usize> {
        self.serialized_key_size
    }

    /// Bytes of the value; `None` without value.
    #[must_use]
    pub const fn serialized_value_size(&self) -> Option<usize> {
        self.serialized_value_size
    }
}

impl fmt::Display for RecordMetadata {
    /// `orders-0@42`, or `orders-0` when the broker did not tell the offset.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)?;
        self.offset.map_or(Ok(()), |offset| write!(f, "@{offset}"))
    }
}

/// What all deliveries of one batch share.
pub(super) struct Completion {
    pub(super) topic: ByteString,
    pub(super) partition: i32,
    is_done: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// One entry, unless the batch was split.
    outcomes: Vec<(Range<u32>, Outcome)>,
    wakers: Vec<(u32, Waker)>,
    /// Why the brokers could not be used, where that is why time was up.
    cause: Option<Error>,
}

impl Completion {
    pub(super) fn new(topic: ByteString, partition: i32) -> Self {
        Self { topic, partition, is_done: AtomicBool::new(false), state: Mutex::default() }
    }

    /// Says why the brokers cannot be used: the cause of failures that are told after it.
    pub(super) fn set_cause(&self, cause: Error) {
        self.state.lock().cause = Some(cause);
    }

    /// Tells the deliveries of these records.
    pub(super) fn complete(&self, records: Range<u32>, outcome: Outcome) {
        let wakers = {
            let mut state = self.state.lock();
            state.outcomes.push((records, outcome));
            self.is_done.store(true, Ordering::Release);
            std::mem::take(&mut state.wakers)
        };
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    /// The outcome of a record, and its index among the records that share it; otherwise `waker`
    /// is remembered.
    fn poll(&self, index: u32, slot: &mut Slot, cx: &Context<'_>) -> Option<(u32, Outcome)> {
        let mut state = self.state.lock();
        let found = state.outcomes.iter().find(|(records, _)| records.contains(&index));
        if let Some((records, outcome)) = found {
            return Some((index - records.start, outcome.clone()));
        }
        match state.wakers.get_mut(slot.0 as usize) {
            Some((owner, waker)) if *owner == index => waker.clone_from(cx.waker()),
            _ => {
                *slot = Slot::of(state.wakers.len());
                state.wakers.push((index, cx.waker().clone()));
            }
        }
        None
    }
}

/// Where the waker of a delivery is among those of its batch. Each record has one delivery, so there are
/// fewer wakers than records, whose number is an int32.
#[derive(Clone, Copy, Debug)]
struct Slot(u32);

impl Slot {
    const NONE: Self = Self(u32::MAX);

    fn of(place: usize) -> Self {
        u32::try_from(place).map_or(Self::NONE, Self)
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("is_done", &self.is_done.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

/// The delivery of a record that was accepted: a future of where it is, or why it is not.
///
/// The record is sent whether or not this is awaited, and dropping it costs nothing. All deliveries
/// of a batch resolve together. Cancel safe: it can be polled again, also after it was moved.
#[derive(Debug)]
pub struct Delivery {
    completion: Arc<Completion>,
    index: u32,
    slot: Slot,
    timestamp_ms: i64,
    key_size: i32,
    value_size: i32,
}

impl Delivery {
    #[inline]
    pub(super) fn new(
        completion: Arc<Completion>,
        index: u32,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Self {
        let size = |bytes: Option<&[u8]>| {
            bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX))
        };
        let (key_size, value_size) = (size(key), size(value));
        Self { completion, index, slot: Slot::NONE, timestamp_ms, key_size, value_size }
    }

    /// The topic of the record.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.completion.topic
    }

    /// The partition that was chosen for the record.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.completion.partition
    }

    fn resolve(&self, within: u32, outcome: &Outcome) -> Result<RecordMetadata, Error> {
        match outcome {
            Outcome::Written { base_offset, log_append_time_ms, log_start_offset } => {
                Ok(RecordMetadata {
                    topic: self.completion.topic.clone(),
                    partition: self.completion.partition,
                    offset: base_offset.map(|base| base + i64::from(within)),
                    timestamp_ms: log_append_time_ms.unwrap_or(self.timestamp_ms),
                    log_append_time_ms: *log_append_time_ms,
                    log_start_offset: *log_start_offset,
                    serialized_key_size: usize::try_from(self.key_size).ok(),
                    serialized_value_size: usize::try_from(self.value_size).ok(),
                })
            }
            Outcome::Failed(failure) => {
                let error = failure::error(failure, self.topic(), self.partition(), within);
                match self.completion.state.lock().cause.clone() {
                    Some(cause) => Err(error.with_source(cause)),
                    None => Err(error),
                }
            }
        }
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match this.completion.poll(this.index, &mut this.slot, cx) {
            Some((within, outcome)) => Poll::Ready(this.resolve(within, &outcome)),
            None => Poll::Pending,
        }
    }
}
