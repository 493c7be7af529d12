//! The trigger of the consumer.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use milena::{Error, consumer::ConsumerRecord, metrics::Snapshot};
use serde_json::{Map, Value};

use super::{Correlation, Health, InboundConfiguration, InboundMessage, error::shown};
use crate::{
    connection::Connection,
    connector::{BoxFuture, Emission, Ends, Ticket, Trigger, with_causes},
    subscription::{Reaction, Reading, Subscription},
};

/// The trigger `consume`: gives a message for the engine for each record that meets the condition.
///
/// A record whose message cannot be used ends the trigger and is not committed, unless the configuration
/// says that it is left out.
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
        if self.skips_poison {
            tracing::warn!(record = place, problem, "left out");
            return Reaction::Pass;
        }
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
            self.handle(emissions)
        }
        .boxed()
    }

    fn accept(&mut self, ticket: &Ticket) {
        self.subscription.accept(ticket);
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        self.subscription.commit()
    }

    fn has_reached<'a>(&'a mut self, ends: &'a Ends) -> BoxFuture<'a, Result<bool, Error>> {
        self.subscription.has_reached(ends)
    }

    fn close(self: Box<Self>, within: Duration) -> BoxFuture<'static, Result<(), Error>> {
        Box::new(self.subscription).close(within)
    }

    fn set_paused(&mut self, partition: i32, is_paused: bool) -> bool {
        self.subscription.set_paused(partition, is_paused)
    }

    fn is_open(&self, ticket: &Ticket) -> bool {
        self.subscription.is_open(ticket)
    }

    fn metrics(&self) -> Option<Snapshot> {
        self.subscription.metrics()
    }

    fn lags(&self) -> Vec<(i32, u64)> {
        self.subscription.lags()
    }

    fn details(&self) -> Map<String, Value> {
        self.subscription.details()
    }
}
