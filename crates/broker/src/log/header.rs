//! The fixed 61-byte header of a magic 2 record batch, read and patched in place.

/// Bytes before the first record of a magic 2 batch.
pub(crate) const HEADER_LEN: usize = 61;
/// Bytes before the part that `batch_length` counts: base offset and the length itself.
const LENGTH_PREFIX: usize = 12;
/// First byte that the checksum covers.
const CRC_START: usize = 21;

const COMPRESSION_MASK: i16 = 0x07;
const TIMESTAMP_TYPE_MASK: i16 = 0x08;
const TRANSACTIONAL_MASK: i16 = 0x10;
const CONTROL_MASK: i16 = 0x20;

/// The header fields of one batch. Offsets are as stored, not yet assigned by the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub base_offset: i64,
    /// Whole batch, header included.
    pub size: usize,
    pub leader_epoch: i32,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub records_count: i32,
}

/// Why bytes are not a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// Fewer bytes than the header or than the length that it states.
    Truncated,
    /// `batch_length` is smaller than a header.
    Length,
    /// A magic byte other than 2.
    Magic(i8),
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`; the whole batch has to be there.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.len() < HEADER_LEN {
            // The magic byte tells old formats apart even when they are shorter than our header.
            return match bytes.get(16) {
                Some(&magic) if magic != 2 => Err(HeaderError::Magic(i8::from_be_bytes([magic]))),
                _ => Err(HeaderError::Truncated),
            };
        }
        let header = Self::parse_prefix(bytes)?;
        if bytes.len() < header.size {
            return Err(HeaderError::Truncated);
        }
        Ok(header)
    }

    /// Reads the header alone: `bytes` holds at least [`HEADER_LEN`] bytes, the records may be missing.
    pub(crate) fn parse_prefix(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.len() < HEADER_LEN {
            return Err(HeaderError::Truncated);
        }
        let magic = i8::from_be_bytes(array(bytes, 16));
        if magic != 2 {
            return Err(HeaderError::Magic(magic));
        }
        let length = i32::from_be_bytes(array(bytes, 8));
        let size = usize::try_from(length).map_err(|_| HeaderError::Length)? + LENGTH_PREFIX;
        if size < HEADER_LEN {
            return Err(HeaderError::Length);
        }
        Ok(Self {
            base_offset: i64::from_be_bytes(array(bytes, 0)),
            size,
            leader_epoch: i32::from_be_bytes(array(bytes, 12)),
            crc: u32::from_be_bytes(array(bytes, 17)),
            attributes: i16::from_be_bytes(array(bytes, 21)),
            last_offset_delta: i32::from_be_bytes(array(bytes, 23)),
            base_timestamp: i64::from_be_bytes(array(bytes, 27)),
            max_timestamp: i64::from_be_bytes(array(bytes, 35)),
            producer_id: i64::from_be_bytes(array(bytes, 43)),
            producer_epoch: i16::from_be_bytes(array(bytes, 51)),
            base_sequence: i32::from_be_bytes(array(bytes, 53)),
            records_count: i32::from_be_bytes(array(bytes, 57)),
        })
    }

    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    pub(crate) fn compression(&self) -> i16 {
        self.attributes & COMPRESSION_MASK
    }

    pub(crate) fn is_log_append_time(&self) -> bool {
        self.attributes & TIMESTAMP_TYPE_MASK != 0
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_MASK != 0
    }

    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL_MASK != 0
    }

    /// The sequence of the last record; sequences wrap to 0 after `i32::MAX`.
    pub(crate) fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return -1;
        }
        let sum = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        let wrapped = sum % (i64::from(i32::MAX) + 1);
        i32::try_from(wrapped).unwrap_or(0)
    }
}

/// Whether the checksum in the header matches the batch. `bytes` is exactly one batch.
pub(crate) fn is_crc_valid(bytes: &[u8], header: &BatchHeader) -> bool {
    bytes.get(CRC_START..header.size).is_some_and(|covered| crc32c::crc32c(covered) == header.crc)
}

/// Writes what the broker assigns. The checksum does not cover these two fields.
pub(crate) fn assign(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    put(batch, 0, &base_offset.to_be_bytes());
    put(batch, 12, &leader_epoch.to_be_bytes());
}

/// Turns a batch into one with the broker's append time; this changes the checksum.
pub(crate) fn set_log_append_time(batch: &mut [u8], attributes: i16, now_ms: i64) {
    put(batch, 21, &(attributes | TIMESTAMP_TYPE_MASK).to_be_bytes());
    put(batch, 35, &now_ms.to_be_bytes());
    let crc = batch.get(CRC_START..).map_or(0, crc32c::crc32c);
    put(batch, 17, &crc.to_be_bytes());
}

fn put(batch: &mut [u8], at: usize, value: &[u8]) {
    if let Some(field) = batch.get_mut(at..at + value.len()) {
        field.copy_from_slice(value);
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    if let Some(field) = bytes.get(at..at + N) {
        out.copy_from_slice(field);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_batch_length_below_header() {
        let mut bytes = [0u8; HEADER_LEN];
        bytes[16] = 2;
        put(&mut bytes, 8, &10i32.to_be_bytes());
        assert_eq!(BatchHeader::parse(&bytes), Err(HeaderError::Length));
        put(&mut bytes, 8, &(-1i32).to_be_bytes());
        assert_eq!(BatchHeader::parse(&bytes), Err(HeaderError::Length));
    }

    #[test]
    fn sees_old_magic_in_short_messages() {
        let mut bytes = [0u8; 30];
        bytes[16] = 1;
        assert_eq!(BatchHeader::parse(&bytes), Err(HeaderError::Magic(1)));
        assert_eq!(BatchHeader::parse(&[]), Err(HeaderError::Truncated));
    }

    #[test]
    fn last_sequence_wraps_after_the_largest_integer() {
        let mut bytes = [0u8; HEADER_LEN];
        bytes[16] = 2;
        put(&mut bytes, 8, &49i32.to_be_bytes());
        put(&mut bytes, 23, &2i32.to_be_bytes());
        put(&mut bytes, 53, &(i32::MAX - 1).to_be_bytes());
        assert_eq!(BatchHeader::parse(&bytes).map(|header| header.last_sequence()), Ok(0));
    }
}
