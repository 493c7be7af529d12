//! The table of expressions: each with the value that the specification gives it.
//!
//! A line has a section, an expression, its variables as JSON, and the value as JSON or the error.

use milena_feel::{Context, DateTime, Environment, Expression, Value};

const TABLE: &str = include_str!("../expressions.jsonl");

/// Bytes that are the same at each run, and not all the same.
pub(crate) fn random(bytes: &mut [u8]) {
    for (byte, value) in bytes.iter_mut().zip((1_u8..=255).cycle()) {
        *byte = value.wrapping_mul(37);
    }
}

fn evaluate(expression: &str, scope: &Context) -> Result<Value, String> {
    let now: DateTime = "2024-02-29T10:20:30Z".parse().unwrap();
    let environment = Environment::new().now(now).randomness(&random);
    // A name may have signs that no expression has.
    let parsed = Expression::parse(expression)
        .or_else(|error| Expression::parse_in(expression, scope).map_err(|_| error))
        .map_err(|error| error.to_string())?;
    parsed.evaluate(scope, &environment).map_err(|error| error.to_string())
}

#[test]
fn every_expression_of_the_table_has_its_value() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in TABLE.lines() {
        let row = Value::from_json_text(line).unwrap();
        let row = row.as_context().unwrap();
        let text = |name: &str| row.get(name).and_then(Value::as_str);
        let expression = text("expression").unwrap();
        let scope = row.get("context").and_then(Value::as_context).cloned().unwrap_or_default();
        let found = evaluate(expression, &scope).map(|value| value.to_json_text());
        let expected = match row.get("expected") {
            Some(value) => Ok(value.to_json_text()),
            None => Err(text("error").unwrap().to_owned()),
        };
        if found != expected {
            let section = text("section").unwrap();
            wrong.push(format!("{section}: {expression}\n  gave {found:?}\n  not  {expected:?}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 600, "the table has {count} expressions only");
}

#[test]
fn every_builtin_function_is_in_the_table() {
    for builtin in milena_feel::builtins() {
        let name = builtin.name;
        // What ends in the name too, such as floor( and or(, is another function.
        let is_its_own = |before: &str| {
            let mut others = milena_feel::builtins().filter_map(|it| it.name.strip_suffix(name));
            !before.ends_with(char::is_alphanumeric)
                && !others.any(|rest| !rest.is_empty() && before.ends_with(rest))
        };
        let invoked = format!("{name}(");
        let mut found = TABLE.match_indices(&invoked);
        assert!(found.any(|(at, _)| is_its_own(&TABLE[..at])), "{name} is not in the table");
    }
}

#[test]
fn a_warning_says_where_and_why_a_part_is_null() {
    let warnings = |text: &str| {
        let evaluation = Expression::parse(text)
            .unwrap()
            .evaluate_with_warnings(&Context::new(), &Environment::new())
            .unwrap();
        evaluation.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(warnings("1 + 1"), [""; 0]);
    assert_eq!(warnings("\n  missing"), ["line 2, column 3: there is no 'missing'"]);
    assert_eq!(warnings("1 + \"a\""), ["line 1, column 3: number + string has no value here"]);
    assert_eq!(
        warnings("substring(1, 2)"),
        ["line 1, column 10: 'substring' does not take these arguments: number, number"]
    );
    assert_eq!(warnings("{a: 1}.b"), ["line 1, column 7: a context has no 'b'"]);
    assert_eq!(warnings("now()"), ["line 1, column 4: there is no clock"]);
    assert_eq!(warnings("uuid()"), ["line 1, column 5: there is no source of randomness"]);
    assert_eq!(warnings("for x in 1..1000 return y").len(), 100, "they are bounded");
}

#[test]
fn an_expression_is_shared_between_threads() {
    let expression = Expression::parse("n * 2").unwrap();
    std::thread::scope(|scope| {
        for n in 0..4_i64 {
            let expression = &expression;
            scope.spawn(move || {
                let variables = Context::from([("n", n.into())]);
                let value = expression.evaluate(&variables, &Environment::new()).unwrap();
                assert_eq!(value, (n * 2).into());
            });
        }
    });
}

#[test]
fn names_that_the_caller_knows_may_have_any_operators_and_keywords() {
    let text = "order in 2024 - and then some + 1";
    assert!(Expression::parse(text).is_err());
    let name = "order in 2024 - and then some";
    let expression = Expression::parse_with_names(text, [name]).unwrap();
    let scope = Context::from([(name, 1.into())]);
    assert_eq!(expression.evaluate(&scope, &Environment::new()).unwrap(), 2.into());
    assert!(Expression::parse_in(text, &scope).is_ok());
}
