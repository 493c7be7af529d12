//! Actions whose inputs come one by one from somebody who waits for the answer: over HTTP, or in an
//! envelope.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    run::{CLOSE_WITHIN, RunError},
    shared::Shared,
    status::{Counter, Gauge, InFlight, StepStatus},
};
use crate::connector::{Action, ActionError, Delivered, Delivery, with_causes};

/// What came of one input.
pub(super) type Answer = Result<Delivered, ActionError>;

/// An action that is asked for input by input.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) action: Arc<dyn Action>,
    pub(super) status: Arc<StepStatus>,
}

/// An input that was given to an action, to its answer.
pub(super) struct Asked {
    submitted: Result<Delivery, ActionError>,
    in_flight: InFlight,
}

impl Asked {
    /// Whether nothing of it was sent.
    pub(super) fn is_refused(&self) -> bool {
        self.submitted.is_err()
    }
}

impl Served {
    /// Gives an input to the action; the order of the calls is the order of the records.
    ///
    /// Not cancel safe: when the future is dropped, some of the input's records may be sent.
    pub(super) async fn submit(&self, input: Value) -> Asked {
        self.status.count(Counter::Inputs, 1);
        let in_flight = self.status.add(Gauge::InputsInFlight);
        Asked { submitted: self.action.submit(input).await, in_flight }
    }

    /// Waits for what comes of an input, counts it, and says how the step is.
    pub(super) async fn answer(&self, asked: Asked, shared: &Shared) -> Answer {
        let answer = match asked.submitted {
            Ok(delivery) => delivery.await,
            Err(error) => Err(error),
        };
        drop(asked.in_flight);
        let delivered = match &answer {
            Ok(delivered) => {
                self.status.set_up();
                delivered
            }
            Err(error) => {
                self.status.count(Counter::InputsFailed, 1);
                // An input that is wrong says nothing about the step.
                if error.source.is_some() {
                    self.status.set_down(&with_causes(error));
                }
                &error.delivered
            }
        };
        shared.handle_ends(&delivered.ends);
        shared.progress.handle_submitted();
        shared.progress.handle_delivered(answer.is_ok(), delivered.records_count);
        self.status.count(Counter::RecordsProduced, delivered.records_count);
        self.status.set_metrics(self.action.metrics());
        answer
    }

    /// Sends what the action has taken, and closes it.
    pub(super) async fn close(&self, shared: &Shared) {
        if let Err(error) = self.action.close(CLOSE_WITHIN).await {
            let (name, error) = (self.status.name(), with_causes(&error));
            let message = format!("step {name:?}: not everything was sent: {error}");
            shared.fail(RunError::Failed(message));
        }
    }

    /// Why an input was not delivered, for whoever asked.
    pub(super) fn failure(&self, error: &ActionError) -> Failure {
        let is_input = error.source.is_none();
        let code = match &error.code {
            Some(code) => code.clone(),
            None if is_input => "INPUT".to_owned(),
            None => "NOT_DELIVERED".to_owned(),
        };
        Failure {
            code,
            message: self.status.masked(&with_causes(error)),
            is_input,
            is_retriable: error.is_retriable(),
            retries: error.retries,
        }
    }
}

/// Why something that was asked for was not done. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The connector's own code, or one of ours.
    pub(super) code: String,
    pub(super) message: String,
    /// Whether what was asked for is wrong itself.
    pub(super) is_input: bool,
    /// Whether the same may be done later.
    pub(super) is_retriable: bool,
    /// How often it is to be tried again, where the connector's configuration says so.
    pub(super) retries: Option<i32>,
}

impl Failure {
    /// Something that cannot be done as it was asked for.
    pub(super) fn wrong(code: &str, message: impl Into<String>) -> Self {
        let (code, message) = (code.to_owned(), message.into());
        Self { code, message, is_input: true, is_retriable: false, retries: None }
    }

    /// `{"code","message","retryable"}`, and `retries` where they are known.
    pub(super) fn to_json(&self) -> Value {
        let mut error =
            json!({ "code": self.code, "message": self.message, "retryable": self.is_retriable });
        if let Some(retries) = self.retries {
            error["retries"] = retries.into();
        }
        error
    }
}
