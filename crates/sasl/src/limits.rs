//! How long a message may be, and turning one into text.

use crate::error::{SaslError, SaslMessage};

/// Most bytes of a SCRAM message. Real ones have a few hundred.
pub const SCRAM_MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Most bytes of a PLAIN message. Some services want a signed token as the password.
pub const PLAIN_MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Most bytes of an OAUTHBEARER message. Tokens with many groups have tens of kilobytes.
pub const OAUTHBEARER_MESSAGE_BYTES_MAX: usize = 128 * 1024;

const fn limit(message: SaslMessage) -> usize {
    match message {
        SaslMessage::ClientFirst
        | SaslMessage::ServerFirst
        | SaslMessage::ClientFinal
        | SaslMessage::ServerFinal => SCRAM_MESSAGE_BYTES_MAX,
        SaslMessage::Plain => PLAIN_MESSAGE_BYTES_MAX,
        SaslMessage::TokenMessage | SaslMessage::TokenError | SaslMessage::TokenErrorAnswer => {
            OAUTHBEARER_MESSAGE_BYTES_MAX
        }
    }
}

/// The bytes as text, if they are short enough and UTF-8.
pub(crate) fn text(message: SaslMessage, bytes: &[u8]) -> Result<&str, SaslError> {
    let limit = limit(message);
    if bytes.len() > limit {
        return Err(SaslError::MessageTooLong { message, length: bytes.len(), limit });
    }
    std::str::from_utf8(bytes)
        .map_err(|error| SaslError::MessageNotUtf8 { message, position: error.valid_up_to() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_long_messages_before_looking_at_them() {
        let bytes = vec![0xff; SCRAM_MESSAGE_BYTES_MAX + 1];
        assert_eq!(
            text(SaslMessage::ServerFirst, &bytes),
            Err(SaslError::MessageTooLong {
                message: SaslMessage::ServerFirst,
                length: SCRAM_MESSAGE_BYTES_MAX + 1,
                limit: SCRAM_MESSAGE_BYTES_MAX,
            })
        );
    }

    #[test]
    fn says_where_utf8_ends() {
        assert_eq!(
            text(SaslMessage::Plain, b"ab\xff"),
            Err(SaslError::MessageNotUtf8 { message: SaslMessage::Plain, position: 2 })
        );
    }
}
