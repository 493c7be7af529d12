//! Compression of blocks with state that is kept between them.

use std::fmt;

use lz4_flex::block::CompressTable;

use super::codec::Compression;
use super::error::CompressError;
use super::gzip::GzipEncoder;
use super::lz4::Lz4HeaderChecksum;
use super::zstd::ZstdEncoder;
use super::{lz4, snappy};

/// Compresses blocks and keeps the tables of the codecs used so far.
///
/// A table is made when its codec is first used: a compressor that is never used owns no memory.
#[derive(Default)]
pub struct Compressor {
    gzip: Option<GzipEncoder>,
    snappy: Option<Box<snap::raw::Encoder>>,
    lz4: Option<Box<CompressTable>>,
    zstd: Option<Box<ZstdEncoder>>,
    /// What a batch is compressed into before it replaces the batch's records.
    scratch: Vec<u8>,
}

impl Compressor {
    /// A compressor without any table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Compresses `input` and appends the result to `output`; with [`Compression::None`] it is
    /// appended as it is.
    ///
    /// # Errors
    ///
    /// The codec failed, which none does for inputs below 2 GiB; `output` is then of no use.
    pub fn compress(
        &mut self,
        compression: Compression,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        match compression {
            Compression::None => {
                output.extend_from_slice(input);
                Ok(())
            }
            Compression::Gzip { level } => {
                self.gzip.take_if(|encoder| !encoder.is_for(level));
                self.gzip.get_or_insert_with(|| GzipEncoder::new(level)).compress(input, output)
            }
            Compression::Snappy => snappy::compress(
                self.snappy.get_or_insert_with(|| Box::new(snap::raw::Encoder::new())),
                input,
                output,
            ),
            Compression::Lz4 { .. } => {
                self.compress_lz4(input, Lz4HeaderChecksum::Standard, output)
            }
            Compression::Zstd { level } => {
                self.zstd.take_if(|encoder| !encoder.is_for(level));
                self.zstd
                    .get_or_insert_with(|| Box::new(ZstdEncoder::new(level)))
                    .compress(input, output)
            }
        }
    }

    /// Compresses `input` as an LZ4 frame with the header checksum that its readers expect.
    ///
    /// # Errors
    ///
    /// As [`compress`](Self::compress).
    pub fn compress_lz4(
        &mut self,
        input: &[u8],
        checksum: Lz4HeaderChecksum,
        output: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        let table = self.lz4.get_or_insert_with(|| Box::new(CompressTable::small()));
        lz4::compress(table, input, checksum, output)
    }

    /// Replaces the bytes of `buffer` from `from` on by what they compress to, if that is smaller,
    /// and says whether it did.
    pub(crate) fn compress_in_place(
        &mut self,
        compression: Compression,
        buffer: &mut Vec<u8>,
        from: usize,
    ) -> Result<bool, CompressError> {
        if compression == Compression::None {
            return Ok(false);
        }
        let mut compressed = std::mem::take(&mut self.scratch);
        compressed.clear();
        let result = self.compress(compression, &buffer[from..], &mut compressed);
        let is_smaller = result.is_ok() && compressed.len() < buffer.len() - from;
        if is_smaller {
            buffer.truncate(from);
            buffer.extend_from_slice(&compressed);
        }
        self.scratch = compressed;
        result.map(|()| is_smaller)
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}
