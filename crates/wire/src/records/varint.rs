//! Zigzag varints of records: reading with a short way for one and two bytes, and writing.
//!
//! Source: the protocol guide, "Record": varint and varlong are Protocol Buffers' zigzag encoding.

use bytes::BufMut;

/// Bytes of the longest varint.
pub(super) const VARINT_LEN_MAX: usize = 5;
/// Bytes of the longest varlong.
pub(super) const VARLONG_LEN_MAX: usize = 10;

/// Why a varint could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VarintError {
    /// The bytes end within it.
    Truncated,
    /// It has more bytes than its type allows.
    TooLong,
}

/// Takes a varint from the front of `bytes`.
#[inline(always)]
pub(super) fn take_varint(bytes: &mut &[u8]) -> Result<i32, VarintError> {
    if let [first, rest @ ..] = *bytes
        && *first < 0x80
    {
        *bytes = rest;
        return Ok(zigzag_decode_32(u32::from(*first)));
    }
    if let [first, second, rest @ ..] = *bytes
        && *second < 0x80
    {
        *bytes = rest;
        return Ok(zigzag_decode_32(u32::from(*first & 0x7f) | (u32::from(*second) << 7)));
    }
    let (raw, rest) = take_long(bytes, VARINT_LEN_MAX)?;
    *bytes = rest;
    Ok(zigzag_decode_32(low_half(raw)))
}

/// Takes a varlong from the front of `bytes`.
#[inline(always)]
pub(super) fn take_varlong(bytes: &mut &[u8]) -> Result<i64, VarintError> {
    if let [first, rest @ ..] = *bytes
        && *first < 0x80
    {
        *bytes = rest;
        return Ok(zigzag_decode_64(u64::from(*first)));
    }
    if let [first, second, rest @ ..] = *bytes
        && *second < 0x80
    {
        *bytes = rest;
        return Ok(zigzag_decode_64(u64::from(*first & 0x7f) | (u64::from(*second) << 7)));
    }
    let (raw, rest) = take_long(bytes, VARLONG_LEN_MAX)?;
    *bytes = rest;
    Ok(zigzag_decode_64(raw))
}

/// The value in front and the bytes behind it. Slices go by value: a reference to the caller's
/// slice would keep it out of registers on the short ways too.
fn take_long(bytes: &[u8], len_max: usize) -> Result<(u64, &[u8]), VarintError> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().take(len_max).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok((value, &bytes[index + 1..]));
        }
    }
    Err(if bytes.len() < len_max { VarintError::Truncated } else { VarintError::TooLong })
}

/// Bits above 32 that five bytes can carry are dropped, as Java does.
#[expect(clippy::cast_possible_truncation, reason = "the upper half is dropped on purpose")]
const fn low_half(value: u64) -> u32 {
    value as u32
}

const fn zigzag_decode_32(raw: u32) -> i32 {
    (raw >> 1).cast_signed() ^ -((raw & 1).cast_signed())
}

pub(super) const fn zigzag_decode_64(raw: u64) -> i64 {
    (raw >> 1).cast_signed() ^ -((raw & 1).cast_signed())
}

pub(super) const fn zigzag_encode(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// A length, zigzagged. No slice has so many bytes that the sign could be lost.
pub(super) const fn zigzag_len(len: usize) -> u64 {
    (len as u64) << 1
}

/// Bytes of `value` as a varint or varlong: both encode a number in the same bytes.
#[inline(always)]
pub(super) const fn varint_len(value: i64) -> usize {
    let raw = zigzag_encode(value);
    if raw < 1 << 7 {
        return 1;
    }
    (64 - raw.leading_zeros()).div_ceil(7) as usize
}

/// Numbers as varints that have together at most eight bytes, in the order in which memory has them.
#[derive(Clone, Copy, Debug)]
pub(super) struct SmallVarints {
    bytes: u64,
    pub(super) len: usize,
}

impl SmallVarints {
    /// Numbers below it, zigzagged, are small: two bytes hold them.
    pub(super) const LIMIT: u64 = 1 << 14;
    /// The number 0, of one byte.
    pub(super) const ZERO: Self = Self { bytes: 0, len: 1 };

    /// A small number, zigzagged. There are no branches in it: which byte continues the number is
    /// arithmetic.
    #[inline(always)]
    pub(super) fn of(raw: u64) -> Self {
        let has_second = raw >= 1 << 7;
        // Adding the upper seven bits to themselves moves them to the second byte.
        let bytes = raw + (raw & 0x3f80) + (u64::from(has_second) << 7);
        Self { bytes, len: 1 + usize::from(has_second) }
    }

    /// A zigzagged number that three bytes hold. The branch costs nothing where one number is like
    /// the last.
    #[inline(always)]
    pub(super) fn of_medium(raw: u64) -> Self {
        if raw < Self::LIMIT {
            return Self::of(raw);
        }
        let bytes = raw & 0x7f | (raw & 0x3f80) << 1 | (raw & 0x1f_c000) << 2;
        Self { bytes: bytes | 0x8080, len: 3 }
    }

    /// These, and then those.
    #[inline(always)]
    pub(super) const fn then(self, next: Self) -> Self {
        Self { bytes: self.bytes | next.bytes << (8 * self.len), len: self.len + next.len }
    }

    /// Puts them at a place of `room`, which has eight bytes from there on, and gives where they end.
    #[inline(always)]
    pub(super) fn put(self, room: &mut [u8], at: usize) -> usize {
        room[at..at + 8].copy_from_slice(&self.bytes.to_le_bytes());
        at + self.len
    }
}

/// Puts any number as a varint or varlong.
#[inline]
pub(super) fn put_varint(buffer: &mut impl BufMut, value: i64) {
    let mut rest = zigzag_encode(value);
    while rest >= 0x80 {
        buffer.put_u8(low_byte(rest) | 0x80);
        rest >>= 7;
    }
    buffer.put_u8(low_byte(rest));
}

#[expect(clippy::cast_possible_truncation, reason = "the upper bytes are dropped on purpose")]
const fn low_byte(value: u64) -> u8 {
    value as u8
}

#[cfg(test)]
mod tests {
    use super::super::measured::signed;
    use super::*;

    fn encoded(value: i64) -> Vec<u8> {
        let mut buffer = Vec::new();
        put_varint(&mut buffer, value);
        let raw = zigzag_encode(value);
        if buffer.len() <= 3 {
            let (number, minus_one) = (SmallVarints::of_medium(raw), SmallVarints::of(1));
            assert_eq!(number.len, buffer.len());
            let mut room = [7; 9];
            let end = number.then(minus_one).then(number).put(&mut room, 1);
            assert_eq!(room[..end], [&[7], &buffer[..], &[1], &buffer[..]].concat(), "{value}");
        }
        if raw < SmallVarints::LIMIT {
            let mut room = [7; 8];
            let end = SmallVarints::ZERO.then(SmallVarints::of(raw)).put(&mut room, 0);
            assert_eq!(room[..end], [&[0], &buffer[..]].concat(), "{value}");
        }
        buffer
    }

    #[test]
    fn lengths_are_zigzagged_as_numbers() {
        for len in [0, 1, 63, 64, 8191, 0x7fff_ffff] {
            assert_eq!(zigzag_len(len), zigzag_encode(signed(len)), "{len}");
        }
    }

    #[test]
    fn every_width_goes_both_ways() {
        let mut values = vec![0, i64::MIN, i64::MAX, i64::from(i32::MIN), i64::from(i32::MAX)];
        for shift in 0..63 {
            values.extend([1_i64 << shift, -(1_i64 << shift), (1_i64 << shift) - 1]);
        }
        for value in values {
            let bytes = encoded(value);
            assert_eq!(bytes.len(), varint_len(value), "{value}");
            let mut rest = bytes.as_slice();
            assert_eq!(take_varlong(&mut rest), Ok(value));
            assert!(rest.is_empty());
            if let Ok(small) = i32::try_from(value) {
                let mut rest = bytes.as_slice();
                assert_eq!(take_varint(&mut rest), Ok(small));
                assert!(rest.is_empty());
            }
        }
    }

    #[test]
    fn known_encodings_match() {
        assert_eq!(encoded(0), [0]);
        assert_eq!(encoded(-1), [1]);
        assert_eq!(encoded(63), [126]);
        assert_eq!(encoded(-64), [127]);
        assert_eq!(encoded(64), [0x80, 1]);
        assert_eq!(encoded(100), [0xc8, 1]);
        assert_eq!(encoded(i64::from(i32::MAX)), [0xfe, 0xff, 0xff, 0xff, 0x0f]);
    }

    #[test]
    fn cut_and_overlong_ones_are_told_apart() {
        assert_eq!(take_varint(&mut [].as_slice()), Err(VarintError::Truncated));
        assert_eq!(take_varint(&mut [0x80].as_slice()), Err(VarintError::Truncated));
        assert_eq!(take_varint(&mut [0xff; 4].as_slice()), Err(VarintError::Truncated));
        assert_eq!(take_varint(&mut [0xff; 5].as_slice()), Err(VarintError::TooLong));
        assert_eq!(take_varlong(&mut [0xff; 9].as_slice()), Err(VarintError::Truncated));
        assert_eq!(take_varlong(&mut [0xff; 10].as_slice()), Err(VarintError::TooLong));
    }
}
