//! The action of the producers.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use milena::{
    Error,
    config::ProducerConfig,
    metrics::Snapshot,
    producer::{Delivery as RecordDelivery, Header, Producer, ProducerRecord},
};
use serde_json::Value;

use super::{
    ConnectorError, JobHeaders, JobOutcome, OutboundConfiguration, OutboundInput, OutboundResponse,
    encoder::{Encoder, EncoderError},
};
use crate::{
    connection::Connection,
    connector::{Action, ActionError, BoxFuture, Delivered, Delivery, with_causes},
};

/// The action `produce`: takes messages, and gives for each where its record is, or what the
/// configuration makes of that.
///
/// The running connector opens a producer for each job; this one keeps it.
#[derive(Debug)]
pub struct Produce {
    producer: Producer,
    encoder: Encoder,
    configuration: Arc<OutboundConfiguration>,
}

impl Produce {
    /// An action on this connection. Does not connect yet; needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Client properties that cannot work, all in one error.
    pub fn new(
        configuration: &OutboundConfiguration,
        connection: &Connection,
    ) -> Result<Self, Error> {
        let properties = configuration.client_properties(connection);
        let encoder = Encoder::new(configuration, &properties)?;
        let producer = Producer::new(ProducerConfig::from_properties(properties.pairs())?)?;
        Ok(Self { producer, encoder, configuration: Arc::new(configuration.clone()) })
    }

    /// An action on clients that are there already.
    pub(super) fn of(
        producer: Producer,
        encoder: Encoder,
        configuration: OutboundConfiguration,
    ) -> Self {
        Self { producer, encoder, configuration: Arc::new(configuration) }
    }

    /// Sends the message of an input and waits for the broker's answer.
    pub(super) async fn respond(&self, input: Value) -> Result<(Value, Delivered), ActionError> {
        let input = self.read(input)?;
        let delivery = self.send(&input).await?;
        let metadata = delivery.await.map_err(|error| failed(&self.configuration, error))?;
        let mut delivered = Delivered::default();
        delivered.handle_written(&metadata);
        Ok((OutboundResponse::of(&metadata).to_json(), delivered))
    }

    fn read(&self, mut input: Value) -> Result<OutboundInput, ActionError> {
        let own = &self.configuration.message;
        if let (Value::Object(fields), Some(own)) = (&mut input, own)
            && !fields.contains_key("message")
            && let Value::Object(message) = OutboundInput::of(own.clone()).to_json()
        {
            fields.extend(message);
        }
        OutboundInput::from_json(&input, self.configuration.compatibility)
            .map_err(|problems| self.refused(problems))
    }

    fn refused(&self, problem: impl std::fmt::Display) -> ActionError {
        ActionError::input(ConnectorError::input(problem, &self.configuration.masker))
    }

    async fn send(&self, input: &OutboundInput) -> Result<RecordDelivery, ActionError> {
        let configuration = &self.configuration;
        let key = input.message.key_bytes(configuration.compatibility);
        let value = self.encoder.value_bytes(&configuration.topic.name, &input.message).await;
        let value = value.map_err(|error| match error {
            EncoderError::Input(problem) => self.refused(problem),
            EncoderError::Registry(error) => failed(configuration, error),
        })?;
        let headers: Vec<Header<'_>> = input
            .headers_with(&configuration.headers)
            .into_iter()
            .map(|(name, text)| Header::new(name, Some(text.as_bytes())))
            .collect();
        let record = ProducerRecord::to(&configuration.topic.name)
            .key_value(key.as_deref(), Some(&value))
            .headers(&headers);
        self.producer.send(record).await.map_err(|error| failed(configuration, error))
    }
}

/// A failure to send; the cause keeps what is known about trying again.
fn failed(configuration: &OutboundConfiguration, error: Error) -> ActionError {
    let OutboundConfiguration { compatibility, masker, .. } = configuration;
    let failed = ConnectorError::fail(with_causes(&error), *compatibility, masker);
    let mut error = ActionError::not_delivered(failed.message, Delivered::default(), Some(error));
    error.code = failed.code.map(str::to_owned);
    error
}

/// Waits for the broker's answer, and makes of it what the configuration says.
async fn answer(
    configuration: Arc<OutboundConfiguration>,
    delivery: RecordDelivery,
) -> Result<Delivered, ActionError> {
    let mut delivered = Delivered::default();
    let (response, error) = match delivery.await {
        Ok(metadata) => {
            delivered.handle_written(&metadata);
            (Some(OutboundResponse::of(&metadata).to_json()), None)
        }
        Err(error) => (None, Some(failed(&configuration, error))),
    };
    let masker = &configuration.masker;
    let connector_error = error.as_ref().map(|error| ConnectorError::of(error, masker));
    let result = match (&response, &connector_error) {
        (Some(response), _) => Ok(response),
        (None, Some(error)) => Err(error),
        (None, None) => unreachable!("a delivery ends with one of them"),
    };
    let mapping = &configuration.mapping;
    let headers = JobHeaders { mapping: mapping.clone(), ..JobHeaders::default() };
    let (problem, code, retries) = match headers.outcome(0, result, masker) {
        JobOutcome::Complete { variables } => {
            delivered.outputs = vec![match response {
                Some(response) if mapping.gives_nothing() && variables.is_empty() => response,
                _ => Value::Object(variables),
            }];
            return Ok(delivered);
        }
        JobOutcome::BpmnError { code, message, .. } => {
            let problem = format!("BPMN error {code:?}: {}", message.unwrap_or_default());
            (problem, Some(code), None)
        }
        // Retries that nobody asked for are the job's, which is not known here.
        JobOutcome::Fail { message, retries, .. } => {
            let code = connector_error.as_ref().and_then(|error| error.code);
            (message, code.map(str::to_owned), (retries > 0).then_some(retries))
        }
    };
    let mut failed = ActionError::not_delivered(problem, delivered, error.and_then(|it| it.source));
    (failed.code, failed.retries) = (code, retries);
    Err(failed)
}

impl Action for Produce {
    fn submit(&self, input: Value) -> BoxFuture<'_, Result<Delivery, ActionError>> {
        async move {
            let input = self.read(input)?;
            let delivery = self.send(&input).await?;
            Ok(answer(Arc::clone(&self.configuration), delivery).boxed())
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
