//! Reading and writing the messages of OAUTHBEARER (the grammar of RFC 7628, 3.1 and 3.2.2).

use serde::{Deserialize, Serialize};

use crate::error::{Field, SaslError, SaslMessage, excerpt};
use crate::secret::Secret;

/// Separates the key-value pairs; alone, it is the client's answer to a refusal.
const SEPARATOR: char = '\u{1}';
/// What the client answers to a refusal.
pub(super) const ERROR_ANSWER: &[u8] = b"\x01";
/// The key of the token; an extension may not have it.
const AUTH: &str = "auth";
/// The scheme of the token.
const BEARER: &str = "Bearer";

/// The client's message as a server reads it.
pub(super) struct TokenMessage<'a> {
    /// Unescaped; empty when there is none.
    pub(super) authorization_id: String,
    pub(super) token: &'a str,
    pub(super) extensions: Vec<(&'a str, &'a str)>,
}

impl<'a> TokenMessage<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, SaslError> {
        let message = SaslMessage::TokenMessage;
        let malformed = |rule| SaslError::Malformed { message, rule };
        let rest = match text.split_once(',') {
            Some(("n" | "y", rest)) => rest,
            Some((flag, _)) if flag.starts_with("p=") => return Err(SaslError::ChannelBinding),
            _ => return Err(malformed("it must begin with `n,` or `y,`")),
        };
        let (authorization_id, pairs) =
            rest.split_once(',').ok_or_else(|| malformed("a comma must end the header"))?;
        let authorization_id = match authorization_id.strip_prefix("a=") {
            Some(name) => unescape(name)?,
            None if authorization_id.is_empty() => String::new(),
            None => return Err(malformed("the header must have `a=` or nothing in its middle")),
        };
        let pairs = pairs
            .strip_prefix(SEPARATOR)
            .and_then(|pairs| pairs.strip_suffix(SEPARATOR))
            .ok_or_else(|| malformed("its pairs must stand between two bytes 0x01"))?;
        let pairs = pairs
            .strip_suffix(SEPARATOR)
            .ok_or_else(|| malformed("every pair must end with the byte 0x01"))?;

        let mut token = None;
        let mut extensions: Vec<(&str, &str)> = Vec::new();
        for pair in pairs.split(SEPARATOR) {
            let (key, value) =
                pair.split_once('=').ok_or_else(|| malformed("every pair must be `key=value`"))?;
            if !is_key(key) || !is_value(value) {
                return Err(malformed("a pair has a key or a value with forbidden characters"));
            }
            if key != AUTH {
                extensions.push((key, value));
            } else if token.replace(bearer(value)?).is_some() {
                return Err(malformed("`auth` stands twice"));
            }
        }
        let token = token.ok_or_else(|| malformed("`auth` with the token is missing"))?;
        Ok(Self { authorization_id, token, extensions })
    }

    pub(super) fn write(
        authorization_id: Option<&str>,
        token: &Secret,
        extensions: &[(String, String)],
    ) -> Secret {
        let mut header = "n,".to_owned();
        if let Some(name) = authorization_id {
            header.push_str("a=");
            header.push_str(&name.replace('=', "=3D").replace(',', "=2C"));
        }
        header.push_str(",\u{1}auth=Bearer ");
        let mut tail = "\u{1}".to_owned();
        for (key, value) in extensions {
            tail.extend([key, "=", value, "\u{1}"]);
        }
        tail.push(SEPARATOR);
        Secret::concat(&[header.as_bytes(), token.expose(), tail.as_bytes()])
    }
}

/// Takes the token out of `Bearer TOKEN`; the scheme's case does not matter (RFC 7235, 2.1).
fn bearer(value: &str) -> Result<&str, SaslError> {
    let message = SaslMessage::TokenMessage;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(BEARER) => {
            let token = token.trim_matches(' ');
            if forbidden_in_token(token).is_some() || token.is_empty() {
                let rule = "the token is empty or has characters that RFC 6750 forbids";
                return Err(SaslError::Malformed { message, rule });
            }
            Ok(token)
        }
        _ => {
            let rule = "`auth` must be `Bearer`, a space and the token";
            Err(SaslError::Malformed { message, rule })
        }
    }
}

fn unescape(name: &str) -> Result<String, SaslError> {
    let message = SaslMessage::TokenMessage;
    if name.is_empty() {
        return Err(SaslError::MalformedName { message, rule: "it is empty" });
    }
    let unescaped = name.replace("=2C", ",");
    let rest = name.replace("=2C", "").replace("=3D", "");
    if rest.contains('=') {
        let rule = "it has `=` that is neither `=2C` nor `=3D`";
        return Err(SaslError::MalformedName { message, rule });
    }
    Ok(unescaped.replace("=3D", "="))
}

/// Position of the first byte that no bearer token has (`b64token` of RFC 6750, 2.1).
pub(super) fn forbidden_in_token(token: &str) -> Option<usize> {
    let end = token.trim_end_matches('=').len();
    token.bytes().enumerate().position(|(position, byte)| {
        let allowed = byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        !(allowed || (byte == b'=' && position >= end && end > 0))
    })
}

/// Checks a token before it is sent. The error tells the position and nothing else of it.
pub(super) fn check_token(token: &Secret) -> Result<(), SaslError> {
    let field = Field::Token;
    let text = token.expose_str().ok_or(SaslError::NotUtf8 { field })?;
    if text.is_empty() {
        return Err(SaslError::Empty { field });
    }
    match forbidden_in_token(text) {
        None => Ok(()),
        Some(position) => {
            let rule = "a bearer token has letters, digits and `-._~+/` only, and `=` at its end";
            Err(SaslError::ForbiddenCharacter { field, position, rule })
        }
    }
}

/// Checks an extension before it is sent.
pub(super) fn check_extension(key: &str, value: &str) -> Result<(), SaslError> {
    let rule = if key == AUTH {
        "`auth` is the key of the token"
    } else if !is_key(key) {
        "a name has letters only (RFC 7628, 3.1)"
    } else if value.is_empty() || !is_value(value) {
        "a value has printable ASCII, spaces, tabs and line ends only, and is not empty"
    } else {
        return Ok(());
    };
    Err(SaslError::Extension { name: excerpt(key), rule })
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic() || b" \t\r\n".contains(&byte))
}

/// The JSON with which a server refuses (RFC 7628, 3.2.2).
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenError {
    pub(super) status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<String>,
    #[serde(default, rename = "openid-configuration", skip_serializing_if = "Option::is_none")]
    pub(super) openid_configuration: Option<String>,
}

impl TokenError {
    pub(super) fn parse(text: &str) -> Result<Self, SaslError> {
        serde_json::from_str(text).map_err(|_| SaslError::Malformed {
            message: SaslMessage::TokenError,
            rule: "it must be a JSON object with the text `status` (RFC 7628, 3.2.2)",
        })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("three texts can always be written as JSON")
    }
}

#[cfg(test)]
mod tests;
