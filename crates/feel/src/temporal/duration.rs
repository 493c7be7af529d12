//! Durations: of days and time, and of years and months.

use std::{fmt, str::FromStr};

use super::{
    NANOS_PER_DAY, NANOS_PER_SECOND,
    scan::{Duration, Scan},
};
use crate::{Number, Rounding};

/// The longest duration: more than there is between any two dates.
const NANOS_MAX: i128 = 3_000_000_000 * 366 * NANOS_PER_DAY;

/// A duration of days, hours, minutes and seconds: an amount of time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DaysTimeDuration(i128);

impl DaysTimeDuration {
    /// The duration, up to some billions of years.
    pub fn from_nanos(nanos: i128) -> Option<Self> {
        (nanos.abs() <= NANOS_MAX).then_some(Self(nanos))
    }

    /// The duration of whole seconds.
    pub fn from_seconds(seconds: i32) -> Self {
        Self(i128::from(seconds) * NANOS_PER_SECOND)
    }

    /// The nanoseconds.
    pub const fn nanos(self) -> i128 {
        self.0
    }

    /// The days, hours, minutes and seconds, each with the duration's sign; seconds in nanoseconds.
    pub(crate) fn parts(self) -> [i128; 4] {
        let seconds = NANOS_PER_SECOND;
        [
            self.0 / NANOS_PER_DAY,
            self.0 / (3600 * seconds) % 24,
            self.0 / (60 * seconds) % 60,
            self.0 % (60 * seconds),
        ]
    }

    pub(crate) fn negate(self) -> Self {
        Self(-self.0)
    }

    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_nanos(self.0.checked_add(other.0)?)
    }

    /// The duration as a number of seconds.
    pub(crate) fn seconds(self) -> Option<Number> {
        number(self.0)?.checked_div(number(NANOS_PER_SECOND)?)
    }

    /// The duration of a number of seconds; what is below a nanosecond is cut off.
    pub(crate) fn of_seconds(seconds: Number) -> Option<Self> {
        let nanos = seconds.checked_mul(number(NANOS_PER_SECOND)?)?;
        Self::from_nanos(whole(nanos)?)
    }

    pub(crate) fn checked_mul(self, factor: Number) -> Option<Self> {
        Self::from_nanos(whole(number(self.0)?.checked_mul(factor)?)?)
    }

    pub(crate) fn checked_div(self, divisor: Number) -> Option<Self> {
        Self::from_nanos(whole(number(self.0)?.checked_div(divisor)?)?)
    }

    pub(crate) fn ratio(self, other: Self) -> Option<Number> {
        number(self.0)?.checked_div(number(other.0)?)
    }
}

/// A duration of years and months, in months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct YearsMonthsDuration(i64);

impl YearsMonthsDuration {
    /// The duration of so many months.
    pub const fn new(months: i64) -> Self {
        Self(months)
    }

    /// The months, those of its years included.
    pub const fn months(self) -> i64 {
        self.0
    }

    pub(crate) fn negate(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }

    pub(crate) fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    pub(crate) fn checked_mul(self, factor: Number) -> Option<Self> {
        Number::from(self.0).checked_mul(factor)?.truncate_to_i64().map(Self)
    }

    pub(crate) fn checked_div(self, divisor: Number) -> Option<Self> {
        Number::from(self.0).checked_div(divisor)?.truncate_to_i64().map(Self)
    }

    pub(crate) fn ratio(self, other: Self) -> Option<Number> {
        Number::from(self.0).checked_div(Number::from(other.0))
    }
}

/// The number of a count: exactly, for all that a duration may be.
fn number(count: i128) -> Option<Number> {
    let high = Number::from(i64::try_from(count / 1_000_000_000_000_000).ok()?);
    let low = Number::from(i64::try_from(count % 1_000_000_000_000_000).ok()?);
    high.checked_mul(Number::from(1_000_000_000_000_000_i64))?.checked_add(low)
}

/// The whole part as a count.
fn whole(number: Number) -> Option<i128> {
    let truncated = number.round_to(0, Rounding::Down)?;
    let high = truncated.checked_div(Number::from(1_000_000_000_000_000_i64))?.truncated()?;
    let low = truncated.checked_sub(high.checked_mul(Number::from(1_000_000_000_000_000_i64))?)?;
    i128::from(high.to_i64()?).checked_mul(1_000_000_000_000_000)?.checked_add(low.to_i64()?.into())
}

/// Writes seconds, given in nanoseconds, with as many places as they need.
pub(super) fn write_seconds(f: &mut fmt::Formatter<'_>, nanos: u128) -> fmt::Result {
    let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    write!(f, "{seconds}")?;
    if fraction == 0 {
        return Ok(());
    }
    let digits = format!("{fraction:09}");
    write!(f, ".{}", digits.trim_end_matches('0'))
}

impl fmt::Display for DaysTimeDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("PT0S");
        }
        f.write_str(if self.0 < 0 { "-P" } else { "P" })?;
        let [days, hours, minutes, seconds] = self.parts().map(i128::unsigned_abs);
        if days != 0 {
            write!(f, "{days}D")?;
        }
        if hours == 0 && minutes == 0 && seconds == 0 {
            return Ok(());
        }
        f.write_str("T")?;
        if hours != 0 {
            write!(f, "{hours}H")?;
        }
        if minutes != 0 {
            write!(f, "{minutes}M")?;
        }
        if seconds != 0 {
            write_seconds(f, seconds)?;
            f.write_str("S")?;
        }
        Ok(())
    }
}

impl fmt::Display for YearsMonthsDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("P0M");
        }
        f.write_str(if self.0 < 0 { "-P" } else { "P" })?;
        let (years, months) = ((self.0 / 12).unsigned_abs(), (self.0 % 12).unsigned_abs());
        if years != 0 {
            write!(f, "{years}Y")?;
        }
        if months != 0 {
            write!(f, "{months}M")?;
        }
        Ok(())
    }
}

impl FromStr for DaysTimeDuration {
    type Err = ();

    /// Reads `P1DT2H3M4.5S`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut scan = Scan::new(text);
        match scan.duration() {
            Some(Duration::DaysTime(duration)) if scan.is_done() => Ok(duration),
            _ => Err(()),
        }
    }
}

impl FromStr for YearsMonthsDuration {
    type Err = ();

    /// Reads `P1Y2M`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut scan = Scan::new(text);
        match scan.duration() {
            Some(Duration::YearsMonths(duration)) if scan.is_done() => Ok(duration),
            _ => Err(()),
        }
    }
}
