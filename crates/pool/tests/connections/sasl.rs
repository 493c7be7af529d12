//! SASL against the server side of milena-sasl, as a broker drives it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use milena_pool::{
    AuthenticationError, ConnectError, ConnectErrorKind, Connection, ConnectionConfig,
    DisconnectReason, OAuthBearerToken, RequestError, Sasl, TokenFuture, TokenProvider,
};
use milena_sasl::oauthbearer::{
    Extensions, OAuthBearerServer, UnsecuredToken, UnsecuredTokenValidator,
};
use milena_sasl::plain::{PlainLogin, PlainServer};
use milena_sasl::scram::{ScramCredential, ScramHash, ScramServer, ScramServerConfig};
use milena_sasl::{Mechanism, Preparation, Secret, ServerExchange, ServerStep};
use milena_wire::messages::{
    MetadataRequest, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse,
};
use milena_wire::{ApiKey, ByteString, ErrorCode};
use tokio::net::TcpStream;

use crate::scripted::{Listener, Peer, Received, metadata_request, numbered_response, soon};

const USER: &str = "milena";
const PASSWORD: &str = "open sesame";

fn plain(password: &str) -> Sasl {
    Sasl::Plain { username: USER.into(), password: Secret::from(password) }
}

fn scram(hash: ScramHash, password: &str) -> Sasl {
    let password = Secret::from(password);
    Sasl::Scram { hash, username: USER.into(), password, token_auth: false }
}

fn config(sasl: Sasl) -> ConnectionConfig {
    ConnectionConfig { sasl: Some(sasl), ..ConnectionConfig::default() }
}

fn exchange(mechanism: Mechanism) -> ServerExchange {
    match mechanism {
        Mechanism::Plain => {
            let verify = |login: &PlainLogin<'_>| {
                login.username == USER && login.password_matches(&Secret::from(PASSWORD))
            };
            PlainServer::new(Arc::new(verify)).into()
        }
        Mechanism::ScramSha256 | Mechanism::ScramSha512 => {
            let hash = match mechanism {
                Mechanism::ScramSha256 => ScramHash::Sha256,
                _ => ScramHash::Sha512,
            };
            let credential = ScramCredential::from_password(
                hash,
                &Secret::from(PASSWORD),
                Preparation::Saslprep,
                b"salt-of-the-test",
                4096,
            );
            let credential = credential.unwrap();
            let store = move |user: &str, asked: ScramHash| {
                (user == USER && asked == hash).then(|| credential.clone())
            };
            let config = ScramServerConfig::new(Secret::from("server secret"), store).unwrap();
            let nonce = milena_sasl::scram::Nonce::from_text("server-nonce-of-the-test").unwrap();
            ScramServer::new(hash, nonce, Arc::new(config)).into()
        }
        _ => OAuthBearerServer::new(Arc::new(UnsecuredTokenValidator::new())).into(),
    }
}

/// The broker's side of one authentication. Returns whether the client is authenticated.
async fn authenticate(peer: &mut Peer<TcpStream>, lifetime_ms: i64) -> bool {
    let request = peer.receive().await;
    authenticate_after(peer, request, lifetime_ms).await
}

async fn authenticate_after(
    peer: &mut Peer<TcpStream>,
    request: Received,
    lifetime_ms: i64,
) -> bool {
    let response = SaslHandshakeResponse {
        mechanisms: Mechanism::ALL.map(|mechanism| mechanism.name().into()).to_vec(),
        ..SaslHandshakeResponse::default()
    };
    assert!(request.version >= 1);
    peer.answer(&request, &response).await;
    let mechanism = request.body::<SaslHandshakeRequest>().mechanism.parse().unwrap();
    let mut exchange = exchange(mechanism);
    loop {
        let request = peer.receive().await;
        let (version, id) = (request.version, request.correlation_id);
        let body = request.body::<SaslAuthenticateRequest>();
        let mut response = SaslAuthenticateResponse::default();
        match exchange.respond(&body.auth_bytes, SystemTime::now()) {
            ServerStep::Challenge(challenge) => {
                response.auth_bytes = Bytes::from(challenge);
                peer.answer_as(version, id, &response).await;
            }
            ServerStep::Done { message, .. } => {
                response.auth_bytes = Bytes::from(message);
                response.session_lifetime_ms = lifetime_ms;
                peer.answer_as(version, id, &response).await;
                return true;
            }
            _ => {
                response.error_code = ErrorCode::SASL_AUTHENTICATION_FAILED.0;
                response.error_message = Some("Authentication failed".into());
                peer.answer_as(version, id, &response).await;
                return false;
            }
        }
    }
}

async fn log_in(sasl: Sasl) -> Result<Connection, ConnectError> {
    let listener = Listener::start().await;
    let config = config(sasl);
    let broker = async {
        let mut peer = listener.accept_negotiated().await;
        if authenticate(&mut peer, 0).await {
            let request = peer.receive().await;
            peer.answer(&request, &numbered_response(6)).await;
        }
    };
    let client = async {
        let connection = soon(Connection::connect("127.0.0.1", listener.port(), &config)).await?;
        let response = soon(connection.send(&metadata_request())).await.unwrap();
        assert_eq!(response.controller_id, 6);
        Ok(connection)
    };
    tokio::join!(client, broker).0
}

fn authentication(error: &ConnectError) -> AuthenticationError {
    match error.kind() {
        ConnectErrorKind::Authentication(error) => error.clone(),
        kind => panic!("{kind:?}"),
    }
}

#[tokio::test]
async fn every_mechanism_authenticates() {
    let scrams = [ScramHash::Sha256, ScramHash::Sha512].map(|hash| scram(hash, PASSWORD));
    for sasl in scrams.into_iter().chain([plain(PASSWORD), tokens()]) {
        let mechanism = sasl.mechanism();
        let connection = log_in(sasl).await.unwrap_or_else(|error| panic!("{mechanism}: {error}"));
        assert_eq!(connection.session_ends_at(), None);
    }
}

#[tokio::test]
async fn wrong_password_is_a_typed_error_without_the_password() {
    for sasl in [plain("guess"), scram(ScramHash::Sha512, "guess")] {
        let mechanism = sasl.mechanism();
        let error = log_in(sasl).await.unwrap_err();
        assert!(error.is_authentication() && !error.is_retriable(), "{error:?}");
        let refused = authentication(&error);
        assert!(
            matches!(&refused, AuthenticationError::Refused { mechanism: name, .. } if *name == mechanism),
            "{refused:?}"
        );
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("Authentication failed") && !shown.contains("guess"), "{shown}");
    }
}

#[tokio::test]
async fn mechanism_that_the_listener_lacks_is_named_with_those_it_has() {
    let listener = Listener::start().await;
    let config = config(plain(PASSWORD));
    let broker = async {
        let mut peer = listener.accept_negotiated().await;
        let request = peer.receive().await;
        let response = SaslHandshakeResponse {
            error_code: ErrorCode::UNSUPPORTED_SASL_MECHANISM.0,
            mechanisms: vec!["SCRAM-SHA-512".into(), "GSSAPI".into()],
            ..SaslHandshakeResponse::default()
        };
        peer.answer(&request, &response).await;
    };
    let (connection, ()) =
        tokio::join!(soon(Connection::connect("127.0.0.1", listener.port(), &config)), broker);
    let error = connection.unwrap_err();
    assert!(error.is_authentication());
    assert!(error.to_string().contains("PLAIN"), "{error}");
    assert!(error.to_string().contains("SCRAM-SHA-512, GSSAPI"), "{error}");
}

#[tokio::test]
async fn listener_without_sasl_is_said_so() {
    let listener = Listener::start().await;
    let config = config(plain(PASSWORD));
    let broker = async {
        let mut peer = listener.accept_negotiated().await;
        let request = peer.receive().await;
        let error_code = ErrorCode::ILLEGAL_SASL_STATE.0;
        let response = SaslHandshakeResponse { error_code, ..SaslHandshakeResponse::default() };
        peer.answer(&request, &response).await;
    };
    let (connection, ()) =
        tokio::join!(soon(Connection::connect("127.0.0.1", listener.port(), &config)), broker);
    let error = connection.unwrap_err();
    assert!(matches!(authentication(&error), AuthenticationError::NoSasl));
    assert!(error.to_string().contains("PLAINTEXT"), "{error}");
}

#[tokio::test]
async fn broker_that_does_not_know_the_password_is_refused() {
    let listener = Listener::start().await;
    let config = config(scram(ScramHash::Sha256, PASSWORD));
    let broker = async {
        let mut peer = listener.accept_negotiated().await;
        let request = peer.receive().await;
        peer.answer(&request, &SaslHandshakeResponse::default()).await;
        // Repeats what the client said in place of a proof.
        let request = peer.receive().await;
        let (version, id) = (request.version, request.correlation_id);
        let auth_bytes = request.body::<SaslAuthenticateRequest>().auth_bytes;
        let response =
            SaslAuthenticateResponse { auth_bytes, ..SaslAuthenticateResponse::default() };
        peer.answer_as(version, id, &response).await;
    };
    let (connection, ()) =
        tokio::join!(soon(Connection::connect("127.0.0.1", listener.port(), &config)), broker);
    let error = connection.unwrap_err();
    assert!(matches!(authentication(&error), AuthenticationError::Exchange { .. }), "{error:?}");
}

/// Gives development tokens, and counts them.
struct Tokens {
    given: Arc<AtomicUsize>,
}

impl TokenProvider for Tokens {
    fn token(&self) -> TokenFuture<'_> {
        self.given.fetch_add(1, Ordering::Relaxed);
        Box::pin(async {
            let value = UnsecuredToken::new(USER).unwrap().issue(SystemTime::now()).unwrap();
            let extensions = Extensions::new().with("logicalCluster", "lkc").unwrap();
            Ok(OAuthBearerToken { value, extensions })
        })
    }
}

fn tokens() -> Sasl {
    Sasl::OAuthBearer { provider: Arc::new(Tokens { given: Arc::default() }) }
}

#[tokio::test(start_paused = true)]
async fn session_is_renewed_on_the_live_connection_before_it_ends() {
    let listener = Listener::start().await;
    let given = Arc::new(AtomicUsize::new(0));
    let provider = Arc::new(Tokens { given: Arc::clone(&given) });
    let config = config(Sasl::OAuthBearer { provider });
    let begin = tokio::time::Instant::now();
    let (connection, mut peer) =
        tokio::join!(Connection::connect("127.0.0.1", listener.port(), &config), async {
            let mut peer = listener.accept_negotiated().await;
            assert!(authenticate(&mut peer, 10_000).await);
            peer
        });
    let connection = connection.unwrap();
    assert!(connection.session_ends_at().is_some());

    let before = connection.start(&metadata_request(), 12, Duration::from_secs(60)).unwrap();
    let request = peer.receive().await;
    let handshake = peer.receive().await;
    assert_eq!(handshake.api_key, ApiKey::SASL_HANDSHAKE);
    let renewed_at = begin.elapsed();
    assert!(renewed_at >= Duration::from_millis(8500), "{renewed_at:?}");
    assert!(renewed_at < Duration::from_secs(10), "{renewed_at:?}");
    // What is started during the authentication waits for its end.
    let during = connection.start(&metadata_request(), 12, Duration::from_secs(60)).unwrap();
    peer.answer(&request, &numbered_response(1)).await;
    assert!(authenticate_after(&mut peer, handshake, 10_000).await);
    assert_eq!(before.await.unwrap().controller_id, 1);
    let request = peer.receive().await;
    assert_eq!(request.api_key, ApiKey::METADATA);
    peer.answer(&request, &numbered_response(2)).await;
    assert_eq!(during.await.unwrap().controller_id, 2);
    assert_eq!(given.load(Ordering::Relaxed), 2);
    assert!(!connection.is_closed());
}

#[tokio::test(start_paused = true)]
async fn failed_renewal_ends_the_connection_with_its_reason() {
    let listener = Listener::start().await;
    let config = config(plain(PASSWORD));
    let (connection, mut peer) =
        tokio::join!(Connection::connect("127.0.0.1", listener.port(), &config), async {
            let mut peer = listener.accept_negotiated().await;
            assert!(authenticate(&mut peer, 10_000).await);
            peer
        });
    let connection = connection.unwrap();
    let handshake = peer.receive().await;
    let during: Vec<_> = VecDeque::from([(); 2])
        .into_iter()
        .map(|()| {
            connection.start::<MetadataRequest>(&metadata_request(), 12, Duration::from_secs(60))
        })
        .collect();
    peer.answer(&handshake, &SaslHandshakeResponse::default()).await;
    let request = peer.receive().await;
    let response = SaslAuthenticateResponse {
        error_code: ErrorCode::SASL_AUTHENTICATION_FAILED.0,
        error_message: Some(ByteString::from_static("password was changed")),
        ..SaslAuthenticateResponse::default()
    };
    peer.answer(&request, &response).await;
    for pending in during {
        let error = pending.unwrap().await.unwrap_err();
        let RequestError::Disconnected { reason, written: false, .. } = &error else {
            panic!("{error:?}")
        };
        assert!(matches!(reason, DisconnectReason::Authentication(_)), "{reason:?}");
        assert!(!error.is_retriable());
    }
}
