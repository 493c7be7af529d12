//! Errors of the connectors, as the engine and its expressions see them.

use std::fmt;

use serde_json::{Map, Value};

use super::Compatibility;
use crate::{connector::ActionError, secrets::Masker};

/// The most characters of an error's message.
const MESSAGE_CHARACTERS_MAX: usize = 6_000;

/// The code of every failure behind the checks of the input.
pub(super) const FAIL: &str = "FAIL";

/// Why a connector did not do what a job asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectorError {
    /// Whether the job itself is wrong, so that trying again is of no use.
    pub is_input: bool,
    /// The error's code, if it has one.
    pub code: Option<&'static str>,
    /// What was wrong. Secrets are masked, and it has 6,000 characters at most.
    pub message: String,
}

impl ConnectorError {
    /// A job that is wrong.
    pub(super) fn input(message: impl fmt::Display, masker: &Masker) -> Self {
        Self { is_input: true, code: None, message: shown(&message.to_string(), masker) }
    }

    /// A failure to send, in the words of the running connectors.
    pub(super) fn fail(
        cause: impl fmt::Display,
        compatibility: Compatibility,
        masker: &Masker,
    ) -> Self {
        let message = match compatibility {
            Compatibility::Document | Compatibility::Current => {
                format!("Error during Kafka Producer execution; error message: [{cause}]")
            }
            Compatibility::Camunda84 | Compatibility::Legacy82 => {
                format!("Kafka Producer execution exception: {cause}")
            }
        };
        Self { is_input: false, code: Some(FAIL), message: shown(&message, masker) }
    }

    /// Any other failure, which the engine is told as it is.
    pub(super) fn of(error: &ActionError, masker: &Masker) -> Self {
        match &error.source {
            None => Self::input(error, masker),
            Some(_) => Self {
                is_input: false,
                code: Some(FAIL),
                // The causes are in it already.
                message: shown(&error.message, masker),
            },
        }
    }

    /// The variable `error`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let kind = if self.is_input { "ConnectorInputException" } else { "ConnectorException" };
        let mut error = Map::new();
        error.insert("type".to_owned(), format!("io.camunda.connector.api.error.{kind}").into());
        error.insert("message".to_owned(), self.message.as_str().into());
        if let Some(code) = self.code {
            error.insert("code".to_owned(), code.into());
        }
        Value::Object(error)
    }
}

impl fmt::Display for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectorError {}

/// The text without secrets, cut to what the engine takes.
pub(super) fn shown(text: &str, masker: &Masker) -> String {
    let masked = masker.mask(text);
    match masked.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
        Some((end, _)) => masked[..end].to_owned(),
        None => masked,
    }
}
