//! Inputs over HTTP: one, an array, or JSON lines; and the mode of ThingsBoard's REST node.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use milena_http::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::{
    super::{
        served::{Answer, Served},
        shared::Shared,
    },
    reply::{self, Refusal, Reply},
};
use crate::connector::{ActionError, Delivered};

/// The header with the whole metadata as a JSON object, as ThingsBoard's pattern `${*}` gives it.
const METADATA: &str = "milena-metadata";

/// What the message is, where the header `milena-type` does not say.
const TYPE_DEFAULT: &str = "POST_TELEMETRY_REQUEST";

/// How a body has its inputs.
enum Inputs {
    One(Value),
    Array(Vec<Value>),
    Lines(Vec<Value>),
}

/// Sends what is in the body.
pub(super) async fn produce(served: &Served, shared: &Arc<Shared>, body: &[u8]) -> Reply {
    let inputs = match parse(body) {
        Ok(inputs) => inputs,
        Err(refusal) => return refusal.reply(),
    };
    match inputs {
        Inputs::One(input) => {
            let mut answers = send(served, shared, vec![input]).await;
            let answer = answers.pop().unwrap_or_else(|| Err(not_sent()));
            match refusal(served, &answer) {
                None => reply::json(StatusCode::OK, &result(served, answer)),
                Some(refusal) => reply::json(refusal.status, &result(served, answer)),
            }
        }
        Inputs::Array(inputs) => {
            let (status, results) = send_all(served, shared, inputs).await;
            reply::json(status, &Value::Array(results))
        }
        Inputs::Lines(inputs) => {
            let (status, results) = send_all(served, shared, inputs).await;
            let lines: String = results.iter().map(|result| format!("{result}\n")).collect();
            reply::text(status, "application/x-ndjson", lines)
        }
    }
}

/// Sends the body as the data of a message, with its metadata from headers, and gives it back with the
/// metadata that the connector has added as headers.
pub(super) async fn rest(
    served: &Served,
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Reply, Refusal> {
    let data = std::str::from_utf8(&body).map_err(|_| Refusal::bad("the body is no UTF-8"))?;
    let metadata = metadata(headers)?;
    let kind = headers.get("milena-type").and_then(|value| value.to_str().ok());
    let input = json!({ "type": kind.unwrap_or(TYPE_DEFAULT), "metadata": metadata, "data": data });
    let mut answers = send(served, shared, vec![input]).await;
    let answer = answers.pop().unwrap_or_else(|| Err(not_sent()));
    if let Some(refusal) = refusal(served, &answer) {
        return Err(refusal);
    }
    let delivered = answer.unwrap_or_default();
    // A connector that never fails says so in what it gives.
    if let Some(output) = delivered.outputs.iter().find(|output| output["relation"] == "Failure") {
        let message = output["metadata"]["error"].as_str().unwrap_or("it was not delivered");
        let message = served.status.masked(message);
        return Err(Refusal::new(StatusCode::BAD_GATEWAY, "NOT_DELIVERED", message));
    }
    let mut reply = reply::text(StatusCode::OK, "application/json", body.clone());
    for (name, value) in added(&delivered) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            reply.headers_mut().insert(name, value);
        }
    }
    Ok(reply)
}

/// Where the record is: what the connector says, or what its delivery says.
fn added(delivered: &Delivered) -> Vec<(&'static str, String)> {
    if let Some(Value::Object(metadata)) = delivered.outputs.first().map(|it| &it["metadata"]) {
        let found = ["offset", "partition", "topic"].map(|name| {
            metadata.get(name).and_then(Value::as_str).map(|value| (name, value.to_owned()))
        });
        return found.into_iter().flatten().collect();
    }
    let Some(((topic, partition), end)) = delivered.ends.iter().next() else { return Vec::new() };
    vec![
        ("offset", (end - 1).to_string()),
        ("partition", partition.to_string()),
        ("topic", topic.clone()),
    ]
}

/// Names and texts from headers: all of them in one, or each in one whose name then is in lower case.
fn metadata(headers: &HeaderMap) -> Result<Map<String, Value>, Refusal> {
    let mut metadata = Map::new();
    if let Some(whole) = headers.get(METADATA) {
        let Ok(Value::Object(whole)) = serde_json::from_slice(whole.as_bytes()) else {
            return Err(Refusal::bad(format!("{METADATA}: expected a JSON object of texts")));
        };
        metadata = whole;
    }
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("milena-metadata-") else { continue };
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        metadata.insert(name.to_owned(), text.into());
    }
    Ok(metadata)
}

async fn send_all(
    served: &Served,
    shared: &Arc<Shared>,
    inputs: Vec<Value>,
) -> (StatusCode, Vec<Value>) {
    let answers = send(served, shared, inputs).await;
    // The first that failed says what the request as a whole ends with.
    let failed = answers.iter().find_map(|answer| refusal(served, answer));
    let status = failed.map_or(StatusCode::OK, |refusal| refusal.status);
    (status, answers.into_iter().map(|answer| result(served, answer)).collect())
}

/// Sends inputs in order; those behind one that is refused are not sent.
///
/// Runs on when whoever asked goes away: an action is not stopped in the middle of an input.
async fn send(served: &Served, shared: &Arc<Shared>, inputs: Vec<Value>) -> Vec<Answer> {
    let count = inputs.len();
    let (served, shared) = (served.clone(), Arc::clone(shared));
    let task = tokio::spawn(async move {
        let mut asked = Vec::with_capacity(count);
        for input in inputs {
            let submitted = served.submit(input).await;
            let is_refused = submitted.is_refused();
            asked.push(submitted);
            if is_refused {
                break;
            }
        }
        let answers = asked.into_iter().map(|asked| served.answer(asked, &shared));
        let mut answers = join_all(answers).await;
        answers.resize_with(count, || Err(not_sent()));
        answers
    });
    // The task ends otherwise than well when it panics alone.
    task.await.unwrap_or_else(|_| (0..count).map(|_| Err(not_sent())).collect())
}

fn not_sent() -> ActionError {
    ActionError::input("it was not sent, because one before it was refused")
}

/// Why an input was not delivered.
fn refusal(served: &Served, answer: &Answer) -> Option<Refusal> {
    let failure = served.failure(answer.as_ref().err()?);
    let status = match (failure.is_input, failure.is_retriable) {
        (true, _) => StatusCode::UNPROCESSABLE_ENTITY,
        (false, true) => StatusCode::SERVICE_UNAVAILABLE,
        (false, false) => StatusCode::BAD_GATEWAY,
    };
    Some(Refusal { status, failure })
}

/// `{"outputs":[...]}`, with the error where there is one.
fn result(served: &Served, answer: Answer) -> Value {
    let error = refusal(served, &answer).map(|refusal| refusal.failure.to_json());
    let outputs = match answer {
        Ok(delivered) => delivered.outputs,
        Err(error) => error.delivered.outputs,
    };
    let mut result = Map::new();
    if error.is_none() || !outputs.is_empty() {
        result.insert("outputs".to_owned(), outputs.into());
    }
    if let Some(error) = error {
        result.insert("error".to_owned(), error);
    }
    Value::Object(result)
}

/// The inputs of a body: a JSON value, an array of them, or one on each line.
fn parse(body: &[u8]) -> Result<Inputs, Refusal> {
    let first = match serde_json::from_slice(body) {
        Ok(Value::Array(inputs)) => return Ok(Inputs::Array(inputs)),
        Ok(input) => return Ok(Inputs::One(input)),
        Err(error) => error,
    };
    let lines = body.split(|byte| *byte == b'\n').enumerate();
    let lines: Vec<_> = lines.filter(|(_, line)| !line.trim_ascii().is_empty()).collect();
    if lines.len() < 2 {
        let message = format!("the body is no JSON: {first}");
        return Err(Refusal::bad(message));
    }
    let parsed = lines.into_iter().map(|(index, line)| {
        serde_json::from_slice(line)
            .map_err(|error| Refusal::bad(format!("line {}: this is no JSON: {error}", index + 1)))
    });
    parsed.collect::<Result<_, _>>().map(Inputs::Lines)
}
