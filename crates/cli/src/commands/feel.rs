//! `milena feel`: evaluates an expression, or one for each line.

use std::{
    io::{self, BufRead as _, Write as _},
    time::{SystemTime, UNIX_EPOCH},
};

use milena_feel::{Context, DateTime, Environment, Expression, Value, Zone};
use serde_json::json;

use crate::{arguments::Feel, failure::Failure, notice::say};

/// Prints a value, functions, or a line for each line of standard input.
pub(crate) fn run(arguments: &Feel) -> Result<(), Failure> {
    if arguments.functions {
        return write(milena_feel::functions_markdown().trim_end());
    }
    match &arguments.expression {
        Some(expression) => one(expression, arguments.context.as_deref()),
        None => lines(),
    }
}

/// Evaluates one expression; why parts of it are null goes to standard error.
fn one(expression: &str, context: Option<&str>) -> Result<(), Failure> {
    let context = match context {
        Some(text) => {
            object(text).map_err(|error| Failure::Usage(format!("--context: {error}")))?
        }
        None => Context::new(),
    };
    let parsed = Expression::parse_in(expression, &context)
        .map_err(|error| Failure::refused("the expression", error))?;
    let evaluation = parsed
        .evaluate_with_warnings(&context, &environment())
        .map_err(|error| Failure::new("the expression", error))?;
    for warning in &evaluation.warnings {
        say(format_args!("note: {warning}"));
    }
    write(&evaluation.value.to_json_text())
}

/// Evaluates the expression of each line.
fn lines() -> Result<(), Failure> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::new("standard input", error))?;
        if line.trim().is_empty() {
            continue;
        }
        let written = match answer(&line) {
            // Not through serde_json's numbers, which have fewer digits.
            Ok(value) => writeln!(output, "{{\"result\":{}}}", value.to_json_text()),
            Err(error) => writeln!(output, "{}", json!({ "error": error })),
        };
        written.map_err(|error| Failure::output(&error))?;
    }
    output.flush().map_err(|error| Failure::output(&error))
}

/// What the expression of a line comes to.
fn answer(line: &str) -> Result<Value, String> {
    let line = object(line)?;
    let expression = line.get("expression").and_then(Value::as_str);
    let expression = expression.ok_or("expression must be a text")?;
    let context = match line.get("context") {
        None | Some(Value::Null) => Context::new(),
        Some(Value::Context(context)) => context.clone(),
        Some(other) => return Err(format!("context must be an object, and is a {}", other.kind())),
    };
    let parsed = Expression::parse_in(expression, &context).map_err(|error| error.to_string())?;
    parsed.evaluate(&context, &environment()).map_err(|error| error.to_string())
}

fn object(text: &str) -> Result<Context, String> {
    match Value::from_json_text(text).map_err(|error| error.to_string())? {
        Value::Context(context) => Ok(context),
        other => Err(format!("expected an object, found a {}", other.kind())),
    }
}

/// The time in UTC, and the system's randomness.
fn environment() -> Environment<'static> {
    let environment = Environment::new().randomness(&random);
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanos = i128::try_from(since_1970.as_nanos()).unwrap_or(0);
    match DateTime::from_epoch_nanos(nanos, Zone::UTC) {
        Some(now) => environment.now(now),
        None => environment,
    }
}

fn random(bytes: &mut [u8]) {
    // Bytes that stay as they are make a poor number, but no wrong one.
    let _ = getrandom::fill(bytes);
}

fn write(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{text}").map_err(|error| Failure::output(&error))
}
