//! The producer against the embedded broker.

mod basics;
mod bounds;
mod faults;
mod partitions;
mod sessions;
mod transaction_faults;
mod transactions;

use std::time::{Duration, Instant};

use milena_broker::{Broker, BrokerBuilder};
use milena_core::BrokerId;
use milena_pool::Purpose;
use milena_wire::messages::FetchRequest;
use milena_wire::messages::fetch_request::{FetchPartition, FetchTopic};
use milena_wire::records::RecordBatches;
use milena_wire::{ByteString, ErrorCode};

use super::Producer;
use crate::cluster::Cluster;
use crate::config::{ProducerConfig, ProducerConfigBuilder};

/// A record as it lies in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    offset: i64,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

async fn start(build: impl FnOnce(BrokerBuilder) -> BrokerBuilder) -> Broker {
    build(Broker::builder()).start().await.unwrap()
}

fn config(broker: &Broker) -> ProducerConfigBuilder {
    ProducerConfig::builder(broker.bootstrap_servers())
        .retry_backoff(Duration::from_millis(10))
        .retry_backoff_max(Duration::from_millis(20))
}

fn producer(broker: &Broker) -> Producer {
    Producer::new(config(broker).build().unwrap()).unwrap()
}

/// Everything in a partition.
async fn read(broker: &Broker, topic: &str, partition: i32) -> Vec<Stored> {
    let config = ProducerConfig::builder(broker.bootstrap_servers()).build().unwrap();
    let cluster = Cluster::new(&config.client).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let (_, end) = broker.offsets(topic, partition).unwrap();
    cluster.topic(topic, deadline).await.unwrap();
    let leader = BrokerId(broker.leader(topic, partition).unwrap().unwrap());
    let connection = cluster.connection(leader, Purpose::Fetch).await.unwrap();
    let version = connection.api_versions().highest_up_to::<FetchRequest>(12).unwrap();
    let mut stored: Vec<Stored> = Vec::new();
    while stored.last().map_or(0, |record| record.offset + 1) < end {
        let fetch_offset = stored.last().map_or(0, |record| record.offset + 1);
        let request = fetch(topic, partition, fetch_offset);
        let timeout = Duration::from_secs(10);
        let response = connection.start(&request, version, timeout).unwrap().await.unwrap();
        let data = &response.responses[0].partitions[0];
        assert_eq!(ErrorCode(data.error_code), ErrorCode::NONE);
        for batch in RecordBatches::new(data.records.clone().unwrap()) {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            let records = batch.records(1 << 26).unwrap();
            let records = records.iter().map(|record| {
                let record = record.unwrap();
                Stored {
                    offset: record.offset,
                    timestamp: record.timestamp,
                    key: record.key.map(<[u8]>::to_vec),
                    value: record.value.map(<[u8]>::to_vec),
                    headers: record
                        .headers()
                        .map(|header| {
                            (header.key().into_owned(), header.value().map(<[u8]>::to_vec))
                        })
                        .collect(),
                }
            });
            stored.extend(records.filter(|record| record.offset >= fetch_offset));
        }
    }
    cluster.close();
    stored
}

fn fetch(topic: &str, partition: i32, fetch_offset: i64) -> FetchRequest {
    let partition = FetchPartition {
        partition,
        fetch_offset,
        partition_max_bytes: 1 << 24,
        ..FetchPartition::default()
    };
    let topic = FetchTopic {
        topic: ByteString::from(topic),
        partitions: vec![partition],
        ..FetchTopic::default()
    };
    FetchRequest { max_wait_ms: 100, min_bytes: 1, topics: vec![topic], ..FetchRequest::default() }
}

/// The values of a partition as numbers.
async fn numbers(broker: &Broker, topic: &str, partition: i32) -> Vec<u32> {
    let stored = read(broker, topic, partition).await;
    stored.iter().map(|record| number(record.value.as_deref())).collect()
}

fn number(value: Option<&[u8]>) -> u32 {
    u32::from_be_bytes(value.unwrap()[..4].try_into().unwrap())
}
