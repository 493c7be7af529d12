//! [`Decoder`]: reads messages from a frame.

use bytes::Bytes;

use super::{Message, reader::Reader};
use crate::error::{DecodeError, DecodeErrorKind};

/// What the values of a frame may take in memory, however small the frame is.
const MEMORY_BYTES_MIN: usize = 64 * 1024;

/// How many times its own bytes the values of a frame may take in memory. Real messages take two to
/// five times; only arrays of empty strings come near.
const MEMORY_FACTOR: usize = 32;

/// Reads messages from a frame; strings and bytes are slices of it.
#[derive(Clone, Debug)]
pub struct Decoder {
    frame: Bytes,
    position: usize,
    /// What may still be reserved.
    memory_bytes: usize,
    message: &'static str,
    version: i16,
}

impl Decoder {
    /// A decoder at the begin of the bytes.
    #[must_use]
    pub const fn new(frame: Bytes) -> Self {
        let memory_bytes =
            frame.len().saturating_mul(MEMORY_FACTOR).saturating_add(MEMORY_BYTES_MIN);
        Self { frame, position: 0, memory_bytes, message: "", version: 0 }
    }

    /// Bytes that are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.frame.len() - self.position
    }

    /// Where the next byte is, counted from the begin.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Reads a message that the bytes end with.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where the bytes are not this message, or go on behind it.
    pub fn message<M: Message>(&mut self, version: i16) -> Result<M, DecodeError> {
        let message = M::decode(self, version)?;
        match self.remaining() {
            0 => Ok(message),
            remaining => Err(self.error(DecodeErrorKind::TrailingBytes { remaining }, "")),
        }
    }

    /// Names the message that errors are about.
    pub(crate) const fn begin(&mut self, message: &'static str, version: i16) {
        self.message = message;
        self.version = version;
    }

    #[cold]
    pub(crate) fn error(&self, kind: DecodeErrorKind, field: &'static str) -> DecodeError {
        DecodeError::new(kind, self.message, self.version, field, self.position)
    }

    /// Reads with what reads fields, and goes on behind them.
    pub(crate) fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let mut reader = Reader {
            rest: self.frame.get(self.position..).unwrap_or_default(),
            end: self.frame.len(),
            memory_bytes: self.memory_bytes,
            frame: &self.frame,
            message: self.message,
            version: self.version,
        };
        let value = read(&mut reader)?;
        (self.position, self.memory_bytes) = (reader.position(), reader.memory_bytes);
        Ok(value)
    }
}
