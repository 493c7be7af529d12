//! Sums, products, quotients, remainders and roots: exact, and then rounded once.

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer as _;

use super::{
    COEFFICIENT_END, DIGITS, Number, Rounding,
    parts::{Parts, digits, power_of_ten},
};

/// How far two exponents may be apart before the smaller number cannot change the other's digits,
/// but only the direction of rounding.
const REACH: i64 = 2 * DIGITS as i64 + 4;

impl Number {
    /// The sum; `None` where it is too great.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.is_zero() || other.is_zero() {
            return Some(if self.is_zero() { other } else { self });
        }
        if let Some(sum) = self.add_small(other) {
            return Some(sum);
        }
        let (high, low) =
            if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        let distance = i64::from(high.exponent) - i64::from(low.exponent);
        let (high_first, low_first) = (high.aligned().0, low.aligned().0);
        if distance > REACH && high_first - low_first > REACH {
            return add_far(high, low);
        }
        let shift = u32::try_from(distance).ok()?;
        let sum = high.signed() * BigInt::from(power_of_ten(shift)) + low.signed();
        finish(&sum, i64::from(low.exponent))
    }

    /// The difference; `None` where it is too great.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(other.negate())
    }

    /// The product; `None` where it is too great.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let negative = self.negative != other.negative;
        let exponent = self.exponent + other.exponent;
        if let Some(coefficient) = self.coefficient.checked_mul(other.coefficient)
            && coefficient < COEFFICIENT_END
            && (-6000..6000).contains(&exponent)
        {
            return Some(Self { negative: negative && coefficient != 0, coefficient, exponent });
        }
        Parts {
            negative,
            coefficient: BigUint::from(self.coefficient) * BigUint::from(other.coefficient),
            exponent: i64::from(exponent),
            inexact: false,
        }
        .finish()
    }

    /// The quotient; `None` where the divisor is zero or the quotient too great.
    pub fn checked_div(self, other: Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        let (dividend, divisor) = (self.normalized(), other.normalized());
        // As many zeros as leave the quotient at least one digit more than it may keep.
        let zeros = DIGITS + 2 + digits(divisor.coefficient);
        let scaled = BigUint::from(dividend.coefficient) * power_of_ten(zeros);
        let (quotient, rest) = scaled.div_rem(&BigUint::from(divisor.coefficient));
        let exponent = i64::from(dividend.exponent) - i64::from(divisor.exponent);
        Parts {
            negative: self.negative != other.negative,
            coefficient: quotient,
            exponent: exponent - i64::from(zeros),
            inexact: rest != BigUint::ZERO,
        }
        .finish()
        .map(Self::normalized)
    }

    /// What is left of a division whose quotient is rounded down: it has the divisor's sign.
    /// `None` where the divisor is zero.
    pub fn modulo(self, other: Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        let (dividend, divisor) = (self.normalized(), other.normalized());
        let exponent = dividend.exponent.min(divisor.exponent);
        let scaled = |number: Self| {
            let shift = u32::try_from(number.exponent - exponent).unwrap_or(0);
            number.signed() * BigInt::from(power_of_ten(shift))
        };
        finish(&scaled(dividend).mod_floor(&scaled(divisor)), i64::from(exponent))
    }

    /// The square root; `None` where the number is negative.
    pub fn sqrt(self) -> Option<Self> {
        if self.is_negative() {
            return None;
        }
        if self.is_zero() {
            return Some(Self::ZERO);
        }
        let plain = self.normalized();
        // An even exponent, and twice as many digits as the root may have.
        let odd = plain.exponent.rem_euclid(2).unsigned_abs();
        let zeros = 2 * (DIGITS + 2) + odd;
        let square = BigUint::from(plain.coefficient) * power_of_ten(zeros);
        let root = square.sqrt();
        let inexact = &root * &root != square;
        let exponent = (i64::from(plain.exponent) - i64::from(zeros)) / 2;
        Parts { negative: false, coefficient: root, exponent, inexact }
            .finish()
            .map(Self::normalized)
    }

    /// The greatest whole number that is not greater.
    pub fn floor(self) -> Option<Self> {
        self.round_to(0, Rounding::Floor)
    }

    /// The sum, where it can be made of machine integers.
    fn add_small(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        if exponent > 6000 {
            return None;
        }
        let scaled = |number: Self| {
            let shift = (number.exponent - exponent).unsigned_abs();
            let magnitude = i128::try_from(number.coefficient).ok()?;
            let magnitude = magnitude.checked_mul(10_i128.checked_pow(shift)?)?;
            Some(if number.negative { -magnitude } else { magnitude })
        };
        let sum = scaled(self)?.checked_add(scaled(other)?)?;
        let coefficient = sum.unsigned_abs();
        (coefficient < COEFFICIENT_END).then_some(Self { negative: sum < 0, coefficient, exponent })
    }

    fn signed(self) -> BigInt {
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        BigInt::from_biguint(sign, BigUint::from(self.coefficient))
    }
}

/// The sum of two numbers of which the second is less than any digit of the first.
fn add_far(high: Number, low: Number) -> Option<Number> {
    let zeros = DIGITS + 2;
    let coefficient = BigUint::from(high.coefficient) * power_of_ten(zeros);
    // Between this coefficient and the next, or between the one before and this.
    let coefficient = if high.negative == low.negative { coefficient } else { coefficient - 1_u8 };
    let exponent = i64::from(high.exponent) - i64::from(zeros);
    Parts { negative: high.negative, coefficient, exponent, inexact: true }.finish()
}

fn finish(value: &BigInt, exponent: i64) -> Option<Number> {
    let negative = value.sign() == Sign::Minus;
    let coefficient = value.magnitude().clone();
    Parts { negative, coefficient, exponent, inexact: false }.finish()
}
