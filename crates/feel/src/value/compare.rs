//! FEEL's equality and order.

use std::cmp::Ordering;

use super::Value;
use crate::temporal::{DateTime, NANOS_PER_SECOND, Time};

/// What a time or a date with a time is compared by.
pub(crate) trait Moment {
    /// The nanoseconds in UTC, or where there is no zone, in none; and whether there is one.
    fn moment(&self) -> (i128, bool);
}

impl Moment for Time {
    fn moment(&self) -> (i128, bool) {
        (self.value(), self.zone().is_some())
    }
}

impl Moment for DateTime {
    fn moment(&self) -> (i128, bool) {
        (self.epoch_nanos(), self.zone().is_some())
    }
}

/// What `=` says; none where the kinds do not compare.
pub(super) fn equals(one: &Value, other: &Value) -> Option<bool> {
    use Value as V;
    Some(match (one, other) {
        (V::Null, V::Null) => true,
        (V::Null, _) | (_, V::Null) => false,
        (V::Time(one), V::Time(other)) => same_second(one, other),
        (V::DateTime(one), V::DateTime(other)) => same_second(one, other),
        (V::List(one), V::List(other)) => {
            one.len() == other.len()
                && one.items().iter().zip(other.items()).all(|(one, other)| holds(one, other))
        }
        (V::Context(one), V::Context(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, value)| other.get(name).is_some_and(|other| holds(value, other)))
        }
        (V::Range(one), V::Range(other)) => one == other,
        (V::Function(one), V::Function(other)) => one.is_same(other),
        (one, other) => return leaves(one, other),
    })
}

/// Whether they are equal; what does not compare is not.
fn holds(one: &Value, other: &Value) -> bool {
    equals(one, other).unwrap_or(false)
}

/// Whether they are the same value, their zones included.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    use Value as V;
    match (one, other) {
        (V::Null, V::Null) => true,
        (V::Time(one), V::Time(other)) => one == other,
        (V::DateTime(one), V::DateTime(other)) => one == other,
        (V::List(one), V::List(other)) => one.items() == other.items(),
        (V::Context(one), V::Context(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|it| same(value, it)))
        }
        (V::Range(one), V::Range(other)) => one == other,
        (V::Function(one), V::Function(other)) => one.is_same(other),
        (one, other) => leaves(one, other).unwrap_or(false),
    }
}

/// The equality of values that have no parts and no zones.
fn leaves(one: &Value, other: &Value) -> Option<bool> {
    use Value as V;
    Some(match (one, other) {
        (V::Boolean(one), V::Boolean(other)) => one == other,
        (V::Number(one), V::Number(other)) => one == other,
        (V::String(one), V::String(other)) => one == other,
        (V::Date(one), V::Date(other)) => one == other,
        (V::DaysTimeDuration(one), V::DaysTimeDuration(other)) => one == other,
        (V::YearsMonthsDuration(one), V::YearsMonthsDuration(other)) => one == other,
        _ => return None,
    })
}

fn same_second(one: &impl Moment, other: &impl Moment) -> bool {
    let second = |(nanos, zoned): (i128, bool)| (nanos.div_euclid(NANOS_PER_SECOND), zoned);
    second(one.moment()) == second(other.moment())
}

/// How they are ordered; none where their kinds have no order, or one of two times has a zone only.
pub(crate) fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    use Value as V;
    Some(match (one, other) {
        (V::Number(one), V::Number(other)) => one.cmp(other),
        // The bytes of UTF-8 are ordered as the code points are.
        (V::String(one), V::String(other)) => one.cmp(other),
        (V::Date(one), V::Date(other)) => one.cmp(other),
        (V::Time(one), V::Time(other)) => return moments(one, other),
        (V::DateTime(one), V::DateTime(other)) => return moments(one, other),
        (V::DaysTimeDuration(one), V::DaysTimeDuration(other)) => one.cmp(other),
        (V::YearsMonthsDuration(one), V::YearsMonthsDuration(other)) => one.cmp(other),
        _ => return None,
    })
}

fn moments(one: &impl Moment, other: &impl Moment) -> Option<Ordering> {
    let ((one, one_zoned), (other, other_zoned)) = (one.moment(), other.moment());
    (one_zoned == other_zoned).then(|| one.cmp(&other))
}
