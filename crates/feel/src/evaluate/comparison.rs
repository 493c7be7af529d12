//! Comparisons and three-valued logic.

use std::cmp::Ordering;

use super::{Evaluator, Frame, Outcome};
use crate::{
    ast::Expr,
    value::{Comparison, Range, Value, compare},
};

/// Whether one value is at most the other: equal to it counts where `or_equal` says so. None where
/// they do not compare.
fn at_most(one: &Value, other: &Value, or_equal: bool) -> Option<bool> {
    let order = compare(one, other)?;
    Some(order == Ordering::Less || (or_equal && order == Ordering::Equal))
}

/// What a comparison says of two values; none where their kinds do not compare.
pub(super) fn holds(comparison: Comparison, one: &Value, other: &Value) -> Option<bool> {
    match comparison {
        Comparison::Equal => one.equals(other),
        Comparison::NotEqual => one.equals(other).map(|equal| !equal),
        Comparison::Less => at_most(one, other, false),
        Comparison::LessOrEqual => at_most(one, other, true),
        Comparison::Greater => at_most(other, one, false),
        Comparison::GreaterOrEqual => at_most(other, one, true),
    }
}

/// Whether the value is in the range; none where it does not compare to its ends.
pub(crate) fn is_in_range(value: &Value, range: &Range) -> Option<bool> {
    if let (Some(comparison @ (Comparison::Equal | Comparison::NotEqual)), Some(end)) =
        (range.comparison, &range.end)
    {
        return holds(comparison, value, end);
    }
    let above = match &range.start {
        Some(start) => at_most(start, value, range.start_included)?,
        None => true,
    };
    let below = match &range.end {
        Some(end) => at_most(value, end, range.end_included)?,
        None => true,
    };
    Some(above && below)
}

impl Evaluator<'_> {
    pub(super) fn comparison(
        &mut self,
        (left, comparison, right): &(Expr, Comparison, Expr),
        frame: &Frame,
    ) -> Outcome {
        let one = self.evaluate(left, frame)?;
        let other = self.evaluate(right, frame)?;
        self.at = left.at;
        self.compare(*comparison, &one, &other)
    }

    /// Compares two values; those that do not compare give null.
    pub(super) fn compare(
        &mut self,
        comparison: Comparison,
        one: &Value,
        other: &Value,
    ) -> Outcome {
        self.step_over(if one.shape().bytes < other.shape().bytes { one } else { other })?;
        Ok(holds(comparison, one, other).map_or_else(
            || {
                let (symbol, one, other) = (comparison.symbol(), one.kind(), other.kind());
                self.null(format!("{one} {symbol} {other} does not compare"))
            },
            Value::from,
        ))
    }

    pub(super) fn between(&mut self, [value, low, high]: &[Expr; 3], frame: &Frame) -> Outcome {
        let value = self.evaluate(value, frame)?;
        let low = self.evaluate(low, frame)?;
        let high = self.evaluate(high, frame)?;
        let range = Range::new(low, true, high, true);
        self.step_over(&value)?;
        let inside = is_in_range(&value, &range).map(Value::from);
        Ok(self.or_null(inside, "the values around 'between' do not compare"))
    }

    /// `or`, where one true operand decides, or `and`, where one false operand does. What is no
    /// boolean counts as null.
    pub(super) fn logic(&mut self, operands: &[Expr], decides: bool, frame: &Frame) -> Outcome {
        let mut unknown = false;
        for operand in operands {
            let value = self.evaluate(operand, frame)?;
            match value.as_boolean() {
                Some(value) if value == decides => return Ok(decides.into()),
                Some(_) => {}
                None => {
                    unknown = true;
                    if !value.is_null() {
                        self.null(format!("'and' and 'or' take booleans, not a {}", value.kind()));
                    }
                }
            }
        }
        Ok(if unknown { Value::Null } else { (!decides).into() })
    }
}
