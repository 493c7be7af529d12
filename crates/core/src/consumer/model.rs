//! The index of the partitions against what the states say, the brokers' sessions against what is to
//! be fetched, and how much of it all a consumer looks at to whom nothing comes.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use milena_wire::{
    ErrorCode, Uuid,
    compression::Compressor,
    messages::{
        FetchRequest, FetchResponse,
        fetch_response::{FetchableTopicResponse, LeaderIdAndEpoch, PartitionData},
    },
    records::{RecordBatchBuilder, SealOptions},
};
use proptest::prelude::*;

use super::{
    ConsumerMachine, ConsumerMachineConfig, IsolationLevel, OffsetSpec, Position, Request,
    SubscriptionState,
};
use crate::{
    BrokerId, TopicPartition,
    backoff::Backoff,
    fetch::{FetchConfig, Fetcher},
    fixtures,
    metadata::ClusterMetadata,
};

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(100), Duration::from_secs(1))
}

fn fetch_config() -> FetchConfig {
    FetchConfig {
        bytes_min: 1,
        bytes_max: 10 << 20,
        partition_bytes_max: 1 << 20,
        wait_max: Duration::from_millis(500),
        isolation_level: IsolationLevel::ReadUncommitted,
        rack_id: "".into(),
        buffer_bytes: 10 << 20,
        retry_backoff: backoff(),
        seed: 1,
    }
}

/// Three partitions of t and three of u.
fn tp(number: u8) -> TopicPartition {
    TopicPartition::new(if number.is_multiple_of(2) { "t" } else { "u" }, i32::from(number / 2 % 3))
}

/// What the cluster may look like: leaders move, topics are made anew, under ids that no other topic
/// ever had, and deleted.
fn clusters() -> Vec<Arc<ClusterMetadata>> {
    let (first, later) = ([(0, 1), (1, 1), (2, 1)], [(1, 3), (1, 1), (0, 2)]);
    vec![
        fixtures::cluster(&[("t", &first), ("u", &first)]),
        fixtures::cluster(&[("t", &later), ("u", &first)]),
        fixtures::cluster(&[("x", &[]), ("y", &[]), ("t", &first), ("u", &later)]),
        fixtures::cluster(&[("t", &later)]),
    ]
}

/// Topic by id or by name, and the number of the partition.
type Key = (Uuid, String, i32);
/// Offset and leader epoch by partition.
type Asked = BTreeMap<Key, (i64, i32)>;

/// What a broker remembers between fetches.
#[derive(Default)]
struct Session {
    /// The epoch that the next request has to have.
    epoch: i32,
    partitions: Asked,
}

impl Session {
    /// Kafka's way: what is named comes in, then what is forgotten goes out.
    fn apply(&mut self, request: &FetchRequest, has_ids: bool) {
        let key = |name: &str, id: Uuid, partition: i32| match has_ids {
            true => (id, String::new(), partition),
            false => (Uuid::ZERO, name.to_owned(), partition),
        };
        if request.session_epoch <= 0 {
            *self = Self::default();
        }
        assert_eq!(request.session_epoch.max(0), self.epoch);
        for topic in &request.topics {
            for asked in &topic.partitions {
                let key = key(&topic.topic, topic.topic_id, asked.partition);
                self.partitions.insert(key, (asked.fetch_offset, asked.current_leader_epoch));
            }
        }
        for topic in &request.forgotten_topics_data {
            for partition in topic.partitions.iter() {
                self.partitions.remove(&key(&topic.topic, topic.topic_id, *partition));
            }
        }
        self.epoch += 1;
    }
}

struct World {
    fetcher: Fetcher,
    subscription: SubscriptionState,
    metadata: Arc<ClusterMetadata>,
    clusters: Vec<Arc<ClusterMetadata>>,
    now: Instant,
    sessions: BTreeMap<BrokerId, Session>,
    /// The partitions of the fetches that are in flight.
    in_flight: BTreeMap<BrokerId, Vec<Key>>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Assign(u8),
    Add(u8),
    Remove(u8),
    Seek(u8, u8),
    SeekTo(u8),
    Pause(u8, bool),
    Revoke(u8),
    Metadata(u8),
    /// Answers the lookups that are due, in one of several ways.
    Lookup(u8),
    Fetch(i16),
    Answer(u8, u8, u8),
    Fail(u8),
    Read,
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => any::<u8>().prop_map(Step::Assign),
        2 => any::<u8>().prop_map(Step::Add),
        1 => any::<u8>().prop_map(Step::Remove),
        4 => any::<(u8, u8)>().prop_map(|(p, to)| Step::Seek(p, to)),
        1 => any::<u8>().prop_map(Step::SeekTo),
        2 => any::<(u8, bool)>().prop_map(|(p, is_paused)| Step::Pause(p, is_paused)),
        1 => any::<u8>().prop_map(Step::Revoke),
        2 => any::<u8>().prop_map(Step::Metadata),
        2 => any::<u8>().prop_map(Step::Lookup),
        12 => prop_oneof![8 => Just(17), 1 => Just(12), 1 => Just(5)].prop_map(Step::Fetch),
        12 => any::<(u8, u8, u8)>().prop_map(|(b, p, kind)| Step::Answer(b, p, kind)),
        1 => any::<u8>().prop_map(Step::Fail),
        3 => Just(Step::Read),
        3 => prop_oneof![4 => 0..200u16, 1 => Just(u16::MAX)].prop_map(Step::Wait),
    ]
}

impl World {
    fn new() -> Self {
        let clusters = clusters();
        Self {
            fetcher: Fetcher::new(fetch_config()),
            subscription: SubscriptionState::new(Some(OffsetSpec::Latest), true),
            metadata: Arc::clone(&clusters[0]),
            clusters,
            now: Instant::now(),
            sessions: BTreeMap::new(),
            in_flight: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: Step) {
        let subscription = &mut self.subscription;
        match step {
            Step::Assign(mask) => {
                subscription.assign((0..6).filter(|bit| mask >> bit & 1 == 1).map(tp));
                subscription.handle_metadata(&self.metadata);
            }
            Step::Add(number) => {
                subscription.add([tp(number)]);
                subscription.handle_metadata(&self.metadata);
            }
            Step::Remove(number) => subscription.remove(&[tp(number)]),
            Step::Seek(number, to) => {
                let leader_epoch = (to % 4 == 0).then_some(1);
                let to = Position { offset: i64::from(to / 16), leader_epoch };
                subscription.seek(&tp(number), to).ok();
            }
            Step::SeekTo(number) => {
                subscription.seek_to(&tp(number), OffsetSpec::Earliest).ok();
            }
            Step::Pause(number, is_paused) => {
                subscription.set_paused(&tp(number), is_paused).ok();
            }
            Step::Revoke(number) => subscription.mark_revoking(&[tp(number)]),
            Step::Metadata(which) => {
                self.metadata =
                    Arc::clone(&self.clusters[usize::from(which) % self.clusters.len()]);
                subscription.handle_metadata(&self.metadata);
            }
            Step::Lookup(kind) => self.look_up(kind),
            Step::Fetch(version) => self.fetch(version),
            Step::Answer(broker, partition, kind) => self.answer(broker, partition, kind),
            Step::Fail(number) => {
                if let Some(id) = self.any_in_flight(number) {
                    self.in_flight.remove(&id);
                    self.fetcher.handle_failure(id, &mut self.subscription, self.now);
                }
            }
            Step::Read => {
                if let Some(fetched) = self.fetcher.take(&self.subscription) {
                    let to = self.subscription.get(&fetched.partition).unwrap().next_fetch;
                    self.subscription.hand_out(&fetched.partition, fetched.epoch, to);
                    self.fetcher.release(&fetched);
                }
            }
            Step::Wait(ms) => self.now += Duration::from_millis(u64::from(ms) * 10),
        }
    }

    fn any_in_flight(&self, number: u8) -> Option<BrokerId> {
        self.in_flight.keys().nth(usize::from(number) % self.in_flight.len().max(1)).copied()
    }

    fn look_up(&mut self, kind: u8) {
        let states = self.subscription.unsettled();
        let states: Vec<_> = states.map(|(tp, state)| (tp.clone(), state.epoch)).collect();
        let found = Some(Position::new(i64::from(kind)));
        for (tp, epoch) in states {
            match kind % 6 {
                0 => self.subscription.handle_committed(&tp, epoch, found),
                1 => self.subscription.handle_committed(&tp, epoch, None),
                2 => self.subscription.handle_reset(&tp, epoch, found),
                3 => self.subscription.handle_epoch_end(&tp, epoch, found),
                4 => self.subscription.skip_validation(&tp, epoch),
                _ => {
                    let at = self.now + Duration::from_millis(u64::from(kind));
                    self.subscription.retry(&tp, epoch, at);
                }
            }
        }
    }

    /// Sends the next fetch; the broker must have exactly what the states say is to be fetched.
    fn fetch(&mut self, version_max: i16) {
        let from = |state: &super::PartitionState| state.fetch_from(Some(self.now));
        let polled = self.fetcher.poll(&mut self.subscription, self.now);
        let Some(id) = polled else { return };
        let states: Vec<_> =
            self.subscription.iter().filter(|(_, state)| from(state) == Some(id)).collect();
        assert!(!states.is_empty());
        let topic_id =
            |tp: &TopicPartition| self.metadata.topic(&tp.topic).map_or(Uuid::ZERO, |t| t.topic_id);
        let has_ids = version_max >= 13 && states.iter().all(|(tp, _)| topic_id(tp) != Uuid::ZERO);
        let wanted: Asked = states
            .iter()
            .map(|(tp, state)| {
                let key = match has_ids {
                    true => (topic_id(tp), String::new(), tp.partition),
                    false => (Uuid::ZERO, tp.topic.to_string(), tp.partition),
                };
                let epoch = state.leader.and_then(|leader| leader.epoch).unwrap_or(-1);
                (key, (state.next_fetch.offset, epoch))
            })
            .collect();
        let made = self.fetcher.request(id, version_max, &mut self.subscription, self.now);
        let Some((request, version)) = made else { return };
        assert_eq!(version, if has_ids { version_max } else { version_max.min(12) });
        let session = self.sessions.entry(id).or_default();
        session.apply(&request, has_ids);
        assert_eq!(session.partitions, wanted);
        if request.session_epoch < 0 {
            *session = Session::default();
        }
        self.in_flight.insert(id, wanted.into_keys().collect());
    }

    fn answer(&mut self, broker: u8, partition: u8, kind: u8) {
        let Some(id) = self.any_in_flight(broker) else { return };
        let keys = self.in_flight.remove(&id).unwrap();
        let (topic_id, topic, index) = keys[usize::from(partition) % keys.len()].clone();
        let has_session = self.sessions[&id].epoch > 0;
        let mut response =
            FetchResponse { session_id: i32::from(has_session) * 7, ..Default::default() };
        let data = match kind % 12 {
            0 => {
                response.error_code = ErrorCode::FETCH_SESSION_ID_NOT_FOUND.0;
                None
            }
            1 => {
                response.session_id = 0;
                None
            }
            2 => {
                response.error_code = ErrorCode::UNKNOWN_SERVER_ERROR.0;
                None
            }
            3 => Some(error(ErrorCode::OFFSET_OUT_OF_RANGE)),
            4 => Some(error(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)),
            5 => {
                let current_leader = LeaderIdAndEpoch {
                    leader_id: i32::from(partition % 3),
                    leader_epoch: i32::from(partition % 5),
                    ..Default::default()
                };
                let moved = error(ErrorCode::NOT_LEADER_OR_FOLLOWER);
                Some(PartitionData { current_leader, ..moved })
            }
            6 => Some(PartitionData { preferred_read_replica: 5, ..Default::default() }),
            7..10 => Some(PartitionData { records: Some(batch()), ..Default::default() }),
            _ => None,
        };
        if let Some(data) = data {
            let partitions = vec![PartitionData { partition_index: index, ..data }];
            let topic = topic.as_str().into();
            let topic =
                FetchableTopicResponse { topic, topic_id, partitions, ..Default::default() };
            response.responses.push(topic);
        }
        self.fetcher.handle_response(id, response, &mut self.subscription, self.now);
    }
}

fn error(code: ErrorCode) -> PartitionData {
    PartitionData { error_code: code.0, ..Default::default() }
}

/// Records up to offset 20.
fn batch() -> bytes::Bytes {
    let mut builder = RecordBatchBuilder::with_capacity(64);
    builder.append(1000, None, Some(b"value"), &[]).unwrap();
    let options = SealOptions { base_offset: 20, partition_leader_epoch: 1, ..Default::default() };
    builder.seal(&options, &mut Compressor::new()).unwrap().into_bytes()
}

proptest! {
    #[test]
    fn the_index_and_the_sessions_are_always_what_the_states_say(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new();
        world.take(Step::Assign(0xff));
        world.take(Step::Lookup(0));
        for step in steps {
            world.take(step);
            prop_assert!(world.subscription.has_true_index(), "after {step:?}");
        }
    }
}

#[test]
fn fetches_that_bring_nothing_look_at_no_partition() {
    const PARTITIONS: i32 = 10_000;
    let now = Instant::now();
    let mut machine = ConsumerMachine::new(
        ConsumerMachineConfig {
            reset: None,
            isolation_level: IsolationLevel::ReadUncommitted,
            group: None,
            fetch: fetch_config(),
            auto_commit_interval: None,
            api_timeout: Duration::from_secs(60),
            retry_backoff: backoff(),
            seed: 1,
        },
        now,
    );
    let leaders: Vec<_> = (0..PARTITIONS).map(|partition| (partition % 10, 1)).collect();
    machine.handle_metadata(fixtures::cluster(&[("t", &leaders)]));
    machine.assign((0..PARTITIONS).map(|partition| ("t", partition).into()), now);
    for partition in 0..PARTITIONS {
        machine.seek(&TopicPartition::new("t", partition), Position::new(0)).unwrap();
    }
    let paused = TopicPartition::new("t", 17);
    for round in 0..5 {
        machine.subscription().take_visits();
        if round == 3 {
            machine.set_paused(&paused, true).unwrap();
        }
        let mut named = 0;
        for _ in 0..10 {
            let Some(Request::Fetch(broker)) = machine.poll_request(now) else { panic!() };
            let (request, _) = machine.fetch_request(broker, 17, now).unwrap();
            named += request.topics.iter().map(|topic| topic.partitions.len()).sum::<usize>();
            named += request.forgotten_topics_data.len();
        }
        assert_eq!(machine.poll_request(now), None);
        for broker in (0..10).map(BrokerId) {
            let response = FetchResponse { session_id: 7, ..Default::default() };
            machine.handle_fetch(broker, Some(response), now);
            assert_eq!(machine.take_error(), None);
            assert!(machine.take_fetched().is_none() && !machine.has_records());
            machine.poll_timeout(now);
        }
        let visits = machine.subscription().take_visits();
        match round {
            0 => assert_eq!((named, visits), (10_000, 10_000)),
            // The change, and the request that tells of it.
            3 => assert_eq!((named, visits), (1, 2)),
            _ => assert_eq!((named, visits), (0, 0)),
        }
    }
}
