//! The tests that the cells of decision tables have.

use milena_feel::{Context, Environment, UnaryTests, Value};

fn passes(tests: &str, value: &str) -> Option<bool> {
    let value = Value::from_json_text(value).unwrap();
    let scope = Context::from([("limit", 10.into()), ("max-limit", 20.into())]);
    UnaryTests::parse(tests).unwrap().evaluate(&value, &scope, &Environment::new()).unwrap()
}

#[test]
fn a_cell_is_a_list_of_tests() {
    for (tests, value, expected) in [
        ("-", "5", Some(true)),
        ("5", "5", Some(true)),
        ("5", "6", Some(false)),
        ("-5", "-5", Some(true)),
        ("1, 2, 3", "2", Some(true)),
        ("1, 2, 3", "4", Some(false)),
        ("< 5", "4", Some(true)),
        ("< 5, > 10", "11", Some(true)),
        ("< 5, > 10", "7", Some(false)),
        (">= limit", "10", Some(true)),
        ("< max-limit", "19", Some(true)),
        ("[1..5]", "5", Some(true)),
        ("[1..5)", "5", Some(false)),
        ("]1..5]", "1", Some(false)),
        ("(1..5), 9", "9", Some(true)),
        ("not(5)", "5", Some(false)),
        ("not(5)", "6", Some(true)),
        ("not(1, 2)", "2", Some(false)),
        ("not(< 3)", "5", Some(true)),
        ("not([1..3], 7)", "7", Some(false)),
        ("\"a\", \"b\"", "\"b\"", Some(true)),
        ("true", "true", Some(true)),
        ("false", "true", Some(false)),
        ("null", "null", Some(true)),
        ("[1, 2]", "1", Some(true)),
        ("limit", "10", Some(true)),
        ("? > 3", "5", Some(true)),
        ("? > 3 and ? < 5", "5", Some(false)),
        ("contains(?, \"b\")", "\"abc\"", Some(true)),
        ("starts with(?, \"b\"), \"x\"", "\"x\"", Some(true)),
        ("count(?) = 2", "[1, 2]", Some(true)),
        ("some x in ? satisfies x > 1", "[1, 2]", Some(true)),
        ("< 5", "\"a\"", None),
        ("< 5", "null", None),
        ("\"a\"", "1", None),
        ("= 5", "5", Some(true)),
        ("!= 5", "5", Some(false)),
    ] {
        assert_eq!(passes(tests, value), expected, "{tests} for {value}");
    }
}

#[test]
fn what_is_no_test_is_refused_with_its_place() {
    for (tests, error) in [
        ("", "line 1, column 1: expected a value, found the end"),
        ("<", "line 1, column 2: expected a value, found the end"),
        ("1,", "line 1, column 3: expected a value, found the end"),
        ("[1..5", "line 1, column 6: expected ']', ')' or '[' after a range, found the end"),
        ("not(1", "line 1, column 6: expected ',' or ')', found the end"),
    ] {
        assert_eq!(UnaryTests::parse(tests).unwrap_err().to_string(), error, "{tests:?}");
    }
}
