//! Any bytes at any moment: nothing panics, nothing succeeds, and the exchange stays failed.

use milena_sasl::scram::{Nonce, ScramClient, ScramHash};
use milena_sasl::{
    ClientExchange, ClientStep, Mechanism, Preparation, SaslError, Secret, ServerStep, saslprep,
};
use proptest::prelude::*;

use crate::ours::{PASSWORD, USERNAME, client, now, server};

fn mechanism() -> impl Strategy<Value = Mechanism> {
    prop::sample::select(Mechanism::ALL.to_vec())
}

/// Pieces that the messages are made of, so that the parsers are reached behind their first test.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "n,,",
        "y,,",
        "p=x,,",
        "n,a=b,",
        "n=user",
        "r=",
        "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
        "AgICAgICAgICAgICAgICAgICAgICAgIC",
        "s=",
        "YQ==",
        "i=4096",
        "i=0",
        "c=biws",
        "p=",
        "v=",
        "e=",
        "m=x",
        ",",
        "=2C",
        "=3D",
        "=",
        "\0",
        "\u{1}",
        "auth=Bearer ",
        "token",
        "a.b.",
        "x=1",
        "{\"status\":",
        "\"invalid\"",
        "}",
        "pencil",
        "é",
    ];
    let piece = prop_oneof![
        8 => prop::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop_oneof![
        prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat()),
        prop::collection::vec(any::<u8>(), 0..300),
    ]
}

proptest! {
    #[test]
    fn servers_never_panic_and_stay_failed(
        mechanism in mechanism(),
        messages in prop::collection::vec(message(), 1..4),
    ) {
        let mut server = server(mechanism);
        let mut over = false;
        for message in messages {
            match server.respond(&message, now()) {
                ServerStep::Challenge(_) => prop_assert!(!over),
                ServerStep::Rejected { .. } => over = true,
                // Only PLAIN can be guessed from the pieces.
                _ => {
                    prop_assert!(!over && mechanism == Mechanism::Plain);
                    over = true;
                }
            }
        }
    }

    #[test]
    fn clients_never_panic_and_scram_never_succeeds(
        mechanism in mechanism(),
        challenges in prop::collection::vec(message(), 1..4),
    ) {
        let mut client = client(mechanism, USERNAME, PASSWORD);
        client.initial().unwrap();
        let mut over = false;
        for challenge in challenges {
            match client.respond(&challenge) {
                Ok(ClientStep::Send(_)) => prop_assert!(!over),
                Ok(ClientStep::Done) => {
                    prop_assert!(!over);
                    prop_assert!(matches!(mechanism, Mechanism::Plain | Mechanism::OAuthBearer));
                    over = true;
                }
                Ok(_) | Err(_) => over = true,
            }
        }
    }

    #[test]
    fn any_name_and_password_work_or_are_refused(
        username in any::<String>(),
        password in any::<String>(),
        raw in any::<bool>(),
    ) {
        let mut options = milena_sasl::scram::ScramOptions::default();
        options.preparation = if raw { Preparation::None } else { Preparation::Saslprep };
        let nonce = Nonce::from_random(&[1; 24]).unwrap();
        let secret = Secret::from(password.as_str());
        let made =
            ScramClient::with_options(ScramHash::Sha256, &username, &secret, nonce, &options);
        match made {
            Ok(client) => {
                let mut client = ClientExchange::from(client);
                let first = client.initial().unwrap();
                prop_assert_eq!(first.expose().iter().filter(|&&byte| byte == b',').count(), 3);
            }
            Err(error) => prop_assert!(password.len() < 8 || !error.to_string().contains(&password)),
        }
    }

    #[test]
    fn preparing_twice_changes_nothing(text in any::<String>()) {
        if let Ok(once) = saslprep(&text) {
            let twice = saslprep(&once);
            prop_assert_eq!(twice.as_deref(), Ok(&*once));
        }
    }

    #[test]
    fn mechanism_names_are_all_that_parses(name in any::<String>()) {
        prop_assert!(name.parse::<Mechanism>().is_err());
    }
}

proptest! {
    // Every case derives keys, which is slow without optimisation.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_byte_anywhere_breaks_scram(
        hash in prop::sample::select(vec![ScramHash::Sha256, ScramHash::Sha512]),
        step in 0..4_usize,
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut client = client(hash.mechanism(), USERNAME, PASSWORD);
        let mut server = server(hash.mechanism());
        let mut message = client.initial().unwrap().into_exposed();
        let mut accepted = false;
        for now_at in 0..4 {
            if now_at == step {
                let at = at.index(message.len());
                message[at] ^= flip;
            }
            if now_at % 2 == 0 {
                message = match server.respond(&message, now()) {
                    ServerStep::Challenge(message) | ServerStep::Done { message, .. } => message,
                    _ => break,
                };
            } else {
                match client.respond(&message) {
                    Ok(ClientStep::Send(next)) => message = next.into_exposed(),
                    Ok(_) => accepted = true,
                    Err(_) => break,
                }
            }
        }
        // The client proves itself before the server does, so it is the one that never accepts.
        prop_assert!(!accepted);
    }
}

#[test]
fn errors_of_long_peer_texts_stay_short() {
    let mut client = client(Mechanism::ScramSha256, USERNAME, PASSWORD);
    client.initial().unwrap();
    let refusal = format!("e={}", "x\u{1b}".repeat(5_000));
    let error = client.respond(refusal.as_bytes()).unwrap_err();
    assert!(matches!(error, SaslError::ServerRefused { .. }));
    let text = error.to_string();
    assert!(text.len() < 1_000 && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn no_rejection_shows_what_the_client_proved_itself_with() {
    for message in [
        b"\0user\0hunter2".as_slice(),
        b"\0user\0hunter2\0",
        b"root\0user\0hunter2",
        b"n,,\x01auth=Bearer hunter2\x01\x01",
        b"n,,\x01auth=Basic hunter2\x01\x01",
    ] {
        for mechanism in Mechanism::ALL {
            let mut server = server(mechanism);
            let steps = [server.respond(message, now()), server.respond(b"\x01", now())];
            assert!(!format!("{steps:?} {server:?}").contains("hunter2"), "{steps:?}");
        }
    }
}
