//! The consumer's state without I/O: assigned partitions and positions, lookups, commits, and the
//! machine that puts them together with fetching and the group.

mod commits;
mod error;
mod index;
mod lookups;
mod machine;
#[cfg(test)]
mod model;
mod partition;
mod position;
mod subscription;
#[cfg(test)]
mod tests;

pub use self::{
    commits::{CommitError, CommitId, CommitOutcome, Commits, MAX_NAMED_VERSION, Offsets},
    error::ConsumerError,
    lookups::{
        Committed, CommittedOffsets, Lookup, LookupOutcome, LookupPartition, Lookups,
        MIN_EPOCH_LOOKUP_VERSION, committed_offsets,
    },
    machine::{ConsumerMachine, ConsumerMachineConfig, Request},
    partition::{Leader, PartitionState, Phase, Stuck},
    position::{IsolationLevel, OffsetAndMetadata, OffsetSpec, Position},
    subscription::{NotAssigned, SubscriptionState},
};
