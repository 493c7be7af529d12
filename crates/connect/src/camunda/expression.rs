//! FEEL expressions in fields: read once, evaluated with JSON.

use std::time::{SystemTime, UNIX_EPOCH};

use milena_feel::{Context, DateTime, Environment, Expression, Zone};
use serde_json::{Map, Value};

use crate::settings::TableReader;

/// The expression of a field; blank is none. The outer `None` is a problem, which is told.
pub(super) fn read(
    reader: &mut TableReader<'_, '_>,
    name: &'static str,
) -> Option<Option<Expression>> {
    let Some(text) = reader.text(name).filter(|text| !text.trim().is_empty()) else {
        return Some(None);
    };
    match Expression::parse(&text) {
        Ok(expression) => Some(Some(expression)),
        Err(error) => {
            reader.problem(name, format_args!("is no FEEL expression: {error}"));
            None
        }
    }
}

/// The value of an expression, whose variables are these.
pub(super) fn evaluate(
    expression: &Expression,
    scope: &Map<String, Value>,
) -> Result<milena_feel::Value, String> {
    let mut environment = Environment::new().randomness(&|bytes| {
        // Without randomness a jitter is always the same.
        let _ = getrandom::fill(bytes);
    });
    if let Some(now) = now() {
        environment = environment.now(now);
    }
    expression.evaluate(&Context::from_json(scope), &environment).map_err(|error| error.to_string())
}

/// The system's time in UTC.
fn now() -> Option<DateTime> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    DateTime::from_epoch_nanos(i128::try_from(since_1970.as_nanos()).ok()?, Zone::UTC)
}

/// The variables of an expression: the fields of an answer, and the answer itself as `response`.
pub(super) fn scope_of(response: &Value) -> Map<String, Value> {
    let mut scope = response.as_object().cloned().unwrap_or_default();
    scope.insert("response".to_owned(), response.clone());
    scope
}
