//! Paths: entries of contexts, and the properties of dates, times, durations and ranges.

use super::{Evaluator, Outcome};
use crate::{
    Number,
    temporal::{Date, DateTime, DaysTimeDuration, NANOS_PER_SECOND, Time, YearsMonthsDuration},
    value::{Range, Value},
};

impl Evaluator<'_> {
    /// `value.name`; of a list, that of each item.
    pub(super) fn path(&mut self, value: &Value, name: &str) -> Outcome {
        if let Value::List(list) = value {
            let mut found = Vec::with_capacity(list.len());
            for item in list.items() {
                self.step(1)?;
                found.push(self.property(item, name));
            }
            return self.list(found);
        }
        Ok(self.property(value, name))
    }

    fn property(&mut self, value: &Value, name: &str) -> Value {
        let property = match value {
            Value::Context(context) => context.get(name).cloned(),
            Value::Date(date) => date_property(*date, name),
            Value::DateTime(moment) => moment_property(moment, name),
            Value::Time(time) => time_property(time, time.offset(), name),
            Value::DaysTimeDuration(duration) => days_time_property(*duration, name),
            Value::YearsMonthsDuration(duration) => years_months_property(*duration, name),
            Value::Range(range) => range_property(range, name),
            _ => None,
        };
        property.unwrap_or_else(|| self.null(format!("a {} has no '{name}'", value.kind())))
    }
}

fn date_property(date: Date, name: &str) -> Option<Value> {
    Some(match name {
        "year" => Number::from(date.year()).into(),
        "month" => Number::from(u32::from(date.month())).into(),
        "day" => Number::from(u32::from(date.day())).into(),
        "weekday" => Number::from(u32::from(date.weekday())).into(),
        // A date stands for its first moment in UTC.
        "hour" | "minute" | "second" => Number::ZERO.into(),
        "time offset" => DaysTimeDuration::from_seconds(0).into(),
        "timezone" => Value::Null,
        _ => return None,
    })
}

fn moment_property(moment: &DateTime, name: &str) -> Option<Value> {
    match name {
        "year" | "month" | "day" | "weekday" => date_property(moment.date(), name),
        _ => time_property(&Time::from(moment), moment.offset(), name),
    }
}

fn time_property(time: &Time, offset: Option<i32>, name: &str) -> Option<Value> {
    Some(match name {
        "hour" => Number::from(time.hour()).into(),
        "minute" => Number::from(time.minute()).into(),
        "second" => Number::from(time.second()).into(),
        "time offset" => offset.map(DaysTimeDuration::from_seconds).into(),
        "timezone" => time.zone().and_then(|zone| zone.name()).into(),
        _ => return None,
    })
}

fn days_time_property(duration: DaysTimeDuration, name: &str) -> Option<Value> {
    let [days, hours, minutes, nanos] = duration.parts();
    let part = match name {
        "days" => days,
        "hours" => hours,
        "minutes" => minutes,
        "seconds" => nanos / NANOS_PER_SECOND,
        _ => return None,
    };
    i64::try_from(part).ok().map(Value::from)
}

fn years_months_property(duration: YearsMonthsDuration, name: &str) -> Option<Value> {
    match name {
        "years" => Some((duration.months() / 12).into()),
        "months" => Some((duration.months() % 12).into()),
        _ => None,
    }
}

fn range_property(range: &Range, name: &str) -> Option<Value> {
    Some(match name {
        "start" => range.start().cloned().unwrap_or(Value::Null),
        "end" => range.end().cloned().unwrap_or(Value::Null),
        "start included" => range.is_start_included().into(),
        "end included" => range.is_end_included().into(),
        _ => return None,
    })
}
