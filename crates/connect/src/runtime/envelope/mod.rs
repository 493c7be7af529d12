//! The envelope: JSON lines on standard input and output that carry requests and their answers, records
//! and their acknowledgements, and how each step is.
//!
//! In: `{"id":"1","op":"produce","connector":"orders","input":{...}}`, `{"ack":7}`, `{"nack":7}`. Out:
//! `{"id":"1","ok":true,"output":{...}}`, `{"event":"record","seq":7,...}`, `{"event":"health",...}`.
//! `docs/flows.md` describes them.
//!
//! Invariants:
//! 1. Each request is answered once, and the run does not end before its answer is written, unless nobody
//!    reads answers any more.
//! 2. Numbers of records are never used twice, whichever step they are of.

mod requests;
mod writer;

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use serde_json::Value;
use tokio::task::JoinHandle;

pub(super) use self::{requests::Opener, writer::Writer};
use self::{requests::Requests, writer::Unwritten};
use super::{
    lines::Lines,
    run::{CLOSE_WITHIN, RunError},
    served::Served,
    shared::Shared,
    sink::{EnvelopeSink, Hub, Nack, Outcome},
    status::StepStatus,
};

const EXPECTED: &str = r#"expected {"id":"1","op":"produce","connector":"NAME","input":{}}, {"ack":N} or {"nack":N,"strategy":"forward"}"#;

/// The envelope of a run: both its ends.
pub(super) struct Envelope {
    shared: Arc<Shared>,
    lines: Lines,
    writer: Writer,
    unwritten: Option<Unwritten>,
    numbers: Arc<AtomicU64>,
    /// Where the records of steps wait for their acknowledgement.
    hubs: Vec<Arc<Hub>>,
    requests: Requests,
}

impl Envelope {
    /// An envelope over these lines of standard input. Needs a tokio runtime.
    pub(super) fn new(lines: Lines, opener: Opener, shared: Arc<Shared>) -> Self {
        let (writer, unwritten) = Writer::new();
        let requests = Requests::new(opener, writer.clone(), Arc::clone(&shared));
        Self {
            shared,
            lines,
            writer,
            unwritten: Some(unwritten),
            numbers: Arc::default(),
            hubs: Vec::new(),
            requests,
        }
    }

    /// A sink for the records of a step.
    pub(super) fn sink(&mut self, step: &str, unacked_max: usize) -> Arc<EnvelopeSink> {
        let (numbers, writer) = (Arc::clone(&self.numbers), self.writer.clone());
        let sink = Arc::new(EnvelopeSink::new(step, unacked_max, numbers, writer));
        self.hubs.push(Arc::clone(sink.hub()));
        sink
    }

    /// Requests can ask for this action by the name of its step.
    pub(super) fn serve(&mut self, served: Served) {
        self.requests.serve(served);
    }

    /// Whether a step takes its inputs from requests.
    pub(super) fn has_actions(&self) -> bool {
        self.requests.has_actions()
    }

    /// Begins to write what is said, and how these steps are.
    pub(super) fn begin(&mut self, statuses: &[Arc<StepStatus>]) -> Option<Writing> {
        let unwritten = self.unwritten.take()?;
        Some(Writing(unwritten.write(statuses.to_vec(), Arc::clone(&self.shared))))
    }

    /// Does what the lines say, to the end of the input or to a stop; requests are answered then.
    ///
    /// Where there are records, the end of the input stops the run: nobody takes them any more.
    pub(super) async fn read(mut self) {
        let mut is_stop = !self.hubs.is_empty();
        loop {
            let line = tokio::select! {
                biased;
                () = self.shared.stopping() => break,
                line = self.lines.next() => line,
            };
            let done = match line {
                None => break,
                Some(Ok(line)) => self
                    .handle(&line.bytes)
                    .await
                    .map_err(|problem| format!("line {}: {problem}", line.number)),
                Some(Err(error)) => Err(error.to_string()),
            };
            if let Err(problem) = done {
                self.shared.fail(RunError::Failed(format!("standard input: {problem}")));
                is_stop = true;
                break;
            }
        }
        self.requests.finish().await;
        if is_stop {
            self.shared.stop();
        }
    }

    /// Does what a line says. A request that is wrong is answered; a line that is nothing of an envelope
    /// ends the run, since whoever sends it speaks something else.
    async fn handle(&mut self, line: &[u8]) -> Result<(), String> {
        let message: Value = serde_json::from_slice(line)
            .map_err(|error| format!("this is no JSON: {error}: {EXPECTED}"))?;
        let numbers = |name: &str| match &message[name] {
            Value::Array(numbers) => numbers.iter().map(Value::as_u64).collect(),
            number => number.as_u64().map(|number| vec![number]),
        };
        if message["id"].is_string() || message["id"].is_number() {
            self.requests.take(message).await;
            return Ok(());
        }
        match (numbers("ack"), numbers("nack")) {
            (Some(numbers), None) => {
                self.settle(&numbers, &|hub, seq| hub.answer(seq, Outcome::Accepted))
            }
            (None, Some(numbers)) => {
                let strategy = message["strategy"].as_str().unwrap_or("forward");
                let nack = Nack::from_name(strategy)
                    .ok_or_else(|| format!("strategy is {strategy:?}: {}", Nack::EXPECTED))?;
                let why = message["error"].as_str();
                self.settle(&numbers, &|hub, seq| hub.nack(seq, nack, why));
            }
            _ => return Err(format!("this is nothing of an envelope: {EXPECTED}")),
        }
        Ok(())
    }

    fn settle(&self, numbers: &[u64], settle: &dyn Fn(&Hub, u64) -> bool) {
        for seq in numbers {
            if !self.hubs.iter().any(|hub| settle(hub, *seq)) {
                // Its partition may have gone to another member meanwhile.
                tracing::debug!(seq, "no record waits for this");
            }
        }
    }
}

/// The writing of an envelope.
pub(super) struct Writing(JoinHandle<()>);

impl Writing {
    /// Waits until all is written that was said; whoever could say more has ended.
    pub(super) async fn finish(self) {
        const SLACK: Duration = Duration::from_secs(1);
        if tokio::time::timeout(CLOSE_WITHIN + SLACK, self.0).await.is_err() {
            tracing::warn!("not all answers were written in time");
        }
    }
}
