//! What a consumed message is to the engine: nothing, a message to be published, or a mistake.

use milena_feel::{Expression, Value as FeelValue};
use serde_json::{Map, Value};

use super::{InboundConfiguration, InboundMessage, expression};

/// What a consumed message is to the engine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Correlation {
    /// It is to be published.
    Publish(Publication),
    /// It does not meet the activation condition.
    ConditionNotMet,
    /// It cannot be used: an expression failed, or gave what is no correlation key.
    InvalidInput(String),
}

/// A message for the engine, as its REST API takes it (`POST /v2/messages/publication`).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Publication {
    /// `name`: the BPMN message's, where the configuration has it.
    pub name: Option<String>,
    /// `correlationKey`: empty when the configuration has no expression for it.
    pub correlation_key: String,
    /// `timeToLive`, in ms.
    pub time_to_live_ms: u64,
    /// `messageId`: the engine takes a message with an id that it knows for the same one.
    pub message_id: String,
    /// `variables` for the process.
    pub variables: Map<String, Value>,
}

impl Publication {
    /// The body of the request.
    #[must_use]
    pub fn to_json(self) -> Value {
        let mut body = Map::new();
        if let Some(name) = self.name {
            body.insert("name".to_owned(), name.into());
        }
        body.insert("correlationKey".to_owned(), self.correlation_key.into());
        body.insert("timeToLive".to_owned(), self.time_to_live_ms.into());
        body.insert("messageId".to_owned(), self.message_id.into());
        body.insert("variables".to_owned(), Value::Object(self.variables));
        Value::Object(body)
    }
}

impl InboundConfiguration {
    /// What a message is to the engine; `place` is `TOPIC-PARTITION-OFFSET`, its id by default.
    #[must_use]
    pub fn correlate(&self, message: &InboundMessage, place: &str) -> Correlation {
        self.publication(message, place).unwrap_or_else(Correlation::InvalidInput)
    }

    fn publication(&self, message: &InboundMessage, place: &str) -> Result<Correlation, String> {
        let message = message.to_json();
        let Value::Object(scope) = &message else { unreachable!("a message is an object") };
        if let Some(condition) = &self.activation_condition {
            let value = evaluate("activation condition", condition, scope)?;
            if value.as_boolean() != Some(true) {
                return Ok(Correlation::ConditionNotMet);
            }
        }
        let correlation_key = match &self.correlation_key {
            Some(expression) => key_text(&evaluate("correlation key", expression, scope)?)?,
            None => String::new(),
        };
        let message_id = match &self.message_id {
            Some(expression) => match evaluate("message id", expression, scope)? {
                FeelValue::String(text) => text.to_string(),
                FeelValue::Null => place.to_owned(),
                other => other.to_json().to_string(),
            },
            None => place.to_owned(),
        };
        Ok(Correlation::Publish(Publication {
            name: self.message_name.clone(),
            correlation_key,
            time_to_live_ms: u64::try_from(self.time_to_live.as_millis()).unwrap_or(u64::MAX),
            message_id,
            variables: self.mapping.variables(&message)?,
        }))
    }
}

fn evaluate(
    what: &str,
    expression: &Expression,
    scope: &Map<String, Value>,
) -> Result<FeelValue, String> {
    expression::evaluate(expression, scope)
        .map_err(|error| format!("the {what}'s expression failed: {error}"))
}

/// The key: a text as it is, numbers and truth values as they are written, a context as JSON.
fn key_text(value: &FeelValue) -> Result<String, String> {
    match value {
        FeelValue::String(text) => Ok(text.to_string()),
        FeelValue::Number(_) | FeelValue::Boolean(_) | FeelValue::Context(_) => {
            Ok(value.to_json().to_string())
        }
        other => Err(format!(
            "the correlation key's expression gave a {}: expected a text, a number, a truth value \
             or a context",
            other.kind()
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn correlate(fields: Value) -> Correlation {
        let mut configuration = json!({
            "topic": { "bootstrapServers": "a:9092", "topicName": "orders" }, "groupId": "g",
        });
        let Value::Object(fields) = fields else { panic!("fields") };
        configuration.as_object_mut().unwrap().extend(fields);
        let message = InboundMessage {
            key: json!("k"),
            raw_value: None,
            value: json!({ "id": "a4", "n": 7, "b": true, "o": { "x": 1 }, "l": [1] }),
            headers: None,
        };
        let configuration = InboundConfiguration::from_json(&configuration).unwrap();
        configuration.correlate(&message, "orders-0-5")
    }

    fn published(fields: Value) -> Value {
        match correlate(fields) {
            Correlation::Publish(publication) => publication.to_json(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_published_as_the_engine_takes_it() {
        assert_eq!(
            published(json!({
                "messageName": "order", "correlationKeyExpression": "=value.id",
                "messageTtl": "PT5M", "resultExpression": "={ itemId: value.id, same: response.key }",
            }))
            .to_string(),
            r#"{"name":"order","correlationKey":"a4","timeToLive":300000,"messageId":"orders-0-5","variables":{"itemId":"a4","same":"k"}}"#
        );
        assert_eq!(
            published(json!({})).to_string(),
            r#"{"correlationKey":"","timeToLive":3600000,"messageId":"orders-0-5","variables":{}}"#
        );
    }

    #[test]
    fn the_condition_must_be_true_and_nothing_else() {
        for (condition, is_met) in [
            ("", true),
            ("   ", true),
            ("=value.id = \"a4\"", true),
            ("=(value.id = \"a5\")", false),
            ("=value.missing", false),
            ("=value.id", false),
            ("=response.value.id = \"a4\"", false),
        ] {
            let correlation = correlate(json!({ "activationCondition": condition }));
            let met = matches!(correlation, Correlation::Publish(_));
            assert_eq!(met, is_met, "{condition}: {correlation:?}");
            assert!(met || correlation == Correlation::ConditionNotMet);
        }
    }

    #[test]
    fn the_key_is_a_text_or_becomes_one() {
        for (expression, key) in
            [("=key", "k"), ("=value.n", "7"), ("=value.b", "true"), ("=value.o", r#"{"x":1}"#)]
        {
            let body = published(json!({ "correlationKeyExpression": expression }));
            assert_eq!(body["correlationKey"], key);
        }
        for expression in ["=value.missing", "=value.l"] {
            let correlation = correlate(json!({ "correlationKeyExpression": expression }));
            assert!(matches!(correlation, Correlation::InvalidInput(_)), "{correlation:?}");
        }
    }

    #[test]
    fn the_message_id_is_the_expressions_or_the_place() {
        for (expression, id) in [
            ("=value.id", "a4"),
            ("=value.n", "7"),
            ("=value.missing", "orders-0-5"),
            ("", "orders-0-5"),
        ] {
            let body = published(json!({ "messageIdExpression": expression }));
            assert_eq!(body["messageId"], id);
        }
    }

    #[test]
    fn a_result_that_is_no_context_is_invalid() {
        let correlation = correlate(json!({ "resultExpression": "=value.n" }));
        assert_eq!(
            correlation,
            Correlation::InvalidInput(
                "the result expression gave a number: expected a context of variables".to_owned()
            )
        );
    }
}
