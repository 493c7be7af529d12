//! What Camunda's engine adds beside functions of one kind of value.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Builtin, ParameterKind as P, Signature, camunda, may, needs};
use crate::{
    error::{EvaluationError, EvaluationErrorKind},
    evaluate::{Evaluator, Outcome},
    value::Value,
};

pub(super) const FUNCTIONS: &[Builtin] = &[
    camunda(
        "is defined",
        "Whether a value is there: whether it is not null.",
        &[Signature::new(&[needs("value", P::Any)], is_defined)],
    ),
    camunda(
        "get or else",
        "A value, or where it is null, another.",
        &[Signature::new(&[needs("value", P::Any), needs("default", P::Any)], get_or_else)],
    ),
    camunda(
        "assert",
        "A value where a condition is true; else the evaluation ends with an error.",
        &[Signature::new(
            &[needs("value", P::Any), needs("condition", P::Any), may("cause", P::String)],
            assert,
        )],
    ),
    camunda(
        "to base64",
        "The bytes of a string, in UTF-8, as Base64.",
        &[Signature::new(&[needs("value", P::String)], to_base64)],
    ),
    camunda(
        "from base64",
        "The string whose bytes in UTF-8 a Base64 text says.",
        &[Signature::new(&[needs("value", P::String)], from_base64)],
    ),
    camunda(
        "to json",
        "A value as a JSON text.",
        &[Signature::new(&[needs("value", P::Any)], to_json)],
    ),
    camunda(
        "from json",
        "The value that a JSON text says.",
        &[Signature::new(&[needs("json", P::String)], from_json)],
    ),
    camunda("uuid", "A random UUID.", &[Signature::new(&[], uuid)]),
];

fn is_defined(_: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    Ok((!arguments[0].is_null()).into())
}

fn get_or_else(_: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let chosen = if arguments[0].is_null() { &arguments[1] } else { &arguments[0] };
    Ok(chosen.clone())
}

fn assert(_: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    if arguments[1].as_boolean() == Some(true) {
        return Ok(arguments[0].clone());
    }
    let message = arguments[2].as_str().unwrap_or("The condition is not fulfilled");
    Err(EvaluationError { kind: EvaluationErrorKind::Assertion, message: message.to_owned() })
}

fn to_base64(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    evaluator.text(STANDARD.encode(arguments[0].as_str().unwrap_or_default()))
}

fn from_base64(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let bytes = STANDARD.decode(arguments[0].as_str().unwrap_or_default());
    match bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => evaluator.text(text),
        None => Ok(evaluator.null("no Base64 of a text in UTF-8")),
    }
}

fn to_json(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    evaluator.step_over(&arguments[0])?;
    evaluator.text(arguments[0].to_json_text())
}

fn from_json(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let text = arguments[0].as_str().unwrap_or_default();
    evaluator.step(text.len() / 4)?;
    match Value::from_json_text(text) {
        Ok(value) => {
            evaluator.check(value.shape())?;
            Ok(value)
        }
        Err(error) => Ok(evaluator.null(error.to_string())),
    }
}

fn uuid(evaluator: &mut Evaluator<'_>, _: &[Value]) -> Outcome {
    let Some((high, low)) = evaluator.random().zip(evaluator.random()) else {
        return Ok(evaluator.null("there is no source of randomness"));
    };
    // Version 4, variant 1 (RFC 9562, 5.4).
    let high = high & !0xF000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    let (time, middle, version) = (high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF);
    let (clock, node) = (low >> 48, low & 0xFFFF_FFFF_FFFF);
    evaluator.text(format!("{time:08x}-{middle:04x}-{version:04x}-{clock:04x}-{node:012x}"))
}
