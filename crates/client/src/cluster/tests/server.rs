//! A broker that tells its versions by itself and leaves every other request to the test.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use milena_wire::messages::ApiVersionsResponse;
use milena_wire::messages::api_versions_response::ApiVersion;
use milena_wire::{ApiKey, Decoder, Message, Request, frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Waits for something that must happen.
pub(super) async fn soon<T>(work: impl Future<Output = T>) -> T {
    let patience = Duration::from_secs(20);
    tokio::time::timeout(patience, work).await.expect("it happens within the test's patience")
}

/// The broker; dropping it ends its connections.
pub(super) struct Server {
    port: u16,
    requests: mpsc::UnboundedReceiver<Seen>,
    _tasks: JoinSet<()>,
}

/// A request that the test has to answer.
pub(super) struct Seen {
    pub(super) api_key: ApiKey,
    version: i16,
    correlation_id: i32,
    decoder: Decoder,
    answers: mpsc::UnboundedSender<Bytes>,
}

impl Seen {
    /// The request's fields.
    pub(super) fn body<R: Request>(&self) -> R {
        assert_eq!(self.api_key, R::KEY);
        self.decoder.clone().message(self.version).unwrap()
    }

    /// Answers it; nothing happens if the client has gone.
    pub(super) fn answer<M: Message>(&self, response: &M) {
        let frame = frame::encode_response(self.version, self.correlation_id, response).unwrap();
        let _ = self.answers.send(frame.to_bytes());
    }
}

impl Seen {
    /// Closes the connection that it came on.
    pub(super) fn hang_up(&self) {
        let _ = self.answers.send(Bytes::new());
    }
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, requests) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, seen));
        Self { port, requests, _tasks: tasks }
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// The next request.
    pub(super) async fn next(&mut self) -> Seen {
        soon(self.requests.recv()).await.expect("the server runs")
    }

    /// The next request, which is one of `api_key`.
    pub(super) async fn expect(&mut self, api_key: ApiKey) -> Seen {
        let request = self.next().await;
        assert_eq!(request.api_key, api_key);
        request
    }
}

async fn accept(listener: TcpListener, seen: mpsc::UnboundedSender<Seen>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, seen.clone()));
    }
}

async fn serve(stream: TcpStream, seen: mpsc::UnboundedSender<Seen>) {
    let (read, write) = stream.into_split();
    let (answers, to_write) = mpsc::unbounded_channel();
    tokio::join!(read_requests(read, answers, seen), write_answers(write, to_write));
}

async fn read_requests(
    mut stream: OwnedReadHalf,
    answers: mpsc::UnboundedSender<Bytes>,
    seen: mpsc::UnboundedSender<Seen>,
) {
    while let Ok(length) = stream.read_u32().await {
        let mut body = vec![0; usize::try_from(length).unwrap()];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let (head, decoder) = frame::decode_request_header(Bytes::from(body)).unwrap();
        let request = Seen {
            api_key: head.api_key,
            version: head.api_version,
            correlation_id: head.correlation_id,
            decoder,
            answers: answers.clone(),
        };
        if request.api_key == ApiKey::API_VERSIONS {
            request.answer(&everything());
        } else if seen.send(request).is_err() {
            return;
        }
    }
}

async fn write_answers(mut stream: OwnedWriteHalf, mut answers: mpsc::UnboundedReceiver<Bytes>) {
    while let Some(answer) = answers.recv().await {
        if answer.is_empty() || stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Every API with the versions that this library knows.
fn everything() -> ApiVersionsResponse {
    let api_keys = (0..100)
        .filter_map(|api_key| {
            let (min_version, max_version) = ApiKey(api_key).versions()?;
            Some(ApiVersion { api_key, min_version, max_version, ..ApiVersion::default() })
        })
        .collect();
    ApiVersionsResponse { api_keys, ..ApiVersionsResponse::default() }
}
