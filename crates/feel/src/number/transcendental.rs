//! Powers, exponentials and logarithms, in fixed point with digits to spare.
//!
//! A fixed-point value is a whole number of `10^-PLACES`. Results are off by some units of the last
//! places at most, and the places are far more than a number's 34 digits.

use num_bigint::{BigInt, BigUint, Sign};

use super::{
    Number, Rounding,
    parts::{Parts, digits, digits_of, power_of_ten},
};

/// The places after the point.
const PLACES: u32 = 72;

/// The natural logarithm of ten, with `PLACES` places and one more.
const LN_10: &str = "2302585092994045684017991454684364207601101488628772976033327900967572609";

/// The digits that a power is computed with.
const POWER_DIGITS: u32 = 60;

impl Number {
    /// *e* to the power of the number; `None` where that is too great.
    pub fn exp(self) -> Option<Self> {
        if self.aligned().0 > 6 {
            // Beyond a million either way: no number, or nothing.
            return self.is_negative().then_some(Self::ZERO);
        }
        exp_fixed(&fixed(self))
    }

    /// The natural logarithm; `None` where the number is not positive.
    pub fn ln(self) -> Option<Self> {
        if self.is_zero() || self.is_negative() {
            return None;
        }
        if self == Self::ONE {
            return Some(Self::ZERO);
        }
        from_fixed(&ln_fixed(self)).map(Self::normalized)
    }

    /// The number to the power of the other.
    ///
    /// `None` where that is too great or no number: zero to a negative power, a negative number to a
    /// power that is not whole.
    pub fn power(self, exponent: Self) -> Option<Self> {
        if exponent.is_zero() {
            return Some(Self::ONE);
        }
        if self.is_zero() {
            return (!exponent.is_negative()).then_some(Self::ZERO);
        }
        if let Some(whole) = exponent.to_i64().filter(|whole| whole.abs() < 1_000_000_000) {
            let power = power_whole(self, whole.unsigned_abs());
            return if whole > 0 { power?.finish() } else { reciprocal(power) };
        }
        let odd =
            exponent.is_integer() && exponent.modulo(Self::TWO).is_some_and(|rest| !rest.is_zero());
        if self.negative && !exponent.is_integer() {
            return None;
        }
        let logarithm = ln_fixed(self.abs());
        let product = logarithm * exponent.signed_scaled()?;
        let shift = exponent.exponent;
        let product = if shift >= 0 {
            product * BigInt::from(power_of_ten(shift.unsigned_abs().min(7000)))
        } else {
            product / BigInt::from(power_of_ten(shift.unsigned_abs()))
        };
        let power = exp_fixed(&product)?;
        Some(if self.negative && odd { power.negate() } else { power })
    }

    fn signed_scaled(self) -> Option<BigInt> {
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        Some(BigInt::from_biguint(sign, BigUint::from(self.coefficient)))
    }
}

/// The number to a whole, positive power.
fn power_whole(base: Number, exponent: u64) -> Option<Parts> {
    let cut = |coefficient: BigUint, power: i64| {
        let excess = digits_of(&coefficient).saturating_sub(POWER_DIGITS);
        (coefficient / power_of_ten(excess), power + i64::from(excess))
    };
    let base = base.normalized();
    let mut square = (BigUint::from(base.coefficient), i64::from(base.exponent));
    let mut result = (BigUint::from(1_u8), 0_i64);
    let mut left = exponent;
    loop {
        if left & 1 == 1 {
            result = cut(result.0 * &square.0, result.1.checked_add(square.1)?);
        }
        left >>= 1;
        if left == 0 {
            break;
        }
        square = cut(&square.0 * &square.0, square.1.checked_mul(2)?);
        // Far beyond every number: no use to go on, and no overflow.
        if square.1.abs() > 1 << 40 {
            return Some(Parts {
                negative: base.negative && exponent & 1 == 1,
                coefficient: BigUint::from(1_u8),
                exponent: square.1.signum() * (1 << 40),
                inexact: false,
            });
        }
    }
    let negative = base.negative && exponent & 1 == 1;
    Some(Parts { negative, coefficient: result.0, exponent: result.1, inexact: false })
}

/// One divided by the parts.
fn reciprocal(parts: Option<Parts>) -> Option<Number> {
    let parts = parts?;
    let zeros = digits_of(&parts.coefficient) + POWER_DIGITS;
    let one = power_of_ten(zeros);
    let quotient = &one / &parts.coefficient;
    let inexact = &quotient * &parts.coefficient != one;
    Parts {
        negative: parts.negative,
        coefficient: quotient,
        exponent: -parts.exponent - i64::from(zeros),
        inexact,
    }
    .finish()
    .map(Number::normalized)
}

/// The number in fixed point; what is beyond the places is cut off.
fn fixed(number: Number) -> BigInt {
    let shift = number.exponent + PLACES.cast_signed();
    let coefficient = BigUint::from(number.coefficient);
    let magnitude = if shift >= 0 {
        coefficient * power_of_ten(shift.unsigned_abs())
    } else {
        coefficient / power_of_ten(shift.unsigned_abs())
    };
    BigInt::from_biguint(if number.negative { Sign::Minus } else { Sign::Plus }, magnitude)
}

fn from_fixed(value: &BigInt) -> Option<Number> {
    Parts {
        negative: value.sign() == Sign::Minus,
        coefficient: value.magnitude().clone(),
        exponent: -i64::from(PLACES),
        inexact: false,
    }
    .finish()
}

fn one() -> BigInt {
    BigInt::from(power_of_ten(PLACES))
}

fn ln_10() -> BigInt {
    LN_10.parse().unwrap_or_default()
}

/// *e* to the power, as a number: `10^n` times *e* to the power of the rest.
fn exp_fixed(power: &BigInt) -> Option<Number> {
    let ln_10 = ln_10();
    let tens = power / &ln_10;
    let rest = power - &tens * &ln_10;
    let Ok(tens) = i64::try_from(&tens) else {
        return (power.sign() == Sign::Minus).then_some(Number::ZERO);
    };
    let value = exp_series(&rest);
    Parts {
        negative: false,
        coefficient: value.magnitude().clone(),
        exponent: tens - i64::from(PLACES),
        inexact: false,
    }
    .finish()
    .map(Number::normalized)
}

/// *e* to a power below three: the series of an eighth of it, squared three times.
fn exp_series(power: &BigInt) -> BigInt {
    let one = one();
    let small: BigInt = power / 8;
    let mut term = one.clone();
    let mut sum = one.clone();
    let mut index = 1_u32;
    while term != BigInt::ZERO {
        term = term * &small / &one / index;
        sum += &term;
        index += 1;
    }
    for _ in 0..3 {
        sum = &sum * &sum / &one;
    }
    sum
}

/// The logarithm of a positive number, in fixed point.
fn ln_fixed(number: Number) -> BigInt {
    // The number is m * 10^n with m from 0.1 to 1.
    let length = digits(number.coefficient);
    let tens = i64::from(number.exponent) + i64::from(length);
    let fraction = Number { exponent: -length.cast_signed(), ..number };
    let target = fixed(fraction);
    let guess = format!("{:.15}", fraction.to_f64().ln());
    let mut value = fixed(guess.parse().unwrap_or(Number::ZERO));
    // Each step triples the digits that are right: 15, 45, 135.
    for _ in 0..3 {
        let power = exp_series(&value);
        value += 2 * one() * (&target - &power) / (&target + &power);
    }
    value + ln_10() * tens
}

impl Number {
    /// The number as an exponent's whole part, for callers that count.
    pub(crate) fn truncated(self) -> Option<Self> {
        self.round_to(0, Rounding::Down)
    }
}
