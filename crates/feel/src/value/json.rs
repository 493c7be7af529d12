//! Values from and to `serde_json`'s.
//!
//! Its numbers are 64-bit: whole numbers beyond them and fractions of more than about 17 digits are
//! rounded there. [`Value::from_json_text`] and [`Value::to_json_text`] keep all 34 digits.

use serde_json::{Map, Value as Json};

use super::{Context, List, Value};
use crate::Number;

impl Value {
    /// The value of a JSON document.
    ///
    /// JSON has no dates: a text stays a text, and functions such as `date` read it.
    ///
    /// ```
    /// use milena_feel::Value;
    ///
    /// let value = Value::from_json(&serde_json::json!({ "a": [1, 0.5, null] }));
    /// assert_eq!(value.to_string(), "{a: [1, 0.5, null]}");
    /// ```
    pub fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Boolean(*value),
            Json::Number(number) => number.to_string().parse::<Number>().ok().into(),
            Json::String(text) => text.as_str().into(),
            Json::Array(items) => Self::List(items.iter().map(Self::from_json).collect::<List>()),
            Json::Object(entries) => Self::Context(Context::from_json(entries)),
        }
    }

    /// The value as JSON: dates, times and durations as ISO 8601 texts, ranges as literals of FEEL,
    /// and functions as null, since nothing can stand for them.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null | Self::Function(_) => Json::Null,
            Self::Boolean(value) => Json::Bool(*value),
            Self::Number(number) => number_to_json(*number),
            Self::List(list) => list.items().iter().map(Self::to_json).collect(),
            Self::Context(context) => {
                let entries =
                    context.iter().map(|(name, value)| (name.to_owned(), value.to_json()));
                Json::Object(entries.collect::<Map<_, _>>())
            }
            other => other.to_text().map_or(Json::Null, Json::String),
        }
    }
}

impl Context {
    /// The context of a JSON object.
    pub fn from_json(entries: &Map<String, Json>) -> Self {
        entries.iter().map(|(name, value)| (name.as_str(), Value::from_json(value))).collect()
    }
}

/// A whole number, where it fits one; else the nearest double, else the digits as a text.
fn number_to_json(number: Number) -> Json {
    if let Some(whole) = number.to_i64() {
        return whole.into();
    }
    let text = number.to_string();
    if let Ok(whole) = text.parse::<u64>() {
        return whole.into();
    }
    serde_json::Number::from_f64(number.to_f64()).map_or(Json::String(text), Json::Number)
}
