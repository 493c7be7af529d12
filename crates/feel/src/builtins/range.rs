//! Functions that say how points and ranges lie to each other.

use super::{Builtin, ParameterKind as P, Signature, dmn, needs};
use crate::{
    evaluate::{Evaluator, Outcome, is_in_range},
    value::{Range, Value, compare},
};

/// A function of two arguments that the evaluator only needs for a warning.
macro_rules! asks {
    ($function:ident) => {
        |evaluator: &mut Evaluator<'_>, arguments: &[Value]| {
            answer(evaluator, $function(&arguments[0], &arguments[1]))
        }
    };
}

macro_rules! signatures {
    ($($one:literal: $one_kind:ident, $two:literal: $two_kind:ident => $function:ident;)*) => {
        &[$(Signature::new(
            &[needs($one, P::$one_kind), needs($two, P::$two_kind)],
            asks!($function),
        ),)*]
    };
}

pub(super) const FUNCTIONS: &[Builtin] = &[
    dmn(
        "before",
        "Whether the first is over before the second begins.",
        signatures! {
            "point1": Point, "point2": Point => before;
            "point": Point, "range": Range => before;
            "range": Range, "point": Point => before;
            "range1": Range, "range2": Range => before;
        },
    ),
    dmn(
        "after",
        "Whether the first begins after the second is over.",
        signatures! {
            "point1": Point, "point2": Point => after;
            "point": Point, "range": Range => after;
            "range": Range, "point": Point => after;
            "range1": Range, "range2": Range => after;
        },
    ),
    dmn(
        "meets",
        "Whether the second begins with what the first ends with.",
        signatures! { "range1": Range, "range2": Range => meets; },
    ),
    dmn(
        "met by",
        "Whether the first begins with what the second ends with.",
        signatures! { "range1": Range, "range2": Range => met_by; },
    ),
    dmn(
        "overlaps",
        "Whether both have something in common.",
        signatures! { "range1": Range, "range2": Range => overlaps; },
    ),
    dmn(
        "overlaps before",
        "Whether the first begins before the second and ends in it.",
        signatures! { "range1": Range, "range2": Range => overlaps_before; },
    ),
    dmn(
        "overlaps after",
        "Whether the first begins in the second and ends after it.",
        signatures! { "range1": Range, "range2": Range => overlaps_after; },
    ),
    dmn(
        "finishes",
        "Whether the first is the end of the second.",
        signatures! {
            "point": Point, "range": Range => finishes;
            "range1": Range, "range2": Range => finishes;
        },
    ),
    dmn(
        "finished by",
        "Whether the second is the end of the first.",
        signatures! {
            "range": Range, "point": Point => finished_by;
            "range1": Range, "range2": Range => finished_by;
        },
    ),
    dmn(
        "includes",
        "Whether the first has the second in it.",
        signatures! {
            "range": Range, "point": Point => includes;
            "range1": Range, "range2": Range => includes;
        },
    ),
    dmn(
        "during",
        "Whether the second has the first in it.",
        signatures! {
            "point": Point, "range": Range => during;
            "range1": Range, "range2": Range => during;
        },
    ),
    dmn(
        "starts",
        "Whether the first is the beginning of the second.",
        signatures! {
            "point": Point, "range": Range => starts;
            "range1": Range, "range2": Range => starts;
        },
    ),
    dmn(
        "started by",
        "Whether the second is the beginning of the first.",
        signatures! {
            "range": Range, "point": Point => started_by;
            "range1": Range, "range2": Range => started_by;
        },
    ),
    dmn(
        "coincides",
        "Whether both are the same.",
        signatures! {
            "point1": Point, "point2": Point => coincides;
            "range1": Range, "range2": Range => coincides;
        },
    ),
];

fn answer(evaluator: &mut Evaluator<'_>, answer: Option<bool>) -> Outcome {
    Ok(evaluator.or_null(answer.map(Value::from), "these points and ranges do not compare"))
}

/// One end of what a point or a range covers: its value, none where there is no end, and whether the
/// value belongs to it.
type End<'a> = (Option<&'a Value>, bool);

fn start(value: &Value) -> End<'_> {
    match value {
        Value::Range(range) => (range.start(), range.is_start_included()),
        point => (Some(point), true),
    }
}

fn end(value: &Value) -> End<'_> {
    match value {
        Value::Range(range) => (range.end(), range.is_end_included()),
        point => (Some(point), true),
    }
}

fn range(value: &Value) -> Option<&Range> {
    match value {
        Value::Range(range) => Some(range),
        _ => None,
    }
}

fn before(one: &Value, other: &Value) -> Option<bool> {
    let ((last, last_included), (first, first_included)) = (end(one), start(other));
    let (Some(last), Some(first)) = (last, first) else { return Some(false) };
    let order = compare(last, first)?;
    Some(order.is_lt() || (order.is_eq() && !(last_included && first_included)))
}

fn after(one: &Value, other: &Value) -> Option<bool> {
    before(other, one)
}

/// Whether two ends are the same value, and whether each belongs to its range.
fn same(one: End<'_>, other: End<'_>) -> Option<bool> {
    match (one.0, other.0) {
        (Some(one), Some(other)) => Some(compare(one, other)?.is_eq()),
        (None, None) => Some(true),
        _ => Some(false),
    }
}

fn meets(one: &Value, other: &Value) -> Option<bool> {
    let (end, start) = (end(one), start(other));
    Some(end.0.is_some() && end.1 && start.1 && same(end, start)?)
}

fn met_by(one: &Value, other: &Value) -> Option<bool> {
    meets(other, one)
}

fn overlaps(one: &Value, other: &Value) -> Option<bool> {
    Some(!before(one, other)? && !after(one, other)?)
}

/// Whether the first range begins before the second does.
fn begins_before(one: End<'_>, other: End<'_>) -> Option<bool> {
    let (Some(one_value), Some(other_value)) = (one.0, other.0) else {
        return Some(one.0.is_none() && other.0.is_some());
    };
    let order = compare(one_value, other_value)?;
    Some(order.is_lt() || (order.is_eq() && one.1 && !other.1))
}

/// Whether the first range ends before the second does.
fn ends_before(one: End<'_>, other: End<'_>) -> Option<bool> {
    let (Some(one_value), Some(other_value)) = (one.0, other.0) else {
        return Some(one.0.is_some() && other.0.is_none());
    };
    let order = compare(one_value, other_value)?;
    Some(order.is_lt() || (order.is_eq() && !one.1 && other.1))
}

fn overlaps_before(one: &Value, other: &Value) -> Option<bool> {
    Some(
        overlaps(one, other)?
            && begins_before(start(one), start(other))?
            && !ends_before(end(other), end(one))?,
    )
}

fn overlaps_after(one: &Value, other: &Value) -> Option<bool> {
    overlaps_before(other, one)
}

/// Whether both begin with the same, included or not in both.
fn same_start(one: &Value, other: &Value) -> Option<bool> {
    Some(same(start(one), start(other))? && start(one).1 == start(other).1)
}

fn same_end(one: &Value, other: &Value) -> Option<bool> {
    Some(same(end(one), end(other))? && end(one).1 == end(other).1)
}

fn finishes(one: &Value, other: &Value) -> Option<bool> {
    if range(one).is_none() {
        return Some(end(other).0.is_some() && end(other).1 && same(end(one), end(other))?);
    }
    Some(same_end(one, other)? && !begins_before(start(one), start(other))?)
}

fn finished_by(one: &Value, other: &Value) -> Option<bool> {
    finishes(other, one)
}

fn includes(one: &Value, other: &Value) -> Option<bool> {
    if range(other).is_none() {
        return is_in_range(other, range(one)?);
    }
    Some(!begins_before(start(other), start(one))? && !ends_before(end(one), end(other))?)
}

fn during(one: &Value, other: &Value) -> Option<bool> {
    includes(other, one)
}

fn starts(one: &Value, other: &Value) -> Option<bool> {
    if range(one).is_none() {
        return Some(start(other).0.is_some() && start(other).1 && same(start(one), start(other))?);
    }
    Some(same_start(one, other)? && !ends_before(end(other), end(one))?)
}

fn started_by(one: &Value, other: &Value) -> Option<bool> {
    starts(other, one)
}

fn coincides(one: &Value, other: &Value) -> Option<bool> {
    Some(same_start(one, other)? && same_end(one, other)?)
}
