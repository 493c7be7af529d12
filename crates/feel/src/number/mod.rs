//! Numbers of 34 decimal digits, rounded half to even: IEEE 754's decimal128 without its infinities.
//!
//! A number is `coefficient * 10^exponent`. The coefficient has at most 34 digits, and a number's
//! magnitude is below 10^6145. What would be greater, and what has no value (a division by zero, the
//! root of a negative number), is `None`, which FEEL makes `null`. Amounts too small to be told from
//! zero are zero.
//!
//! `1`, `1.0` and `100e-2` are one value: they are equal, hash alike and print alike.

mod arithmetic;
mod parts;
mod rounding;
mod text;
mod transcendental;

use std::{
    cmp::Ordering,
    hash::{Hash, Hasher},
};

pub use self::{rounding::Rounding, text::NumberError};

/// The digits that a number has at most.
const DIGITS: u32 = 34;

/// The first coefficient with too many digits.
const COEFFICIENT_END: u128 = 10_u128.pow(DIGITS);

/// The greatest exponent of a number's first digit.
const EXPONENT_MAX: i64 = 6144;

/// The exponent of the smallest amount.
const EXPONENT_MIN: i64 = -6176;

/// A decimal number of up to 34 digits.
///
/// ```
/// use milena_feel::Number;
///
/// let third = Number::from(1).checked_div(Number::from(3)).unwrap();
/// assert_eq!(third.to_string(), "0.3333333333333333333333333333333333");
/// let tenth: Number = "0.1".parse().unwrap();
/// assert_eq!(tenth.checked_add("0.2".parse().unwrap()).unwrap(), "0.30".parse().unwrap());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Number {
    negative: bool,
    coefficient: u128,
    exponent: i32,
}

impl Number {
    /// Zero.
    pub const ZERO: Self = Self { negative: false, coefficient: 0, exponent: 0 };

    /// One.
    pub const ONE: Self = Self { negative: false, coefficient: 1, exponent: 0 };

    /// Two.
    pub(crate) const TWO: Self = Self { negative: false, coefficient: 2, exponent: 0 };

    /// Whether it is zero.
    pub const fn is_zero(self) -> bool {
        self.coefficient == 0
    }

    /// Whether it is less than zero.
    pub const fn is_negative(self) -> bool {
        self.negative && self.coefficient != 0
    }

    /// Whether it has no fraction.
    pub fn is_integer(self) -> bool {
        let plain = self.normalized();
        plain.exponent >= 0
    }

    /// The number with the opposite sign.
    #[must_use]
    pub const fn negate(self) -> Self {
        Self { negative: !self.negative && self.coefficient != 0, ..self }
    }

    /// The number without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self { negative: false, ..self }
    }

    /// The whole number, where it is one that fits.
    pub fn to_i64(self) -> Option<i64> {
        let plain = self.normalized();
        if plain.exponent < 0 {
            return None;
        }
        let factor = 10_i128.checked_pow(plain.exponent.unsigned_abs())?;
        let magnitude = i128::try_from(plain.coefficient).ok()?.checked_mul(factor)?;
        i64::try_from(if plain.negative { -magnitude } else { magnitude }).ok()
    }

    /// The whole part, towards zero, where it fits.
    pub fn truncate_to_i64(self) -> Option<i64> {
        self.round_to(0, Rounding::Down)?.to_i64()
    }

    /// The nearest binary number; out of its range an infinity or zero.
    pub fn to_f64(self) -> f64 {
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}e{}", self.coefficient, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// The same value without trailing zeros in its coefficient.
    fn normalized(self) -> Self {
        if self.coefficient == 0 {
            return Self::ZERO;
        }
        let mut plain = self;
        while plain.coefficient.is_multiple_of(10) {
            plain.coefficient /= 10;
            plain.exponent += 1;
        }
        plain
    }

    /// The coefficient with as many zeros as fit 34 digits, and the exponent of its first digit.
    fn aligned(self) -> (i64, u128) {
        let digits = parts::digits(self.coefficient);
        let first = i64::from(self.exponent) + i64::from(digits);
        (first, self.coefficient * 10_u128.pow(DIGITS - digits))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let plain = self.normalized();
        (plain.negative, plain.coefficient, plain.exponent).hash(state);
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let by_sign = sign(self).cmp(&sign(other));
        if by_sign != Ordering::Equal || self.is_zero() {
            return by_sign;
        }
        let by_magnitude = self.aligned().cmp(&other.aligned());
        if self.negative { by_magnitude.reverse() } else { by_magnitude }
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {
        $(impl From<$integer> for Number {
            fn from(value: $integer) -> Self {
                Self {
                    negative: value < 0,
                    coefficient: u128::from(value.unsigned_abs()),
                    exponent: 0,
                }
            }
        })*
    };
}

from_integers!(i32, i64);

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self { negative: false, coefficient: u128::from(value), exponent: 0 }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self { negative: false, coefficient: u128::from(value), exponent: 0 }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
