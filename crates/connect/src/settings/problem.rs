//! Problems of a configuration: each with its place, all of them in one error.

use std::fmt;

use serde_json::Value;

use super::Node;
use crate::secrets::Masker;

/// Where something stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a place in a text is these two numbers")]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// The place of a byte of a text; past its end, the place after its last character.
    #[must_use]
    pub fn of(text: &str, byte: usize) -> Self {
        let mut end = byte.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Where it stands, when the configuration is a text with lines.
    pub place: Option<Place>,
    /// What is wrong with which field, and what was expected. Secrets are not in it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{place}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Everything that is wrong with a configuration.
///
/// ```
/// use milena_connect::elasticio::Credentials;
///
/// let problems = Credentials::from_json(&serde_json::json!({
///     "username": "ada", "pasword": "x", "clientId": 7, "brokers": "a:9092",
/// }))
/// .unwrap_err();
/// assert_eq!(
///     problems.to_string(),
///     "3 problems: \
///      (1) credentials.clientId is the number 7: expected a text, the client id that the brokers see; \
///      (2) credentials.pasword is not known here: did you mean `password`?; \
///      (3) credentials.password is missing: expected a text, the password for SASL"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds a problem.
    pub fn push(&mut self, place: Option<Place>, message: impl Into<String>) {
        self.0.push(Problem { place, message: message.into() });
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, in the order of the text, or of the fields where there is no text.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// The same problems, without the secrets that the masker knows.
    #[must_use]
    pub fn masked(mut self, masker: &Masker) -> Self {
        for problem in &mut self.0 {
            problem.message = masker.mask(&problem.message);
        }
        self
    }

    /// What a reader makes of a JSON value that stands at this path, when there are no problems.
    ///
    /// # Errors
    ///
    /// The problems.
    pub(crate) fn of_json<T>(
        value: &Value,
        path: &str,
        read: impl FnOnce(&Node, &str, &mut Self) -> Option<T>,
    ) -> Result<T, Self> {
        let mut problems = Self::default();
        let value = read(&Node::from_json(value), path, &mut problems);
        problems.or(value)
    }

    /// The value when there are no problems, and the problems otherwise.
    ///
    /// # Errors
    ///
    /// The problems, in the order of the text.
    pub fn or<T>(mut self, value: Option<T>) -> Result<T, Self> {
        self.0.sort_by_key(|problem| problem.place);
        match value {
            Some(value) if self.is_empty() => Ok(value),
            _ => {
                debug_assert!(!self.is_empty(), "no value and no reason why");
                Err(self)
            }
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [problem] = self.0.as_slice() {
            return problem.fmt(f);
        }
        write!(f, "{} problems:", self.0.len())?;
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator} ({}) {problem}", index + 1)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters_from_one() {
        let text = "name = 1\nä = 2\n";
        for (byte, line, column) in [(0, 1, 1), (7, 1, 8), (9, 2, 1), (11, 2, 2), (99, 3, 1)] {
            assert_eq!(Place::of(text, byte), Place { line, column }, "{byte}");
        }
        assert_eq!(Place::of(text, 10), Place { line: 2, column: 1 }, "inside a character");
    }
}
