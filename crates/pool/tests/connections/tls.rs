//! TLS against a server of rustls: who is trusted, and what an error says.

use std::path::PathBuf;
use std::sync::Arc;

use milena_pool::tls::{ClientCertificate, PemSource, TlsConfig, TlsError, TlsVersion, Trust};
use milena_pool::{ConnectError, ConnectErrorKind, Connection, ConnectionConfig, Security};
use milena_wire::messages::MetadataRequest;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::scripted::{Listener, Peer, numbered_response, soon};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tls/tests/certificates").join(name)
}

fn file(name: &str) -> PemSource {
    PemSource::File(path(name))
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

fn trusting(name: &str) -> TlsConfig {
    TlsConfig::new(Trust::Pem(file(name)))
}

/// A server with a certificate; with `wants_client` it takes clients of the test authority alone.
fn acceptor(certificate: &str, wants_client: bool) -> TlsAcceptor {
    let provider = Arc::new(rustls_graviola::default_provider());
    let chain: Vec<_> = CertificateDer::pem_file_iter(path(certificate))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_file(path("broker.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(path("ca.pem")).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
}

/// Connects to `host`, where a broker has this certificate, and makes one request.
async fn exchange_with(
    host: &str,
    acceptor: TlsAcceptor,
    settings: &TlsConfig,
) -> Result<i32, ConnectError> {
    let listener = Listener::start().await;
    let security = Security::Tls(settings.build().unwrap());
    let config = ConnectionConfig { security, ..ConnectionConfig::default() };
    let broker = async {
        let stream = listener.accept_raw().await;
        let Ok(stream) = acceptor.accept(stream).await else { return };
        let mut peer = Peer { stream };
        let Some(request) = peer.try_receive().await else { return };
        let versions = crate::scripted::api_versions(&crate::scripted::all_apis());
        peer.answer(&request, &versions).await;
        if let Some(request) = peer.try_receive().await {
            peer.answer(&request, &numbered_response(9)).await;
        }
    };
    let client = async {
        let connection = soon(Connection::connect(host, listener.port(), &config)).await?;
        Ok(soon(connection.send(&MetadataRequest::default())).await.unwrap().controller_id)
    };
    tokio::join!(client, broker).0
}

async fn tls_error(certificate: &str, settings: &TlsConfig) -> TlsError {
    let error =
        exchange_with("localhost", acceptor(certificate, false), settings).await.unwrap_err();
    tls_kind(&error)
}

fn tls_kind(error: &ConnectError) -> TlsError {
    match error.kind() {
        ConnectErrorKind::Tls(error) => error.clone(),
        kind => panic!("{kind:?}"),
    }
}

#[tokio::test]
async fn trusted_certificate_of_the_host_is_accepted() {
    for host in ["localhost", "127.0.0.1"] {
        let number = exchange_with(host, acceptor("broker.pem", false), &trusting("ca.pem")).await;
        assert_eq!(number.unwrap(), 9, "{host}");
    }
}

#[tokio::test]
async fn both_versions_of_tls_work_alone() {
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let settings = trusting("ca.pem").versions([version]);
        let number = exchange_with("localhost", acceptor("broker.pem", false), &settings).await;
        assert_eq!(number.unwrap(), 9, "{version:?}");
    }
}

#[tokio::test]
async fn inline_pem_is_as_good_as_a_file() {
    let settings = TlsConfig::new(Trust::Pem(PemSource::Inline(text("ca.pem"))));
    let number = exchange_with("localhost", acceptor("broker.pem", false), &settings).await;
    assert_eq!(number.unwrap(), 9);
}

#[tokio::test]
async fn certificate_that_nobody_trusted_signed_is_refused() {
    let error = tls_error("foreign.pem", &trusting("ca.pem")).await;
    assert!(matches!(error, TlsError::UnknownIssuer), "{error:?}");
    assert!(error.is_authentication() && !error.is_retriable());
    assert!(error.to_string().contains("ssl.truststore.location"), "{error}");
}

#[tokio::test]
async fn expired_certificate_is_said_so() {
    let error = tls_error("expired.pem", &trusting("ca.pem")).await;
    assert!(matches!(error, TlsError::Expired(_)), "{error:?}");
}

#[tokio::test]
async fn certificate_of_another_host_is_refused_unless_told_otherwise() {
    let error = tls_error("wrong-host.pem", &trusting("ca.pem")).await;
    assert!(matches!(error, TlsError::WrongHostName(_)), "{error:?}");
    assert!(error.to_string().contains("elsewhere.example"), "{error}");
    let careless = trusting("ca.pem").dangerous().without_host_name_check();
    let number = exchange_with("localhost", acceptor("wrong-host.pem", false), &careless).await;
    assert_eq!(number.unwrap(), 9);
    let error = tls_error("expired.pem", &careless).await;
    assert!(matches!(error, TlsError::Expired(_)), "only the name goes unchecked: {error:?}");
    let error = tls_error("foreign.pem", &careless).await;
    assert!(matches!(error, TlsError::UnknownIssuer), "{error:?}");
}

#[tokio::test]
async fn client_certificate_is_shown_to_brokers_that_want_one() {
    let certificate =
        ClientCertificate { chain: file("client.pem"), key: Some(file("client.key")) };
    let settings = trusting("ca.pem").client_certificate(certificate);
    let number = exchange_with("localhost", acceptor("broker.pem", true), &settings).await;
    assert_eq!(number.unwrap(), 9);
    let both = PemSource::Inline(text("client.pem") + &text("client.key"));
    let settings =
        trusting("ca.pem").client_certificate(ClientCertificate { chain: both, key: None });
    let number = exchange_with("localhost", acceptor("broker.pem", true), &settings).await;
    assert_eq!(number.unwrap(), 9);
}

#[tokio::test]
async fn missing_client_certificate_is_said_so() {
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let settings = trusting("ca.pem").versions([version]);
        let error = exchange_with("localhost", acceptor("broker.pem", true), &settings).await;
        let error = tls_kind(&error.unwrap_err());
        let is_clear = matches!(error, TlsError::CertificateRefused(_) | TlsError::Alert(_));
        assert!(is_clear, "{version:?}: {error:?}");
    }
}

#[tokio::test]
async fn broker_without_tls_is_recognised() {
    let listener = Listener::start().await;
    let security = Security::Tls(trusting("ca.pem").build().unwrap());
    let config = ConnectionConfig { security, ..ConnectionConfig::default() };
    let broker = async {
        let stream = listener.accept_raw().await;
        Peer { stream }.send_raw(&[0, 0, 0, 6, 0, 0, 0, 0, 0, 0]).await;
    };
    let (connection, ()) =
        tokio::join!(soon(Connection::connect("localhost", listener.port(), &config)), broker);
    let error = tls_kind(&connection.unwrap_err());
    assert!(matches!(error, TlsError::NotTls), "{error:?}");
    assert!(error.to_string().contains("PLAINTEXT"), "{error}");
}

#[tokio::test]
async fn broker_that_closes_during_the_handshake_leads_to_a_hint() {
    let listener = Listener::start().await;
    let security = Security::Tls(trusting("ca.pem").build().unwrap());
    let config = ConnectionConfig { security, ..ConnectionConfig::default() };
    let broker = async { drop(listener.accept_raw().await) };
    let (connection, ()) =
        tokio::join!(soon(Connection::connect("localhost", listener.port(), &config)), broker);
    let error = tls_kind(&connection.unwrap_err());
    assert!(matches!(error, TlsError::Closed), "{error:?}");
    assert!(error.is_retriable());
}

#[test]
fn settings_that_cannot_be_used_are_explained() {
    let missing = trusting("no-such-file.pem").build().unwrap_err();
    assert!(missing.to_string().contains("no-such-file.pem"), "{missing}");
    let no_certificate = trusting("client.key").build().unwrap_err();
    assert!(no_certificate.to_string().contains("BEGIN CERTIFICATE"), "{no_certificate}");
    let encrypted =
        ClientCertificate { chain: file("client.pem"), key: Some(file("encrypted.key")) };
    let encrypted = trusting("ca.pem").client_certificate(encrypted).build().unwrap_err();
    assert!(encrypted.to_string().contains("there is no password"), "{encrypted}");
    let foreign_key =
        ClientCertificate { chain: file("client.pem"), key: Some(file("broker.key")) };
    let foreign_key = trusting("ca.pem").client_certificate(foreign_key).build().unwrap_err();
    assert!(matches!(foreign_key, TlsError::ClientCertificate(_)), "{foreign_key:?}");
}

#[test]
fn inline_keys_do_not_show() {
    let certificate = ClientCertificate {
        chain: file("client.pem"),
        key: Some(PemSource::Inline(text("client.key"))),
    };
    let shown = format!("{:?}", trusting("ca.pem").client_certificate(certificate));
    assert!(!shown.contains("PRIVATE KEY"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn handshake_that_is_never_answered_fails_within_the_setup_timeout() {
    let listener = Listener::start().await;
    let security = Security::Tls(trusting("ca.pem").build().unwrap());
    let config = ConnectionConfig { security, ..ConnectionConfig::default() };
    let begin = tokio::time::Instant::now();
    let (connection, _stream) = tokio::join!(
        Connection::connect("localhost", listener.port(), &config),
        listener.accept_raw()
    );
    let error = connection.unwrap_err();
    assert!(matches!(error.kind(), ConnectErrorKind::SetupTimedOut(_)), "{error:?}");
    assert!(begin.elapsed() < std::time::Duration::from_secs(11), "{:?}", begin.elapsed());
}
