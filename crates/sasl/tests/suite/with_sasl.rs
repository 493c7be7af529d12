//! Against the crate `sasl`, which knows PLAIN and SCRAM-SHA-256.
//!
//! Its SCRAM server takes a client without channel binding only when it believes that it supports
//! a binding itself, so it is given an empty one.

use milena_sasl::{Mechanism, ServerStep};
use sasl::client::Mechanism as _;
use sasl::client::mechanisms::{Plain as PlainClient, Scram as ScramClient};
use sasl::common::scram::Sha256;
use sasl::common::{ChannelBinding, Identity};
use sasl::secret::{Pbkdf2Sha256, Plain as PlainSecret};
use sasl::server::mechanisms::{Plain as PlainServer, Scram as ScramServer};
use sasl::server::{Mechanism as _, Provider, ProviderError, Response, Validator, ValidatorError};

use crate::ours::{PASSWORD, SALT, USERNAME, client, drive, now, server};

struct Users;

impl Validator<PlainSecret> for Users {
    fn validate(&self, identity: &Identity, value: &PlainSecret) -> Result<(), ValidatorError> {
        if *identity == Identity::Username(USERNAME.into()) && value.0 == PASSWORD {
            Ok(())
        } else {
            Err(ValidatorError::AuthenticationFailed)
        }
    }
}

impl Provider<Pbkdf2Sha256> for Users {
    fn provide(&self, identity: &Identity) -> Result<Pbkdf2Sha256, ProviderError> {
        if *identity == Identity::Username(USERNAME.into()) {
            Ok(Pbkdf2Sha256::derive(PASSWORD, SALT, 4096)?)
        } else {
            Err(ProviderError::AuthenticationFailed)
        }
    }
}

sasl::impl_validator_using_provider!(Users, Pbkdf2Sha256);

fn run(mechanism: Mechanism, password: &str) -> bool {
    let mut plain = PlainServer::new(Users);
    let binding = ChannelBinding::TlsUnique(Vec::new());
    let mut scram = ScramServer::<Sha256, _>::new(Users, binding);
    let client = client(mechanism, USERNAME, password);
    let result = drive(client, |message| {
        let response = match mechanism {
            Mechanism::Plain => plain.respond(message),
            _ => scram.respond(message),
        };
        match response {
            Ok(Response::Proceed(bytes) | Response::Success(_, bytes)) => Some(bytes),
            Err(_) => None,
        }
    });
    result.is_ok()
}

#[test]
fn our_client_and_their_server_agree() {
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256] {
        assert!(run(mechanism, PASSWORD), "{mechanism}");
        assert!(!run(mechanism, "wrong"), "{mechanism}");
    }
}

#[test]
fn their_plain_client_and_our_server_agree() {
    for (password, expected) in [(PASSWORD, true), ("wrong", false)] {
        let message = PlainClient::new(USERNAME, password).initial();
        let step = server(Mechanism::Plain).respond(&message, now());
        assert_eq!(matches!(step, ServerStep::Done { .. }), expected);
    }
}

#[test]
fn their_scram_client_and_our_server_agree() {
    for binding in [ChannelBinding::None, ChannelBinding::Unsupported] {
        for (password, expected) in [(PASSWORD, true), ("wrong", false)] {
            let mut client =
                ScramClient::<Sha256>::new(USERNAME, password, binding.clone()).unwrap();
            let mut server = server(Mechanism::ScramSha256);
            let ServerStep::Challenge(challenge) = server.respond(&client.initial(), now()) else {
                panic!("no challenge");
            };
            let last = client.response(&challenge).unwrap();
            match server.respond(&last, now()) {
                ServerStep::Done { message, identity } => {
                    assert!(expected);
                    assert_eq!(identity.username, USERNAME);
                    client.success(&message).unwrap();
                }
                _ => assert!(!expected),
            }
        }
    }
}
