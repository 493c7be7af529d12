//! What needs no broker: configurations, client properties, jobs.

mod configuration;
mod jobs;
mod properties;
mod registry;

use serde_json::{Value, json};

use crate::secrets::Secrets;

/// A whole configuration of a producer with these fields beside it; null takes one away.
fn config(fields: Value) -> Value {
    let mut config = json!({
        "authentication": { "username": "ada", "password": "hush" },
        "topic": { "bootstrapServers": "a:9092,b:9092", "topicName": "employees" },
        "message": { "key": "employee1", "value": { "age": 29 } },
    });
    merge(&mut config, fields);
    config
}

/// A whole configuration of a consumer with these fields beside it; null takes one away.
fn inbound(fields: Value) -> Value {
    let mut config = json!({
        "topic": { "bootstrapServers": "a:9092", "topicName": "orders" }, "bpmnProcessId": "order",
    });
    merge(&mut config, fields);
    config
}

fn merge(config: &mut Value, fields: Value) {
    let (Value::Object(config), Value::Object(fields)) = (config, fields) else { panic!("tables") };
    for (name, value) in fields {
        if value.is_null() {
            config.remove(&name);
        } else {
            config.insert(name, value);
        }
    }
}

/// Secrets whose values are their names in lower case, with quotes around them; NONE is not there.
fn secrets() -> Secrets {
    Secrets::new(|name: &str| {
        (name != "NONE").then(|| format!("\"{}\"", name.to_lowercase()).into())
    })
}
