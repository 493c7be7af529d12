//! Looking offsets up without touching positions.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use milena_core::{
    BrokerId, TopicPartition,
    consumer::{Lookups, OffsetSpec, Position},
};
use milena_pool::Purpose;
use milena_wire::{ErrorCode, messages::ListOffsetsResponse};

use super::{Consumer, requests, shared::now};
use crate::{Error, ErrorKind};

/// An offset and the record that it was looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffsetAndTimestamp {
    /// The offset.
    pub offset: i64,
    /// The timestamp of the record, in milliseconds since the epoch; -1 when the offset was not
    /// looked up by time.
    pub timestamp: i64,
    /// The leader epoch of the record, if it is known.
    pub leader_epoch: Option<i32>,
}

type Found = BTreeMap<TopicPartition, Option<OffsetAndTimestamp>>;

impl Consumer {
    /// The first offset of each partition. Waits for up to `default.api.timeout.ms`. Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`Consumer::offsets`].
    pub async fn beginning_offsets(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, i64>, Error> {
        self.known_offsets(partitions, OffsetSpec::Earliest).await
    }

    /// The offset behind the last record of each partition that this consumer can see, by its
    /// `isolation.level`. Waits for up to `default.api.timeout.ms`. Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`Consumer::offsets`].
    pub async fn end_offsets(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, i64>, Error> {
        self.known_offsets(partitions, OffsetSpec::Latest).await
    }

    /// The first record of each partition with this timestamp or a later one; `None` where there is
    /// none. Waits for up to `default.api.timeout.ms`. Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`Consumer::offsets`].
    pub async fn offsets_for_times(
        &self,
        times: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<BTreeMap<TopicPartition, Option<OffsetAndTimestamp>>, Error> {
        let specs = times.into_iter().map(|(tp, time)| (tp, OffsetSpec::Timestamp(time)));
        self.offsets(specs).await
    }

    async fn known_offsets(
        &self,
        partitions: &[TopicPartition],
        spec: OffsetSpec,
    ) -> Result<BTreeMap<TopicPartition, i64>, Error> {
        let found = self.offsets(partitions.iter().map(|tp| (tp.clone(), spec))).await?;
        Ok(found.into_iter().filter_map(|(tp, found)| Some((tp, found?.offset))).collect())
    }

    /// Looks offsets up, from the leaders. Waits for up to `default.api.timeout.ms`. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Timeout`] when a partition has no leader in time;
    /// [`ErrorKind::Broker`] when a broker refuses.
    pub async fn offsets(
        &self,
        specs: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
    ) -> Result<BTreeMap<TopicPartition, Option<OffsetAndTimestamp>>, Error> {
        let mut missing: BTreeMap<TopicPartition, OffsetSpec> = specs.into_iter().collect();
        let deadline = now() + self.shared.config.client.default_api_timeout;
        let mut found = Found::new();
        loop {
            let last = self.look_up(&mut missing, &mut found, deadline).await?;
            let Some(tp) = missing.keys().next() else { return Ok(found) };
            if now() >= deadline {
                let message = format!("the offset of {tp} was not found in time");
                let error = Error::new(ErrorKind::Timeout, message)
                    .with_partition(&*tp.topic, tp.partition);
                return Err(match last {
                    Some(last) => error.with_source(last),
                    None => error,
                });
            }
            self.shared.cluster.request_update();
            self.back_off(deadline).await;
        }
    }

    /// Asks every leader once; what is answered moves from `missing` to `found`.
    async fn look_up(
        &self,
        missing: &mut BTreeMap<TopicPartition, OffsetSpec>,
        found: &mut Found,
        deadline: Instant,
    ) -> Result<Option<Error>, Error> {
        let cluster = &self.shared.cluster;
        let topics: BTreeSet<_> = missing.keys().map(|tp| tp.topic.clone()).collect();
        let mut leaders: BTreeMap<BrokerId, Vec<(TopicPartition, OffsetSpec)>> = BTreeMap::new();
        for topic in topics {
            let known = cluster.topic(&topic, deadline).await?;
            for (tp, spec) in missing.iter().filter(|(tp, _)| tp.topic == topic) {
                let partition = known.partition(tp.partition).ok_or_else(|| {
                    let message = format!(
                        "{tp} does not exist: the topic has {} partitions",
                        known.partitions.len()
                    );
                    Error::new(ErrorKind::InvalidArgument, message)
                        .with_partition(&*tp.topic, tp.partition)
                })?;
                if let Some(leader) = partition.leader {
                    leaders.entry(leader).or_default().push((tp.clone(), *spec));
                }
            }
        }
        let timeout = self.shared.config.client.request_timeout;
        let mut last = None;
        for (broker, partitions) in leaders {
            let partitions = Lookups::for_specs(partitions);
            let request = {
                let state = self.shared.lock();
                state.machine.lookups().list_offsets(&partitions, requests::unix_ms())
            };
            let shared = &self.shared;
            match requests::ask(shared, broker, Purpose::Control, &request, timeout).await {
                Ok(response) => last = read(&response, missing, found)?.or(last),
                Err(error) if error.is_retriable() => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Ok(last)
    }

    /// The position of a partition: the offset of the next record that a poll hands out. Waits until
    /// it is found, for up to `default.api.timeout.ms`. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidArgument`] when the partition is not assigned,
    /// [`ErrorKind::NoOffset`] when it has no position and no policy to find one, and
    /// [`ErrorKind::Timeout`].
    pub async fn position(&self, partition: &TopicPartition) -> Result<Position, Error> {
        let deadline = now() + self.shared.config.client.default_api_timeout;
        let mut progress = self.shared.progress.subscribe();
        loop {
            progress.borrow_and_update();
            {
                let mut state = self.shared.lock();
                if let Some(position) = state.machine.subscription().position(partition)? {
                    return Ok(position);
                }
                let stuck = state.machine.subscription().stuck().map(|(tp, _)| tp == partition);
                if stuck == Some(true)
                    && let Some(error) = state.take_error()
                {
                    return Err(error);
                }
            }
            let waited = tokio::time::timeout_at(deadline.into(), progress.changed()).await;
            if waited.is_err() {
                let message = format!("the position of {partition} was not found in time");
                return Err(Error::new(ErrorKind::Timeout, message)
                    .with_partition(&*partition.topic, partition.partition));
            }
        }
    }
}

/// Takes the answers over; errors that may pass are returned, others end the lookup.
fn read(
    response: &ListOffsetsResponse,
    missing: &mut BTreeMap<TopicPartition, OffsetSpec>,
    found: &mut Found,
) -> Result<Option<Error>, Error> {
    let mut last = None;
    for topic in &response.topics {
        for answer in &topic.partitions {
            let tp = TopicPartition::new(topic.name.clone(), answer.partition_index);
            let code = ErrorCode(answer.error_code);
            if code == ErrorCode::NONE {
                let offset = (answer.offset >= 0).then_some(OffsetAndTimestamp {
                    offset: answer.offset,
                    timestamp: answer.timestamp,
                    leader_epoch: Some(answer.leader_epoch).filter(|epoch| *epoch >= 0),
                });
                if missing.remove(&tp).is_some() {
                    found.insert(tp, offset);
                }
                continue;
            }
            let error =
                Error::broker_answered(code, format!("ListOffsets was answered with {code}"))
                    .with_partition(&*tp.topic, tp.partition);
            if !error.is_retriable() && code != ErrorCode::FENCED_LEADER_EPOCH {
                return Err(error);
            }
            last = Some(error);
        }
    }
    Ok(last)
}
