//! Reading an unsecured JWS (RFC 7515, 3.1 and RFC 7518, 3.6).

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// base64url; RFC 7515 has no padding, and some libraries write it all the same.
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a token says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) principal: String,
    pub(super) issued_at: Option<SystemTime>,
    pub(super) expires_at: SystemTime,
    pub(super) scope: Vec<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Payload {
    sub: Option<String>,
    iat: Option<f64>,
    exp: Option<f64>,
    scope: Option<Scope>,
}

/// OAuth writes one text with spaces, Kafka a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scope {
    Text(String),
    List(Vec<String>),
}

/// Reads an unsecured token, or says which rule it breaks. The texts carry nothing of the token.
pub(super) fn read(token: &Secret) -> Result<Claims, &'static str> {
    let text = token.expose_str().ok_or("it is not text")?;
    let mut parts = text.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("it has not the three parts of a JWS");
    };
    let header: Header = part(header).ok_or("its header is no JSON in base64url with `alg`")?;
    if header.alg != "none" {
        return Err("its `alg` is not `none`, and only unsecured tokens are accepted here");
    }
    if !signature.is_empty() {
        return Err("it has a signature though its `alg` is `none`");
    }
    let payload: Payload = part(payload).ok_or(
        "its payload is no JSON in base64url with a text `sub`, numbers `exp` and `iat`, and a \
         text or list of texts `scope`",
    )?;
    let principal = payload.sub.filter(|sub| !sub.trim().is_empty());
    let scope = match payload.scope {
        None => Vec::new(),
        Some(Scope::Text(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Scope::List(list)) => list,
    };
    Ok(Claims {
        principal: principal.ok_or("the claim `sub` is missing or empty")?,
        issued_at: payload.iat.map(|iat| time(iat).ok_or("`iat` is no time")).transpose()?,
        expires_at: time(payload.exp.ok_or("the claim `exp` is missing")?)
            .ok_or("`exp` is no time")?,
        scope,
    })
}

fn part<T: for<'de> Deserialize<'de>>(encoded: &str) -> Option<T> {
    let json = Zeroizing::new(URL_SAFE.decode(encoded).ok()?);
    serde_json::from_slice(&json).ok()
}

/// A `NumericDate`: seconds since 1970, with a fraction or without (RFC 7519, 2).
fn time(seconds: f64) -> Option<SystemTime> {
    let since_epoch = Duration::try_from_secs_f64(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(since_epoch)
}
