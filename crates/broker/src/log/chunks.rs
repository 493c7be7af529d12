//! The bytes of a log: contiguous pieces that are shared without copying once they were read.
//!
//! Appending copies a batch into the open buffer. The first read of the open buffer freezes what
//! is in it: the allocation is shared by the frozen piece and by the rest of the open buffer.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

const CHUNK_BYTES_MIN: usize = 4 << 10;
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// A single piece of at least this size is handed out alone rather than joined with the next one.
const SHARED_BYTES_MIN: usize = 128 << 10;

/// A frozen run of whole batches.
#[derive(Debug)]
struct Piece {
    start: u64,
    len: usize,
    /// `None` when the bytes were dropped from memory and are only in storage.
    bytes: Option<Bytes>,
}

impl Piece {
    fn end(&self) -> u64 {
        self.start + self.len as u64
    }
}

/// What a range of the log is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extent {
    Memory(Bytes),
    /// Byte positions that have to be read from storage.
    Stored {
        start: u64,
        len: usize,
    },
}

/// The pieces of one log by byte position. Positions only grow; they restart with the process.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    pieces: VecDeque<Piece>,
    open: BytesMut,
    open_start: u64,
    /// Capacity of the next open buffer; doubles so that small topics stay small.
    capacity_next: usize,
    memory_bytes: usize,
}

impl Chunks {
    /// The position after the last byte.
    pub(crate) fn end(&self) -> u64 {
        self.open_start + self.open.len() as u64
    }

    /// Copies one batch to the end and returns it for patching, with its position.
    pub(crate) fn push(&mut self, batch: &[u8]) -> (u64, &mut [u8]) {
        if self.open.capacity() - self.open.len() < batch.len() {
            self.freeze();
            self.capacity_next = (self.capacity_next * 2).clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX);
            self.open = BytesMut::with_capacity(self.capacity_next.max(batch.len()));
        }
        let position = self.end();
        let at = self.open.len();
        self.open.extend_from_slice(batch);
        self.memory_bytes += batch.len();
        (position, &mut self.open[at..])
    }

    /// The bytes of the open buffer from `position` on; empty when they were frozen already.
    pub(crate) fn tail(&self, position: u64) -> &[u8] {
        let at = position.checked_sub(self.open_start).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.open.get(at..)).unwrap_or_default()
    }

    /// Adds bytes that are in storage already.
    pub(crate) fn push_stored(&mut self, len: usize) -> u64 {
        self.freeze();
        let start = self.open_start;
        match self.pieces.back_mut() {
            Some(piece) if piece.bytes.is_none() && piece.len < CHUNK_BYTES_MAX => piece.len += len,
            _ => self.pieces.push_back(Piece { start, len, bytes: None }),
        }
        self.open_start += len as u64;
        start
    }

    /// The bytes at `start`, at most up to `end`; possibly fewer when one piece alone is large.
    pub(crate) fn slice(&mut self, start: u64, end: u64) -> Vec<Extent> {
        if end > self.open_start {
            self.freeze();
        }
        let mut out = Vec::new();
        let mut at = start;
        let first = self.pieces.partition_point(|piece| piece.end() <= start);
        for piece in self.pieces.range(first..) {
            if at >= end || piece.start >= end {
                break;
            }
            let to = piece.end().min(end);
            let from = usize::try_from(at - piece.start).unwrap_or(usize::MAX);
            let len = usize::try_from(to - at).unwrap_or(0);
            match &piece.bytes {
                Some(bytes) => out.push(Extent::Memory(bytes.slice(from..from + len))),
                None => out.push(Extent::Stored { start: at, len }),
            }
            at = to;
            if out.len() == 1 && len >= SHARED_BYTES_MIN {
                break;
            }
        }
        out
    }

    /// Forgets everything before `position`.
    pub(crate) fn drop_before(&mut self, position: u64) {
        while self.pieces.front().is_some_and(|piece| piece.end() <= position) {
            if let Some(piece) = self.pieces.pop_front()
                && let Some(bytes) = piece.bytes
            {
                self.memory_bytes = self.memory_bytes.saturating_sub(bytes.len());
            }
        }
    }

    /// Removes everything from `position` on.
    pub(crate) fn truncate(&mut self, position: u64) {
        self.freeze();
        while let Some(piece) = self.pieces.back_mut() {
            if piece.start >= position {
                self.pieces.pop_back();
                continue;
            }
            if piece.end() > position {
                piece.len = usize::try_from(position - piece.start).unwrap_or(0);
                if let Some(bytes) = &mut piece.bytes {
                    bytes.truncate(piece.len);
                }
            }
            break;
        }
        self.open = BytesMut::new();
        self.open_start = self.open_start.min(position);
        self.memory_bytes =
            self.pieces.iter().filter_map(|piece| piece.bytes.as_ref()).map(Bytes::len).sum();
    }

    /// Drops the oldest pieces from memory until at most `limit` bytes remain; for logs that are also stored.
    pub(crate) fn evict(&mut self, limit: usize) {
        for piece in &mut self.pieces {
            if self.memory_bytes <= limit {
                break;
            }
            if let Some(bytes) = piece.bytes.take() {
                self.memory_bytes = self.memory_bytes.saturating_sub(bytes.len());
            }
        }
    }

    fn freeze(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let bytes = self.open.split().freeze();
        let start = self.open_start;
        self.open_start += bytes.len() as u64;
        self.pieces.push_back(Piece { start, len: bytes.len(), bytes: Some(bytes) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(extents: &[Extent]) -> Vec<u8> {
        extents
            .iter()
            .flat_map(|extent| match extent {
                Extent::Memory(bytes) => bytes.to_vec(),
                Extent::Stored { .. } => Vec::new(),
            })
            .collect()
    }

    #[test]
    fn reads_across_pieces_and_the_open_buffer() {
        let mut chunks = Chunks::default();
        chunks.push(b"abc");
        assert_eq!(memory(&chunks.slice(0, 3)), b"abc");
        chunks.push(b"def");
        assert_eq!(memory(&chunks.slice(1, 6)), b"bcdef");
        assert_eq!(chunks.end(), 6);
    }

    #[test]
    fn truncates_inside_a_piece_and_appends_again() {
        let mut chunks = Chunks::default();
        chunks.push(b"abcdef");
        chunks.truncate(4);
        chunks.push(b"X");
        assert_eq!(memory(&chunks.slice(0, 5)), b"abcdX");
    }

    #[test]
    fn evicted_bytes_are_named_by_position() {
        let mut chunks = Chunks::default();
        chunks.push(b"abc");
        chunks.slice(0, 3);
        chunks.push(b"def");
        chunks.evict(3);
        let extents = chunks.slice(0, 6);
        assert_eq!(extents[0], Extent::Stored { start: 0, len: 3 });
        assert_eq!(extents[1], Extent::Memory(Bytes::from_static(b"def")));
    }
}
