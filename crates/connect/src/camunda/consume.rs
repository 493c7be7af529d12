//! The trigger of the consumer.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use milena::{ConsumerRecords, Error, consumer::ConsumerRecord};

use super::{
    Correlation, Health, InboundConfiguration, InboundMessage, Serialization,
    encoder::{config_error, registry_properties},
    error::shown,
};
use crate::{
    connection::Connection,
    connector::{BoxFuture, Emission, Trigger, with_causes},
    registry::RegistryReader,
    settings::ClientProperties,
    subscription::{Reaction, Reading, Subscription, fetching, leave_to_subscription},
};

/// The trigger `consume`: gives a message for the engine for each record that meets the condition.
///
/// A record whose message cannot be used is given with a refusal: an expression that fails, a correlation
/// key that is null, a condition that is not met where such messages are not to be consumed.
#[derive(Debug)]
pub struct Consume {
    subscription: Subscription<Messages>,
    configuration: Arc<InboundConfiguration>,
    health: Health,
}

impl Consume {
    /// A trigger on this connection. Does not connect yet; needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Client properties that cannot work, all in one error.
    pub fn new(
        configuration: &InboundConfiguration,
        connection: &Connection,
    ) -> Result<Self, Error> {
        let properties = configuration.client_properties(connection);
        let configuration = Arc::new(configuration.clone());
        let registry = match &configuration.serialization {
            Serialization::Registry(_) => Some(open_registry(&properties)?),
            Serialization::Json | Serialization::Avro(_) => None,
        };
        let messages = Messages { configuration: Arc::clone(&configuration), registry };
        let subscription = Subscription::new(
            &properties,
            &configuration.topic.name,
            configuration.offsets.clone(),
            messages,
        )?;
        Ok(Self { subscription, configuration, health: Health::Unknown })
    }

    /// How the consumer was when it was last asked for records.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    fn handle<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        match &result {
            Ok(_) => {
                if let Some(group) = self.subscription.consumer().group_metadata() {
                    self.health = Health::up(group);
                }
            }
            Err(error) => {
                let error = shown(&with_causes(error), &self.configuration.masker);
                self.health = Health::Down { error };
            }
        }
        result
    }
}

fn open_registry(properties: &ClientProperties) -> Result<RegistryReader, Error> {
    let registry = registry_properties(properties).and_then(|properties| properties.open());
    let registry = registry.map_err(|error| config_error(&error))?;
    Ok(RegistryReader::new(registry, None, Serialization::avro_options()))
}

/// Records become messages for the engine.
#[derive(Debug)]
struct Messages {
    configuration: Arc<InboundConfiguration>,
    registry: Option<RegistryReader>,
}

impl Reading for Messages {
    fn fetch(&self, records: &ConsumerRecords) -> Option<BoxFuture<'static, Result<(), Error>>> {
        let values = records.iter().filter_map(|record| record.value);
        fetching(self.registry.as_ref()?, values)
    }

    fn read(&self, record: &ConsumerRecord<'_>) -> Reaction {
        let configuration = &self.configuration;
        let InboundConfiguration { serialization, compatibility, masker, .. } = &**configuration;
        let registry = self.registry.as_ref();
        let message = match InboundMessage::of(record, serialization, registry, *compatibility) {
            Ok(message) => message,
            Err(problem) => return Reaction::Refuse(shown(&problem, masker)),
        };
        let place = format!("{}-{}-{}", record.topic, record.partition, record.offset);
        let problem = match configuration.correlate(&message, &place) {
            Correlation::Publish(publication) => return Reaction::Emit(publication.to_json()),
            Correlation::ConditionNotMet if configuration.consume_unmatched_events => {
                tracing::info!(record = place, "the activation condition is not met");
                return Reaction::Pass;
            }
            Correlation::ConditionNotMet => {
                "the activation condition is not met, and consumeUnmatchedEvents is not true"
                    .to_owned()
            }
            Correlation::InvalidInput(problem) => shown(&problem, masker),
        };
        Reaction::Refuse(problem)
    }
}

impl Trigger for Consume {
    fn start(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let started = self.subscription.start().await;
            self.handle(started)
        }
        .boxed()
    }

    fn next(&mut self, within: Duration) -> BoxFuture<'_, Result<Vec<Emission>, Error>> {
        async move {
            let emissions = self.subscription.next(within).await;
            let emissions = self.handle(emissions)?;
            if let Some(why) = emissions.iter().find_map(|emission| emission.refusal.clone()) {
                self.health = Health::Down { error: why };
            }
            Ok(emissions)
        }
        .boxed()
    }

    leave_to_subscription!(subscription);
}
