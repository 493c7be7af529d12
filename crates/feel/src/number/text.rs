//! Numbers as text: FEEL's and JSON's literals, and back.

use std::{fmt, str::FromStr};

use num_bigint::BigUint;

use super::{Number, parts::Parts};

/// How many zeros a number prints before it takes an exponent.
const ZEROS_MAX: i64 = 34;

/// A text that is no number, or one that is too great.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberError {
    /// It is not digits with at most one point and an exponent.
    Malformed,
    /// Its magnitude is not below 10^6145.
    TooGreat,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "no number: expected digits, as in 12, 0.5, .5 or 1.2e3",
            Self::TooGreat => "a number must be below 10^6145",
        })
    }
}

impl std::error::Error for NumberError {}

impl FromStr for Number {
    type Err = NumberError;

    /// Reads `-12.5e3`, `.5` and their like; more than 34 digits are rounded.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return Err(NumberError::Malformed),
            Some((whole, fraction)) => (whole, fraction),
            None => (mantissa, ""),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(NumberError::Malformed);
        }
        let mut coefficient = 0_u128;
        let mut dropped = 0_i64;
        let mut inexact = false;
        for digit in whole.bytes().chain(fraction.bytes()) {
            if !digit.is_ascii_digit() {
                return Err(NumberError::Malformed);
            }
            let digit = u128::from(digit - b'0');
            if coefficient < 10_u128.pow(36) {
                coefficient = coefficient * 10 + digit;
            } else {
                dropped += 1;
                inexact |= digit != 0;
            }
        }
        let fraction = i64::try_from(fraction.len()).map_err(|_| NumberError::TooGreat)?;
        let exponent = exponent - fraction + dropped;
        Parts { negative, coefficient: BigUint::from(coefficient), exponent, inexact }
            .finish()
            .ok_or(NumberError::TooGreat)
    }
}

/// The exponent; one beyond all numbers is cut to a value that is, too.
fn read_exponent(text: &str) -> Result<i64, NumberError> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(NumberError::Malformed);
    }
    let exponent = digits.parse::<i64>().unwrap_or(i64::MAX).min(1 << 40);
    Ok(if negative { -exponent } else { exponent })
}

impl fmt::Display for Number {
    /// The shortest text: without an exponent where 34 zeros suffice.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.normalized();
        let digits = plain.coefficient.to_string();
        let sign = if plain.negative { "-" } else { "" };
        let exponent = i64::from(plain.exponent);
        let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let point = length + exponent;
        if plain.is_zero() {
            f.write_str("0")
        } else if (0..=ZEROS_MAX).contains(&exponent) {
            let zeros = usize::try_from(exponent).unwrap_or(0);
            write!(f, "{sign}{digits}{}", "0".repeat(zeros))
        } else if exponent < 0 && point > 0 {
            let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
            write!(f, "{sign}{whole}.{fraction}")
        } else if exponent < 0 && -point <= ZEROS_MAX {
            let zeros = usize::try_from(-point).unwrap_or(0);
            write!(f, "{sign}0.{}{digits}", "0".repeat(zeros))
        } else {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            write!(f, "{sign}{first}{dot}{rest}E{:+}", point - 1)
        }
    }
}
