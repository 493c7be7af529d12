//! The sender's conversations with brokers.

use std::time::Duration;

use milena_wire::ErrorCode;
use milena_wire::messages::produce_response::BatchIndexAndErrorMessage;

use super::stage::{BACKOFF, DELIVERY_TIMEOUT, LINGER, Stage, contents, sent, settings};
use super::{Answer, Outgoing, ProduceCall, ProducerIdAnswer};
use crate::BrokerId;
use crate::producer::{Outcome, ProducerIdFailure, SenderSettings};

const SECOND: Duration = Duration::from_secs(1);

/// A stage whose partition 0 has had a batch acknowledged, so that its pipeline is open.
fn flowing() -> Stage {
    let mut stage = Stage::new(settings(), 1);
    stage.batch(0, 1);
    let call = stage.request();
    stage.answer(&call, ErrorCode::NONE);
    stage
}

#[test]
fn open_batch_lingers() {
    let mut stage = Stage::new(settings(), 1);
    stage.append(0, b"a");
    assert!(stage.requests().is_empty());
    assert_eq!(stage.sender.poll_deadline(stage.now), Some(stage.now + LINGER));
    stage.append(0, b"b");
    stage.wait(LINGER);
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 0, 0, 2)]);
    assert_eq!((call.broker, call.has_topic_ids), (BrokerId(1), true));
    stage.answer(&call, ErrorCode::NONE);
    assert_eq!(stage.outcome(0), "at 0");
    assert_eq!(stage.reserved, 0);
}

#[test]
fn full_batch_does_not_linger() {
    let mut stage = Stage::new(settings(), 1);
    for _ in 0..3 {
        stage.append(0, &[7; 400]);
    }
    assert_eq!(contents(&stage.request()), [sent(0, 0, 0, 2)]);
}

#[test]
fn without_linger_a_record_is_sent_at_once() {
    let mut stage = Stage::new(SenderSettings { linger: Duration::ZERO, ..settings() }, 1);
    stage.append(0, b"a");
    assert_eq!(contents(&stage.request()), [sent(0, 0, 0, 1)]);
}

#[test]
fn first_batch_travels_alone_then_five_do() {
    let mut stage = Stage::new(settings(), 1);
    for records in 1..=7 {
        stage.batch(0, records);
    }
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 0, 0, 1)]);
    stage.answer(&call, ErrorCode::NONE);
    let calls = stage.requests();
    let batches: Vec<_> = calls.iter().flat_map(contents).collect();
    let expected = [
        sent(0, 0, 1, 2),
        sent(0, 0, 3, 3),
        sent(0, 0, 6, 4),
        sent(0, 0, 10, 5),
        sent(0, 0, 15, 6),
    ];
    assert_eq!(batches, expected);
    stage.answer(&calls[0], ErrorCode::NONE);
    assert_eq!(contents(&stage.request()), [sent(0, 0, 21, 7)]);
}

/// A stage that does not linger, with two requests of one record each under way.
fn busy() -> (Stage, [ProduceCall; 2]) {
    let mut stage = Stage::new(SenderSettings { linger: Duration::ZERO, ..settings() }, 1);
    stage.append(0, b"opens the pipeline");
    let call = stage.request();
    stage.answer(&call, ErrorCode::NONE);
    let calls = [b"b", b"c"].map(|value| {
        stage.append(0, value);
        stage.request()
    });
    (stage, calls)
}

#[test]
fn small_batches_wait_for_one_of_two_answers_and_grow_meanwhile() {
    let (mut stage, calls) = busy();
    stage.append(0, b"d");
    stage.append(0, b"e");
    assert!(stage.requests().is_empty());
    stage.answer(&calls[0], ErrorCode::NONE);
    assert_eq!(contents(&stage.request()), [sent(0, 0, 3, 2)]);
}

#[test]
fn small_batches_do_not_wait_long_for_brokers_that_are_far_away() {
    let (mut stage, _calls) = busy();
    stage.append(0, b"d");
    assert!(stage.requests().is_empty());
    let end = stage.now + Duration::from_millis(5);
    assert_eq!(stage.sender.poll_deadline(stage.now), Some(end));
    stage.wait(Duration::from_millis(5));
    assert_eq!(contents(&stage.request()), [sent(0, 0, 3, 1)]);
}

#[test]
fn what_is_full_or_flushed_waits_for_no_answer() {
    let (mut stage, _calls) = busy();
    stage.append(0, &[7; 600]);
    assert!(stage.requests().is_empty());
    stage.append(0, &[7; 600]);
    assert_eq!(contents(&stage.request()), [sent(0, 0, 3, 1)]);
    assert!(stage.requests().is_empty(), "the second one has room for more");
    stage.sender.handle_flush(stage.now);
    assert_eq!(contents(&stage.request()), [sent(0, 0, 4, 1)]);
}

#[test]
fn one_request_carries_every_ready_partition_of_its_broker() {
    let mut stage = Stage::new(settings(), 4);
    stage.lead(3, 2, 2);
    for partition in 0..4 {
        stage.batch(partition, 1);
    }
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 0, 0, 1), sent(1, 0, 0, 1), sent(2, 0, 0, 1)]);
    assert!(stage.saw("Connect(2)"));
    stage.sender.handle_connected(BrokerId(2));
    let call = stage.request();
    assert_eq!((call.broker, contents(&call)), (BrokerId(2), vec![sent(3, 0, 0, 1)]));
}

#[test]
fn requests_stay_below_their_size_and_partitions_take_turns() {
    let mut stage = Stage::new(SenderSettings { max_request_bytes: 150, ..settings() }, 3);
    for partition in 0..3 {
        stage.batch(partition, 1);
    }
    let batches: Vec<_> = stage.requests().iter().map(contents).collect();
    assert_eq!(batches, [vec![sent(0, 0, 0, 1), sent(1, 0, 0, 1)], vec![sent(2, 0, 0, 1)]]);
}

#[test]
fn batch_larger_than_a_request_travels_alone() {
    let mut stage = Stage::new(SenderSettings { max_request_bytes: 10, ..settings() }, 1);
    stage.batch(0, 1);
    assert_eq!(contents(&stage.request()), [sent(0, 0, 0, 1)]);
}

#[test]
fn producer_id_comes_first() {
    let mut stage = Stage::without_producer_id(settings(), 1);
    let batch = stage.batch(0, 1);
    assert_eq!(stage.poll_any(), Some(Outgoing::InitProducerId));
    assert_eq!(stage.poll_any(), None);
    stage.sender.handle_producer_id(ProducerIdAnswer::Failed, &mut stage.queues, stage.now);
    assert_eq!(stage.poll_any(), None);
    stage.wait(2 * BACKOFF);
    assert_eq!(stage.poll_any(), Some(Outgoing::InitProducerId));
    stage.grant(7, 3);
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 3, 0, 1)]);
    assert_eq!(stage.outcome(batch), "pending");
}

#[test]
fn refused_producer_id_fails_what_waits_and_is_asked_for_again() {
    let mut stage = Stage::without_producer_id(settings(), 1);
    let batch = stage.batch(0, 1);
    assert_eq!(stage.poll_any(), Some(Outgoing::InitProducerId));
    let refused = ProducerIdAnswer::Refused(ProducerIdFailure::Unsupported);
    stage.sender.handle_producer_id(refused, &mut stage.queues, stage.now);
    stage.take_events();
    assert!(stage.outcome(batch).starts_with("not written: no producer id"));
    assert_eq!(stage.reserved, 0);
    stage.batch(0, 1);
    assert_eq!(stage.poll_any(), Some(Outgoing::InitProducerId));
}

#[test]
fn retriable_error_resends_all_batches_in_order_with_their_sequences() {
    let mut stage = flowing();
    let batches: Vec<usize> = (0..3).map(|_| stage.batch(0, 1)).collect();
    let calls = stage.requests();
    assert_eq!(calls.len(), 3);
    stage.answer(&calls[0], ErrorCode::NOT_ENOUGH_REPLICAS);
    stage.batch(0, 1);
    assert!(stage.requests().is_empty(), "nothing is sent while the others are out");
    stage.answer(&calls[1], ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    stage.answer(&calls[2], ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert!(stage.requests().is_empty(), "the backoff is not over");
    stage.wait(2 * BACKOFF);
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 0, 1, 1)]);
    stage.answer(&call, ErrorCode::NONE);
    let again: Vec<_> = stage.requests().iter().flat_map(contents).collect();
    assert_eq!(again, [sent(0, 0, 2, 1), sent(0, 0, 3, 1), sent(0, 0, 4, 1)]);
    assert_eq!(stage.outcome(batches[0]), "at 10");
}

#[test]
fn without_idempotence_batches_carry_no_sequence_and_flow_at_once() {
    let mut stage = Stage::new(SenderSettings { idempotent: false, ..settings() }, 1);
    for _ in 0..3 {
        stage.batch(0, 1);
    }
    let calls = stage.requests();
    assert_eq!(calls.len(), 3);
    assert_eq!(contents(&calls[0]), [sent(0, -1, -1, 1)]);
    stage.finish(&calls[0], Answer::Lost);
    stage.answer(&calls[1], ErrorCode::NONE);
    stage.answer(&calls[2], ErrorCode::NONE);
    stage.wait(2 * BACKOFF);
    assert_eq!(stage.requests().len(), 1);
}

#[test]
fn lost_connection_resends_with_the_same_sequence_and_duplicate_is_success() {
    let mut stage = flowing();
    let batch = stage.batch(0, 2);
    let call = stage.request();
    stage.sender.handle_disconnected(BrokerId(1));
    stage.finish(&call, Answer::Lost);
    stage.wait(2 * BACKOFF);
    assert!(stage.requests().is_empty());
    assert!(stage.saw("Connect(1)"));
    stage.sender.handle_connected(BrokerId(1));
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 0, 1, 2)]);
    stage.answer(&call, ErrorCode::DUPLICATE_SEQUENCE_NUMBER);
    assert_eq!(stage.outcome(batch), "written");
}

#[test]
fn first_out_of_order_batch_starts_the_sequences_again_in_the_next_epoch() {
    let mut stage = flowing();
    stage.batch(0, 1);
    stage.batch(0, 1);
    let calls = stage.requests();
    stage.answer(&calls[0], ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    stage.wait(2 * BACKOFF);
    assert!(stage.requests().is_empty(), "renumbering waits for the batch in flight");
    stage.answer(&calls[1], ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    stage.wait(2 * BACKOFF);
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 1, 0, 1)]);
    stage.answer(&call, ErrorCode::NONE);
    assert_eq!(contents(&stage.request()), [sent(0, 1, 1, 1)]);
}

#[test]
fn unknown_producer_starts_again_in_the_next_epoch() {
    let mut stage = flowing();
    let batch = stage.batch(0, 1);
    let call = stage.request();
    stage.answer(&call, ErrorCode::UNKNOWN_PRODUCER_ID);
    stage.wait(2 * BACKOFF);
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 1, 0, 1)]);
    stage.answer(&call, ErrorCode::NONE);
    assert_eq!(stage.outcome(batch), "at 0");
}

#[test]
fn other_partitions_keep_their_sequences_when_one_starts_again() {
    let mut stage = Stage::new(settings(), 2);
    stage.batch(0, 1);
    stage.batch(1, 1);
    let call = stage.request();
    stage.answer(&call, ErrorCode::NONE);
    stage.batch(0, 1);
    let call = stage.request();
    stage.answer(&call, ErrorCode::UNKNOWN_PRODUCER_ID);
    stage.wait(2 * BACKOFF);
    stage.batch(1, 1);
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 1, 0, 1), sent(1, 0, 1, 1)]);
}

#[test]
fn used_up_epochs_ask_for_another_producer_id() {
    let mut stage = Stage::without_producer_id(settings(), 1);
    stage.batch(0, 1);
    assert_eq!(stage.poll_any(), Some(Outgoing::InitProducerId));
    stage.grant(7, i16::MAX);
    let call = stage.request();
    stage.answer(&call, ErrorCode::UNKNOWN_PRODUCER_ID);
    stage.wait(2 * BACKOFF);
    assert_eq!(stage.poll_any(), Some(Outgoing::InitProducerId));
    stage.grant(8, 0);
    assert_eq!(contents(&stage.request()), [sent(0, 0, 0, 1)]);
}

#[test]
fn refused_batch_leaves_a_gap_that_a_new_epoch_closes() {
    let mut stage = flowing();
    let refused = stage.batch(0, 1);
    let next = stage.batch(0, 1);
    let calls = stage.requests();
    stage.answer(&calls[0], ErrorCode::INVALID_RECORD);
    assert!(stage.outcome(refused).starts_with("not written: INVALID_RECORD"));
    stage.answer(&calls[1], ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    stage.wait(2 * BACKOFF);
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 1, 0, 1)]);
    stage.answer(&call, ErrorCode::NONE);
    assert_eq!(stage.outcome(next), "at 0");
}

#[test]
fn sequence_is_not_used_again_after_a_batch_that_may_be_written_is_given_up() {
    // franz-go#1484: the next batch took the failed one's sequence and was acknowledged unwritten.
    let mut stage = Stage::new(SenderSettings { retries: 0, ..settings() }, 1);
    let batch = stage.batch(0, 1);
    let call = stage.request();
    stage.finish(&call, Answer::Lost);
    assert!(stage.outcome(batch).starts_with("maybe written: the connection was lost"));
    stage.batch(0, 1);
    assert_eq!(contents(&stage.request()), [sent(0, 1, 0, 1)]);
}

/// Two batches are lost with their connection, and the first one's time is over.
fn first_given_up() -> (Stage, usize, usize) {
    let mut stage = flowing();
    let first = stage.batch(0, 1);
    let call = stage.request();
    stage.wait(DELIVERY_TIMEOUT / 2);
    let second = stage.batch(0, 1);
    let other = stage.request();
    stage.finish(&call, Answer::Lost);
    stage.finish(&other, Answer::Lost);
    stage.wait(DELIVERY_TIMEOUT / 2);
    (stage, first, second)
}

#[test]
fn batch_after_one_that_may_be_written_goes_on_with_its_sequence() {
    let (mut stage, first, second) = first_given_up();
    let call = stage.request();
    assert!(stage.outcome(first).starts_with("maybe written: delivery.timeout.ms"));
    assert_eq!(contents(&call), [sent(0, 0, 2, 1)]);
    stage.answer(&call, ErrorCode::NONE);
    assert_eq!(stage.outcome(second), "at 20");
    stage.batch(0, 1);
    assert_eq!(contents(&stage.request()), [sent(0, 0, 3, 1)]);
}

#[test]
fn batch_that_may_be_written_never_gets_another_sequence() {
    let (mut stage, _, second) = first_given_up();
    let call = stage.request();
    // The first one is missing. The second one may still wait inside the broker.
    stage.answer(&call, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert!(stage.outcome(second).starts_with("maybe written: an earlier attempt"));
    stage.wait(2 * BACKOFF);
    stage.batch(0, 1);
    assert_eq!(contents(&stage.request()), [sent(0, 1, 0, 1)]);
}

#[test]
fn request_that_cannot_be_written_fails_its_batches() {
    let mut stage = flowing();
    let batch = stage.batch(0, 1);
    let call = stage.request();
    stage.finish(&call, Answer::Rejected("no zstd before Produce v7".to_owned()));
    assert_eq!(stage.outcome(batch), "not written: no zstd before Produce v7");
}

#[test]
fn batches_that_were_never_sent_time_out_as_not_written() {
    let mut stage = Stage::new(settings(), 1);
    stage.lead(0, -1, 2);
    let sealed = stage.batch(0, 1);
    stage.append(0, b"open");
    stage.wait(DELIVERY_TIMEOUT);
    assert!(stage.requests().is_empty());
    for batch in [sealed, sealed + 1] {
        let expected =
            "not written: delivery.timeout.ms passed while the partition had no known leader";
        assert_eq!(stage.outcome(batch), expected);
    }
    assert_eq!(stage.reserved, 0);
    // No sequence was spent.
    stage.lead(0, 1, 3);
    stage.batch(0, 1);
    assert_eq!(contents(&stage.request()), [sent(0, 0, 0, 1)]);
}

#[test]
fn batch_in_flight_times_out_once_as_maybe_written() {
    let mut stage = flowing();
    let batch = stage.batch(0, 1);
    let call = stage.request();
    stage.wait(DELIVERY_TIMEOUT);
    assert!(stage.requests().is_empty());
    assert!(stage.outcome(batch).starts_with("maybe written"));
    assert!(stage.reserved > 0, "its buffer is still being sent");
    stage.answer(&call, ErrorCode::NONE);
    assert!(stage.outcome(batch).starts_with("maybe written"));
    assert_eq!(stage.reserved, 0);
    stage.batch(0, 1);
    assert_eq!(contents(&stage.request()), [sent(0, 0, 2, 1)]);
}

#[test]
fn retries_end_with_the_last_error() {
    let mut stage = Stage::new(SenderSettings { retries: 1, ..settings() }, 1);
    let batch = stage.batch(0, 1);
    for _ in 0..2 {
        let call = stage.request();
        stage.answer(&call, ErrorCode::NOT_ENOUGH_REPLICAS);
        stage.wait(2 * BACKOFF);
    }
    assert_eq!(stage.outcome(batch), "not written: NOT_ENOUGH_REPLICAS");
}

#[test]
fn batch_that_never_left_keeps_everything() {
    let mut stage = Stage::new(SenderSettings { retries: 0, ..settings() }, 1);
    let batch = stage.batch(0, 1);
    let call = stage.request();
    stage.sender.handle_disconnected(BrokerId(1));
    stage.finish(&call, Answer::NotSent);
    stage.sender.handle_connected(BrokerId(1));
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 0, 0, 1)]);
    stage.answer(&call, ErrorCode::NONE);
    assert_eq!(stage.outcome(batch), "at 0");
}

#[test]
fn new_leader_in_the_answer_is_used_at_once() {
    let mut stage = flowing();
    stage.batch(0, 1);
    let call = stage.request();
    stage.sender.handle_connected(BrokerId(2));
    stage.answer_with(&call, |answer, _| {
        answer.error_code = ErrorCode::NOT_LEADER_OR_FOLLOWER.0;
        answer.current_leader.leader_id = 2;
        answer.current_leader.leader_epoch = 9;
    });
    let call = stage.request();
    assert_eq!((call.broker, contents(&call)), (BrokerId(2), vec![sent(0, 0, 1, 1)]));
    assert!(stage.saw("Hint(2)"));
    // Metadata that is older than the hint does not move it back.
    stage.lead(0, 1, 8);
    stage.answer(&call, ErrorCode::NONE);
    stage.batch(0, 1);
    assert_eq!(stage.request().broker, BrokerId(2));
}

#[test]
fn new_leader_in_the_metadata_ends_the_backoff() {
    let mut stage = flowing();
    stage.batch(0, 1);
    let call = stage.request();
    stage.answer(&call, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert!(stage.saw("MetadataNeeded"));
    assert!(stage.requests().is_empty());
    stage.sender.handle_connected(BrokerId(2));
    stage.lead(0, 2, 2);
    assert_eq!(stage.request().broker, BrokerId(2));
}

#[test]
fn unreachable_broker_is_tried_again_after_a_pause() {
    let mut stage = Stage::new(settings(), 1);
    stage.sender.handle_disconnected(BrokerId(1));
    stage.batch(0, 1);
    assert!(stage.requests().is_empty());
    assert!(stage.saw("Connect(1)"));
    stage.sender.handle_unreachable(BrokerId(1), stage.now);
    assert!(stage.requests().is_empty());
    assert!(!stage.saw("Connect(1)"));
    assert!(stage.sender.poll_deadline(stage.now).unwrap() <= stage.now + 2 * BACKOFF);
    stage.wait(2 * BACKOFF);
    assert!(stage.requests().is_empty());
    assert!(stage.saw("Connect(1)"));
    stage.sender.handle_connected(BrokerId(1));
    stage.request();
}

#[test]
fn throttled_broker_is_left_alone() {
    let mut stage = flowing();
    stage.batch(0, 1);
    let call = stage.request();
    let response = milena_wire::messages::ProduceResponse {
        throttle_time_ms: 1000,
        ..milena_wire::messages::ProduceResponse::default()
    };
    stage.finish(&call, Answer::Response(response));
    stage.wait(SECOND / 2);
    assert!(stage.requests().is_empty());
    assert_eq!(stage.sender.poll_deadline(stage.now), Some(stage.now + SECOND / 2));
    stage.wait(SECOND / 2);
    stage.request();
}

#[test]
fn partition_that_the_response_leaves_out_is_sent_again() {
    let mut stage = flowing();
    stage.batch(0, 1);
    let call = stage.request();
    stage.finish(&call, Answer::Response(milena_wire::messages::ProduceResponse::default()));
    stage.wait(2 * BACKOFF);
    assert_eq!(contents(&stage.request()), [sent(0, 0, 1, 1)]);
}

#[test]
fn batch_that_is_too_large_is_halved_until_one_record_fails() {
    let mut stage = flowing();
    let batch = stage.batch(0, 3);
    let next = stage.batch(0, 1);
    let calls = stage.requests();
    stage.answer(&calls[0], ErrorCode::MESSAGE_TOO_LARGE);
    stage.answer(&calls[1], ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 0, 1, 1)], "the first record, its sequence kept");
    stage.answer(&call, ErrorCode::MESSAGE_TOO_LARGE);
    // The one record is given up; what follows has a gap before it and starts again.
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 1, 0, 2)]);
    stage.answer(&call, ErrorCode::NONE);
    let call = stage.request();
    assert_eq!(contents(&call), [sent(0, 1, 2, 1)]);
    stage.answer(&call, ErrorCode::NONE);
    let ranges: Vec<_> = stage.completions[batch].iter().map(|(range, _)| range.clone()).collect();
    assert_eq!(ranges, [0..1, 1..3]);
    assert!(matches!(stage.completions[batch][0].1, Outcome::Failed(_)));
    assert_eq!(stage.outcome(next), "at 20");
    assert_eq!(stage.reserved, 0);
}

#[test]
fn broker_names_the_invalid_records() {
    let mut stage = flowing();
    let batch = stage.batch(0, 2);
    let call = stage.request();
    stage.answer_with(&call, |answer, _| {
        answer.error_code = ErrorCode::INVALID_RECORD.0;
        answer.record_errors = vec![BatchIndexAndErrorMessage {
            batch_index: 1,
            batch_index_error_message: Some("no key".into()),
            ..BatchIndexAndErrorMessage::default()
        }];
    });
    assert_eq!(
        stage.outcome(batch),
        "not written: INVALID_RECORD; 1 record(s) of the batch are invalid"
    );
}

#[test]
fn without_acknowledgement_a_written_request_is_success() {
    let settings = SenderSettings { acks: 0, idempotent: false, ..settings() };
    let mut stage = Stage::new(settings, 1);
    let batch = stage.batch(0, 1);
    let call = stage.request();
    stage.finish(&call, Answer::Sent);
    assert_eq!(stage.outcome(batch), "written");
}

#[test]
fn flush_does_not_linger_and_waits_for_earlier_batches_alone() {
    let mut stage = Stage::new(settings(), 2);
    stage.append(0, b"a");
    stage.sender.handle_flush(stage.now);
    let call = stage.request();
    stage.append(1, b"later");
    assert!(stage.requests().is_empty(), "the later record lingers");
    assert!(!stage.saw("Flushed"));
    stage.answer(&call, ErrorCode::NONE);
    assert!(stage.saw("Flushed"));
    assert_eq!(stage.sender.unanswered(), 1);
}

#[test]
fn memory_pressure_sends_the_open_batches_of_idle_brokers() {
    let mut stage = Stage::new(SenderSettings { linger: 10 * SECOND, ..settings() }, 2);
    stage.append(0, b"a");
    stage.append(1, b"b");
    assert!(stage.requests().is_empty());
    stage.sender.handle_pressure(true);
    assert_eq!(contents(&stage.request()), [sent(0, 0, 0, 1), sent(1, 0, 0, 1)]);
}

#[test]
fn abort_ends_everything_once() {
    let mut stage = flowing();
    let in_flight = stage.batch(0, 1);
    let call = stage.request();
    for _ in 0..5 {
        stage.batch(0, 1);
    }
    let waiting = stage.batch(0, 1);
    stage.append(0, b"open");
    stage.sender.handle_abort(&mut stage.queues, stage.now);
    stage.take_events();
    assert!(stage.outcome(in_flight).starts_with("maybe written: the producer was closed"));
    assert!(stage.outcome(waiting).starts_with("not written: the producer was closed"));
    assert!(stage.outcome(waiting + 1).starts_with("not written"));
    assert_eq!(stage.sender.unanswered(), 0);
    stage.answer(&call, ErrorCode::NONE);
    assert_eq!(stage.reserved, 0);
}

#[test]
fn idle_partitions_have_no_alarm() {
    let mut stage = flowing();
    stage.wait(10 * DELIVERY_TIMEOUT);
    stage.requests();
    assert_eq!(stage.sender.poll_deadline(stage.now), None);
}
