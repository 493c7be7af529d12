//! What an endpoint answers: a token, or why there is none.
//!
//! Spec: RFC6749#5, RFC7519#4.1.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use super::super::Secret;

/// The most characters of an answer that an error shows.
const SHOWN_CHARACTERS_MAX: usize = 300;

/// A token and its life.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) value: Secret,
    pub(super) from: SystemTime,
    pub(super) until: SystemTime,
}

/// Reads the answer of an endpoint that gives a token.
pub(super) fn token(body: &[u8], now: SystemTime) -> Result<Token, String> {
    let json: Value =
        serde_json::from_slice(body).map_err(|_| "its answer is not JSON".to_owned())?;
    let value = ["access_token", "id_token"]
        .into_iter()
        .filter_map(|name| json.get(name)?.as_str())
        .map(str::trim)
        .find(|text| !text.is_empty())
        .ok_or("its answer has no access_token")?;
    let expires_in = json.get("expires_in").and_then(seconds);
    with_life(value, expires_in.map(|life| now + life), now)
}

/// Reads a token alone, as a file has it.
pub(super) fn bare_token(text: &str, now: SystemTime) -> Result<Token, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    with_life(text, None, now)
}

/// The life of a token is what its own claims say, or else the answer around it; brokers look at the
/// claims.
fn with_life(value: &str, until: Option<SystemTime>, now: SystemTime) -> Result<Token, String> {
    let claims = claims(value);
    let time = |name: &str| {
        let since_epoch = claims.as_ref()?.get(name).and_then(seconds)?;
        SystemTime::UNIX_EPOCH.checked_add(since_epoch)
    };
    let until = time("exp").or(until).ok_or(
        "its life is unknown: it is no JWT with the claim exp, and there is no expires_in",
    )?;
    if until <= now {
        return Err("it has expired already; is this machine's clock right?".to_owned());
    }
    Ok(Token { value: Secret::from(value), from: time("iat").unwrap_or(now).min(now), until })
}

/// The claims of a JWT.
fn claims(value: &str) -> Option<Value> {
    let mut parts = value.split('.');
    let (Some(_), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// Seconds as a number, or as the text that some endpoints make of it; at most a thousand years.
fn seconds(value: &Value) -> Option<Duration> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    let number = if number.is_finite() { number.clamp(0.0, 32e9) } else { return None };
    Duration::try_from_secs_f64(number).ok()
}

/// What an endpoint says about its refusal, in one line, without the secrets that it was sent.
pub(super) fn refusal(body: &[u8], secrets: &[&str]) -> String {
    let text = String::from_utf8_lossy(body);
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(json) => {
            let field = |name: &str| json.get(name).and_then(Value::as_str);
            let code = field("error").or_else(|| field("errorCode"));
            let words = field("error_description").or_else(|| field("errorSummary"));
            match (code, words) {
                (Some(code), Some(words)) => format!("{code} ({words})"),
                (Some(one), None) | (None, Some(one)) => one.to_owned(),
                (None, None) => text.into_owned(),
            }
        }
        Err(_) => text.into_owned(),
    };
    let mut said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        said = said.replace(secret, "********");
    }
    let mut shown: String = said
        .chars()
        .take(SHOWN_CHARACTERS_MAX)
        .map(|character| if character.is_control() { '?' } else { character })
        .collect();
    if said.chars().count() > SHOWN_CHARACTERS_MAX {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn jwt(claims: &str) -> String {
        format!("e30.{}.sig", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn claims_say_how_long_a_token_lives() {
        let body =
            format!(r#"{{"access_token":"{}","expires_in":5}}"#, jwt(r#"{"exp":2000,"iat":900}"#));
        let token = token(body.as_bytes(), at(1000)).unwrap();
        assert_eq!((token.from, token.until), (at(900), at(2000)));
        assert!(!format!("{token:?}").contains("e30"), "{token:?}");
        let bare = bare_token(&format!("{}\n", jwt(r#"{"exp":"1500.0"}"#)), at(1000)).unwrap();
        assert_eq!((bare.from, bare.until), (at(1000), at(1500)));
    }

    #[test]
    fn opaque_tokens_live_as_long_as_the_answer_says() {
        let token = token(br#"{"access_token":"opaque","expires_in":60}"#, at(1000)).unwrap();
        assert_eq!((token.value.reveal(), token.until), ("opaque", at(1060)));
    }

    #[test]
    fn answers_without_a_usable_token_are_explained() {
        let expired = format!(r#"{{"access_token":"{}"}}"#, jwt(r#"{"exp":999}"#));
        for (body, expected) in [
            ("<html>", "not JSON"),
            ("{}", "no access_token"),
            (r#"{"access_token":" "}"#, "no access_token"),
            (r#"{"access_token":"opaque"}"#, "its life is unknown"),
            (r#"{"access_token":"a.b.c","expires_in":"soon"}"#, "its life is unknown"),
            (&expired, "expired already"),
        ] {
            let error = token(body.as_bytes(), at(1000)).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
        }
        assert!(token(br#"{"access_token":"a","expires_in":1e300}"#, at(1000)).is_ok());
        assert!(bare_token(" \n", at(0)).is_err());
    }

    #[test]
    fn refusals_are_one_line_without_secrets() {
        let body = br#"{"error":"invalid_client","error_description":"no\nclient with geheim"}"#;
        assert_eq!(refusal(body, &["geheim", ""]), "invalid_client (no client with ********)");
        assert_eq!(refusal(b"<h1>\n Bad\x07 </h1>", &[]), "<h1> Bad? </h1>");
        let long = refusal("ä".repeat(1000).as_bytes(), &[]);
        assert_eq!(long.chars().count(), 303);
        assert_eq!(refusal(b"", &[]), "");
    }
}
