//! What the coordinators' answers mean.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use milena_wire::ErrorCode;
use milena_wire::messages::{
    AddPartitionsToTxnResponse, EndTxnResponse, InitProducerIdResponse, TxnOffsetCommitResponse,
};

use super::calls::Step;
use super::verdict::{Api, Verdict, verdict};
use super::{
    CoordinatorFeatures, Membership, Severity, TransactionAnswer, TransactionEnd, TransactionEvent,
    TransactionFailure, TransactionFailureReason, TransactionMachine, TransactionState,
};
use crate::TopicPartition;
use crate::producer::sequence::{ProducerEpoch, ProducerId, ProducerIdentity};

/// The pause while the transaction before is being completed, which takes about as long; only the
/// first partitions of a transaction meet it.
const CONCURRENT_PAUSE: Duration = Duration::from_millis(20);

impl TransactionMachine {
    /// How the request of the last [`TransactionMachine::poll_call`] ended.
    pub(in crate::producer) fn handle_answer(&mut self, answer: TransactionAnswer, now: Instant) {
        let Some(step) = self.in_flight.take() else { return };
        if matches!(self.state, TransactionState::FatalError(_)) {
            return;
        }
        match (step, answer) {
            (Step::Initialize, TransactionAnswer::InitProducerId(response, features)) => {
                self.handle_initialized(&response, features, now);
            }
            (Step::AddPartitions, TransactionAnswer::AddPartitions(response)) => {
                self.handle_partitions_added(&response, now);
            }
            (Step::AddOffsets, TransactionAnswer::AddOffsets(response)) => {
                self.handle_group_added(ErrorCode(response.error_code), now);
            }
            (Step::CommitOffsets, TransactionAnswer::CommitOffsets(response)) => {
                self.handle_offsets_committed(&response, now);
            }
            (Step::End(end), TransactionAnswer::End(response, features)) => {
                self.handle_ended(end, &response, features, now);
            }
            (_, TransactionAnswer::Lost) => self.conclude(step.api(), Verdict::Moved, None, now),
            (_, TransactionAnswer::NoCoordinator(code)) => {
                self.settle(Api::FindCoordinator, code, now);
            }
            (_, TransactionAnswer::Malformed(rule)) => {
                // The outcome is unknown, and asking again would be answered no better.
                let reason = TransactionFailureReason::Protocol(rule);
                self.fail(TransactionFailure::fatal(reason));
            }
            (_, TransactionAnswer::Unsupported(problem)) => {
                let reason = TransactionFailureReason::Unsupported(problem);
                let is_of_offsets = step == Step::CommitOffsets;
                let severity = if is_of_offsets { Severity::Abortable } else { Severity::Fatal };
                self.fail_unless_given_up(TransactionFailure::new(severity, reason));
            }
            _ => {
                let reason = TransactionFailureReason::Protocol("the answer is to another request");
                self.fail(TransactionFailure::fatal(reason));
            }
        }
    }

    fn handle_initialized(
        &mut self,
        response: &InitProducerIdResponse,
        features: CoordinatorFeatures,
        now: Instant,
    ) {
        let code = ErrorCode(response.error_code);
        if code != ErrorCode::NONE {
            return self.settle(Api::InitProducerId, code, now);
        }
        self.failures = 0;
        if response.producer_id < 0 || response.producer_epoch < 0 {
            let rule = "InitProducerId gives an id or an epoch below 0";
            return self.fail(TransactionFailure::fatal(TransactionFailureReason::Protocol(rule)));
        }
        self.adopt(ProducerIdentity {
            id: ProducerId(response.producer_id),
            epoch: ProducerEpoch(response.producer_epoch),
        });
        self.features = features;
        self.is_second_protocol = features.transaction_version >= 2;
        match self.state {
            TransactionState::Initializing { ended: Some(end) } => self.finish(end),
            _ => {
                self.state = TransactionState::Ready;
                self.events.push_back(TransactionEvent::Initialized);
            }
        }
    }

    fn handle_partitions_added(&mut self, response: &AddPartitionsToTxnResponse, now: Instant) {
        let topics = response.results_by_topic_v3_and_below.iter();
        let codes: BTreeMap<TopicPartition, ErrorCode> = topics
            .flat_map(|topic| {
                topic.results_by_partition.iter().map(|result| {
                    let partition = TopicPartition::new(topic.name.clone(), result.partition_index);
                    (partition, ErrorCode(result.partition_error_code))
                })
            })
            .collect();
        let asked = self.contents.joining.iter().filter(|(_, joining)| joining.was_sent);
        if asked.clone().any(|(partition, _)| !codes.contains_key(partition)) {
            let rule = "AddPartitionsToTxn leaves out a partition";
            return self.fail(TransactionFailure::fatal(TransactionFailureReason::Protocol(rule)));
        }
        let codes = codes.into_iter().filter(|(_, code)| *code != ErrorCode::NONE);
        let worst = codes
            .map(|(partition, code)| (verdict(Api::AddPartitionsToTxn, code), partition, code))
            .max_by_key(|(verdict, _, code)| (*verdict, !is_of_another(*code)));
        let Some((verdict, partition, code)) = worst else { return self.admit_partitions() };
        // Nothing was added, and after a failure there is nothing to add any more.
        let is_given_up = !self.is_healthy()
            && verdict == Verdict::Retry
            && code != ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
        if is_given_up || matches!(verdict, Verdict::Abort | Verdict::AbortAndBump) {
            self.contents.joining.clear();
        }
        if !is_given_up {
            self.conclude(Api::AddPartitionsToTxn, verdict, Some((partition, code)), now);
        }
    }

    /// The partitions that were asked for are part of the transaction.
    fn admit_partitions(&mut self) {
        self.failures = 0;
        self.contents.has_started = true;
        let is_healthy = self.is_healthy();
        let admitted = &mut self.effects.admitted;
        self.contents.joining.retain(|_, joining| {
            if joining.was_sent && is_healthy {
                admitted.push(joining.key);
            }
            !joining.was_sent
        });
    }

    fn handle_group_added(&mut self, code: ErrorCode, now: Instant) {
        let verdict = verdict(Api::AddOffsetsToTxn, code);
        if verdict == Verdict::Done {
            self.failures = 0;
            self.contents.has_started = true;
            for membership in self.contents.groups.values_mut() {
                if *membership == Membership::Sent {
                    *membership = Membership::Added;
                }
            }
            return;
        }
        if matches!(verdict, Verdict::Abort | Verdict::AbortAndBump) {
            self.contents.groups.retain(|_, membership| *membership == Membership::Added);
        }
        self.settle(Api::AddOffsetsToTxn, code, now);
    }

    fn handle_offsets_committed(&mut self, response: &TxnOffsetCommitResponse, now: Instant) {
        // A transaction that is given up has no offsets any more.
        let Some((id, commit)) = self.contents.offsets.front_mut() else { return };
        let id = *id;
        let mut worst: Option<(Verdict, TopicPartition, ErrorCode)> = None;
        for topic in &response.topics {
            for result in &topic.partitions {
                let partition = TopicPartition::new(topic.name.clone(), result.partition_index);
                let code = ErrorCode(result.error_code);
                let verdict = verdict(Api::TxnOffsetCommit, code);
                if verdict == Verdict::Done {
                    commit.offsets.remove(&partition);
                } else if worst.as_ref().is_none_or(|(known, ..)| *known < verdict) {
                    worst = Some((verdict, partition, code));
                }
            }
        }
        match worst {
            Some((verdict, partition, code)) => {
                self.conclude(Api::TxnOffsetCommit, verdict, Some((partition, code)), now);
            }
            None if commit.offsets.is_empty() => {
                self.failures = 0;
                self.contents.offsets.pop_front();
                self.events.push_back(TransactionEvent::OffsetsSent(id));
            }
            None => {
                let rule = "TxnOffsetCommit leaves out a partition";
                let reason = TransactionFailureReason::Protocol(rule);
                self.fail(TransactionFailure::abortable(reason));
            }
        }
    }

    fn handle_ended(
        &mut self,
        end: TransactionEnd,
        response: &EndTxnResponse,
        features: CoordinatorFeatures,
        now: Instant,
    ) {
        let code = ErrorCode(response.error_code);
        // The coordinator has aborted what took too long. With the second protocol it takes an abort
        // with the old epoch for that one's and gives the next epoch, as Kafka 4.3.1 shows.
        let is_aborted = code == ErrorCode::INVALID_TXN_STATE
            && self.is_second_protocol
            && end == TransactionEnd::Commit;
        if is_aborted {
            let reason = TransactionFailureReason::Broker { api: Api::EndTxn.name(), code };
            return self.fail(TransactionFailure::abortable(reason));
        }
        if code != ErrorCode::NONE {
            return self.settle(Api::EndTxn, code, now);
        }
        self.failures = 0;
        self.features = features;
        // Spec: KIP-890#epoch-bump: EndTxn v5 tells the identity of the next transaction.
        if response.producer_id >= 0 && response.producer_epoch >= 0 {
            self.adopt(ProducerIdentity {
                id: ProducerId(response.producer_id),
                epoch: ProducerEpoch(response.producer_epoch),
            });
        } else if self.is_second_protocol {
            let rule = "EndTxn gives no producer epoch";
            return self.fail(TransactionFailure::fatal(TransactionFailureReason::Protocol(rule)));
        }
        self.complete(end);
    }

    fn settle(&mut self, api: Api, code: ErrorCode, now: Instant) {
        let blamed = (TopicPartition::new("", -1), code);
        self.conclude(api, verdict(api, code), Some(blamed), now);
    }

    /// Does what a verdict other than [`Verdict::Done`] says.
    fn conclude(
        &mut self,
        api: Api,
        verdict: Verdict,
        blamed: Option<(TopicPartition, ErrorCode)>,
        now: Instant,
    ) {
        let reason = match blamed {
            Some((partition, code)) if partition.partition >= 0 => {
                TransactionFailureReason::Partition { api: api.name(), partition, code }
            }
            Some((_, code)) => TransactionFailureReason::Broker { api: api.name(), code },
            None => TransactionFailureReason::Protocol("there is no answer"),
        };
        match verdict {
            Verdict::Done => {}
            Verdict::Moved => {
                self.is_stale = true;
                self.pause(now);
            }
            Verdict::Retry => self.pause(now),
            Verdict::Concurrent => {
                if self.contents.has_started {
                    self.pause(now);
                } else {
                    self.retry_at = Some(now + CONCURRENT_PAUSE.min(self.backoff.unspread(1)));
                }
            }
            Verdict::Refused if self.identity.is_none() => {
                self.fail(TransactionFailure::new(Severity::Refused, reason));
            }
            Verdict::Refused | Verdict::Fatal => self.fail(TransactionFailure::fatal(reason)),
            Verdict::Fenced => {
                self.fail(TransactionFailure::fatal(TransactionFailureReason::Fenced));
            }
            Verdict::Abort => self.fail_unless_given_up(TransactionFailure::abortable(reason)),
            Verdict::AbortAndBump => {
                self.needs_bump = true;
                let severity = if self.can_bump() { Severity::Abortable } else { Severity::Fatal };
                self.fail_unless_given_up(TransactionFailure::new(severity, reason));
            }
        }
    }

    /// What goes wrong with adding to a transaction that is aborted anyway is no failure.
    fn fail_unless_given_up(&mut self, failure: TransactionFailure) {
        let is_given_up = matches!(
            self.state,
            TransactionState::AbortingTransaction | TransactionState::AbortableError(_)
        );
        let is_of_end = matches!(
            failure.reason,
            TransactionFailureReason::Broker { api, .. } if api == Api::EndTxn.name()
        );
        if failure.severity != Severity::Abortable || is_of_end || !is_given_up {
            self.fail(failure);
        }
    }

    fn pause(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        let pause = self.backoff.delay(self.failures, self.jitter.next_u64());
        self.retry_at = Some(now + pause);
    }
}

impl Step {
    const fn api(self) -> Api {
        match self {
            Self::Initialize => Api::InitProducerId,
            Self::AddPartitions => Api::AddPartitionsToTxn,
            Self::AddOffsets => Api::AddOffsetsToTxn,
            Self::CommitOffsets => Api::TxnOffsetCommit,
            Self::End(_) => Api::EndTxn,
        }
    }
}

/// Whether the code tells only that another partition was refused.
fn is_of_another(code: ErrorCode) -> bool {
    code == ErrorCode::OPERATION_NOT_ATTEMPTED
}
