//! Dates.

use std::{fmt, str::FromStr};

use super::{
    DateTime, DaysTimeDuration, YearsMonthsDuration,
    civil::{civil_from_days, days_from_civil, days_in_month},
    scan::Scan,
};

/// The greatest year, and as a negative number the smallest.
const YEAR_MAX: i64 = 999_999_999;

/// A date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: i32,
    month: u8,
    day: u8,
}

impl Date {
    /// The date, where there is one: the month from 1 to 12, the day from 1 to the month's last, the
    /// year from -999,999,999 to 999,999,999.
    pub fn new(year: i64, month: u8, day: u8) -> Option<Self> {
        if year.abs() > YEAR_MAX || !(1..=12).contains(&month) {
            return None;
        }
        if day < 1 || day > days_in_month(year, month) {
            return None;
        }
        Some(Self { year: i32::try_from(year).ok()?, month, day })
    }

    /// The date that many days after 1970-01-01.
    pub fn from_epoch_days(days: i64) -> Option<Self> {
        if days.abs() > 366 * (YEAR_MAX + 3000) {
            return None;
        }
        let (year, month, day) = civil_from_days(days);
        Self::new(year, month, day)
    }

    /// The days from 1970-01-01 to the date.
    pub fn epoch_days(self) -> i64 {
        days_from_civil(i64::from(self.year), self.month, self.day)
    }

    /// The year.
    pub const fn year(self) -> i32 {
        self.year
    }

    /// The month, from 1.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The day of the week, from 1 for Monday to 7 for Sunday.
    pub fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        u8::try_from((self.epoch_days() + 3).rem_euclid(7) + 1).unwrap_or(1)
    }

    /// The day of the year, from 1.
    pub fn day_of_year(self) -> i64 {
        self.epoch_days() - days_from_civil(i64::from(self.year), 1, 1) + 1
    }

    /// The week of the year as ISO 8601 counts it: week 1 has the year's first Thursday.
    pub fn week_of_year(self) -> i64 {
        let thursday = self.epoch_days() + 4 - i64::from(self.weekday());
        let (year, ..) = civil_from_days(thursday);
        (thursday - days_from_civil(year, 1, 1)) / 7 + 1
    }

    /// The last day of the date's month.
    #[must_use]
    pub fn last_day_of_month(self) -> Self {
        Self { day: days_in_month(i64::from(self.year), self.month), ..self }
    }

    /// The date some months later; a day that its month lacks becomes the month's last.
    pub fn add_months(self, duration: YearsMonthsDuration) -> Option<Self> {
        let months = i64::from(self.year) * 12 + i64::from(self.month) - 1;
        let months = months.checked_add(duration.months())?;
        let year = months.div_euclid(12);
        let month = u8::try_from(months.rem_euclid(12) + 1).ok()?;
        if year.abs() > YEAR_MAX {
            return None;
        }
        Self::new(year, month, self.day.min(days_in_month(year, month)))
    }

    /// The date of the moment some time after this date's first.
    pub fn add_duration(self, duration: DaysTimeDuration) -> Option<Self> {
        Some(DateTime::at_midnight(self).add_duration(duration)?.date())
    }

    /// The whole months from the other date to this one.
    pub(crate) fn months_since(self, from: Self) -> YearsMonthsDuration {
        let months = |date: Self| i64::from(date.year) * 12 + i64::from(date.month);
        let between = months(self) - months(from);
        let whole = match between {
            1.. if self.day < from.day => between - 1,
            ..=-1 if self.day > from.day => between + 1,
            _ => between,
        };
        YearsMonthsDuration::new(whole)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.year < 0 { "-" } else { "" };
        write!(f, "{sign}{:04}-{:02}-{:02}", self.year.unsigned_abs(), self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = ();

    /// Reads `2024-02-29`; years have at least four digits, and no sign but a minus.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut scan = Scan::new(text);
        let date = scan.date().ok_or(())?;
        scan.is_done().then_some(date).ok_or(())
    }
}
