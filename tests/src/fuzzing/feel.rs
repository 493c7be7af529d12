//! Expressions of FEEL.

use milena_feel::{Context, Environment, Expression, Limits, UnaryTests, Value};

/// Parses any text as an expression and as tests, and evaluates both. A first line that is a JSON
/// object has the variables.
///
/// An evaluation stays within its limits, and what it gives is written as a JSON text and as a
/// literal that read back as the same value.
pub fn feel(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (scope, text) = match text.split_once('\n') {
        Some((first, rest)) => match Value::from_json_text(first) {
            Ok(Value::Context(scope)) => (scope, rest),
            _ => (Context::new(), &*text),
        },
        None => (Context::new(), &*text),
    };
    let limits = Limits::default().steps_max(20_000).value_bytes_max(1 << 16);
    let environment = Environment::new().limits(limits);
    if let Ok(tests) = UnaryTests::parse(text) {
        let _ = tests.evaluate(&Value::from(1), &scope, &environment);
    }
    let Ok(expression) = Expression::parse(text) else { return };
    let Ok(value) = expression.evaluate(&scope, &environment) else { return };
    read_back(&value);
}

fn read_back(value: &Value) {
    // What the caller gave may be deeper than a text may be: then there is no reading it.
    let json = value.to_json_text();
    match Value::from_json_text(&json) {
        Ok(again) => assert_eq!(again.to_json_text(), json),
        Err(error) => assert!(error.to_string().contains("levels"), "{error}: {json}"),
    }
    let literal = value.to_string();
    if literal.contains("function(") {
        return;
    }
    match Expression::parse(&literal) {
        Ok(again) => {
            let limits = Limits::default().steps_max(u64::MAX).value_bytes_max(u64::MAX);
            let again = again.evaluate(&Context::new(), &Environment::new().limits(limits));
            assert_eq!(again.as_ref(), Ok(value), "{literal}");
        }
        Err(error) => assert!(error.to_string().contains("levels"), "{error}: {literal}"),
    }
}
