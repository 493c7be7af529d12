//! Any text at all: nothing panics, and what is printed can be read.

use milena_feel::{Context, Environment, Expression, Limits, UnaryTests, Value};
use proptest::prelude::*;

/// Pieces of expressions, of which some make one.
const PIECES: &[&str] = &[
    "1",
    "0",
    "-",
    "2.5",
    "1e6000",
    "\"a\"",
    "\"[a-z]+\"",
    "x",
    "y",
    "list",
    "null",
    "true",
    "false",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ".",
    "..",
    "+",
    "*",
    "/",
    "**",
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "and",
    "or",
    "not",
    "if",
    "then",
    "else",
    "for",
    "in",
    "return",
    "some",
    "every",
    "satisfies",
    "between",
    "instance of",
    "function",
    "number",
    "item",
    "?",
    "@\"2024-02-29\"",
    "@\"P1D\"",
    "@\"P1M\"",
    "@\"10:00:00Z\"",
    "@\"2024-02-29T10:00:00@Europe/Prague\"",
    "count",
    "sum",
    "sort",
    "string",
    "date and time",
    "substring",
    "replace",
    "matches",
    "context put",
    "list replace",
    "before",
    "decimal",
    "1..3",
    "[1..3]",
    "x.y",
    "list[1]",
    "partial",
    "abs",
];

fn scope() -> Context {
    let json = r#"{"x":{"y":1,"first-name":"b"},"y":-3,"list":[1,2,{"a":[3]}],"a-b":1}"#;
    Value::from_json_text(json).unwrap().as_context().unwrap().clone()
}

fn try_all(text: &str) {
    let limits = Limits::default().steps_max(20_000).value_bytes_max(1 << 16);
    let environment = Environment::new().limits(limits).randomness(&crate::table::random);
    let scope = scope();
    if let Ok(tests) = UnaryTests::parse(text) {
        let _ = tests.evaluate(&Value::from(1), &scope, &environment);
    }
    let Ok(expression) = Expression::parse(text) else { return };
    let Ok(value) = expression.evaluate(&scope, &environment) else { return };
    let _ = value.to_json();
    let json = value.to_json_text();
    Value::from_json_text(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    let literal = value.to_string();
    if literal.contains("function(") {
        return;
    }
    match Expression::parse(&literal) {
        Ok(again) => {
            let again = again.evaluate(&Context::new(), &Environment::new()).unwrap();
            // A builtin function's literal is its name, which is itself.
            assert_eq!(again, value, "{text} gave {literal}");
        }
        Err(error) => assert!(error.to_string().contains("levels"), "{error}: {literal}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_pieces_of_expressions_make_anything_panic(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 1..14),
    ) {
        try_all(&pieces.join(" "));
    }

    #[test]
    fn no_characters_make_anything_panic(text in "[ -~é\\n😀]{0,40}") {
        try_all(&text);
    }
}

#[test]
fn hard_texts_do_not_panic() {
    for text in [
        "\u{0}",
        "\u{FEFF}",
        "é",
        "\"\\",
        "\"\\u",
        "\"\\uD800\"",
        "`",
        "``",
        "`a",
        "@",
        "@1",
        "1..2..3",
        "a.b.c.",
        "[]..1",
        "{:1}",
        "{1:1}",
        "{a:}",
        "-@\"P1D\"",
        "?",
        "? ? ?",
        "not()",
        "-()",
        "1 in ()",
        "for in in in return in",
        "function",
        "function(",
        "function()",
        "function() external {}",
        "(function() external {})()",
        "date and time",
        "years and months duration",
        "x instance of list<",
        "x instance of function<>->",
        "1e-99999 + 1",
        "\"a\"[\"b\"]",
        "]1..2[",
        "]1..2[[1]",
        "[1..2[[1]",
        "[1..x[1]]",
        "2 ** 1e6000",
        "1e6000 ** 1e6000",
        "-1e6000 ** 0.5",
        "modulo(1e6144, 1e-6176)",
        "decimal(1e6144, 6176)",
        "decimal(1e-6176, -6111)",
        "round up(1e-6176, -6111)",
        "@\"999999999-12-31\" + @\"P999999999Y\"",
        "@\"P999999999999999999D\" * 1e6000",
        "@\"-999999999-01-01T00:00:00@Europe/Prague\" - @\"PT1S\"",
        "for i in @\"999999999-12-30\"..@\"999999999-12-31\" return i",
        "for i in -9223372036854775808..9223372036854775807 return assert(i, false)",
        "[-9223372036854775808..9223372036854775807].start",
        "(1..2)[1]",
        "list[-9223372036854775808]",
        "substring(\"a\", -9223372036854775808)",
        "partition([1], 1e18)",
        "sublist([1], 1, 1e18)",
        "time(23, 59, 59.9999999999)",
        "time(-1, 0, 0)",
        "date(1e18, 1, 1)",
        "@\"P99999999999999999999Y\"",
        "backoff(1e30)",
        "backoff(1000000)",
        "years and months duration(@\"-999999999-01-01\", @\"999999999-12-31\")",
    ] {
        try_all(text);
    }
}
