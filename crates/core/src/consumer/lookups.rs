//! Finding positions: committed offsets, offsets by policy, and whether a position is still valid.
//!
//! [`SubscriptionState`] says what is missing; here it becomes requests, one per broker at a time,
//! and answers become positions.
//!
//! Spec: json/ListOffsetsRequest v1+, json/OffsetFetchRequest v1+, json/OffsetForLeaderEpochRequest v3+,
//! KIP-447#require-stable.

use std::{collections::BTreeMap, time::Instant};

use milena_wire::{
    ByteString, ErrorCode,
    messages::{
        ListOffsetsRequest, ListOffsetsResponse, OffsetFetchRequest, OffsetFetchResponse,
        OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        offset_fetch_request::{
            OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
        },
        offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
    },
};

use super::{
    ConsumerError, IsolationLevel, OffsetSpec, Position, SubscriptionState, partition::Phase,
};
use crate::{
    BrokerId, TopicPartition,
    backoff::{Backoff, Jitter},
};

/// The lowest version of OffsetForLeaderEpoch that consumers may use: earlier ones need rights on the
/// cluster.
pub const MIN_EPOCH_LOOKUP_VERSION: i16 = 3;

/// A partition that something is looked up for, under the epoch of its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupPartition {
    partition: TopicPartition,
    epoch: u64,
    leader_epoch: i32,
    /// The leader epoch of the position, for [`Lookup::Epochs`].
    position_epoch: i32,
    spec: OffsetSpec,
}

/// Something to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The group's committed offsets, from the coordinator.
    Committed(Vec<LookupPartition>),
    /// Offsets by policy, from the leader.
    Offsets(BrokerId, Vec<LookupPartition>),
    /// The end offsets of leader epochs, from the leader.
    Epochs(BrokerId, Vec<LookupPartition>),
}

impl Lookup {
    fn partitions(&self) -> &[LookupPartition] {
        let (Self::Committed(partitions)
        | Self::Offsets(_, partitions)
        | Self::Epochs(_, partitions)) = self;
        partitions
    }
}

/// What a failed lookup means for the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupOutcome {
    /// Leaders are not what the metadata says.
    pub needs_metadata: bool,
    /// The broker that was asked does not coordinate the group.
    pub lost_coordinator: bool,
    /// What the application has to see.
    pub error: Option<ConsumerError>,
}

/// Makes lookups and applies their answers.
#[derive(Debug)]
pub struct Lookups {
    backoff: Backoff,
    jitter: Jitter,
    isolation_level: IsolationLevel,
}

impl Lookups {
    /// Lookups that are repeated with this backoff.
    pub fn new(backoff: Backoff, seed: u64, isolation_level: IsolationLevel) -> Self {
        Self { backoff, jitter: Jitter::new(seed), isolation_level }
    }

    /// Partitions to look up at once, for somebody who does not want positions changed.
    pub fn for_partitions(partitions: &[TopicPartition], spec: OffsetSpec) -> Vec<LookupPartition> {
        Self::for_specs(partitions.iter().map(|partition| (partition.clone(), spec)))
    }

    /// As [`Lookups::for_partitions`], each with its own offset.
    pub fn for_specs(
        partitions: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
    ) -> Vec<LookupPartition> {
        let lookup = |(partition, spec)| LookupPartition {
            partition,
            epoch: 0,
            leader_epoch: -1,
            position_epoch: -1,
            spec,
        };
        let mut lookups: Vec<LookupPartition> = partitions.into_iter().map(lookup).collect();
        lookups.sort_by(|a, b| a.partition.cmp(&b.partition));
        lookups
    }

    /// The next lookup, if one is due. Partitions without a leader wait for metadata.
    pub fn poll(
        &mut self,
        subscription: &mut SubscriptionState,
        now: Instant,
        has_coordinator: bool,
    ) -> Option<Lookup> {
        let mut committed = Vec::new();
        let mut by_broker: BTreeMap<(BrokerId, bool), Vec<LookupPartition>> = BTreeMap::new();
        for (partition, state) in subscription.unsettled() {
            if state.is_asking || state.retry_at.is_some_and(|at| now < at) {
                continue;
            }
            let mut lookup = LookupPartition {
                partition: partition.clone(),
                epoch: state.epoch,
                leader_epoch: state.leader.and_then(|leader| leader.epoch).unwrap_or(-1),
                position_epoch: state.next_fetch.leader_epoch.unwrap_or(-1),
                spec: OffsetSpec::Latest,
            };
            match (state.phase, state.leader) {
                (Phase::Committed, _) if has_coordinator => {
                    committed.push(lookup);
                }
                (Phase::Reset(spec), Some(leader)) => {
                    lookup.spec = spec;
                    by_broker.entry((leader.id, false)).or_default().push(lookup);
                }
                (Phase::Validating, Some(leader)) => {
                    by_broker.entry((leader.id, true)).or_default().push(lookup);
                }
                _ => {}
            }
        }
        let next = match committed.is_empty() {
            true => match by_broker.pop_first()? {
                ((broker, true), partitions) => Lookup::Epochs(broker, partitions),
                ((broker, false), partitions) => Lookup::Offsets(broker, partitions),
            },
            false => Lookup::Committed(committed),
        };
        for lookup in next.partitions() {
            if let Some(mut state) = subscription.get_mut(&lookup.partition) {
                state.is_asking = true;
            }
        }
        Some(next)
    }

    /// ListOffsets for a lookup; `unix_ms` is the time by the wall clock.
    pub fn list_offsets(&self, partitions: &[LookupPartition], unix_ms: i64) -> ListOffsetsRequest {
        let topics = by_topic(partitions, |name, partitions| ListOffsetsTopic {
            name,
            partitions: partitions
                .iter()
                .map(|lookup| ListOffsetsPartition {
                    partition_index: lookup.partition.partition,
                    current_leader_epoch: lookup.leader_epoch,
                    timestamp: lookup.spec.timestamp(unix_ms),
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        });
        ListOffsetsRequest {
            replica_id: -1,
            isolation_level: self.isolation_level.as_wire(),
            topics,
            ..Default::default()
        }
    }

    /// OffsetFetch for a lookup, in the form that `version` needs.
    pub fn offset_fetch(
        partitions: &[LookupPartition],
        group_id: &ByteString,
        version: i16,
    ) -> OffsetFetchRequest {
        let indexes = |partitions: &[LookupPartition]| {
            partitions.iter().map(|lookup| lookup.partition.partition).collect()
        };
        // Version 8 and later ask for several groups.
        if version >= 8 {
            let topics = by_topic(partitions, |name, partitions| OffsetFetchRequestTopics {
                name,
                partition_indexes: indexes(partitions),
                ..Default::default()
            });
            let group = OffsetFetchRequestGroup {
                group_id: group_id.clone(),
                topics: Some(topics),
                ..Default::default()
            };
            return OffsetFetchRequest {
                groups: vec![group],
                require_stable: true,
                ..Default::default()
            };
        }
        let topics = by_topic(partitions, |name, partitions| OffsetFetchRequestTopic {
            name,
            partition_indexes: indexes(partitions),
            ..Default::default()
        });
        OffsetFetchRequest {
            group_id: group_id.clone(),
            topics: Some(topics),
            // Brokers before 2.5 have no pending offsets to leave out.
            require_stable: version >= 7,
            ..Default::default()
        }
    }

    /// OffsetForLeaderEpoch for a lookup.
    pub fn offset_for_leader_epoch(partitions: &[LookupPartition]) -> OffsetForLeaderEpochRequest {
        let topics = by_topic(partitions, |topic, partitions| OffsetForLeaderTopic {
            topic,
            partitions: partitions
                .iter()
                .map(|lookup| OffsetForLeaderPartition {
                    partition: lookup.partition.partition,
                    current_leader_epoch: lookup.leader_epoch,
                    leader_epoch: lookup.position_epoch,
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        });
        OffsetForLeaderEpochRequest { replica_id: -1, topics, ..Default::default() }
    }

    /// No answer came: the partitions are asked for again after a pause.
    pub fn handle_failure(
        &mut self,
        subscription: &mut SubscriptionState,
        lookup: &Lookup,
        now: Instant,
    ) -> LookupOutcome {
        let at = self.retry_at(now);
        for lookup in lookup.partitions() {
            subscription.retry(&lookup.partition, lookup.epoch, at);
        }
        let is_committed = matches!(lookup, Lookup::Committed(_));
        LookupOutcome { needs_metadata: !is_committed, lost_coordinator: is_committed, error: None }
    }

    fn retry_at(&mut self, now: Instant) -> Instant {
        now + self.backoff.delay(1, self.jitter.next_u64())
    }

    /// Answer to ListOffsets.
    pub fn handle_offsets(
        &mut self,
        subscription: &mut SubscriptionState,
        partitions: &[LookupPartition],
        response: &ListOffsetsResponse,
        now: Instant,
    ) -> LookupOutcome {
        let answers = response.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|p| ((&*topic.name, p.partition_index), p))
        });
        let answers: BTreeMap<(&str, i32), _> = answers.collect();
        let mut outcome = LookupOutcome::default();
        for lookup in partitions {
            let LookupPartition { partition, epoch, .. } = lookup;
            let Some(answer) = answers.get(&(&*partition.topic, partition.partition)) else {
                let at = self.fail(lookup, "ListOffsets", None, now, &mut outcome);
                subscription.retry(partition, *epoch, at);
                continue;
            };
            match ErrorCode(answer.error_code) {
                ErrorCode::NONE => {
                    let leader_epoch = Some(answer.leader_epoch).filter(|epoch| *epoch >= 0);
                    let found = Position { offset: answer.offset, leader_epoch };
                    let found = (answer.offset >= 0).then_some(found);
                    subscription.handle_reset(partition, *epoch, found);
                }
                code => {
                    let at = self.fail(lookup, "ListOffsets", Some(code), now, &mut outcome);
                    subscription.retry(partition, *epoch, at);
                }
            }
        }
        outcome
    }

    /// Answer to OffsetFetch, any version.
    pub fn handle_committed(
        &mut self,
        subscription: &mut SubscriptionState,
        partitions: &[LookupPartition],
        response: &OffsetFetchResponse,
        now: Instant,
    ) -> LookupOutcome {
        let mut outcome = LookupOutcome::default();
        let (code, answers) = committed_offsets(response);
        for lookup in partitions {
            let LookupPartition { partition, epoch, .. } = lookup;
            let answer = answers.get(&(&*partition.topic, partition.partition)).copied();
            match (code, answer) {
                (ErrorCode::NONE, Some((ErrorCode::NONE, offset))) => {
                    let committed = offset.map(|offset| Position {
                        offset: offset.offset,
                        leader_epoch: offset.leader_epoch,
                    });
                    subscription.handle_committed(partition, *epoch, committed);
                }
                (ErrorCode::NONE, answer) => {
                    let code = answer.map(|(code, _)| code);
                    let at = self.fail(lookup, "OffsetFetch", code, now, &mut outcome);
                    subscription.retry(partition, *epoch, at);
                }
                (code, _) => {
                    let at = self.fail(lookup, "OffsetFetch", Some(code), now, &mut outcome);
                    subscription.retry(partition, *epoch, at);
                }
            }
        }
        outcome
    }

    /// Answer to OffsetForLeaderEpoch.
    pub fn handle_epochs(
        &mut self,
        subscription: &mut SubscriptionState,
        partitions: &[LookupPartition],
        response: &OffsetForLeaderEpochResponse,
        now: Instant,
    ) -> LookupOutcome {
        const API: &str = "OffsetForLeaderEpoch";
        let answers = response
            .topics
            .iter()
            .flat_map(|topic| topic.partitions.iter().map(|p| ((&*topic.topic, p.partition), p)));
        let answers: BTreeMap<(&str, i32), _> = answers.collect();
        let mut outcome = LookupOutcome::default();
        for lookup in partitions {
            let LookupPartition { partition, epoch, .. } = lookup;
            match answers.get(&(&*partition.topic, partition.partition)) {
                Some(answer) if ErrorCode(answer.error_code) == ErrorCode::NONE => {
                    let end =
                        (answer.end_offset >= 0 && answer.leader_epoch >= 0).then_some(Position {
                            offset: answer.end_offset,
                            leader_epoch: Some(answer.leader_epoch),
                        });
                    subscription.handle_epoch_end(partition, *epoch, end);
                }
                Some(answer) => {
                    let code = Some(ErrorCode(answer.error_code));
                    let at = self.fail(lookup, API, code, now, &mut outcome);
                    subscription.retry(partition, *epoch, at);
                }
                None => {
                    let at = self.fail(lookup, API, None, now, &mut outcome);
                    subscription.retry(partition, *epoch, at);
                }
            }
        }
        outcome
    }

    /// Brokers of this version cannot tell epochs: positions stand as they are.
    pub(crate) fn skip_epochs(
        subscription: &mut SubscriptionState,
        partitions: &[LookupPartition],
    ) {
        for lookup in partitions {
            subscription.skip_validation(&lookup.partition, lookup.epoch);
        }
    }

    /// One partition's answer is missing (`None`) or an error; returns when to ask again.
    fn fail(
        &mut self,
        lookup: &LookupPartition,
        api: &'static str,
        code: Option<ErrorCode>,
        now: Instant,
        outcome: &mut LookupOutcome,
    ) -> Instant {
        match code {
            Some(ErrorCode::NOT_COORDINATOR | ErrorCode::COORDINATOR_NOT_AVAILABLE) => {
                outcome.lost_coordinator = true;
            }
            Some(ErrorCode::UNKNOWN_LEADER_EPOCH | ErrorCode::FENCED_LEADER_EPOCH) | None => {
                outcome.needs_metadata = true;
            }
            Some(code) if code.is_retriable() => outcome.needs_metadata |= api != "OffsetFetch",
            Some(code) => {
                let partition = Some(lookup.partition.clone());
                outcome.error.get_or_insert(ConsumerError::Broker { api, code, partition });
            }
        }
        self.retry_at(now)
    }
}

/// A committed offset as OffsetFetch tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed<'a> {
    /// The offset.
    pub offset: i64,
    /// Its leader epoch, if the group told one.
    pub leader_epoch: Option<i32>,
    /// The group's text.
    pub metadata: &'a str,
}

/// The answers of an OffsetFetch by topic and partition; `None` where nothing is committed.
pub type CommittedOffsets<'a> = BTreeMap<(&'a str, i32), (ErrorCode, Option<Committed<'a>>)>;

/// The parts of an OffsetFetch response of any version: the group's error and its offsets.
pub fn committed_offsets(response: &OffsetFetchResponse) -> (ErrorCode, CommittedOffsets<'_>) {
    fn entry<'a>(
        code: i16,
        offset: i64,
        epoch: i32,
        metadata: Option<&'a ByteString>,
    ) -> (ErrorCode, Option<Committed<'a>>) {
        let committed = Committed {
            offset,
            leader_epoch: Some(epoch).filter(|epoch| *epoch >= 0),
            metadata: metadata.map_or("", |text| text),
        };
        (ErrorCode(code), (offset >= 0).then_some(committed))
    }
    let mut code = ErrorCode(response.error_code);
    let mut offsets: CommittedOffsets<'_> = BTreeMap::new();
    for topic in &response.topics {
        for p in &topic.partitions {
            let value = entry(
                p.error_code,
                p.committed_offset,
                p.committed_leader_epoch,
                p.metadata.as_ref(),
            );
            offsets.insert((&*topic.name, p.partition_index), value);
        }
    }
    // Version 8 and later: one group was asked for.
    if let Some(group) = response.groups.first() {
        code = ErrorCode(group.error_code);
        for topic in &group.topics {
            for p in &topic.partitions {
                let value = entry(
                    p.error_code,
                    p.committed_offset,
                    p.committed_leader_epoch,
                    p.metadata.as_ref(),
                );
                offsets.insert((&*topic.name, p.partition_index), value);
            }
        }
    }
    (code, offsets)
}

/// Lookups of the same topic, which stand together, as one entry each.
fn by_topic<T>(
    partitions: &[LookupPartition],
    mut topic: impl FnMut(ByteString, &[LookupPartition]) -> T,
) -> Vec<T> {
    partitions
        .chunk_by(|a, b| a.partition.topic == b.partition.topic)
        .map(|run| topic(run[0].partition.topic.clone(), run))
        .collect()
}
