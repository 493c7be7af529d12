use super::*;

fn malformed(text: &str) -> bool {
    matches!(
        TokenMessage::parse(text).map(|_| ()),
        Err(SaslError::Malformed { message: SaslMessage::TokenMessage, .. })
    )
}

// Spec-test: RFC7628#4.1
#[test]
fn reads_the_examples_of_the_rfc() {
    let text = "n,a=user@example.com,\u{1}host=server.example.com\u{1}port=143\u{1}\
                auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}\u{1}";
    let message = TokenMessage::parse(text).unwrap();
    assert_eq!(message.authorization_id, "user@example.com");
    assert_eq!(message.token, "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
    assert_eq!(message.extensions, [("host", "server.example.com"), ("port", "143")]);
}

#[test]
fn reads_what_kafka_writes() {
    let message = TokenMessage::parse("n,,\u{1}auth=Bearer abc\u{1}a=b=c d\u{1}\u{1}").unwrap();
    assert_eq!((message.authorization_id.as_str(), message.token), ("", "abc"));
    assert_eq!(message.extensions, [("a", "b=c d")]);
    assert!(TokenMessage::parse("y,,\u{1}auth=bearer  abc\u{1}\u{1}").is_ok());
}

#[test]
fn refuses_messages_that_break_a_rule() {
    for text in [
        "",
        "n",
        "n,",
        "n,,",
        "x,,\u{1}auth=Bearer a\u{1}\u{1}",
        "n,b=c,\u{1}auth=Bearer a\u{1}\u{1}",
        "n,,auth=Bearer a\u{1}\u{1}",
        "n,,\u{1}",
        "n,,\u{1}\u{1}",
        "n,,\u{1}\u{1}\u{1}",
        "n,,\u{1}auth=Bearer a\u{1}",
        "n,,\u{1}auth=Bearer a",
        "n,,\u{1}auth=Bearer a\u{1}\u{1}x=y\u{1}\u{1}",
        "n,,\u{1}x=y\u{1}\u{1}",
        "n,,\u{1}auth=Basic a\u{1}\u{1}",
        "n,,\u{1}auth=Bearer\u{1}\u{1}",
        "n,,\u{1}auth=Bearer \u{1}\u{1}",
        "n,,\u{1}auth=Bearer a b\u{1}\u{1}",
        "n,,\u{1}auth=Bearer a\u{1}auth=Bearer b\u{1}\u{1}",
        "n,,\u{1}auth=Bearer a\u{1}x\u{1}\u{1}",
        "n,,\u{1}auth=Bearer a\u{1}x1=y\u{1}\u{1}",
        "n,,\u{1}auth=Bearer a\u{1}=y\u{1}\u{1}",
        "n,,\u{1}auth=Bearer a\u{1}x=é\u{1}\u{1}",
    ] {
        assert!(malformed(text), "{text:?}");
    }
    let error = TokenMessage::parse("p=tls-unique,,\u{1}auth=Bearer a\u{1}\u{1}").err();
    assert_eq!(error, Some(SaslError::ChannelBinding));
    for name in ["", "a=b", "=", "=2c"] {
        let text = format!("n,a={name},\u{1}auth=Bearer a\u{1}\u{1}");
        let error = TokenMessage::parse(&text).err();
        assert!(matches!(error, Some(SaslError::MalformedName { .. })), "{name}");
    }
}

#[test]
fn names_survive_escaping() {
    for name in ["alice", "a,b", "a=b", "=2C", "=3D2C", "=,=,"] {
        let written = TokenMessage::write(Some(name), &"t".into(), &[]);
        let message = TokenMessage::parse(written.expose_str().unwrap()).unwrap();
        assert_eq!(message.authorization_id, name);
    }
}

#[test]
fn error_status_is_read_back_and_ignores_what_it_does_not_know() {
    let error = TokenError {
        status: "invalid_token".into(),
        scope: Some("a".into()),
        openid_configuration: None,
    };
    let written = error.write();
    assert_eq!(written, br#"{"status":"invalid_token","scope":"a"}"#);
    assert_eq!(TokenError::parse(std::str::from_utf8(&written).unwrap()), Ok(error));
    let more = TokenError::parse(r#"{"status":"x","schemes":["bearer"],"scope":null}"#).unwrap();
    assert_eq!((more.status.as_str(), more.scope), ("x", None));
}
