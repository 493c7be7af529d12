//! Making a connection: TCP, TLS, ApiVersions, SASL.

use std::sync::Arc;
use std::time::Duration;

use milena_core::negotiation::{Negotiated, Negotiation};
use tokio::time::Instant;

use super::authenticate::{authenticate, session};
use super::dial;
use super::driver::Driver;
use super::frame_reader::FrameReader;
use super::frame_shelf::FrameShelf;
use super::handle::{Call, Connection, exchange_bytes};
use super::shared::{Lane, Shared};
use super::stream::Stream;
use crate::config::{ConnectionConfig, HostPort, Security};
use crate::counters::Counters;
use crate::error::{
    AuthenticationError, ConnectError, ConnectErrorKind, DisconnectReason, RequestError,
};
use crate::tls::TlsError;
use crate::waiting::{self, patiently};

/// Where to connect, how long TCP and TLS may take, what counts it, and whose buffers it uses.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    pub(crate) target: HostPort,
    pub(crate) timeout: Duration,
    pub(crate) counters: Arc<Counters>,
    pub(crate) shelf: Arc<FrameShelf>,
}

/// Makes a connection.
pub(crate) async fn connect(
    config: &Arc<ConnectionConfig>,
    dial: &Dial,
) -> Result<Connection, ConnectError> {
    let target = &dial.target;
    tracing::debug!(broker = %target, "connecting");
    let connection = match set_up(config, dial).await {
        Ok(connection) => connection,
        Err(kind) => {
            dial.counters.connections_failed.add(1);
            let error = ConnectError::new(target, kind);
            tracing::debug!(broker = %target, %error, "connecting failed");
            return Err(error);
        }
    };
    Ok(connection)
}

async fn set_up(
    config: &Arc<ConnectionConfig>,
    dial: &Dial,
) -> Result<Connection, ConnectErrorKind> {
    let stream = tokio::time::timeout(dial.timeout, open(config, &dial.target))
        .await
        .unwrap_or(Err(ConnectErrorKind::SetupTimedOut(dial.timeout)))?;
    let tls = match &stream {
        Stream::Tcp(_) => None,
        Stream::Tls(stream) => stream.get_ref().1.protocol_version(),
    };
    let shared = Arc::new(Shared::new(Arc::clone(&dial.counters)));
    let target = dial.target.clone();
    let reader = FrameReader::new(config.response_bytes_max, Arc::clone(&dial.shelf));
    let driver =
        Driver::new(stream, reader, Arc::clone(&shared), Arc::clone(config), target.clone());
    tokio::spawn(driver);
    // From here on dropping the handle ends the driver, so giving up leaves nothing behind.
    let connection = Connection::new(Arc::clone(&shared), Arc::clone(config), target);
    let tell = || tell_silence(&dial.target, NEGOTIATE);
    patiently(tell, negotiate(&shared, config)).await?;
    let lifetime = patiently(
        || tell_silence(&dial.target, "end the login"),
        authenticate(&shared, config, Lane::Normal),
    )
    .await
    .map_err(|error| match error {
        AuthenticationError::Request(error) => request_failed(*error),
        error => ConnectErrorKind::Authentication(error),
    })?;
    if let Some(session) = session(lifetime, Instant::now().into_std()) {
        shared.set_session(Some(session));
    }
    shared.set_open();
    tracing::debug!(
        broker = %dial.target,
        apis = connection.api_versions().len(),
        tls = ?tls,
        sasl = config.sasl.as_ref().map(|sasl| sasl.mechanism()),
        "connected"
    );
    Ok(connection)
}

/// What a listener of another kind does not do.
const HANDSHAKE: &str = "answer the TLS handshake, as listeners do that expect none";
const NEGOTIATE: &str = "answer the first request (ApiVersions), as listeners do that expect TLS";

/// Says what is waited for.
fn tell_silence(target: &HostPort, what: &str) {
    waiting::tell!(broker = %target, "{target} does not {what}; still waiting");
}

async fn open(config: &ConnectionConfig, target: &HostPort) -> Result<Stream, ConnectErrorKind> {
    let tell = || tell_silence(target, "accept a connection");
    let stream = patiently(tell, dial::tcp(target, config)).await?;
    match &config.security {
        Security::Plaintext => Ok(Stream::Tcp(stream)),
        Security::Tls(client) => {
            let tell = || tell_silence(target, HANDSHAKE);
            let handshake = client.handshake(&target.host, stream);
            let stream = patiently(tell, handshake).await.map_err(ConnectErrorKind::Tls)?;
            Ok(Stream::Tls(Box::new(stream)))
        }
    }
}

async fn negotiate(
    shared: &Arc<Shared>,
    config: &ConnectionConfig,
) -> Result<(), ConnectErrorKind> {
    let mut negotiation = Negotiation::new(config.version_caps.clone());
    loop {
        let request = negotiation.request(&config.client_software);
        let call = Call {
            lane: Lane::Normal,
            version: negotiation.version(),
            timeout: config.request_timeout,
            expects_response: true,
        };
        let response = exchange_bytes(shared, &config.client_id, &request, call)
            .await
            .map_err(request_failed)?;
        match negotiation.handle_response(&response).map_err(ConnectErrorKind::Negotiation)? {
            Negotiated::AskAgain => {}
            Negotiated::Done(versions) => {
                shared.api_versions.get_or_init(|| versions);
                return Ok(());
            }
        }
    }
}

/// A broker that refuses our certificate says so only after the handshake (TLS 1.3), so its
/// alert arrives in place of the first response.
fn request_failed(error: RequestError) -> ConnectErrorKind {
    let RequestError::Disconnected { reason, .. } = &error else {
        return ConnectErrorKind::Request(error);
    };
    match reason {
        DisconnectReason::Io(io) => match TlsError::of_io(io) {
            Some(tls) => ConnectErrorKind::Tls(tls),
            None => ConnectErrorKind::Request(error),
        },
        _ => ConnectErrorKind::Request(error),
    }
}
