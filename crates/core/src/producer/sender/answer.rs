//! What the answers to produce requests mean.

use std::time::{Duration, Instant};

use milena_wire::messages::ProduceResponse;
use milena_wire::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use milena_wire::{ByteString, ErrorCode, Uuid};

use super::partition::Pipeline;
use super::producer_id::ProducerIdState;
use super::verdict::{Verdict, excludes_write, is_stale_metadata, verdict};
use super::{Answer, Event, InFlightRequest, PartitionKey, RequestId, Sender};
use crate::BrokerId;
use crate::metadata::{Broker as BrokerAddress, LeaderHint};
use crate::producer::batch::Batch;
use crate::producer::outcome::{DeliveryFailure, FailureReason, Outcome, Written};
use crate::producer::split::halves;

/// What is known of records that no broker answers for.
const UNKNOWN: Outcome =
    Outcome::Written { base_offset: None, log_append_time_ms: None, log_start_offset: None };

impl<C: Clone> Sender<C> {
    /// How a produce request ended. Answers to requests that the sender does not know are ignored.
    pub fn handle_answer(&mut self, id: RequestId, answer: Answer, now: Instant) {
        let Some(request) = self.requests.remove(&id) else { return };
        if let Some(broker) = self.brokers.get_mut(&request.broker) {
            broker.in_flight = broker.in_flight.saturating_sub(1);
        }
        match answer {
            Answer::Response(response) => self.handle_response(id, &request, response, now),
            Answer::Sent => self.finish_all(id, &request, now, |sender, _, batch| {
                sender.succeed(batch, UNKNOWN);
            }),
            Answer::NotSent => self.finish_all(id, &request, now, |sender, key, batch| {
                sender.handle_not_sent(key, batch);
            }),
            Answer::Lost => self.lose_all(id, &request, FailureReason::ConnectionLost, now),
            Answer::Rejected(problem) => {
                self.finish_all(id, &request, now, |sender, key, batch| {
                    let reason = FailureReason::Request(problem.clone());
                    sender.give_up_with(key, batch, reason);
                })
            }
            Answer::Malformed(rule) => {
                self.lose_all(id, &request, FailureReason::Protocol(rule), now);
            }
        }
    }

    /// Handles every batch of the request alike.
    fn finish_all(
        &mut self,
        id: RequestId,
        request: &InFlightRequest,
        now: Instant,
        mut handle: impl FnMut(&mut Self, PartitionKey, Batch<C>),
    ) {
        for key in &request.partitions {
            if let Some(mut batch) = self.partitions[key.0].take_in_flight(id) {
                batch.last_broker = Some(request.broker);
                handle(self, *key, batch);
                self.settle(*key, now);
            }
        }
    }

    /// The outcome of the request is unknown.
    fn lose_all(
        &mut self,
        id: RequestId,
        request: &InFlightRequest,
        reason: FailureReason,
        now: Instant,
    ) {
        self.events.push_back(Event::MetadataNeeded);
        self.finish_all(id, request, now, |sender, key, mut batch| {
            batch.maybe_written = true;
            batch.last_error = None;
            sender.retry_or_fail(key, batch, Pause::Backoff, now, |_| reason.clone());
        });
    }

    /// Nothing left the client: the batch is as it was before.
    fn handle_not_sent(&mut self, key: PartitionKey, mut batch: Batch<C>) {
        self.resent -= u64::from(batch.attempts > 1);
        batch.attempts = batch.attempts.saturating_sub(1);
        if batch.is_answered() {
            self.give_up(key, batch);
        } else if let Some(reason) = self.reason_to_give_up(key, &batch) {
            self.give_up_with(key, batch, reason);
        } else {
            let partition = &mut self.partitions[key.0];
            partition.pipeline = Pipeline::Settling;
            partition.requeue(batch);
        }
    }

    fn handle_response(
        &mut self,
        id: RequestId,
        request: &InFlightRequest,
        response: ProduceResponse,
        now: Instant,
    ) {
        if let Ok(throttle) = u64::try_from(response.throttle_time_ms)
            && throttle > 0
            && let Some(broker) = self.brokers.get_mut(&request.broker)
        {
            // Spec: KIP-219#client: the broker mutes the connection for that time.
            broker.throttled_until = Some(now + Duration::from_millis(throttle));
        }
        let addresses = response.node_endpoints.iter().map(|node| BrokerAddress {
            id: BrokerId(node.node_id),
            host: node.host.clone(),
            port: u16::try_from(node.port).unwrap_or(0),
            rack: node.rack.clone(),
        });
        for topic in &response.responses {
            for answer in &topic.partition_responses {
                let Some(key) = self.find(request, topic, answer.index) else { continue };
                let Some(mut batch) = self.partitions[key.0].take_in_flight(id) else { continue };
                batch.last_broker = Some(request.broker);
                let leader = BrokerId::from_wire(answer.current_leader.leader_id);
                let endpoint = addresses.clone().find(|address| Some(address.id) == leader);
                let is_moved = self.take_hint(key, answer, endpoint, now);
                self.handle_partition_answer(key, batch, answer, is_moved, now);
                self.settle(key, now);
            }
        }
        // Whatever the response leaves out has an unknown outcome.
        self.finish_all(id, request, now, |sender, key, mut batch| {
            batch.maybe_written = true;
            sender.retry_or_fail(key, batch, Pause::Backoff, now, |_| {
                FailureReason::Protocol("the produce response leaves out a partition")
            });
        });
    }

    /// The partition of the request that the response names.
    fn find(
        &self,
        request: &InFlightRequest,
        topic: &TopicProduceResponse,
        index: i32,
    ) -> Option<PartitionKey> {
        let (name, id): (&ByteString, Uuid) = (&topic.name, topic.topic_id);
        let is_it = |key: &&PartitionKey| {
            let partition = &self.partitions[key.0];
            let is_topic = if name.is_empty() {
                id != Uuid::ZERO && partition.topic_id == id
            } else {
                partition.topic == *name
            };
            is_topic && partition.index == index
        };
        request.partitions.iter().find(is_it).copied()
    }

    /// Believes a leader that the response names if its epoch is newer (KIP-951). Returns whether
    /// it was.
    fn take_hint(
        &mut self,
        key: PartitionKey,
        answer: &PartitionProduceResponse,
        endpoint: Option<BrokerAddress>,
        now: Instant,
    ) -> bool {
        let (leader, epoch) = (answer.current_leader.leader_id, answer.current_leader.leader_epoch);
        let partition = &mut self.partitions[key.0];
        let Some(leader) = BrokerId::from_wire(leader) else { return false };
        if epoch <= partition.leader_epoch {
            return false;
        }
        partition.leader_epoch = epoch;
        let (topic, index) = (partition.topic.clone(), partition.index);
        self.events.push_back(Event::LeaderHint(LeaderHint {
            topic,
            partition: index,
            leader,
            leader_epoch: epoch,
            endpoint,
        }));
        self.move_leader(key, Some(leader), now);
        true
    }

    fn handle_partition_answer(
        &mut self,
        key: PartitionKey,
        mut batch: Batch<C>,
        answer: &PartitionProduceResponse,
        is_moved: bool,
        now: Instant,
    ) {
        let code = ErrorCode(answer.error_code);
        let verdict = verdict(code, self.settings.idempotent);
        if verdict == Verdict::Written {
            let known = |number: i64| (number >= 0).then_some(number);
            self.partitions[key.0].note_acknowledged(batch.order());
            let outcome = Outcome::Written {
                base_offset: known(answer.base_offset),
                log_append_time_ms: known(answer.log_append_time_ms),
                log_start_offset: known(answer.log_start_offset),
            };
            return self.succeed(batch, outcome);
        }
        batch.last_error = Some(code);
        batch.maybe_written |= !excludes_write(code);
        if is_stale_metadata(code) && !is_moved {
            self.events.push_back(Event::MetadataNeeded);
        }
        let pause = if is_moved { Pause::None } else { Pause::Backoff };
        let reason = |batch: &Batch<C>| refusal(code, answer, batch.records_count());
        match verdict {
            Verdict::Written | Verdict::Retry => {
                self.retry_or_fail(key, batch, pause, now, reason);
            }
            Verdict::OutOfOrder if self.partitions[key.0].has_earlier(batch.order()) => {
                self.retry_or_fail(key, batch, Pause::None, now, reason);
            }
            Verdict::OutOfOrder | Verdict::UnknownProducer => {
                // A broker that has forgotten the producer takes sequence 0 next.
                let is_forgotten = verdict == Verdict::UnknownProducer;
                let sequence = if is_forgotten { 0 } else { batch.base_sequence() };
                self.partitions[key.0].note_gap(batch.order(), sequence);
                if self.transactions.is_some() {
                    let reason = reason(&batch);
                    self.give_up_with(key, batch, reason);
                } else {
                    self.retry_or_fail(key, batch, pause, now, reason);
                }
            }
            Verdict::TooLarge if batch.records_count() > 1 && !batch.maybe_written => {
                self.split(key, batch, &reason);
            }
            Verdict::TooLarge | Verdict::Fail => {
                let reason = reason(&batch);
                self.give_up_with(key, batch, reason);
            }
        }
    }

    /// Sends the batch again if it may be, and gives up otherwise.
    fn retry_or_fail(
        &mut self,
        key: PartitionKey,
        batch: Batch<C>,
        pause: Pause,
        now: Instant,
        reason: impl FnOnce(&Batch<C>) -> FailureReason,
    ) {
        if batch.is_answered() {
            return self.give_up(key, batch);
        }
        if let Some(reason) = self.reason_to_give_up(key, &batch) {
            return self.give_up_with(key, batch, reason);
        }
        if now >= batch.created() + self.settings.delivery_timeout {
            let reason = self.timeout_reason(key, &batch);
            return self.give_up_with(key, batch, reason);
        }
        if batch.attempts > self.settings.retries {
            let reason = reason(&batch);
            return self.give_up_with(key, batch, reason);
        }
        let delay = match pause {
            Pause::None => None,
            Pause::Backoff => {
                let random = self.jitter.next_u64();
                Some(now + self.settings.retry_backoff.delay(batch.attempts, random))
            }
        };
        let partition = &mut self.partitions[key.0];
        partition.backoff_until = partition.backoff_until.max(delay);
        partition.pipeline = Pipeline::Settling;
        partition.requeue(batch);
    }

    /// Ends the delivery of a batch that was sent; the sequences after it have to cope.
    pub(super) fn give_up_with(
        &mut self,
        key: PartitionKey,
        mut batch: Batch<C>,
        reason: FailureReason,
    ) {
        self.note_failure(key, &reason);
        self.answer_failed(&mut batch, reason, None);
        self.give_up(key, batch);
    }

    /// Drops a batch whose delivery has ended; the sequences after it have to cope.
    fn give_up(&mut self, key: PartitionKey, batch: Batch<C>) {
        let partition = &mut self.partitions[key.0];
        if batch.stamp().is_some() {
            if batch.maybe_written {
                partition.note_possible_gap(batch.order());
            } else {
                partition.note_gap(batch.order(), batch.base_sequence());
            }
            partition.pipeline = Pipeline::Settling;
            self.note_transaction_gap(batch.maybe_written);
        }
        self.release(batch);
    }

    /// Sends the halves of a batch in its place.
    fn split(
        &mut self,
        key: PartitionKey,
        batch: Batch<C>,
        reason: &dyn Fn(&Batch<C>) -> FailureReason,
    ) {
        let parts = batch.encoded().map(|sealed| sealed.bytes().clone());
        let parts = parts.and_then(|bytes| halves(&bytes, self.settings.compression));
        let (Some([first, second]), Some(completion)) = (parts, batch.completion()) else {
            let reason = reason(&batch);
            return self.give_up_with(key, batch, reason);
        };
        let all = batch.records().clone();
        let middle = all.start + first.records_count();
        let mut first = batch.part(completion.clone(), all.start..middle, 0, first);
        let mut second = batch.part(completion.clone(), middle..all.end, batch.reserved(), second);
        if let Some(stamp) = batch.stamp() {
            // The same records keep the same sequences.
            first.set_stamp(stamp);
            second.set_stamp(stamp.advanced(first.records_count()));
        }
        self.flushes.add_parts(batch.generation, 1);
        let partition = &mut self.partitions[key.0];
        partition.pipeline = Pipeline::Settling;
        partition.requeue(second);
        partition.requeue(first);
    }

    /// Ends `Settling` if it can, and looks at the partition again.
    pub(super) fn settle(&mut self, key: PartitionKey, now: Instant) {
        let is_transactional = self.transactions.is_some();
        let settled = self.partitions[key.0].settle(self.settings.idempotent, is_transactional);
        for batch in settled.given_up {
            self.fail(batch, FailureReason::Unresolved, None);
        }
        if settled.needs_producer_id {
            self.producer_id = ProducerIdState::Wanted { at: None, failures: 0 };
        }
        self.refresh(key, now);
    }

    fn succeed(&mut self, mut batch: Batch<C>, outcome: Outcome) {
        self.answer(&mut batch, outcome);
        self.release(batch);
    }

    /// Ends the delivery of a batch that will not be sent (again).
    pub(super) fn fail(
        &mut self,
        mut batch: Batch<C>,
        reason: FailureReason,
        written: Option<Written>,
    ) {
        self.answer_failed(&mut batch, reason, written);
        self.release(batch);
    }

    /// Ends the delivery of a batch; its memory stays.
    pub(super) fn answer_failed(
        &mut self,
        batch: &mut Batch<C>,
        reason: FailureReason,
        written: Option<Written>,
    ) {
        let severity = self.severity(&reason);
        let failure = DeliveryFailure {
            severity,
            reason,
            written: written.unwrap_or_else(|| Written::maybe(batch.maybe_written)),
            attempts: batch.attempts,
            broker: batch.last_broker,
        };
        self.answer(batch, Outcome::Failed(failure));
    }

    fn answer(&mut self, batch: &mut Batch<C>, outcome: Outcome) {
        if let Some(completion) = batch.take_completion() {
            self.flushes.remove(batch.generation);
            let (records, bytes) = (batch.records().clone(), batch.size());
            self.events.push_back(Event::Completed { completion, records, bytes, outcome });
        }
    }

    fn release(&mut self, batch: Batch<C>) {
        let (bytes, buffer) = batch.into_memory();
        self.events.push_back(Event::Released { bytes, buffer });
    }
}

/// Whether a batch that is sent again waits for `retry.backoff.ms`.
#[derive(Clone, Copy, Debug)]
enum Pause {
    None,
    Backoff,
}

/// The reason why a broker refused a batch of so many records.
fn refusal(
    code: ErrorCode,
    answer: &PartitionProduceResponse,
    records_count: u32,
) -> FailureReason {
    let message = answer.error_message.as_ref().map(|text| text.to_string());
    if answer.record_errors.is_empty() {
        return FailureReason::Broker { code, message };
    }
    // Spec: KIP-467#proposed-changes: the broker says which records made it refuse the batch.
    let records = answer
        .record_errors
        .iter()
        .filter_map(|error| {
            let index = u32::try_from(error.batch_index).ok()?;
            let text = error.batch_index_error_message.as_ref().map(|text| text.to_string());
            (index < records_count).then_some((index, text))
        })
        .collect();
    FailureReason::InvalidRecords { code, message, records }
}
