//! Snappy in the framing of xerial's Java library, which Kafka uses, and unframed.
//!
//! A stream is a 16 byte header (8 magic bytes, version and compatible version as big-endian
//! int32) and blocks of a big-endian int32 length and raw snappy. Streams may follow each other.
//! Some clients write raw snappy without the framing; what does not start with the magic bytes is
//! taken as that.

use super::codec::{Compression, CompressionType};
use super::error::{CompressError, DecompressError};

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const HEADER_LEN: usize = 16;
/// Version and compatible version that every known implementation writes.
const VERSION: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];
/// Bytes before compression in one block: the largest unit in which snappy looks for matches.
const BLOCK_LEN: usize = 64 * 1024;
/// The densest element of the format yields 64 bytes out of 3; a block whose header promises more
/// than its elements can give is refused before memory is reserved for it.
const MAX_RATIO: usize = 22;

/// Compresses as one framed stream behind what `output` holds.
pub(super) fn compress(
    encoder: &mut snap::raw::Encoder,
    input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), CompressError> {
    output.extend_from_slice(&MAGIC);
    output.extend_from_slice(&VERSION);
    for block in input.chunks(BLOCK_LEN) {
        let start = output.len();
        output.resize(start + 4 + snap::raw::max_compress_len(block.len()), 0);
        let (length, data) = output[start..].split_at_mut(4);
        let written = encoder
            .compress(block, data)
            .map_err(|error| CompressError::new(Compression::Snappy, error))?;
        let written_length = i32::try_from(written).expect("a block is at most about 75 KiB");
        length.copy_from_slice(&written_length.to_be_bytes());
        output.truncate(start + 4 + written);
    }
    Ok(())
}

/// Decompresses a framed stream, several of them, or raw snappy, behind what `output` holds.
pub(super) fn decompress(
    decoder: &mut snap::raw::Decoder,
    input: &[u8],
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    let end = output.len().saturating_add(limit);
    if !input.starts_with(&MAGIC) {
        return decompress_block(decoder, input, end, limit, output);
    }
    let mut rest = input;
    while !rest.is_empty() {
        if rest.starts_with(&MAGIC) {
            rest = rest.get(HEADER_LEN..).ok_or_else(|| corrupt("stream header is cut short"))?;
            continue;
        }
        let (length, behind) =
            rest.split_first_chunk::<4>().ok_or_else(|| corrupt("block length is cut short"))?;
        let length = usize::try_from(i32::from_be_bytes(*length))
            .map_err(|_| corrupt("block length is negative"))?;
        let (block, behind) = behind
            .split_at_checked(length)
            .ok_or_else(|| corrupt("block is longer than what is left"))?;
        decompress_block(decoder, block, end, limit, output)?;
        rest = behind;
    }
    Ok(())
}

fn decompress_block(
    decoder: &mut snap::raw::Decoder,
    block: &[u8],
    end: usize,
    limit: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    let promised = snap::raw::decompress_len(block).map_err(corrupt)?;
    if promised > block.len().saturating_mul(MAX_RATIO) {
        return Err(corrupt("block header promises more than the block can hold"));
    }
    let start = output.len();
    if promised > end.saturating_sub(start) {
        return Err(DecompressError::limit(CompressionType::Snappy, limit));
    }
    output.resize(start + promised, 0);
    let written = decoder.decompress(block, &mut output[start..]).map_err(corrupt)?;
    output.truncate(start + written);
    Ok(())
}

fn corrupt(detail: impl std::fmt::Display) -> DecompressError {
    DecompressError::corrupt(CompressionType::Snappy, detail)
}
