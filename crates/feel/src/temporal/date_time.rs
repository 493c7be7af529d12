//! Dates with times.

use std::{fmt, str::FromStr};

use super::{
    Date, DaysTimeDuration, NANOS_PER_DAY, NANOS_PER_SECOND, Time, YearsMonthsDuration, Zone,
    scan::Scan, time::DAY,
};

/// A date with a time of the day, with a zone or without.
///
/// `==` says whether it is the same date and time in the same zone; FEEL's own equality compares
/// moments (see [`Value::equals`](crate::Value::equals)).
///
/// ```
/// use milena_feel::DateTime;
///
/// let prague: DateTime = "2024-07-01T10:00:00@Europe/Prague".parse().unwrap();
/// let utc: DateTime = "2024-07-01T08:00:00Z".parse().unwrap();
/// assert_eq!(prague.since(&utc).unwrap().to_string(), "PT0S");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateTime {
    date: Date,
    nanos: u64,
    zone: Option<Zone>,
}

impl DateTime {
    /// The date with the time, in the time's zone.
    pub fn new(date: Date, time: &Time) -> Self {
        Self { date, nanos: time.nanos(), zone: time.zone().cloned() }
    }

    /// The date's first moment, in no zone.
    pub const fn at_midnight(date: Date) -> Self {
        Self { date, nanos: 0, zone: None }
    }

    /// The moment so many nanoseconds after 1970 began in UTC, as the zone shows it.
    pub fn from_epoch_nanos(nanos: i128, zone: Zone) -> Option<Self> {
        let second = i64::try_from(nanos.div_euclid(NANOS_PER_SECOND)).ok()?;
        let offset = i128::from(zone.offset_at_second(second)) * NANOS_PER_SECOND;
        Self::from_local(nanos.checked_add(offset)?, Some(zone))
    }

    /// The date.
    pub const fn date(&self) -> Date {
        self.date
    }

    /// The nanoseconds since midnight.
    pub const fn nanos(&self) -> u64 {
        self.nanos
    }

    /// The zone, where it has one.
    pub const fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// How many seconds its zone is ahead of UTC, where it has a zone.
    pub fn offset(&self) -> Option<i32> {
        self.zone.as_ref().map(|zone| zone.offset_at(self.date, self.nanos))
    }

    /// The same moment as another zone shows it; where it has no zone, the same date and time there.
    pub fn in_zone(&self, zone: Zone) -> Option<Self> {
        match self.zone {
            Some(_) => Self::from_epoch_nanos(self.epoch_nanos(), zone),
            None => Some(Self { zone: Some(zone), ..self.clone() }),
        }
    }

    /// The same date and time in UTC, where it has no zone.
    #[must_use]
    pub(crate) fn or_utc(self) -> Self {
        Self { zone: self.zone.or(Some(Zone::UTC)), ..self }
    }

    /// The nanoseconds since 1970 in UTC, or in no zone where it has none.
    pub fn epoch_nanos(&self) -> i128 {
        self.local() - i128::from(self.offset().unwrap_or(0)) * NANOS_PER_SECOND
    }

    /// The time from the other to this; none where one of them only has a zone.
    pub fn since(&self, other: &Self) -> Option<DaysTimeDuration> {
        if self.zone.is_some() != other.zone.is_some() {
            return None;
        }
        DaysTimeDuration::from_nanos(self.epoch_nanos() - other.epoch_nanos())
    }

    /// The date some months later, at the same time.
    pub fn add_months(&self, duration: YearsMonthsDuration) -> Option<Self> {
        Some(Self { date: self.date.add_months(duration)?, ..self.clone() })
    }

    /// What the clock on the wall shows some time later.
    ///
    /// With a zone's name it is the moment that counts: an hour is an hour over a change of clocks.
    pub fn add_duration(&self, duration: DaysTimeDuration) -> Option<Self> {
        match &self.zone {
            Some(zone) if zone.fixed_offset().is_none() => {
                let moment = self.epoch_nanos().checked_add(duration.nanos())?;
                Self::from_epoch_nanos(moment, zone.clone())
            }
            _ => Self::from_local(self.local().checked_add(duration.nanos())?, self.zone.clone()),
        }
    }

    fn local(&self) -> i128 {
        i128::from(self.date.epoch_days()) * NANOS_PER_DAY + i128::from(self.nanos)
    }

    fn from_local(nanos: i128, zone: Option<Zone>) -> Option<Self> {
        let days = i64::try_from(nanos.div_euclid(NANOS_PER_DAY)).ok()?;
        let date = Date::from_epoch_days(days)?;
        let nanos = u64::try_from(nanos.rem_euclid(NANOS_PER_DAY)).ok()?;
        Some(Self { date, nanos, zone })
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date, Time::from(self))
    }
}

impl FromStr for DateTime {
    type Err = ();

    /// Reads `2024-02-29T10:20:30` with a zone or without, or a date alone, which is its first
    /// moment. 24:00:00 is the next day's.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut scan = Scan::new(text);
        let date = scan.date().ok_or(())?;
        if scan.is_done() {
            return Ok(Self::at_midnight(date));
        }
        if !scan.take('T') {
            return Err(());
        }
        let nanos = scan.time_of_day().ok_or(())?;
        let zone = scan.zone().ok_or(())?;
        if !scan.is_done() {
            return Err(());
        }
        if nanos < DAY {
            return Ok(Self { date, nanos, zone });
        }
        let date = Date::from_epoch_days(date.epoch_days() + 1).ok_or(())?;
        Ok(Self { date, nanos: 0, zone })
    }
}
