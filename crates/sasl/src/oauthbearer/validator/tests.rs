use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

use super::*;

const NOW: u64 = 1_000;

fn token(header: &str, payload: &str) -> String {
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

fn validate(
    validator: &UnsecuredTokenValidator,
    token: &str,
) -> Result<ValidatedToken, TokenRefusal> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let token = Secret::from(token);
    validator.validate(&OAuthBearerLogin { token: &token, extensions: &[] }, now)
}

fn claims(payload: &str) -> Result<ValidatedToken, TokenRefusal> {
    validate(&UnsecuredTokenValidator::new(), &token(r#"{"alg":"none"}"#, payload))
}

fn reason(result: Result<ValidatedToken, TokenRefusal>) -> String {
    let refusal = result.unwrap_err();
    assert_eq!(refusal.status, "invalid_token");
    refusal.reason
}

#[test]
fn accepts_a_token_with_subject_and_end() {
    let validated =
        claims(r#"{"sub":"alice","iat":999.5,"exp":1000.5,"scope":"a b","x":[{}]}"#).unwrap();
    assert_eq!(validated.principal, "alice");
    assert_eq!(
        validated.expires_at,
        Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_500))
    );
    assert_eq!(validated.scope, ["a", "b"]);
    assert!(claims(r#"{"sub":"alice","exp":1001}"#).is_ok());
}

// Java writes its seconds as a double, which can come out with an exponent.
#[test]
fn accepts_numbers_with_exponent() {
    assert!(claims(r#"{"sub":"alice","iat":0.9E3,"exp":1.7000036E9}"#).is_ok());
}

#[test]
fn accepts_padding() {
    let padded = format!(
        "{}.{}.",
        URL_SAFE.encode(r#"{"alg":"none"}"#),
        URL_SAFE.encode(r#"{"sub":"alice","exp":1001}"#)
    );
    assert!(validate(&UnsecuredTokenValidator::new(), &padded).is_ok());
}

#[test]
fn refuses_expired_and_early_tokens() {
    assert!(reason(claims(r#"{"sub":"a","exp":1000}"#)).contains("expired"));
    assert!(reason(claims(r#"{"sub":"a","iat":1001,"exp":2000}"#)).contains("future"));
    assert!(reason(claims(r#"{"sub":"a","iat":900,"exp":900}"#)).contains("before"));
}

#[test]
fn allows_the_clock_skew_and_no_more() {
    let validator = UnsecuredTokenValidator::new().with_clock_skew(Duration::from_secs(30));
    let check = |payload| validate(&validator, &token(r#"{"alg":"none"}"#, payload));
    assert!(check(r#"{"sub":"a","exp":971}"#).is_ok());
    assert!(check(r#"{"sub":"a","exp":970}"#).is_err());
    assert!(check(r#"{"sub":"a","iat":1030,"exp":2000}"#).is_ok());
    assert!(check(r#"{"sub":"a","iat":1031,"exp":2000}"#).is_err());
}

#[test]
fn refuses_claims_that_break_a_rule() {
    for payload in [
        "",
        "[]",
        "{}",
        r#"{"exp":2000}"#,
        r#"{"sub":" ","exp":2000}"#,
        r#"{"sub":1,"exp":2000}"#,
        r#"{"sub":"a"}"#,
        r#"{"sub":"a","exp":null}"#,
        r#"{"sub":"a","exp":"2000"}"#,
        r#"{"sub":"a","exp":-1}"#,
        r#"{"sub":"a","exp":1e300}"#,
        r#"{"sub":"a","exp":2000,"iat":-1}"#,
        r#"{"sub":"a","sub":"b","exp":2000}"#,
        r#"{"sub":"a","exp":2000,"scope":1}"#,
    ] {
        reason(claims(payload));
    }
}

#[test]
fn refuses_tokens_that_are_signed_or_no_tokens() {
    let validator = UnsecuredTokenValidator::new();
    let payload = r#"{"sub":"a","exp":2000}"#;
    let good = token(r#"{"alg":"none"}"#, payload);
    assert!(validate(&validator, &good).is_ok());
    for bad in [
        token(r#"{"alg":"HS256"}"#, payload),
        token(r#"{"alg":"NONE"}"#, payload),
        token(r#"{"typ":"JWT"}"#, payload),
        token("none", payload),
        format!("{good}c2ln"),
        format!("{good}."),
        good.trim_end_matches('.').to_owned(),
        "!.!.".to_owned(),
        String::new(),
    ] {
        reason(validate(&validator, &bad));
    }
}

#[test]
fn requires_every_scope_asked_for() {
    let validator = UnsecuredTokenValidator::new().with_required_scope(["read", "write"]);
    let check = |payload| validate(&validator, &token(r#"{"alg":"none"}"#, payload));
    assert!(check(r#"{"sub":"a","exp":2000,"scope":["write","read","x"]}"#).is_ok());
    let refusal = check(r#"{"sub":"a","exp":2000,"scope":"read"}"#).unwrap_err();
    assert_eq!(refusal, TokenRefusal::insufficient_scope("write"));
}
