//! Secrets that are not there.

use std::fmt;

/// A secret that is not available.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretProblem {
    /// Where it is asked for.
    pub path: String,
    /// Its name.
    pub name: String,
}

impl SecretProblem {
    pub(super) fn new(path: &str, name: &str) -> Self {
        Self { path: path.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for SecretProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "secret with name '{}' is not available", self.name)
    }
}

/// All secrets that are not available.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretsError(Vec<SecretProblem>);

impl SecretsError {
    pub(super) fn none_of(problems: Vec<SecretProblem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// Each of them, in the order of the value.
    #[must_use]
    pub fn problems(&self) -> &[SecretProblem] {
        &self.0
    }
}

impl fmt::Display for SecretsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SecretsError {}
