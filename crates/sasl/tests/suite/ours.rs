//! Our exchanges as all suites need them, and the loops that a pool and a broker would write.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use milena_sasl::oauthbearer::{
    OAuthBearerClient, OAuthBearerServer, UnsecuredToken, UnsecuredTokenValidator,
};
use milena_sasl::plain::{PlainClient, PlainLogin, PlainServer};
use milena_sasl::scram::{
    Nonce, ScramClient, ScramCredential, ScramHash, ScramServer, ScramServerConfig,
};
use milena_sasl::{
    ClientExchange, ClientStep, Identity, Mechanism, Preparation, SaslError, Secret,
    ServerExchange, ServerStep,
};

pub(crate) const USERNAME: &str = "user";
pub(crate) const PASSWORD: &str = "pencil";
pub(crate) const SALT: &[u8] = b"sixteen bytes 16";

pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

pub(crate) fn token() -> Secret {
    UnsecuredToken::new(USERNAME).unwrap().issue(now()).unwrap()
}

pub(crate) fn credential(hash: ScramHash) -> ScramCredential {
    ScramCredential::from_password(hash, &PASSWORD.into(), Preparation::Saslprep, SALT, 4096)
        .unwrap()
}

pub(crate) fn nonce(seed: u8) -> Nonce {
    Nonce::from_random(&[seed; 24]).unwrap()
}

pub(crate) fn client(mechanism: Mechanism, username: &str, password: &str) -> ClientExchange {
    let secret = Secret::from(password);
    match ScramHash::of(mechanism) {
        Some(hash) => ScramClient::new(hash, username, &secret, nonce(1)).unwrap().into(),
        None if mechanism == Mechanism::Plain => {
            PlainClient::new(username, &secret).unwrap().into()
        }
        None => OAuthBearerClient::new(&token()).unwrap().into(),
    }
}

/// A server that knows the one user.
pub(crate) fn server(mechanism: Mechanism) -> ServerExchange {
    match ScramHash::of(mechanism) {
        Some(hash) => {
            let store = |username: &str, hash| (username == USERNAME).then(|| credential(hash));
            let config = ScramServerConfig::new("server secret".into(), store).unwrap();
            ScramServer::new(hash, nonce(2), Arc::new(config)).into()
        }
        None if mechanism == Mechanism::Plain => {
            let verifier = |login: &PlainLogin<'_>| {
                login.password_matches(&PASSWORD.into()) && login.username == USERNAME
            };
            PlainServer::new(Arc::new(verifier)).into()
        }
        None => OAuthBearerServer::new(Arc::new(UnsecuredTokenValidator::new())).into(),
    }
}

/// What somebody else's server answers: the next bytes, or none when it has refused.
pub(crate) type Answer = Option<Vec<u8>>;

/// Drives our client against any server, as a pool does.
pub(crate) fn drive(
    mut client: ClientExchange,
    mut server: impl FnMut(&[u8]) -> Answer,
) -> Result<(), Option<SaslError>> {
    let mut message = client.initial()?;
    loop {
        let challenge = server(message.expose()).ok_or(None)?;
        match client.respond(&challenge)? {
            ClientStep::Send(next) => message = next,
            ClientStep::Done => return Ok(()),
            ClientStep::Refused { answer, error } => {
                server(answer.expose());
                return Err(Some(error));
            }
            step => panic!("{step:?}"),
        }
    }
}

/// Our server as one that [`drive`] can talk to; the identity comes out at the end.
pub(crate) fn answering(
    mut server: ServerExchange,
    identity: &mut Option<Identity>,
) -> impl FnMut(&[u8]) -> Answer {
    move |message| match server.respond(message, now()) {
        ServerStep::Challenge(challenge) => Some(challenge),
        ServerStep::Done { message, identity: who } => {
            *identity = Some(who);
            Some(message)
        }
        _ => None,
    }
}

#[test]
fn every_mechanism_succeeds_in_one_loop() {
    for mechanism in Mechanism::ALL {
        let mut identity = None;
        let client = client(mechanism, USERNAME, PASSWORD);
        let server = server(mechanism);
        assert_eq!((client.mechanism(), server.mechanism()), (mechanism, mechanism));
        assert_eq!(drive(client, answering(server, &mut identity)), Ok(()));
        assert_eq!(identity.unwrap().authorization_id, USERNAME);
    }
}

#[test]
fn every_mechanism_with_a_password_fails_with_a_wrong_one() {
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512] {
        for (username, password) in [(USERNAME, "wrong"), ("nobody", PASSWORD)] {
            let mut identity = None;
            let client = client(mechanism, username, password);
            let result = drive(client, answering(server(mechanism), &mut identity));
            assert_eq!(result, Err(None));
            assert_eq!(identity, None);
        }
    }
}

#[test]
fn an_expired_token_is_refused_with_its_status() {
    let expired = UnsecuredToken::new(USERNAME).unwrap();
    let expired = expired.issue(now() - Duration::from_secs(7200)).unwrap();
    let client = OAuthBearerClient::new(&expired).unwrap();
    let mut identity = None;
    let result = drive(client.into(), answering(server(Mechanism::OAuthBearer), &mut identity));
    assert_eq!(
        result,
        Err(Some(SaslError::TokenRefused {
            status: "invalid_token".into(),
            scope: None,
            openid_configuration: None,
        }))
    );
    assert_eq!(identity, None);
}
