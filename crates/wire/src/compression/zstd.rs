//! zstd (RFC 8878), one frame or several after each other.
//!
//! The crate that does the work has no unsafe code (docs/decisions/zstd.md). Written frames name their
//! content's size and no window larger than it needs, so that every reader accepts them.

use super::codec::{Compression, CompressionType};
use super::error::{CompressError, DecompressError};

/// The levels that the encoder has; what is beyond them is taken as the nearest.
const LEVEL_MIN: i32 = -7;
const LEVEL_MAX: i32 = 4;

/// An encoder for one level, with the tables that it keeps between blocks.
pub(super) struct ZstdEncoder {
    level: i32,
    encoder: Option<zrip::CompressContext>,
}

impl ZstdEncoder {
    pub(super) fn new(level: i32) -> Self {
        let level = in_range(level);
        let mut encoder = zrip::CompressContext::new(level).ok();
        if let Some(encoder) = &mut encoder {
            // The batch has a checksum of its own.
            encoder.set_content_checksum(false);
        }
        Self { level, encoder }
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
        let compression = Compression::Zstd { level: self.level };
        if u32::try_from(input.len()).is_err() {
            return Err(CompressError::new(compression, "the block has 4 GiB or more"));
        }
        let Some(encoder) = &mut self.encoder else {
            return Err(CompressError::new(compression, "the encoder has no such level"));
        };
        let frame =
            encoder.compress(input).map_err(|error| CompressError::new(compression, error))?;
        output.extend_from_slice(&frame);
        Ok(())
    }
}

fn in_range(level: i32) -> i32 {
    level.clamp(LEVEL_MIN, LEVEL_MAX)
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
        check_promises(input)
            .map_err(|detail| DecompressError::corrupt(CompressionType::Zstd, detail))?;
        match self.0.decompress_into_with_limit(input, output, limit) {
            Ok(_) => Ok(()),
            Err(zrip::DecompressError::OutputTooSmall) => {
                Err(DecompressError::limit(CompressionType::Zstd, limit))
            }
            Err(error) => Err(DecompressError::corrupt(CompressionType::Zstd, error)),
        }
    }
}

const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// Bytes that one block can hold at most.
const BLOCK_CONTENT_MAX: u64 = 128 << 10;

/// Refuses a frame whose header promises more than its blocks can hold: the decoder reserves what
/// is promised. Anything else that is wrong is left to the decoder.
fn check_promises(mut input: &[u8]) -> Result<(), &'static str> {
    while let Some((magic, behind)) = input.split_first_chunk::<4>() {
        if *magic == MAGIC {
            let Some(frame) = FrameOutline::parse(behind) else { return Ok(()) };
            if frame.promised.is_some_and(|promised| promised > frame.possible) {
                return Err("frame header promises more than its blocks can hold");
            }
            input = frame.rest;
        } else {
            // Skippable frames have a length behind their magic.
            let Some((len, content)) = behind.split_first_chunk() else { return Ok(()) };
            let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
            input = content.get(len..).unwrap_or_default();
        }
    }
    Ok(())
}

/// How much content a frame promises and can have, by its headers alone.
struct FrameOutline<'a> {
    promised: Option<u64>,
    possible: u64,
    rest: &'a [u8],
}

impl<'a> FrameOutline<'a> {
    /// The frame behind a magic; none when its header is cut short. Blocks are counted as far as
    /// they are there.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&descriptor, rest) = bytes.split_first()?;
        let is_single_segment = descriptor & 0x20 != 0;
        let dictionary_id_len = [0, 1, 2, 4][usize::from(descriptor & 0b11)];
        let rest = rest.get(usize::from(!is_single_segment) + dictionary_id_len..)?;
        let (promised, rest) = match descriptor >> 6 {
            0 if !is_single_segment => (None, rest),
            0 => (Some(u64::from(*rest.first()?)), rest.get(1..)?),
            1 => {
                let (size, rest) = rest.split_first_chunk()?;
                (Some(u64::from(u16::from_le_bytes(*size)) + 256), rest)
            }
            2 => {
                let (size, rest) = rest.split_first_chunk()?;
                (Some(u64::from(u32::from_le_bytes(*size))), rest)
            }
            _ => {
                let (size, rest) = rest.split_first_chunk()?;
                (Some(u64::from_le_bytes(*size)), rest)
            }
        };
        let (possible, rest) = possible_content(rest);
        let checksum_len = if descriptor & 0b100 == 0 { 0 } else { 4 };
        Some(Self { promised, possible, rest: rest.get(checksum_len..).unwrap_or_default() })
    }
}

/// How much the blocks can hold, and what is behind them.
fn possible_content(mut rest: &[u8]) -> (u64, &[u8]) {
    let mut possible = 0_u64;
    while let Some((&[low, middle, high], behind)) = rest.split_first_chunk() {
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let size = header >> 3;
        let (content, len) = match (header >> 1) & 0b11 {
            0 => (u64::from(size), size),
            1 => (u64::from(size), 1),
            _ => (BLOCK_CONTENT_MAX, size),
        };
        possible = possible.saturating_add(content);
        rest = usize::try_from(len).ok().and_then(|len| behind.get(len..)).unwrap_or_default();
        if header & 1 != 0 {
            break;
        }
    }
    (possible, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_frames_pass_and_are_walked_to_their_end() {
        for level in [-100, -7, 1, 3, 4, 5, 19] {
            for len in [0, 1, 255, 256, 65_791, 65_792, 400_000_u32] {
                let content: Vec<u8> = (0..len).map(|i| i.to_le_bytes()[i as usize % 2]).collect();
                let mut frames = Vec::new();
                let mut encoder = ZstdEncoder::new(level);
                encoder.compress(&content, &mut frames).unwrap();
                let outline = FrameOutline::parse(&frames[4..]).unwrap();
                assert_eq!(outline.promised, Some(u64::from(len)), "level {level}");
                assert!(outline.possible >= u64::from(len) && outline.rest.is_empty());
                encoder.compress(&content, &mut frames).unwrap();
                let mut output = Vec::new();
                ZstdDecoder::default().decompress(&frames, content.len() * 2, &mut output).unwrap();
                assert_eq!(output, content.repeat(2));
            }
        }
    }
}
