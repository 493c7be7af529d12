//! JSON and numbers as Java's libraries write them, where they differ from Rust's.

use serde_json::{Number, Value};

/// Compact JSON as the node's library writes it: floats in Java's way.
///
/// Values that were read are nested no deeper than the reader allows, 128 levels.
pub(super) fn compact(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => text.push_str(&number_text(number)),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (index, (name, field)) in fields.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(field, text);
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

/// The text of a scalar; `None` for an array or an object.
pub(super) fn scalar(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number_text(number),
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

/// A number: digits of a whole one, and a float as `Double.toString` writes it.
fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => double(float),
        _ => number.to_string(),
    }
}

/// A finite float: in full from 10⁻³ to 10⁷, and as `1.5E10` outside.
fn double(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{value:?}");
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => {
            format!("{mantissa}.0E{exponent}")
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_java_writes_them() {
        for (json, expected) in [
            ("22.5", "22.5"),
            ("7", "7"),
            ("-0.0", "-0.0"),
            ("1.0", "1.0"),
            ("1e3", "1000.0"),
            ("9999999.5", "9999999.5"),
            ("1e7", "1.0E7"),
            ("12345678.9", "1.23456789E7"),
            ("0.001", "0.001"),
            ("0.0001", "1.0E-4"),
            ("-1.5e-10", "-1.5E-10"),
            ("18446744073709551615", "18446744073709551615"),
        ] {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(scalar(&value).as_deref(), Some(expected), "{json}");
            assert_eq!(compact(&value), expected);
        }
    }

    #[test]
    fn compact_json_keeps_order_and_has_no_spaces() {
        let value: Value =
            serde_json::from_str(r#"{ "b": [1, 2.0, null], "a": {"x": "q\"" } }"#).unwrap();
        assert_eq!(compact(&value), r#"{"b":[1,2.0,null],"a":{"x":"q\""}}"#);
        assert_eq!(scalar(&value), None);
    }
}
