//! What can be wrong with a record batch: which rule it breaks, and where.

use std::fmt;

use crate::compression::DecompressError;

/// A record batch that breaks a rule of the format.
///
/// Source of the rules: the protocol guide, "Record Batch" and "Message sets".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    kind: RecordErrorKind,
    position: usize,
    base_offset: Option<i64>,
}

/// The rule that a record batch breaks.
///
/// Lengths are in bytes; values are as found in the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordErrorKind {
    /// The batch's length field is smaller than the header of its format.
    BatchLengthBelowHeader {
        /// The length field.
        length: i32,
        /// The smallest length of the format.
        expected: i32,
    },
    /// The magic is none of 0, 1 and 2.
    UnknownMagic {
        /// The magic.
        magic: i8,
    },
    /// The attributes name no known codec.
    UnknownCompression {
        /// Bits 0 to 2 of the attributes.
        id: u8,
    },
    /// The records count is negative.
    NegativeRecordsCount {
        /// The count.
        count: i32,
    },
    /// The last offset delta is negative, or the last offset exceeds the largest one.
    InvalidLastOffsetDelta {
        /// The delta.
        delta: i32,
    },
    /// The checksum does not match: the batch was changed on its way, or cut.
    CrcMismatch {
        /// The checksum in the batch.
        found: u32,
        /// The checksum of the bytes it covers.
        computed: u32,
    },
    /// The records could not be decompressed, or hold more than the limit.
    Decompress(DecompressError),
    /// A varint has more bytes than its type allows.
    VarintTooLong {
        /// The field.
        field: &'static str,
    },
    /// The record, or the batch, ends within a field.
    Truncated {
        /// The field.
        field: &'static str,
    },
    /// A length or a count is negative where it must not be.
    NegativeLength {
        /// The field.
        field: &'static str,
        /// The length or count.
        length: i32,
    },
    /// A field ends behind the record that it belongs to.
    LengthBeyondRecord {
        /// The field.
        field: &'static str,
        /// Its length.
        length: i32,
    },
    /// A record has bytes behind its last field.
    BytesBehindRecord {
        /// How many.
        count: usize,
    },
    /// A batch has bytes behind the last record of its records count.
    BytesBehindRecords {
        /// How many.
        count: usize,
    },
    /// An offset or a timestamp, as base plus delta, exceeds its type.
    DeltaOverflow {
        /// The field.
        field: &'static str,
    },
    /// A compressed message has no value, which would hold the inner messages.
    WrapperWithoutValue,
    /// A compressed message holds no messages.
    WrapperWithoutMessages,
    /// An inner message has another magic than the compressed message around it.
    InnerMagicDiffers {
        /// The inner magic.
        inner: i8,
        /// The outer magic.
        outer: i8,
    },
    /// An inner message is compressed again.
    InnerMessageCompressed,
    /// The offset of a compressed message of magic 1 is below the last inner offset.
    WrapperOffsetBelowInner {
        /// The outer offset.
        outer: i64,
        /// The last inner offset.
        inner: i64,
    },
}

impl RecordError {
    pub(super) fn new(kind: RecordErrorKind, position: usize) -> Self {
        Self { kind, position, base_offset: None }
    }

    /// Adds where the batch lies, for errors found by its records.
    pub(super) fn in_batch(mut self, batch_position: usize, base_offset: i64) -> Self {
        self.position = self.position.saturating_add(batch_position);
        self.base_offset = Some(base_offset);
        self
    }

    pub(super) fn with_base_offset(mut self, base_offset: i64) -> Self {
        self.base_offset = Some(base_offset);
        self
    }

    /// The rule that was broken.
    #[must_use]
    pub fn kind(&self) -> &RecordErrorKind {
        &self.kind
    }

    /// Where: bytes from the start of the buffer given to
    /// [`RecordBatches`](super::RecordBatches); in records that were compressed, bytes from the
    /// start of the batch's decompressed records.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// The base offset of the batch, when its header could be read.
    #[must_use]
    pub fn base_offset(&self) -> Option<i64> {
        self.base_offset
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base_offset {
            Some(offset) => write!(f, "batch with base offset {offset}, byte {}: ", self.position)?,
            None => write!(f, "record batch at byte {}: ", self.position)?,
        }
        self.kind.fmt(f)
    }
}

impl fmt::Display for RecordErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BatchLengthBelowHeader { length, expected } => {
                write!(f, "batch length {length} is below the {expected} of an empty batch")
            }
            Self::UnknownMagic { magic } => {
                write!(f, "unknown magic {magic}: expected 0, 1 or 2")
            }
            Self::UnknownCompression { id } => {
                write!(f, "unknown compression codec {id}: expected 0 to 4")
            }
            Self::NegativeRecordsCount { count } => write!(f, "records count {count} is negative"),
            Self::InvalidLastOffsetDelta { delta } => {
                write!(f, "last offset delta {delta} is negative or too large")
            }
            Self::CrcMismatch { found, computed } => {
                write!(f, "checksum is {computed:#010x} but the batch says {found:#010x}")
            }
            Self::Decompress(_) => f.write_str("records could not be decompressed"),
            Self::VarintTooLong { field } => write!(f, "{field}: varint is too long"),
            Self::Truncated { field } => write!(f, "{field}: bytes end within it"),
            Self::NegativeLength { field, length } => {
                write!(f, "{field}: length {length} is negative")
            }
            Self::LengthBeyondRecord { field, length } => {
                write!(f, "{field}: length {length} goes beyond its record")
            }
            Self::BytesBehindRecord { count } => {
                write!(f, "{count} bytes are left behind the last field of a record")
            }
            Self::BytesBehindRecords { count } => {
                write!(f, "{count} bytes are left behind the last record")
            }
            Self::DeltaOverflow { field } => write!(f, "{field}: base and delta overflow"),
            Self::WrapperWithoutValue => f.write_str("compressed message has no value"),
            Self::WrapperWithoutMessages => f.write_str("compressed message holds no messages"),
            Self::InnerMagicDiffers { inner, outer } => {
                write!(f, "message of magic {inner} within a compressed one of magic {outer}")
            }
            Self::InnerMessageCompressed => {
                f.write_str("message within a compressed one is compressed again")
            }
            Self::WrapperOffsetBelowInner { outer, inner } => {
                write!(
                    f,
                    "offset {outer} of compressed message is below {inner}, its last inner one"
                )
            }
        }
    }
}

impl std::error::Error for RecordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            RecordErrorKind::Decompress(error) => Some(error),
            _ => None,
        }
    }
}
