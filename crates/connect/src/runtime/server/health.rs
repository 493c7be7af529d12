//! Whether the flow is up.

use std::sync::Arc;

use milena_http::http::StatusCode;
use serde_json::{Value, json};

use super::{
    super::status::StepStatus,
    reply::{self, Reply},
};

/// `{"status":"UP"}`, with the steps for those who may know.
pub(super) fn health(statuses: &[Arc<StepStatus>], has_details: bool) -> Reply {
    let steps: Vec<_> = statuses.iter().map(|status| (status, status.health())).collect();
    let is_up = steps.iter().all(|(_, health)| health.is_up());
    let mut body = json!({ "status": if is_up { "UP" } else { "DOWN" } });
    if has_details {
        let steps = steps.into_iter().map(|(status, health)| {
            let mut step =
                json!({ "name": status.name(), "kind": status.kind(), "topic": status.topic() });
            if let Value::Object(step) = &mut step {
                step.extend(health.to_json());
            }
            step
        });
        body["steps"] = steps.collect();
    }
    let status = if is_up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::json(status, &body)
}
