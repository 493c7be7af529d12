//! Topics and partitions as the sending tasks see them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use bytes::BytesMut;
use milena_core::backoff::Jitter;
use milena_core::producer::{PartitionKey, PartitionQueue, StickyPartition};
use milena_wire::ByteString;
use parking_lot::{Mutex, MutexGuard, RwLock};

use super::delivery::Completion;

/// No partition sticks yet.
const NONE: u32 = u32::MAX;

/// A topic and its partitions.
///
/// When partitions are added to the topic another `Topic` with the same [`Partition`]s and the new
/// ones takes its place, and this one is marked.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: ByteString,
    pub(super) partitions: Box<[Arc<Partition>]>,
    pub(super) sticky: Sticky,
    /// Partitions that have a leader.
    pub(super) available: RwLock<Vec<u32>>,
    /// Another topic has taken its place.
    is_replaced: AtomicBool,
    /// When the metadata was told last that the topic is used, in ms since the producer's start.
    pub(super) kept_at_ms: AtomicU64,
}

impl Topic {
    pub(super) fn new(name: ByteString, partitions: Box<[Arc<Partition>]>, seed: u64) -> Self {
        let available = (0..u32::try_from(partitions.len()).unwrap_or(u32::MAX)).collect();
        Self {
            name,
            partitions,
            sticky: Sticky::new(seed),
            available: RwLock::new(available),
            is_replaced: AtomicBool::new(false),
            kept_at_ms: AtomicU64::new(0),
        }
    }

    /// How many partitions it has; at least one.
    #[inline]
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    #[inline]
    pub(super) fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Relaxed)
    }

    pub(super) fn mark_replaced(&self) {
        self.is_replaced.store(true, Ordering::Relaxed);
    }
}

/// The partition that records without key go to, until enough bytes went there.
///
/// Spec: KIP-794#uniform-sticky-batch-size: it changes when `batch.size` bytes were sent, at the
/// end of a batch, so that no batch is left half full.
#[derive(Debug)]
pub(super) struct Sticky {
    current: AtomicU32,
    /// Bytes since the partition became current; written under that partition's lock alone.
    bytes: AtomicUsize,
    next: Mutex<(StickyPartition, Jitter)>,
}

impl Sticky {
    fn new(seed: u64) -> Self {
        Self {
            current: AtomicU32::new(NONE),
            bytes: AtomicUsize::new(0),
            next: Mutex::new((StickyPartition::default(), Jitter::new(seed))),
        }
    }

    /// The partition at this moment.
    #[inline]
    pub(super) fn current(&self, count: u32) -> u32 {
        match self.current.load(Ordering::Relaxed) {
            NONE => self.switch(NONE, count),
            current => current,
        }
    }

    /// Whether records still go to this partition.
    #[inline]
    pub(super) fn is_current(&self, partition: u32) -> bool {
        self.current.load(Ordering::Relaxed) == partition
    }

    /// Counts bytes that went to the current partition, under its lock. Returns the sum.
    #[inline]
    pub(super) fn count(&self, bytes: usize) -> usize {
        let sum = self.bytes.load(Ordering::Relaxed) + bytes;
        self.bytes.store(sum, Ordering::Relaxed);
        sum
    }

    /// Bytes that went to the current partition.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Moves on, unless somebody else did. Returns the current partition.
    #[cold]
    pub(super) fn switch(&self, from: u32, count: u32) -> u32 {
        let mut next = self.next.lock();
        let current = self.current.load(Ordering::Relaxed);
        if current != from {
            return current;
        }
        let (sticky, jitter) = &mut *next;
        let chosen = sticky.choose(count, jitter.next_u64());
        self.bytes.store(0, Ordering::Relaxed);
        self.current.store(chosen, Ordering::Relaxed);
        chosen
    }

    /// Learns how many batches wait for each partition; `None` for those to avoid.
    pub(super) fn update_loads(&self, loads: impl IntoIterator<Item = Option<u32>>) {
        self.next.lock().0.update_loads(loads);
    }
}

/// The batches of a partition before the sender has them.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) batches: PartitionQueue<Arc<Completion>>,
    /// The background task has been asked to look and has not looked yet.
    pub(super) is_announced: bool,
    /// Nothing is appended any more.
    pub(super) is_closed: bool,
}

/// One partition.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) key: PartitionKey,
    pub(super) topic: ByteString,
    pub(super) index: i32,
    queue: Mutex<Queue>,
}

impl Partition {
    pub(super) fn new(
        key: PartitionKey,
        topic: ByteString,
        index: i32,
        batches: PartitionQueue<Arc<Completion>>,
    ) -> Self {
        let queue = Mutex::new(Queue { batches, is_announced: false, is_closed: false });
        Self { key, topic, index, queue }
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock()
    }
}

impl Queue {
    /// Whether the background task has to be asked to look; it counts as asked then.
    pub(super) const fn announce(&mut self) -> bool {
        !std::mem::replace(&mut self.is_announced, true)
    }

    /// Begins a batch with memory that has been reserved.
    pub(super) fn open(
        &mut self,
        partition: &Partition,
        buffer: BytesMut,
        reserved: usize,
        now: Instant,
    ) {
        let completion = Completion::new(partition.topic.clone(), partition.index);
        self.batches.open(buffer, reserved, Arc::new(completion), now);
    }
}
