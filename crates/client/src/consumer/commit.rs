//! Committing offsets and asking for committed ones.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use milena_core::{
    TopicPartition,
    consumer::{Lookups, MAX_NAMED_VERSION, OffsetAndMetadata, OffsetSpec, committed_offsets},
};
use milena_pool::Purpose;
use milena_wire::{
    ErrorCode,
    messages::{OffsetFetchRequest, OffsetFetchResponse},
};
use tokio::sync::oneshot;

use super::{Consumer, requests, shared::now};
use crate::{Error, ErrorKind, cluster::CoordinatorKind};

/// A commit that is under way. Await it to learn the outcome; dropping it does not stop it.
#[must_use = "a commit goes on without it, but its outcome is lost"]
#[derive(Debug)]
pub struct PendingCommit(Outcome);

#[derive(Debug)]
enum Outcome {
    Waiting(oneshot::Receiver<Result<(), Error>>),
    Known(Option<Error>),
}

impl PendingCommit {
    pub(super) fn failed(error: Error) -> Self {
        Self(Outcome::Known(Some(error)))
    }

    pub(super) fn waiting(receiver: oneshot::Receiver<Result<(), Error>>) -> Self {
        Self(Outcome::Waiting(receiver))
    }
}

impl Future for PendingCommit {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Outcome::Known(error) => Poll::Ready(error.take().map_or(Ok(()), Err)),
            Outcome::Waiting(receiver) => Pin::new(receiver).poll(context).map(|result| {
                result.unwrap_or_else(|_| {
                    let message = "the consumer was closed before the commit was acknowledged";
                    Err(Error::new(ErrorKind::Closed, message))
                })
            }),
        }
    }
}

impl Consumer {
    /// Commits the positions of all partitions: everything that was handed out counts as processed.
    /// Waits for the coordinator, for up to `default.api.timeout.ms`.
    ///
    /// Cancel safe: a commit that was begun goes on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] without a group; [`ErrorKind::Broker`] when the coordinator
    /// refuses, as it does when the group has gone on without this member;
    /// [`ErrorKind::Timeout`].
    pub async fn commit_sync(&self) -> Result<(), Error> {
        self.commit_async().await
    }

    /// Begins to commit the positions of all partitions. Commits happen in the order in which they
    /// were begun, and ones that wait go out together.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let broker = milena_broker::Broker::start().await?;
    /// # broker.create_topic("orders", 1)?;
    /// # let config = milena::config::ConsumerConfig::builder(broker.bootstrap_servers())
    /// #     .group_id("shop").enable_auto_commit(false).build()?;
    /// # let consumer = milena::Consumer::new(config)?;
    /// # consumer.assign([milena::TopicPartition::new("orders", 0)])?;
    /// # consumer.seek(&milena::TopicPartition::new("orders", 0), 0)?;
    /// let commit = consumer.commit_async();
    /// // ... other work ...
    /// commit.await?;
    /// # consumer.close(std::time::Duration::from_secs(5)).await?;
    /// # Ok(()) }
    /// ```
    pub fn commit_async(&self) -> PendingCommit {
        let positions = self.shared.lock().machine.subscription().positions();
        self.commit_offsets(positions.into_iter().map(|(tp, position)| (tp, position.into())))
    }

    /// Begins to commit these offsets: of each partition the offset of the next record to read.
    pub fn commit_offsets(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, OffsetAndMetadata)>,
    ) -> PendingCommit {
        if let Err(error) = self.group_id() {
            return PendingCommit::failed(error);
        }
        let offsets: BTreeMap<TopicPartition, OffsetAndMetadata> = offsets.into_iter().collect();
        if let Some((tp, offset)) = offsets.iter().find(|(_, offset)| offset.offset < 0) {
            let message = format!("the offset to commit for {tp} is {}", offset.offset);
            let error = Error::new(ErrorKind::InvalidArgument, message);
            return PendingCommit::failed(error.with_partition(&*tp.topic, tp.partition));
        }
        let timeout = self.shared.config.client.default_api_timeout;
        PendingCommit::waiting(self.shared.commit(offsets, timeout))
    }

    pub(super) fn group_id(&self) -> Result<&str, Error> {
        self.shared.config.group_id.as_deref().ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "without group.id there are no group offsets")
        })
    }

    /// The committed offsets of partitions; `None` where nothing is committed. Waits for up to
    /// `default.api.timeout.ms`. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] without a group, and what brokers and connections bring.
    pub async fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Option<OffsetAndMetadata>>, Error> {
        let group_id = self.group_id()?;
        let deadline = now() + self.shared.config.client.default_api_timeout;
        loop {
            let cluster = &self.shared.cluster;
            let broker = cluster.coordinator(group_id, CoordinatorKind::Group, deadline).await?;
            let result = async {
                let connection = cluster.connection(broker, Purpose::Coordinator).await?;
                let timeout = self.shared.config.client.request_timeout;
                let partitions = Lookups::for_partitions(partitions, OffsetSpec::Latest);
                requests::ask_up_to(&connection, MAX_NAMED_VERSION, timeout, |version| {
                    let request: OffsetFetchRequest =
                        Lookups::offset_fetch(&partitions, &group_id.into(), version);
                    request
                })
                .await
            }
            .await
            .and_then(|response| read_committed(&response, partitions));
            match result {
                Err(error) if error.is_retriable() && now() < deadline => {
                    cluster.forget_coordinator(group_id, CoordinatorKind::Group);
                    self.back_off(deadline).await;
                }
                result => return result,
            }
        }
    }

    /// Waits for a moment before something is tried again.
    pub(super) async fn back_off(&self, deadline: std::time::Instant) {
        let pause = self.shared.config.client.retry_backoff.max(Duration::from_millis(1));
        tokio::time::sleep_until((now() + pause).min(deadline).into()).await;
    }
}

fn read_committed(
    response: &OffsetFetchResponse,
    partitions: &[TopicPartition],
) -> Result<BTreeMap<TopicPartition, Option<OffsetAndMetadata>>, Error> {
    let (code, offsets) = committed_offsets(response);
    let refuse = |code: ErrorCode| {
        let passes = code.is_retriable()
            || matches!(code, ErrorCode::NOT_COORDINATOR | ErrorCode::UNSTABLE_OFFSET_COMMIT);
        Error::broker_answered(code, format!("OffsetFetch was answered with {code}"))
            .with_retriable(passes)
    };
    code.ok().map_err(refuse)?;
    let mut found = BTreeMap::new();
    for partition in partitions {
        let answer = offsets.get(&(&*partition.topic, partition.partition));
        let committed = match answer {
            Some((code, committed)) => {
                code.ok().map_err(|code| {
                    refuse(code).with_partition(&*partition.topic, partition.partition)
                })?;
                committed.map(|committed| OffsetAndMetadata {
                    offset: committed.offset,
                    leader_epoch: committed.leader_epoch,
                    metadata: committed.metadata.to_owned(),
                })
            }
            None => None,
        };
        found.insert(partition.clone(), committed);
    }
    Ok(found)
}
