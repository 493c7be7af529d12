//! The Produce action.

use std::{collections::BTreeMap, time::Duration};

use futures_util::FutureExt as _;
use milena::{
    Error,
    config::ProducerConfig,
    metrics::Snapshot,
    producer::{Delivery as RecordDelivery, Producer, ProducerRecord},
};
use serde_json::Value;

use super::{
    Compatibility, Connection, Message, ProduceConfiguration, ProduceInput, RecordMetadata,
    partitioner::KeyOrTurn,
};
use crate::connector::{Action, ActionError, BoxFuture, Delivered, Delivery, with_causes};

/// The Produce action: takes bodies with messages, and gives an object for each partition that
/// received records.
#[derive(Debug)]
pub struct Produce {
    producer: Producer,
    topic: String,
    compatibility: Compatibility,
}

impl Produce {
    /// An action on this connection. Does not connect yet; needs a tokio runtime.
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
        // Where the round begins is no secret: without randomness it begins at the first partition.
        let start = getrandom::u32().unwrap_or(0);
        let producer = Producer::builder(config).partitioner(KeyOrTurn::new(start)).build()?;
        Ok(Self {
            producer,
            topic: configuration.topic.clone(),
            compatibility: configuration.compatibility,
        })
    }

    async fn send(&self, messages: &[Message]) -> (Vec<RecordDelivery>, Option<ActionError>) {
        let mut deliveries = Vec::with_capacity(messages.len());
        for (index, message) in messages.iter().enumerate() {
            let key = message.key.as_deref().map(str::as_bytes);
            let value = message.value.as_deref().map(str::as_bytes);
            let record = ProducerRecord::to(&self.topic).key_value(key, value);
            match self.producer.send(record).await {
                Ok(delivery) => deliveries.push(delivery),
                Err(error) => {
                    let number = index + 1;
                    let message = format!("topic {:?}: message {number} was not sent", self.topic);
                    let error =
                        ActionError::not_delivered(message, Delivered::default(), Some(error));
                    return (deliveries, Some(error));
                }
            }
        }
        (deliveries, None)
    }
}

impl Action for Produce {
    fn submit(&self, input: Value) -> BoxFuture<'_, Result<Delivery, ActionError>> {
        async move {
            let input = ProduceInput::from_json(input, &self.topic).map_err(ActionError::input)?;
            let (deliveries, refused) = self.send(&input.messages).await;
            match refused {
                Some(error) if deliveries.is_empty() => return Err(error),
                _ => {}
            }
            let answers = Answers::new(self.topic.clone(), self.compatibility);
            Ok(answers.collect(deliveries, refused).boxed())
        }
        .boxed()
    }

    fn close(&self, within: Duration) -> BoxFuture<'_, Result<(), Error>> {
        self.producer.close(within).boxed()
    }

    fn metrics(&self) -> Option<Snapshot> {
        Some(self.producer.metrics())
    }

    fn gives_list(&self) -> bool {
        // A row for each partition.
        true
    }
}

/// The answers to the records of one body, by partition.
struct Answers {
    topic: String,
    compatibility: Compatibility,
    partitions: BTreeMap<i32, RecordMetadata>,
    delivered: Delivered,
}

impl Answers {
    fn new(topic: String, compatibility: Compatibility) -> Self {
        Self { topic, compatibility, partitions: BTreeMap::new(), delivered: Delivered::default() }
    }

    /// Waits for all deliveries: a failure does not hide what became of the others.
    async fn collect(
        mut self,
        deliveries: Vec<RecordDelivery>,
        mut failure: Option<ActionError>,
    ) -> Result<Delivered, ActionError> {
        for delivery in deliveries {
            let partition = delivery.partition();
            match delivery.await {
                Ok(metadata) => self.handle_written(&metadata),
                Err(error) => {
                    self.handle_failed(partition, &error);
                    failure.get_or_insert_with(|| {
                        let message =
                            format!("topic {:?}, partition {partition}: not delivered", self.topic);
                        ActionError::not_delivered(message, Delivered::default(), Some(error))
                    });
                }
            }
        }
        let Some(mut failure) = failure else {
            self.delivered.outputs = self.outputs();
            return Ok(self.delivered);
        };
        // The component's Kafka library gives an error alone; the document has a field for its code.
        if self.compatibility == Compatibility::Document {
            self.delivered.outputs = self.outputs();
        }
        failure.delivered = self.delivered;
        Err(failure)
    }

    fn outputs(&self) -> Vec<Value> {
        self.partitions.values().map(|metadata| metadata.to_json(self.compatibility)).collect()
    }

    fn row(&mut self, partition: i32) -> &mut RecordMetadata {
        self.partitions.entry(partition).or_insert_with(|| RecordMetadata {
            topic_name: self.topic.clone(),
            partition,
            error_code: 0,
            base_offset: -1,
            log_append_time: -1,
            log_start_offset: -1,
        })
    }

    fn handle_written(&mut self, metadata: &milena::producer::RecordMetadata) {
        self.delivered.handle_written(metadata);
        let row = self.row(metadata.partition());
        if let Some(offset) = metadata.offset()
            && (row.base_offset < 0 || offset < row.base_offset)
        {
            row.base_offset = offset;
        }
        if let Some(time) = metadata.log_append_time_ms() {
            row.log_append_time = time;
        }
        if let Some(offset) = metadata.log_start_offset() {
            row.log_start_offset = offset;
        }
    }

    /// Only a broker's answer has a code; without one there is no row.
    fn handle_failed(&mut self, partition: i32, error: &Error) {
        tracing::debug!(topic = self.topic, partition, error = with_causes(error), "not delivered");
        if let Some(code) = error.code() {
            self.row(partition).error_code = code.0;
        }
    }
}
