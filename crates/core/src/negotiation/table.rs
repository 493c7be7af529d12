//! The versions that one broker speaks, and the highest that both sides speak.

use std::collections::BTreeMap;
use std::fmt;

use milena_wire::{ApiKey, ByteString, Request};

/// The versions of one API that one side speaks, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// The lowest version.
    pub min: i16,
    /// The highest version.
    pub max: i16,
}

impl VersionRange {
    /// The versions of `R` that this library speaks.
    #[must_use]
    pub const fn of<R: Request>() -> Self {
        Self { min: R::MIN_VERSION, max: R::MAX_STABLE_VERSION }
    }

    /// Whether `version` lies within the range.
    #[must_use]
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    /// The versions that lie in both ranges.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        let common = Self { min: self.min.max(other.min), max: self.max.min(other.max) };
        (common.min <= common.max).then_some(common)
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "version {}", self.min)
        } else {
            write!(f, "versions {} to {}", self.min, self.max)
        }
    }
}

/// Upper limits on the versions that this side speaks, to behave like an older client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionCaps {
    highest: BTreeMap<i16, i16>,
}

impl VersionCaps {
    /// No limit: the highest version that both sides speak.
    #[must_use]
    pub const fn none() -> Self {
        Self { highest: BTreeMap::new() }
    }

    /// Never speak a version of `api` above `version`; a negative one switches the API off.
    #[must_use]
    pub fn limit(mut self, api: ApiKey, version: i16) -> Self {
        self.highest.insert(api.0, version);
        self
    }

    /// What is left of `ours` for `api`; empty (`max` below `min`) if nothing is.
    #[must_use]
    pub fn apply(&self, api: ApiKey, ours: VersionRange) -> VersionRange {
        match self.highest.get(&api.0) {
            Some(&highest) => VersionRange { min: ours.min, max: ours.max.min(highest) },
            None => ours,
        }
    }
}

/// The versions that a broker said it speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiVersions {
    /// Sorted by API key.
    ranges: Vec<(i16, VersionRange)>,
    caps: VersionCaps,
    /// What the cluster has switched on, with the level.
    features: BTreeMap<ByteString, i16>,
}

impl ApiVersions {
    /// The table of a broker that speaks `ranges`, with limits on what this side speaks.
    ///
    /// If the broker names an API twice, the last entry counts.
    #[must_use]
    pub fn new(
        ranges: impl IntoIterator<Item = (ApiKey, VersionRange)>,
        caps: VersionCaps,
    ) -> Self {
        let ranges: BTreeMap<i16, VersionRange> =
            ranges.into_iter().map(|(api, range)| (api.0, range)).collect();
        Self { ranges: ranges.into_iter().collect(), caps, features: BTreeMap::new() }
    }

    /// Adds the features that the cluster has finalized, with their levels (KIP-584).
    #[must_use]
    pub fn with_features(mut self, features: impl IntoIterator<Item = (ByteString, i16)>) -> Self {
        self.features.extend(features);
        self
    }

    /// The level of a feature that the cluster has finalized, such as `transaction.version`; 0 if it
    /// has not, and of clusters that know no features.
    #[must_use]
    pub fn feature_level(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or(0)
    }

    /// The broker's versions of `api`; `None` if it does not know the API.
    #[must_use]
    pub fn range(&self, api: ApiKey) -> Option<VersionRange> {
        let index = self.ranges.binary_search_by_key(&api.0, |(key, _)| *key).ok()?;
        self.ranges.get(index).map(|(_, range)| *range)
    }

    /// Every API of the broker with its versions, by API key.
    pub fn iter(&self) -> impl Iterator<Item = (ApiKey, VersionRange)> + '_ {
        self.ranges.iter().map(|(key, range)| (ApiKey(*key), *range))
    }

    /// How many APIs the broker named.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether the broker named no API at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The highest version of `R` that both sides speak.
    ///
    /// # Errors
    ///
    /// The broker does not know the API, or there is no common version.
    pub fn highest<R: Request>(&self) -> Result<i16, UnsupportedVersion> {
        self.highest_within(R::KEY, VersionRange::of::<R>())
    }

    /// The highest version of `R` that both sides speak and that is not above `limit`.
    ///
    /// # Errors
    ///
    /// As for [`ApiVersions::highest`].
    pub fn highest_up_to<R: Request>(&self, limit: i16) -> Result<i16, UnsupportedVersion> {
        let ours = VersionRange::of::<R>();
        let limited = VersionRange { min: ours.min, max: ours.max.min(limit) };
        self.highest_within(R::KEY, limited)
    }

    /// The highest version of `api` that the broker speaks and that lies within `ours`.
    ///
    /// # Errors
    ///
    /// As for [`ApiVersions::highest`].
    pub fn highest_within(
        &self,
        api: ApiKey,
        ours: VersionRange,
    ) -> Result<i16, UnsupportedVersion> {
        let ours = self.caps.apply(api, ours);
        let broker = self.range(api);
        match broker.and_then(|range| range.intersection(ours)) {
            Some(common) => Ok(common.max),
            None => Err(UnsupportedVersion { api, ours, broker }),
        }
    }
}

/// There is no version of an API that both sides speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsupportedVersion {
    /// The API that was to be called.
    pub api: ApiKey,
    /// What this side speaks of it, limits applied.
    pub ours: VersionRange,
    /// What the broker speaks of it; `None` if it does not know the API.
    pub broker: Option<VersionRange>,
}

impl fmt::Display for UnsupportedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let api = self.api.name();
        match self.broker {
            None => write!(f, "the broker does not support {api} (this client would use ")?,
            Some(range) => {
                write!(f, "the broker supports {range} of {api}, but this client needs (")?;
            }
        }
        if self.ours.max < self.ours.min {
            f.write_str("none: the API is switched off here)")
        } else {
            write!(f, "{})", self.ours)
        }
    }
}

impl std::error::Error for UnsupportedVersion {}

#[cfg(test)]
mod tests {
    use super::*;
    use milena_wire::messages::{FetchRequest, MetadataRequest};

    fn table(caps: VersionCaps) -> ApiVersions {
        let metadata = (ApiKey::METADATA, VersionRange { min: 0, max: 5 });
        let fetch = (ApiKey::FETCH, VersionRange { min: 900, max: 901 });
        ApiVersions::new([metadata, fetch], caps)
    }

    #[test]
    fn takes_the_highest_version_of_both() {
        assert_eq!(table(VersionCaps::none()).highest::<MetadataRequest>(), Ok(5));
    }

    #[test]
    fn limit_lowers_the_version() {
        let table = table(VersionCaps::none().limit(ApiKey::METADATA, 3));
        assert_eq!(table.highest::<MetadataRequest>(), Ok(3));
        assert_eq!(table.highest_up_to::<MetadataRequest>(1), Ok(1));
        assert_eq!(table.highest_up_to::<MetadataRequest>(4), Ok(3));
    }

    #[test]
    fn ranges_without_common_version_are_both_named() {
        let error = table(VersionCaps::none()).highest::<FetchRequest>().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("versions 900 to 901 of Fetch"), "{text}");
        assert!(text.contains(&VersionRange::of::<FetchRequest>().to_string()), "{text}");
    }

    #[test]
    fn unknown_api_is_named() {
        let error = ApiVersions::default().highest::<FetchRequest>().unwrap_err();
        assert_eq!(error.broker, None);
        assert!(error.to_string().contains("does not support Fetch"), "{error}");
    }

    #[test]
    fn api_that_is_switched_off_has_no_version() {
        let table = table(VersionCaps::none().limit(ApiKey::METADATA, -1));
        let error = table.highest::<MetadataRequest>().unwrap_err();
        assert!(error.to_string().contains("switched off"), "{error}");
    }

    #[test]
    fn last_entry_of_an_api_counts() {
        let first = (ApiKey::METADATA, VersionRange { min: 0, max: 1 });
        let second = (ApiKey::METADATA, VersionRange { min: 0, max: 2 });
        let table = ApiVersions::new([first, second], VersionCaps::none());
        assert_eq!(table.len(), 1);
        assert_eq!(table.highest::<MetadataRequest>(), Ok(2));
    }
}
