//! The one budget of bytes for records, and the buffers that go round in it.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// The smallest buffer that is worth keeping.
const KEPT_MIN: usize = 4096;

/// The memory of one producer (`buffer.memory`).
///
/// Bytes are reserved per batch, or per part of one that grows, never per record. Whoever finds too
/// few waits in a queue; those who came later cannot overtake.
#[derive(Debug)]
pub(super) struct Memory {
    total: usize,
    permits: Semaphore,
    waiting: AtomicUsize,
    free: Mutex<FreeBuffers>,
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

    /// Waits for its turn and for so many bytes. `announce` is called once it is known that it
    /// waits. False when the producer is closed, or the bytes exceed what can be reserved at once.
    ///
    /// Cancel safe: a future that is dropped leaves the queue.
    pub(super) async fn reserve(&self, bytes: usize, announce: impl FnOnce()) -> bool {
        let Ok(permits) = u32::try_from(bytes) else { return false };
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        announce();
        match self.permits.acquire_many(permits).await {
            Ok(permit) => {
                permit.forget();
                true
            }
            Err(_) => false,
        }
    }

    /// Gives reserved bytes back.
    pub(super) fn release(&self, bytes: usize) {
        self.permits.add_permits(bytes);
    }

    /// Lets nobody wait any more.
    pub(super) fn close(&self) {
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

    /// Takes the buffer of a batch that is gone, if nobody else holds it and there is place.
    pub(super) fn recycle(&self, buffer: Bytes) {
        let Ok(buffer) = buffer.try_into_mut() else { return };
        let capacity = buffer.capacity();
        let mut free = self.free.lock();
        if capacity >= KEPT_MIN && free.bytes + capacity <= self.permits.available_permits() {
            free.bytes += capacity;
            free.buffers.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn later_ones_do_not_overtake() {
        let memory = Memory::new(100);
        assert!(memory.try_reserve(90));
        let large = memory.reserve(50, || {});
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
        assert!(!memory.reserve(1, || {}).await);
    }

    #[test]
    fn buffers_come_back() {
        let memory = Memory::new(1 << 20);
        let mut buffer = memory.buffer(1 << 14);
        buffer.extend_from_slice(b"batch");
        let place = buffer.as_ptr();
        memory.recycle(buffer.freeze());
        assert_eq!(memory.buffer(1 << 14).as_ptr(), place);
        assert_ne!(memory.buffer(1 << 14).capacity(), 0);
    }

    #[test]
    fn free_buffers_count_against_the_budget() {
        let memory = Memory::new(10_000);
        let buffers: Vec<BytesMut> = (0..3).map(|_| memory.buffer(8000)).collect();
        for buffer in buffers {
            memory.recycle(buffer.freeze());
        }
        assert_eq!(memory.free.lock().bytes, 8000);
    }

    #[test]
    fn buffer_that_is_still_used_is_not_kept() {
        let memory = Memory::new(1 << 20);
        let buffer = memory.buffer(8000).freeze();
        let reader = buffer.clone();
        memory.recycle(buffer);
        assert_eq!(memory.free.lock().bytes, 0);
        drop(reader);
    }
}
