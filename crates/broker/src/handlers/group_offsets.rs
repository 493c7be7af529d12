//! OffsetCommit and OffsetFetch.

use std::time::Instant;

use milena_wire::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use milena_wire::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use milena_wire::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use milena_wire::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use milena_wire::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse,
};
use milena_wire::{ByteString, ErrorCode, Uuid};

use super::{Api, Reply};
use crate::connection::Call;
use crate::group::CommittedOffset;

/// Topics are named by id from this version on, in both APIs.
const TOPIC_ID_VERSION: i16 = 10;
/// OffsetFetch asks for several groups from this version on (KIP-709).
const GROUPS_VERSION: i16 = 8;

impl Api for OffsetCommitRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<OffsetCommitResponse> {
        let instance = self.group_instance_id.as_deref();
        let allowed = call.check_group(&self.group_id).and_then(|()| {
            if self.group_id.is_empty() {
                return Err(ErrorCode::INVALID_GROUP_ID);
            }
            let generation = self.generation_id_or_member_epoch;
            let now = Instant::now();
            call.cluster().groups.with(|groups| {
                groups.check_commit(&self.group_id, &self.member_id, instance, generation, now)
            })
        });
        if let Err(code) = allowed {
            return Reply::Response(self.refused(call, code));
        }
        Reply::Response(committed(&self, |topic, partition| {
            let name = topic_name(call, &topic.name, topic.topic_id)?;
            call.with_faults(&name, partition.partition_index, || {
                commit(call, &self.group_id, &name, partition)
            })
        }))
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> OffsetCommitResponse {
        committed(self, |_, _| Err(code))
    }

    fn throttle(response: &mut OffsetCommitResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

/// The name of a topic that the request gives by name or by id.
pub(super) fn topic_name(
    call: &Call<'_>,
    name: &ByteString,
    topic_id: Uuid,
) -> Result<ByteString, ErrorCode> {
    if topic_id.is_zero() && !name.is_empty() {
        return Ok(name.clone());
    }
    let topic = call.cluster().topic_by_id(topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?;
    Ok(topic.name.clone())
}

/// The answer to a request, with what `commit` makes of each partition.
fn committed(
    request: &OffsetCommitRequest,
    commit: impl Fn(&OffsetCommitRequestTopic, &OffsetCommitRequestPartition) -> Result<(), ErrorCode>,
) -> OffsetCommitResponse {
    let topic = |topic: &OffsetCommitRequestTopic| OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic
            .partitions
            .iter()
            .map(|partition| OffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: commit(topic, partition).err().unwrap_or(ErrorCode::NONE).0,
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    let topics = request.topics.iter().map(topic).collect();
    OffsetCommitResponse { topics, ..Default::default() }
}

fn commit(
    call: &Call<'_>,
    group_id: &str,
    topic: &ByteString,
    asked: &OffsetCommitRequestPartition,
) -> Result<(), ErrorCode> {
    let index = asked.partition_index;
    let (offset, leader_epoch) = (asked.committed_offset, asked.committed_leader_epoch);
    let metadata = asked.committed_metadata.clone();
    let offset = checked_offset(call, topic, index, (offset, leader_epoch), metadata)?;
    call.cluster().journal(|journal| journal.offset(group_id, topic, index, Some(&offset)));
    call.cluster().groups.with(|groups| groups.commit(group_id, topic.clone(), index, offset));
    Ok(())
}

/// What a request asks to commit, if the partition is there and the metadata is not too large.
pub(super) fn checked_offset(
    call: &Call<'_>,
    topic: &str,
    index: i32,
    (offset, leader_epoch): (i64, i32),
    metadata: Option<ByteString>,
) -> Result<CommittedOffset, ErrorCode> {
    call.known_partition(topic, index)?;
    let metadata = metadata.unwrap_or_default();
    if metadata.len() > call.cluster().settings.groups.offset_metadata_max_bytes {
        return Err(ErrorCode::OFFSET_METADATA_TOO_LARGE);
    }
    Ok(CommittedOffset { offset, leader_epoch, metadata })
}

impl Api for OffsetFetchRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<OffsetFetchResponse> {
        let fetched = self
            .by_group(call)
            .iter()
            .map(|group| fetch_group(call, group, self.require_stable))
            .collect();
        Reply::Response(respond(call, fetched))
    }

    fn refused(&self, call: &Call<'_>, code: ErrorCode) -> OffsetFetchResponse {
        let failed = |group: &OffsetFetchRequestGroup| failed_group(call, group, code);
        respond(call, self.by_group(call).iter().map(failed).collect())
    }

    fn throttle(response: &mut OffsetFetchResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}

trait ByGroup {
    fn by_group(&self, call: &Call<'_>) -> Vec<OffsetFetchRequestGroup>;
}

impl ByGroup for OffsetFetchRequest {
    /// Old requests as one group of the new shape.
    fn by_group(&self, call: &Call<'_>) -> Vec<OffsetFetchRequestGroup> {
        if call.version >= GROUPS_VERSION {
            return self.groups.clone();
        }
        let topics = self.topics.as_ref().map(|topics| {
            let topic =
                |topic: &milena_wire::messages::offset_fetch_request::OffsetFetchRequestTopic| {
                    OffsetFetchRequestTopics {
                        name: topic.name.clone(),
                        partition_indexes: topic.partition_indexes.clone(),
                        ..Default::default()
                    }
                };
            topics.iter().map(topic).collect()
        });
        vec![OffsetFetchRequestGroup {
            group_id: self.group_id.clone(),
            topics,
            ..Default::default()
        }]
    }
}

fn fetch_group(
    call: &Call<'_>,
    asked: &OffsetFetchRequestGroup,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    if let Err(code) = call.check_group(&asked.group_id) {
        return failed_group(call, asked, code);
    }
    let topics = match &asked.topics {
        Some(topics) => topics
            .iter()
            .map(|topic| fetch_topic(call, &asked.group_id, topic, require_stable))
            .collect(),
        None => fetch_all(call, &asked.group_id),
    };
    OffsetFetchResponseGroup { group_id: asked.group_id.clone(), topics, ..Default::default() }
}

fn fetch_topic(
    call: &Call<'_>,
    group_id: &str,
    asked: &OffsetFetchRequestTopics,
    require_stable: bool,
) -> OffsetFetchResponseTopics {
    let name = topic_name(call, &asked.name, asked.topic_id);
    let partition = |&index: &i32| {
        let name = match &name {
            Ok(name) => name,
            Err(code) => return no_offset(index, *code),
        };
        if let Some(code) = call.partition_error(name, index) {
            return no_offset(index, code);
        }
        call.cluster().groups.with(|groups| {
            if require_stable && groups.is_unstable(group_id, name, index) {
                return no_offset(index, ErrorCode::UNSTABLE_OFFSET_COMMIT);
            }
            match groups.committed_offset(group_id, name, index) {
                Some(committed) => offset(index, committed),
                None => no_offset(index, ErrorCode::NONE),
            }
        })
    };
    OffsetFetchResponseTopics {
        name: asked.name.clone(),
        topic_id: asked.topic_id,
        partitions: asked.partition_indexes.iter().map(partition).collect(),
        ..Default::default()
    }
}

fn fetch_all(call: &Call<'_>, group_id: &str) -> Vec<OffsetFetchResponseTopics> {
    let mut topics: Vec<OffsetFetchResponseTopics> = Vec::new();
    for ((name, index), committed) in
        call.cluster().groups.with(|groups| groups.committed(group_id))
    {
        if topics.last().is_none_or(|topic| topic.name != name) {
            let topic_id = call.cluster().topic(&name).map_or(Uuid::ZERO, |topic| topic.id);
            topics.push(OffsetFetchResponseTopics { name, topic_id, ..Default::default() });
        }
        if let Some(topic) = topics.last_mut() {
            topic.partitions.push(offset(index, committed));
        }
    }
    if call.version >= TOPIC_ID_VERSION {
        topics.retain(|topic| !topic.topic_id.is_zero());
    }
    topics
}

fn offset(partition_index: i32, committed: CommittedOffset) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: committed.offset,
        committed_leader_epoch: committed.leader_epoch,
        metadata: Some(committed.metadata),
        ..Default::default()
    }
}

fn no_offset(partition_index: i32, code: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(ByteString::new()),
        error_code: code.0,
        ..Default::default()
    }
}

fn failed_group(
    call: &Call<'_>,
    asked: &OffsetFetchRequestGroup,
    code: ErrorCode,
) -> OffsetFetchResponseGroup {
    // Versions 0 and 1 have no place for the error but the partitions.
    let topic = |topic: &OffsetFetchRequestTopics| OffsetFetchResponseTopics {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic.partition_indexes.iter().map(|&index| no_offset(index, code)).collect(),
        ..Default::default()
    };
    let in_partitions = call.version < GROUPS_VERSION;
    let topics = asked.topics.iter().flatten().filter(|_| in_partitions).map(topic).collect();
    OffsetFetchResponseGroup {
        group_id: asked.group_id.clone(),
        topics,
        error_code: code.0,
        ..Default::default()
    }
}

fn respond(call: &Call<'_>, mut groups: Vec<OffsetFetchResponseGroup>) -> OffsetFetchResponse {
    if call.version >= GROUPS_VERSION {
        return OffsetFetchResponse { groups, ..Default::default() };
    }
    let only = groups.pop().unwrap_or_default();
    let partition = |partition: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
        ..Default::default()
    };
    let topic = |topic: OffsetFetchResponseTopics| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
        ..Default::default()
    };
    OffsetFetchResponse {
        topics: only.topics.into_iter().map(topic).collect(),
        error_code: only.error_code,
        ..Default::default()
    }
}
