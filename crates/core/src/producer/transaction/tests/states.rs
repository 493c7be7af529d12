//! The ways through the states.

use super::*;

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
