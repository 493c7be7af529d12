//! An action's loop: lines in, results out.

use std::{fmt::Write as _, sync::Arc};

use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesOrdered};
use serde_json::Value;

use super::{
    lines::{Line, Lines},
    run::{CLOSE_WITHIN, RunError},
    shared::{Ended, Shared},
    status::{Counter, Gauge, StepStatus},
};
use crate::connector::{Action, ActionError, BoxFuture, Delivered, with_causes};

/// The most inputs that are sent and not answered.
const UNANSWERED_MAX: usize = 1000;

/// An input's number and how its delivery ended.
type Answer = (u64, Result<Delivered, ActionError>);

/// Sends every line of an input, and closes the action.
///
/// The first line that cannot be sent ends the reading; what was sent before is delivered all the same.
pub(super) struct ActionRun {
    pub(super) action: Box<dyn Action>,
    pub(super) lines: Lines,
    /// The input's name for messages.
    pub(super) name: String,
    pub(super) shared: Arc<Shared>,
    pub(super) status: Arc<StepStatus>,
}

impl ActionRun {
    /// Runs to the end of the input, to the first failure or until the run stops.
    pub(super) async fn run(mut self) {
        let mut unanswered = FuturesOrdered::new();
        let ended = self.send_all(&mut unanswered).await;
        // What was accepted is flushed: closing waits for it, and the answers come meanwhile.
        let close = self.action.close(CLOSE_WITHIN);
        let answers = async {
            if ended.is_ok() {
                while !unanswered.is_empty() {
                    if self.shared_answers(&mut unanswered).await.is_err() {
                        break;
                    }
                }
            }
        };
        let (closed, ()) = futures_util::join!(close, answers);
        if let Err(error) = closed {
            let message =
                format!("{}: not everything was sent: {}", self.name, with_causes(&error));
            self.shared.fail(RunError::Failed(message));
        }
    }

    async fn send_all(
        &mut self,
        unanswered: &mut FuturesOrdered<BoxFuture<'static, Answer>>,
    ) -> Result<(), Ended> {
        loop {
            let has_room = unanswered.len() < UNANSWERED_MAX;
            tokio::select! {
                biased;
                () = self.shared.stopping() => return Ok(()),
                answer = unanswered.next(), if !unanswered.is_empty() => {
                    let first = answer.expect("there are unanswered inputs");
                    self.tell(first, unanswered).await?;
                    if self.shared.has_failed() {
                        return Ok(());
                    }
                }
                line = self.lines.next(), if has_room => {
                    let Some(line) = line else { return Ok(()) };
                    let sent = match line {
                        Ok(line) => self.send(line, unanswered).await,
                        Err(error) => Err(error.to_string()),
                    };
                    if let Err(problem) = sent {
                        self.status.set_down(&problem);
                        self.shared.fail(RunError::Failed(format!("{}: {problem}", self.name)));
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Sends one line.
    async fn send(
        &self,
        line: Line,
        unanswered: &mut FuturesOrdered<BoxFuture<'static, Answer>>,
    ) -> Result<(), String> {
        let number = line.number;
        self.shared.progress.handle_read(line.bytes.len() + 1);
        let body = parse(&line.bytes).map_err(|problem| format!("line {number}: {problem}"))?;
        let delivery = self
            .action
            .submit(body)
            .await
            .map_err(|error| format!("line {number}: {}", with_causes(&error)))?;
        self.shared.progress.handle_submitted();
        self.status.count(Counter::Inputs, 1);
        let in_flight = self.status.add(Gauge::InputsInFlight);
        let delivery = delivery.map(move |result| {
            drop(in_flight);
            (number, result)
        });
        unanswered.push_back(delivery.boxed());
        Ok(())
    }

    /// Waits for one answer and tells it, with those that are there already.
    async fn shared_answers(
        &self,
        unanswered: &mut FuturesOrdered<BoxFuture<'static, Answer>>,
    ) -> Result<(), Ended> {
        match unanswered.next().await {
            Some(first) => self.tell(first, unanswered).await,
            None => Ok(()),
        }
    }

    /// Writes the outputs of an answer, and of all others that are there.
    async fn tell(
        &self,
        first: Answer,
        unanswered: &mut FuturesOrdered<BoxFuture<'static, Answer>>,
    ) -> Result<(), Ended> {
        let mut lines = String::new();
        let mut answer = Some(first);
        while let Some((number, result)) = answer {
            let (delivered, error) = match result {
                Ok(delivered) => (delivered, None),
                Err(mut error) => (std::mem::take(&mut error.delivered), Some(error)),
            };
            for output in &delivered.outputs {
                let _ = writeln!(lines, "{output}");
            }
            self.shared.handle_ends(&delivered.ends);
            self.status.count(Counter::RecordsProduced, delivered.records_count);
            self.shared.progress.handle_delivered(error.is_none(), delivered.records_count);
            self.status.set_metrics(self.action.metrics());
            if let Some(error) = error {
                self.status.count(Counter::InputsFailed, 1);
                let message = format!("{}: line {number}: {}", self.name, with_causes(&error));
                self.shared.fail(RunError::Failed(message));
            }
            answer = unanswered.next().now_or_never().flatten();
        }
        if lines.is_empty() { Ok(()) } else { self.shared.write(lines).await }
    }
}

/// The JSON of a line.
fn parse(line: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(line)
        .map_err(|error| format!("column {}: this is no UTF-8", error.valid_up_to() + 1))?;
    serde_json::from_str(text).map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = error.to_string();
        let message = message.strip_suffix(place.as_str()).unwrap_or(&message);
        format!("column {}: this is no JSON: {message}", error.column())
    })
}
