//! The Consume trigger.

use std::time::Duration;

use milena::{Error, consumer::ConsumerRecord, metrics::Snapshot};
use serde_json::{Map, Value};

use super::{Compatibility, Connection, ConsumeConfiguration, ConsumedRecord};
use crate::{
    connector::{BoxFuture, Emission, Ends, Ticket, Trigger},
    subscription::{Reaction, Reading, Subscription},
};

/// The Consume trigger: gives an object for each record of a topic.
#[derive(Debug)]
pub struct Consume(Subscription<Compatibility>);

impl Consume {
    /// A trigger on this connection. Does not connect yet; needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Client properties that cannot work, all in one error.
    pub fn new(
        configuration: &ConsumeConfiguration,
        connection: &Connection,
    ) -> Result<Self, Error> {
        let properties = configuration.client_properties(connection);
        let (topic, compatibility) = (&configuration.topic, configuration.compatibility);
        Ok(Self(Subscription::new(&properties, topic, None, compatibility)?))
    }
}

impl Reading for Compatibility {
    fn read(&self, record: &ConsumerRecord<'_>) -> Reaction {
        let ConsumerRecord { key, value, partition, offset, .. } = *record;
        Reaction::Emit(ConsumedRecord::from_bytes(key, value, partition, offset).to_json(*self))
    }
}

impl Trigger for Consume {
    fn start(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        self.0.start()
    }

    fn next(&mut self, within: Duration) -> BoxFuture<'_, Result<Vec<Emission>, Error>> {
        self.0.next(within)
    }

    fn accept(&mut self, ticket: &Ticket) {
        self.0.accept(ticket);
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        self.0.commit()
    }

    fn has_reached<'a>(&'a mut self, ends: &'a Ends) -> BoxFuture<'a, Result<bool, Error>> {
        self.0.has_reached(ends)
    }

    fn close(self: Box<Self>, within: Duration) -> BoxFuture<'static, Result<(), Error>> {
        Box::new(self.0).close(within)
    }

    fn set_paused(&mut self, partition: i32, is_paused: bool) -> bool {
        self.0.set_paused(partition, is_paused)
    }

    fn is_open(&self, ticket: &Ticket) -> bool {
        self.0.is_open(ticket)
    }

    fn metrics(&self) -> Option<Snapshot> {
        self.0.metrics()
    }

    fn lags(&self) -> Vec<(i32, u64)> {
        self.0.lags()
    }

    fn details(&self) -> Map<String, Value> {
        self.0.details()
    }
}
