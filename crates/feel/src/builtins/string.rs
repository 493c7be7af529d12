//! Functions of strings. Positions and lengths count Unicode code points.

use super::{Builtin, ParameterKind as P, Signature, camunda, dmn, may, needs, pattern};
use crate::{
    Number,
    evaluate::{Evaluator, Outcome},
    value::Value,
};

pub(super) const FUNCTIONS: &[Builtin] = &[
    dmn(
        "substring",
        "A part of a string, from a position that counts from 1, or from -1 for the last.",
        &[Signature::new(
            &[
                needs("string", P::String),
                needs("start position", P::Number),
                may("length", P::Number),
            ],
            substring,
        )],
    ),
    dmn(
        "string length",
        "How many code points a string has.",
        &[Signature::new(&[needs("string", P::String)], string_length)],
    ),
    dmn(
        "upper case",
        "A string in capital letters.",
        &[Signature::new(&[needs("string", P::String)], upper_case)],
    ),
    dmn(
        "lower case",
        "A string in small letters.",
        &[Signature::new(&[needs("string", P::String)], lower_case)],
    ),
    dmn(
        "substring before",
        "What is before the first match; nothing where there is none.",
        &[Signature::new(
            &[needs("string", P::String), needs("match", P::String)],
            substring_before,
        )],
    ),
    dmn(
        "substring after",
        "What is after the first match; nothing where there is none.",
        &[Signature::new(
            &[needs("string", P::String), needs("match", P::String)],
            substring_after,
        )],
    ),
    dmn(
        "replace",
        "A string with all that a pattern matches replaced; $1 stands for its first group.",
        &[Signature::new(
            &[
                needs("input", P::String),
                needs("pattern", P::String),
                needs("replacement", P::String),
                may("flags", P::String).or_null(),
            ],
            pattern::replace,
        )],
    ),
    dmn(
        "contains",
        "Whether a string has another in it.",
        &[Signature::new(&[needs("string", P::String), needs("match", P::String)], contains)],
    ),
    dmn(
        "starts with",
        "Whether a string begins with another.",
        &[Signature::new(&[needs("string", P::String), needs("match", P::String)], starts_with)],
    ),
    dmn(
        "ends with",
        "Whether a string ends with another.",
        &[Signature::new(&[needs("string", P::String), needs("match", P::String)], ends_with)],
    ),
    dmn(
        "matches",
        "Whether a pattern matches anywhere in a string.",
        &[Signature::new(
            &[
                needs("input", P::String),
                needs("pattern", P::String),
                may("flags", P::String).or_null(),
            ],
            pattern::matches,
        )],
    ),
    dmn(
        "split",
        "The parts of a string between the matches of a pattern.",
        &[Signature::new(
            &[needs("string", P::String), needs("delimiter", P::String)],
            pattern::split,
        )],
    ),
    camunda(
        "extract",
        "All that a pattern matches in a string.",
        &[Signature::new(
            &[needs("input", P::String), needs("pattern", P::String)],
            pattern::extract,
        )],
    ),
    dmn(
        "string join",
        "The strings of a list in one, with a delimiter between them; nulls are left out.",
        &[
            Signature::new(
                &[needs("list", P::List), may("delimiter", P::String).or_null()],
                string_join,
            ),
            Signature::new(
                &[
                    needs("list", P::List),
                    needs("delimiter", P::String).or_null(),
                    needs("prefix", P::String).or_null(),
                    needs("suffix", P::String).or_null(),
                ],
                string_join,
            ),
        ],
    ),
    camunda(
        "trim",
        "A string without the space before and after it.",
        &[Signature::new(&[needs("string", P::String)], trim)],
    ),
    camunda(
        "is blank",
        "Whether a string has nothing but space.",
        &[Signature::new(&[needs("string", P::String)], is_blank)],
    ),
];

/// The argument as a string, which its parameter has made it.
fn text(arguments: &[Value], index: usize) -> &str {
    arguments.get(index).and_then(Value::as_str).unwrap_or_default()
}

fn substring(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let string = text(arguments, 0);
    evaluator.step(string.len() / 32)?;
    let part = part(string, &arguments[1], &arguments[2]).map(str::to_owned);
    match part {
        Some(part) => evaluator.text(part),
        None => Ok(evaluator.null("there is nothing at this position")),
    }
}

fn part<'a>(string: &'a str, start: &Value, length: &Value) -> Option<&'a str> {
    let start = start.as_number()?.truncate_to_i64()?;
    let count = string.chars().count();
    let skipped = usize::try_from(start.unsigned_abs()).ok()?;
    let skipped = match start {
        0 => return None,
        1.. if skipped <= count.max(1) => skipped - 1,
        ..0 if skipped <= count => count - skipped,
        _ => return None,
    };
    let rest = tail(string, skipped);
    let Some(length) = length.as_number() else { return Some(rest) };
    if length < Number::ONE {
        return None;
    }
    let length = length.truncate_to_i64().and_then(|it| usize::try_from(it).ok());
    let Some(length) = length else { return Some(rest) };
    Some(&rest[..rest.len() - tail(rest, length).len()])
}

/// The string without its first characters.
fn tail(string: &str, skipped: usize) -> &str {
    string.char_indices().nth(skipped).map_or("", |(at, _)| &string[at..])
}

fn string_length(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let string = text(arguments, 0);
    evaluator.step(string.len() / 32)?;
    let length = i64::try_from(string.chars().count()).unwrap_or(i64::MAX);
    Ok(length.into())
}

fn upper_case(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    evaluator.text(text(arguments, 0).to_uppercase())
}

fn lower_case(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    evaluator.text(text(arguments, 0).to_lowercase())
}

fn substring_before(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let before = text(arguments, 0).split_once(text(arguments, 1)).map_or("", |(before, _)| before);
    evaluator.text(before.to_owned())
}

fn substring_after(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let after = text(arguments, 0).split_once(text(arguments, 1)).map_or("", |(_, after)| after);
    evaluator.text(after.to_owned())
}

fn contains(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    evaluator.step(text(arguments, 0).len() / 32)?;
    Ok(text(arguments, 0).contains(text(arguments, 1)).into())
}

fn starts_with(_: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    Ok(text(arguments, 0).starts_with(text(arguments, 1)).into())
}

fn ends_with(_: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    Ok(text(arguments, 0).ends_with(text(arguments, 1)).into())
}

fn string_join(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let delimiter = text(arguments, 1);
    let mut joined = text(arguments, 2).to_owned();
    let mut first = true;
    for item in arguments[0].as_list().unwrap_or_default() {
        let part = match item {
            Value::String(part) => part,
            Value::Null => continue,
            other => {
                return Ok(
                    evaluator.null(format!("expected strings, and found a {}", other.kind()))
                );
            }
        };
        evaluator.step(1 + (part.len() + delimiter.len()) / 32)?;
        if !first {
            joined.push_str(delimiter);
        }
        first = false;
        joined.push_str(part);
        evaluator.check(crate::value::Shape::of_text(&joined))?;
    }
    joined.push_str(text(arguments, 3));
    evaluator.text(joined)
}

fn trim(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    evaluator.text(text(arguments, 0).trim().to_owned())
}

fn is_blank(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    evaluator.step(text(arguments, 0).len() / 32)?;
    Ok(text(arguments, 0).trim().is_empty().into())
}
