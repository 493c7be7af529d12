//! Functions of contexts.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{Builtin, ParameterKind as P, Signature, camunda, dmn, needs};
use crate::{
    EvaluationError,
    evaluate::{Evaluator, Outcome},
    value::{Context, Value},
};

const PUT: &[Signature] = &[
    Signature::new(
        &[needs("context", P::Context), needs("key", P::String), needs("value", P::Any)],
        put,
    ),
    Signature::new(
        &[needs("context", P::Context), needs("keys", P::List), needs("value", P::Any)],
        put_path,
    ),
];

const MERGE: &[Signature] = &[
    Signature::new(&[needs("contexts", P::List)], merge),
    Signature::variadic(&[needs("item", P::Context)], merge_all),
];

pub(super) const FUNCTIONS: &[Builtin] = &[
    dmn(
        "get value",
        "The value of a name in a context, or at the end of a path of names.",
        &[
            Signature::new(&[needs("m", P::Context), needs("key", P::String)], get_value),
            Signature::new(&[needs("context", P::Context), needs("key", P::String)], get_value),
            Signature::new(&[needs("context", P::Context), needs("keys", P::List)], get_path),
        ],
    ),
    dmn(
        "get entries",
        "The names and values of a context, as a list of contexts with a key and a value.",
        &[
            Signature::new(&[needs("m", P::Context)], get_entries),
            Signature::new(&[needs("context", P::Context)], get_entries),
        ],
    ),
    dmn(
        "context",
        "The context of a list of contexts with a key and a value.",
        &[Signature::new(&[needs("entries", P::List)], context)],
    ),
    dmn("context put", "A context with a value set, at a name or at the end of a path.", PUT),
    dmn("context merge", "The entries of all contexts; of equal names, the last.", MERGE),
    camunda("put", "The same as context put.", PUT),
    camunda("put all", "The same as context merge.", MERGE),
];

/// The argument as a context, which its parameter has made it.
fn first(arguments: &[Value]) -> Context {
    arguments.first().and_then(Value::as_context).cloned().unwrap_or_default()
}

fn get_value(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let value = arguments[1].as_str().and_then(|key| first(arguments).get(key).cloned());
    Ok(evaluator.or_null(value, "the context has no such key"))
}

fn get_path(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let keys = arguments[1].as_list().unwrap_or_default();
    let found = keys.iter().try_fold(arguments[0].clone(), |value, key| {
        value.as_context()?.get(key.as_str()?).cloned()
    });
    Ok(evaluator.or_null(found.filter(|_| !keys.is_empty()), "the context has no such path"))
}

fn get_entries(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let mut entries = Vec::new();
    for (key, value) in first(arguments).iter() {
        evaluator.step(1)?;
        entries.push(Context::from([("key", key.into()), ("value", value.clone())]).into());
    }
    evaluator.list(entries)
}

fn context(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let mut made = IndexMap::<Arc<str>, Value>::new();
    for entry in arguments[0].as_list().unwrap_or_default() {
        evaluator.step(1)?;
        let parts = entry.as_context().and_then(|entry| {
            Some((entry.get("key")?.as_str()?.to_owned(), entry.get("value")?.clone()))
        });
        let Some((key, value)) = parts else {
            return Ok(evaluator.null("an entry is a context with a key and a value"));
        };
        if made.insert(key.into(), value).is_some() {
            return Ok(evaluator.null("two entries have the same key"));
        }
    }
    evaluator.context(made.into())
}

fn put(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let context = first(arguments);
    evaluator.step(context.len())?;
    let key = arguments[1].as_str().unwrap_or_default();
    evaluator.context(context.with(key, arguments[2].clone()))
}

fn put_path(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let keys = arguments[1].as_list().unwrap_or_default();
    let keys = keys.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
    let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
        return Ok(evaluator.null("a path is a list of names, at least one"));
    };
    match put_along(evaluator, &first(arguments), &keys, &arguments[2])? {
        Some(context) => evaluator.context(context),
        None => Ok(evaluator.null("there is something on the path that is no context")),
    }
}

/// The context with the value at the end of the path; contexts that are not there are made.
fn put_along(
    evaluator: &mut Evaluator<'_>,
    context: &Context,
    keys: &[&str],
    value: &Value,
) -> Result<Option<Context>, EvaluationError> {
    evaluator.step(context.len() + 1)?;
    let Some((key, rest)) = keys.split_first() else { return Ok(None) };
    if rest.is_empty() {
        return Ok(Some(context.with(key, value.clone())));
    }
    let inner = match context.get(key) {
        None | Some(Value::Null) => Context::new(),
        Some(Value::Context(inner)) => inner.clone(),
        Some(_) => return Ok(None),
    };
    let inner = evaluator.deeper(|evaluator| put_along(evaluator, &inner, rest, value))?;
    let Some(inner) = inner else { return Ok(None) };
    Ok(Some(context.with(key, inner.into())))
}

fn merge(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    merge_all(evaluator, arguments[0].as_list().unwrap_or_default())
}

fn merge_all(evaluator: &mut Evaluator<'_>, items: &[Value]) -> Outcome {
    let mut merged = IndexMap::<Arc<str>, Value>::new();
    for item in items {
        let Some(context) = item.as_context() else {
            return Ok(evaluator.null(format!("expected contexts, and found a {}", item.kind())));
        };
        evaluator.step(1 + context.len())?;
        for (name, value) in context.entries() {
            merged.insert(Arc::clone(name), value.clone());
        }
    }
    evaluator.context(merged.into())
}
