//! The four security protocols, and who is kept out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use milena_broker::{Broker, SecurityProtocol, StartError};
use milena_sasl::scram::{Nonce, ScramClient, ScramHash};
use milena_sasl::{ClientExchange, ClientStep, Secret, plain::PlainClient};
use milena_wire::messages::{
    MetadataRequest, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
};
use milena_wire::{ByteString, ErrorCode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::raw::{Client, code};

const CA: &[u8] = include_bytes!("../certificates/ca.pem");
const SERVER: &[u8] = include_bytes!("../certificates/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("../certificates/server.key.pem");
const CLIENT: &[u8] = include_bytes!("../certificates/client.pem");
const CLIENT_KEY: &[u8] = include_bytes!("../certificates/client.key.pem");

async fn tls(address: &str, with_certificate: bool) -> io::Result<Client<TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA).unwrap()).unwrap();
    let builder =
        ClientConfig::builder_with_provider(Arc::new(rustls_graviola::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
    let config = if with_certificate {
        let chain = vec![CertificateDer::from_pem_slice(CLIENT).unwrap()];
        builder
            .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(CLIENT_KEY).unwrap())
            .unwrap()
    } else {
        builder.with_no_client_auth()
    };
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    Ok(Client::over(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
}

async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut Client<S>,
    mut exchange: ClientExchange,
) -> SaslAuthenticateResponse {
    let mechanism = ByteString::from(exchange.mechanism().name());
    let handshake = client.ask(1, &SaslHandshakeRequest { mechanism, ..Default::default() }).await;
    assert_eq!(code(handshake.error_code), ErrorCode::NONE);
    let mut token = exchange.initial().unwrap();
    loop {
        let auth_bytes = Bytes::copy_from_slice(token.expose());
        let answer =
            client.ask(2, &SaslAuthenticateRequest { auth_bytes, ..Default::default() }).await;
        if answer.error_code != 0 {
            return answer;
        }
        match exchange.respond(&answer.auth_bytes).unwrap() {
            ClientStep::Send(next) => token = next,
            _ => return answer,
        }
    }
}

fn scram(hash: ScramHash, password: &str) -> ClientExchange {
    let nonce = Nonce::from_random(&[9; 24]).unwrap();
    ScramClient::new(hash, "alice", &Secret::from(password), nonce).unwrap().into()
}

fn plain(password: &str) -> ClientExchange {
    PlainClient::new("alice", &Secret::from(password)).unwrap().into()
}

#[tokio::test]
async fn every_mechanism_lets_its_user_in_and_refuses_a_wrong_password() {
    let broker = Broker::builder().user("alice", "secret").start().await.unwrap();
    assert!(broker.bootstrap_servers_of(SecurityProtocol::SaslPlaintext).is_some());
    for make in [
        plain,
        |word: &str| scram(ScramHash::Sha256, word),
        |word: &str| scram(ScramHash::Sha512, word),
    ] {
        let mut client = Client::connect(&broker).await;
        assert_eq!(
            code(authenticate(&mut client, make("secret")).await.error_code),
            ErrorCode::NONE
        );
        assert_eq!(client.ask(9, &MetadataRequest::default()).await.brokers.len(), 1);
        let mut client = Client::connect(&broker).await;
        let refused = authenticate(&mut client, make("wrong")).await;
        assert_eq!(code(refused.error_code), ErrorCode::SASL_AUTHENTICATION_FAILED);
        assert_eq!(client.receive_frame().await, None);
    }
}

#[tokio::test]
async fn nothing_is_served_before_authentication() {
    let broker =
        Broker::builder().user("alice", "secret").sasl_mechanisms(["PLAIN"]).start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    assert_eq!(client.try_ask(9, &MetadataRequest::default()).await, None);
    let mut client = Client::connect(&broker).await;
    let request = SaslHandshakeRequest { mechanism: "SCRAM-SHA-256".into(), ..Default::default() };
    let refused = client.ask(1, &request).await;
    assert_eq!(code(refused.error_code), ErrorCode::UNSUPPORTED_SASL_MECHANISM);
    assert_eq!(refused.mechanisms, ["PLAIN"]);
}

#[tokio::test]
async fn old_clients_send_their_token_without_a_header() {
    let broker = Broker::builder().user("alice", "secret").start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    client.ask(0, &SaslHandshakeRequest { mechanism: "PLAIN".into(), ..Default::default() }).await;
    client.send_bytes(b"\0\0\0\x0d\0alice\0secret").await;
    assert_eq!(client.receive_frame().await, Some(Bytes::new()));
    assert_eq!(client.ask(9, &MetadataRequest::default()).await.brokers.len(), 1);
}

#[tokio::test]
async fn a_session_ends_unless_the_client_authenticates_again() {
    let lifetime = Duration::from_millis(300);
    let builder = Broker::builder().user("alice", "secret").connections_max_reauth(lifetime);
    let broker = builder.start().await.unwrap();
    let mut client = Client::connect(&broker).await;
    let answer = authenticate(&mut client, plain("secret")).await;
    assert_eq!(answer.session_lifetime_ms, 300);
    authenticate(&mut client, plain("secret")).await;
    client.ask(9, &MetadataRequest::default()).await;
    let before = tokio::time::Instant::now();
    while client.try_ask(9, &MetadataRequest::default()).await.is_some() {
        assert!(before.elapsed() < Duration::from_secs(10));
    }
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn tls_and_users_work_together_on_listeners_of_their_own() {
    let broker = Broker::builder()
        .listener(SecurityProtocol::Plaintext, "127.0.0.1", 0)
        .listener(SecurityProtocol::Ssl, "127.0.0.1", 0)
        .listener(SecurityProtocol::SaslPlaintext, "127.0.0.1", 0)
        .listener(SecurityProtocol::SaslSsl, "127.0.0.1", 0)
        .user("alice", "secret")
        .tls(SERVER, SERVER_KEY)
        .topic("t", 1)
        .start()
        .await
        .unwrap();
    let address = |protocol| broker.bootstrap_servers_of(protocol).unwrap();
    let mut plaintext = Client::connect_to(&address(SecurityProtocol::Plaintext)).await;
    plaintext.produce_values("t", 0, &["a"]).await;
    let mut ssl = tls(&address(SecurityProtocol::Ssl), false).await.unwrap();
    assert_eq!(ssl.produce_values("t", 0, &["b"]).await, 1);
    let mut sasl_ssl = tls(&address(SecurityProtocol::SaslSsl), false).await.unwrap();
    let answer = authenticate(&mut sasl_ssl, scram(ScramHash::Sha512, "secret")).await;
    assert_eq!(code(answer.error_code), ErrorCode::NONE);
    // A client is told the address of the listener that it uses.
    let metadata = sasl_ssl.ask(9, &MetadataRequest::default()).await;
    let told = format!("{}:{}", metadata.brokers[0].host, metadata.brokers[0].port);
    assert_eq!(told, address(SecurityProtocol::SaslSsl));
}

#[tokio::test]
async fn a_client_authority_demands_certificates() {
    let broker = Broker::builder().tls(SERVER, SERVER_KEY).tls_client_ca(CA).start().await.unwrap();
    let address = broker.bootstrap_servers();
    let mut known = tls(&address, true).await.unwrap();
    assert_eq!(known.ask(9, &MetadataRequest::default()).await.brokers.len(), 1);
    // In TLS 1.3 the client may only learn of the refusal when it reads.
    if let Ok(mut stranger) = tls(&address, false).await {
        assert_eq!(stranger.try_ask(9, &MetadataRequest::default()).await, None);
    }
}

#[tokio::test]
async fn impossible_options_are_named() {
    for (builder, named) in [
        (Broker::builder().listener(SecurityProtocol::Ssl, "127.0.0.1", 0), "tls"),
        (Broker::builder().listener(SecurityProtocol::SaslPlaintext, "127.0.0.1", 0), "user"),
        (Broker::builder().nodes(0), "nodes"),
        (Broker::builder().as_version("old"), "as_version"),
        (Broker::builder().tls(b"", b""), "certificate"),
        (Broker::builder().topic("a b", 1), "topic"),
        (Broker::builder().tls_client_ca(CA), "tls_client_ca"),
    ] {
        let error: StartError = builder.start().await.unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}
