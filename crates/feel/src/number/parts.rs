//! From an exact or a longer result to a number: the one place where digits are cut off.

use num_bigint::BigUint;

use super::{COEFFICIENT_END, DIGITS, EXPONENT_MAX, EXPONENT_MIN, Number, Rounding};

/// A result before it is rounded: `coefficient * 10^exponent`, and a bit more.
pub(super) struct Parts {
    pub(super) negative: bool,
    pub(super) coefficient: BigUint,
    pub(super) exponent: i64,
    /// Whether the true value lies between this coefficient and the next.
    pub(super) inexact: bool,
}

impl Parts {
    /// The nearest number; `None` where it would be too great.
    pub(super) fn finish(self) -> Option<Number> {
        let excess = digits_of(&self.coefficient).saturating_sub(DIGITS);
        let excess = i64::from(excess).max(EXPONENT_MIN.saturating_sub(self.exponent));
        self.cut(excess, Rounding::HalfEven)
    }

    /// The number with the last `excess` digits rounded away.
    pub(super) fn cut(self, excess: i64, rounding: Rounding) -> Option<Number> {
        let Self { negative, coefficient, exponent, inexact } = self;
        if excess <= 0 && !inexact {
            return whole(negative, &coefficient, exponent);
        }
        let excess = excess.max(0);
        let length = i64::from(digits_of(&coefficient));
        if excess > length + 1 {
            // All of it is less than a tenth of the last digit that stays.
            let some = inexact || coefficient != BigUint::ZERO;
            let up = some && rounding.rounds_up(negative, 0, true, false);
            return whole(negative, &BigUint::from(u8::from(up)), exponent + excess);
        }
        let unit = power_of_ten(u32::try_from(excess).ok()?);
        let (quotient, rest) = (&coefficient / &unit, &coefficient % &unit);
        let twice = &rest * 2_u8;
        let last = (&quotient % 10_u8).iter_u32_digits().next().unwrap_or(0);
        let half = twice.cmp(&unit).then(if inexact {
            std::cmp::Ordering::Greater
        } else {
            std::cmp::Ordering::Equal
        });
        let half = if excess == 0 { std::cmp::Ordering::Less } else { half };
        let some = inexact || rest != BigUint::ZERO;
        let up = some && rounding.rounds(negative, last, half);
        whole(negative, &(quotient + u8::from(up)), exponent + excess)
    }
}

/// The number, where its coefficient needs no more than a shift of zeros.
fn whole(negative: bool, coefficient: &BigUint, exponent: i64) -> Option<Number> {
    let mut exponent = exponent;
    if *coefficient == BigUint::ZERO {
        let exponent = i32::try_from(exponent.clamp(EXPONENT_MIN, 0)).ok()?;
        return Some(Number { negative: false, coefficient: 0, exponent });
    }
    let mut coefficient = u128::try_from(coefficient).ok()?;
    // Rounding up may have made a digit more: it is a zero.
    while coefficient >= COEFFICIENT_END {
        if coefficient % 10 != 0 {
            return None;
        }
        coefficient /= 10;
        exponent += 1;
    }
    let first = exponent + i64::from(digits(coefficient)) - 1;
    if first > EXPONENT_MAX || exponent < EXPONENT_MIN {
        return None;
    }
    let exponent = i32::try_from(exponent).ok()?;
    Some(Number { negative, coefficient, exponent })
}

/// How many digits the coefficient has; none for zero.
pub(super) fn digits(coefficient: u128) -> u32 {
    coefficient.checked_ilog10().map_or(0, |digits| digits + 1)
}

/// How many digits the coefficient has; none for zero.
pub(super) fn digits_of(coefficient: &BigUint) -> u32 {
    if let Ok(small) = u128::try_from(coefficient) {
        return digits(small);
    }
    // A bit is log10(2) digits, of which 30103/100000 is a little more.
    let bits = coefficient.bits() - 1;
    let least = u32::try_from(u128::from(bits) * 30_102 / 100_000).unwrap_or(u32::MAX);
    let mut digits = least.max(1);
    while *coefficient >= power_of_ten(digits) {
        digits += 1;
    }
    digits
}

/// Ten to the power.
pub(super) fn power_of_ten(power: u32) -> BigUint {
    BigUint::from(10_u8).pow(power)
}
