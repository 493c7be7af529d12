//! Functions of dates and times.

use super::{Builtin, ParameterKind as P, Signature, camunda, dmn, needs};
use crate::{
    evaluate::{Evaluator, Outcome},
    temporal::Date,
    value::Value,
};

macro_rules! of_date {
    ($function:expr) => {
        &[Signature::new(&[needs("date", P::Date)], |_, arguments| {
            Ok(date(&arguments[0]).map($function).into())
        })]
    };
}

pub(super) const FUNCTIONS: &[Builtin] = &[
    dmn(
        "is",
        "Whether two values are the same, their zones included.",
        &[Signature::new(&[super::may("value1", P::Any), super::may("value2", P::Any)], is)],
    ),
    dmn("now", "This moment.", &[Signature::new(&[], now)]),
    dmn("today", "This day.", &[Signature::new(&[], today)]),
    dmn(
        "day of year",
        "The day of a date's year, from 1.",
        of_date!(|date: Date| Value::from(date.day_of_year())),
    ),
    dmn(
        "day of week",
        "The English name of a date's day of the week.",
        of_date!(|date: Date| Value::from(DAYS[usize::from(date.weekday() - 1) % 7])),
    ),
    dmn(
        "month of year",
        "The English name of a date's month.",
        of_date!(|date: Date| Value::from(MONTHS[usize::from(date.month() - 1) % 12])),
    ),
    dmn(
        "week of year",
        "The week of a date's year, as ISO 8601 counts it.",
        of_date!(|date: Date| Value::from(date.week_of_year())),
    ),
    camunda(
        "last day of month",
        "The last date of a date's month.",
        of_date!(|date: Date| Value::from(date.last_day_of_month())),
    ),
];

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn date(value: &Value) -> Option<Date> {
    match value {
        Value::Date(date) => Some(*date),
        Value::DateTime(moment) => Some(moment.date()),
        _ => None,
    }
}

fn is(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    evaluator.step_over(&arguments[0])?;
    Ok((arguments[0] == arguments[1]).into())
}

fn now(evaluator: &mut Evaluator<'_>, _: &[Value]) -> Outcome {
    let now = evaluator.environment.now.clone().map(Value::from);
    Ok(evaluator.or_null(now, "there is no clock"))
}

fn today(evaluator: &mut Evaluator<'_>, _: &[Value]) -> Outcome {
    let today = evaluator.environment.now.as_ref().map(|now| now.date().into());
    Ok(evaluator.or_null(today, "there is no clock"))
}
