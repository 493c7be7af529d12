//! What can go wrong in an exchange: which rule was broken, by whom, and what to do about it.

use std::fmt;

use crate::mechanism::Mechanism;
use crate::saslprep::PrepareError;
use crate::scram::ServerErrorValue;

/// Why an exchange could not be started or did not succeed. No variant carries a secret.
///
/// Text that comes from the peer is cut after 128 characters and its control characters are
/// escaped. [`SaslError::kind`] says whose fault it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// A value that must not be empty is.
    #[error("{field} is empty; it needs at least one character")]
    Empty {
        /// Which value.
        field: Field,
    },
    /// A value has a character that its mechanism cannot carry.
    #[error("{field} has a forbidden character at byte {position}: {rule}")]
    ForbiddenCharacter {
        /// Which value.
        field: Field,
        /// Offset of the character in the value, in bytes.
        position: usize,
        /// The rule that forbids it.
        rule: &'static str,
    },
    /// A value is not UTF-8.
    #[error("{field} is not valid UTF-8; SASL carries text as UTF-8 only")]
    NotUtf8 {
        /// Which value.
        field: Field,
    },
    /// A value cannot be prepared as RFC 4013 demands.
    #[error(
        "{field} does not pass SASLprep (RFC 4013); choose another one, or send it as it is with \
         `Preparation::None` when the broker stored it so"
    )]
    Unprepared {
        /// Which value.
        field: Field,
        /// The rule of SASLprep.
        source: PrepareError,
    },
    /// The nonce is too short or too long.
    #[error("the nonce has {length} characters; it needs between {minimum} and {maximum}")]
    NonceLength {
        /// Characters given.
        length: usize,
        /// Fewest allowed.
        minimum: usize,
        /// Most allowed.
        maximum: usize,
    },
    /// The ceiling for iterations is below the least that the mechanism allows.
    #[error("a ceiling of {ceiling} iterations is below the least allowed, {minimum}; raise it")]
    IterationCeiling {
        /// The ceiling given.
        ceiling: u32,
        /// The least allowed.
        minimum: u32,
    },
    /// A key of a stored credential does not have the length of its hash.
    #[error("{field} has {length} bytes; {mechanism} needs {expected}")]
    KeyLength {
        /// Which key.
        field: Field,
        /// The mechanism of the credential.
        mechanism: Mechanism,
        /// Bytes given.
        length: usize,
        /// Bytes needed.
        expected: usize,
    },
    /// An OAUTHBEARER extension cannot be sent.
    #[error("extension `{name}` cannot be sent: {rule}")]
    Extension {
        /// Name of the extension.
        name: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A claim cannot be put into an unsecured token.
    #[error("claim `{name}` cannot be put into a token: {rule}")]
    Claim {
        /// Name of the claim.
        name: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// The exchange was driven out of order by its caller.
    #[error("the exchange was called out of order: {expected}")]
    OutOfOrder {
        /// What the exchange can do.
        expected: &'static str,
    },

    /// A message is longer than anything legitimate.
    #[error("{message} has {length} bytes; at most {limit} are accepted")]
    MessageTooLong {
        /// Which message.
        message: SaslMessage,
        /// Its length in bytes.
        length: usize,
        /// The most that is accepted, in bytes.
        limit: usize,
    },
    /// A message is not UTF-8.
    #[error("{message} is not valid UTF-8 from byte {position} on; is the peer a Kafka broker?")]
    MessageNotUtf8 {
        /// Which message.
        message: SaslMessage,
        /// How many bytes were valid.
        position: usize,
    },
    /// A message lacks an attribute, or has another one in its place.
    #[error("{message} lacks the attribute `{attribute}=` ({meaning}) in its place")]
    MissingAttribute {
        /// Which message.
        message: SaslMessage,
        /// Name of the attribute.
        attribute: char,
        /// What the attribute is for.
        meaning: &'static str,
    },
    /// A message is not built as its RFC says.
    #[error("{message} is malformed: {rule}")]
    Malformed {
        /// Which message.
        message: SaslMessage,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A name in a message is escaped wrongly or empty.
    #[error("a name in {message} is malformed: {rule}")]
    MalformedName {
        /// Which message.
        message: SaslMessage,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// An attribute is not base64.
    #[error("the attribute `{attribute}=` of {message} is not valid base64 with padding")]
    NotBase64 {
        /// Which message.
        message: SaslMessage,
        /// Name of the attribute.
        attribute: char,
    },
    /// The server's salt has no bytes.
    #[error("the server's salt is empty; store the credential again with a random salt")]
    EmptySalt,
    /// The peer demands an extension (`m=`) that nobody has defined.
    #[error("{message} demands a mandatory extension (`m=`), and none is supported")]
    MandatoryExtension {
        /// Which message.
        message: SaslMessage,
    },
    /// The server's nonce does not extend ours: somebody replays or tampers.
    #[error(
        "the server's nonce does not begin with the client's and add to it (RFC 5802, 5.1); \
         the server is broken or an attacker answers in its place"
    )]
    NonceNotExtended,
    /// The client's last message repeats another nonce than the server sent.
    #[error("client-final-message does not repeat the nonce of this exchange")]
    NonceMismatch,
    /// The number of iterations is out of the allowed range.
    #[error(
        "{found} iterations are out of the allowed range {minimum} to {maximum}; store the \
         credential again within it, or raise the ceiling if the server is trusted"
    )]
    IterationsOutOfRange {
        /// Iterations found; the largest number when there are even more.
        found: u64,
        /// Fewest allowed.
        minimum: u32,
        /// Most allowed.
        maximum: u32,
    },
    /// The server could not prove that it knows the credential.
    #[error(
        "the server's signature is wrong: it does not know the credential of this user, so it is \
         not the server that it claims to be"
    )]
    ServerSignature,
    /// The client wants a channel binding.
    #[error("the client asks for channel binding, which Kafka does not have; use the flag `n`")]
    ChannelBinding,
    /// The client's `c=` is not the header of its first message.
    #[error("the channel binding `c=` does not repeat the header of client-first-message")]
    ChannelBindingMismatch,

    /// The server ended a SCRAM exchange with `e=`.
    #[error("the server refused the exchange in {message}: {value}")]
    ServerRefused {
        /// The message that carried `e=`.
        message: SaslMessage,
        /// What the server says.
        value: ServerErrorValue,
    },
    /// The server refused an OAUTHBEARER token.
    #[error(
        "the server refused the token with status `{status}`{}; get a token that it accepts",
        suffix(scope.as_deref(), openid_configuration.as_deref())
    )]
    TokenRefused {
        /// The status, for example `invalid_token`.
        status: String,
        /// The scope that the server asks for.
        scope: Option<String>,
        /// Address of the OpenID configuration that the server names.
        openid_configuration: Option<String>,
    },
    /// The client did not prove its identity. Says not whether the user exists.
    #[error("authentication failed with {mechanism}: invalid credentials")]
    InvalidCredentials {
        /// The mechanism used.
        mechanism: Mechanism,
    },
    /// The client is who it says, but may not act as the identity that it asks for.
    #[error(
        "user `{username}` may not act as `{authorization_id}`; leave the authorization id out"
    )]
    AuthorizationRefused {
        /// Who authenticated.
        username: String,
        /// As whom it wants to act.
        authorization_id: String,
    },
    /// A token validator refused the token, for the reason given. For the server's log.
    #[error("the token was refused: {reason}")]
    TokenInvalid {
        /// Why, without any part of the token that is secret.
        reason: String,
    },
}

/// Whose fault a [`SaslError`] is, and so what can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SaslErrorKind {
    /// Our own side gave something unusable: change the configuration or the calls.
    Local,
    /// The peer broke the protocol: it is broken, no Kafka, or hostile.
    Protocol,
    /// The exchange went by the rules and the answer is no: change the credentials.
    Refused,
}

impl SaslError {
    /// Whose fault the error is.
    #[must_use]
    pub const fn kind(&self) -> SaslErrorKind {
        match self {
            Self::Empty { .. }
            | Self::ForbiddenCharacter { .. }
            | Self::NotUtf8 { .. }
            | Self::Unprepared { .. }
            | Self::NonceLength { .. }
            | Self::IterationCeiling { .. }
            | Self::KeyLength { .. }
            | Self::Extension { .. }
            | Self::Claim { .. }
            | Self::OutOfOrder { .. } => SaslErrorKind::Local,
            Self::MessageTooLong { .. }
            | Self::MessageNotUtf8 { .. }
            | Self::MissingAttribute { .. }
            | Self::Malformed { .. }
            | Self::MalformedName { .. }
            | Self::NotBase64 { .. }
            | Self::EmptySalt
            | Self::MandatoryExtension { .. }
            | Self::NonceNotExtended
            | Self::NonceMismatch
            | Self::IterationsOutOfRange { .. }
            | Self::ServerSignature
            | Self::ChannelBinding
            | Self::ChannelBindingMismatch => SaslErrorKind::Protocol,
            Self::ServerRefused { .. }
            | Self::TokenRefused { .. }
            | Self::InvalidCredentials { .. }
            | Self::AuthorizationRefused { .. }
            | Self::TokenInvalid { .. } => SaslErrorKind::Refused,
        }
    }
}

/// A value that the caller or the user gives, named in errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The name to authenticate with.
    Username,
    /// The password.
    Password,
    /// The identity to act as.
    AuthorizationId,
    /// The OAUTHBEARER token.
    Token,
    /// The nonce of a SCRAM exchange.
    Nonce,
    /// The salt of a SCRAM credential.
    Salt,
    /// The stored key of a SCRAM credential.
    StoredKey,
    /// The server key of a SCRAM credential.
    ServerKey,
    /// The salted password of a SCRAM credential.
    SaltedPassword,
    /// The server's own secret, from which the salts of unknown users are derived.
    ServerSecret,
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Username => "the user name",
            Self::Password => "the password",
            Self::AuthorizationId => "the authorization id",
            Self::Token => "the token",
            Self::Nonce => "the nonce",
            Self::Salt => "the salt",
            Self::StoredKey => "the stored key",
            Self::ServerKey => "the server key",
            Self::SaltedPassword => "the salted password",
            Self::ServerSecret => "the server's secret",
        })
    }
}

/// A message of an exchange, by the name that its RFC gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SaslMessage {
    /// The one message of PLAIN.
    Plain,
    /// SCRAM `client-first-message`.
    ClientFirst,
    /// SCRAM `server-first-message`.
    ServerFirst,
    /// SCRAM `client-final-message`.
    ClientFinal,
    /// SCRAM `server-final-message`.
    ServerFinal,
    /// OAUTHBEARER: the client's first message with the token.
    TokenMessage,
    /// OAUTHBEARER: the JSON with which a server refuses a token.
    TokenError,
    /// OAUTHBEARER: the client's answer to a refusal.
    TokenErrorAnswer,
}

impl fmt::Display for SaslMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plain => "the PLAIN message",
            Self::ClientFirst => "client-first-message",
            Self::ServerFirst => "server-first-message",
            Self::ClientFinal => "client-final-message",
            Self::ServerFinal => "server-final-message",
            Self::TokenMessage => "the OAUTHBEARER client message",
            Self::TokenError => "the OAUTHBEARER error status",
            Self::TokenErrorAnswer => "the client's answer to the OAUTHBEARER error status",
        })
    }
}

fn suffix(scope: Option<&str>, openid_configuration: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(scope) = scope {
        text.push_str(&format!(", scope `{scope}`"));
    }
    if let Some(address) = openid_configuration {
        text.push_str(&format!(", OpenID configuration `{address}`"));
    }
    text
}

/// Most characters of a peer's text that an error keeps.
const EXCERPT_CHARS: usize = 128;

/// A peer's text made fit for an error: short, and without control characters.
pub(crate) fn excerpt(text: &str) -> String {
    let mut excerpt = String::new();
    let mut chars = text.chars();
    for character in chars.by_ref().take(EXCERPT_CHARS) {
        if character.is_control() {
            excerpt.extend(character.escape_default());
        } else {
            excerpt.push(character);
        }
    }
    if chars.next().is_some() {
        excerpt.push('…');
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpt_is_short_and_printable() {
        assert_eq!(excerpt("a\n\u{1b}b"), "a\\n\\u{1b}b");
        assert_eq!(excerpt(&"é".repeat(500)).chars().count(), EXCERPT_CHARS + 1);
    }

    #[test]
    fn token_refusal_names_what_the_server_asks_for() {
        let error = SaslError::TokenRefused {
            status: "insufficient_scope".into(),
            scope: Some("kafka".into()),
            openid_configuration: None,
        };
        assert_eq!(
            error.to_string(),
            "the server refused the token with status `insufficient_scope`, scope `kafka`; get a \
             token that it accepts"
        );
        assert_eq!(error.kind(), SaslErrorKind::Refused);
    }
}
