//! SASL exchanges with a peer that says anything.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use milena_sasl::{
    ClientExchange, ClientStep, Preparation, Secret, ServerExchange, ServerStep,
    oauthbearer::{OAuthBearerClient, OAuthBearerServer, UnsecuredTokenValidator},
    plain::{PlainClient, PlainServer},
    scram::{Nonce, ScramClient, ScramCredential, ScramHash, ScramServer, ScramServerConfig},
};

const NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";

/// Gives messages, split at 0xff bytes, to a client or a server: the first byte chooses which.
///
/// No client is ever done without the server's proof, which such a peer cannot have.
pub fn sasl(data: &[u8]) {
    let Some((&choice, messages)) = data.split_first() else { return };
    let messages = messages.split(|&byte| byte == 0xff).take(4);
    if choice & 1 == 0 {
        client(choice >> 1, messages);
    } else {
        server(choice >> 1, messages);
    }
}

fn client<'a>(choice: u8, challenges: impl Iterator<Item = &'a [u8]>) {
    let password = Secret::from("pencil");
    let nonce = Nonce::from_text(NONCE).expect("a nonce");
    let hash = if choice & 1 == 0 { ScramHash::Sha256 } else { ScramHash::Sha512 };
    let is_scram = choice % 4 < 2;
    let mut exchange = match choice % 4 {
        0 | 1 => ScramClient::new(hash, "user", &password, nonce).map(ClientExchange::from),
        2 => PlainClient::new("user", &password).map(ClientExchange::from),
        _ => OAuthBearerClient::new(&Secret::from("token")).map(ClientExchange::from),
    }
    .expect("valid credentials");
    exchange.initial().expect("the first message");
    for challenge in challenges {
        match exchange.respond(challenge) {
            Ok(ClientStep::Send(_)) => {}
            Ok(ClientStep::Done) => {
                assert!(!is_scram, "done without the server's signature");
                return;
            }
            Ok(_) | Err(_) => return,
        }
    }
}

fn server<'a>(choice: u8, responses: impl Iterator<Item = &'a [u8]>) {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let hash = ScramHash::Sha256;
    let mut exchange = match choice % 3 {
        0 => {
            let password = Secret::from("pencil");
            let credential =
                ScramCredential::from_password(hash, &password, Preparation::None, b"salt", 4096)
                    .expect("a credential");
            let config = ScramServerConfig::new(
                Secret::from("a secret of the server"),
                move |_: &str, _| Some(credential.clone()),
            )
            .expect("a configuration");
            let nonce = Nonce::from_text(NONCE).expect("a nonce");
            ServerExchange::from(ScramServer::new(hash, nonce, Arc::new(config)))
        }
        1 => ServerExchange::from(PlainServer::new(Arc::new(
            |_: &milena_sasl::plain::PlainLogin<'_>| false,
        ))),
        _ => ServerExchange::from(OAuthBearerServer::new(Arc::new(UnsecuredTokenValidator::new()))),
    };
    for response in responses {
        match exchange.respond(response, now) {
            ServerStep::Challenge(_) => {}
            ServerStep::Done { .. } => {
                assert!(choice % 3 == 2, "a peer without the password is let in");
                return;
            }
            _ => return,
        }
    }
}
