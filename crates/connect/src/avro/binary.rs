//! Avro's binary primitives: zigzag numbers, lengths, blocks.

use bytes::BufMut;

/// Writes a whole number: zigzag, seven bits a byte.
#[expect(clippy::cast_sign_loss, reason = "zigzag is a matter of bits")]
pub(super) fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest > 0x7f {
        // The mask leaves seven bits.
        out.put_u8(u8::try_from(rest & 0x7f).unwrap_or_default() | 0x80);
        rest >>= 7;
    }
    out.put_u8(u8::try_from(rest).unwrap_or_default());
}

/// Writes a length or a count.
pub(super) fn put_length(out: &mut Vec<u8>, length: usize) {
    put_long(out, i64::try_from(length).expect("no value in memory is that long"));
}

/// Bytes that are read from the front; every read says what was missing.
pub(super) struct Input<'b> {
    rest: &'b [u8],
    length: usize,
}

/// What the bytes lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

impl<'b> Input<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// How many bytes have been read.
    pub(super) fn position(&self) -> usize {
        self.length - self.rest.len()
    }

    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'b [u8], Malformed> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            let there = self.rest.len();
            return Err(Malformed(format!("needs {count} bytes where {there} are left")));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("as many were taken"))
    }

    pub(super) fn boolean(&mut self) -> Result<bool, Malformed> {
        match self.array::<1>()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(Malformed(format!("is {other} where 0 or 1 stands for a truth value"))),
        }
    }

    #[expect(clippy::cast_possible_wrap, reason = "zigzag is a matter of bits")]
    pub(super) fn long(&mut self) -> Result<i64, Malformed> {
        let mut value = 0_u64;
        for index in 0..10_u32 {
            let [byte] = self.array::<1>()?;
            // The tenth byte holds the last of 64 bits.
            if index == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(Malformed("has more than 64 bits".to_owned()))
    }

    pub(super) fn int(&mut self) -> Result<i32, Malformed> {
        let value = self.long()?;
        i32::try_from(value).map_err(|_| Malformed(format!("is {value}, beyond 32 bits")))
    }

    pub(super) fn float(&mut self) -> Result<f32, Malformed> {
        Ok(f32::from_le_bytes(self.array()?))
    }

    pub(super) fn double(&mut self) -> Result<f64, Malformed> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// Bytes with their length before them.
    pub(super) fn bytes(&mut self) -> Result<&'b [u8], Malformed> {
        let length = self.long()?;
        let count =
            usize::try_from(length).map_err(|_| Malformed(format!("has the length {length}")))?;
        self.take(count)
    }

    pub(super) fn text(&mut self) -> Result<&'b str, Malformed> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| Malformed("is a text that is no UTF-8".to_owned()))
    }

    /// How many items the next block has; none at the end.
    pub(super) fn block(&mut self) -> Result<u64, Malformed> {
        let count = self.long()?;
        if count < 0 {
            // A negative count has the block's size in bytes behind it, for those who skip.
            let size = self.long()?;
            let fits = usize::try_from(size).is_ok_and(|size| size <= self.rest.len());
            if !fits {
                return Err(Malformed(format!("has a block of {size} bytes")));
            }
        }
        Ok(count.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_the_specification_has_them() {
        for (value, bytes) in [
            (0, &[0][..]),
            (-1, &[1]),
            (1, &[2]),
            (-64, &[0x7f]),
            (64, &[0x80, 1]),
            (i64::MAX, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ] {
            let mut out = Vec::new();
            put_long(&mut out, value);
            assert_eq!(out, bytes, "{value}");
            assert_eq!(Input::new(bytes).long(), Ok(value));
        }
        let too_long = [0xff; 11];
        assert!(Input::new(&too_long).long().is_err());
        assert!(
            Input::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).long().is_err()
        );
        assert!(Input::new(&[0x80, 0x80, 0x80, 0x80, 0x10]).int().is_err());
        assert!(Input::new(&[0x80]).long().is_err());
    }

    #[test]
    fn lengths_beyond_the_bytes_are_refused() {
        assert!(Input::new(&[1]).bytes().is_err(), "minus one");
        assert!(Input::new(&[8, b'a']).bytes().is_err());
        assert!(Input::new(&[1, 8, 0]).block().is_err(), "a block of four bytes where one is left");
        assert_eq!(Input::new(&[3, 2, 0]).block(), Ok(2));
        assert!(Input::new(&[2]).boolean().is_err());
    }
}
