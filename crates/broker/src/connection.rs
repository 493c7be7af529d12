//! One connection: frames in, frames out, one request after the other.
//!
//! Kafka promises answers in the order of the requests, so the next request is looked at when the
//! answer to the one before is written. A client that misbehaves loses its connection.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use milena_wire::frame::{Frame, decode_request_header};
use milena_wire::{ApiKey, ByteString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::authentication::Authentication;
use crate::cluster::Cluster;
use crate::fault::{Effects, RequestSeen};
use crate::handlers::{self, Answer};
use crate::security::SecurityProtocol;

/// Bytes that are read ahead; larger frames grow the buffer as their bytes arrive.
const READ_BYTES: usize = 64 << 10;
const LENGTH_BYTES: usize = 4;

/// Who is at the other end, and where it came in.
#[derive(Debug)]
pub(crate) struct Peer {
    pub cluster: Arc<Cluster>,
    pub node_id: i32,
    /// Index of the listener; its addresses are what this client is told.
    pub listener: usize,
    pub protocol: SecurityProtocol,
    pub connection: u64,
    pub host: ByteString,
}

/// One request on its way through a handler.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub peer: &'a Peer,
    pub version: i16,
    pub correlation_id: i32,
    pub client_id: Option<ByteString>,
    pub seen: RequestSeen,
    pub effects: Effects,
}

impl Call<'_> {
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.peer.cluster
    }
}

/// Why a connection is closed by the broker.
#[derive(Debug)]
pub(crate) enum Closing {
    /// The client closed it, or the network did.
    Gone,
    /// The client broke the protocol.
    Misbehaved(String),
    /// A fault, or a rule of the protocol such as a failed login.
    Told,
}

impl From<std::io::Error> for Closing {
    fn from(_: std::io::Error) -> Self {
        Self::Gone
    }
}

/// Serves a connection until it ends.
pub(crate) async fn serve<S>(stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let auth = Authentication::new(peer.protocol);
    let mut connection = Connection { stream, buffer: BytesMut::with_capacity(READ_BYTES), auth };
    let closing = loop {
        match connection.serve_one(&peer).await {
            Ok(()) => {}
            Err(closing) => break closing,
        }
    };
    match closing {
        Closing::Gone => {
            tracing::trace!(node = peer.node_id, host = &*peer.host, "connection ended")
        }
        Closing::Told => {
            tracing::debug!(node = peer.node_id, host = &*peer.host, "closed connection")
        }
        Closing::Misbehaved(reason) => {
            tracing::warn!(
                node = peer.node_id,
                host = &*peer.host,
                reason,
                "closed connection of a client that broke the protocol"
            );
        }
    }
    // A clean end of TLS; errors do not matter on a connection that is given up.
    drop(connection.stream.shutdown().await);
}

struct Connection<S> {
    stream: S,
    buffer: BytesMut,
    auth: Authentication,
}

impl<S> Connection<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    async fn serve_one(&mut self, peer: &Peer) -> Result<(), Closing> {
        let frame = self.read_frame(peer.cluster.settings.request_bytes_max).await?;
        if self.auth.expects_raw_token() {
            // After SaslHandshake 0 the mechanism's messages come without a request header.
            let answer = self.auth.respond_raw(&frame)?;
            let length = u32::try_from(answer.len()).unwrap_or(0).to_be_bytes();
            self.stream.write_all(&[&length[..], &answer].concat()).await?;
            return Ok(self.stream.flush().await?);
        }
        let (head, decoder) = decode_request_header(frame).map_err(|error| misbehaved(&error))?;
        let seen = RequestSeen {
            node_id: peer.node_id,
            api_key: head.api_key,
            api_version: head.api_version,
            client_id: head.client_id.as_deref().map(str::to_owned),
            connection: peer.connection,
            at: Instant::now(),
        };
        let effects = peer.cluster.faults.meet(&seen);
        let call = Call {
            peer,
            version: head.api_version,
            correlation_id: head.correlation_id,
            client_id: head.client_id,
            seen,
            effects,
        };
        if let Some(delay) = effects.delay {
            tokio::time::sleep(delay).await;
        }
        if effects.disconnects_before() {
            return Err(Closing::Told);
        }
        self.auth.check_allowed(head.api_key)?;
        let answer = match head.api_key {
            ApiKey::SASL_HANDSHAKE | ApiKey::SASL_AUTHENTICATE => {
                handlers::dispatch_sasl(&call, decoder, &mut self.auth)?
            }
            _ => handlers::dispatch(&call, decoder).await?,
        };
        self.write_answer(answer, &effects).await
    }

    async fn write_answer(&mut self, answer: Answer, effects: &Effects) -> Result<(), Closing> {
        if effects.disconnects_after() {
            return Err(Closing::Told);
        }
        match answer {
            Answer::Nothing => Ok(()),
            Answer::Close => Err(Closing::Told),
            Answer::Frame(frame) => match effects.truncate {
                None => self.write(frame).await,
                Some(bytes) => {
                    let whole = frame.to_bytes();
                    self.stream.write_all(whole.get(..bytes).unwrap_or(&whole)).await?;
                    self.stream.flush().await?;
                    Err(Closing::Told)
                }
            },
            Answer::LastFrame(frame) => {
                self.write(frame).await?;
                Err(Closing::Told)
            }
        }
    }

    async fn write(&mut self, frame: Frame) -> Result<(), Closing> {
        let mut segments = Segments { segments: frame.segments, first: 0 };
        self.stream.write_all_buf(&mut segments).await?;
        Ok(self.stream.flush().await?)
    }

    async fn read_frame(&mut self, bytes_max: usize) -> Result<Bytes, Closing> {
        loop {
            if let Some(prefix) = self.buffer.first_chunk::<LENGTH_BYTES>() {
                let stated = i32::from_be_bytes(*prefix);
                let length = usize::try_from(stated).ok().filter(|&length| length <= bytes_max);
                let Some(length) = length else {
                    let reason = format!("a frame of {stated} bytes; at most {bytes_max} are read");
                    return Err(Closing::Misbehaved(reason));
                };
                if self.buffer.len() >= LENGTH_BYTES + length {
                    self.buffer.advance(LENGTH_BYTES);
                    return Ok(self.buffer.split_to(length).freeze());
                }
                // Memory grows with the bytes that have arrived, not with those that are announced.
                let missing = LENGTH_BYTES + length - self.buffer.len();
                self.buffer.reserve(missing.min(self.buffer.len().max(READ_BYTES)));
            } else {
                self.buffer.reserve(READ_BYTES);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(Closing::Gone);
            }
        }
    }
}

pub(crate) fn misbehaved(error: &dyn std::error::Error) -> Closing {
    Closing::Misbehaved(error.to_string())
}

/// The segments of a frame as one buffer, for vectored writes.
struct Segments {
    segments: Vec<Bytes>,
    first: usize,
}

impl Buf for Segments {
    fn remaining(&self) -> usize {
        self.segments.iter().skip(self.first).map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.segments
            .iter()
            .skip(self.first)
            .find(|segment| !segment.is_empty())
            .map_or(&[], |segment| segment)
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(segment) = self.segments.get_mut(self.first) {
            let here = count.min(segment.len());
            segment.advance(here);
            count -= here;
            if !segment.is_empty() {
                break;
            }
            self.first += 1;
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let waiting = self.segments.iter().skip(self.first).filter(|segment| !segment.is_empty());
        let mut filled = 0;
        for (slice, segment) in slices.iter_mut().zip(waiting) {
            *slice = IoSlice::new(segment);
            filled += 1;
        }
        filled
    }
}
