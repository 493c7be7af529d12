//! gzip (RFC 1952), one member or several after each other.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use flate2::{Compress, FlushCompress, Status};

use super::codec::{Compression, CompressionType};
use super::error::{CompressError, DecompressError};

/// log2 of zlib's largest window.
const WINDOW_BITS: u8 = 15;
/// zlib's default level, which -1 stands for.
const DEFAULT_LEVEL: u32 = 6;

/// A deflate state that is kept between blocks of the same level.
pub(super) struct GzipEncoder {
    level: u32,
    state: Compress,
}

impl GzipEncoder {
    pub(super) fn new(level: i32) -> Self {
        let level = zlib_level(level);
        Self { level, state: Compress::new_gzip(flate2::Compression::new(level), WINDOW_BITS) }
    }

    /// Whether this state encodes with the level.
    pub(super) fn is_for(&self, level: i32) -> bool {
        self.level == zlib_level(level)
    }

    pub(super) fn compress(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        self.state.reset();
        output.reserve(input.len() / 4 + 64);
        loop {
            let consumed = usize::try_from(self.state.total_in()).unwrap_or(usize::MAX);
            let rest = input.get(consumed..).unwrap_or_default();
            let status = self
                .state
                .compress_vec(rest, output, FlushCompress::Finish)
                .map_err(|error| CompressError::new(Compression::Gzip { level: -1 }, error))?;
            if status == Status::StreamEnd {
                return Ok(());
            }
            output.reserve(rest.len() / 4 + 64);
        }
    }
}

fn zlib_level(level: i32) -> u32 {
    if level < 0 {
        DEFAULT_LEVEL
    } else {
        u32::try_from(level.clamp(1, 9)).unwrap_or(DEFAULT_LEVEL)
    }
}

/// Decompresses every member of `input` behind what `output` holds.
pub(super) fn decompress(
    input: &[u8],
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    let end = output.len().saturating_add(limit);
    // One byte more than the limit tells content that fills it from content that exceeds it.
    let room = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let result = MultiGzDecoder::new(input).take(room).read_to_end(output);
    let exceeded = output.len() > end;
    output.truncate(end);
    match result {
        _ if exceeded => Err(DecompressError::limit(CompressionType::Gzip, limit)),
        Ok(_) => Ok(()),
        Err(error) => Err(DecompressError::corrupt(CompressionType::Gzip, error)),
    }
}
