//! What connections count: requests, bytes, and the connections themselves.
//!
//! A counter is one relaxed atomic. Drivers count once a wake-up or once a request, never by byte or
//! record.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters of a pool, shared by its connections.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests_sent: Counter,
    pub(crate) requests_failed: Counter,
    pub(crate) requests_in_flight: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) connections_made: Counter,
    pub(crate) connections_open: Counter,
    pub(crate) connections_failed: Counter,
    pub(crate) connections_lost: Counter,
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    pub(crate) fn sub(&self, count: u64) {
        self.0.fetch_sub(count, Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What the connections of a pool did since it was made, and what there is of them at this moment.
/// The values are read one after another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionCounts {
    /// Requests that went to a socket, those that make a connection (ApiVersions, SASL) among them.
    pub requests_sent: u64,
    /// Requests that somebody waited for and that got no answer that can be read: the connection
    /// was lost, or time was up.
    pub requests_failed: u64,
    /// Requests that went to a socket and wait for their answer.
    pub requests_in_flight: u64,
    /// Bytes that sockets took, before encryption.
    pub bytes_out: u64,
    /// Bytes that came from sockets, after decryption.
    pub bytes_in: u64,
    /// Connections that were made and could be used.
    pub connections_made: u64,
    /// Connections that are open.
    pub connections_open: u64,
    /// Attempts to connect that failed, authentication included.
    pub connections_failed: u64,
    /// Connections that ended otherwise than by being closed on this side or idle.
    pub connections_lost: u64,
}

impl Counters {
    /// The values at this moment.
    pub(crate) fn counts(&self) -> ConnectionCounts {
        ConnectionCounts {
            requests_sent: self.requests_sent.value(),
            requests_failed: self.requests_failed.value(),
            requests_in_flight: self.requests_in_flight.value(),
            bytes_out: self.bytes_out.value(),
            bytes_in: self.bytes_in.value(),
            connections_made: self.connections_made.value(),
            connections_open: self.connections_open.value(),
            connections_failed: self.connections_failed.value(),
            connections_lost: self.connections_lost.value(),
        }
    }
}
