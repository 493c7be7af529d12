//! Which versions of each API the broker serves, and how older releases of Kafka limited them.
//!
//! Spec: observed ApiVersions responses of 1.1.1, 2.0.1, 2.8.2, 3.9.2, 4.1.2, 4.3.1 and 4.4.0.

use std::collections::BTreeMap;

use milena_wire::ApiKey;

/// The releases of the table's columns, oldest first.
const RELEASES: [(u16, u16); 8] = [(1, 0), (1, 1), (2, 0), (2, 8), (3, 9), (4, 1), (4, 3), (4, 4)];
/// The release does not have the API.
const ABSENT: i16 = -1;

/// The highest version of each served API by release.
#[rustfmt::skip]
const VERSIONS_MAX: &[(ApiKey, [i16; 8])] = &[
    (ApiKey::PRODUCE, [5, 5, 6, 9, 11, 13, 13, 13]),
    (ApiKey::FETCH, [6, 7, 8, 12, 17, 18, 18, 18]),
    (ApiKey::LIST_OFFSETS, [2, 2, 3, 6, 9, 10, 11, 11]),
    (ApiKey::METADATA, [5, 5, 6, 11, 12, 13, 13, 13]),
    (ApiKey::OFFSET_COMMIT, [3, 3, 4, 8, 9, 9, 10, 10]),
    (ApiKey::OFFSET_FETCH, [3, 3, 4, 7, 9, 9, 10, 10]),
    (ApiKey::FIND_COORDINATOR, [1, 1, 2, 3, 6, 6, 6, 6]),
    (ApiKey::JOIN_GROUP, [2, 2, 3, 7, 9, 9, 9, 9]),
    (ApiKey::HEARTBEAT, [1, 1, 2, 4, 4, 4, 4, 4]),
    (ApiKey::LEAVE_GROUP, [1, 1, 2, 4, 5, 5, 5, 5]),
    (ApiKey::SYNC_GROUP, [1, 1, 2, 5, 5, 5, 5, 5]),
    (ApiKey::DESCRIBE_GROUPS, [1, 1, 2, 5, 5, 6, 6, 6]),
    (ApiKey::LIST_GROUPS, [1, 1, 2, 4, 5, 5, 5, 5]),
    (ApiKey::SASL_HANDSHAKE, [1, 1, 1, 1, 1, 1, 1, 1]),
    (ApiKey::API_VERSIONS, [1, 1, 2, 3, 4, 4, 4, 5]),
    (ApiKey::CREATE_TOPICS, [2, 2, 3, 7, 7, 7, 7, 7]),
    (ApiKey::DELETE_TOPICS, [1, 1, 2, 6, 6, 6, 6, 6]),
    (ApiKey::DELETE_RECORDS, [0, 0, 1, 2, 2, 2, 2, 2]),
    (ApiKey::INIT_PRODUCER_ID, [0, 0, 1, 4, 5, 5, 5, 5]),
    (ApiKey::OFFSET_FOR_LEADER_EPOCH, [0, 0, 1, 4, 4, 4, 4, 4]),
    (ApiKey::ADD_PARTITIONS_TO_TXN, [0, 0, 1, 3, 5, 5, 5, 5]),
    (ApiKey::ADD_OFFSETS_TO_TXN, [0, 0, 1, 3, 4, 4, 4, 4]),
    (ApiKey::END_TXN, [0, 0, 1, 3, 4, 5, 5, 5]),
    (ApiKey::TXN_OFFSET_COMMIT, [0, 0, 1, 3, 4, 5, 5, 6]),
    (ApiKey::DESCRIBE_CONFIGS, [1, 1, 2, 4, 4, 4, 4, 4]),
    (ApiKey::ALTER_CONFIGS, [0, 0, 1, 2, 2, 2, 2, 2]),
    (ApiKey::SASL_AUTHENTICATE, [0, 0, 0, 2, 2, 2, 2, 2]),
    (ApiKey::CREATE_PARTITIONS, [0, 0, 1, 3, 3, 3, 3, 3]),
    (ApiKey::DELETE_GROUPS, [ABSENT, 0, 1, 2, 2, 2, 2, 3]),
    (ApiKey::INCREMENTAL_ALTER_CONFIGS, [ABSENT, ABSENT, ABSENT, 1, 1, 1, 1, 1]),
    (ApiKey::OFFSET_DELETE, [ABSENT, ABSENT, ABSENT, 0, 0, 0, 0, 0]),
    (ApiKey::DESCRIBE_CLUSTER, [ABSENT, ABSENT, ABSENT, 0, 1, 2, 2, 2]),
    (ApiKey::DESCRIBE_PRODUCERS, [ABSENT, ABSENT, ABSENT, 0, 0, 0, 0, 0]),
    (ApiKey::DESCRIBE_TRANSACTIONS, [ABSENT, ABSENT, ABSENT, ABSENT, 0, 0, 0, 0]),
    (ApiKey::LIST_TRANSACTIONS, [ABSENT, ABSENT, ABSENT, ABSENT, 1, 2, 2, 2]),
    (ApiKey::DESCRIBE_TOPIC_PARTITIONS, [ABSENT, ABSENT, ABSENT, ABSENT, 0, 0, 0, 0]),
];

/// The highest level of `transaction.version` (KIP-890).
pub(crate) const TRANSACTION_VERSION_MAX: i16 = 2;
/// The version of EndTxn that a cluster with that level needs.
const SECOND_END_VERSION: i16 = 5;

/// An inclusive range of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VersionRange {
    pub min: i16,
    pub max: i16,
}

/// The versions that this broker offers.
#[derive(Debug, Clone)]
pub(crate) struct ServedVersions {
    ranges: BTreeMap<i16, VersionRange>,
}

/// Reads `major.minor`, with or without a patch level. `None` for anything else or below 1.0.
pub(crate) fn parse_release(text: &str) -> Option<(u16, u16)> {
    let mut parts = text.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    if parts.next().is_some_and(|patch| patch.parse::<u16>().is_err()) || parts.next().is_some() {
        return None;
    }
    (major >= 1).then_some((major, minor))
}

impl ServedVersions {
    /// Everything that the broker knows.
    pub(crate) fn newest() -> Self {
        Self::of_column(RELEASES.len() - 1)
    }

    /// As `release` or, when that one is not in the table, the newest one before it.
    pub(crate) fn of_release(release: (u16, u16)) -> Self {
        let after = RELEASES.partition_point(|&known| known <= release);
        Self::of_column(after.saturating_sub(1))
    }

    fn of_column(column: usize) -> Self {
        let mut ranges = BTreeMap::new();
        for (api_key, versions) in VERSIONS_MAX {
            let max = versions.get(column).copied().unwrap_or(ABSENT);
            let Some(known) = crate::handlers::implemented_versions(*api_key) else { continue };
            if max >= known.min {
                ranges.insert(api_key.0, VersionRange { min: known.min, max: max.min(known.max) });
            }
        }
        Self { ranges }
    }

    /// Lowers the highest version of one API; below its lowest version the API disappears.
    pub(crate) fn cap(&mut self, api_key: ApiKey, max: i16) {
        if let Some(range) = self.ranges.get_mut(&api_key.0) {
            range.max = range.max.min(max);
            if range.max < range.min {
                self.ranges.remove(&api_key.0);
            }
        }
    }

    /// The level of `transaction.version` that a new cluster of the release has.
    pub(crate) fn transaction_version(&self) -> i16 {
        let end = self.range(ApiKey::END_TXN).map_or(-1, |range| range.max);
        if end >= SECOND_END_VERSION { TRANSACTION_VERSION_MAX } else { 0 }
    }

    pub(crate) fn range(&self, api_key: ApiKey) -> Option<VersionRange> {
        self.ranges.get(&api_key.0).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ApiKey, VersionRange)> + '_ {
        self.ranges.iter().map(|(&key, &range)| (ApiKey(key), range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_releases_with_and_without_patch_level() {
        assert_eq!(parse_release("1.1"), Some((1, 1)));
        assert_eq!(parse_release("2.8.2"), Some((2, 8)));
        assert_eq!(parse_release("0.11"), None);
        assert_eq!(parse_release("4"), None);
        assert_eq!(parse_release("4.x"), None);
    }

    #[test]
    fn an_unlisted_release_behaves_as_the_one_before_it() {
        let fetch = |release| {
            ServedVersions::of_release(release).range(ApiKey::FETCH).map(|range| range.max)
        };
        assert_eq!(fetch((1, 1)), Some(7));
        assert_eq!(fetch((2, 4)), Some(8));
        assert_eq!(fetch((9, 0)), Some(18));
    }

    #[test]
    fn transactions_of_the_second_protocol_come_with_4() {
        let level = |release| ServedVersions::of_release(release).transaction_version();
        assert_eq!([(2, 0), (3, 9), (4, 1), (4, 4)].map(level), [0, 0, 2, 2]);
    }

    #[test]
    fn old_releases_lack_newer_apis() {
        let versions = ServedVersions::of_release((1, 1));
        assert_eq!(versions.range(ApiKey::DESCRIBE_CLUSTER), None);
        assert_eq!(versions.range(ApiKey::API_VERSIONS), Some(VersionRange { min: 0, max: 1 }));
    }
}
