//! Records that are asked for: poll, ack, nack.

use std::time::Duration;

use milena_http::http::StatusCode;
use serde_json::{Value, json};

use super::{
    super::sink::{Hub, Nack, Outcome, Polled},
    reply::{self, Refusal, Reply},
};

/// How many records one poll gives, if it does not say.
const MAX_DEFAULT: usize = 100;

/// The most records that one poll can ask for.
const MAX_MOST: usize = 10_000;

/// The longest wait that a poll can ask for.
const TIMEOUT_MOST: Duration = Duration::from_secs(60);

/// Gives records, and waits for the first.
pub(super) async fn poll(hub: &Hub, query: &str) -> Result<Reply, Refusal> {
    let mut max = MAX_DEFAULT;
    let mut within = Duration::ZERO;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let number = value
            .parse::<u32>()
            .map_err(|_| Refusal::bad(format!("{name} is {value:?}: expected a whole number")))?;
        match name {
            "max" => max = usize::try_from(number).unwrap_or(MAX_MOST).clamp(1, MAX_MOST),
            "timeoutMs" => within = Duration::from_millis(number.into()).min(TIMEOUT_MOST),
            other => {
                let message = format!("{other:?} is not known here: expected max or timeoutMs");
                return Err(Refusal::bad(message));
            }
        }
    }
    Ok(records(&hub.poll(max, within).await))
}

/// No records.
pub(super) fn none() -> Reply {
    records(&[])
}

fn records(polled: &[Polled]) -> Reply {
    let mut body = String::from("{\"records\":[");
    for (index, Polled { seq, ticket, body: record }) in polled.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        // The record is JSON already.
        let record = String::from_utf8_lossy(record);
        let (partition, offset) = (ticket.partition, ticket.offset);
        body.push_str(&format!(
            "{comma}{{\"seq\":{seq},\"partition\":{partition},\"offset\":{offset},\"record\":{record}}}"
        ));
    }
    body.push_str("]}");
    reply::text(StatusCode::OK, "application/json", body)
}

/// `{"ack":[1,2]}`: these are taken.
pub(super) fn ack(hub: &Hub, body: &[u8]) -> Result<Reply, Refusal> {
    let (_, seqs) = numbers(body, "ack")?;
    Ok(settled(&seqs, |seq| hub.answer(seq, Outcome::Accepted)))
}

/// `{"nack":[1,2],"strategy":"forward","error":"why"}`: these are not.
pub(super) fn nack(hub: &Hub, body: &[u8]) -> Result<Reply, Refusal> {
    let (body, seqs) = numbers(body, "nack")?;
    let strategy = body["strategy"].as_str().unwrap_or("forward");
    let nack = Nack::from_name(strategy)
        .ok_or_else(|| Refusal::bad(format!("strategy is {strategy:?}: {}", Nack::EXPECTED)))?;
    Ok(settled(&seqs, |seq| hub.nack(seq, nack, body["error"].as_str())))
}

/// What became of each number: one that is not known was answered before, given to somebody else, or
/// its partition has gone to another member.
fn settled(seqs: &[u64], settle: impl Fn(u64) -> bool) -> Reply {
    let (known, unknown): (Vec<u64>, Vec<u64>) = seqs.iter().partition(|seq| settle(**seq));
    reply::json(StatusCode::OK, &json!({ "settled": known, "unknown": unknown }))
}

fn numbers(body: &[u8], name: &str) -> Result<(Value, Vec<u64>), Refusal> {
    let expected = || Refusal::bad(format!("expected {{\"{name}\":[1,2]}}"));
    let body: Value = serde_json::from_slice(body).map_err(|_| expected())?;
    let numbers = match &body[name] {
        Value::Array(numbers) => numbers.iter().map(Value::as_u64).collect(),
        number => number.as_u64().map(|number| vec![number]),
    };
    let numbers = numbers.ok_or_else(expected)?;
    Ok((body, numbers))
}
