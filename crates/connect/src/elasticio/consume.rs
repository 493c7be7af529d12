//! The Consume trigger.

use std::time::Duration;

use milena::{Error, consumer::ConsumerRecord};

use super::{Compatibility, Connection, ConsumeConfiguration, ConsumedRecord};
use crate::{
    connector::{BoxFuture, Emission, Trigger},
    subscription::{Reaction, Reading, Subscription, leave_to_subscription},
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

    leave_to_subscription!(0);
}
