//! One value without others inside it: JSON to binary.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use num_bigint::BigInt;
use serde_json::Value;

use super::{
    binary::{put_length, put_long},
    calendar::{Duration, NoTime, parse_date, parse_duration, parse_time, parse_timestamp},
    error::the_text,
    options::BytesForm,
    types::{DecimalType, EnumType, Type, Unit},
};
use crate::{
    decimal::{Decimal, Misfit},
    settings::nearest,
};

/// How many digits a decimal may have, whatever its schema says: turning them into binary takes time
/// that grows with their square.
pub(super) const DECIMAL_DIGITS_MAX: usize = 1000;

/// How many digits of a number with a fraction JSON's readers keep: those of a double.
const FLOAT_DIGITS_MAX: usize = 15;

/// How bytes stand in the JSON, and whether the JSON is a schema's default.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) bytes: BytesForm,
    /// Then everything that is bytes on the wire stands as a text of them.
    pub(super) is_default: bool,
}

/// Appends a value of a type that has no others inside; on an error nothing is appended.
pub(super) fn put_scalar(
    kind: &Type,
    value: &Value,
    form: Form,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let wrong = || format!("{}: expected {}", what_is(value), kind.expected());
    match kind {
        Type::Null => value.is_null().then_some(()).ok_or_else(wrong),
        Type::Boolean => {
            out.push(u8::from(value.as_bool().ok_or_else(wrong)?));
            Ok(())
        }
        Type::Int => put_int(whole(value).ok_or_else(wrong)?, out),
        Type::Long => {
            let long = i64::try_from(whole(value).ok_or_else(wrong)?);
            put_long(out, long.map_err(|_| beyond(value, 64))?);
            Ok(())
        }
        Type::Float => put_float(value, out).ok_or_else(wrong)?,
        Type::Double => {
            out.extend_from_slice(&floating(value).ok_or_else(wrong)?.to_le_bytes());
            Ok(())
        }
        Type::String => {
            put_bytes(out, value.as_str().ok_or_else(wrong)?.as_bytes());
            Ok(())
        }
        Type::Bytes => {
            put_bytes(out, &bytes_of(value, form).ok_or_else(wrong)?);
            Ok(())
        }
        Type::Fixed(fixed) => put_fixed(&bytes_of(value, form).ok_or_else(wrong)?, fixed.size, out),
        Type::Enum(symbols) => put_symbol(symbols, value.as_str().ok_or_else(wrong)?, out),
        Type::Decimal(decimal) => match value {
            Value::String(_) if form.is_default => {
                let bytes = bytes_of(value, form).ok_or_else(wrong)?;
                put_unscaled(decimal, &bytes, out)
            }
            _ => put_decimal(decimal, value, out).ok_or_else(wrong)?,
        },
        Type::Uuid(Some(fixed)) if form.is_default => {
            put_fixed(&bytes_of(value, form).ok_or_else(wrong)?, fixed.size, out)
        }
        Type::Uuid(fixed) => {
            let text = value.as_str().ok_or_else(wrong)?;
            let bytes = uuid_bytes(text).ok_or_else(wrong)?;
            match fixed {
                Some(_) => out.extend_from_slice(&bytes),
                None => put_bytes(out, text.as_bytes()),
            }
            Ok(())
        }
        Type::Date => put_int(timed(value, kind, parse_date)?, out),
        Type::Time(unit) => {
            let units = timed(value, kind, |text| parse_time(text, *unit))?;
            if !(0..86_400 * i128::from(unit.per_second())).contains(&units) {
                return Err(format!("{}: expected a time within one day", what_is(value)));
            }
            if *unit == Unit::Millis { put_int(units, out) } else { put_i64(units, value, out) }
        }
        Type::Timestamp(unit) => {
            put_i64(timed(value, kind, |text| parse_timestamp(text, *unit, false))?, value, out)
        }
        Type::LocalTimestamp(unit) => {
            put_i64(timed(value, kind, |text| parse_timestamp(text, *unit, true))?, value, out)
        }
        Type::Duration(fixed) => match value {
            Value::String(_) if form.is_default => {
                put_fixed(&bytes_of(value, form).ok_or_else(wrong)?, fixed.size, out)
            }
            _ => put_duration(duration_of(value, kind)?, out),
        },
        Type::Array(_) | Type::Map(_) | Type::Union(_) | Type::Record(_) => Err(wrong()),
    }
}

/// What is there, for a message.
pub(super) fn what_is(value: &Value) -> String {
    match value {
        Value::Null => "is null".to_owned(),
        Value::Bool(flag) => format!("is {flag}"),
        Value::Number(number) => format!("is the number {number}"),
        Value::String(text) => format!("is {}", the_text(text)),
        Value::Array(_) => "is a list".to_owned(),
        Value::Object(_) => "is an object".to_owned(),
    }
}

/// A whole number; JSON's `5.0` is one.
fn whole(value: &Value) -> Option<i128> {
    let Value::Number(number) = value else { return None };
    if let Some(integer) = number.as_i64() {
        return Some(i128::from(integer));
    }
    Decimal::parse(&number.to_string())?.unscaled(0, 38).ok()?.parse().ok()
}

fn beyond(value: &Value, bits: u32) -> String {
    format!("{}, which is beyond {bits} bits", what_is(value))
}

fn put_int(value: i128, out: &mut Vec<u8>) -> Result<(), String> {
    let int = i32::try_from(value)
        .map_err(|_| format!("is the number {value}, which is beyond 32 bits"))?;
    put_long(out, i64::from(int));
    Ok(())
}

fn put_i64(units: i128, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    put_long(out, i64::try_from(units).map_err(|_| beyond(value, 64))?);
    Ok(())
}

/// A number, or one of the three that JSON does not have, by their names in Java.
fn floating(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float is the nearest to the number")]
fn put_float(value: &Value, out: &mut Vec<u8>) -> Option<Result<(), String>> {
    let double = floating(value)?;
    let float = double as f32;
    if double.is_finite() && !float.is_finite() {
        return Some(Err(format!("{}, which is beyond a float", what_is(value))));
    }
    out.extend_from_slice(&float.to_le_bytes());
    Some(Ok(()))
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// The bytes of a text by the form, or of a list of numbers.
fn bytes_of(value: &Value, form: Form) -> Option<Vec<u8>> {
    match value {
        Value::String(text) if form.bytes == BytesForm::Base64 && !form.is_default => {
            STANDARD.decode(text).ok()
        }
        Value::String(text) => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_u64().and_then(|number| u8::try_from(number).ok()))
            .collect(),
        _ => None,
    }
}

fn put_fixed(bytes: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), String> {
    if bytes.len() != size {
        return Err(format!("has {} bytes: expected {size} bytes", bytes.len()));
    }
    out.extend_from_slice(bytes);
    Ok(())
}

fn put_symbol(symbols: &EnumType, text: &str, out: &mut Vec<u8>) -> Result<(), String> {
    let Some(index) = symbols.index.get(text) else {
        let near = nearest(text, symbols.symbols.iter().map(String::as_str));
        let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        let expected = Type::expected_symbols(symbols);
        return Err(format!("is {}: expected {expected}{hint}", the_text(text)));
    };
    put_length(out, *index);
    Ok(())
}

/// A decimal out of a number or a text, with exactly the digits that stand there.
fn put_decimal(
    decimal: &DecimalType,
    value: &Value,
    out: &mut Vec<u8>,
) -> Option<Result<(), String>> {
    let number = match value {
        Value::String(text) => Decimal::parse(text.trim())?,
        Value::Number(number) => {
            let decimal = Decimal::parse(&number.to_string())?;
            if number.is_f64() && decimal.digits_count() > FLOAT_DIGITS_MAX {
                return Some(Err(format!(
                    "{}, and may have had more digits than a JSON number keeps: expected a text of \
                     them",
                    what_is(value)
                )));
            }
            decimal
        }
        _ => return None,
    };
    let digits_max = decimal.precision.min(DECIMAL_DIGITS_MAX);
    let unscaled = match number.unscaled(decimal.scale, digits_max) {
        Ok(unscaled) => unscaled,
        Err(Misfit::TooFine) => {
            return Some(Err(format!(
                "{}: expected at most {} digits behind the point",
                what_is(value),
                decimal.scale
            )));
        }
        Err(Misfit::TooLarge) => {
            return Some(Err(format!(
                "{}: expected at most {digits_max} digits, {} of them behind the point",
                what_is(value),
                decimal.scale
            )));
        }
    };
    let integer: BigInt = unscaled.parse().ok()?;
    Some(put_unscaled(decimal, &integer.to_signed_bytes_be(), out))
}

/// The bytes of a decimal; in a fixed type its sign fills what is before them.
fn put_unscaled(decimal: &DecimalType, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let Some(fixed) = &decimal.fixed else {
        put_bytes(out, bytes);
        return Ok(());
    };
    let Some(fill) = fixed.size.checked_sub(bytes.len()) else {
        let (length, size) = (bytes.len(), fixed.size);
        return Err(format!("needs {length} bytes as a decimal: expected at most {size} bytes"));
    };
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    out.resize(out.len() + fill, if is_negative { 0xff } else { 0 });
    out.extend_from_slice(bytes);
    Ok(())
}

/// The sixteen bytes of a UUID in its usual form.
pub(super) fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0_u8; 16];
    let characters = text.as_bytes();
    if characters.len() != 36 {
        return None;
    }
    let mut digits = 0;
    for (at, byte) in characters.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = u8::try_from(char::from(*byte).to_digit(16)?).ok()?;
        let place = bytes.get_mut(digits / 2)?;
        *place = *place << 4 | digit;
        digits += 1;
    }
    Some(bytes)
}

/// The number of a date or a time: as it stands, or out of its text.
fn timed(
    value: &Value,
    kind: &Type,
    parse: impl Fn(&str) -> Result<i64, NoTime>,
) -> Result<i128, String> {
    let wrong = |why: &str| format!("{}{why}: expected {}", what_is(value), kind.expected());
    match value {
        Value::String(text) => parse(text.trim()).map(i128::from).map_err(|error| {
            wrong(match error {
                NoTime::Form => "",
                NoTime::TooFine => ", which is finer than the schema's unit",
                NoTime::TooFar => ", which is too far from 1970",
                NoTime::NoOffset => ", which has no offset from UTC",
                NoTime::Offset => ", which has an offset from UTC",
            })
        }),
        _ => whole(value).ok_or_else(|| wrong("")),
    }
}

/// A duration out of a text, or of an object of its three numbers.
fn duration_of(value: &Value, kind: &Type) -> Result<Duration, String> {
    let wrong = |why: &str| format!("{}{why}: expected {}", what_is(value), kind.expected());
    match value {
        Value::String(text) => parse_duration(text.trim()).map_err(|error| {
            wrong(match error {
                NoTime::TooFine => ", which is finer than milliseconds",
                NoTime::TooFar => ", which is too long",
                NoTime::Form | NoTime::NoOffset | NoTime::Offset => "",
            })
        }),
        Value::Object(map) => {
            let names = ["months", "days", "millis"];
            let is_known = map.keys().all(|name| names.contains(&name.as_str()));
            let [months, days, millis] = names.map(|name| {
                let number = map.get(name).map_or(Some(0), Value::as_u64);
                number.and_then(|number| u32::try_from(number).ok())
            });
            match (is_known, months, days, millis) {
                (true, Some(months), Some(days), Some(millis)) => {
                    Ok(Duration { months, days, millis })
                }
                _ => Err(wrong("")),
            }
        }
        _ => Err(wrong("")),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "one of many that can fail")]
fn put_duration(duration: Duration, out: &mut Vec<u8>) -> Result<(), String> {
    for part in [duration.months, duration.days, duration.millis] {
        out.extend_from_slice(&part.to_le_bytes());
    }
    Ok(())
}
