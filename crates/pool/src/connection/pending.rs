//! The futures that requests return.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use milena_wire::{ApiKey, Request, frame};
use tokio::time::Instant;

use super::shared::Shared;
use super::throttle;
use super::waiters::Failure;
use crate::error::RequestError;

/// A place in the table of waiters; gives it back when it is dropped.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) shared: Arc<Shared>,
    pub(super) waiter: usize,
    pub(super) is_done: bool,
    pub(super) api: ApiKey,
    pub(super) version: i16,
    pub(super) timeout: Duration,
}

impl Wait {
    /// The bytes of the response, correlation id first; empty for a request without response.
    ///
    /// # Panics
    ///
    /// When it is polled again after it was ready.
    pub(super) fn poll_bytes(&mut self, cx: &Context<'_>) -> Poll<Result<Bytes, RequestError>> {
        assert!(!self.is_done, "a response is taken once");
        let result = ready!(self.shared.poll_waiter(self.waiter, cx));
        self.is_done = true;
        let (api, version) = (self.api, self.version);
        Poll::Ready(result.map_err(|failure| match failure {
            Failure::TimedOut { written } => {
                RequestError::TimedOut { api, version, timeout: self.timeout, written }
            }
            Failure::Disconnected { written, reason } => {
                RequestError::Disconnected { api, version, written, reason }
            }
        }))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if !self.is_done {
            self.shared.abandon(self.waiter);
        }
    }
}

/// The response to a request that is under way.
///
/// The response is decoded by whoever awaits it. Dropping the future drops the response when it
/// comes; the connection goes on.
#[must_use = "the response is dropped with it"]
pub struct PendingResponse<R> {
    wait: Wait,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> PendingResponse<R> {
    pub(super) const fn new(wait: Wait) -> Self {
        Self { wait, request: PhantomData }
    }
}

impl<R> fmt::Debug for PendingResponse<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingResponse")
            .field("api", &self.wait.api)
            .field("version", &self.wait.version)
            .finish_non_exhaustive()
    }
}

impl<R: Request> Future for PendingResponse<R> {
    type Output = Result<R::Response, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let bytes = ready!(self.wait.poll_bytes(cx))?;
        let version = self.wait.version;
        let (_, response) = frame::decode_response::<R>(bytes, version).map_err(|error| {
            self.wait.shared.counters.requests_failed.add(1);
            RequestError::Decode(error)
        })?;
        if R::KEY == ApiKey::PRODUCE
            && let Some(pause) = throttle::of_produce(&response as &dyn Any, version)
        {
            tracing::debug!(api = R::KEY.name(), ?pause, "throttled by the broker");
            self.wait.shared.mute((Instant::now() + pause).into_std());
        }
        Poll::Ready(Ok(response))
    }
}

/// A request without a response that is on its way to the socket.
///
/// Resolves when the whole request has been handed to the socket. That is no proof that the broker
/// got it. Dropping the future does not take the request back.
#[must_use = "it tells whether the request was written"]
#[derive(Debug)]
pub struct PendingWrite {
    pub(super) wait: Wait,
}

impl Future for PendingWrite {
    type Output = Result<(), RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.wait.poll_bytes(cx).map_ok(|_| ())
    }
}
