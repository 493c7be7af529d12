//! Sorting, by a function that says which of two items comes first.

use super::{Builtin, Given, ParameterKind as P, Signature, dmn, may, needs};
use crate::{
    EvaluationError,
    evaluate::{Evaluator, Outcome},
    value::{Function, Value, compare},
};

pub(super) const FUNCTIONS: &[Builtin] = &[dmn(
    "sort",
    "A list in the order in which a function puts any two of its items; without one, from the least.",
    &[Signature::new(&[needs("list", P::List), may("precedes", P::Function)], sort)],
)];

/// Merges ever longer runs; equal items keep their order. The function may be anything, so it may
/// contradict itself: then the order is some order.
fn sort(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let mut items = arguments[0].as_list().unwrap_or_default().to_vec();
    let precedes = match &arguments[1] {
        Value::Function(function) => Some(function),
        _ => None,
    };
    let mut width = 1;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for run in items.chunks(width * 2) {
            let (left, right) = run.split_at(width.min(run.len()));
            if !merge(evaluator, precedes, left, right, &mut merged)? {
                return Ok(evaluator.null("the items cannot be ordered"));
            }
        }
        items = merged;
        width *= 2;
    }
    evaluator.list(items)
}

fn merge(
    evaluator: &mut Evaluator<'_>,
    precedes: Option<&Function>,
    left: &[Value],
    right: &[Value],
    merged: &mut Vec<Value>,
) -> Result<bool, EvaluationError> {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        evaluator.step(1)?;
        // The right one goes first only where it has to.
        let right_first = match precedes {
            None => compare(other, one).map(std::cmp::Ordering::is_lt),
            Some(function) => {
                let given = Given::Positional(vec![(*other).clone(), (*one).clone()]);
                evaluator.invoke(function, given)?.as_boolean()
            }
        };
        let Some(right_first) = right_first else { return Ok(false) };
        let next = if right_first { right.next() } else { left.next() };
        merged.extend(next.cloned());
    }
    merged.extend(left.chain(right).cloned());
    Ok(true)
}
