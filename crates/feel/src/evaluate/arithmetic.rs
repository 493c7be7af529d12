//! `+ - * / **` and the minus sign, over numbers, strings, dates, times and durations.

use super::{Evaluator, Frame, Outcome};
use crate::{
    ast::{Chain, Expr, Operator},
    temporal::{Date, DateTime},
    value::Value,
};

impl Evaluator<'_> {
    /// Operands of one precedence, from left to right.
    pub(super) fn chain(&mut self, chain: &Chain, frame: &Frame) -> Outcome {
        let mut left = self.evaluate(&chain.first, frame)?;
        for (operator, at, right) in &chain.rest {
            let right = self.evaluate(right, frame)?;
            self.at = *at;
            left = self.apply(*operator, left, right)?;
        }
        Ok(left)
    }

    fn apply(&mut self, operator: Operator, left: Value, right: Value) -> Outcome {
        if let (Operator::Add, Value::String(left), Value::String(right)) =
            (operator, &left, &right)
        {
            // Before it is made, so that nothing is made that is too large.
            self.step((left.len() + right.len()) / 32)?;
            return self.text(format!("{left}{right}"));
        }
        let result = match operator {
            Operator::Add => add(&left, &right).or_else(|| add(&right, &left)),
            Operator::Subtract => subtract(&left, &right),
            Operator::Multiply => multiply(&left, &right),
            Operator::Divide => divide(&left, &right),
            Operator::Power => power(&left, &right),
        };
        Ok(result.unwrap_or_else(|| {
            let (symbol, left, right) = (operator.symbol(), left.kind(), right.kind());
            self.null(format!("{left} {symbol} {right} has no value here"))
        }))
    }

    pub(super) fn negation(&mut self, operand: &Expr, frame: &Frame) -> Outcome {
        let value = self.evaluate(operand, frame)?;
        Ok(match value {
            Value::Number(number) => number.negate().into(),
            Value::DaysTimeDuration(duration) => duration.negate().into(),
            Value::YearsMonthsDuration(duration) => duration.negate().into(),
            other => self.null(format!("a {} has no negative", other.kind())),
        })
    }
}

fn add(left: &Value, right: &Value) -> Option<Value> {
    use Value as V;
    Some(match (left, right) {
        (V::Number(left), V::Number(right)) => left.checked_add(*right)?.into(),
        (V::DaysTimeDuration(left), V::DaysTimeDuration(right)) => left.checked_add(*right)?.into(),
        (V::YearsMonthsDuration(left), V::YearsMonthsDuration(right)) => {
            left.checked_add(*right)?.into()
        }
        (V::Date(date), V::YearsMonthsDuration(duration)) => date.add_months(*duration)?.into(),
        (V::Date(date), V::DaysTimeDuration(duration)) => date.add_duration(*duration)?.into(),
        (V::DateTime(moment), V::YearsMonthsDuration(duration)) => {
            moment.add_months(*duration)?.into()
        }
        (V::DateTime(moment), V::DaysTimeDuration(duration)) => {
            moment.add_duration(*duration)?.into()
        }
        (V::Time(time), V::DaysTimeDuration(duration)) => time.add_duration(*duration).into(),
        _ => return None,
    })
}

fn subtract(left: &Value, right: &Value) -> Option<Value> {
    use Value as V;
    Some(match (left, right) {
        (V::Number(left), V::Number(right)) => left.checked_sub(*right)?.into(),
        (V::Date(left), V::Date(right)) => midnight(*left).since(&midnight(*right))?.into(),
        (V::DateTime(left), V::DateTime(right)) => left.since(right)?.into(),
        (V::DateTime(left), V::Date(right)) => left.since(&midnight(*right))?.into(),
        (V::Date(left), V::DateTime(right)) => midnight(*left).since(right)?.into(),
        (V::Time(left), V::Time(right)) => left.since(right)?.into(),
        (left, V::DaysTimeDuration(right)) => return add(left, &right.negate().into()),
        (left, V::YearsMonthsDuration(right)) => return add(left, &right.negate()?.into()),
        _ => return None,
    })
}

/// A date beside a date with a time: its first moment in UTC.
fn midnight(date: Date) -> DateTime {
    DateTime::at_midnight(date).or_utc()
}

fn multiply(left: &Value, right: &Value) -> Option<Value> {
    use Value as V;
    Some(match (left, right) {
        (V::Number(left), V::Number(right)) => left.checked_mul(*right)?.into(),
        (V::DaysTimeDuration(duration), V::Number(factor))
        | (V::Number(factor), V::DaysTimeDuration(duration)) => {
            duration.checked_mul(*factor)?.into()
        }
        (V::YearsMonthsDuration(duration), V::Number(factor))
        | (V::Number(factor), V::YearsMonthsDuration(duration)) => {
            duration.checked_mul(*factor)?.into()
        }
        _ => return None,
    })
}

fn divide(left: &Value, right: &Value) -> Option<Value> {
    use Value as V;
    Some(match (left, right) {
        (V::Number(left), V::Number(right)) => left.checked_div(*right)?.into(),
        (V::DaysTimeDuration(left), V::Number(right)) => left.checked_div(*right)?.into(),
        (V::YearsMonthsDuration(left), V::Number(right)) => left.checked_div(*right)?.into(),
        (V::DaysTimeDuration(left), V::DaysTimeDuration(right)) => left.ratio(*right)?.into(),
        (V::YearsMonthsDuration(left), V::YearsMonthsDuration(right)) => left.ratio(*right)?.into(),
        _ => return None,
    })
}

fn power(left: &Value, right: &Value) -> Option<Value> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.power(*right).map(Value::from),
        _ => None,
    }
}
