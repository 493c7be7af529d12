//! Where the records of a trigger go, and how they come to be accepted.

mod envelope;
mod hub;
mod webhook;

use std::sync::Arc;

use bytes::Bytes;

pub(super) use self::{
    envelope::Envelope,
    hub::{Hub, Nack, Polled},
    webhook::WebhookSink,
};
use crate::connector::{BoxFuture, Emission, Ticket};

/// One record on its way to a sink.
#[derive(Debug)]
pub(super) struct Record {
    /// What accepting it needs.
    pub(super) ticket: Ticket,
    /// The output, as JSON text.
    pub(super) body: Bytes,
    /// Why there is no output: the sink is not given the record.
    pub(super) refusal: Option<String>,
}

impl From<Emission> for Record {
    fn from(emission: Emission) -> Self {
        let Emission { output, refusal, ticket } = emission;
        let body = if refusal.is_some() { Bytes::new() } else { output.to_string().into() };
        Self { ticket, body, refusal }
    }
}

/// What a sink made of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was taken.
    Accepted,
    /// It was refused, and nobody wants it: it counts as taken.
    Ignored(String),
    /// It may be taken when it is given again; why it was not.
    Again(String),
    /// The sink will not take it however often it is given; why.
    Poison(String),
}

/// Where the records of a trigger go.
pub(super) trait Sink: Send + Sync {
    /// Gives the record; the future waits for what comes of it. The order of the calls is the order in
    /// which records are given, whatever becomes of the futures.
    ///
    /// Cancel safe: whether the record was taken is unknown then.
    fn deliver(self: Arc<Self>, record: Arc<Record>) -> BoxFuture<'static, Outcome>;

    /// How many records of a partition may be in delivery at the same time.
    fn in_delivery_max(&self) -> usize {
        1
    }

    /// Whether the sink ends a delivery by itself: otherwise a stop does not wait for it.
    fn is_timed(&self) -> bool;
}
