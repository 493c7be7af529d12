//! Values of properties: reading a text as the table's type and checking the range.

use std::fmt;
use std::time::Duration;

use super::Secret;
use super::property::{Kind, Property};

/// A value of the type that the table asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Boolean(bool),
    Integer(i64),
    Double(f64),
    /// Texts, choices (in the table's spelling) and class names.
    Text(String),
    List(Vec<String>),
    Password(Secret),
}

impl Value {
    /// A duration in milliseconds, rounded up so that it never becomes none.
    pub(super) fn millis(duration: Duration) -> Self {
        let whole = duration.as_millis();
        let rest = u128::from(!duration.subsec_nanos().is_multiple_of(1_000_000));
        Self::Integer(i64::try_from(whole + rest).unwrap_or(i64::MAX))
    }

    /// A size, as large as Java can write it.
    pub(super) fn size(size: usize) -> Self {
        Self::Integer(i64::try_from(size).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::List(values) => f.write_str(&values.join(",")),
            Self::Password(secret) => write!(f, "{secret}"),
        }
    }
}

/// Reads a text as the property's type, and checks the range.
///
/// # Errors
///
/// What was given (masked if secret) and what was expected.
pub(super) fn parse(property: &Property, text: &str) -> Result<Value, String> {
    let text = text.trim();
    let value = match property.kind {
        Kind::Boolean if text.eq_ignore_ascii_case("true") => Value::Boolean(true),
        Kind::Boolean if text.eq_ignore_ascii_case("false") => Value::Boolean(false),
        Kind::Integer { .. } => match text.parse() {
            Ok(number) => Value::Integer(number),
            Err(_) => return Err(refusal(property, text)),
        },
        Kind::Double { .. } => match text.parse() {
            Ok(number) => Value::Double(number),
            Err(_) => return Err(refusal(property, text)),
        },
        Kind::Boolean => return Err(refusal(property, text)),
        Kind::Text | Kind::NonEmptyText | Kind::Choice { .. } | Kind::Class => {
            Value::Text(text.to_owned())
        }
        Kind::List => Value::List(split_list(text)),
        Kind::Password => Value::Password(Secret::from(text)),
    };
    check(property, value)
}

/// Checks that a value is of the property's type and in its range; a choice gets the table's spelling.
///
/// # Errors
///
/// What was given (masked if secret) and what was expected.
pub(super) fn check(property: &Property, value: Value) -> Result<Value, String> {
    let fits = match (&property.kind, &value) {
        (Kind::Integer { min, max, or, .. }, Value::Integer(number)) => {
            (*min..=*max).contains(number) || *or == Some(*number)
        }
        (Kind::Double { min, max }, Value::Double(number)) => (*min..=*max).contains(number),
        (Kind::NonEmptyText, Value::Text(text)) => !text.is_empty(),
        (Kind::Choice { values, any_case }, Value::Text(text)) => {
            let spelled = values
                .iter()
                .find(|choice| *choice == text || (*any_case && choice.eq_ignore_ascii_case(text)));
            return match spelled {
                Some(choice) => Ok(Value::Text((*choice).to_owned())),
                None => Err(refusal(property, text)),
            };
        }
        (Kind::Boolean, Value::Boolean(_))
        | (Kind::Text | Kind::Class, Value::Text(_))
        | (Kind::List, Value::List(_))
        | (Kind::Password, Value::Password(_)) => true,
        _ => false,
    };
    if fits { Ok(value) } else { Err(refusal(property, &value.to_string())) }
}

/// Splits at commas; blanks around the parts do not count, and an empty text is an empty list.
fn split_list(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',').map(|part| part.trim().to_owned()).collect()
}

/// `"abc": expected a whole number of milliseconds, 0 or more`.
fn refusal(property: &Property, given: &str) -> String {
    let highest = match property.kind {
        // The range says nothing of the greatest number that the type has.
        Kind::Integer { max, .. }
            if given.parse().is_ok_and(|number: i128| number > max.into())
                && !property.kind.range().ends_with(&max.to_string()) =>
        {
            format!(", {max} at most")
        }
        _ => String::new(),
    };
    format!("{}: expected {}{highest}", shown(property, given), expected(property))
}

/// The value as it may be shown.
pub(super) fn shown(property: &Property, given: &str) -> String {
    if property.is_secret() { Secret::MASK.to_owned() } else { format!("{given:?}") }
}

/// The type and range in words.
fn expected(property: &Property) -> String {
    let range = property.kind.range();
    let what = match property.kind {
        Kind::Boolean => "true or false".to_owned(),
        Kind::Integer { .. } => format!("a whole number{}", unit(property.name)),
        Kind::Double { .. } => "a number".to_owned(),
        Kind::Choice { .. } => return format!("one of {range}"),
        Kind::NonEmptyText => return "a text that is not empty".to_owned(),
        Kind::Text | Kind::Class => "a text".to_owned(),
        Kind::List => "texts with commas between them".to_owned(),
        Kind::Password => "a text".to_owned(),
    };
    if range.is_empty() { what } else { format!("{what}, {range}") }
}

fn unit(name: &str) -> &'static str {
    if name.ends_with(".ms") {
        " of milliseconds"
    } else if name.ends_with(".seconds") {
        " of seconds"
    } else if name.ends_with(".bytes") || name.ends_with(".size") || name.ends_with(".memory") {
        " of bytes"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::super::property::ClientKind;
    use super::super::table::find;
    use super::*;

    fn read(name: &str, text: &str) -> Result<Value, String> {
        let property = ClientKind::ALL.into_iter().find_map(|client| find(name, client)).unwrap();
        parse(property, text)
    }

    #[test]
    fn reads_values_of_every_type() {
        for (name, text, value) in [
            ("enable.idempotence", " TRUE ", Value::Boolean(true)),
            ("enable.idempotence", "false", Value::Boolean(false)),
            ("linger.ms", " 20 ", Value::Integer(20)),
            ("linger.ms", "+20", Value::Integer(20)),
            ("compression.gzip.level", "-1", Value::Integer(-1)),
            ("sasl.login.refresh.window.factor", "0.75", Value::Double(0.75)),
            ("client.id", " a b ", Value::Text("a b".into())),
            ("security.protocol", "sasl_ssl", Value::Text("SASL_SSL".into())),
            ("acks", "-1", Value::Text("-1".into())),
            ("ssl.cipher.suites", "", Value::List(vec![])),
            ("ssl.cipher.suites", "a, b ,c", Value::List(vec!["a".into(), "b".into(), "c".into()])),
            ("sasl.jaas.config", " x ", Value::Password(Secret::from("x"))),
        ] {
            assert_eq!(read(name, text), Ok(value), "{name}={text}");
        }
    }

    #[test]
    fn refuses_values_out_of_type_and_range() {
        for (name, text, message) in [
            ("enable.idempotence", "yes", "\"yes\": expected true or false"),
            ("linger.ms", "5 ms", "\"5 ms\": expected a whole number of milliseconds, 0 or more"),
            ("linger.ms", "-1", "\"-1\": expected a whole number of milliseconds, 0 or more"),
            ("linger.ms", "", "\"\": expected a whole number of milliseconds, 0 or more"),
            (
                "batch.size",
                "2147483648",
                "\"2147483648\": expected a whole number of bytes, 0 or more, 2147483647 at most",
            ),
            (
                "linger.ms",
                "9223372036854775808",
                "\"9223372036854775808\": expected a whole number of milliseconds, 0 or more, \
                 9223372036854775807 at most",
            ),
            ("compression.gzip.level", "0", "\"0\": expected a whole number, 1 to 9 or -1"),
            ("compression.zstd.level", "23", "\"23\": expected a whole number, -131072 to 22"),
            ("sasl.login.refresh.window.factor", "0.4", "\"0.4\": expected a number, 0.5 to 1"),
            ("sasl.login.refresh.window.factor", "NaN", "\"NaN\": expected a number, 0.5 to 1"),
            ("acks", "2", "\"2\": expected one of all, -1, 0, 1"),
            ("acks", "ALL", "\"ALL\": expected one of all, -1, 0, 1"),
            ("group.instance.id", " ", "\"\": expected a text that is not empty"),
        ] {
            assert_eq!(read(name, text), Err(message.to_owned()), "{name}={text}");
        }
    }

    #[test]
    fn durations_round_up() {
        assert_eq!(Value::millis(Duration::from_micros(1)), Value::Integer(1));
        assert_eq!(Value::millis(Duration::from_millis(7)), Value::Integer(7));
        assert_eq!(Value::millis(Duration::MAX), Value::Integer(i64::MAX));
    }
}
