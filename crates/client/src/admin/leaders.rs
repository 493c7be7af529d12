//! Requests that go to the leader of each partition: finding the leaders, one request for each.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Instant;

use futures_util::future::join_all;
use milena_core::{BrokerId, TopicPartition};
use milena_pool::{Connection, Purpose};
use milena_wire::ErrorCode;
use milena_wire::messages::MetadataRequest;
use milena_wire::messages::metadata_request::MetadataRequestTopic;
use milena_wire::messages::metadata_response::MetadataResponse;

use super::client::{Inner, answered, metadata};
use super::operation::{Asked, Outcomes};
use crate::Error;

/// Indexes of partitions by their leader, and by how often the partition was there before: a request may
/// name a partition once only.
type ByLeader = BTreeMap<(BrokerId, usize), Vec<usize>>;

/// A call about partitions, of which each leader gets its part.
pub(super) trait LeaderOperation: Sync {
    /// What is asked of one partition.
    type Question: Sync;
    /// What becomes of it.
    type Output: Send;

    /// The partitions.
    fn partitions(&self) -> &[(TopicPartition, Self::Question)];

    /// Asks one leader about its partitions.
    fn ask(
        &self,
        admin: &Inner,
        connection: &Connection,
        asked: Asked<'_, (TopicPartition, Self::Question)>,
        deadline: Instant,
    ) -> impl Future<Output = Result<Outcomes<Self::Output>, Error>> + Send;
}

/// Finds the leaders and asks all of them at once. What one leader fails to answer is an error of its
/// partitions alone.
pub(super) async fn attempt<O: LeaderOperation>(
    operation: &O,
    admin: &Inner,
    pending: &[usize],
    deadline: Instant,
) -> Result<Outcomes<O::Output>, Error> {
    // The pool knows the brokers' addresses from the cluster's metadata.
    admin.cluster.ready(deadline).await?;
    let topics: BTreeSet<_> = pending
        .iter()
        .filter_map(|index| operation.partitions().get(*index))
        .map(|(partition, _)| partition.topic.clone())
        .collect();
    let topic = |name| MetadataRequestTopic { name: Some(name), ..Default::default() };
    let request = MetadataRequest {
        topics: Some(topics.into_iter().map(topic).collect()),
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    let (response, version) = metadata(admin, &request, None, deadline).await?;
    let mut outcomes = Outcomes::new();
    let mut by_leader = ByLeader::new();
    let mut seen: BTreeMap<&TopicPartition, usize> = BTreeMap::new();
    for index in pending {
        let Some((partition, _)) = operation.partitions().get(*index) else { continue };
        match leader(&response, partition) {
            Ok(leader) => {
                let times = seen.entry(partition).or_default();
                by_leader.entry((leader, *times)).or_default().push(*index);
                *times += 1;
            }
            Err(code) => {
                let error = answered::<MetadataRequest>(code.0, None, version);
                let error = error.with_partition(&*partition.topic, partition.partition);
                outcomes.push((*index, Err(error)));
            }
        }
    }
    let parts = by_leader.iter().map(|((leader, _), indexes)| async {
        let asked = async {
            let connection = admin.cluster.connection(*leader, Purpose::Control).await?;
            let asked = Asked::new(operation.partitions(), indexes);
            operation.ask(admin, &connection, asked, deadline).await
        };
        match asked.await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let error = error.with_broker(leader.0);
                indexes.iter().map(|index| (*index, Err(error.clone()))).collect()
            }
        }
    });
    for part in join_all(parts).await {
        outcomes.extend(part);
    }
    Ok(outcomes)
}

/// The leader of a partition, or the code that says why there is none.
fn leader(response: &MetadataResponse, partition: &TopicPartition) -> Result<BrokerId, ErrorCode> {
    let topic = response
        .topics
        .iter()
        .find(|topic| topic.name.as_ref() == Some(&partition.topic))
        .ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    ErrorCode(topic.error_code).ok()?;
    let found = topic
        .partitions
        .iter()
        .find(|found| found.partition_index == partition.partition)
        .ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    // A replica that is offline is no reason not to ask the leader.
    match ErrorCode(found.error_code) {
        ErrorCode::NONE | ErrorCode::REPLICA_NOT_AVAILABLE => {}
        code => return Err(code),
    }
    BrokerId::from_wire(found.leader_id).ok_or(ErrorCode::LEADER_NOT_AVAILABLE)
}

/// Groups things by topic, in the order of their first occurrence.
pub(super) fn by_topic<'a, T>(
    partitions: impl IntoIterator<Item = (&'a TopicPartition, T)>,
) -> Vec<(&'a TopicPartition, Vec<T>)> {
    let mut topics: Vec<(&TopicPartition, Vec<T>)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (partition, thing) in partitions {
        let place = *places.entry(&partition.topic).or_insert(topics.len());
        match topics.get_mut(place) {
            Some((_, things)) => things.push(thing),
            None => topics.push((partition, vec![thing])),
        }
    }
    topics
}

#[cfg(test)]
mod tests {
    use milena_wire::ByteString;
    use milena_wire::messages::metadata_response::{
        MetadataResponsePartition, MetadataResponseTopic,
    };

    use super::*;

    #[test]
    fn tells_the_leader_or_why_there_is_none() {
        let partition = |index, leader_id, error_code| MetadataResponsePartition {
            partition_index: index,
            leader_id,
            error_code,
            ..Default::default()
        };
        let response = MetadataResponse {
            topics: vec![
                MetadataResponseTopic {
                    name: Some(ByteString::from("a")),
                    partitions: vec![partition(0, 7, 0), partition(1, -1, 5), partition(2, -1, 0)],
                    ..Default::default()
                },
                MetadataResponseTopic {
                    name: Some(ByteString::from("b")),
                    error_code: ErrorCode::TOPIC_AUTHORIZATION_FAILED.0,
                    ..Default::default()
                },
            ],
            ..Default::default()
        };
        for (topic, number, expected) in [
            ("a", 0, Ok(BrokerId(7))),
            ("a", 1, Err(ErrorCode::LEADER_NOT_AVAILABLE)),
            ("a", 2, Err(ErrorCode::LEADER_NOT_AVAILABLE)),
            ("a", 3, Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)),
            ("b", 0, Err(ErrorCode::TOPIC_AUTHORIZATION_FAILED)),
            ("c", 0, Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)),
        ] {
            let found = leader(&response, &TopicPartition::new(topic, number));
            assert_eq!(found, expected, "{topic}-{number}");
        }
    }

    #[test]
    fn groups_by_topic() {
        let partitions = [("a", 0), ("b", 0), ("a", 1)].map(|(t, p)| TopicPartition::new(t, p));
        let grouped = by_topic(partitions.iter().map(|one| (one, one.partition)));
        let topics: Vec<(&str, Vec<i32>)> =
            grouped.into_iter().map(|(one, things)| (&*one.topic, things)).collect();
        assert_eq!(topics, [("a", vec![0, 1]), ("b", vec![0])]);
    }
}
