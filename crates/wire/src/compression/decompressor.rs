//! Decompression of blocks with state that is kept between them.

use std::fmt;

use super::codec::CompressionType;
use super::error::DecompressError;
use super::lz4::Lz4HeaderChecksum;
use super::zstd::ZstdDecoder;
use super::{gzip, lz4, snappy};

/// Decompresses blocks and keeps the tables of the codecs used so far.
#[derive(Default)]
pub struct Decompressor {
    snappy: snap::raw::Decoder,
    zstd: Option<Box<ZstdDecoder>>,
}

impl Decompressor {
    /// A decompressor without any table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decompresses `input`, which may be several frames of the codec, and appends at most
    /// `limit` bytes to `output`.
    ///
    /// # Errors
    ///
    /// `input` does not follow the codec's format, or holds more than `limit` bytes. `output` may
    /// then hold a part of the content.
    pub fn decompress(
        &mut self,
        codec: CompressionType,
        input: &[u8],
        limit: usize,
        output: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        match codec {
            CompressionType::None if input.len() > limit => {
                Err(DecompressError::limit(codec, limit))
            }
            CompressionType::None => {
                output.extend_from_slice(input);
                Ok(())
            }
            CompressionType::Gzip => gzip::decompress(input, limit, output),
            CompressionType::Snappy => snappy::decompress(&mut self.snappy, input, limit, output),
            CompressionType::Lz4 => {
                self.decompress_lz4(input, limit, Lz4HeaderChecksum::Standard, output)
            }
            CompressionType::Zstd => {
                self.zstd.get_or_insert_default().decompress(input, limit, output)
            }
        }
    }

    /// Decompresses LZ4 frames with the header checksum that their writer may have used.
    ///
    /// # Errors
    ///
    /// As [`decompress`](Self::decompress).
    pub fn decompress_lz4(
        &mut self,
        input: &[u8],
        limit: usize,
        checksum: Lz4HeaderChecksum,
        output: &mut Vec<u8>,
    ) -> Result<(), DecompressError> {
        lz4::decompress(input, limit, checksum, output)
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decompressor").finish_non_exhaustive()
    }
}
