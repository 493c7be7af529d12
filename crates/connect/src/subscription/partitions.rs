//! What becomes of a trigger's partitions when they come and go: where they begin, and what is committed.

use std::{collections::BTreeMap, sync::Arc};

use milena::{
    Consumer, Error, ErrorKind, RebalanceListener, TopicPartition,
    consumer::{OffsetAndMetadata, Position},
};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    accepted::{Accepted, Committable},
    connector::with_causes,
};

/// Where the partitions of a topic begin with each assignment: an offset for each, none to leave it.
pub(crate) type Starts = Vec<Option<i64>>;

/// Where the partitions of a topic ended when the trigger started; none before, and where the group does
/// not begin at the end. A partition that is not there was made later.
pub(super) type Begins = Option<BTreeMap<i32, i64>>;

/// Keeps the accepted records in step with the partitions that are ours.
pub(super) struct Partitions {
    pub(super) topic: String,
    pub(super) starts: Option<Starts>,
    pub(super) failure: Arc<Mutex<Option<Error>>>,
    pub(super) accepted: Arc<Mutex<Accepted>>,
    pub(super) begins: Arc<Mutex<Begins>>,
    pub(super) joined: watch::Sender<bool>,
}

impl Partitions {
    fn forget(&self, partitions: &[TopicPartition]) {
        let mut accepted = self.accepted.lock();
        partitions.iter().for_each(|partition| accepted.forget(partition.partition));
    }

    /// Seeks to where these partitions are to begin.
    async fn seek(&self, consumer: &Consumer, partitions: &[TopicPartition]) -> Result<(), Error> {
        let Some(starts) = self.starts.as_ref().filter(|_| !partitions.is_empty()) else {
            return Ok(());
        };
        let count = consumer.partitions_for(&self.topic).await?.len();
        if starts.len() != count {
            let message = format!(
                "there are {} offsets, and topic {:?} has {count} partitions: expected an offset, or \
                 null, for each",
                starts.len(),
                self.topic,
            );
            return Err(Error::of_application(ErrorKind::Config, message));
        }
        for partition in partitions {
            let index = usize::try_from(partition.partition).ok();
            let start = index.and_then(|index| starts.get(index).copied().flatten());
            if let Some(offset) = start {
                consumer.seek(partition, offset)?;
            }
        }
        Ok(())
    }

    /// Has partitions that come after the start, and that nobody has read of, begin where the start was.
    async fn begin(&self, consumer: &Consumer, partitions: &[TopicPartition]) -> Result<(), Error> {
        let positions = match &*self.begins.lock() {
            None => return Ok(()),
            Some(begins) => {
                let begin = |partition: &TopicPartition| {
                    let begin = begins.get(&partition.partition).copied().unwrap_or_default();
                    (partition.clone(), Position::new(begin))
                };
                partitions.iter().map(begin).collect()
            }
        };
        let begins = uncommitted(consumer, positions).await?;
        for (partition, begin) in &begins {
            consumer.seek(partition, begin.offset)?;
        }
        commit_begins(consumer, begins).await;
        Ok(())
    }
}

impl RebalanceListener for Partitions {
    async fn on_partitions_assigned(&self, consumer: &Consumer, partitions: &[TopicPartition]) {
        let placed = async {
            self.seek(consumer, partitions).await?;
            self.begin(consumer, partitions).await
        };
        if let Err(error) = placed.await {
            *self.failure.lock() = Some(error);
        }
        self.joined.send_replace(true);
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

/// Commits what was accepted, of these partitions or of all.
pub(super) async fn commit(
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

/// Those of these partitions that have no committed offset.
pub(super) async fn uncommitted(
    consumer: &Consumer,
    mut positions: Vec<(TopicPartition, Position)>,
) -> Result<Vec<(TopicPartition, Position)>, Error> {
    if !positions.is_empty() {
        let partitions: Vec<_> = positions.iter().map(|(partition, _)| partition.clone()).collect();
        let committed = consumer.committed(&partitions).await?;
        positions.retain(|(partition, _)| committed.get(partition).is_none_or(Option::is_none));
    }
    Ok(positions)
}

/// Commits where partitions begin, so that another member that gets them begins there too.
pub(super) async fn commit_begins(consumer: &Consumer, begins: Vec<(TopicPartition, Position)>) {
    if begins.is_empty() {
        return;
    }
    let offsets = begins.into_iter().map(|(partition, begin)| (partition, begin.into()));
    if let Err(error) = consumer.commit_offsets(offsets).await {
        // They begin there all the same, and the first commit of a record covers it.
        tracing::warn!(error = with_causes(&error), "where partitions begin is not committed");
    }
}
