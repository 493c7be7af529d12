//! Ranges: intervals, and comparisons such as `(< 10)`.

use super::{Shape, Value};

/// An operator that compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// The operator as it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// A range of values: `[1..3)`, or `(>= 5)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The comparison that it was written as; none where it was written with two ends.
    pub(crate) comparison: Option<Comparison>,
    pub(crate) start: Option<Value>,
    pub(crate) start_included: bool,
    pub(crate) end: Option<Value>,
    pub(crate) end_included: bool,
}

impl Range {
    /// The range between two values, each of which is part of it or not.
    pub fn new(start: Value, start_included: bool, end: Value, end_included: bool) -> Self {
        Self { comparison: None, start: Some(start), start_included, end: Some(end), end_included }
    }

    /// The values that compare so to a value.
    pub fn of_comparison(comparison: Comparison, value: Value) -> Self {
        let (starts, ends) = match comparison {
            Comparison::Equal | Comparison::NotEqual => (true, true),
            Comparison::Less | Comparison::LessOrEqual => (false, true),
            Comparison::Greater | Comparison::GreaterOrEqual => (true, false),
        };
        let open =
            matches!(comparison, Comparison::Less | Comparison::Greater | Comparison::NotEqual);
        Self {
            comparison: Some(comparison),
            start: starts.then(|| value.clone()),
            start_included: starts && !open,
            end: ends.then_some(value),
            end_included: ends && !open,
        }
    }

    /// The value that it begins with, where it has a beginning.
    pub const fn start(&self) -> Option<&Value> {
        self.start.as_ref()
    }

    /// Whether the beginning is part of it.
    pub const fn is_start_included(&self) -> bool {
        self.start_included
    }

    /// The value that it ends with, where it has an end.
    pub const fn end(&self) -> Option<&Value> {
        self.end.as_ref()
    }

    /// Whether the end is part of it.
    pub const fn is_end_included(&self) -> bool {
        self.end_included
    }

    pub(super) fn shape(&self) -> Shape {
        Shape::around([&self.start, &self.end].into_iter().flatten().map(Value::shape))
    }
}
