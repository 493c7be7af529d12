//! The sender's conversations with brokers within transactions.

use std::time::Duration;

use milena_wire::ErrorCode;
use milena_wire::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use milena_wire::messages::{AddPartitionsToTxnResponse, EndTxnResponse, InitProducerIdResponse};
use milena_wire::records::RecordBatches;

use super::stage::{DELIVERY_TIMEOUT, Stage, TOPIC, contents, sent, settings};
use super::{Answer, ProduceCall, SenderSettings};
use crate::negotiation::VersionRange;
use crate::producer::{
    CoordinatorFeatures, Ending, TransactionAnswer, TransactionEnd, TransactionFailure,
    TransactionNumber, TransactionRequest, TransactionSettings,
};

const OLD: CoordinatorFeatures = CoordinatorFeatures { transaction_version: 0, bumps_epoch: false };
const FIRST: CoordinatorFeatures =
    CoordinatorFeatures { transaction_version: 0, bumps_epoch: true };
const SECOND: CoordinatorFeatures =
    CoordinatorFeatures { transaction_version: 2, bumps_epoch: true };

/// A stage with transactions, and the coordinator on the other side.
struct Play {
    stage: Stage,
    features: CoordinatorFeatures,
    epoch: i16,
    number: TransactionNumber,
}

impl Play {
    /// A producer that is ready, in epoch 0.
    fn new(features: CoordinatorFeatures, partitions: usize) -> Self {
        let transactions =
            TransactionSettings { transactional_id: "t".into(), timeout: Duration::from_secs(60) };
        let settings = SenderSettings {
            transactions: Some(transactions),
            linger: Duration::ZERO,
            ..settings()
        };
        let stage = Stage::without_producer_id(settings, partitions);
        let mut play = Self { stage, features, epoch: 0, number: TransactionNumber(0) };
        assert_eq!(play.stage.sender.initialize_transactions(), Ok(Ending::Waiting));
        assert!(play.produce().is_empty());
        play.initialize();
        play
    }

    /// Answers InitProducerId.
    fn initialize(&mut self) {
        let TransactionRequest::InitProducerId(_) = self.call() else { panic!("another request") };
        let response = InitProducerIdResponse {
            producer_id: 7,
            producer_epoch: self.epoch,
            ..InitProducerIdResponse::default()
        };
        self.answer(TransactionAnswer::InitProducerId(response, self.features));
    }

    fn begin(&mut self) {
        self.number = self.stage.sender.begin_transaction().unwrap();
    }

    /// Every produce request that can be sent now; those to the coordinator are kept.
    fn produce(&mut self) -> Vec<ProduceCall> {
        self.stage.requests()
    }

    /// The request to the coordinator.
    fn call(&mut self) -> TransactionRequest {
        assert!(self.produce().is_empty());
        assert_eq!(self.stage.calls.len(), 1, "{:?}", self.stage.calls);
        self.stage.calls.remove(0).request
    }

    fn answer(&mut self, answer: TransactionAnswer) {
        self.stage.sender.handle_transaction_answer(answer, self.stage.now);
        self.stage.take_events();
    }

    /// Answers AddPartitionsToTxn; returns the partitions.
    fn add(&mut self) -> Vec<i32> {
        let TransactionRequest::AddPartitions(request) = self.call() else { panic!("another one") };
        let topic = &request.v3_and_below_topics[0];
        assert_eq!(topic.name, TOPIC);
        let result = |partition_index: &i32| AddPartitionsToTxnPartitionResult {
            partition_index: *partition_index,
            ..AddPartitionsToTxnPartitionResult::default()
        };
        let results = AddPartitionsToTxnTopicResult {
            name: topic.name.clone(),
            results_by_partition: topic.partitions.iter().map(result).collect(),
            ..AddPartitionsToTxnTopicResult::default()
        };
        self.answer(TransactionAnswer::AddPartitions(AddPartitionsToTxnResponse {
            results_by_topic_v3_and_below: vec![results],
            ..AddPartitionsToTxnResponse::default()
        }));
        topic.partitions.iter().copied().collect()
    }

    fn ask_for(&mut self, end: TransactionEnd) -> Result<Ending, TransactionFailure> {
        let (number, now) = (self.number, self.stage.now);
        self.stage.sender.end_transaction(number, end, &mut self.stage.queues, now)
    }

    /// Answers EndTxn; returns whether it commits.
    fn end(&mut self) -> bool {
        let TransactionRequest::End(request) = self.call() else { panic!("another request") };
        let is_second = self.features.transaction_version == 2;
        self.epoch += i16::from(is_second);
        let (producer_id, producer_epoch) = if is_second { (7, self.epoch) } else { (-1, -1) };
        let response = EndTxnResponse { producer_id, producer_epoch, ..EndTxnResponse::default() };
        self.answer(TransactionAnswer::End(response, self.features));
        request.committed
    }

    /// Begins a transaction that has partition 0, whose first batch is acknowledged.
    fn flowing(features: CoordinatorFeatures) -> Self {
        let mut play = Self::new(features, 2);
        play.begin();
        play.stage.batch(0, 1);
        if features.transaction_version < 2 {
            assert_eq!(play.add(), [0]);
        }
        let call = play.produce().remove(0);
        play.stage.answer(&call, ErrorCode::NONE);
        play
    }

    fn state(&self) -> &'static str {
        self.stage.sender.transaction_state().unwrap().name()
    }
}

fn is_transactional(call: &ProduceCall) -> bool {
    let data = &call.request.topic_data[0].partition_data[0];
    let batch = RecordBatches::new(data.records.clone().unwrap()).next().unwrap().unwrap();
    batch.is_transactional() && call.request.transactional_id.as_deref() == Some("t")
}

#[test]
fn records_wait_until_their_partition_is_part_of_the_transaction() {
    let mut play = Play::new(FIRST, 2);
    play.begin();
    play.stage.batch(0, 2);
    play.stage.append(1, b"open");
    assert_eq!(play.add(), [0, 1], "both with one request");
    let calls = play.produce();
    assert_eq!(contents(&calls[0]), [sent(0, 0, 0, 2), sent(1, 0, 0, 1)]);
    assert!(is_transactional(&calls[0]));
    assert_eq!(calls[0].versions, VersionRange { min: 3, max: 11 });
    play.stage.answer(&calls[0], ErrorCode::NONE);
    play.stage.batch(0, 1);
    let call = play.produce().remove(0);
    assert_eq!(contents(&call), [sent(0, 0, 2, 1)], "it is added once");
    play.ask_for(TransactionEnd::Commit).unwrap();
    assert!(play.produce().is_empty() && play.stage.calls.is_empty(), "a batch is out");
    play.stage.answer(&call, ErrorCode::NONE);
    assert!(play.end());
    // The next transaction adds it again, and its sequence goes on.
    play.begin();
    play.stage.batch(0, 1);
    assert_eq!(play.add(), [0]);
    assert_eq!(contents(&play.produce()[0]), [sent(0, 0, 3, 1)]);
}

#[test]
fn second_protocol_sends_at_once_and_starts_again_in_the_next_epoch() {
    let mut play = Play::new(SECOND, 1);
    play.begin();
    play.stage.batch(0, 2);
    let call = play.produce().remove(0);
    assert_eq!(contents(&call), [sent(0, 0, 0, 2)]);
    assert_eq!(call.versions, VersionRange { min: 12, max: i16::MAX });
    play.stage.answer(&call, ErrorCode::NONE);
    play.ask_for(TransactionEnd::Commit).unwrap();
    assert!(play.end());
    play.begin();
    play.stage.batch(0, 1);
    assert_eq!(contents(&play.produce()[0]), [sent(0, 1, 0, 1)]);
}

#[test]
fn commit_takes_batches_along_that_nobody_has_announced() {
    let mut play = Play::new(FIRST, 1);
    play.begin();
    play.stage.append(0, b"announced");
    play.stage.queues.0[0].append(None, Some(b"not"), &[], Some(1), || 1).unwrap();
    play.ask_for(TransactionEnd::Commit).unwrap();
    assert_eq!(play.add(), [0]);
    let call = play.produce().remove(0);
    assert_eq!(contents(&call), [sent(0, 0, 0, 2)]);
    play.stage.answer(&call, ErrorCode::NONE);
    assert!(play.end());
}

#[test]
fn abort_fails_what_was_not_sent_and_waits_for_what_was() {
    let mut play = Play::flowing(FIRST);
    let out = play.stage.batch(0, 1);
    let call = play.produce().remove(0);
    let waiting = play.stage.batch(1, 1);
    play.ask_for(TransactionEnd::Abort).unwrap();
    assert!(play.produce().is_empty());
    assert_eq!(play.stage.outcome(waiting), "not written: the transaction was aborted");
    play.stage.answer(&call, ErrorCode::NONE);
    assert_eq!(play.stage.outcome(out), "at 10");
    assert!(!play.end());
    assert_eq!((play.state(), play.stage.reserved), ("READY", 0));
}

#[test]
fn batch_of_unknown_fate_is_sent_again_before_the_abort() {
    let mut play = Play::flowing(FIRST);
    play.stage.batch(0, 1);
    let call = play.produce().remove(0);
    play.ask_for(TransactionEnd::Abort).unwrap();
    play.stage.finish(&call, Answer::Lost);
    play.stage.sender.handle_connected(crate::BrokerId(1));
    play.stage.wait(Duration::from_secs(1));
    let again = play.produce().remove(0);
    assert_eq!(contents(&again), [sent(0, 0, 1, 1)]);
    play.stage.answer(&again, ErrorCode::DUPLICATE_SEQUENCE_NUMBER);
    assert!(!play.end());
    assert_eq!(play.state(), "READY", "nothing is missing, so the epoch is good");
}

#[test]
fn failed_batch_has_the_transaction_aborted_and_the_epoch_changed() {
    let mut play = Play::flowing(FIRST);
    let batches = [play.stage.batch(0, 1), play.stage.batch(0, 1), play.stage.batch(1, 1)];
    let calls = play.produce();
    assert_eq!(calls.iter().flat_map(contents).count(), 2, "the other partition is to be added");
    play.stage.answer(&calls[0], ErrorCode::INVALID_RECORD);
    assert_eq!(play.state(), "ABORTABLE_ERROR");
    assert!(play.produce().is_empty());
    play.stage.answer(&calls[1], ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert!(play.produce().is_empty());
    assert_eq!(play.stage.outcome(batches[0]), "not written: INVALID_RECORD");
    for batch in &batches[1..] {
        let outcome = play.stage.outcome(*batch);
        assert!(outcome.starts_with("not written: "), "{outcome}");
    }
    assert_eq!(play.stage.reserved, 0);
    play.ask_for(TransactionEnd::Abort).unwrap();
    assert_eq!(play.add(), [1], "the request was on its way");
    assert!(!play.end());
    play.epoch = 1;
    play.initialize();
    play.begin();
    play.stage.batch(0, 1);
    play.add();
    assert_eq!(contents(&play.produce()[0]), [sent(0, 1, 0, 1)]);
}

#[test]
fn without_epochs_sequences_go_back_to_what_was_not_written() {
    let mut play = Play::flowing(OLD);
    play.stage.batch(0, 3);
    play.stage.batch(0, 1);
    let calls = play.produce();
    play.stage.answer(&calls[0], ErrorCode::INVALID_RECORD);
    play.stage.answer(&calls[1], ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    play.ask_for(TransactionEnd::Abort).unwrap();
    assert!(!play.end());
    assert_eq!(play.state(), "READY");
    play.begin();
    play.stage.batch(0, 1);
    play.add();
    assert_eq!(contents(&play.produce()[0]), [sent(0, 0, 1, 1)]);
}

#[test]
fn without_epochs_a_forgotten_producer_starts_at_zero() {
    let mut play = Play::flowing(OLD);
    play.stage.batch(0, 1);
    let call = play.produce().remove(0);
    play.stage.answer(&call, ErrorCode::UNKNOWN_PRODUCER_ID);
    assert_eq!(play.state(), "ABORTABLE_ERROR");
    play.ask_for(TransactionEnd::Abort).unwrap();
    assert!(!play.end());
    play.begin();
    play.stage.batch(0, 1);
    play.add();
    assert_eq!(contents(&play.produce()[0]), [sent(0, 0, 0, 1)]);
}

#[test]
fn without_epochs_records_of_unknown_fate_end_the_producer() {
    let mut play = Play::flowing(OLD);
    let batch = play.stage.batch(0, 1);
    let call = play.produce().remove(0);
    play.stage.finish(&call, Answer::Lost);
    play.stage.wait(DELIVERY_TIMEOUT);
    assert!(play.produce().is_empty());
    assert!(play.stage.outcome(batch).starts_with("maybe written"));
    assert_eq!(play.state(), "FATAL_ERROR");
}

#[test]
fn gap_does_not_start_the_sequences_again_within_a_transaction() {
    for features in [FIRST, SECOND] {
        let mut play = Play::flowing(features);
        play.stage.batch(0, 1);
        let call = play.produce().remove(0);
        play.stage.answer(&call, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        assert_eq!(play.state(), "ABORTABLE_ERROR");
        assert!(play.produce().is_empty(), "the epoch is the coordinator's to give");
    }
}

#[test]
fn fenced_producer_fails_everything() {
    let mut play = Play::flowing(FIRST);
    let first = play.stage.batch(0, 1);
    let call = play.produce().remove(0);
    let second = play.stage.batch(1, 1);
    play.stage.answer(&call, ErrorCode::PRODUCER_FENCED);
    assert!(play.produce().is_empty());
    assert_eq!(play.state(), "FATAL_ERROR");
    for batch in [first, second] {
        assert!(play.stage.outcome(batch).starts_with("not written"));
    }
    let late = play.stage.batch(0, 1);
    assert!(play.produce().is_empty());
    assert!(play.stage.outcome(late).contains("taken over"), "{}", play.stage.outcome(late));
    assert_eq!(play.stage.reserved, 0);
}

#[test]
fn batch_that_never_left_is_not_sent_after_a_failure() {
    let mut play = Play::flowing(FIRST);
    let batch = play.stage.batch(0, 1);
    let call = play.produce().remove(0);
    play.ask_for(TransactionEnd::Abort).unwrap();
    play.stage.finish(&call, Answer::NotSent);
    assert_eq!(play.stage.outcome(batch), "not written: the transaction was aborted");
    assert!(!play.end());
    assert_eq!(play.state(), "INITIALIZING", "its sequence is missing");
}

#[test]
fn records_between_transactions_are_not_sent() {
    let mut play = Play::new(SECOND, 1);
    let stray = play.stage.batch(0, 1);
    assert!(play.produce().is_empty());
    assert!(play.stage.outcome(stray).starts_with("not written"));
    play.begin();
    play.stage.batch(0, 1);
    assert_eq!(contents(&play.produce()[0]), [sent(0, 0, 0, 1)]);
}

#[test]
fn busy_partition_is_asked_again_with_the_same_sequence() {
    let mut play = Play::new(SECOND, 1);
    play.begin();
    play.stage.batch(0, 1);
    let call = play.produce().remove(0);
    play.stage.answer(&call, ErrorCode::CONCURRENT_TRANSACTIONS);
    assert_eq!(play.state(), "IN_TRANSACTION");
    play.stage.wait(Duration::from_secs(1));
    let again = play.produce().remove(0);
    assert_eq!(contents(&again), [sent(0, 0, 0, 1)]);
}
