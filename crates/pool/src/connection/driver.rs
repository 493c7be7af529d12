//! The task that owns the socket of a connection.
//!
//! It is one future, polled by hand: take all queued frames, write them, read all frames that are
//! there and complete their waiters, look at the clock. Reading and writing need no lock and no
//! second task that way, and a wake-up handles everything that is due.
//!
//! Ends with a reason; then every request that is under way fails with it, and with whether it
//! had been written.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use milena_core::in_flight::{InFlightRequest, InFlightRequests};
use milena_wire::{ApiKey, frame};
use tokio::io::AsyncWrite;
use tokio::time::Sleep;

use super::authenticate::{authenticate, session};
use super::frame_reader::FrameReader;
use super::shared::{Lane, Orders, Outgoing, Shared};
use super::stream::Stream;
use super::throttle;
use super::waiters::Failure;
use super::write_queue::WriteQueue;
use crate::config::{ConnectionConfig, HostPort};
use crate::error::{Answered, AuthenticationError, DisconnectReason};

type Authentication =
    Pin<Box<dyn Future<Output = Result<Option<Duration>, AuthenticationError>> + Send>>;

/// Who waits for a response, and where the request ends in the stream of bytes.
#[derive(Clone, Copy, Debug)]
struct Written {
    waiter: usize,
    end: u64,
    timeout: Duration,
}

/// A request without a response that is not written yet.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    written: Written,
    api: ApiKey,
    deadline: Instant,
}

/// The driver.
pub(super) struct Driver {
    stream: Stream,
    shared: Arc<Shared>,
    config: Arc<ConnectionConfig>,
    target: HostPort,
    reader: FrameReader,
    writer: WriteQueue,
    in_flight: InFlightRequests<Written>,
    unanswered: VecDeque<Unanswered>,
    /// Empty between polls; kept for its memory.
    taken: VecDeque<Outgoing>,
    authentication: Option<Authentication>,
    timer: Pin<Box<Sleep>>,
    armed_at: Option<Instant>,
    used_at: Instant,
    answered: Answered,
    /// Bytes that the counters have.
    counted_out: u64,
    counted_in: u64,
}

impl Driver {
    /// A driver for a stream that is ready for Kafka's frames.
    pub(super) fn new(
        stream: Stream,
        reader: FrameReader,
        shared: Arc<Shared>,
        config: Arc<ConnectionConfig>,
        target: HostPort,
    ) -> Self {
        let now = tokio::time::Instant::now();
        Self {
            stream,
            shared,
            reader,
            config,
            target,
            writer: WriteQueue::default(),
            in_flight: InFlightRequests::new(),
            unanswered: VecDeque::new(),
            taken: VecDeque::new(),
            authentication: None,
            timer: Box::pin(tokio::time::sleep_until(now)),
            armed_at: None,
            used_at: now.into_std(),
            answered: Answered::Nothing,
            counted_out: 0,
            counted_in: 0,
        }
    }

    fn poll_run(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<DisconnectReason> {
        let orders = self.take_queued(cx, now);
        if let Poll::Ready(Err(error)) = self.poll_authentication(cx, now, &orders) {
            return Poll::Ready(DisconnectReason::Authentication(error));
        }
        if let Poll::Ready(Err(error)) = self.writer.poll_write(cx, &mut self.stream) {
            // What the broker sent before it closed the stream says more, a TLS alert above all.
            let reason = match self.poll_read(cx, now) {
                Poll::Ready(reason) => reason,
                Poll::Pending => DisconnectReason::Io(error.into()),
            };
            return Poll::Ready(reason);
        }
        self.complete_written();
        if let Poll::Ready(reason) = self.poll_read(cx, now) {
            return Poll::Ready(reason);
        }
        if orders.unused && self.writer.is_empty() && !orders.held_back {
            return Poll::Ready(DisconnectReason::Closed);
        }
        self.poll_clock(cx, now, &orders)
    }

    /// Moves queued frames to the writer, and their requests to those in flight.
    fn take_queued(&mut self, cx: &Context<'_>, now: Instant) -> Orders {
        let authenticating = self.authentication.is_some();
        let mut taken = std::mem::take(&mut self.taken);
        let orders = self.shared.take_queued(cx, now, authenticating, &mut taken);
        if !taken.is_empty() {
            self.shared.counters.requests_sent.add(taken.len() as u64);
            self.shared.counters.requests_in_flight.add(taken.len() as u64);
        }
        for outgoing in taken.drain(..) {
            self.used_at = now;
            let end = self.writer.push(outgoing.frame);
            let written = Written { waiter: outgoing.waiter, end, timeout: outgoing.timeout };
            let deadline = now + outgoing.timeout;
            if outgoing.expects_response {
                self.in_flight.push(InFlightRequest {
                    correlation_id: outgoing.correlation_id,
                    api_key: outgoing.api,
                    api_version: outgoing.version,
                    deadline,
                    waiter: written,
                });
            } else {
                self.unanswered.push_back(Unanswered { written, api: outgoing.api, deadline });
            }
        }
        self.taken = taken;
        orders
    }

    /// Requests without a response are complete when they are written.
    fn complete_written(&mut self) {
        while let Some(first) = self.unanswered.front()
            && first.written.end <= self.writer.written()
        {
            self.shared.counters.requests_in_flight.sub(1);
            self.shared.complete(first.written.waiter, Ok(Bytes::new()));
            self.unanswered.pop_front();
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<DisconnectReason> {
        loop {
            match self.reader.poll_frame(cx, &mut self.stream) {
                Poll::Ready(Ok(frame)) => {
                    self.used_at = now;
                    if let Err(reason) = self.handle_frame(frame, now) {
                        return Poll::Ready(reason);
                    }
                }
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(error.into_reason(self.answered));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn handle_frame(&mut self, frame: Bytes, now: Instant) -> Result<(), DisconnectReason> {
        let correlation_id = frame::response_correlation_id(&frame)
            .expect("a frame has at least the bytes of a correlation id");
        let request = self
            .in_flight
            .handle_response(correlation_id)
            .map_err(DisconnectReason::MismatchedResponse)?;
        if self.answered < Answered::Requests {
            if request.api_key == ApiKey::API_VERSIONS {
                self.answered = Answered::Versions;
            } else {
                self.answered = Answered::Requests;
                self.shared.set_answered();
            }
        }
        if let Some(pause) = throttle::of_frame(request.api_key, request.api_version, &frame) {
            tracing::debug!(broker = %self.target, api = request.api_key.name(), ?pause,
                "throttled by the broker");
            self.shared.mute(now + pause);
        }
        self.shared.counters.requests_in_flight.sub(1);
        self.shared.complete(request.waiter.waiter, Ok(frame));
        Ok(())
    }

    fn count_bytes(&mut self) {
        let (written, read) = (self.writer.written(), self.reader.read());
        self.shared.counters.bytes_out.add(written - self.counted_out);
        self.shared.counters.bytes_in.add(read - self.counted_in);
        (self.counted_out, self.counted_in) = (written, read);
    }

    /// Authenticates again when it is time (KIP-368). The normal lane waits meanwhile, because
    /// the broker takes nothing but SASL requests then.
    fn poll_authentication(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        orders: &Orders,
    ) -> Poll<Result<(), AuthenticationError>> {
        if self.authentication.is_none() {
            let is_due = orders.session.is_some_and(|session| session.authenticate_at <= now);
            if !is_due {
                return Poll::Pending;
            }
            tracing::debug!(broker = %self.target, "authenticating again");
            let (shared, config) = (Arc::clone(&self.shared), Arc::clone(&self.config));
            self.authentication = Some(Box::pin(async move {
                authenticate(&shared, &config, Lane::Authentication).await
            }));
        }
        let Some(authentication) = &mut self.authentication else { return Poll::Pending };
        let lifetime = std::task::ready!(authentication.as_mut().poll(cx))?;
        self.authentication = None;
        // Wakes this task, which takes the frames of the normal lane then.
        self.shared.set_session(session(lifetime, now));
        Poll::Ready(Ok(()))
    }

    /// Looks whether a deadline has passed, and arms the timer for the next one.
    fn poll_clock(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        orders: &Orders,
    ) -> Poll<DisconnectReason> {
        if let Some(reason) = self.expired(now, orders) {
            return Poll::Ready(reason);
        }
        let Some(next) = self.next_deadline(orders) else { return Poll::Pending };
        // A timer that fires too early is cheaper than one that is set again for every request.
        if self.armed_at.is_none_or(|armed_at| next < armed_at) {
            self.timer.as_mut().reset(next.into());
            self.armed_at = Some(next);
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            self.armed_at = None;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn next_deadline(&self, orders: &Orders) -> Option<Instant> {
        let session = orders.session.filter(|_| self.authentication.is_none());
        [
            self.in_flight.next_deadline(),
            self.unanswered.front().map(|request| request.deadline),
            orders.muted_until.filter(|_| orders.held_back),
            session.map(|session| session.authenticate_at),
            self.idle_at(orders),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn idle_at(&self, orders: &Orders) -> Option<Instant> {
        let is_idle = self.in_flight.is_empty() && self.writer.is_empty() && !orders.held_back;
        is_idle.then_some(())?;
        self.used_at.checked_add(self.config.connections_max_idle?)
    }

    fn expired(&mut self, now: Instant, orders: &Orders) -> Option<DisconnectReason> {
        if let Some(request) = self.in_flight.expired(now) {
            let (api, timeout) = (request.api_key, request.waiter.timeout);
            return Some(DisconnectReason::RequestTimedOut { api, timeout });
        }
        if let Some(Unanswered { written, api, deadline }) = self.unanswered.front().copied()
            && deadline <= now
        {
            let timeout = written.timeout;
            return Some(DisconnectReason::RequestTimedOut { api, timeout });
        }
        let idle = self.config.connections_max_idle?;
        self.idle_at(orders).filter(|at| *at <= now).map(|_| DisconnectReason::Idle(idle))
    }
}

impl Driver {
    /// Ends the connection: every request fails, with whether it was written.
    fn finish(&mut self, cx: &mut Context<'_>, now: Instant, reason: &DisconnectReason) {
        // Tells TLS peers that the end is meant; nobody waits for it.
        let _ = Pin::new(&mut self.stream).poll_shutdown(cx);
        let unwritten = self.shared.finish(reason);
        let written = self.writer.written();
        let timed_out = matches!(reason, DisconnectReason::RequestTimedOut { .. });
        let failure = |end: u64, deadline: Instant| {
            let written = end <= written;
            if timed_out && deadline <= now {
                Failure::TimedOut { written }
            } else {
                Failure::Disconnected { written, reason: reason.clone() }
            }
        };
        let in_flight = self.in_flight.len() + self.unanswered.len();
        self.shared.counters.requests_in_flight.sub(in_flight as u64);
        let failed = in_flight + unwritten.len();
        for request in self.in_flight.drain() {
            let Written { waiter, end, .. } = request.waiter;
            self.shared.complete(waiter, Err(failure(end, request.deadline)));
        }
        for Unanswered { written, deadline, .. } in self.unanswered.drain(..) {
            self.shared.complete(written.waiter, Err(failure(written.end, deadline)));
        }
        for outgoing in unwritten {
            let failure = Failure::Disconnected { written: false, reason: reason.clone() };
            self.shared.complete(outgoing.waiter, Err(failure));
        }
        tracing::debug!(broker = %self.target, %reason, failed, "disconnected");
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let now = tokio::time::Instant::now().into_std();
        let end = self.poll_run(cx, now);
        self.count_bytes();
        let reason = std::task::ready!(end);
        self.finish(cx, now, &reason);
        Poll::Ready(())
    }
}

impl Drop for Driver {
    /// The runtime dropped the task before the connection ended.
    fn drop(&mut self) {
        if !self.shared.has_ended() {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let now = self.used_at;
            self.finish(&mut cx, now, &DisconnectReason::Closed);
        }
    }
}
