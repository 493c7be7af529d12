//! Brokers' answers on their way into the parts of the machine.

use std::time::Instant;

use milena_wire::messages::{
    FetchResponse, ListOffsetsResponse, OffsetCommitResponse, OffsetFetchResponse,
    OffsetForLeaderEpochResponse,
};

use super::{ConsumerMachine, note};
use crate::{
    BrokerId,
    consumer::{CommitOutcome, Lookup, LookupOutcome, LookupPartition, Lookups},
    fetch::FetchOutcome,
    group::membership::{Attempt, GroupResponse},
};

impl ConsumerMachine {
    /// Answer to a group request or a coordinator lookup.
    pub fn handle_group(&mut self, attempt: Attempt, response: GroupResponse, now: Instant) {
        if let Some(membership) = &mut self.membership {
            membership.handle_response(attempt, response, now);
            if membership.gives_up() {
                self.commits.give_up();
            }
            self.topics_changed = true;
        }
    }

    /// Answer to OffsetFetch; `None` when none came.
    pub fn handle_committed(
        &mut self,
        broker: BrokerId,
        partitions: Vec<LookupPartition>,
        response: Option<&OffsetFetchResponse>,
        now: Instant,
    ) {
        let outcome = match response {
            Some(response) => {
                self.lookups.handle_committed(&mut self.subscription, &partitions, response, now)
            }
            None => {
                let lookup = Lookup::Committed(partitions);
                self.lookups.handle_failure(&mut self.subscription, &lookup, now)
            }
        };
        self.apply_lookup(broker, outcome);
    }

    /// Answer to ListOffsets; `None` when none came.
    pub fn handle_offsets(
        &mut self,
        broker: BrokerId,
        partitions: Vec<LookupPartition>,
        response: Option<&ListOffsetsResponse>,
        now: Instant,
    ) {
        let outcome = match response {
            Some(response) => {
                self.lookups.handle_offsets(&mut self.subscription, &partitions, response, now)
            }
            None => {
                let lookup = Lookup::Offsets(broker, partitions);
                self.lookups.handle_failure(&mut self.subscription, &lookup, now)
            }
        };
        self.apply_lookup(broker, outcome);
    }

    /// Answer to OffsetForLeaderEpoch; `None` when none came.
    pub fn handle_epochs(
        &mut self,
        broker: BrokerId,
        partitions: Vec<LookupPartition>,
        response: Option<&OffsetForLeaderEpochResponse>,
        now: Instant,
    ) {
        let outcome = match response {
            Some(response) => {
                self.lookups.handle_epochs(&mut self.subscription, &partitions, response, now)
            }
            None => {
                let lookup = Lookup::Epochs(broker, partitions);
                self.lookups.handle_failure(&mut self.subscription, &lookup, now)
            }
        };
        self.apply_lookup(broker, outcome);
    }

    /// The broker is too old to be asked about epochs.
    pub fn handle_epochs_unsupported(&mut self, partitions: &[LookupPartition]) {
        Lookups::skip_epochs(&mut self.subscription, partitions);
    }

    /// The lookups, which make requests in the form a version needs.
    pub fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    fn apply_lookup(&mut self, broker: BrokerId, outcome: LookupOutcome) {
        self.needs_metadata |= outcome.needs_metadata;
        if outcome.lost_coordinator {
            self.lose_coordinator(broker);
        }
        if let Some(error) = outcome.error {
            note(&mut self.errors, error);
        }
        self.fetcher.drop_stale(&self.subscription);
    }

    fn lose_coordinator(&mut self, broker: BrokerId) {
        if let Some(membership) = &mut self.membership {
            membership.handle_coordinator_lost(broker);
        }
    }

    /// Answer to OffsetCommit; `None` when none came.
    pub fn handle_commit(
        &mut self,
        broker: BrokerId,
        response: Option<&OffsetCommitResponse>,
        now: Instant,
    ) {
        let CommitOutcome { lost_coordinator, member_error } = match response {
            Some(response) => self.commits.handle_response(response, now),
            None => self.commits.handle_failure(now),
        };
        if lost_coordinator {
            self.lose_coordinator(broker);
        }
        if let (Some(code), Some(membership)) = (member_error, &mut self.membership) {
            membership.handle_commit_refused(code, self.commit_generation);
        }
    }

    /// Answer to Fetch; `None` when none came. Returns how many bytes of records came.
    pub fn handle_fetch(
        &mut self,
        broker: BrokerId,
        response: Option<FetchResponse>,
        now: Instant,
    ) -> usize {
        let subscription = &mut self.subscription;
        let FetchOutcome { needs_metadata, hints, error, bytes } = match response {
            Some(response) => self.fetcher.handle_response(broker, response, subscription, now),
            None => self.fetcher.handle_failure(broker, subscription, now),
        };
        self.needs_metadata |= needs_metadata;
        self.hints.extend(hints);
        if let Some(error) = error {
            note(&mut self.errors, error);
        }
        bytes
    }
}
