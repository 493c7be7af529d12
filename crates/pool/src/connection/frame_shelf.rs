//! Buffers of large frames that nobody reads any more, kept for the frames to come.
//!
//! A buffer of megabytes that comes fresh from the system costs a page fault every 4 KiB, and one that
//! goes back leaves holes: docs/decisions/frame-buffers.md has the measurements.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;

/// What the connections of a pool keep together at most.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// A frame takes no buffer that is this many times as large: who keeps the frame keeps its buffer.
const WASTE_MAX: usize = 2;

/// The buffers that wait for a frame, the oldest first; shared by the connections of a pool.
#[derive(Debug, Default)]
pub(crate) struct FrameShelf {
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl FrameShelf {
    /// An empty buffer with room for a frame of `length` bytes; the one that fits best.
    pub(super) fn take(&self, length: usize) -> Option<Vec<u8>> {
        let fits = length..=length.saturating_mul(WASTE_MAX);
        let mut buffers = self.buffers.lock();
        let (index, _) = buffers
            .iter()
            .enumerate()
            .filter(|(_, buffer)| fits.contains(&buffer.capacity()))
            .min_by_key(|(_, buffer)| buffer.capacity())?;
        Some(buffers.remove(index))
    }

    /// A frame whose buffer comes back when its last slice is dropped.
    pub(super) fn frame(self: &Arc<Self>, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(ShelvedFrame { bytes, shelf: Arc::downgrade(self) })
    }

    fn put_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut buffers = self.buffers.lock();
        buffers.push(buffer);
        let mut kept: usize = buffers.iter().map(Vec::capacity).sum();
        // Sizes that are not asked for any more become the oldest, and go first.
        let surplus = buffers
            .iter()
            .take_while(|buffer| {
                let is_surplus = kept > BYTES_MAX;
                kept -= buffer.capacity();
                is_surplus
            })
            .count();
        let dropped: Vec<Vec<u8>> = buffers.drain(..surplus).collect();
        // Memory goes back to the system without the lock.
        drop(buffers);
        drop(dropped);
    }
}

/// The bytes of a frame.
struct ShelvedFrame {
    bytes: Vec<u8>,
    shelf: Weak<FrameShelf>,
}

impl AsRef<[u8]> for ShelvedFrame {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for ShelvedFrame {
    fn drop(&mut self) {
        if let Some(shelf) = self.shelf.upgrade() {
            shelf.put_back(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacities(shelf: &FrameShelf) -> Vec<usize> {
        shelf.buffers.lock().iter().map(Vec::capacity).collect()
    }

    #[test]
    fn a_buffer_comes_back_with_the_last_slice_of_its_frame() {
        let shelf = Arc::new(FrameShelf::default());
        let frame = shelf.frame(vec![7; 1000]);
        let slice = frame.slice(10..20);
        drop(frame);
        assert!(capacities(&shelf).is_empty());
        assert_eq!(slice, [7; 10][..]);
        drop(slice);
        assert_eq!(capacities(&shelf), [1000]);
        let buffer = shelf.take(900).expect("it fits");
        assert!(buffer.is_empty() && buffer.capacity() == 1000);
        assert!(capacities(&shelf).is_empty());
    }

    #[test]
    fn a_frame_takes_the_buffer_that_fits_best_and_none_that_wastes_memory() {
        let shelf = FrameShelf::default();
        for capacity in [3000, 1000, 2000] {
            shelf.put_back(Vec::with_capacity(capacity));
        }
        assert_eq!(shelf.take(3001), None);
        assert_eq!(shelf.take(499), None);
        assert_eq!(shelf.take(1001).expect("one fits").capacity(), 2000);
        assert_eq!(shelf.take(1001), None);
        assert_eq!(shelf.take(1500).expect("one fits").capacity(), 3000);
    }

    #[test]
    fn the_oldest_buffers_go_when_there_are_too_many() {
        let shelf = FrameShelf::default();
        for capacity in [BYTES_MAX / 4, BYTES_MAX / 2, BYTES_MAX / 2] {
            shelf.put_back(Vec::with_capacity(capacity));
        }
        assert_eq!(capacities(&shelf), [BYTES_MAX / 2, BYTES_MAX / 2]);
        shelf.put_back(Vec::with_capacity(BYTES_MAX + 1));
        assert!(capacities(&shelf).is_empty());
    }

    #[test]
    fn a_frame_outlives_its_pool() {
        let shelf = Arc::new(FrameShelf::default());
        let frame = shelf.frame(vec![7; 1000]);
        drop(shelf);
        assert_eq!(frame, vec![7; 1000]);
    }
}
