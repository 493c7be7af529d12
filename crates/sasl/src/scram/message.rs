//! Reading and writing the messages of SCRAM (the grammar of RFC 5802, 7).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{SaslError, SaslMessage};
use crate::scram::nonce::is_nonce_byte;
use crate::scram::server_error::ServerErrorValue;

/// Kafka's extension for delegation tokens (KIP-48).
const TOKEN_AUTH: &str = "tokenauth";

/// `client-first-message` as a server reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFirst<'a> {
    /// The header with both commas, which `c=` must repeat.
    pub(super) gs2_header: &'a str,
    /// The rest, which is signed.
    pub(super) bare: &'a str,
    /// Unescaped; empty when there is none.
    pub(super) authorization_id: String,
    /// Unescaped.
    pub(super) username: String,
    pub(super) nonce: &'a str,
    pub(super) token_auth: bool,
}

impl<'a> ClientFirst<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, SaslError> {
        let message = SaslMessage::ClientFirst;
        let malformed = |rule| SaslError::Malformed { message, rule };
        let header_rule = "it must begin with `n,` or `y,`, an optional `a=` and a comma";
        let (flag, rest) = text.split_once(',').ok_or_else(|| malformed(header_rule))?;
        match flag {
            "n" | "y" => {}
            _ if flag.starts_with("p=") => return Err(SaslError::ChannelBinding),
            _ => return Err(malformed(header_rule)),
        }
        let (authorization_id, bare) =
            rest.split_once(',').ok_or_else(|| malformed(header_rule))?;
        let authorization_id = match authorization_id.strip_prefix("a=") {
            Some(name) => unescape(message, name)?,
            None if authorization_id.is_empty() => String::new(),
            None => return Err(malformed(header_rule)),
        };
        let header_length = text.len().saturating_sub(bare.len());
        let gs2_header = text.get(..header_length).ok_or_else(|| malformed(header_rule))?;

        let mut attributes = Attributes::new(message, bare);
        let username = unescape(message, attributes.require('n', "the user name")?)?;
        let nonce = nonce(message, attributes.require('r', "the nonce")?)?;
        let mut token_auth = false;
        attributes.extensions(|name, value| {
            if name == TOKEN_AUTH {
                token_auth = value == "true";
            }
        })?;
        Ok(Self { gs2_header, bare, authorization_id, username, nonce, token_auth })
    }

    /// The part of the message after the header.
    pub(super) fn write_bare(username: &str, nonce: &str, token_auth: bool) -> String {
        let token_auth = if token_auth { ",tokenauth=true" } else { "" };
        format!("n={},r={nonce}{token_auth}", escape(username))
    }

    /// The header: no channel binding, and the authorization id if there is one.
    pub(super) fn write_gs2_header(authorization_id: Option<&str>) -> String {
        authorization_id.map_or_else(|| "n,,".to_owned(), |name| format!("n,a={},", escape(name)))
    }
}

/// `server-first-message` as a client reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerFirst<'a> {
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u64,
}

impl<'a> ServerFirst<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, SaslError> {
        let message = SaslMessage::ServerFirst;
        refused(message, text)?;
        let mut attributes = Attributes::new(message, text);
        let nonce = nonce(message, attributes.require('r', "the nonce")?)?;
        let salt = attributes.require('s', "the salt")?;
        let iterations = iterations(message, attributes.require('i', "the iterations")?)?;
        attributes.extensions(|_, _| {})?;
        if salt.is_empty() {
            return Err(SaslError::EmptySalt);
        }
        let salt = base64(message, 's', salt)?;
        Ok(Self { nonce, salt, iterations })
    }

    pub(super) fn write(nonce: &str, salt: &[u8], iterations: u32) -> String {
        format!("r={nonce},s={},i={iterations}", STANDARD.encode(salt))
    }
}

/// `client-final-message` as a server reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFinal<'a> {
    pub(super) without_proof: &'a str,
    pub(super) channel_binding: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: Vec<u8>,
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, SaslError> {
        let message = SaslMessage::ClientFinal;
        // The proof is the last attribute and base64 has no comma, so the last `,p=` is its.
        let (without_proof, proof) = text
            .rsplit_once(",p=")
            .ok_or(SaslError::MissingAttribute { message, attribute: 'p', meaning: "the proof" })?;
        let mut attributes = Attributes::new(message, without_proof);
        let channel_binding = attributes.require('c', "the channel binding")?;
        let nonce = nonce(message, attributes.require('r', "the nonce")?)?;
        attributes.extensions(|_, _| {})?;
        let channel_binding = base64(message, 'c', channel_binding)?;
        let proof = base64(message, 'p', proof)?;
        Ok(Self { without_proof, channel_binding, nonce, proof })
    }

    pub(super) fn write_without_proof(gs2_header: &str, nonce: &str) -> String {
        format!("c={},r={nonce}", STANDARD.encode(gs2_header))
    }

    pub(super) fn write(without_proof: &str, proof: &[u8]) -> String {
        format!("{without_proof},p={}", STANDARD.encode(proof))
    }
}

/// `server-final-message`: the server's signature.
pub(super) struct ServerFinal;

impl ServerFinal {
    /// The signature as a client reads it.
    pub(super) fn parse(text: &str) -> Result<Vec<u8>, SaslError> {
        let message = SaslMessage::ServerFinal;
        refused(message, text)?;
        let mut attributes = Attributes::new(message, text);
        let verifier = attributes.require('v', "the server's signature")?;
        attributes.extensions(|_, _| {})?;
        base64(message, 'v', verifier)
    }

    pub(super) fn write(signature: &[u8]) -> String {
        format!("v={}", STANDARD.encode(signature))
    }

    pub(super) fn write_error(value: &ServerErrorValue) -> String {
        format!("e={value}")
    }
}

/// The three messages that both sides sign.
pub(super) fn auth_message(client_first: &str, server_first: &str, without_proof: &str) -> String {
    format!("{client_first},{server_first},{without_proof}")
}

/// Attributes in the order of the grammar: each is asked for by its name.
struct Attributes<'a> {
    message: SaslMessage,
    rest: Option<&'a str>,
}

impl<'a> Attributes<'a> {
    const fn new(message: SaslMessage, text: &'a str) -> Self {
        Self { message, rest: Some(text) }
    }

    /// The next `name=value`, with `m=` refused wherever it stands.
    fn next(&mut self) -> Result<Option<(&'a str, &'a str)>, SaslError> {
        let message = self.message;
        let Some(rest) = self.rest else { return Ok(None) };
        let (attribute, rest) = match rest.split_once(',') {
            Some((attribute, rest)) => (attribute, Some(rest)),
            None => (rest, None),
        };
        self.rest = rest;
        let rule = "it must be made of `name=value`, separated by commas, without NUL";
        let malformed = SaslError::Malformed { message, rule };
        let Some((name, value)) = attribute.split_once('=') else { return Err(malformed) };
        if name == "m" {
            return Err(SaslError::MandatoryExtension { message });
        }
        // RFC 5802 has names of one letter; Kafka's `tokenauth` has more.
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(malformed);
        }
        if value.contains('\0') {
            return Err(malformed);
        }
        Ok(Some((name, value)))
    }

    /// The value of the next attribute, which must have this name.
    fn require(&mut self, name: char, meaning: &'static str) -> Result<&'a str, SaslError> {
        let missing =
            SaslError::MissingAttribute { message: self.message, attribute: name, meaning };
        if self.rest.is_none_or(str::is_empty) {
            return Err(missing);
        }
        match self.next()? {
            Some((found, value)) if found.chars().eq([name]) => Ok(value),
            _ => Err(missing),
        }
    }

    /// Reads what follows the known attributes. Unknown extensions are ignored, as RFC 5802, 5.1
    /// demands; a known attribute in their place is not.
    fn extensions(mut self, mut take: impl FnMut(&'a str, &'a str)) -> Result<(), SaslError> {
        while let Some((name, value)) = self.next()? {
            if matches!(name, "a" | "n" | "r" | "c" | "s" | "i" | "p" | "v" | "e") {
                let rule = "an attribute stands twice or out of its place";
                return Err(SaslError::Malformed { message: self.message, rule });
            }
            take(name, value);
        }
        Ok(())
    }
}

/// A message that begins with `e=` is a refusal, whatever step it is.
fn refused(message: SaslMessage, text: &str) -> Result<(), SaslError> {
    let Some(rest) = text.strip_prefix("e=") else { return Ok(()) };
    let value = rest.split_once(',').map_or(rest, |(value, _)| value);
    Err(SaslError::ServerRefused { message, value: ServerErrorValue::parse(value) })
}

fn nonce(message: SaslMessage, value: &str) -> Result<&str, SaslError> {
    if !value.is_empty() && value.bytes().all(is_nonce_byte) {
        return Ok(value);
    }
    let rule = "the nonce `r=` is empty or has a character that is not printable ASCII";
    Err(SaslError::Malformed { message, rule })
}

/// `posit-number`: digits, the first one not zero.
fn iterations(message: SaslMessage, value: &str) -> Result<u64, SaslError> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || value.is_empty() || value.starts_with('0') {
        let rule = "the iterations `i=` are no positive number without sign or leading zero";
        return Err(SaslError::Malformed { message, rule });
    }
    // Only a number too large for the type is left as a reason to fail; every ceiling is below.
    Ok(value.parse().unwrap_or(u64::MAX))
}

fn base64(message: SaslMessage, attribute: char, value: &str) -> Result<Vec<u8>, SaslError> {
    STANDARD.decode(value).map_err(|_| SaslError::NotBase64 { message, attribute })
}

/// `saslname`: the comma and the equals sign are escaped.
pub(super) fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// Takes the escapes of a `saslname` out; any other use of the equals sign is an error.
fn unescape(message: SaslMessage, escaped: &str) -> Result<String, SaslError> {
    let mut parts = escaped.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(rest) = part.strip_prefix("2C") {
            name.push(',');
            name.push_str(rest);
        } else if let Some(rest) = part.strip_prefix("3D") {
            name.push('=');
            name.push_str(rest);
        } else {
            let rule = "it has `=` that is neither `=2C` nor `=3D`";
            return Err(SaslError::MalformedName { message, rule });
        }
    }
    if name.is_empty() {
        return Err(SaslError::MalformedName { message, rule: "it is empty" });
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
