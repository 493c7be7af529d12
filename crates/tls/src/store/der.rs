//! DER, as far as key stores need it: elements one after the other, and what is in them.
//!
//! Spec: X.690#8.1.

use super::error::StoreError;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]` around something.
pub(super) const CONTEXT_0: u8 = 0xa0;
/// `[0]` in place of an OCTET STRING's own tag.
pub(super) const IMPLICIT_0: u8 = 0x80;

const ENDS: StoreError = StoreError::Malformed("an element goes beyond its end");

/// Elements that are not read yet.
#[derive(Clone, Copy)]
pub(super) struct Der<'a>(&'a [u8]);

/// One element.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// With its tag and its length.
    pub(super) whole: &'a [u8],
}

impl<'a> Der<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element.
    pub(super) fn any(&mut self) -> Result<Element<'a>, StoreError> {
        let (tag, rest) = self.0.split_first().ok_or(ENDS)?;
        let (first, rest) = rest.split_first().ok_or(ENDS)?;
        let (length, rest) = match first {
            0..0x80 => (usize::from(*first), rest),
            0x80 => {
                let what = "it is BER with indefinite lengths; convert it with keytool or openssl";
                return Err(StoreError::Unsupported(what.to_owned()));
            }
            _ => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(ENDS)?;
                if bytes.len() > 4 {
                    return Err(ENDS);
                }
                (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
            }
        };
        let (content, after) = rest.split_at_checked(length).ok_or(ENDS)?;
        let (whole, _) = self.0.split_at_checked(self.0.len() - after.len()).ok_or(ENDS)?;
        self.0 = after;
        Ok(Element { tag: *tag, content, whole })
    }

    /// The next element, which must have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<Element<'a>, StoreError> {
        let element = self.any()?;
        if element.tag == tag {
            Ok(element)
        } else {
            Err(StoreError::Malformed("an element has another type than expected"))
        }
    }

    /// What is in the next element, which must have this tag.
    pub(super) fn nested(&mut self, tag: u8) -> Result<Self, StoreError> {
        self.expect(tag).map(|element| Self(element.content))
    }

    /// The next element as a number that is not negative.
    pub(super) fn number(&mut self) -> Result<u32, StoreError> {
        const BAD: StoreError = StoreError::Malformed("a number is negative or too large");
        let bytes = self.expect(INTEGER)?.content;
        if bytes.len() > 5 || bytes.first().is_none_or(|first| *first >= 0x80) {
            return Err(BAD);
        }
        let number = bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        u32::try_from(number).map_err(|_| BAD)
    }
}

/// An object identifier in words, as far as it can be told.
pub(super) fn dotted(identifier: &[u8]) -> String {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number: u64 = 0;
    for byte in identifier.iter().take(32) {
        number = number.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.extend([first, number - first * 40]);
            } else {
                numbers.push(number);
            }
            number = 0;
        }
    }
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_one_after_the_other() {
        let mut der = Der::new(&[0x30, 3, 2, 1, 5, 0x04, 0x81, 1, 9]);
        assert_eq!(der.nested(SEQUENCE).unwrap().number(), Ok(5));
        assert_eq!(der.expect(OCTET_STRING).unwrap().content, [9]);
        assert!(der.is_empty());
    }

    #[test]
    fn what_goes_beyond_its_end_is_refused() {
        let bad: [&[u8]; 6] = [
            &[],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x82, 1],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0],
            &[0x30, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        for bytes in bad {
            assert!(Der::new(bytes).any().is_err(), "{bytes:?}");
        }
        let indefinite = Der::new(&[0x30, 0x80, 0, 0]).any().map(|_| ());
        assert!(matches!(indefinite, Err(StoreError::Unsupported(_))));
    }

    #[test]
    fn numbers_have_a_range() {
        for (bytes, expected) in [
            (&[2, 1, 0][..], Some(0)),
            (&[2, 5, 0, 0xff, 0xff, 0xff, 0xff], Some(u32::MAX)),
            (&[2, 5, 1, 0, 0, 0, 0], None),
            (&[2, 1, 0x80], None),
            (&[2, 0], None),
        ] {
            assert_eq!(Der::new(bytes).number().ok(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn identifiers_are_shown_as_people_know_them() {
        assert_eq!(
            dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13]),
            "1.2.840.113549.1.5.13"
        );
        assert_eq!(dotted(&[0x60, 0x86, 0x48]), "2.16.840");
    }
}
