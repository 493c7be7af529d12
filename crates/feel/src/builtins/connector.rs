//! What Camunda's connectors add: how an error expression says what is to be done.

use super::{Builtin, Origin, ParameterKind as P, Signature, may, needs};
use crate::{
    Number, Rounding,
    evaluate::{Evaluator, Outcome},
    temporal::DaysTimeDuration,
    value::{Context, Value},
};

const fn connectors(
    name: &'static str,
    about: &'static str,
    signatures: &'static [Signature],
) -> Builtin {
    Builtin { name, origin: Origin::Connectors, about, signatures }
}

pub(super) const FUNCTIONS: &[Builtin] = &[
    connectors(
        "bpmnError",
        "Throws a BPMN error with a code.",
        &[Signature::new(
            &[
                needs("errorCode", P::String),
                may("errorMessage", P::String),
                may("variables", P::Context),
            ],
            bpmn_error,
        )],
    ),
    connectors(
        "jobError",
        "Fails the job; no retries and no backoff where they are not given.",
        &[Signature::new(
            &[
                needs("errorMessage", P::String),
                may("variables", P::Context),
                may("retries", P::Number),
                may("retryBackoff", P::DaysTimeDuration),
            ],
            job_error,
        )],
    ),
    connectors(
        "ignoreError",
        "Completes the job in spite of the error.",
        &[Signature::new(&[may("variables", P::Context)], ignore_error)],
    ),
    connectors(
        "backoff",
        "How long to wait before an attempt: longer each time, with some jitter.",
        &[Signature::new(
            &[
                needs("attempt", P::Number),
                may("minDelay", P::DaysTimeDuration),
                may("factor", P::Number),
                may("maxDelay", P::DaysTimeDuration),
                may("jitterFactor", P::Number),
            ],
            backoff,
        )],
    ),
];

fn bpmn_error(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let parts = [
        ("errorType", "bpmnError".into()),
        ("errorCode", arguments[0].clone()),
        ("errorMessage", arguments[1].clone()),
        ("variables", arguments[2].clone()),
    ];
    // What was not given is not there.
    let given = parts.into_iter().filter(|(_, value)| !value.is_null());
    evaluator.context(given.collect())
}

fn job_error(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let or = |index: usize, default: Value| match &arguments[index] {
        Value::Null => default,
        given => given.clone(),
    };
    evaluator.context(Context::from([
        ("errorType", "jobError".into()),
        ("errorMessage", arguments[0].clone()),
        ("variables", or(1, Context::new().into())),
        ("retries", or(2, Number::ZERO.into())),
        ("retryBackoff", or(3, DaysTimeDuration::from_seconds(0).into())),
    ]))
}

fn ignore_error(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let kind = Context::from([("errorType", "ignoreError".into())]);
    evaluator.context(match &arguments[0] {
        Value::Null => kind,
        variables => kind.with("variables", variables.clone()),
    })
}

/// The defaults, in seconds where they are durations.
const MIN_DELAY: &str = "0.05";
const FACTOR: &str = "1.6";
const MAX_DELAY: &str = "5";
const JITTER_FACTOR: &str = "0.1";

fn backoff(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Outcome {
    let delay = delay(arguments, evaluator.random());
    let problem = "a backoff needs an attempt from 1, a factor above 0, a jitter factor from 0, and \
                   delays of which the first is not the longer";
    Ok(evaluator.or_null(delay.map(Value::from), problem))
}

/// `minDelay * factor^(attempt - 1)`, at most `maxDelay`, moved by up to the jitter either way. In
/// whole milliseconds; without randomness there is no jitter.
fn delay(arguments: &[Value], random: Option<u64>) -> Option<DaysTimeDuration> {
    let seconds = |index: usize, default: &str| match &arguments[index] {
        Value::DaysTimeDuration(duration) => duration.seconds(),
        _ => default.parse().ok(),
    };
    let number = |index: usize, default: &str| match &arguments[index] {
        Value::Number(number) => Some(*number),
        _ => default.parse::<Number>().ok(),
    };
    let attempt = Number::from(arguments[0].as_number()?.truncate_to_i64()?);
    let (least, most) = (seconds(1, MIN_DELAY)?, seconds(3, MAX_DELAY)?);
    let (factor, jitter) = (number(2, FACTOR)?, number(4, JITTER_FACTOR)?);
    let positive = !factor.is_zero() && !factor.is_negative();
    if attempt < Number::ONE || !positive || least > most || jitter.is_negative() {
        return None;
    }
    // A power that is too great for a number is beyond any delay.
    let growth = factor.power(attempt.checked_sub(Number::ONE)?);
    let delay = growth.and_then(|growth| least.checked_mul(growth));
    let delay = delay.map_or(most, |delay| delay.clamp(least, most));
    let shift = match random {
        Some(random) => {
            let from_minus_one_to_one = Number::from(random % 2_000_001)
                .checked_div(Number::from(1_000_000))?
                .checked_sub(Number::ONE)?;
            delay.checked_mul(jitter)?.checked_mul(from_minus_one_to_one)?
        }
        None => Number::ZERO,
    };
    DaysTimeDuration::of_seconds(delay.checked_add(shift)?.round_to(3, Rounding::HalfUp)?)
}
