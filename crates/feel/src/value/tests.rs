//! Checks JSON in both forms, and literals.

use proptest::prelude::*;

use super::*;
use crate::{Environment, Expression};

/// Any value that is no function.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (any::<i64>(), -40_i32..40).prop_map(|(coefficient, exponent)| {
            format!("{coefficient}e{exponent}").parse::<Number>().unwrap().into()
        }),
        any::<String>().prop_map(Value::from),
        (-800_000_i64..800_000).prop_map(|days| Date::from_epoch_days(days).into()),
        (0_u64..86_400_000_000_000).prop_map(|nanos| Time::new(nanos, None).into()),
        any::<i64>().prop_map(|nanos| DaysTimeDuration::from_nanos(nanos.into()).into()),
        any::<i32>().prop_map(|months| YearsMonthsDuration::new(months.into()).into()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((any::<String>(), inner.clone()), 0..4).prop_map(|entries| {
                let entries = entries.iter().map(|(name, value)| (name.as_str(), value.clone()));
                Value::Context(entries.collect())
            }),
            (inner.clone(), any::<bool>(), inner, any::<bool>())
                .prop_map(|(start, first, end, last)| Range::new(start, first, end, last).into()),
        ]
    })
}

proptest! {
    #[test]
    fn a_literal_evaluates_to_the_value_that_it_was_written_for(value in values()) {
        let text = value.to_string();
        let parsed = Expression::parse(&text).map_err(|error| format!("{error} in {text}")).unwrap();
        let back = parsed.evaluate(&Context::new(), &Environment::new()).unwrap();
        prop_assert_eq!(back, value, "{}", text);
    }

    #[test]
    fn a_json_text_is_what_serde_json_reads(value in values()) {
        let text = value.to_json_text();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let ours = Value::from_json_text(&text).unwrap().to_json();
        prop_assert!(is_close(&ours, &read), "{} and {}", ours, read);
    }

    #[test]
    fn no_text_makes_the_json_reader_panic(text in "[\\[\\]{}:,\"\\\\a-f0-9u. etrnul-]{0,40}") {
        let ours = Value::from_json_text(&text).is_ok();
        let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        prop_assert!(!ours || theirs, "{}", text);
    }
}

/// Whether they are the same but for the last digits of fractions, which serde_json reads in haste.
fn is_close(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value as J;
    match (one, other) {
        (J::Number(one), J::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= one.abs() * 1e-15
        }
        (J::Array(one), J::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_close(one, other))
        }
        (J::Object(one), J::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| one.0 == other.0 && is_close(one.1, other.1))
        }
        (one, other) => one == other,
    }
}

#[test]
fn json_keeps_every_digit_as_a_text_and_rounds_in_serde_json() {
    let text = "{\"a\":[0.1234567890123456789012345678901234,18446744073709551615,-1]}";
    let value = Value::from_json_text(text).unwrap();
    assert_eq!(value.to_json_text(), text);
    assert_eq!(
        value.to_json(),
        serde_json::json!({ "a": [0.123_456_789_012_345_68, u64::MAX, -1] })
    );
    let great: Number = "1e400".parse().unwrap();
    assert_eq!(Value::from(great).to_json(), serde_json::json!("1E+400"));
}

#[test]
fn json_that_is_wrong_is_refused_with_its_place() {
    for (text, error) in [
        ("", "not JSON: it ends where a value is expected at byte 0"),
        ("[1,]", "not JSON: a value is expected at byte 3"),
        ("[1 2]", "not JSON: a comma or ] is expected at byte 3"),
        ("{\"a\" 1}", "not JSON: a colon is expected at byte 5"),
        ("{a: 1}", "not JSON: a key in quotes is expected at byte 1"),
        ("01", "not JSON: a number begins with its first digit at byte 0"),
        ("\"\\ud800\"", "not JSON: half of a surrogate pair at byte 7"),
        ("\"\n\"", "not JSON: a control character in a text needs an escape at byte 2"),
        ("1 x", "not JSON: something follows its value at byte 2"),
    ] {
        assert_eq!(Value::from_json_text(text).unwrap_err().to_string(), error, "{text}");
    }
    let deep = "[".repeat(100_000);
    let error = Value::from_json_text(&deep).unwrap_err().to_string();
    assert_eq!(error, "not JSON: it has more than 128 levels at byte 128");
}

#[test]
fn a_list_that_is_pushed_to_is_as_large_and_deep_as_one_made_at_once() {
    let inner = Value::from(vec![Value::from("text"), Value::Null]);
    let mut pushed = List::from(Vec::new());
    let shared = pushed.clone();
    assert!(pushed.push(inner.clone()), "the empty list is shared");
    assert!(!pushed.push(1.into()), "the copy is not");
    let made = List::from(vec![inner, 1.into()]);
    assert_eq!(pushed.shape().bytes, made.shape().bytes);
    assert_eq!(pushed.shape().depth, made.shape().depth);
    assert!(shared.is_empty());
}
