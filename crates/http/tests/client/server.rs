//! A server for the tests: hyper's, on a port of its own.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

/// A file of the test certificates.
pub(crate) fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tls/tests/certificates").join(name)
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

/// A server that ends when it is dropped.
pub(crate) struct Server {
    scheme: &'static str,
    authority: String,
    counts: Arc<Counts>,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::serve(None).await
    }

    /// A server of HTTPS; with `wants_client` it takes clients of the test authority alone.
    pub(crate) async fn start_tls(certificate: &str, wants_client: bool) -> Self {
        Self::serve(Some(acceptor(certificate, wants_client))).await
    }

    async fn serve(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (scheme, host) =
            if tls.is_some() { ("https", "localhost") } else { ("http", "127.0.0.1") };
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.connections.fetch_add(1, Ordering::SeqCst);
                let counted = Arc::clone(&counted);
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => connection(stream, counted).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                connection(stream, counted).await;
                            }
                        }
                    }
                });
            }
        });
        let task = task.abort_handle();
        Self { scheme, authority: format!("{host}:{port}"), counts, task }
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.authority)
    }

    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin + Send, counts: Arc<Counts>) {
    let service = service_fn(|request| {
        counts.requests.fetch_add(1, Ordering::SeqCst);
        answer(request)
    });
    // A client that goes away is not this server's problem.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let (kind, number) = path.trim_start_matches('/').split_once('/').unwrap_or((&path, "0"));
    let number: usize = number.parse().unwrap();
    let response = match kind {
        "status" => Response::builder()
            .status(StatusCode::from_u16(u16::try_from(number).unwrap()).unwrap())
            .header("location", "/echo")
            .body(whole(Bytes::new())),
        "bytes" => Response::builder().body(whole(vec![b'x'; number].into())),
        "chunked" => {
            let chunks = vec![Bytes::from_static(b"y"); number];
            let frames = chunks.into_iter().map(|chunk| Ok(Frame::data(chunk)));
            let stream = futures_util::stream::iter(frames);
            Response::builder().body(StreamBody::new(stream).boxed_unsync())
        }
        _ => Response::builder().body(whole(echo(request).await.into())),
    };
    Ok(response.unwrap())
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).boxed_unsync()
}

/// The request as text, its headers sorted.
async fn echo(request: Request<Incoming>) -> String {
    let mut headers: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let head = format!("{} {} {:?}\n", request.method(), request.uri(), request.version());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    format!("{head}{}\n{}", headers.concat(), String::from_utf8(body.to_vec()).unwrap())
}

fn acceptor(certificate: &str, wants_client: bool) -> TlsAcceptor {
    let provider = Arc::new(rustls_graviola::default_provider());
    let chain = CertificateDer::pem_file_iter(file(certificate)).unwrap();
    let chain: Vec<_> = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(file("broker.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
}
