//! What tests of several machines share.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use milena_wire::Uuid;
use milena_wire::messages::{
    MetadataResponse,
    metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
};

use crate::{
    backoff::Backoff,
    metadata::{ClusterMetadata, Metadata, MetadataConfig, MetadataRecovery},
};

/// A partition's leader and its epoch.
pub(crate) type LeaderEntry = (i32, i32);

/// Metadata of topics with these leaders, on brokers 0 to 9.
pub(crate) fn cluster(topics: &[(&str, &[LeaderEntry])]) -> Arc<ClusterMetadata> {
    let now = Instant::now();
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
    let mut machine = Metadata::new(MetadataConfig {
        max_age: Duration::from_secs(300),
        topic_idle: Duration::from_secs(300),
        retry_backoff: backoff,
        recovery: MetadataRecovery::None,
        rebootstrap_trigger: Duration::from_secs(300),
        allow_auto_topic_creation: false,
        seed: 0,
    });
    machine.want_all_topics(true);
    machine.poll_refresh(now).unwrap();
    let brokers = (0..10).map(|node_id| MetadataResponseBroker {
        node_id,
        host: "localhost".into(),
        port: 9092 + node_id,
        ..Default::default()
    });
    let topics = topics.iter().enumerate().map(|(number, (name, leaders))| MetadataResponseTopic {
        name: Some((*name).into()),
        topic_id: Uuid([u8::try_from(number + 1).unwrap(); 16]),
        partitions: (0..)
            .zip(*leaders)
            .map(|(partition_index, (leader_id, leader_epoch))| MetadataResponsePartition {
                partition_index,
                leader_id: *leader_id,
                leader_epoch: *leader_epoch,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    });
    let response = MetadataResponse {
        brokers: brokers.collect(),
        topics: topics.collect(),
        ..Default::default()
    };
    machine.handle_response(response, now).unwrap();
    Arc::clone(machine.snapshot())
}

/// Metadata of topics with so many partitions each, all led by broker 0.
pub(crate) fn topics(counts: &[(&str, usize)]) -> Arc<ClusterMetadata> {
    let leaders: Vec<Vec<LeaderEntry>> = counts.iter().map(|(_, n)| vec![(0, 1); *n]).collect();
    let entries: Vec<(&str, &[LeaderEntry])> =
        counts.iter().zip(&leaders).map(|((name, _), leaders)| (*name, &leaders[..])).collect();
    cluster(&entries)
}
