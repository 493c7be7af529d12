//! Records as lines with a number, `{"event":"record","seq":7,"step":"in","record":{...}}`, accepted by
//! lines that name it.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use futures_util::FutureExt as _;
use serde_json::json;

use super::{super::envelope::Writer, Hub, Outcome, Record, Sink};
use crate::connector::BoxFuture;

/// Nothing is given again by itself: a line that is lost is lost with the process that reads it.
const ACK_TIMEOUT: Duration = Duration::from_secs(u32::MAX as u64);

/// A step's records as lines on standard output, acknowledged on standard input.
pub(crate) struct EnvelopeSink {
    hub: Arc<Hub>,
    /// The step's name as JSON.
    step: String,
    writer: Writer,
}

impl EnvelopeSink {
    /// For the records of a step, numbered together with those of other steps.
    pub(crate) fn new(
        step: &str,
        unacked_max: usize,
        numbers: Arc<AtomicU64>,
        writer: Writer,
    ) -> Self {
        let hub = Arc::new(Hub::numbered_by(numbers, ACK_TIMEOUT, unacked_max));
        Self { hub, step: json!(step).to_string(), writer }
    }

    /// The records that wait for their acknowledgement.
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

impl Sink for EnvelopeSink {
    fn deliver(self: Arc<Self>, record: Arc<Record>) -> BoxFuture<'static, Outcome> {
        let (seq, pending) = self.hub.put(&record, false);
        // The record is JSON already.
        let body = String::from_utf8_lossy(&record.body);
        let step = &self.step;
        let line =
            format!("{{\"event\":\"record\",\"seq\":{seq},\"step\":{step},\"record\":{body}}}\n");
        // There are no more lines on their way than records in delivery.
        self.writer.send(line, None);
        pending.answer().boxed()
    }

    fn in_delivery_max(&self) -> usize {
        self.hub.in_delivery_max()
    }

    fn is_timed(&self) -> bool {
        false
    }
}
