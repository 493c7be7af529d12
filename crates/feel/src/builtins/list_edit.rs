//! Functions that make a list of a list: parts, additions, removals.

use super::{Builtin, ParameterKind as P, Signature, dmn, may, needs};
use crate::{
    builtins::Given,
    evaluate::{Evaluator, Outcome},
    value::Value,
};

pub(super) const FUNCTIONS: &[Builtin] = &[
    dmn(
        "sublist",
        "A part of a list, from a position that counts from 1, or from -1 for the last.",
        &[Signature::new(
            &[needs("list", P::List), needs("start position", P::Number), may("length", P::Number)],
            sublist,
        )],
    ),
    dmn(
        "append",
        "A list with items added.",
        &[
            Signature::new(&[needs("list", P::List), needs("item", P::Any)], append),
            Signature::variadic(&[needs("list", P::List), needs("item", P::Any)], append),
        ],
    ),
    dmn(
        "concatenate",
        "The items of all lists.",
        &[
            Signature::variadic(&[needs("list", P::List)], concatenate),
            Signature::new(&[needs("lists", P::List)], |evaluator, arguments| {
                concatenate(evaluator, items(arguments))
            }),
        ],
    ),
    dmn(
        "insert before",
        "A list with an item inserted before a position.",
        &[Signature::new(
            &[needs("list", P::List), needs("position", P::Number), needs("newItem", P::Any)],
            insert_before,
        )],
    ),
    dmn(
        "remove",
        "A list without the item at a position.",
        &[Signature::new(&[needs("list", P::List), needs("position", P::Number)], remove)],
    ),
    dmn(
        "list replace",
        "A list with an item in place of the one at a position, or of those that a function selects.",
        &[
            Signature::new(
                &[needs("list", P::List), needs("position", P::Number), needs("newItem", P::Any)],
                replace_at,
            ),
            Signature::new(
                &[needs("list", P::List), needs("match", P::Function), needs("newItem", P::Any)],
                replace_matching,
            ),
        ],
    ),
    dmn("reverse", "A list backwards.", &[Signature::new(&[needs("list", P::List)], reverse)]),
];

fn items(arguments: &[Value]) -> &[Value] {
    arguments.first().and_then(Value::as_list).unwrap_or_default()
}

/// The place of the position that is the second argument.
fn place(arguments: &[Value]) -> Option<usize> {
    let position = arguments.get(1)?.as_number()?.truncate_to_i64()?;
    crate::evaluate::position(position, items(arguments).len())
}

const NO_ITEM: &str = "there is no item at this position";

fn sublist(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let Some(start) = place(arguments) else { return Ok(evaluator.null(NO_ITEM)) };
    let rest = &items(arguments)[start..];
    let length = match arguments[2].as_number() {
        None => Some(rest.len()),
        Some(length) => length.truncate_to_i64().and_then(|length| usize::try_from(length).ok()),
    };
    match length.filter(|length| *length <= rest.len()) {
        Some(length) => evaluator.list(rest[..length].to_vec()),
        None => Ok(evaluator.null("the list has fewer items than that")),
    }
}

fn append(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let mut appended = items(arguments).to_vec();
    appended.extend(arguments[1..].iter().cloned());
    evaluator.list(appended)
}

fn concatenate(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let mut all = Vec::new();
    for list in arguments.iter().filter_map(Value::as_list) {
        evaluator.step(list.len())?;
        all.extend_from_slice(list);
    }
    evaluator.list(all)
}

fn insert_before(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let Some(place) = place(arguments) else { return Ok(evaluator.null(NO_ITEM)) };
    let mut inserted = items(arguments).to_vec();
    inserted.insert(place, arguments[2].clone());
    evaluator.list(inserted)
}

fn remove(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let Some(place) = place(arguments) else { return Ok(evaluator.null(NO_ITEM)) };
    let mut left = items(arguments).to_vec();
    left.remove(place);
    evaluator.list(left)
}

fn replace_at(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let Some(place) = place(arguments) else { return Ok(evaluator.null(NO_ITEM)) };
    let mut replaced = items(arguments).to_vec();
    replaced[place] = arguments[2].clone();
    evaluator.list(replaced)
}

fn replace_matching(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let Value::Function(function) = &arguments[1] else { return Ok(Value::Null) };
    let new = &arguments[2];
    let mut replaced = Vec::with_capacity(items(arguments).len());
    for item in items(arguments) {
        evaluator.step(1)?;
        let given = Given::Positional(vec![item.clone(), new.clone()]);
        match evaluator.invoke(function, given)?.as_boolean() {
            Some(true) => replaced.push(new.clone()),
            Some(false) => replaced.push(item.clone()),
            None => return Ok(evaluator.null("the function that selects must give a boolean")),
        }
    }
    evaluator.list(replaced)
}

fn reverse(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    evaluator.list(items(arguments).iter().rev().cloned().collect())
}
