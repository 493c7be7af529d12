//! FEEL's values, and what is asked of all of them: kind, equality, order, text, JSON.

mod compare;
mod containers;
mod function;
mod json;
mod json_text;
mod range;
mod text;

use std::{fmt, sync::Arc};

pub(crate) use self::{
    compare::compare,
    containers::Shape,
    function::{Closure, FunctionKind, Parameter},
};
pub use self::{
    containers::{Context, List},
    function::Function,
    json_text::JsonError,
    range::{Comparison, Range},
};
use crate::{
    Number,
    temporal::{Date, DateTime, DaysTimeDuration, Time, YearsMonthsDuration},
};

/// A value of FEEL.
///
/// Values are cheap to clone: what can be large is shared.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// No value, and what most errors come to.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A decimal number.
    Number(Number),
    /// A text of Unicode code points.
    String(Arc<str>),
    /// A date.
    Date(Date),
    /// A time of the day.
    Time(Time),
    /// A date and time.
    DateTime(DateTime),
    /// A duration of days and time.
    DaysTimeDuration(DaysTimeDuration),
    /// A duration of years and months.
    YearsMonthsDuration(YearsMonthsDuration),
    /// A list.
    List(List),
    /// A context: names with values, in order.
    Context(Context),
    /// A range.
    Range(Arc<Range>),
    /// A function.
    Function(Function),
}

impl Value {
    /// The kind's name, as `instance of` and messages call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::DateTime(_) => "date and time",
            Self::DaysTimeDuration(_) => "days and time duration",
            Self::YearsMonthsDuration(_) => "years and months duration",
            Self::List(_) => "list",
            Self::Context(_) => "context",
            Self::Range(_) => "range",
            Self::Function(_) => "function",
        }
    }

    /// Whether it is null.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, where it is one.
    pub const fn as_boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, where it is one.
    pub const fn as_number(&self) -> Option<Number> {
        match self {
            Self::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, where it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// The items, where it is a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list.items()),
            _ => None,
        }
    }

    /// The context, where it is one.
    pub const fn as_context(&self) -> Option<&Context> {
        match self {
            Self::Context(context) => Some(context),
            _ => None,
        }
    }

    /// Whether FEEL's `=` says that they are equal; `None` where their kinds do not compare.
    ///
    /// Null equals null alone. Lists and contexts are equal where their parts are. Times and dates
    /// with times are equal where they are the same moment by the hour, the minute and the second:
    /// FEEL gives a fraction of a second no weight there, but `<` and `is` do.
    pub fn equals(&self, other: &Self) -> Option<bool> {
        compare::equals(self, other)
    }

    /// How large and how deep the value is.
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::String(text) => Shape::of_text(text),
            Self::List(list) => list.shape(),
            Self::Context(context) => context.shape(),
            Self::Range(range) => range.shape(),
            Self::Function(function) => function.shape(),
            _ => Shape::LEAF,
        }
    }

    /// The list, or the value as the only item of one.
    pub(crate) fn into_list(self) -> List {
        match self {
            Self::List(list) => list,
            other => List::from(vec![other]),
        }
    }
}

impl PartialEq for Value {
    /// The same value, as FEEL's `is` has it for dates and times; functions are equal to themselves.
    fn eq(&self, other: &Self) -> bool {
        compare::same(self, other)
    }
}

impl fmt::Display for Value {
    /// The value as a literal of FEEL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(self, f)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(Number::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value.into())
    }
}

impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::List(List::from(items))
    }
}

impl From<List> for Value {
    fn from(value: List) -> Self {
        Self::List(value)
    }
}

impl From<Context> for Value {
    fn from(value: Context) -> Self {
        Self::Context(value)
    }
}

impl From<Range> for Value {
    fn from(value: Range) -> Self {
        Self::Range(Arc::new(value))
    }
}

impl From<Date> for Value {
    fn from(value: Date) -> Self {
        Self::Date(value)
    }
}

impl From<Time> for Value {
    fn from(value: Time) -> Self {
        Self::Time(value)
    }
}

impl From<DateTime> for Value {
    fn from(value: DateTime) -> Self {
        Self::DateTime(value)
    }
}

impl From<DaysTimeDuration> for Value {
    fn from(value: DaysTimeDuration) -> Self {
        Self::DaysTimeDuration(value)
    }
}

impl From<YearsMonthsDuration> for Value {
    fn from(value: YearsMonthsDuration) -> Self {
        Self::YearsMonthsDuration(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
