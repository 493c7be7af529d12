//! The codes by which a broker says what went wrong.

#[expect(clippy::too_many_lines, reason = "a line for each code")]
mod codes;

use std::fmt;

/// A broker's error code; one that has no name here is kept as its number.
///
/// ```
/// use milena_wire::ErrorCode;
///
/// let code = ErrorCode(6);
/// assert_eq!(code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
/// assert!(code.is_retriable() && code.is_invalid_metadata());
/// assert_eq!(ErrorCode(12_345).to_string(), "error code 12345");
/// ```
///
/// Spec: `guide#error-codes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i16);

impl ErrorCode {
    /// Whether this is an error at all.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 != 0
    }

    /// Nothing for [`ErrorCode::NONE`], the code itself for all others.
    ///
    /// # Errors
    ///
    /// The code, where it is one of an error.
    pub const fn ok(self) -> Result<(), Self> {
        if self.is_error() { Err(self) } else { Ok(()) }
    }
}

impl From<i16> for ErrorCode {
    fn from(code: i16) -> Self {
        Self(code)
    }
}

impl From<ErrorCode> for i16 {
    fn from(code: ErrorCode) -> Self {
        code.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error code {}", self.0),
        }
    }
}

impl std::error::Error for ErrorCode {}
