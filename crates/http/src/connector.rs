//! Connections as hyper's pool asks for them: TCP, and TLS over it when the URL says so.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use milena_tls::{TlsClient, TlsError};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    tls: Result<TlsClient, TlsError>,
    timeout: Duration,
}

impl Connector {
    /// `tls` may be an error, which is then that of every connection to an `https` URL.
    pub(crate) fn new(tls: Result<TlsClient, TlsError>, timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Self { tcp, tls, timeout }
    }

    async fn connect(mut self, uri: Uri) -> Result<Transport, ConnectFailure> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let is_https = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        // Without TLS there is no reason to knock.
        let tls = if is_https { Some(self.tls.map_err(ConnectFailure::Tls)?) } else { None };
        let stream =
            self.tcp.call(uri).await.map_err(|error| ConnectFailure::Tcp(Arc::new(error)))?;
        let Some(tls) = tls else { return Ok(Transport::Tcp(stream)) };
        let stream =
            tls.handshake(&host, stream.into_inner()).await.map_err(ConnectFailure::Tls)?;
        Ok(Transport::Tls(Box::new(TokioIo::new(stream))))
    }
}

impl Service<Uri> for Connector {
    type Response = Transport;
    type Error = ConnectFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Transport, ConnectFailure>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        self.tcp.poll_ready(context).map_err(|error| ConnectFailure::Tcp(Arc::new(error)))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        let timeout = this.timeout;
        Box::pin(async move {
            tokio::time::timeout(timeout, this.connect(uri))
                .await
                .unwrap_or(Err(ConnectFailure::TimedOut(timeout)))
        })
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectFailure {
    Tcp(Arc<dyn std::error::Error + Send + Sync>),
    Tls(TlsError),
    TimedOut(Duration),
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::TimedOut(timeout) => write!(f, "no connection within {timeout:?}"),
        }
    }
}

impl std::error::Error for ConnectFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tcp(error) => error.source(),
            Self::Tls(error) => error.source(),
            Self::TimedOut(_) => None,
        }
    }
}

/// A byte stream to a server.
#[derive(Debug)]
pub(crate) enum Transport {
    Tcp(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for Transport {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl Write for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
