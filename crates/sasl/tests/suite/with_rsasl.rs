//! Against the crate `rsasl`, which knows all four mechanisms on both sides.
//!
//! Its OAUTHBEARER server gives its callback the value of `auth` with `Bearer`, which the callback
//! here takes off.

use std::sync::Arc;

use milena_sasl::scram::{ScramHash, ScramServer, ScramServerConfig};
use milena_sasl::{Mechanism, SaslError, ServerExchange, ServerStep};
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::oauthbearer::properties::{OAuthBearerError, OAuthBearerValidate};
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::prelude::{
    Mechname, SASLClient, SASLConfig, SASLServer, Session, SessionError, Validation,
};
use rsasl::property::{AuthId, OAuthBearerToken, Password};
use rsasl::validate::{Validate, ValidationError};

use crate::ours::{PASSWORD, SALT, USERNAME, client, credential, drive, nonce, now, server, token};

/// A name with both escapes.
const ESCAPED: &str = "us=er,x";

struct Accepted;

impl Validation for Accepted {
    type Value = bool;
}

struct ServerCallback {
    mechanism: Mechanism,
    token: String,
}

impl SessionCallback for ServerCallback {
    fn callback(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        if let Some(hash) = ScramHash::of(self.mechanism)
            && matches!(context.get_ref::<AuthId>(), Some(USERNAME | "us=3Der=2Cx" | ESCAPED))
        {
            let stored = credential(hash);
            request.satisfy::<ScramStoredPassword<'_>>(&ScramStoredPassword::new(
                stored.iterations(),
                SALT,
                stored.stored_key().expose(),
                stored.server_key().expose(),
            ))?;
        }
        if self.mechanism == Mechanism::OAuthBearer {
            let given = context.get_ref::<OAuthBearerToken>().unwrap_or_default();
            let good = given.strip_prefix("Bearer ") == Some(self.token.as_str());
            let refusal = OAuthBearerError::new("invalid_token", Some("kafka"), None);
            let answer = if good { Ok(()) } else { Err(refusal) };
            request.satisfy::<OAuthBearerValidate>(&answer)?;
        }
        Ok(())
    }

    fn validate(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        let accepted = match self.mechanism {
            Mechanism::Plain => {
                context.get_ref::<AuthId>() == Some(USERNAME)
                    && context.get_ref::<Password>() == Some(PASSWORD.as_bytes())
            }
            _ => true,
        };
        validate.with::<Accepted, _>(|| Ok(accepted))?;
        Ok(())
    }
}

fn mechname(mechanism: Mechanism) -> &'static Mechname {
    Mechname::parse(mechanism.name().as_bytes()).unwrap()
}

fn their_server(mechanism: Mechanism, token: &str) -> Session<Accepted> {
    let callback = ServerCallback { mechanism, token: token.to_owned() };
    let config = SASLConfig::builder().with_defaults().with_callback(callback).unwrap();
    SASLServer::<Accepted>::new(config).start_suggested(mechname(mechanism)).unwrap()
}

fn run(mechanism: Mechanism, username: &str, password: &str) -> Result<(), Option<SaslError>> {
    let token = token();
    let mut server = their_server(mechanism, token.expose_str().unwrap());
    drive(client(mechanism, username, password), |message| {
        let mut output = Vec::new();
        let state = server.step(Some(message), &mut output).ok()?;
        let refused = state.is_finished() && server.validation() == Some(false);
        (!refused).then_some(output)
    })
}

#[test]
fn our_client_and_their_server_agree() {
    for mechanism in Mechanism::ALL {
        assert_eq!(run(mechanism, USERNAME, PASSWORD), Ok(()), "{mechanism}");
    }
}

#[test]
fn their_server_refuses_what_is_wrong() {
    assert_eq!(run(Mechanism::Plain, USERNAME, "wrong"), Err(None));
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
        for (username, password, value) in
            [(USERNAME, "wrong", "invalid-proof"), ("nobody", PASSWORD, "unknown-user")]
        {
            let Err(Some(SaslError::ServerRefused { value: found, .. })) =
                run(mechanism, username, password)
            else {
                panic!("{mechanism} accepted {username}");
            };
            assert_eq!(found.as_str(), value);
        }
    }
}

#[test]
fn our_escapes_are_signed_as_they_do() {
    for mechanism in [Mechanism::ScramSha256, Mechanism::ScramSha512] {
        assert_eq!(run(mechanism, ESCAPED, PASSWORD), Ok(()), "{mechanism}");
    }
}

#[test]
fn their_server_refuses_our_token_with_a_status_that_we_read() {
    let mut server = their_server(Mechanism::OAuthBearer, "another");
    let result = drive(client(Mechanism::OAuthBearer, USERNAME, PASSWORD), |message| {
        let mut output = Vec::new();
        server.step(Some(message), &mut output).ok().map(|_| output)
    });
    let Err(Some(SaslError::TokenRefused { status, scope, .. })) = result else {
        panic!("{result:?}");
    };
    assert_eq!((status.as_str(), scope.as_deref()), ("invalid_token", Some("kafka")));
}

struct ClientCallback {
    username: String,
    password: String,
    token: String,
}

impl SessionCallback for ClientCallback {
    fn callback(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        request
            .satisfy::<AuthId>(&self.username)?
            .satisfy::<Password>(self.password.as_bytes())?
            .satisfy::<OAuthBearerToken>(&self.token)?;
        Ok(())
    }
}

/// Runs their client against our server: the name that our server took it for.
fn accepts(
    mut server: ServerExchange,
    mechanism: Mechanism,
    username: &str,
    password: &str,
    token: &str,
) -> Option<String> {
    let callback = ClientCallback {
        username: username.to_owned(),
        password: password.to_owned(),
        token: token.to_owned(),
    };
    let config = SASLConfig::builder().with_defaults().with_callback(callback).unwrap();
    let client = SASLClient::new(config);
    let mut client = client.start_suggested([mechname(mechanism)].iter()).unwrap();
    let mut message = Vec::new();
    let mut state = client.step(None, &mut message).unwrap();
    loop {
        match server.respond(&message, now()) {
            ServerStep::Challenge(challenge) => {
                message.clear();
                // A client that refuses our challenge is as good as refused by us.
                state = client.step(Some(&challenge), &mut message).ok()?;
            }
            ServerStep::Done { message: last, identity } => {
                if !state.is_finished() {
                    let last = (!last.is_empty()).then_some(last);
                    let end = client.step(last.as_deref(), &mut Vec::new()).unwrap();
                    assert!(end.is_finished());
                }
                return Some(identity.username);
            }
            _ => return None,
        }
    }
}

#[test]
fn their_client_and_our_server_agree() {
    let token = token();
    let token = token.expose_str().unwrap();
    for mechanism in Mechanism::ALL {
        let user = accepts(server(mechanism), mechanism, USERNAME, PASSWORD, token);
        assert_eq!(user.as_deref(), Some(USERNAME), "{mechanism}");
    }
}

#[test]
fn our_server_refuses_their_client_when_something_is_wrong() {
    let token = "eyJhbGciOiJub25lIn0.e30.";
    for mechanism in Mechanism::ALL {
        let user = accepts(server(mechanism), mechanism, USERNAME, "wrong", token);
        assert_eq!(user, None, "{mechanism}");
    }
    let mechanism = Mechanism::ScramSha512;
    assert_eq!(accepts(server(mechanism), mechanism, "nobody", PASSWORD, token), None);
}

#[test]
fn their_escapes_are_read_as_we_do() {
    for hash in [ScramHash::Sha256, ScramHash::Sha512] {
        let store = |username: &str, hash| (username == ESCAPED).then(|| credential(hash));
        let config = ScramServerConfig::new("server secret".into(), store).unwrap();
        let server = ScramServer::new(hash, nonce(3), Arc::new(config));
        let user = accepts(server.into(), hash.mechanism(), ESCAPED, PASSWORD, "token");
        assert_eq!(user.as_deref(), Some(ESCAPED), "{hash:?}");
    }
}
