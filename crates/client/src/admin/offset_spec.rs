//! Which offset of a partition is meant.

/// Which offset of a partition is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OffsetSpec {
    /// The first record that is there.
    Earliest,
    /// The end: the offset that the next record gets; with read-committed the last stable one.
    Latest,
    /// The record with the highest timestamp (Kafka 3.0).
    MaxTimestamp,
    /// The first record that is on the leader's own disk (Kafka 3.5, KIP-405).
    EarliestLocal,
    /// The last record that is in the remote store (Kafka 3.8, KIP-1005).
    LatestTiered,
    /// The first record that has to go to the remote store (Kafka 4.1, KIP-1023).
    EarliestPendingUpload,
    /// The first record whose timestamp, in milliseconds since 1970, is this or later.
    Timestamp(i64),
}

impl OffsetSpec {
    /// The number in a request.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::MaxTimestamp => -3,
            Self::EarliestLocal => -4,
            Self::LatestTiered => -5,
            Self::EarliestPendingUpload => -6,
            Self::Timestamp(timestamp) => timestamp,
        }
    }

    /// The first version that knows the number.
    pub(super) const fn least_version(self) -> i16 {
        match self {
            Self::Latest | Self::Earliest | Self::Timestamp(_) => 0,
            Self::MaxTimestamp => 7,
            Self::EarliestLocal => 8,
            Self::LatestTiered => 9,
            Self::EarliestPendingUpload => 11,
        }
    }
}
