//! The one budget of bytes for records, and the buffers that go round in it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout_at};

/// The smallest buffer that is worth keeping.
const KEPT_MIN: usize = 4096;

/// Bytes of full batches that may wait to be sent while brokers answer. More would not make anything
/// faster: the connections never run dry. It would make every record later, and touch more memory.
const AHEAD_MAX: usize = 4 << 20;
/// How long a task that is ahead waits for the brokers, before it counts them as stuck.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// The memory of one producer (`buffer.memory`).
///
/// A task that begins a batch while many wait pauses until the brokers have taken some of them. That
/// is for brokers that answer: while they are stuck the whole of `buffer.memory` can be filled.
///
/// Bytes are reserved per batch, or per part of one that grows, never per record. Whoever finds too
/// few waits in a queue; those who came later cannot overtake.
#[derive(Debug)]
pub(super) struct Memory {
    total: usize,
    permits: Semaphore,
    waiting: AtomicUsize,
    free: Mutex<FreeBuffers>,
    /// Bytes of full batches that were never sent.
    ahead: AtomicUsize,
    /// Nothing was acknowledged while a task paused, nor since.
    is_stuck: AtomicBool,
    moved: Notify,
}

/// Buffers of batches that are gone, the last one on top: it is the warmest.
#[derive(Debug, Default)]
struct FreeBuffers {
    buffers: Vec<BytesMut>,
    bytes: usize,
}

/// Counts one task that waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Memory {
    pub(super) fn new(total: usize) -> Self {
        let total = total.min(Semaphore::MAX_PERMITS);
        Self {
            total,
            permits: Semaphore::new(total),
            waiting: AtomicUsize::new(0),
            free: Mutex::default(),
            ahead: AtomicUsize::new(0),
            is_stuck: AtomicBool::new(false),
            moved: Notify::new(),
        }
    }

    /// The whole budget in bytes.
    pub(super) const fn total(&self) -> usize {
        self.total
    }

    /// Whether anybody waits.
    pub(super) fn is_pressed(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether so much waits to be sent that it is of no use to make more of it.
    fn is_ahead(&self) -> bool {
        self.ahead.load(Ordering::Relaxed) > AHEAD_MAX && !self.is_stuck.load(Ordering::Relaxed)
    }

    /// Learns that a batch is full, before the background task sees it.
    pub(super) fn note_full(&self, bytes: usize) {
        self.ahead.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Learns how many bytes of full batches were never sent.
    pub(super) fn set_ahead(&self, bytes: usize) {
        self.ahead.store(bytes, Ordering::Relaxed);
        if bytes <= AHEAD_MAX && self.is_pressed() {
            self.moved.notify_one();
        }
    }

    /// Learns that a broker has written something.
    pub(super) fn note_written(&self) {
        self.is_stuck.store(false, Ordering::Relaxed);
    }

    /// Waits until less waits to be sent, unless the brokers are stuck.
    async fn keep_pace(&self, deadline: Instant) {
        let until = deadline.min(Instant::now() + PAUSE_MAX);
        while self.is_ahead() {
            if timeout_at(until, self.moved.notified()).await.is_err() {
                if until < deadline {
                    self.is_stuck.store(true, Ordering::Relaxed);
                }
                break;
            }
        }
        // The next one looks for itself.
        self.moved.notify_one();
    }

    /// Reserves bytes for a batch if they are there, nobody waits, and few batches do.
    pub(super) fn try_reserve_batch(&self, bytes: usize) -> bool {
        !self.is_ahead() && self.try_reserve(bytes)
    }

    /// Reserves bytes if they are there and nobody waits.
    pub(super) fn try_reserve(&self, bytes: usize) -> bool {
        let Ok(permits) = u32::try_from(bytes) else { return false };
        match self.permits.try_acquire_many(permits) {
            Ok(permit) => {
                permit.forget();
                true
            }
            Err(_) => false,
        }
    }

    /// Waits for its turn and for so many bytes, at most until `deadline`. `announce` is called once it
    /// is known that it waits. False when there were none in time, the producer is closed, or the bytes
    /// exceed what can be reserved at once.
    ///
    /// Cancel safe: a future that is dropped leaves the queue.
    pub(super) async fn reserve(
        &self,
        bytes: usize,
        deadline: Instant,
        announce: impl FnOnce(),
    ) -> bool {
        let Ok(permits) = u32::try_from(bytes) else { return false };
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        announce();
        self.keep_pace(deadline).await;
        match timeout_at(deadline, self.permits.acquire_many(permits)).await {
            Ok(Ok(permit)) => {
                permit.forget();
                true
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// Gives reserved bytes back.
    pub(super) fn release(&self, bytes: usize) {
        self.permits.add_permits(bytes);
    }

    /// Lets nobody wait any more.
    pub(super) fn close(&self) {
        self.is_stuck.store(true, Ordering::Relaxed);
        self.moved.notify_one();
        self.permits.close();
    }

    /// A buffer for a batch that has reserved so many bytes.
    pub(super) fn buffer(&self, bytes: usize) -> BytesMut {
        let mut free = self.free.lock();
        let fits = |buffer: &BytesMut| buffer.capacity() >= bytes && buffer.capacity() / 2 <= bytes;
        // Buffers of one producer have one size as a rule, so the first look is enough.
        if free.buffers.last().is_some_and(fits)
            && let Some(buffer) = free.buffers.pop()
        {
            free.bytes -= buffer.capacity();
            return buffer;
        }
        // Others make place when the budget is tight.
        while free.bytes > self.permits.available_permits()
            && let Some(buffer) = free.buffers.pop()
        {
            free.bytes -= buffer.capacity();
        }
        drop(free);
        BytesMut::with_capacity(bytes)
    }

    /// Gives back the bytes of a batch that is gone, and its buffer for the next one.
    pub(super) fn recycle(&self, bytes: usize, buffer: Option<Bytes>) {
        if let Some(buffer) = buffer.and_then(|buffer| buffer.try_into_mut().ok()) {
            let capacity = buffer.capacity();
            // Whoever waits for these bytes finds the buffer when it gets them.
            let room = self.permits.available_permits() + bytes;
            let mut free = self.free.lock();
            if capacity >= KEPT_MIN && free.bytes + capacity <= room {
                free.bytes += capacity;
                free.buffers.push(buffer);
            }
        }
        self.release(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_ahead_waits_for_brokers_that_answer() {
        let memory = Memory::new(32 << 20);
        memory.set_ahead(AHEAD_MAX + 1);
        assert!(!memory.try_reserve_batch(1));
        let reserved = memory.reserve(1, later(), || {});
        tokio::pin!(reserved);
        let at_once = tokio::time::timeout(PAUSE_MAX / 2, &mut reserved).await;
        at_once.unwrap_err();
        memory.set_ahead(AHEAD_MAX);
        let begin = Instant::now();
        assert!(reserved.await);
        assert_eq!(begin.elapsed(), Duration::ZERO);
        assert!(memory.try_reserve_batch(1));
    }

    #[tokio::test(start_paused = true)]
    async fn all_of_the_memory_can_be_filled_while_brokers_are_stuck() {
        let memory = Memory::new(32 << 20);
        memory.set_ahead(AHEAD_MAX + 1);
        let begin = Instant::now();
        assert!(memory.reserve(1, later(), || {}).await);
        assert_eq!(begin.elapsed(), PAUSE_MAX);
        assert!(memory.try_reserve_batch(1), "it does not wait once more");
        memory.note_written();
        assert!(!memory.try_reserve_batch(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_refuses_nothing_that_there_is_memory_for() {
        let memory = Memory::new(32 << 20);
        memory.set_ahead(AHEAD_MAX + 1);
        assert!(memory.reserve(1, Instant::now(), || {}).await);
        assert!(!memory.reserve(32 << 20, Instant::now(), || {}).await);
        assert!(!memory.try_reserve_batch(1), "nobody waited long enough to call them stuck");
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_pause_go_on_together() {
        let memory = Memory::new(32 << 20);
        memory.set_ahead(AHEAD_MAX + 1);
        let (one, two) = (memory.reserve(1, later(), || {}), memory.reserve(1, later(), || {}));
        let both = async { tokio::join!(one, two) };
        let (both, ()) = tokio::join!(both, async { memory.set_ahead(0) });
        assert_eq!(both, (true, true));
    }

    #[test]
    fn the_buffer_of_a_batch_is_kept_for_who_waits_for_its_bytes() {
        let memory = Memory::new(8000);
        assert!(memory.try_reserve(8000));
        let buffer = memory.buffer(8000);
        let place = buffer.as_ptr();
        memory.recycle(8000, Some(buffer.freeze()));
        assert!(memory.try_reserve(8000));
        assert_eq!(memory.buffer(8000).as_ptr(), place);
    }

    #[tokio::test]
    async fn later_ones_do_not_overtake() {
        let memory = Memory::new(100);
        assert!(memory.try_reserve(90));
        let large = memory.reserve(50, later(), || {});
        tokio::pin!(large);
        tokio::select! {
            biased;
            _ = &mut large => panic!("there is no memory"),
            () = std::future::ready(()) => {}
        }
        assert!(memory.is_pressed());
        assert!(!memory.try_reserve(10), "the one that waits comes first");
        memory.release(90);
        assert!(large.await);
        assert!(!memory.is_pressed());
        assert!(memory.try_reserve(50));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_closed_producer() {
        let memory = Memory::new(10);
        assert!(memory.try_reserve(10));
        memory.close();
        assert!(!memory.reserve(1, later(), || {}).await);
    }

    #[test]
    fn buffers_come_back() {
        let memory = Memory::new(1 << 20);
        let mut buffer = memory.buffer(1 << 14);
        buffer.extend_from_slice(b"batch");
        let place = buffer.as_ptr();
        memory.recycle(0, Some(buffer.freeze()));
        assert_eq!(memory.buffer(1 << 14).as_ptr(), place);
        assert_ne!(memory.buffer(1 << 14).capacity(), 0);
    }

    #[test]
    fn free_buffers_count_against_the_budget() {
        let memory = Memory::new(10_000);
        let buffers: Vec<BytesMut> = (0..3).map(|_| memory.buffer(8000)).collect();
        for buffer in buffers {
            memory.recycle(0, Some(buffer.freeze()));
        }
        assert_eq!(memory.free.lock().bytes, 8000);
    }

    #[test]
    fn buffer_that_is_still_used_is_not_kept() {
        let memory = Memory::new(1 << 20);
        let buffer = memory.buffer(8000).freeze();
        let reader = buffer.clone();
        memory.recycle(0, Some(buffer));
        assert_eq!(memory.free.lock().bytes, 0);
        drop(reader);
    }
}
