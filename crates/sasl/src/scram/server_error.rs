//! The value of `e=`, with which a SCRAM server refuses.

use std::fmt;

use crate::error::{SaslError, excerpt};

/// The value of `e=` in a message of a SCRAM server (RFC 5802, 7). `Display` is the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerErrorValue {
    /// `invalid-encoding`: a message is not UTF-8 or its base64 is wrong.
    InvalidEncoding,
    /// `extensions-not-supported`: a mandatory extension is unknown.
    ExtensionsNotSupported,
    /// `invalid-proof`: the password is wrong.
    InvalidProof,
    /// `channel-bindings-dont-match`.
    ChannelBindingsDontMatch,
    /// `server-does-support-channel-binding`: the client's flag `y` is wrong.
    ServerDoesSupportChannelBinding,
    /// `channel-binding-not-supported`.
    ChannelBindingNotSupported,
    /// `unsupported-channel-binding-type`.
    UnsupportedChannelBindingType,
    /// `unknown-user`.
    UnknownUser,
    /// `invalid-username-encoding`: not SASLprep, or a wrong escape.
    InvalidUsernameEncoding,
    /// `no-resources`: the server is overloaded.
    NoResources,
    /// `other-error`.
    OtherError,
    /// A value that RFC 5802 does not list; what it says, at most 128 characters of it, with
    /// control characters escaped.
    Unlisted(String),
}

impl ServerErrorValue {
    const LISTED: [Self; 11] = [
        Self::InvalidEncoding,
        Self::ExtensionsNotSupported,
        Self::InvalidProof,
        Self::ChannelBindingsDontMatch,
        Self::ServerDoesSupportChannelBinding,
        Self::ChannelBindingNotSupported,
        Self::UnsupportedChannelBindingType,
        Self::UnknownUser,
        Self::InvalidUsernameEncoding,
        Self::NoResources,
        Self::OtherError,
    ];

    /// The value as it stands in the message.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::InvalidEncoding => "invalid-encoding",
            Self::ExtensionsNotSupported => "extensions-not-supported",
            Self::InvalidProof => "invalid-proof",
            Self::ChannelBindingsDontMatch => "channel-bindings-dont-match",
            Self::ServerDoesSupportChannelBinding => "server-does-support-channel-binding",
            Self::ChannelBindingNotSupported => "channel-binding-not-supported",
            Self::UnsupportedChannelBindingType => "unsupported-channel-binding-type",
            Self::UnknownUser => "unknown-user",
            Self::InvalidUsernameEncoding => "invalid-username-encoding",
            Self::NoResources => "no-resources",
            Self::OtherError => "other-error",
            Self::Unlisted(value) => value,
        }
    }

    /// Reads the value; never fails, as a server may say what it likes.
    pub(super) fn parse(value: &str) -> Self {
        Self::LISTED
            .into_iter()
            .find(|listed| listed.as_str() == value)
            .unwrap_or_else(|| Self::Unlisted(excerpt(value)))
    }

    /// What a server answers for an error of its own.
    pub(super) fn answering(error: &SaslError) -> Self {
        match error {
            SaslError::InvalidCredentials { .. } => Self::InvalidProof,
            SaslError::MessageNotUtf8 { .. } | SaslError::NotBase64 { .. } => Self::InvalidEncoding,
            SaslError::MandatoryExtension { .. } => Self::ExtensionsNotSupported,
            SaslError::ChannelBinding => Self::ChannelBindingNotSupported,
            SaslError::ChannelBindingMismatch => Self::ChannelBindingsDontMatch,
            SaslError::Unprepared { .. } | SaslError::MalformedName { .. } => {
                Self::InvalidUsernameEncoding
            }
            _ => Self::OtherError,
        }
    }
}

impl fmt::Display for ServerErrorValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_values_are_read_back() {
        for value in ServerErrorValue::LISTED {
            assert_eq!(ServerErrorValue::parse(value.as_str()), value);
        }
    }

    #[test]
    fn unlisted_values_are_kept_as_they_say() {
        let value = ServerErrorValue::parse("too\nbusy");
        assert_eq!(value.to_string(), "too\\nbusy");
    }
}
