//! The node at work: a record for each message, and the message on its way out.

use std::{error::Error as StdError, time::Duration};

use futures_util::FutureExt as _;
use milena::{
    Error, ErrorKind, RecordMetadata,
    config::ProducerConfig,
    metrics::Snapshot,
    producer::{Delivery as RecordDelivery, Header, Producer, ProducerRecord},
};
use serde_json::Value;

use super::{Charset, Message, PatternError, ProduceConfiguration, Relation, exception, pattern};
use crate::{
    connection::Connection,
    connector::{Action, ActionError, BoxFuture, Delivered, Delivery, with_causes},
};

/// Before the name of a header that is a pair of the metadata.
const HEADER_PREFIX: &str = "tb_msg_md_";

/// The class of what the node throws itself.
const RUNTIME_EXCEPTION: &str = "java.lang.RuntimeException";

/// The node: takes rule-engine messages, and gives each one again with `relation` and what came of it
/// in its metadata.
///
/// A Failure ends the delivery with an error that has the message in its outputs; with `forceAck` it is
/// an output like any other.
#[derive(Debug)]
pub struct Produce {
    producer: Producer,
    topic_pattern: String,
    key_pattern: Option<String>,
    headers: Option<Charset>,
    force_ack: bool,
}

impl Produce {
    /// A node on this connection. Does not connect yet; needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Client properties that cannot work, all in one error.
    pub fn new(
        configuration: &ProduceConfiguration,
        connection: &Connection,
    ) -> Result<Self, Error> {
        let properties = configuration.client_properties(connection);
        let config = ProducerConfig::from_properties(properties.pairs())?;
        let charset = configuration.kafka_headers_charset;
        Ok(Self {
            producer: Producer::new(config)?,
            topic_pattern: configuration.topic_pattern.clone(),
            key_pattern: configuration.key_pattern.clone(),
            headers: configuration.add_metadata_key_values_as_kafka_headers.then_some(charset),
            force_ack: configuration.force_ack,
        })
    }

    /// The topic and the key of a message; a blank key is none.
    fn resolve(&self, message: &Message) -> Result<(String, Option<String>), PatternError> {
        let json: Value = serde_json::from_str(message.data())
            .map_err(|error| PatternError::Data(error.to_string()))?;
        let resolve = |text: &str| pattern::process(text, message.metadata(), &json);
        let topic = resolve(&self.topic_pattern)?;
        let key = self.key_pattern.as_deref().map(resolve).transpose()?;
        Ok((topic, key.filter(|key| !key.trim().is_empty())))
    }

    async fn send(
        &self,
        message: &Message,
        topic: &str,
        key: Option<&str>,
    ) -> Result<RecordDelivery, Error> {
        let pairs: Vec<(String, Vec<u8>)> = match self.headers {
            None => Vec::new(),
            Some(charset) => message
                .pairs()
                .map(|(name, value)| (format!("{HEADER_PREFIX}{name}"), charset.encode(value)))
                .collect(),
        };
        let headers: Vec<Header<'_>> =
            pairs.iter().map(|(name, value)| Header::new(name, Some(value))).collect();
        let value = message.data().as_bytes();
        let record = ProducerRecord::to(topic)
            .key_value(key.map(str::as_bytes), Some(value))
            .headers(&headers);
        self.producer.send(record).await
    }
}

impl Action for Produce {
    fn submit(&self, input: Value) -> BoxFuture<'_, Result<Delivery, ActionError>> {
        async move {
            let message = Message::from_json(input).map_err(ActionError::input)?;
            let force_ack = self.force_ack;
            let (topic, key) = match self.resolve(&message) {
                Ok(resolved) => resolved,
                Err(error) => {
                    let failure = Failure::of_pattern(&error);
                    return Ok(async move { failure.leave(message, force_ack) }.boxed());
                }
            };
            match self.send(&message, &topic, key.as_deref()).await {
                Ok(delivery) => Ok(answer(message, delivery, force_ack).boxed()),
                Err(error) => {
                    let failure = Failure::of_send(&topic, error);
                    Ok(async move { failure.leave(message, force_ack) }.boxed())
                }
            }
        }
        .boxed()
    }

    fn close(&self, within: Duration) -> BoxFuture<'_, Result<(), Error>> {
        self.producer.close(within).boxed()
    }

    fn metrics(&self) -> Option<Snapshot> {
        Some(self.producer.metrics())
    }
}

/// Waits for the record, and lets the message go its way.
async fn answer(
    message: Message,
    delivery: RecordDelivery,
    force_ack: bool,
) -> Result<Delivered, ActionError> {
    let topic = delivery.topic().to_owned();
    match delivery.await {
        Ok(metadata) => Ok(success(message, &metadata)),
        Err(error) => Failure::of_record(&topic, error).leave(message, force_ack),
    }
}

fn success(message: Message, metadata: &RecordMetadata) -> Delivered {
    let (topic, partition) = (metadata.topic().to_owned(), metadata.partition());
    // With acks=0 nobody knows the offset, for which Java has -1.
    let offset = metadata.offset().unwrap_or(-1);
    let added =
        [("offset", offset.to_string()), ("partition", partition.to_string()), ("topic", topic)];
    let outputs = vec![message.leave(Relation::Success, added)];
    let mut delivered = Delivered { outputs, ..Delivered::default() };
    delivered.handle_written(metadata);
    delivered
}

/// Why a message leaves on the other way.
struct Failure {
    /// `error` of the metadata.
    error: String,
    /// The same for an error of ours.
    message: String,
    source: Option<Error>,
}

impl Failure {
    fn of_pattern(error: &PatternError) -> Self {
        // The node writes this sentence alone; why is for whoever reads our errors.
        let error_text = exception::render(RUNTIME_EXCEPTION, PatternError::SENTENCE);
        Self { error: error_text, message: error.to_string(), source: None }
    }

    fn of_record(topic: &str, error: Error) -> Self {
        let message = format!("topic {topic:?}: not delivered");
        Self { error: exception::rendered(&error), message, source: Some(error) }
    }

    fn of_send(topic: &str, error: Error) -> Self {
        if !is_no_kafka(&error) {
            return Self::of_record(topic, error);
        }
        let text =
            format!("Failed to initialize Kafka rule node producer: {}", with_causes(&error));
        let rendered = exception::render(RUNTIME_EXCEPTION, &text);
        let message = "Failed to initialize Kafka rule node producer".to_owned();
        Self { error: rendered, message, source: Some(error) }
    }

    fn leave(self, message: Message, force_ack: bool) -> Result<Delivered, ActionError> {
        let output = message.leave(Relation::Failure, [("error", self.error)]);
        let delivered = Delivered { outputs: vec![output], ..Delivered::default() };
        if force_ack {
            tracing::debug!(error = self.message, "a message leaves as a Failure");
            return Ok(delivered);
        }
        Err(ActionError::not_delivered(self.message, delivered, self.source))
    }
}

/// Whether what answers there does not speak Kafka's protocol.
fn is_no_kafka(error: &Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<Error>() {
            match error.kind() {
                ErrorKind::Protocol => return true,
                // A connection that trying again cannot help: it was made, and HTTP or TLS answers.
                ErrorKind::Transport if !error.is_retriable() => return true,
                _ => {}
            }
        }
        cause = error.source();
    }
    false
}
