//! A broker that does what a test tells it, one step after the other.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use milena_pool::{Connection, ConnectionConfig};
use milena_wire::messages::api_versions_response::ApiVersion;
use milena_wire::messages::{ApiVersionsResponse, MetadataRequest, MetadataResponse};
use milena_wire::{ApiKey, ErrorCode, Message, Request, frame};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How long a test waits for something that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that must happen.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it happens within the test's patience")
}

/// A listener on a port of its own.
pub(crate) struct Listener {
    listener: TcpListener,
}

impl Listener {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// The next connection as it is.
    pub(crate) async fn accept_raw(&self) -> TcpStream {
        let (stream, _) = soon(self.listener.accept()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// The next connection, frames.
    pub(crate) async fn accept(&self) -> Peer<TcpStream> {
        Peer { stream: self.accept_raw().await }
    }

    /// The next connection, which has told its versions.
    pub(crate) async fn accept_negotiated(&self) -> Peer<TcpStream> {
        let mut peer = self.accept().await;
        peer.answer_api_versions().await;
        peer
    }

    /// A connection that is set up, and the broker's end of it.
    pub(crate) async fn connect(&self, config: &ConnectionConfig) -> (Connection, Peer<TcpStream>) {
        let (connection, peer) = tokio::join!(
            soon(Connection::connect("127.0.0.1", self.port(), config)),
            self.accept_negotiated()
        );
        (connection.unwrap(), peer)
    }
}

/// A request as the broker sees it.
pub(crate) struct Received {
    pub(crate) api_key: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    decoder: milena_wire::Decoder,
}

impl Received {
    /// The request's fields.
    pub(crate) fn body<R: Request>(mut self) -> R {
        assert_eq!(self.api_key, R::KEY);
        self.decoder.message(self.version).unwrap()
    }
}

/// The broker's end of a connection.
pub(crate) struct Peer<S> {
    pub(crate) stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// The next request; `None` when the client has closed the connection.
    pub(crate) async fn try_receive(&mut self) -> Option<Received> {
        let mut prefix = [0; 4];
        soon(self.stream.read_exact(&mut prefix)).await.ok()?;
        let length = usize::try_from(i32::from_be_bytes(prefix)).unwrap();
        let mut body = vec![0; length];
        soon(self.stream.read_exact(&mut body)).await.ok()?;
        let (head, decoder) = frame::decode_request_header(Bytes::from(body)).unwrap();
        Some(Received {
            api_key: head.api_key,
            version: head.api_version,
            correlation_id: head.correlation_id,
            decoder,
        })
    }

    /// The next request.
    pub(crate) async fn receive(&mut self) -> Received {
        self.try_receive().await.expect("the client sends a request")
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
        soon(self.stream.flush()).await.unwrap();
    }

    /// Answers a request.
    pub(crate) async fn answer<M: Message>(&mut self, request: &Received, response: &M) {
        self.answer_as(request.version, request.correlation_id, response).await;
    }

    /// Answers with any version and correlation id.
    pub(crate) async fn answer_as<M: Message>(&mut self, version: i16, id: i32, response: &M) {
        let frame = frame::encode_response(version, id, response).unwrap();
        self.send_raw(&frame.to_bytes()).await;
    }

    /// Answers ApiVersions with everything that this library knows.
    pub(crate) async fn answer_api_versions(&mut self) {
        let request = self.receive().await;
        assert_eq!(request.api_key, ApiKey::API_VERSIONS);
        self.answer(&request, &api_versions(&all_apis())).await;
    }

    /// Waits for the client to close the connection.
    pub(crate) async fn closed(&mut self) {
        assert!(self.try_receive().await.is_none(), "the client closes the connection");
    }
}

/// Every API with the versions that this library knows.
pub(crate) fn all_apis() -> Vec<(ApiKey, i16, i16)> {
    (0..100)
        .filter_map(|key| ApiKey(key).versions().map(|(min, max)| (ApiKey(key), min, max)))
        .collect()
}

/// A response to ApiVersions.
pub(crate) fn api_versions(apis: &[(ApiKey, i16, i16)]) -> ApiVersionsResponse {
    ApiVersionsResponse {
        api_keys: apis
            .iter()
            .map(|&(api, min_version, max_version)| ApiVersion {
                api_key: api.0,
                min_version,
                max_version,
                ..ApiVersion::default()
            })
            .collect(),
        ..ApiVersionsResponse::default()
    }
}

/// A response to ApiVersions that refuses the version asked with.
pub(crate) fn refused(apis: &[(ApiKey, i16, i16)]) -> ApiVersionsResponse {
    ApiVersionsResponse { error_code: ErrorCode::UNSUPPORTED_VERSION.0, ..api_versions(apis) }
}

/// Metadata requests are easy to tell apart by one number that comes back.
pub(crate) fn numbered_response(number: i32) -> MetadataResponse {
    MetadataResponse { controller_id: number, ..MetadataResponse::default() }
}

/// Any request.
pub(crate) fn metadata_request() -> MetadataRequest {
    MetadataRequest::default()
}
