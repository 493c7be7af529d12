//! The Consume trigger.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use milena::{
    Consumer, ConsumerRecord, ConsumerRecords, Error, ErrorKind, RebalanceListener, TopicPartition,
    config::ConsumerConfig,
    consumer::{OffsetAndMetadata, Position},
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

use super::{Connection, ConsumeConfiguration, ConsumedRecord};
use crate::{
    accepted::{Accepted, Committable},
    connector::{BoxFuture, Emission, Ends, Ticket, Trigger, with_causes},
    settings::ClientProperties,
};

/// How long a poll waits for records while the trigger starts.
const JOIN_STEP: Duration = Duration::from_secs(1);

/// How long a member without partitions of a topic that is there waits for some before it counts as
/// started: other members may have them all.
const PARTITIONS_WITHIN: Duration = Duration::from_secs(3);

/// What a record is as JSON.
type Output = Box<dyn Fn(&ConsumerRecord<'_>) -> Value + Send + Sync>;

/// The Consume trigger: gives an object for each record of a topic.
pub struct Consume {
    consumer: Consumer,
    topic: String,
    output: Output,
    accepted: Arc<Mutex<Accepted>>,
    /// How many partitions were assigned with each rebalance; `None` before the first.
    assigned: watch::Receiver<Option<usize>>,
    /// Records that came while the trigger started.
    early: Vec<Emission>,
}

impl std::fmt::Debug for Consume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consume").field("topic", &self.topic).finish_non_exhaustive()
    }
}

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
        let compatibility = configuration.compatibility;
        Self::of(&properties, configuration.topic.clone(), move |record| {
            ConsumedRecord::from_bytes(record.key, record.value, record.partition, record.offset)
                .to_json(compatibility)
        })
    }

    /// A trigger on a topic with these properties, for any connector: `output` makes JSON of a record.
    pub(crate) fn of(
        properties: &ClientProperties,
        topic: String,
        output: impl Fn(&ConsumerRecord<'_>) -> Value + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let consumer = Consumer::new(ConsumerConfig::from_properties(properties.pairs())?)?;
        let accepted = Arc::<Mutex<Accepted>>::default();
        let (sender, assigned) = watch::channel(None);
        consumer.set_rebalance_listener(Partitions {
            topic: topic.clone(),
            accepted: Arc::clone(&accepted),
            assigned: sender,
        });
        Ok(Self {
            consumer,
            topic,
            output: Box::new(output),
            accepted,
            assigned,
            early: Vec::new(),
        })
    }

    /// Waits until partitions are assigned and each knows where to begin. Rebalances happen inside
    /// polls, so that somebody has to poll meanwhile.
    async fn ready(&self) -> Result<(), Error> {
        let mut assigned = self.assigned.clone();
        // The sender lives as long as the consumer.
        let _ = assigned.wait_for(Option::is_some).await;
        if *assigned.borrow() == Some(0) {
            // A topic that is being made has no partitions to assign yet. They must be ours before
            // anything is produced: they begin at their end, past whatever is there by then.
            let first = TopicPartition::new(self.topic.clone(), 0);
            self.consumer.end_offsets(&[first]).await?;
            let some = assigned.wait_for(|count| *count > Some(0));
            let _ = tokio::time::timeout(PARTITIONS_WITHIN, some).await;
        }
        loop {
            match self.find_positions().await {
                // A rebalance took the partition away.
                Err(error) if error.kind() == ErrorKind::InvalidArgument => {}
                result => return result,
            }
        }
    }

    async fn find_positions(&self) -> Result<(), Error> {
        for partition in self.consumer.assignment() {
            self.consumer.position(&partition).await?;
        }
        Ok(())
    }

    fn emissions(&self, records: &ConsumerRecords) -> Vec<Emission> {
        let mut emissions = Vec::with_capacity(records.len());
        let mut accepted = self.accepted.lock();
        for batch in records.partitions() {
            let partition = batch.partition();
            let Position { offset: end, leader_epoch: end_epoch } = batch.next_position();
            let mut left = batch.len();
            for record in batch.records() {
                left = left.saturating_sub(1);
                // Behind the last record may lie markers of transactions, which nobody accepts.
                let next = if left == 0 {
                    Committable { offset: end, leader_epoch: end_epoch }
                } else {
                    Committable { offset: record.offset + 1, leader_epoch: record.leader_epoch }
                };
                accepted.hand_out(partition, record.offset, next);
                let ticket = Ticket { partition, offset: record.offset };
                emissions.push(Emission::new((self.output)(&record), ticket));
            }
        }
        emissions
    }
}

impl Trigger for Consume {
    fn start(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            self.consumer.subscribe([self.topic.as_str()])?;
            let mut early = Vec::new();
            {
                let mut ready = pin!(self.ready());
                loop {
                    let records = tokio::select! {
                        biased;
                        ready = &mut ready => break ready?,
                        records = self.consumer.poll(JOIN_STEP) => records?,
                    };
                    early.extend(self.emissions(&records));
                }
            }
            self.early.extend(early);
            Ok(())
        }
        .boxed()
    }

    fn next(&mut self, within: Duration) -> BoxFuture<'_, Result<Vec<Emission>, Error>> {
        async move {
            if !self.early.is_empty() {
                return Ok(std::mem::take(&mut self.early));
            }
            let records = self.consumer.poll(within).await?;
            Ok(self.emissions(&records))
        }
        .boxed()
    }

    fn accept(&mut self, ticket: &Ticket) {
        self.accepted.lock().accept(ticket.partition, ticket.offset);
    }

    fn commit(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        commit(&self.consumer, &self.topic, &self.accepted, None).boxed()
    }

    fn has_reached<'a>(&'a mut self, ends: &'a Ends) -> BoxFuture<'a, Result<bool, Error>> {
        async move {
            if !self.early.is_empty() {
                return Ok(false);
            }
            for partition in self.consumer.assignment() {
                let Some(end) = ends.get(&(self.topic.clone(), partition.partition)) else {
                    continue;
                };
                if self.consumer.position(&partition).await?.offset < *end {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        .boxed()
    }

    fn close(self: Box<Self>, within: Duration) -> BoxFuture<'static, Result<(), Error>> {
        async move {
            // The commit begins first, and the consumer closes when it is done, or when there is no
            // way to have it done.
            let committed = commit(&self.consumer, &self.topic, &self.accepted, None);
            let committed = tokio::time::timeout(within, committed);
            let (committed, left) = tokio::join!(committed, self.consumer.close(within));
            committed.unwrap_or(Ok(())).and(left)
        }
        .boxed()
    }
}

/// Commits what was accepted, of these partitions or of all.
async fn commit(
    consumer: &Consumer,
    topic: &str,
    accepted: &Mutex<Accepted>,
    partitions: Option<&[TopicPartition]>,
) -> Result<(), Error> {
    let mut committable = accepted.lock().committable();
    if let Some(partitions) = partitions {
        committable.retain(|(number, _)| partitions.iter().any(|tp| tp.partition == *number));
    }
    if committable.is_empty() {
        return Ok(());
    }
    let offsets = committable.iter().map(|(number, Committable { offset, leader_epoch })| {
        let position = Position { offset: *offset, leader_epoch: *leader_epoch };
        (TopicPartition::new(topic.to_owned(), *number), OffsetAndMetadata::from(position))
    });
    consumer.commit_offsets(offsets).await?;
    accepted.lock().handle_committed(&committable);
    Ok(())
}

/// Keeps the accepted records in step with the partitions that are ours.
struct Partitions {
    topic: String,
    accepted: Arc<Mutex<Accepted>>,
    assigned: watch::Sender<Option<usize>>,
}

impl Partitions {
    fn forget(&self, partitions: &[TopicPartition]) {
        let mut accepted = self.accepted.lock();
        partitions.iter().for_each(|partition| accepted.forget(partition.partition));
    }
}

impl RebalanceListener for Partitions {
    async fn on_partitions_assigned(&self, consumer: &Consumer, partitions: &[TopicPartition]) {
        let count = consumer.assignment().len().max(partitions.len());
        self.assigned.send_replace(Some(count));
    }

    async fn on_partitions_revoked(&self, consumer: &Consumer, partitions: &[TopicPartition]) {
        if let Err(error) = commit(consumer, &self.topic, &self.accepted, Some(partitions)).await {
            let error = with_causes(&error);
            tracing::warn!(topic = self.topic, error, "not committed before a rebalance");
        }
        self.forget(partitions);
    }

    async fn on_partitions_lost(&self, _: &Consumer, partitions: &[TopicPartition]) {
        self.forget(partitions);
    }
}
