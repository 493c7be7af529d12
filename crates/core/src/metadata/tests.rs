//! Scripted runs of the metadata machine on a virtual clock.

use std::time::{Duration, Instant};

use milena_wire::messages::MetadataResponse;
use milena_wire::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use milena_wire::{ByteString, ErrorCode, Uuid};

use super::*;
use crate::BrokerId;
use crate::backoff::Backoff;

const MAX_AGE: Duration = Duration::from_secs(300);
const IDLE: Duration = Duration::from_secs(600);
const TRIGGER: Duration = Duration::from_secs(120);

/// A machine and its clock.
struct Script {
    machine: Metadata,
    now: Instant,
}

impl Script {
    fn new() -> Self {
        Self::with(MetadataRecovery::Rebootstrap)
    }

    fn with(recovery: MetadataRecovery) -> Self {
        let config = MetadataConfig {
            max_age: MAX_AGE,
            topic_idle: IDLE,
            retry_backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(1)),
            recovery,
            rebootstrap_trigger: TRIGGER,
            allow_auto_topic_creation: true,
            seed: 1,
        };
        Self { machine: Metadata::new(config), now: Instant::now() }
    }

    /// A machine that has had its first response.
    fn started() -> Self {
        let mut script = Self::new();
        script.refresh();
        script.answer(response(&[]));
        script
    }

    fn refresh(&mut self) -> Refresh {
        self.machine.poll_refresh(self.now).expect("a refresh is due")
    }

    fn expect_nothing(&mut self) {
        assert_eq!(self.machine.poll_refresh(self.now), None);
    }

    fn answer(&mut self, response: MetadataResponse) {
        self.machine.handle_response(response, self.now).unwrap();
    }

    /// Lets time pass until the machine wants to be asked; returns how much.
    fn wait(&mut self) -> Duration {
        let until = self.machine.poll_timeout(self.now).expect("no refresh is in flight");
        let waited = until.saturating_duration_since(self.now);
        self.now = self.now.max(until);
        waited
    }

    /// Uses a topic and answers the refresh that this leads to.
    fn learn(&mut self, topic: MetadataResponseTopic) {
        let name = topic.name.clone().unwrap();
        self.machine.use_topic(&name, self.now);
        self.refresh();
        self.answer(response(&[topic]));
    }

    fn leader(&self, topic: &str) -> Option<(BrokerId, Option<i32>)> {
        self.machine.snapshot().leader(topic, 0)
    }
}

fn response(topics: &[MetadataResponseTopic]) -> MetadataResponse {
    let brokers = [1, 2, 3]
        .map(|node_id| MetadataResponseBroker {
            node_id,
            host: ByteString::from(format!("broker-{node_id}")),
            port: 9092,
            rack: Some("rack".into()),
            ..MetadataResponseBroker::default()
        })
        .to_vec();
    MetadataResponse {
        brokers,
        cluster_id: Some("cluster".into()),
        controller_id: 2,
        topics: topics.to_vec(),
        ..MetadataResponse::default()
    }
}

fn topic_with_id(name: &str, id: u8, leader_id: i32, leader_epoch: i32) -> MetadataResponseTopic {
    let partition = MetadataResponsePartition {
        leader_id,
        leader_epoch,
        ..MetadataResponsePartition::default()
    };
    MetadataResponseTopic {
        name: Some(name.into()),
        topic_id: Uuid([id; 16]),
        partitions: vec![partition],
        ..MetadataResponseTopic::default()
    }
}

fn topic(name: &str, leader_id: i32, leader_epoch: i32) -> MetadataResponseTopic {
    topic_with_id(name, 7, leader_id, leader_epoch)
}

fn failed(name: &str, code: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic {
        name: Some(name.into()),
        error_code: code.0,
        ..MetadataResponseTopic::default()
    }
}

fn names(names: &[&str]) -> Vec<ByteString> {
    names.iter().copied().map(ByteString::from).collect()
}

#[test]
fn first_refresh_asks_the_bootstrap_servers_for_what_is_wanted() {
    let mut script = Script::new();
    script.machine.use_topic("b", script.now);
    script.machine.use_topic("a", script.now);
    let refresh = script.refresh();
    assert_eq!(refresh.source, RefreshSource::BootstrapServers);
    assert_eq!(refresh.topics, RefreshTopics::Wanted(names(&["a", "b"])));
    script.expect_nothing();
}

#[test]
fn response_makes_a_snapshot_of_everything() {
    let mut script = Script::new();
    script.refresh();
    script.answer(response(&[topic("t", 3, 5)]));
    let snapshot = script.machine.snapshot();
    assert_eq!(snapshot.cluster_id().map(|id| &**id), Some("cluster"));
    assert_eq!(snapshot.controller(), Some(BrokerId(2)));
    assert_eq!(snapshot.brokers().len(), 3);
    assert_eq!(snapshot.broker(BrokerId(1)).unwrap().rack.as_deref(), Some("rack"));
    assert_eq!(snapshot.leader("t", 0), Some((BrokerId(3), Some(5))));
    assert_eq!(&*snapshot.topic_by_id(Uuid([7; 16])).unwrap().name, "t");
}

#[test]
fn refresh_is_repeated_when_the_snapshot_gets_old() {
    let mut script = Script::started();
    assert_eq!(script.wait(), MAX_AGE);
    let refresh = script.refresh();
    assert_eq!(refresh.source, RefreshSource::KnownBrokers);
    assert_eq!(refresh.topics, RefreshTopics::Wanted(Vec::new()));
}

#[test]
fn new_topic_is_asked_for_alone_and_at_once() {
    let mut script = Script::started();
    script.learn(topic("old", 1, 1));
    assert_eq!(script.machine.use_topic("new", script.now), TopicStatus::Pending);
    assert_eq!(script.refresh().topics, RefreshTopics::Partial(names(&["new"])));
    script.answer(response(&[topic_with_id("new", 8, 2, 0)]));
    assert!(matches!(script.machine.topic_status("new"), TopicStatus::Known(_)));
    assert!(script.leader("old").is_some(), "a partial refresh takes nothing away");
    assert!(script.wait() > Duration::from_secs(60), "nothing more is due");
}

#[test]
fn topic_that_is_being_created_is_asked_for_again_with_growing_pauses() {
    let mut script = Script::started();
    script.machine.use_topic("t", script.now);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        assert_eq!(script.refresh().topics, RefreshTopics::Partial(names(&["t"])));
        script.answer(response(&[failed("t", ErrorCode::LEADER_NOT_AVAILABLE)]));
        let status = script.machine.topic_status("t");
        assert_eq!(status, TopicStatus::Unresolved(ErrorCode::LEADER_NOT_AVAILABLE));
        script.expect_nothing();
        pauses.push(script.wait());
    }
    assert!(pauses[0] < Duration::from_millis(121), "{pauses:?}");
    assert!(pauses[5] >= Duration::from_millis(800), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(1)), "{pauses:?}");
    script.refresh();
    script.answer(response(&[topic("t", 1, 0)]));
    assert!(matches!(script.machine.topic_status("t"), TopicStatus::Known(_)));
}

#[test]
fn partition_without_leader_is_asked_for_again_but_its_topic_is_known() {
    let mut script = Script::started();
    script.learn(topic("t", -1, 4));
    assert!(matches!(script.machine.topic_status("t"), TopicStatus::Known(_)));
    assert_eq!(script.leader("t"), None);
    assert!(script.wait() < Duration::from_millis(300));
    assert_eq!(script.refresh().topics, RefreshTopics::Partial(names(&["t"])));
}

#[test]
fn missing_authorization_fails_and_is_asked_for_again_when_the_topic_is_used_again() {
    let mut script = Script::started();
    script.learn(failed("t", ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    let failed = TopicStatus::Failed(ErrorCode::TOPIC_AUTHORIZATION_FAILED);
    assert_eq!(script.machine.topic_status("t"), failed);
    assert_eq!(script.wait(), MAX_AGE - Duration::ZERO, "nobody asks again by itself");
    assert_eq!(script.machine.use_topic("t", script.now), TopicStatus::Pending);
    script.refresh();
    script.answer(response(&[topic("t", 1, 0)]));
    assert!(matches!(script.machine.topic_status("t"), TopicStatus::Known(_)));
}

#[test]
fn older_leader_epoch_of_the_same_topic_is_not_accepted() {
    let mut script = Script::started();
    script.learn(topic("t", 1, 5));
    script.machine.request_update();
    script.wait();
    script.refresh();
    script.answer(response(&[topic("t", 2, 4)]));
    assert_eq!(script.leader("t"), Some((BrokerId(1), Some(5))));
    script.machine.request_update();
    script.wait();
    script.refresh();
    script.answer(response(&[topic("t", 2, 6)]));
    assert_eq!(script.leader("t"), Some((BrokerId(2), Some(6))));
}

#[test]
fn recreated_topic_starts_over_with_its_epochs() {
    let mut script = Script::started();
    script.learn(topic_with_id("t", 1, 1, 5));
    script.machine.request_update();
    script.wait();
    script.refresh();
    script.answer(response(&[topic_with_id("t", 2, 3, 0)]));
    assert_eq!(script.leader("t"), Some((BrokerId(3), Some(0))));
    assert!(script.machine.snapshot().topic_by_id(Uuid([1; 16])).is_none());
    assert!(script.machine.snapshot().topic_by_id(Uuid([2; 16])).is_some());
}

#[test]
fn topic_without_id_that_vanished_in_between_starts_over() {
    let mut script = Script::started();
    script.learn(topic_with_id("t", 0, 1, 5));
    for answer in [failed("t", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION), topic_with_id("t", 0, 2, 0)]
    {
        script.machine.request_update();
        script.wait();
        script.refresh();
        script.answer(response(&[answer]));
    }
    assert_eq!(script.leader("t"), Some((BrokerId(2), Some(0))));
}

#[test]
fn broker_without_epochs_is_believed() {
    let mut script = Script::started();
    script.learn(topic("t", 1, -1));
    script.machine.request_update();
    script.wait();
    script.refresh();
    script.answer(response(&[topic("t", 2, -1)]));
    assert_eq!(script.leader("t"), Some((BrokerId(2), None)));
}

#[test]
fn passing_error_keeps_the_partitions_that_were_known() {
    let mut script = Script::started();
    script.learn(topic("t", 1, 5));
    script.machine.request_update();
    script.wait();
    script.refresh();
    script.answer(response(&[failed("t", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)]));
    assert_eq!(script.leader("t"), Some((BrokerId(1), Some(5))));
    let status = script.machine.topic_status("t");
    assert_eq!(status, TopicStatus::Unresolved(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
}

#[test]
fn leader_hint_applies_when_it_is_newer_and_its_leader_can_be_reached() {
    let mut script = Script::started();
    script.learn(topic("t", 1, 5));
    let hint = |leader: i32, leader_epoch, endpoint| LeaderHint {
        topic: "t".into(),
        partition: 0,
        leader: BrokerId(leader),
        leader_epoch,
        endpoint,
    };
    assert!(!script.machine.handle_leader_hint(&hint(2, 5, None)), "the same epoch is no news");
    assert!(!script.machine.handle_leader_hint(&hint(9, 6, None)), "where is broker 9?");
    assert!(script.machine.handle_leader_hint(&hint(2, 6, None)));
    assert_eq!(script.leader("t"), Some((BrokerId(2), Some(6))));
    let endpoint = Broker { id: BrokerId(9), host: "broker-9".into(), port: 9092, rack: None };
    assert!(script.machine.handle_leader_hint(&hint(9, 7, Some(endpoint))));
    assert_eq!(script.leader("t"), Some((BrokerId(9), Some(7))));
    assert!(script.machine.snapshot().broker(BrokerId(9)).is_some());
}

#[test]
fn requested_update_comes_at_once_and_repeated_requests_are_slowed_down() {
    let mut script = Script::started();
    script.now += Duration::from_secs(10);
    let mut pauses = Vec::new();
    for _ in 0..5 {
        script.machine.request_update();
        pauses.push(script.wait());
        script.refresh();
        script.answer(response(&[]));
    }
    assert_eq!(pauses[0], Duration::ZERO);
    assert!(pauses[1] >= Duration::from_millis(80), "{pauses:?}");
    assert!(pauses.is_sorted() || pauses[4] > pauses[1], "{pauses:?}");
}

#[test]
fn request_during_a_refresh_leads_to_another_one() {
    let mut script = Script::started();
    script.now += Duration::from_secs(1);
    script.machine.request_update();
    script.refresh();
    script.machine.request_update();
    script.answer(response(&[topic("other", 1, 1)]));
    assert!(script.wait() < Duration::from_millis(200));
    script.refresh();
}

#[test]
fn failed_request_is_repeated_after_a_growing_pause() {
    let mut script = Script::started();
    script.now += Duration::from_secs(1);
    script.machine.request_update();
    let mut pauses = Vec::new();
    for _ in 0..5 {
        let refresh = script.refresh();
        assert_eq!(refresh.source, RefreshSource::KnownBrokers);
        script.machine.handle_failure(MetadataFailure::Request, script.now);
        script.expect_nothing();
        pauses.push(script.wait());
    }
    assert!(pauses[0] <= Duration::from_millis(120), "{pauses:?}");
    assert!(pauses[4] >= Duration::from_millis(800), "{pauses:?}");
}

#[test]
fn unreachable_cluster_is_looked_for_at_the_bootstrap_servers_at_once() {
    let mut script = Script::started();
    script.wait();
    assert_eq!(script.refresh().source, RefreshSource::KnownBrokers);
    script.machine.handle_failure(MetadataFailure::NoBrokerReachable, script.now);
    assert_eq!(script.wait(), Duration::ZERO);
    assert_eq!(script.refresh().source, RefreshSource::BootstrapServers);
    script.machine.handle_failure(MetadataFailure::NoBrokerReachable, script.now);
    assert!(script.wait() > Duration::ZERO, "the bootstrap servers failed too");
    assert_eq!(script.refresh().source, RefreshSource::BootstrapServers);
    script.answer(response(&[]));
    script.machine.request_update();
    script.wait();
    assert_eq!(script.refresh().source, RefreshSource::KnownBrokers);
}

#[test]
fn recovery_can_be_switched_off() {
    let mut script = Script::with(MetadataRecovery::None);
    script.refresh();
    script.answer(response(&[]));
    script.wait();
    for _ in 0..3 {
        assert_eq!(script.refresh().source, RefreshSource::KnownBrokers);
        script.machine.handle_failure(MetadataFailure::NoBrokerReachable, script.now);
        script.now += TRIGGER;
    }
}

#[test]
fn brokers_that_answer_nothing_useful_for_long_lead_to_the_bootstrap_servers() {
    let mut script = Script::started();
    script.wait();
    assert_eq!(script.refresh().source, RefreshSource::KnownBrokers);
    script.machine.handle_failure(MetadataFailure::Request, script.now);
    script.now += TRIGGER;
    assert_eq!(script.refresh().source, RefreshSource::BootstrapServers);
}

#[test]
fn broker_can_ask_for_a_new_bootstrap() {
    let mut script = Script::started();
    script.wait();
    script.refresh();
    let error_code = ErrorCode::REBOOTSTRAP_REQUIRED.0;
    let refusal = MetadataResponse { error_code, ..response(&[]) };
    let code = script.machine.handle_response(refusal, script.now).unwrap_err();
    assert_eq!(code, ErrorCode::REBOOTSTRAP_REQUIRED);
    script.wait();
    assert_eq!(script.refresh().source, RefreshSource::BootstrapServers);
}

#[test]
fn response_without_brokers_counts_as_failure() {
    let mut script = Script::new();
    script.refresh();
    let empty = MetadataResponse::default();
    assert!(script.machine.handle_response(empty, script.now).is_err());
    assert!(script.machine.is_empty());
    assert!(script.wait() > Duration::ZERO);
    script.refresh();
}

#[test]
fn topic_that_nobody_uses_is_forgotten_and_a_pinned_one_is_not() {
    let mut script = Script::started();
    script.learn(topic("used", 1, 1));
    script.learn(topic_with_id("idle", 8, 1, 1));
    script.machine.pin_topics(["pinned"], script.now);
    script.refresh();
    script.answer(response(&[topic_with_id("pinned", 9, 1, 1)]));
    script.now += IDLE - Duration::from_secs(1);
    script.machine.use_topic("used", script.now);
    script.now += Duration::from_secs(2);
    let refresh = script.refresh();
    assert_eq!(refresh.topics, RefreshTopics::Wanted(names(&["pinned", "used"])));
    script.answer(response(&[topic("used", 1, 1), topic_with_id("pinned", 9, 1, 1)]));
    assert!(script.machine.snapshot().topic("idle").is_none());
}

#[test]
fn pinned_topics_are_replaced_by_the_next_set() {
    let mut script = Script::started();
    script.machine.pin_topics(["a", "b"], script.now);
    assert_eq!(script.refresh().topics, RefreshTopics::Partial(names(&["a", "b"])));
    script.answer(response(&[topic("a", 1, 1), topic_with_id("b", 8, 1, 1)]));
    script.machine.pin_topics(["b", "c"], script.now);
    assert_eq!(script.refresh().topics, RefreshTopics::Partial(names(&["c"])));
}

#[test]
fn all_topics_can_be_wanted() {
    let mut script = Script::started();
    script.machine.want_all_topics(true);
    script.wait();
    let refresh = script.refresh();
    assert_eq!(refresh.topics, RefreshTopics::All);
    assert_eq!(refresh.request(9).topics, None);
    assert_eq!(refresh.request(0).topics, Some(Vec::new()));
    script.answer(response(&[topic("x", 1, 1)]));
    assert!(script.machine.snapshot().topic("x").is_some());
    script.machine.use_topic("x", script.now);
    assert!(script.wait() > Duration::from_secs(60), "what is known is not asked for again");
}

#[test]
fn partition_numbers_of_a_peer_do_not_make_a_long_list() {
    let mut script = Script::started();
    let mut hostile = topic("t", 1, 1);
    let numbers = [1, i32::MAX, -5, 1];
    hostile.partitions = numbers
        .map(|partition_index| MetadataResponsePartition {
            partition_index,
            leader_id: 1,
            ..MetadataResponsePartition::default()
        })
        .to_vec();
    script.learn(hostile);
    let topic = script.machine.snapshot().topic("t").unwrap();
    let partitions: Vec<i32> = topic.partitions.iter().map(|known| known.partition).collect();
    assert_eq!(partitions, [0, 1]);
    assert_eq!(topic.partition(0).unwrap().error, ErrorCode::LEADER_NOT_AVAILABLE);
}

#[test]
fn snapshot_without_news_is_the_same_snapshot() {
    let mut script = Script::started();
    script.learn(topic("t", 1, 1));
    let before = std::sync::Arc::clone(script.machine.snapshot());
    script.machine.request_update();
    script.wait();
    script.refresh();
    script.answer(response(&[topic("t", 1, 1)]));
    assert!(std::sync::Arc::ptr_eq(&before, script.machine.snapshot()));
}
