//! What can go wrong: in a text, while it is evaluated, and without stopping it.

use std::fmt;

/// A place in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

impl Position {
    /// The place of a byte of the text.
    pub(crate) fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at.min(text.len())).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A text that is no expression: where, what stands there, and what was expected.
///
/// ```
/// let error = milena_feel::Expression::parse("1 +").unwrap_err();
/// assert_eq!(error.to_string(), "line 1, column 4: expected a value, found the end");
/// assert_eq!(error.position().column, 4);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub(crate) position: Position,
    pub(crate) message: String,
}

impl ParseError {
    /// Where.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// What was expected and what was found, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Why an evaluation ended without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvaluationErrorKind {
    /// The steps that an evaluation may take.
    Steps,
    /// How deep expressions, calls and values may nest.
    Depth,
    /// The size that a value may have.
    Size,
    /// The expression's own `assert` was not fulfilled.
    Assertion,
}

/// An evaluation that ended without a value: it would have gone beyond one of its
/// [`Limits`](crate::Limits), or an `assert` of the expression was not fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationError {
    pub(crate) kind: EvaluationErrorKind,
    pub(crate) message: String,
}

impl EvaluationError {
    /// Why it ended.
    pub const fn kind(&self) -> EvaluationErrorKind {
        self.kind
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EvaluationError {}

/// Why a part of an expression came to null, where FEEL has no errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub(crate) position: Position,
    pub(crate) message: String,
}

impl Warning {
    /// Where in the expression.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// What was wrong.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.message)
    }
}
