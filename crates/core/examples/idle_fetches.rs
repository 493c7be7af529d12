//! Fetches of a consumer to whom nothing comes: what one costs, whatever the number of partitions.
//!
//! ```text
//! idle_fetches PARTITIONS BROKERS ROUNDS
//! ```
//!
//! Under `valgrind --tool=callgrind`, the instructions of 2N rounds less those of N, over N times the
//! brokers, are those of one fetch and its empty answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use milena_core::{
    TopicPartition,
    backoff::Backoff,
    consumer::{ConsumerMachine, ConsumerMachineConfig, IsolationLevel, Position, Request},
    fetch::FetchConfig,
    metadata::{ClusterMetadata, Metadata, MetadataConfig, MetadataRecovery},
};
use milena_wire::{
    Uuid,
    messages::{
        FetchResponse, MetadataResponse,
        metadata_response::{
            MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
        },
    },
};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<i32>());
    let mut next = || arguments.next().and_then(Result::ok).expect("PARTITIONS BROKERS ROUNDS");
    let (partitions, brokers, rounds) = (next(), next(), next());
    let now = Instant::now();
    let mut machine = ConsumerMachine::new(config(), now);
    machine.handle_metadata(cluster(partitions, brokers, now));
    machine.assign((0..partitions).map(|partition| ("t", partition).into()), now);
    for partition in 0..partitions {
        let partition = TopicPartition::new("t", partition);
        machine.seek(&partition, Position::new(0)).expect("the partition is assigned");
    }
    let mut fetches = 0;
    let mut asked = 0;
    for _ in 0..rounds {
        let mut in_flight = Vec::new();
        while let Some(request) = machine.poll_request(now) {
            let Request::Fetch(broker) = request else { unreachable!("only fetches are due") };
            let (request, _) =
                machine.fetch_request(broker, 17, now).expect("there is something to fetch");
            asked += request.topics.iter().map(|topic| topic.partitions.len()).sum::<usize>();
            in_flight.push(broker);
            machine.poll_timeout(now);
        }
        for broker in in_flight {
            let response = FetchResponse { session_id: 7, ..Default::default() };
            machine.handle_fetch(broker, Some(response), now);
            assert!(machine.take_error().is_none() && machine.take_fetched().is_none());
            fetches += 1;
        }
    }
    println!("{fetches} fetches named {asked} partitions");
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(100), Duration::from_secs(1))
}

fn config() -> ConsumerMachineConfig {
    ConsumerMachineConfig {
        reset: None,
        isolation_level: IsolationLevel::ReadUncommitted,
        group: None,
        fetch: FetchConfig {
            bytes_min: 1,
            bytes_max: 50 << 20,
            partition_bytes_max: 1 << 20,
            wait_max: Duration::from_millis(500),
            isolation_level: IsolationLevel::ReadUncommitted,
            rack_id: "".into(),
            buffer_bytes: 64 << 20,
            retry_backoff: backoff(),
            seed: 1,
        },
        auto_commit_interval: None,
        api_timeout: Duration::from_secs(60),
        retry_backoff: backoff(),
        seed: 1,
    }
}

/// The metadata of a topic t whose partitions the brokers lead in turn.
fn cluster(partitions: i32, brokers: i32, now: Instant) -> Arc<ClusterMetadata> {
    let mut metadata = Metadata::new(MetadataConfig {
        max_age: Duration::from_secs(300),
        topic_idle: Duration::from_secs(300),
        retry_backoff: backoff(),
        recovery: MetadataRecovery::None,
        rebootstrap_trigger: Duration::from_secs(300),
        allow_auto_topic_creation: false,
        seed: 1,
    });
    metadata.want_all_topics(true);
    metadata.poll_refresh(now).expect("a refresh is due");
    let broker = |node_id| MetadataResponseBroker {
        node_id,
        host: "localhost".into(),
        port: 9092,
        ..Default::default()
    };
    let partition = |partition_index| MetadataResponsePartition {
        partition_index,
        leader_id: partition_index % brokers,
        leader_epoch: 1,
        ..Default::default()
    };
    let topic = MetadataResponseTopic {
        name: Some("t".into()),
        topic_id: Uuid([1; 16]),
        partitions: (0..partitions).map(partition).collect(),
        ..Default::default()
    };
    let response = MetadataResponse {
        brokers: (0..brokers).map(broker).collect(),
        topics: vec![topic],
        ..Default::default()
    };
    metadata.handle_response(response, now).expect("the answer is whole");
    Arc::clone(metadata.snapshot())
}
