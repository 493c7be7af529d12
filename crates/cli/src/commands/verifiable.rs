//! The clients of Kafka's own system tests: JSON events on standard output, and nothing else there.

pub(crate) mod consumer;
pub(crate) mod producer;

use std::{
    io::{self, Write as _},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};

use crate::failure::Failure;

/// Prints an event: `timestamp` and `name` first, then the fields of `body`.
fn event(name: &str, body: Value) -> Result<(), Failure> {
    let mut event = Map::new();
    event.insert("timestamp".into(), unix_ms().into());
    event.insert("name".into(), name.into());
    if let Value::Object(body) = body {
        event.extend(body);
    }
    let mut output = io::stdout().lock();
    writeln!(output, "{}", Value::Object(event))
        .and_then(|()| output.flush())
        .map_err(|error| Failure::output(&error))
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
