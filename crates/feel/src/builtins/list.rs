//! Functions that ask lists, or make sets of them.

use std::{collections::HashSet, sync::Arc};

use super::{Builtin, ParameterKind as P, Signature, camunda, dmn, needs};
use crate::{
    EvaluationError, Number,
    evaluate::{Evaluator, Outcome},
    temporal::Date,
    value::Value,
};

const ALL: &[Signature] = &[
    Signature::new(&[needs("list", P::List)], all),
    Signature::variadic(&[needs("item", P::Any)], all_of),
];

const ANY: &[Signature] = &[
    Signature::new(&[needs("list", P::List)], any),
    Signature::variadic(&[needs("item", P::Any)], any_of),
];

pub(super) const FUNCTIONS: &[Builtin] = &[
    dmn(
        "list contains",
        "Whether a list has an item.",
        &[Signature::new(&[needs("list", P::List), needs("element", P::Any)], list_contains)],
    ),
    dmn("count", "How many items a list has.", &[Signature::new(&[needs("list", P::List)], count)]),
    dmn("all", "Whether all items are true.", ALL),
    dmn("any", "Whether an item is true.", ANY),
    camunda("and", "The same as all.", ALL),
    camunda("or", "The same as any.", ANY),
    dmn(
        "index of",
        "The positions of an item in a list.",
        &[Signature::new(&[needs("list", P::List), needs("match", P::Any)], index_of)],
    ),
    dmn(
        "union",
        "The items of all lists, each once.",
        &[
            Signature::variadic(&[needs("list", P::List)], union),
            Signature::new(&[needs("lists", P::List)], |evaluator, arguments| {
                union(evaluator, items(arguments))
            }),
        ],
    ),
    dmn(
        "distinct values",
        "The items of a list, each once.",
        &[Signature::new(&[needs("list", P::List)], distinct_values)],
    ),
    camunda(
        "duplicate values",
        "The items that a list has more than once, each once.",
        &[Signature::new(&[needs("list", P::List)], duplicate_values)],
    ),
    dmn(
        "flatten",
        "The items of a list and of the lists in it.",
        &[Signature::new(&[needs("list", P::List)], flatten)],
    ),
    dmn("not", "The opposite of a boolean.", &[Signature::new(&[needs("negand", P::Any)], not)]),
    camunda(
        "is empty",
        "Whether a list has no items.",
        &[Signature::new(&[needs("list", P::List)], is_empty)],
    ),
    camunda(
        "partition",
        "A list in parts of a size; the last may be smaller.",
        &[Signature::new(&[needs("list", P::List), needs("size", P::Number)], partition)],
    ),
];

fn items(arguments: &[Value]) -> &[Value] {
    arguments.first().and_then(Value::as_list).unwrap_or_default()
}

fn list_contains(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let found = positions(evaluator, items(arguments), &arguments[1])?;
    Ok((!found.is_empty()).into())
}

fn count(_: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    Ok(i64::try_from(items(arguments).len()).unwrap_or(i64::MAX).into())
}

fn all(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    decide(evaluator, items(arguments), false)
}

fn all_of(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    decide(evaluator, arguments, false)
}

fn any(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    decide(evaluator, items(arguments), true)
}

fn any_of(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    decide(evaluator, arguments, true)
}

/// One item that decides settles it; else one that is no boolean leaves it open.
fn decide(evaluator: &mut Evaluator<'_>, items: &[Value], decides: bool) -> Outcome {
    evaluator.step(items.len())?;
    if items.iter().any(|item| item.as_boolean() == Some(decides)) {
        return Ok(decides.into());
    }
    if items.iter().any(|item| item.as_boolean().is_none()) {
        return Ok(evaluator.null("not all items are booleans"));
    }
    Ok((!decides).into())
}

fn index_of(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let found = positions(evaluator, items(arguments), &arguments[1])?;
    let positions = found.into_iter().filter_map(|position| i64::try_from(position + 1).ok());
    evaluator.list(positions.map(Value::from).collect())
}

/// Where the items are equal to the wanted one.
fn positions(
    evaluator: &mut Evaluator<'_>,
    items: &[Value],
    wanted: &Value,
) -> Result<Vec<usize>, EvaluationError> {
    let mut found = Vec::new();
    for (position, item) in items.iter().enumerate() {
        evaluator.step(1)?;
        evaluator.step_over(item)?;
        if item.equals(wanted) == Some(true) {
            found.push(position);
        }
    }
    Ok(found)
}

fn union(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let all = arguments.iter().filter_map(Value::as_list).flatten();
    let mut distinct = Distinct::default();
    for item in all {
        distinct.add(evaluator, item)?;
    }
    evaluator.list(distinct.items)
}

fn distinct_values(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    union(evaluator, arguments)
}

fn duplicate_values(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let mut seen = Distinct::default();
    let mut again = Distinct::default();
    for item in items(arguments) {
        if !seen.add(evaluator, item)? {
            again.add(evaluator, item)?;
        }
    }
    // In the order in which they are there first.
    let mut duplicates = Vec::new();
    for item in seen.items {
        if !again.add(evaluator, &item)? {
            duplicates.push(item);
        }
    }
    evaluator.list(duplicates)
}

/// What a simple value is found by; others are compared one by one.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Null,
    Boolean(bool),
    Number(Number),
    String(Arc<str>),
    Date(Date),
}

impl Key {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Boolean(value) => Some(Self::Boolean(*value)),
            Value::Number(value) => Some(Self::Number(*value)),
            Value::String(value) => Some(Self::String(Arc::clone(value))),
            Value::Date(value) => Some(Self::Date(*value)),
            _ => None,
        }
    }
}

/// Items, each once.
#[derive(Default)]
struct Distinct {
    items: Vec<Value>,
    keys: HashSet<Key>,
    /// The positions of those items that have no key.
    others: Vec<usize>,
}

impl Distinct {
    /// Adds an item; returns whether it is new.
    fn add(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        item: &Value,
    ) -> Result<bool, EvaluationError> {
        evaluator.step(1)?;
        if let Some(key) = Key::of(item) {
            let new = self.keys.insert(key);
            if new {
                self.items.push(item.clone());
            }
            return Ok(new);
        }
        for &other in &self.others {
            evaluator.step(1)?;
            evaluator.step_over(item)?;
            if self.items[other].equals(item) == Some(true) {
                return Ok(false);
            }
        }
        self.others.push(self.items.len());
        self.items.push(item.clone());
        Ok(true)
    }
}

fn flatten(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    evaluator.step_over(&arguments[0])?;
    let mut flat = Vec::new();
    let mut left: Vec<_> = items(arguments).iter().rev().collect();
    while let Some(item) = left.pop() {
        evaluator.step(1)?;
        match item.as_list() {
            Some(items) => left.extend(items.iter().rev()),
            None => flat.push(item.clone()),
        }
    }
    evaluator.list(flat)
}

fn not(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let single = match arguments[0].as_list() {
        Some([only]) => only,
        _ => &arguments[0],
    };
    match single {
        Value::Boolean(value) => Ok((!value).into()),
        Value::Null => Ok(Value::Null),
        other => Ok(evaluator.null(format!("a {} has no opposite", other.kind()))),
    }
}

fn is_empty(_: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    Ok(items(arguments).is_empty().into())
}

fn partition(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let size = arguments[1].as_number().and_then(Number::truncate_to_i64);
    let Some(size) = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0)
    else {
        return Ok(evaluator.null("the size of a part must be at least 1"));
    };
    let mut parts = Vec::new();
    for part in items(arguments).chunks(size) {
        parts.push(evaluator.list(part.to_vec())?);
    }
    evaluator.list(parts)
}
