//! [`Int32Array`]: the numbers of a field, without memory of their own where they are few.

use std::{fmt, ops::Deref};

/// Numbers that stand in the value itself; the replicas of a partition are seldom more.
const INLINE: usize = 5;
/// Their bytes.
const BYTES: usize = 4 * INLINE;

/// An array of `int32`, such as the replicas of a partition; up to five stand in the struct itself.
///
/// ```
/// use milena_wire::Int32Array;
///
/// let replicas: Int32Array = [3, 1, 2].into_iter().collect();
/// assert_eq!(replicas[..], [3, 1, 2]);
/// ```
// No enum: a value whose parts are of one meaning each is built in registers.
#[derive(Clone)]
pub struct Int32Array {
    /// All numbers, where they are more than `few` takes.
    #[expect(clippy::box_collection, reason = "structs have several: 32 bytes instead of 48")]
    many: Option<Box<Vec<i32>>>,
    /// How many of `few` mean something.
    length: u8,
    few: [i32; INLINE],
}

impl Int32Array {
    /// No number.
    #[must_use]
    pub const fn new() -> Self {
        Self { many: None, length: 0, few: [0; INLINE] }
    }

    /// The numbers.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[i32] {
        match &self.many {
            None => self.few.get(..usize::from(self.length)).unwrap_or_default(),
            Some(numbers) => numbers,
        }
    }

    /// Adds a number behind the others.
    pub fn push(&mut self, number: i32) {
        if let Some(numbers) = &mut self.many {
            numbers.push(number);
        } else if let Some(place) = self.few.get_mut(usize::from(self.length)) {
            *place = number;
            self.length += 1;
        } else {
            let numbers = self.few.into_iter().chain([number]).collect();
            self.many = Some(Box::new(numbers));
        }
    }

    /// The numbers whose bytes these are, up to five; `ahead` begins with the same bytes.
    ///
    /// Where there are bytes enough ahead five are made in one piece, whatever the count.
    #[inline(always)]
    pub(crate) fn from_be_bytes((bytes, ahead): (&[u8], &[u8])) -> Self {
        let five = ahead.first_chunk().map_or_else(|| padded(bytes), |five| *five);
        let many = if bytes.len() > BYTES { Self::many(bytes) } else { None };
        // Where there are many, it means nothing.
        let [length, ..] = (bytes.len() / 4).to_le_bytes();
        Self { many, length, few: numbers(five) }
    }

    /// The bytes of all that `few` takes, and how many numbers of them mean something; None where
    /// there are many.
    #[inline(always)]
    pub(crate) fn few_be_bytes(&self) -> Option<([u8; BYTES], u8)> {
        if self.many.is_some() {
            return None;
        }
        let [a, b, c, d, e] = self.few.map(i32::to_be_bytes);
        let mut bytes = [0; BYTES];
        for (place, byte) in bytes.iter_mut().zip([a, b, c, d, e].as_flattened()) {
            *place = *byte;
        }
        Some((bytes, self.length))
    }

    #[cold]
    #[inline(never)]
    #[expect(clippy::box_collection, reason = "it is boxed where it is kept")]
    fn many(bytes: &[u8]) -> Option<Box<Vec<i32>>> {
        let (chunks, _) = bytes.as_chunks::<4>();
        let numbers = chunks.iter().map(|chunk| i32::from_be_bytes(*chunk)).collect();
        Some(Box::new(numbers))
    }
}

/// The bytes with zeros behind them.
#[cold]
#[inline(never)]
fn padded(bytes: &[u8]) -> [u8; BYTES] {
    let mut padded = [0; BYTES];
    for (place, byte) in padded.iter_mut().zip(bytes) {
        *place = *byte;
    }
    padded
}

#[inline(always)]
fn numbers(bytes: [u8; BYTES]) -> [i32; INLINE] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = bytes;
    [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p], [q, r, s, t]].map(i32::from_be_bytes)
}

impl Default for Int32Array {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Int32Array {
    type Target = [i32];

    #[inline]
    fn deref(&self) -> &[i32] {
        self.as_slice()
    }
}

impl fmt::Debug for Int32Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

impl PartialEq for Int32Array {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Int32Array {}

impl From<Vec<i32>> for Int32Array {
    fn from(numbers: Vec<i32>) -> Self {
        if numbers.len() <= INLINE {
            numbers.into_iter().collect()
        } else {
            Self { many: Some(Box::new(numbers)), ..Self::new() }
        }
    }
}

impl Extend<i32> for Int32Array {
    fn extend<I: IntoIterator<Item = i32>>(&mut self, numbers: I) {
        for number in numbers {
            self.push(number);
        }
    }
}

impl FromIterator<i32> for Int32Array {
    fn from_iter<I: IntoIterator<Item = i32>>(numbers: I) -> Self {
        let mut array = Self::new();
        array.extend(numbers);
        array
    }
}

impl IntoIterator for Int32Array {
    type Item = i32;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter { array: self, next: 0 }
    }
}

/// The numbers of an [`Int32Array`] by value.
#[derive(Clone, Debug)]
pub struct IntoIter {
    array: Int32Array,
    next: usize,
}

impl Iterator for IntoIter {
    type Item = i32;

    fn next(&mut self) -> Option<i32> {
        let number = self.array.get(self.next).copied()?;
        self.next += 1;
        Some(number)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.array.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for IntoIter {}

impl<'a> IntoIterator for &'a Int32Array {
    type Item = &'a i32;
    type IntoIter = std::slice::Iter<'a, i32>;

    fn into_iter(self) -> std::slice::Iter<'a, i32> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_goes_both_ways() {
        for count in 0..300_usize {
            let numbers: Vec<i32> = (-7..).take(count).collect();
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
            let read = Int32Array::from_be_bytes((&bytes, &bytes));
            assert_eq!(read.as_slice(), numbers);
            let longer = [bytes.as_slice(), &[0xff; 40]].concat();
            assert_eq!(Int32Array::from_be_bytes((&bytes, &longer)), read);
            assert_eq!(numbers.iter().copied().collect::<Int32Array>(), read);
            assert_eq!(Int32Array::from(numbers.clone()), read);
            assert_eq!(read.into_iter().collect::<Vec<_>>(), numbers);
        }
    }
}
