//! Values as literals of FEEL.

use std::fmt::{self, Display as _, Write as _};

use super::{Function, Range, Value, function::FunctionKind};

/// Writes the literal.
pub(super) fn write(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        Value::Null => f.write_str("null"),
        Value::Boolean(value) => value.fmt(f),
        Value::Number(value) => value.fmt(f),
        Value::String(text) => write_string(text, f),
        Value::Date(value) => write!(f, "@\"{value}\""),
        Value::Time(value) => write!(f, "@\"{value}\""),
        Value::DateTime(value) => write!(f, "@\"{value}\""),
        Value::DaysTimeDuration(value) => write!(f, "@\"{value}\""),
        Value::YearsMonthsDuration(value) => write!(f, "@\"{value}\""),
        Value::List(list) => {
            f.write_str("[")?;
            for (index, item) in list.items().iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                write(item, f)?;
            }
            f.write_str("]")
        }
        Value::Context(context) => {
            f.write_str("{")?;
            for (index, (name, value)) in context.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                write_key(name, f)?;
                f.write_str(": ")?;
                write(value, f)?;
            }
            f.write_str("}")
        }
        Value::Range(range) => write_range(range, f),
        Value::Function(function) => write_function(function, f),
    }
}

fn write_range(range: &Range, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(comparison) = range.comparison {
        write!(f, "({} ", comparison.symbol())?;
        write(range.start.as_ref().or(range.end.as_ref()).unwrap_or(&Value::Null), f)?;
        return f.write_str(")");
    }
    f.write_str(if range.start_included { "[" } else { "(" })?;
    write(range.start.as_ref().unwrap_or(&Value::Null), f)?;
    f.write_str("..")?;
    write(range.end.as_ref().unwrap_or(&Value::Null), f)?;
    f.write_str(if range.end_included { "]" } else { ")" })
}

fn write_function(function: &Function, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &function.0 {
        FunctionKind::Builtin(builtin) => f.write_str(builtin.name),
        FunctionKind::Closure(_) => write!(f, "function({}) ...", function.parameters().join(", ")),
    }
}

/// The key, in quotes where it is no plain name.
fn write_key(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if crate::lexer::is_plain_name(name) { f.write_str(name) } else { write_string(name, f) }
}

fn write_string(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            other if other.is_control() => write!(f, "\\u{:04X}", u32::from(other))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

impl Value {
    /// What the function `string` makes of it: a string as it is, dates, times and durations
    /// without quotes, everything else as a literal. Null has no text.
    pub fn to_text(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::String(text) => text.to_string(),
            Self::Date(value) => value.to_string(),
            Self::Time(value) => value.to_string(),
            Self::DateTime(value) => value.to_string(),
            Self::DaysTimeDuration(value) => value.to_string(),
            Self::YearsMonthsDuration(value) => value.to_string(),
            other => other.to_string(),
        })
    }
}
