//! LZ4 frames.
//!
//! Writes what Kafka's Java client writes: independent blocks of 64 KiB without checksums. Reads
//! every frame of the format's description, several in a row too: larger blocks, linked blocks,
//! checksums and skippable frames; dictionaries are refused.
//!
//! Frames of message sets of magic 0 have a wrong header checksum, which covers the magic bytes
//! too (KIP-57). [`Lz4HeaderChecksum`] says whether that one is written, or accepted.

use lz4_flex::block::{self, CompressTable};
use twox_hash::XxHash32;

use super::codec::{Compression, CompressionType};
use super::error::{CompressError, DecompressError};

const MAGIC: [u8; 4] = 0x184D_2204_u32.to_le_bytes();
/// Skippable frames have one of 16 magic numbers from here on.
const SKIPPABLE_MAGIC: u32 = 0x184D_2A50;
/// Version 1, independent blocks.
const WRITTEN_FLAGS: u8 = 0b0110_0000;
/// Blocks of at most 64 KiB.
const WRITTEN_BLOCK_DESCRIPTOR: u8 = 4 << 4;
/// What blocks are cut into: the largest input for which the encoder can use 16 bit positions in
/// its table, which then stays in the fastest cache.
const BLOCK_LEN: usize = 65_534;
/// Set in the length of a block that is stored as it is.
const UNCOMPRESSED: u32 = 1 << 31;
/// Linked blocks refer to this many bytes before them.
const WINDOW_LEN: usize = 64 * 1024;
/// A compressed byte stands for at most 255 bytes.
const MAX_RATIO: usize = 255;

/// Which checksum a frame's header has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lz4HeaderChecksum {
    /// The one of the LZ4 frame format.
    #[default]
    Standard,
    /// The one of message sets of magic 0, which covers the magic bytes too (KIP-57). A decoder
    /// accepts the standard one as well.
    Historical,
}

/// Compresses as one frame behind what `output` holds.
pub(super) fn compress(
    table: &mut CompressTable,
    input: &[u8],
    checksum: Lz4HeaderChecksum,
    output: &mut Vec<u8>,
) -> Result<(), CompressError> {
    let start = output.len();
    output.extend_from_slice(&MAGIC);
    output.extend_from_slice(&[WRITTEN_FLAGS, WRITTEN_BLOCK_DESCRIPTOR]);
    let covered = match checksum {
        Lz4HeaderChecksum::Standard => start + MAGIC.len(),
        Lz4HeaderChecksum::Historical => start,
    };
    output.push(header_checksum(&output[covered..]));
    for block in input.chunks(BLOCK_LEN) {
        let start = output.len();
        output.resize(start + 4 + block::get_maximum_output_size(block.len()), 0);
        let written = block::compress_into_with_table(block, &mut output[start + 4..], table)
            .map_err(|error| CompressError::new(Compression::Lz4 { level: 9 }, error))?;
        let stored = written >= block.len();
        let length = if stored { block.len() } else { written };
        output.truncate(start + 4 + length);
        if stored {
            output[start + 4..].copy_from_slice(block);
        }
        let length = u32::try_from(length).expect("a block is at most 64 KiB");
        let length = if stored { length | UNCOMPRESSED } else { length };
        output[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }
    output.extend_from_slice(&0_u32.to_le_bytes());
    Ok(())
}

/// Decompresses every frame of `input` behind what `output` holds.
pub(super) fn decompress(
    input: &[u8],
    limit: usize,
    checksum: Lz4HeaderChecksum,
    output: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    let mut reader = Reader { rest: input };
    let end = output.len().saturating_add(limit);
    if input.is_empty() {
        return Err(corrupt("there is no frame"));
    }
    while !reader.rest.is_empty() {
        if let Some(header) = reader.frame_header(checksum)? {
            reader.frame(&header, &mut Output { bytes: output, end, limit })?;
        }
    }
    Ok(())
}

/// What the header of a frame says.
struct FrameHeader {
    linked_blocks: bool,
    block_checksums: bool,
    content_checksum: bool,
    content_len: Option<u64>,
    block_len_max: usize,
}

struct Output<'a> {
    bytes: &'a mut Vec<u8>,
    /// Length that `bytes` must not exceed.
    end: usize,
    /// The caller's limit, for errors.
    limit: usize,
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize, what: &str) -> Result<&'a [u8], DecompressError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or_else(|| corrupt(format_args!("frame ends within its {what}")))?;
        self.rest = rest;
        Ok(taken)
    }

    fn take_u32(&mut self, what: &str) -> Result<u32, DecompressError> {
        let bytes = self.take(4, what)?;
        Ok(u32::from_le_bytes(bytes.try_into().expect("four bytes were taken")))
    }

    /// The header of the next frame; none when it is one to skip, which is then done.
    fn frame_header(
        &mut self,
        checksum: Lz4HeaderChecksum,
    ) -> Result<Option<FrameHeader>, DecompressError> {
        let frame = self.rest;
        let magic = self.take_u32("magic")?;
        if magic & !0xF == SKIPPABLE_MAGIC {
            let len = self.take_u32("length")?;
            self.take(usize::try_from(len).unwrap_or(usize::MAX), "skippable content")?;
            return Ok(None);
        }
        if magic.to_le_bytes() != MAGIC {
            return Err(corrupt(format_args!("{magic:#010x} is not the magic of a frame")));
        }
        let descriptor = self.take(2, "descriptor")?;
        let (flags, blocks) = (descriptor[0], descriptor[1]);
        if flags >> 6 != 1 {
            return Err(corrupt(format_args!("unknown version {} of the format", flags >> 6)));
        }
        if flags & 0b11 != 0 {
            return Err(corrupt("reserved bit is set, or a dictionary is needed"));
        }
        let block_len_max = match blocks {
            0x40 => 64 << 10,
            0x50 => 256 << 10,
            0x60 => 1 << 20,
            0x70 => 4 << 20,
            _ => return Err(corrupt(format_args!("unknown block descriptor {blocks:#04x}"))),
        };
        let content_len = if flags & 0b1000 == 0 {
            None
        } else {
            let bytes = self.take(8, "content size")?;
            Some(u64::from_le_bytes(bytes.try_into().expect("eight bytes were taken")))
        };
        let header = &frame[..frame.len() - self.rest.len()];
        let found = self.take(1, "header checksum")?[0];
        let historical = checksum == Lz4HeaderChecksum::Historical;
        if found != header_checksum(&header[MAGIC.len()..])
            && !(historical && found == header_checksum(header))
        {
            return Err(corrupt("header checksum does not match"));
        }
        Ok(Some(FrameHeader {
            linked_blocks: flags & 0b10_0000 == 0,
            block_checksums: flags & 0b1_0000 != 0,
            content_checksum: flags & 0b100 != 0,
            content_len,
            block_len_max,
        }))
    }

    /// The blocks of a frame and what is behind them.
    fn frame(
        &mut self,
        header: &FrameHeader,
        output: &mut Output<'_>,
    ) -> Result<(), DecompressError> {
        let start = output.bytes.len();
        loop {
            let length = self.take_u32("block length")?;
            if length == 0 {
                break;
            }
            let stored = length & UNCOMPRESSED != 0;
            let length = usize::try_from(length & !UNCOMPRESSED).unwrap_or(usize::MAX);
            if length > header.block_len_max {
                return Err(corrupt("block is longer than the frame's header allows"));
            }
            let block = self.take(length, "block")?;
            if header.block_checksums && self.take_u32("block checksum")? != hash(block) {
                return Err(corrupt("block checksum does not match"));
            }
            if stored {
                output.store(block)?;
            } else {
                let window = if header.linked_blocks { Some(start) } else { None };
                output.decompress_block(block, header.block_len_max, window)?;
            }
        }
        let content = &output.bytes[start..];
        if header.content_checksum && self.take_u32("content checksum")? != hash(content) {
            return Err(corrupt("content checksum does not match"));
        }
        match header.content_len {
            Some(promised) if u64::try_from(content.len()) != Ok(promised) => {
                Err(corrupt(format_args!("content has {} bytes, not {promised}", content.len())))
            }
            _ => Ok(()),
        }
    }
}

impl Output<'_> {
    fn store(&mut self, block: &[u8]) -> Result<(), DecompressError> {
        if block.len() > self.end.saturating_sub(self.bytes.len()) {
            return Err(DecompressError::limit(CompressionType::Lz4, self.limit));
        }
        self.bytes.extend_from_slice(block);
        Ok(())
    }

    /// Decompresses a block; `linked_from` is where the frame's content starts when blocks refer
    /// to earlier ones.
    fn decompress_block(
        &mut self,
        block: &[u8],
        block_len_max: usize,
        linked_from: Option<usize>,
    ) -> Result<(), DecompressError> {
        let start = self.bytes.len();
        let allowed = self.end.saturating_sub(start);
        let most = block_len_max.min(block.len().saturating_mul(MAX_RATIO)).min(allowed);
        // Frames with blocks of up to 4 MiB often hold much less: a small room is tried first.
        let mut room = most.min(block.len().saturating_mul(8).max(WINDOW_LEN));
        loop {
            self.bytes.resize(start + room, 0);
            let (before, target) = self.bytes.split_at_mut(start);
            let window = linked_from
                .map(|first| &before[first.max(before.len().saturating_sub(WINDOW_LEN))..])
                .unwrap_or_default();
            match block::decompress_into_with_dict(block, target, window) {
                Ok(written) => {
                    self.bytes.truncate(start + written);
                    return Ok(());
                }
                Err(block::DecompressError::OutputTooSmall { .. }) if room < most => room = most,
                Err(error) => {
                    self.bytes.truncate(start);
                    let too_small = matches!(error, block::DecompressError::OutputTooSmall { .. });
                    return Err(if too_small && room == allowed {
                        DecompressError::limit(CompressionType::Lz4, self.limit)
                    } else {
                        corrupt(error)
                    });
                }
            }
        }
    }
}

fn hash(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
}

/// The second byte of the header's hash.
fn header_checksum(header: &[u8]) -> u8 {
    hash(header).to_le_bytes()[1]
}

fn corrupt(detail: impl std::fmt::Display) -> DecompressError {
    DecompressError::corrupt(CompressionType::Lz4, detail)
}
