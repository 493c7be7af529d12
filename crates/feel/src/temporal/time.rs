//! Times of the day.

use std::{fmt, str::FromStr};

use super::{
    DateTime, DaysTimeDuration, NANOS_PER_DAY, NANOS_PER_SECOND, Zone, duration::write_seconds,
    scan::Scan,
};

/// The nanoseconds of a day.
pub(super) const DAY: u64 = 86_400_000_000_000;

/// A time of the day, with a zone or without.
///
/// `==` says whether it is the same time in the same zone; FEEL's own equality compares moments
/// (see [`Value::equals`](crate::Value::equals)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    nanos: u64,
    zone: Option<Zone>,
}

impl Time {
    /// The time so many nanoseconds after midnight, less than a day.
    pub fn new(nanos: u64, zone: Option<Zone>) -> Option<Self> {
        (nanos < DAY).then_some(Self { nanos, zone })
    }

    /// The nanoseconds since midnight.
    pub const fn nanos(&self) -> u64 {
        self.nanos
    }

    /// The zone, where it has one.
    pub const fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    /// The hour, from 0 to 23.
    pub const fn hour(&self) -> u64 {
        self.nanos / 3_600_000_000_000
    }

    /// The minute, from 0 to 59.
    pub const fn minute(&self) -> u64 {
        self.nanos / 60_000_000_000 % 60
    }

    /// The second, from 0 to 59.
    pub const fn second(&self) -> u64 {
        self.nanos / 1_000_000_000 % 60
    }

    /// How many seconds its zone is ahead of UTC, where it has a zone.
    pub fn offset(&self) -> Option<i32> {
        self.zone.as_ref().map(|zone| zone.offset_of_time(self.nanos))
    }

    /// The nanoseconds since midnight in UTC, or in no zone where it has none.
    pub(crate) fn value(&self) -> i128 {
        i128::from(self.nanos) - i128::from(self.offset().unwrap_or(0)) * NANOS_PER_SECOND
    }

    /// The time some time later; past midnight it begins anew.
    #[must_use]
    pub fn add_duration(&self, duration: DaysTimeDuration) -> Self {
        let nanos = (i128::from(self.nanos) + duration.nanos()).rem_euclid(NANOS_PER_DAY);
        Self { nanos: u64::try_from(nanos).unwrap_or(0), zone: self.zone.clone() }
    }

    /// The time from the other to this; none where one of them only has a zone.
    pub fn since(&self, other: &Self) -> Option<DaysTimeDuration> {
        if self.zone.is_some() != other.zone.is_some() {
            return None;
        }
        DaysTimeDuration::from_nanos(self.value() - other.value())
    }
}

impl From<&DateTime> for Time {
    fn from(moment: &DateTime) -> Self {
        Self { nanos: moment.nanos(), zone: moment.zone().cloned() }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:", self.hour(), self.minute())?;
        let nanos = self.nanos % 60_000_000_000;
        if nanos < 10_000_000_000 {
            f.write_str("0")?;
        }
        write_seconds(f, u128::from(nanos))?;
        self.zone.as_ref().map_or(Ok(()), |zone| zone.fmt(f))
    }
}

impl FromStr for Time {
    type Err = ();

    /// Reads `10:20:30`, with a fraction, `Z`, an offset or `@` and a zone's name, or without.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut scan = Scan::new(text);
        let read = |scan: &mut Scan<'_>| Some((scan.time_of_day()?, scan.zone()?));
        let (nanos, zone) = read(&mut scan).ok_or(())?;
        scan.is_done().then_some(Self { nanos: nanos % DAY, zone }).ok_or(())
    }
}
