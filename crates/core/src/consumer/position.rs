//! Offsets as the consumer speaks of them.

use std::time::Duration;

/// The next offset to read, with the leader epoch of the record before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The offset of the next record.
    pub offset: i64,
    /// The leader epoch of the record before it, which a new leader can check; `None` when it is
    /// not known, as after a seek.
    pub leader_epoch: Option<i32>,
}

impl Position {
    /// A position whose leader epoch is not known.
    #[must_use]
    pub const fn new(offset: i64) -> Self {
        Self { offset, leader_epoch: None }
    }
}

/// An offset as it is committed; an `i64` becomes one without epoch and metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetAndMetadata {
    /// The next offset to read.
    pub offset: i64,
    /// The leader epoch of the record before it.
    pub leader_epoch: Option<i32>,
    /// Text of the application's own, as `offset.metadata.max.bytes` of the broker allows.
    pub metadata: String,
}

impl From<i64> for Position {
    fn from(offset: i64) -> Self {
        Self::new(offset)
    }
}

impl From<i64> for OffsetAndMetadata {
    fn from(offset: i64) -> Self {
        Position::new(offset).into()
    }
}

impl From<Position> for OffsetAndMetadata {
    fn from(position: Position) -> Self {
        Self {
            offset: position.offset,
            leader_epoch: position.leader_epoch,
            metadata: String::new(),
        }
    }
}

/// Which offset of a partition to look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OffsetSpec {
    /// The first one that is there.
    Earliest,
    /// The one behind the last record; behind the last stable one when reading committed records.
    Latest,
    /// The first record with this timestamp, in milliseconds since the epoch, or a later one.
    Timestamp(i64),
    /// The first record that is not older than this.
    Within(Duration),
}

impl OffsetSpec {
    /// The timestamp that stands for this in ListOffsets; `unix_ms` is the time by the wall clock.
    // Spec: json/ListOffsetsRequest v1+: -1 asks for the latest offset, -2 for the earliest.
    #[must_use]
    pub fn timestamp(self, unix_ms: i64) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::Timestamp(timestamp) => timestamp,
            Self::Within(age) => {
                let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                unix_ms.saturating_sub(age).max(0)
            }
        }
    }
}

/// What of a log a consumer sees (`isolation.level`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IsolationLevel {
    /// Every record.
    #[default]
    ReadUncommitted,
    /// No records of open or aborted transactions.
    ReadCommitted,
}

impl IsolationLevel {
    /// The number that stands for it in requests.
    #[must_use]
    pub const fn as_wire(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }
}
