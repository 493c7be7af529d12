//! Exponential backoff with jitter.
//!
//! Used for reconnecting, for connection setup timeouts, for retried requests and for metadata
//! updates. Randomness comes in as an argument, so that the same seed gives the same delays.
//!
//! Spec: KIP-580#proposed-changes: a delay doubles with every failure up to a ceiling and is spread
//! by 20 % either way.

use std::time::Duration;

/// The share by which a delay is spread either way, in percent.
const JITTER_PERCENT: u64 = 20;

/// Delays that double with every failure up to a ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
}

impl Backoff {
    /// A backoff that starts at `initial` and never exceeds `max`.
    ///
    /// As in Kafka's clients a `max` below `initial` makes every delay `max`.
    #[must_use]
    pub const fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max }
    }

    /// The delay after `failures` failures in a row, spread by `random`.
    ///
    /// The first failure (1) is followed by the initial delay; no failure (0) by none.
    /// `random` is any number, uniformly distributed; see [`Jitter`].
    #[must_use]
    pub fn delay(&self, failures: u32, random: u64) -> Duration {
        if failures == 0 {
            return Duration::ZERO;
        }
        let nanos = spread(saturating_nanos(self.unspread(failures)), random);
        Duration::from_nanos(nanos).min(self.max)
    }

    /// The delay after `failures` failures in a row without jitter.
    #[must_use]
    pub fn unspread(&self, failures: u32) -> Duration {
        let exponent = failures.saturating_sub(1).min(31);
        self.initial.saturating_mul(1 << exponent).min(self.max)
    }
}

/// A sequence of numbers that spread delays and shuffle brokers. Never for secrets.
///
/// The same seed gives the same sequence (SplitMix64, Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Jitter {
    state: u64,
}

impl Jitter {
    /// A sequence that follows from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number, uniformly distributed.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 when the bound is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 {
            return 0;
        }
        let wide = u128::from(self.next_u64()) * (bound as u128);
        usize::try_from(wide >> 64).expect("the high half is below the bound")
    }

    /// Puts a slice into random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

fn saturating_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// `nanos` times a factor between 0.8 and 1.2.
fn spread(nanos: u64, random: u64) -> u64 {
    let width = u128::from(nanos) * u128::from(2 * JITTER_PERCENT) / 100;
    let lowest = u128::from(nanos) * u128::from(100 - JITTER_PERCENT) / 100;
    let offset = (width * u128::from(random)) >> 64;
    u64::try_from(lowest + offset).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));

    #[test]
    fn doubles_until_the_ceiling() {
        let delays: Vec<u128> = (0..7).map(|n| BACKOFF.unspread(n).as_millis()).collect();
        assert_eq!(delays, [100, 100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn no_failure_means_no_delay() {
        assert_eq!(BACKOFF.delay(0, u64::MAX), Duration::ZERO);
    }

    #[test]
    fn ceiling_below_start_wins() {
        let backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(1));
        assert_eq!(backoff.delay(1, u64::MAX), Duration::from_secs(1));
    }

    #[test]
    fn extreme_durations_do_not_overflow() {
        let backoff = Backoff::new(Duration::MAX, Duration::MAX);
        assert!(backoff.delay(u32::MAX, u64::MAX) > Duration::from_secs(1));
    }

    #[test]
    fn shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..50).collect();
        Jitter::new(7).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert!(items.into_iter().eq(0..50));
    }

    proptest! {
        #[test]
        fn stays_within_twenty_percent(failures in 1_u32..40, random: u64) {
            let exact = BACKOFF.unspread(failures);
            let delay = BACKOFF.delay(failures, random);
            prop_assert!(delay >= exact * 8 / 10);
            prop_assert!(delay <= exact * 12 / 10);
            prop_assert!(delay <= Duration::from_secs(1));
        }

        #[test]
        fn numbers_stay_below_their_bound(seed: u64, bound in 1_usize..1000) {
            prop_assert!(Jitter::new(seed).below(bound) < bound);
        }
    }
}
