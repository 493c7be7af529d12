//! The handle of a connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use milena_core::negotiation::ApiVersions;
use milena_wire::{Request, frame};
use tokio::time::Instant;

use super::pending::{PendingResponse, PendingWrite, Wait};
use super::setup::{self, Dial};
use super::shared::{Lane, Liveness, Outgoing, Shared};
use crate::config::{ConnectionConfig, HostPort};
use crate::error::{ConnectError, DisconnectReason, RequestError};

/// A connection to a broker. A cheap clone; all clones are the same connection.
///
/// Requests are written in the order in which they are started, without waiting for the responses
/// to earlier ones. The connection closes when the last clone is dropped and the last response
/// has arrived, when it is idle for `connections.max.idle.ms`, or when something goes wrong; see
/// [`DisconnectReason`]. A request that is not answered in time closes the connection, because
/// the broker may be hung and answers come in order.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    config: Arc<ConnectionConfig>,
    target: HostPort,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.close_when_unused();
    }
}

impl Connection {
    /// Connects: every address of the name, TLS, ApiVersions and SASL, as `config` says.
    ///
    /// Must be called within a tokio runtime. Dropping the future gives the attempt up.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] tells which step failed, and whether trying again can help.
    pub async fn connect(
        host: &str,
        port: u16,
        config: &ConnectionConfig,
    ) -> Result<Self, ConnectError> {
        let config = Arc::new(config.clone());
        let timeout = config.connection_setup_timeout.unspread(1);
        let target = HostPort::new(host, port);
        let (counters, shelf) = (Arc::default(), Arc::default());
        setup::connect(&config, &Dial { target, timeout, counters, shelf }).await
    }

    pub(super) fn new(
        shared: Arc<Shared>,
        config: Arc<ConnectionConfig>,
        target: HostPort,
    ) -> Self {
        Self { inner: Arc::new(Inner { shared, config, target }) }
    }

    /// The versions that the broker speaks.
    ///
    /// # Panics
    ///
    /// Never: a connection is handed out after the broker told its versions.
    #[must_use]
    pub fn api_versions(&self) -> &ApiVersions {
        self.inner.shared.api_versions.get().expect("connecting ends after ApiVersions")
    }

    /// Sends a request in the highest version that both sides speak, and waits for the response
    /// for at most `request.timeout.ms` from when it goes to the socket.
    ///
    /// Cancel safe in that dropping the future leaves the connection alive; the broker may carry
    /// the request out all the same.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; it tells whether the broker may have seen the request.
    pub async fn send<R: Request>(&self, request: &R) -> Result<R::Response, RequestError> {
        let version =
            self.api_versions().highest::<R>().map_err(RequestError::UnsupportedVersion)?;
        self.start(request, version, self.inner.config.request_timeout)?.await
    }

    /// Queues a request and returns the future of its response. Requests are written in the order
    /// of the calls. `timeout` runs from when the request goes to the socket: at once, unless the
    /// broker asked for silence.
    ///
    /// # Errors
    ///
    /// The request cannot be written in `version`, or the connection has ended.
    pub fn start<R: Request>(
        &self,
        request: &R,
        version: i16,
        timeout: Duration,
    ) -> Result<PendingResponse<R>, RequestError> {
        let call = Call { lane: Lane::Normal, version, timeout, expects_response: true };
        let wait = queue(&self.inner.shared, &self.inner.config.client_id, request, call)?;
        Ok(PendingResponse::new(wait))
    }

    /// Queues a request that the broker does not answer: Produce with acks=0. The future resolves
    /// when the request has been written, which is how the caller notices that the socket is slow.
    ///
    /// # Errors
    ///
    /// As for [`Connection::start`].
    pub fn send_without_response<R: Request>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<PendingWrite, RequestError> {
        let timeout = self.inner.config.request_timeout;
        let call = Call { lane: Lane::Normal, version, timeout, expects_response: false };
        let wait = queue(&self.inner.shared, &self.inner.config.client_id, request, call)?;
        Ok(PendingWrite { wait })
    }

    /// What becomes of the connection, for those who do not keep it open.
    pub(crate) fn liveness(&self) -> Arc<dyn Liveness> {
        Arc::clone(&self.inner.shared) as _
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.shared.has_ended()
    }

    /// Why the connection ended, if it has.
    #[must_use]
    pub fn disconnect_reason(&self) -> Option<DisconnectReason> {
        self.inner.shared.end()
    }

    /// Until when the broker asked this side to send nothing (KIP-219). Requests that are started
    /// before wait.
    #[must_use]
    pub fn throttled_until(&self) -> Option<std::time::Instant> {
        let until = self.inner.shared.muted_until()?;
        (until > Instant::now().into_std()).then_some(until)
    }

    /// When the SASL session ends, if the broker limits it (KIP-368). The connection
    /// authenticates again by itself before that.
    #[must_use]
    pub fn session_ends_at(&self) -> Option<std::time::Instant> {
        self.inner.shared.session().map(|session| session.ends_at)
    }

    /// Where the connection goes.
    #[must_use]
    pub fn target(&self) -> &HostPort {
        &self.inner.target
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("target", &self.inner.target)
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// How a request is queued.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) lane: Lane,
    pub(super) version: i16,
    pub(super) timeout: Duration,
    pub(super) expects_response: bool,
}

/// Encodes a request and queues its frame.
pub(super) fn queue<R: Request>(
    shared: &Arc<Shared>,
    client_id: &str,
    request: &R,
    call: Call,
) -> Result<Wait, RequestError> {
    let Call { lane, version, timeout, expects_response } = call;
    let correlation_id = shared.next_correlation_id();
    let frame = frame::encode_request(version, correlation_id, Some(client_id), request)
        .map_err(RequestError::Encode)?;
    let outgoing = Outgoing {
        frame,
        correlation_id,
        api: R::KEY,
        version,
        timeout,
        waiter: 0,
        expects_response,
    };
    let waiter = shared.queue(lane, outgoing).map_err(|reason| RequestError::Disconnected {
        api: R::KEY,
        version,
        written: false,
        reason,
    })?;
    Ok(Wait { shared: Arc::clone(shared), waiter, is_done: false, api: R::KEY, version, timeout })
}

/// Sends a request and returns the response's bytes, correlation id first.
pub(super) async fn exchange_bytes<R: Request>(
    shared: &Arc<Shared>,
    client_id: &str,
    request: &R,
    call: Call,
) -> Result<Bytes, RequestError> {
    let mut wait = queue(shared, client_id, request, call)?;
    std::future::poll_fn(|cx| wait.poll_bytes(cx)).await
}
