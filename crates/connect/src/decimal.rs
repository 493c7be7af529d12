//! Decimal numbers as they are written: exact, where a binary float is not.

/// A decimal number: the digits, and the power of ten that they are multiplied with.
///
/// Invariant: `digits` begins and ends with another digit than `0`, and is empty for zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

/// Why a decimal has no whole number of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// Digits would be left behind the last place.
    TooFine,
    /// There would be more digits than are allowed.
    TooLarge,
}

impl Decimal {
    /// Reads `-12.5`, `.5`, `3.`, `1e-3` and the like; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_end_matches('0');
        let dropped = digits.len() - significant.len();
        let exponent =
            exponent - i64::try_from(fraction.len()).ok()? + i64::try_from(dropped).ok()?;
        let digits = significant.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits, exponent: 0 });
        }
        Some(Self { is_negative, digits, exponent })
    }

    /// How many digits there are between the first and the last that is not `0`.
    pub(crate) fn digits_count(&self) -> usize {
        self.digits.len()
    }

    /// The number times ten to the power of `scale`, as digits with a sign; it must be whole and have
    /// at most `digits_max` digits.
    pub(crate) fn unscaled(&self, scale: u32, digits_max: usize) -> Result<String, Misfit> {
        if self.digits.is_empty() {
            return Ok("0".to_owned());
        }
        let zeros = self.exponent + i64::from(scale);
        let zeros = usize::try_from(zeros).map_err(|_| Misfit::TooFine)?;
        if self.digits.len().saturating_add(zeros) > digits_max {
            return Err(Misfit::TooLarge);
        }
        let sign = if self.is_negative { "-" } else { "" };
        Ok(format!("{sign}{}{}", self.digits, "0".repeat(zeros)))
    }

    /// The thousandths, what is finer cut off; `None` beyond 64 bits.
    pub(crate) fn thousandths(&self) -> Option<i64> {
        match self.unscaled(3, 19) {
            Ok(text) => text.parse().ok(),
            Err(Misfit::TooLarge) => None,
            Err(Misfit::TooFine) => {
                let behind = usize::try_from(-(self.exponent + 3)).ok()?;
                let kept = self.digits.len().saturating_sub(behind);
                let sign = if self.is_negative { "-" } else { "" };
                let kept = &self.digits[..kept];
                if kept.is_empty() { Some(0) } else { format!("{sign}{kept}").parse().ok() }
            }
        }
    }
}

/// An exponent; those that no number of this world needs are refused.
fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// The text of a decimal of that many places: `1234` with 2 places is `12.34`.
pub(crate) fn with_point(unscaled: &str, scale: u32) -> String {
    let (sign, digits) = match unscaled.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", unscaled),
    };
    let scale = usize::try_from(scale).unwrap_or(usize::MAX);
    if scale == 0 {
        return unscaled.to_owned();
    }
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        return format!("{sign}{whole}.{fraction}");
    }
    format!("{sign}0.{}{digits}", "0".repeat(scale - digits.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_a_number_and_nothing_else() {
        for (text, scale, expected) in [
            ("12.34", 2, Ok("1234")),
            ("-12.340", 2, Ok("-1234")),
            ("+.5", 1, Ok("5")),
            ("3.", 0, Ok("3")),
            ("1e3", 0, Ok("1000")),
            ("1200e-2", 0, Ok("12")),
            ("-0.00", 2, Ok("0")),
            ("0e999999999", 2, Ok("0")),
            ("12.345", 2, Err(Misfit::TooFine)),
            ("1e999999999", 0, Err(Misfit::TooLarge)),
            ("1e-999999999", 9, Err(Misfit::TooFine)),
        ] {
            let unscaled = Decimal::parse(text).unwrap().unscaled(scale, 38);
            assert_eq!(unscaled.as_deref().map_err(|error| *error), expected, "{text}");
        }
        for text in ["", ".", "-", "1,5", "0x10", "1e", "1e9999999999", "NaN", " 1", "1 ", "--1"] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn thousandths_are_exact_and_cut_off() {
        for (text, expected) in [
            ("1.001", Some(1001)),
            ("0.29", Some(290)),
            ("-2.0019", Some(-2001)),
            ("0.0004", Some(0)),
            ("1e-30", Some(0)),
            ("9223372036854775.807", Some(i64::MAX)),
            ("9223372036854775.808", None),
            ("1e40", None),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().thousandths(), expected, "{text}");
        }
    }

    #[test]
    fn puts_the_point_where_it_belongs() {
        for (unscaled, scale, expected) in
            [("1234", 2, "12.34"), ("-5", 2, "-0.05"), ("0", 2, "0.00"), ("7", 0, "7")]
        {
            assert_eq!(with_point(unscaled, scale), expected);
        }
    }
}
