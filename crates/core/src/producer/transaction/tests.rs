//! The machine under a virtual clock: every way through the states, and every class of error.

use std::collections::BTreeMap;

use milena_wire::ErrorCode;
use milena_wire::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use milena_wire::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use milena_wire::messages::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, EndTxnResponse, InitProducerIdResponse,
    TxnOffsetCommitResponse,
};

use super::*;
use crate::producer::sequence::{ProducerEpoch, ProducerId};

const PAUSE: Duration = Duration::from_millis(100);
const FIRST: CoordinatorFeatures =
    CoordinatorFeatures { transaction_version: 0, bumps_epoch: true };
const OLD: CoordinatorFeatures = CoordinatorFeatures { transaction_version: 0, bumps_epoch: false };
const SECOND: CoordinatorFeatures =
    CoordinatorFeatures { transaction_version: 2, bumps_epoch: true };

struct Play {
    machine: TransactionMachine,
    features: CoordinatorFeatures,
    now: Instant,
    is_drained: bool,
}

impl Play {
    fn new(features: CoordinatorFeatures) -> Self {
        let settings = TransactionSettings {
            transactional_id: "payments".into(),
            timeout: Duration::from_secs(60),
        };
        let machine = TransactionMachine::new(settings, Backoff::new(PAUSE, PAUSE), 1);
        Self { machine, features, now: Instant::now(), is_drained: true }
    }

    /// A producer that is ready, with id 7 in epoch 0.
    fn ready(features: CoordinatorFeatures) -> Self {
        let mut play = Self::new(features);
        assert_eq!(play.machine.initialize(), Ok(Ending::Waiting));
        assert_eq!(play.request(), "InitProducerId(-1, -1)");
        play.initialized(0);
        assert_eq!(play.state(), "READY");
        assert_eq!(play.machine.poll_event(), Some(TransactionEvent::Initialized));
        play
    }

    /// A producer whose transaction has partition 0.
    fn open(features: CoordinatorFeatures) -> Self {
        let mut play = Self::ready(features);
        play.machine.begin().unwrap();
        play.add(0);
        if features.transaction_version < 2 {
            assert_eq!(play.request(), "AddPartitionsToTxn(t-0)");
            play.added(ErrorCode::NONE);
        }
        assert_eq!(play.machine.take_effects().admitted, [PartitionKey(0)]);
        play
    }

    fn state(&self) -> &'static str {
        self.machine.state().name()
    }

    fn add(&mut self, partition: i32) {
        let key = PartitionKey(usize::try_from(partition).unwrap());
        self.machine.add_partition(TopicPartition::new("t", partition), key);
    }

    fn call(&mut self) -> Option<TransactionCall> {
        self.machine.poll_call(self.is_drained, self.now)
    }

    /// The next request, in short; empty if there is none.
    fn request(&mut self) -> String {
        let Some(call) = self.call() else { return String::new() };
        match call.request {
            TransactionRequest::InitProducerId(request) => {
                format!("InitProducerId({}, {})", request.producer_id, request.producer_epoch)
            }
            TransactionRequest::AddPartitions(request) => {
                let topics = request.v3_and_below_topics.iter();
                let names: Vec<String> = topics
                    .flat_map(|topic| {
                        topic.partitions.iter().map(|index| format!("{}-{index}", topic.name))
                    })
                    .collect();
                format!("AddPartitionsToTxn({})", names.join(", "))
            }
            TransactionRequest::AddOffsets(request) => {
                format!("AddOffsetsToTxn({})", request.group_id)
            }
            TransactionRequest::CommitOffsets(request) => {
                let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
                let offsets: Vec<i64> = partitions.map(|one| one.committed_offset).collect();
                format!(
                    "TxnOffsetCommit({}, {}, {}, {offsets:?})",
                    request.group_id, request.member_id, request.generation_id_or_member_epoch
                )
            }
            TransactionRequest::End(request) => format!(
                "EndTxn({}, {}, {})",
                request.producer_id, request.producer_epoch, request.committed
            ),
        }
    }

    fn answer(&mut self, answer: TransactionAnswer) {
        self.machine.handle_answer(answer, self.now);
    }

    fn initialized_with(&mut self, code: ErrorCode, producer_epoch: i16) {
        let response = InitProducerIdResponse {
            error_code: code.0,
            producer_id: 7,
            producer_epoch,
            ..InitProducerIdResponse::default()
        };
        self.answer(TransactionAnswer::InitProducerId(response, self.features));
    }

    fn initialized(&mut self, producer_epoch: i16) {
        self.initialized_with(ErrorCode::NONE, producer_epoch);
    }

    /// Answers for every partition that was asked for.
    fn added(&mut self, code: ErrorCode) {
        let asked = self.machine.contents.joining.keys().map(|partition| (partition, code));
        let answer = TransactionAnswer::AddPartitions(partitions(asked));
        self.answer(answer);
    }

    fn group_added(&mut self, code: ErrorCode) {
        let response =
            AddOffsetsToTxnResponse { error_code: code.0, ..AddOffsetsToTxnResponse::default() };
        self.answer(TransactionAnswer::AddOffsets(response));
    }

    fn committed(&mut self, codes: &[(i32, ErrorCode)]) {
        let partitions = codes
            .iter()
            .map(|(partition_index, code)| TxnOffsetCommitResponsePartition {
                partition_index: *partition_index,
                error_code: code.0,
                ..TxnOffsetCommitResponsePartition::default()
            })
            .collect();
        let topic = TxnOffsetCommitResponseTopic {
            name: "in".into(),
            partitions,
            ..TxnOffsetCommitResponseTopic::default()
        };
        let response = TxnOffsetCommitResponse {
            topics: vec![topic],
            ..TxnOffsetCommitResponse::default()
        };
        self.answer(TransactionAnswer::CommitOffsets(response));
    }

    fn ended(&mut self, code: ErrorCode) {
        let epoch = self.machine.identity.unwrap().epoch.0;
        let is_second = self.machine.adds_implicitly() && code == ErrorCode::NONE;
        let (producer_id, producer_epoch) = if is_second { (7, epoch + 1) } else { (-1, -1) };
        let response = EndTxnResponse {
            error_code: code.0,
            producer_id,
            producer_epoch,
            ..EndTxnResponse::default()
        };
        self.answer(TransactionAnswer::End(response, self.features));
    }

    fn end(&mut self, end: TransactionEnd) -> Result<Ending, TransactionFailure> {
        self.machine.end(self.machine.number, end)
    }

    fn offsets(&mut self) -> Result<OffsetsId, TransactionFailure> {
        let offset = |offset| OffsetAndMetadata { offset, ..OffsetAndMetadata::default() };
        let offsets = TransactionOffsets {
            group_id: "g".into(),
            generation_id: 3,
            member_id: "m".into(),
            group_instance_id: None,
            offsets: BTreeMap::from([
                (TopicPartition::new("in", 0), offset(5)),
                (TopicPartition::new("in", 1), offset(6)),
            ]),
        };
        self.machine.send_offsets(self.machine.number, offsets)
    }

    fn failure(&mut self) -> Option<(Severity, String)> {
        match self.machine.poll_event()? {
            TransactionEvent::Failed(failure) => Some((failure.severity, failure.to_string())),
            other => panic!("{other:?}"),
        }
    }

    fn wait(&mut self) {
        let at = self.machine.deadline(self.now).expect("there is something to wait for");
        self.now = at;
    }
}

fn partitions<'a>(
    codes: impl Iterator<Item = (&'a TopicPartition, ErrorCode)>,
) -> AddPartitionsToTxnResponse {
    let topics = codes
        .map(|(partition, code)| AddPartitionsToTxnTopicResult {
            name: partition.topic.clone(),
            results_by_partition: vec![AddPartitionsToTxnPartitionResult {
                partition_index: partition.partition,
                partition_error_code: code.0,
                ..AddPartitionsToTxnPartitionResult::default()
            }],
            ..AddPartitionsToTxnTopicResult::default()
        })
        .collect();
    AddPartitionsToTxnResponse {
        results_by_topic_v3_and_below: topics,
        ..AddPartitionsToTxnResponse::default()
    }
}

fn identity(epoch: i16) -> ProducerIdentity {
    ProducerIdentity { id: ProducerId(7), epoch: ProducerEpoch(epoch) }
}

#[test]
fn first_protocol_adds_what_is_sent_to_and_keeps_its_epoch() {
    let mut play = Play::ready(FIRST);
    assert_eq!(play.machine.take_effects().identity, Some(identity(0)));
    assert_eq!(play.machine.begin(), Ok(TransactionNumber(1)));
    assert_eq!(play.request(), "");
    play.add(2);
    play.add(0);
    play.add(2);
    assert_eq!(play.request(), "AddPartitionsToTxn(t-0, t-2)");
    // Nothing else is sent meanwhile; what comes meanwhile goes with the next request.
    play.add(1);
    assert_eq!(play.end(TransactionEnd::Commit), Ok(Ending::Waiting));
    assert_eq!(play.request(), "");
    let asked = [TopicPartition::new("t", 0), TopicPartition::new("t", 2)];
    let codes = asked.iter().map(|partition| (partition, ErrorCode::NONE));
    play.answer(TransactionAnswer::AddPartitions(partitions(codes)));
    assert_eq!(play.machine.take_effects().admitted, [PartitionKey(0), PartitionKey(2)]);
    assert_eq!(play.request(), "AddPartitionsToTxn(t-1)");
    play.added(ErrorCode::NONE);
    play.is_drained = false;
    assert_eq!(play.request(), "", "records are answered first");
    play.is_drained = true;
    assert_eq!(play.request(), "EndTxn(7, 0, true)");
    assert_eq!(play.state(), "COMMITTING_TRANSACTION");
    play.machine.take_effects();
    play.ended(ErrorCode::NONE);
    let ended = TransactionEvent::Ended(TransactionNumber(1), TransactionEnd::Commit);
    assert_eq!(play.machine.poll_event(), Some(ended));
    let effects = play.machine.take_effects();
    assert!(effects.has_ended && effects.identity.is_none() && !play.machine.take_failed());
    assert_eq!(play.machine.begin(), Ok(TransactionNumber(2)));
}

#[test]
fn second_protocol_adds_nothing_and_takes_the_next_epoch_with_the_end() {
    let mut play = Play::open(SECOND);
    assert_eq!(play.request(), "");
    let id = play.offsets().unwrap();
    let call = play.call().unwrap();
    assert_eq!(call.version_max, 5);
    assert!(matches!(call.request, TransactionRequest::CommitOffsets(_)));
    play.committed(&[(0, ErrorCode::NONE), (1, ErrorCode::NONE)]);
    assert_eq!(play.machine.poll_event(), Some(TransactionEvent::OffsetsSent(id)));
    play.end(TransactionEnd::Commit).unwrap();
    assert_eq!(play.request(), "EndTxn(7, 0, true)");
    play.ended(ErrorCode::NONE);
    let effects = play.machine.take_effects();
    assert_eq!((effects.identity, effects.has_ended), (Some(identity(1)), true));
    play.machine.begin().unwrap();
    play.add(0);
    play.end(TransactionEnd::Abort).unwrap();
    assert_eq!(play.request(), "EndTxn(7, 1, false)");
}

#[test]
fn first_protocol_speaks_versions_before_the_second() {
    let mut play = Play::open(FIRST);
    play.offsets().unwrap();
    play.call().unwrap();
    play.group_added(ErrorCode::NONE);
    assert_eq!(play.call().unwrap().version_max, 4);
    play.committed(&[(0, ErrorCode::NONE), (1, ErrorCode::NONE)]);
    play.end(TransactionEnd::Commit).unwrap();
    assert_eq!(play.call().unwrap().version_max, 4);
}

#[test]
fn transaction_of_nothing_needs_no_request() {
    for features in [OLD, FIRST, SECOND] {
        for end in [TransactionEnd::Commit, TransactionEnd::Abort] {
            let mut play = Play::ready(features);
            let number = play.machine.begin().unwrap();
            assert_eq!(play.end(end), Ok(Ending::Waiting));
            assert_eq!(play.request(), "");
            assert_eq!(play.machine.poll_event(), Some(TransactionEvent::Ended(number, end)));
            assert_eq!(play.state(), "READY");
        }
    }
}

#[test]
fn an_end_may_be_asked_for_again_but_not_the_other_one() {
    let mut play = Play::open(FIRST);
    let number = play.machine.number;
    play.end(TransactionEnd::Commit).unwrap();
    assert_eq!(play.request(), "EndTxn(7, 0, true)");
    assert_eq!(play.end(TransactionEnd::Commit), Ok(Ending::Waiting));
    let refused = play.end(TransactionEnd::Abort).unwrap_err();
    assert_eq!(refused.to_string(), "abort is not possible in the state COMMITTING_TRANSACTION");
    assert_eq!(refused.severity, Severity::Refused);
    play.ended(ErrorCode::NONE);
    assert_eq!(play.end(TransactionEnd::Commit), Ok(Ending::Done));
    assert!(play.end(TransactionEnd::Abort).unwrap_err().to_string().contains("committed"));
    play.machine.begin().unwrap();
    let late = play.machine.end(number, TransactionEnd::Commit).unwrap_err();
    assert_eq!(late.to_string(), "commit is not possible in the state ended");
    assert_eq!(play.state(), "IN_TRANSACTION");
}

#[test]
fn calls_out_of_order_are_refused_and_change_nothing() {
    let mut play = Play::new(FIRST);
    assert_eq!(play.machine.begin().unwrap_err().severity, Severity::Refused);
    assert!(play.offsets().is_err());
    play.machine.initialize().unwrap();
    assert!(play.machine.begin().is_err());
    assert_eq!(play.request(), "InitProducerId(-1, -1)");
    play.initialized(0);
    assert!(play.offsets().is_err());
    assert!(play.end(TransactionEnd::Commit).is_err());
    assert_eq!(play.machine.initialize(), Ok(Ending::Done), "it is done already");
    play.machine.begin().unwrap();
    assert!(play.machine.begin().is_err());
    assert!(play.machine.initialize().is_err());
    assert_eq!(play.state(), "IN_TRANSACTION");
}

#[test]
fn passing_errors_are_asked_again_after_a_pause() {
    let mut play = Play::new(FIRST);
    play.machine.initialize().unwrap();
    for (answer, is_stale) in [
        (TransactionAnswer::Lost, true),
        (TransactionAnswer::NoCoordinator(ErrorCode::COORDINATOR_NOT_AVAILABLE), true),
        (TransactionAnswer::NoCoordinator(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS), false),
    ] {
        assert!(play.call().is_some());
        play.answer(answer);
        assert!(play.call().is_none(), "not before the pause is over");
        play.wait();
        assert_eq!(play.machine.is_stale, is_stale);
    }
    assert_eq!(play.request(), "InitProducerId(-1, -1)");
    play.initialized_with(ErrorCode::CONCURRENT_TRANSACTIONS, -1);
    play.wait();
    assert_eq!(play.request(), "InitProducerId(-1, -1)");
    play.initialized(4);
    assert_eq!(play.machine.identity, Some(identity(4)));
    assert_eq!(play.machine.deadline(play.now), None, "nothing is left to wait for");
}

#[test]
fn lost_coordinator_is_looked_up_again_and_the_end_is_repeated() {
    for features in [FIRST, SECOND] {
        let mut play = Play::open(features);
        play.end(TransactionEnd::Commit).unwrap();
        assert_eq!(play.request(), "EndTxn(7, 0, true)");
        play.answer(TransactionAnswer::Lost);
        play.wait();
        let call = play.call().unwrap();
        assert!(call.is_stale);
        play.ended(ErrorCode::NOT_COORDINATOR);
        play.wait();
        assert!(play.call().unwrap().is_stale);
        play.ended(ErrorCode::CONCURRENT_TRANSACTIONS);
        play.wait();
        assert!(!play.call().unwrap().is_stale);
        play.ended(ErrorCode::NONE);
        assert_eq!(play.state(), "READY");
    }
}

#[test]
fn partitions_of_a_new_transaction_wait_shortly_for_the_one_before() {
    let mut play = Play::ready(FIRST);
    play.machine.begin().unwrap();
    play.add(0);
    play.request();
    play.added(ErrorCode::CONCURRENT_TRANSACTIONS);
    let pause = play.machine.deadline(play.now).unwrap() - play.now;
    assert!(pause < PAUSE / 2, "{pause:?}");
    play.wait();
    assert_eq!(play.request(), "AddPartitionsToTxn(t-0)");
}

#[test]
fn refused_initialization_can_be_asked_for_again() {
    let mut play = Play::new(FIRST);
    play.machine.initialize().unwrap();
    play.request();
    play.initialized_with(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED, -1);
    assert_eq!(play.failure().unwrap().0, Severity::Refused);
    assert_eq!(play.state(), "UNINITIALIZED");
    assert_eq!(play.machine.initialize(), Ok(Ending::Waiting));
    assert_eq!(play.request(), "InitProducerId(-1, -1)");
}

#[test]
fn errors_that_end_the_producer_end_it_for_good() {
    for code in [
        ErrorCode::PRODUCER_FENCED,
        ErrorCode::INVALID_PRODUCER_EPOCH,
        ErrorCode::INVALID_TXN_STATE,
        ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ] {
        let mut play = Play::open(FIRST);
        play.end(TransactionEnd::Commit).unwrap();
        play.request();
        play.ended(code);
        assert_eq!(play.state(), "FATAL_ERROR");
        let (severity, text) = play.failure().unwrap();
        assert_eq!(severity, Severity::Fatal);
        assert!(text.contains("taken over") || text.contains(&code.to_string()), "{text}");
        assert!(play.machine.take_failed());
        assert_eq!(play.request(), "");
        assert_eq!(play.machine.begin().unwrap_err().severity, Severity::Fatal);
        assert_eq!(play.end(TransactionEnd::Abort).unwrap_err().severity, Severity::Fatal);
    }
}

#[test]
fn commit_of_a_transaction_that_took_too_long_leaves_the_abort() {
    let mut play = Play::open(SECOND);
    play.end(TransactionEnd::Commit).unwrap();
    play.request();
    play.ended(ErrorCode::INVALID_TXN_STATE);
    assert_eq!(play.failure().unwrap().0, Severity::Abortable);
    play.end(TransactionEnd::Abort).unwrap();
    assert_eq!(play.request(), "EndTxn(7, 0, false)");
    play.ended(ErrorCode::NONE);
    assert_eq!(play.state(), "READY");
    assert_eq!(play.machine.identity, Some(identity(1)));
}

#[test]
fn refused_partition_makes_the_transaction_abortable() {
    let mut play = Play::open(FIRST);
    play.add(1);
    play.add(2);
    play.request();
    let (one, two) = (TopicPartition::new("t", 1), TopicPartition::new("t", 2));
    let codes = [
        (&one, ErrorCode::OPERATION_NOT_ATTEMPTED),
        (&two, ErrorCode::TOPIC_AUTHORIZATION_FAILED),
    ];
    play.answer(TransactionAnswer::AddPartitions(partitions(codes.into_iter())));
    let (severity, text) = play.failure().unwrap();
    assert_eq!(severity, Severity::Abortable);
    assert!(text.contains("TOPIC_AUTHORIZATION_FAILED for t-2"), "{text}");
    let refused = play.end(TransactionEnd::Commit).unwrap_err();
    assert_eq!(refused.severity, Severity::Abortable);
    assert!(play.offsets().is_err());
    play.end(TransactionEnd::Abort).unwrap();
    assert_eq!(play.request(), "EndTxn(7, 0, false)");
    play.ended(ErrorCode::NONE);
    assert_eq!(play.state(), "READY");
    play.machine.begin().unwrap();
}

#[test]
fn partition_that_may_have_been_added_is_confirmed_before_the_abort() {
    let mut play = Play::ready(FIRST);
    play.machine.begin().unwrap();
    play.add(0);
    play.request();
    play.add(1);
    play.answer(TransactionAnswer::Lost);
    play.end(TransactionEnd::Abort).unwrap();
    play.wait();
    assert_eq!(play.request(), "AddPartitionsToTxn(t-0)", "the other was never sent");
    play.added(ErrorCode::NONE);
    assert_eq!(play.machine.take_effects().admitted, [], "nothing is to be sent to it");
    assert_eq!(play.request(), "EndTxn(7, 0, false)");
}

#[test]
fn partition_that_is_gone_does_not_hold_an_abort_up() {
    let mut play = Play::ready(FIRST);
    play.machine.begin().unwrap();
    play.add(0);
    play.request();
    play.end(TransactionEnd::Abort).unwrap();
    play.added(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(play.request(), "");
    assert_eq!(play.state(), "READY");
}

#[test]
fn offsets_go_to_the_group_once_it_is_part_of_the_transaction() {
    let mut play = Play::open(FIRST);
    let first = play.offsets().unwrap();
    let second = play.offsets().unwrap();
    assert_eq!(play.request(), "AddOffsetsToTxn(g)");
    play.group_added(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    play.wait();
    assert_eq!(play.request(), "AddOffsetsToTxn(g)");
    play.group_added(ErrorCode::NONE);
    assert_eq!(play.request(), "TxnOffsetCommit(g, m, 3, [5, 6])");
    play.committed(&[(0, ErrorCode::NONE), (1, ErrorCode::NOT_COORDINATOR)]);
    play.wait();
    assert_eq!(play.request(), "TxnOffsetCommit(g, m, 3, [6])", "the rest of them");
    play.committed(&[(1, ErrorCode::NONE)]);
    assert_eq!(play.machine.poll_event(), Some(TransactionEvent::OffsetsSent(first)));
    play.end(TransactionEnd::Commit).unwrap();
    assert_eq!(play.request(), "TxnOffsetCommit(g, m, 3, [5, 6])");
    play.committed(&[(0, ErrorCode::NONE), (1, ErrorCode::NONE)]);
    assert_eq!(play.machine.poll_event(), Some(TransactionEvent::OffsetsSent(second)));
    assert_eq!(play.request(), "EndTxn(7, 0, true)");
}

#[test]
fn consumer_that_lost_its_partitions_makes_the_transaction_abortable() {
    for code in [
        ErrorCode::ILLEGAL_GENERATION,
        ErrorCode::UNKNOWN_MEMBER_ID,
        ErrorCode::FENCED_INSTANCE_ID,
        ErrorCode::GROUP_AUTHORIZATION_FAILED,
        ErrorCode::TRANSACTION_ABORTABLE,
    ] {
        let mut play = Play::open(SECOND);
        play.offsets().unwrap();
        play.request();
        play.committed(&[(0, ErrorCode::NONE), (1, code)]);
        assert_eq!(play.failure().unwrap().0, Severity::Abortable, "{code}");
        play.end(TransactionEnd::Abort).unwrap();
        assert_eq!(play.request(), "EndTxn(7, 0, false)");
    }
}

#[test]
fn offsets_that_the_coordinator_is_too_old_for_leave_the_producer_whole() {
    let mut play = Play::open(OLD);
    play.offsets().unwrap();
    play.request();
    play.group_added(ErrorCode::NONE);
    play.request();
    play.answer(TransactionAnswer::Unsupported("no members".to_owned()));
    assert_eq!(play.failure(), Some((Severity::Abortable, "no members".to_owned())));
}

#[test]
fn gap_is_closed_by_a_new_epoch_after_the_abort() {
    let mut play = Play::open(FIRST);
    play.machine.note_gap();
    play.machine.handle_delivery_failed(TransactionFailure::abortable(
        TransactionFailureReason::Unresolved,
    ));
    assert_eq!(play.state(), "ABORTABLE_ERROR");
    play.end(TransactionEnd::Abort).unwrap();
    assert_eq!(play.request(), "EndTxn(7, 0, false)");
    play.machine.poll_event();
    play.ended(ErrorCode::NONE);
    assert_eq!(play.state(), "INITIALIZING");
    assert_eq!(play.machine.poll_event(), None, "it has not ended before the epoch is there");
    assert_eq!(play.end(TransactionEnd::Abort), Ok(Ending::Waiting));
    assert_eq!(play.request(), "InitProducerId(7, 0)");
    play.answer(TransactionAnswer::Lost);
    play.wait();
    assert_eq!(play.request(), "InitProducerId(7, 0)");
    play.initialized(1);
    let ended = TransactionEvent::Ended(TransactionNumber(1), TransactionEnd::Abort);
    assert_eq!(play.machine.poll_event(), Some(ended));
    assert_eq!(play.machine.take_effects().identity, Some(identity(1)));
}

#[test]
fn gap_needs_no_request_where_the_end_gives_an_epoch_or_none_can_be_had() {
    for (features, expected) in [(SECOND, Some(identity(1))), (OLD, None)] {
        let mut play = Play::open(features);
        play.machine.note_gap();
        play.end(TransactionEnd::Abort).unwrap();
        assert_eq!(play.request(), "EndTxn(7, 0, false)");
        play.machine.take_effects();
        play.ended(ErrorCode::NONE);
        assert_eq!(play.state(), "READY");
        assert_eq!(play.machine.take_effects().identity, expected);
        play.machine.begin().unwrap();
    }
}

#[test]
fn fenced_epoch_bump_ends_the_producer() {
    let mut play = Play::open(FIRST);
    play.machine.note_gap();
    play.end(TransactionEnd::Abort).unwrap();
    play.request();
    play.ended(ErrorCode::NONE);
    assert_eq!(play.request(), "InitProducerId(7, 0)");
    play.initialized_with(ErrorCode::PRODUCER_FENCED, -1);
    assert_eq!(play.failure().unwrap().0, Severity::Fatal);
}

#[test]
fn forgotten_producer_is_abortable_only_where_it_gets_an_epoch() {
    for (features, expected) in
        [(OLD, Severity::Fatal), (FIRST, Severity::Abortable)]
    {
        let mut play = Play::open(features);
        play.add(1);
        play.request();
        play.added(ErrorCode::UNKNOWN_PRODUCER_ID);
        assert_eq!(play.failure().unwrap().0, expected);
    }
}

#[test]
fn upgrade_of_the_cluster_begins_with_an_epoch_of_its_own() {
    let mut play = Play::open(FIRST);
    play.features = SECOND;
    play.end(TransactionEnd::Commit).unwrap();
    assert_eq!(play.request(), "EndTxn(7, 0, true)");
    play.ended(ErrorCode::NONE);
    assert_eq!(play.request(), "InitProducerId(7, 0)");
    play.initialized(1);
    play.machine.take_effects();
    play.machine.begin().unwrap();
    play.add(0);
    assert_eq!(play.machine.take_effects().admitted, [PartitionKey(0)], "nothing is asked for");
}

#[test]
fn failure_while_committing_fails_the_commit_and_leaves_the_abort() {
    let mut play = Play::open(FIRST);
    play.is_drained = false;
    play.end(TransactionEnd::Commit).unwrap();
    assert_eq!(play.request(), "");
    play.machine.handle_delivery_failed(TransactionFailure::abortable(
        TransactionFailureReason::Unresolved,
    ));
    assert_eq!(play.failure().unwrap().0, Severity::Abortable);
    play.is_drained = true;
    assert_eq!(play.request(), "");
    play.end(TransactionEnd::Abort).unwrap();
    assert_eq!(play.request(), "EndTxn(7, 0, false)");
}

#[test]
fn deliveries_that_fail_while_aborting_change_nothing() {
    let mut play = Play::open(FIRST);
    play.end(TransactionEnd::Abort).unwrap();
    play.machine.handle_delivery_failed(TransactionFailure::abortable(
        TransactionFailureReason::Unresolved,
    ));
    assert_eq!((play.state(), play.failure()), ("ABORTING_TRANSACTION", None));
}

#[test]
fn coordinator_that_breaks_the_protocol_is_not_believed() {
    let mut play = Play::new(FIRST);
    play.machine.initialize().unwrap();
    play.request();
    play.initialized_with(ErrorCode::NONE, -1);
    assert_eq!(play.failure().unwrap().0, Severity::Fatal);

    let mut play = Play::open(FIRST);
    play.add(1);
    play.request();
    play.answer(TransactionAnswer::AddPartitions(AddPartitionsToTxnResponse::default()));
    assert!(play.failure().unwrap().1.contains("leaves out a partition"));

    let mut play = Play::open(SECOND);
    play.offsets().unwrap();
    play.request();
    play.committed(&[(0, ErrorCode::NONE)]);
    assert!(play.failure().unwrap().1.contains("leaves out a partition"));

    let mut play = Play::open(SECOND);
    play.end(TransactionEnd::Commit).unwrap();
    play.request();
    play.answer(TransactionAnswer::End(
        EndTxnResponse { producer_id: -1, producer_epoch: -1, ..EndTxnResponse::default() },
        SECOND,
    ));
    assert!(play.failure().unwrap().1.contains("no producer epoch"));

    let mut play = Play::open(FIRST);
    play.end(TransactionEnd::Commit).unwrap();
    play.request();
    play.group_added(ErrorCode::NONE);
    assert!(play.failure().unwrap().1.contains("another request"));
    // An answer that nobody waits for changes nothing.
    play.ended(ErrorCode::NONE);
    assert_eq!(play.state(), "FATAL_ERROR");
}
