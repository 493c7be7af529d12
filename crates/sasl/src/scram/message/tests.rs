use super::*;

const CLIENT_FIRST: SaslMessage = SaslMessage::ClientFirst;
const SERVER_FIRST: SaslMessage = SaslMessage::ServerFirst;
const CLIENT_FINAL: SaslMessage = SaslMessage::ClientFinal;
const SERVER_FINAL: SaslMessage = SaslMessage::ServerFinal;

fn is_malformed(error: &SaslError, expected: SaslMessage) -> bool {
    matches!(error, SaslError::Malformed { message, .. } if *message == expected)
}

fn missing(error: &SaslError) -> Option<char> {
    match error {
        SaslError::MissingAttribute { attribute, .. } => Some(*attribute),
        _ => None,
    }
}

#[test]
fn client_first_is_read_in_all_its_parts() {
    let first = ClientFirst::parse("n,a=b=2Cc,n=us=3Der=2Cx,r=abc,tokenauth=true,x=1").unwrap();
    assert_eq!(first.gs2_header, "n,a=b=2Cc,");
    assert_eq!(first.bare, "n=us=3Der=2Cx,r=abc,tokenauth=true,x=1");
    assert_eq!(first.authorization_id, "b,c");
    assert_eq!(first.username, "us=er,x");
    assert_eq!(first.nonce, "abc");
    assert!(first.token_auth);

    let first = ClientFirst::parse("y,,n=user,r=abc").unwrap();
    assert_eq!((first.gs2_header, first.authorization_id.as_str()), ("y,,", ""));
    assert!(!first.token_auth);
    assert!(!ClientFirst::parse("n,,n=user,r=abc,tokenauth=false").unwrap().token_auth);
}

#[test]
fn client_first_is_refused_when_the_header_is_wrong() {
    for text in ["", "n", "n,", "n,n=u,r=a", "x,,n=u,r=a", "n,b=c,n=u,r=a", ",,n=u,r=a"] {
        let error = ClientFirst::parse(text).unwrap_err();
        assert!(is_malformed(&error, CLIENT_FIRST), "{text}: {error}");
    }
    let error = ClientFirst::parse("p=tls-unique,,n=u,r=a").unwrap_err();
    assert_eq!(error, SaslError::ChannelBinding);
}

#[test]
fn names_with_wrong_escapes_are_refused() {
    for name in ["", "=", "a=2c", "a=3d", "a=2", "==", "=20", "=é"] {
        let error = ClientFirst::parse(&format!("n,,n={name},r=a")).unwrap_err();
        assert!(matches!(error, SaslError::MalformedName { .. }), "{name}: {error}");
    }
    assert!(matches!(ClientFirst::parse("n,a=,n=u,r=a"), Err(SaslError::MalformedName { .. })));
}

#[test]
fn names_survive_escaping() {
    for name in ["user", "=", ",", "=2C", "=3D2C", "a,b=c,,==", "é=ü"] {
        let escaped = escape(name);
        assert!(!escaped.contains(','));
        assert_eq!(unescape(CLIENT_FIRST, &escaped).as_deref(), Ok(name));
    }
    assert_eq!(escape("us=er,x"), "us=3Der=2Cx");
}

#[test]
fn missing_attributes_are_named() {
    let client_first = |text| missing(&ClientFirst::parse(text).unwrap_err());
    assert_eq!(client_first("n,,"), Some('n'));
    assert_eq!(client_first("n,,r=a,n=u"), Some('n'));
    assert_eq!(client_first("n,,n=u"), Some('r'));
    let server_first = |text| missing(&ServerFirst::parse(text).unwrap_err());
    assert_eq!(server_first(""), Some('r'));
    assert_eq!(server_first("s=YQ==,r=a,i=4096"), Some('r'));
    assert_eq!(server_first("r=a"), Some('s'));
    assert_eq!(server_first("r=a,i=4096"), Some('s'));
    assert_eq!(server_first("r=a,s=YQ=="), Some('i'));
    let client_final = |text| missing(&ClientFinal::parse(text).unwrap_err());
    assert_eq!(client_final(""), Some('p'));
    assert_eq!(client_final("c=biws,r=a"), Some('p'));
    assert_eq!(client_final("r=a,p=YQ=="), Some('c'));
    assert_eq!(client_final("c=biws,p=YQ=="), Some('r'));
    assert_eq!(missing(&ServerFinal::parse("").unwrap_err()), Some('v'));
    assert_eq!(missing(&ServerFinal::parse("x=1").unwrap_err()), Some('v'));
    assert_eq!(
        ServerFirst::parse("r=a,s=YQ==").unwrap_err().to_string(),
        "server-first-message lacks the attribute `i=` (the iterations) in its place"
    );
}

#[test]
fn mandatory_extensions_are_refused_wherever_they_stand() {
    for (message, result) in [
        (CLIENT_FIRST, ClientFirst::parse("n,,m=x,n=u,r=a").map(drop)),
        (CLIENT_FIRST, ClientFirst::parse("n,,n=u,r=a,m=x").map(drop)),
        (SERVER_FIRST, ServerFirst::parse("m=x,r=a,s=YQ==,i=4096").map(drop)),
        (SERVER_FIRST, ServerFirst::parse("r=a,s=YQ==,i=4096,m=x").map(drop)),
        (CLIENT_FINAL, ClientFinal::parse("c=biws,r=a,m=x,p=YQ==").map(drop)),
        (SERVER_FINAL, ServerFinal::parse("v=YQ==,m=x").map(drop)),
    ] {
        assert_eq!(result, Err(SaslError::MandatoryExtension { message }));
    }
}

#[test]
fn unknown_extensions_are_ignored_and_known_attributes_are_not() {
    let first = ServerFirst::parse("r=a,s=YQ==,i=4096,x=1,yy=a=b").unwrap();
    assert_eq!((first.nonce, first.salt.as_slice(), first.iterations), ("a", &b"a"[..], 4096));
    for tail in ["r=b", "s=YQ==", "i=1", "", "x", "=1", "1=x", "x=\0"] {
        let error = ServerFirst::parse(&format!("r=a,s=YQ==,i=4096,{tail}")).unwrap_err();
        assert!(is_malformed(&error, SERVER_FIRST), "{tail}: {error}");
    }
}

#[test]
fn bad_base64_is_refused() {
    for value in ["Y", "YQ", "YQ=", "YR==", "Y Q=", "Y_==", "YQ==\n"] {
        let not_base64 = |message, attribute| Err(SaslError::NotBase64 { message, attribute });
        assert_eq!(
            ServerFirst::parse(&format!("r=a,s={value},i=4096")).map(drop),
            not_base64(SERVER_FIRST, 's')
        );
        assert_eq!(
            ClientFinal::parse(&format!("c={value},r=a,p=YQ==")).map(drop),
            not_base64(CLIENT_FINAL, 'c')
        );
        assert_eq!(
            ClientFinal::parse(&format!("c=biws,r=a,p={value}")).map(drop),
            not_base64(CLIENT_FINAL, 'p')
        );
        assert_eq!(
            ServerFinal::parse(&format!("v={value}")).map(drop),
            not_base64(SERVER_FINAL, 'v')
        );
    }
}

#[test]
fn an_empty_salt_is_refused() {
    assert_eq!(ServerFirst::parse("r=a,s=,i=4096"), Err(SaslError::EmptySalt));
}

#[test]
fn iterations_are_a_positive_number_and_nothing_else() {
    for value in ["", "0", "04096", "+4096", "-1", "4096 ", "4e3", "٤٠٩٦"] {
        let error = ServerFirst::parse(&format!("r=a,s=YQ==,i={value}")).unwrap_err();
        assert!(is_malformed(&error, SERVER_FIRST), "{value}: {error}");
    }
    let huge = ServerFirst::parse("r=a,s=YQ==,i=99999999999999999999999").unwrap();
    assert_eq!(huge.iterations, u64::MAX);
}

#[test]
fn nonces_are_printable_ascii() {
    for nonce in ["", "a b", "a\u{7f}", "é"] {
        let error = ServerFirst::parse(&format!("r={nonce},s=YQ==,i=4096")).unwrap_err();
        assert!(is_malformed(&error, SERVER_FIRST), "{nonce}: {error}");
    }
}

#[test]
fn refusals_are_reported_as_they_say() {
    let refused = |message, value| Err(SaslError::ServerRefused { message, value });
    assert_eq!(
        ServerFirst::parse("e=unknown-user").map(drop),
        refused(SERVER_FIRST, ServerErrorValue::UnknownUser)
    );
    assert_eq!(
        ServerFinal::parse("e=invalid-proof,x=1").map(drop),
        refused(SERVER_FINAL, ServerErrorValue::InvalidProof)
    );
    let error = ServerFinal::parse("e=come back later").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server refused the exchange in server-final-message: come back later"
    );
}

#[test]
fn what_is_written_is_read_back() {
    let bare = ClientFirst::write_bare("a,b", "nonce", true);
    let header = ClientFirst::write_gs2_header(Some("c=d"));
    let text = format!("{header}{bare}");
    let first = ClientFirst::parse(&text).unwrap();
    assert_eq!((first.gs2_header, first.bare), (header.as_str(), bare.as_str()));
    assert_eq!((first.username.as_str(), first.authorization_id.as_str()), ("a,b", "c=d"));

    let without_proof = ClientFinal::write_without_proof(&header, "nonce");
    let text = ClientFinal::write(&without_proof, b"proof");
    let last = ClientFinal::parse(&text).unwrap();
    assert_eq!(last.without_proof, without_proof);
    assert_eq!((last.channel_binding, last.proof), (header.into_bytes(), b"proof".to_vec()));

    assert_eq!(ServerFinal::parse(&ServerFinal::write(b"sig")).as_deref(), Ok(b"sig".as_slice()));
}
