use super::*;
use crate::error::SaslErrorKind;
use crate::scram::ServerErrorValue;

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

fn client(hash: ScramHash) -> ScramClient {
    let nonce = Nonce::from_text(NONCE).unwrap();
    ScramClient::new(hash, "user", &"pencil".into(), nonce).unwrap()
}

fn with_options(change: impl FnOnce(&mut ScramOptions)) -> Result<ScramClient, SaslError> {
    named_with_options("user", "pencil", change)
}

fn named_with_options(
    username: &str,
    password: &str,
    change: impl FnOnce(&mut ScramOptions),
) -> Result<ScramClient, SaslError> {
    let mut options = ScramOptions::default();
    change(&mut options);
    let nonce = Nonce::from_text(NONCE).unwrap();
    ScramClient::with_options(ScramHash::Sha256, username, &password.into(), nonce, &options)
}

fn initial(client: &mut ScramClient) -> String {
    client.initial().unwrap().expose_str().unwrap().to_owned()
}

fn answer(client: &mut ScramClient, challenge: &str) -> String {
    match client.respond(challenge.as_bytes()).unwrap() {
        ClientStep::Send(message) => message.expose_str().unwrap().to_owned(),
        step => panic!("{step:?}"),
    }
}

/// What a client says to this first message of a server.
fn refusal(server_first: &str) -> SaslError {
    let mut client = client(ScramHash::Sha256);
    client.initial().unwrap();
    let error = client.respond(server_first.as_bytes()).unwrap_err();
    assert_eq!(client.respond(SERVER_FIRST.as_bytes()).unwrap_err(), CLIENT_NOT_WAITING);
    error
}

// Spec-test: RFC7677#3
#[test]
fn holds_the_exchange_of_rfc_7677() {
    let mut client = client(ScramHash::Sha256);
    assert_eq!(initial(&mut client), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    assert_eq!(
        answer(&mut client, SERVER_FIRST),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    let last = client.respond(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
    assert!(matches!(last, ClientStep::Done));
}

// The same exchange with SHA-512; proof and signature were computed with Python's hashlib.
#[test]
fn holds_the_same_exchange_with_sha_512() {
    let mut client = client(ScramHash::Sha512);
    client.initial().unwrap();
    assert_eq!(
        answer(&mut client, SERVER_FIRST),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=gMGXRcevScNtxZ\
         6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ=="
    );
    let last = client
        .respond(
            b"v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq19\
          9RVG2rR7N7Zw==",
        )
        .unwrap();
    assert!(matches!(last, ClientStep::Done));
}

#[test]
fn refuses_a_wrong_signature() {
    for signature in ["v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=", "v=6rri", "v="] {
        let mut client = client(ScramHash::Sha256);
        client.initial().unwrap();
        answer(&mut client, SERVER_FIRST);
        let error = client.respond(signature.as_bytes()).unwrap_err();
        assert_eq!(error, SaslError::ServerSignature, "{signature}");
        assert_eq!(error.kind(), SaslErrorKind::Protocol);
    }
}

#[test]
fn reports_refusals_at_both_steps() {
    let error = refusal("e=unknown-user");
    assert_eq!(
        error,
        SaslError::ServerRefused {
            message: SaslMessage::ServerFirst,
            value: ServerErrorValue::UnknownUser,
        }
    );
    assert_eq!(error.kind(), SaslErrorKind::Refused);
    let mut client = client(ScramHash::Sha256);
    client.initial().unwrap();
    answer(&mut client, SERVER_FIRST);
    assert_eq!(
        client.respond(b"e=invalid-proof").unwrap_err(),
        SaslError::ServerRefused {
            message: SaslMessage::ServerFinal,
            value: ServerErrorValue::InvalidProof,
        }
    );
}

#[test]
fn refuses_a_nonce_that_does_not_extend_ours() {
    for nonce in [NONCE, "rOprNGfwEbeRWgbNEkq", "xOprNGfwEbeRWgbNEkqOabc", "abc"] {
        let error = refusal(&format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
        assert_eq!(error, SaslError::NonceNotExtended, "{nonce}");
    }
}

#[test]
fn refuses_iterations_out_of_range() {
    let server_first =
        |iterations: u64| format!("r={NONCE}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={iterations}");
    for found in [1, 4095, 1_000_001, u64::from(u32::MAX) + 4097, u64::MAX] {
        assert_eq!(
            refusal(&server_first(found)),
            SaslError::IterationsOutOfRange { found, minimum: 4096, maximum: 1_000_000 }
        );
    }
    let mut client = with_options(|options| options.iterations_ceiling = 4096).unwrap();
    client.initial().unwrap();
    assert!(matches!(
        client.respond(server_first(4097).as_bytes()),
        Err(SaslError::IterationsOutOfRange { found: 4097, maximum: 4096, .. })
    ));
    assert_eq!(
        with_options(|options| options.iterations_ceiling = 4095).unwrap_err(),
        SaslError::IterationCeiling { ceiling: 4095, minimum: 4096 }
    );
}

#[test]
fn refuses_bytes_that_are_no_message() {
    assert!(matches!(refusal(""), SaslError::MissingAttribute { attribute: 'r', .. }));
    let long = "r".repeat(limits::SCRAM_MESSAGE_BYTES_MAX + 1);
    assert!(matches!(refusal(&long), SaslError::MessageTooLong { .. }));
    let mut client = client(ScramHash::Sha256);
    client.initial().unwrap();
    assert!(matches!(
        client.respond(b"r=\xff"),
        Err(SaslError::MessageNotUtf8 { position: 2, .. })
    ));
}

#[test]
fn sends_token_auth_and_authorization_id_when_told() {
    let mut client = with_options(|options| {
        options.token_auth = true;
        options.authorization_id = Some("a,b".to_owned());
    })
    .unwrap();
    assert_eq!(initial(&mut client), "n,a=a=2Cb,n=user,r=rOprNGfwEbeRWgbNEkqO,tokenauth=true");
    // The header is repeated in base64: `n,a=a=2Cb,`.
    assert!(answer(&mut client, SERVER_FIRST).starts_with("c=bixhPWE9MkNiLA==,r="));
}

#[test]
fn prepares_and_escapes_the_name() {
    let mut client = named_with_options("I\u{ad}X=a,b", "p", |_| {}).unwrap();
    assert_eq!(initial(&mut client), "n,,n=IX=3Da=2Cb,r=rOprNGfwEbeRWgbNEkqO");
    let mut client = named_with_options("\u{2168}", "p", |options| {
        options.preparation = Preparation::None;
    })
    .unwrap();
    assert_eq!(initial(&mut client), "n,,n=\u{2168},r=rOprNGfwEbeRWgbNEkqO");
}

#[test]
fn prepares_the_password() {
    let proof = |password, preparation| {
        let mut client =
            named_with_options("user", password, |options| options.preparation = preparation)
                .unwrap();
        client.initial().unwrap();
        answer(&mut client, SERVER_FIRST)
    };
    let plain = proof("IX", Preparation::Saslprep);
    assert_eq!(proof("I\u{ad}X", Preparation::Saslprep), plain);
    assert_eq!(proof("\u{2168}", Preparation::Saslprep), plain);
    assert_ne!(proof("\u{2168}", Preparation::None), plain);
}

#[test]
fn refuses_names_and_passwords_that_cannot_be_used() {
    let error = |username, password| named_with_options(username, password, |_| {}).unwrap_err();
    assert_eq!(error("", "p"), SaslError::Empty { field: Field::Username });
    assert_eq!(error("u", ""), SaslError::Empty { field: Field::Password });
    assert!(matches!(error("u\u{7}", "p"), SaslError::Unprepared { field: Field::Username, .. }));
    assert!(matches!(
        error("u", "p\u{627}1"),
        SaslError::Unprepared { field: Field::Password, .. }
    ));
    let raw = named_with_options("u\0", "p", |options| options.preparation = Preparation::None);
    assert!(matches!(raw, Err(SaslError::ForbiddenCharacter { position: 1, .. })));
}

#[test]
fn refuses_calls_out_of_order() {
    let mut early = client(ScramHash::Sha256);
    assert_eq!(early.respond(SERVER_FIRST.as_bytes()).unwrap_err(), CLIENT_NOT_WAITING);
    let mut twice = client(ScramHash::Sha256);
    twice.initial().unwrap();
    assert_eq!(twice.initial().unwrap_err(), CLIENT_BEGUN);
}

#[test]
fn debug_shows_no_secret_in_any_state() {
    let mut client = client(ScramHash::Sha256);
    assert!(!format!("{client:?}").contains("pencil"));
    client.initial().unwrap();
    assert!(!format!("{client:?}").contains("pencil"));
    answer(&mut client, SERVER_FIRST);
    assert!(format!("{client:?}").contains("[hidden]"));
}
