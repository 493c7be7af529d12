use std::time::Duration;

use super::*;
use crate::exchange::ClientStep;
use crate::saslprep::Preparation;
use crate::scram::{
    DelegationToken, ScramClient, ScramCredential, ScramCredentialStore, ScramOptions,
};

const HASHES: [ScramHash; 2] = [ScramHash::Sha256, ScramHash::Sha512];

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)
}

fn credential(hash: ScramHash, password: &str) -> ScramCredential {
    let salt = b"0123456789abcdef";
    ScramCredential::from_password(hash, &password.into(), Preparation::Saslprep, salt, 4096)
        .unwrap()
}

/// One user `us,er` and one delegation token `token-1` of `owner`.
struct Store;

impl ScramCredentialStore for Store {
    fn credential(&self, username: &str, hash: ScramHash) -> Option<ScramCredential> {
        (username == "us,er").then(|| credential(hash, "pencil"))
    }

    fn delegation_token(
        &self,
        token_id: &str,
        hash: ScramHash,
        now: SystemTime,
    ) -> Option<DelegationToken> {
        let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000);
        (token_id == "token-1" && now < expires_at).then(|| DelegationToken {
            credential: credential(hash, "hmac"),
            owner: "owner".to_owned(),
            expires_at: Some(expires_at),
        })
    }
}

fn server(hash: ScramHash) -> ScramServer {
    let config = ScramServerConfig::new("server secret".into(), Store).unwrap();
    ScramServer::new(hash, Nonce::from_random(&[7; 24]).unwrap(), Arc::new(config))
}

fn options(token_auth: bool, authorization_id: Option<&str>) -> ScramOptions {
    let authorization_id = authorization_id.map(str::to_owned);
    ScramOptions { token_auth, authorization_id, ..ScramOptions::default() }
}

fn client(hash: ScramHash, username: &str, password: &str, options: &ScramOptions) -> ScramClient {
    let nonce = Nonce::from_random(&[9; 24]).unwrap();
    ScramClient::with_options(hash, username, &password.into(), nonce, options).unwrap()
}

/// The server's last step, and what the client says to its message.
fn exchange(
    mut server: ScramServer,
    mut client: ScramClient,
    now: SystemTime,
) -> (ServerStep, Result<ClientStep, SaslError>) {
    let first = client.initial().unwrap();
    let challenge = challenge(&mut server, first.expose(), now);
    let ClientStep::Send(last) = client.respond(&challenge).unwrap() else { panic!("no proof") };
    let step = server.respond(last.expose(), now);
    let message = match &step {
        ServerStep::Done { message, .. } | ServerStep::Rejected { message, .. } => message,
        ServerStep::Challenge(_) => panic!("{step:?}"),
    };
    let answer = client.respond(message);
    (step, answer)
}

fn challenge(server: &mut ScramServer, first: &[u8], now: SystemTime) -> Vec<u8> {
    match server.respond(first, now) {
        ServerStep::Challenge(challenge) => challenge,
        step => panic!("{step:?}"),
    }
}

fn rejection(step: ServerStep) -> (String, SaslError) {
    let ServerStep::Rejected { message, error } = step else { panic!("{step:?}") };
    (String::from_utf8(message).unwrap(), error)
}

fn invalid(hash: ScramHash) -> (String, SaslError) {
    let error = SaslError::InvalidCredentials { mechanism: hash.mechanism() };
    ("e=invalid-proof".to_owned(), error)
}

// Spec-test: RFC7677#3
#[test]
fn holds_the_exchange_of_rfc_7677() {
    let hash = ScramHash::Sha256;
    let salt = [
        0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa,
        0x81,
    ];
    let stored =
        ScramCredential::from_password(hash, &"pencil".into(), Preparation::Saslprep, &salt, 4096)
            .unwrap();
    let store = move |_: &str, _| Some(stored.clone());
    let config = Arc::new(ScramServerConfig::new("s".into(), store).unwrap());
    let nonce = Nonce::from_text("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").unwrap();
    let mut server = ScramServer::new(hash, nonce, config);
    let server_first = challenge(&mut server, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", now());
    assert_eq!(
        String::from_utf8(server_first).unwrap(),
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let step = server.respond(
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
          p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        now(),
    );
    let ServerStep::Done { message, identity } = step else { panic!("{step:?}") };
    assert_eq!(message, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    assert_eq!(identity, Identity::new("user"));
}

#[test]
fn both_sides_agree_on_the_right_password() {
    for hash in HASHES {
        let client = client(hash, "us,er", "pencil", &options(false, None));
        let (step, answer) = exchange(server(hash), client, now());
        let ServerStep::Done { identity, .. } = step else { panic!("{step:?}") };
        assert_eq!(identity, Identity::new("us,er"));
        assert!(matches!(answer, Ok(ClientStep::Done)));
    }
}

#[test]
fn wrong_password_and_unknown_user_look_alike() {
    for hash in HASHES {
        for (username, password) in [("us,er", "Pencil"), ("nobody", "pencil")] {
            let client = client(hash, username, password, &options(false, None));
            let (step, answer) = exchange(server(hash), client, now());
            assert_eq!(rejection(step), invalid(hash));
            assert_eq!(
                answer.unwrap_err(),
                SaslError::ServerRefused {
                    message: SaslMessage::ServerFinal,
                    value: ServerErrorValue::InvalidProof,
                }
            );
        }
    }
}

#[test]
fn unknown_users_have_the_same_salt_every_time() {
    let first = b"n,,n=nobody,r=0123456789abcdef";
    let one = challenge(&mut server(ScramHash::Sha256), first, now());
    let two = challenge(&mut server(ScramHash::Sha256), first, now());
    assert_eq!(one, two);
    let other =
        challenge(&mut server(ScramHash::Sha256), b"n,,n=nobody2,r=0123456789abcdef", now());
    assert_ne!(one, other);
    // As long as the answer for a known user, so that its length tells nothing.
    let known =
        challenge(&mut server(ScramHash::Sha256), b"n,,n=us=2Cer,r=0123456789abcdef", now());
    assert_eq!(one.len(), known.len());
}

#[test]
fn a_proof_from_the_decoy_keys_is_refused() {
    // No password leads to these keys; even a proof that fits them must not let anybody in.
    let hash = ScramHash::Sha256;
    let mut server = server(hash);
    let bare = "n=nobody,r=0123456789abcdef";
    let first = format!("n,,{bare}");
    let server_first = String::from_utf8(challenge(&mut server, first.as_bytes(), now())).unwrap();
    let State::ChallengeSent(sent) = &mut server.state else { panic!("no challenge") };
    let client_key = [1; 32];
    sent.account.stored_key = hash.digest(&client_key);
    let without_proof = format!("c=biws,r={}", sent.nonce);
    let signed = auth_message(bare, &server_first, &without_proof);
    let signature = hash.hmac(sent.account.stored_key.expose(), signed.as_bytes());
    let proof = xor(&client_key, signature.expose());
    let last = ClientFinal::write(&without_proof, proof.expose());
    assert_eq!(rejection(server.respond(last.as_bytes(), now())), invalid(hash));
}

#[test]
fn delegation_tokens_stand_for_their_owner() {
    for hash in HASHES {
        let client = client(hash, "token-1", "hmac", &options(true, None));
        let (step, _) = exchange(server(hash), client, now());
        let ServerStep::Done { identity, .. } = step else { panic!("{step:?}") };
        assert_eq!((identity.username.as_str(), identity.token_auth), ("token-1", true));
        assert_eq!(identity.authorization_id, "owner");
        assert_eq!(identity.expires_at, Some(now() + Duration::from_secs(1_000)));
    }
}

#[test]
fn users_are_no_tokens_and_expired_tokens_are_unknown() {
    let hash = ScramHash::Sha256;
    let later = now() + Duration::from_secs(5_000);
    for (username, password, token_auth, at) in [
        ("us,er", "pencil", true, now()),
        ("token-1", "hmac", false, now()),
        ("token-1", "hmac", true, later),
    ] {
        let client = client(hash, username, password, &options(token_auth, None));
        let (step, _) = exchange(server(hash), client, at);
        assert_eq!(rejection(step), invalid(hash));
    }
}

#[test]
fn nobody_acts_as_another() {
    let hash = ScramHash::Sha256;
    let own = client(hash, "us,er", "pencil", &options(false, Some("us,er")));
    let (step, _) = exchange(server(hash), own, now());
    assert!(matches!(step, ServerStep::Done { .. }));
    let other = client(hash, "us,er", "pencil", &options(false, Some("root")));
    let (step, _) = exchange(server(hash), other, now());
    let (message, error) = rejection(step);
    assert_eq!(message, "e=other-error");
    assert!(matches!(error, SaslError::AuthorizationRefused { .. }));
}

#[test]
fn first_messages_that_break_a_rule_are_answered_with_the_reason() {
    for (first, value) in [
        (b"n,,n=u\xff,r=0123456789abcdef".as_slice(), "invalid-encoding"),
        (b"n,,m=x,n=u,r=0123456789abcdef", "extensions-not-supported"),
        (b"p=tls-unique,,n=u,r=0123456789abcdef", "channel-binding-not-supported"),
        (b"n,,n=u=20,r=0123456789abcdef", "invalid-username-encoding"),
        (b"n,,n=u\x07,r=0123456789abcdef", "invalid-username-encoding"),
        (b"n,,n=u", "other-error"),
        (b"", "other-error"),
    ] {
        let (message, _) = rejection(server(ScramHash::Sha256).respond(first, now()));
        assert_eq!(message, format!("e={value}"), "{first:?}");
    }
}

/// What a server says to a final message made from the nonce of its challenge.
fn answer_to(last: impl FnOnce(&str) -> String) -> (String, SaslError) {
    let mut server = server(ScramHash::Sha256);
    let first = challenge(&mut server, b"n,,n=us=2Cer,r=0123456789abcdef", now());
    let text = String::from_utf8(first).unwrap();
    let nonce = text.split(',').next().unwrap().strip_prefix("r=").unwrap();
    let answer = rejection(server.respond(last(nonce).as_bytes(), now()));
    assert_eq!(rejection(server.respond(b"", now())).1, SERVER_OVER);
    answer
}

#[test]
fn final_messages_that_break_a_rule_are_rejected() {
    let (message, error) = answer_to(|nonce| format!("c=biws,r={nonce}x,p=YQ=="));
    assert_eq!((message.as_str(), error), ("e=other-error", SaslError::NonceMismatch));
    let (message, error) = answer_to(|nonce| format!("c=eSws,r={nonce},p=YQ=="));
    assert_eq!(
        (message.as_str(), error),
        ("e=channel-bindings-dont-match", SaslError::ChannelBindingMismatch)
    );
    let (message, error) = answer_to(|nonce| format!("c=biws,r={nonce},p=Y"));
    assert_eq!(message, "e=invalid-encoding");
    assert!(matches!(error, SaslError::NotBase64 { attribute: 'p', .. }));
    for proof in ["", "YQ==", &"A".repeat(1024)] {
        let answer = answer_to(|nonce| format!("c=biws,r={nonce},p={proof}"));
        assert_eq!(answer, invalid(ScramHash::Sha256), "{proof}");
    }
}

#[test]
fn debug_shows_no_key() {
    let mut server = server(ScramHash::Sha256);
    challenge(&mut server, b"n,,n=us=2Cer,r=0123456789abcdef", now());
    let text = format!("{server:?}");
    assert_eq!(text.matches("[hidden]").count(), 2, "{text}");
}
