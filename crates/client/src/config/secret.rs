//! A text that is never shown: passwords, tokens, private keys.

use std::fmt;

use zeroize::Zeroizing;

/// A text that `Debug` and `Display` mask, and that is wiped from memory when it is dropped.
///
/// ```
/// use milena::config::Secret;
///
/// let password = Secret::from("open sesame");
/// assert_eq!(format!("{password:?} {password}"), "******** ********");
/// assert_eq!(password.reveal(), "open sesame");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// What is shown in place of a secret.
    pub const MASK: &'static str = "********";

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::MASK)
    }
}
