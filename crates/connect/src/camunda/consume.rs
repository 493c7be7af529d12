//! The trigger of the consumer.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use milena::{Error, consumer::ConsumerRecord};

use super::{Correlation, Health, InboundConfiguration, InboundMessage, error::shown};
use crate::{
    connection::Connection,
    connector::{BoxFuture, Emission, Trigger, with_causes},
    subscription::{Reaction, Reading, Subscription, leave_to_subscription},
};

/// The trigger `consume`: gives a message for the engine for each record that meets the condition.
///
/// A record whose message cannot be used is given with a refusal: an expression that fails, a correlation
/// key that is null, a condition that is not met where such messages are not to be consumed.
#[derive(Debug)]
pub struct Consume {
    subscription: Subscription<Arc<InboundConfiguration>>,
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
        let subscription = Subscription::new(
            &properties,
            &configuration.topic.name,
            configuration.offsets.clone(),
            Arc::clone(&configuration),
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

impl Reading for Arc<InboundConfiguration> {
    fn read(&self, record: &ConsumerRecord<'_>) -> Reaction {
        let message = InboundMessage::of(record, &self.serialization, self.compatibility);
        let place = format!("{}-{}-{}", record.topic, record.partition, record.offset);
        let problem = match self.correlate(&message, &place) {
            Correlation::Publish(publication) => return Reaction::Emit(publication.to_json()),
            Correlation::ConditionNotMet if self.consume_unmatched_events => {
                tracing::info!(record = place, "the activation condition is not met");
                return Reaction::Pass;
            }
            Correlation::ConditionNotMet => {
                "the activation condition is not met, and consumeUnmatchedEvents is not true"
                    .to_owned()
            }
            Correlation::InvalidInput(problem) => shown(&problem, &self.masker),
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
