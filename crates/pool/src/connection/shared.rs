//! What the callers of a connection and its driver share.
//!
//! One short lock: a caller holds it to queue a frame, the driver to take all queued frames and to
//! complete waiters. Frames are encoded and responses decoded outside of it.
//!
//! The queues grow with what callers start; they bound it themselves, by the requests in flight
//! that they allow and by their byte budgets.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use milena_core::negotiation::ApiVersions;
use milena_wire::ApiKey;
use milena_wire::frame::Frame;
use parking_lot::Mutex;

use super::waiters::{Failure, Waiters};
use crate::counters::Counters;
use crate::error::DisconnectReason;

/// A frame that waits to be written.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) frame: Frame,
    pub(super) correlation_id: i32,
    pub(super) api: ApiKey,
    pub(super) version: i16,
    /// How long the response is waited for, from when the frame goes to the socket.
    pub(super) timeout: Duration,
    pub(super) waiter: usize,
    /// `false` for produce requests with acks=0, which are complete when they are written.
    pub(super) expects_response: bool,
}

/// Which frames go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// In call order.
    Normal,
    /// SASL frames of a new authentication: they are sent while the normal lane is held back.
    Authentication,
}

#[derive(Debug, Default)]
struct State {
    normal: VecDeque<Outgoing>,
    authentication: VecDeque<Outgoing>,
    waiters: Waiters,
    driver: Option<Waker>,
    muted_until: Option<Instant>,
    /// When to authenticate again, and when the session ends.
    session: Option<Session>,
    /// Nobody can start requests any more; the driver ends when nobody waits for a response.
    closing: bool,
    /// The connection was handed out.
    is_open: bool,
    end: Option<DisconnectReason>,
}

/// The life of a SASL session (KIP-368).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) authenticate_at: Instant,
    pub(super) ends_at: Instant,
}

/// What the driver has to know when it is woken.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) muted_until: Option<Instant>,
    pub(super) session: Option<Session>,
    /// Nobody can start requests any more, and nobody waits for a response.
    pub(super) unused: bool,
    /// Frames wait because the connection is muted or authenticates again.
    pub(super) held_back: bool,
}

/// What became of a connection, for those who do not keep it open.
pub(crate) trait Liveness: Debug + Send + Sync {
    /// Whether the broker has answered anything but ApiVersions.
    fn has_answered(&self) -> bool;

    /// Why the connection ended, if it has.
    fn end(&self) -> Option<DisconnectReason>;
}

/// The shared part of a connection.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    next_correlation_id: AtomicI32,
    /// Something else than ApiVersions.
    has_answered: AtomicBool,
    pub(super) api_versions: OnceLock<ApiVersions>,
    pub(super) counters: Arc<Counters>,
}

impl Shared {
    /// Nothing is queued, and nobody waits.
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { counters, ..Self::default() }
    }

    /// The connection can be used.
    pub(super) fn set_open(&self) {
        self.counters.connections_made.add(1);
        let mut state = self.state.lock();
        if state.end.is_none() {
            state.is_open = true;
            self.counters.connections_open.add(1);
        }
    }

    /// The broker has answered something else than ApiVersions.
    pub(super) fn set_answered(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
    }

    /// A number for the next request.
    pub(super) fn next_correlation_id(&self) -> i32 {
        self.next_correlation_id.fetch_add(1, Ordering::Relaxed) & i32::MAX
    }

    /// Queues a frame and wakes the driver. `waiter` is filled in here and returned.
    pub(super) fn queue(
        &self,
        lane: Lane,
        mut outgoing: Outgoing,
    ) -> Result<usize, DisconnectReason> {
        let (waiter, driver) = {
            let mut state = self.state.lock();
            if let Some(reason) = &state.end {
                return Err(reason.clone());
            }
            let waiter = state.waiters.insert();
            outgoing.waiter = waiter;
            match lane {
                Lane::Normal => state.normal.push_back(outgoing),
                Lane::Authentication => state.authentication.push_back(outgoing),
            }
            (waiter, state.driver.take())
        };
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(waiter)
    }

    /// Moves the frames that may be written to `taken`, and leaves the driver's waker.
    pub(super) fn take_queued(
        &self,
        cx: &Context<'_>,
        now: Instant,
        authenticating: bool,
        taken: &mut VecDeque<Outgoing>,
    ) -> Orders {
        let mut state = self.state.lock();
        if state.muted_until.is_some_and(|until| until <= now) {
            state.muted_until = None;
        }
        taken.append(&mut state.authentication);
        if !authenticating && state.muted_until.is_none() {
            taken.append(&mut state.normal);
        }
        if !state.driver.as_ref().is_some_and(|driver| driver.will_wake(cx.waker())) {
            state.driver = Some(cx.waker().clone());
        }
        Orders {
            muted_until: state.muted_until,
            session: state.session,
            unused: state.closing && !state.waiters.is_awaited(),
            held_back: !state.normal.is_empty(),
        }
    }

    /// Hands a waiter its response, or why there is none.
    pub(super) fn complete(&self, waiter: usize, result: Result<Bytes, Failure>) {
        let (waker, driver) = {
            let mut state = self.state.lock();
            if result.is_err() && state.waiters.is_awaited_at(waiter) {
                self.counters.requests_failed.add(1);
            }
            let waker = state.waiters.complete(waiter, result);
            // The last response of a connection without handles ends it.
            let is_last = state.closing && !state.waiters.is_awaited();
            (waker, if is_last { state.driver.take() } else { None })
        };
        for waker in [waker, driver].into_iter().flatten() {
            waker.wake();
        }
    }

    /// Asks for the response of a waiter.
    pub(super) fn poll_waiter(
        &self,
        waiter: usize,
        cx: &Context<'_>,
    ) -> Poll<Result<Bytes, Failure>> {
        self.state.lock().waiters.poll(waiter, cx)
    }

    /// Nobody waits for this response any more.
    pub(super) fn abandon(&self, waiter: usize) {
        let driver = {
            let mut state = self.state.lock();
            state.waiters.abandon(waiter);
            if state.closing { state.driver.take() } else { None }
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Sends nothing before `until`, unless something said so for longer.
    pub(super) fn mute(&self, until: Instant) {
        let driver = {
            let mut state = self.state.lock();
            let until = state.muted_until.map_or(until, |before| before.max(until));
            state.muted_until = Some(until);
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Until when nothing is sent.
    pub(super) fn muted_until(&self) -> Option<Instant> {
        self.state.lock().muted_until
    }

    /// Sets the life of the session and wakes the driver.
    pub(super) fn set_session(&self, session: Option<Session>) {
        let driver = {
            let mut state = self.state.lock();
            state.session = session;
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// The life of the session.
    pub(super) fn session(&self) -> Option<Session> {
        self.state.lock().session
    }

    /// Lets the connection end when nobody waits for a response any more.
    pub(super) fn close_when_unused(&self) {
        let driver = {
            let mut state = self.state.lock();
            state.closing = true;
            state.driver.take()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Whether the connection has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().end.is_some()
    }

    /// Ends the connection: no request can be queued any more. Returns those that were never
    /// written; the first reason counts.
    pub(super) fn finish(&self, reason: &DisconnectReason) -> Vec<Outgoing> {
        let mut state = self.state.lock();
        state.end.get_or_insert_with(|| reason.clone());
        if std::mem::take(&mut state.is_open) {
            self.counters.connections_open.sub(1);
            if !matches!(reason, DisconnectReason::Closed | DisconnectReason::Idle(_)) {
                self.counters.connections_lost.add(1);
            }
        }
        let authentication = std::mem::take(&mut state.authentication);
        authentication.into_iter().chain(std::mem::take(&mut state.normal)).collect()
    }
}

impl Liveness for Shared {
    fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }

    fn end(&self) -> Option<DisconnectReason> {
        self.state.lock().end.clone()
    }
}
