//! What answers with errors leave possible.

use super::*;

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
    let codes =
        [(&one, ErrorCode::OPERATION_NOT_ATTEMPTED), (&two, ErrorCode::TOPIC_AUTHORIZATION_FAILED)];
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
    for (features, expected) in [(OLD, Severity::Fatal), (FIRST, Severity::Abortable)] {
        let mut play = Play::open(features);
        play.add(1);
        play.request();
        play.added(ErrorCode::UNKNOWN_PRODUCER_ID);
        assert_eq!(play.failure().unwrap().0, expected);
    }
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
