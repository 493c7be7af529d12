//! Zones: offsets from UTC, and names of the IANA database.

use std::{fmt, str::FromStr, sync::Arc};

use jiff::{
    civil,
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};

use super::{Date, scan::Scan};

/// The greatest offset, in seconds.
const OFFSET_MAX: i32 = 18 * 3600;

/// A zone.
#[derive(Clone, Debug)]
pub struct Zone(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Offset(i32),
    Named(Arc<Named>),
}

#[derive(Debug)]
struct Named {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// UTC, as the offset zero.
    pub const UTC: Self = Self(Kind::Offset(0));

    /// The zone that is so many seconds ahead of UTC, up to 18 hours either way.
    pub fn offset(seconds: i32) -> Option<Self> {
        (seconds.abs() <= OFFSET_MAX).then_some(Self(Kind::Offset(seconds)))
    }

    /// The zone of that name, as `Europe/Prague`, in the database of this library.
    pub fn named(name: &str) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        Some(Self(Kind::Named(Arc::new(Named { name: name.to_owned(), zone }))))
    }

    /// The zone's name, where it has one.
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Kind::Named(named) => Some(&named.name),
            Kind::Offset(_) => None,
        }
    }

    /// How many seconds it is ahead of UTC whenever asked, where that does not depend on the date.
    pub const fn fixed_offset(&self) -> Option<i32> {
        match self.0 {
            Kind::Offset(seconds) => Some(seconds),
            Kind::Named(_) => None,
        }
    }

    /// How many seconds it is ahead of UTC at a local time, given as nanoseconds of the day.
    ///
    /// A time that clocks skip counts as before they are set forward, one that they show twice as
    /// the first.
    pub fn offset_at(&self, date: Date, nanos: u64) -> i32 {
        let named = match &self.0 {
            Kind::Offset(seconds) => return *seconds,
            Kind::Named(named) => named,
        };
        let Some(local) = local(date, nanos) else { return 0 };
        match named.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
        }
        .seconds()
    }

    /// How many seconds it is ahead of UTC at a moment, given in seconds since 1970.
    pub(crate) fn offset_at_second(&self, second: i64) -> i32 {
        match &self.0 {
            Kind::Offset(seconds) => *seconds,
            Kind::Named(named) => jiff::Timestamp::from_second(second).map_or_else(
                |_| {
                    // Beyond the database's years, where the date in UTC is near enough.
                    let date = Date::from_epoch_days(second.div_euclid(86_400));
                    let nanos = second.rem_euclid(86_400).unsigned_abs() * 1_000_000_000;
                    date.map_or(0, |date| self.offset_at(date, nanos))
                },
                |moment| named.zone.to_offset(moment).seconds(),
            ),
        }
    }

    /// How many seconds it is ahead of UTC for a time without a date: on the first of January 2000.
    pub(crate) fn offset_of_time(&self, nanos: u64) -> i32 {
        Date::new(2000, 1, 1).map_or(0, |date| self.offset_at(date, nanos))
    }
}

/// The local time as the zones' database takes it.
///
/// Its years have four digits. The calendar repeats every 400 of them, so later years stand for those
/// with the same days; earlier ones are before any zone's first rule.
fn local(date: Date, nanos: u64) -> Option<civil::DateTime> {
    let year = match date.year() {
        year @ -9000..=9000 => year,
        year if year > 0 => 2400 + year % 400,
        year => -8000 + year % 400,
    };
    let second = nanos / 1_000_000_000;
    let part = |value: u64| i8::try_from(value).ok();
    civil::DateTime::new(
        i16::try_from(year).ok()?,
        i8::try_from(date.month()).ok()?,
        i8::try_from(date.day()).ok()?,
        part(second / 3600)?,
        part(second / 60 % 60)?,
        part(second % 60)?,
        i32::try_from(nanos % 1_000_000_000).ok()?,
    )
    .ok()
}

impl PartialEq for Zone {
    /// The same offset, or the same name: zones that agree by chance are two.
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kind::Offset(one), Kind::Offset(other)) => one == other,
            (Kind::Named(one), Kind::Named(other)) => one.name == other.name,
            _ => false,
        }
    }
}

impl Eq for Zone {}

impl FromStr for Zone {
    type Err = ();

    /// Reads `Z`, an offset as `+01:00`, or a name of the database.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut scan = Scan::new(text);
        match scan.zone() {
            Some(Some(zone)) if scan.is_done() => Ok(zone),
            _ => Self::named(text).ok_or(()),
        }
    }
}

impl fmt::Display for Zone {
    /// `Z`, `+01:00`, `+01:00:30` or `@Europe/Prague`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = match &self.0 {
            Kind::Named(named) => return write!(f, "@{}", named.name),
            Kind::Offset(0) => return f.write_str("Z"),
            Kind::Offset(seconds) => *seconds,
        };
        let sign = if seconds < 0 { '-' } else { '+' };
        let magnitude = seconds.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", magnitude / 3600, magnitude / 60 % 60)?;
        if magnitude % 60 == 0 { Ok(()) } else { write!(f, ":{:02}", magnitude % 60) }
    }
}
