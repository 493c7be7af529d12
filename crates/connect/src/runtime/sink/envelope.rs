//! Records as lines with a number, accepted by lines that name it.
//!
//! Out: `{"event":"record","seq":7,"record":{...}}`. In: `{"ack":7}`, or
//! `{"nack":7,"strategy":"forward","error":"why"}` with `forward` (the step's policy, and the default),
//! `retry` or `ignore`.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    super::{lines::Lines, run::RunError, shared::Shared},
    Hub, Nack, Outcome, Record, Sink,
};
use crate::connector::BoxFuture;

/// Nothing is given again by itself: a line that is lost is lost with the process that reads it.
const ACK_TIMEOUT: Duration = Duration::from_secs(u32::MAX as u64);

/// So many bytes are written at once.
const WRITE_BYTES: usize = 64 << 10;

/// Records as lines on standard output, acknowledged on standard input.
pub(crate) struct Envelope {
    hub: Arc<Hub>,
    shared: Arc<Shared>,
    step: String,
    /// Lines on their way out, in order. There are no more than records in delivery.
    writer: mpsc::UnboundedSender<String>,
}

impl Envelope {
    /// An envelope for the records of a step. Needs a tokio runtime.
    pub(crate) fn new(step: &str, unacked_max: usize, shared: Arc<Shared>) -> Self {
        let (writer, lines) = mpsc::unbounded_channel();
        tokio::spawn(write(lines, Arc::clone(&shared)));
        let hub = Arc::new(Hub::new(ACK_TIMEOUT, unacked_max));
        Self { hub, shared, step: step.to_owned(), writer }
    }

    /// Reads acknowledgements to the end of the input, which stops the run: nobody takes records any
    /// more.
    pub(crate) async fn read(self: Arc<Self>, mut lines: Lines) {
        loop {
            let line = tokio::select! {
                biased;
                () = self.shared.stopping() => return,
                line = lines.next() => line,
            };
            let read = match line {
                None => break,
                Some(Ok(line)) => self
                    .handle(&line.bytes)
                    .map_err(|problem| format!("line {}: {problem}", line.number)),
                Some(Err(error)) => Err(error.to_string()),
            };
            if let Err(problem) = read {
                self.shared.fail(RunError::Failed(format!("standard input: {problem}")));
                break;
            }
        }
        self.shared.stop();
    }

    /// Does what a line says.
    fn handle(&self, line: &[u8]) -> Result<(), String> {
        const EXPECTED: &str = r#"expected {"ack":N} or {"nack":N,"strategy":"forward"}"#;
        let answer: Value = serde_json::from_slice(line)
            .map_err(|error| format!("this is no JSON: {error}: {EXPECTED}"))?;
        let is_known = match (answer["ack"].as_u64(), answer["nack"].as_u64()) {
            (Some(seq), None) => self.hub.answer(seq, Outcome::Accepted),
            (None, Some(seq)) => {
                let strategy = answer["strategy"].as_str().unwrap_or("forward");
                let nack = Nack::from_name(strategy)
                    .ok_or_else(|| format!("strategy is {strategy:?}: {}", Nack::EXPECTED))?;
                self.hub.nack(seq, nack, answer["error"].as_str())
            }
            _ => return Err(format!("this is no answer: {EXPECTED}")),
        };
        if !is_known {
            // Its partition may have gone to another member meanwhile.
            tracing::debug!(step = self.step, %answer, "no record waits for this");
        }
        Ok(())
    }
}

/// Writes what is there at once, until the envelope is gone or nobody reads any more.
async fn write(mut lines: mpsc::UnboundedReceiver<String>, shared: Arc<Shared>) {
    while let Some(mut text) = lines.recv().await {
        while text.len() < WRITE_BYTES
            && let Ok(line) = lines.try_recv()
        {
            text.push_str(&line);
        }
        if shared.write(text).await.is_err() {
            return;
        }
    }
}

impl Sink for Envelope {
    fn deliver(self: Arc<Self>, record: Arc<Record>) -> BoxFuture<'static, Outcome> {
        let (seq, pending) = self.hub.put(&record, false);
        // The record is JSON already.
        let body = String::from_utf8_lossy(&record.body);
        let step = json!(self.step);
        let line =
            format!("{{\"event\":\"record\",\"seq\":{seq},\"step\":{step},\"record\":{body}}}\n");
        // When nobody writes any more, the run ends, and with it the wait for an answer.
        let _ = self.writer.send(line);
        pending.answer().boxed()
    }

    fn in_delivery_max(&self) -> usize {
        self.hub.in_delivery_max()
    }

    fn is_timed(&self) -> bool {
        false
    }
}
