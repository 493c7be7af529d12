//! One value without others inside it: from the wire to JSON.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use num_bigint::BigInt;
use serde_json::{Number, Value, json};

use super::{
    calendar::{Duration, format_date, format_duration, format_time, format_timestamp},
    options::{AvroOptions, BytesForm, LogicalForm},
    scalar::DECIMAL_DIGITS_MAX,
    types::{Base, Type, Unit},
};
use crate::decimal::with_point;

/// What stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Raw<'b> {
    Null,
    Boolean(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Bytes(&'b [u8]),
    Text(&'b str),
}

impl Raw<'_> {
    /// What a reader of another type sees.
    #[expect(clippy::cast_precision_loss, reason = "the specification promotes so")]
    pub(super) fn promoted(self, base: Base) -> Result<Self, String> {
        Ok(match (self, base) {
            (Raw::Int(int), Base::Long) => Raw::Long(i64::from(int)),
            (Raw::Int(int), Base::Float) => Raw::Float(int as f32),
            (Raw::Int(int), Base::Double) => Raw::Double(f64::from(int)),
            (Raw::Long(long), Base::Float) => Raw::Float(long as f32),
            (Raw::Long(long), Base::Double) => Raw::Double(long as f64),
            (Raw::Float(float), Base::Double) => Raw::Double(f64::from(float)),
            (Raw::Text(text), Base::Bytes) => Raw::Bytes(text.as_bytes()),
            (Raw::Bytes(bytes), Base::String) => Raw::Text(
                std::str::from_utf8(bytes)
                    .map_err(|_| "is read as a text and no UTF-8".to_owned())?,
            ),
            (raw, _) => raw,
        })
    }
}

/// The JSON of what stands on the wire, by the type that it is read as.
pub(super) fn present(kind: &Type, raw: Raw<'_>, options: AvroOptions) -> Result<Value, String> {
    let is_text = options.logical == LogicalForm::Text;
    Ok(match (kind, raw) {
        (Type::Date, Raw::Int(days)) if is_text => format_date(i64::from(days)).into(),
        (Type::Time(Unit::Millis), Raw::Int(units)) if is_text => {
            time_of_day(i64::from(units), Unit::Millis)
        }
        (Type::Time(unit), Raw::Long(units)) if is_text => time_of_day(units, *unit),
        (Type::Timestamp(unit), Raw::Long(units)) if is_text => {
            format_timestamp(units, *unit, false).into()
        }
        (Type::LocalTimestamp(unit), Raw::Long(units)) if is_text => {
            format_timestamp(units, *unit, true).into()
        }
        (Type::Decimal(decimal), Raw::Bytes(bytes)) => {
            if bytes.len() > DECIMAL_DIGITS_MAX / 2 {
                return Err(format!("is a decimal of {} bytes", bytes.len()));
            }
            let unscaled = BigInt::from_signed_bytes_be(bytes).to_string();
            if usize::try_from(decimal.scale).is_ok_and(|scale| scale > DECIMAL_DIGITS_MAX) {
                return Err(format!("is a decimal with {} digits behind its point", decimal.scale));
            }
            let text = with_point(&unscaled, decimal.scale);
            let number = (!is_text).then(|| text.parse::<Number>().ok()).flatten();
            number.map_or(Value::String(text), Value::Number)
        }
        (Type::Uuid(Some(_)), Raw::Bytes(bytes)) => uuid_text(bytes).into(),
        (Type::Duration(_), Raw::Bytes(bytes)) => duration(bytes, is_text)?,
        (_, Raw::Null) => Value::Null,
        (_, Raw::Boolean(flag)) => flag.into(),
        (_, Raw::Int(int)) => int.into(),
        (_, Raw::Long(long)) => long.into(),
        // The shortest digits that are this float, and not the many of the double that it is.
        (_, Raw::Float(float)) => {
            floating(float.to_string().parse().unwrap_or_else(|_| f64::from(float)))
        }
        (_, Raw::Double(double)) => floating(double),
        (_, Raw::Bytes(bytes)) => bytes_text(bytes, options.bytes).into(),
        (_, Raw::Text(text)) => text.into(),
    })
}

/// A time that is none of a day, as only other writers make it, stays a number.
fn time_of_day(units: i64, unit: Unit) -> Value {
    let is_of_day = (0..86_400 * unit.per_second()).contains(&units);
    if is_of_day { format_time(units, unit).into() } else { units.into() }
}

fn floating(double: f64) -> Value {
    match Number::from_f64(double) {
        Some(number) => Value::Number(number),
        None if double.is_nan() => "NaN".into(),
        None if double > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}

fn bytes_text(bytes: &[u8], form: BytesForm) -> String {
    match form {
        BytesForm::Characters => bytes.iter().map(|byte| char::from(*byte)).collect(),
        BytesForm::Base64 => STANDARD.encode(bytes),
    }
}

fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

fn duration(bytes: &[u8], is_text: bool) -> Result<Value, String> {
    let part = |at: usize| {
        let four = bytes.get(at..at + 4).and_then(|part| part.try_into().ok());
        four.map(u32::from_le_bytes)
            .ok_or_else(|| format!("is a duration of {} bytes", bytes.len()))
    };
    let duration = Duration { months: part(0)?, days: part(4)?, millis: part(8)? };
    if is_text {
        return Ok(format_duration(duration).into());
    }
    let Duration { months, days, millis } = duration;
    Ok(json!({ "months": months, "days": days, "millis": millis }))
}
