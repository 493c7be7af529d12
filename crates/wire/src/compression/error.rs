//! What can go wrong when compressing and decompressing.

use std::fmt;

use super::codec::{Compression, CompressionType};

/// A compression level outside Kafka's range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLevel {
    codec: CompressionType,
    level: i32,
}

impl InvalidLevel {
    pub(super) fn new(codec: CompressionType, level: i32) -> Self {
        Self { codec, level }
    }
}

impl fmt::Display for InvalidLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = match self.codec {
            CompressionType::Gzip => "1 to 9, or -1 for the default",
            CompressionType::Lz4 => "1 to 17",
            CompressionType::Zstd => "-131072 to 22",
            CompressionType::None | CompressionType::Snappy => "none",
        };
        write!(f, "{} has no level {}: expected {expected}", self.codec, self.level)
    }
}

impl std::error::Error for InvalidLevel {}

/// A block could not be compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompressError {
    compression: Compression,
    detail: String,
}

impl CompressError {
    pub(super) fn new(compression: Compression, detail: impl fmt::Display) -> Self {
        Self { compression, detail: detail.to_string() }
    }
}

impl fmt::Display for CompressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} could not compress: {}", self.compression, self.detail)
    }
}

impl std::error::Error for CompressError {}

/// A compressed block could not be decompressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecompressError {
    codec: CompressionType,
    kind: DecompressErrorKind,
}

/// Why a compressed block could not be decompressed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecompressErrorKind {
    /// The block holds more bytes than the caller allows.
    LimitExceeded {
        /// The caller's limit in bytes.
        limit: usize,
    },
    /// The block does not follow the codec's format.
    Corrupt {
        /// Which rule was broken.
        detail: String,
    },
}

impl DecompressError {
    pub(super) fn limit(codec: CompressionType, limit: usize) -> Self {
        Self { codec, kind: DecompressErrorKind::LimitExceeded { limit } }
    }

    pub(super) fn corrupt(codec: CompressionType, detail: impl fmt::Display) -> Self {
        Self { codec, kind: DecompressErrorKind::Corrupt { detail: detail.to_string() } }
    }

    /// The codec that failed.
    #[must_use]
    pub fn codec(&self) -> CompressionType {
        self.codec
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &DecompressErrorKind {
        &self.kind
    }
}

impl fmt::Display for DecompressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DecompressErrorKind::LimitExceeded { limit } => {
                write!(f, "{} block holds more than the limit of {limit} bytes", self.codec)
            }
            DecompressErrorKind::Corrupt { detail } => {
                write!(f, "{} block is corrupt: {detail}", self.codec)
            }
        }
    }
}

impl std::error::Error for DecompressError {}
