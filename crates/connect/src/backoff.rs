//! Pauses that double.

use std::time::Duration;

/// Pauses between tries, each twice as long as the one before it, up to a longest.
///
/// The client's own spread theirs by chance, so that many clients do not come back at once. What a flow does
/// again is one lane's, so that the pauses can be those that its documents promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The pause before the retry of this number, from 1.
    pub(crate) fn before(&self, retry: u32) -> Duration {
        let doubled = 1_u32.checked_shl(retry.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(doubled).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        let pauses = [0, 1, 2, 3, 5, 6, 32, 33, u32::MAX].map(|retry| backoff.before(retry));
        let expected = [100, 100, 200, 400, 1600, 2000, 2000, 2000, 2000];
        assert_eq!(pauses, expected.map(Duration::from_millis));
    }
}
