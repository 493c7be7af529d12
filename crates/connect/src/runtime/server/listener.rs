//! Connections: who may make them, how many there are, and how they end.

use std::{fmt, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::{
    rt::{Read, Write},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use milena::config::Secret;
use milena_http::tls::{PemSource, TlsError, TlsServer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

use super::{
    super::{run::CLOSE_WITHIN, shared::Shared},
    Site,
};
use crate::connector::with_causes;

/// The longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How long a connection may take to send the head of a request, and TLS to be set up.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How long to wait where no connection can be accepted, as without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How the server is reached, and by whom.
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerSettings {
    /// Where to listen: `host:port`, 0 for any free port.
    pub address: String,
    /// What requests must have as `Authorization: Bearer`, if anything.
    pub token: Option<Secret>,
    /// Certificate chain and private key, for HTTPS.
    pub certificate: Option<(PemSource, PemSource)>,
    /// Who signs the certificates of clients, which must have one then.
    pub client_ca: Option<PemSource>,
    /// The longest body of a request, in bytes.
    pub body_bytes_max: usize,
    /// The most connections at the same time; further ones wait.
    pub connections_max: usize,
}

impl ServerSettings {
    /// HTTP at this address for everybody, bodies up to 16 MiB, 256 connections.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            token: None,
            certificate: None,
            client_ca: None,
            body_bytes_max: 16 << 20,
            connections_max: 256,
        }
    }
}

impl fmt::Debug for ServerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSettings")
            .field("address", &self.address)
            .field("has_token", &self.token.is_some())
            .field("has_certificate", &self.certificate.is_some())
            .field("has_client_ca", &self.client_ca.is_some())
            .finish_non_exhaustive()
    }
}

/// Why there is no server.
#[derive(Debug)]
pub struct ServerError {
    message: String,
    source: Option<io::Error>,
}

impl ServerError {
    /// Whether the settings cannot be used, whatever the system says.
    #[must_use]
    pub fn is_of_settings(&self) -> bool {
        self.source.is_none()
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

impl From<TlsError> for ServerError {
    fn from(error: TlsError) -> Self {
        Self { message: with_causes(&error), source: None }
    }
}

/// A server that listens already, and answers once a run has it.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsServer>,
    settings: ServerSettings,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    ///
    /// An address that cannot be had, or certificates that cannot be used.
    pub async fn bind(settings: ServerSettings) -> Result<Self, ServerError> {
        let tls = match (&settings.certificate, &settings.client_ca) {
            (Some((chain, key)), client_ca) => {
                Some(TlsServer::new(chain, key, client_ca.as_ref())?)
            }
            (None, None) => None,
            (None, Some(_)) => {
                let message = "clients can show a certificate over HTTPS alone: expected a \
                               certificate of the server too";
                return Err(ServerError { message: message.to_owned(), source: None });
            }
        };
        let listener = TcpListener::bind(&settings.address).await.map_err(|error| {
            let message = format!("cannot listen on {}", settings.address);
            ServerError { message, source: Some(error) }
        })?;
        Ok(Self { listener, tls, settings })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the system does not tell.
    pub fn address(&self) -> Result<SocketAddr, ServerError> {
        self.listener.local_addr().map_err(|error| {
            let message = "the address of the server is not known".to_owned();
            ServerError { message, source: Some(error) }
        })
    }

    /// Where it listens, as a URL of http or https.
    ///
    /// # Errors
    ///
    /// As [`address`](Self::address).
    pub fn url(&self) -> Result<String, ServerError> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.address()?))
    }

    /// Answers until the run stops, then ends the connections and closes the actions.
    pub(in super::super) async fn run(self, site: Site, shared: Arc<Shared>) {
        let site = Arc::new(site.with_settings(&self.settings));
        let permits = Arc::new(Semaphore::new(self.settings.connections_max));
        let mut connections = JoinSet::new();
        loop {
            let accepted = async {
                // The semaphore is never closed.
                let permit = Arc::clone(&permits).acquire_owned().await.ok();
                (permit, self.listener.accept().await)
            };
            let (permit, stream) = tokio::select! {
                biased;
                () = shared.stopping() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                accepted = accepted => accepted,
            };
            let stream = match stream {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(error = with_causes(&error), "no connection accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (tls, site, shared) = (self.tls.clone(), Arc::clone(&site), Arc::clone(&shared));
            connections.spawn(async move {
                talk(stream, tls, site, &shared).await;
                drop(permit);
            });
        }
        drop(self.listener);
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(CLOSE_WITHIN, ended).await.is_err() {
            tracing::warn!("some requests were not answered in time");
        }
        site.close(&shared).await;
    }
}

/// One connection to its end.
async fn talk(stream: TcpStream, tls: Option<TlsServer>, site: Arc<Site>, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return answer(TokioIo::new(stream), site, shared).await };
    let handshake = tokio::time::timeout(HEAD_WITHIN, tls.handshake(stream));
    tokio::select! {
        biased;
        () = shared.stopping() => {}
        stream = handshake => match stream {
            Ok(Ok(stream)) => answer(TokioIo::new(stream), site, shared).await,
            Ok(Err(error)) => tracing::debug!(error = with_causes(&error), "no TLS"),
            Err(_) => tracing::debug!("no TLS in time"),
        }
    }
}

async fn answer(stream: impl Read + Write + Unpin, site: Arc<Site>, shared: &Shared) {
    let service = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, std::convert::Infallible>(site.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = shared.stopping() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = with_causes(&error), "a connection broke off");
    }
}
