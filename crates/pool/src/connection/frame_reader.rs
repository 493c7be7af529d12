//! Cuts the stream of bytes into response frames.
//!
//! Small frames are copied out of one buffer that stays; a large frame gets a buffer of its own, from
//! the [`FrameShelf`] if one fits, and the socket reads straight into it. The length that a peer claims
//! never makes more memory be asked for than [`FIRST_RESERVE`] or twice what has arrived.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::frame_shelf::FrameShelf;
use crate::error::{Answered, DisconnectReason, Impostor};

/// The size of the buffer that stays.
const BUFFER: usize = 16 * 1024;

/// The most that a frame gets before any of it has arrived.
const FIRST_RESERVE: usize = 1024 * 1024;

/// What the capacities of large frames are multiples of; pages that nothing is written to cost nothing.
const FRAME_GRANULE: usize = 256 * 1024;

const LENGTH: usize = milena_wire::frame::LENGTH_BYTES;

/// The smallest response: a correlation id.
const FRAME_MIN: usize = 4;

/// Reads frames.
#[derive(Debug)]
pub(super) struct FrameReader {
    buffer: Vec<u8>,
    /// Where the bytes begin that were not taken yet.
    start: usize,
    large: Option<Large>,
    shelf: Arc<FrameShelf>,
    frame_bytes_max: usize,
    /// Bytes that ever came.
    read: u64,
    /// Whether no length has been read yet. The first one may be another protocol's bytes even
    /// if it is small enough: those of TLS say 352 MB.
    at_first: bool,
}

/// A frame that does not fit the buffer.
#[derive(Debug)]
struct Large {
    frame: Vec<u8>,
    length: usize,
}

impl FrameReader {
    /// A reader that accepts frames up to `frame_bytes_max`, and takes buffers of the shelf.
    pub(super) fn new(frame_bytes_max: usize, shelf: Arc<FrameShelf>) -> Self {
        Self {
            buffer: Vec::with_capacity(BUFFER),
            start: 0,
            large: None,
            shelf,
            frame_bytes_max,
            read: 0,
            at_first: true,
        }
    }

    /// How many bytes the stream gave.
    pub(super) const fn read(&self) -> u64 {
        self.read
    }

    /// The next frame without its length; `Err` when the stream ended or makes no sense.
    pub(super) fn poll_frame<S: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<Result<Bytes, ReadError>> {
        loop {
            if let Some(frame) = self.buffered_frame()? {
                return Poll::Ready(Ok(frame));
            }
            let read = match self.poll_fill(cx, stream) {
                Poll::Ready(read) => read.map_err(ReadError::Io)?,
                Poll::Pending => return Poll::Pending,
            };
            self.read += read as u64;
            if read == 0 {
                return Poll::Ready(Err(ReadError::EndOfStream));
            }
        }
    }

    /// Takes a frame that has arrived whole; begins a large one.
    fn buffered_frame(&mut self) -> Result<Option<Bytes>, ReadError> {
        if let Some(large) = self.large.take_if(|large| large.frame.len() == large.length) {
            return Ok(Some(self.shelf.frame(large.frame)));
        }
        let available = self.buffer.get(self.start..).unwrap_or_default();
        let Some((prefix, body)) = available.split_first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        if self.at_first
            && let Some(impostor) = Impostor::recognise(*prefix)
        {
            return Err(ReadError::NotKafka(impostor));
        }
        let length = checked_length(*prefix, self.frame_bytes_max)?;
        self.at_first = false;
        if let Some(frame) = body.get(..length) {
            let frame = Bytes::copy_from_slice(frame);
            self.start += LENGTH + length;
            return Ok(Some(frame));
        }
        if LENGTH + length > BUFFER {
            let mut frame = self
                .shelf
                .take(length)
                .unwrap_or_else(|| Vec::with_capacity(round_up(length).min(FIRST_RESERVE)));
            frame.extend_from_slice(body);
            self.large = Some(Large { frame, length });
            self.start = self.buffer.len();
        }
        Ok(None)
    }

    fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<usize>> {
        if let Some(Large { frame, length }) = &mut self.large {
            let remaining = *length - frame.len();
            if frame.len() == frame.capacity() {
                frame.reserve_exact(round_up(remaining).min(frame.len()));
            }
            let room = (frame.capacity() - frame.len()).min(remaining);
            return pin!(stream.read_buf(&mut frame.limit(room))).poll(cx);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let room = BUFFER - self.buffer.len();
        pin!(stream.read_buf(&mut (&mut self.buffer).limit(room))).poll(cx)
    }
}

/// A capacity that frames of nearly the same length can use too.
const fn round_up(length: usize) -> usize {
    length.next_multiple_of(FRAME_GRANULE)
}

fn checked_length(prefix: [u8; LENGTH], limit: usize) -> Result<usize, ReadError> {
    let length = i32::from_be_bytes(prefix);
    let plausible = usize::try_from(length).ok().filter(|length| *length >= FRAME_MIN);
    match plausible {
        Some(length) if length <= limit => Ok(length),
        Some(bytes) => Err(ReadError::TooLarge { bytes, limit }),
        None => Err(ReadError::InvalidLength(length)),
    }
}

/// Why there is no next frame.
#[derive(Debug)]
pub(super) enum ReadError {
    EndOfStream,
    Io(io::Error),
    InvalidLength(i32),
    TooLarge { bytes: usize, limit: usize },
    NotKafka(Impostor),
}

impl ReadError {
    /// The reason to close the connection with. `answered`: what the broker had answered.
    pub(super) fn into_reason(self, answered: Answered) -> DisconnectReason {
        match self {
            Self::EndOfStream => DisconnectReason::ClosedByBroker { answered },
            // TLS that ends without saying so, as brokers do that are stopped.
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                DisconnectReason::ClosedByBroker { answered }
            }
            // A listener of another kind does not read to the end what it does not understand, and
            // the system tells that by a reset.
            Self::Io(error)
                if error.kind() == io::ErrorKind::ConnectionReset
                    && answered < Answered::Requests =>
            {
                DisconnectReason::ClosedByBroker { answered }
            }
            Self::Io(error) => DisconnectReason::Io(error.into()),
            Self::InvalidLength(length) => DisconnectReason::InvalidFrameLength(length),
            Self::TooLarge { bytes, limit } => DisconnectReason::FrameTooLarge { bytes, limit },
            Self::NotKafka(impostor) => DisconnectReason::NotKafka(impostor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    async fn read_all(chunks: Vec<Vec<u8>>, limit: usize) -> (Vec<Bytes>, ReadError) {
        let mut stream = tokio_stream(chunks);
        let mut reader = FrameReader::new(limit, Arc::default());
        let mut frames = Vec::new();
        loop {
            match poll_fn(|cx| reader.poll_frame(cx, &mut stream)).await {
                Ok(frame) => frames.push(frame),
                Err(error) => return (frames, error),
            }
        }
    }

    /// A stream that gives one chunk a read.
    fn tokio_stream(chunks: Vec<Vec<u8>>) -> impl AsyncRead + Unpin {
        chunks
            .into_iter()
            .fold(Box::new(tokio::io::empty()) as Box<dyn AsyncRead + Unpin>, |before, chunk| {
                Box::new(before.chain(io::Cursor::new(chunk)))
            })
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        let length = i32::try_from(body.len()).unwrap();
        [&length.to_be_bytes()[..], body].concat()
    }

    #[tokio::test]
    async fn cuts_frames_wherever_the_bytes_are_split() {
        let bodies: Vec<Vec<u8>> =
            [4, 5, 100, BUFFER - LENGTH, BUFFER, 3 * BUFFER, 7].map(|size| vec![7; size]).into();
        let bytes: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
        for size in [1, 3, 4, 5, 1000, BUFFER, bytes.len()] {
            let chunks = bytes.chunks(size).map(<[u8]>::to_vec).collect();
            // One-byte chunks nest too many streams; there the first frames are enough.
            let chunks: Vec<Vec<u8>> = chunks;
            let limited: Vec<Vec<u8>> = chunks.into_iter().take(200).collect();
            let total: usize = limited.iter().map(Vec::len).sum();
            let (frames, error) = read_all(limited, 1 << 20).await;
            let mut expected = 0;
            let mut end = 0;
            for body in &bodies {
                end += LENGTH + body.len();
                if end <= total {
                    assert_eq!(frames[expected], body);
                    expected += 1;
                }
            }
            assert_eq!(frames.len(), expected, "chunks of {size}");
            assert!(matches!(error, ReadError::EndOfStream));
        }
    }

    #[tokio::test]
    async fn claimed_length_does_not_reserve_memory() {
        let mut reader = FrameReader::new(usize::MAX, Arc::default());
        let mut stream = tokio_stream(vec![i32::MAX.to_be_bytes().to_vec(), vec![1; 10]]);
        let error = poll_fn(|cx| reader.poll_frame(cx, &mut stream)).await.unwrap_err();
        assert!(matches!(error, ReadError::EndOfStream));
        assert!(reader.large.unwrap().frame.capacity() <= FIRST_RESERVE);
    }

    #[tokio::test]
    async fn refuses_lengths_that_cannot_be() {
        let (_, error) = read_all(vec![(-1_i32).to_be_bytes().to_vec()], 100).await;
        assert!(matches!(error, ReadError::InvalidLength(-1)), "{error:?}");
        let (_, error) = read_all(vec![3_i32.to_be_bytes().to_vec()], 100).await;
        assert!(matches!(error, ReadError::InvalidLength(3)), "{error:?}");
        let (_, error) = read_all(vec![101_i32.to_be_bytes().to_vec()], 100).await;
        assert!(matches!(error, ReadError::TooLarge { bytes: 101, limit: 100 }), "{error:?}");
        let (_, error) = read_all(vec![b"HTTP/1.1 400".to_vec()], 100).await;
        assert!(matches!(error, ReadError::NotKafka(Impostor::Http)), "{error:?}");
    }
}
