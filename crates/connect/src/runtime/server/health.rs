//! Whether the flow is up, and what it has counted.

use std::{fmt::Write as _, sync::Arc};

use milena_http::http::StatusCode;
use serde_json::{Value, json};

use super::{
    super::status::StepStatus,
    Site,
    reply::{self, Reply},
};

/// `{"status":"UP"}`, with the steps for those who may know.
pub(super) fn health(statuses: &[Arc<StepStatus>], has_details: bool) -> Reply {
    let steps: Vec<(Value, bool)> = statuses.iter().map(|status| step(status)).collect();
    let is_up = steps.iter().all(|(_, is_up)| *is_up);
    let mut body = json!({ "status": name(is_up) });
    if has_details {
        body["steps"] = steps.into_iter().map(|(step, _)| step).collect();
    }
    let status = if is_up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::json(status, &body)
}

fn step(status: &StepStatus) -> (Value, bool) {
    let trouble = status.trouble();
    let is_up = trouble.is_none();
    let mut step = json!({
        "name": status.name(), "kind": status.kind(), "topic": status.topic(), "status": name(is_up),
    });
    if let Some(trouble) = trouble {
        step["details"] = json!({ "error": trouble });
    }
    (step, is_up)
}

const fn name(is_up: bool) -> &'static str {
    if is_up { "UP" } else { "DOWN" }
}

/// The counters as Prometheus reads them.
pub(super) fn metrics(site: &Site) -> Reply {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP milena_step_up Whether the step works.");
    let _ = writeln!(text, "# TYPE milena_step_up gauge");
    for status in &site.statuses {
        let up = u8::from(status.trouble().is_none());
        let _ = writeln!(text, "milena_step_up{} {up}", labels(status));
    }
    // All samples of a name stand together.
    let count = site.statuses.first().map_or(0, |status| status.counters().count());
    for index in 0..count {
        for (number, status) in site.statuses.iter().enumerate() {
            let Some((name, help, value)) = status.counters().nth(index) else { continue };
            if number == 0 {
                let _ = writeln!(text, "# HELP milena_{name} {help}");
                let _ = writeln!(text, "# TYPE milena_{name} counter");
            }
            let _ = writeln!(text, "milena_{name}{} {value}", labels(status));
        }
    }
    client_metrics(&site.statuses, &mut text);
    let _ = writeln!(
        text,
        "# HELP milena_http_responses_total Requests by the status of their answer."
    );
    let _ = writeln!(text, "# TYPE milena_http_responses_total counter");
    for (status, count) in &*site.answers.lock() {
        let _ = writeln!(text, "milena_http_responses_total{{status=\"{status}\"}} {count}");
    }
    reply::text(StatusCode::OK, "text/plain; version=0.0.4", text)
}

/// The counters of the steps' clients, under the names that the client has for them.
fn client_metrics(statuses: &[Arc<StepStatus>], text: &mut String) {
    let of_clients: Vec<_> =
        statuses.iter().filter_map(|status| Some((status, status.metrics()?))).collect();
    let Some((_, first)) = of_clients.first() else { return };
    for (index, (name, _)) in first.iter().enumerate() {
        let _ = writeln!(text, "# TYPE milena_client_{name} untyped");
        for (status, snapshot) in &of_clients {
            let value = snapshot.iter().nth(index).map_or(0, |(_, value)| value);
            let _ = writeln!(text, "milena_client_{name}{} {value}", labels(status));
        }
    }
}

/// Names of steps and topics have no quotes and backslashes, but those of other systems might.
fn labels(status: &StepStatus) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let (step, topic) = (escaped(status.name()), escaped(status.topic()));
    format!("{{step=\"{step}\",kind=\"{}\",topic=\"{topic}\"}}", status.kind())
}
