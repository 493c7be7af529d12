//! Functions of numbers.

use super::{Builtin, ParameterKind as P, Signature, camunda, dmn, may, needs};
use crate::{
    Number, Rounding,
    evaluate::{Evaluator, Outcome},
    value::Value,
};

/// The scales that numbers can be rounded to.
const SCALES: std::ops::RangeInclusive<i64> = -6111..=6176;

macro_rules! rounds {
    ($rounding:ident, $scale:expr) => {
        &[Signature::new(&[needs("n", P::Number), $scale], |evaluator, arguments| {
            round(evaluator, arguments, Rounding::$rounding)
        })]
    };
}

macro_rules! computes {
    ($name:literal, $kind:ident, $function:expr) => {
        &[Signature::new(&[needs($name, P::$kind)], |evaluator, arguments| {
            let result = arguments[0].as_number().and_then($function).map(Value::from);
            Ok(evaluator.or_null(result, "there is no such number"))
        })]
    };
}

pub(super) const FUNCTIONS: &[Builtin] = &[
    dmn(
        "decimal",
        "A number with that many places, rounded half to even.",
        rounds!(HalfEven, needs("scale", P::Number)),
    ),
    dmn(
        "floor",
        "The greatest number with that many places that is not greater.",
        rounds!(Floor, may("scale", P::Number)),
    ),
    dmn(
        "ceiling",
        "The least number with that many places that is not less.",
        rounds!(Ceiling, may("scale", P::Number)),
    ),
    dmn("round up", "A number rounded away from zero.", rounds!(Up, needs("scale", P::Number))),
    dmn("round down", "A number rounded towards zero.", rounds!(Down, needs("scale", P::Number))),
    dmn(
        "round half up",
        "The nearest number, from the middle the one away from zero.",
        rounds!(HalfUp, needs("scale", P::Number)),
    ),
    dmn(
        "round half down",
        "The nearest number, from the middle the one towards zero.",
        rounds!(HalfDown, needs("scale", P::Number)),
    ),
    dmn(
        "abs",
        "A number or a duration without its sign.",
        &[Signature::new(&[needs("n", P::Magnitude)], abs)],
    ),
    dmn(
        "modulo",
        "What is left of a division whose quotient is rounded down.",
        &[Signature::new(&[needs("dividend", P::Number), needs("divisor", P::Number)], modulo)],
    ),
    dmn("sqrt", "The square root.", computes!("number", Number, Number::sqrt)),
    dmn("log", "The natural logarithm.", computes!("number", Number, Number::ln)),
    dmn("exp", "Euler's number to the power.", computes!("number", Number, Number::exp)),
    dmn(
        "odd",
        "Whether a number is odd.",
        &[Signature::new(&[needs("number", P::Number)], |evaluator, arguments| {
            parity(evaluator, arguments, true)
        })],
    ),
    dmn(
        "even",
        "Whether a number is even.",
        &[Signature::new(&[needs("number", P::Number)], |evaluator, arguments| {
            parity(evaluator, arguments, false)
        })],
    ),
    camunda(
        "random number",
        "A number from 0 to below 1, by chance.",
        &[Signature::new(&[], random_number)],
    ),
];

fn round(evaluator: &mut Evaluator<'_>, arguments: &[Value], rounding: Rounding) -> Outcome {
    let rounded = || {
        let scale = match arguments[1].as_number() {
            Some(scale) => scale.truncate_to_i64()?,
            None => 0,
        };
        if !SCALES.contains(&scale) {
            return None;
        }
        arguments[0].as_number()?.round_to(i32::try_from(scale).ok()?, rounding)
    };
    Ok(evaluator.or_null(rounded().map(Value::from), "a scale is from -6111 to 6176"))
}

fn abs(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let magnitude = match &arguments[0] {
        Value::Number(number) => Some(number.abs().into()),
        Value::DaysTimeDuration(duration) if duration.nanos() < 0 => Some(duration.negate().into()),
        Value::YearsMonthsDuration(duration) if duration.months() < 0 => {
            duration.negate().map(Value::from)
        }
        duration => Some(duration.clone()),
    };
    Ok(evaluator.or_null(magnitude, "the result is too great"))
}

fn modulo(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    // Numbers that are far apart make long divisions.
    evaluator.step(50)?;
    let numbers = arguments[0].as_number().zip(arguments[1].as_number());
    let rest = numbers.and_then(|(dividend, divisor)| dividend.modulo(divisor));
    Ok(evaluator.or_null(rest.map(Value::from), "nothing is left of a division by zero"))
}

fn parity(evaluator: &mut Evaluator<'_>, arguments: &[Value], odd: bool) -> Outcome {
    evaluator.step(50)?;
    let parity = arguments[0].as_number().filter(|number| number.is_integer()).and_then(|number| {
        let rest = number.modulo(Number::TWO)?;
        Some(rest.is_zero() != odd)
    });
    match arguments[0].as_number() {
        Some(number) if !number.is_integer() => Ok(false.into()),
        _ => Ok(evaluator.or_null(parity.map(Value::from), "expected a number")),
    }
}

fn random_number(evaluator: &mut Evaluator<'_>, _: &[Value]) -> Outcome {
    let number = evaluator.random().and_then(|random| {
        let digits = Number::from(random % 10_u64.pow(18));
        digits.checked_div(Number::from(10_u64.pow(18)))
    });
    Ok(evaluator.or_null(number.map(Value::from), "there is no source of randomness"))
}

impl Evaluator<'_> {
    /// A number by chance, where the caller gave a source of them.
    pub(super) fn random(&self) -> Option<u64> {
        let mut bytes = [0; 8];
        self.environment.randomness?(&mut bytes);
        Some(u64::from_le_bytes(bytes))
    }
}
