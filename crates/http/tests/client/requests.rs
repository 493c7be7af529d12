//! Requests, and everything that may happen to them.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use milena_http::tls::{ClientCertificate, PemSource, TlsError, Trust};
use milena_http::{HttpClient, HttpError, HttpErrorKind, HttpSettings};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::server::{Server, file};

const SOON: Duration = Duration::from_secs(20);

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

fn client() -> HttpClient {
    HttpClient::new(trusting()).unwrap()
}

fn trusting() -> HttpSettings {
    HttpSettings::new().trust(Trust::Pem(PemSource::File(file("ca.pem"))))
}

fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

/// What a server that sends these bytes to whatever is asked leads to.
async fn answer_to(bytes: &'static [u8]) -> Result<Response<Bytes>, HttpError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert_ne!(stream.read(&mut request).await.unwrap(), 0);
        stream.write_all(bytes).await.unwrap();
    };
    let client = client();
    tokio::join!(client.send(get(&url), SOON), serve).0
}

#[tokio::test]
async fn request_goes_out_whole_and_its_response_comes_back_whole() {
    let server = Server::start().await;
    let request = Request::post(server.url("/echo?a=b%20c"))
        .header("content-type", "application/json")
        .body(Bytes::from_static(b"{\"a\":1}"))
        .unwrap();
    let response = client().send(request, SOON).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let expected = format!(
        "POST /echo?a=b%20c HTTP/1.1\ncontent-length: 7\ncontent-type: application/json\n\
         host: {}\nuser-agent: milena/{}\n\n{{\"a\":1}}",
        server.authority(),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(text(&response), expected);
}

#[tokio::test]
async fn user_info_is_sent_as_basic_authentication_and_nowhere_else() {
    let server = Server::start().await;
    let url = format!("http://me:pa%3Ass@{}/echo", server.authority());
    let response = client().send(get(&url), SOON).await.unwrap();
    assert!(text(&response).contains("\nauthorization: Basic bWU6cGE6c3M=\n"), "{response:?}");
    assert!(text(&response).contains(&format!("\nhost: {}\n", server.authority())));
    let own = Request::get(&url).header("authorization", "Bearer x").body(Bytes::new()).unwrap();
    let response = client().send(own, SOON).await.unwrap();
    assert!(text(&response).contains("\nauthorization: Bearer x\n"), "{response:?}");
}

#[tokio::test]
async fn error_statuses_and_redirects_are_responses() {
    let server = Server::start().await;
    for status in [302, 404, 500] {
        let response = client().send(get(&server.url(&format!("/status/{status}"))), SOON).await;
        assert_eq!(response.unwrap().status().as_u16(), status);
    }
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn connection_is_used_again() {
    let server = Server::start().await;
    let client = client();
    for _ in 0..5 {
        client.clone().send(get(&server.url("/echo")), SOON).await.unwrap();
    }
    assert_eq!((server.connections(), server.requests()), (1, 5));
}

#[tokio::test]
async fn response_that_is_too_long_is_refused_announced_or_not() {
    let server = Server::start().await;
    let client = HttpClient::new(trusting().response_bytes_max(1000)).unwrap();
    for path in ["/bytes/1000", "/chunked/1000"] {
        let response = client.send(get(&server.url(path)), SOON).await.unwrap();
        assert_eq!(response.body().len(), 1000, "{path}");
    }
    for path in ["/bytes/1001", "/chunked/1001"] {
        let error = client.send(get(&server.url(path)), SOON).await.unwrap_err();
        assert!(matches!(error.kind(), HttpErrorKind::TooLarge { limit: 1000 }), "{error:?}");
        assert!(error.to_string().contains(server.authority()), "{error}");
    }
}

#[tokio::test]
async fn length_that_is_announced_is_not_allocated() {
    let huge = b"HTTP/1.1 200 OK\r\ncontent-length: 16000000\r\n\r\nonly this";
    let error = answer_to(huge).await.unwrap_err();
    assert!(matches!(error.kind(), HttpErrorKind::Disconnected(_)), "{error:?}");
    assert!(error.is_retriable() && error.may_have_been_sent());
    let absurd = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000000000\r\n\r\n";
    let error = answer_to(absurd).await.unwrap_err();
    assert!(matches!(error.kind(), HttpErrorKind::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_no_http_is_said_so() {
    let bad: [&'static [u8]; 3] = [
        b"\x15\x03\x03\x00\x02\x02\x46",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ];
    for bytes in bad {
        let error = answer_to(bytes).await.unwrap_err();
        assert!(matches!(error.kind(), HttpErrorKind::Protocol(_)), "{bytes:?}: {error:?}");
        assert!(!error.is_retriable());
    }
    let error = answer_to(b"").await.unwrap_err();
    assert!(matches!(error.kind(), HttpErrorKind::Disconnected(_)), "{error:?}");
}

#[tokio::test]
async fn endless_head_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serve = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert_ne!(stream.read(&mut request).await.unwrap(), 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await.unwrap();
        let mut written = 0;
        while stream.write_all(&[b'a'; 4096]).await.is_ok() {
            written += 4096;
        }
        written
    });
    let error = client().send(get(&url), SOON).await.unwrap_err();
    assert!(matches!(error.kind(), HttpErrorKind::Protocol(_)), "{error:?}");
    assert!(serve.await.unwrap() < 32 << 20);
}

#[tokio::test(start_paused = true)]
async fn server_that_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let url = format!("http://user:secret@{authority}/path?token=secret");
    let within = Duration::from_secs(3);
    let error = client().send(get(&url), within).await.unwrap_err();
    assert!(matches!(error.kind(), HttpErrorKind::TimedOut(after) if *after == within));
    assert!(error.is_timeout() && error.is_retriable() && error.may_have_been_sent());
    assert_eq!(error.to_string(), format!("no response of http://{authority} within 3s"));
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn handshake_that_is_never_answered_is_given_up_earlier() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let settings = trusting().connect_timeout(Duration::from_secs(2));
    let error = HttpClient::new(settings).unwrap().send(get(&url), SOON).await.unwrap_err();
    assert!(matches!(error.kind(), HttpErrorKind::ConnectTimedOut(_)), "{error:?}");
    assert!(error.is_timeout() && !error.may_have_been_sent());
}

#[tokio::test]
async fn nobody_there_is_an_error_of_connecting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = client().send(get(&url), SOON).await.unwrap_err();
    assert!(matches!(error.kind(), HttpErrorKind::Connect(_)), "{error:?}");
    assert!(error.is_retriable() && !error.may_have_been_sent());
    assert_eq!(error.to_string(), format!("cannot connect to {}", url.trim_end_matches('/')));
    assert!(error.source().is_some());
}

#[tokio::test]
async fn requests_that_cannot_be_sent_are_refused() {
    for (url, expected) in [
        ("/path", "absolute"),
        ("ftp://user:secret@host/", "http or https"),
        ("http://user:secret@/", "host"),
    ] {
        let Ok(request) = Request::get(url).body(Bytes::new()) else { continue };
        let error = client().send(request, SOON).await.unwrap_err();
        assert!(matches!(error.kind(), HttpErrorKind::Invalid(_)), "{url}: {error:?}");
        assert!(error.to_string().contains(expected), "{url}: {error}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
    let connect = Request::connect("http://host/").body(Bytes::new()).unwrap();
    assert!(client().send(connect, SOON).await.is_err());
    let error = HttpClient::new(HttpSettings::new().user_agent("a\nb")).unwrap_err();
    assert!(error.to_string().contains("User-Agent"), "{error}");
}

#[tokio::test]
async fn https_needs_a_certificate_of_the_host_that_is_trusted() {
    let server = Server::start_tls("broker.pem", false).await;
    let response = client().send(get(&server.url("/echo")), SOON).await.unwrap();
    assert!(text(&response).starts_with("GET /echo HTTP/1.1\n"), "{response:?}");
    for (certificate, expected) in [("foreign.pem", "trusted"), ("wrong-host.pem", "another host")]
    {
        let server = Server::start_tls(certificate, false).await;
        let error = client().send(get(&server.url("/echo")), SOON).await.unwrap_err();
        let HttpErrorKind::Tls(tls) = error.kind() else { panic!("{error:?}") };
        assert!(tls.to_string().contains(expected), "{tls}");
        assert!(!error.is_retriable() && !error.may_have_been_sent());
    }
}

#[tokio::test]
async fn client_certificate_is_shown_to_servers_that_want_one() {
    let server = Server::start_tls("broker.pem", true).await;
    let certificate = ClientCertificate {
        chain: PemSource::File(file("client.pem")),
        key: Some(PemSource::File(file("client.key"))),
    };
    let known = HttpClient::new(trusting().client_certificate(certificate)).unwrap();
    assert!(known.send(get(&server.url("/echo")), SOON).await.is_ok());
    let error = client().send(get(&server.url("/echo")), SOON).await.unwrap_err();
    let refused = matches!(
        error.kind(),
        HttpErrorKind::Tls(TlsError::CertificateRefused(_) | TlsError::Alert(_))
    );
    assert!(refused, "{error:?}");
}

#[tokio::test]
async fn files_are_read_when_the_client_is_made() {
    let missing = Trust::Pem(PemSource::File(PathBuf::from("no-such-file.pem")));
    let error = HttpClient::new(HttpSettings::new().trust(missing)).unwrap_err();
    let source = error.source().unwrap().to_string();
    assert!(source.contains("no-such-file.pem"), "{source}");
}
