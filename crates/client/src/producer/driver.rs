//! The background task: the one owner of the sender machine.
//!
//! It takes mail, metadata and answers to the machine, and requests and outcomes from it; whatever
//! there is to decide, the machine decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use milena_core::metadata::ClusterMetadata;
use milena_core::producer::{
    Batch, BatchSource, Event, FailureReason, FlushId, Leader, Outcome, Outgoing, PartitionKey,
    Sender,
};
use tokio::sync::{oneshot, watch};

use super::delivery::Completion;
use super::encoder::Encoder;
use super::inbox::{Command, Mail};
use super::links::{Done, Links};
use super::shared::{Shared, now};
use super::topic::Partition;
use super::transacting::Waiters;
use crate::metrics::Counters;

/// How often the loads of a topic's partitions are told to its sending tasks, at most.
const LOADS_EVERY: Duration = Duration::from_millis(2);

/// The configuration of the background task, besides the machine's.
#[derive(Clone, Copy, Debug)]
pub(super) struct DriverSettings {
    /// Whether partitions with short queues get more records without key.
    pub(super) is_adaptive: bool,
    /// A partition whose leader takes nothing for so long gets no records without key.
    pub(super) availability_timeout: Option<Duration>,
    /// How long accepted records are sent after the last handle is gone.
    pub(super) linger_on: Duration,
    /// How often the metadata is told that a topic is in use.
    pub(super) keep_every: Duration,
}

/// The background task.
pub(super) struct Driver {
    pub(super) settings: DriverSettings,
    pub(super) shared: Arc<Shared>,
    pub(super) sender: Sender<Arc<Completion>>,
    pub(super) links: Links,
    pub(super) encoder: Encoder,
    pub(super) metadata: watch::Receiver<Arc<ClusterMetadata>>,
    pub(super) partitions: Partitions,
    pub(super) mail: Mail,
    /// `transactional.id`; empty without.
    pub(super) transactional_id: String,
    pub(super) waiters: Waiters,
    pub(super) flushes: BTreeMap<FlushId, oneshot::Sender<()>>,
    pub(super) started: Instant,
    pub(super) loads_at: Instant,
    pub(super) detached_until: Option<Instant>,
    pub(super) is_finished: bool,
}

/// The partitions by key, where the machine finds their batches.
pub(super) struct Partitions {
    pub(super) all: Vec<Arc<Partition>>,
    pub(super) counters: Arc<Counters>,
}

impl BatchSource<Arc<Completion>> for Partitions {
    fn collect(
        &mut self,
        partition: PartitionKey,
        seal_open: bool,
        into: &mut Vec<Batch<Arc<Completion>>>,
    ) -> Option<Instant> {
        let open = {
            let mut queue = self.all[partition.0].lock();
            queue.is_announced = false;
            queue.batches.collect(seal_open, into)
        };
        let records: u64 = into.iter().map(|batch| u64::from(batch.records_count())).sum();
        self.counters.records_accepted().add(records);
        open
    }
}

impl Driver {
    /// Runs until it is told to stop.
    pub(super) async fn run(mut self) {
        self.apply_metadata(now());
        loop {
            let at = now();
            self.read_mail(at);
            self.pump(at);
            if self.is_finished {
                return;
            }
            let deadline = self.deadline(at);
            tokio::select! {
                biased;
                done = self.links.next() => self.handle_done(done),
                () = self.shared.inbox.wait() => {}
                changed = self.metadata.changed() => match changed {
                    Ok(()) => self.apply_metadata(now()),
                    Err(_) => return,
                },
                () = sleep_until(deadline) => {}
            }
        }
    }

    fn deadline(&self, now: Instant) -> Option<Instant> {
        self.sender.poll_deadline(now).into_iter().chain(self.detached_until).min()
    }

    fn read_mail(&mut self, now: Instant) {
        let mut mail = std::mem::take(&mut self.mail);
        self.shared.inbox.take(&mut mail);
        for partition in mail.partitions.drain(..) {
            let key = self.sender.add_partition(partition.topic.clone(), partition.index);
            debug_assert_eq!(key, partition.key, "partitions come in the order of their keys");
            self.partitions.all.push(partition);
            let snapshot = Arc::clone(&self.metadata.borrow());
            self.tell_leader(key, &snapshot, now);
        }
        for partition in mail.attention.drain(..) {
            self.sender.handle_attention(partition.key, &mut self.partitions, now);
            self.keep_topic(&partition, now);
        }
        for command in mail.commands.drain(..) {
            self.obey(command, now);
        }
        self.mail = mail;
        self.sender.handle_pressure(self.shared.memory.is_pressed());
        let is_idle = self.sender.unanswered() == 0 && !self.waiters.is_abandoned();
        if self.detached_until.is_some_and(|until| until <= now || is_idle) {
            self.finish(now);
        }
    }

    fn obey(&mut self, command: Command, now: Instant) {
        match command {
            Command::Flush(done) => {
                let id = self.sender.handle_flush(now);
                self.flushes.insert(id, done);
            }
            Command::Abort(done) => {
                self.finish(now);
                // Nobody waits any more if this fails.
                let _ignored = done.send(());
            }
            Command::Detach => {
                self.sender.handle_flush(now);
                self.detached_until = Some(now + self.settings.linger_on);
            }
            Command::Encoded(partition, id, encoded) => {
                self.sender.handle_encoded(partition, id, *encoded, now);
            }
            other => self.transact(other, now),
        }
    }

    /// Does what the machine wants done, until it wants nothing.
    fn pump(&mut self, now: Instant) {
        loop {
            let mut is_idle = true;
            while let Some(outgoing) = self.sender.poll_request(&mut self.partitions, now) {
                is_idle = false;
                match outgoing {
                    Outgoing::InitProducerId => self.links.request_producer_id(),
                    Outgoing::Transaction(call) => {
                        self.links.request_transaction(call, &self.transactional_id);
                    }
                    Outgoing::Produce(call) => {
                        tracing::trace!(broker = %call.broker, "produce request");
                        self.links.start(&call);
                    }
                }
            }
            // Events come last: composing requests makes some.
            while let Some(event) = self.sender.poll_event() {
                is_idle = false;
                self.handle_event(event, now);
            }
            let done = self.links.take_done();
            is_idle &= done.is_empty();
            self.handle_done(done);
            if is_idle {
                break;
            }
        }
        self.shared.memory.set_ahead(self.sender.waiting_bytes());
        self.shared.counters.batches_retried().set(self.sender.resent());
        self.tell_loads(now);
    }

    fn handle_event(&mut self, event: Event<Arc<Completion>>, now: Instant) {
        let counters = &self.shared.counters;
        match event {
            Event::Completed { completion, records, bytes, outcome } => {
                count(counters, records.len() as u64, bytes as u64, &outcome);
                log(&completion, &outcome);
                if is_late(&outcome)
                    && let Some(cause) = self.shared.cluster.unreachable()
                {
                    completion.set_cause(cause);
                }
                if matches!(outcome, Outcome::Written { .. }) {
                    self.shared.memory.note_written();
                }
                completion.complete(records, outcome);
            }
            Event::Released { bytes, buffer } => {
                counters.buffered_bytes().sub(bytes as u64);
                self.shared.memory.recycle(bytes, buffer);
            }
            Event::Encode { partition, id, batch } => {
                if let Some(encoded) = self.encoder.encode(partition, id, batch, &self.shared) {
                    self.sender.handle_encoded(partition, id, encoded, now);
                }
            }
            Event::Connect(broker) => self.links.connect(broker),
            Event::MetadataNeeded => self.shared.cluster.request_update(),
            Event::LeaderHint(hint) => {
                self.shared.cluster.apply_leader_hint(&hint);
            }
            Event::Flushed(id) => {
                if let Some(done) = self.flushes.remove(&id) {
                    // Nobody waits any more if this fails.
                    let _ignored = done.send(());
                }
            }
            Event::Transaction(event) => self.handle_transaction_event(event, now),
        }
    }

    fn handle_done(&mut self, done: Vec<Done>) {
        let at = now();
        for done in done {
            match done {
                Done::Connected(broker) => self.sender.handle_connected(broker),
                Done::Unreachable(broker, error) => {
                    tracing::debug!(%broker, %error, "no connection to the broker");
                    self.sender.handle_unreachable(broker, at);
                }
                Done::Lost(broker) => self.sender.handle_disconnected(broker),
                Done::Answered(id, answer) => self.sender.handle_answer(id, answer, at),
                Done::ProducerId(answer) => {
                    self.sender.handle_producer_id(answer, &mut self.partitions, at);
                }
                Done::Transaction(answered) => self.handle_answered(answered, at),
            }
        }
    }

    fn apply_metadata(&mut self, now: Instant) {
        let snapshot = Arc::clone(&self.metadata.borrow_and_update());
        let topics: Vec<_> = self.shared.topics.read().values().cloned().collect();
        for topic in topics {
            let Some(known) = snapshot.topic(&topic.name) else { continue };
            if known.partitions.len() > topic.partitions.len() {
                self.shared.grow(&topic.name, known.partitions.len());
            }
            let has_leader = |at: &u32| {
                known.partitions.get(*at as usize).is_some_and(|one| one.leader.is_some())
            };
            *topic.available.write() = (0..topic.count()).filter(has_leader).collect();
        }
        for key in (0..self.partitions.all.len()).map(PartitionKey) {
            self.tell_leader(key, &snapshot, now);
        }
    }

    /// Tells the machine who leads a partition, if the metadata knows the partition.
    fn tell_leader(&mut self, key: PartitionKey, snapshot: &ClusterMetadata, now: Instant) {
        let partition = &self.partitions.all[key.0];
        let Some(topic) = snapshot.topic(&partition.topic) else { return };
        let Some(known) = topic.partition(partition.index) else { return };
        let leader = Leader {
            broker: known.leader,
            epoch: known.leader_epoch.unwrap_or(-1),
            topic_id: topic.topic_id,
        };
        self.sender.handle_leader(key, leader, now);
    }

    /// Tells the metadata now and then that the topic is in use.
    fn keep_topic(&self, partition: &Partition, now: Instant) {
        let since = |at: Instant| u64::try_from((at - self.started).as_millis()).unwrap_or(0);
        let due = since(now);
        let topics = self.shared.topics.read();
        let Some(topic) = topics.get(&partition.topic) else { return };
        let kept = &topic.kept_at_ms;
        let order = std::sync::atomic::Ordering::Relaxed;
        if due
            >= kept.load(order) + u64::try_from(self.settings.keep_every.as_millis()).unwrap_or(0)
        {
            kept.store(due, order);
            self.shared.cluster.keep_topic(&partition.topic);
        }
    }

    /// Tells the sending tasks which partitions are slow.
    fn tell_loads(&mut self, now: Instant) {
        if !self.settings.is_adaptive || now < self.loads_at {
            return;
        }
        self.loads_at = now + LOADS_EVERY;
        let stalled = self.settings.availability_timeout;
        let sender = &self.sender;
        for topic in self.shared.topics.read().values() {
            let known = |partition: &&Arc<Partition>| partition.key.0 < sender.partitions_count();
            let loads = topic.partitions.iter().take_while(known);
            topic
                .sticky
                .update_loads(loads.map(|partition| sender.load(partition.key, stalled, now)));
        }
    }

    /// Ends every delivery, and the mailbox.
    fn finish(&mut self, now: Instant) {
        self.is_finished = true;
        self.shared.set_closing();
        let mail = self.shared.inbox.shut();
        for partition in mail.partitions {
            self.sender.add_partition(partition.topic.clone(), partition.index);
            self.partitions.all.push(partition);
        }
        for partition in &self.partitions.all {
            partition.lock().is_closed = true;
        }
        self.sender.handle_abort(&mut self.partitions, now);
        for command in mail.commands {
            // Its place is gone, so it fails like the others.
            if let Command::Encoded(partition, id, encoded) = command {
                self.sender.handle_encoded(partition, id, *encoded, now);
            }
        }
        while let Some(event) = self.sender.poll_event() {
            match event {
                Event::Completed { .. } | Event::Released { .. } => self.handle_event(event, now),
                // Nothing is sent any more, so nothing needs to be compressed.
                Event::Encode { partition, id, batch } => {
                    self.sender.handle_encoded(partition, id, Ok(batch), now);
                }
                Event::Connect(_)
                | Event::MetadataNeeded
                | Event::LeaderHint(_)
                | Event::Flushed(_)
                | Event::Transaction(_) => {}
            }
        }
        self.flushes.clear();
        self.waiters = Waiters::default();
        self.shared.cluster.close();
    }
}

impl Drop for Driver {
    /// A runtime that shuts down drops the task: whoever still waits is told.
    fn drop(&mut self) {
        if !self.is_finished {
            self.finish(now());
        }
    }
}

fn count(counters: &Counters, records: u64, bytes: u64, outcome: &Outcome) {
    match outcome {
        Outcome::Written { .. } => {
            counters.records_sent().add(records);
            counters.bytes_sent().add(bytes);
            counters.batches_sent().increment();
        }
        Outcome::Failed(_) => counters.records_failed().add(records),
    }
}

/// Whether the time of the records was over before a broker took them.
fn is_late(outcome: &Outcome) -> bool {
    let Outcome::Failed(failure) = outcome else { return false };
    matches!(failure.reason, FailureReason::DeliveryTimeout { .. })
}

fn log(completion: &Completion, outcome: &Outcome) {
    let (topic, partition) = (&*completion.topic, completion.partition);
    match outcome {
        Outcome::Written { base_offset, .. } => {
            tracing::trace!(topic, partition, base_offset, "batch written");
        }
        Outcome::Failed(failure) => {
            let (reason, written) = (&failure.reason, failure.written);
            tracing::warn!(topic, partition, %reason, ?written, "batch failed");
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
