//! Functions that come to one value from many: the least, sums, means and their like.
//!
//! Each takes a list, or the values as its arguments.

use super::{Builtin, ParameterKind as P, Signature, dmn, needs};
use crate::{
    EvaluationError, Number,
    evaluate::{Evaluator, Outcome},
    value::{Value, compare},
};

macro_rules! signatures {
    ($function:ident) => {
        &[
            Signature::new(&[needs("list", P::List)], |evaluator, arguments| {
                $function(evaluator, arguments[0].as_list().unwrap_or_default())
            }),
            Signature::variadic(&[needs("item", P::Any)], $function),
        ]
    };
}

pub(super) const FUNCTIONS: &[Builtin] = &[
    dmn("min", "The least.", signatures!(min)),
    dmn("max", "The greatest.", signatures!(max)),
    dmn("sum", "The sum of numbers.", signatures!(sum)),
    dmn("product", "The product of numbers.", signatures!(product)),
    dmn("mean", "The sum of numbers, divided by how many they are.", signatures!(mean)),
    dmn("median", "The number in the middle, or the mean of the two there.", signatures!(median)),
    dmn("stddev", "How far numbers are spread: the deviation of a sample.", signatures!(stddev)),
    dmn("mode", "The numbers that are there most often, in order.", signatures!(mode)),
];

fn min(evaluator: &mut Evaluator<'_>, items: &[Value]) -> Outcome {
    extreme(evaluator, items, |order| order.is_lt())
}

fn max(evaluator: &mut Evaluator<'_>, items: &[Value]) -> Outcome {
    extreme(evaluator, items, |order| order.is_gt())
}

fn extreme(
    evaluator: &mut Evaluator<'_>,
    items: &[Value],
    wins: impl Fn(std::cmp::Ordering) -> bool,
) -> Outcome {
    evaluator.step(items.len())?;
    let mut best: Option<&Value> = None;
    for item in items {
        let Some(order) = compare(item, best.unwrap_or(item)) else {
            return Ok(evaluator.null("the items do not compare to each other"));
        };
        if best.is_none() || wins(order) {
            best = Some(item);
        }
    }
    Ok(best.cloned().unwrap_or(Value::Null))
}

/// The items as numbers; none, and a warning, where there are none or one is no number.
fn numbers(
    evaluator: &mut Evaluator<'_>,
    items: &[Value],
) -> Result<Option<Vec<Number>>, EvaluationError> {
    evaluator.step(items.len())?;
    let numbers = items.iter().map(Value::as_number).collect::<Option<Vec<_>>>();
    let numbers = numbers.filter(|numbers| !numbers.is_empty());
    if numbers.is_none() {
        evaluator.null("expected numbers, at least one");
    }
    Ok(numbers)
}

const TOO_GREAT: &str = "the result is too great";

fn total(numbers: &[Number]) -> Option<Number> {
    numbers.iter().try_fold(Number::ZERO, |sum, number| sum.checked_add(*number))
}

fn sum(evaluator: &mut Evaluator<'_>, items: &[Value]) -> Outcome {
    let Some(numbers) = numbers(evaluator, items)? else { return Ok(Value::Null) };
    Ok(evaluator.or_null(total(&numbers).map(Value::from), TOO_GREAT))
}

fn product(evaluator: &mut Evaluator<'_>, items: &[Value]) -> Outcome {
    let Some(numbers) = numbers(evaluator, items)? else { return Ok(Value::Null) };
    let product =
        numbers.iter().try_fold(Number::ONE, |product, number| product.checked_mul(*number));
    Ok(evaluator.or_null(product.map(Value::from), TOO_GREAT))
}

fn average(numbers: &[Number]) -> Option<Number> {
    total(numbers)?.checked_div(count(numbers.len()))
}

fn count(length: usize) -> Number {
    Number::from(u64::try_from(length).unwrap_or(u64::MAX))
}

fn mean(evaluator: &mut Evaluator<'_>, items: &[Value]) -> Outcome {
    let Some(numbers) = numbers(evaluator, items)? else { return Ok(Value::Null) };
    Ok(evaluator.or_null(average(&numbers).map(Value::from), TOO_GREAT))
}

fn median(evaluator: &mut Evaluator<'_>, items: &[Value]) -> Outcome {
    let Some(mut numbers) = numbers(evaluator, items)? else { return Ok(Value::Null) };
    numbers.sort_unstable();
    let middle = numbers.len() / 2;
    let median = if numbers.len() % 2 == 1 {
        Some(numbers[middle])
    } else {
        average(&numbers[middle - 1..=middle])
    };
    Ok(evaluator.or_null(median.map(Value::from), TOO_GREAT))
}

fn stddev(evaluator: &mut Evaluator<'_>, items: &[Value]) -> Outcome {
    let Some(numbers) = numbers(evaluator, items)? else { return Ok(Value::Null) };
    if numbers.len() < 2 {
        return Ok(evaluator.null("a deviation needs two numbers"));
    }
    let deviation = || {
        let mean = average(&numbers)?;
        let squares = numbers.iter().map(|number| {
            let difference = number.checked_sub(mean)?;
            difference.checked_mul(difference)
        });
        let squares = squares.collect::<Option<Vec<_>>>()?;
        total(&squares)?.checked_div(count(numbers.len() - 1))?.sqrt()
    };
    Ok(evaluator.or_null(deviation().map(Value::from), TOO_GREAT))
}

fn mode(evaluator: &mut Evaluator<'_>, items: &[Value]) -> Outcome {
    if items.is_empty() {
        return evaluator.list(Vec::new());
    }
    let Some(mut numbers) = numbers(evaluator, items)? else { return Ok(Value::Null) };
    numbers.sort_unstable();
    let runs: Vec<_> = numbers.chunk_by(|one, other| one == other).collect();
    let longest = runs.iter().map(|run| run.len()).max().unwrap_or(0);
    let modes = runs.iter().filter(|run| run.len() == longest).map(|run| run[0].into());
    evaluator.list(modes.collect())
}
