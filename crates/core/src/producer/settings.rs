//! What the sender machine has to know about the configuration.

use std::time::Duration;

use milena_wire::compression::Compression;

use super::transaction::TransactionSettings;
use crate::backoff::Backoff;

/// The configuration of a [`Sender`](super::Sender).
#[derive(Clone, Debug)]
pub struct SenderSettings {
    /// `acks` as in a produce request: 0, 1 or -1.
    pub acks: i16,
    /// Whether batches carry a producer id and sequences (`enable.idempotence`).
    pub idempotent: bool,
    /// Requests that may be unanswered per broker, and batches per partition
    /// (`max.in.flight.requests.per.connection`); at least 1, and at most 5 when idempotent.
    pub max_in_flight: usize,
    /// Bytes of batches in one request (`max.request.size`); a larger batch travels alone.
    pub max_request_bytes: usize,
    /// How long an open batch waits for more records (`linger.ms`).
    pub linger: Duration,
    /// From the first record of a batch to the end of every attempt (`delivery.timeout.ms`).
    pub delivery_timeout: Duration,
    /// What a broker is told to wait for replicas (`request.timeout.ms`).
    pub request_timeout: Duration,
    /// Attempts after the first one (`retries`).
    pub retries: u32,
    /// The pause before another attempt (`retry.backoff.ms`, `retry.backoff.max.ms`).
    pub retry_backoff: Backoff,
    /// How batches are compressed. Without compression the sender encodes them itself; with it, it
    /// asks for that ([`Event::Encode`](super::Event::Encode)).
    pub compression: Compression,
    /// The transactions of the producer, if it is to have any; `idempotent` then is true.
    pub transactions: Option<TransactionSettings>,
}
