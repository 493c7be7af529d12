//! A stream of single records on top of polling.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use milena_core::{TopicPartition, consumer::Position};

use super::{Consumer, ConsumerRecords, OwnedRecord, PartitionRecords};
use crate::{Error, ErrorKind};

/// How long one poll of a stream waits; the stream goes on with the next one.
const POLL: Duration = Duration::from_secs(3600);

type Polling<'a> = Pin<Box<dyn Future<Output = Result<ConsumerRecords, Error>> + Send + 'a>>;

/// The records of a consumer one by one. Ends when the consumer is closed; errors are items, and
/// the stream goes on after them.
///
/// A record counts as processed when the whole batch it was polled with has been yielded and the
/// stream is asked for the next one.
#[must_use = "a stream does nothing until it is polled"]
pub struct RecordStream<'a> {
    consumer: &'a Consumer,
    polling: Option<Polling<'a>>,
    partitions: VecDeque<PartitionRecords>,
    records: VecDeque<OwnedRecord>,
    /// The partition of `records` and the position behind them.
    current: Option<(TopicPartition, Position)>,
}

impl std::fmt::Debug for RecordStream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordStream")
            .field("buffered", &self.records.len())
            .finish_non_exhaustive()
    }
}

impl<'a> RecordStream<'a> {
    pub(super) fn new(consumer: &'a Consumer) -> Self {
        Self {
            consumer,
            polling: None,
            partitions: VecDeque::new(),
            records: VecDeque::new(),
            current: None,
        }
    }

    /// The next record; `None` when the consumer is closed.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// As [`Consumer::poll`].
    pub async fn next(&mut self) -> Option<Result<OwnedRecord, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn take(&mut self) -> Option<OwnedRecord> {
        loop {
            if let Some(record) = self.records.pop_front() {
                return Some(record);
            }
            let partition = self.partitions.pop_front()?;
            self.current = Some((partition.topic_partition().clone(), partition.next_position()));
            self.records.extend(partition.records().map(|record| record.to_owned()));
        }
    }
}

impl Stream for RecordStream<'_> {
    type Item = Result<OwnedRecord, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(record) = this.take() {
                return Poll::Ready(Some(Ok(record)));
            }
            let polling = this.polling.get_or_insert_with(|| Box::pin(this.consumer.poll(POLL)));
            let result = ready!(polling.as_mut().poll(context));
            this.polling = None;
            match result {
                Ok(records) => this.partitions = records.into_partitions().into(),
                Err(error) if error.kind() == ErrorKind::Closed => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl Drop for RecordStream<'_> {
    /// Goes back to what was polled and not yielded, unless the consumer was moved since.
    fn drop(&mut self) {
        let current = self.current.take().zip(self.records.front()).map(|((tp, next), record)| {
            (tp, Position { offset: record.offset, leader_epoch: record.leader_epoch }, next)
        });
        let others = self.partitions.iter().filter_map(|partition| {
            let first = partition.records().next()?;
            let at = Position { offset: first.offset, leader_epoch: first.leader_epoch };
            Some((partition.topic_partition().clone(), at, partition.next_position()))
        });
        let unread: Vec<_> = current.into_iter().chain(others).collect();
        if unread.is_empty() {
            return;
        }
        self.consumer.shared.update(|state| {
            for (tp, at, next) in unread {
                if state.machine.subscription().position(&tp) == Ok(Some(next)) {
                    // The partition is assigned: it has a position.
                    let _ = state.machine.seek(&tp, at);
                }
            }
        });
    }
}
