//! The bytes that are on their way to the socket, in order.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use milena_wire::frame::Frame;
use tokio::io::AsyncWrite;

/// How many pieces one system call takes. Frames have two or three, so this is dozens of frames.
const SLICES: usize = 64;

/// Pieces of frames, written with as few system calls as possible.
#[derive(Debug, Default)]
pub(super) struct WriteQueue {
    segments: VecDeque<Bytes>,
    /// Bytes that were ever put in.
    pushed: u64,
    /// Bytes that the stream took.
    written: u64,
    needs_flush: bool,
}

impl WriteQueue {
    /// Adds a frame. Returns the position of its end in the stream of bytes.
    pub(super) fn push(&mut self, frame: Frame) -> u64 {
        for segment in frame.segments {
            self.pushed += segment.len() as u64;
            if !segment.is_empty() {
                self.segments.push_back(segment);
            }
        }
        self.pushed
    }

    /// How many bytes the stream took. A frame whose end lies behind cannot have been read whole
    /// by the broker.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Whether everything was written and flushed.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty() && !self.needs_flush
    }

    /// Writes until everything is with the stream, or the stream takes no more.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<()>> {
        while !self.segments.is_empty() {
            let taken = match self.poll_write_some(cx, stream) {
                Poll::Ready(Ok(taken)) => taken,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            };
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.needs_flush = true;
            self.written += taken as u64;
            self.advance(taken);
        }
        if self.needs_flush {
            match Pin::new(stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.needs_flush = false,
                other => return other,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_some<S: AsyncWrite + Unpin>(
        &self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for (slice, segment) in slices.iter_mut().zip(&self.segments) {
            *slice = IoSlice::new(segment);
            count += 1;
        }
        Pin::new(stream).poll_write_vectored(cx, slices.get(..count).unwrap_or_default())
    }

    fn advance(&mut self, mut taken: usize) {
        while let Some(front) = self.segments.front_mut() {
            if taken < front.len() {
                front.advance(taken);
                return;
            }
            taken -= front.len();
            self.segments.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    /// Takes a few bytes at a time and says "later" after each time.
    #[derive(Default)]
    struct Slow {
        taken: Vec<u8>,
        step: usize,
        ready: bool,
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.ready = !self.ready;
            if !self.ready {
                return Poll::Pending;
            }
            let count = self.step.min(bytes.len());
            self.taken.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn frame(pieces: &[&'static str]) -> Frame {
        Frame {
            segments: pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect(),
        }
    }

    #[test]
    fn writes_everything_in_order_however_little_the_stream_takes() {
        for step in 1..8 {
            let mut queue = WriteQueue::default();
            let mut stream = Slow { step, ..Slow::default() };
            let first = queue.push(frame(&["ab", "", "cde"]));
            let second = queue.push(frame(&["f", "gh"]));
            assert_eq!((first, second), (5, 8));
            let mut cx = Context::from_waker(Waker::noop());
            while queue.poll_write(&mut cx, &mut stream).is_pending() {
                assert_eq!(queue.written(), stream.taken.len() as u64);
            }
            assert_eq!(stream.taken, b"abcdefgh");
            assert!(queue.is_empty());
        }
    }
}
