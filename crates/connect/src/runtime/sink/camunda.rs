//! A message of Camunda's engine for each record.

use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::Value;

use super::{super::shared::Shared, Outcome, Record, Sink};
use crate::{
    camunda::{Engine, EngineError, EngineErrorKind},
    connector::{BoxFuture, with_causes},
    flow::CamundaMessages,
};

/// A message of Camunda's engine for each record, which is what `camunda-inbound` makes of it.
///
/// A message whose id the engine knows counts as taken: it was published before.
pub(crate) struct CamundaSink {
    engine: Engine,
    messages: CamundaMessages,
    shared: Arc<Shared>,
}

impl CamundaSink {
    pub(crate) fn new(engine: Engine, messages: CamundaMessages, shared: Arc<Shared>) -> Self {
        Self { engine, messages, shared }
    }

    async fn give(&self, body: &[u8]) -> Outcome {
        let Ok(Value::Object(mut message)) = serde_json::from_slice(body) else {
            return Outcome::Poison("the record is no message of Camunda's engine".to_owned());
        };
        if let Some(tenant_id) = &self.messages.tenant_id {
            message.insert("tenantId".to_owned(), tenant_id.as_str().into());
        }
        let is_correlated = self.messages.is_correlated;
        let given = if is_correlated {
            // Nothing is kept, so that there is nothing to tell twice.
            message.remove("messageId");
            message.remove("timeToLive");
            self.engine.correlate(&Value::Object(message)).await
        } else {
            self.engine.publish(&Value::Object(message)).await
        };
        let Err(error) = given else { return Outcome::Accepted };
        if let Some(pause) = error.retry_after() {
            tokio::select! {
                () = self.shared.stopping() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        outcome(&error, is_correlated)
    }
}

/// What an engine's refusal means for the record.
fn outcome(error: &EngineError, is_correlated: bool) -> Outcome {
    let why = with_causes(error);
    match error.kind() {
        EngineErrorKind::Conflict if !is_correlated => Outcome::Accepted,
        EngineErrorKind::NotFound | EngineErrorKind::Conflict if is_correlated => {
            Outcome::Poison(why)
        }
        EngineErrorKind::Refused => Outcome::Poison(why),
        // It says nothing about the record: credentials and addresses can be mended.
        _ => Outcome::Again(why),
    }
}

impl Sink for CamundaSink {
    fn deliver(self: Arc<Self>, record: Arc<Record>) -> BoxFuture<'static, Outcome> {
        async move { self.give(&record.body).await }.boxed()
    }

    fn is_timed(&self) -> bool {
        true
    }
}
