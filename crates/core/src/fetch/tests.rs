//! Sessions, budget and reading, with the broker's part played here.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use milena_wire::{
    ErrorCode,
    compression::{Compressor, Decompressor},
    messages::{
        FetchRequest, FetchResponse,
        fetch_response::{
            AbortedTransaction, FetchableTopicResponse, LeaderIdAndEpoch, PartitionData,
        },
    },
    records::{RecordBatchBuilder, RecordBatchMut, SealOptions, end_transaction_batch},
};
use proptest::prelude::*;

use super::{fetched::FetchedPartition, *};
use crate::{
    BrokerId, TopicPartition,
    backoff::Backoff,
    consumer::{ConsumerError, IsolationLevel, Position, SubscriptionState},
    fixtures,
    metadata::ClusterMetadata,
};

const OPTIONS: ReadOptions = ReadOptions {
    check_crcs: true,
    isolation_level: IsolationLevel::ReadUncommitted,
    decompressed_bytes_max: 1 << 20,
};

fn tp(partition: i32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

/// A batch of so many records from an offset on.
fn batch(base_offset: i64, count: usize) -> Bytes {
    sealed(base_offset, count, &SealOptions::default())
}

fn sealed(base_offset: i64, count: usize, options: &SealOptions) -> Bytes {
    let mut builder = RecordBatchBuilder::with_capacity(1024);
    for n in 0..count {
        builder.append(1000, None, Some(format!("value {n}").as_bytes()), &[]).unwrap();
    }
    let options = SealOptions { base_offset, partition_leader_epoch: 3, ..*options };
    builder.seal(&options, &mut Compressor::new()).unwrap().into_bytes()
}

fn concat(batches: &[Bytes]) -> Bytes {
    let mut all = BytesMut::new();
    batches.iter().for_each(|batch| all.extend_from_slice(batch));
    all.freeze()
}

fn fetched(from: i64, records: Bytes, aborted: Vec<AbortedTransaction>) -> FetchedPartition {
    let account = budget::Budget::new(1 << 20).open(BrokerId(0), records.len(), 1);
    FetchedPartition::new(tp(0), 1, account, Position::new(from), records, aborted)
}

fn offsets(taken: &Taken) -> Vec<i64> {
    taken.segments.iter().flat_map(RecordSegment::iter).map(|record| record.offset).collect()
}

fn read_all(mut fetched: FetchedPartition, max: usize, options: &ReadOptions) -> (Vec<i64>, i64) {
    let mut all = Vec::new();
    loop {
        let taken = fetched.take(max, options, &mut Decompressor::new()).unwrap();
        assert_eq!(taken.count, offsets(&taken).len());
        assert!(taken.count <= max);
        all.extend(offsets(&taken));
        if taken.is_exhausted {
            return (all, taken.next.offset);
        }
    }
}

proptest! {
    #[test]
    fn reading_in_parts_gives_every_record_once(
        sizes in prop::collection::vec(1..9usize, 1..6),
        skip in 0..5i64,
        max in 1..7usize,
    ) {
        let mut batches = Vec::new();
        let mut end = 0;
        for size in sizes {
            // A gap in front of each batch, as compaction leaves it.
            batches.push(batch(end + 2, size));
            end += 2 + i64::try_from(size).unwrap();
        }
        let mut bytes = concat(&batches).to_vec();
        // The beginning of one more batch.
        bytes.extend_from_slice(&batch(end, 3)[..40]);
        let (all, next) = read_all(fetched(skip, bytes.into(), vec![]), max, &OPTIONS);
        let (whole, _) = read_all(fetched(0, concat(&batches), vec![]), 1000, &OPTIONS);
        let expected: Vec<i64> = whole.into_iter().filter(|offset| *offset >= skip).collect();
        prop_assert_eq!(all, expected);
        prop_assert_eq!(next, end.max(skip));
    }

    #[test]
    fn damaged_bytes_are_an_error_or_nothing_but_never_a_panic(
        position in 0..150usize,
        value in any::<u8>(),
        check_crcs in any::<bool>(),
    ) {
        let mut bytes = concat(&[batch(0, 2), batch(2, 2)]).to_vec();
        let position = position % bytes.len();
        bytes[position] = value;
        let options = ReadOptions { check_crcs, ..OPTIONS };
        let mut fetched = fetched(0, bytes.into(), vec![]);
        for _ in 0..10 {
            match fetched.take(3, &options, &mut Decompressor::new()) {
                Ok(taken) => assert_eq!(taken.count, offsets(&taken).len()),
                Err(_) => break,
            }
        }
    }
}

#[test]
fn records_before_damage_come_first_and_the_error_comes_again() {
    let mut damaged = batch(5, 5).to_vec();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let mut fetched = fetched(0, concat(&[batch(0, 5), damaged.into()]), vec![]);
    let taken = fetched.take(100, &OPTIONS, &mut Decompressor::new()).unwrap();
    assert_eq!((taken.count, taken.next.offset, taken.is_exhausted), (5, 5, false));
    for _ in 0..2 {
        let error = fetched.take(100, &OPTIONS, &mut Decompressor::new()).unwrap_err();
        assert!(matches!(error, ConsumerError::Corrupt { offset: 5, .. }), "{error:?}");
    }
}

#[test]
fn detached_bytes_go_on_in_the_middle_of_a_batch() {
    let mut fetched = fetched(0, concat(&[batch(0, 5), batch(5, 5)]), vec![]);
    let taken = fetched.take(7, &OPTIONS, &mut Decompressor::new()).unwrap();
    assert_eq!(offsets(&taken), [0, 1, 2, 3, 4, 5, 6]);
    fetched.detach();
    assert_eq!(fetched.size_bytes(), batch(5, 5).len());
    assert_eq!(read_all(fetched, 2, &OPTIONS), (vec![7, 8, 9], 10));
}

#[test]
fn a_batch_of_which_only_the_beginning_came_is_too_large() {
    let whole = batch(0, 50);
    let mut fetched = fetched(0, whole.slice(..100), vec![]);
    let error = fetched.take(100, &OPTIONS, &mut Decompressor::new()).unwrap_err();
    let size = whole.len();
    assert!(
        matches!(error, ConsumerError::BatchTooLarge { offset: 0, size_bytes, .. } if size_bytes == size)
    );
}

/// Producer 1 aborts 0..3 and 9..11, producer 2 commits 4..6; the markers are 3, 7 and 11; and
/// somebody without a transaction writes 8.
#[test]
fn aborted_transactions_and_markers_are_left_out_by_isolation_level() {
    let by = |producer_id| SealOptions {
        producer_id,
        producer_epoch: 0,
        base_sequence: 0,
        is_transactional: true,
        ..Default::default()
    };
    let marker = |producer_id, offset: i64, commit: bool| {
        let mut bytes = BytesMut::from(&end_transaction_batch(commit, producer_id, 0, 0, 1000)[..]);
        RecordBatchMut::new(&mut bytes).unwrap().set_base_offset(offset);
        bytes.freeze()
    };
    let log = concat(&[
        sealed(0, 3, &by(1)),
        marker(1, 3, false),
        sealed(4, 3, &by(2)),
        marker(2, 7, true),
        batch(8, 1),
        sealed(9, 2, &by(1)),
        marker(1, 11, false),
    ]);
    let aborted = || {
        let entry = |first_offset| AbortedTransaction {
            producer_id: 1,
            first_offset,
            ..Default::default()
        };
        // Not in order: brokers do not promise it.
        vec![entry(9), entry(0)]
    };
    let committed = ReadOptions { isolation_level: IsolationLevel::ReadCommitted, ..OPTIONS };
    assert_eq!(read_all(fetched(0, log.clone(), aborted()), 2, &committed), (vec![4, 5, 6, 8], 12));
    let all = vec![0, 1, 2, 4, 5, 6, 8, 9, 10];
    assert_eq!(read_all(fetched(0, log, vec![]), 2, &OPTIONS), (all, 12));
}

/// A fetcher with partitions of topic t, and the clock.
struct Dialogue {
    fetcher: Fetcher,
    subscription: SubscriptionState,
    metadata: std::sync::Arc<ClusterMetadata>,
    now: Instant,
}

const BUFFER: usize = 1 << 20;

impl Dialogue {
    /// Partitions with these leaders, all at offset 0.
    fn new(leaders: &[(i32, i32)]) -> Self {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let config = FetchConfig {
            bytes_min: 1,
            bytes_max: 10 << 20,
            partition_bytes_max: 1 << 20,
            wait_max: Duration::from_millis(500),
            isolation_level: IsolationLevel::ReadUncommitted,
            rack_id: "".into(),
            buffer_bytes: BUFFER,
            retry_backoff: backoff,
            seed: 1,
        };
        let metadata = fixtures::cluster(&[("t", leaders)]);
        let mut subscription = SubscriptionState::new(None, false);
        let partitions = 0..i32::try_from(leaders.len()).unwrap();
        subscription.assign(partitions.clone().map(tp));
        subscription.handle_metadata(&metadata);
        for partition in partitions {
            subscription.seek(&tp(partition), Position::new(0)).unwrap();
        }
        Self { fetcher: Fetcher::new(config), subscription, metadata, now: Instant::now() }
    }

    fn poll(&mut self) -> Option<BrokerId> {
        self.fetcher.poll(&mut self.subscription, self.now)
    }

    #[track_caller]
    fn request(&mut self, broker: i32) -> FetchRequest {
        assert_eq!(self.poll(), Some(BrokerId(broker)));
        let (request, version) =
            self.fetcher.request(BrokerId(broker), 17, &mut self.subscription, self.now).unwrap();
        assert_eq!(version, 17);
        request
    }

    fn answer(&mut self, broker: i32, response: FetchResponse) -> FetchOutcome {
        let broker = BrokerId(broker);
        self.fetcher.handle_response(broker, response, &mut self.subscription, self.now)
    }

    /// Reads the next buffered partition to its end.
    #[track_caller]
    fn read(&mut self) -> (i32, Vec<i64>) {
        let mut fetched = self.fetcher.take(&self.subscription).expect("something is buffered");
        let taken = fetched.take(1000, &OPTIONS, &mut Decompressor::new()).unwrap();
        let (partition, epoch) = (fetched.partition.clone(), fetched.epoch);
        self.subscription.hand_out(&partition, epoch, taken.next);
        self.fetcher.release(&fetched);
        (partition.partition, offsets(&taken))
    }
}

/// An answer within session 7 with these partitions' records.
fn response(partitions: Vec<(i32, PartitionData)>) -> FetchResponse {
    let topic = FetchableTopicResponse {
        topic_id: milena_wire::Uuid([1; 16]),
        partitions: partitions
            .into_iter()
            .map(|(partition_index, data)| PartitionData { partition_index, ..data })
            .collect(),
        ..Default::default()
    };
    FetchResponse { session_id: 7, responses: vec![topic], ..Default::default() }
}

fn records(records: Bytes) -> PartitionData {
    PartitionData { high_watermark: 100, records: Some(records), ..Default::default() }
}

fn error(code: ErrorCode) -> PartitionData {
    PartitionData { error_code: code.0, ..Default::default() }
}

fn asked(request: &FetchRequest) -> Vec<(i32, i64)> {
    let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
    partitions.map(|partition| (partition.partition, partition.fetch_offset)).collect()
}

#[test]
fn the_next_fetch_is_due_before_the_last_one_is_read() {
    let mut d = Dialogue::new(&[(0, 1)]);
    let request = d.request(0);
    assert_eq!((request.session_id, request.session_epoch), (0, 0));
    assert_eq!(asked(&request), [(0, 0)]);
    assert_eq!(d.poll(), None, "one fetch is in flight per broker");
    d.answer(0, response(vec![(0, records(batch(0, 5)))]));
    let request = d.request(0);
    assert_eq!((request.session_id, request.session_epoch), (7, 1));
    assert_eq!(asked(&request), [(0, 5)]);
    d.answer(0, response(vec![(0, records(batch(5, 5)))]));
    assert_eq!(d.poll(), None, "two responses wait to be read");
    assert_eq!(d.read(), (0, vec![0, 1, 2, 3, 4]));
    assert_eq!(asked(&d.request(0)), [(0, 10)]);
    assert_eq!(d.read(), (0, vec![5, 6, 7, 8, 9]));
}

#[test]
fn incremental_requests_tell_changes_alone() {
    let mut d = Dialogue::new(&[(0, 1), (0, 1), (0, 1)]);
    assert_eq!(asked(&d.request(0)), [(0, 0), (1, 0), (2, 0)]);
    d.answer(0, response(vec![(1, records(batch(0, 3)))]));
    d.subscription.set_paused(&tp(2), true).unwrap();
    let request = d.request(0);
    assert_eq!(asked(&request), [(1, 3)]);
    assert_eq!(request.forgotten_topics_data[0].partitions[..], [2]);
    d.answer(0, response(vec![]));
    d.subscription.set_paused(&tp(2), false).unwrap();
    let request = d.request(0);
    assert_eq!(asked(&request), [(2, 0)]);
    assert_eq!(request.forgotten_topics_data, []);
    assert_eq!(request.session_epoch, 2);
}

#[test]
fn a_session_that_is_lost_begins_anew_with_everything() {
    for (code, session_id) in [
        (ErrorCode::FETCH_SESSION_ID_NOT_FOUND, 0),
        (ErrorCode::INVALID_FETCH_SESSION_EPOCH, 7),
        (ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR, 7),
    ] {
        let mut d = Dialogue::new(&[(0, 1), (0, 1)]);
        d.request(0);
        d.answer(0, response(vec![]));
        d.request(0);
        d.answer(0, FetchResponse { error_code: code.0, ..Default::default() });
        let request = d.request(0);
        assert_eq!((request.session_id, request.session_epoch), (session_id, 0), "{code}");
        assert_eq!(asked(&request), [(0, 0), (1, 0)]);
    }
}

#[test]
fn a_fetch_that_fails_is_repeated_after_a_pause_with_everything() {
    let mut d = Dialogue::new(&[(0, 1)]);
    d.request(0);
    d.answer(0, response(vec![]));
    d.request(0);
    assert!(d.fetcher.handle_failure(BrokerId(0), &mut d.subscription, d.now).needs_metadata);
    assert_eq!(d.poll(), None);
    d.now = d.fetcher.poll_timeout(d.now).unwrap();
    let request = d.request(0);
    assert_eq!((request.session_id, request.session_epoch), (7, 0));
    assert_eq!(asked(&request), [(0, 0)]);
}

#[test]
fn brokers_that_keep_no_session_get_full_requests() {
    let mut d = Dialogue::new(&[(0, 1)]);
    for _ in 0..3 {
        let request = d.request(0);
        assert_eq!((request.session_id, request.session_epoch), (0, 0));
        assert_eq!(asked(&request), [(0, 0)]);
        d.answer(0, FetchResponse { session_id: 0, ..response(vec![]) });
    }
}

#[test]
fn old_brokers_are_asked_by_name_and_without_a_session() {
    let mut d = Dialogue::new(&[(0, 1)]);
    d.poll();
    let (request, version) = d.fetcher.request(BrokerId(0), 6, &mut d.subscription, d.now).unwrap();
    assert_eq!((version, request.session_epoch), (6, -1));
    let mut answer = response(vec![(0, records(batch(0, 2)))]);
    answer.session_id = 0;
    answer.responses[0].topic_id = milena_wire::Uuid::ZERO;
    answer.responses[0].topic = "t".into();
    d.answer(0, answer);
    assert_eq!(d.read(), (0, vec![0, 1]));
}

#[test]
fn what_was_fetched_before_a_seek_is_dropped() {
    let mut d = Dialogue::new(&[(0, 1)]);
    d.request(0);
    d.answer(0, response(vec![(0, records(batch(0, 5)))]));
    d.request(0);
    d.subscription.seek(&tp(0), Position::new(50)).unwrap();
    d.answer(0, response(vec![(0, records(batch(5, 5)))]));
    assert!(d.fetcher.take(&d.subscription).is_none());
    assert_eq!(d.fetcher.buffered_bytes(), 0);
    assert_eq!(asked(&d.request(0)), [(0, 50)]);
}

#[test]
fn paused_partitions_keep_their_records_and_hold_nobody_up() {
    let mut d = Dialogue::new(&[(0, 1), (0, 1)]);
    d.request(0);
    d.answer(0, response(vec![(0, records(batch(0, 5))), (1, records(batch(0, 5)))]));
    d.request(0);
    d.answer(0, response(vec![(0, records(batch(5, 5)))]));
    d.subscription.set_paused(&tp(0), true).unwrap();
    d.fetcher.handle_paused(&tp(0));
    assert_eq!(d.read().0, 1);
    let request = d.request(0);
    // Partition 1 is asked for already.
    assert_eq!(asked(&request), []);
    assert_eq!(request.forgotten_topics_data[0].partitions[..], [0]);
    d.answer(0, response(vec![]));
    assert!(d.fetcher.take(&d.subscription).is_none());
    assert!(d.fetcher.buffered_bytes() > 0);
    d.subscription.set_paused(&tp(0), false).unwrap();
    assert_eq!(d.read(), (0, vec![0, 1, 2, 3, 4]));
    assert_eq!(d.read(), (0, vec![5, 6, 7, 8, 9]));
    assert_eq!(d.fetcher.buffered_bytes(), 0);
}

#[test]
fn fetches_share_the_budget_and_wait_when_it_is_used_up() {
    let leaders: Vec<(i32, i32)> = (0..4).map(|broker| (broker, 1)).collect();
    let mut d = Dialogue::new(&leaders);
    let mut granted = 0;
    for broker in 0..4 {
        granted += d.request(broker).max_bytes;
    }
    assert!(usize::try_from(granted).unwrap() <= BUFFER / 2);
    // A batch larger than the whole budget comes all the same.
    let large = {
        let mut builder = RecordBatchBuilder::with_capacity(1024);
        builder.append(1000, None, Some(&vec![7; 2 * BUFFER]), &[]).unwrap();
        builder.seal(&SealOptions::default(), &mut Compressor::new()).unwrap().into_bytes()
    };
    d.answer(0, response(vec![(0, records(large))]));
    d.answer(1, response(vec![]));
    assert_eq!(d.poll(), None, "the budget is overdrawn");
    assert_eq!(d.read(), (0, vec![0]));
    assert!(d.poll().is_some());
}

#[test]
fn who_reads_many_partitions_asks_for_more_at_once() {
    let bytes_of_first_fetch = |partitions: usize| {
        let mut d = Dialogue::new(&vec![(0, 1); partitions]);
        usize::try_from(d.request(0).max_bytes).unwrap()
    };
    assert_eq!(bytes_of_first_fetch(63), BUFFER / 2);
    assert_eq!(bytes_of_first_fetch(64), BUFFER);
    assert_eq!(bytes_of_first_fetch(1000), BUFFER, "twice the budget is the most");
}

#[test]
fn a_leader_that_is_named_in_the_answer_is_asked_next() {
    let mut d = Dialogue::new(&[(0, 1)]);
    d.request(0);
    let current_leader = LeaderIdAndEpoch { leader_id: 3, leader_epoch: 2, ..Default::default() };
    let code = ErrorCode::NOT_LEADER_OR_FOLLOWER;
    let moved = PartitionData { current_leader, ..error(code) };
    let outcome = d.answer(0, response(vec![(0, moved)]));
    assert_eq!((outcome.hints[0].leader, outcome.hints[0].leader_epoch), (BrokerId(3), 2));
    // An older snapshot does not take it back.
    let metadata = std::sync::Arc::clone(&d.metadata);
    d.subscription.handle_metadata(&metadata);
    d.now += Duration::from_secs(1);
    assert_eq!(d.poll(), Some(BrokerId(3)));
}

#[test]
fn errors_that_pass_pause_their_partition_alone() {
    let mut d = Dialogue::new(&[(0, 1), (0, 1)]);
    d.request(0);
    let failed = error(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let outcome = d.answer(0, response(vec![(0, failed), (1, records(batch(0, 1)))]));
    assert!(outcome.needs_metadata && outcome.error.is_none());
    let request = d.request(0);
    assert_eq!(asked(&request), [(1, 1)]);
    assert_eq!(request.forgotten_topics_data[0].partitions[..], [0]);
    d.now += Duration::from_secs(1);
    d.answer(0, response(vec![]));
    assert_eq!(asked(&d.request(0)), [(0, 0)]);
}

#[test]
fn a_follower_is_read_until_it_fails() {
    let mut d = Dialogue::new(&[(0, 1)]);
    d.request(0);
    let redirected = PartitionData { preferred_read_replica: 5, ..Default::default() };
    d.answer(0, response(vec![(0, redirected)]));
    d.request(5);
    d.answer(5, response(vec![(0, records(batch(0, 3)))]));
    d.request(5);
    // The follower is behind: the leader decides.
    d.answer(5, response(vec![(0, error(ErrorCode::OFFSET_OUT_OF_RANGE))]));
    assert_eq!(d.read(), (0, vec![0, 1, 2]));
    assert_eq!(asked(&d.request(0)), [(0, 3)]);
}

#[test]
fn an_offset_out_of_range_is_tried_again_from_what_is_not_read_yet() {
    let mut d = Dialogue::new(&[(0, 1)]);
    d.request(0);
    d.answer(0, response(vec![(0, records(batch(0, 3)))]));
    d.request(0);
    d.answer(0, response(vec![(0, error(ErrorCode::OFFSET_OUT_OF_RANGE))]));
    assert_eq!(asked(&d.request(0)), [(0, 0)]);
    d.answer(0, response(vec![(0, error(ErrorCode::OFFSET_OUT_OF_RANGE))]));
    assert!(d.subscription.stuck().is_some());
    assert_eq!(d.poll(), None);
}

#[test]
fn errors_that_stay_are_told() {
    let mut d = Dialogue::new(&[(0, 1)]);
    d.request(0);
    let refused = error(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    let outcome = d.answer(0, response(vec![(0, refused)]));
    let expected = ConsumerError::Broker {
        api: "Fetch",
        code: ErrorCode::TOPIC_AUTHORIZATION_FAILED,
        partition: Some(tp(0)),
    };
    assert_eq!(outcome.error, Some(expected));
}
