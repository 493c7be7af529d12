//! zstd (RFC 8878), one frame or several after each other.
//!
//! Two crates do the work, chosen in docs/decisions/zstd.md: the decoder, which reads what a peer
//! sent, has no unsafe code; the encoder, which reads what the caller gave, has every level.
//! Written frames name their content's size and no window larger than it, so that every reader
//! accepts them.

use structured_zstd::encoding::{CompressionLevel, FrameCompressor};

use super::codec::{Compression, CompressionType};
use super::error::{CompressError, DecompressError};

/// An encoder's tables, kept between blocks of the same level.
pub(super) struct ZstdEncoder {
    level: i32,
    encoder: FrameCompressor,
    frame: Vec<u8>,
}

impl ZstdEncoder {
    pub(super) fn new(level: i32) -> Self {
        let level = in_range(level);
        let mut encoder = FrameCompressor::new(CompressionLevel::from_level(level));
        // The batch has a checksum of its own.
        encoder.set_content_checksum(false);
        Self { level, encoder, frame: Vec::new() }
    }

    /// Whether these tables encode with the level.
    pub(super) fn is_for(&self, level: i32) -> bool {
        self.level == in_range(level)
    }

    pub(super) fn compress(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        if u32::try_from(input.len()).is_err() {
            let compression = Compression::Zstd { level: self.level };
            return Err(CompressError::new(compression, "the block has 4 GiB or more"));
        }
        self.encoder.compress_independent_frame_into(input, &mut self.frame);
        output.extend_from_slice(&self.frame);
        Ok(())
    }
}

fn in_range(level: i32) -> i32 {
    level.clamp(*Compression::ZSTD_LEVELS.start(), *Compression::ZSTD_LEVELS.end())
}

/// A decoder's tables, kept between blocks.
#[derive(Default)]
pub(super) struct ZstdDecoder(zrip::DecompressContext);

impl ZstdDecoder {
    /// Decompresses every frame of `input` behind what `output` holds.
    pub(super) fn decompress(
        &mut self,
        input: &[u8],
        limit: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        match self.0.decompress_into_with_limit(input, output, limit) {
            Ok(_) => Ok(()),
            Err(zrip::DecompressError::OutputTooSmall) => {
                Err(DecompressError::limit(CompressionType::Zstd, limit))
            }
            Err(error) => Err(DecompressError::corrupt(CompressionType::Zstd, error)),
        }
    }
}
