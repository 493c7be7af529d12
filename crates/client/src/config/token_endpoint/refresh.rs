//! When a token is replaced, by the rules of Java's login.
//!
//! Spec: java/ExpiringCredentialRefreshingLogin@4.x.

use std::time::{Duration, SystemTime};

/// When a token is replaced (`sasl.login.refresh.*`).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RefreshPolicy {
    /// The part of a token's life after which it is replaced; 0.8.
    pub window_factor: f64,
    /// How much chance adds to that part at most; 0.05.
    pub window_jitter: f64,
    /// The shortest time between two tokens; 60 s.
    pub min_period: Duration,
    /// The time before a token's end at which the next one must be there; 300 s.
    pub buffer: Duration,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            window_factor: 0.8,
            window_jitter: 0.05,
            min_period: Duration::from_secs(60),
            buffer: Duration::from_secs(300),
        }
    }
}

impl RefreshPolicy {
    /// When to replace a token that is valid from `from` to `until`; `chance` is between 0 and 1.
    ///
    /// A token that does not live as long as buffer and period together is replaced after the
    /// factor of what is left of it. Any other one after its part of the life, but before the
    /// buffer, and not before the period.
    pub(super) fn refresh_at(
        &self,
        now: SystemTime,
        (from, until): (SystemTime, SystemTime),
        chance: f64,
    ) -> SystemTime {
        let life = until.duration_since(from).unwrap_or_default();
        let left = until.duration_since(now).unwrap_or_default();
        if life < self.buffer.saturating_add(self.min_period) {
            return now + part(left, self.window_factor);
        }
        let proposed = from + part(life, self.window_factor + self.window_jitter * chance);
        let buffer_begins = until - self.buffer;
        if proposed > buffer_begins {
            return buffer_begins;
        }
        proposed.max(now + self.min_period)
    }
}

/// A part of a time; of all times that are too long to be meant, nothing.
fn part(whole: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(whole.as_secs_f64() * factor).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: SystemTime = SystemTime::UNIX_EPOCH;

    /// Seconds after `now` at which a token is replaced, which was made at second 1000.
    fn after(now: u64, until: u64, chance: f64) -> u64 {
        let at = |seconds| EPOCH + Duration::from_secs(seconds);
        let refresh_at =
            RefreshPolicy::default().refresh_at(at(now), (at(1000), at(until)), chance);
        refresh_at.duration_since(at(now)).unwrap_or_default().as_secs()
    }

    #[test]
    fn long_lives_are_replaced_after_their_part() {
        assert_eq!(after(1000, 1000 + 3600, 0.0), 2880);
        assert_eq!(after(1000, 1000 + 3600, 1.0), 3060);
        assert_eq!(after(1100, 1000 + 3600, 0.0), 2780);
    }

    #[test]
    fn the_buffer_comes_first() {
        assert_eq!(after(1000, 1000 + 1000, 0.0), 700);
    }

    #[test]
    fn the_shortest_period_is_kept() {
        // Its part of the life is over already, and the buffer has not begun.
        assert_eq!(after(3900, 1000 + 3600, 0.0), 60);
    }

    #[test]
    fn short_lives_are_replaced_after_the_factor_of_what_is_left() {
        assert_eq!(after(1000, 1000 + 300, 1.0), 240);
        assert_eq!(after(1100, 1000 + 300, 1.0), 160);
        assert_eq!(after(2000, 1000 + 300, 1.0), 0);
    }
}
