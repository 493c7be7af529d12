//! Preparing user names and passwords as RFC 4013 says, or leaving them as they are.

use std::borrow::Cow;

use crate::error::{Field, SaslError};
use crate::secret::Secret;

/// What is done to a user name or password before it is used in SCRAM.
///
/// Text of printable ASCII is the same either way. Kafka's Java code hashes the bytes as they
/// are, so a credential that its tools made from a text that SASLprep changes (for example
/// full-width letters) matches only with [`Preparation::None`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Preparation {
    /// SASLprep with the rules for stored strings, as RFC 5802 demands. The default.
    #[default]
    Saslprep,
    /// The UTF-8 bytes as they are, as Kafka's Java client and tools do.
    None,
}

/// Why SASLprep refuses a text. Carries no part of it, as it may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// A prohibited or unassigned character, or right-to-left text mixed with left-to-right.
    #[error(
        "a character is prohibited or not assigned in Unicode 3.2, or right-to-left and \
         left-to-right characters are mixed (RFC 4013, 2.3 to 2.5)"
    )]
    Prohibited,
    /// Nothing is left after the mapping.
    #[error("nothing is left after the characters that map to nothing are taken out")]
    NothingLeft,
}

/// Prepares `text` with SASLprep as a stored string (RFC 4013; unassigned code points refused).
///
/// # Errors
/// [`PrepareError`] when the text has a prohibited character, mixes directions against the rules,
/// or is empty after the mapping.
pub fn saslprep(text: &str) -> Result<Cow<'_, str>, PrepareError> {
    let prepared = stringprep::saslprep(text).map_err(|_| PrepareError::Prohibited)?;
    if prepared.is_empty() { Err(PrepareError::NothingLeft) } else { Ok(prepared) }
}

impl Preparation {
    /// Prepares a value that is not secret.
    pub(crate) fn text(self, field: Field, text: &str) -> Result<Cow<'_, str>, SaslError> {
        if text.is_empty() {
            return Err(SaslError::Empty { field });
        }
        match self {
            Self::Saslprep => {
                saslprep(text).map_err(|source| SaslError::Unprepared { field, source })
            }
            Self::None => Ok(Cow::Borrowed(text)),
        }
    }

    /// Prepares a secret value.
    pub(crate) fn secret(self, field: Field, secret: &Secret) -> Result<Secret, SaslError> {
        let text = secret.expose_str().ok_or(SaslError::NotUtf8 { field })?;
        Ok(match self.text(field, text)? {
            Cow::Borrowed(text) => Secret::from(text),
            Cow::Owned(text) => Secret::from(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Spec-test: RFC4013#3
    #[test]
    fn prepares_the_examples_of_the_rfc() {
        for (input, expected) in [
            ("I\u{ad}X", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u{aa}", "a"),
            ("\u{2168}", "IX"),
        ] {
            assert_eq!(saslprep(input).as_deref(), Ok(expected));
        }
        assert_eq!(saslprep("\u{7}"), Err(PrepareError::Prohibited));
        assert_eq!(saslprep("\u{627}1"), Err(PrepareError::Prohibited));
    }

    #[test]
    fn keeps_what_needs_no_mapping() {
        for text in ["pässwörd", "пароль", "密码", "\u{627}1\u{628}"] {
            assert_eq!(saslprep(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn maps_spaces_and_compatibility_forms() {
        assert_eq!(saslprep("a\u{a0}b\u{3000}c").as_deref(), Ok("a b c"));
        assert_eq!(saslprep("\u{ff21}e\u{301}").as_deref(), Ok("A\u{e9}"));
    }

    #[test]
    fn refuses_prohibited_unassigned_and_vanishing_text() {
        for text in ["a\u{0}b", "a\u{7f}", "\u{e000}", "\u{fffd}", "\u{200e}", "\u{1f600}"] {
            assert_eq!(saslprep(text), Err(PrepareError::Prohibited), "{text:?}");
        }
        assert_eq!(saslprep("\u{ad}"), Err(PrepareError::NothingLeft));
    }

    #[test]
    fn errors_name_the_field_and_never_the_text() {
        let error =
            Preparation::Saslprep.secret(Field::Password, &"hunter\u{7}".into()).unwrap_err();
        assert!(error.to_string().starts_with("the password does not pass SASLprep"));
        assert!(!format!("{error:?}").contains("hunter"));
        let bytes = Secret::new(vec![0xff, 0xfe]);
        assert_eq!(
            Preparation::None.secret(Field::Password, &bytes),
            Err(SaslError::NotUtf8 { field: Field::Password })
        );
        assert_eq!(
            Preparation::None.text(Field::Username, ""),
            Err(SaslError::Empty { field: Field::Username })
        );
    }
}
