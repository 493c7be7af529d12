//! Conversions: between texts, numbers, dates, times, durations and ranges.

use super::{Builtin, ParameterKind as P, Signature, dmn, may, needs};
use crate::{
    Number,
    ast::{Arguments, Expr, Kind, Step},
    evaluate::{Evaluator, Outcome},
    parser::{self, Names},
    temporal::{Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration, Zone},
    value::{Range, Value, compare},
};

pub(super) const FUNCTIONS: &[Builtin] = &[
    dmn(
        "date",
        "A date, from a text, a date and time, or its parts.",
        &[
            Signature::new(&[needs("from", P::Any)], date),
            Signature::new(
                &[needs("year", P::Number), needs("month", P::Number), needs("day", P::Number)],
                date_of_parts,
            ),
        ],
    ),
    dmn(
        "time",
        "A time, from a text, a date and time, or its parts.",
        &[
            Signature::new(&[needs("from", P::Any)], time),
            Signature::new(
                &[
                    needs("hour", P::Number),
                    needs("minute", P::Number),
                    needs("second", P::Number),
                    may("offset", P::DaysTimeDuration).or_null(),
                ],
                time_of_parts,
            ),
        ],
    ),
    dmn(
        "date and time",
        "A date and time, from a text, a date and a time, or its parts; or the same moment in a zone.",
        &[
            Signature::new(&[needs("from", P::Any)], date_and_time),
            Signature::new(&[needs("date", P::Date), needs("time", P::Time)], date_with_time),
            Signature::new(&[needs("date", P::DateTime), needs("timezone", P::String)], in_zone),
            Signature::new(
                &[
                    needs("year", P::Number),
                    needs("month", P::Number),
                    needs("day", P::Number),
                    needs("hour", P::Number),
                    needs("minute", P::Number),
                    needs("second", P::Number),
                    may("offset", P::DaysTimeDuration).or_null(),
                ],
                date_and_time_of_parts,
            ),
            Signature::new(
                &[
                    needs("year", P::Number),
                    needs("month", P::Number),
                    needs("day", P::Number),
                    needs("hour", P::Number),
                    needs("minute", P::Number),
                    needs("second", P::Number),
                    needs("timezone", P::String),
                ],
                date_and_time_of_parts,
            ),
        ],
    ),
    dmn(
        "number",
        "The number that a text says, with the separators that it uses.",
        &[
            Signature::new(&[needs("from", P::Any)], number),
            Signature::new(
                &[
                    needs("from", P::String),
                    needs("grouping separator", P::String).or_null(),
                    may("decimal separator", P::String).or_null(),
                ],
                number_with_separators,
            ),
        ],
    ),
    dmn("string", "A value as a text.", &[Signature::new(&[needs("from", P::Any)], string)]),
    dmn(
        "duration",
        "The duration that a text says, of either kind.",
        &[Signature::new(&[needs("from", P::Any)], duration)],
    ),
    dmn(
        "years and months duration",
        "The whole months from one date to another.",
        &[Signature::new(&[needs("from", P::Date), needs("to", P::Date)], years_and_months)],
    ),
    dmn(
        "range",
        "The range that a text says, with literals as its ends.",
        &[Signature::new(&[needs("from", P::String)], range)],
    ),
];

/// What `@"..."` stands for: a date, a time, a date and time or a duration.
pub(crate) fn temporal_literal(text: &str) -> Option<Value> {
    if let Ok(date) = text.parse::<Date>() {
        return Some(date.into());
    }
    if let Ok(moment) = text.parse::<DateTime>() {
        return Some(moment.into());
    }
    text.parse::<Time>().ok().map(Value::from).or_else(|| duration_of(text))
}

fn duration_of(text: &str) -> Option<Value> {
    let days = text.parse::<DaysTimeDuration>().ok().map(Value::from);
    days.or_else(|| text.parse::<YearsMonthsDuration>().ok().map(Value::from))
}

/// The argument, or the only item of it.
fn single(value: &Value) -> &Value {
    match value.as_list() {
        Some([only]) => only,
        _ => value,
    }
}

fn date(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let date = match single(&arguments[0]) {
        Value::String(text) => text.parse::<Date>().ok(),
        Value::Date(date) => Some(*date),
        Value::DateTime(moment) => Some(moment.date()),
        _ => None,
    };
    Ok(evaluator.or_null(date.map(Value::from), "no date: expected as in 2024-02-29"))
}

fn date_of_parts(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let date = date_from(arguments).map(Value::from);
    Ok(evaluator.or_null(date, "there is no such date"))
}

fn date_from(arguments: &[Value]) -> Option<Date> {
    let part = |index: usize| arguments.get(index)?.as_number()?.truncate_to_i64();
    Date::new(part(0)?, u8::try_from(part(1)?).ok()?, u8::try_from(part(2)?).ok()?)
}

fn time(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let time = match single(&arguments[0]) {
        Value::String(text) => text.parse::<Time>().ok(),
        Value::Time(time) => Some(time.clone()),
        Value::DateTime(moment) => Some(Time::from(moment)),
        Value::Date(_) => Time::new(0, Some(Zone::UTC)),
        _ => None,
    };
    Ok(evaluator
        .or_null(time.map(Value::from), "no time: expected as in 10:20:30 or 10:20:30+01:00"))
}

fn time_of_parts(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let time = time_from(arguments).map(Value::from);
    Ok(evaluator.or_null(time, "there is no such time"))
}

/// The time of an hour, a minute, a second and an offset or the name of a zone.
fn time_from(arguments: &[Value]) -> Option<Time> {
    let part = |index: usize, end: i64| {
        let part = arguments.get(index)?.as_number()?.truncate_to_i64()?;
        u64::try_from(part).ok().filter(|_| part < end)
    };
    let seconds = arguments.get(2)?.as_number()?;
    part(2, 60)?;
    let nanos = DaysTimeDuration::of_seconds(seconds)?.nanos();
    let whole = part(0, 24)? * 3600 + part(1, 60)? * 60;
    let nanos = u64::try_from(nanos).ok()?.checked_add(whole * 1_000_000_000)?;
    let zone = match arguments.get(3)? {
        Value::DaysTimeDuration(offset) => {
            let seconds = i32::try_from(offset.nanos() / 1_000_000_000).ok()?;
            Some(Zone::offset(seconds)?)
        }
        Value::String(name) => Some(Zone::named(name)?),
        _ => None,
    };
    Time::new(nanos, zone)
}

fn date_and_time(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let moment = match single(&arguments[0]) {
        Value::String(text) => text.parse::<DateTime>().ok(),
        Value::DateTime(moment) => Some(moment.clone()),
        Value::Date(date) => Some(DateTime::at_midnight(*date)),
        _ => None,
    };
    let problem = "no date and time: expected as in 2024-02-29T10:20:30Z";
    Ok(evaluator.or_null(moment.map(Value::from), problem))
}

fn date_with_time(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let date = match &arguments[0] {
        Value::Date(date) => Some(*date),
        Value::DateTime(moment) => Some(moment.date()),
        _ => None,
    };
    let moment = match (date, &arguments[1]) {
        (Some(date), Value::Time(time)) => Some(DateTime::new(date, time).into()),
        _ => None,
    };
    Ok(evaluator.or_null(moment, "expected a date and a time"))
}

fn in_zone(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let moment = match (&arguments[0], &arguments[1]) {
        (Value::DateTime(moment), Value::String(name)) => {
            name.parse::<Zone>().ok().and_then(|zone| moment.in_zone(zone))
        }
        _ => None,
    };
    Ok(evaluator.or_null(moment.map(Value::from), "there is no such zone"))
}

fn date_and_time_of_parts(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let date = date_from(arguments);
    let time = arguments.get(3..).and_then(time_from);
    let moment = date.zip(time).map(|(date, time)| DateTime::new(date, &time).into());
    Ok(evaluator.or_null(moment, "there is no such date and time"))
}

fn number(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let number = match single(&arguments[0]) {
        Value::Number(number) => Some(*number),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    Ok(evaluator.or_null(number.map(Value::from), "no number: expected as in 12 or 0.5"))
}

fn number_with_separators(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let number = separated(arguments).map(Value::from);
    Ok(evaluator.or_null(number, "no number with these separators"))
}

/// The number of a text. It groups by a space, a comma or a point, and has a point or a comma before
/// its fraction, and not the same for both.
fn separated(arguments: &[Value]) -> Option<Number> {
    let (text, grouping, decimal) =
        (arguments[0].as_str()?, arguments[1].as_str(), arguments[2].as_str());
    if grouping.is_some_and(|it| ![" ", ",", "."].contains(&it))
        || decimal.is_some_and(|it| ![",", "."].contains(&it))
        || (grouping.is_some() && grouping == decimal)
    {
        return None;
    }
    let text = grouping.map_or_else(|| text.to_owned(), |it| text.replace(it, ""));
    decimal.map_or_else(|| text.clone(), |it| text.replace(it, ".")).parse().ok()
}

fn string(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    evaluator.step_over(&arguments[0])?;
    match arguments[0].to_text() {
        Some(text) => evaluator.text(text),
        None => Ok(Value::Null),
    }
}

fn duration(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let duration = match single(&arguments[0]) {
        Value::String(text) => duration_of(text),
        duration @ (Value::DaysTimeDuration(_) | Value::YearsMonthsDuration(_)) => {
            Some(duration.clone())
        }
        _ => None,
    };
    Ok(evaluator.or_null(duration, "no duration: expected as in P1DT2H or P1Y2M"))
}

fn years_and_months(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let date = |value: &Value| match value {
        Value::Date(date) => Some(*date),
        Value::DateTime(moment) => Some(moment.date()),
        _ => None,
    };
    let months =
        date(&arguments[0]).zip(date(&arguments[1])).map(|(from, to)| to.months_since(from));
    Ok(evaluator.or_null(months.map(Value::from), "expected two dates"))
}

fn range(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let text = arguments[0].as_str().unwrap_or_default();
    evaluator.step(text.len())?;
    let range = parser::expression(text.trim(), &Names::default())
        .ok()
        .and_then(|tree| literal_range(&tree))
        .map(Value::from);
    Ok(evaluator.or_null(range, "no range: expected as in [1..10)"))
}

fn literal_range(expr: &Expr) -> Option<Range> {
    let Kind::Range(ends) = &expr.kind else { return None };
    let (start, end) = (literal(&ends.start)?, literal(&ends.end)?);
    if compare(&start, &end)?.is_gt() {
        return None;
    }
    Some(Range::new(start, ends.start_included, end, ends.end_included))
}

/// A literal, or a conversion of a string's literal.
fn literal(expr: &Expr) -> Option<Value> {
    match &expr.kind {
        Kind::Literal(value) => Some(value.clone()),
        Kind::Postfix(parts) => {
            let (Kind::Name(function), [Step::Call(_, Arguments::Positional(arguments))]) =
                (&parts.0.kind, &*parts.1)
            else {
                return None;
            };
            let [Expr { kind: Kind::Literal(Value::String(text)), .. }] = &**arguments else {
                return None;
            };
            match &**function {
                "date" => text.parse::<Date>().ok().map(Value::from),
                "time" => text.parse::<Time>().ok().map(Value::from),
                "date and time" => text.parse::<DateTime>().ok().map(Value::from),
                "duration" => duration_of(text),
                _ => None,
            }
        }
        _ => None,
    }
}
