//! What an answer to Fetch says of one partition: its records, its watermarks, or what is wrong.

use std::time::Instant;

use bytes::Bytes;
use milena_wire::{
    ErrorCode,
    messages::fetch_response::{AbortedTransaction, NodeEndpoint, PartitionData},
};

use super::{FetchConfig, FetchOutcome, fetched::scan};
use crate::{
    BrokerId, TopicPartition,
    backoff::Jitter,
    consumer::{ConsumerError, Leader, Position, SubscriptionState},
    metadata::{Broker, LeaderHint},
};

/// What was asked of a partition in the fetch in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub epoch: u64,
    pub from: Position,
    pub is_follower: bool,
}

/// Records of a partition that came in a response.
pub(super) struct Arrived {
    pub records: Bytes,
    pub aborted: Vec<AbortedTransaction>,
}

/// One partition's part of an answer, on its way into the subscription state.
pub(super) struct Answer<'a> {
    pub config: &'a FetchConfig,
    pub jitter: &'a mut Jitter,
    pub subscription: &'a mut SubscriptionState,
    pub outcome: &'a mut FetchOutcome,
    pub now: Instant,
}

impl Answer<'_> {
    /// The records that came, if any did and they are still wanted.
    pub(super) fn apply(
        &mut self,
        partition: &TopicPartition,
        asked: &Asked,
        data: PartitionData,
        endpoints: &[NodeEndpoint],
    ) -> Option<Arrived> {
        // Stale: reassigned or moved while the fetch was in flight.
        let state = self.subscription.get(partition).filter(|state| state.epoch == asked.epoch)?;
        if state.next_fetch.offset != asked.from.offset {
            return None;
        }
        match ErrorCode(data.error_code) {
            ErrorCode::NONE => return self.apply_records(partition, asked, data),
            // The follower may be behind; the leader knows.
            ErrorCode::OFFSET_OUT_OF_RANGE if asked.is_follower => {
                self.leave_follower(partition, asked);
            }
            ErrorCode::OFFSET_OUT_OF_RANGE => {
                self.subscription.handle_out_of_range(partition, asked.epoch);
            }
            ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::FENCED_LEADER_EPOCH => {
                self.apply_hint(partition, asked, &data, endpoints);
                self.pause(partition, asked);
            }
            code @ (ErrorCode::TOPIC_AUTHORIZATION_FAILED | ErrorCode::CORRUPT_MESSAGE) => {
                self.refuse(partition, code);
                self.pause(partition, asked);
            }
            code if code.is_retriable()
                || matches!(
                    code,
                    ErrorCode::UNKNOWN_TOPIC_ID
                        | ErrorCode::INCONSISTENT_TOPIC_ID
                        | ErrorCode::UNKNOWN_SERVER_ERROR
                ) =>
            {
                self.outcome.needs_metadata = true;
                self.leave_follower(partition, asked);
                self.pause(partition, asked);
            }
            code => {
                self.refuse(partition, code);
                self.pause(partition, asked);
            }
        }
        None
    }

    fn apply_records(
        &mut self,
        partition: &TopicPartition,
        asked: &Asked,
        data: PartitionData,
    ) -> Option<Arrived> {
        let mut state = self.subscription.current(partition, asked.epoch)?;
        let known = |offset: i64| Some(offset).filter(|offset| *offset >= 0);
        state.high_watermark = known(data.high_watermark).or(state.high_watermark);
        state.last_stable_offset =
            known(data.last_stable_offset).or(state.last_stable_offset).or(state.high_watermark);
        state.log_start_offset = known(data.log_start_offset).or(state.log_start_offset);
        if let Some(replica) = BrokerId::from_wire(data.preferred_read_replica)
            && !asked.is_follower
        {
            let until = self.now + SubscriptionState::PREFERRED_REPLICA_FOR;
            state.preferred = Some((replica, until));
        }
        let records = data.records.filter(|records| !records.is_empty())?;
        let scan = scan(&records, asked.from);
        match scan.next {
            Some(next) => state.next_fetch = next,
            // Reading will tell what is wrong; until somebody seeks there is nowhere to go on.
            None => state.is_blocked = true,
        }
        self.outcome.bytes += records.len();
        Some(Arrived { records, aborted: data.aborted_transactions.unwrap_or_default() })
    }

    /// Reads from the leader again.
    fn leave_follower(&mut self, partition: &TopicPartition, asked: &Asked) {
        if let Some(mut state) = self.subscription.current(partition, asked.epoch) {
            state.preferred = None;
        }
    }

    fn apply_hint(
        &mut self,
        partition: &TopicPartition,
        asked: &Asked,
        data: &PartitionData,
        endpoints: &[NodeEndpoint],
    ) {
        self.leave_follower(partition, asked);
        self.outcome.needs_metadata = true;
        let hint = &data.current_leader;
        let Some(id) = BrokerId::from_wire(hint.leader_id) else { return };
        if hint.leader_epoch < 0 {
            return;
        }
        let leader = Leader { id, epoch: Some(hint.leader_epoch) };
        if !self.subscription.handle_leader_hint(partition, leader) {
            return;
        }
        let endpoint = endpoints.iter().find(|node| node.node_id == id.0).and_then(|node| {
            Some(Broker {
                id,
                host: node.host.clone(),
                port: u16::try_from(node.port).ok()?,
                rack: node.rack.clone(),
            })
        });
        self.outcome.hints.push(LeaderHint {
            topic: partition.topic.clone(),
            partition: partition.partition,
            leader: id,
            leader_epoch: hint.leader_epoch,
            endpoint,
        });
    }

    fn refuse(&mut self, partition: &TopicPartition, code: ErrorCode) {
        self.outcome.error.get_or_insert(ConsumerError::Broker {
            api: "Fetch",
            code,
            partition: Some(partition.clone()),
        });
    }

    /// Leaves the partition alone for a moment.
    fn pause(&mut self, partition: &TopicPartition, asked: &Asked) {
        let at = self.now + self.config.retry_backoff.delay(1, self.jitter.next_u64());
        if let Some(mut state) = self.subscription.current(partition, asked.epoch)
            && state.fetch_from(Some(self.now)).is_some()
        {
            state.retry_at = Some(at);
        }
    }
}
