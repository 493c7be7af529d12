//! Dates, times, dates with times, and the two kinds of durations.
//!
//! Years go from -999,999,999 to 999,999,999 in the calendar that is valid today, applied to all
//! time; the year 0 is the one before 1. Times have nanoseconds. A zone is an offset from UTC, or a
//! name of the IANA database, which is part of this library: nothing is read from the machine.

mod civil;
mod date;
mod date_time;
mod duration;
mod scan;
mod time;
mod zone;

pub use self::{
    date::Date,
    date_time::DateTime,
    duration::{DaysTimeDuration, YearsMonthsDuration},
    time::Time,
    zone::Zone,
};

/// The nanoseconds of a second.
pub(crate) const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// The nanoseconds of a day.
pub(crate) const NANOS_PER_DAY: i128 = 86_400 * NANOS_PER_SECOND;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
