//! The listeners of one node: accepting connections, TLS, and stopping them all.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use milena_wire::ByteString;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::builder::ListenerOptions;
use crate::cluster::{Cluster, Endpoint};
use crate::connection::{Peer, serve};
use crate::error::StartError;
use crate::security::{SecurityProtocol, TlsMaterial, tls_config};

/// A client has this long for its TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// After an error of `accept` (too many open files) the listener pauses for this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// The server side of TLS, ready to accept.
#[derive(Clone)]
pub(crate) struct Tls(TlsAcceptor);

impl Tls {
    pub(crate) fn new(material: &TlsMaterial) -> Result<Self, StartError> {
        Ok(Self(TlsAcceptor::from(Arc::new(tls_config(material)?))))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls")
    }
}

#[derive(Debug)]
struct Bound {
    listener: TcpListener,
    index: usize,
    protocol: SecurityProtocol,
}

/// A node's listeners. Dropping it closes them and cuts all connections.
#[derive(Debug)]
pub(crate) struct NodeServer {
    cluster: Arc<Cluster>,
    node_id: i32,
    bound: Vec<Bound>,
    addresses: Vec<SocketAddr>,
    tls: Option<Tls>,
    /// Closed when the node stops.
    stop: watch::Sender<()>,
    tasks: Vec<JoinHandle<()>>,
}

impl NodeServer {
    /// Binds the ports: those of the options, or those that the node had before.
    pub(crate) async fn bind(
        cluster: &Arc<Cluster>,
        node_id: i32,
        listeners: &[ListenerOptions],
        tls: Option<&Tls>,
    ) -> Result<Self, StartError> {
        let before = cluster
            .nodes
            .read()
            .iter()
            .find(|node| node.id == node_id)
            .map(|node| node.endpoints.clone());
        let before = before.unwrap_or_default();
        let (mut bound, mut addresses) = (Vec::new(), Vec::new());
        for (index, options) in listeners.iter().enumerate() {
            let port = match (before.get(index), options.port) {
                (Some(endpoint), _) => endpoint.port,
                (None, 0) => 0,
                (None, first) => first.saturating_add(u16::try_from(node_id - 1).unwrap_or(0)),
            };
            let listen = |source: io::Error| StartError::Listen {
                address: format!("{}:{port}", options.host),
                source,
            };
            let host = options.host.trim_start_matches('[').trim_end_matches(']');
            let listener = TcpListener::bind((host, port)).await.map_err(listen)?;
            addresses.push(listener.local_addr().map_err(listen)?);
            bound.push(Bound { listener, index, protocol: options.protocol });
        }
        Ok(Self {
            cluster: Arc::clone(cluster),
            node_id,
            bound,
            addresses,
            tls: tls.cloned(),
            stop: watch::channel(()).0,
            tasks: Vec::new(),
        })
    }

    /// The addresses that clients are told.
    pub(crate) fn endpoints(&self, listeners: &[ListenerOptions]) -> Vec<Endpoint> {
        let endpoint = |(address, options): (&SocketAddr, &ListenerOptions)| {
            let host = match (&options.advertised_host, options.host.parse::<IpAddr>()) {
                (Some(host), _) => host.clone(),
                (None, Ok(ip)) if ip.is_unspecified() => "localhost".to_owned(),
                (None, _) => options.host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            };
            Endpoint {
                protocol: options.protocol,
                host: ByteString::from(host),
                port: address.port(),
            }
        };
        self.addresses.iter().zip(listeners).map(endpoint).collect()
    }

    /// Begins to accept connections.
    pub(crate) fn serve(&mut self) {
        for bound in self.bound.drain(..) {
            let acceptor = Acceptor {
                cluster: Arc::clone(&self.cluster),
                node_id: self.node_id,
                listener: bound.index,
                protocol: bound.protocol,
                tls: self.tls.clone(),
            };
            let stop = self.stop.subscribe();
            self.tasks.push(tokio::spawn(acceptor.run(bound.listener, stop)));
        }
    }

    /// Closes everything and waits until all connections are gone.
    pub(crate) async fn stop(mut self) {
        let tasks = std::mem::take(&mut self.tasks);
        drop(self);
        for task in tasks {
            if let Err(error) = task.await
                && error.is_panic()
            {
                tracing::error!(%error, "a listener panicked");
            }
        }
    }
}

struct Acceptor {
    cluster: Arc<Cluster>,
    node_id: i32,
    listener: usize,
    protocol: SecurityProtocol,
    tls: Option<Tls>,
}

impl Acceptor {
    async fn run(self, listener: TcpListener, mut stop: watch::Receiver<()>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => {
                        connections.spawn(self.connection(stream, address));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(ended) = connections.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        tracing::error!(%error, "a connection panicked");
                    }
                }
                // The sender is gone: the node stops.
                _ = stop.changed() => break,
            }
        }
        drop(listener);
        connections.shutdown().await;
    }

    fn connection(
        &self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> impl Future<Output = ()> + Send + 'static {
        let peer = Peer {
            cluster: Arc::clone(&self.cluster),
            node_id: self.node_id,
            listener: self.listener,
            protocol: self.protocol,
            connection: CONNECTIONS.fetch_add(1, Ordering::Relaxed),
            host: ByteString::from(format!("/{}", address.ip())),
        };
        let tls = self.tls.clone().filter(|_| self.protocol.is_tls());
        async move {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "cannot set TCP_NODELAY");
            }
            let Some(Tls(acceptor)) = tls else { return serve(stream, peer).await };
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => serve(stream, peer).await,
                Ok(Err(error)) => tracing::info!(%address, %error, "TLS handshake failed"),
                Err(_) => tracing::info!(%address, "TLS handshake timed out"),
            }
        }
    }
}
