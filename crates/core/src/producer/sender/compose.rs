//! Composing requests.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Instant;

use milena_wire::Uuid;
use milena_wire::messages::ProduceRequest;
use milena_wire::messages::produce_request::{PartitionProduceData, TopicProduceData};

use super::broker::{Broker, Link};
use super::partition::{InFlight, Readiness};
use super::{
    BatchSource, Event, InFlightRequest, Outgoing, PartitionKey, ProduceCall, RequestId, Sender,
};
use crate::BrokerId;

impl<C: Clone> Sender<C> {
    /// The next request to send, until there is none.
    pub fn poll_request(
        &mut self,
        source: &mut impl BatchSource<C>,
        now: Instant,
    ) -> Option<Outgoing> {
        self.ring_alarms(source, now);
        if let Some(call) = self.poll_transaction(source, now) {
            return Some(Outgoing::Transaction(call));
        }
        if self.producer_id.take_request(now) {
            return Some(Outgoing::InitProducerId);
        }
        if self.is_pressed {
            self.hurry_idle_brokers(now);
        }
        let ids = self.brokers_to_serve(now)?;
        ids.into_iter().find_map(|id| self.compose(id, source, now)).map(Outgoing::Produce)
    }

    /// Looks at every partition whose time has come.
    fn ring_alarms(&mut self, source: &mut impl BatchSource<C>, now: Instant) {
        while let Some(Reverse((at, key))) = self.alarms.peek().copied()
            && at <= now
        {
            self.alarms.pop();
            let partition = &mut self.partitions[key.0];
            // An alarm that was replaced by an earlier one says nothing.
            if partition.alarm == Some(at) {
                partition.alarm = None;
                self.expire(key, source, now);
                self.refresh(key, now);
            }
        }
    }

    /// Senders wait for memory: whatever a broker without any work could free is sent at once.
    fn hurry_idle_brokers(&mut self, now: Instant) {
        let is_idle = |broker: &Broker| broker.in_flight == 0 && broker.ready.is_empty();
        let brokers = self.brokers.iter().filter(|(_, broker)| is_idle(broker));
        let idle: BTreeSet<BrokerId> = brokers.map(|(id, _)| *id).collect();
        if idle.is_empty() {
            return;
        }
        for key in Vec::from_iter(self.opened.iter().copied()) {
            let partition = &mut self.partitions[key.0];
            if partition.leader.is_some_and(|leader| idle.contains(&leader))
                && let Some(open) = &mut partition.open
            {
                open.hurried = true;
                self.refresh(key, now);
            }
        }
    }

    /// The brokers that have something ready and can take it; asks for connections on the way.
    fn brokers_to_serve(&mut self, now: Instant) -> Option<Vec<BrokerId>> {
        let mut free = None::<Vec<BrokerId>>;
        for (id, broker) in &mut self.brokers {
            broker.held_until = None;
            if broker.ready.is_empty() {
                broker.stalled_since = None;
                continue;
            }
            match broker.link {
                Link::Failed { until } if until > now => {}
                Link::Idle | Link::Failed { .. } => {
                    broker.link = Link::Connecting;
                    self.events.push_back(Event::Connect(*id));
                }
                Link::Connecting | Link::Connected => {}
            }
            if let Some(until) = broker.hold().filter(|until| *until > now)
                && !broker.ready.iter().any(|key| self.partitions[key.0].is_urgent())
            {
                broker.held_until = Some(until);
            } else if broker.is_free(self.settings.max_in_flight, now)
                && self.producer_id.is_settled()
            {
                free.get_or_insert_default().push(*id);
            } else {
                broker.stalled_since.get_or_insert(now);
            }
        }
        free
    }

    /// A request with one batch of every partition that is ready, as far as the size allows.
    fn compose(
        &mut self,
        broker: BrokerId,
        source: &mut impl BatchSource<C>,
        now: Instant,
    ) -> Option<ProduceCall> {
        let id = RequestId(self.next_id);
        let mut taken: Vec<PartitionKey> = Vec::new();
        let mut bytes = 0;
        let turns = self.brokers.get(&broker)?.ready.len();
        for _ in 0..turns {
            let Some(key) = self.brokers.get_mut(&broker)?.ready.pop_front() else { break };
            self.partitions[key.0].is_listed = false;
            let Some(size) = self.offer(key, source, now) else { continue };
            if !taken.is_empty() && bytes + size > self.settings.max_request_bytes {
                // It is the first one of the next request.
                self.partitions[key.0].is_listed = true;
                self.brokers.get_mut(&broker)?.ready.push_front(key);
                break;
            }
            if self.dispatch(key, id) {
                bytes += size;
                taken.push(key);
            }
            self.refresh(key, now);
        }
        let entry = self.brokers.get_mut(&broker)?;
        entry.stalled_since = None;
        if taken.is_empty() {
            return None;
        }
        self.next_id += 1;
        entry.in_flight += 1;
        entry.sent_at = Some(now);
        let (request, has_topic_ids) = self.request(&mut taken, id);
        self.requests.insert(id, InFlightRequest { broker, partitions: taken });
        let versions = self.produce_versions();
        Some(ProduceCall { id, broker, request, has_topic_ids, versions })
    }

    /// The size of the batch that the partition sends next, after sealing its open batch if it is
    /// that one's turn.
    fn offer(
        &mut self,
        key: PartitionKey,
        source: &mut impl BatchSource<C>,
        now: Instant,
    ) -> Option<usize> {
        let (max_in_flight, linger) = (self.settings.max_in_flight, self.settings.linger);
        if self.partitions[key.0].readiness(max_in_flight, linger, now) != Readiness::Ready {
            self.refresh(key, now);
            return None;
        }
        if self.partitions[key.0].next_size().is_none() {
            self.collect(key, true, source);
        }
        let size = self.partitions[key.0].next_size();
        if size.is_none() {
            self.refresh(key, now);
        }
        size
    }

    /// Moves the partition's next batch to those in flight. Returns whether there was one.
    fn dispatch(&mut self, key: PartitionKey, request: RequestId) -> bool {
        let partition = &mut self.partitions[key.0];
        if self.settings.idempotent && partition.numbering.is_none() {
            partition.numbering = self.producer_id.numbering();
        }
        let was_waiting = partition.retries.is_empty();
        let Some(mut batch) = partition.take_next() else { return false };
        if was_waiting {
            self.waiting_bytes -= batch.reserved();
        }
        if batch.stamp().is_none()
            && let Some(numbering) = &mut partition.numbering
        {
            batch.set_stamp(numbering.stamp(batch.records_count()));
        }
        self.resent += u64::from(batch.attempts > 0);
        batch.attempts += 1;
        partition.in_flight.push_back(InFlight { request, batch });
        true
    }

    /// The request with the batches of these partitions that are marked with `id`.
    fn request(&mut self, taken: &mut [PartitionKey], id: RequestId) -> (ProduceRequest, bool) {
        let mut topic_data: Vec<TopicProduceData> = Vec::new();
        taken.sort_unstable_by(|a, b| {
            let (a, b) = (&self.partitions[a.0], &self.partitions[b.0]);
            (&a.topic, a.index).cmp(&(&b.topic, b.index))
        });
        let mut has_topic_ids = true;
        for key in taken.iter() {
            let partition = &mut self.partitions[key.0];
            has_topic_ids &= partition.topic_id != Uuid::ZERO;
            let Some(entry) = partition.in_flight.back_mut().filter(|entry| entry.request == id)
            else {
                continue;
            };
            let data = PartitionProduceData {
                index: partition.index,
                records: Some(entry.batch.bytes()),
                ..PartitionProduceData::default()
            };
            match topic_data.last_mut().filter(|topic| topic.name == partition.topic) {
                Some(topic) => topic.partition_data.push(data),
                None => topic_data.push(TopicProduceData {
                    name: partition.topic.clone(),
                    topic_id: partition.topic_id,
                    partition_data: vec![data],
                    ..TopicProduceData::default()
                }),
            }
        }
        let timeout_ms = i32::try_from(self.settings.request_timeout.as_millis());
        let machine = self.transactions.as_ref();
        let request = ProduceRequest {
            transactional_id: machine.map(|machine| machine.transactional_id().clone()),
            acks: self.settings.acks,
            timeout_ms: timeout_ms.unwrap_or(i32::MAX),
            topic_data,
            ..ProduceRequest::default()
        };
        (request, has_topic_ids)
    }
}
