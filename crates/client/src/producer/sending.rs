//! The way of a record from the application into a batch.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::delivery::Delivery;
use super::failure;
use super::record::ProducerRecord;
use super::shared::{Attempt, Grant, Shared, now};
use super::topic::Topic;
use crate::{Error, ErrorKind};

/// A record that [`Producer::send`](super::Producer::send) was given: the future of its acceptance.
///
/// As a rule there is room, and the record is accepted when `send` returns: awaiting this gives its
/// [`Delivery`] at once. Otherwise it waits for room when it is polled; dropped before it is ready, it
/// has not accepted the record then.
#[must_use = "a record that finds no room at once is not sent before this is awaited"]
pub struct Sending<'a>(State<'a>);

enum State<'a> {
    Accepted(Delivery),
    Refused(Error),
    Waiting(Waiting<'a>),
    Done,
}

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Delivery, Error>> + Send + 'a>>;

impl fmt::Debug for Sending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            State::Accepted(_) => "Sending(accepted)",
            State::Refused(_) => "Sending(refused)",
            State::Waiting(_) => "Sending(waiting)",
            State::Done => "Sending(done)",
        })
    }
}

impl<'a> Sending<'a> {
    /// A record for any topic.
    #[inline(always)]
    pub(super) fn to_any(shared: &'a Shared, record: ProducerRecord<'a>) -> Self {
        let accepted = if shared.should_yield() {
            None
        } else {
            let topics = shared.topics.read();
            topics.get(record.topic).and_then(|topic| shared.append_easily(topic, &record))
        };
        match accepted {
            Some(delivery) => Self(State::Accepted(delivery)),
            None => Self::slowly(shared, None, record),
        }
    }

    /// A record for a topic that was looked up.
    #[inline(always)]
    pub(super) fn to_one(shared: &'a Shared, topic: &Topic, record: ProducerRecord<'a>) -> Self {
        let accepted = if shared.should_yield() || !is_of(&record, topic) {
            None
        } else {
            shared.append_easily(topic, &record)
        };
        match accepted {
            Some(delivery) => Self(State::Accepted(delivery)),
            None => Self::slowly(shared, Some(topic), record),
        }
    }

    /// A record that begins a batch, or has to wait for something.
    #[cold]
    fn slowly(shared: &'a Shared, topic: Option<&Topic>, record: ProducerRecord<'a>) -> Self {
        Self(match send_at_once(shared, topic, &record) {
            Ok(Some(delivery)) => State::Accepted(delivery),
            Ok(None) => State::Waiting(Box::pin(send_waiting(shared, record))),
            Err(error) => State::Refused(error),
        })
    }

    /// What became of a record that could not be accepted at once.
    #[cold]
    fn poll_slowly(&mut self, cx: &mut Context<'_>) -> Poll<Result<Delivery, Error>> {
        match std::mem::replace(&mut self.0, State::Done) {
            State::Accepted(delivery) => Poll::Ready(Ok(delivery)),
            State::Refused(error) => Poll::Ready(Err(error)),
            State::Waiting(mut waiting) => {
                let polled = waiting.as_mut().poll(cx);
                if polled.is_pending() {
                    self.0 = State::Waiting(waiting);
                }
                polled
            }
            State::Done => {
                let message = "polled after the record was accepted or refused";
                Poll::Ready(Err(Error::new(ErrorKind::InvalidArgument, message)))
            }
        }
    }
}

impl Future for Sending<'_> {
    type Output = Result<Delivery, Error>;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if matches!(self.0, State::Accepted(_))
            && let State::Accepted(delivery) = std::mem::replace(&mut self.0, State::Done)
        {
            return Poll::Ready(Ok(delivery));
        }
        self.poll_slowly(cx)
    }
}

/// Whether the record is for this topic.
#[inline]
fn is_of(record: &ProducerRecord<'_>, topic: &Topic) -> bool {
    std::ptr::eq(record.topic, &raw const *topic.name) || record.topic == &*topic.name
}

/// Nothing when the record has to wait, or to let others run.
fn send_at_once(
    shared: &Shared,
    topic: Option<&Topic>,
    record: &ProducerRecord<'_>,
) -> Result<Option<Delivery>, Error> {
    let attempt = match topic {
        Some(topic) if !is_of(record, topic) => {
            let message = format!("the record is for topic {}", record.topic);
            let error = Error::new(ErrorKind::InvalidArgument, message);
            return Err(error.with_topic(&*topic.name));
        }
        _ if shared.should_yield() => return Ok(None),
        Some(topic) => shared.append(topic, record, &mut None)?,
        None => match shared.topics.read().get(record.topic) {
            Some(topic) => shared.append(topic, record, &mut None)?,
            None => return Ok(None),
        },
    };
    match attempt {
        Attempt::Accepted(delivery) => Ok(Some(delivery)),
        _ => Ok(None),
    }
}

async fn send_waiting(shared: &Shared, record: ProducerRecord<'_>) -> Result<Delivery, Error> {
    shared.yield_in_time().await;
    let deadline = now() + shared.settings.max_block;
    let mut grant: Option<Grant<'_>> = None;
    loop {
        let mut metadata = shared.cluster.subscribe();
        let topic = shared.topic(record.topic, deadline).await?;
        match shared.append(&topic, &record, &mut grant)? {
            Attempt::Accepted(delivery) => return Ok(delivery),
            Attempt::Replaced => {}
            Attempt::NeedsMemory(bytes) => {
                // A grant that is too small goes back before it waits again.
                drop(grant.take());
                grant = Some(shared.reserve(record.topic, bytes, deadline).await?);
            }
            Attempt::NoPartition(partition) => {
                shared.cluster.request_update();
                let changed = metadata.changed();
                let in_time = tokio::time::timeout_at(deadline.into(), changed).await;
                if !matches!(in_time, Ok(Ok(()))) {
                    let count = topic.count();
                    return Err(failure::no_partition(record.topic, partition, count));
                }
                let known = shared.cluster.metadata();
                let count = known.topic(record.topic).map_or(0, |one| one.partitions.len());
                shared.grow(record.topic, count);
            }
        }
    }
}
