//! Reads the parts of ISO 8601 texts.

use super::{Date, DaysTimeDuration, YearsMonthsDuration, Zone};

/// What is left of a text.
pub(super) struct Scan<'a> {
    rest: &'a str,
}

/// Which duration a text is.
pub(super) enum Duration {
    DaysTime(DaysTimeDuration),
    YearsMonths(YearsMonthsDuration),
}

impl<'a> Scan<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the character, where it is next.
    pub(super) fn take(&mut self, expected: char) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// `-2024-02-29`.
    pub(super) fn date(&mut self) -> Option<Date> {
        let negative = self.take('-');
        let digits = self.digits();
        if digits.len() < 4 || digits.len() > 9 || (digits.len() > 4 && digits.starts_with('0')) {
            return None;
        }
        let year: i64 = digits.parse().ok()?;
        let year = if negative { -year } else { year };
        let month = self.take('-').then(|| self.two_digits())??;
        let day = self.take('-').then(|| self.two_digits())??;
        Date::new(year, month, day)
    }

    /// `10:20:30.123`, in nanoseconds; 24:00:00 is the end of the day.
    pub(super) fn time_of_day(&mut self) -> Option<u64> {
        let hour = self.two_digits()?;
        let minute = self.take(':').then(|| self.two_digits())??;
        let second = self.take(':').then(|| self.two_digits())??;
        let nanos = if self.take('.') { self.fraction(true)? } else { 0 };
        let whole = hour == 24 && minute == 0 && second == 0 && nanos == 0;
        if (hour > 23 && !whole) || minute > 59 || second > 59 {
            return None;
        }
        let seconds = u64::from(hour) * 3600 + u64::from(minute) * 60 + u64::from(second);
        Some(seconds * 1_000_000_000 + nanos)
    }

    /// `Z`, `+01:00`, `@Europe/Prague` or nothing.
    pub(super) fn zone(&mut self) -> Option<Option<Zone>> {
        if self.rest.is_empty() {
            return Some(None);
        }
        if self.take('Z') {
            return Some(Some(Zone::UTC));
        }
        if self.take('@') {
            return Zone::named(std::mem::take(&mut self.rest)).map(Some);
        }
        let negative = self.take('-');
        if !negative && !self.take('+') {
            return None;
        }
        let hours = self.two_digits()?;
        let minutes = self.take(':').then(|| self.two_digits())??;
        let seconds = if self.take(':') { self.two_digits()? } else { 0 };
        if minutes > 59 || seconds > 59 {
            return None;
        }
        let offset = i32::from(hours) * 3600 + i32::from(minutes) * 60 + i32::from(seconds);
        Zone::offset(if negative { -offset } else { offset }).map(Some)
    }

    /// `P1DT2H3M4.5S` or `P1Y2M`, with a minus before it or not.
    pub(super) fn duration(&mut self) -> Option<Duration> {
        let negative = self.take('-');
        if !self.take('P') {
            return None;
        }
        let sign = if negative { -1 } else { 1 };
        let years = self.amount('Y')?;
        let months = self.amount('M')?;
        if years.is_some() || months.is_some() {
            let months = years.unwrap_or(0).checked_mul(12)?.checked_add(months.unwrap_or(0))?;
            let months = i64::try_from(months).ok()?;
            return Some(Duration::YearsMonths(YearsMonthsDuration::new(sign * months)));
        }
        let days = self.amount('D')?;
        let mut nanos = days.unwrap_or(0).checked_mul(super::NANOS_PER_DAY)?;
        if self.take('T') {
            let hours = self.amount('H')?;
            let minutes = self.amount('M')?;
            let seconds = self.seconds()?;
            if hours.is_none() && minutes.is_none() && seconds.is_none() {
                return None;
            }
            for (amount, unit) in [
                (hours, 3600 * super::NANOS_PER_SECOND),
                (minutes, 60 * super::NANOS_PER_SECOND),
                (seconds, 1),
            ] {
                nanos = nanos.checked_add(amount.unwrap_or(0).checked_mul(unit)?)?;
            }
        } else if days.is_none() {
            return None;
        }
        DaysTimeDuration::from_nanos(i128::from(sign) * nanos).map(Duration::DaysTime)
    }

    /// A whole amount before its unit; nothing is taken where the unit is another.
    fn amount(&mut self, unit: char) -> Option<Option<i128>> {
        let before = self.rest;
        let digits = self.digits();
        if digits.is_empty() || !self.take(unit) {
            self.rest = before;
            return Some(None);
        }
        if digits.len() > 20 {
            return None;
        }
        digits.parse().ok().map(Some)
    }

    /// The seconds of a duration, in nanoseconds.
    fn seconds(&mut self) -> Option<Option<i128>> {
        let before = self.rest;
        let digits = self.digits();
        if digits.is_empty() {
            return Some(None);
        }
        if digits.len() > 20 {
            return None;
        }
        let whole: i128 = digits.parse().ok()?;
        let nanos = if self.take('.') { self.fraction(false)? } else { 0 };
        if !self.take('S') {
            self.rest = before;
            return Some(None);
        }
        let nanos = whole.checked_mul(super::NANOS_PER_SECOND)?.checked_add(i128::from(nanos))?;
        Some(Some(nanos))
    }

    /// The digits after a point, in billionths; what is smaller is cut off.
    fn fraction(&mut self, needed: bool) -> Option<u64> {
        let digits = self.digits();
        if digits.is_empty() && needed {
            return None;
        }
        let kept = &digits[..digits.len().min(9)];
        let mut nanos = kept.parse::<u64>().unwrap_or(0);
        for _ in kept.len()..9 {
            nanos *= 10;
        }
        Some(nanos)
    }

    fn two_digits(&mut self) -> Option<u8> {
        let digits =
            self.rest.get(..2).filter(|two| two.bytes().all(|digit| digit.is_ascii_digit()))?;
        self.rest = &self.rest[2..];
        digits.parse().ok()
    }

    fn digits(&mut self) -> &'a str {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        digits
    }
}
