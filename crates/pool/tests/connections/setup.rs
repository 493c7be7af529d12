//! Making connections: versions, and what is no Kafka broker.

use std::time::Duration;

use milena_core::backoff::Backoff;
use milena_core::negotiation::VersionCaps;
use milena_pool::{
    ConnectError, ConnectErrorKind, Connection, ConnectionConfig, DisconnectReason, Impostor,
    RequestError,
};
use milena_wire::messages::{ApiVersionsRequest, MetadataRequest};
use milena_wire::{ApiKey, Message as _};
use tokio::net::TcpListener;

use crate::scripted::{Listener, api_versions, numbered_response, refused, soon};

async fn connect(listener: &Listener) -> Result<Connection, ConnectError> {
    soon(Connection::connect("127.0.0.1", listener.port(), &ConnectionConfig::default())).await
}

const METADATA_OLD: (ApiKey, i16, i16) = (ApiKey::METADATA, 0, 5);

#[tokio::test]
async fn tells_name_and_version_and_uses_the_highest_common_version() {
    let listener = Listener::start().await;
    let broker = async {
        let mut peer = listener.accept().await;
        let request = peer.receive().await;
        assert_eq!(request.version, ApiVersionsRequest::MAX_VERSION);
        peer.answer(&request, &api_versions(&[METADATA_OLD])).await;
        let body = request.body::<ApiVersionsRequest>();
        assert_eq!(&*body.client_software_name, "milena");
        let request = peer.receive().await;
        assert_eq!(request.version, 5);
        peer.answer(&request, &numbered_response(4)).await;
    };
    let client = async {
        let connection = connect(&listener).await.unwrap();
        soon(connection.send(&MetadataRequest::default())).await.unwrap().controller_id
    };
    assert_eq!(tokio::join!(client, broker).0, 4);
}

#[tokio::test]
async fn broker_before_2_4_is_asked_again_with_version_0() {
    let listener = Listener::start().await;
    let broker = async {
        let mut peer = listener.accept().await;
        let request = peer.receive().await;
        peer.answer_as(0, request.correlation_id, &refused(&[])).await;
        let request = peer.receive().await;
        assert_eq!(request.version, 0);
        peer.answer(&request, &api_versions(&[METADATA_OLD])).await;
    };
    let (connection, ()) = tokio::join!(connect(&listener), broker);
    assert_eq!(connection.unwrap().api_versions().highest::<MetadataRequest>(), Ok(5));
}

#[tokio::test]
async fn range_that_the_broker_names_is_used() {
    let listener = Listener::start().await;
    let broker = async {
        let mut peer = listener.accept().await;
        let request = peer.receive().await;
        let range = [(ApiKey::API_VERSIONS, 0, 3)];
        peer.answer_as(0, request.correlation_id, &refused(&range)).await;
        let request = peer.receive().await;
        assert_eq!(request.version, 3);
        peer.answer(&request, &api_versions(&[METADATA_OLD])).await;
    };
    let (connection, ()) = tokio::join!(connect(&listener), broker);
    connection.unwrap();
}

#[tokio::test]
async fn api_that_the_broker_lacks_is_a_typed_error() {
    let listener = Listener::start().await;
    let broker = async {
        let mut peer = listener.accept().await;
        let request = peer.receive().await;
        peer.answer(&request, &api_versions(&[(ApiKey::FETCH, 0, 4)])).await;
        peer
    };
    let (connection, _peer) = tokio::join!(connect(&listener), broker);
    let error = connection.unwrap().send(&MetadataRequest::default()).await.unwrap_err();
    assert!(matches!(error, RequestError::UnsupportedVersion(_)), "{error:?}");
    assert!(!error.may_have_been_written());
}

#[tokio::test]
async fn limit_on_versions_holds() {
    let listener = Listener::start().await;
    let version_caps = VersionCaps::none().limit(ApiKey::METADATA, 2);
    let config = ConnectionConfig { version_caps, ..ConnectionConfig::default() };
    let (connection, _peer) = listener.connect(&config).await;
    assert_eq!(connection.api_versions().highest::<MetadataRequest>(), Ok(2));
}

async fn answer_first_bytes_with(bytes: &'static [u8]) -> ConnectError {
    let listener = Listener::start().await;
    let broker = async {
        let mut peer = listener.accept().await;
        peer.receive().await;
        peer.send_raw(bytes).await;
        peer
    };
    let (connection, _peer) = tokio::join!(connect(&listener), broker);
    connection.unwrap_err()
}

#[tokio::test]
async fn http_server_is_recognised() {
    let error = answer_first_bytes_with(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert!(!error.is_retriable());
    assert!(error.to_string().contains("HTTP"), "{error}");
    let ConnectErrorKind::Request(RequestError::Disconnected { reason, .. }) = error.kind() else {
        panic!("{error:?}")
    };
    assert!(matches!(reason, DisconnectReason::NotKafka(Impostor::Http)));
}

#[tokio::test]
async fn tls_alert_on_a_plaintext_connection_is_recognised() {
    let error = answer_first_bytes_with(&[0x15, 3, 3, 0, 2, 2, 10]).await;
    assert!(error.to_string().contains("SASL_SSL"), "{error}");
}

#[tokio::test]
async fn answer_that_is_no_api_versions_response_is_malformed() {
    let error = answer_first_bytes_with(&[0, 0, 0, 6, 0, 0, 0, 0, 0, 0]).await;
    assert!(matches!(error.kind(), ConnectErrorKind::Negotiation(_)), "{error:?}");
}

#[tokio::test]
async fn broker_that_closes_without_a_word_leads_to_a_hint() {
    let listener = Listener::start().await;
    let broker = async {
        let mut peer = listener.accept().await;
        peer.receive().await;
    };
    let (connection, ()) = tokio::join!(connect(&listener), broker);
    let error = connection.unwrap_err();
    assert!(error.to_string().contains("security.protocol"), "{error}");
    assert!(error.is_retriable());
}

#[tokio::test]
async fn refused_connection_names_the_address() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let error = soon(Connection::connect("127.0.0.1", port, &ConnectionConfig::default())).await;
    let error = error.unwrap_err();
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(error.is_retriable());
}

#[tokio::test(start_paused = true)]
async fn broker_that_never_answers_fails_within_the_request_timeout() {
    let listener = Listener::start().await;
    let config =
        ConnectionConfig { request_timeout: Duration::from_secs(7), ..ConnectionConfig::default() };
    let begin = tokio::time::Instant::now();
    let (connection, _peer) = tokio::join!(
        Connection::connect("127.0.0.1", listener.port(), &config),
        listener.accept_raw()
    );
    let error = connection.unwrap_err();
    assert!(matches!(error.kind(), ConnectErrorKind::Request(RequestError::TimedOut { .. })));
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn name_that_does_not_exist_is_said_so() {
    let config = ConnectionConfig {
        connection_setup_timeout: Backoff::new(Duration::from_secs(15), Duration::from_secs(15)),
        ..ConnectionConfig::default()
    };
    let error = soon(Connection::connect("no-such-host.invalid", 9092, &config)).await;
    let error = error.unwrap_err();
    let is_resolve = matches!(
        error.kind(),
        ConnectErrorKind::Resolve(_)
            | ConnectErrorKind::NoAddress
            | ConnectErrorKind::SetupTimedOut(_)
    );
    assert!(is_resolve, "{error:?}");
}

#[tokio::test]
async fn giving_up_while_connecting_closes_the_connection() {
    let listener = Listener::start().await;
    let port = listener.port();
    let attempt = tokio::spawn(async move {
        Connection::connect("127.0.0.1", port, &ConnectionConfig::default()).await
    });
    let mut peer = listener.accept().await;
    peer.receive().await;
    attempt.abort();
    peer.closed().await;
}
