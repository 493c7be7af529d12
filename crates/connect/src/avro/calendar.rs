//! Dates, times and durations between ISO 8601 and numbers, in the proleptic Gregorian calendar.

use super::types::Unit;

const SECONDS_PER_DAY: i64 = 86_400;

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTime {
    /// It has another form, or there is no such day or hour.
    Form,
    /// It has a fraction that is finer than the unit.
    TooFine,
    /// It is beyond what the number holds.
    TooFar,
    /// A point in time has no offset from UTC.
    NoOffset,
    /// A local time has one.
    Offset,
}

/// Days since 1970 of `2026-11-21`; years beyond four digits have a sign.
pub(super) fn parse_date(text: &str) -> Result<i64, NoTime> {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    let mut parts = digits.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let (Some(year_text), Some(month), Some(day), None) = (year, month, day, parts.next()) else {
        return Err(NoTime::Form);
    };
    let year_digits = if digits.len() == text.len() { 4..=4 } else { 4..=9 };
    if !year_digits.contains(&year_text.len()) {
        return Err(NoTime::Form);
    }
    let year = sign * number(year_text, year_text.len())?;
    let (month, day) = (number(month, 2)?, number(day, 2)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return Err(NoTime::Form);
    }
    Ok(days_since_1970(year, month, day))
}

/// The text of a date; years beyond four digits have a sign.
pub(super) fn format_date(days: i64) -> String {
    let (year, month, day) = date_of(days);
    match year {
        0..=9999 => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:+05}-{month:02}-{day:02}"),
    }
}

/// Units since midnight of `14:30`, `14:30:05` or `14:30:05.25`.
pub(super) fn parse_time(text: &str, unit: Unit) -> Result<i64, NoTime> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    if clock.len() != text.len() && fraction.is_empty() {
        return Err(NoTime::Form);
    }
    let mut parts = clock.split(':');
    let hour = number(parts.next().ok_or(NoTime::Form)?, 2)?;
    let minute = number(parts.next().ok_or(NoTime::Form)?, 2)?;
    let second = match parts.next() {
        Some(second) => number(second, 2)?,
        None if fraction.is_empty() => 0,
        None => return Err(NoTime::Form),
    };
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return Err(NoTime::Form);
    }
    let seconds = hour * 3600 + minute * 60 + second;
    Ok(seconds * unit.per_second() + parse_fraction(fraction, unit)?)
}

/// The text of a time of the day.
pub(super) fn format_time(units: i64, unit: Unit) -> String {
    let seconds = units.div_euclid(unit.per_second());
    let fraction = format_fraction(units.rem_euclid(unit.per_second()), unit);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}{fraction}")
}

/// Units since 1970: of a point in time, which has an offset, or of a local time, which has none.
pub(super) fn parse_timestamp(text: &str, unit: Unit, is_local: bool) -> Result<i64, NoTime> {
    let (date, rest) = text.split_once(['T', 't', ' ']).ok_or(NoTime::Form)?;
    let (time, offset_seconds) = match rest.find(['Z', 'z', '+', '-']) {
        _ if !is_local && rest.find(['Z', 'z', '+', '-']).is_none() => {
            return Err(NoTime::NoOffset);
        }
        Some(_) if is_local => return Err(NoTime::Offset),
        Some(at) => (&rest[..at], parse_offset(&rest[at..])?),
        None => (rest, 0),
    };
    let days = parse_date(date)?;
    let units = parse_time(time, unit)?;
    let seconds = days * SECONDS_PER_DAY - offset_seconds;
    let far = || NoTime::TooFar;
    seconds.checked_mul(unit.per_second()).and_then(|at| at.checked_add(units)).ok_or_else(far)
}

/// The text of a timestamp, in UTC when it is a point in time.
pub(super) fn format_timestamp(units: i64, unit: Unit, is_local: bool) -> String {
    let per_day = SECONDS_PER_DAY * unit.per_second();
    let date = format_date(units.div_euclid(per_day));
    let time = format_time(units.rem_euclid(per_day), unit);
    format!("{date}T{time}{}", if is_local { "" } else { "Z" })
}

fn parse_offset(text: &str) -> Result<i64, NoTime> {
    if matches!(text, "Z" | "z") {
        return Ok(0);
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').ok_or(NoTime::Form)?),
    };
    let digits = digits.replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2).ok_or(NoTime::Form)?;
    let minutes = if minutes.is_empty() { 0 } else { number(minutes, 2)? };
    let hours = number(hours, 2)?;
    if hours > 18 || minutes > 59 {
        return Err(NoTime::Form);
    }
    Ok(sign * (hours * 3600 + minutes * 60))
}

/// The fraction of a second in units.
fn parse_fraction(digits: &str, unit: Unit) -> Result<i64, NoTime> {
    let digits_are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !digits_are_digits {
        return Err(NoTime::Form);
    }
    let significant = digits.trim_end_matches('0');
    let mut units = 0;
    let mut place = unit.per_second();
    for digit in significant.bytes() {
        place /= 10;
        if place == 0 {
            return Err(NoTime::TooFine);
        }
        units += i64::from(digit - b'0') * place;
    }
    Ok(units)
}

/// `.250`, in groups of three digits; nothing for zero.
fn format_fraction(units: i64, unit: Unit) -> String {
    if units == 0 {
        return String::new();
    }
    let nanos = units * (1_000_000_000 / unit.per_second());
    let digits = format!("{nanos:09}");
    let groups = if nanos % 1_000_000 == 0 {
        3
    } else if nanos % 1_000 == 0 {
        6
    } else {
        9
    };
    format!(".{}", &digits[..groups])
}

/// A duration of Avro: months, days and milliseconds, each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Duration {
    pub(super) months: u32,
    pub(super) days: u32,
    pub(super) millis: u32,
}

/// Reads `P1Y2M3W4DT5H6M7.8S`, each part at most once and in this order.
pub(super) fn parse_duration(text: &str) -> Result<Duration, NoTime> {
    let text = text.strip_prefix('P').ok_or(NoTime::Form)?;
    let (date, time) = match text.split_once('T') {
        Some((_, "")) => return Err(NoTime::Form),
        Some((date, time)) => (date, time),
        None => (text, ""),
    };
    if date.is_empty() && time.is_empty() {
        return Err(NoTime::Form);
    }
    let [years, months, weeks, days] = designated(date, ['Y', 'M', 'W', 'D'])?;
    let [hours, minutes, seconds] = designated(time, ['H', 'M', 'S'])?;
    let whole = |text: &str| if text.is_empty() { Ok(0) } else { number(text, text.len()) };
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    if seconds.ends_with('.') || second.is_empty() != seconds.is_empty() {
        return Err(NoTime::Form);
    }
    let months = whole(years)? * 12 + whole(months)?;
    let days = whole(weeks)? * 7 + whole(days)?;
    let seconds = whole(hours)? * 3600 + whole(minutes)? * 60 + whole(second)?;
    let millis = seconds * 1000 + parse_fraction(fraction, Unit::Millis)?;
    let part = |value: i64| u32::try_from(value).map_err(|_| NoTime::TooFar);
    Ok(Duration { months: part(months)?, days: part(days)?, millis: part(millis)? })
}

/// The digits before each designator.
fn designated<const N: usize>(mut text: &str, letters: [char; N]) -> Result<[&str; N], NoTime> {
    let mut parts = [""; N];
    for (part, letter) in parts.iter_mut().zip(letters) {
        if let Some((digits, rest)) = text.split_once(letter) {
            if digits.is_empty() {
                return Err(NoTime::Form);
            }
            *part = digits;
            text = rest;
        }
    }
    if text.is_empty() { Ok(parts) } else { Err(NoTime::Form) }
}

/// The text of a duration; years are not made of months, nor hours of milliseconds beyond a day.
pub(super) fn format_duration(duration: Duration) -> String {
    let Duration { months, days, millis } = duration;
    let mut text = "P".to_owned();
    for (count, letter) in [(months / 12, 'Y'), (months % 12, 'M'), (days, 'D')] {
        if count > 0 {
            text.push_str(&format!("{count}{letter}"));
        }
    }
    if millis > 0 {
        text.push('T');
        let seconds = millis / 1000;
        for (count, letter) in [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M')] {
            if count > 0 {
                text.push_str(&format!("{count}{letter}"));
            }
        }
        let fraction = format_fraction(i64::from(millis % 1000), Unit::Millis);
        if seconds % 60 > 0 || !fraction.is_empty() {
            text.push_str(&format!("{}{fraction}S", seconds % 60));
        }
    }
    if text == "P" { "PT0S".to_owned() } else { text }
}

/// A number of exactly so many digits, at most nine of them.
fn number(text: &str, digits: usize) -> Result<i64, NoTime> {
    let is_number = text.len() == digits
        && (1..=9).contains(&digits)
        && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err(NoTime::Form);
    }
    text.parse().map_err(|_| NoTime::Form)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Years begin in March here, so that the leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_since_1970`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2026-11-21", 20_778),
            ("0001-01-01", -719_162),
            ("+12345-01-02", 3_789_673),
            ("-0004-03-01", -720_562 - 366 - 365),
        ] {
            let parsed = parse_date(text).unwrap();
            assert_eq!(format_date(parsed), text);
            if !text.starts_with(['+', '-']) {
                assert_eq!(parsed, days, "{text}");
            }
        }
        for days in (-800_000..800_000).step_by(97) {
            assert_eq!(parse_date(&format_date(days)), Ok(days));
        }
        for text in ["2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", "2026-00-01", "x", "", "é"]
        {
            assert_eq!(parse_date(text), Err(NoTime::Form), "{text}");
        }
    }

    #[test]
    fn times_are_exact_or_refused() {
        for (text, unit, expected) in [
            ("14:30", Unit::Millis, Ok(52_200_000)),
            ("14:30:05.25", Unit::Millis, Ok(52_205_250)),
            ("00:00:00.000001", Unit::Micros, Ok(1)),
            ("00:00:00.0010", Unit::Millis, Ok(1)),
            ("00:00:00.0001", Unit::Millis, Err(NoTime::TooFine)),
            ("24:00", Unit::Millis, Err(NoTime::Form)),
            ("14:30.5", Unit::Millis, Err(NoTime::Form)),
            ("14:30:00.", Unit::Millis, Err(NoTime::Form)),
        ] {
            assert_eq!(parse_time(text, unit), expected, "{text}");
        }
        assert_eq!(format_time(52_205_250, Unit::Millis), "14:30:05.250");
        assert_eq!(format_time(1, Unit::Micros), "00:00:00.000001");
    }

    #[test]
    fn timestamps_have_an_offset_and_local_ones_have_none() {
        for (text, is_local, expected) in [
            ("2026-11-21T14:30:00Z", false, Ok(1_795_271_400_000)),
            ("2026-11-21T15:30:00.000+01:00", false, Ok(1_795_271_400_000)),
            ("2026-11-21 14:30:00-0000", false, Ok(1_795_271_400_000)),
            ("2026-11-21T14:30:00", true, Ok(1_795_271_400_000)),
            ("2026-11-21T14:30:00", false, Err(NoTime::NoOffset)),
            ("2026-11-21T14:30:00Z", true, Err(NoTime::Offset)),
            ("2026-11-21", false, Err(NoTime::Form)),
            ("2026-11-21T14:30:00+1", false, Err(NoTime::Form)),
            ("2026-11-21T14:30:00+é1", false, Err(NoTime::Form)),
        ] {
            assert_eq!(parse_timestamp(text, Unit::Millis, is_local), expected, "{text}");
        }
        assert_eq!(
            parse_timestamp("2300-01-01T00:00:00Z", Unit::Nanos, false),
            Err(NoTime::TooFar)
        );
        for units in [i64::MIN, -1, 0, 1_795_271_400_001, i64::MAX] {
            for unit in [Unit::Millis, Unit::Micros, Unit::Nanos] {
                let text = format_timestamp(units, unit, false);
                let back = parse_timestamp(&text, unit, false);
                // The first seconds of all time cannot be reached from their own midnight.
                assert!(back == Ok(units) || units == i64::MIN, "{text}");
            }
        }
    }

    #[test]
    fn durations_have_three_parts() {
        for (text, months, days, millis, back) in [
            ("P1Y2M3DT4H5M6.789S", 14, 3, 14_706_789, "P1Y2M3DT4H5M6.789S"),
            ("P2W", 0, 14, 0, "P14D"),
            ("PT0S", 0, 0, 0, "PT0S"),
            ("PT90M", 0, 0, 5_400_000, "PT1H30M"),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration, Duration { months, days, millis }, "{text}");
            assert_eq!(format_duration(duration), back);
        }
        for text in ["", "P", "PT", "P1", "P1D2Y", "PT1.S", "PT.5S", "-P1D", "P1DT", "PxD"] {
            assert_eq!(parse_duration(text), Err(NoTime::Form), "{text}");
        }
        assert_eq!(parse_duration("P999999999W"), Err(NoTime::TooFar));
    }
}
